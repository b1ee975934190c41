"""Runners of the command line: in this process, or as a process of their own."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nst import Inputs, NeuralStyleTransfer, bootstrap
from nst.cli.compatible import command as compatible_command
from nst.cli.errors import run
from nst.cli.main import main
from nst.engine import style_transfer
from nst.engine.inputs import Pictures
from nst.engine.memory import budget
from support.pictures import SAMPLES

NEW_PROCESS_BYTES = 300_000_000
"""Memory that a new process holds when its transfer is planned, about."""

NST = str(Path(sys.executable).with_name("nst"))


@dataclass
class Outcome:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def error_lines(self) -> list[str]:
        return self.err.strip().splitlines()


Nst = Callable[..., Outcome]


@pytest.fixture
def new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plan memory as in a process of its own, whatever other tests have left in this one."""
    for module in (style_transfer, budget):
        monkeypatch.setattr(module, "used_bytes", lambda _device: NEW_PROCESS_BYTES)


@pytest.fixture
def nst(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    new_process: None,
    tmp_path: Path,
) -> Nst:
    """Return a function that runs `nst` with its arguments in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Outcome:
        bootstrap.settings.cache_clear()  # a command in its own process would load them anew
        with pytest.raises(SystemExit) as caught:
            main([str(argument) for argument in arguments])
        return outcome(caught.value, capsys)

    return call


@pytest.fixture
def detail_maps(monkeypatch: pytest.MonkeyPatch) -> list[Image.Image | None]:
    """Return the detail maps that transfers use, in their order."""
    maps: list[Image.Image | None] = []

    def remember(name: str) -> None:
        begin = getattr(NeuralStyleTransfer, name)

        def call(transfer: NeuralStyleTransfer, inputs: Inputs, *rest: Any, **facts: Any) -> Any:
            maps.append(Pictures.load(inputs, transfer.options).detail)
            return begin(transfer, inputs, *rest, **facts)

        monkeypatch.setattr(NeuralStyleTransfer, name, call)

    remember("run")
    remember("steps")
    return maps


@pytest.fixture
def compatible(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    new_process: None,
    tmp_path: Path,
) -> Nst:
    """Return a function that runs `neural_style_transfer.py` in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Outcome:
        with pytest.raises(SystemExit) as caught:
            run(
                compatible_command(SAMPLES),
                "neural_style_transfer.py",
                [str(argument) for argument in arguments],
            )
        return outcome(caught.value, capsys)

    return call


def outcome(error: SystemExit, capsys: pytest.CaptureFixture[str]) -> Outcome:
    code = error.code or 0
    assert isinstance(code, int)
    return Outcome(code, *capsys.readouterr())


def saved(path: Path | str) -> Image.Image:
    """Return the image in a file, and close the file."""
    with Image.open(path) as image:
        image.load()
    return image


def process(*arguments: object, cwd: Path, **environment: str) -> subprocess.Popen[str]:
    """Start `nst` as a process of its own."""
    return subprocess.Popen(
        [NST, *(str(argument) for argument in arguments)],
        cwd=cwd,
        env=os.environ | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
