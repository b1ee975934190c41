"""How far an image is from its content and its styles,
seen by a network that did not make it.

The loss that made an image cannot judge it: any image may be fitted to one network. The other
VGG sees the same layers with other weights.

[Kolkin19] Kolkin, Salavon, Shakhnarovich: Style Transfer by Relaxed Optimal Transport and
Self-Similarity, CVPR 2019.
[Gatys16] Gatys, Ecker, Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
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
"""The layers of [Gatys16] §3; both networks have them."""

SIDE_PIXELS = 512
"""Longest side at which images are compared, unless they are smaller.
Larger images would be judged by their grain."""

MIN_SIDE_PIXELS = 16
"""Shortest side of an image and of a style that can be
judged: one feature of relu5_1."""

CELLS_PER_SIDE = 24
"""Rows and columns of the grid on which self-similarity is compared."""

MAX_FEATURES = 128**2
"""Maximum number of features of one image that are compared in one layer. relu3_1
of 512×512 pixels has as many; larger maps are sampled on a regular grid."""

BLOCK_FEATURES = 1024
"""Features whose distances to all others are in memory at once:
64 MiB at MAX_FEATURES."""

SMALLEST_SIMILARITY_SUM = 1e-9
"""Per cell. Rows of distances below it are rounding
errors: the image has one colour."""

SMALLEST_DEVIATION = 1e-4
"""Deviation of a feature from the style's mean, relative to the mean's length.
Smaller ones are rounding errors and have no direction."""


class Transport(NamedTuple):
    """Relaxed earth mover's distance in its two directions, and its worst places."""

    precision: float
    coverage: float
    worst_tenth: float


def measure(
    image: Image.Image, content: Image.Image, styles: Sequence[Style], judge: Weights
) -> Distances | None:
    """Measure all distances of `Distances`, at SIDE_PIXELS at most;
    None if the image or a style is shorter than MIN_SIDE_PIXELS.

    Several styles without masks are one style: the union of their features, centred on the mean of
    their means by shares. Coverage and Gram matrices are mixed by the shares. A style with a mask
    is compared with the cells of its region alone, and the regions count by their area.
    """
    size = image_sizes.fit(image.size, min(SIDE_PIXELS, max(image.size)))
    inputs = style_inputs(styles, size)
    sides = [*size, *(side for style in inputs for side in style.image.shape[2:])]
    if min(sides) < MIN_SIDE_PIXELS:
        return None
    layers = {*CONTENT_LAYERS, *STYLE_LAYERS, *GRAM_LAYERS}
    # With zeros a good part of what the deep layers see would be the frame around both images.
    encoder = Encoder(judge.model, judge.tensors, layers, padding="replicate")
    of_image, of_content = (encoder(to_tensor(picture, size)) for picture in (image, content))
    transport = _transport_to_regions(of_image, _regions(inputs, encoder))
    comparisons = compare(encoder, evenly(GRAM_LAYERS), inputs, size[::-1])
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
    """Like `measure`; None also where memory runs out, with a warning."""
    try:
        return measure(image, pictures.content, pictures.styles, judge)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        logger.warning("the distances could not be measured: there is too little memory")
        return None


def self_similarity_distance(features: Tensor, target: Tensor) -> float:
    """Return the content loss of [Kolkin19] for one layer, 0…2; 0 is equal.

    Both maps, (1, C, H, W), are averaged onto CELLS_PER_SIDE² cells, or fewer where they have fewer
    features. D holds the cosine distance of every two of an image's cells, each row divided by
    its sum. The result is the sum over a row of |D − D_target|, averaged over the rows.
    """
    one, other = (_self_similarity(each) for each in (features, target))
    return (one - other).abs().sum(1).mean().item()


def transport(cells: Tensor, styles: Sequence[tuple[float, Tensor]]) -> Transport:
    """Compare an image's features (N, C) with those of each
    style (M, C), given with its share.

    All features are centred on the styles' mean. Distances are 1 − cosine, 0…2. Precision is the
    mean distance from the image's features to the nearest of any style; `worst_tenth` is the mean
    of the largest tenth of these; coverage is the mean distance from a style's features to the
    image's nearest, mixed by the shares. A style of one colour has no directions: all distances
    to it are 1.
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
    """Share of the image, 0…1; what has less than all of its style counts in part."""
    amount: Tensor | None
    """(1, 1, H, W) of the image; None: the region is the whole image."""
    styles: Sequence[tuple[float, Activations]]
    """Share and features of each; the shares add up to 1."""


def _regions(styles: Sequence[StyleInput], encoder: Encoder) -> list[_Region]:
    features = [encoder(style.image) for style in styles]
    pairs = list(zip(styles, features, strict=True))
    if styles[0].amount is None:
        return [_Region(1.0, None, [(style.share, each) for style, each in pairs if style.share])]
    return [
        _Region(style.amount.mean().item(), style.amount, [(1.0, each)])
        for style, each in pairs
        if style.amount is not None and style.amount.any()
    ]


def _transport_to_regions(of_image: Activations, regions: Sequence[_Region]) -> Transport:
    """Mix the regions by their areas and average the layers; 0 if no region is large enough to be
    seen."""
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
    """Return the image's features in the region, and those of its styles with their shares."""
    grid = _sampled(of_image[layer], MAX_FEATURES)
    most = MAX_FEATURES // len(region.styles)
    styles = [(share, _rows(_sampled(each[layer], most))) for share, each in region.styles]
    cells = _rows(grid)
    if region.amount is not None:
        height, width = grid.shape[2:]
        amounts = adaptive_avg_pool2d(region.amount, (height, width)).flatten()
        # Cells on a soft edge belong to the region where it has at least half of its strength.
        cells = cells[amounts >= amounts.max() / 2]
    return cells, styles


def _sampled(features: Tensor, most: int) -> Tensor:
    """Thin out a map (1, C, H, W) to a regular grid of at most so many features."""
    height, width = features.shape[2:]
    step = 1
    while math.ceil(height / step) * math.ceil(width / step) > most:
        step += 1
    first = step // 2
    return features[:, :, min(first, height - 1) :: step, min(first, width - 1) :: step]


def _rows(features: Tensor) -> Tensor:
    """(1, C, H, W) → (H·W, C)."""
    return features[0].flatten(1).T


def _directions(features: Tensor, mean: Tensor) -> Tensor:
    """Return unit vectors from the mean to the features, shorter where there is no direction."""
    return normalize(features - mean, dim=1, eps=SMALLEST_DEVIATION * mean.norm().item() + 1e-12)


def _nearest(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Return the cosine distance of each of N unit vectors to the nearest of M others, (N,), and of
    each of those to the nearest of the first, (M,)."""
    there: list[Tensor] = []
    back = torch.full((len(other),), -1.0)
    for block in torch.split(one, BLOCK_FEATURES):
        cosines = block @ other.T
        there.append(cosines.amax(1))
        torch.maximum(back, cosines.amax(0), out=back)
    return (1 - torch.cat(there)).clamp(min=0), (1 - back).clamp(min=0)


def _content_distance(of_image: Activations, of_content: Activations) -> float:
    """Average the self-similarity distance over the layers."""
    layers = [self_similarity_distance(of_image[each], of_content[each]) for each in CONTENT_LAYERS]
    return sum(layers) / len(layers)


def _self_similarity(features: Tensor) -> Tensor:
    """(1, C, H, W) → (cells, cells). In float64: in float32 the distance of two equal cells is
    a rounding error that an image of few colours would be judged by."""
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
    """Squared, relative distance of Gram matrices, averaged over the layers, whatever made the
    image; 0 if no style is large enough to be seen."""
    (whole,) = cut((1, 3, *size[::-1]), None, path)
    total = weights = 0.0
    for each in comparisons:
        sums = each.sums(of_image[each.layer], whole)
        relative = each.loss(sums) / each.loss(torch.zeros_like(sums))
        total += each.weight * relative.item()
        weights += each.weight
    return total / weights if weights else 0.0
