"""Paints docs/gallery.jpg, a contact sheet of three photographs in three styles."""

import sys
from pathlib import Path

from PIL import Image, ImageOps

from nst import Inputs, NeuralStyleTransfer, StyleTransferOptions
from nst.image_writer import save

DATA = Path("data")
CONTENTS = ("cat", "rocket", "coffee")
STYLES = ("impasto", "woodcut_waves", "stained_glass")
TILE = (384, 256)
GAP_PIXELS = 8
OPTIONS = StyleTransferOptions.from_preset("quality", model="vgg16", size=TILE[0])


def paint_rows() -> list[list[Image.Image]]:
    """Return the rows of the sheet.
    The first row has the styles; each other row has a photograph, then its paintings."""
    transfer = NeuralStyleTransfer(OPTIONS)
    styles = [Image.open(DATA / "style" / f"{name}.jpg") for name in STYLES]
    rows = [[Image.new("RGB", TILE, "white"), *styles]]
    for name in CONTENTS:
        content = Image.open(DATA / "content" / f"{name}.jpg")
        rows.append([content])
        for style_name, style in zip(STYLES, styles, strict=True):
            print(f"{name} in the style of {style_name}", file=sys.stderr)
            rows[-1].append(transfer.run(Inputs(content, style)).image)
    return rows


def contact_sheet(rows: list[list[Image.Image]]) -> Image.Image:
    width, height = (side + GAP_PIXELS for side in TILE)
    size = (width * len(rows[0]) - GAP_PIXELS, height * len(rows) - GAP_PIXELS)
    sheet = Image.new("RGB", size, "white")
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            sheet.paste(ImageOps.fit(image, TILE), (x * width, y * height))
    return sheet


if __name__ == "__main__":
    print(save(contact_sheet(paint_rows()), Path("docs/gallery.jpg"), overwrite=True))
