"""River on a summer evening, in dots of pure colours beside their complements."""

import numpy as np

from drawings.field import (
    Array,
    Random,
    as_array,
    coordinates,
    drawn,
    gradient,
    hex_colours,
    mix,
    noise,
    sample,
    scattered,
    smoothstep,
)
from drawings.paint import (
    OVERSAMPLING,
    Canvas,
    Strokes,
    broken_colour,
    dab_brush,
    grade,
    light_relief,
    paint,
    reduce,
)

SHAPE = (768 * OVERSAMPLING, 1024 * OVERSAMPLING)
COARSE = (384, 512)
SUN = (0.88, 0.40)
SHORE, MEADOW = 0.47, 0.72
# Pure colours as from the tube, with white.
TUBES = hex_colours(
    "fff3c4", "ffe07a", "ffc53d", "f99a2e", "f0703a", "e0485a", "d978a0", "b58bc8",
    "7f6bb8", "4a4f9e", "2f6fb5", "4aa0cf", "8fcbe0", "3f9f95", "3c8a4e", "7fb84a",
    "c2d45a", "1f5a52", "2a2f6a", "f6d5c0",
)  # fmt: skip
# Trees: x, foot, half width, height.
FAR_TREES = (
    (0.05, 0.50, 0.11, 0.15), (0.21, 0.50, 0.10, 0.11), (0.37, 0.50, 0.09, 0.085),
    (0.52, 0.50, 0.08, 0.07), (1.10, 0.50, 0.08, 0.09), (1.26, 0.50, 0.12, 0.16),
)  # fmt: skip
POPLARS = (
    (0.30, 0.74, 0.045, 0.52), (0.41, 0.735, 0.038, 0.42), (0.155, 0.76, 0.055, 0.66),
    (1.20, 0.76, 0.085, 0.40),
)  # fmt: skip
# Layers of dots: spacing and diameter in final pixels.
LAYERS = ((7.5, 13.0), (6.8, 10.5), (6.8, 8.4))


def sky(x: Array, y: Array, drift: Array) -> Array:
    """Return the sky, from cool blue through rose to the yellow light around the sun."""
    stops = [(0.0, TUBES[10]), (0.25, TUBES[11]), (0.45, TUBES[12]), (0.62, TUBES[19]),
             (0.78, TUBES[1]), (1.0, TUBES[2])]  # fmt: skip
    glow = np.exp(-((np.hypot(x - SUN[0], 1.4 * (y - SUN[1])) / 0.32) ** 2))
    colour = gradient(stops, 1.25 * y + 0.5 * glow + 0.09 * drift)
    clouds = smoothstep(0.5, 1.6, drift) * smoothstep(0.42, 0.2, y)
    colour = mix(colour, TUBES[6], 0.75 * clouds)
    return mix(colour, TUBES[0], smoothstep(0.062, 0.035, np.hypot(x - SUN[0], y - SUN[1])))


def tree(x: Array, y: Array, place: tuple[float, float, float, float], leaves: Array) -> Array:
    """Return the amount of a tree's foliage at each pixel.
    `place`: x, foot, half width and height of the tree."""
    centre, foot, half, height = place
    up = (foot - y) / height
    outline = np.sqrt(np.clip(np.sin(np.pi * np.clip(up, 0, 1) ** 0.8), 0, 1))
    outline = outline * (1.0 + 0.2 * leaves)
    return smoothstep(0.0, 0.16, outline - np.abs(x - centre) / half)


def foliage(x: Array, leaves: Array, place: tuple[float, ...]) -> Array:
    """Return the leaves, violet and blue in the shade, yellow-green towards the sun."""
    side = np.sign(SUN[0] - place[0]) * (x - place[0]) / place[2]
    stops = [(-1.1, TUBES[18]), (-0.5, TUBES[9]), (-0.1, TUBES[17]), (0.35, TUBES[14]),
             (0.8, TUBES[15]), (1.25, TUBES[16]), (1.7, TUBES[2])]  # fmt: skip
    return gradient(stops, side + 0.4 * leaves)


def landscape(x: Array, y: Array, random: Random) -> Array:
    """Return the sky, the far bank, and their reflection in the river."""
    drift = noise(COARSE, random, (0.10, 0.45), octaves=4)
    leaves = noise(COARSE, random, 0.05, octaves=3)
    mirrored = np.where(y > SHORE, 2 * SHORE - y + 0.02 * drift * (y - SHORE) / 0.2, y)
    colour = sky(x, as_array(np.maximum(mirrored, 0.0)), drift)
    bank = 0.030 + 0.012 * np.sin(7.0 * x) + 0.010 * leaves
    hedge_stops = [(-1.5, TUBES[9]), (0.0, TUBES[8]), (0.8, TUBES[13]), (1.8, TUBES[15])]
    hedge = smoothstep(0.004, -0.004, np.abs(y - SHORE) - bank)
    colour = mix(colour, gradient(hedge_stops, leaves), hedge)
    for place in FAR_TREES:
        hazy = 0.65 * foliage(x, leaves, place) + 0.35 * TUBES[7]
        colour = mix(colour, hazy, tree(x, as_array(mirrored), place, leaves))
    path = np.exp(-(((x - SUN[0]) / (0.05 + 0.20 * (y - SHORE))) ** 2)) * (y > SHORE)
    water = mix(colour, TUBES[9], 0.22 * as_array(y > SHORE))
    return mix(water, TUBES[1], np.clip(path * (0.75 + 0.3 * drift), 0, 1))


def meadow(x: Array, y: Array, random: Random) -> Array:
    """Return sunlit grass, with long shadows of the poplars and of the lower border."""
    stops = [(-1.6, TUBES[9]), (-0.9, TUBES[17]), (-0.2, TUBES[14]), (0.5, TUBES[15]),
             (1.2, TUBES[16]), (2.0, TUBES[2])]  # fmt: skip
    light = 0.7 * noise(COARSE, random, (0.05, 0.25), octaves=4) + 1.0
    for centre, foot, half, _ in POPLARS:
        light -= 1.9 * np.exp(-(((x - centre + 0.9 * (y - foot)) / (0.9 * half)) ** 2))
    return gradient(stops, light - 2.2 * smoothstep(0.9, 1.02, y))


def plan(random: Random) -> Array:
    """Return the colours of the whole scene, before they are divided into dots."""
    x, y = coordinates(COARSE)
    colour = landscape(x, y, random)
    grass = meadow(x, y, random)
    leaves = noise(COARSE, random, 0.045, octaves=3)
    edge = MEADOW - 0.10 * (x - 0.72) ** 2 + 0.05 * np.sin(3.0 * x + 1.0) + 0.006 * leaves
    colour = mix(colour, grass, smoothstep(0.0, 0.012, y - edge))
    blossoms = smoothstep(1.3, 1.8, noise(COARSE, random, 0.02, octaves=2))
    colour = mix(colour, TUBES[5], 0.8 * blossoms * smoothstep(0.02, 0.08, y - edge))
    for place in POPLARS:
        colour = mix(colour, foliage(x, leaves, place), tree(x, y, place, leaves))
    return colour


def dots(colours: Array, sizes: tuple[float, float], random: Random) -> Strokes:
    """Return one layer of dots, slightly longer than wide, at random angles."""
    spacing, diameter = (size * OVERSAMPLING for size in sizes)
    y, x = scattered(SHAPE, spacing, random)
    target = sample(colours, y * COARSE[0] / SHAPE[0], x * COARSE[0] / SHAPE[0])
    # A few dots have the complement, which makes the colours beside them more vivid.
    opposite = np.clip(target.mean(axis=1, keepdims=True) * 1.9 - target, 0, 1)
    contrary = drawn(random, 0.085, (len(y), 1))
    target = as_array(np.where(contrary, opposite, target))
    colour = broken_colour(target, TUBES, random, spread=0.11, purity=0.72)
    width = diameter * random.uniform(0.75, 1.2, len(y))
    return Strokes(
        y_pixels=y,
        x_pixels=x,
        angle=as_array(random.normal(0.5, 0.7, len(y))),
        length_pixels=as_array(width * random.uniform(1.0, 1.35, len(y))),
        width_pixels=as_array(width),
        colour=colour,
        streak_colour=as_array(np.clip(colour * 1.08, 0, 1)),
    )


def draw() -> Array:
    """Cover a warm ground with dots, the large ones first."""
    random = np.random.default_rng(1884)
    colours = plan(random)
    canvas = Canvas(np.tile(hex_colours("e9cfa0")[0], (*SHAPE, 1)))
    brushes = [dab_brush(random) for _ in range(24)]
    for sizes in LAYERS:
        paint(canvas, dots(colours, sizes, random), brushes, load=0.7)
    lit = light_relief(canvas.colour, canvas.thickness, gloss=0.12)
    return grade(reduce(lit), contrast=1.04, saturation=0.86)
