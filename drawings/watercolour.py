"""Watercolour of misty mountains: wet blooms, hard edges, granulating pigment."""

import numpy as np

from drawings.field import (
    Array,
    Random,
    as_array,
    blur,
    coordinates,
    hex_colours,
    noise,
    smoothstep,
    warp,
)
from drawings.paint import OVERSAMPLING, grade, light_relief, reduce

SHAPE = (768 * OVERSAMPLING, 1024 * OVERSAMPLING)
TIP = 1.03  # a pine ends in a bare stem, this far up for branches of height 1
PAPER = hex_colours("f7f1e3")[0]
# Colours that a full layer of each pigment transmits.
INDIGO, COBALT, TURQUOISE, ROSE, OCHRE, SIENNA, VIOLET, SAP, PAYNE = hex_colours(
    "24386b", "3566b0", "3f9aa0", "c9496b", "dfa23c", "b5592e", "6a4a8c", "5d7a3a", "1d2b40"
)


class Sheet:
    """Sheet of rough paper with the pigment that has dried on it.

    Pigment absorbs light: layers multiply, like glazes.
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self.x, self.y = coordinates(SHAPE)
        self.absorbed = np.zeros((*SHAPE, 3), dtype=np.float32)
        tooth = noise(SHAPE, random, 0.007, octaves=2) + 0.35 * noise(SHAPE, random, 0.02, 2)
        self.tooth = as_array(tooth / tooth.std())

    def noise(self, scale: float | tuple[float, float], octaves: int = 5) -> Array:
        return noise(SHAPE, self.random, scale, octaves)

    def lay(self, pigment: Array, amount: Array, granulation: float = 0.12) -> None:
        """Let an amount of pigment (1 is a full layer) settle, most of it in the hollows."""
        settled = amount * np.clip(1.0 - granulation * self.tooth, 0.2, 2.2)
        self.absorbed += -np.log(pigment) * as_array(settled)[..., None]

    def picture(self) -> Array:
        """Return the paper seen through the pigment, in raking light."""
        warmth = 1.0 + 0.012 * self.noise(0.3)[..., None]
        colour = as_array(PAPER * warmth * np.exp(-self.absorbed))
        return light_relief(colour, 0.17 * self.tooth, gloss=0.0)


def dried_edge(cover: Array, width_pixels: float) -> Array:
    """Return the dark rim of a dried patch; pigment gathers just inside its border."""
    inner = blur(cover, width_pixels)
    return as_array(cover * np.clip(1.0 - inner, 0, 1) * 1.9)


def wash(sheet: Sheet, pigment: Array, field: Array, strength: float, rim: float = 0.6) -> None:
    """Paint an uneven patch with a dried edge where `field` is positive."""
    ragged = field + 0.010 * sheet.noise(0.10)
    cover = smoothstep(0.0, 0.006, ragged)
    drift = np.clip(0.8 + 0.24 * sheet.noise(0.22), 0.25, 1.6)
    amount = cover * drift + rim * dried_edge(cover, 5.0) + 0.4 * rim * dried_edge(cover, 22.0)
    sheet.lay(pigment, as_array(strength * amount))


def wet_cloud(sheet: Sheet, pigment: Array, field: Array, strength: float) -> None:
    """Drop pigment into wet paper: it creeps outwards in feathers and has no edge."""
    creep = [46.0 * sheet.noise(0.16) for _ in range(2)]
    feathered = warp(field, creep[0], creep[1]) + 0.10 * sheet.noise(0.12)
    sheet.lay(pigment, as_array(strength * smoothstep(-0.1, 0.9, feathered)))


def bloom(sheet: Sheet, x: float, y: float, radius: float) -> None:
    """Add a backrun: a drop of water drives wet pigment outwards into a crinkled rim.

    No pigment is added; the existing pigment thins out inside and gathers unevenly
    at the rim.
    """
    distance = np.hypot(sheet.x - x, 1.25 * (sheet.y - y)) / radius
    distance = distance + 0.20 * sheet.noise(0.13, 3) + 0.07 * sheet.noise(0.035, 4)
    fringe = 1.0 - distance
    rim = np.exp(-np.clip(fringe, 0, None) / 0.045) * smoothstep(-0.012, 0.012, fringe)
    rim *= smoothstep(-0.9, 0.9, sheet.noise(0.22, 2))
    thinned = 0.55 * smoothstep(-0.02, 0.35, fringe)
    factor = (1.0 - thinned) * (1.0 + 0.85 * rim)
    sheet.absorbed *= as_array(factor)[..., None]


def ridge(sheet: Sheet, height: float, peaks: tuple[tuple[float, float, float], ...]) -> Array:
    """Return a mountain line with crags: the y of the ridge per column.
    `peaks`: x, rise and half width of each peak."""
    x = sheet.x[0]
    rise = np.zeros_like(x)
    for centre, top, half in peaks:
        slope = np.clip(1.0 - np.abs(x - centre) / half, 0, None)
        rise = np.maximum(rise, top * slope**1.25)
    crags = np.zeros_like(x)
    for octave in range(3, 10):
        phase = sheet.random.uniform(0, 6.3)
        crags += (0.5 - np.abs(np.sin(1.3 * 2.0**octave * x + phase))) * 0.55 ** (octave - 3)
    return as_array(height - rise - (0.012 + 0.10 * rise) * crags)


def mountain(
    sheet: Sheet, crest: Array, pigments: tuple[Array, Array], strength: float, depth: float
) -> None:
    """Paint a mountain range: dark at its sharp crest, dissolving into mist below."""
    below = sheet.y - crest[None, :]
    ragged = as_array(below + 0.0035 * sheet.noise(0.03))
    cover = smoothstep(0.0, 0.004, ragged)
    mist = np.exp(-np.clip(below, 0, None) / depth * (1.0 + 0.3 * sheet.noise(0.2)))
    gullies = sheet.noise((0.16, 0.05)) * smoothstep(0.0, 0.06, below)
    drift = np.clip(0.75 + 0.22 * sheet.noise(0.15) + 0.22 * gullies, 0.1, 1.6)
    edge = dried_edge(cover, 6.0)
    amount = strength * (cover * mist * drift + 0.5 * edge * mist)
    share = smoothstep(-1.0, 1.0, sheet.noise(0.3))
    sheet.lay(pigments[0], as_array(amount * share))
    sheet.lay(pigments[1], as_array(amount * (1.0 - share)))


def splatter(sheet: Sheet, pigment: Array, count: int) -> None:
    """Add drops that are flicked from the brush."""
    drops = np.zeros(SHAPE, dtype=np.float32)
    for _ in range(count):
        row, column = (int(sheet.random.integers(40, side - 40)) for side in SHAPE)
        radius = float(np.exp(sheet.random.normal(0.6, 0.55)))
        reach = int(radius) + 3
        dy, dx = np.ogrid[-reach : reach + 1, -reach : reach + 1]
        drop = smoothstep(radius + 1, radius - 1, as_array(np.hypot(dy, dx)))
        spot = (slice(row - reach, row + reach + 1), slice(column - reach, column + reach + 1))
        drops[spot] = np.maximum(drops[spot], drop)
    sheet.lay(pigment, 0.55 * drops + 0.4 * dried_edge(drops, 2.0))


def pine(sheet: Sheet, cover: Array, x: float, foot: float, height: float) -> None:
    """Add the silhouette of a pine: a stem and branches that widen towards the foot."""
    left, right = (int((x + side * 0.3 * height) * SHAPE[0]) for side in (-1, 1))
    top = max(0, int((foot - 1.05 * height) * SHAPE[0]))
    window = (slice(top, int(foot * SHAPE[0]) + 1), slice(max(0, left), max(0, right)))
    dx, up = sheet.x[window] - x, (foot - sheet.y[window]) / height
    phase, tilt = sheet.random.uniform(0, 6.3, 2)
    side = np.sign(dx)
    tiers = (up * 9.0 + 11.0 * np.abs(dx) / height + phase + 0.3 * side + 0.2 * tilt) % 1.0
    half = height * 0.24 * np.clip(1.0 - up, 0, 1) ** 0.9 * (0.30 + 0.70 * tiers)
    half *= 1.0 + 0.3 * np.sin(47.0 * up + phase) * np.sin(23.0 * up + side)
    body = smoothstep(-0.001, 0.002, half - np.abs(dx))
    stem = smoothstep(0.0008, -0.0008, np.abs(dx) - 0.0022 * (TIP - up))
    silhouette = np.maximum(body, stem) * smoothstep(0.0, 0.30, up) * (up < TIP)
    cover[window] = np.maximum(cover[window], silhouette)


def forest(sheet: Sheet, crest: Array, count: int, height: float, strength: float) -> None:
    """Paint groups of pines along a crest; their feet dissolve into the mist."""
    cover = np.zeros(SHAPE, dtype=np.float32)
    centres = sheet.random.uniform(0, SHAPE[1] / SHAPE[0], 5)
    for _ in range(count):
        x = float(sheet.random.choice(centres) + sheet.random.normal(0, 0.085))
        column = int(np.clip(x * SHAPE[0], 0, SHAPE[1] - 1))
        if 0.0 < x < SHAPE[1] / SHAPE[0]:
            size = height * sheet.random.uniform(0.45, 1.15)
            pine(sheet, cover, x, float(crest[column]) + 0.25 * height, size)
    below = (sheet.y - crest[None, :]) / height
    melt = smoothstep(0.30, -0.25, below + 0.06 * sheet.noise(0.06))
    drift = np.clip(0.85 + 0.3 * sheet.noise(0.10), 0.3, 1.5)
    amount = as_array(strength * cover * drift * (0.15 + 0.85 * melt))
    sheet.lay(INDIGO, 0.7 * amount)
    sheet.lay(SAP, 0.6 * amount)
    sheet.lay(PAYNE, as_array(0.35 * strength * dried_edge(cover, 3.0) * melt))


def sky(sheet: Sheet) -> None:
    """Paint the sky: blue and violet above, rose and gold around a pale sun."""
    x, y = sheet.x, sheet.y
    sun = as_array(np.hypot(x - 0.90, y - 0.31))
    wet_cloud(sheet, OCHRE, as_array(0.95 - sun / 0.34), 0.55)
    wet_cloud(sheet, ROSE, as_array(0.9 - np.abs(y - 0.40 - 0.06 * np.sin(3 * x)) / 0.16), 0.40)
    away = smoothstep(0.16, 0.50, sun)
    wet_cloud(sheet, COBALT, as_array((1.1 - y / 0.33) * away), 0.62)
    wet_cloud(sheet, INDIGO, as_array(0.75 - y / 0.20 - 0.35 * x), 0.50)
    wet_cloud(sheet, VIOLET, as_array((0.5 * sheet.noise((0.13, 0.5)) + 0.1 - y) * away), 0.45)
    wet_cloud(sheet, TURQUOISE, as_array(0.9 - np.hypot(x - 0.22, y - 0.36) / 0.3), 0.32)
    bloom(sheet, 0.36, 0.16, 0.17)
    bloom(sheet, 1.22, 0.15, 0.13)
    bloom(sheet, 0.62, 0.33, 0.09)
    lifted = smoothstep(0.062, 0.052, sun + 0.0025 * sheet.noise(0.05))
    sheet.absorbed *= 1.0 - 0.9 * lifted[..., None]


def draw() -> Array:
    """Lay glazes from the sky to the foreground, each dry before the next."""
    random = np.random.default_rng(1842)
    sheet = Sheet(random)
    sky(sheet)
    far = ridge(sheet, 0.50, ((0.30, 0.20, 0.36), (0.52, 0.12, 0.22), (1.20, 0.13, 0.30)))
    mountain(sheet, far, (COBALT, ROSE), 0.50, 0.16)
    middle = ridge(sheet, 0.61, ((0.08, 0.13, 0.25), (0.68, 0.16, 0.34), (1.05, 0.10, 0.25)))
    mountain(sheet, middle, (COBALT, VIOLET), 0.72, 0.15)
    near = ridge(sheet, 0.72, ((0.36, 0.11, 0.30), (1.25, 0.20, 0.42), (0.85, 0.06, 0.2)))
    mountain(sheet, near, (TURQUOISE, INDIGO), 0.85, 0.14)
    forest(sheet, as_array(near + 0.03), 60, 0.055, 0.55)
    bloom(sheet, 0.80, 0.74, 0.12)
    hills = ridge(sheet, 0.84, ((0.10, 0.10, 0.34), (0.66, 0.07, 0.36), (1.15, 0.05, 0.3)))
    mountain(sheet, hills, (SAP, TURQUOISE), 0.80, 0.16)
    forest(sheet, as_array(hills + 0.03), 75, 0.12, 0.9)
    bloom(sheet, 0.40, 0.90, 0.13)
    ground = ridge(sheet, 0.965, ((0.35, 0.05, 0.4), (1.2, 0.09, 0.5)))
    mountain(sheet, ground, (SIENNA, SAP), 0.75, 0.4)
    wash(sheet, OCHRE, as_array(sheet.y - 0.96 + 0.02 * np.sin(5 * sheet.x)), 0.4)
    splatter(sheet, SIENNA, 30)
    splatter(sheet, INDIGO, 40)
    return grade(reduce(sheet.picture()), contrast=1.06, saturation=1.0)
