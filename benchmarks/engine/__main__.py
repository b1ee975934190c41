"""Command `python -m benchmarks.engine`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import click

from benchmarks.engine import files, machine, report
from benchmarks.engine.plan import plan_for
from benchmarks.engine.schema import Model, Section
from benchmarks.engine.subjects import pairs
from benchmarks.engine.suite import Suite
from benchmarks.pictures import BY_DEFAULT, assets
from nst.engine.device import resolve_device

RESULTS = Path(__file__).resolve().parents[1] / "results"


@click.command()
@click.option("--quick", is_flag=True, help="A smoke run, kept only where --output says.")
@click.option(
    "--only",
    "sections",
    type=click.Choice(get_args(Section)),
    multiple=True,
    help="Measure this section and keep the others of the results file; may be repeated.",
)
@click.option(
    "--model",
    "models",
    type=click.Choice(get_args(Model)),
    multiple=True,
    help="Measure this model only; may be repeated.",
)
@click.option(
    "--pair",
    "numbers",
    type=click.IntRange(1, 3),
    multiple=True,
    help="Of the curves, measure this pair of pictures only; may be repeated.",
)
@click.option(
    "--pictures",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=assets,
    help=f"Directory with content/ and style/ for the curves; by default {BY_DEFAULT}.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cuda, mps or cpu.")
@click.option(
    "--weights-dir",
    type=click.Path(path_type=Path),
    envvar="NST_WEIGHTS_DIR",
    help="Directory with VGG-19's weights; without them it is skipped.  [env: NST_WEIGHTS_DIR]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="The results file; by default in benchmarks/results, named after the machine.",
)
@click.option(
    "--show", type=click.Path(path_type=Path, exists=True), help="Only print this results file."
)
def main(
    quick: bool,
    sections: Sequence[Section],
    models: Sequence[Model],
    numbers: Sequence[int],
    pictures: Path | None,
    device: str,
    weights_dir: Path | None,
    output: Path | None,
    show: Path | None,
) -> None:
    """Measure the method beside the naive loop, print the tables, keep the numbers."""
    if show:
        click.echo(report.render(files.read(show)))
        return
    resolved = resolve_device(device)
    found = pairs(pictures)
    suite = Suite(
        plan=plan_for(resolved.type, is_quick=quick),
        device=resolved,
        weights_dir=weights_dir,
        models=models or get_args(Model),
        pairs=[pair for pair in found if pair.number in (numbers or (1, 2, 3))],
        say=_say,
    )
    results = suite.header()
    if not output and not quick:
        output = RESULTS / machine.file_name(results.suite, results.machine)
    if output:
        results = files.continued(output, results)
    for section in sections or get_args(Section):
        for field, rows in suite.measure(section):
            results = results.including(field, rows)
            if output:
                files.write(results, output)
    click.echo(report.render(results))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
