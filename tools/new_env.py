"""Writes .env for compose.yaml from .env.example, with random passwords."""

import os
import re
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def filled(example: str) -> str:
    """Return the text with a random value for every `NAME=` without one.
    The values are safe inside an address."""
    return re.sub(r"^[A-Z]\w*=$", lambda m: m[0] + secrets.token_hex(24), example, flags=re.M)


def main(example: Path, target: Path) -> None:
    """Write the file; its passwords are never replaced. Raises FileExistsError."""
    own = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(own, "w") as file:
        file.write(filled(example.read_text()))


if __name__ == "__main__":
    try:
        main(ROOT / ".env.example", ROOT / ".env")
    except FileExistsError:
        sys.exit(".env is there already; its passwords stay as they are")
