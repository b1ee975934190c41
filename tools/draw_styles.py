"""Draws the style pictures, data/style/*.jpg: all of them, or those named as arguments.

Every picture is computed from a fixed seed, so a run always gives the same one.
"""

import argparse
import importlib
import logging
from pathlib import Path

from sample_pictures import save_jpeg
from styles.paint import to_image

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
STYLE_FOLDER = Path(__file__).resolve().parent.parent / "data" / "style"


def main() -> None:
    """Draws the pictures named on the command line."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PICTURES))
    STYLE_FOLDER.mkdir(parents=True, exist_ok=True)
    for name in parser.parse_args().names or PICTURES:
        path = STYLE_FOLDER / f"{name}.jpg"
        save_jpeg(to_image(importlib.import_module(f"styles.{name}").draw()), path)
        logging.info("%s: %d kB", path.name, path.stat().st_size // 1000)


if __name__ == "__main__":
    main()
