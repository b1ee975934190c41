"""Time per evaluation of the loss and its gradient."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from multiprocessing.connection import Connection

import torch

from benchmarks.engine.arithmetic import Product, convolution_flops
from benchmarks.engine.child import Child
from benchmarks.engine.schema import EvaluationTime, today
from benchmarks.engine.subjects import Subject
from benchmarks.engine.timing import BusyCores, interleave, ratios, spread
from nst.engine.inputs import Inputs
from nst.engine.memory.kept import kept_memory
from nst.engine.network.encoder import Encoder


def measure_evaluation(
    subject: Subject, yardstick: Product, *, warm_up: int, repeats: int
) -> EvaluationTime:
    """Time the naive evaluation and ours by turns.
    The naive one runs in a separate process. `yardstick`: matrix product that is computed once in
    every round."""
    task = subject.ours._prepare(Inputs(subject.picture, subject.style)).task
    encoder = task.objective.encoder
    x = task.start.flatten()
    width, height = subject.size
    with closing(NaiveEvaluation(subject)) as naive:
        busy_cores = BusyCores(lambda: time.process_time() + naive.cpu_seconds)
        seconds = interleave(
            {
                "naive": naive,
                "ours": lambda: task.evaluate(x),
                "encoder": encoder_alone(encoder, task.start),
                "yardstick": yardstick.multiply,
            },
            warm_up=warm_up,
            repeats=repeats,
            device=subject.device,
            # As during a transfer; the yardstick also becomes faster.
            within=dict.fromkeys(("ours", "encoder", "yardstick"), kept_memory),
        )
        cores = busy_cores()
    flops = convolution_flops(encoder.path, width, height)
    # Times of the convolutions at the speed of the yardstick.
    ideal = [flops / yardstick.flops * seconds_ for seconds_ in seconds["yardstick"]]
    return EvaluationTime(
        measured_on=today(),
        model=subject.model,
        width_pixels=width,
        height_pixels=height,
        convolution_flops=flops,
        naive_seconds=spread(seconds["naive"]),
        our_seconds=spread(seconds["ours"]),
        our_encoder_seconds=spread(seconds["encoder"]),
        ratio=ratios(seconds["naive"], seconds["ours"]),
        evaluation_share=ratios(ideal, seconds["ours"]),
        encoder_share=ratios(ideal, seconds["encoder"]),
        busy_cores=cores,
    )


def encoder_alone(encoder: Encoder, start: torch.Tensor) -> Callable[[], object]:
    """Return a function that runs the encoder forward and backward.
    The gradient of every layer is the layer's own value."""

    def add_features(_: str, features: torch.Tensor, gradient: torch.Tensor) -> None:
        gradient += features

    return lambda: encoder.backward(encoder(start), add_features)


class NaiveEvaluation:
    """The naive loop's evaluation in a separate process.
    Communication takes a tenth of a millisecond."""

    def __init__(self, subject: Subject) -> None:
        self._child = Child(_serve_naive, replace(subject))  # without loaded images and weights
        self.cpu_seconds = 0.0
        """CPU time of that process in all evaluations so far."""

    def __call__(self) -> None:
        self.cpu_seconds += self._child.ask("evaluate")

    def close(self) -> None:
        self._child.close()


def _serve_naive(connection: Connection, subject: Subject) -> None:
    image = subject.naive.start.clone().requires_grad_()
    connection.send("prepared")
    while connection.recv():
        started = time.process_time()
        subject.naive.evaluate(image)
        connection.send(time.process_time() - started)
