"""Locks the packages of the container images, with versions and hashes.

The locks are in deploy/requirements. The versions are those of constraints.txt, with which the
tests run.
"""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "deploy" / "requirements"

COMPUTING = {"h5py", "numpy", "onnxruntime", "safetensors", "torch"}
ENGINE = COMPUTING | {"pypng", "tifffile"}  # both write results with 16 bits
"""Packages that only the engine's process imports; the API does not need them."""

EXTRAS = ("service", "kafka", "postgres", "redis", "tracing")

PLATFORM = ["--python-version=3.11.2", "--python-platform=x86_64-manylinux_2_28"]
"""Python version and platform of the container images.
The hashes are those of all files of a version, so files for other machines are accepted, too."""

HEADER = "# Made by `make lock` from pyproject.toml and constraints.txt.\n"


def wanted() -> dict[str, list[str]]:
    """Return the requirements of each container image.
    `video` is what an image installs in addition if it is built with VIDEO=1."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = declared["project"]
    everything = [
        *project["dependencies"],
        *(name for extra in EXTRAS for name in project["optional-dependencies"][extra]),
    ]
    return {
        "build": declared["build-system"]["requires"],
        "api": [line for line in everything if Requirement(line).name not in ENGINE],
        "worker": everything,
        "worker-cuda": everything,
        "video": project["optional-dependencies"]["video"],
    }


def constraints(image: str) -> str:
    """Return an image's constraints; the version of torch without CUDA has a suffix."""
    text = (ROOT / "constraints.txt").read_text()
    return re.sub(r"(?m)^torch==.+", r"\g<0>+cpu", text) if image == "worker" else text


def lock(image: str, requirements: Iterable[str], directory: Path) -> str:
    """Return the text of the lock. `directory`: directory for temporary files."""
    asked, allowed = directory / f"{image}.in", directory / f"{image}.constraints"
    asked.write_text("\n".join(requirements))
    allowed.write_text(constraints(image))
    compile_ = ["uv", "pip", "compile", str(asked), f"--constraints={allowed}", *PLATFORM]
    compile_ += ["--generate-hashes", "--no-strip-extras", "--no-header", "--no-annotate"]
    compile_ += ["--no-config", "--quiet"]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [*compile_, *_as_pip_is_configured(image)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    return HEADER + pinned_without_extras(done.stdout)


def pinned_without_extras(text: str) -> str:
    """Return the lock with a line `name==version` before each `name[extra]==version`.

    With --require-hashes, pip requires both pins if one package needs `name[extra]` and another one
    `name`; uv writes only the first.
    """
    return re.sub(
        r"^([\w.-]+)\[.+?\](==.+\n(?: +--hash.+\n)+)",
        r"\1\2\g<0>",
        text,
        flags=re.MULTILINE,
    )


def _as_pip_is_configured(image: str) -> Iterator[str]:
    """Yield options for the package sources of this machine, which no lock names."""
    # A local wheel of torch for the CPU would replace the one with CUDA.
    heard = {"index-url"} if image == "worker-cuda" else {"find-links", "index-url"}
    pip = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(pip, check=True, capture_output=True, text=True).stdout
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        option = key.rpartition(".")[2]
        if option in heard:
            for place in value.strip("'").split():
                yield f"--{option}={place}"


def main(directory: Path) -> None:
    LOCKS.mkdir(exist_ok=True)
    for image, requirements in wanted().items():
        (LOCKS / f"{image}.txt").write_text(lock(image, requirements, directory))
        print(LOCKS / f"{image}.txt")


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        main(Path(name))
