"""Pictures in and out: paths, bytes and arrays ⇄ upright 8-bit sRGB Pillow images.

Loading verifies and limits. Saving writes under a temporary name, renames, never overwrites
unless told to, and can put a recipe (a JSON text) into the file's metadata.
"""

import io
import os
import tempfile
import warnings
from itertools import count
from pathlib import Path
from typing import IO, Any

from PIL import Image, ImageCms, ImageOps, PngImagePlugin, UnidentifiedImageError
from PIL.ExifTags import Base as ExifTag

from nst.errors import ImageRole, InvalidImage, InvalidOption, StorageError

ImageSource = str | os.PathLike[str] | bytes | Image.Image | Any
"""A path, the bytes of a picture file, a Pillow image, or an RGB array: (H, W), (H, W, 3) or
(H, W, 4), integers of 8 or 16 bits or floats in [0, 1]."""

MAX_PIXELS = 150_000_000
"""About the largest camera backs; 450 MB when decoded. Guards against decompression bombs."""

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
_MANY_PICTURES_JPEG = "MPO"  # what phones write: a JPEG with a second picture behind the first
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

    Raises InvalidImage, whose one line says what is wrong and what to do.
    """
    name = str(source) if isinstance(source, str | os.PathLike) else "the data"
    try:
        image = _open(source, role)
        _check_pixels(image, role)
        image.load()
    except UnidentifiedImageError as error:
        reason = f"{name} is not a picture that can be read; use {', '.join(READABLE)}"
        raise InvalidImage(role, reason) from error
    except Image.DecompressionBombError as error:
        raise InvalidImage(role, f"{name} has too many pixels; make it smaller first") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        reason = f"{name} is damaged or cut short ({error}); get a whole copy of it"
        raise InvalidImage(role, reason) from error
    return _to_srgb(_upright(image))


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


def with_alpha_of(image: Image.Image, original: Image.Image) -> Image.Image:
    """The RGB picture with the transparency of `original`, resized to fit; RGB if it has none."""
    if original.mode != "RGBA":
        return image
    image = image.copy()
    image.putalpha(resize(original.getchannel("A"), image.size))
    return image


def resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture at exactly this (width, height)."""
    # Above a gap of 3 Lanczos after a box reduction differs from Lanczos alone by less than
    # rounding, and huge scans resize many times faster.
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def fit(size: tuple[int, int], longest_side: int) -> tuple[int, int]:
    """The (width, height) with this longest side and the aspect ratio of `size`."""
    scale = longest_side / max(size)
    return round(size[0] * scale), round(size[1] * scale)


def _open(source: ImageSource, role: ImageRole) -> Image.Image:
    if isinstance(source, Image.Image):
        return source.copy()
    if isinstance(source, bytes):
        return _open_file(io.BytesIO(source))
    if not isinstance(source, str | os.PathLike):
        return _from_array(source, role)
    path = Path(source)
    if not path.exists():
        raise InvalidImage(role, f"there is no file {path}; check the path")
    if not path.is_file():
        raise InvalidImage(role, f"{path} is not a file; name a picture")
    return _open_file(path)


def _open_file(file: Path | IO[bytes]) -> Image.Image:
    with warnings.catch_warnings():
        # _check_pixels has its own limit and answers with an error.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(file, formats=(*READABLE, _MANY_PICTURES_JPEG))


def _from_array(array: Any, role: ImageRole) -> Image.Image:
    try:
        if array.dtype.kind == "f":
            array = (array.clip(0, 1) * 255).round()
        elif array.dtype.itemsize > 1:
            array = array // 257
        return Image.fromarray(array.astype("uint8"))
    except (AttributeError, TypeError, ValueError) as error:
        reason = (
            f"{type(array).__name__} is not a picture; give a path, bytes, a Pillow image or an "
            "array (H, W), (H, W, 3) or (H, W, 4)"
        )
        raise InvalidImage(role, reason) from error


def _check_pixels(image: Image.Image, role: ImageRole) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InvalidImage(
            role,
            f"{width}×{height} pixels are more than the {MAX_PIXELS // 10**6} million allowed; "
            "make it smaller first",
        )
    check_sides(image.size, role)


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # the pixels are whole, whatever is wrong with the EXIF block beside them
        return image


def _to_srgb(image: Image.Image) -> Image.Image:
    image = _to_8_bits(image)
    colours = _colours_to_srgb(image)
    if image.has_transparency_data:
        alpha = image.convert("RGBA").getchannel("A")
        if alpha.getextrema() != (255, 255):
            colours.putalpha(alpha)
    return colours


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Grey pictures of 16 or 32 bits or floats, scaled by the smallest usual white ≥ their own."""
    if not image.mode.startswith(("I", "F")):
        return image
    if image.mode.startswith("I;16"):
        white = 65535.0
        image = image.convert("I")
    else:
        brightest = float(image.getextrema()[1])  # type: ignore[arg-type]
        whites = [255.0, 65535.0, 2.0**31]
        whites = [1.0, *whites] if image.mode == "F" else whites
        white = next((white for white in whites if brightest <= white), brightest)
    grey = image.point(lambda value: value * (255 / white) + 0.5).convert("L")
    if "icc_profile" in image.info:
        grey.info["icc_profile"] = image.info["icc_profile"]
    return grey


def _colours_to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode in ("1", "LA", "La"):
        image = image.convert("L")
    elif image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = image.convert("RGB")
    source = (
        ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if profile
        else ImageCms.createProfile("LAB")
        if image.mode == "LAB"
        else None
    )
    if source:
        try:
            converted = ImageCms.profileToProfile(
                image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            assert converted is not None  # only an in-place conversion returns nothing
            return converted
        except ImageCms.PyCMSError:
            pass  # a damaged profile, or one for another mode: the plain conversion is nearest
    return image.convert("RGB")


# ── out ───────────────────────────────────────────────────────────────────────────────────────


def check_output(path: Path) -> None:
    """Raise InvalidOption if `save` could not write there, before any work is done."""
    _format_of(path)
    if path.is_dir():
        raise InvalidOption("output", str(path), "a file name, this is a directory")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise InvalidOption(
            "output", str(path), f"a place that can be written ({error.strerror})"
        ) from error


def save(
    image: Image.Image, path: Path, *, recipe: str | None = None, overwrite: bool = False
) -> Path:
    """Write the picture in the format of the path's extension; return where it is.

    An existing file stays and the new one gets a number, unless `overwrite`. Raises StorageError.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(encode(image, _format_of(path), recipe=recipe))
        target = path if overwrite else free_path(path)
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(path, error.strerror or str(error)) from error
    return target


def free_path(path: Path) -> Path:
    """The path, or if something is there the first free one of name-2, name-3, …"""
    suffix = path.suffix if path.suffix.lower() in WRITABLE else ""
    stem = path.name.removesuffix(suffix)
    numbered = (path.with_name(f"{stem}-{number}{suffix}") for number in count(2))
    return path if not path.exists() else next(free for free in numbered if not free.exists())


def encode(image: Image.Image, format_name: str, *, recipe: str | None = None) -> bytes:
    """The bytes of a picture file; JPEG has no transparency and is flattened over white."""
    options = dict(_ENCODING[format_name])
    if recipe is not None:
        options |= _recipe_metadata(format_name, recipe)
    file = io.BytesIO()
    (flatten(image) if format_name == "JPEG" else image).save(file, format_name, **options)
    return file.getvalue()


def read_recipe(path: Path) -> str | None:
    """The recipe that `save` put into the picture, if there is one. Raises InvalidImage."""
    load(path, "initial")
    with _open_file(path) as image:
        if image.format == "PNG":
            return image.info.get(_RECIPE_KEY)
        recipe = image.getexif().get(ExifTag.ImageDescription)
        return recipe if isinstance(recipe, str) else None


def _format_of(path: Path) -> str:
    try:
        return WRITABLE[path.suffix.lower()]
    except KeyError as error:
        raise InvalidOption(
            "output", str(path), f"a name ending in {', '.join(WRITABLE)}"
        ) from error


def _recipe_metadata(format_name: str, recipe: str) -> dict[str, Any]:
    if format_name == "PNG":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_text(_RECIPE_KEY, recipe)
        return {"pnginfo": chunks}
    exif = Image.Exif()
    exif[ExifTag.ImageDescription] = recipe
    return {"exif": exif}
