"""Paint: bristle brushes, thick strokes on a canvas, and the light on it."""

import math
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from drawings.field import Array, Labels, Random, Shape, as_array, blur, noise, sample, smoothstep

# Images are painted larger by this factor and reduced at the end, which smooths every edge.
OVERSAMPLING = 2
BRUSH_ROWS = 48
BRUSH_COLUMNS = 192

Window = tuple[slice, slice]


@dataclass
class Canvas:
    """Surface with the colour and the thickness of the paint."""

    colour: Array
    regions: Labels | None = None
    thickness: Array = field(init=False)

    def __post_init__(self) -> None:
        self.thickness = np.zeros(self.colour.shape[:2], dtype=np.float32)

    @property
    def shape(self) -> Shape:
        return (self.colour.shape[0], self.colour.shape[1])


@dataclass(frozen=True)
class Brush:
    """Print of one brush stroke, across (rows) and along (columns) the stroke."""

    cover: Array
    relief: Array
    streak: Array


@dataclass
class Strokes:
    """Many strokes; each is a parabolic arc through its centre."""

    y_pixels: Array
    x_pixels: Array
    angle: Array
    length_pixels: Array
    width_pixels: Array
    colour: Array
    streak_colour: Array
    curvature: Array = field(init=False)  # per pixel

    def __post_init__(self) -> None:
        self.curvature = np.zeros_like(self.angle)

    def bend_along(self, angle_field: Array) -> None:
        """Bend every stroke along the direction field under it."""
        reach = self.length_pixels / 4
        ends = [
            sample(
                angle_field,
                self.y_pixels + sign * reach * np.sin(self.angle),
                self.x_pixels + sign * reach * np.cos(self.angle),
            )
            for sign in (-1.0, 1.0)
        ]
        turn = np.angle(np.exp(1j * (ends[1] - ends[0])))
        limit = 1.4 / self.length_pixels
        self.curvature = as_array(np.clip(turn / (2 * reach), -limit, limit))


def bristle_brush(random: Random, softness: float = 0.06) -> Brush:
    """Return a brush print with bristle streaks and ragged ends.
    Paint is pushed up along its sides."""
    shape = (BRUSH_ROWS, BRUSH_COLUMNS)
    v = np.linspace(-1, 1, BRUSH_ROWS, dtype=np.float32)[:, None]
    u = np.linspace(-1, 1, BRUSH_COLUMNS, dtype=np.float32)[None, :]
    ragged = blur(as_array(random.standard_normal((BRUSH_ROWS, 2))), (1.2, 0.0)) * 0.13
    rounding = 0.30 * v**2
    head = smoothstep(-1.0, -0.9, u - ragged[:, :1] - rounding)
    tail = smoothstep(1.0, 0.8, u + ragged[:, 1:] + rounding)
    side = smoothstep(1.0, 1.0 - 2 * softness, np.abs(v + 0.05 * noise(shape, random, 1.0)))
    bristles = blur(as_array(random.standard_normal(shape)), (0.9, 26.0))
    bristles /= bristles.std()
    dryness = smoothstep(-0.2, 1.0, u) * smoothstep(0.3, -1.6, bristles)
    cover = head * tail * side * (1.0 - 0.75 * dryness)
    ridge = 0.55 * smoothstep(0.55, 0.85, np.abs(v)) + 0.5 * smoothstep(0.5, 0.85, u)
    relief = cover * (0.9 + 0.28 * bristles + ridge)
    streak = smoothstep(-0.4, 1.6, blur(bristles, (1.2, 8.0)) * 1.6)
    return Brush(as_array(cover), as_array(relief), streak)


def dab_brush(random: Random) -> Brush:
    """Return the print of a round brush tip: a small hill with an uneven outline."""
    shape = (BRUSH_ROWS, BRUSH_COLUMNS)
    v = np.linspace(-1, 1, BRUSH_ROWS, dtype=np.float32)[:, None]
    u = np.linspace(-1, 1, BRUSH_COLUMNS, dtype=np.float32)[None, :]
    radius = np.hypot(u, v) + 0.09 * noise(shape, random, 1.2, octaves=2)
    cover = smoothstep(1.0, 0.82, radius)
    grain = noise(shape, random, (0.15, 3.0), octaves=2)
    relief = cover * (1.0 + 0.25 * smoothstep(0.4, 0.8, radius) + 0.08 * grain)
    return Brush(cover, as_array(relief), smoothstep(-1.0, 1.5, grain))


def bristle_brushes(random: Random, count: int = 12, softness: float = 0.06) -> list[Brush]:
    """Return different prints, so that no stroke repeats noticeably."""
    return [bristle_brush(random, softness) for _ in range(count)]


def paint(canvas: Canvas, strokes: Strokes, brushes: list[Brush], load: float = 1.0) -> None:
    """Paint the strokes one by one; `load` is the relative thickness of the paint.

    If the canvas has regions, a stroke stays within the region of its centre.
    """
    for number in range(len(strokes.angle)):
        _paint_stroke(canvas, strokes, number, brushes[number % len(brushes)], load)


def _paint_stroke(canvas: Canvas, strokes: Strokes, number: int, brush: Brush, load: float) -> None:
    window = _window(strokes, number)
    thickness = canvas.thickness[window]
    if thickness.size == 0:
        return
    half_length = float(strokes.length_pixels[number]) / 2
    half_width = float(strokes.width_pixels[number]) / 2
    along, across = _stroke_coordinates(strokes, number, window, thickness.shape)
    rows = _texel(across / half_width, BRUSH_ROWS)
    columns = _texel(along / half_length, BRUSH_COLUMNS)
    inside = (np.abs(across) < half_width) & (np.abs(along) < half_length)
    if canvas.regions is not None:
        inside &= canvas.regions[window] == _region_at(canvas.regions, strokes, number)
    cover = brush.cover[rows, columns] * inside
    streak = brush.streak[rows, columns][..., None]
    colour = strokes.colour[number] * (1 - streak) + strokes.streak_colour[number] * streak
    canvas.colour[window] += (colour - canvas.colour[window]) * cover[..., None]
    fresh = load * np.float32(half_width) * brush.relief[rows, columns] * 0.12
    thickness += (0.35 * thickness + fresh - thickness) * cover


def _window(strokes: Strokes, number: int) -> Window:
    """Return the part of the canvas that a stroke can touch; empty if it is outside."""
    half_length = float(strokes.length_pixels[number]) / 2
    sideways = float(strokes.width_pixels[number]) / 2
    sideways += abs(0.5 * float(strokes.curvature[number])) * half_length**2
    cosine, sine = (abs(f(float(strokes.angle[number]))) for f in (math.cos, math.sin))
    reach_y = sine * half_length + cosine * sideways + 1
    reach_x = cosine * half_length + sine * sideways + 1
    y, x = float(strokes.y_pixels[number]), float(strokes.x_pixels[number])
    rows = slice(max(0, int(y - reach_y)), max(0, int(y + reach_y) + 2))
    return rows, slice(max(0, int(x - reach_x)), max(0, int(x + reach_x) + 2))


def _stroke_coordinates(
    strokes: Strokes, number: int, window: Window, shape: tuple[int, ...]
) -> tuple[Array, Array]:
    """Return the position of each pixel of the window along the stroke and across it."""
    rows, columns = (
        np.arange(part.start, part.start + count, dtype=np.float32)
        for part, count in zip(window, shape, strict=True)
    )
    dy, dx = rows[:, None] - strokes.y_pixels[number], columns - strokes.x_pixels[number]
    cosine, sine = np.cos(strokes.angle[number]), np.sin(strokes.angle[number])
    along = dx * cosine + dy * sine
    bow = np.float32(0.5) * strokes.curvature[number]
    return along, dy * cosine - dx * sine - bow * along * along


def _region_at(regions: Labels, strokes: Strokes, number: int) -> int:
    # Rounded as in the lookup of the colour; otherwise a stroke could have a neighbour's colour.
    row = int(np.clip(np.rint(strokes.y_pixels[number]), 0, regions.shape[0] - 1))
    column = int(np.clip(np.rint(strokes.x_pixels[number]), 0, regions.shape[1] - 1))
    return int(regions[row, column])


def _texel(position: Array, count: int) -> Labels:
    return np.clip(((position + 1.0) * (count / 2)).astype(np.int64), 0, count - 1)


def broken_colour(
    target: Array, pigments: Array, random: Random, spread: float, purity: float
) -> Array:
    """Replace each colour by a mixture with a similar pigment, drawn at random.

    `spread` is the distance of the pigment from the colour, `purity` its share in the mixture: many
    strokes together still give the target, but each of them has a clear colour.
    """
    distance = ((target[:, None, :] - pigments[None]) ** 2).sum(axis=-1)
    chance = -distance / (2 * spread**2) + random.gumbel(size=distance.shape)
    chosen = pigments[np.argmax(chance, axis=1)]
    brightness = 1.0 + 0.07 * random.standard_normal((len(target), 1))
    return as_array(np.clip((target + (chosen - target) * purity) * brightness, 0.0, 1.0))


def light_relief(colour: Array, height_pixels: Array, gloss: float = 0.25) -> Array:
    """Light a surface from the upper left, with shaded slopes and a soft gloss."""
    slope_y, slope_x = np.gradient(height_pixels)
    length = np.sqrt(1.0 + slope_x**2 + slope_y**2)
    light = as_array([-0.52, -0.52, 0.68])
    facing = (-slope_x * light[0] - slope_y * light[1] + light[2]) / length
    shade = np.clip(facing / light[2], 0.25, 1.75)[..., None]
    half_way = as_array([light[0], light[1], light[2] + 1.0])
    half_way /= np.linalg.norm(half_way)
    mirror = (-slope_x * half_way[0] - slope_y * half_way[1] + half_way[2]) / length
    shine = gloss * np.clip(mirror, 0.0, 1.0)[..., None] ** 24
    shine -= gloss * float(half_way[2]) ** 24  # a flat surface keeps its colour
    return as_array(np.clip(colour * shade**0.8 + np.clip(shine, -0.03, 1.0), 0.0, 1.0))


def grade(colour: Array, contrast: float = 1.0, saturation: float = 1.0) -> Array:
    """Adjust contrast and saturation around the mean grey."""
    grey = colour @ as_array([0.30, 0.59, 0.11])
    vivid = grey[..., None] + (colour - grey[..., None]) * saturation
    return as_array(np.clip(0.5 + (vivid - 0.5) * contrast, 0.0, 1.0))


def reduce(colour: Array) -> Array:
    """Reduce the oversampled canvas to the final size by averaging blocks of pixels."""
    rows, columns = colour.shape[0] // OVERSAMPLING, colour.shape[1] // OVERSAMPLING
    blocks = colour.reshape(rows, OVERSAMPLING, columns, OVERSAMPLING, 3)
    return as_array(blocks.mean(axis=(1, 3)))


def to_image(colour: Array) -> Image.Image:
    """Return the finished image with 8 bits per channel."""
    return Image.fromarray((np.clip(colour, 0.0, 1.0) * 255 + 0.5).astype(np.uint8))
