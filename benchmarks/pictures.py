"""Directories of the images that the benchmarks paint, with content/ and style/ in them."""

import os
from pathlib import Path

import click

from nst.image_files import readable_suffixes

SAMPLES = Path(__file__).resolve().parents[1] / "data"
BY_DEFAULT = "images/ in the directory that NST_TEST_ASSETS names, or else the samples in data/"


def assets() -> Path | None:
    """Return the directory of images that the project may not ship, as in the tests."""
    directory = os.environ.get("NST_TEST_ASSETS")
    return Path(directory) / "images" if directory else None


def assets_or_samples() -> Path:
    return assets() or SAMPLES


def contents_and_styles(directory: Path) -> tuple[list[Path], list[Path]]:
    """Return the images in content/ and in style/. Raises UsageError if there are none."""
    contents, styles = (_pictures(directory / kind) for kind in ("content", "style"))
    return contents, styles


def _pictures(directory: Path) -> list[Path]:
    files = sorted(directory.iterdir()) if directory.is_dir() else []
    found = [file for file in files if file.suffix.lower() in readable_suffixes()]
    if not found:
        raise click.UsageError(
            f"there are no pictures in {directory}; name another directory with --pictures"
        )
    return found
