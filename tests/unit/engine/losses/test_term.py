"""A term that compares several layers at once, place by place, in the objective."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from nst.engine.losses.objective import LossWeights, Objective
from nst.engine.network.encoder import Activations, Encoder
from nst.engine.network.tiles import Tile, stride
from unit.engine.network.test_encoder import plain_network
from unit.engine.synthetic import narrow_tensors

FINE, COARSE = "relu1_2", "relu2_2"
SIZE = (96, 144)


def combined(fine: Tensor, coarse: Tensor) -> Tensor:
    """Return a number for each place of the coarse layer, from both layers' channels."""
    return avg_pool2d(fine, 2).sum(1, keepdim=True) + coarse.sum(1, keepdim=True)


class SeveralLayers:
    """The mean square of `combined`, a map to which each tile contributes its part."""

    name = "style"
    layers = (FINE, COARSE)

    def statistics(self, activations: Activations, tile: Tile) -> Sequence[Tensor]:
        whole = activations[FINE].new_zeros(1, 1, SIZE[0] // 2, SIZE[1] // 2)
        fine, coarse = (tile.inner(activations[name], stride(name)) for name in self.layers)
        tile.of_picture(whole, stride(COARSE)).copy_(combined(fine, coarse))
        return [whole]

    def loss(self, statistics: Sequence[Tensor]) -> Tensor:
        return statistics[0].square().mean()

    def add_gradient(
        self,
        layer: str,
        total: Tensor,
        features: Tensor,
        statistics_gradient: Sequence[Tensor],
        tile: Tile,
    ) -> None:
        of_places = tile.of_picture(statistics_gradient[0], stride(COARSE))
        if layer == FINE:
            of_places = interpolate(of_places, scale_factor=2, mode="nearest") / 4
        tile.inner(total, stride(layer)).add_(of_places)


@pytest.mark.parametrize("tile_side", [None, 48])
def test_loss_and_gradient_are_autograd_s(tile_side: int | None) -> None:
    tensors = narrow_tensors("vgg16")
    encoder = Encoder("vgg16", tensors, (FINE, COARSE), torch.float64)
    random = torch.Generator().manual_seed(0)
    image = 60 * torch.randn((1, 3, *SIZE), generator=random, dtype=torch.float64)
    weights = LossWeights(content=0, style=7, total_variation=0)
    objective = Objective(encoder, [SeveralLayers()], image.shape, tile_side=tile_side)
    found = objective(image.flatten(), weights)

    leaf = image.requires_grad_()
    features, layers = leaf, {}
    for name, module in zip(encoder.path, plain_network("vgg16", tensors).double(), strict=False):
        features = layers[name] = module(features)
    expected = 7 * combined(layers[FINE], layers[COARSE]).square().mean()
    (gradient,) = torch.autograd.grad(expected, leaf)
    assert found.losses.style == pytest.approx(expected.item(), rel=1e-9)
    assert found.losses.content == found.losses.total_variation == 0
    torch.testing.assert_close(found.gradient, gradient.flatten())
