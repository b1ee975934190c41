"""Writes .env for compose.yaml from .env.example, with a random word wherever one is missing."""

import os
import re
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def filled(example: str) -> str:
    """Every `NAME=` without a value gets one that is safe inside an address."""
    return re.sub(r"^[A-Z]\w*=$", lambda m: m[0] + secrets.token_hex(24), example, flags=re.M)


def main(example: Path, target: Path) -> None:
    """Raises FileExistsError: passwords that are in use are not replaced."""
    own = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(own, "w") as file:
        file.write(filled(example.read_text()))


if __name__ == "__main__":
    try:
        main(ROOT / ".env.example", ROOT / ".env")
    except FileExistsError:
        sys.exit(".env is there already; its passwords stay as they are")
