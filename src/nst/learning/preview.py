"""Previews of a network.

Every preview shows the same photos, so that one can be compared with the next.
"""

from itertools import product

from PIL import Image

from nst import image_sizes, images
from nst.engine.pictures import levels
from nst.learning.network import StyleNetwork, paint_in
from nst.samples import samples

PHOTOS = 3
"""Number of sample photos in a preview, one per row."""

SIDE_PIXELS = 256
"""Longest side of each photo."""

GAP_PIXELS = 8


def preview(network: StyleNetwork) -> Image.Image:
    """Return a preview: each row shows a photo, then its painting in each style."""
    styles = network.shape.styles
    photos = [images.load(file, "content") for file in list(samples("content").values())[:PHOTOS]]
    cell = SIDE_PIXELS + GAP_PIXELS
    size = ((styles + 1) * cell + GAP_PIXELS, len(photos) * cell + GAP_PIXELS)
    page = Image.new("RGB", size, "white")
    for (row, photo), column in product(enumerate(map(_small, photos)), range(styles + 1)):
        shown = photo if column == 0 else _painted(network, photo, column - 1)
        corner = (column * cell + GAP_PIXELS, row * cell + GAP_PIXELS)
        page.paste(shown, corner)
    return page


def _small(photo: Image.Image) -> Image.Image:
    return images.resize(images.colours(photo), image_sizes.fit(photo.size, SIDE_PIXELS))


def _painted(network: StyleNetwork, photo: Image.Image, style: int) -> Image.Image:
    return levels.to_image(paint_in(network, levels.of_image(photo), style))
