"""Command `python -m benchmarks.learning`."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from PIL import Image

import nst
from benchmarks.engine import files, machine
from benchmarks.engine.memory import Gauge
from benchmarks.engine.schema import today
from benchmarks.judge import load_judge
from benchmarks.learning.methods import METHODS, MODEL, Method, Task, seconds_to_paint
from benchmarks.learning.report import kept, render, sheet
from benchmarks.learning.schema import LearnedNetwork, Learning, PaintedPhoto, without
from benchmarks.pictures import assets, contents_and_styles
from benchmarks.video.clips import clips
from benchmarks.video.measure import warping_error
from nst import LearningOptions, image_sizes, image_writer, images
from nst.engine import distance
from nst.engine.device import resolve_device
from nst.engine.network.weights import Weights
from nst.engine.pictures.styles import Style
from nst.learning.photos import find_photos
from nst.progress import Distances
from nst.samples import samples

REPOSITORY = Path(__file__).resolve().parents[2]
RESULTS = REPOSITORY / "benchmarks" / "results"
MARKS = (1.0, 5.0, 15.0, 30.0)
TIMED_SIZE = (600, 400)
FILM_WIDTH, FILM_FRAMES = 512, 8


@click.command()
@click.option(
    "--method", "methods", type=click.Choice(list(METHODS)), multiple=True, default=list(METHODS)
)
@click.option(
    "--minutes",
    "marks",
    type=click.FloatRange(min=0, min_open=True),
    multiple=True,
    default=MARKS,
    show_default=True,
    help="Minutes of learning after which images are painted and judged; may be repeated.",
)
@click.option(
    "--pictures",
    type=click.Path(path_type=Path, file_okay=False),
    default=assets,
    help="Directory with content/, photos outside the training set, and style/; by default images/ "
    "in the directory that NST_TEST_ASSETS names.",
)
@click.option("--style", "chosen", multiple=True, help="Style by name.  [default: all]")
@click.option(
    "--photos",
    type=click.Path(path_type=Path, file_okay=False),
    help="Photos to learn from; none of them may be painted.  [default: the sample photos]",
)
@click.option("--size", type=int, default=256, show_default=True, help="Side of the photos' parts.")
@click.option(
    "--style-size",
    type=int,
    default=LearningOptions().style_size,
    show_default=True,
    help="Longest side of the style image.",
)
@click.option(
    "--painted-size", type=int, default=400, show_default=True, help="Longest side when judged."
)
@click.option("--film-width", type=int, default=FILM_WIDTH, show_default=True)
@click.option(
    "--weights-dir",
    type=click.Path(path_type=Path),
    envvar="NST_WEIGHTS_DIR",
    help="Directory with VGG-19's weights.  [env: NST_WEIGHTS_DIR]",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory that keeps the painted images and a sheet of all of them.",
)
@click.option("--output", type=click.Path(path_type=Path), help="Results file.  [default: none]")
@click.option("--show", type=click.Path(path_type=Path, exists=True), help="Only print this file.")
def main(
    methods: Sequence[str],
    marks: Sequence[float],
    pictures: Path | None,
    chosen: Sequence[str],
    photos: Path | None,
    size: int,
    style_size: int,
    painted_size: int,
    film_width: int,
    weights_dir: Path | None,
    keep: Path | None,
    output: Path | None,
    show: Path | None,
) -> None:
    """Learn styles in several ways; paint and judge after equal minutes.

    Rows of other methods and styles stay in the results file.
    """
    if show:
        click.echo(render(_read(show)))
        return
    store, judge = load_judge(MODEL, weights_dir)
    if pictures is None:
        raise click.UsageError("name --pictures, because the samples are what is learned from")
    contents, all_styles = contents_and_styles(pictures)
    course = Course(
        tuple(methods), tuple(sorted(marks)), contents, painted_size, film_width, judge, keep
    )
    found = Learning(
        nst_version=nst.__version__,
        machine=machine.describe(resolve_device("auto")),
        judge=judge.model,
        size=size,
        photos=len(find_photos(photos)),
        painted_size=painted_size,
    )
    styles = _chosen(all_styles, chosen)
    if output and output.exists():
        before = _read(output)
        if not found.continues(before):
            raise click.UsageError(
                f"--output: {output} was measured with other options or elsewhere"
            )
        found = without(before, methods, [style.stem for style in styles])
    for style in styles:
        for row in course.run(Task(style, photos, size, style_size, store)):
            found = found.including(row)
            if output:
                files.write(found, output)
    if keep:
        image_writer.save(sheet(found, keep), keep / "sheet.jpg", overwrite=True)
    click.echo(render(found))


@dataclass(frozen=True, slots=True)
class Course:
    """Measurements of each style."""

    methods: tuple[str, ...]
    marks: tuple[float, ...]
    """Minutes of learning, the shortest first."""
    contents: Sequence[Path]
    painted_size: int
    film_width: int
    judge: Weights
    keep: Path | None

    def run(self, task: Task) -> Iterator[PaintedPhoto | LearnedNetwork]:
        """Yield the rows of one style, method by method."""
        for name in self.methods:
            method = METHODS[name](task)
            peak_bytes = 0
            for minutes in (0.0,) if name == "draft" else self.marks:
                print(f"{task.style.stem}: {name}, {minutes:g} min", file=sys.stderr, flush=True)
                gauge = Gauge(resolve_device("auto"))
                method.learn(minutes)
                if method.steps:
                    peak_bytes = max(peak_bytes, gauge.peak().bytes)
                for content in self.contents:
                    yield self._painted(name, method, minutes, content, task.style)
            yield self._network(name, method, task.style, peak_bytes)

    def _painted(
        self, name: str, method: Method, minutes: float, content: Path, style: Path
    ) -> PaintedPhoto:
        photo = images.colours(images.load(content, "content"))
        photo = images.resize(photo, image_sizes.fit(photo.size, self.painted_size))
        painted = method.paint(photo)
        found = self._distances(painted, photo, images.load(style, "style"))
        row = PaintedPhoto(
            measured_on=today(),
            method=name,
            minutes=minutes,
            steps=method.steps,
            content=content.stem,
            style=style.stem,
            content_distance=found.content,
            style_distance=found.style,
            precision=found.precision,
            coverage=found.coverage,
        )
        if self.keep:
            image_writer.save(painted, kept(row, self.keep), overwrite=True)
        return row

    def _distances(self, painted: Image.Image, photo: Image.Image, style: Image.Image) -> Distances:
        found = distance.measure(painted, photo, [Style(style)], self.judge)
        if found is None:
            raise click.UsageError(f"--painted-size: {painted.width} is too small to be judged")
        return found

    def _network(self, name: str, method: Method, style: Path, peak_bytes: int) -> LearnedNetwork:
        contents = {each: images.load(file, "content") for each, file in samples("content").items()}
        pan = clips(contents, self.film_width, FILM_FRAMES)[0]
        frames = [pan.frame(number) for number in range(FILM_FRAMES)]
        timed = images.resize(images.colours(contents["cat"]), TIMED_SIZE)
        return LearnedNetwork(
            measured_on=today(),
            method=name,
            style=style.stem,
            seconds=seconds_to_paint(method, timed, repeats=5),
            frame_seconds=seconds_to_paint(method, frames[0], repeats=5),
            warping_error=warping_error([method.paint(frame) for frame in frames], pan),
            peak_bytes=peak_bytes,
        )


def _read(file: Path) -> Learning:
    return Learning.model_validate_json(file.read_text(encoding="utf-8"))


def _chosen(styles: Sequence[Path], names: Sequence[str]) -> Sequence[Path]:
    """Return the styles with these names. Raises UsageError if a name is unknown."""
    known = {style.stem: style for style in styles}
    if unknown := set(names) - set(known):
        raise click.UsageError(
            f"--style {', '.join(sorted(unknown))} is not there; expected one of {', '.join(known)}"
        )
    return [known[name] for name in names or known]


if __name__ == "__main__":
    main()
