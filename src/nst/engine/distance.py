"""Distances of a stylized image from its content and its styles.

A network that did not make the image measures them: an image can be fitted to any single network,
so the loss that made the image cannot judge it. The other VGG has the same layers with other
weights.

[Kolkin19] Kolkin, Salavon, Shakhnarovich: Style Transfer by Relaxed Optimal Transport and
Self-Similarity, CVPR 2019.
[Gatys16] Gatys, Ecker, Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, normalize

from nst import image_sizes
from nst.engine.inputs import Pictures
from nst.engine.losses.layers import evenly
from nst.engine.losses.style import Comparison, compare
from nst.engine.memory.attempts import is_out_of_memory
from nst.engine.network.encoder import Activations, Encoder
from nst.engine.network.tiles import cut
from nst.engine.network.weights import Weights
from nst.engine.pictures.styles import Style
from nst.engine.pictures.tensors import StyleInput, style_inputs, to_tensor
from nst.progress import Distances

logger = logging.getLogger(__name__)

JUDGE = {"vgg19": "vgg16", "vgg16": "vgg19"}
"""Network that judges the images of each network."""

CONTENT_LAYERS = ("relu3_1", "relu4_1")
STYLE_LAYERS = ("relu2_1", "relu3_1", "relu4_1")
GRAM_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""Layers of [Gatys16] §3, which both networks have."""

SIDE_PIXELS = 512
"""Maximum longest side, in pixels, at which images are compared.
Larger images would be judged by their grain."""

MIN_SIDE_PIXELS = 16
"""Minimum shortest side, in pixels, of an image or a style that can be judged.
It holds one feature of relu5_1."""

CELLS_PER_SIDE = 24
"""Rows and columns of the grid on which self-similarity is compared."""

MAX_FEATURES = 128**2
"""Maximum number of features of one image that are compared in one layer.
relu3_1 of 512×512 pixels has as many; larger maps are sampled on a regular grid."""

BLOCK_FEATURES = 1024
"""Number of features whose distances to all others are in memory at once.
At MAX_FEATURES these distances take 64 MiB."""

SMALLEST_SIMILARITY_SUM = 1e-9
"""Smallest sum of a row of distances, per cell.
Smaller sums are rounding errors: the image has one colour."""

SMALLEST_DEVIATION = 1e-4
"""Smallest deviation from the style's mean, relative to the mean's length.
Smaller deviations are rounding errors and have no direction."""


class Transport(NamedTuple):
    """Relaxed earth mover's distance in both directions, and in the worst places."""

    precision: float
    coverage: float
    worst_tenth: float


def measure(
    image: Image.Image, content: Image.Image, styles: Sequence[Style], judge: Weights
) -> Distances | None:
    """Measure all distances of `Distances`, at SIDE_PIXELS at most.

    Return None if the image or a style has a side shorter than MIN_SIDE_PIXELS.

    Several styles without masks are compared as one style: the union of their features, centred on
    the mean of their means, weighted by the shares. Coverage and Gram matrices are mixed by the
    shares. A style with a mask is compared with the cells of its region alone, and the regions are
    weighted by their area.
    """
    size = image_sizes.fit(image.size, min(SIDE_PIXELS, max(image.size)))
    inputs = style_inputs(styles, size)
    sides = [*size, *(side for style in inputs for side in style.image.shape[2:])]
    if min(sides) < MIN_SIDE_PIXELS:
        return None
    layers = {*CONTENT_LAYERS, *STYLE_LAYERS, *GRAM_LAYERS}
    # With zeros, much of what the deep layers see would be the frame around both images.
    encoder = Encoder(judge.model, judge.tensors, layers, padding="replicate")
    # One after the other, because memory has no room for the activations of several images.
    of_content = encoder.up_to(CONTENT_LAYERS).features(to_tensor(content, size))
    regions = _regions(inputs, encoder)
    comparisons = compare(encoder, evenly(GRAM_LAYERS), inputs, size[::-1])
    of_image = encoder.features(to_tensor(image, size))
    transport = _transport_to_regions(of_image, regions)
    return Distances(
        judge=judge.model,
        content=_content_distance(of_image, of_content),
        style=max(transport.precision, transport.coverage),
        precision=transport.precision,
        coverage=transport.coverage,
        worst_tenth=transport.worst_tenth,
        gram=_gram_distance(of_image, comparisons, encoder.path, size),
    )


def measure_if_possible(image: Image.Image, pictures: Pictures, judge: Weights) -> Distances | None:
    """Return what `measure` returns, or None with a warning if memory runs out."""
    try:
        return measure(image, pictures.content, pictures.styles, judge)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        logger.warning("the distances could not be measured: there is too little memory")
        return None


def self_similarity_distance(features: Tensor, target: Tensor) -> float:
    """Return the content loss of [Kolkin19] for one layer, 0…2; 0 means equal.

    Both maps, (1, C, H, W), are averaged onto CELLS_PER_SIDE² cells, or fewer where they have fewer
    features. D holds the cosine distances of all pairs of an image's cells, each row divided by its
    sum. The result is the sum over a row of |D − D_target|, averaged over the rows.
    """
    one, other = (_self_similarity(each) for each in (features, target))
    return (one - other).abs().sum(1).mean().item()


def transport(cells: Tensor, styles: Sequence[tuple[float, Tensor]]) -> Transport:
    """Compare an image's features with those of its styles.

    `cells`: features of the image, (N, C). `styles`: share and features, (M, C), of each style.

    All features are centred on the styles' mean. Distances are 1 − cosine, 0…2. Precision is the
    mean distance from the image's features to the nearest feature of any style; `worst_tenth` is
    the mean of the largest tenth of these distances; coverage is the mean distance from a style's
    features to the image's nearest feature, mixed by the shares. A style of one colour has no
    directions: all distances to it are 1.
    """
    mean = torch.stack([share * features.mean(0) for share, features in styles]).sum(0)
    ours = _directions(cells, mean)
    local = torch.full((len(cells),), math.inf)
    coverage = 0.0
    for share, features in styles:
        to_style, to_image = _nearest(ours, _directions(features, mean))
        local = torch.minimum(local, to_style)
        coverage += share * to_image.mean().item()
    worst = local.topk(math.ceil(len(local) / 10)).values
    return Transport(local.mean().item(), coverage, worst.mean().item())


@dataclass(frozen=True, slots=True)
class _Region:
    """Part of the image that is compared with certain styles."""

    area: float
    """Share of the image, 0…1; a pixel with only a part of its style counts in part."""
    amount: Tensor | None
    """Amount of the style at each pixel, (1, 1, H, W); None: the whole image."""
    styles: Sequence[tuple[float, Activations]]
    """Share and sampled features, (N, C), of each style; the shares add up to 1."""


def _regions(styles: Sequence[StyleInput], encoder: Encoder) -> list[_Region]:
    if styles[0].amount is None:
        mixed = [style for style in styles if style.share]
        samples = partial(_samples, encoder, most=MAX_FEATURES // len(mixed))
        return [_Region(1.0, None, [(style.share, samples(style.image)) for style in mixed])]
    return [
        _Region(style.amount.mean().item(), style.amount, [(1.0, _samples(encoder, style.image))])
        for style in styles
        if style.amount is not None and style.amount.any()
    ]


def _samples(encoder: Encoder, image: Tensor, most: int = MAX_FEATURES) -> Activations:
    """Return at most this many features of an image in each style layer, (N, C)."""
    features = encoder.up_to(STYLE_LAYERS).features(image)
    # A view instead of a copy would keep all features in memory.
    return {layer: _rows(_sampled(each, most)).clone() for layer, each in features.items()}


def _transport_to_regions(of_image: Activations, regions: Sequence[_Region]) -> Transport:
    """Average the distances over the layers and, weighted by area, over the regions.

    The distances are 0 if no region is large enough to be seen.
    """
    found = [
        (region.area / len(STYLE_LAYERS), transport(*_features(of_image, region, layer)))
        for region in regions
        for layer in STYLE_LAYERS
    ]
    total = sum(region.area for region in regions) or 1.0
    columns = zip(*([weight * value for value in each] for weight, each in found), strict=True)
    return Transport(*(sum(column) / total for column in columns)) if found else Transport(0, 0, 0)


def _features(
    of_image: Activations, region: _Region, layer: str
) -> tuple[Tensor, list[tuple[float, Tensor]]]:
    """Return the image's features in the region, and each style's share and features."""
    grid = _sampled(of_image[layer], MAX_FEATURES)
    cells = _rows(grid)
    if region.amount is not None:
        height, width = grid.shape[2:]
        amounts = adaptive_avg_pool2d(region.amount, (height, width)).flatten()
        # A cell on a soft edge belongs to the region if it has at least half of the full amount.
        cells = cells[amounts >= amounts.max() / 2]
    return cells, [(share, each[layer]) for share, each in region.styles]


def _sampled(features: Tensor, most: int) -> Tensor:
    """Thin out a map (1, C, H, W) to a regular grid of at most `most` features."""
    height, width = features.shape[2:]
    step = 1
    while math.ceil(height / step) * math.ceil(width / step) > most:
        step += 1
    first = step // 2
    return features[:, :, min(first, height - 1) :: step, min(first, width - 1) :: step]


def _rows(features: Tensor) -> Tensor:
    """Return features (1, C, H, W) as rows (H·W, C)."""
    return features[0].flatten(1).T


def _directions(features: Tensor, mean: Tensor) -> Tensor:
    """Return unit vectors from the mean to the features.

    A vector is shorter than 1 if its feature has no direction.
    """
    return normalize(features - mean, dim=1, eps=SMALLEST_DEVIATION * mean.norm().item() + 1e-12)


def _nearest(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Return the cosine distances to the nearest vectors, in both directions.

    They are the distance of each of N unit vectors to the nearest of M others, (N,), and the
    distance of each of the others to the nearest of the first, (M,).
    """
    there: list[Tensor] = []
    back = torch.full((len(other),), -1.0)
    for block in torch.split(one, BLOCK_FEATURES):
        cosines = block @ other.T
        there.append(cosines.amax(1))
        torch.maximum(back, cosines.amax(0), out=back)
    return (1 - torch.cat(there)).clamp(min=0), (1 - back).clamp(min=0)


def _content_distance(of_image: Activations, of_content: Activations) -> float:
    """Return the self-similarity distance, averaged over the layers."""
    layers = [self_similarity_distance(of_image[each], of_content[each]) for each in CONTENT_LAYERS]
    return sum(layers) / len(layers)


def _self_similarity(features: Tensor) -> Tensor:
    """Return the cosine distances of all pairs of cells, each row divided by its sum.

    (1, C, H, W) → (cells, cells). They are computed in float64: in float32 the distance of two
    equal cells is a rounding error, and an image of few colours would be judged by it.
    """
    height, width = (min(CELLS_PER_SIDE, length) for length in features.shape[2:])
    cells = normalize(_rows(adaptive_avg_pool2d(features.double(), (height, width))), dim=1)
    distances = (1 - cells @ cells.T).clamp(min=0)
    return distances / distances.sum(1, keepdim=True).clamp(
        min=SMALLEST_SIMILARITY_SUM * len(cells)
    )


def _gram_distance(
    of_image: Activations,
    comparisons: Sequence[Comparison],
    path: Sequence[str],
    size: tuple[int, int],
) -> float:
    """Return the squared, relative distance of Gram matrices.

    It is averaged over the layers and the same whatever made the image. It is 0 if no style is
    large enough to be seen.
    """
    (whole,) = cut((1, 3, *size[::-1]), None, path)
    total = weights = 0.0
    for each in comparisons:
        sums = each.sums(of_image[each.layer], whole)
        relative = each.loss(sums) / each.loss(torch.zeros_like(sums))
        total += each.weight * relative.item()
        weights += each.weight
    return total / weights if weights else 0.0
