"""Fields over the image plane: coordinates, noise, blurs, warps and distances.

Coordinates are (x, y) in units of the image height: y runs from 0 at the top to 1 at the bottom, x
from 0 to the aspect ratio, so that shapes keep their form at any resolution. Names of lengths in
pixels end in `_pixels`.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy import interpolate, ndimage, spatial  # type: ignore[import-untyped,unused-ignore]

Array = NDArray[np.float32]
Field = NDArray[np.floating]  # arguments may also have double precision
Labels = NDArray[np.int64]
Shape = tuple[int, int]
Random = np.random.Generator


def as_array(values: ArrayLike) -> Array:
    """Return the values as 32-bit floats, the element type of all fields."""
    return np.asarray(values, dtype=np.float32)


def coordinates(shape: Shape) -> tuple[Array, Array]:
    """Return the x and y of every pixel centre, in units of the height."""
    rows, columns = np.indices(shape, dtype=np.float32)
    return as_array((columns + 0.5) / shape[0]), as_array((rows + 0.5) / shape[0])


def smoothstep(low: float, high: float, values: Field) -> Array:
    """Return 0 below `low`, 1 above `high`, and an S curve in between.
    The curve falls if `low` > `high`."""
    t = np.clip((values - low) / (high - low), 0.0, 1.0)
    return as_array(t * t * (3.0 - 2.0 * t))


def mix(first: ArrayLike, second: ArrayLike, amount: Field) -> Array:
    """Blend two colours (or colour fields) by a scalar field."""
    weight = amount[..., None]
    return as_array(as_array(first) * (1.0 - weight) + as_array(second) * weight)


def gradient(stops: list[tuple[float, Array]], values: Field) -> Array:
    """Look `values` up in a colour ramp given as (position, colour) stops."""
    positions = [position for position, _ in stops]
    channels = [np.interp(values, positions, [c[i] for _, c in stops]) for i in range(3)]
    return as_array(np.stack(channels, axis=-1))


def hex_colours(*codes: str) -> Array:
    """Return colours from codes such as '1b2a6b', one per row, in 0..1."""
    return as_array([[int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)] for code in codes])


def resize(values: Field, shape: Shape) -> Array:
    """Return a scalar field in this shape, resampled bicubically."""
    image = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    resized = image.resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    return np.array(resized, dtype=np.float32)


def noise(
    shape: Shape, random: Random, scale: float | tuple[float, float], octaves: int = 4
) -> Array:
    """Return fractal noise with zero mean and unit standard deviation.

    `scale` is the size of the largest feature in units of the height; a pair
    gives it along y and x, for streaks.
    """
    scale_y, scale_x = scale if isinstance(scale, tuple) else (scale, scale)
    total = np.zeros(shape, dtype=np.float32)
    for octave in range(octaves):
        rows = min(shape[0], round(2**octave / scale_y)) + 3
        columns = min(shape[1], round(2**octave * shape[1] / shape[0] / scale_x)) + 3
        lattice = as_array(random.standard_normal((rows, columns)))
        total += resize(lattice, shape) * 0.5**octave
    return as_array((total - total.mean()) / total.std())


def blur(values: Field, radius_pixels: float | tuple[float, float]) -> Array:
    """Blur a scalar or colour field by a Gaussian.
    A pair gives the radius along y and x."""
    pair = radius_pixels if isinstance(radius_pixels, tuple) else (radius_pixels, radius_pixels)
    sigma = pair if values.ndim == len(pair) else (*pair, 0.0)
    return as_array(ndimage.gaussian_filter(values, sigma, mode="nearest"))


def warp(values: Field, shift_y_pixels: Field, shift_x_pixels: Field) -> Array:
    """Sample a scalar or colour field at shifted places (mirrored at the border)."""
    rows, columns = np.indices(values.shape[:2], dtype=np.float32)
    places = (rows + shift_y_pixels, columns + shift_x_pixels)
    layers = np.atleast_3d(values)
    warped = [
        ndimage.map_coordinates(layers[..., i], places, order=1, mode="mirror")
        for i in range(layers.shape[2])
    ]
    return as_array(np.stack(warped, axis=-1).reshape(values.shape))


def flow_noise(texture: Field, angle: Field, length_pixels: float, steps: int = 12) -> Array:
    """Smear a texture along a direction field by line integral convolution."""
    rows, columns = np.indices(texture.shape, dtype=np.float32)
    total = texture.copy()
    for sign in (-1.0, 1.0):
        y, x = as_array(rows), as_array(columns)
        stride = sign * length_pixels / steps
        for _ in range(steps):
            here = sample(angle, y, x)
            y, x = as_array(y + stride * np.sin(here)), as_array(x + stride * np.cos(here))
            total += ndimage.map_coordinates(texture, (y, x), order=1, mode="mirror")
    return as_array((total - total.mean()) / total.std())


def sample(values: Field, y_pixels: Field, x_pixels: Field) -> Array:
    """Return the nearest pixels of a scalar or colour field."""
    rows = np.clip(np.rint(y_pixels), 0, values.shape[0] - 1).astype(np.int64)
    columns = np.clip(np.rint(x_pixels), 0, values.shape[1] - 1).astype(np.int64)
    return as_array(values[rows, columns])


def distance_to(mask: NDArray[np.bool_]) -> Array:
    """Return the distance of every pixel from the nearest true pixel, in pixels."""
    return as_array(ndimage.distance_transform_edt(~mask))


def nearest(sites: Field, points: Field, count: int = 1) -> tuple[Array, Labels]:
    """Return distances and numbers of the `count` sites nearest to each point."""
    distances, numbers = spatial.cKDTree(sites).query(points, k=count)
    return as_array(distances), np.asarray(numbers, dtype=np.int64)


def borders(labels: Labels) -> NDArray[np.bool_]:
    """Return a mask of the pixels that differ from their lower or right neighbour."""
    edge = np.zeros(labels.shape, dtype=np.bool_)
    edge[:-1] |= labels[:-1] != labels[1:]
    edge[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    return edge


def drawn(random: Random, share: float, shape: int | tuple[int, ...] = ()) -> NDArray[np.bool_]:
    """Return independent booleans that are true with probability `share`."""
    return np.asarray(random.uniform(size=shape) < share)


def scattered(shape: Shape, spacing_pixels: float, random: Random) -> tuple[Array, Array]:
    """Return points (y, x in pixels) of a jittered grid, in random order.
    The points are evenly spread but not regular."""
    margin = spacing_pixels
    rows = np.arange(-margin, shape[0] + margin, spacing_pixels)
    columns = np.arange(-margin, shape[1] + margin, spacing_pixels)
    grid = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
    grid = grid + random.uniform(-0.75, 0.75, grid.shape) * spacing_pixels
    random.shuffle(grid, axis=0)
    return as_array(grid[:, 0]), as_array(grid[:, 1])


def spline(knots: ArrayLike, count: int) -> Array:
    """Return a smooth curve of `count` points through the knots."""
    points = as_array(knots)
    steps = np.hypot(*np.diff(points, axis=0).T)
    at = np.concatenate([[0.0], np.cumsum(np.sqrt(steps))])
    curve = interpolate.CubicSpline(at / at[-1], points)
    return as_array(curve(np.linspace(0.0, 1.0, count)))
