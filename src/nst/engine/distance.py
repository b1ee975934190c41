"""How far a picture is from its content and its styles, seen by a network that did not make it.

The loss that made a picture cannot judge it: any picture may be fitted to one network. The other
VGG sees the same layers with other weights.
"""

import logging
from collections.abc import Sequence

import torch
from PIL import Image

from nst import images
from nst.engine.inputs import Pictures
from nst.engine.losses.content import content_sum
from nst.engine.losses.layers import evenly
from nst.engine.losses.style import Comparison, compare
from nst.engine.memory.attempts import is_out_of_memory
from nst.engine.network.encoder import Activations, Encoder
from nst.engine.network.tiles import cut
from nst.engine.network.weights import Weights
from nst.engine.pictures.styles import Style
from nst.engine.pictures.tensors import style_inputs, to_tensor
from nst.progress import Distances

logger = logging.getLogger(__name__)

JUDGE = {"vgg19": "vgg16", "vgg16": "vgg19"}
"""Which network judges the pictures of which."""

CONTENT_LAYER = "conv4_2"
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""Those of Gatys, Ecker, Bethge (CVPR 2016, §3); both networks have them."""

SIDE_PIXELS = 512
"""Longest side at which pictures are compared, if they are not smaller: larger ones would be judged
by their grain."""


def measure(
    image: Image.Image, content: Image.Image, styles: Sequence[Style], judge: Weights
) -> Distances:
    """Both distances are squared and relative: 0 is equal, 1 is as large as the target itself. That
    to several styles is to their mixture, or where they have masks to each in its region."""
    size = images.fit(image.size, min(SIDE_PIXELS, max(image.size)))
    layers = (CONTENT_LAYER, *STYLE_LAYERS)
    # With zeros a good part of what the deep layers see would be the frame around both pictures.
    encoder = Encoder(judge.model, judge.tensors, layers, padding="replicate")
    of_image, of_content = (encoder(to_tensor(picture, size)) for picture in (image, content))
    features, target = of_image[CONTENT_LAYER], of_content[CONTENT_LAYER]
    comparisons = compare(encoder, evenly(STYLE_LAYERS), style_inputs(styles, size), size[::-1])
    return Distances(
        judge=judge.model,
        content=(content_sum(features, target) / target.square().sum()).item(),
        style=_style_distance(of_image, comparisons, encoder.path, size),
    )


def measure_if_possible(image: Image.Image, pictures: Pictures, judge: Weights) -> Distances | None:
    """As `measure`; None, and a warning, where memory runs out."""
    try:
        return measure(image, pictures.content, pictures.styles, judge)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        logger.warning("the distances could not be measured: there is too little memory")
        return None


def _style_distance(
    of_image: Activations,
    comparisons: Sequence[Comparison],
    path: Sequence[str],
    size: tuple[int, int],
) -> float:
    """Of Gram matrices, whatever made the picture; 0 if no style is large enough to be seen."""
    (whole,) = cut((1, 3, *size[::-1]), None, path)
    total = weights = 0.0
    for each in comparisons:
        sums = each.sums(of_image[each.layer], whole)
        relative = each.loss(sums) / each.loss(torch.zeros_like(sums))
        total += each.weight * relative.item()
        weights += each.weight
    return total / weights if weights else 0.0
