"""A detail map in the content term: differences count more where it is white."""

from functools import partial

import pytest
import torch
from torch import Tensor

from nst.engine.losses.content import DETAIL_WEIGHT, ContentTerm
from nst.engine.losses.objective import LossWeights, Objective
from nst.engine.network.encoder import Encoder
from nst.engine.optimizer.optimizer import ObjectiveFunction
from unit.engine.synthetic import narrow_tensors

LAYERS = {"relu1_2": 0.25, "relu2_2": 0.75}
SIZE = (36, 44)


def noise(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((1, 3, *SIZE), generator=generator, dtype=torch.float64)


CONTENT, X, DIRECTION = map(noise, range(3))
DETAIL = torch.linspace(0, 1, SIZE[1], dtype=torch.float64).expand(1, 1, *SIZE)
ENCODER = Encoder("vgg16", narrow_tensors("vgg16"), LAYERS, torch.float64)


def objective(tile_side: int | None = None) -> ObjectiveFunction:
    term = ContentTerm.of(ENCODER, LAYERS, CONTENT, detail=DETAIL, tile_side=tile_side)
    weights = LossWeights(content=2.0, style=0.0, total_variation=0.0)
    found = Objective(ENCODER, [term], CONTENT.shape, tile_side=tile_side)
    return partial(found, weights=weights)


def test_the_loss_is_the_formula() -> None:
    ours, theirs = ENCODER(X), ENCODER(CONTENT)
    expected = 0.0
    for layer, share in LAYERS.items():
        differences = (ours[layer] - theirs[layer]).square()
        side = SIZE[1] // differences.shape[3]
        for column in range(differences.shape[3]):
            white = DETAIL[0, 0, 0, column * side : (column + 1) * side].mean().item()
            summed = differences[..., column].sum().item()
            expected += 2 * share * (1 + DETAIL_WEIGHT * white) * summed / differences.numel()
    assert objective()(X.flatten()).losses.content == pytest.approx(expected, rel=1e-9)


def test_the_gradient_is_that_of_finite_differences() -> None:
    length = 1e-8  # a short step switches few ReLUs and pools
    ahead, behind = (
        objective()((X + sign * length * DIRECTION).flatten()).loss for sign in (1, -1)
    )
    slope = torch.dot(objective()(X.flatten()).gradient, DIRECTION.flatten()).item()
    assert slope == pytest.approx((ahead - behind) / (2 * length), rel=1e-5)


def test_tiles_have_the_gradient_of_the_whole() -> None:
    whole, tiles = (objective(side)(X.flatten()) for side in (None, 16))
    assert tiles.loss == pytest.approx(whole.loss, rel=1e-9)
    torch.testing.assert_close(tiles.gradient, whole.gradient)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_the_loss_has_the_device_and_the_number_type_of_the_features(
    device: str, dtype: torch.dtype
) -> None:
    """MPS, for which meta stands here, has no float64 in which losses could be added up."""
    target = torch.ones(1, 4, 6, 8, dtype=dtype, device=device)
    term = ContentTerm({"relu2_2": 1.0}, {"relu2_2": target})
    loss = term.loss([target.sum()])
    assert (loss.device.type, loss.dtype) == (device, dtype)
