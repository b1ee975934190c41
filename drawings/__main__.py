"""Command `python -m drawings`."""

import argparse
import importlib
import logging
from pathlib import Path

import drawings
from drawings.paint import to_image
from nst import files

PICTURES = (
    "impasto",
    "stained_glass",
    "woodcut_waves",
    "pointillism",
    "watercolour",
    "cubist",
    "orphism",
    "mosaic",
)
DIRECTORY = Path(__file__).resolve().parents[1] / "data" / "style"
JPEG_QUALITY = 92


def main() -> None:
    """Draw the images that are named on the command line."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(prog="python -m drawings", description=drawings.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PICTURES))
    for name in parser.parse_args().names or PICTURES:
        path = draw(name, DIRECTORY)
        logging.info("%s: %d kB", path.name, path.stat().st_size // 1000)


def draw(name: str, directory: Path) -> Path:
    """Draw one image and return its file."""
    picture = to_image(importlib.import_module(f"drawings.{name}").draw())

    def write(temporary: Path) -> None:
        picture.save(temporary, "JPEG", quality=JPEG_QUALITY, subsampling="4:4:4")

    return files.write_file(directory / f"{name}.jpg", write, overwrite=True)


if __name__ == "__main__":
    main()
