"""Inputs of a transfer: the images as they are given, and as they are loaded.

Torch is not imported here, because drafts do not need it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from PIL import Image

from nst import image_sizes, images
from nst.engine.pictures import levels
from nst.engine.pictures.colour import prepare_style, with_colours_of
from nst.engine.pictures.detail import load_detail
from nst.engine.pictures.protect import find_face_map
from nst.engine.pictures.styles import Masks, Style, Styles, each_style, load_styles, style_size
from nst.errors import ImageRole, InvalidImage, InvalidOption
from nst.image_reader import ImageSource, check_source, name_of
from nst.option_fields import MAX_SIZE
from nst.options import StyleTransferOptions


@dataclass(frozen=True, slots=True)
class Inputs:
    """Images of one transfer.
    Each is a path, `sample:NAME`, the bytes of a file, a Pillow image or an array. Raises
    InvalidImage or InvalidOption if one is something else."""

    content: ImageSource
    styles: Styles
    """One style image or a list of them."""
    masks: Masks = ()
    """Masks in the order of the styles: white where the style belongs.
    None: the style belongs everywhere."""
    detail_map: "ImageSource | None" = None
    """Image in the shape of the content image: white where more of it is kept.
    Option protect adds what it finds; where both mark something, the brighter value counts."""
    initial: "ImageSource | None" = None
    """Initial image, which replaces that of init_method; resized to the result."""
    held: Image.Image | None = None
    """Grey image of where the result stays near the initial image, which is required.
    It has the shape of the result and is white where the result is held most. Such a transfer has
    one scale. None: nowhere."""

    def __post_init__(self) -> None:
        check_source(self.content, "content")
        for style in each_style(self.styles):
            check_source(style, "style")
        if not isinstance(self.masks, list | tuple):
            raise InvalidOption("masks", self.masks, "a list with a picture or None for each style")
        optional: list[tuple[ImageSource | None, ImageRole]] = [
            *((mask, "mask") for mask in self.masks),
            (self.detail_map, "detail map"),
            (self.initial, "initial"),
        ]
        for source, role in optional:
            if source is not None:
                check_source(source, role)

    def __repr__(self) -> str:
        styles = ", ".join(map(name_of, each_style(self.styles)))
        return f"<Inputs: {name_of(self.content)} in the style of {styles}>"


@dataclass(frozen=True, slots=True)
class Pictures:
    """Images of one transfer, loaded and checked.
    The styles have the colours of option `color`.

    All images keep their size, except styles that are recoloured: these are resized for the result.
    """

    content: Image.Image
    styles: Sequence[Style]
    detail: Image.Image | None
    """Grey image in the shape of the content image: white where more of it is kept.
    It is the given map combined with what option protect finds. None: nowhere."""
    notice: str | None
    """Message for the user if option `protect` has no effect."""
    faces: Image.Image | None
    """Grey image in the shape of the content image: white where a face is.
    None: there is no face, or the style loss is not neighbors."""
    initial: Image.Image | None
    held: Image.Image | None
    """Grey image in the shape of the result: white where the result is held most.
    It is held to the initial image."""
    size: tuple[int, int]
    """Width and height of the result, in pixels."""

    @classmethod
    def load(cls, inputs: Inputs, options: StyleTransferOptions) -> Self:
        """Load and check the images.

        Raises InvalidImage, InvalidOption, NetworkUnavailable.
        """
        content = images.load(inputs.content, "content")
        image_sizes.check_result_size(content.size, options.size, MAX_SIZE)
        styles = load_styles(inputs.styles, inputs.masks, content, options)
        detail = load_detail(inputs.detail_map, content, options)
        initial = None if inputs.initial is None else images.load(inputs.initial, "initial")
        if options.is_matched:
            _check_textures(styles)
        size = image_sizes.fit(content.size, options.size)
        colored = recoloured(styles, content, size, options)
        faces = find_face_map(content) if options.is_matched else None
        return cls(content, colored, detail.map, detail.notice, faces, initial, inputs.held, size)

    @property
    def has_masks(self) -> bool:
        return any(style.mask for style in self.styles)

    def by_role(self) -> Iterator[tuple[str, Image.Image]]:
        """Yield the role, named for messages, and the image of all that the scales see."""
        yield "content", self.content
        for number, style in enumerate(self.styles, start=1):
            yield "style" if len(self.styles) == 1 else f"style {number}", style.picture
            if style.mask:
                yield f"mask {number}", style.mask
        if self.detail:
            yield "detail map", self.detail
        if self.held and self.initial:
            yield "initial", self.initial
            yield "held", self.held


def _check_textures(styles: Sequence[Style]) -> None:
    """Raise InvalidImage if a style has only one colour.

    Neighbours differ in direction only, and a single colour has no direction.
    """
    for style in styles:
        if images.is_plain(images.colours(style.picture)):
            raise InvalidImage("style", images.NO_TEXTURE)


def recoloured(
    styles: Sequence[Style],
    content: Image.Image,
    size: tuple[int, int],
    options: StyleTransferOptions,
) -> Sequence[Style]:
    """Return the styles in the colours of option `color`.

    `size`: width and height of the result.
    """
    if options.color == "style":
        return styles
    return [_recoloured(style, content, size, options) for style in styles]


def finished(
    painted: np.ndarray, content: Image.Image, options: StyleTransferOptions
) -> np.ndarray:
    """Return the levels of a result with the content's transparency.

    With option `color` luminance it also gets the content's chroma. `painted`: levels (H, W, 3), of
    the result's size.
    """
    if options.color == "luminance":
        painted = with_colours_of(painted, content, options.color_amount)
    return levels.with_alpha_of(painted, content)


def _recoloured(
    style: Style, content: Image.Image, size: tuple[int, int], options: StyleTransferOptions
) -> Style:
    """Return a style in the content's colours, in its size for a result of this size."""
    beside = style_size(style.picture.size, size, options.style_scale)
    picture = images.resize(images.colours(style.picture), beside)
    picture = prepare_style(picture, images.colours(content), options.color)
    return replace(style, picture=picture)
