"""Finds what a person would want to recognise in the
stylized image: faces, or people.

[Bazarevsky19] Bazarevsky, Kartynnik, Vakunov, Raveendran, Grundmann: BlazeFace: Sub-millisecond
Neural Face Detection on Mobile GPUs, 2019, arXiv 1907.05047.

Both networks are MediaPipe's: its full-range face detector, and its selfie segmentation. Torch is
not imported here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from PIL import Image, ImageFilter

from nst import image_sizes, images
from nst.engine.network.onnx_network import BUNDLE, Network

FACES = Network(
    BUNDLE / "faces.onnx", "b674a423684f1cc9173a0c9dca2fed814be52bf15a55c4365502c587c65e3f17"
)
"""Input `picture` (1, 192, 192, 3), RGB from -1 to 1; outputs `boxes` (1, 2304,
16), of which the first four numbers are a box, and `scores` (1, 2304, 1)."""
PERSON = Network(
    BUNDLE / "person.onnx", "2ee1dd39b6b2b6da642d0655e05b9274f2184582368995be452d9939c8ba33d5"
)
"""Input `picture` (1, 256, 256, 3), RGB from 0 to 1; output `person` (1, 256,
256, 1), from 0 for the background to 1."""

FACES_SIDE, FACES_CELLS = 192, 48
"""The detector looks at a square of this many pixels, and has one anchor in the
middle of each cell of this grid, as wide and high as the square: MediaPipe's
options for the full-range detector."""
PERSON_SIDE = 256

MAX_OVERLAP = 0.4
"""Share of the smaller of two boxes that lies in the
other; above it both are one face."""

VIEWS = {1.5: 0.7, 1.0: 0.6, 0.5: 0.6, 0.35: 0.8}
"""Side of the squares that are searched, relative to the longest side of the
picture → score from which on a finding is a face. MediaPipe's threshold is
0.6. Faces that fill the picture need a border around them; small ones, down to
3 % of the picture, must be seen from near. Such views show more that is no
face, so they demand more."""
MIN_VIEW_SIDE = 96
"""Pixels; in a smaller part of the picture there is no
detail that the larger views do not show."""
VIEW_OVERLAP = 1 / 3
"""Share of a square that the next one sees again."""

FACE_RADII = (0.70, 0.95)
FACE_LIFT = 0.15
"""The ellipse around a face, relative to its box, which
leaves out forehead, hair and ears."""
FACE_FADE = 1.5
"""Radius at which a face has faded out, relative to the ellipse."""

BODY_SIDE_FACES = 6.0
BODY_TOP_FACES = 1.5
"""The square in which the body of a face is looked for: its side, and how far it
begins above the middle of the face, in heights of the face. This is the
framing of the network's training."""

MAX_SIDE = 1024
"""Pixels; the map of a larger picture is found in a smaller copy, and enlarged."""
TAPER_SHARE = 1 / 6
"""Part of that square along which the finding fades out towards its edges."""

MIN_SHARE = 0.04
"""Without a face, something that fills a smaller part of
the picture is no person."""
SOFTNESS = 0.006
"""Blur of a person's outline, relative to the longest side."""


Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""


@dataclass(frozen=True, slots=True)
class Face:
    """A box around a face in pixels, from the eyebrows to the chin."""

    x: float
    y: float
    """The middle."""
    width: float
    height: float
    score: float
    """Confidence of the network, from 0 to 1."""


def protect(picture: Image.Image, what: Literal["faces", "person"]) -> Image.Image:
    """Return a map in mode L and of the picture's size: white
    where more of it has to stay.

    The edges are soft. The map is black if nothing was found. `person` also finds an animal or a
    thing that stands in front as a person would. Raises NetworkUnavailable.
    """
    small = _shrunk(picture)
    faces = find_faces(small)
    amount = _around(faces, small.size) if what == "faces" else _people(small, faces)
    return _as_map(amount).resize(picture.size, Image.Resampling.BILINEAR)


def find_face_map(picture: Image.Image) -> Image.Image | None:
    """Return the map that `protect` makes for faces, None if there is no face. Raises
    NetworkUnavailable."""
    found = protect(picture, "faces")
    return found if found.getbbox() else None


def _shrunk(picture: Image.Image) -> Image.Image:
    """The picture as RGB, with no more pixels than the networks can make use of."""
    rgb = images.colours(picture)
    width, height = image_sizes.fit(rgb.size, min(max(rgb.size), MAX_SIDE))
    return images.resize(rgb, (max(1, width), max(1, height)))


def _as_map(amount: np.ndarray) -> Image.Image:
    """(H, W) from 0 to 1, in mode L."""
    return Image.fromarray((amount * 255).round().astype(np.uint8))


# ── faces ─────────────────────────────────────────────────────────────────────────────────────


def find_faces(picture: Image.Image) -> list[Face]:
    """Return the faces of an RGB picture, most certain first.
    Raises NetworkUnavailable."""
    found = [
        face for view, score in _views(picture.size) for face in _faces_in(picture, view, score)
    ]
    width, height = picture.size
    faces: list[Face] = []
    for face in sorted(found, key=lambda face: -face.score):
        is_inside = 0 < face.x < width and 0 < face.y < height
        if is_inside and all(_overlap(face, other) < MAX_OVERLAP for other in faces):
            faces.append(face)
    return faces


def _views(size: tuple[int, int]) -> Iterator[tuple[Box, float]]:
    """The squares to search, parts of which may lie outside of the picture; and the score that is
    demanded there."""
    for scale, score in VIEWS.items():
        side = round(scale * max(size))
        if scale < 1 and side < MIN_VIEW_SIDE:
            continue
        for top in _starts(size[1], side):
            for left in _starts(size[0], side):
                yield (left, top, left + side, top + side), score


def _starts(length: int, side: int) -> Sequence[int]:
    """Where squares of this side begin so that together they cover the length."""
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
    """Share of the smaller box that lies in the other one."""
    width = (one.width + other.width) / 2 - abs(one.x - other.x)
    height = (one.height + other.height) / 2 - abs(one.y - other.y)
    both = max(0.0, min(width, one.width, other.width))
    both *= max(0.0, min(height, one.height, other.height))
    return both / min(one.width * one.height, other.width * other.height)


def _around(faces: Sequence[Face], size: tuple[int, int]) -> np.ndarray:
    """A soft ellipse around each face: (H, W) from 0 to 1."""
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
    """The people of the picture as (H, W) from 0 to 1: seen in the whole picture, and again from
    near around each face, because the network knows people who fill the picture."""
    whole = (0, 0, *picture.size)
    amount = _person_in(picture, whole)
    for face in faces:
        amount = np.maximum(amount, _person_in(picture, _body(face, picture.size)))
    if not faces and (amount > 0.5).mean() < MIN_SHARE:
        return np.zeros_like(amount)
    blur = ImageFilter.GaussianBlur(SOFTNESS * max(picture.size))
    return np.asarray(_as_map(amount).filter(blur)) / 255


def _body(face: Face, size: tuple[int, int]) -> Box:
    """Where the person with this face is expected, within a picture of this size."""
    side = BODY_SIDE_FACES * face.height
    left, top = round(face.x - side / 2), round(face.y - BODY_TOP_FACES * face.height)
    return (
        max(0, left),
        max(0, top),
        min(size[0], left + round(side)),
        min(size[1], top + round(side)),
    )


def _person_in(picture: Image.Image, box: Box) -> np.ndarray:
    """What the network finds in this part: (H, W) of the whole picture, from 0 to 1."""
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
    """(PERSON_SIDE, PERSON_SIDE): 1, but towards edges of the box inside the picture down to 0, so
    that no edge of a box is seen in the map."""
    rising = _smooth((np.arange(PERSON_SIDE) + 0.5) / (TAPER_SHARE * PERSON_SIDE))
    level = np.ones(PERSON_SIDE)
    across = np.minimum(
        rising if box[0] > 0 else level, rising[::-1] if box[2] < size[0] else level
    )
    down = np.minimum(rising if box[1] > 0 else level, rising[::-1] if box[3] < size[1] else level)
    return np.outer(down, across)


def _smooth(value: np.ndarray) -> np.ndarray:
    """0 up to 0, 1 from 1 on, and without corners between."""
    bounded = value.clip(0, 1)
    return np.asarray(bounded**2 * (3 - 2 * bounded))
