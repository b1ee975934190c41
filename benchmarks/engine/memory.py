"""Peak memory of a variant, in a process of its own: `python -m benchmarks.engine.memory …`."""

import json
import resource
import subprocess
import sys
from collections.abc import Iterable
from inspect import signature
from pathlib import Path
from typing import get_args

import click
import torch

from benchmarks import naive
from benchmarks.engine.schema import Model, PeakMemory, Variant
from benchmarks.engine.subjects import CONTENT, STYLE, Subject, store_for
from benchmarks.engine.timing import spread
from nst.engine.optimize import LBFGS

REPOSITORY = Path(__file__).resolve().parents[2]


def measure_memory(subject: Subject, weights_dir: Path | None, *, repeats: int) -> PeakMemory:
    naive_bytes, our_bytes = [], []
    for _ in range(repeats):
        naive_bytes.append(_peak_in_subprocess(subject, weights_dir, "naive"))
        our_bytes.append(_peak_in_subprocess(subject, weights_dir, "ours"))
    width, height = subject.size
    pair_bytes = 2 * 3 * width * height * torch.float32.itemsize
    our_pairs = signature(LBFGS).parameters["history_size"].default
    by_naive, by_ours = spread(naive_bytes), spread(our_bytes)
    return PeakMemory(
        model=subject.model,
        width_pixels=width,
        height_pixels=height,
        evaluations=subject.evaluations,
        naive_bytes=by_naive,
        our_bytes=by_ours,
        ratio=by_naive.median / by_ours.median,
        naive_history_bytes=naive.HISTORY_SIZE * pair_bytes,
        our_history_bytes=our_pairs * pair_bytes,
    )


def _peak_in_subprocess(subject: Subject, weights_dir: Path | None, variant: Variant) -> int:
    command = [
        *(sys.executable, "-m", "benchmarks.engine.memory", variant, subject.model),
        *("--height", str(subject.height_pixels), "--evaluations", str(subject.evaluations)),
        *("--device", subject.device.type),
        *(("--weights-dir", str(weights_dir)) if weights_dir else ()),
    ]
    output = subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE).stdout
    return int(json.loads(output)["peak_bytes"])


@click.command()
@click.argument("variant", type=click.Choice(get_args(Variant)))
@click.argument("model", type=click.Choice(get_args(Model)))
@click.option("--height", type=int, required=True)
@click.option("--evaluations", type=int, required=True)
@click.option("--device", required=True)
@click.option("--weights-dir", type=click.Path(path_type=Path))
def main(
    variant: Variant,
    model: Model,
    height: int,
    evaluations: int,
    device: str,
    weights_dir: Path | None,
) -> None:
    """Print what one transfer needs at most, above what imports and weights hold."""
    store = store_for(model, weights_dir)
    subject = Subject(model, height, store, torch.device(device), evaluations)
    assert subject.ours.weights  # loads them
    gauge = Gauge(subject.device)
    if variant == "naive":
        subject.naive.run(evaluations)
    else:
        _exhaust(subject, evaluations)
    click.echo(json.dumps({"peak_bytes": gauge.peak_bytes()}))


def _exhaust(subject: Subject, evaluations: int) -> None:
    for progress in subject.ours.steps(CONTENT, STYLE):
        if progress.evaluations >= evaluations:
            return


class Gauge:
    """The highest memory use above that at its making."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            self._baseline = torch.cuda.memory_allocated(device)
        else:
            self._baseline = _reset_peak_resident()

    def peak_bytes(self) -> int:
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device) - self._baseline
        return _peak_resident() - self._baseline


CLEAR_REFS = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")


def _reset_peak_resident() -> int:
    """Forget the peak so far, where the system can (Linux); the peak from which to count.

    ru_maxrss alone would not do there: a child begins with its parent's, which is the larger.
    """
    if CLEAR_REFS.exists():
        CLEAR_REFS.write_text("5")  # proc(5): resets the peak to what is resident now
    return _peak_resident()


def _peak_resident() -> int:
    if STATUS.exists():
        return _kilobytes("VmHWM", STATUS.read_text().splitlines()) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _kilobytes(field: str, lines: Iterable[str]) -> int:
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


if __name__ == "__main__":
    main()
