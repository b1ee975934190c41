"""The documentation as a site: it builds, and its reference is complete."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nst.errors import NSTError
from nst.options import StyleTransferOptions
from nst.presets import PRESETS
from support.assets import REPOSITORY


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site, with broken links as errors."""
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
