"""`python -m benchmarks.quality`: effect of each part of preset gram.

Fixed pairs of the sample images are painted with the preset unchanged, and with one part changed at
a time: parts that it has are switched off, parts that it lacks are switched on. They are compared
with the other presets, and with the naive loop after the same number of seconds. Every image is
judged by the network that did not paint it (`nst.engine.distance`).
"""

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import fmean, geometric_mean
from typing import Any

import click
from PIL import Image
from pydantic import NonNegativeFloat, PositiveFloat

import nst
from benchmarks.engine import files, machine
from benchmarks.engine.child import Child
from benchmarks.engine.schema import Machine, Measure, Measured, Model, Record, today
from benchmarks.engine.subjects import Subject
from benchmarks.judge import load_judge
from benchmarks.naive import Point
from benchmarks.steps import last_of
from nst import Inputs, NeuralStyleTransfer, StyleTransferOptions, image_writer, images
from nst.cli.contact_sheet import Cell, contact_sheet
from nst.engine import distance
from nst.engine.device import resolve_device
from nst.engine.network.weights import Weights, WeightsStore
from nst.engine.pictures.styles import Style
from nst.engine.pictures.tensors import to_picture
from nst.option_fields import MODELS
from nst.presets import PRESETS
from nst.progress import Distances

HERE = Path(__file__).resolve().parent
SAMPLES = HERE.parent / "data"

PAIRS = (
    ("cat", "impasto"),
    ("coffee", "woodcut_waves"),
    ("rocket", "stained_glass"),
    ("astronaut", "watercolour"),
)

PRESET = "gram"
BESIDE = ("quality", "fast", "draft")
"""Other presets, painted at the same size."""
NAIVE = "naive"
"""Name of the naive loop, which starts from the content image.
It runs at the same size, for the seconds of the preset."""
NOTHING: Mapping[str, Any] = {}
SWITCHES: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "scales": ({"scales": 1}, {"scales": 2}),
    "style_layers": ({"style_layers": "classic"}, {"style_layers": "dense"}),
    "average": ({"average": 0}, {"average": 0.9}),
    "padding": ({"padding": "zeros"}, {"padding": "replicate"}),
    "style_loss": (
        {"style_loss": "gram", "content_weight": 1.4e5},
        {"style_loss": "wasserstein", "content_weight": 3e6},
    ),
}
"""Parts that can be switched: options when off, options when on.
Each style loss has the content weight at which images have about the same content distance."""


class Painted(Measured):
    """One finished image."""

    variant: str
    content: str
    style: str
    measure: Measure = "squared"
    steps: int
    seconds: PositiveFloat
    """Seconds including preparation, without judging."""
    style_distance: PositiveFloat
    content_distance: NonNegativeFloat


class Ablation(Record):
    """Content of a results file."""

    nst_version: str
    machine: Machine
    model: str
    judge: str
    """Network that judged."""
    options: dict[str, Any]
    """Options of the preset when it was measured."""
    rows: tuple[Painted, ...]


def variants(
    size: int, model: str, steps: int | None, changes: Mapping[str, Any] = NOTHING
) -> dict[str, StyleTransferOptions]:
    """Return the options of each variant, by name.
    `changes`: changes to the preset whose parts are switched. No variant stops early, so that equal
    numbers of steps are compared."""
    every = {"size": size, "model": model, "convergence_tolerance": 0}
    given = every | ({} if steps is None else {"total_iterations": steps})
    whole = StyleTransferOptions.from_preset(PRESET, **{**given, **changes})
    found = {PRESET: whole}
    for name, (off, on) in SWITCHES.items():
        is_off = getattr(whole, name) == off[name]
        changed = f"with {name} {on[name]}" if is_off else f"without {name}"
        found[changed] = StyleTransferOptions(**{**whole.model_dump(), **(on if is_off else off)})
    for preset in BESIDE:
        taken = every if PRESETS[preset].get("total_iterations") == 0 else given
        found[preset] = StyleTransferOptions.from_preset(preset, **taken)
    return found


def paint(
    options: StyleTransferOptions, pair: tuple[str, str], store: WeightsStore, judge: Weights
) -> tuple[Image.Image, float, int, Distances]:
    """Return the image, its seconds and steps, and its distances."""
    content_file, style_file = _files(pair)
    content, style = images.load(content_file, "content"), images.load(style_file, "style")
    transfer = NeuralStyleTransfer(options, weights=store)
    started = time.perf_counter()
    last = last_of(transfer.steps(Inputs(content, style)))
    picture = last.snapshot.picture()
    seconds = time.perf_counter() - started
    return picture, seconds, last.step, _judged(picture, content, style, judge)


class TimeIsUp(Exception):
    """Raised to stop the naive loop."""


def paint_naively(
    options: StyleTransferOptions,
    pair: tuple[str, str],
    store: WeightsStore,
    judge: Weights,
    seconds: float,
) -> tuple[Image.Image, float, int, Distances]:
    """Return the same as `paint`, for the naive loop.
    It runs for about this number of seconds, in a separate process."""
    content, style = _files(pair)
    width, height = images.load(content, "content").size
    height_pixels = round(height * options.size / max(width, height))
    subject = Subject(
        options.model, height_pixels, store, resolve_device("auto"), content=content, style=style
    )
    with closing(Child(_serve_naive, subject)) as child:
        picture, taken, evaluations = child.ask(seconds)
    loaded = images.load(style, "style")
    return picture, taken, evaluations, _judged(picture, subject.picture, loaded, judge)


def _judged(
    picture: Image.Image, content: Image.Image, style: Image.Image, judge: Weights
) -> Distances:
    distances = distance.measure(picture, content, [Style(style)], judge)
    assert distances is not None  # no pair of samples is too small
    return distances


def _serve_naive(connection: Connection, subject: Subject) -> None:
    subject.naive.run(1)
    connection.send("prepared")
    seconds: float = connection.recv()
    points: list[Point] = []

    def look_at_the_clock(point: Point) -> None:
        points.append(point)
        if point.seconds >= seconds:
            raise TimeIsUp

    with suppress(TimeIsUp):
        subject.naive.run(10**6, look_at_the_clock)
    connection.send((to_picture(subject.naive.painted), points[-1].seconds, len(points)))


def measure(
    chosen: Mapping[str, StyleTransferOptions],
    pairs: Sequence[tuple[str, str]],
    store: WeightsStore,
    judge: Weights,
    pictures: Path,
) -> Iterator[Painted]:
    """Yield the results pair by pair; write the images to files."""
    for pair in pairs:
        seconds_of_the_preset = 0.0
        for name in (*chosen, NAIVE):
            print(f"{' + '.join(pair)}: {name}", file=sys.stderr, flush=True)
            if name == NAIVE:
                made = paint_naively(chosen[PRESET], pair, store, judge, seconds_of_the_preset)
            else:
                made = paint(chosen[name], pair, store, judge)
            picture, seconds, steps, distances = made
            if name == PRESET:
                seconds_of_the_preset = seconds
            image_writer.save(picture, _file(pictures, name, pair), overwrite=True)
            yield Painted(
                measured_on=today(),
                variant=name,
                content=pair[0],
                style=pair[1],
                measure="transport",
                steps=steps,
                seconds=seconds,
                style_distance=distances.style,
                content_distance=distances.content,
            )


def render(ablation: Ablation) -> str:
    """Return a Markdown table.
    It has the mean seconds and the geometric means of the distances over the pairs, with their
    ratios to the unchanged preset."""
    by_variant: dict[str, list[Painted]] = {}
    for row in ablation.rows:
        by_variant.setdefault(row.variant, []).append(row)
    whole = _means(by_variant[PRESET])
    lines = ["| variant | seconds | style distance | content distance |", "|---|---:|---:|---:|"]
    for name, rows in by_variant.items():
        cells = [
            f"{mean:.3g} ({mean / of_whole:.2f})"
            for mean, of_whole in zip(_means(rows), whole, strict=True)
        ]
        lines.append(f"| {' | '.join([name, *cells])} |")
    return "\n".join(lines)


def sheet(ablation: Ablation, pictures: Path) -> Image.Image:
    """Return a contact sheet: a row for each pair, a column for each variant."""
    pairs = dict.fromkeys((row.content, row.style) for row in ablation.rows)
    names = dict.fromkeys(row.variant for row in ablation.rows)
    return contact_sheet(
        [[Cell(name, _file(pictures, name, pair)) for name in names] for pair in pairs]
    )


def _means(rows: Sequence[Painted]) -> tuple[float, float, float]:
    return (
        fmean(row.seconds for row in rows),
        _geometric_mean([row.style_distance for row in rows]),
        _geometric_mean([row.content_distance for row in rows]),
    )


def _geometric_mean(distances: Sequence[float]) -> float:
    """Return the geometric mean.
    It is 0 if a distance is 0, such as that of a photo that no step has changed."""
    return geometric_mean(distances) if all(distances) else 0.0


def _files(pair: tuple[str, str]) -> tuple[Path, Path]:
    """Return the files of content and style."""
    content, style = pair
    return SAMPLES / "content" / f"{content}.jpg", SAMPLES / "style" / f"{style}.jpg"


def _file(pictures: Path, variant: str, pair: tuple[str, str]) -> Path:
    return pictures / f"{'_'.join((*pair, *variant.split()))}.png"


@click.command()
@click.option("--model", type=click.Choice(MODELS), default="vgg19", show_default=True)
@click.option("--size", type=int, default=384, show_default=True, help="Longest side in pixels.")
@click.option("--steps", type=int, help="Steps of all optimizing methods.  [default: the preset's]")
@click.option(
    "--set",
    "changes",
    metavar="NAME=VALUE",
    multiple=True,
    help="Override an option of the preset; may be repeated.",
)
@click.option("--pairs", "count", type=click.IntRange(1, len(PAIRS)), default=len(PAIRS))
@click.option(
    "--weights-dir",
    type=click.Path(path_type=Path),
    envvar="NST_WEIGHTS_DIR",
    help="Directory with VGG-19's weights.  [env: NST_WEIGHTS_DIR]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="The results file; beside it the contact sheet.  [default: benchmarks/results/quality--…]",
)
@click.option("--show", type=click.Path(path_type=Path, exists=True), help="Only print this file.")
def main(
    model: Model,
    size: int,
    steps: int | None,
    changes: Sequence[str],
    count: int,
    weights_dir: Path | None,
    output: Path | None,
    show: Path | None,
) -> None:
    """Paint, judge, print the table, keep numbers and contact sheet."""
    if show:
        click.echo(render(Ablation.model_validate_json(show.read_text(encoding="utf-8"))))
        return
    store, judge = load_judge(model, weights_dir)
    described = machine.describe(resolve_device("auto"))
    output = output or HERE / "results" / machine.file_name(f"quality-{model}", described)
    paint(variants(64, model, 1)[PRESET], PAIRS[0], store, judge)  # to warm up
    with tempfile.TemporaryDirectory() as directory:
        pictures = Path(directory)
        changed = dict(change.split("=", 1) for change in changes)
        chosen = variants(size, model, steps, changed)
        rows = measure(chosen, PAIRS[:count], store, judge, pictures)
        ablation = Ablation(
            nst_version=nst.__version__,
            machine=described,
            model=model,
            judge=judge.model,
            options=chosen[PRESET].model_dump(mode="json"),
            rows=tuple(rows),
        )
        files.write(ablation, output)
        image_writer.save(sheet(ablation, pictures), output.with_suffix(".jpg"), overwrite=True)
    click.echo(render(ablation))


if __name__ == "__main__":
    main()
