"""The loss of the classic method and its gradient, as a function of the pixels.

Every term is a function of sums over pixels. So a picture of any size is computed tile by tile:
the first pass adds up the sums, from which follow the loss and its gradient with respect to the
sums; the second pass carries that gradient back to the pixels. One tile is computed once: there
the second pass goes on with what the first one has left.
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from nst.engine.encoder import Activations, Encoder, layer_names
from nst.engine.losses import (
    add_content_sum_gradient,
    added,
    content_sum,
    total_variation_gradient,
    total_variation_loss,
)
from nst.engine.optimize import Evaluation
from nst.engine.style_term import StyleInput, compare
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
"""Largest entry of the gradient of the style term's sums on the way back in float16."""


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
        styles: Sequence[StyleInput],
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
        self.compute_in_tiles(tile_side)
        self._content = self._content_features(content)
        self._comparisons = compare(
            encoder,
            style_layers(encoder.model, options.style_layers),
            styles,
            (content.shape[2], content.shape[3]),
            style_loss=options.style_loss,
            tile_side=tile_side,
        )

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
            style_sums = [each.sums(activations[each.layer], tile) for each in self._comparisons]
            sums.append([self._content_sum(activations, tile), *style_sums])
            if len(self._tiles) > 1:
                activations.clear()  # before the next tile's exist
        squared_differences, *style_sums = added(sums)
        content_weight = self._options.content_weight_in_force / self._content.numel()
        style, style_gradients = self._style_loss(style_sums)
        scale = self._gradient_scale(style_gradients)
        style_gradients = [scale * gradient for gradient in style_gradients]
        for tile in self._tiles:
            if len(self._tiles) > 1:
                activations = self._encoder(tile.pixels(image))
            add_gradient = partial(
                self._add_gradient, tile, scale * content_weight, style_gradients
            )
            back = self._encoder.backward(activations, add_gradient)
            tile.pixels(gradient).add_(back, alpha=1 / scale)
        losses = Losses(content_weight * squared_differences.item(), style, variation)
        return Evaluation(losses, gradient.flatten())

    def _content_sum(self, activations: Activations, tile: Tile) -> Tensor:
        pixels = stride(self._content_layer)
        features = tile.inner(activations[self._content_layer], pixels)
        return content_sum(features, tile.of_picture(self._content, pixels))

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

    def _style_loss(self, sums: Sequence[Tensor]) -> tuple[float, list[Tensor]]:
        """The weighted loss, and its gradient with respect to the sums."""
        sums = [total.requires_grad_() for total in sums]
        pairs = zip(self._comparisons, sums, strict=True)
        losses = [comparison.loss(total) for comparison, total in pairs]
        if not losses:  # a mask too small to be seen at this scale
            return 0.0, []
        loss = self._options.style_weight * torch.stack(losses).sum()
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
        style_gradients: Sequence[Tensor],
        layer: str,
        features: Tensor,
        gradient: Tensor,
    ) -> None:
        """Of the loss with respect to the features of a tile; 0 in the halo."""
        if layer == self._content_layer:
            inner, total = (tile.inner(tensor, stride(layer)) for tensor in (features, gradient))
            target = tile.of_picture(self._content, stride(layer))
            add_content_sum_gradient(total, inner, target, content_weight)
        for comparison, of_sums in zip(self._comparisons, style_gradients, strict=True):
            if comparison.layer == layer:
                comparison.add_gradient(gradient, features, of_sums, tile)

    def _gradient_scale(self, style_gradients: Sequence[Tensor]) -> float:
        """What gradients are multiplied by on their way: float16 has no room for their range."""
        if self.dtype != torch.float16:
            return 1.0
        largest = max((each.abs().max().item() for each in style_gradients), default=0.0)
        return FLOAT16_ENTRY / largest if largest else 1.0
