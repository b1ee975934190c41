"""Below transparent pixels: colours that belong to the visible part of an image."""

from collections.abc import Iterator

from PIL import Image, ImageChops


def extended(image: Image.Image) -> Image.Image:
    """Return the image with the colours of its visible pixels continued below the invisible."""
    if image.mode != "RGBA" or image.getchannel("A").histogram()[0] == 0:
        return image
    filled = _filled(image)
    filled.putalpha(image.getchannel("A"))
    return filled


def repeated(image: Image.Image) -> Image.Image:
    """Return the image as RGB, its invisible pixels covered by shifted copies of the visible ones:
    all that is matched with it is the subject's own texture."""
    picture = image.convert("RGB")
    if image.mode != "RGBA":
        return picture
    visible = image.getchannel("A").point(lambda alpha: 255 if alpha else 0)
    for shift in _shifts(image.size):
        if visible.getextrema() == (255, 255):
            break
        shifted = ImageChops.offset(visible, *shift)
        new = ImageChops.subtract(shifted, visible)
        picture.paste(ImageChops.offset(picture, *shift), mask=new)
        visible = ImageChops.lighter(visible, shifted)
    return picture


def _shifts(size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield half of each side, a quarter, … one pixel; together they reach every place."""
    for halvings in range(1, max(size).bit_length() + 1):
        yield -(-size[0] // 2**halvings), 0
        yield 0, -(-size[1] // 2**halvings)


def _filled(image: Image.Image) -> Image.Image:
    """Return an RGBA image as RGB: invisible pixels have the mean of the nearest visible ones, from
    the same image at half the size."""
    visible = image.getchannel("A").point(lambda alpha: 255 if alpha else 0)
    if visible.getextrema() == (255, 255):
        return image.convert("RGB")
    weighed = image.copy()
    weighed.putalpha(visible)
    half = weighed.convert("RGBa").reduce((min(2, image.width), min(2, image.height)))
    around = _filled(half.convert("RGBA")).resize(image.size, Image.Resampling.BILINEAR)
    around.paste(image.convert("RGB"), mask=visible)
    return around
