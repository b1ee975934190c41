"""The loss and its gradient, as a function of the pixels.

loss(x) = Σ weight · term(statistics of the features of x) + weight · total variation of x
          + weight · squared distance of x from what is held, in a film

Every statistic is a sum over pixels. An image of any size can therefore be computed tile by tile:
the first pass adds up the statistics, from which the loss and its gradient with respect to them
follow; the second pass propagates that gradient back to the pixels. If there is one tile, it is
encoded only once: the second pass uses the activations of the first.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from nst.engine.losses.sums import added
from nst.engine.losses.temporal import TemporalTarget, temporal_gradient, temporal_loss
from nst.engine.losses.term import Term
from nst.engine.losses.total_variation import total_variation_gradient, total_variation_loss
from nst.engine.network.encoder import Activations, Encoded, Encoder
from nst.engine.network.tiles import Tile, cut
from nst.engine.optimizer.optimizer import Evaluation
from nst.progress import Losses

FLOAT16_STATISTIC, FLOAT16_FEATURE = 2.0**-6, 1.0
"""Largest entries of the gradients of statistics and of features in float16."""


@dataclass(frozen=True, slots=True)
class LossWeights:
    """Weight of each term, by the name of the term."""

    content: float
    style: float
    total_variation: float
    flourish: float = 0.0
    temporal: float = 0.0


class Objective:
    """Losses and gradient, as a function of pixels (3·H·W,) and weights.

    Images are (1, 3, H, W), RGB 0…255 minus the encoder's mean colour.
    """

    def __init__(
        self,
        encoder: Encoder,
        terms: Sequence[Term],
        shape: Sequence[int],
        *,
        held: TemporalTarget | None = None,
        tile_side: int | None = None,
        evaluations: int = 0,
        encoded: Encoded | None = None,
    ) -> None:
        """Create the objective.

        `encoder`: has the layers of all terms; deeper ones are not computed. `shape`: shape of the
        image, (1, 3, H, W). `held`: what the temporal term compares with; None: there is no
        temporal term. `tile_side`: side of the tiles in pixels; None: one tile. `evaluations`:
        number of evaluations before. `encoded`: what `encoder` has made of an image; it is used if
        this image is the first that is evaluated.
        """
        self.encoder = encoder.up_to({layer for term in terms for layer in term.layers})
        self.evaluations = evaluations
        """Number of evaluations so far."""
        self._terms = terms
        self._held = held
        self._encoded = encoded
        self._shape = torch.Size(shape)
        self.compute_in_tiles(tile_side)

    @property
    def dtype(self) -> torch.dtype:
        return self.encoder.dtype

    def compute_in_tiles(self, side: int | None) -> None:
        """Compute in tiles of this side from now on; losses and gradient stay the same."""
        self._tiles = cut(self._shape, side, self.encoder.path)

    def __call__(self, x: Tensor, weights: LossWeights) -> Evaluation:
        self.evaluations += 1
        image = x.view(self._shape)
        # Allocated first, because it outlives the activations and would leave gaps between them.
        variation = total_variation_loss(image).item()
        gradient = total_variation_gradient(image).mul_(weights.total_variation)
        temporal = self._add_temporal(image, gradient, weights.temporal)
        statistics, activations = self._statistics(image)
        pixel_losses = (weights.total_variation * variation, temporal)
        losses, by_statistics = self._losses(statistics, pixel_losses, weights)
        for tile in self._tiles:
            if len(self._tiles) > 1:
                activations = self.encoder(tile.pixels(image))
            scale = self._gradient_scale(tile, activations, by_statistics)
            scaled = _times(scale, by_statistics)
            back = self.encoder.backward(activations, partial(self._add_gradient, tile, scaled))
            tile.pixels(gradient).add_(back, alpha=1 / scale)
        return Evaluation(losses, gradient.flatten())

    def _add_temporal(self, image: Tensor, gradient: Tensor, weight: float) -> float:
        """Add the gradient of the temporal loss and return the weighted loss.

        The loss is 0 if nothing is held.
        """
        if self._held is None:
            return 0.0
        gradient.add_(temporal_gradient(image, self._held), alpha=weight)
        return weight * temporal_loss(image, self._held).item()

    def _statistics(self, image: Tensor) -> tuple[list[list[Tensor]], Activations]:
        """Return the statistics of the whole image, term by term, and the activations.

        There are activations only if there is one tile.
        """
        of_tiles: list[list[Sequence[Tensor]]] = []
        for tile in self._tiles:
            activations = self._activations(tile.pixels(image))
            of_tiles.append([term.statistics(activations, tile) for term in self._terms])
            if len(self._tiles) > 1:
                activations.clear()  # before those of the next tile are allocated
        return [added(of_term) for of_term in zip(*of_tiles, strict=True)], activations

    def _activations(self, pixels: Tensor) -> Activations:
        encoded, self._encoded = self._encoded, None
        if encoded and torch.equal(encoded.image, pixels):
            return encoded.activations
        activations: Activations = self.encoder(pixels)
        return activations

    def _losses(
        self,
        statistics: Sequence[Sequence[Tensor]],
        pixel_losses: tuple[float, float],
        weights: LossWeights,
    ) -> tuple[Losses, list[list[Tensor]]]:
        """Return the weighted losses, and their gradient with respect to all statistics.

        `pixel_losses`: the weighted total variation and temporal loss.
        """
        leaves = [[each.requires_grad_() for each in of_term] for of_term in statistics]
        weighted = [
            (term.name, getattr(weights, term.name) * term.loss(of_term))
            for term, of_term in zip(self._terms, leaves, strict=True)
        ]
        return _as_losses(weighted, *pixel_losses), _gradients(
            sum((loss for _, loss in weighted), torch.zeros(())), leaves
        )

    def _add_gradient(
        self,
        tile: Tile,
        by_statistics: Sequence[Sequence[Tensor]],
        layer: str,
        features: Tensor,
        total: Tensor,
    ) -> None:
        """Add to `total` the gradient with respect to the features of a tile.

        It is 0 in the halo.
        """
        for term, of_term in zip(self._terms, by_statistics, strict=True):
            if layer in term.layers:
                term.add_gradient(layer, total, features, of_term, tile)

    def _gradient_scale(
        self, tile: Tile, activations: Activations, by_statistics: Sequence[Sequence[Tensor]]
    ) -> float:
        """Return the factor of a tile's gradients in the backward pass; 1 except in float16.

        float16 cannot represent the range of the gradients. The factor is first that of the
        statistics, because Gram matrices are multiplied in float16. It is greater if the gradient
        of the features is too small then, as that of hypercolumns is. Scalar statistics do not
        matter: their gradient multiplies differences of features, which are small.
        """
        if self.dtype != torch.float16:
            return 1.0
        largest = _largest(each for of_term in by_statistics for each in of_term if each.dim())
        scale = FLOAT16_STATISTIC / largest if largest else 1.0
        of_features = self._feature_gradients(tile, activations, _times(scale, by_statistics))
        largest = _largest(of_features)
        return scale * max(1.0, FLOAT16_FEATURE / largest) if largest else scale

    def _feature_gradients(
        self, tile: Tile, activations: Activations, by_statistics: Sequence[Sequence[Tensor]]
    ) -> Iterator[Tensor]:
        """Yield the gradient with respect to the features of each layer, in float32."""
        for layer in self.encoder.layers:
            total = torch.zeros_like(activations[layer], dtype=torch.float32)
            self._add_gradient(tile, by_statistics, layer, activations[layer], total)
            yield total


def _times(factor: float, gradients: Sequence[Sequence[Tensor]]) -> Sequence[Sequence[Tensor]]:
    if factor == 1:
        return gradients
    return [[factor * each for each in of_term] for of_term in gradients]


def _largest(tensors: Iterable[Tensor]) -> float:
    """Return the largest absolute value; 0 if there are no tensors."""
    return max((each.abs().max().item() for each in tensors), default=0.0)


def _as_losses(
    weighted: Sequence[tuple[str, Tensor]], total_variation: float, temporal: float
) -> Losses:
    """Add up terms of the same name; the flourish is a part of the style."""
    values = {"content": 0.0, "style": 0.0, "flourish": 0.0}
    for name, loss in weighted:
        values[name] += loss.item()
    style = values["style"] + values["flourish"]
    return Losses(values["content"], style, total_variation, temporal)


def _gradients(loss: Tensor, leaves: Sequence[Sequence[Tensor]]) -> list[list[Tensor]]:
    """Return the gradient of the loss with respect to each leaf, in the same order."""
    flat = [leaf for of_term in leaves for leaf in of_term]
    found = iter(torch.autograd.grad(loss, flat) if flat else ())
    return [[next(found) for _ in of_term] for of_term in leaves]
