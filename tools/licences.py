"""Lists the licences of the container images' packages, in docs/licences.md."""

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "deploy" / "requirements"
PAGE = ROOT / "docs" / "licences.md"

HEAD = """# Licences

`nst` itself is MIT. The table lists what its container images install beside it, with the licence
that each package states; `make licences` writes it. The build of the page lists its own parts and
serves the list as `/licences.md`. For the bundled weights see `src/nst/engine/bundled/README.md`,
for the sample images `data/README.md`. The image for NVIDIA's GPUs also contains NVIDIA's
libraries (`nvidia-*`, `cuda-*`). These are not free: their licences allow use, and redistribution
only within their terms.

| package | version | licence |
|---|---|---|
"""


EXTRAS = """
## Extras

The images hold none of these, except the extra `video` where they are built with `VIDEO=1`; `pip`
installs them where somebody asks for the extra. Their own code is BSD-3-Clause, that of OpenCV
Apache-2.0. Their wheels bundle libraries whose licences bind whoever passes the wheels on.

| extra | package | version | libraries in its wheels |
|---|---|---|---|
"""

BUNDLED = (
    ("heic", "pi-heif", "libheif and libde265: LGPL-3.0"),
    ("video", "av", "FFmpeg: LGPL-3.0; x264 and x265: GPL-2.0"),
    ("video", "opencv-python-headless", "FFmpeg: LGPL-2.1"),
)
"""Extras, packages, and licences of the libraries in their wheels.
The licences are those that the packages state."""

NOT_HERE = {"async-timeout": "Apache-2.0"}
"""Packages that only Debian's Python 3.11.2 needs."""


def locked(image: str) -> dict[str, str]:
    """Return the locked versions of an image's packages, by name."""
    text = (LOCKS / f"{image}.txt").read_text()
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))


def licences(names: list[str]) -> list[dict[str, str]]:
    """Return the licences of these packages, which must be installed here."""
    ask = [sys.executable, "-m", "piplicenses", "--from=mixed", "--format=json", "--with-system"]
    listed = subprocess.run([*ask, "--packages", *names], check=True, capture_output=True)
    found: list[dict[str, str]] = json.loads(listed.stdout)
    return found


def text() -> str:
    """Return the text of the page."""
    versions = locked("api") | locked("worker")
    found = {row["Name"]: _short(row["License"]) for row in licences([*versions])} | NOT_HERE
    images = "".join(
        f"| {name} | {versions[canonicalize_name(name)]} | {found[name]} |\n"
        for name in sorted(found, key=str.lower)
    )
    extras = "".join(
        f"| {extra} | {name} | {version(name)} | {libraries} |\n"
        for extra, name, libraries in BUNDLED
    )
    return HEAD + images + EXTRAS + extras


def _short(licence: str) -> str:
    """Return the name of a licence; some packages have the whole text in its place."""
    return licence.strip().splitlines()[0].replace("|", "/")


if __name__ == "__main__":
    PAGE.write_text(text())
    print(PAGE)
