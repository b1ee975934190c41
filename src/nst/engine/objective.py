"""The loss of the classic method and its gradient, as a function of the pixels.

Every term is a function of sums over pixels. So a picture of any size is computed tile by tile:
the first pass adds up the sums, from which follow the loss and its gradient with respect to the
sums; the second pass carries that gradient back to the pixels. One tile is computed once: there
the second pass goes on with what the first one has left.
"""

from collections.abc import Iterable, Sequence
from functools import partial

import torch
from torch import Tensor

from nst.engine.encoder import Activations, Encoder, layer_names
from nst.engine.losses import (
    add_content_sum_gradient,
    add_gram_sum_gradient,
    content_sum,
    gram_sum,
    style_loss,
    total_variation_gradient,
    total_variation_loss,
)
from nst.engine.optimize import Evaluation
from nst.engine.tiles import Tile, cut, stride
from nst.options import StyleTransferOptions
from nst.progress import Losses

CONTENT_LAYER = {"vgg19": "conv4_2", "vgg16": "relu2_2"}
STYLE_LAYERS = {
    "vgg19": ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
    "vgg16": ("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
}
"""VGG-19: [Gatys16] §3. VGG-16: [Johnson16], whose content layer is this one too."""
DENSE_PER_BLOCK = 2
"""ReLUs in each block, from the first, that the dense choice of style layers adds."""

FLOAT16_ENTRY = 2.0**-6
"""Largest entry of a Gram matrix' gradient on the way back in float16."""


def style_layers(model: str, choice: str) -> tuple[str, ...]:
    """The classic ones, or among the layers up to the last of them about twice as many: a picture
    can fit a few layers of one network in ways that no other network takes for the style."""
    classic = STYLE_LAYERS[model]
    if choice == "classic":
        return classic
    path = layer_names(model)[: 1 + layer_names(model).index(classic[-1])]
    return tuple(name for name in path if name in classic or _is_dense(name))


def _is_dense(layer: str) -> bool:
    return layer.startswith("relu") and int(layer[-1]) <= DENSE_PER_BLOCK


class Objective:
    """Called with pixels (3·H·W,): their losses and the gradient.

    Pictures are (1, 3, H, W), RGB 0…255 minus the encoder's mean colour.
    """

    def __init__(
        self,
        encoder: Encoder,
        content: Tensor,
        style: Tensor,
        options: StyleTransferOptions,
        *,
        tile_side: int | None = None,
        evaluations: int = 0,
    ) -> None:
        """`tile_side`: of the tiles, in pixels; None for one tile. `evaluations`: so many there
        were before."""
        self.dtype = encoder.dtype
        self.evaluations = evaluations
        """How often it has been called."""
        self._encoder = encoder
        self._options = options
        self._shape = content.shape
        self._content_layer = CONTENT_LAYER[encoder.model]
        self._style_layers = style_layers(encoder.model, options.style_layers)
        self.compute_in_tiles(tile_side)
        self._content = self._content_features(content)
        style_tiles = cut(style.shape, tile_side, encoder.path)
        sums = _added(self._gram_sums(encoder(tile.pixels(style)), tile) for tile in style_tiles)
        self._grams = self._grams_of(sums, style)

    def compute_in_tiles(self, side: int | None) -> None:
        """Of this side from now on; losses and gradient stay what they are."""
        self._tiles = cut(self._shape, side, self._encoder.path)

    def go_by(self, options: StyleTransferOptions) -> None:
        """With the weights of these from now on."""
        self._options = options

    def __call__(self, x: Tensor) -> Evaluation:
        self.evaluations += 1
        image = x.view(self._shape)
        # cuDNN's fastest passes add in any order, which a seed could not repeat.
        with torch.backends.cudnn.flags(benchmark=False, deterministic=True):
            return self._evaluate(image)

    def _evaluate(self, image: Tensor) -> Evaluation:
        # First, as it stays: behind the activations it would leave gaps between them.
        variation, gradient = self._total_variation_loss(image)
        sums = []
        for tile in self._tiles:
            activations = self._encoder(tile.pixels(image))
            sums.append([self._content_sum(activations, tile), *self._gram_sums(activations, tile)])
            if len(self._tiles) > 1:
                activations.clear()  # before the next tile's exist
        squared_differences, *gram_sums = _added(sums)
        content_weight = self._options.content_weight_in_force / self._content.numel()
        style, gram_gradients = self._style_loss(gram_sums, image)
        scale = self._gradient_scale(gram_gradients)
        gram_gradients = [scale * of_layer for of_layer in gram_gradients]
        for tile in self._tiles:
            if len(self._tiles) > 1:
                activations = self._encoder(tile.pixels(image))
            add_gradient = partial(self._add_gradient, tile, scale * content_weight, gram_gradients)
            back = self._encoder.backward(activations, add_gradient)
            tile.pixels(gradient).add_(back, alpha=1 / scale)
        losses = Losses(content_weight * squared_differences.item(), style, variation)
        return Evaluation(losses, gradient.flatten())

    def _content_sum(self, activations: Activations, tile: Tile) -> Tensor:
        pixels = stride(self._content_layer)
        features = tile.inner(activations[self._content_layer], pixels)
        return content_sum(features, tile.of_picture(self._content, pixels))

    def _gram_sums(self, activations: Activations, tile: Tile) -> list[Tensor]:
        return [
            gram_sum(tile.inner(activations[layer], stride(layer))) for layer in self._style_layers
        ]

    def _grams_of(self, sums: Sequence[Tensor], image: Tensor) -> list[Tensor]:
        """From the sums over an image to the Gram matrices: divided by C·H·W of the features."""
        height, width = image.shape[2:]
        return [
            total / (len(total) * (height // stride(layer)) * (width // stride(layer)))
            for layer, total in zip(self._style_layers, sums, strict=True)
        ]

    def _content_features(self, content: Tensor) -> Tensor:
        layer, pixels = self._content_layer, stride(self._content_layer)
        whole: Tensor | None = None
        for tile in self._tiles:
            features: Tensor = self._encoder(tile.pixels(content))[layer]
            if len(self._tiles) == 1:
                return features
            if whole is None:
                height, width = content.shape[2] // pixels, content.shape[3] // pixels
                whole = features.new_empty(1, features.shape[1], height, width)
                whole = whole.contiguous(memory_format=torch.channels_last)
            tile.of_picture(whole, pixels).copy_(tile.inner(features, pixels))
        assert whole is not None  # there is a tile
        return whole

    def _style_loss(self, sums: Sequence[Tensor], image: Tensor) -> tuple[float, list[Tensor]]:
        """The weighted loss, and its gradient with respect to the sums."""
        sums = [total.requires_grad_() for total in sums]
        grams = self._grams_of(sums, image)
        loss = self._options.style_weight * style_loss(grams, self._grams)
        return loss.item(), list(torch.autograd.grad(loss, sums))

    def _total_variation_loss(self, image: Tensor) -> tuple[float, Tensor]:
        """The weighted loss, and its gradient."""
        weight = self._options.tv_weight
        loss = weight * total_variation_loss(image).item()
        return loss, total_variation_gradient(image).mul_(weight)

    def _add_gradient(
        self,
        tile: Tile,
        content_weight: float,
        gram_gradients: Sequence[Tensor],
        layer: str,
        features: Tensor,
        gradient: Tensor,
    ) -> None:
        """Of the loss with respect to the features of a tile; 0 in the halo."""
        inner, total = (tile.inner(tensor, stride(layer)) for tensor in (features, gradient))
        if layer == self._content_layer:
            target = tile.of_picture(self._content, stride(layer))
            add_content_sum_gradient(total, inner, target, content_weight)
        if layer in self._style_layers:
            gram_gradient = gram_gradients[self._style_layers.index(layer)]
            add_gram_sum_gradient(total, inner, gram_gradient)

    def _gradient_scale(self, gram_gradients: Sequence[Tensor]) -> float:
        """What gradients are multiplied by on their way: float16 has no room for their range."""
        if self.dtype != torch.float16:
            return 1.0
        largest = max(of_layer.abs().max().item() for of_layer in gram_gradients)
        return FLOAT16_ENTRY / largest if largest else 1.0


def _added(terms: Iterable[Sequence[Tensor]]) -> list[Tensor]:
    """The first of all, the second of all, …"""
    return [torch.stack(tensors).sum(0) for tensors in zip(*terms, strict=True)]
