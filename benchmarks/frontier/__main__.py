"""Command `python -m benchmarks.frontier`."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import product, starmap
from pathlib import Path

import click

import nst
from benchmarks.engine import files, machine
from benchmarks.engine.schema import Model, today
from benchmarks.frontier.gallery import Gallery, Pair
from benchmarks.frontier.methods import AUTHORS, Method, names
from benchmarks.frontier.report import render
from benchmarks.frontier.schema import Frontier, Painted
from benchmarks.judge import load_judge
from benchmarks.pictures import BY_DEFAULT, assets_or_samples, contents_and_styles
from nst.engine.device import resolve_device
from nst.option_fields import MODELS
from nst.options import StyleTransferOptions
from nst.presets import DEFAULT_PRESET

REPOSITORY = Path(__file__).resolve().parents[2]
RESULTS = REPOSITORY / "benchmarks" / "results"
STRENGTHS, MATCHED_STRENGTHS = (0.2, 0.35, 0.5), (0.5, 0.75, 1.0)
"""Strengths of presets with Gram matrices, and of presets that match neighbours.
Both lead to about the same content distances and include the default strength."""
ALPHAS = (0.0, 0.25, 0.75)
"""Strengths of the authors' loop; 0.25 is their own setting."""


@click.command()
@click.option(
    "--method",
    "methods",
    type=click.Choice(names()),
    multiple=True,
    default=(DEFAULT_PRESET, "gram"),
    show_default=True,
    help="Method to compare, twice or more; the first is compared with each of the others.",
)
@click.option(
    "--strength",
    "strengths",
    type=click.FloatRange(0, 1),
    multiple=True,
    help="Strength of all presets; give three or more.  [default: by the preset]",
)
@click.option(
    "--alpha",
    "alphas",
    type=click.FloatRange(0, 1),
    multiple=True,
    default=ALPHAS,
    show_default=True,
    help="Strength of the authors' loop; their own setting is 0.25.",
)
@click.option(
    "--pictures",
    type=click.Path(path_type=Path, file_okay=False),
    default=assets_or_samples,
    help=f"Directory with content/ and style/; by default {BY_DEFAULT}.",
)
@click.option("--pair", "chosen", multiple=True, help="CONTENT+STYLE by name.  [default: all]")
@click.option("--model", type=click.Choice(MODELS), default="vgg16", show_default=True)
@click.option("--size", type=int, default=400, show_default=True, help="Longest side in pixels.")
@click.option("--steps", type=int, help="Steps of every method.  [default: their own]")
@click.option(
    "--weights-dir",
    type=click.Path(path_type=Path),
    envvar="NST_WEIGHTS_DIR",
    help="Directory with VGG-19's weights.  [env: NST_WEIGHTS_DIR]",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    default=REPOSITORY / "build" / "frontier",
    help="Directory that keeps the painted images.  [default: build/frontier]",
)
@click.option(
    "--trust",
    "trusted",
    type=click.Choice(names()),
    multiple=True,
    help="Take kept images of this method whatever version of the code painted them.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Results file.  [default: benchmarks/results/frontier-SIZE--…, none with --pair, --steps]",
)
@click.option("--show", type=click.Path(path_type=Path, exists=True), help="Only print this file.")
def main(
    methods: Sequence[str],
    strengths: Sequence[float],
    alphas: Sequence[float],
    pictures: Path,
    chosen: Sequence[str],
    model: Model,
    size: int,
    steps: int | None,
    weights_dir: Path | None,
    cache: Path,
    trusted: Sequence[str],
    output: Path | None,
    show: Path | None,
) -> None:
    """Paint, judge, compare at equal content distance; keep the numbers."""
    if show:
        click.echo(render(Frontier.model_validate_json(show.read_text(encoding="utf-8"))))
        return
    curves = {name: _strengths(name, strengths, alphas) for name in methods}
    _check(curves, model)
    pairs = pairs_of(pictures, chosen)
    gallery = _gallery(cache, model, weights_dir, trusted)
    described = machine.describe(resolve_device("auto"))
    if not (output or chosen or steps):
        output = RESULTS / machine.file_name(f"frontier-{size}", described)
    painters = [
        Method(name, strength, model, size, steps)
        for name, of_method in curves.items()
        for strength in of_method
    ]
    frontier = Frontier(
        nst_version=nst.__version__,
        machine=described,
        model=model,
        judge=gallery.judge.model,
        size=size,
        methods=tuple(methods),
    )
    for row in paint(painters, pairs, gallery):
        frontier = frontier.model_copy(update={"rows": (*frontier.rows, row)})
        if output:
            files.write(frontier, output)
    click.echo(render(frontier))


def pairs_of(directory: Path, chosen: Sequence[str]) -> list[Pair]:
    """Return every content with every style, or the chosen pairs. Raises UsageError."""
    pairs = {str(pair): pair for pair in starmap(Pair, product(*contents_and_styles(directory)))}
    if unknown := set(chosen) - set(pairs):
        raise click.UsageError(
            f"--pair {', '.join(sorted(unknown))} is not there; expected one of {', '.join(pairs)}"
        )
    return [pairs[name] for name in chosen or pairs]


def paint(painters: Sequence[Method], pairs: Sequence[Pair], gallery: Gallery) -> Iterator[Painted]:
    """Yield the painted images pair by pair.
    All methods therefore run under the same load of the machine."""
    for pair in pairs:
        for method in painters:
            print(f"{pair}: {method.name} {method.strength:g}", file=sys.stderr, flush=True)
            kept, (width, height) = gallery.get(method, pair)
            found = kept.distances
            yield Painted(
                measured_on=today(),
                method=method.name,
                strength=method.strength,
                content=pair.content.stem,
                style=pair.style.stem,
                width_pixels=width,
                height_pixels=height,
                seconds=kept.seconds,
                content_distance=found.content,
                style_distance=found.style,
                precision=found.precision,
                coverage=found.coverage,
                worst_tenth=found.worst_tenth,
                gram=found.gram,
            )


def _strengths(method: str, strengths: Sequence[float], alphas: Sequence[float]) -> Sequence[float]:
    if method == AUTHORS:
        return alphas
    is_matched = StyleTransferOptions.from_preset(method).is_matched
    return strengths or (MATCHED_STRENGTHS if is_matched else STRENGTHS)


def _check(curves: Mapping[str, Sequence[float]], model: str) -> None:
    if len(curves) < 2:
        raise click.UsageError("one method has nothing to be compared with; name --method twice")
    # One image of the authors' loop is enough: our curve is read at its content distance.
    if min(len(set(curves[name])) for name in curves if name != AUTHORS) < 3:
        raise click.UsageError("a curve needs 3 points; name --strength 3 times")
    if AUTHORS in curves and model != "vgg16":
        raise click.UsageError("the authors' loop paints with vgg16; choose --model vgg16")


def _gallery(
    cache: Path, model: Model, weights_dir: Path | None, trusted: Sequence[str]
) -> Gallery:
    store, judge = load_judge(model, weights_dir)
    return Gallery(cache, store, judge, trusted)


if __name__ == "__main__":
    main()
