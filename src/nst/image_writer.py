"""Writer of image files from 8-bit images and 16-bit samples, with a recipe.

Pillow does not write RGB with 16 bits; pypng and tifffile do, and are imported on demand.
"""

import io
import logging
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin
from PIL.ExifTags import Base as ExifTag

from nst.errors import InvalidOption
from nst.files import WRITABLE, write_file
from nst.image_files import RECIPE_KEY
from nst.progress import Samples
from nst.transparency import flatten

WRITABLE_16_BIT = tuple(suffix for suffix, name in WRITABLE.items() if name in ("PNG", "TIFF"))
"""Extensions of the formats that hold 16 bits per channel."""

MAX_JPEG_EXIF_BYTES = 65_533
"""Maximum size of the EXIF data in a JPEG file, in bytes.
A recipe with thousands of steered steps is larger."""

logger = logging.getLogger(__name__)

_ENCODING: dict[str, dict[str, Any]] = {
    "PNG": {},
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    "WEBP": {"quality": 95},
    "TIFF": {"compression": "tiff_adobe_deflate"},
}


def check_bit_depth(suffix: str, bit_depth: str) -> None:
    """Raise InvalidOption if files with this extension do not support the bit depth."""
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
    """Write the image in the format of the path's extension; return its path.

    Samples are written with 16 bits per channel. An existing file stays and the new one gets a
    number, unless `overwrite`. Raises StorageError, and InvalidOption if the format does not
    support 16 bits.
    """
    format_name = _format_of(path)
    check_bit_depth(path.suffix, "8" if isinstance(image, Image.Image) else "16")

    def write(temporary: Path) -> None:
        temporary.write_bytes(encode(image, format_name, recipe=recipe))

    return write_file(path, write, overwrite=overwrite)


def encode(image: "Image.Image | Samples", format_name: str, *, recipe: str | None = None) -> bytes:
    """Return the bytes of an image file.

    JPEG has no transparency, so the image is flattened over white.

    Samples become a PNG or a TIFF with 16 bits per channel; `format_name` must be one of these.
    """
    if not isinstance(image, Image.Image):
        return _ENCODE_16_BIT[format_name](image, recipe)
    options = _ENCODING[format_name] | (_recipe_metadata(format_name, recipe) if recipe else {})
    file = io.BytesIO()
    (flatten(image) if format_name == "JPEG" else image).save(file, format_name, **options)
    return file.getvalue()


def with_recipe(picture: bytes, recipe: str | None) -> bytes:
    """Return a PNG with this recipe in its metadata, in place of its previous recipe.
    None removes the recipe. The pixels are unchanged."""
    import png

    chunks = png.Reader(bytes=picture).chunks()  # one at a time, because large images have 134 MB
    header = next(chunks)
    keyword = f"{RECIPE_KEY}\0".encode()
    kept = ((kind, data) for kind, data in chunks if not data.startswith(keyword))
    added = [] if recipe is None else [(b"tEXt", keyword + recipe.encode("latin-1"))]
    file = io.BytesIO()
    png.write_chunks(file, chain([header], added, kept))
    return file.getvalue()


def _format_of(path: Path) -> str:
    if path.suffix.lower() not in WRITABLE:
        raise InvalidOption("output", str(path), f"a name ending in {', '.join(WRITABLE)}")
    return WRITABLE[path.suffix.lower()]


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
    if format_name == "JPEG" and len(exif.tobytes()) > MAX_JPEG_EXIF_BYTES:
        logger.warning(
            "the image is saved without its recipe, which does not fit into a JPEG file; "
            "another format holds it"
        )
        return {}
    return {"exif": exif}
