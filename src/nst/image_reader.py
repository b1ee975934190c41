"""Reader of image files, arrays and Pillow images, with samples of 8 bits.

The mode of an image does not define its numbers completely: further facts are kept in its `info`
until it is decoded.
"""

import io
import os
import reprlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from PIL import Image, ImageChops, UnidentifiedImageError

from nst.errors import ImageRole, ImageTooLarge, InvalidImage, UnsupportedImage
from nst.image_files import (
    DECODERS,
    READABLE,
    format_of,
    is_image,
    png_depth,
    profile_of,
    without_metadata,
)
from nst.samples import sample_file

if TYPE_CHECKING:
    import numpy as np

ImageSource: TypeAlias = "str | os.PathLike[str] | bytes | Image.Image | np.ndarray[Any, Any]"
"""Source of an image: a path, `sample:NAME`, bytes, a Pillow image or an array.
Bytes are those of an image file; an array is one that `deep_pixels.from_array` accepts."""

SOURCES_WANTED = (
    "a path, bytes, a Pillow image or an array (H, W), (H, W, C) or (C, H, W), with C from 1 to 4, "
    "of booleans, of integers from 0 to 255 or 65535, or of floats from 0 to 1 or 255"
)

MAX_SCANS = 100
"""Maximum number of scans of a JPEG file.
Progressive files of cameras and programs have 10 to 30; each scan costs time
in proportion to the pixels, even if it is empty."""

HEIC_REMEDY = "install what reads it with pip install 'nst[heic]', or save the photo as JPEG"
"""Advice for a HEIC photo if the extra `heic` is missing."""

_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BITS, _COMPRESSION, _PHOTOMETRIC, _PLANES, _SAMPLE_FORMAT = 258, 259, 262, 284, 339
"""Tags of TIFF 6.0."""
_SEPARATE = 2
"""Value of the tag _PLANES: each channel is stored separately."""
_GREY_STEPS = {2: 85, 4: 17}
"""Grey levels between neighbouring samples, by the bits per sample."""
_WHITE_IS_ZERO, _UNSIGNED, _LOWER = "nst white is zero", "nst unsigned", "nst lower bytes"
"""Keys of facts about an image that is not decoded yet."""


@contextmanager
def opened(source: ImageSource, role: ImageRole) -> Iterator[Image.Image]:
    """Open an image without decoding it.
    Every error, also one while the image is used, is raised as InvalidImage."""
    name = str(source) if isinstance(source, str | os.PathLike) else "the data"
    try:
        with warnings.catch_warnings():
            # Each warning of Pillow is an error here, such as too many pixels, or does not matter.
            warnings.filterwarnings("ignore", module=r"PIL\.")
            with _open(source, role) as image:
                yield image
    except InvalidImage:
        raise
    except UnidentifiedImageError as error:
        reason = f"{name} is not a picture that can be read; use {', '.join(READABLE)}"
        raise UnsupportedImage(role, reason) from error
    except (Image.DecompressionBombError, MemoryError) as error:
        raise ImageTooLarge(role, f"{name} has too many pixels; make it smaller first") from error
    except Exception as error:  # decoders fail on damaged files in every possible way
        reason = f"{name} is damaged or cut short ({error}); get a complete copy"
        if isinstance(error, OSError) and error.strerror:
            reason = f"{name} cannot be read ({error.strerror}); check the path and its permissions"
        raise InvalidImage(role, reason) from error


def _open(source: ImageSource, role: ImageRole) -> Image.Image:
    if isinstance(source, Image.Image):
        copy = source.copy()
        copy.info.update(_tiff_facts(source))
        return copy
    if isinstance(source, bytes):
        return _open_data(source, role, "the data")
    if not isinstance(source, str | os.PathLike):
        return _from_array(source, role)
    path = sample_file(str(source), role) or Path(source)
    if not path.is_file():
        if is_address(path):
            reason = f"{_address(path)} is an address; download it first and name the file"
            raise InvalidImage(role, reason)
        problem = f"{path} is not a file" if path.exists() else f"there is no file {path}"
        raise InvalidImage(role, f"{problem}; name a picture")
    with path.open("rb") as file:  # a film may be larger than the memory
        data = file.read() if is_image(file.peek()) else b""
    return _open_data(data, role, str(path))


def is_address(path: Path) -> bool:
    """Return whether this is an address on the web instead of a path."""
    return path.parts[:1] in (("http:",), ("https:",))


def _address(path: Path) -> str:
    """Return the address as it was before Path merged its two slashes."""
    return str(path).replace(":/", "://", 1)


def _open_data(data: bytes, role: ImageRole, name: str) -> Image.Image:
    _check_scans(data, role)
    formats = [DECODERS[each] for each in READABLE if each != "HEIC"]
    if format_of(data) == "HEIC":
        _register_heic(role, name)
        formats = [DECODERS["HEIC"]]
    cleaned = without_metadata(data)
    image: Image.Image | None
    try:
        image = Image.open(io.BytesIO(cleaned), formats=formats)
    except UnidentifiedImageError:
        if not data.startswith(_TIFF_STARTS):
            raise
        image = None
    if image is None or (image.format == "TIFF" and _is_misread(image)):
        if deep := _open_deep_tiff(data, role):
            return deep
        remedy = "save it uncompressed, or with 8 bits per channel"
        raise UnsupportedImage(role, f"{name} holds a rare kind of pixels; {remedy}")
    image.info.update(_tiff_facts(image) | _png_facts(image, data, cleaned))
    return image


def _register_heic(role: ImageRole, name: str) -> None:
    """Register the decoder of HEIC. Raises UnsupportedImage if it is not installed."""
    if "HEIC" not in READABLE:
        raise UnsupportedImage(role, f"{name} is a HEIC photo; {HEIC_REMEDY}")
    import pi_heif

    pi_heif.register_heif_opener()


def _is_misread(image: Any) -> bool:
    """Return whether Pillow decodes this TIFF wrongly.
    It does so with planes of more than 8 bits, and with compressed numbers of 32 bits in the byte
    order of another machine."""
    tags = image.tag_v2
    is_deep = max(tags.get(_BITS, (1,))) > 8
    is_foreign = tags.prefix == b"MM" and image.mode in ("I", "F") and tags.get(_COMPRESSION, 1) > 1
    return bool(is_foreign or (is_deep and tags.get(_PLANES, 1) == _SEPARATE))


def _open_deep_tiff(data: bytes, role: ImageRole) -> Image.Image | None:
    """Return the image with 8 bits per channel; None if its pixels are not supported.
    Raises InvalidImage."""
    from nst.deep_pixels import UnusablePixels, read_tiff

    try:
        return read_tiff(data)
    except UnusablePixels as error:
        raise InvalidImage(role, str(error)) from error


def _tiff_facts(image: Image.Image) -> dict[str, Any]:
    """Return the meaning of a TIFF's numbers if the mode does not define it."""
    tags = getattr(image, "tag_v2", None)
    if tags is None or not image.mode.startswith(("I", "F")):
        return {}
    is_unsigned = tags.get(_SAMPLE_FORMAT, (1,)) == (1,) and tags.get(_BITS, (1,)) == (32,)
    return {_WHITE_IS_ZERO: tags.get(_PHOTOMETRIC) == 0, _UNSIGNED: is_unsigned}


def _png_facts(image: Image.Image, data: bytes, cleaned: bytes) -> dict[str, Any]:
    """Return the profile of a PNG, and its transparent colour.
    The colour has the values that samples have when they are decoded."""
    if image.format != "PNG":
        return {}
    facts: dict[str, Any] = {}
    if profile := profile_of(data):
        facts["icc_profile"] = profile
    transparent, depth = image.info.get("transparency"), png_depth(data)
    if isinstance(transparent, int) and image.mode == "L" and depth in _GREY_STEPS:
        facts["transparency"] = transparent * _GREY_STEPS[depth]
    if isinstance(transparent, tuple) and depth == 16:
        facts[_LOWER] = cleaned
    return facts


def _check_scans(data: bytes, role: ImageRole) -> None:
    # Between the markers of a JPEG, the byte FF is always followed by 00 or by a restart.
    if data.startswith(b"\xff\xd8") and (scans := data.count(b"\xff\xda")) > MAX_SCANS:
        raise InvalidImage(
            role,
            f"this JPEG has {scans} scans, and at most {MAX_SCANS} are decoded; "
            "open it in an image editor and save it again",
        )


def check_source(source: object, role: ImageRole) -> None:
    """Raise InvalidImage if this is not an `ImageSource`, regardless of its content."""
    is_array = hasattr(source, "dtype") and hasattr(source, "shape")
    if not is_array and not isinstance(source, str | os.PathLike | bytes | Image.Image):
        reason = f"{name_of(source)} is not a picture; give {SOURCES_WANTED}"
        raise InvalidImage(role, reason)


def name_of(source: object) -> str:
    """Return a short description of a source."""
    match source:
        case str() | os.PathLike():
            return str(source)
        case bytes():
            return f"{len(source)} bytes"
        case Image.Image():
            return "a Pillow image of {}×{} pixels".format(*source.size)
    if hasattr(source, "dtype") and hasattr(source, "shape"):
        return f"an array of {source.dtype} {tuple(source.shape)}"
    return reprlib.repr(source)


def _from_array(array: "np.ndarray[Any, Any]", role: ImageRole) -> Image.Image:
    check_source(array, role)
    from nst.deep_pixels import UnusablePixels, from_array

    try:
        return from_array(array)
    except UnusablePixels as error:
        reason = f"{name_of(array)} is not a picture: {error}; give {SOURCES_WANTED}"
        raise InvalidImage(role, reason) from error


def to_8_bits(image: Image.Image, role: ImageRole) -> Image.Image:
    """Return the image with 8 bits per channel.
    Raises InvalidImage if its values cannot be converted."""
    if image.mode in ("La", "RGBa"):
        return image.convert(f"{image.mode[:-1]}A")
    if not image.mode.startswith(("I", "F")) and _LOWER not in image.info:
        return image
    from nst import deep_pixels

    transparent = image.info.get("transparency")
    try:
        levels = image.convert("RGB") if _LOWER in image.info else _grey_levels(image)
    except deep_pixels.UnusablePixels as error:
        raise InvalidImage(role, str(error)) from error
    if isinstance(transparent, tuple):
        lower = _lower_bytes(image.info[_LOWER])
        levels.putalpha(deep_pixels.is_other_colour(levels, lower, transparent))
    elif transparent is not None:
        levels.putalpha(deep_pixels.is_other_sample(image, transparent))
    levels.info = {"icc_profile": image.info.get("icc_profile")}
    return levels


def _grey_levels(image: Image.Image) -> Image.Image:
    """Return the numbers of mode I;16, I or F in mode L. Raises UnusablePixels."""
    from nst import deep_pixels

    if image.mode.startswith("I;16"):
        levels = image.convert("I").point(lambda value: value * (255 / 65535) + 0.5).convert("L")
    else:
        levels = deep_pixels.grey(image, unsigned=image.info.get(_UNSIGNED, False))
    return ImageChops.invert(levels) if image.info.get(_WHITE_IS_ZERO) else levels


def _lower_bytes(data: bytes) -> Image.Image:
    """Return a PNG of 16 bits per channel with the lower byte of each sample."""
    image = Image.open(io.BytesIO(data), formats=["PNG"])
    # Read as little-endian numbers, the upper byte of each is the lower one of the file.
    image.tile = [tile._replace(args="RGB;16L") for tile in image.tile]
    image.load()
    return image.convert("RGB")
