"""Stained-glass window of a sun over hills and water, in jewel colours and lead."""

import numpy as np

from drawings.field import (
    Array,
    Labels,
    Random,
    as_array,
    blur,
    borders,
    coordinates,
    distance_to,
    hex_colours,
    mix,
    nearest,
    noise,
    sample,
    smoothstep,
)
from drawings.paint import OVERSAMPLING, grade, light_relief, reduce

SHAPE = (1024 * OVERSAMPLING, 768 * OVERSAMPLING)
SUN = (0.40, 0.37)
# Rings of the sun: outer edge, petals around it, how far the petals bulge.
RINGS = ((0.052, 1, 0.0), (0.125, 14, 0.09), (0.195, 14, 0.06), (0.262, 28, 0.03))
LEAD = hex_colours("15130f")[0]
# The glass of each region, from its darkest to its brightest sheet.
GLASS = {
    "core": hex_colours("ffb52e", "ffd96a"),
    "sun": hex_colours("e8761a", "f8a01c", "ffc23a"),
    "corona": hex_colours("8e1030", "b81a2a", "d8361f", "ee7420"),
    "halo": hex_colours("4a1f7a", "74267e", "a02c6a", "c9486a"),
    "sky": hex_colours(
        "0c1f5e", "123280", "17459f", "1f60bd", "2f83cf", "58abd8", "9fd2dc", "f3dc9a"
    ),
    "far_hill": hex_colours("2c2468", "41307e", "5b3f96", "8a5cae", "c98fb0"),
    "hill": hex_colours("0a4a40", "0f6b4a", "1d8a52", "55a848", "a8c24a"),
    "water": hex_colours("083c66", "0b5f84", "128a9c", "3fb4b0", "a6dcc6"),
    "field": hex_colours("5a1038", "8a1430", "b8281f", "d9621d", "f0a030"),
}
PIECE_SIZE = {"sky": 0.057, "far_hill": 0.043, "hill": 0.047, "water": 0.041, "field": 0.050}


def polar(x: Array, y: Array) -> tuple[Array, Array]:
    """Return the distance from the centre of the sun and the angle around it."""
    dx, dy = x - SUN[0], y - SUN[1]
    return as_array(np.hypot(dx, dy) + 1e-4), as_array(np.arctan2(dy, dx) + np.pi)


def sector(turn: Array, ring: int) -> Array:
    """Return the position around a ring in petals.
    Every other pair of rings is shifted by half a petal."""
    petals = RINGS[ring][1]
    return as_array((turn / (2 * np.pi) * petals + 0.5 * (ring // 2)) % petals)


def design(x: Array, y: Array) -> Labels:
    """Return the number of each pixel's region, in the order of GLASS."""
    region = np.full(x.shape, list(GLASS).index("sky"), dtype=np.int64)
    radius, turn = polar(x, y)
    for ring in reversed(range(len(RINGS))):
        edge, _, bulge = RINGS[ring]
        arch = np.sqrt(np.abs(np.sin(np.pi * sector(turn, ring))))
        region[radius < edge * (1.0 + bulge * (2.0 * arch - 1.0))] = ring
    crests = (
        0.715 + 0.045 * np.sin(6.5 * x + 0.4) + 0.018 * np.sin(15.0 * x),
        0.775 + 0.055 * np.sin(4.6 * x + 2.6),
        0.845 + 0.018 * np.sin(7.0 * x + 1.0),
        0.930 - 0.050 * np.sin(4.0 * x - 0.3),
    )
    for number, crest in enumerate(crests, start=5):
        region[y > crest] = number
    return region


def design_plane(x: Array, y: Array, region: str) -> Array:
    """Return coordinates in which the pieces of a region are about as long as wide.

    The sky is wound into a spiral around the sun, so that its pieces suggest
    wind; land and water are squeezed along x, which gives horizontal pieces.
    """
    if region == "sky":
        radius, turn = polar(x, y)
        wound = turn + 1.15 * np.log(radius)
        turns = [0.15 * np.log(radius), 0.30 * np.cos(wound), 0.30 * np.sin(wound)]
        return as_array(np.stack(turns, axis=-1))
    return as_array(np.stack([0.60 * x, 1.4 * y + 0.07 * np.sin(6.0 * x)], axis=-1))


def tones(x: Array, y: Array, random: Random) -> Array:
    """Return the brightness of the glass at each place, 0..1, with currents."""
    radius, turn = polar(x, y)
    currents = np.sin(3.0 * (turn + 1.15 * np.log(radius)) + 0.6)
    near_sun = np.exp(-(((radius - 0.29) / 0.16) ** 2))
    sky = 0.22 + 0.26 * currents + 0.30 * near_sun
    land = 0.42 + 0.22 * np.sin(9.0 * x - 26.0 * y)
    drift = 0.10 * noise(SHAPE, random, 0.3, octaves=3)
    return as_array(np.where(design(x, y) == list(GLASS).index("sky"), sky, land) + drift)


def relaxed_sites(plane: Array, count: int, random: Random) -> Array:
    """Return seeds that are spread evenly over the region.
    A few Lloyd steps lead to centroidal Voronoi cells."""
    points = plane[random.integers(0, len(plane), 12000)]
    sites = points[random.choice(len(points), count, replace=False)]
    for _ in range(5):
        _, owner = nearest(sites, points)
        members = np.bincount(owner, minlength=count)[:, None]
        sums = np.stack([np.bincount(owner, axis, count) for axis in points.T], axis=-1)
        sites = as_array(np.where(members > 0, sums / np.maximum(members, 1), sites))
    return sites


def cut_pieces(x: Array, y: Array, regions: Labels, random: Random) -> Labels:
    """Cut every region into pieces of glass; each piece has its own number."""
    pieces = np.zeros(regions.shape, dtype=np.int64)
    _, turn = polar(x, y)
    for number, name in enumerate(GLASS):
        inside = regions == number
        if number < len(RINGS):
            # The centre of the sun is one round piece, the rings are cut into petals.
            owner = np.floor(sector(turn[inside], number)).astype(np.int64) * (number > 0)
        else:
            plane = design_plane(x[inside], y[inside], name)
            count = round(inside.sum() / SHAPE[0] ** 2 / PIECE_SIZE[name] ** 2)
            owner = nearest(relaxed_sites(plane, count, random), plane)[1]
        pieces[inside] = 1000 * number + owner
    return np.asarray(np.unique(pieces, return_inverse=True)[1].reshape(regions.shape))


def sheet_colours(pieces: Labels, regions: Labels, tone: Array, random: Random) -> Array:
    """Return the colours of the pieces.
    Each piece has one sheet of glass, chosen from its region's colours by the tone there."""
    count = int(pieces.max()) + 1
    region_of = np.zeros(count, dtype=np.int64)
    region_of[pieces.ravel()] = regions.ravel()
    total = np.bincount(pieces.ravel(), tone.ravel(), count)
    average = total / np.bincount(pieces.ravel(), minlength=count)
    wanted = np.clip(average + 0.13 * random.standard_normal(count), 0.0, 0.999)
    sheets = list(GLASS.values())
    chosen = [sheets[r][int(t * len(sheets[r]))] for r, t in zip(region_of, wanted, strict=True)]
    varied = as_array(chosen) * random.uniform(0.92, 1.08, (count, 1))
    return as_array(varied)[pieces]


def shine_through(colour: Array, pieces: Labels, depth_pixels: Array, random: Random) -> Array:
    """Add light in the glass: brighter centres, a slant per piece, streaks and seeds."""
    count = int(pieces.max()) + 1
    x, y = coordinates(SHAPE)
    slant = random.uniform(0, 2 * np.pi, count)[pieces]
    along = np.sin(slant) * y + np.cos(slant) * x
    total = np.bincount(pieces.ravel(), along.ravel(), count)
    centre = total / np.bincount(pieces.ravel(), minlength=count)
    ramp = (along - centre[pieces]) * 2.0
    middle = smoothstep(0.0, 46.0, depth_pixels)
    # Every sheet was rolled in its own direction: the streaks turn with the piece.
    streaks = noise(SHAPE, random, (0.20, 0.022), octaves=4)
    turned_y = (along + 2.0) % 1.0 * SHAPE[0]
    turned_x = (np.cos(slant) * y - np.sin(slant) * x + slant) % 0.74 * SHAPE[0]
    swirl = sample(streaks, as_array(turned_y), as_array(turned_x))
    seeds = smoothstep(2.3, 3.2, noise(SHAPE, random, 0.006, octaves=1))
    light = 0.74 + 0.24 * middle + ramp + 0.10 * swirl + 0.2 * seeds
    tint = as_array([0.05, -0.01, -0.05]) * noise(SHAPE, random, 0.12, octaves=3)[..., None]
    warm = mix(colour * (1.0 + tint), np.ones(3), 0.13 * smoothstep(0.8, 1.4, light))
    return as_array(np.clip(warm * np.clip(light, 0.34, 1.25)[..., None], 0.0, 1.0))


def lead_lines(pieces: Labels, regions: Labels, random: Random) -> tuple[Array, Array]:
    """Return how much lead covers each pixel, and the roundness of the lead, 0..1."""
    fine = distance_to(borders(pieces))
    bold = distance_to(borders(regions))
    sway = 1.0 + 0.28 * noise(SHAPE, random, 0.12, octaves=3)
    width = np.clip(4.2 * sway, 2.6, 7.0)
    bold_width = np.clip(7.4 * sway, 5.0, 11.0)
    roundness = blur(np.maximum(1.0 - fine / width, 1.0 - bold / bold_width), 1.2)
    return smoothstep(-0.12, 0.12, roundness), as_array(np.clip(roundness, 0.0, 1.0))


def draw() -> Array:
    """Cut the glass, set it in lead and let light shine through the window."""
    random = np.random.default_rng(1248)
    x, y = coordinates(SHAPE)
    sway = [0.006 * noise(SHAPE, random, 0.20, octaves=3) for _ in range(2)]
    x, y = as_array(x + sway[0]), as_array(y + sway[1])
    regions = design(x, y)
    pieces = cut_pieces(x, y, regions, random)
    cover, roundness = lead_lines(pieces, regions, random)
    colour = sheet_colours(pieces, regions, tones(x, y, random), random)
    colour = shine_through(colour, pieces, distance_to(borders(pieces)), random)
    glow = 0.5 * blur(colour, 14.0) + 0.5 * blur(colour, 50.0)
    ripples = 2.6 * noise(SHAPE, random, (0.05, 0.025), octaves=2)
    ripples += 0.55 * noise(SHAPE, random, 0.009, octaves=2)  # hammered glass
    colour = light_relief(colour, as_array(ripples * (1 - cover)), gloss=0.10)
    metal = LEAD * (1.0 + 0.25 * noise(SHAPE, random, 0.02, octaves=3)[..., None])
    lead = light_relief(as_array(metal), as_array(6.0 * np.sqrt(roundness + 0.02)), gloss=0.35)
    window = mix(colour, lead + 0.10 * glow, cover)
    shining = as_array(1.0 - (1.0 - window) * (1.0 - 0.14 * glow))
    return grade(reduce(shining), contrast=1.08, saturation=1.05)
