"""Contact sheet: many images, small and with their names, on one page or more."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from nst import images, transparency
from nst.errors import InvalidImage

THUMBNAIL_PIXELS = 200
"""Longest side of a thumbnail in pixels; it is shorter if the page would be
too large."""
PAGE_PIXELS = 12_000
"""Approximate maximum of the longest side of the page, in pixels."""
PAGE_CELLS = 200
"""Maximum number of rows and of columns of a page.
A JPEG file has at most 65 500 pixels a side."""
GAP_PIXELS = 8
FONT_PIXELS = 13


@dataclass(frozen=True, slots=True)
class Cell:
    """A place on the page, which stays white without a file that can be read."""

    name: str
    file: Path | None
    note: str = ""
    """Note on the image, printed after its name."""

    @property
    def label(self) -> str:
        return ": ".join(filter(None, (self.name, self.note)))


def pages_of(rows: Sequence[Sequence[Cell]], *, is_table: bool) -> Iterator[list[list[Cell]]]:
    """Yield the rows of each page.

    `is_table`: whether every page repeats the first row and the first column.
    """
    heads = 1 if is_table else 0
    most = PAGE_CELLS - heads
    for top in range(heads, len(rows), most):
        taken = [*rows[:heads], *rows[top : top + most]]
        for left in range(heads, len(rows[0]), most):
            yield [[*row[:heads], *row[left : left + most]] for row in taken]


def contact_sheet(rows: Sequence[Sequence[Cell]]) -> Image.Image:
    """Return the page. `rows`: at least one, and all of the same length."""
    columns = len(rows[0])
    side = max(32, min(THUMBNAIL_PIXELS, PAGE_PIXELS // max(columns, len(rows)) - GAP_PIXELS))
    width, height = side + GAP_PIXELS, side + GAP_PIXELS + FONT_PIXELS + GAP_PIXELS
    page = Image.new("RGB", (columns * width + GAP_PIXELS, len(rows) * height), "white")
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            _paste(page, cell, (column * width + GAP_PIXELS, row * height + GAP_PIXELS), side)
    return page


def _paste(page: Image.Image, cell: Cell, corner: tuple[int, int], side: int) -> None:
    left, top = corner
    if thumbnail := _thumbnail(cell.file, side):
        left_over, top_over = side - thumbnail.width, side - thumbnail.height
        page.paste(thumbnail, (left + left_over // 2, top + top_over))
    font = ImageFont.load_default(FONT_PIXELS)
    name = cell.label
    while name and font.getlength(name) > side:
        name = name.removesuffix("…")[:-1] + "…" if len(name) > 2 else ""
    ImageDraw.Draw(page).text((left + side / 2, top + side + 2), name, "black", font, anchor="ma")


def _thumbnail(file: Path | None, side: int) -> Image.Image | None:
    if file is None or not file.is_file():
        return None
    try:
        image = transparency.flatten(images.load(file, "content"))
    except InvalidImage:
        return None
    image.thumbnail((side, side))
    return image
