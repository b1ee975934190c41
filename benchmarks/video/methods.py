"""Methods of painting the frames of a film."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from benchmarks.video.kept import KeptFilm
from nst import Inputs, NeuralStyleTransfer
from nst.engine.film import FilmTransfer, PaintedFrame
from nst.options import StyleTransferOptions
from nst.progress import Progress

STARTED_SHARE = 4
"""Steps of the first frame per step of a later frame, before the flow existed."""


@dataclass(frozen=True, slots=True)
class Film:
    """Style and options with which a film is painted."""

    transfer: NeuralStyleTransfer
    """Transfer of a single image."""
    later: StyleTransferOptions
    """Options of a frame that continues another one."""
    style: Image.Image


Method = Callable[[Film, Image.Image, PaintedFrame | None], Iterator[Progress]]


def alone(film: Film, frame: Image.Image, _: PaintedFrame | None) -> Iterator[Progress]:
    """Paint a frame as a single image."""
    return film.transfer.steps(Inputs(frame, film.style))


def started(film: Film, frame: Image.Image, before: PaintedFrame | None) -> Iterator[Progress]:
    """Start from the result of the previous frame, without moving its pixels."""
    if before is None:
        return alone(film, frame, before)
    steps = -(-film.transfer.options.total_iterations // STARTED_SHARE)
    options = film.transfer.options.model_copy(update={"total_iterations": steps, "scales": 1})
    inputs = Inputs(frame, film.style, initial=before.painted)
    return film.transfer.with_options(options).steps(inputs)


def along_flow(film: Film, frame: Image.Image, before: PaintedFrame | None) -> Iterator[Progress]:
    """Continue the previous frame along the flow."""
    return FilmTransfer(film.transfer, film.later).steps(frame, film.style, before)


METHODS: Mapping[str, Method] = {"alone": alone, "started": started, "flow": along_flow}


def paint(
    film: Film, method: Method, frames: Sequence[Image.Image], kept: KeptFilm
) -> Iterator[tuple[Image.Image, float]]:
    """Yield each painted frame and its seconds.
    Frames that an earlier run has kept are not painted again."""
    before: PaintedFrame | None = None
    for number, frame in enumerate(frames, start=1):
        found = kept.frame(number)
        if found is None:
            found = _painted(film, method, frame, before)
            kept.keep(number, *found)
        before = PaintedFrame(frame, found[0])
        yield found


def _painted(
    film: Film, method: Method, frame: Image.Image, before: PaintedFrame | None
) -> tuple[Image.Image, float]:
    began = time.perf_counter()
    *_, last = method(film, frame, before)
    return last.snapshot.picture(), time.perf_counter() - began
