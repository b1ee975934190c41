"""Short clips whose motion is known, made from still images.

A layer is an image seen by a camera: pixel (x, y) of frame t shows the image at
scale(t) · (x, y) + offset(t). Therefore the position of every pixel in the previous frame is known,
and whether another layer covered it there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Protocol

import numpy as np
from PIL import Image

from nst import images

PAN_PIXELS = (2.6, 0.9)
"""Movement of the camera per frame, at a width of 160 pixels."""
ZOOM = 0.985
"""Factor of the visible length per frame."""
FOREGROUND_PIXELS = (-3.2, 0.4)
BACKGROUND_PIXELS = (1.3, 0.5)
REFERENCE_WIDTH = 160
ASPECT = 4 / 3


class Motions(Protocol):
    """Frames, and the motion of their pixels."""

    @property
    def name(self) -> str: ...

    def frame(self, number: int) -> Image.Image:
        """Return a frame as RGB; frames are counted from 0."""

    def flow(self, number: int) -> np.ndarray:
        """Return the motion of each pixel back to the previous frame.
        The array is float32 (H, W, 2), to be added to the position in pixels."""

    def visible(self, number: int) -> np.ndarray:
        """Return which pixels of a frame were visible in the previous one, bool (H, W)."""


@dataclass(frozen=True, slots=True)
class View:
    """Part of an image that a frame shows."""

    scale: float
    """Pixels of the image per pixel of the frame."""
    x: float
    y: float
    """Position in the image, with x, at pixel (0, 0) of the frame."""


@dataclass(frozen=True)
class Layer:
    """Image seen by a moving camera; its alpha is where it covers the layers below."""

    picture: Image.Image
    view: Callable[[int], View]

    def frame(self, number: int, size: tuple[int, int]) -> Image.Image:
        """Return a frame of the layer as RGBA in this size."""
        view = self.view(number)
        box = (view.x, view.y, view.x + view.scale * size[0], view.y + view.scale * size[1])
        return self.picture.convert("RGBA").resize(size, Image.Resampling.LANCZOS, box)


@dataclass(frozen=True)
class Clip:
    """Frames with their true motion."""

    name: str
    size: tuple[int, int]
    layers: tuple[Layer, ...]
    """Layers; the last one is on top."""

    def frame(self, number: int) -> Image.Image:
        """Return a frame as RGB; frames are counted from 0."""
        below = Image.new("RGBA", self.size)
        for layer in self.layers:
            below = Image.alpha_composite(below, layer.frame(number, self.size))
        return below.convert("RGB")

    def flow(self, number: int) -> np.ndarray:
        """Return the motion of each pixel back to the previous frame.
        The array is float32 (H, W, 2), to be added to the position in pixels."""
        top, (columns, rows) = self._top(number), self._grid
        flow = np.zeros((*top.shape, 2), np.float32)
        for index, layer in enumerate(self.layers):
            now, before = layer.view(number), layer.view(number - 1)
            # Pixel centres are at +0.5.
            there_x = (now.scale * (columns + 0.5) + now.x - before.x) / before.scale - 0.5
            there_y = (now.scale * (rows + 0.5) + now.y - before.y) / before.scale - 0.5
            here = top == index
            flow[here, 0] = (there_x - columns)[here]
            flow[here, 1] = (there_y - rows)[here]
        return flow

    def visible(self, number: int) -> np.ndarray:
        """Return which pixels of a frame were visible in the previous one, bool (H, W).
        Pixels at the border of another layer do not count."""
        flow, (columns, rows) = self.flow(number), self._grid
        top, before = self._top(number), self._top(number - 1)
        there_x, there_y = columns + flow[..., 0], rows + flow[..., 1]
        height, width = top.shape
        found: np.ndarray = (
            (there_x >= 0) & (there_x <= width - 1) & (there_y >= 0) & (there_y <= height - 1)
        )
        for x in (np.floor(there_x), np.ceil(there_x)):
            for y in (np.floor(there_y), np.ceil(there_y)):
                column, row = (
                    np.clip(each, 0, side - 1).astype(int)
                    for each, side in ((x, width), (y, height))
                )
                found &= before[row, column] == top
        return found

    def _top(self, number: int) -> np.ndarray:
        """Return the number of the visible layer at each pixel, (H, W)."""
        top = np.zeros(self.size[::-1], int)
        for index, layer in enumerate(self.layers[1:], start=1):
            alpha = np.asarray(layer.frame(number, self.size).getchannel("A"))
            top[alpha > 127] = index
        return top

    @cached_property
    def _grid(self) -> tuple[np.ndarray, np.ndarray]:
        rows, columns = np.mgrid[: self.size[1], : self.size[0]].astype(np.float64)
        return columns, rows


def clips(pictures: Mapping[str, Image.Image], width: int, frames: int) -> tuple[Clip, ...]:
    """Return three clips: a pan, a zoom and two layers.
    `pictures`: images by name; coffee, rocket, cat and astronaut are used."""
    size = (width, round(width / ASPECT))
    speed = width / REFERENCE_WIDTH

    def panning(picture: Image.Image, way: tuple[float, float]) -> Layer:
        """Return a layer whose camera moves but stays inside the image."""
        (step_x, step_y), count = way, frames - 1
        around = (abs(step_x) * speed * count, abs(step_y) * speed * count)
        shown = _cut(picture, tuple(s + a for s, a in zip(size, around, strict=True)))
        start_x, start_y = (-min(0.0, step * speed * count) for step in way)
        return Layer(shown, partial(_pan, (start_x, start_y), (step_x * speed, step_y * speed)))

    cat = panning(pictures["cat"], BACKGROUND_PIXELS)
    face = panning(pictures["astronaut"], FOREGROUND_PIXELS)
    return (
        Clip("pan", size, (panning(pictures["coffee"], PAN_PIXELS),)),
        Clip("zoom", size, (Layer(_cut(pictures["rocket"], size), partial(_zoom, size)),)),
        Clip("two layers", size, (cat, Layer(_in_ellipse(face.picture), face.view))),
    )


def _pan(start: tuple[float, float], step: tuple[float, float], number: int) -> View:
    return View(1.0, start[0] + number * step[0], start[1] + number * step[1])


def _zoom(size: tuple[int, int], number: int) -> View:
    """Return the view of a camera that zooms towards the centre."""
    scale = ZOOM**number
    return View(scale, *((1 - scale) * side / 2 for side in size))


def _cut(picture: Image.Image, least: tuple[float, ...]) -> Image.Image:
    """Return the image resized to cover a box of this size, in its aspect ratio."""
    ratio = max(side / length for side, length in zip(least, picture.size, strict=True))
    width, height = (-(-length * ratio // 1) for length in picture.size)
    return images.resize(picture.convert("RGB"), (int(width), int(height)))


def _in_ellipse(picture: Image.Image) -> Image.Image:
    """Return the image, opaque in a central ellipse and transparent around it."""
    width, height = picture.size
    rows, columns = np.mgrid[:height, :width]
    apart = np.hypot((columns / width - 0.5) / 0.3, (rows / height - 0.5) / 0.4)
    edge = np.clip((1 - apart) * min(width, height) * 0.3 + 0.5, 0, 1)
    cut_out = picture.convert("RGB")
    cut_out.putalpha(Image.fromarray((255 * edge).round().astype(np.uint8)))
    return cut_out
