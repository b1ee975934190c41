"""Command `python -m benchmarks.service`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import torch

import nst
from benchmarks.engine import files, machine
from benchmarks.engine.schema import today
from benchmarks.service import client, report
from benchmarks.service.cost import measure_cost
from benchmarks.service.schema import Results
from benchmarks.service.server import running

RESULTS = Path(__file__).resolve().parents[1] / "results"
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """Amounts of requests, streams and jobs to measure."""

    cost_requests: int = 50
    submits_per_second: Sequence[float] = (2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 50)
    submit_seconds: float = 20
    streams: int = 500
    stream_seconds: float = 20
    jobs: int = 500
    warm_up_requests: int = 1000
    requests: int = 10_000


QUICK = Plan(
    cost_requests=3,
    submits_per_second=(4,),
    submit_seconds=2,
    streams=20,
    stream_seconds=2,
    jobs=10,
    warm_up_requests=50,
    requests=100,
)


@click.command()
@click.option("--quick", is_flag=True, help="A smoke run, kept only where --output says.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="The results file; by default in benchmarks/results, named after the machine.",
)
@click.option(
    "--show", type=click.Path(path_type=Path, exists=True), help="Only print this results file."
)
def main(quick: bool, output: Path | None, show: Path | None) -> None:
    """Measure the service from outside, print a table, keep the numbers."""
    if show:
        click.echo(report.render(Results.model_validate_json(show.read_text(encoding="utf-8"))))
        return
    results = measure(QUICK if quick else Plan(), quick=quick)
    if not output and not quick:
        output = RESULTS / machine.file_name(results.suite, results.machine)
    if output:
        files.write(results, output)
    click.echo(report.render(results))


def measure(plan: Plan, *, quick: bool) -> Results:
    _say("cost of a submission")
    cost = measure_cost(plan.cost_requests)
    with running(workers=0) as server:
        _say("submits")
        submits = [*client.measure_rates(server, plan.submits_per_second, plan.submit_seconds)]
    with running(workers=0) as server:
        _say("memory")
        memory = client.measure_memory(server, plan.warm_up_requests, plan.requests)
    with running(WORKERS) as server:
        _say("throughput")
        throughput = client.measure_throughput(server, WORKERS, plan.jobs)
        _say("streams")
        streams = client.measure_streams(server, plan.streams, plan.stream_seconds)
    return Results(
        nst_version=nst.__version__,
        machine=machine.describe(torch.device("cpu")),
        measured_on=today(),
        quick=quick,
        cost=cost,
        submits=submits,
        streams=streams,
        throughput=throughput,
        memory=memory,
    )


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
