"""Finished images of the naive loop and of a preset, judged by another network.

Style and content distance are those of `nst.engine.distance`; both images are rounded and clamped
as if they were saved.
"""

import time
from contextlib import closing
from dataclasses import replace
from multiprocessing.connection import Connection

from PIL import Image

from benchmarks.engine.child import Child
from benchmarks.engine.schema import Judged, PictureQuality, Variant, today
from benchmarks.engine.subjects import Subject
from benchmarks.steps import last_of
from nst import Inputs, images
from nst.engine import distance
from nst.engine.pictures.styles import Style
from nst.engine.pictures.tensors import to_picture
from nst.engine.style_transfer import IterativeTransfer
from nst.options import StyleTransferOptions

PRESET = "gram"


def measure_quality(subject: Subject, pair: int) -> PictureQuality | None:
    """Paint ours, the naive image and ours again, and judge them.
    Return None if the weights of the judging network are missing."""
    judge = subject.store.load_local(distance.JUDGE[subject.model])
    if judge is None:
        return None
    with (
        closing(Child(_serve, replace(subject), "naive")) as naive_child,
        closing(Child(_serve, replace(subject), "ours")) as our_child,
    ):
        before = our_child.ask("paint")
        naive: Judged = naive_child.ask("paint")
        after = our_child.ask("paint")
    ours = before.model_copy(update={"seconds": (before.seconds + after.seconds) / 2})
    width, height = subject.size
    return PictureQuality(
        measured_on=today(),
        model=subject.model,
        pair=pair,
        content=subject.content.stem,
        style=subject.style.stem,
        width_pixels=width,
        height_pixels=height,
        preset=PRESET,
        judge=judge.model,
        naive_evaluations=subject.evaluations,
        naive=naive,
        ours=ours,
    )


def _serve(connection: Connection, subject: Subject, variant: Variant) -> None:
    paint = _paint_naively if variant == "naive" else _paint_preset
    judge = subject.store.load_local(distance.JUDGE[subject.model])
    assert judge is not None  # measure_quality has seen it
    style = Style(images.load(subject.style, "style"))
    assert subject.naive.start is not None  # prepared before the clock runs
    connection.send("prepared")
    while connection.recv():
        started = time.perf_counter()
        picture = paint(subject)
        seconds = time.perf_counter() - started
        distances = distance.measure(picture, subject.picture, [style], judge)
        assert distances is not None  # benchmarks paint no image that is too small
        connection.send(
            Judged(
                measure="transport",
                seconds=seconds,
                content_distance=distances.content,
                style_distance=distances.style,
            )
        )


def _paint_naively(subject: Subject) -> Image.Image:
    subject.naive.run(subject.evaluations)
    return to_picture(subject.naive.painted)


def _paint_preset(subject: Subject) -> Image.Image:
    """Return the image of the preset.
    The time does not include judging, because `steps` does not judge."""
    options = StyleTransferOptions.from_preset(
        PRESET, model=subject.model, size=max(subject.size), convergence_tolerance=0
    )
    transfer = IterativeTransfer(options, device=subject.device.type, weights=subject.store)
    last = last_of(transfer.steps(Inputs(subject.picture, subject.style)))
    return last.snapshot.picture()
