"""Small images, and the samples."""

import io
from typing import Any

from PIL import Image

from support.assets import REPOSITORY

SAMPLES = REPOSITORY / "data"


def picture(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """Return an image with a gradient in every direction: flips and swaps show."""
    red = Image.linear_gradient("L").rotate(90).resize((width, height))
    green = Image.linear_gradient("L").resize((width, height))
    blue = Image.radial_gradient("L").resize((width, height))
    return Image.merge("RGB", (red, green, blue)).convert(mode)


def panned(count: int) -> list[Image.Image]:
    """Return up to nine frames of 48×32 pixels, of a camera that moves.
    At a width of 32 pixels most of each frame is seen in the next one, on every processor."""
    seen = picture(80, 60)
    return [seen.crop((4 * at, 2 * at, 4 * at + 48, 2 * at + 32)) for at in range(count)]


def encoded(image: Image.Image, format_name: str, **options: Any) -> bytes:
    """Return the bytes of an image file as Pillow writes it."""
    file = io.BytesIO()
    image.save(file, format_name, **options)
    return file.getvalue()
