"""Cubist still life of overlapping facets, brushed from dark to light."""

import numpy as np

from drawings.field import (
    Array,
    Random,
    as_array,
    coordinates,
    drawn,
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
    bristle_brushes,
    broken_colour,
    grade,
    light_relief,
    paint,
    reduce,
)

SHAPE = (1024 * OVERSAMPLING, 768 * OVERSAMPLING)
ASPECT = SHAPE[1] / SHAPE[0]
# Ochres and umbers in the middle, greys and blue-greens around, a few bright accents.
WARM = hex_colours("e9c98a", "d9a650", "b9792f", "8f5326", "c98d5a", "f0ddb5")
COOL = hex_colours("5f7f86", "3c6670", "8fa7a3", "b9c3b4", "2c4a56", "74917f", "4f5f6e")
DARK = hex_colours("2a2320", "3d2b23", "1f2f38", "4a3a2e")
ACCENT = hex_colours("b8432c", "e0c9a0", "2f5f8a")
PIGMENTS = np.concatenate([WARM, COOL, DARK, ACCENT])
LIGHT = hex_colours("f3e6c8")[0]
# Sides of facets (square root of the area): no facet smaller than the first is cut, and only some
# of those smaller than the second.
SMALLEST, MEDIUM = 0.055, 0.15
WARM_REACH = 0.72  # how far the warm colours reach from the middle, 1 being near the frame


class Plan:
    """Plan of the painting: colour, direction, contour and facet of each pixel."""

    def __init__(self) -> None:
        self.x, self.y = coordinates(SHAPE)
        self.colour = np.tile(COOL[2], (*SHAPE, 1))
        self.angle = np.zeros(SHAPE, dtype=np.float32)
        self.line = np.zeros(SHAPE, dtype=np.float32)  # strength of the drawn contour
        self.facet = np.zeros(SHAPE, dtype=np.int64)  # number of the uppermost facet


def subdivide(polygon: Array, depth: int, random: Random) -> list[Array]:
    """Cut a convex polygon repeatedly by slanted lines, mostly across its long side."""
    spread = polygon - polygon.mean(axis=0)
    size = float(np.sqrt(_area(polygon)))
    if depth == 0 or size < SMALLEST or (size < MEDIUM and drawn(random, 0.22)):
        return [polygon]
    axis = np.linalg.svd(spread, full_matrices=False)[2][0]
    turn = random.normal(0.0, 0.42)
    normal = as_array(
        [axis[0] * np.cos(turn) - axis[1] * np.sin(turn),
         axis[0] * np.sin(turn) + axis[1] * np.cos(turn)]
    )  # fmt: skip
    level = spread @ normal
    cut = random.uniform(0.32, 0.68) * (level.max() - level.min()) + level.min()
    halves = [_clip(polygon, sign * (level - cut)) for sign in (1.0, -1.0)]
    return [part for half in halves for part in subdivide(half, depth - 1, random)]


def _area(polygon: Array) -> float:
    x, y = polygon.T
    return 0.5 * abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1)))


def _clip(polygon: Array, level: Array) -> Array:
    """Return the part of a polygon where `level`, given at its corners, is positive."""
    kept: list[Array] = []
    for index in range(len(polygon)):
        after = (index + 1) % len(polygon)
        if level[index] >= 0:
            kept.append(polygon[index])
        if level[index] * level[after] < 0:
            share = level[index] / (level[index] - level[after])
            kept.append(polygon[index] + share * (polygon[after] - polygon[index]))
    return as_array(kept)


def inside(polygon: Array, x: Array, y: Array) -> Array:
    """Return the signed distance to the line of a convex polygon's nearest side.
    It is positive inside the polygon."""
    distance = np.full(x.shape, np.inf, dtype=np.float32)
    centre = polygon.mean(axis=0)
    for start, end in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        run, rise = end - start
        length = float(np.hypot(run, rise)) + 1e-9
        side = ((x - start[0]) * rise - (y - start[1]) * run) / length
        inward = (centre[0] - start[0]) * rise - (centre[1] - start[1]) * run
        distance = np.minimum(distance, side * np.sign(inward))
    return as_array(distance)


def facet_colour(centre: Array, random: Random) -> Array:
    """Return the colour of a facet.
    It is warm and light near the axis of the figure, cool towards the corners, with dark facets in
    between."""
    away = np.hypot((centre[0] - 0.40) / 0.30, (centre[1] - 0.50) / 0.50)
    kind = away + random.normal(0, 0.30)
    family = WARM if kind < WARM_REACH else COOL
    if drawn(random, 0.16):
        family = DARK
    elif drawn(random, 0.05):
        family = ACCENT
    return as_array(family[random.integers(len(family))] * random.uniform(0.9, 1.08))


def bounds(polygon: Array) -> tuple[slice, slice]:
    """Return the rows and columns that a polygon touches, with a small margin."""
    low = np.maximum(0, (polygon.min(axis=0) - 0.004) * SHAPE[0]).astype(np.int64)
    high = np.maximum(0, (polygon.max(axis=0) + 0.004) * SHAPE[0] + 1).astype(np.int64)
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def shade(colour: Array, tone: Array) -> Array:
    """Return a facet's colours from the dark side (tone -1) to the light one (1)."""
    dark_to_full = mix(colour * 0.50, colour, smoothstep(-1.0, -0.1, tone))
    return mix(dark_to_full, LIGHT, 0.65 * smoothstep(0.0, 1.0, tone))


def add_facet(plan: Plan, polygon: Array, strength: float, random: Random) -> None:
    """Paint one facet, from a dark side to a light one; its strokes are parallel."""
    window = bounds(polygon)
    x, y = plan.x[window], plan.y[window]
    if x.size == 0:
        return
    depth = inside(polygon, x, y)
    cover, within = smoothstep(-0.001, 0.001, depth), depth > 0.0
    heading = random.uniform(0, 2 * np.pi)
    ramp = (x - x.mean()) * np.cos(heading) + (y - y.mean()) * np.sin(heading)
    tone = as_array(ramp / (np.abs(ramp).max() + 1e-6))
    shaded = shade(facet_colour(polygon.mean(axis=0), random), tone)
    plan.colour[window] = mix(plan.colour[window], shaded, cover * strength)
    plan.angle[window] = np.where(within, heading + np.pi / 2, plan.angle[window])
    plan.facet[window] = np.where(within, plan.facet.max() + 1, plan.facet[window])
    # A contour is drawn only along the dark side: forms open into each other (passage).
    edge = np.exp(-((depth / 0.0022) ** 2)) * smoothstep(0.15, -0.5, tone)
    plan.line[window] = np.maximum(plan.line[window] * (1 - 0.8 * cover * strength), edge)


def slab(random: Random) -> Array:
    """Return a long plane, as of a guitar neck, a table edge or a sheet of paper."""
    centre = as_array([random.normal(0.40, 0.16), random.normal(0.50, 0.24)])
    angle = float(random.choice([0.35, 1.2, 1.9, 2.7])) + random.normal(0, 0.12)
    half = as_array([random.uniform(0.07, 0.22), random.uniform(0.02, 0.07)])
    corners = as_array([[-1.0, -1.0], [1.0, -0.6], [0.85, 1.0], [-0.9, 0.8]]) * half
    cosine, sine = float(np.cos(angle)), float(np.sin(angle))
    turn = as_array([[cosine, sine], [-sine, cosine]])
    return as_array(centre + corners @ turn)


def add_arc(plan: Plan, centre: tuple[float, float], radius: float, span: tuple[float, float],
            ) -> None:  # fmt: skip
    """Add the arc of a bottle or the body of a guitar, shaded on one side."""
    dx, dy = plan.x - centre[0], plan.y - centre[1]
    distance, angle = np.hypot(dx, dy) - radius, np.arctan2(dy, dx) % (2 * np.pi)
    within = smoothstep(span[0], span[0] + 0.25, as_array(angle))
    within *= smoothstep(span[1], span[1] - 0.25, as_array(angle))
    shade = within * np.exp(-np.clip(-distance, 0, None) / 0.045) * (distance < 0)
    plan.colour *= as_array(1.0 - 0.38 * shade)[..., None]
    plan.line = np.maximum(plan.line, as_array(within * np.exp(-((distance / 0.0028) ** 2))))


ARCS = (
    ((0.40, 0.62), 0.185, (0.2, 2.9)), ((0.36, 0.43), 0.13, (2.4, 5.2)),
    ((0.41, 0.55), 0.055, (0.0, 6.28)), ((0.47, 0.30), 0.10, (3.6, 6.2)),
    ((0.30, 0.72), 0.12, (1.0, 3.8)), ((0.58, 0.72), 0.09, (4.6, 6.28)),
)  # fmt: skip


def make_plan(random: Random) -> Plan:
    """Return all facets: those of the ground first, then planes that overlap it."""
    plan = Plan()
    frame = as_array([[-0.05, -0.05], [ASPECT + 0.05, -0.05], [ASPECT + 0.05, 1.05], [-0.05, 1.05]])
    for polygon in subdivide(frame, 8, random):
        add_facet(plan, polygon, 1.0, random)
    for _ in range(34):
        add_facet(plan, slab(random), random.uniform(0.55, 0.95), random)
    for centre, radius, span in ARCS:
        add_arc(plan, centre, radius, span)
    return plan


def layer(plan: Plan, sizes: tuple[float, float, float], random: Random) -> Strokes:
    """Return short flat strokes in the direction of their facet.
    Most of them end at its border."""
    spacing, length, width = (size * OVERSAMPLING for size in sizes)
    y, x = scattered(SHAPE, spacing, random)
    target = sample(plan.colour, y, x)
    return Strokes(
        y_pixels=y,
        x_pixels=x,
        angle=as_array(sample(plan.angle, y, x) + random.normal(0, 0.12, len(y))),
        length_pixels=as_array(length * random.uniform(0.6, 1.3, len(y))),
        width_pixels=as_array(width * random.uniform(0.7, 1.3, len(y))),
        colour=broken_colour(target, PIGMENTS, random, spread=0.10, purity=0.40),
        streak_colour=broken_colour(target, PIGMENTS, random, spread=0.16, purity=0.45),
    )


def draw() -> Array:
    """Brush the facets, then draw the contours in thin dark paint."""
    random = np.random.default_rng(11)
    plan = make_plan(random)
    canvas = Canvas(np.tile(DARK[3], (*SHAPE, 1)), regions=plan.facet)
    brushes = bristle_brushes(random, count=16)
    for sizes in ((11.0, 50.0, 17.0), (8.0, 38.0, 10.0), (7.5, 24.0, 6.5)):
        paint(canvas, layer(plan, sizes, random), brushes, load=0.75)
    dry = smoothstep(-1.6, 0.4, noise(SHAPE, random, 0.02, octaves=4))
    line = plan.line * dry
    colour = mix(canvas.colour, DARK[0], as_array(np.clip(0.85 * line, 0, 1)))
    weave = 0.25 * noise(SHAPE, random, 0.006, octaves=2)
    lit = light_relief(colour, as_array(canvas.thickness + weave), gloss=0.15)
    return grade(reduce(lit), contrast=1.06, saturation=1.05)
