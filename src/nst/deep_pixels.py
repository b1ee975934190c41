"""Conversion of arrays, and of samples with more than 8 bits, to 8 bits.

This module imports numpy and tifffile, so it is imported only when such an image is read.
"""

import io
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from PIL.ExifTags import Base as ExifTag

from nst.image_files import DEEP_TIFF, MAX_PIXELS

Array: TypeAlias = NDArray[Any]

WHITES = (1.0, 255.0, 65535.0, 2.0**31 - 1, 2.0**32 - 1)
"""Common values of white."""

ROWS = 256
"""Number of rows that are converted at a time, to save memory."""

# TIFF 6.0: values of the tags PhotometricInterpretation, PlanarConfiguration and ExtraSamples.
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, INKS = 0, 1, 2, 5
SEPARATE = 2
ASSOCIATED, UNASSOCIATED = 1, 2
COLOURS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, INKS: 4}
"""Number of colour channels by photometric interpretation."""


class UnusablePixels(Exception):
    """The pixels cannot be shown as an image; the message says why and what to do."""


CHANNELS = (1, 2, 3, 4)
"""Numbers of channels of grey, grey with alpha, RGB and RGBA."""

LOWEST_FLOAT = -0.5
"""Lowest float that can be the overshoot of a filter.
Lower floats belong to another range of values."""


def from_array(array: Any) -> Image.Image:
    """Return an sRGB array as an image in mode L, LA, RGB or RGBA.

    Shapes: (H, W), (H, W, C) or (C, H, W), where C is 1 to 4. Values: booleans; integers from 0 to
    255 or, if the type has 16 bits or a value is larger, from 0 to 65535; floats from 0 to 1 or, if
    a value is at least 2, from 0 to 255. Raises UnusablePixels, which says what is wrong.
    """
    try:
        values = np.asarray(array)
    except (RuntimeError, TypeError, ValueError) as error:  # for example a tensor on a GPU
        raise UnusablePixels(str(error)) from error
    values = _channels_last(values)
    if values.size == 0:  # the reader of images raises the error
        return Image.new("RGB", (values.shape[1], values.shape[0]))
    return Image.fromarray(np.ascontiguousarray(_as_levels(values)))


def _channels_last(values: Array) -> Array:
    """Return (H, W) or (H, W, C) with C from 2 to 4. Raises UnusablePixels."""
    if values.ndim == 3 and values.shape[2] not in CHANNELS and values.shape[0] in CHANNELS:
        values = np.moveaxis(values, 0, 2)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.ndim != 2 and not (values.ndim == 3 and values.shape[2] in CHANNELS):
        raise UnusablePixels(f"its shape is {values.shape}")
    return values


def _as_levels(values: Array) -> Array:
    """Return the values as uint8. Raises UnusablePixels."""
    kind = values.dtype.kind
    if values.dtype == np.uint8:
        return values
    if kind not in "buif":
        raise UnusablePixels(f"its values are of type {values.dtype}")
    if kind == "f" and not np.isfinite(values).all():
        raise UnusablePixels("it holds NaN or infinite values")
    lowest, highest = float(values.min()), float(values.max())
    if kind == "b":
        return values.astype(np.uint8) * np.uint8(255)
    if kind == "f" and lowest >= LOWEST_FLOAT and highest < 256:
        white = 1.0 if highest < 2 else 255.0
        return ((values.clip(0, white) * (255 / white)).round()).astype(np.uint8)
    is_deep = values.dtype == np.uint16 or highest > 255
    if kind in "ui" and lowest >= 0 and highest <= 65535:
        return (values >> 8 if is_deep else values).astype(np.uint8)
    raise UnusablePixels(f"its values are from {lowest:g} to {highest:g}")


def to_8_bits(values: Array) -> Array:
    """Return numbers of any type as uint8, scaled by the range that they have.

    Unsigned integers of 8 and 16 bits have the range of their type. Other values from 0 to about
    1, 255, 65535 or the largest integer keep their meaning; any other range is stretched from its
    lowest to its highest value. Raises UnusablePixels if a value is NaN or infinite.
    """
    black, white = _range(values)
    result = np.empty(values.shape, np.uint8)
    for row in range(0, len(values), ROWS):
        share = (values[row : row + ROWS].astype(np.float64) - black) / (white - black)
        result[row : row + ROWS] = (share * 255 + 0.5).clip(0, 255)
    return result


def _range(values: Array) -> tuple[float, float]:
    """Return the values of black and white. Raises UnusablePixels."""
    if values.dtype.kind == "u" and values.dtype.itemsize <= 2:
        return 0.0, float(np.iinfo(values.dtype).max)
    if values.dtype.kind == "f" and (bad := _count_not_finite(values)):
        raise UnusablePixels(
            f"{bad} of its {values.size} values are NaN or infinite; "
            "replace them by finite numbers and save the image again"
        )
    lowest, highest = float(values.min()), float(values.max())
    for white in WHITES if values.dtype.kind == "f" else WHITES[1:]:
        # Resampling leaves values a little beyond black and white.
        is_within = lowest >= -white / 4 and highest <= white * (1.25 if white == 1 else 1)
        if is_within and highest > white / 8:
            return 0.0, white
    return (lowest, highest) if lowest < highest else (min(lowest, 0.0), max(highest, 1.0))


def _count_not_finite(values: Array) -> int:
    parts = (values[row : row + ROWS] for row in range(0, len(values), ROWS))
    return sum(int(np.size(part) - np.isfinite(part).sum()) for part in parts)


def grey(image: Image.Image, *, unsigned: bool = False) -> Image.Image:
    """Return an image of mode I or F in mode L. Raises UnusablePixels.
    `unsigned`: whether the numbers of mode I are uint32."""
    values = np.asarray(image)
    return Image.fromarray(to_8_bits(values.view(np.uint32) if unsigned else values))


def is_other_sample(image: Image.Image, value: int) -> Image.Image:
    """Return the alpha of a 16-bit grey image in which this value is transparent."""
    return _alpha(np.asarray(image) != value)


def is_other_colour(upper: Image.Image, lower: Image.Image, colour: Sequence[int]) -> Image.Image:
    """Return the alpha of a 16-bit RGB image in which this colour is transparent.
    `upper` and `lower` hold the upper and the lower bytes of the samples."""
    different = [
        (np.asarray(image) != np.array(wanted)).any(axis=-1)
        for image, wanted in (
            (upper, [each >> 8 for each in colour]),
            (lower, [each & 255 for each in colour]),
        )
    ]
    return _alpha(different[0] | different[1])


def _alpha(visible: Array) -> Image.Image:
    return Image.fromarray(visible.astype(np.uint8) * np.uint8(255))


def read_tiff(data: bytes) -> Image.Image | None:
    """Return the first page of a TIFF whose samples Pillow cannot read.

    The image has 8 bits per channel and keeps the orientation in its EXIF. The result is None if
    the colours or the compression are not supported here either, or if the page has more pixels
    than allowed. Raises UnusablePixels.
    """
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page = file.pages.first
            if page.imagewidth * page.imagelength > MAX_PIXELS or not _is_whole(page, len(data)):
                return None
            values, tag = page.asarray(), page.tags.get(ExifTag.Orientation)
    except (tifffile.TiffFileError, ValueError, RuntimeError, KeyError, TypeError):
        return None
    if values.dtype.kind not in "uif" or values.ndim not in (2, 3):
        return None
    if values.ndim == 2:
        values = values[..., np.newaxis]
    elif int(page.planarconfig) == SEPARATE:
        values = np.moveaxis(values, 0, -1)
    image = _image(values, int(page.photometric), [int(extra) for extra in page.extrasamples])
    if image:
        image.format = DEEP_TIFF
        image.getexif()[ExifTag.Orientation] = tag.value if tag else 1
    return image


def _is_whole(page: Any, length: int) -> bool:
    ends = zip(page.dataoffsets, page.databytecounts, strict=True)
    return all(offset + count <= length for offset, count in ends)


def _image(values: Array, photometric: int, extras: Sequence[int]) -> Image.Image | None:
    count = COLOURS.get(photometric, 0)
    if not count or values.shape[2] < count:
        return None
    colours = to_8_bits(values[..., :count])
    if photometric == WHITE_IS_ZERO:
        colours = 255 - colours
    if photometric == INKS:
        return Image.frombytes("CMYK", colours.shape[1::-1], colours.tobytes())
    if values.shape[2] == count or (extras and extras[0] not in (ASSOCIATED, UNASSOCIATED)):
        return Image.fromarray(colours[..., 0] if count == 1 else colours)
    alpha = to_8_bits(values[..., count : count + 1])
    levels = np.concatenate([np.broadcast_to(colours, (*colours.shape[:2], 3)), alpha], axis=-1)
    mode = "RGBa" if extras and extras[0] == ASSOCIATED else "RGBA"
    return Image.frombytes(mode, levels.shape[1::-1], levels.tobytes()).convert("RGBA")
