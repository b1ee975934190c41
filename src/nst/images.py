"""Pictures in and out: paths, bytes and arrays ⇄ upright
8-bit sRGB Pillow images.

Loading verifies and limits. Saving can put a recipe (a JSON text) into the file's metadata.
Pillow writes no RGB of 16 bits: pypng and tifffile do, imported when they are needed.
"""

import io
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms, PngImagePlugin
from PIL.ExifTags import Base as ExifTag
from PIL.Image import Transpose

from nst.errors import ImageRole, ImageTooLarge, InvalidImage, InvalidOption
from nst.files import WRITABLE, write_file
from nst.image_files import DECODERS, DEEP_TIFF, MAX_PIXELS, RECIPE_KEY, take_orientation
from nst.image_reader import ImageSource, opened, to_8_bits
from nst.progress import Samples
from nst.transparency import extended, repeated, solid

SMALL_QUALITY = 85
"""JPEG quality of thumbnails."""

MIN_SIDE_PIXELS = 16
"""Four poolings lie before relu5_1: with fewer pixels it has nothing to see."""

MAX_EMPTY_FRAMES = 100
"""Frames of an animation among which one that is not empty is looked for."""

ASPECT_TOLERANCE = 0.02
"""By which the aspect ratios of a mask and the content may differ, relative to
one another: both have been rounded to whole pixels."""

SHAPE_SHARE = 0.001
"""Share of transparent pixels from which on the alpha of
a mask is a shape; fewer are strays."""
SHAPE_ALPHA = 224
"""Alpha below which a pixel of a mask counts as
transparent: an edge is more than noise."""

WRITABLE_16_BIT = tuple(suffix for suffix, name in WRITABLE.items() if name in ("PNG", "TIFF"))
"""Extensions of the formats that hold 16 bits per channel."""
DRAWN: tuple[ImageRole, ...] = ("mask", "detail map")
"""Images that are drawn over the content image."""

NO_TEXTURE = (
    "it has one colour everywhere, so there is no texture to paint with; "
    "choose another picture or preset gram"
)
"""Reason why a style of one colour cannot be matched place by place."""

_GREY_MAP = "it is equally bright everywhere; leave it out and use a lower strength instead"
_UNIFORM_MAPS = {
    0: "it is black everywhere; make it white where more of the photo should stay",
    255: "it is white everywhere; leave it out and use a lower strength instead",
}

_ENCODING: dict[str, dict[str, Any]] = {
    "PNG": {},
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    "WEBP": {"quality": 95},
    "TIFF": {"compression": "tiff_adobe_deflate"},
}

_ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")
_FORMATS = {decoder: name for name, decoder in DECODERS.items()} | {DEEP_TIFF: "TIFF"}
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
    """Return the image as RGB, or RGBA where it has
    transparency; upright, sRGB, 8 bits a channel.

    Of an animation the first frame that is not empty; nothing of the metadata. Colours below
    transparent pixels are those of the visible pixels around them. A style is cut to its visible
    part, which is repeated where it is transparent. Raises InvalidImage, whose one
    line says what is wrong and what to do.
    """
    with _decoded(source, role) as (image, _):
        picture = _to_srgb(image)
        return repeated(picture) if role == "style" else extended(picture)


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """Facts about an image file."""

    format: str
    """One of READABLE, by its content."""
    size: tuple[int, int]
    """Width and height in pixels, upright."""
    is_plain: bool = False
    """Whether a style has one colour everywhere."""


def inspect(data: bytes, role: ImageRole, *, max_pixels: int = MAX_PIXELS) -> PictureFacts:
    """Return the facts of a picture that `load` takes;
    JPEG is decoded at a reduced size. Raises InvalidImage where `load` does, or if
    there are more pixels than `max_pixels`."""
    draft_side = 0 if role in DRAWN else 1
    with _decoded(data, role, max_pixels=max_pixels, draft_side=draft_side) as (image, facts):
        if role in DRAWN:
            check_drawn(shape(_to_srgb(image)), role)
        plain = role == "style" and is_plain(image)
    if plain and facts.format == "JPEG":  # the draft of a fine pattern has one colour, too
        with _decoded(data, role, max_pixels=max_pixels) as (image, _):
            plain = is_plain(image)
    return replace(facts, is_plain=plain)


def is_plain(image: Image.Image) -> bool:
    """Return whether the image has one colour everywhere."""
    return len(image.getcolors(2) or ()) == 1


def stored_size(data: bytes) -> tuple[int, int]:
    """Return width and height in pixels as the header of the file has them.
    Raises InvalidImage."""
    with opened(data, "content") as image:
        return image.size


def small(data: bytes, side_pixels: int) -> bytes:
    """Return the picture as a JPEG whose longest side has at
    most `side_pixels`, without metadata.

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
    with opened(source, role) as image:
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
            visible = visible.crop(solid(_alpha(visible)).getbbox())
            check_sides(visible.size, role)
        yield visible, PictureFacts(_FORMATS.get(name, name), (width, height))


def _visible(image: Image.Image, role: ImageRole) -> Image.Image:
    """Return the first frame that is not empty, with 8 bits per channel. Raises InvalidImage if
    there is none."""
    for number in range(MAX_EMPTY_FRAMES if image.format in _ANIMATED else 1):
        if number and not _seek(image, number):
            break
        levels = to_8_bits(image, role)
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
    """Raise InvalidImage if a result whose longest side is `size` would have a side
    with too few pixels. `max_size`: largest value of the option size that is
    allowed."""
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


def check_drawn(levels: Image.Image, role: ImageRole) -> None:
    """Raise InvalidImage if a mask or a detail map, in mode L, marks nothing."""
    darkest, brightest = levels.getextrema()
    if role == "mask" and brightest == 0:
        raise InvalidImage(role, "it is black everywhere; make it white where its style belongs")
    if role == "detail map" and darkest == brightest:
        raise InvalidImage(role, _UNIFORM_MAPS.get(int(str(darkest)), _GREY_MAP))


def check_drawn_over(size: tuple[int, int], content: tuple[int, int], role: ImageRole) -> None:
    """Raise InvalidImage if a mask or a detail map has
    another aspect ratio than the content."""
    ratio = (size[0] * content[1]) / (size[1] * content[0])
    if abs(ratio - 1) > ASPECT_TOLERANCE:
        raise InvalidImage(
            role,
            f"{size[0]}×{size[1]} pixels have another shape than the content's "
            f"{content[0]}×{content[1]}; draw it over the content image",
        )


def flatten(image: Image.Image) -> Image.Image:
    """The picture as RGB, transparent parts over white as on a page."""
    if image.mode == "RGB":
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")


def colours(image: Image.Image) -> Image.Image:
    """Return a loaded picture as RGB, with the colours that
    it has below its transparency."""
    return image.convert("RGB")


def shape(mask: Image.Image) -> Image.Image:
    """Return a loaded mask in mode L: its alpha if that
    carries a shape, else its brightness."""
    if mask.mode == "RGBA":
        alpha = mask.getchannel("A")
        if sum(alpha.histogram()[:SHAPE_ALPHA]) >= SHAPE_SHARE * mask.width * mask.height:
            return alpha
    return mask.convert("L")


def resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture at exactly this (width, height)."""
    return image.resize(size, Image.Resampling.LANCZOS)


def fit(size: tuple[int, int], longest_side: int) -> tuple[int, int]:
    """The (width, height) with this longest side and the aspect ratio of `size`."""
    scale = longest_side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def limited(size: tuple[int, int], max_pixels: int) -> tuple[int, int]:
    """Return `size`, or if it has more pixels a smaller one
    with the same aspect ratio."""
    width, height = size
    scale = min(1.0, math.sqrt(max_pixels / (width * height)))
    return max(1, round(width * scale)), max(1, round(height * scale))


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


def check_bit_depth(suffix: str, bit_depth: str) -> None:
    """Raise InvalidOption if files with this extension do not
    hold so many bits per channel."""
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


def encode(image: "Image.Image | Samples", format_name: str, *, recipe: str | None = None) -> bytes:
    """The bytes of a picture file;
    JPEG has no transparency and is flattened over white.

    Samples become a PNG or a TIFF with 16 bits per channel; `format_name` must be one of these.
    """
    if not isinstance(image, Image.Image):
        return _ENCODE_16_BIT[format_name](image, recipe)
    options = _ENCODING[format_name] | (_recipe_metadata(format_name, recipe) if recipe else {})
    file = io.BytesIO()
    (flatten(image) if format_name == "JPEG" else image).save(file, format_name, **options)
    return file.getvalue()


def converted(picture: bytes, format_name: str) -> bytes:
    """Return a picture in another format, with 8 bits per channel and the recipe that
    it carries. Raises InvalidImage."""
    image = load(picture, "content")
    return encode(image, format_name, recipe=read_recipe(picture))


def load_kept(file: Path) -> Image.Image | None:
    """Return an image that nst has saved for itself; None
    if the file is missing or damaged."""
    try:
        with Image.open(file) as image:
            image.load()
            return image
    except (OSError, SyntaxError):  # Pillow raises SyntaxError for a broken PNG
        return None


def beside(before: bytes, after: bytes) -> bytes:
    """Return two pictures side by side as a JPEG file.
    Both are as large as the second one. Raises InvalidImage."""
    result = flatten(load(after, "content"))
    original = resize(flatten(load(before, "content")), result.size)
    both = Image.new("RGB", (2 * result.width, result.height))
    both.paste(original, (0, 0))
    both.paste(result, (result.width, 0))
    return encode(both, "JPEG")


def read_recipe(picture: Path | bytes) -> str | None:
    """The recipe that `save` put into the picture, if there is one.
    Raises InvalidImage."""
    with opened(picture, "initial") as image:
        recipe = image.info.get(RECIPE_KEY)
        if image.format == "PNG" and not recipe:
            image.load()  # to look for EXIF would do so, and hide what is wrong with the pixels
        with suppress(Exception):  # damaged EXIF holds no recipe
            recipe = recipe or image.getexif().get(ExifTag.ImageDescription)
        return recipe if isinstance(recipe, str) else None


def with_recipe(picture: bytes, recipe: str) -> bytes:
    """Return a PNG with this recipe in its metadata, in place of the one that it has.
    Its pixels stay as they are."""
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
