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


def encoded(image: Image.Image, format_name: str, **options: Any) -> bytes:
    """Return the bytes of an image file as Pillow writes it."""
    file = io.BytesIO()
    image.save(file, format_name, **options)
    return file.getvalue()
