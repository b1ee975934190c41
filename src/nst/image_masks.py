"""Masks and detail maps: images that are drawn over the content image."""

from PIL import Image

from nst.errors import ImageRole, InvalidImage

ASPECT_TOLERANCE = 0.02
"""Maximum relative difference between a mask's and the content's aspect ratio.
Both sizes have been rounded to whole pixels."""

SHAPE_SHARE = 0.001
"""Minimum share of transparent pixels for the alpha of a mask to be a shape.
Fewer transparent pixels are strays."""
SHAPE_ALPHA = 224
"""Alpha below which a pixel of a mask counts as transparent.
Higher values are noise rather than an edge."""

DRAWN: tuple[ImageRole, ...] = ("mask", "detail map")
"""Roles of images that are drawn over the content image."""

MIN_LEVEL = 16
"""Minimum difference from black, of 255, of a level that is no noise.
The noise is that of a compressed image. The same holds for the difference from white."""

_GREY_MAP = "it is equally bright everywhere; leave it out and use a lower strength instead"
_BLACK_MAP = "it is black everywhere; make it white where more of the photo should stay"
_WHITE_MAP = "it is white everywhere; leave it out and use a lower strength instead"
_BLACK_MASK = "it is black everywhere; make it white where its style belongs"


def check_drawn(levels: Image.Image, role: ImageRole) -> None:
    """Raise InvalidImage if a mask or a detail map marks nothing but noise.

    `levels`: the mask or the detail map, in mode L.
    """
    darkest, brightest = (int(str(level)) for level in levels.getextrema())
    if brightest < MIN_LEVEL:
        raise InvalidImage(role, _BLACK_MASK if role == "mask" else _BLACK_MAP)
    if role == "detail map" and darkest > 255 - MIN_LEVEL:
        raise InvalidImage(role, _WHITE_MAP)
    if role == "detail map" and darkest == brightest:
        raise InvalidImage(role, _GREY_MAP)


def shape(mask: Image.Image) -> Image.Image:
    """Return the shape of a loaded mask, in mode L.
    This is its alpha if that carries a shape, otherwise its brightness."""
    if mask.mode == "RGBA":
        alpha = mask.getchannel("A")
        if sum(alpha.histogram()[:SHAPE_ALPHA]) >= SHAPE_SHARE * mask.width * mask.height:
            return alpha
    return mask.convert("L")


def check_drawn_over(size: tuple[int, int], content: tuple[int, int], role: ImageRole) -> None:
    """Raise InvalidImage if a mask or detail map has not the content's aspect ratio."""
    ratio = (size[0] * content[1]) / (size[1] * content[0])
    if abs(ratio - 1) > ASPECT_TOLERANCE:
        raise InvalidImage(
            role,
            f"{size[0]}×{size[1]} pixels have another shape than the content's "
            f"{content[0]}×{content[1]}; draw it over the content image",
        )
