"""Waiting times before any evaluation: the start of the program, a first image."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks.engine.schema import DraftTime, Spread, StartupTime, today
from benchmarks.engine.subjects import CONTENT, STYLE
from benchmarks.engine.timing import seconds_of_call, spread
from nst import images
from nst.engine.draft import paint_draft

NST = "from nst.cli.main import main; main()"
"""Code that the installed command `nst` runs."""
STARTUPS = {
    "nst --help": (sys.executable, "-c", NST, "--help"),
    "import nst": (sys.executable, "-c", "import nst"),
}


def measure_startups(repeats: int) -> list[StartupTime]:
    return [
        StartupTime(measured_on=today(), command=name, seconds=process_seconds(command, repeats))
        for name, command in STARTUPS.items()
    ]


def measure_draft(size: tuple[int, int], *, repeats: int) -> DraftTime:
    content, style = images.load(CONTENT, "content"), images.load(STYLE, "style")

    def paint() -> object:
        return paint_draft(content, style, size)

    paint()  # loads the network
    cpu = torch.device("cpu")
    warm = [seconds_of_call(paint, cpu) for _ in range(repeats)]
    with TemporaryDirectory() as directory:
        cold = process_seconds(_draft_command(size, Path(directory)), repeats)
    return DraftTime(
        measured_on=today(),
        width_pixels=size[0],
        height_pixels=size[1],
        warm_seconds=spread(warm),
        cold_seconds=cold,
    )


def _draft_command(size: tuple[int, int], directory: Path) -> Sequence[str]:
    output = directory / "draft.png"  # later runs find this file and number their own
    options = ("--preset", "draft", "--size", str(max(size)), "-o", str(output))
    return sys.executable, "-c", NST, "stylize", str(CONTENT), str(STYLE), *options


def process_seconds(command: Sequence[str], repeats: int) -> Spread:
    """Return the seconds of a process from its start to its exit.
    A first run, which fills the file cache, is not counted."""

    def run() -> object:
        return subprocess.run(command, check=True, capture_output=True)

    run()
    return spread([seconds_of_call(run, torch.device("cpu")) for _ in range(repeats)])
