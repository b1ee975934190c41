"""Directories of the images that the benchmarks paint, with content/ and style/ in them."""

import os
from pathlib import Path

SAMPLES = Path(__file__).resolve().parents[1] / "data"
BY_DEFAULT = "images/ in the directory that NST_TEST_ASSETS names, or else the samples in data/"


def assets() -> Path | None:
    """Return the directory of images that the project may not ship, as in the tests."""
    directory = os.environ.get("NST_TEST_ASSETS")
    return Path(directory) / "images" if directory else None


def assets_or_samples() -> Path:
    return assets() or SAMPLES
