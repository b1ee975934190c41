"""Detection of what a person would want to recognise: faces, or people.

The stylized image keeps more of the content there.

[Bazarevsky19] Bazarevsky, Kartynnik, Vakunov, Raveendran, Grundmann: BlazeFace: Sub-millisecond
Neural Face Detection on Mobile GPUs, 2019, arXiv 1907.05047.

Both networks are MediaPipe's: its full-range face detector, and its selfie segmentation. Torch is
not imported here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np
from PIL import Image, ImageFilter

from nst import image_sizes, images
from nst.engine.network.files import BUNDLE
from nst.engine.network.onnx_network import Network

FACES = Network(
    BUNDLE / "faces.onnx", "b674a423684f1cc9173a0c9dca2fed814be52bf15a55c4365502c587c65e3f17"
)
"""Face detector with input `picture` (1, 192, 192, 3), RGB from -1 to 1.
The outputs are `boxes` (1, 2304, 16), of which the first four numbers are a box, and the `scores`,
(1, 2304, 1)."""
PERSON = Network(
    BUNDLE / "person.onnx", "2ee1dd39b6b2b6da642d0655e05b9274f2184582368995be452d9939c8ba33d5"
)
"""Segmentation with input `picture` (1, 256, 256, 3), RGB from 0 to 1.
The output is `person` (1, 256, 256, 1), from 0 for the background to 1."""

FACES_SIDE, FACES_CELLS = 192, 48
"""Side of the square that the detector sees, and number of cells along that side.
It has one anchor in the middle of each cell, as wide and high as the square: MediaPipe's options
for the full-range detector."""
PERSON_SIDE = 256

MAX_OVERLAP = 0.4
"""Maximum share of the smaller of two boxes in the other, if they are two faces.
Above it both boxes are one face."""

VIEWS = {1.5: 0.7, 1.0: 0.6, 0.5: 0.6, 0.35: 0.8}
"""Relative sides of the squares that are searched → minimum score of a face.
Sides are relative to the longest side of the image. MediaPipe's threshold is 0.6. Faces that fill
the image need a border around them; small ones, down to 3 % of the image, must be seen in small
squares. Such views contain more that is not a face, so they require a higher score."""
MIN_VIEW_SIDE = 96
"""Minimum side of a square, in pixels.
In a smaller part of the image there is no detail that the larger views do not show."""
VIEW_OVERLAP = 1 / 3
"""Share of a square that the next square covers again."""

FACE_RADII = (0.70, 0.95)
FACE_LIFT = 0.15
"""Radii and upward shift of the ellipse around a face, relative to its box.
The box leaves out forehead, hair and ears."""
FACE_FADE = 1.5
"""Radius at which the map of a face has faded out, relative to the ellipse."""

BODY_SIDE_FACES = 6.0
BODY_TOP_FACES = 1.5
"""Square in which the body of a face is searched for, in heights of the face.
The first number is its side, the second is how far it begins above the middle of the face. This is
the framing of the network's training."""

MAX_SIDE = 1024
"""Maximum longest side of an image that is searched, in pixels.
The map of a larger image is found in a smaller copy, and enlarged."""
KEPT_SEARCHES = 4
"""Number of images whose faces are remembered.
A search takes half a second, and the memory plan, the painting and the next style of the same image
each ask for it. The images take at most 3 MB each."""
TAPER_SHARE = 1 / 6
"""Share of a body's square along which the person fades out towards its edges."""

MIN_SHARE = 0.04
"""Minimum share of the image that a person fills if there is no face."""
SOFTNESS = 0.006
"""Blur of a person's outline, relative to the longest side."""


Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, right and bottom of a box, in pixels."""


@dataclass(frozen=True, slots=True)
class Face:
    """A box around a face in pixels, from the eyebrows to the chin."""

    x: float
    y: float
    """Coordinates of the middle of the box."""
    width: float
    height: float
    score: float
    """Confidence of the network, from 0 to 1."""


def protect(picture: Image.Image, what: Literal["faces", "person"]) -> Image.Image:
    """Return a map in mode L, of the image's size: white where more of it is kept.

    The edges are soft. The map is black if nothing was found. `person` also finds an animal or a
    thing that stands in front as a person would. Raises NetworkUnavailable.
    """
    small = _shrunk(picture)
    faces = find_faces(small)
    amount = _around(faces, small.size) if what == "faces" else _people(small, faces)
    return _as_map(amount).resize(picture.size, Image.Resampling.BILINEAR)


def find_face_map(picture: Image.Image) -> Image.Image | None:
    """Return the map that `protect` makes for faces, or None if there is no face.

    Raises NetworkUnavailable.
    """
    found = protect(picture, "faces")
    return found if found.getbbox() else None


def _shrunk(picture: Image.Image) -> Image.Image:
    """Return the image as RGB, with no more pixels than the networks can use."""
    rgb = images.colours(picture)
    width, height = image_sizes.fit(rgb.size, min(max(rgb.size), MAX_SIDE))
    return images.resize(rgb, (max(1, width), max(1, height)))


def _as_map(amount: np.ndarray) -> Image.Image:
    """Return amounts (H, W) from 0 to 1 as an image in mode L."""
    return Image.fromarray((amount * 255).round().astype(np.uint8))


# ── faces ─────────────────────────────────────────────────────────────────────────────────────


def find_faces(picture: Image.Image) -> Sequence[Face]:
    """Return the faces of an RGB image, most certain first.

    Raises NetworkUnavailable.
    """
    return faces_of_pixels(picture.size, picture.tobytes())


@lru_cache(KEPT_SEARCHES)
def faces_of_pixels(size: tuple[int, int], pixels: bytes) -> Sequence[Face]:
    """Return the faces of an image whose pixels are RGB, row by row."""
    picture = Image.frombytes("RGB", size, pixels)
    found = [face for view, score in _views(size) for face in _faces_in(picture, view, score)]
    width, height = size
    faces: list[Face] = []
    for face in sorted(found, key=lambda face: -face.score):
        is_inside = 0 < face.x < width and 0 < face.y < height
        if is_inside and all(_overlap(face, other) < MAX_OVERLAP for other in faces):
            faces.append(face)
    return tuple(faces)


def _views(size: tuple[int, int]) -> Iterator[tuple[Box, float]]:
    """Yield the squares to search, and the minimum score of a face in each.

    Parts of a square may lie outside the image.
    """
    for scale, score in VIEWS.items():
        side = round(scale * max(size))
        if scale < 1 and side < MIN_VIEW_SIDE:
            continue
        for top in _starts(size[1], side):
            for left in _starts(size[0], side):
                yield (left, top, left + side, top + side), score


def _starts(length: int, side: int) -> Sequence[int]:
    """Return the starts of squares of this side that together cover the length."""
    if side >= length:
        return [(length - side) // 2]
    count = 1 + int(np.ceil((length - side) / (side * (1 - VIEW_OVERLAP))))
    return [round(start) for start in np.linspace(0, length - side, count)]


def _faces_in(picture: Image.Image, view: Box, min_score: float) -> Iterator[Face]:
    left, top, right, _ = view
    side = right - left
    square = images.resize(picture.crop(view), (FACES_SIDE, FACES_SIDE))
    pixels = np.asarray(square, dtype=np.float32)
    boxes, logits = FACES.run({"picture": pixels[np.newaxis] / 127.5 - 1})
    scores = 1 / (1 + np.exp(-logits[0, :, 0].clip(-50, 50)))
    for index in np.flatnonzero(scores >= min_score):
        row, column = divmod(int(index), FACES_CELLS)
        x, y, width, height = boxes[0, index, :4] / FACES_SIDE
        yield Face(
            x=float(left + side * ((column + 0.5) / FACES_CELLS + x)),
            y=float(top + side * ((row + 0.5) / FACES_CELLS + y)),
            width=float(side * width),
            height=float(side * height),
            score=float(scores[index]),
        )


def _overlap(one: Face, other: Face) -> float:
    """Return the share of the smaller box that lies in the other one."""
    width = (one.width + other.width) / 2 - abs(one.x - other.x)
    height = (one.height + other.height) / 2 - abs(one.y - other.y)
    both = max(0.0, min(width, one.width, other.width))
    both *= max(0.0, min(height, one.height, other.height))
    return both / min(one.width * one.height, other.width * other.height)


def _around(faces: Sequence[Face], size: tuple[int, int]) -> np.ndarray:
    """Return a soft ellipse around each face: (H, W) from 0 to 1."""
    x, y = (np.arange(side) + 0.5 for side in size)
    amount = np.zeros(size[::-1])
    for face in faces:
        across = (x - face.x) / (FACE_RADII[0] * face.width)
        down = (y - face.y + FACE_LIFT * face.height) / (FACE_RADII[1] * face.height)
        radius = np.hypot(across[np.newaxis, :], down[:, np.newaxis])
        amount = np.maximum(amount, _smooth((FACE_FADE - radius) / (FACE_FADE - 1)))
    return amount


# ── people ────────────────────────────────────────────────────────────────────────────────────


def _people(picture: Image.Image, faces: Sequence[Face]) -> np.ndarray:
    """Return the people in the image as (H, W) from 0 to 1.

    They are searched for in the whole image, and again in a square around each face, because the
    network expects people who fill the image.
    """
    whole = (0, 0, *picture.size)
    amount = _person_in(picture, whole)
    for face in faces:
        amount = np.maximum(amount, _person_in(picture, _body(face, picture.size)))
    if not faces and (amount > 0.5).mean() < MIN_SHARE:
        return np.zeros_like(amount)
    blur = ImageFilter.GaussianBlur(SOFTNESS * max(picture.size))
    return np.asarray(_as_map(amount).filter(blur)) / 255


def _body(face: Face, size: tuple[int, int]) -> Box:
    """Return the box in which the person with this face is expected.

    `size`: width and height of the image.
    """
    side = BODY_SIDE_FACES * face.height
    left, top = round(face.x - side / 2), round(face.y - BODY_TOP_FACES * face.height)
    return (
        max(0, left),
        max(0, top),
        min(size[0], left + round(side)),
        min(size[1], top + round(side)),
    )


def _person_in(picture: Image.Image, box: Box) -> np.ndarray:
    """Return the person in this box, as (H, W) of the whole image, from 0 to 1."""
    left, top, right, bottom = box
    square = images.resize(picture.crop(box), (PERSON_SIDE, PERSON_SIDE))
    pixels = np.asarray(square, dtype=np.float32)[np.newaxis] / 255
    (answer,) = PERSON.run({"picture": pixels})
    tapered = _as_map(answer[0, :, :, 0] * _taper(box, picture.size))
    shape = (right - left, bottom - top)
    found = np.zeros(picture.size[::-1])
    found[top:bottom, left:right] = np.asarray(tapered.resize(shape, Image.Resampling.BICUBIC))
    return found / 255


def _taper(box: Box, size: tuple[int, int]) -> np.ndarray:
    """Return the weights of a box's pixels, (PERSON_SIDE, PERSON_SIDE).

    They are 1, but fall to 0 towards edges of the box inside the image, so that no edge of a box is
    visible in the map.
    """
    rising = _smooth((np.arange(PERSON_SIDE) + 0.5) / (TAPER_SHARE * PERSON_SIDE))
    level = np.ones(PERSON_SIDE)
    across = np.minimum(
        rising if box[0] > 0 else level, rising[::-1] if box[2] < size[0] else level
    )
    down = np.minimum(rising if box[1] > 0 else level, rising[::-1] if box[3] < size[1] else level)
    return np.outer(down, across)


def _smooth(value: np.ndarray) -> np.ndarray:
    """Return 0 up to 0, 1 from 1 on, and a smooth transition between."""
    bounded = value.clip(0, 1)
    return np.asarray(bounded**2 * (3 - 2 * bounded))
