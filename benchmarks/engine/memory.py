"""Peak memory of a variant, in a separate process.

`python -m benchmarks.engine.memory …` is that process.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from inspect import signature
from pathlib import Path
from typing import get_args

import click
import torch

from benchmarks import naive
from benchmarks.engine.schema import LargePicture, Model, PeakMemory, Variant, today
from benchmarks.engine.subjects import Subject, store_for
from benchmarks.engine.timing import spread
from nst.engine.inputs import Inputs
from nst.engine.optimizer.lbfgs import LBFGS

REPOSITORY = Path(__file__).resolve().parents[2]


def measure_memory(subject: Subject, weights_dir: Path | None, *, repeats: int) -> PeakMemory:
    naive_bytes, our_bytes = [], []
    for _ in range(repeats):
        naive_bytes.append(_in_subprocess(subject, weights_dir, "naive").added_bytes)
        our_bytes.append(_in_subprocess(subject, weights_dir, "ours").added_bytes)
    width, height = subject.size
    pair_bytes = 2 * 3 * width * height * torch.float32.itemsize
    our_pairs = signature(LBFGS).parameters["history_size"].default
    by_naive, by_ours = spread(naive_bytes), spread(our_bytes)
    return PeakMemory(
        measured_on=today(),
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


def measure_large_picture(subject: Subject, weights_dir: Path | None) -> LargePicture:
    """Measure a few evaluations of ours within `subject.max_memory_bytes`."""
    assert subject.max_memory_bytes is not None
    started = time.perf_counter()
    peak = _in_subprocess(subject, weights_dir, "ours")
    width, height = subject.size
    return LargePicture(
        measured_on=today(),
        model=subject.model,
        width_pixels=width,
        height_pixels=height,
        max_memory_bytes=subject.max_memory_bytes,
        evaluations=subject.evaluations,
        seconds=time.perf_counter() - started,
        peak_bytes=peak.bytes,
    )


@dataclass(frozen=True, slots=True)
class Peak:
    """Peak memory of a process."""

    bytes: int
    """All memory of the process."""
    added_bytes: int
    """Memory above that of imports and weights."""


def _in_subprocess(subject: Subject, weights_dir: Path | None, variant: Variant) -> Peak:
    bound = subject.max_memory_bytes
    command = [
        *(sys.executable, "-m", "benchmarks.engine.memory", variant, subject.model),
        *("--width", str(subject.size[0]), "--height", str(subject.height_pixels)),
        *("--evaluations", str(subject.evaluations), "--device", subject.device.type),
        *(("--max-memory-bytes", str(bound)) if bound else ()),
        *(("--weights-dir", str(weights_dir)) if weights_dir else ()),
    ]
    output = subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE).stdout
    return Peak(**json.loads(output))


@click.command()
@click.argument("variant", type=click.Choice(get_args(Variant)))
@click.argument("model", type=click.Choice(get_args(Model)))
@click.option("--width", type=int, required=True)
@click.option("--height", type=int, required=True)
@click.option("--evaluations", type=int, required=True)
@click.option("--device", required=True)
@click.option("--max-memory-bytes", type=int)
@click.option("--weights-dir", type=click.Path(path_type=Path))
def main(
    variant: Variant,
    model: Model,
    width: int,
    height: int,
    evaluations: int,
    device: str,
    max_memory_bytes: int | None,
    weights_dir: Path | None,
) -> None:
    """Print the peak memory of one transfer."""
    subject = Subject(
        model,
        height,
        store_for(model, weights_dir),
        torch.device(device),
        evaluations,
        width_pixels=width,
        max_memory_bytes=max_memory_bytes,
    )
    assert subject.ours.weights  # loads them
    gauge = Gauge(subject.device)
    if variant == "naive":
        subject.naive.run(evaluations)
    else:
        _exhaust(subject, evaluations)
    click.echo(json.dumps(asdict(gauge.peak())))


def _exhaust(subject: Subject, evaluations: int) -> None:
    for progress in subject.ours.steps(Inputs(subject.picture, subject.style)):
        if progress.evaluations >= evaluations:
            return


class Gauge:
    """Gauge of the peak memory since its creation."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            self._baseline = torch.cuda.memory_allocated(device)
        else:
            self._baseline = _reset_peak_resident()

    def peak(self) -> Peak:
        if self._device.type == "cuda":
            highest = torch.cuda.max_memory_allocated(self._device)
        else:
            highest = _peak_resident()
        return Peak(highest, highest - self._baseline)


CLEAR_REFS = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")


def _reset_peak_resident() -> int:
    """Reset the peak if the system can (Linux); return the peak from which to count.

    ru_maxrss alone would be wrong on Linux: a child starts with the value of its parent, which is
    larger.
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
