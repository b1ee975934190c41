"""`pip install nst` and `nst[service]` need nothing of the repository."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from PIL import Image

import nst
from support.assets import REPOSITORY
from support.nst_serve import serve

ALONE = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def run(*command: str | Path, directory: Path) -> str:
    finished = subprocess.run(
        command, cwd=directory, env=ALONE, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source distribution, and the wheel from it; return their directory."""
    directory = tmp_path_factory.mktemp("built")
    exists = ("--old-file=.venv/installed-dev", "--old-file=page")
    run("make", *exists, "dist", f"DIST={directory}", directory=REPOSITORY)
    return directory


@pytest.fixture(scope="module")
def plain(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the programs of an environment with the wheel and its dependencies only."""
    directory = tmp_path_factory.mktemp("clean")
    run(sys.executable, "-m", "venv", "--without-pip", directory, directory=directory)
    install(directory / "bin", built)
    return directory / "bin"


@pytest.fixture(scope="module")
def with_service(plain: Path, built: Path) -> Path:
    install(plain, built, "[service]")
    return plain


def install(programs: Path, built: Path, extra: str = "") -> None:
    (wheel,) = built.glob("*.whl")
    constraints = f"--constraint={REPOSITORY / 'constraints.txt'}"
    # A new environment has an old pip, which takes twice as long. Compiling every module of torch
    # takes most of a minute; few of them are imported.
    pip = (sys.executable, "-m", "pip", f"--python={programs / 'python'}")
    install = ("install", "--quiet", "--no-compile", constraints)
    run(*pip, *install, f"{wheel}{extra}", directory=built)


def test_both_have_the_version_of_the_package(built: Path, plain: Path, tmp_path: Path) -> None:
    (source,) = built.glob("*.tar.gz")
    assert source.name == f"nst-{nst.__version__}.tar.gz"
    assert run(plain / "nst", "--version", directory=tmp_path).split()[-1] == nst.__version__


def test_the_locked_backend_has_built_it(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        facts = archive.read(f"nst-{nst.__version__}.dist-info/WHEEL").decode()
    lock = (REPOSITORY / "deploy" / "requirements" / "build.txt").read_text()
    locked = re.search(r"^hatchling==(\S+)", lock, re.MULTILINE)
    assert locked
    assert f"Generator: hatchling {locked[1]}\n" in facts


def test_the_source_has_nothing_that_is_not_needed(built: Path) -> None:
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        top = {Path(name).parts[1] for name in archive.getnames()}
    needed = {"src", "data", "README.md", "LICENSE", "pyproject.toml", "PKG-INFO"}
    assert needed <= top <= needed | {".gitignore"}


def test_it_paints(plain: Path, content: Path, style: Path, tmp_path: Path) -> None:
    few = ["--preset=fast", "--size=64", "--total-iterations=3"]
    run(plain / "nst", "stylize", content, style, *few, "-o", "painted.png", directory=tmp_path)
    with Image.open(tmp_path / "painted.png") as picture:
        assert max(picture.size) == 64


def test_what_is_not_installed_is_named(plain: Path, tmp_path: Path) -> None:
    refused = subprocess.run(
        [plain / "nst", "serve"],
        cwd=tmp_path,
        env=ALONE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "pip install 'nst[service]'" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_it_serves_the_page_and_paints_a_sample(with_service: Path, tmp_path: Path) -> None:
    with serve(tmp_path, program=with_service / "nst") as server:
        page = server.client.get("/").raise_for_status()
        assert page.headers["content-type"].startswith("text/html")
        assert '<div id="app">' in page.text
        form = {"sample_content": "rocket", "sample_style": "mosaic", "preset": "fast"}
        few = {"size": "64", "total_iterations": "3"}
        job = server.client.post("/api/v1/jobs", data=form | few).raise_for_status().json()
        assert server.finished(job["id"])["status"] == "succeeded"
        result = server.client.get(f"/api/v1/jobs/{job['id']}/result").raise_for_status()
        assert result.headers["content-type"] == "image/png"
