"""Display of frames as in players: rotated, mirrored, with square pixels.

All frames of a film are fitted into one size.
"""

import struct
from fractions import Fraction
from typing import TYPE_CHECKING

from PIL import Image

from nst import images

if TYPE_CHECKING:
    from av import VideoFrame

MAX_PIXEL_ASPECT = 10
"""Maximum ratio of a pixel's sides; a larger one is an error in the file.
Such pixels are shown as squares."""

_TURNS: dict[tuple[int, ...], Image.Transpose | None] = {
    (1, 0, 0, 1): None,
    (-1, 0, 0, 1): Image.Transpose.FLIP_LEFT_RIGHT,
    (1, 0, 0, -1): Image.Transpose.FLIP_TOP_BOTTOM,
    (-1, 0, 0, -1): Image.Transpose.ROTATE_180,
    (0, 1, -1, 0): Image.Transpose.ROTATE_270,
    (0, -1, 1, 0): Image.Transpose.ROTATE_90,
    (0, 1, 1, 0): Image.Transpose.TRANSPOSE,
    (0, -1, -1, 0): Image.Transpose.TRANSVERSE,
}
"""Transpositions by the signs (a, b, c, d) of the display matrix.
The matrix maps (x, y) to (a·x + c·y, b·x + d·y)."""


def shown(image: Image.Image, frame: "VideoFrame", pixel_aspect: Fraction | None) -> Image.Image:
    """Return the image of this frame as players show it.
    `pixel_aspect`: width of a pixel divided by its height."""
    square = _with_square_pixels(image, pixel_aspect)
    turn = _TURNS.get(_signs(frame))
    return square if turn is None else square.transpose(turn)


def fitted(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return the image in this size; on a black background if its shape differs."""
    if image.size == size:
        return image
    scale = min(Fraction(size[0], image.width), Fraction(size[1], image.height))
    inner = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    resized = images.resize(image, inner)
    if all(abs(side - whole) <= 1 for side, whole in zip(inner, size, strict=True)):
        return images.resize(image, size)
    ground = Image.new(image.mode, size)
    if image.mode == "RGBA":
        ground.putalpha(255)
    ground.paste(resized, ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2))
    return ground


def _with_square_pixels(image: Image.Image, aspect: Fraction | None) -> Image.Image:
    if not aspect or aspect == 1 or not 1 / MAX_PIXEL_ASPECT <= aspect <= MAX_PIXEL_ASPECT:
        return image
    wider, taller = max(aspect, Fraction(1)), max(1 / aspect, Fraction(1))
    return images.resize(image, (round(image.width * wider), round(image.height * taller)))


def _signs(frame: "VideoFrame") -> tuple[int, ...]:
    from av.sidedata.sidedata import Type

    matrix = frame.side_data.get(Type.DISPLAYMATRIX)  # type: ignore[call-overload]
    if matrix is None:
        return (1, 0, 0, 1)
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix))
    largest = max(map(abs, (a, b, c, d)))
    return tuple(round(value / largest) if largest else 0 for value in (a, b, c, d))
