"""Every command and example of the README, run as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.test_compatible import TABLE
from conftest import REPOSITORY
from nst.options import PRESETS
from nst.settings import Settings

README = (REPOSITORY / "README.md").read_text()
NEEDED = (
    "Makefile", "constraints.txt", "data/content", "data/style", "neural_style_transfer.py",
    "pyproject.toml", "src", "tools",
)  # fmt: skip
NOT_RUN_HERE = {
    "make test": "is what runs this test; .ci/run calls it, see below",
    "nst weights fetch vgg19": "needs the internet; test_nst runs it against a local server",
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    """Of all sh blocks, and those inside sentences."""
    lines = [line for block in blocks("sh") for line in block.strip().splitlines()]
    inline = re.findall(r"`((?:\.venv/bin/|nst weights )[^`]+)`", README)
    return list(dict.fromkeys([*lines, *inline]))


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that looks like the repository, so that results do not land in the real one."""
    directory = tmp_path_factory.mktemp("clone")
    for name in NEEDED:
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).symlink_to(REPOSITORY / name)
    (directory / ".venv").mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (directory / ".venv" / name).symlink_to(Path(sys.prefix) / name)
    (directory / ".venv" / "installed").touch()  # so that make does not install it from here
    return directory


def test_the_readme_has_commands() -> None:
    assert "make demo" in commands()
    assert set(NOT_RUN_HERE) <= set(commands())


@pytest.mark.parametrize("command", [c for c in commands() if c not in NOT_RUN_HERE])
def test_command(clone: Path, command: str) -> None:
    shell = ["bash", "-c", command]
    finished = subprocess.run(shell, cwd=clone, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    for picture in re.findall(r"^(\S+\.(?:png|jpg))$", finished.stdout, re.MULTILINE):
        assert (clone / picture).is_file()
    if "stylize data" in command or "demo" in command:
        assert re.search(r"^\S+\.png$", finished.stdout, re.MULTILINE)


@pytest.mark.parametrize("example", blocks("python"))
def test_python_example(clone: Path, example: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", example], cwd=clone, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert (clone / "library.png").is_file()
    assert finished.stdout.startswith("total_iterations ")


def test_the_table_of_the_compatible_command_is_the_command_s() -> None:
    for name, default in TABLE.items():
        plain = f"{default:g}" if isinstance(default, float) else str(default)
        plain = plain.replace(f"{REPOSITORY}/", "")
        assert re.search(rf"\| `--{name}` \| `?{re.escape(plain)}`? \|", README), name


def test_every_preset_and_every_variable_is_described() -> None:
    for preset in PRESETS:
        assert f"| `{preset}`" in README
    for name in Settings.model_fields:
        assert f"| `NST_{name.upper()}` |" in README


def test_ci_calls_the_test_command_of_the_readme() -> None:
    script = (REPOSITORY / ".ci" / "run").read_text().splitlines()
    assert script[-1] == "make test"


def test_links_lead_somewhere() -> None:
    for document in [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
