"""Images that come with nst: in the package, or beside it in a checkout.

`sample:NAME` names one of them wherever an image can be named.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

from nst.errors import ImageRole, InvalidImage, InvalidOption

SampleKind: TypeAlias = Literal["content", "style"]

PREFIX = "sample:"
"""Prefix of the name of an image that comes with nst, in place of a path."""

_PACKAGED = Path(__file__).parent / "samples"
_CHECKOUT = Path(__file__).parents[2] / "data"


@cache
def samples(kind: SampleKind) -> dict[str, Path]:
    """Return the files of the samples by name."""
    folder = (_PACKAGED if _PACKAGED.is_dir() else _CHECKOUT) / kind
    return {file.stem: file for file in sorted(folder.glob("*.jpg"))}


def sample(kind: SampleKind, name: str) -> Path:
    """Return the file of a sample. Raises InvalidOption, which lists the names."""
    known = samples(kind)
    if name not in known:
        raise InvalidOption(f"sample_{kind}", name, f"one of {', '.join(known)}")
    return known[name]


def sample_file(name: str, role: ImageRole) -> Path | None:
    """Return the file of `sample:NAME`; None if the name has no such prefix.

    For role style, style images take precedence; for all other roles, content images. Raises
    InvalidImage, which lists the names.
    """
    if not name.startswith(PREFIX):
        return None
    first, second = ("style", "content") if role == "style" else ("content", "style")
    known = samples(second) | samples(first)
    if file := known.get(name.removeprefix(PREFIX)):
        return file
    names = ", ".join(samples(first))
    raise InvalidImage(role, f"{name} does not come with nst; name a file, or one of {names}")


def sample_with(sha256: str) -> str | None:
    """Return the name of the sample with this SHA-256; None if no sample has it."""
    return _names_by_sha256().get(sha256)


@cache
def _names_by_sha256() -> dict[str, str]:
    files = (samples("content") | samples("style")).items()
    return {hashlib.sha256(file.read_bytes()).hexdigest(): name for name, file in files}
