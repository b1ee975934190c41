"""The documentation as a site: it builds, its reference is complete, its examples run."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import imports
from conftest import REPOSITORY, SAMPLES
from nst.errors import NSTError
from nst.options import PRESETS, StyleTransferOptions

TUTORIALS = sorted((REPOSITORY / "docs" / "tutorials").glob("*.md"))


def examples(language: str) -> list[tuple[str, str]]:
    block = re.compile(rf"```{language}\n(.*?)```", re.DOTALL)
    return [(page.stem, found) for page in TUTORIALS for found in block.findall(page.read_text())]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built with broken links as errors."""
    directory = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(directory)]
    quiet = {"NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true"}
    built = subprocess.run(
        command,
        cwd=REPOSITORY,
        env={**os.environ, **quiet},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return directory


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples find the sample pictures and leave theirs."""
    directory = tmp_path_factory.mktemp("workplace")
    (directory / "data").symlink_to(SAMPLES)
    return directory


def run(command: list[str], workplace: Path) -> str:
    binaries = Path(sys.executable).parent
    finished = subprocess.run(
        command,
        cwd=workplace,
        env={**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.parametrize(("page", "block"), examples("sh"))
def test_commands(page: str, block: str, workplace: Path) -> None:
    said = run(["bash", "-ec", block], workplace)
    assert re.search(r"\.(png|jpg)$", said, re.MULTILINE), said


@pytest.mark.parametrize(("page", "block"), examples("python"))
def test_python(page: str, block: str, workplace: Path) -> None:
    for earlier in workplace.glob("*.png"):
        earlier.unlink()
    assert run([sys.executable, "-c", block], workplace)
    assert list(workplace.glob("*.png"))


def page_of(site: Path, name: str) -> str:
    return (site / "reference" / name / "index.html").read_text()


def test_every_option_and_preset_is_in_the_reference(site: Path) -> None:
    page = page_of(site, "options")
    for name in [*StyleTransferOptions.model_fields, *PRESETS]:
        assert f"<code>{name}</code>" in page


def test_every_error_is_in_the_reference(site: Path) -> None:
    def subclasses(cls: type[NSTError]) -> Iterator[type[NSTError]]:
        for child in cls.__subclasses__():
            yield child
            yield from subclasses(child)

    page = page_of(site, "errors")
    for cls in subclasses(NSTError):
        assert f"<code>{cls.code}</code>" in page


def test_the_commands_and_routes_are_in_the_reference(site: Path) -> None:
    commands, routes = page_of(site, "commands"), page_of(site, "routes")
    for name in ("stylize", "batch", "video", "serve", "worker", "migrate", "weights", "doctor"):
        assert re.search(rf">{name}\b", commands)
    for route in ("POST /api/v1/jobs", "GET /api/v1/options", "GET /healthz"):
        assert route in routes


def test_the_metrics_are_in_the_reference(site: Path) -> None:
    assert "nst_jobs" in page_of(site, "metrics")


def test_the_picture_of_the_imports_is_the_code_s() -> None:
    assert imports.PICTURE.read_text() == imports.svg(), "run tools/imports.py"
