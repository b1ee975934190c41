"""The documentation of installing is right."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from support.assets import REPOSITORY

INSTALLING = (REPOSITORY / "docs" / "installing.md").read_text()
DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


@pytest.fixture
def conda() -> list[Any]:
    """Return the dependencies of environment.yml; the last one has those for pip."""
    found: list[Any] = yaml.safe_load((REPOSITORY / "environment.yml").read_text())["dependencies"]
    return found


def test_conda_has_the_python_that_the_package_needs(conda: list[Any]) -> None:
    (python,) = (line.removeprefix("python=") for line in conda if str(line).startswith("python="))
    assert python in SpecifierSet(PROJECT["requires-python"])
    assert f"Python {python} or newer" in INSTALLING


def test_conda_has_the_node_that_the_page_needs(conda: list[Any]) -> None:
    package = json.loads((REPOSITORY / "frontend" / "package.json").read_text())
    least = package["engines"]["node"].removeprefix(">=")
    assert f"nodejs>={least}" in conda
    assert f"Node {least} or newer" in INSTALLING


def test_conda_installs_the_package_with_extras_that_it_has(conda: list[Any]) -> None:
    constraint, editable = conda[-1]["pip"]
    assert constraint == "--constraint=constraints.txt"
    assert (REPOSITORY / "constraints.txt").is_file()
    extras = re.fullmatch(r"--editable=\.\[(.+)\]", editable)
    assert extras
    everything_for_users = set(PROJECT["optional-dependencies"]) - {"dev", "tools"}
    assert set(extras[1].split(",")) == everything_for_users


def test_what_nobody_has_tried_is_said() -> None:
    for title in ("Windows", "macOS", "conda"):
        section = INSTALLING.split(f"\n## {title}\n")[1].split("\n## ")[0]
        assert re.search(r"tried", section), title


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_promises_a_package_that_no_index_has(document: Path) -> None:
    """An extra is allowed, because pip adds it to the installed package."""
    for line in document.read_text().splitlines():
        for promised in re.findall(r"pip install (?:--\S+ )*'?nst\b(?!-)\S*", line):
            is_extra = re.search(r"nst\[(video|heic)\]", promised)
            assert is_extra or re.search(r"no `|somebody else", line), line


def test_every_extra_that_is_named_is_there() -> None:
    named = {
        extra
        for document in DOCUMENTS
        for extras in re.findall(r"(?:nst|\.|whl)\[([a-z,]+)\]", document.read_text())
        for extra in extras.split(",")
    }
    assert {"service", "video", "heic"} <= named <= set(PROJECT["optional-dependencies"])


def test_every_verb_of_make_that_is_named_is_there() -> None:
    verbs = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)|^make ([a-z-]+)", INSTALLING, re.MULTILINE))
    assert {first or second for first, second in named} <= verbs


def test_an_extra_is_added_without_an_index() -> None:
    """pip finds the installed nst, and installs no other package of this name."""
    pip = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "--no-deps"]
    said = subprocess.run([*pip, "nst[video]"], capture_output=True, text=True, check=True)
    assert "Requirement already satisfied: nst[video]" in said.stdout


WITHOUT_UNIX = """
import sys
for name in ("fcntl", "grp", "gunicorn", "pwd", "resource", "syslog", "termios"):
    sys.modules[name] = None
sys.modules["sympy"] = None  # for which PyTorch takes half a second where it checks a shape
from nst.cli.main import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize("options", [["--preset=draft"], ["--preset=fast", "--total-iterations=1"]])
def test_painting_needs_nothing_that_only_unix_has(
    tmp_path: Path, content: Path, style: Path, options: list[str]
) -> None:
    program: list[str | Path] = [sys.executable, "-c", WITHOUT_UNIX, "stylize", content, style]
    finished = subprocess.run(
        [*program, "-o", "out.png", "--size=48", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert (tmp_path / "out.png").is_file()
