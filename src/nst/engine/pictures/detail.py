"""The detail map: where more of the content image is kept.

The map is drawn by a person or found by option `protect`. Torch is not imported here.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops

from nst import image_masks, image_sizes
from nst.engine.pictures.protect import protect
from nst.engine.pictures.styles import load_over, resize_mask
from nst.image_reader import ImageSource
from nst.options import StyleTransferOptions

NOT_FOUND = {"faces": "no face was found", "person": "no person was found"}
FILLS_ALL = {"faces": "a face fills the whole photo", "person": "a person fills the whole photo"}


@dataclass(frozen=True, slots=True)
class Detail:
    """The parts of a content image to keep."""

    map: Image.Image | None
    """Grey image in the shape of the content image: white where more of it is kept.
    None: nowhere."""
    notice: str | None = None
    """Message for the user if option `protect` has no effect."""


def load_detail(
    source: "ImageSource | None", content: Image.Image, options: StyleTransferOptions
) -> Detail:
    """Return the given map, if any, combined with what option `protect` finds.

    The brighter of the two counts. Raises InvalidImage, NetworkUnavailable.
    """
    given = None if source is None else load_detail_map(source, content, options.size)
    if options.protect == "none":
        return Detail(given)
    found = protect(content, options.protect)
    if not found.getbbox():
        return Detail(given, NOT_FOUND[options.protect])
    if given is not None:
        found = ImageChops.lighter(found, resize_mask(given, found.size))
    darkest, brightest = _seen_range(found, content, options.size)
    if darkest == brightest:
        # The detail is equal everywhere: a face is too small for this result, or too large.
        notices = NOT_FOUND if brightest == 0 else FILLS_ALL
        return Detail(given, notices[options.protect])
    return Detail(found)


def load_detail_map(source: ImageSource, content: Image.Image, size: int) -> Image.Image:
    """Return the image's alpha if that holds a shape, else its brightness, in mode L.

    Raises InvalidImage if the image does not have the shape of the content image, or if a result
    with this longest side would see the same brightness everywhere.
    """
    detail_map = load_over(source, content, "detail map")
    image_masks.check_drawn(
        resize_mask(detail_map, image_sizes.fit(content.size, size)), "detail map"
    )
    return detail_map


def _seen_range(detail_map: Image.Image, content: Image.Image, size: int) -> tuple[int, int]:
    """Return the darkest and the brightest value of the map at the result's size.

    `size`: longest side of the result.
    """
    seen = np.asarray(resize_mask(detail_map, image_sizes.fit(content.size, size)))
    return int(seen.min()), int(seen.max())
