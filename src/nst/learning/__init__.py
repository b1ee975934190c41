"""Learning: a small network learns styles once, then paints any photo in one pass."""

import os
from pathlib import Path

SUFFIX = ".nst"
"""Extension of the files of learned styles."""


def is_style_file(path: str | os.PathLike[str]) -> bool:
    """Return whether the name is that of a learned style."""
    return Path(path).suffix.lower() == SUFFIX
