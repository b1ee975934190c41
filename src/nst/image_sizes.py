"""Sizes of images: fitting, and checks for images that are too small or large."""

import math

from nst.errors import ImageRole, ImageTooLarge, InvalidImage

MIN_SIDE_PIXELS = 16
"""Minimum side of an image.
Four poolings precede relu5_1, which would get no pixel of a smaller image."""


def check_sides(size: tuple[int, int], role: ImageRole) -> None:
    """Raise InvalidImage if a side has too few pixels for the deepest layer."""
    width, height = size
    if min(width, height) < MIN_SIDE_PIXELS:
        raise InvalidImage(
            role,
            f"{width}×{height} pixels are too few, each side needs {MIN_SIDE_PIXELS}; "
            "take a larger picture",
        )


def check_result_size(content: tuple[int, int], size: int, max_size: int) -> None:
    """Raise InvalidImage if a side of the result would have too few pixels.
    `size`: longest side of the result; `max_size`: maximum of the option size."""
    width, height = fit(content, size)
    if min(width, height) >= MIN_SIDE_PIXELS:
        return
    needed = math.ceil(MIN_SIDE_PIXELS * max(content) / min(content))
    remedy = f"give a size of at least {needed}"
    if needed > max_size:
        times = size // MIN_SIDE_PIXELS
        remedy = f"crop the picture until its long side is at most {times} times the short one"
    raise InvalidImage(
        "content",
        f"a result of {width}×{height} pixels has too few, each side needs {MIN_SIDE_PIXELS}; "
        f"{remedy}",
    )


def fit(size: tuple[int, int], longest_side: int) -> tuple[int, int]:
    """Return (width, height) with this longest side and the aspect ratio of `size`."""
    scale = longest_side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def limited(size: tuple[int, int], max_pixels: int) -> tuple[int, int]:
    """Return `size`, reduced to `max_pixels` with its aspect ratio if it has more."""
    width, height = size
    scale = min(1.0, math.sqrt(max_pixels / (width * height)))
    return max(1, round(width * scale)), max(1, round(height * scale))


def check_pixels(size: tuple[int, int], role: ImageRole, max_pixels: int) -> None:
    """Raise ImageTooLarge if this width and height are too many pixels."""
    width, height = size
    if width * height > max_pixels:
        raise ImageTooLarge(
            role,
            f"{width}×{height} pixels are more than the {max_pixels / 1e6:g} million allowed; "
            "make it smaller first",
        )
    check_sides(size, role)
