"""`python -m benchmarks.engine`."""

import os
import sys
from pathlib import Path

import click

from benchmarks.engine import machine, report
from benchmarks.engine.schema import Results
from benchmarks.engine.suite import DEFAULT, QUICK, Suite
from nst.engine.device import resolve_device

RESULTS = Path(__file__).resolve().parents[1] / "results"


@click.command()
@click.option("--quick", is_flag=True, help="A smoke run, kept only where --output says.")
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
    quick: bool, device: str, weights_dir: Path | None, output: Path | None, show: Path | None
) -> None:
    """Measure the method beside the naive loop, print the tables, keep the numbers."""
    if show:
        click.echo(report.render(Results.model_validate_json(show.read_text())))
        return
    plan = QUICK if quick else DEFAULT
    results = Suite(plan, resolve_device(device), weights_dir, say=_say).run()
    if not output and not quick:
        output = RESULTS / machine.file_name(results.suite, results.machine)
    if output:
        _write(results, output)
    click.echo(report.render(results))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _write(results: Results, path: Path) -> None:
    """Under a temporary name first, so that an interrupted run leaves no half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(results.model_dump_json(indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)


if __name__ == "__main__":
    main()
