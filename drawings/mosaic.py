"""Mosaic of a golden tree of spirals on lapis lazuli; tesserae follow its lines."""

import numpy as np

from drawings.field import (
    Array,
    Labels,
    Random,
    Shape,
    as_array,
    blur,
    coordinates,
    gradient,
    hex_colours,
    mix,
    nearest,
    noise,
    sample,
    scattered,
    smoothstep,
)
from drawings.paint import OVERSAMPLING, grade, light_relief, reduce

SHAPE = (696 * OVERSAMPLING, 928 * OVERSAMPLING)
COARSE = (384, 512)
OUTLINE = 0.0035  # half width of the line around the gold, in units of the height
TILE = 0.0172  # side of a tessera in units of the height
GOLD = hex_colours("6b4a14", "a87820", "d3a336", "efc75a", "fae39a")
LAPIS = hex_colours("0d1740", "15286b", "1d4598", "2b6cb8", "3f97b8", "62b8a4", "b9d8b0")
BLOSSOM = hex_colours("fff0d0", "f0a848", "cc3b2c", "8a1a34")
GROUT = hex_colours("3a3430")[0]
# Spiral branches: eye x, y, outer radius, angle at the foot, winding sense, turns.
SPIRALS = (
    (0.43, 0.30, 0.185, 1.15, 1, 2.4), (0.93, 0.33, 0.165, 1.95, -1, 2.3),
    (0.16, 0.55, 0.115, 0.95, 1, 1.9), (1.19, 0.60, 0.105, 2.10, -1, 1.8),
    (0.13, 0.16, 0.095, 1.30, -1, 1.8), (1.21, 0.16, 0.090, 1.90, 1, 1.7),
    (0.68, 0.13, 0.075, 1.57, 1, 1.6), (0.44, 0.68, 0.080, 0.50, 1, 1.6),
    (0.89, 0.70, 0.080, 2.60, -1, 1.6),
)  # fmt: skip
FOOT = (0.67, 1.06)


def branches() -> list[tuple[Array, Array]]:
    """Return the centre lines of all branches and their half widths."""
    lines = []
    for eye_x, eye_y, radius, start, sense, turns in SPIRALS:
        t = np.linspace(0.0, 1.0, 400)
        angle = start + sense * 2 * np.pi * turns * t
        reach = radius * (1.0 - 0.90 * t)
        curl = np.stack([eye_x + reach * np.cos(angle), eye_y + reach * np.sin(angle)], axis=-1)
        stem = limb(as_array(curl), radius)
        width = np.concatenate([np.linspace(0.021, 0.012, len(stem)), 0.012 - 0.006 * t])
        lines.append((as_array(np.concatenate([stem, curl])), as_array(width)))
    return lines


def limb(curl: Array, radius: float) -> Array:
    """Return the arc from the foot of the tree to the start of a spiral.
    The arc joins the spiral smoothly."""
    t = np.linspace(0.0, 1.0, 200)[:, None]
    heading = (curl[1] - curl[0]) / np.linalg.norm(curl[1] - curl[0])
    start, end = as_array(FOOT), curl[0]
    rise = as_array([0.0, -0.55])
    run_in = end - heading * (0.12 + 1.2 * radius)
    lift = start + rise * 0.8
    a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
    return as_array(a * start + b * lift + c * run_in + d * end)


class Cartoon:
    """Drawing under the mosaic: colours, and the direction of the rows of tesserae."""

    def __init__(self, random: Random) -> None:
        x, y = coordinates(COARSE)
        pixels = np.stack([x, y], axis=-1).reshape(-1, 2)
        lines = branches()
        widths = np.concatenate([width for _, width in lines])
        gap, index = nearest(np.concatenate([line for line, _ in lines]), pixels)
        self.gap = as_array((gap - widths[index]).reshape(COARSE))  # distance from the gold
        smooth = blur(self.gap, 2.5)
        slope_y, slope_x = np.gradient(smooth)
        self.angle = as_array(np.arctan2(slope_y, slope_x))
        drift = noise(COARSE, random, 0.18, octaves=3)
        self.colour = self._colours(x, y, drift)

    def _colours(self, x: Array, y: Array, drift: Array) -> Array:
        """Return the colours: gold for the tree, with bands of light around it."""
        ripple = np.sin(105.0 * self.gap) * np.exp(-np.clip(self.gap, 0, None) / 0.16)
        tone = 0.30 + 0.19 * ripple + 0.15 * drift + 0.30 * np.exp(-((self.gap / 0.018) ** 2))
        tone += 0.42 * smoothstep(0.80, 1.0, y)
        stops = list(zip((0.0, 0.18, 0.36, 0.54, 0.70, 0.85, 1.0), LAPIS, strict=True))
        ground = gradient(stops, as_array(tone))
        shine = 0.60 + 0.35 * drift - 14.0 * np.abs(self.gap + 0.007)
        stops = list(zip((-0.4, 0.1, 0.45, 0.8, 1.15), GOLD, strict=True))
        colour = mix(ground, gradient(stops, as_array(shine)), smoothstep(0.003, -0.003, self.gap))
        return self._blossoms(colour, x, y)

    def _blossoms(self, colour: Array, x: Array, y: Array) -> Array:
        """Add a blossom to the eye of every spiral; the rows run around it."""
        for eye_x, eye_y, radius, *_ in SPIRALS:
            dx, dy = x - eye_x, y - eye_y
            distance = np.hypot(dx, dy) / (0.27 * radius + 0.012)
            stops = list(zip((0.15, 0.45, 0.75, 1.0), BLOSSOM, strict=True))
            inside = smoothstep(1.05, 0.98, distance)
            colour = mix(colour, gradient(stops, as_array(distance)), inside)
            turned = as_array(np.arctan2(dy, dx))
            self.angle = as_array(np.where(distance < 1.0, turned, self.angle))
        return colour


def owners(sites: Array, angle: Array, shape: Shape) -> tuple[Labels, Array]:
    """Return the tessera of every pixel, and how far inside it the pixel is.

    Distances are the larger of those along and across the row, which makes cells square (Hausner).
    """
    x, y = coordinates(shape)
    pixels = np.stack([x, y], axis=-1).reshape(-1, 2)
    _, near = nearest(sites, pixels, count=6)
    offset = pixels[:, None, :] - sites[near]
    cosine, sine = np.cos(angle[near]), np.sin(angle[near])
    u = np.abs(offset[..., 0] * cosine + offset[..., 1] * sine)
    v = np.abs(offset[..., 1] * cosine - offset[..., 0] * sine)
    square = np.maximum(u, v)
    best = np.argmin(square, axis=1)[:, None]
    chosen = np.take_along_axis(near, best, axis=1)[:, 0]
    two = np.partition(square, 1, axis=1)[:, :2]
    return chosen.reshape(shape), as_array((two[:, 1] - two[:, 0]).reshape(shape))


def set_tesserae(cartoon: Cartoon, random: Random) -> tuple[Array, Array]:
    """Place the tesserae and arrange them in rows by Lloyd steps."""
    y, x = scattered(COARSE, TILE * COARSE[0], random)
    sites = as_array(np.stack([x, y], axis=-1) / COARSE[0])
    kept = (sites > 0).all(axis=1) & (sites < as_array([COARSE[1] / COARSE[0], 1.0])).all(axis=1)
    sites = as_array(sites[kept])
    pixels = np.stack(coordinates(COARSE), axis=-1).reshape(-1, 2)
    for _ in range(14):
        angle = sample(cartoon.angle, sites[:, 1] * COARSE[0], sites[:, 0] * COARSE[0])
        owner, _ = owners(sites, angle, COARSE)
        # Pixels on the outline of the gold count less: tesserae shrink back from it.
        weight = np.where(np.abs(cartoon.gap) < OUTLINE, 0.15, 1.0).ravel()
        total = np.bincount(owner.ravel(), weight, len(sites))
        sums = [np.bincount(owner.ravel(), weight * axis, len(sites)) for axis in pixels.T]
        centre = np.stack(sums, axis=-1) / np.maximum(total, 1e-6)[:, None]
        sites = as_array(np.where(total[:, None] > 0, centre, sites))
    return sites, sample(cartoon.angle, sites[:, 1] * COARSE[0], sites[:, 0] * COARSE[0])


def smalti_colours(cartoon: Cartoon, sites: Array, random: Random) -> Array:
    """Return the colour of every tessera.
    No two pieces of glass have the same colour; some of the gold glints."""
    count, y, x = len(sites), sites[:, 1] * COARSE[0], sites[:, 0] * COARSE[0]
    colour = sample(cartoon.colour, y, x)
    varied = colour * random.uniform(0.72, 1.22, (count, 1)) + random.normal(0, 0.022, (count, 3))
    golden = sample(cartoon.gap, y, x) < 0.0
    glint = random.uniform(0, 1, count) ** 6 * np.where(golden, 0.6, 0.22)
    return as_array(np.clip(varied + glint[:, None] * hex_colours("fff2c8")[0], 0.02, 1.0))


def tilted_faces(sites: Array, owner: Labels, random: Random) -> Array:
    """Return the height over each face, in pixels; every tessera is slightly tilted."""
    x, y = coordinates(SHAPE)
    tilt = random.normal(0, 34.0, (len(sites), 2))
    rise_x = tilt[owner, 0] * (x - sites[owner, 0])
    return as_array(rise_x + tilt[owner, 1] * (y - sites[owner, 1]))


def draw() -> Array:
    """Set the tesserae in mortar and light them."""
    random = np.random.default_rng(547)
    cartoon = Cartoon(random)
    sites, angle = set_tesserae(cartoon, random)
    owner, inset = owners(sites, angle, SHAPE)
    smalti = smalti_colours(cartoon, sites, random)
    tilted = tilted_faces(sites, owner, random)
    ragged = inset + 0.0007 * noise(SHAPE, random, 0.012, octaves=3)
    face = smoothstep(0.0010, 0.0032, ragged)
    glass = 0.28 * noise(SHAPE, random, 0.008, octaves=2)
    mortar = GROUT * (1.0 + 0.22 * noise(SHAPE, random, 0.006, octaves=3)[..., None])
    surface = mix(mortar, smalti[owner], face)
    height = face * (2.6 + tilted + glass + 1.3 * smoothstep(0.002, 0.008, inset))
    lit = light_relief(surface, as_array(height), gloss=0.28)
    return grade(reduce(lit), contrast=1.05, saturation=1.05)
