"""The pictures that come with nst: in the package, or beside it in a checkout."""

from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

from nst.errors import InvalidOption

SampleKind: TypeAlias = Literal["content", "style"]

_PACKAGED = Path(__file__).parent / "samples"
_CHECKOUT = Path(__file__).parents[2] / "data"


@cache
def samples(kind: SampleKind) -> dict[str, Path]:
    """Name → file."""
    folder = (_PACKAGED if _PACKAGED.is_dir() else _CHECKOUT) / kind
    return {file.stem: file for file in sorted(folder.glob("*.jpg"))}


def sample(kind: SampleKind, name: str) -> Path:
    """Raises InvalidOption, which lists the names."""
    known = samples(kind)
    if name not in known:
        raise InvalidOption(f"sample_{kind}", name, f"one of {', '.join(known)}")
    return known[name]
