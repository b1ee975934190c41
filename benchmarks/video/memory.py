"""Memory while a long film is painted, in a separate process.

`python -m benchmarks.video.memory` is that process.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import click
import numpy as np
from PIL import Image

from benchmarks.engine.memory import REPOSITORY
from benchmarks.engine.schema import today
from benchmarks.steps import last_of
from benchmarks.video.schema import FilmMemory
from nst import NeuralStyleTransfer, image_sizes, images, samples
from nst.engine.film import FilmTransfer, PaintedFrame
from nst.engine.memory.available import resident_bytes
from nst.options import StyleTransferOptions
from nst.video import CONTAINERS, Video
from nst.video.writing import Writer

SETTLED_FRAME = 50
"""Frame after which memory should not grow."""
RATE = 25
WIDTH = 48
OPTIONS = {"total_iterations": 1, "scales": 1}


def measure_memory(frames: int) -> FilmMemory:
    """Paint a film of this many frames in another process."""
    command = [sys.executable, "-m", "benchmarks.video.memory", str(frames)]
    output = subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE).stdout
    resident = json.loads(output)
    return FilmMemory(
        measured_on=today(),
        frames=frames,
        width=WIDTH,
        settled_frame=SETTLED_FRAME,
        settled_bytes=resident[SETTLED_FRAME - 1],
        most_bytes=max(resident[SETTLED_FRAME:]),
    )


@click.command()
@click.argument("frames", type=click.IntRange(SETTLED_FRAME + 1))
def main(frames: int) -> None:
    """Print the resident bytes after each frame."""
    with tempfile.TemporaryDirectory() as directory:
        click.echo(json.dumps(list(resident_after_frames(frames, WIDTH, Path(directory)))))


def resident_after_frames(frames: int, width: int, directory: Path) -> list[int]:
    """Paint a film along the flow; return the resident bytes after each frame.
    The film is read from a file and written to a file, with one step per frame."""
    source, found = _moving(frames, width, directory), list[int]()
    film = Video.inspect(source)
    paint = _painter(width)

    def painted(frame: Image.Image) -> Image.Image:
        image = paint(frame)
        found.append(resident_bytes())
        return image

    repainted = film.repaint(directory / "out.mp4", CONTAINERS[".mp4"], film.size, painted)
    if repainted.failure:
        raise repainted.failure
    return found


def _painter(width: int) -> Callable[[Image.Image], Image.Image]:
    options = StyleTransferOptions.from_preset("fast", size=width, **OPTIONS)
    film = FilmTransfer(NeuralStyleTransfer(options), options)
    style = images.load(samples.sample("style", "impasto"), "style")
    before: PaintedFrame | None = None

    def paint(frame: Image.Image) -> Image.Image:
        nonlocal before
        last = last_of(film.steps(frame, style, before))
        before = PaintedFrame(frame, last.snapshot.picture())
        return before.painted

    return paint


def _moving(frames: int, width: int, directory: Path) -> Path:
    """Write a film of a camera that moves in circles above a photo."""
    photo = images.load(samples.sample("content", "coffee"), "content")
    photo = images.resize(photo, image_sizes.fit(photo.size, 2 * width))
    size, path = (width, width * 2 // 3), directory / "in.mp4"
    with Writer(path, CONTAINERS[".mp4"], size, rate=RATE, time_base=Fraction(1, RATE)) as writer:
        for number, (left, top) in enumerate(_circle(frames, photo.size, size)):
            view = photo.crop((left, top, left + size[0], top + size[1]))
            writer.write_image(view, Fraction(number, RATE), Fraction(1, RATE))
    return path


def _circle(
    frames: int, photo: tuple[int, int], size: tuple[int, int]
) -> Iterator[tuple[int, int]]:
    for angle in np.arange(frames) / 10:
        left, top = (
            round((long - short) / 2 * (1 + turn(angle)))
            for long, short, turn in zip(photo, size, (np.cos, np.sin), strict=True)
        )
        yield left, top


if __name__ == "__main__":
    main()
