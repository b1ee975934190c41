"""The command line as a person uses it: in this process where that is enough, else as a process."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image

from nst import Inputs, NeuralStyleTransfer, bootstrap
from nst.cli.compatible import command as compatible_command
from nst.cli.errors import run
from nst.cli.main import main
from support.pictures import SAMPLES

NST = str(Path(sys.executable).with_name("nst"))


@dataclass
class Outcome:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def error_lines(self) -> list[str]:
        return self.err.strip().splitlines()


Nst = Callable[..., Outcome]


@pytest.fixture
def nst(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Nst:
    """Runs `nst` with these arguments in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Outcome:
        bootstrap.settings.cache_clear()  # each command is a process, which loads them once
        with pytest.raises(SystemExit) as caught:
            main([str(argument) for argument in arguments])
        return outcome(caught.value, capsys)

    return call


@pytest.fixture
def detail_maps(monkeypatch: pytest.MonkeyPatch) -> list[Image.Image | None]:
    """The detail maps that transfers are given, one after the other."""
    maps: list[Image.Image | None] = []

    def remember(name: str) -> None:
        begin = getattr(NeuralStyleTransfer, name)

        def call(transfer: NeuralStyleTransfer, inputs: Inputs, *rest: Any, **facts: Any) -> Any:
            maps.append(cast("Image.Image | None", inputs.detail_map))
            return begin(transfer, inputs, *rest, **facts)

        monkeypatch.setattr(NeuralStyleTransfer, name, call)

    remember("run")
    remember("steps")
    return maps


@pytest.fixture
def compatible(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Nst:
    """Runs `neural_style_transfer.py` with these arguments in an empty directory."""
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
    """The picture in a file, which is closed again."""
    with Image.open(path) as image:
        image.load()
    return image


def process(*arguments: object, cwd: Path, **environment: str) -> subprocess.Popen[str]:
    """`nst` as a process of its own."""
    return subprocess.Popen(
        [NST, *(str(argument) for argument in arguments)],
        cwd=cwd,
        env=os.environ | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
