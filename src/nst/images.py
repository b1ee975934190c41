"""Loading of paths, bytes and arrays as upright 8-bit sRGB Pillow images.

Images are verified and limited in size. `save` is also here, for programs that use nst as a
library.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image, ImageCms
from PIL.ExifTags import Base as ExifTag
from PIL.Image import Transpose

from nst.errors import ImageRole, InvalidImage
from nst.image_files import DECODERS, DEEP_TIFF, MAX_PIXELS, RECIPE_KEY, take_orientation
from nst.image_masks import DRAWN, check_drawn, shape
from nst.image_reader import ImageSource, opened, to_8_bits
from nst.image_sizes import check_pixels, check_sides, fit
from nst.image_writer import encode
from nst.image_writer import save as save  # noqa: PLC0414 - a name of the library
from nst.transparency import extended, flatten, repeated, solid

SMALL_QUALITY = 85
"""JPEG quality of thumbnails."""

MAX_EMPTY_FRAMES = 100
"""Number of frames of an animation that are searched for one that is not empty."""

NO_TEXTURE = (
    "it has one colour everywhere, so there is no texture to paint with; "
    "choose another picture or preset gram"
)
"""Reason why a style image of one colour cannot be matched place by place."""

_ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")
_FORMATS = {decoder: name for name, decoder in DECODERS.items()} | {DEEP_TIFF: "TIFF"}
_QUARTER_TURN = 5
"""Lowest EXIF orientation that exchanges width and height."""
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
"""Transpositions that make an image upright, by EXIF orientation."""


def load(source: ImageSource, role: ImageRole) -> Image.Image:
    """Return the image as RGB, or as RGBA if it has transparency.

    It is upright, in sRGB, with 8 bits per channel, without metadata; an animation yields its first
    frame that is not empty. Transparent pixels have the colours of the visible pixels around them.
    A style image is cropped to its visible part, which is repeated where it is transparent. Raises
    InvalidImage, whose one line says what is wrong and what to do.
    """
    with _decoded(source, role) as (image, _):
        picture = _to_srgb(image)
        return repeated(picture) if role == "style" else extended(picture)


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """Facts about an image file."""

    format: str
    """Format by the file's content, one of READABLE."""
    size: tuple[int, int]
    """Width and height in pixels, upright."""
    is_plain: bool = False
    """Whether a style image has one colour everywhere."""


def inspect(data: bytes, role: ImageRole, *, max_pixels: int = MAX_PIXELS) -> PictureFacts:
    """Return the facts about an image that `load` accepts.
    JPEG is decoded at a reduced size. Raises InvalidImage if `load` would, or if the image has
    more pixels than `max_pixels`."""
    draft_side = 0 if role in DRAWN else 1
    with _decoded(data, role, max_pixels=max_pixels, draft_side=draft_side) as (image, facts):
        if role in DRAWN:
            check_drawn(shape(_to_srgb(image)), role)
        plain = role == "style" and is_plain(image)
    if plain and facts.format == "JPEG":  # at reduced size, a fine pattern has one colour, too
        with _decoded(data, role, max_pixels=max_pixels) as (image, _):
            plain = is_plain(image)
    return replace(facts, is_plain=plain)


def is_plain(image: Image.Image) -> bool:
    """Return whether the image has one colour everywhere."""
    return len(image.getcolors(2) or ()) == 1


def stored_size(data: bytes) -> tuple[int, int]:
    """Return width and height in pixels as stated in the header of the file.
    Raises InvalidImage."""
    with opened(data, "content") as image:
        return image.size


def small(data: bytes, side_pixels: int) -> bytes:
    """Return the image as a JPEG with at most `side_pixels` on its longest side.
    The file has no metadata. Raises InvalidImage."""
    picture = coarse(data, side_pixels)
    if max(picture.size) > side_pixels:
        picture = resize(picture, fit(picture.size, side_pixels))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=SMALL_QUALITY)
    return file.getvalue()


def coarse(data: bytes, side_pixels: int) -> Image.Image:
    """Return the image as RGB over white, to be resized to `side_pixels`.

    If its longest side is more than twice as long, JPEG is decoded at a reduced size; images of
    other formats are reduced after decoding, before their colours are converted. Raises
    InvalidImage.
    """
    with _decoded(data, "content", draft_side=2 * side_pixels) as (image, _):
        return flatten(_to_srgb(_reduced(image, 2 * side_pixels)))


@contextmanager
def _decoded(
    source: ImageSource, role: ImageRole, *, max_pixels: int = MAX_PIXELS, draft_side: int = 0
) -> Iterator[tuple[Image.Image, PictureFacts]]:
    """Decode the image and check everything that can be wrong with it.
    `load`, `inspect` and `small` share these checks. The image is upright, with 8 bits per
    channel."""
    with opened(source, role) as image:
        name, (width, height) = image.format or "", image.size
        check_pixels(image.size, role, max_pixels)
        orientation = take_orientation(image)
        if image.format == "TIFF":  # Pillow rotates it, and has exchanged its sides already
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
    """Return the first frame that is not empty, with 8 bits per channel.
    Raises InvalidImage if all frames are empty."""
    for number in range(MAX_EMPTY_FRAMES if image.format in _ANIMATED else 1):
        if number and not _seek(image, number):
            break
        levels = to_8_bits(image, role)
        if not levels.has_transparency_data or _alpha(levels).getbbox():
            return levels
    raise InvalidImage(role, "it is transparent everywhere; make visible what is to be used")


def _seek(image: Image.Image, number: int) -> bool:
    """Decode this frame of an animation; return whether it can be decoded."""
    with suppress(Exception):  # later frames may be damaged
        image.seek(number)
        image.load()
        return True
    return False


def _alpha(image: Image.Image) -> Image.Image:
    return (image if image.mode in ("LA", "RGBA") else image.convert("RGBA")).getchannel("A")


def _reduced(image: Image.Image, side_pixels: int) -> Image.Image:
    """Return the image reduced by whole factors.
    Its longest side still has at least `side_pixels`."""
    factor = max(image.size) // side_pixels
    if factor < 2:
        return image
    if image.has_transparency_data and image.mode != "RGBA":
        image = image.convert("RGBA")
    elif image.mode in ("1", "P"):  # their numbers are not colours and cannot be averaged
        image = image.convert("L" if image.mode == "1" else "RGB")
    width, height = image.size
    return image.reduce((min(factor, width), min(factor, height)))


def colours(image: Image.Image) -> Image.Image:
    """Return a loaded image as RGB, with the colours of its transparent pixels."""
    return image.convert("RGB")


def resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return the image at exactly this (width, height)."""
    return image.resize(size, Image.Resampling.LANCZOS)


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
        # With a damaged profile, or one for another mode, the plain conversion is closest.
        with suppress(Exception):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if image.mode == "L" and source.profile.xcolor_space == "RGB ":
                image = image.convert("RGB")
            srgb = ImageCms.createProfile("sRGB")
            return ImageCms.buildTransform(source, srgb, image.mode, "RGB").apply(image)
    return image.convert("RGB")


def load_kept(file: Path) -> Image.Image | None:
    """Return an image that nst saved for itself; None if it is missing or damaged."""
    try:
        with Image.open(file) as image:
            image.load()
            return image
    except (OSError, SyntaxError):  # Pillow raises SyntaxError for a broken PNG
        return None


def read_recipe(picture: Path | bytes) -> str | None:
    """Return the recipe that `save` wrote into the image; None if it has none.
    Raises InvalidImage."""
    with opened(picture, "initial") as image:
        recipe = image.info.get(RECIPE_KEY)
        if image.format == "PNG" and not recipe:
            image.load()  # getexif() would load it, too, and hide errors of the pixels
        with suppress(Exception):  # damaged EXIF holds no recipe
            recipe = recipe or image.getexif().get(ExifTag.ImageDescription)
        return recipe if isinstance(recipe, str) else None


def converted(picture: bytes, format_name: str) -> bytes:
    """Return an image in another format, with 8 bits per channel and its recipe.
    Raises InvalidImage."""
    image = load(picture, "content")
    return encode(image, format_name, recipe=read_recipe(picture))


def beside(before: bytes, after: bytes) -> bytes:
    """Return two images side by side as a JPEG file.
    Both have the size of the second one. Raises InvalidImage."""
    result = flatten(load(after, "content"))
    original = resize(flatten(load(before, "content")), result.size)
    both = Image.new("RGB", (2 * result.width, result.height))
    both.paste(original, (0, 0))
    both.paste(result, (result.width, 0))
    return encode(both, "JPEG")
