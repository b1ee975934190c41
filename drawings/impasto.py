"""Night sky in thick paint: swirls of blue, stars of cadmium yellow, hills below."""

import numpy as np

from drawings.field import (
    Array,
    Random,
    as_array,
    coordinates,
    flow_noise,
    gradient,
    hex_colours,
    mix,
    noise,
    resize,
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

SHAPE = (768 * OVERSAMPLING, 1024 * OVERSAMPLING)
COARSE = (384, 512)  # the plan of the image is smooth, so fewer pixels are enough
PIGMENTS = hex_colours(
    "0c1436", "14225c", "1b3a8c", "2b5bb5", "3f7fc4", "6fa8cf", "a9cbd0", "d9dcae",
    "f4d35e", "f0b429", "e8871e", "c65d1b", "1d4a4a", "2f6f62", "6b8f57", "10202a",
    "b8963e",
)  # fmt: skip
# Swirls and stars: x, y, radius, strength.
SWIRLS = ((0.50, 0.33, 0.21, 1.0), (0.86, 0.45, 0.13, -1.0), (0.14, 0.52, 0.11, -0.8))
STARS = (
    (1.14, 0.17, 0.135), (0.15, 0.14, 0.075), (0.34, 0.085, 0.035), (0.75, 0.11, 0.050),
    (1.22, 0.45, 0.050), (0.30, 0.47, 0.040), (0.68, 0.52, 0.033),
    (0.05, 0.33, 0.045), (1.04, 0.56, 0.030), (0.57, 0.07, 0.034),
)  # fmt: skip
# Layers of strokes: spacing, length and width in final pixels.
LAYERS = ((14.0, 66.0, 19.0), (9.0, 48.0, 12.0), (7.6, 36.0, 8.0))


def horizon(x: Array) -> Array:
    """Return the height of the far hills."""
    return as_array(0.70 + 0.035 * np.sin(4.3 * x + 0.6) + 0.03 * np.sin(9.0 * x + 2.0))


def near_hill(x: Array) -> Array:
    """Return the crest of the nearer hills."""
    return as_array(0.80 - 0.06 * np.sin(3.1 * x - 0.5) + 0.018 * np.sin(11.0 * x))


def flow_angle(x: Array, y: Array) -> Array:
    """Return the direction of the strokes.
    They follow drifting air, swirls, rings around stars and the slopes of hills."""
    across, down = np.ones_like(x), 0.35 * np.sin(5.0 * x + 2.0 * y) + 0.2 * np.sin(9.0 * y)
    for centre_x, centre_y, radius, strength in SWIRLS:
        dx, dy = x - centre_x, y - centre_y
        pull = 4.0 * strength * np.exp(-(dx**2 + dy**2) / (1.1 * radius) ** 2) / radius
        across, down = across - pull * dy - 0.25 * pull * dx, down + pull * dx - 0.25 * pull * dy
    for centre_x, centre_y, radius in STARS:
        dx, dy = x - centre_x, y - centre_y
        pull = 9.0 * np.exp(-((dx**2 + dy**2) / (1.25 * radius) ** 2)) / radius
        across, down = across - pull * dy, down + pull * dx
    sky = np.arctan2(down, across)
    slope = np.arctan(np.gradient(near_hill(x[0]), x[0]))[None, :]
    land = slope * 1.2 + 0.35 * np.sin(14.0 * (y - near_hill(x)) + 5.0 * x)
    return as_array(np.where(y < horizon(x), sky, land))


def sky_colours(x: Array, y: Array, streaks: Array) -> Array:
    """Return the sky: currents of deep blue above, turquoise light near the hills."""
    tone = 0.10 + 0.60 * y + 0.16 * streaks
    for centre_x, centre_y, radius, _ in SWIRLS:
        distance = np.hypot(x - centre_x, y - centre_y) / radius
        turns = np.arctan2(y - centre_y, x - centre_x) + 5.0 * distance
        tone += 0.36 * np.exp(-(distance**2)) * (0.30 + np.cos(turns))
    stops = list(zip((-0.2, 0.1, 0.3, 0.5, 0.68, 0.82, 0.94, 1.06), PIGMENTS[:8], strict=True))
    return gradient(stops, tone)


def add_stars(colour: Array, x: Array, y: Array, streaks: Array) -> Array:
    """Add glowing discs with rings of pale green and gold around them."""
    stops = [(0.0, 9), (0.28, 8), (0.55, 7), (0.78, 5), (0.95, 7), (1.15, 5), (1.45, 4), (1.8, 3)]
    ramp = [(position, PIGMENTS[index]) for position, index in stops]
    for centre_x, centre_y, radius in STARS:
        distance = np.hypot(x - centre_x, y - centre_y) / radius
        rings = distance + 0.06 * np.sin(13.0 * distance) + 0.10 * streaks
        glow = gradient(ramp, rings)
        colour = mix(colour, glow, smoothstep(1.9, 0.6, rings))
        colour = mix(colour, PIGMENTS[10], 0.8 * smoothstep(0.26, 0.1, distance))
    return colour


def land_colours(x: Array, y: Array, streaks: Array) -> Array:
    """Return the land: blue hills far away, a field in the last warm light in front."""
    far = gradient(
        [(-2.0, PIGMENTS[0]), (0.0, PIGMENTS[2]), (1.0, PIGMENTS[12]), (2.5, PIGMENTS[4])],
        streaks + 9.0 * (y - horizon(x)),
    )
    warmth = 1.15 * streaks + 3.0 * (y - near_hill(x)) + 0.45 * np.sin(6.0 * x + 18.0 * y)
    near = gradient(
        [(-2.2, PIGMENTS[15]), (-1.0, PIGMENTS[2]), (-0.4, PIGMENTS[12]), (0.3, PIGMENTS[13]),
         (0.9, PIGMENTS[14]), (1.5, PIGMENTS[16]), (2.3, PIGMENTS[9]), (3.4, PIGMENTS[10])],
        warmth,
    )  # fmt: skip
    near = mix(PIGMENTS[0], near, smoothstep(0.0, 0.035, y - near_hill(x)))
    return mix(far, near, smoothstep(-0.002, 0.002, y - near_hill(x)))


def plan(random: Random) -> tuple[Array, Array]:
    """Return the colours and the directions of the strokes, on the coarse grid."""
    x, y = coordinates(COARSE)
    angle = flow_angle(x, y)
    streaks = flow_noise(noise(COARSE, random, 0.06, octaves=3), angle, 34.0)
    sky = add_stars(sky_colours(x, y, streaks), x, y, streaks)
    below = smoothstep(-0.003, 0.003, y - horizon(x))
    return mix(sky, land_colours(x, y, streaks), below), angle


def layer(colours: Array, angle: Array, sizes: tuple[float, ...], random: Random) -> Strokes:
    """Return one layer of strokes over the whole canvas."""
    spacing, length, width = (size * OVERSAMPLING for size in sizes)
    y, x = scattered(SHAPE, spacing, random)
    scale = COARSE[0] / SHAPE[0]
    target = sample(colours, y * scale, x * scale)
    strokes = Strokes(
        y_pixels=y,
        x_pixels=x,
        angle=as_array(sample(angle, y * scale, x * scale) + random.normal(0, 0.10, len(y))),
        length_pixels=as_array(length * random.uniform(0.6, 1.25, len(y))),
        width_pixels=as_array(width * random.uniform(0.7, 1.3, len(y))),
        colour=broken_colour(target, PIGMENTS, random, spread=0.13, purity=0.55),
        streak_colour=broken_colour(target, PIGMENTS, random, spread=0.15, purity=0.7),
    )
    strokes.bend_along(fine_angle(angle))
    return strokes


def fine_angle(angle: Array) -> Array:
    """Return the direction field at full size.
    Cosine and sine are resampled, because an angle cannot be interpolated."""
    return as_array(np.arctan2(resize(np.sin(angle), SHAPE), resize(np.cos(angle), SHAPE)))


def star_dabs(random: Random) -> Strokes:
    """Return thick dabs that fill the hole of the ring strokes in every star."""
    y, x, radius = (np.repeat([star[i] for star in STARS], 4) for i in (1, 0, 2))
    radius = np.clip(radius, 0.034, 0.045)
    angle = random.uniform(0, np.pi, len(x))
    reach = 0.16 * radius * random.uniform(0, 1, len(x))
    colour = PIGMENTS[random.choice([8, 9, 9, 10], len(x))]
    return Strokes(
        y_pixels=as_array((y + reach * np.cos(angle)) * SHAPE[0]),
        x_pixels=as_array((x + reach * np.sin(angle)) * SHAPE[0]),
        angle=as_array(angle),
        length_pixels=as_array(0.45 * radius * SHAPE[0]),
        width_pixels=as_array(0.26 * radius * SHAPE[0]),
        colour=colour,
        streak_colour=as_array(0.5 * colour + 0.5 * PIGMENTS[8]),
    )


def draw() -> Array:
    """Paint the image from broad strokes to fine ones."""
    random = np.random.default_rng(1889)
    colours, angle = plan(random)
    canvas = Canvas(np.full((*SHAPE, 3), PIGMENTS[1], dtype=np.float32))
    brushes = bristle_brushes(random, count=16)
    for sizes in LAYERS:
        paint(canvas, layer(colours, angle, sizes, random), brushes)
    paint(canvas, star_dabs(random), brushes, load=0.4)
    lit = light_relief(canvas.colour, canvas.thickness, gloss=0.30)
    return grade(reduce(lit), contrast=1.05, saturation=0.98)
