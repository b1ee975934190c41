"""Whole paintings: presets side by side, large images within a memory limit."""

import time
from contextlib import closing
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from operator import add

from benchmarks.engine.child import Child
from benchmarks.engine.evaluation import encoder_alone
from benchmarks.engine.memory import Gauge
from benchmarks.engine.schema import PresetTime, Spread, WholePicture, today
from benchmarks.engine.subjects import Subject
from benchmarks.engine.timing import interleave, ratios, spread
from nst import Inputs
from nst.engine.memory.kept import kept_memory
from nst.engine.pictures.protect import faces_of_pixels
from nst.engine.pictures.tensors import to_tensor
from nst.engine.scales import scales
from nst.engine.style_transfer import IterativeTransfer
from nst.options import StyleTransferOptions
from nst.presets import DEFAULT_PRESET

PRESETS = ("gram", DEFAULT_PRESET, "fast")
"""Presets that are measured; the others are compared with the first one."""


def measure_presets(
    subject: Subject, *, steps: int | None, rounds: int, warm_up: int, repeats: int
) -> list[PresetTime]:
    """Let each preset paint once per round; then time its evaluations.
    The network alone is timed beside them. `steps`: number of steps in place of the presets'
    own."""
    transfers = {preset: _transfer(subject, preset, steps) for preset in PRESETS}
    seconds: dict[str, list[float]] = {preset: [] for preset in PRESETS}
    for number in range(rounds):
        for preset in PRESETS[:: -1 if number % 2 else 1]:
            seconds[preset].append(_seconds(transfers[preset], subject))
    width, height = subject.size
    return [
        PresetTime(
            measured_on=today(),
            model=subject.model,
            preset=preset,
            width_pixels=width,
            height_pixels=height,
            seconds=spread(seconds[preset]),
            ratio=ratios(seconds[preset], seconds[PRESETS[0]]),
            network_share=_network_share(transfer, subject, warm_up=warm_up, repeats=repeats),
        )
        for preset, transfer in transfers.items()
    ]


def measure_whole_picture(subject: Subject, steps: int | None) -> WholePicture:
    """Let the default preset finish an image within `subject.max_memory_bytes`.
    It paints in a separate process. `steps`: as in `measure_presets`."""
    assert subject.max_memory_bytes is not None
    with closing(Child(_serve_whole, replace(subject), steps)) as child:
        seconds, peak_bytes = child.ask("paint")
    width, height = subject.size
    return WholePicture(
        measured_on=today(),
        model=subject.model,
        preset=DEFAULT_PRESET,
        width_pixels=width,
        height_pixels=height,
        max_memory_bytes=subject.max_memory_bytes,
        seconds=seconds,
        peak_bytes=peak_bytes,
    )


def _serve_whole(connection: Connection, subject: Subject, steps: int | None) -> None:
    transfer = _transfer(subject, DEFAULT_PRESET, steps)
    gauge = Gauge(subject.device)
    connection.send("prepared")
    while connection.recv():
        seconds = _seconds(transfer, subject)
        connection.send((seconds, gauge.peak().bytes))


def _transfer(subject: Subject, preset: str, steps: int | None) -> IterativeTransfer:
    given = {} if steps is None else {"total_iterations": steps}
    options = StyleTransferOptions.from_preset(
        preset, model=subject.model, size=max(subject.size), save_every=0, **given
    )
    transfer = IterativeTransfer(
        options,
        device=subject.device.type,
        precision=subject.precision,
        max_memory_bytes=subject.max_memory_bytes,
        weights=subject.store,
    )
    assert transfer.weights  # loads them
    return transfer


def _seconds(transfer: IterativeTransfer, subject: Subject) -> float:
    """Return the seconds of a finished image, with preparation, without judging."""
    faces_of_pixels.cache_clear()  # or the second round would not search for faces
    started = time.perf_counter()
    for progress in transfer.steps(Inputs(subject.picture, subject.style)):
        # As in `run`, the vectors for a checkpoint are not kept during the next step.
        snapshot = progress.snapshot.without_checkpoint()
        del progress
    snapshot.picture()
    return time.perf_counter() - started


def _network_share(
    transfer: IterativeTransfer, subject: Subject, *, warm_up: int, repeats: int
) -> Spread:
    """Return the time of the network's passes / time of the whole evaluation.
    Both passes, forward and backward, are timed at the size of the result. If that size is painted
    in several stages, the times of all stages are added."""
    preparation = transfer._preparation(Inputs(subject.picture, subject.style))
    of_network, of_evaluation = [0.0] * repeats, [0.0] * repeats
    for scale in scales(preparation.pictures.size, transfer.options):
        if scale.is_finest:
            start = to_tensor(preparation.pictures.content, scale.size).to(subject.device)
            task = preparation.task(scale, transfer.options, coarser=start)
            seconds = interleave(
                {
                    "network": encoder_alone(task.objective.encoder, task.start),
                    "evaluation": partial(task.evaluate, task.start.flatten()),
                },
                warm_up=warm_up,
                repeats=repeats,
                device=subject.device,
                within=dict.fromkeys(("network", "evaluation"), kept_memory),
            )
            of_network = list(map(add, of_network, seconds["network"]))
            of_evaluation = list(map(add, of_evaluation, seconds["evaluation"]))
    return ratios(of_network, of_evaluation)
