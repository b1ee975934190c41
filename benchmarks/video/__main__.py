"""`python -m benchmarks.video`."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean, median

import click
from PIL import Image

import nst
from benchmarks.engine import files, machine
from benchmarks.engine.schema import Model, today
from benchmarks.judge import load_judge
from benchmarks.video.clips import Clip, clips
from benchmarks.video.measure import warping_error
from benchmarks.video.methods import METHODS, Film, paint
from benchmarks.video.report import render
from benchmarks.video.schema import Films, PaintedFilm
from nst import NeuralStyleTransfer, images, samples
from nst.cli.video import DEFAULT_PRESET
from nst.engine import distance
from nst.engine.device import resolve_device
from nst.engine.network.weights import Weights
from nst.engine.pictures.styles import Style
from nst.options import MODELS, StyleTransferOptions, later_options
from nst.progress import Distances

RESULTS = Path(__file__).resolve().parents[1] / "results"
CONTENTS = ("astronaut", "cat", "coffee", "rocket")
CLIPS = ("pan", "zoom", "two layers")
PRESETS = ("fast", "quality", "gram")


@click.command()
@click.option("--clip", "chosen", type=click.Choice(CLIPS), multiple=True, default=CLIPS)
@click.option(
    "--method", "methods", type=click.Choice(list(METHODS)), multiple=True, default=list(METHODS)
)
@click.option("--preset", type=click.Choice(PRESETS), default=DEFAULT_PRESET, show_default=True)
@click.option("--style", default="impasto", show_default=True, help="Name of a sample style.")
@click.option("--model", type=click.Choice(MODELS), default="vgg16", show_default=True)
@click.option("--width", type=int, default=160, show_default=True, help="Of the frames, in pixels.")
@click.option("--frames", type=click.IntRange(2), default=8, show_default=True)
@click.option("--steps", type=int, help="Steps of a single picture.  [default: the preset's]")
@click.option(
    "--weights-dir",
    type=click.Path(path_type=Path),
    envvar="NST_WEIGHTS_DIR",
    help="Directory with VGG-19's weights.  [env: NST_WEIGHTS_DIR]",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory that keeps the painted frames.",
)
@click.option("--output", type=click.Path(path_type=Path), help="Results file.  [default: none]")
@click.option("--show", type=click.Path(path_type=Path, exists=True), help="Only print this file.")
def main(
    chosen: Sequence[str],
    methods: Sequence[str],
    preset: str,
    style: str,
    model: Model,
    width: int,
    frames: int,
    steps: int | None,
    weights_dir: Path | None,
    keep: Path | None,
    output: Path | None,
    show: Path | None,
) -> None:
    """Paint clips of known motion in several ways; measure flicker and style."""
    if show:
        click.echo(render(Films.model_validate_json(show.read_text(encoding="utf-8"))))
        return
    store, judge = load_judge(model, weights_dir)
    given = {} if steps is None else {"total_iterations": steps}
    first = StyleTransferOptions.from_preset(preset, size=width, model=model, **given)
    film = Film(
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
    wanted = [clip for clip in clips(_contents(), width, frames) if clip.name in chosen]
    for row in _rows(wanted, methods, film, judge, frames, keep):
        found = found.model_copy(update={"rows": (*found.rows, row)})
        if output:
            files.write(found, output)
    click.echo(render(found))


def _contents() -> dict[str, Image.Image]:
    return {name: images.load(samples.sample("content", name), "content") for name in CONTENTS}


def _rows(
    wanted: Sequence[Clip],
    methods: Sequence[str],
    film: Film,
    judge: Weights,
    frames: int,
    keep: Path | None,
) -> Iterator[PaintedFilm]:
    """Clip by clip, so that all methods meet the machine in the same hour."""
    for clip in wanted:
        originals = [clip.frame(number) for number in range(frames)]
        for name in methods:
            print(f"{clip.name}: {name}", file=sys.stderr, flush=True)
            painted, seconds = zip(*paint(film, METHODS[name], originals), strict=True)
            if keep:
                _keep(painted, keep, f"{clip.name.replace(' ', '-')}-{name}")
            judged = [
                _distances(image, original, film.style, judge)
                for image, original in zip(painted[1:], originals[1:], strict=True)
            ]
            yield PaintedFilm(
                measured_on=today(),
                clip=clip.name,
                method=name,
                warping_error=warping_error(painted, clip),
                precision=fmean(each.precision for each in judged),
                coverage=fmean(each.coverage for each in judged),
                content_distance=fmean(each.content for each in judged),
                first_seconds=seconds[0],
                later_seconds=median(seconds[1:]),
            )


def _distances(
    painted: Image.Image, original: Image.Image, style: Image.Image, judge: Weights
) -> Distances:
    found = distance.measure(painted, original, [Style(style)], judge)
    if found is None:
        raise click.UsageError(f"--width: {painted.width} is too small to be judged; try 160")
    return found


def _keep(painted: Sequence[Image.Image], directory: Path, name: str) -> None:
    for number, image in enumerate(painted, start=1):
        images.save(image, directory / f"{name}-{number:03}.png", overwrite=True)


if __name__ == "__main__":
    main()
