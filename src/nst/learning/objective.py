"""The loss that teaches a network, and its gradient with
respect to what the network paints.

It is the loss by which the engine paints a single image: the same encoder, the same terms.

Gram matrices, not neighbours: a style's matrices are computed once, and are the same for every
photo. Neighbours would have to be searched for every part of a photo, which takes as long as
several steps, and would change while the network learns.
"""

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from nst import image_sizes
from nst.engine.losses.content import ContentTerm
from nst.engine.losses.layers import CONTENT_LAYER, STYLE_LAYERS, evenly
from nst.engine.losses.objective import LossWeights, Objective
from nst.engine.losses.style import StyleTerm, compare
from nst.engine.network.encoder import Encoder
from nst.engine.network.weights import Weights
from nst.engine.optimizer.optimizer import Evaluation
from nst.engine.pictures.tensors import StyleInput, to_tensor
from nst.learning_options import LearningOptions


class LearningObjective:
    """Compares painted parts of photos with the photos and
    with one of the styles each."""

    def __init__(
        self,
        options: LearningOptions,
        styles: Sequence[Image.Image],
        weights: Weights,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        """`dtype`: of the encoder's convolutions."""
        content, style = evenly([CONTENT_LAYER[weights.model]]), evenly(STYLE_LAYERS[weights.model])
        self._content_shares = content
        self._device = device
        self._weights = LossWeights(options.content_weight, options.style_weight, options.tv_weight)
        self._encoder = _encoder(weights, [*content, *style], dtype, device)
        # The content layer lies before most of the others, so its features cost less alone.
        self._content_encoder = _encoder(weights, list(content), dtype, device)
        size = (options.size, options.size)
        self._style_terms = [
            StyleTerm(compare(self._encoder, style, [self._style_input(each, options)], size))
            for each in styles
        ]

    def __call__(self, painted: Tensor, photo: Tensor, style: int) -> Evaluation:
        """Return losses and gradient of one painted part.

        Both tensors are (1, 3, H, W), RGB 0…255 minus the encoder's mean colour. `style`: index of
        the style in which the part is painted.
        """
        content = ContentTerm.of(self._content_encoder, self._content_shares, photo)
        terms = (content, self._style_terms[style])
        objective = Objective(self._encoder, terms, self._weights, painted.shape)
        return objective(painted.flatten())

    def _style_input(self, style: Image.Image, options: LearningOptions) -> StyleInput:
        size = image_sizes.fit(style.size, options.style_size)
        return StyleInput(to_tensor(style, size).to(self._device))


def _encoder(
    weights: Weights, layers: Sequence[str], dtype: torch.dtype, device: torch.device
) -> Encoder:
    encoder = Encoder(weights.model, weights.tensors, layers, dtype, padding="replicate")
    return encoder.to(device)
