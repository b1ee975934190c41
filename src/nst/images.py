"""Pictures in and out: paths, bytes and arrays ⇄ upright 8-bit sRGB Pillow images.

Loading verifies and limits. Saving writes under a temporary name, renames, never overwrites
unless told to, and can put a recipe (a JSON text) into the file's metadata. Pillow writes no
RGB of 16 bits: pypng and tifffile do, imported when they are needed.
"""

import errno
import io
import os
import secrets
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, TypeAlias

from PIL import Image, ImageCms, ImageOps, PngImagePlugin, UnidentifiedImageError
from PIL.ExifTags import Base as ExifTag

from nst.errors import (
    ImageRole,
    ImageTooLarge,
    InvalidImage,
    InvalidOption,
    StorageError,
    StorageFull,
    UnsupportedImage,
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

MIN_SIDE_PIXELS = 16
"""Four poolings lie before relu5_1: with fewer pixels it has nothing to see."""

READABLE = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "GIF", "BMP")
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
_RECIPE_KEY = "nst-recipe"

# ── in ────────────────────────────────────────────────────────────────────────────────────────


def load(source: ImageSource, role: ImageRole) -> Image.Image:
    """The picture as RGB, or as RGBA where it has transparency; upright, sRGB, 8 bits a channel.

    Of an animation the first frame; nothing of the metadata. Raises InvalidImage, whose one line
    says what is wrong and what to do.
    """
    with _opened(source, role) as image:
        _check_pixels(image.size, role)
        image.load()
        with suppress(Exception):  # the pixels are whole, however broken the EXIF beside them is
            ImageOps.exif_transpose(image, in_place=True)
        return _to_srgb(image)


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What a picture file is."""

    format: str
    """One of READABLE, by its content."""
    size: tuple[int, int]
    """Width and height in pixels, upright."""


def inspect(
    data: bytes,
    role: ImageRole,
    *,
    formats: Sequence[str] = READABLE,
    max_pixels: int = MAX_PIXELS,
) -> PictureFacts:
    """Decode a picture to see whether it can be; `formats`: some of READABLE. Raises
    InvalidImage."""
    with _opened(data, role) as image:
        # A JPEG with a second picture behind it, as phones make them, is MPO to Pillow.
        kind = "JPEG" if image.format == "MPO" else image.format or ""
        if kind not in formats:
            raise UnsupportedImage(role, f"{kind} is not taken here; use {', '.join(formats)}")
        width, height = image.size
        _check_pixels(image.size, role, max_pixels)
        image.draft(None, (1, 1))  # all of a JPEG is read, but an eighth of its sides decoded
        image.load()
        if image.getexif().get(ExifTag.Orientation, 1) >= 5:  # turned by a quarter
            width, height = height, width
        return PictureFacts(kind, (width, height))


def stored_size(data: bytes) -> tuple[int, int]:
    """Return width and height in pixels as the header of the file has them. Raises InvalidImage."""
    with _opened(data, "content") as image:
        return image.size


def small(data: bytes, side_pixels: int) -> bytes:
    """Return the picture as a JPEG whose longest side has at most `side_pixels`, without metadata.

    JPEG is decoded at a reduced size; of other formats the decoded picture is reduced before its
    colours are converted. Raises InvalidImage.
    """
    with _opened(data, "content") as image:
        _check_pixels(image.size, "content")
        image.draft("RGB", (2 * side_pixels, 2 * side_pixels))
        image.load()
        with suppress(Exception):  # the pixels are whole, however broken the EXIF beside them is
            ImageOps.exif_transpose(image, in_place=True)
        picture = flatten(_to_srgb(_reduced(image, 2 * side_pixels)))
        if max(picture.size) > side_pixels:
            picture = resize(picture, fit(picture.size, side_pixels))
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=SMALL_QUALITY)
        return file.getvalue()


def _reduced(image: Image.Image, side_pixels: int) -> Image.Image:
    """The image by whole factors smaller, its longest side still at least `side_pixels`."""
    factor = max(image.size) // side_pixels
    if factor < 2:
        return image
    if image.mode.startswith(("I", "F")):
        image = _to_8_bits(image)
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
            "take a larger picture or a larger size",
        )


def flatten(image: Image.Image) -> Image.Image:
    """The picture as RGB, transparent parts over white as on a page."""
    if image.mode == "RGB":
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")


def resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture at exactly this (width, height)."""
    return image.resize(size, Image.Resampling.LANCZOS)


def fit(size: tuple[int, int], longest_side: int) -> tuple[int, int]:
    """The (width, height) with this longest side and the aspect ratio of `size`."""
    scale = longest_side / max(size)
    return round(size[0] * scale), round(size[1] * scale)


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
        return source.copy()
    if isinstance(source, bytes):
        _check_scans(source, role)
        return Image.open(io.BytesIO(source), formats=READABLE)
    if not isinstance(source, str | os.PathLike):
        return _from_array(source, role)
    path = Path(source)
    if not path.is_file():
        problem = f"{path} is not a file" if path.exists() else f"there is no file {path}"
        raise InvalidImage(role, f"{problem}; name a picture")
    return Image.open(path, formats=READABLE)


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
    if image.mode.startswith(("I", "F")):
        image = _to_8_bits(image)
    colours = _colours_to_srgb(image)
    if image.has_transparency_data:
        alpha = image.convert("RGBA").getchannel("A")
        if alpha.getextrema() != (255, 255):
            colours.putalpha(alpha)
    colours.info = {}
    return colours


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits or floats, scaled by the smallest usual white that is not exceeded."""
    if image.mode.startswith("I;16"):
        white, image = 65535.0, image.convert("I")
    else:
        brightest = float(image.getextrema()[1])  # type: ignore[arg-type]
        whites = (255.0, 65535.0, 2.0**31) if image.mode == "I" else (1.0, 255.0, 65535.0)
        white = next((white for white in whites if brightest <= white), brightest)
    grey = image.point(lambda value: value * (255 / white) + 0.5).convert("L")
    if "transparency" in grey.info:
        grey.info["transparency"] = round(grey.info["transparency"] * (255 / white))
    return grey


def _colours_to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode in ("1", "LA"):
        image = image.convert("L")
    elif image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = image.convert("RGB")
    if profile:
        # A damaged profile, or one for another mode: the plain conversion is nearest.
        with suppress(OSError, ImageCms.PyCMSError):
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


def free_path(path: Path) -> Path:
    """The path, or if something is there the first free one of name-2, name-3, …"""
    suffix = path.suffix if path.suffix.lower() in (*WRITABLE, *MOVING) else ""
    stem = path.name.removesuffix(suffix)
    numbered = (path.with_name(f"{stem}-{number}{suffix}") for number in count(2))
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
        recipe = image.info.get(_RECIPE_KEY) or image.getexif().get(ExifTag.ImageDescription)
        return recipe if isinstance(recipe, str) else None


def with_recipe(picture: bytes, recipe: str) -> bytes:
    """Return a PNG with this recipe in its metadata, in place of the one that it has. Its pixels
    stay as they are."""
    import png

    header, *others = png.Reader(bytes=picture).chunks()
    keyword = f"{_RECIPE_KEY}\0".encode()
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
        chunks.add_text(_RECIPE_KEY, recipe)
        return {"pnginfo": chunks}
    exif = Image.Exif()
    exif[ExifTag.ImageDescription] = recipe
    return {"exif": exif}
