"""Pictures in and out: paths, bytes and arrays ⇄ upright 8-bit sRGB Pillow images.

Loading verifies and limits. Saving writes under a temporary name, renames, never overwrites
unless told to, and can put a recipe (a JSON text) into the file's metadata. Pillow writes no
RGB of 16 bits: pypng and tifffile do, imported when they are needed.
"""

import errno
import io
import math
import os
import secrets
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, TypeAlias

from PIL import Image, ImageChops, ImageCms, PngImagePlugin, UnidentifiedImageError
from PIL.ExifTags import Base as ExifTag
from PIL.Image import Transpose

from nst.errors import (
    ImageRole,
    ImageTooLarge,
    InvalidImage,
    InvalidOption,
    StorageError,
    StorageFull,
    UnsupportedImage,
)
from nst.image_files import (
    DECODERS,
    DEEP_TIFF,
    READABLE,
    RECIPE_KEY,
    format_of,
    png_depth,
    profile_of,
    take_orientation,
    without_metadata,
)
from nst.progress import Samples

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers of a full disk and of a full quota."""

if TYPE_CHECKING:
    import numpy as np

ImageSource: TypeAlias = "str | os.PathLike[str] | bytes | Image.Image | np.ndarray[Any, Any]"
"""A path, the bytes of a picture file, a Pillow image, or an sRGB array: (H, W), (H, W, 3) or
(H, W, 4), unsigned integers of 8 or 16 bits or floats in [0, 1]."""

MAX_PIXELS = 150_000_000
"""About the largest camera backs; 450 MB when decoded. Guards against decompression bombs."""

MAX_SCANS = 100
"""Most scans of one JPEG file. Progressive files of cameras and programs have 10 to 30; each scan
costs time in proportion to the pixels, even if it is empty."""

SMALL_QUALITY = 85
"""JPEG quality of thumbnails."""

MAX_NAME_BYTES = 255
"""Longest name of a file in the usual file systems."""

MIN_SIDE_PIXELS = 16
"""Four poolings lie before relu5_1: with fewer pixels it has nothing to see."""

HEIC_REMEDY = "install what reads it with pip install 'nst[heic]', or save the photo as JPEG"
"""What to do with a HEIC photo where the extra `heic` is missing."""

MAX_EMPTY_FRAMES = 100
"""Frames of an animation among which one that is not empty is looked for."""

ASPECT_TOLERANCE = 0.02
"""By which the aspect ratios of a mask and the content may differ, relative to one another: both
have been rounded to whole pixels."""

SHAPE_SHARE = 0.001
"""Share of transparent pixels from which on the alpha of a mask is a shape; fewer are strays."""
SHAPE_ALPHA = 224
"""Alpha below which a pixel of a mask counts as transparent: an edge is more than noise."""

WRITABLE = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
WRITABLE_16_BIT = tuple(suffix for suffix, name in WRITABLE.items() if name in ("PNG", "TIFF"))
"""Extensions of the formats that hold 16 bits per channel."""
MOVING = (".mp4", ".webp", ".gif")
"""What nst.video writes."""
_ENCODING: dict[str, dict[str, Any]] = {
    "PNG": {},
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    "WEBP": {"quality": 95},
    "TIFF": {"compression": "tiff_adobe_deflate"},
}

_ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")
_FORMATS = {decoder: name for name, decoder in DECODERS.items()} | {DEEP_TIFF: "TIFF"}
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BITS, _COMPRESSION, _PHOTOMETRIC, _PLANES, _SAMPLE_FORMAT = 258, 259, 262, 284, 339
"""Tags of TIFF 6.0."""
_SEPARATE = 2
"""Value of the tag _PLANES: each channel is stored by itself."""
_GREY_STEPS = {2: 85, 4: 17}
"""Grey levels between neighbouring samples, by the bits per sample."""
_WHITE_IS_ZERO, _UNSIGNED, _LOWER = "nst white is zero", "nst unsigned", "nst lower bytes"
"""Keys of what is known of an image that is not decoded yet."""
_QUARTER_TURN = 5
"""Orientation from which on width and height are exchanged."""
_TURNS = dict(
    enumerate(
        (
            Transpose.FLIP_LEFT_RIGHT,
            Transpose.ROTATE_180,
            Transpose.FLIP_TOP_BOTTOM,
            Transpose.TRANSPOSE,
            Transpose.ROTATE_270,
            Transpose.TRANSVERSE,
            Transpose.ROTATE_90,
        ),
        start=2,
    )
)
"""What makes an image upright, by its EXIF orientation."""

# ── in ────────────────────────────────────────────────────────────────────────────────────────


def load(source: ImageSource, role: ImageRole) -> Image.Image:
    """Return the image as RGB, or RGBA where it has transparency; upright, sRGB, 8 bits a channel.

    Of an animation the first frame that is not empty; nothing of the metadata. Colours below
    transparent pixels are those of the visible pixels around them. A style is cut to its visible
    part, which is repeated where it is transparent. Raises InvalidImage, whose one
    line says what is wrong and what to do.
    """
    with _decoded(source, role) as (image, _):
        picture = _to_srgb(image)
        return _repeated(picture) if role == "style" else _extended(picture)


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What a picture file is."""

    format: str
    """One of READABLE, by its content."""
    size: tuple[int, int]
    """Width and height in pixels, upright."""


def inspect(data: bytes, role: ImageRole, *, max_pixels: int = MAX_PIXELS) -> PictureFacts:
    """Return the facts of a picture that `load` takes; JPEG is decoded at a reduced size. Raises
    InvalidImage where `load` does, or if there are more pixels than `max_pixels`."""
    with _decoded(data, role, max_pixels=max_pixels, draft_side=1) as (_, facts):
        return facts


def stored_size(data: bytes) -> tuple[int, int]:
    """Return width and height in pixels as the header of the file has them. Raises InvalidImage."""
    with _opened(data, "content") as image:
        return image.size


def small(data: bytes, side_pixels: int) -> bytes:
    """Return the picture as a JPEG whose longest side has at most `side_pixels`, without metadata.

    JPEG is decoded at a reduced size; of other formats the decoded picture is reduced before its
    colours are converted. Raises InvalidImage.
    """
    with _decoded(data, "content", draft_side=2 * side_pixels) as (image, _):
        picture = flatten(_to_srgb(_reduced(image, 2 * side_pixels)))
        if max(picture.size) > side_pixels:
            picture = resize(picture, fit(picture.size, side_pixels))
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=SMALL_QUALITY)
        return file.getvalue()


@contextmanager
def _decoded(
    source: ImageSource, role: ImageRole, *, max_pixels: int = MAX_PIXELS, draft_side: int = 0
) -> Iterator[tuple[Image.Image, PictureFacts]]:
    """Decode the image and check all that can be wrong with it: the one judgement of `load`,
    `inspect` and `small`. It comes upright and with 8 bits per channel."""
    with _opened(source, role) as image:
        name, (width, height) = image.format or "", image.size
        _check_pixels(image.size, role, max_pixels)
        orientation = take_orientation(image)
        if image.format == "TIFF":  # Pillow turns it, and has exchanged its sides already
            image.getexif()[ExifTag.Orientation] = orientation
        if draft_side:
            image.draft("RGB" if draft_side > 1 else None, (draft_side, draft_side))
        image.load()
        visible = _visible(image, role)
        if image.format == "TIFF":
            width, height = image.size
        elif orientation > 1:
            visible = visible.transpose(_TURNS[orientation])
            if orientation >= _QUARTER_TURN:
                width, height = height, width
        if role == "style" and visible.has_transparency_data:
            visible = visible.crop(_alpha(visible).getbbox())
            check_sides(visible.size, role)
        yield visible, PictureFacts(_FORMATS.get(name, name), (width, height))


def _visible(image: Image.Image, role: ImageRole) -> Image.Image:
    """Return the first frame that is not empty, with 8 bits per channel. Raises InvalidImage if
    there is none."""
    for number in range(MAX_EMPTY_FRAMES if image.format in _ANIMATED else 1):
        if number and not _seek(image, number):
            break
        levels = _to_8_bits(image, role)
        if not levels.has_transparency_data or _alpha(levels).getbbox():
            return levels
    raise InvalidImage(role, "it is transparent everywhere; make visible what is to be used")


def _seek(image: Image.Image, number: int) -> bool:
    """Decode this frame of an animation; return whether there is one."""
    with suppress(Exception):  # later frames may be damaged
        image.seek(number)
        image.load()
        return True
    return False


def _alpha(image: Image.Image) -> Image.Image:
    return (image if image.mode in ("LA", "RGBA") else image.convert("RGBA")).getchannel("A")


def _reduced(image: Image.Image, side_pixels: int) -> Image.Image:
    """The image by whole factors smaller, its longest side still at least `side_pixels`."""
    factor = max(image.size) // side_pixels
    if factor < 2:
        return image
    if image.has_transparency_data and image.mode != "RGBA":
        image = image.convert("RGBA")
    elif image.mode in ("1", "P"):  # their numbers are no colours that could be averaged
        image = image.convert("L" if image.mode == "1" else "RGB")
    width, height = image.size
    return image.reduce((min(factor, width), min(factor, height)))


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
    """Raise InvalidImage if a result whose longest side is `size` would have a side with too few
    pixels. `max_size`: largest value of the option size that is allowed."""
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


def check_drawn_over(size: tuple[int, int], content: tuple[int, int], role: ImageRole) -> None:
    """Raise InvalidImage if a mask or a detail map has another aspect ratio than the content."""
    ratio = (size[0] * content[1]) / (size[1] * content[0])
    if abs(ratio - 1) > ASPECT_TOLERANCE:
        raise InvalidImage(
            role,
            f"{size[0]}×{size[1]} pixels have another shape than the content's "
            f"{content[0]}×{content[1]}; draw it over the content picture",
        )


def flatten(image: Image.Image) -> Image.Image:
    """The picture as RGB, transparent parts over white as on a page."""
    if image.mode == "RGB":
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")


def colours(image: Image.Image) -> Image.Image:
    """Return a loaded picture as RGB, with the colours that it has below its transparency."""
    return image.convert("RGB")


def shape(mask: Image.Image) -> Image.Image:
    """Return a loaded mask in mode L: its alpha if that carries a shape, else its brightness."""
    if mask.mode == "RGBA":
        alpha = mask.getchannel("A")
        if sum(alpha.histogram()[:SHAPE_ALPHA]) >= SHAPE_SHARE * mask.width * mask.height:
            return alpha
    return mask.convert("L")


def _extended(image: Image.Image) -> Image.Image:
    """Return the image with the colours of its visible pixels continued below the invisible."""
    if image.mode != "RGBA" or image.getchannel("A").histogram()[0] == 0:
        return image
    filled = _filled(image)
    filled.putalpha(image.getchannel("A"))
    return filled


def _repeated(image: Image.Image) -> Image.Image:
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


def resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture at exactly this (width, height)."""
    return image.resize(size, Image.Resampling.LANCZOS)


def fit(size: tuple[int, int], longest_side: int) -> tuple[int, int]:
    """The (width, height) with this longest side and the aspect ratio of `size`."""
    scale = longest_side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


@contextmanager
def _opened(source: ImageSource, role: ImageRole) -> Iterator[Image.Image]:
    """The picture, not decoded yet. Whatever goes wrong with it is raised as InvalidImage."""
    name = str(source) if isinstance(source, str | os.PathLike) else "the data"
    try:
        with warnings.catch_warnings():
            # What Pillow warns about is an error of ours, as too many pixels, or does not matter.
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
    except Exception as error:  # decoders stumble over damaged files in every possible way
        reason = f"{name} is damaged or cut short ({error}); get a whole copy of it"
        if isinstance(error, OSError) and error.strerror:
            reason = f"{name} cannot be read ({error.strerror}); check the path and who may read it"
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
    path = Path(source)
    if not path.is_file():
        problem = f"{path} is not a file" if path.exists() else f"there is no file {path}"
        raise InvalidImage(role, f"{problem}; name a picture")
    return _open_data(path.read_bytes(), role, str(path))


def _open_data(data: bytes, role: ImageRole, name: str) -> Image.Image:
    _check_scans(data, role)
    if format_of(data) == "HEIC":
        _register_heic(role, name)
    cleaned = without_metadata(data)
    image: Image.Image | None
    try:
        image = Image.open(io.BytesIO(cleaned), formats=[DECODERS[each] for each in READABLE])
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
    """Raises UnsupportedImage if HEIC cannot be read."""
    if "HEIC" not in READABLE:
        raise UnsupportedImage(role, f"{name} is a HEIC photo; {HEIC_REMEDY}")
    import pi_heif

    pi_heif.register_heif_opener()


def _is_misread(image: Any) -> bool:
    """Return whether Pillow decodes this TIFF wrongly: planes of more than 8 bits, and compressed
    numbers of 32 bits in the order of bytes of another machine."""
    tags = image.tag_v2
    is_deep = max(tags.get(_BITS, (1,))) > 8
    is_foreign = tags.prefix == b"MM" and image.mode in ("I", "F") and tags.get(_COMPRESSION, 1) > 1
    return bool(is_foreign or (is_deep and tags.get(_PLANES, 1) == _SEPARATE))


def _open_deep_tiff(data: bytes, role: ImageRole) -> Image.Image | None:
    """Return the image with 8 bits per channel; None if its pixels are not known. Raises
    InvalidImage."""
    from nst.deep_pixels import UnusablePixels, read_tiff

    try:
        return read_tiff(data, MAX_PIXELS)
    except UnusablePixels as error:
        raise InvalidImage(role, str(error)) from error


def _tiff_facts(image: Image.Image) -> dict[str, Any]:
    """Return what the numbers of a TIFF mean, where the mode does not say it."""
    tags = getattr(image, "tag_v2", None)
    if tags is None or not image.mode.startswith(("I", "F")):
        return {}
    is_unsigned = tags.get(_SAMPLE_FORMAT, (1,)) == (1,) and tags.get(_BITS, (1,)) == (32,)
    return {_WHITE_IS_ZERO: tags.get(_PHOTOMETRIC) == 0, _UNSIGNED: is_unsigned}


def _png_facts(image: Image.Image, data: bytes, cleaned: bytes) -> dict[str, Any]:
    """Return the profile of a PNG, and its transparent colour by the values that samples have
    when they are decoded."""
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
    # Between the markers of a JPEG the byte FF is always followed by 00 or by a restart.
    if data.startswith(b"\xff\xd8") and (scans := data.count(b"\xff\xda")) > MAX_SCANS:
        raise InvalidImage(
            role,
            f"this JPEG has {scans} scans, and at most {MAX_SCANS} are decoded; "
            "open it in an image editor and save it again",
        )


def _from_array(array: "np.ndarray[Any, Any]", role: ImageRole) -> Image.Image:
    try:
        if array.dtype.kind == "f" and array.max() < 2:  # neither NaN nor a range of 0 to 255
            array = (array.clip(0, 1) * 255).round().astype("uint8")
        elif array.dtype.kind == "u" and array.dtype.itemsize == 2:
            array = (array >> 8).astype("uint8")  # as Pillow does with files of 16 bits
        if array.dtype != "uint8":
            raise TypeError(array.dtype)
        return Image.fromarray(array)
    except (AttributeError, TypeError, ValueError) as error:
        raise InvalidImage(
            role,
            f"{type(array).__name__} is not a picture; give a path, bytes, a Pillow image or an "
            "array (H, W), (H, W, 3) or (H, W, 4) of uint8, uint16 or floats from 0 to 1",
        ) from error


def _check_pixels(size: tuple[int, int], role: ImageRole, max_pixels: int = MAX_PIXELS) -> None:
    width, height = size
    if width * height > max_pixels:
        raise ImageTooLarge(
            role,
            f"{width}×{height} pixels are more than the {max_pixels / 1e6:g} million allowed; "
            "make it smaller first",
        )
    check_sides(size, role)


def _to_srgb(image: Image.Image) -> Image.Image:
    colours = _colours_to_srgb(image)
    if image.has_transparency_data:
        alpha = _alpha(image)
        if alpha.getextrema() != (255, 255):
            colours.putalpha(alpha)
    colours.info = {}
    return colours


def _to_8_bits(image: Image.Image, role: ImageRole) -> Image.Image:
    """Return the image with 8 bits per channel. Raises InvalidImage if it has no such values."""
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


def _colours_to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode in ("1", "LA"):
        image = image.convert("L")
    elif image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = image.convert("RGB")
    if profile:
        # A damaged profile, or one for another mode: the plain conversion is nearest.
        with suppress(Exception):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if image.mode == "L" and source.profile.xcolor_space == "RGB ":
                image = image.convert("RGB")
            srgb = ImageCms.createProfile("sRGB")
            return ImageCms.buildTransform(source, srgb, image.mode, "RGB").apply(image)
    return image.convert("RGB")


# ── out ───────────────────────────────────────────────────────────────────────────────────────


def check_output(path: Path, suffixes: Collection[str] = WRITABLE, option: str = "output") -> None:
    """Raise InvalidOption if no file of this kind could be written there, before any work is done;
    `option` is the one that names the path."""
    if path.suffix.lower() not in suffixes:
        raise InvalidOption(option, str(path), f"a name ending in {', '.join(suffixes)}")
    try:
        if path.is_dir():
            raise InvalidOption(option, str(path), "a file name, this is a directory")
        path.parent.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=path.parent).close()
    except OSError as error:
        allowed = f"a place that can be written ({error.strerror})"
        raise InvalidOption(option, str(path), allowed) from error


def check_bit_depth(suffix: str, bit_depth: str) -> None:
    """Raise InvalidOption if files with this extension do not hold so many bits per channel."""
    if bit_depth == "16" and suffix.lower() not in WRITABLE_16_BIT:
        allowed = f"8 for a {suffix} file, or an output ending in {', '.join(WRITABLE_16_BIT)}"
        raise InvalidOption("bit_depth", bit_depth, allowed)


def save(
    image: "Image.Image | Samples",
    path: Path,
    *,
    recipe: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the picture in the format of the path's extension; return where it is.

    Samples are written with 16 bits per channel. An existing file stays and the new one gets a
    number, unless `overwrite`. Raises StorageError; InvalidOption if the format does not hold the
    samples.
    """
    format_name = _format_of(path)
    check_bit_depth(path.suffix, "8" if isinstance(image, Image.Image) else "16")

    def write(temporary: Path) -> None:
        temporary.write_bytes(encode(image, format_name, recipe=recipe))

    return write_file(path, write, overwrite=overwrite)


def write_file(path: Path, write: Callable[[Path], object], *, overwrite: bool = False) -> Path:
    """Have `write` fill a temporary file beside `path` and give it its name, as `save` does.

    Whatever `write` raises, nothing is left. Raises StorageError where that is an OSError,
    StorageFull where no space is left.
    """
    temporary = path.with_name(f".nst-{secrets.token_hex(8)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        return temporary.replace(path if overwrite else _claim(path))
    except OSError as error:
        kind = StorageFull if error.errno in NO_SPACE else StorageError
        raise kind(path, error.strerror or str(error)) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def derived_name(stem: str, ending: str) -> str:
    """Return the stem with this ending, the stem cut where the name would have too many bytes."""
    while len(os.fsencode(stem + ending)) > MAX_NAME_BYTES:
        stem = stem[:-1]
    return stem + ending


def check_directory(path: Path, option: str) -> None:
    """Raise InvalidOption if this directory cannot be made, and written to, when it is needed."""
    existing = next(place for place in (path, *path.absolute().parents) if os.path.lexists(place))
    if not existing.is_dir():
        allowed = f"another output, or another name for {existing}, which is no directory"
        raise InvalidOption(option, str(path), allowed)
    try:
        TemporaryFile(dir=existing).close()
    except OSError as error:
        allowed = f"a place that can be written ({error.strerror})"
        raise InvalidOption(option, str(path), allowed) from error


def free_path(path: Path) -> Path:
    """The path, or if something is there the first free one of name-2, name-3, …"""
    suffix = path.suffix if path.suffix.lower() in (*WRITABLE, *MOVING) else ""
    stem = path.name.removesuffix(suffix)
    numbered = (path.with_name(derived_name(stem, f"-{number}{suffix}")) for number in count(2))
    return next(free for free in chain([path], numbered) if not os.path.lexists(free))


def encode(image: "Image.Image | Samples", format_name: str, *, recipe: str | None = None) -> bytes:
    """The bytes of a picture file; JPEG has no transparency and is flattened over white.

    Samples become a PNG or a TIFF with 16 bits per channel; `format_name` must be one of these.
    """
    if not isinstance(image, Image.Image):
        return _ENCODE_16_BIT[format_name](image, recipe)
    options = _ENCODING[format_name] | (_recipe_metadata(format_name, recipe) if recipe else {})
    file = io.BytesIO()
    (flatten(image) if format_name == "JPEG" else image).save(file, format_name, **options)
    return file.getvalue()


def read_recipe(picture: Path | bytes) -> str | None:
    """The recipe that `save` put into the picture, if there is one. Raises InvalidImage."""
    with _opened(picture, "initial") as image:
        recipe = image.info.get(RECIPE_KEY)
        if image.format == "PNG" and not recipe:
            image.load()  # to look for EXIF would do so, and hide what is wrong with the pixels
        with suppress(Exception):  # damaged EXIF holds no recipe
            recipe = recipe or image.getexif().get(ExifTag.ImageDescription)
        return recipe if isinstance(recipe, str) else None


def with_recipe(picture: bytes, recipe: str) -> bytes:
    """Return a PNG with this recipe in its metadata, in place of the one that it has. Its pixels
    stay as they are."""
    import png

    header, *others = png.Reader(bytes=picture).chunks()
    keyword = f"{RECIPE_KEY}\0".encode()
    kept = [(kind, data) for kind, data in others if not data.startswith(keyword)]
    file = io.BytesIO()
    png.write_chunks(file, [header, (b"tEXt", keyword + recipe.encode("latin-1")), *kept])
    return file.getvalue()


def _format_of(path: Path) -> str:
    if path.suffix.lower() not in WRITABLE:
        raise InvalidOption("output", str(path), f"a name ending in {', '.join(WRITABLE)}")
    return WRITABLE[path.suffix.lower()]


def _claim(path: Path) -> Path:
    """The first free path, taken by an empty file, so that no other process takes it too."""
    while True:
        with suppress(FileExistsError):
            free = free_path(path)
            free.touch(exist_ok=False)
            return free


def _encode_16_bit_png(samples: Samples, recipe: str | None) -> bytes:
    import png

    height, width, channels = samples.shape
    file = io.BytesIO()
    writer = png.Writer(width, height, greyscale=False, alpha=channels == 4, bitdepth=16)
    writer.write_packed(file, (row.tobytes() for row in samples.astype(">u2")))
    return with_recipe(file.getvalue(), recipe) if recipe else file.getvalue()


def _encode_16_bit_tiff(samples: Samples, recipe: str | None) -> bytes:
    import tifffile

    file = io.BytesIO()
    tifffile.imwrite(
        file,
        samples,
        photometric="rgb",
        extrasamples=["unassalpha"] * (samples.shape[2] - 3),
        compression="adobe_deflate",
        predictor=True,
        description=recipe,  # as ASCII, which a recipe is
        metadata=None,
    )
    return file.getvalue()


_ENCODE_16_BIT: "dict[str, Callable[[Samples, str | None], bytes]]" = {
    "PNG": _encode_16_bit_png,
    "TIFF": _encode_16_bit_tiff,
}


def _recipe_metadata(format_name: str, recipe: str) -> dict[str, Any]:
    if format_name == "PNG":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_text(RECIPE_KEY, recipe)
        return {"pnginfo": chunks}
    exif = Image.Exif()
    exif[ExifTag.ImageDescription] = recipe
    return {"exif": exif}
