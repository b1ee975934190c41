"""Loss of a network in training, and its gradient for the painted image.

loss(x) = content_weight · structure + style_weight · (transport + Gram) + tv_weight · TV

The terms are those with which the engine paints a single image: the same encoder, the same
formulas. One thing differs: the engine searches neighbours before each stage, while learning
searches them in every step. It finds the style features nearest to those of a part of a photo, at
places drawn at random.

[Kolkin19] Kolkin, Salavon, Shakhnarovich: Style Transfer by Relaxed Optimal Transport and
Self-Similarity, CVPR 2019.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import torch
from PIL import Image
from torch import Tensor

from nst import image_sizes
from nst.engine.losses import structure
from nst.engine.losses.layers import STYLE_LAYERS, TRANSPORT_LAYERS, evenly
from nst.engine.losses.objective import LossWeights, Objective
from nst.engine.losses.reading import read
from nst.engine.losses.structure import Grid, StructureReader, StructureTerm
from nst.engine.losses.style import StyleTerm, compare, relative
from nst.engine.losses.sums import rows_of
from nst.engine.losses.transport import StyleDirections, TransportTerm, random_places
from nst.engine.network.encoder import Encoder
from nst.engine.network.tiles import stride
from nst.engine.network.weights import Weights
from nst.engine.optimizer.optimizer import Evaluation
from nst.engine.pictures.tensors import StyleInput, to_tensor
from nst.learning_options import LearningOptions

GRAM_WEIGHT = 1.0
"""Weight of the Gram matrices relative to the transport, which ignores contrast."""

DIRECTIONS = 16384
"""Maximum number of directions that are kept of a style, per layer."""

PLACES = 1024
"""Number of places of a part that are compared per layer and step [Kolkin19]."""

STYLE_PLACES = 2048
"""Number of style features with which these places are compared."""


@dataclass(frozen=True, slots=True)
class _Style:
    """Features of a style with which painted parts are compared."""

    gram: StyleTerm
    directions: dict[str, StyleDirections]
    """Directions of the style's features, by layer."""


class LearningObjective:
    """Objective that compares painted parts with their photos and with a style."""

    def __init__(
        self,
        options: LearningOptions,
        styles: Sequence[Image.Image],
        weights: Weights,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        """Encode the styles; `dtype` is the data type of the encoder's convolutions."""
        self._size = (options.size, options.size)
        self._gram_layers = STYLE_LAYERS[weights.model]
        self._weights = LossWeights(options.content_weight, options.style_weight, options.tv_weight)
        layers = {*self._gram_layers, *TRANSPORT_LAYERS, *structure.LAYERS}
        self._encoder = _encoder(weights, list(layers), dtype, device)
        # A photo needs fewer layers than the painting of it.
        self._content_encoder = _encoder(weights, structure.LAYERS, dtype, device)
        self._styles = [self._style(_input(each, options, device)) for each in styles]

    def __call__(self, painted: Tensor, photo: Tensor, style: int, seed: str) -> Evaluation:
        """Return losses and gradient of one painted part.

        Both tensors are (1, 3, H, W), RGB 0…255 minus the encoder's mean colour. `style`: index of
        the style in which the part is painted. `seed` decides which places are compared.
        """
        terms = (self._content(photo), self._styles[style].gram, self._transport(style, seed))
        objective = Objective(self._encoder, terms, painted.shape)
        return objective(painted.flatten(), self._weights)

    def _content(self, photo: Tensor) -> StructureTerm:
        grid = Grid(*self._size)
        reader = StructureReader(grid)
        read(self._content_encoder, photo, None, reader)
        return StructureTerm("content", reader.sums, grid)

    def _transport(self, style: int, seed: str) -> TransportTerm:
        # Repeatable, not secret. On the CPU, so that every device draws the same places.
        random = torch.Generator().manual_seed(Random(seed).getrandbits(63))  # noqa: S311
        directions = self._styles[style].directions
        places = {
            layer: random_places([side // stride(layer) for side in self._size], PLACES, random)
            for layer in directions
        }
        sampled = {layer: each.sample(STYLE_PLACES, random) for layer, each in directions.items()}
        return TransportTerm("style", sampled, places)

    def _style(self, style: StyleInput) -> _Style:
        compared = compare(self._encoder, evenly(self._gram_layers), [style], self._size)
        seen, random = self._encoder(style.image), torch.Generator().manual_seed(0)
        directions = {
            # All directions of a large style would take a gigabyte.
            layer: StyleDirections.of(rows_of(seen[layer])).sample(DIRECTIONS, random)
            for layer in TRANSPORT_LAYERS
        }
        return _Style(StyleTerm([relative(each, GRAM_WEIGHT) for each in compared]), directions)


def _input(style: Image.Image, options: LearningOptions, device: torch.device) -> StyleInput:
    size = image_sizes.fit(style.size, options.style_size)
    return StyleInput(to_tensor(style, size).to(device))


def _encoder(
    weights: Weights, layers: Sequence[str], dtype: torch.dtype, device: torch.device
) -> Encoder:
    encoder = Encoder(weights.model, weights.tensors, layers, dtype, padding="replicate")
    return encoder.to(device)
