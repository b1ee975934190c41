"""Inputs of a transfer: the images as they are given, and
as they are when loaded.

Torch is not imported here: drafts do without.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from PIL import Image

from nst import image_sizes, images
from nst.engine.pictures import levels
from nst.engine.pictures.colour import prepare_style, with_colours_of
from nst.engine.pictures.detail import load_detail, load_detail_map
from nst.engine.pictures.protect import find_face_map
from nst.engine.pictures.styles import Masks, Style, Styles, each_style, load_styles, style_size
from nst.errors import ImageRole, InvalidImage, InvalidOption
from nst.image_reader import ImageSource, check_source, name_of
from nst.options import MAX_SIZE, StyleTransferOptions


@dataclass(frozen=True, slots=True)
class Inputs:
    """The pictures of one transfer, each a path, `sample:NAME`, the bytes of a file,
    a Pillow image or an array. Raises InvalidImage or InvalidOption if one is
    something else."""

    content: ImageSource
    styles: Styles
    """One style image or a list of them."""
    masks: Masks = ()
    """In the order of the styles: white where the style belongs, None for everywhere."""
    detail_map: "ImageSource | None" = None
    """In the shape of the content: white where more of it stays.
    None: what option protect finds. `nst.engine.pictures.detail.load_detail`
    combines both."""
    initial: "ImageSource | None" = None
    """The picture to start from, instead of what init_method
    says; resized to the result."""
    held: Image.Image | None = None
    """Where the result stays near the initial picture, which must be there: grey, in
    the shape of the result, white where it is held most. Such a transfer has one
    scale. None: nowhere."""

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
    """The pictures of one transfer, loaded and checked; the
    styles in the colours of option `color`.

    All but the initial picture keep the size that they came with.
    """

    content: Image.Image
    styles: Sequence[Style]
    detail: Image.Image | None
    """Grey, in the shape of the content: white where more of it stays. None: nowhere."""
    faces: Image.Image | None
    """Grey, in the shape of the content: white where a face is, if flourish matters.
    None: none."""
    initial: Image.Image | None
    held: Image.Image | None
    """Grey, in the shape of the result: white where the
    result is held to the initial picture."""
    size: tuple[int, int]
    """Width and height of the result, in pixels."""

    @classmethod
    def load(cls, inputs: Inputs, options: StyleTransferOptions) -> Self:
        """Raises InvalidImage, InvalidOption, NetworkUnavailable."""
        content = images.load(inputs.content, "content")
        image_sizes.check_result_size(content.size, options.size, MAX_SIZE)
        styles = load_styles(inputs.styles, inputs.masks, content, options)
        detail = _load_detail(inputs.detail_map, content, options)
        initial = None if inputs.initial is None else images.load(inputs.initial, "initial")
        if options.is_matched:
            _check_textures(styles)
        size = image_sizes.fit(content.size, options.size)
        colored = recoloured(styles, content, size, options)
        faces = find_face_map(content) if options.is_matched else None
        return cls(content, colored, detail, faces, initial, inputs.held, size)

    @property
    def has_masks(self) -> bool:
        return any(style.mask for style in self.styles)

    def by_role(self) -> Iterator[tuple[str, Image.Image]]:
        """All that the scales see, with names for people."""
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
    """Neighbours differ in direction only, and one colour has none. Raises InvalidImage."""
    for style in styles:
        if images.is_plain(images.colours(style.picture)):
            raise InvalidImage("style", images.NO_TEXTURE)


def _load_detail(
    source: "ImageSource | None", content: Image.Image, options: StyleTransferOptions
) -> Image.Image | None:
    if source is None:
        return load_detail(None, content, options).map
    return load_detail_map(source, content, options.size)


def recoloured(
    styles: Sequence[Style],
    content: Image.Image,
    size: tuple[int, int],
    options: StyleTransferOptions,
) -> Sequence[Style]:
    """Return the styles in the colours of option `color`,
    beside a result of this size."""
    if options.color == "style":
        return styles
    return [_recoloured(style, content, size, options) for style in styles]


def finished(
    painted: np.ndarray, content: Image.Image, options: StyleTransferOptions
) -> np.ndarray:
    """Return the levels of a result, with the content's transparency, and with its
    chroma if option `color` asks for it. `painted`: levels (H, W, 3), of the
    result's size."""
    if options.color == "luminance":
        painted = with_colours_of(painted, content, options.color_amount)
    return levels.with_alpha_of(painted, content)


def _recoloured(
    style: Style, content: Image.Image, size: tuple[int, int], options: StyleTransferOptions
) -> Style:
    """In the content's colours, and in its size beside a result of this size."""
    beside = style_size(style.picture.size, size, options.style_scale)
    picture = images.resize(images.colours(style.picture), beside)
    picture = prepare_style(picture, images.colours(content), options.color)
    return replace(style, picture=picture)
