"""Woodcut of a breaking sea: layered waves with claws of foam, printed in indigo."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from drawings.field import (
    Array,
    Random,
    Shape,
    as_array,
    blur,
    coordinates,
    drawn,
    gradient,
    hex_colours,
    mix,
    noise,
    smoothstep,
    spline,
    warp,
)
from drawings.paint import OVERSAMPLING, grade, reduce

SHAPE = (768 * OVERSAMPLING, 1024 * OVERSAMPLING)
INK, PRUSSIAN, INDIGO, BLUE, PALE, CREAM, OCHRE, ROSE, SAND = hex_colours(
    "12213f", "1b3866", "2a568c", "5d8fb0", "a9c6c6", "f1e6c8", "d9a24a", "c8694a", "e6cf9c"
)
BANDS = (PRUSSIAN, PALE, INDIGO, CREAM, PRUSSIAN, BLUE, INDIGO, PALE)
HAIRS = (BLUE, INDIGO)  # fine lines on dark bands and on light ones


@dataclass(frozen=True)
class Swell:
    """Row of low waves; lengths are in units of the image height."""

    base: float  # y of the mean water line
    height: float
    period: float
    phase: float
    foam: float  # size of the foam scallops


FAR_SWELLS = (Swell(0.575, 0.05, 0.50, 0.55, 0.006), Swell(0.655, 0.07, 0.72, 0.15, 0.009))
NEAR_SWELLS = (Swell(0.86, 0.11, 0.86, 0.72, 0.013), Swell(0.99, 0.13, 1.05, 0.15, 0.017))
# The great breaker: its back from the foot to the tip, and its hollow face.
BACK = ((-0.42, 1.02), (-0.10, 0.70), (0.14, 0.36), (0.36, 0.17), (0.58, 0.12), (0.76, 0.20),
        (0.83, 0.34))  # fmt: skip
FACE = ((1.02, 0.98), (0.74, 0.90), (0.55, 0.74), (0.47, 0.56), (0.50, 0.39), (0.64, 0.30),
        (0.83, 0.34))  # fmt: skip
CREST = 0.5  # foam is where the water is higher than this share of its height
STRIPES = (0.0, 0.10, 0.16, 0.27, 0.31, 0.43, 0.50, 0.60, 0.645, 0.76, 0.83, 0.91, 0.95)


def swell_line(swell: Swell, depth: float, count: int = 700) -> Array:
    """Return the water line, with leaning crests, at a depth.
    The depth is from 0 (surface) to 1 (almost flat)."""
    t = np.linspace(-0.4, 1.8, count)
    turn = 2 * np.pi * (t / swell.period - swell.phase)
    turn += 0.5 * np.sin(0.37 * turn + 9.0 * swell.base) + 0.5 * depth
    peak = (0.5 + 0.5 * np.cos(turn + 0.5 * np.sin(turn))) ** 1.6
    rise = swell.height * (1.0 - 0.75 * depth) * peak * (0.8 + 0.2 * np.cos(0.5 * turn))
    return as_array(np.stack([t, swell.base - rise + 0.16 * depth], axis=-1))


def spiral(centre: Array, radius: float, start: float, hand: float) -> Array:
    """Return a curl: a spiral that winds inwards by about one turn."""
    t = np.linspace(0.0, 1.0, 22)
    angle = start + hand * t * 2.2 * np.pi
    reach = radius * (1.0 - 0.8 * t)
    return as_array(centre + np.stack([reach * np.cos(angle), reach * np.sin(angle)], axis=-1))


def claw(root: Array, heading: float, size: float, hand: float) -> Array:
    """Return the outline of a finger of foam: a tapering hook with increasing bend."""
    t = np.linspace(0.0, 1.0, 16)
    angle = heading + hand * (0.3 * t + 2.1 * t**2)
    step = size * 2.6 / len(t)
    spine = root + np.cumsum(np.stack([np.cos(angle), np.sin(angle)], axis=-1), axis=0) * step
    half = 0.40 * size * (1.0 - t) ** 0.75
    normal = np.stack([-np.sin(angle), np.cos(angle)], axis=-1) * half[:, None]
    return as_array(np.concatenate([spine + normal, (spine - normal)[::-1]]))


class Block:
    """Wood block on which lines and shapes are cut; it does all drawing."""

    def __init__(self, shape: Shape, colour: Array) -> None:
        self.scale_pixels = shape[0]
        self.image = Image.fromarray(_bytes(np.broadcast_to(colour, (*shape, 3))))
        self.pen = ImageDraw.Draw(self.image)

    def points(self, line: Array) -> list[tuple[float, float]]:
        return [(float(x), float(y)) for x, y in line * self.scale_pixels]

    def fill(self, outline: Array, colour: Array) -> None:
        self.pen.polygon(self.points(outline), fill=_rgb(colour))

    def line(self, line: Array, colour: Array, width: float) -> None:
        pixels = max(1, round(width * self.scale_pixels))
        self.pen.line(self.points(line), fill=_rgb(colour), width=pixels, joint="curve")

    def swelling_line(self, line: Array, colour: Array, widths: Array) -> None:
        """Draw a line whose width changes along it, like a cut of a knife."""
        for start in range(0, len(line) - 1, 3):
            self.line(line[start : start + 5], colour, float(widths[start]))

    def disc(self, centre: Array, radius: float, colour: Array) -> None:
        x, y = (float(value) * self.scale_pixels for value in centre)
        r = radius * self.scale_pixels
        self.pen.ellipse((x - r, y - r, x + r, y + r), fill=_rgb(colour))

    def pixels(self) -> Array:
        return as_array(np.asarray(self.image, dtype=np.float32) / 255)


def _bytes(colour: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return (np.clip(colour, 0, 1) * 255 + 0.5).astype(np.uint8)


def _rgb(colour: Array) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in _bytes(colour))
    return red, green, blue


def cut_swell(block: Block, swell: Swell, random: Random) -> None:
    """Cut a row of low waves: bands of blue that gather under the crests, and foam."""
    floor = as_array([[3.0, 1.3], [-1.5, 1.3]])
    bands = 9
    for band in range(bands):
        line = swell_line(swell, (band / bands) ** 1.2)
        block.fill(np.concatenate([line, floor]), BANDS[band % len(BANDS)])
        sway = 0.5 + 0.5 * np.sin(np.linspace(0, 31, len(line)) + 2.0 * band)
        block.swelling_line(line, INK, as_array(0.0012 + 0.0022 * sway))
        for depth in (0.3, 0.6):
            strand = swell_line(swell, ((band + depth) / bands) ** 1.2)
            first, last = sorted(random.integers(0, len(strand), 2))
            thin = 0.0022 * np.sin(np.linspace(0, np.pi, max(1, last - first)))
            block.swelling_line(strand[first:last], HAIRS[band % 2], as_array(thin))
    cut_crests(block, swell, random)


def cut_crests(block: Block, swell: Swell, random: Random) -> None:
    """Cut rows of foam along the crests of low waves."""
    line = swell_line(swell, 0.0)
    high = (swell.base - line[:, 1]) / swell.height
    crest = np.flatnonzero(high > CREST)
    for row in (1.3, 0.5, -0.3):
        spots = crest[drawn(random, 0.34, len(crest))]
        sizes = swell.foam * random.uniform(0.5, 1.2, len(spots)) * high[spots]
        lift = np.stack([np.zeros(len(spots)), -row * sizes], axis=-1)
        cut_scallops(block, as_array(line[spots] + lift), as_array(sizes), random)


def cut_breaker(block: Block, place: Callable[[Array], Array], foam: float, random: Random) -> None:
    """Cut a great breaker: stripes run up its hollow face and end in foam."""
    back, face = place(spline(BACK, 400)), place(spline(FACE, 400))
    block.fill(np.concatenate([back, face[::-1]]), PRUSSIAN)
    for number, low in enumerate(STRIPES):
        line = as_array(back + (face - back) * low)
        block.fill(np.concatenate([line, face[::-1]]), BANDS[number % len(BANDS)])
        thick = 0.0042 * np.sin(np.pi * np.linspace(0.05, 0.98, len(line))) ** 0.7
        block.swelling_line(line, INK, as_array(thick))
        for hair in (0.3, 0.5, 0.7):
            step = (*STRIPES, 1.0)[number + 1] - low
            strand = as_array(back + (face - back) * (low + hair * step))
            part = slice(int(random.integers(0, 120)), 340)
            block.swelling_line(strand[part], HAIRS[number % 2], as_array(0.35 * thick[part]))
    block.swelling_line(face, INK, as_array(np.full(len(face), 0.004)))
    cut_lip(block, back, face, foam, random)


def cut_lip(block: Block, back: Array, face: Array, foam: float, random: Random) -> None:
    """Cut the foam of a breaker: scallops over its back, claws reaching from its lip."""
    lip = np.concatenate([back[130:], face[:270:-1]])
    tangent = np.gradient(lip, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    inward = face[200] - lip[200]
    side = np.sign(tangent[200, 0] * inward[1] - tangent[200, 1] * inward[0])
    outward = np.stack([tangent[:, 1], -tangent[:, 0]], axis=-1) * side
    growth = np.interp(np.arange(len(lip)), [0, 120, 270, len(lip)], [0.25, 0.7, 1.1, 0.55])
    for row, keep in ((1.6, 0.20), (0.7, 0.30), (-0.3, 0.34), (-1.3, 0.22), (-2.2, 0.12)):
        spots = np.flatnonzero(drawn(random, keep, len(lip)))
        sizes = as_array(foam * random.uniform(0.45, 1.25, len(spots)) * growth[spots])
        centres = as_array(lip[spots] + outward[spots] * (row * foam * growth[spots])[:, None])
        cut_scallops(block, centres, sizes, random)
        if row > 0:
            headings = np.arctan2(tangent[spots, 1], tangent[spots, 0])
            headings += random.normal(-0.75 * side, 0.35, len(spots))
            cut_claws(block, centres, as_array(headings), sizes, float(side))
    throw_spray(block, lip, outward, foam, random)


def cut_claws(block: Block, roots: Array, headings: Array, sizes: Array, hand: float) -> None:
    """Cut claws with an outline, in the given order."""
    for root, heading, size in zip(roots, headings, sizes, strict=True):
        outline = claw(root, float(heading), float(size) * 1.5, hand)
        block.fill(outline, CREAM)
        block.line(np.concatenate([outline, outline[:1]]), INK, 0.0018)


def cut_scallops(block: Block, centres: Array, sizes: Array, random: Random) -> None:
    """Cut round lobes of foam, like fish scales, with a pale shadow and some curls."""
    for centre, size in zip(centres, sizes, strict=True):
        radius = float(size)
        block.disc(centre, radius + 0.0019, INK)
        block.disc(centre, radius, PALE)
        block.disc(centre - as_array([0.14, 0.16]) * radius, 0.84 * radius, CREAM)
        if drawn(random, 0.35):
            start, hand = random.uniform(0, 2 * np.pi), random.choice([-1.0, 1.0])
            block.line(spiral(centre, 0.62 * radius, start, hand), INDIGO, 0.0012)


def throw_spray(block: Block, lip: Array, outward: Array, foam: float, random: Random) -> None:
    """Cut drops in the air before the lip; larger ones are nearer to it."""
    for spot in random.integers(60, len(lip), 170):
        away = foam * (2.0 + 5.5 * random.uniform() ** 2)
        place = as_array(lip[spot] + away * outward[spot] + random.normal(0, foam, 2))
        radius = 0.05 * foam * random.uniform(0.7, 2.6) * 3.0 * foam / away
        block.disc(place, radius + 0.0012, INDIGO)
        block.disc(place, radius, CREAM)


def sky(random: Random) -> Array:
    """Return a sky in graded printing (bokashi), with a red sun and cloud bands."""
    x, y = coordinates(SHAPE)
    drift = 0.03 * noise(SHAPE, random, (0.12, 0.5), octaves=4)
    stops = [(0.0, INDIGO), (0.07, BLUE), (0.17, PALE), (0.30, CREAM), (0.42, SAND), (0.56, OCHRE)]
    colour = gradient(stops, y + drift)
    disc = np.hypot(x - 1.02, y - 0.30)
    colour = mix(colour, ROSE, smoothstep(0.142, 0.139, disc))
    bands = np.sin(52.0 * y + 2.6 * np.sin(2.9 * x) + 1.4 * np.sin(6.1 * x + 1.0) + 24.0 * drift)
    clouds = smoothstep(0.55, 0.62, bands) * smoothstep(0.05, 0.10, y)
    return mix(colour, CREAM, 0.85 * clouds)


def print_on_paper(colour: Array, random: Random) -> Array:
    """Print the colours on paper: wood grain, thin spots, fibres and wavering edges."""
    wobble = [1.1 * noise(SHAPE, random, 0.02, octaves=3) for _ in range(2)]
    colour = warp(colour, wobble[0], wobble[1])
    _, y = coordinates(SHAPE)
    rings = y + 0.10 * noise(SHAPE, random, (0.35, 1.6), octaves=3)
    grain = np.sin(130.0 * rings + 9.0 * noise(SHAPE, random, (0.10, 0.9), octaves=4))
    pores = noise(SHAPE, random, (0.004, 0.10), octaves=2)
    worn = smoothstep(0.6, 1.8, noise(SHAPE, random, (0.02, 0.05), octaves=5))
    darkness = 1.0 - colour.mean(axis=-1)
    ink = 0.10 * (0.5 + 0.5 * grain) + 0.05 * np.clip(pores, -1, 1) + 0.20 * worn
    colour = mix(colour, CREAM, as_array(np.clip(ink * (0.35 + darkness), 0, 0.5)))
    fibres = noise(SHAPE, random, 0.010, octaves=3) + noise(SHAPE, random, (0.004, 0.05), 2)
    return as_array(colour * (1.0 + 0.022 * fibres[..., None]))


def draw() -> Array:
    """Cut the blocks from the sky to the nearest wave and print them."""
    random = np.random.default_rng(1831)
    block = Block(SHAPE, CREAM)
    block.image = Image.fromarray(_bytes(sky(random)))
    block.pen = ImageDraw.Draw(block.image)
    for swell in FAR_SWELLS:
        cut_swell(block, swell, random)
    cut_breaker(block, lambda p: as_array(p * [-0.42, 0.42] + [1.42, 0.44]), 0.011, random)
    cut_breaker(block, lambda p: as_array(p * 1.0 + [0.0, 0.02]), 0.021, random)
    for swell in NEAR_SWELLS:
        cut_swell(block, swell, random)
    colour = blur(block.pixels(), 0.8)
    return grade(reduce(print_on_paper(colour, random)), contrast=1.04)
