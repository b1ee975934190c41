"""Discs of simultaneous colour: rings cut into sectors with contrasting colours."""

import numpy as np

from drawings.field import (
    Array,
    Labels,
    Random,
    as_array,
    borders,
    coordinates,
    distance_to,
    drawn,
    hex_colours,
    noise,
    sample,
    scattered,
    smoothstep,
)
from drawings.paint import (
    OVERSAMPLING,
    Canvas,
    Strokes,
    bristle_brushes,
    broken_colour,
    grade,
    light_relief,
    paint,
    reduce,
)

SHAPE = (896 * OVERSAMPLING, 896 * OVERSAMPLING)
# The colour circle of the image, in order; opposite colours are half a turn apart.
CIRCLE = hex_colours(
    "f6d04d", "f2a531", "e8702a", "cf3a2b", "b02a52", "7d3377",
    "47388a", "27529f", "2b83b5", "3aa39b", "4f9a58", "a9bf4b",
)  # fmt: skip
QUIET = hex_colours("f5ead0", "e9cfb4", "c9d3cf", "1f2340", "33284a", "e6b8a8")
PIGMENTS = np.concatenate([CIRCLE, QUIET])
# Discs: centre, ring width, number of sectors, rotation.
DISCS = (
    (0.37, 0.36, 0.056, 4, 0.35), (0.80, 0.66, 0.047, 4, 1.10), (0.83, 0.17, 0.036, 4, 0.75),
    (0.24, 0.84, 0.042, 4, 0.10), (0.55, 0.97, 0.032, 4, 0.60), (0.03, 0.58, 0.034, 4, 0.90),
    (0.60, 0.03, 0.030, 4, 0.20), (1.02, 0.42, 0.030, 4, 0.45), (1.01, 0.99, 0.040, 4, 0.0),
    (0.02, 0.04, 0.042, 4, 0.55),
)  # fmt: skip


class Design:
    """Design: the segment of each pixel, and the direction around its disc."""

    def __init__(self, random: Random) -> None:
        x, y = coordinates(SHAPE)
        x, y = (as_array(axis + 0.003 * noise(SHAPE, random, 0.15, 3)) for axis in (x, y))
        weighed = [np.hypot(x - disc[0], y - disc[1]) / disc[2] for disc in DISCS]
        disc = np.argmin(weighed, axis=0)
        centre_x, centre_y, _, sectors, rotation = (as_array(DISCS)[disc, i] for i in range(5))
        around = np.arctan2(y - centre_y, x - centre_x)
        depth = np.min(weighed, axis=0) + 0.25
        ring = np.floor(depth).astype(np.int64)
        # Each ring is rotated slightly against the one inside it.
        turn = around + rotation + 0.32 * (ring % 3)
        position = (turn / (2 * np.pi) * sectors) % sectors
        sector = np.floor(position).astype(np.int64)
        names = (disc.astype(np.int64) * 100 + ring) * 10 + sector
        self.name, numbered = np.unique(names, return_inverse=True)
        self.segment: Labels = numbered.reshape(SHAPE).astype(np.int64)
        self.along = as_array(position - sector)  # 0..1 through the segment
        self.outward = as_array(depth - ring)  # 0..1 through the ring
        self.angle = as_array(around + np.pi / 2)

    def segment_colours(self, random: Random) -> Array:
        """Return a colour per segment.
        Rings take neighbouring steps on the colour circle, sectors larger ones."""
        disc, ring, sector = self.name // 1000, self.name // 10 % 100, self.name % 10
        hue = (disc * 5 + ring * 2 + sector * 4 + (ring % 2) * 5) % len(CIRCLE)
        hue = (hue + random.integers(-1, 2, len(hue))) % len(CIRCLE)
        colour = as_array(CIRCLE[hue])
        quiet = drawn(random, 0.20, len(hue))
        colour[quiet] = QUIET[random.integers(0, len(QUIET), int(quiet.sum()))]
        return colour


def plan(design: Design, random: Random) -> Array:
    """Return the colours; each segment changes from a darker shade to a lighter one."""
    base = design.segment_colours(random)
    other = base[random.permutation(len(base))]
    direction = random.choice([-1.0, 1.0], len(base))[design.segment]
    slope = (design.along - 0.5) * direction
    light = 1.0 + 0.42 * slope + 0.10 * (design.outward - 0.5)
    share = 0.35 * smoothstep(0.05, 0.5, slope)[..., None]
    colour = base[design.segment] * (1 - share) + (0.4 + 0.6 * other[design.segment]) * share
    return as_array(np.clip(colour * light[..., None], 0, 1))


def layer(
    design: Design, colours: Array, sizes: tuple[float, float, float], random: Random
) -> Strokes:
    """Return strokes that run around the discs and bend with them."""
    spacing, length, width = (size * OVERSAMPLING for size in sizes)
    y, x = scattered(SHAPE, spacing, random)
    target = sample(colours, y, x)
    strokes = Strokes(
        y_pixels=y,
        x_pixels=x,
        angle=as_array(sample(design.angle, y, x) + random.normal(0, 0.16, len(y))),
        length_pixels=as_array(length * random.uniform(0.6, 1.3, len(y))),
        width_pixels=as_array(width * random.uniform(0.7, 1.3, len(y))),
        colour=broken_colour(target, PIGMENTS, random, spread=0.10, purity=0.35),
        streak_colour=broken_colour(target, PIGMENTS, random, spread=0.18, purity=0.45),
    )
    strokes.bend_along(design.angle)
    return strokes


def draw() -> Array:
    """Paint every segment within its borders; thin seams show the dark ground."""
    random = np.random.default_rng(1912)
    design = Design(random)
    colours = plan(design, random)
    canvas = Canvas(np.tile(QUIET[3], (*SHAPE, 1)), regions=design.segment)
    brushes = bristle_brushes(random, count=16)
    for sizes in ((11.0, 50.0, 16.0), (8.0, 34.0, 10.0), (7.0, 22.0, 6.5)):
        paint(canvas, layer(design, colours, sizes, random), brushes, load=0.8)
    seam = smoothstep(2.6, 0.6, distance_to(borders(design.segment)))
    broken = smoothstep(-1.2, 0.9, noise(SHAPE, random, 0.03, octaves=4))
    canvas.colour *= as_array(1.0 - 0.55 * seam * broken)[..., None]
    lit = light_relief(canvas.colour, canvas.thickness, gloss=0.18)
    return grade(reduce(lit), contrast=1.05)
