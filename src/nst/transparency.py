"""Colours of transparent pixels: those of the visible part, or white."""

import math
from collections.abc import Iterator

from PIL import Image, ImageChops

SOLID = (0.9, 0.5)
"""Minimum alpha of a solid pixel, as a share of the greatest alpha.
The second share is used if the first leaves less than half of the visible pixels, as in a
watercolour on a transparent background."""


def extended(image: Image.Image) -> Image.Image:
    """Return the image with the colours of solid pixels extended to invisible ones."""
    if image.mode != "RGBA":
        return image
    alpha = image.getchannel("A")
    visible = _from(alpha, 1)
    if _is_everywhere(visible):
        return image
    filled = _filled(image, solid(alpha))
    filled.paste(image.convert("RGB"), mask=visible)
    filled.putalpha(alpha)
    return filled


def solid(alpha: Image.Image) -> Image.Image:
    """Return a mask of the solid pixels in mode L: 255 if solid, 0 elsewhere.

    At least one pixel must be visible. The soft edge of a cut-out is not solid, because its colours
    are often mixed with the former background.
    """
    counts = alpha.histogram()
    greatest = max(level for level, count in enumerate(counts) if count)
    least, *others = (math.ceil(share * greatest) for share in SOLID)
    for lower in others:
        if 2 * sum(counts[least:]) < sum(counts[1:]):
            least = lower
    return _from(alpha, least)


def repeated(image: Image.Image) -> Image.Image:
    """Return the image as RGB, with copies of its solid pixels over all other pixels.
    The copies are shifted. Whatever is matched with the image is then the subject's own texture."""
    picture = image.convert("RGB")
    if image.mode != "RGBA":
        return picture
    visible = solid(image.getchannel("A"))
    for shift in _shifts(image.size):
        if _is_everywhere(visible):
            break
        shifted = ImageChops.offset(visible, *shift)
        new = ImageChops.subtract(shifted, visible)
        picture.paste(ImageChops.offset(picture, *shift), mask=new)
        visible = ImageChops.lighter(visible, shifted)
    return picture


def _from(alpha: Image.Image, least: int) -> Image.Image:
    """Return a mask that is 255 where alpha has at least this value, 0 elsewhere."""
    return alpha.point(lambda value: 255 if value >= least else 0)


def _is_everywhere(mask: Image.Image) -> bool:
    return mask.getextrema() == (255, 255)


def _shifts(size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield shifts by half of each side, a quarter, … one pixel.
    Together they reach every place."""
    for halvings in range(1, max(size).bit_length() + 1):
        yield -(-size[0] // 2**halvings), 0
        yield 0, -(-size[1] // 2**halvings)


def _filled(image: Image.Image, source: Image.Image) -> Image.Image:
    """Return an RGBA image as RGB, filled where `source`, of mode L, is 0.
    Filled pixels have the mean of the nearest others, from the same image at half the size."""
    if _is_everywhere(source):
        return image.convert("RGB")
    weighed = image.copy()
    weighed.putalpha(source)
    half = weighed.convert("RGBa").reduce((min(2, image.width), min(2, image.height)))
    straight = half.convert("RGBA")
    around = _filled(straight, _from(straight.getchannel("A"), 1))
    enlarged = around.resize(image.size, Image.Resampling.BILINEAR)
    enlarged.paste(image.convert("RGB"), mask=source)
    return enlarged


def flatten(image: Image.Image) -> Image.Image:
    """Return the image as RGB, with transparent parts over white as on a page."""
    if image.mode == "RGB":
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
