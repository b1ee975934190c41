"""The temporal term holds each pixel to the frame before, by its own amount."""

from functools import partial

import pytest
import torch
from torch import Tensor

from nst.engine.losses.content import ContentTerm
from nst.engine.losses.objective import LossWeights, Objective
from nst.engine.losses.temporal import TemporalTarget, temporal_gradient, temporal_loss
from nst.engine.network.encoder import Encoder
from nst.engine.optimizer.optimizer import ObjectiveFunction
from unit.engine.synthetic import narrow_tensors

LAYERS = {"relu1_2": 1.0}
SIZE = (36, 44)
WEIGHTS = LossWeights(content=2.0, style=0.0, total_variation=0.0, temporal=3.0)


def noise(seed: int, channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((1, channels, *SIZE), generator=generator, dtype=torch.float64)


X, CONTENT, DIRECTION = noise(0), noise(1), noise(2)
HELD = TemporalTarget(noise(3), noise(4, channels=1).sigmoid())
ENCODER = Encoder("vgg16", narrow_tensors("vgg16"), LAYERS, torch.float64)


def objective(
    held: TemporalTarget | None = HELD, tile_side: int | None = None
) -> ObjectiveFunction:
    term = ContentTerm.of(ENCODER, LAYERS, CONTENT, tile_side=tile_side)
    found = Objective(ENCODER, [term], X.shape, held=held, tile_side=tile_side)
    return partial(found, weights=WEIGHTS)


def test_the_loss_is_the_formula() -> None:
    expected = 0.0
    for row in range(SIZE[0]):
        for column in range(SIZE[1]):
            change = X[0, :, row, column] - HELD.image[0, :, row, column]
            expected += HELD.amount[0, 0, row, column].item() * change.square().sum().item()
    assert temporal_loss(X, HELD).item() == pytest.approx(expected / X.numel(), rel=1e-12)


def test_the_gradient_is_that_of_autograd() -> None:
    x = X.clone().requires_grad_()
    temporal_loss(x, HELD).backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(temporal_gradient(X, HELD), x.grad, rtol=1e-12, atol=0)


def test_the_gradient_of_the_objective_is_that_of_finite_differences() -> None:
    length = 1e-6
    ahead, behind = (
        objective()((X + sign * length * DIRECTION).flatten()).losses.temporal for sign in (1, -1)
    )
    with_term, without = (objective(held)(X.flatten()).gradient for held in (HELD, None))
    slope = torch.dot(with_term - without, DIRECTION.flatten()).item()
    assert slope == pytest.approx((ahead - behind) / (2 * length), rel=1e-7)


def test_the_loss_of_the_objective_is_weighted_and_counts_in_the_total() -> None:
    losses, alone = (objective(held)(X.flatten()).losses for held in (HELD, None))
    assert losses.temporal == pytest.approx(3 * temporal_loss(X, HELD).item())
    assert losses.total == pytest.approx(alone.total + losses.temporal)
    assert alone.temporal == 0


def test_what_is_not_held_is_free() -> None:
    nothing = TemporalTarget(HELD.image, torch.zeros_like(HELD.amount))
    free, alone = (objective(held)(X.flatten()) for held in (nothing, None))
    assert torch.equal(free.gradient, alone.gradient)
    assert free.losses == alone.losses


def test_tiles_have_the_gradient_of_the_whole() -> None:
    whole, tiles = (objective(tile_side=side)(X.flatten()) for side in (None, 16))
    assert tiles.loss == pytest.approx(whole.loss, rel=1e-9)
    torch.testing.assert_close(tiles.gradient, whole.gradient)
