"""Memory plans: a transfer's peak, and the tiles and history that fit a limit.

The module is pure arithmetic; a test compares it with what a process really needs.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from nst.engine.losses.cells import CELL_PIXELS
from nst.engine.losses.matching import KEYS, PROJECTED
from nst.engine.network.encoder import CHANNELS_PER_BLOCK, parameter_shapes
from nst.engine.network.tiles import block_of, spans, stride
from nst.engine.optimizer.lbfgs import HISTORY_SIZE
from nst.layers import layer_names
from nst.progress import MemoryPlan

FLOAT32_BYTES = 4
BYTES_PER_VECTOR_PIXEL = 3 * FLOAT32_BYTES
"""Bytes per pixel of images and gradients: three numbers in float32."""

LBFGS_VECTORS = 12
"""Number of vectors of L-BFGS besides the history.
They are content and initial image, iterate and gradient, direction and a multiple of it, both ends
of the bracket and the trial point, each with its gradient."""
ADAM_VECTORS = 8
"""Number of vectors of Adam.
They are content and initial image, iterate and gradient, both averages, next iterate and gradient.
"""

LBFGS_KEPT, ADAM_KEPT = 2, 4
"""Numbers of vectors of a checkpoint besides the history.
They are iterate and gradient, and Adam's averages."""

WORKSPACE_BYTES = 150_000_000
"""Bytes that the convolution libraries reserve: 50 … 150 MB measured."""

FRAGMENTATION = 1.8
"""Factor of activations for the gaps between them.
The gaps are too small for the next activation. 1.1 … 1.8 measured, with VGG-16 and VGG-19,
whole and in tiles, more in bfloat16 than in float32."""

GAPS, LARGE_GAPS = 1.2, 2.1
"""Further factors if freed memory is kept; the larger with neighbours or tiles.
The terms of style loss neighbors allocate tensors of many sizes between those of the network, and
tiles at the edge have other sizes than the rest: 1.3 … 2.1 measured with VGG-16, from 700×466 to
2048×1536."""

RETURNED_SLOWNESS = 1.6
"""Relative time of an evaluation if freed memory is returned.
The reference keeps freed memory. 1.4 … 2.2 measured, more while other machines use the same memory;
with tiles 1.0 … 1.5."""

MASK_VECTORS = 2
"""Number of vectors for each style if there are masks.
They hold the mask and its guides for every layer."""

HELD_VECTORS = 3
"""Number of vectors for a frame that is held to the one before.
They are the image, the difference from it, and the amount of each pixel."""

MIN_TILE_SIDE = 128
"""Minimum side of a tile, in pixels.
With smaller tiles nearly all of the work would be halos."""
MIN_HISTORY_SIZE = 3


@dataclass(frozen=True, slots=True)
class Demand:
    """Memory demand of a transfer, independent of the plan.
    Sizes are (width, height) in pixels."""

    size: tuple[int, int]
    style_sizes: Sequence[tuple[int, int]]
    model: str
    number_bytes: int
    """Bytes of one number of the type in which the convolutions compute."""
    optimizer: str
    process_bytes: int
    """Bytes that the process already holds."""
    layers: Collection[str]
    """Layers of the network that the terms use."""
    content_layers: Collection[str]
    """Layers whose features of the content image are kept."""
    has_average: bool = False
    has_masks: bool = False
    is_matched: bool = False
    """Whether neighbours are matched, as with style loss neighbors."""
    is_held: bool = False
    """Whether the result is held to the frame before."""


def plan_memory(demand: Demand, limit_bytes: int | None) -> MemoryPlan:
    """Return the fastest plan below the limit, or the smallest plan if none is below."""
    fastest = predict(demand, None, _histories(demand)[-1], keeps_freed_memory=True)
    if limit_bytes is None or fastest.peak_bytes <= limit_bytes:
        return fastest
    plans = [
        predict(demand, side, history, keeps_freed_memory=is_kept)
        for side in _sides(max(demand.size))
        for history in _histories(demand)
        for is_kept in (True, False)
    ]
    fitting = [plan for plan in plans if plan.peak_bytes <= limit_bytes]
    if fitting:
        return min(fitting, key=lambda plan: _slowness(demand, plan))
    return min(plans, key=lambda plan: plan.peak_bytes)


def smaller(demand: Demand, plan: MemoryPlan) -> MemoryPlan | None:
    """Return the next smaller plan, or None if this is the smallest.

    The next plan has half the side of the tiles and half the history.
    """
    longest = max(demand.size)
    side = max((plan.tile_side or longest) // 2, MIN_TILE_SIDE)
    if side >= longest:
        return None
    history = min(max(plan.history_size // 2, MIN_HISTORY_SIZE), plan.history_size)
    if (side, history) == (plan.tile_side, plan.history_size):
        return None
    return predict(demand, side, history)


def predict(
    demand: Demand,
    tile_side: int | None,
    history_size: int,
    *,
    keeps_freed_memory: bool = False,
) -> MemoryPlan:
    """Return the plan with these tiles and this history."""
    path = _path(demand)
    tiles = _Tiles.of(demand.size, tile_side, path)
    has_large_gaps = demand.is_matched or tiles.count > 1
    gaps = (LARGE_GAPS if has_large_gaps else GAPS) if keeps_freed_memory else 1.0
    style_tiles = [_Tiles.of(size, tile_side, path) for size in demand.style_sizes]
    pixels, style_pixels = math.prod(demand.size), sum(map(math.prod, demand.style_sizes))
    vectors = ADAM_VECTORS if demand.optimizer == "adam" else LBFGS_VECTORS + 2 * history_size
    vectors += demand.has_average + MASK_VECTORS * demand.has_masks * len(demand.style_sizes)
    vectors += HELD_VECTORS * demand.is_held
    held_numbers = _held_numbers_per_pixel(demand) * max(
        each.largest_pixels for each in (tiles, *style_tiles)
    )
    return MemoryPlan(
        size=demand.size,
        tile_side=tile_side,
        tiles=tiles.count,
        history_size=history_size,
        process_bytes=demand.process_bytes + WORKSPACE_BYTES,
        network_bytes=_network_bytes(demand),
        vector_bytes=BYTES_PER_VECTOR_PIXEL * (vectors * pixels + style_pixels),
        content_bytes=_content_bytes(demand, keeps_sample=keeps_freed_memory),
        activation_bytes=round(FRAGMENTATION * gaps * demand.number_bytes * held_numbers),
        checkpoint_bytes=BYTES_PER_VECTOR_PIXEL * _kept_vectors(demand, history_size) * pixels,
        keeps_freed_memory=keeps_freed_memory,
    )


def _kept_vectors(demand: Demand, history_size: int) -> int:
    """Return the number of vectors of a checkpoint.

    With matched neighbours one of them is the image that the scale began with.
    """
    kept = ADAM_KEPT if demand.optimizer == "adam" else LBFGS_KEPT + 2 * history_size
    return kept + demand.has_average + demand.is_matched


def _content_bytes(demand: Demand, *, keeps_sample: bool) -> int:
    """Return the bytes kept of the content image and, for matching, of the styles.

    `keeps_sample`: whether the content's own hypercolumns exist twice: in its colours, for the next
    search, and in those of the styles.
    """
    pixels = math.prod(demand.size)
    if not demand.is_matched:
        numbers = sum(map(_numbers_per_pixel, demand.content_layers))
        return round(demand.number_bytes * numbers * pixels)
    of_cells = sum(CHANNELS_PER_BLOCK[block_of(layer)] for layer in demand.content_layers)
    of_key = sum(CHANNELS_PER_BLOCK[block_of(layer)] for layer in demand.layers)
    cells = pixels // CELL_PIXELS**2
    of_own = (1 + keeps_sample) * demand.number_bytes * of_cells
    of_content = cells * (of_own + FLOAT32_BYTES * PROJECTED)
    # A style's keys exist twice while those of its rotations are joined.
    of_keys = demand.number_bytes * KEYS * of_key
    of_search = FLOAT32_BYTES * KEYS * PROJECTED
    return of_content + of_search + (len(demand.style_sizes) + 1) * of_keys


def _held_numbers_per_pixel(demand: Demand) -> float:
    """Return the largest number of values per pixel that `Encoder` holds at once.

    The peak is in the backward pass: what `forward` kept up to a layer, the gradient with respect
    to that layer, and the gradient with respect to the layer before, unless the layer is a ReLU,
    whose gradient is computed in place.
    """
    most, kept, before = 0.0, 0.0, 3.0
    for name in _path(demand):
        is_relu = name.startswith("relu")
        numbers = before / 4 if name.startswith("pool") else _numbers_per_pixel(name)
        kept += numbers * (is_relu or name in demand.layers)
        most = max(most, kept + numbers + before * (not is_relu))
        before = numbers
    return most


def _numbers_per_pixel(layer: str) -> float:
    """Return the values of a convolution's features for each pixel of the image."""
    return CHANNELS_PER_BLOCK[block_of(layer)] / stride(layer) ** 2


def _network_bytes(demand: Demand) -> int:
    """Return the bytes of the network.

    Every kernel exists twice: for the forward and for the backward pass.
    """
    path = _path(demand)
    shapes = parameter_shapes(demand.model).items()
    numbers = sum(math.prod(shape) for name, shape in shapes if name.split(".")[0] in path)
    return 2 * demand.number_bytes * numbers


def _path(demand: Demand) -> Sequence[str]:
    names = layer_names(demand.model)
    return names[: 1 + max(names.index(layer) for layer in demand.layers)]


@dataclass(frozen=True, slots=True)
class _Tiles:
    """Tiles of one image."""

    count: int
    largest_pixels: int
    """Number of pixels of the largest tile, with its halo."""
    computed_pixels: int
    """Number of pixels of all tiles, with their halos."""

    @classmethod
    def of(cls, size: tuple[int, int], side: int | None, path: Sequence[str]) -> "_Tiles":
        columns, rows = (
            [span.outer_stop - span.outer_start for span in spans(length, side, path)]
            for length in size
        )
        return cls(len(columns) * len(rows), max(columns) * max(rows), sum(columns) * sum(rows))


def _sides(longest: int) -> list[int | None]:
    """Return the sides of tiles to try, the largest first.

    None: the whole image, and the whole style image. The longest side: the whole image, and a
    longer style image in tiles. Then ever smaller tiles, all of about the same size.
    """
    counts = range(1, max(longest // MIN_TILE_SIDE, 1) + 1)
    return [None, *dict.fromkeys(-(-longest // count) for count in counts)]


def _histories(demand: Demand) -> Sequence[int]:
    return [0] if demand.optimizer == "adam" else range(MIN_HISTORY_SIZE, HISTORY_SIZE + 1)


def _slowness(demand: Demand, plan: MemoryPlan) -> float:
    """Return the relative time that a plan needs to reach a given loss.

    The reference is an evaluation without tiles that keeps freed memory, and an endless history.
    Several tiles need the forward pass twice: a third of the work. The cost of a shorter history is
    a guess: the n-th part of the steps for n pairs.
    """
    tiles = _Tiles.of(demand.size, plan.tile_side, _path(demand))
    work = tiles.computed_pixels / math.prod(demand.size)
    if tiles.count > 1:
        work *= 4 / 3
    if not plan.keeps_freed_memory:
        work *= RETURNED_SLOWNESS
    steps = 1 + 1 / plan.history_size if plan.history_size else 1
    return work * steps
