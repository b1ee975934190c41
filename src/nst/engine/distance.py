"""How far a picture is from its content and its style, seen by a network that did not make it.

The loss that made a picture cannot judge it: any picture may be fitted to one network. The other
VGG sees the same layers with other weights.
"""

import torch
from PIL import Image
from torch import Tensor

from nst import images
from nst.engine.encoder import Activations, Encoder
from nst.engine.losses import content_sum, gram_sum
from nst.engine.pictures import style_size, to_tensor
from nst.engine.weights import Weights
from nst.progress import Distances

JUDGE = {"vgg19": "vgg16", "vgg16": "vgg19"}
"""Which network judges the pictures of which."""

CONTENT_LAYER = "conv4_2"
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""Those of Gatys, Ecker, Bethge (CVPR 2016, §3); both networks have them."""

SIDE_PIXELS = 512
"""Longest side at which pictures are compared, if they are not smaller: larger ones would be judged
by their grain."""


def measure(
    image: Image.Image, content: Image.Image, style: Image.Image, judge: Weights
) -> Distances:
    """Both distances are squared and relative: 0 is equal, 1 is as large as the target itself."""
    size = images.fit(image.size, min(SIDE_PIXELS, max(image.size)))
    encoder = Encoder(judge.model, judge.tensors, (CONTENT_LAYER, *STYLE_LAYERS))
    of_image, of_content = (encoder(to_tensor(picture, size)) for picture in (image, content))
    of_style = encoder(to_tensor(style, style_size(style.size, size)))
    features, target = of_image[CONTENT_LAYER], of_content[CONTENT_LAYER]
    style_terms = [
        _relative(_gram(of_image, layer), _gram(of_style, layer)) for layer in STYLE_LAYERS
    ]
    return Distances(
        judge=judge.model,
        content=(content_sum(features, target) / target.square().sum()).item(),
        style=torch.stack(style_terms).mean().item(),
    )


def _gram(activations: Activations, layer: str) -> Tensor:
    features = activations[layer]
    return gram_sum(features) / features.numel()


def _relative(gram: Tensor, target: Tensor) -> Tensor:
    return (gram - target).square().sum() / target.square().sum()
