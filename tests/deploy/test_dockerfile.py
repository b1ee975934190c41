"""The Dockerfile, the files that it copies, and the locks of what it installs."""

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import lock
from nst.api.page import SECURITY_HEADERS
from support.assets import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
STAND_INS = REPOSITORY / "tests" / "compose" / "stand_ins" / "Dockerfile"
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
HADOLINT = Path(sys.executable).parent / "hadolint"


def locked(image: str) -> dict[str, str]:
    """Return the locked versions of an image by package."""
    text = (lock.LOCKS / f"{image}.txt").read_text()
    return {
        canonicalize_name(name): version
        for name, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)
    }


def constrained() -> dict[str, str]:
    lines = (REPOSITORY / "constraints.txt").read_text().split()
    return {canonicalize_name(name): version for name, version in (x.split("==") for x in lines)}


@pytest.mark.parametrize("dockerfile", [DEPLOY / "Dockerfile", STAND_INS])
def test_hadolint_finds_nothing(dockerfile: Path) -> None:
    command = [str(HADOLINT), f"--config={DEPLOY / 'hadolint.yaml'}", str(dockerfile)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_dependabot_can_read_every_base_image() -> None:
    """Dependabot neither expands variables nor proposes versions for names without a tag."""
    stages = re.findall(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, re.MULTILINE)
    assert len(stages) == DOCKERFILE.count("\nFROM ")
    own = {name for _, name in stages}
    external = {image for image, _ in stages} - own
    assert external
    assert all(re.fullmatch(r"[\w./-]+:[\w.-]*\d[\w.-]*", image) for image in external)


def test_shell_scripts_are_well_formed() -> None:
    for script in (DEPLOY / "page" / "serve", REPOSITORY / "tools" / "system-packages"):
        subprocess.run(["sh", "-n", script], check=True)
    stand_ins = (REPOSITORY / "tests" / "compose" / "stand_ins").iterdir()
    for script in {*stand_ins, REPOSITORY / ".ci" / "run"} - {STAND_INS}:
        subprocess.run(["bash", "-n", script], check=True)


@pytest.mark.parametrize("target", ["api", "worker", "page"])
def test_image_runs_as_nobody_and_tells_its_health(target: str) -> None:
    stages = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)
    stage = next(stage for stage in stages if stage.splitlines()[0].endswith(f" AS {target}"))
    parent = next(stage for stage in stages if stage.splitlines()[0].endswith(" AS service"))
    assert "HEALTHCHECK" in stage
    assert "EXPOSE" in stage
    assert "USER 10001:10001" in (stage if target == "page" else parent)


def test_what_is_copied_is_not_ignored() -> None:
    kept = re.findall(r"^!(\S+)$", (REPOSITORY / ".dockerignore").read_text(), re.MULTILINE)
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert any(source == name or source.startswith(f"{name}/") for name in kept), source
            assert "$" in source or (REPOSITORY / source).exists(), source


def test_the_page_has_the_headers_of_the_api() -> None:
    text = (DEPLOY / "page" / "headers.conf").read_text()
    headers = dict(re.findall(r'^add_header (\S+) "(.*)" always;$', text, re.MULTILINE))
    policy = headers["Content-Security-Policy"]
    headers["Content-Security-Policy"] = policy.replace(" @PICTURES@", "").removesuffix("$scripts")
    assert headers == SECURITY_HEADERS


def test_nothing_of_an_installation_without_the_engine_computes() -> None:
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    (contract,) = (c for c in contracts if c["name"] == "Only the engine and learning compute")
    of_films = {"cv2"}  # of the extra video, which images install only on request
    assert set(contract["forbidden_modules"]) == lock.COMPUTING | of_films


@pytest.mark.parametrize("image", ["build", "api", "worker", "worker-cuda", "video"])
def test_lock_has_all_that_is_asked_for_and_hashes(image: str) -> None:
    text = (lock.LOCKS / f"{image}.txt").read_text()
    versions = locked(image)
    for line in lock.wanted()[image]:
        requirement = Requirement(line)
        version = versions[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version, prereleases=True), line
    blocks = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(versions)
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", block) for block in blocks)
    assert "://" not in text
    assert not text.count("--index")


@pytest.mark.parametrize("image", ["build", "api", "worker", "video"])
def test_lock_installs_into_an_empty_environment(image: str, environment: Path) -> None:
    """pip installs, as in the Dockerfile: uv also takes a lock that pip refuses."""
    pip = [sys.executable, "-m", "pip", f"--python={environment}"]
    install = ["install", "--quiet", "--no-compile", "--require-hashes"]
    done = attempt(*pip, *install, f"--requirement={lock.LOCKS / image}.txt")
    if "No matching distribution found for torch" in done.stderr:
        index = re.findall(r"^ARG TORCH_INDEX=(\S+)", DOCKERFILE, re.MULTILINE)
        pytest.skip(f"not checked: pip finds no torch without CUDA; PIP_EXTRA_INDEX_URL={index[0]}")
    assert done.returncode == 0, done.stderr
    installed = run(*pip, "list", "--format=freeze").stdout.split()
    versions = dict(line.split("==") for line in installed)
    assert {canonicalize_name(name): versions[name] for name in versions} == locked(image)


def test_lock_with_cuda_resolves(environment: Path) -> None:
    """The wheels take gigabytes: they are resolved, but not downloaded."""
    uv = Path(sys.executable).parent / "uv"
    install = ["pip", "install", "--no-config", "--dry-run", "--require-hashes"]
    lock_file = lock.LOCKS / "worker-cuda.txt"
    done = run(uv, *install, f"--python={environment}", f"--requirements={lock_file}")
    found = dict(re.findall(r"^ \+ (\S+)==(\S+)$", done.stderr, re.MULTILINE))
    assert found == {
        name: version for name, version in locked("worker-cuda").items() if name in found
    }
    assert {"torch", "nvidia-cudnn-cu13"} <= set(found)


@pytest.fixture
def environment() -> Iterator[Path]:
    """Yield an empty environment.
    It is removed at once, because a gigabyte is installed into it."""
    with tempfile.TemporaryDirectory() as directory:
        run(sys.executable, "-m", "venv", "--without-pip", directory)
        yield Path(directory)


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    done = attempt(*command)
    assert done.returncode == 0, done.stderr
    return done


def attempt(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_lock_pins_a_package_with_and_without_its_extras() -> None:
    hashes = " \\\n    --hash=sha256:0\n"
    asked = f"a==1{hashes}b[x]==2{hashes}"
    assert lock.pinned_without_extras(asked) == f"a==1{hashes}b==2{hashes}b[x]==2{hashes}"


@pytest.mark.parametrize("image", ["api", "worker", "worker-cuda", "video"])
def test_versions_are_those_that_are_tested(image: str) -> None:
    tested = constrained()
    for name, version in locked(image).items():
        if name in tested:
            assert version.partition("+")[0] == tested[name], name


def test_films_are_beside_what_an_image_has() -> None:
    """An image built with VIDEO=1 keeps the versions of all its packages."""
    for image in ("worker", "worker-cuda"):
        both = locked(image).keys() & locked("video").keys()
        assert {name: locked(image)[name] for name in both} == {
            name: locked("video")[name] for name in both
        }
    assert DOCKERFILE.count("ARG VIDEO=\n") == 2


def test_each_image_has_the_torch_it_needs() -> None:
    version = constrained()["torch"]
    assert "torch" not in locked("api")
    assert locked("worker")["torch"] == f"{version}+cpu"
    assert locked("worker-cuda")["torch"] == version
    assert not any(name.startswith("nvidia") for name in locked("worker"))
    assert any(name.startswith("nvidia") for name in locked("worker-cuda"))
