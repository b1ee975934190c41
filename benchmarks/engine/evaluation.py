"""Time per evaluation: the loss and its gradient, once."""

from collections.abc import Callable

import torch

from benchmarks.engine.arithmetic import Product, convolution_flops
from benchmarks.engine.schema import EvaluationTime
from benchmarks.engine.subjects import CONTENT, STYLE, Subject
from benchmarks.engine.timing import BusyCores, interleave, ratios, spread
from nst.engine.encoder import Encoder


def measure_evaluation(
    subject: Subject, yardstick: Product, *, warm_up: int, repeats: int
) -> EvaluationTime:
    """Naive and ours by turns; `yardstick` is multiplied once in every round."""
    task = subject.ours._prepare(CONTENT, STYLE)
    encoder = task.objective._encoder
    image = subject.naive.start.clone().requires_grad_()
    x = task.start.flatten()
    width, height = subject.size
    busy_cores = BusyCores()
    seconds = interleave(
        {
            "naive": lambda: subject.naive.evaluate(image),
            "ours": lambda: task.objective(x),
            "encoder": encoder_alone(encoder, task.start),
            "yardstick": yardstick.multiply,
        },
        warm_up=warm_up,
        repeats=repeats,
        device=subject.device,
    )
    flops = convolution_flops(encoder.path, width, height)
    # The times that the convolutions would take at the speed of the yardstick.
    ideal = [flops / yardstick.flops * seconds_ for seconds_ in seconds["yardstick"]]
    return EvaluationTime(
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
        busy_cores=busy_cores(),
    )


def encoder_alone(encoder: Encoder, start: torch.Tensor) -> Callable[[], object]:
    """Forward, and backward as if every layer's gradient were its own value."""

    def add_features(_: str, features: torch.Tensor, gradient: torch.Tensor) -> None:
        gradient += features

    return lambda: encoder.backward(encoder(start), add_features)
