"""Masks and detail maps: images that are drawn over the content image."""

from PIL import Image

from nst.errors import ImageRole, InvalidImage

ASPECT_TOLERANCE = 0.02
"""By which the aspect ratios of a mask and the content may differ, relative to
one another: both have been rounded to whole pixels."""

SHAPE_SHARE = 0.001
"""Share of transparent pixels from which on the alpha of
a mask is a shape; fewer are strays."""
SHAPE_ALPHA = 224
"""Alpha below which a pixel of a mask counts as
transparent: an edge is more than noise."""

DRAWN: tuple[ImageRole, ...] = ("mask", "detail map")
"""Images that are drawn over the content image."""

_GREY_MAP = "it is equally bright everywhere; leave it out and use a lower strength instead"
_UNIFORM_MAPS = {
    0: "it is black everywhere; make it white where more of the photo should stay",
    255: "it is white everywhere; leave it out and use a lower strength instead",
}


def check_drawn(levels: Image.Image, role: ImageRole) -> None:
    """Raise InvalidImage if a mask or a detail map, in mode L, marks nothing."""
    darkest, brightest = levels.getextrema()
    if role == "mask" and brightest == 0:
        raise InvalidImage(role, "it is black everywhere; make it white where its style belongs")
    if role == "detail map" and darkest == brightest:
        raise InvalidImage(role, _UNIFORM_MAPS.get(int(str(darkest)), _GREY_MAP))


def shape(mask: Image.Image) -> Image.Image:
    """Return a loaded mask in mode L: its alpha if that
    carries a shape, else its brightness."""
    if mask.mode == "RGBA":
        alpha = mask.getchannel("A")
        if sum(alpha.histogram()[:SHAPE_ALPHA]) >= SHAPE_SHARE * mask.width * mask.height:
            return alpha
    return mask.convert("L")


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
