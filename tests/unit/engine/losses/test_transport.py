"""The transport term against its formula, its gradient against differences."""

import pytest
import torch
from torch import Tensor

from nst.engine.losses.objective import LossWeights, Objective
from nst.engine.losses.sums import rows_of
from nst.engine.losses.transport import (
    Places,
    StyleDirections,
    TransportTerm,
    random_places,
)
from nst.engine.network.encoder import Encoder
from nst.engine.network.tiles import cut, stride
from unit.engine.synthetic import narrow_tensors

LAYERS = ("relu1_2", "relu2_1")
SIZE = (48, 64)


def encoder() -> Encoder:
    return Encoder("vgg16", narrow_tensors("vgg16"), LAYERS, torch.float64)


def noise(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 60 * torch.randn(1, 3, *SIZE, generator=generator, dtype=torch.float64)


def style(network: Encoder) -> dict[str, StyleDirections]:
    random = torch.Generator().manual_seed(5)
    seen = network(noise(1))
    return {layer: StyleDirections.of(rows_of(seen[layer])).sample(40, random) for layer in LAYERS}


def drawn(count: int) -> dict[str, Places]:
    random = torch.Generator().manual_seed(6)
    return {
        layer: random_places([side // stride(layer) for side in SIZE], count, random)
        for layer in LAYERS
    }


def test_it_is_the_formula() -> None:
    network, image, places = encoder(), noise(2), drawn(30)
    seen, of_style = network(image), network(noise(1))
    sampled = style(network)
    term = TransportTerm("style", sampled, places)
    (whole,) = cut(image.shape, None, network.path)
    found = term.loss(term.statistics(seen, whole))

    expected = 0.0
    for layer in LAYERS:
        centre = of_style[layer][0].flatten(1).mean(1)
        ours = [seen[layer][0, :, row, column] - centre for row, column in zip(*places[layer])]  # noqa: B905
        theirs = list(sampled[layer].rows)

        def distance(a: Tensor, b: Tensor) -> float:
            return float(1 - a @ b / a.norm() / b.norm())

        there = [min(distance(a, b) for b in theirs) for a in ours]
        back = [min(distance(a, b) for a in ours) for b in theirs]
        expected += (sum(there) / len(there) + sum(back) / len(back)) / len(LAYERS)
    assert found.item() == pytest.approx(expected, rel=1e-9)


def test_the_directions_of_a_style_are_those_of_its_features() -> None:
    network = encoder()
    features = rows_of(network(noise(1))["relu2_1"])
    directions = StyleDirections.of(features)
    torch.testing.assert_close(directions.centre, features.mean(0))
    torch.testing.assert_close(directions.rows.norm(dim=1), torch.ones(len(features)).double())
    some = directions.sample(7, torch.Generator().manual_seed(0))
    found = (some.rows @ directions.rows.T).argmax(1)
    torch.testing.assert_close(directions.rows[found], some.rows)
    assert len({*found.tolist()}) == 7
    assert len(directions.sample(10**6, torch.Generator()).rows) == len(features)


def test_no_place_is_drawn_twice() -> None:
    rows, columns = random_places((6, 9), 100, torch.Generator().manual_seed(1))
    assert len({*zip(rows.tolist(), columns.tolist(), strict=True)}) == 6 * 9
    assert (int(rows.max()), int(columns.max())) == (5, 8)


@pytest.mark.parametrize("tile_side", [None, 32])
def test_its_gradient_is_that_of_differences(tile_side: int | None) -> None:
    network, image = encoder(), noise(2)
    terms = [TransportTerm("style", style(network), drawn(60))]
    weights = LossWeights(content=0, style=7, total_variation=0)
    objective = Objective(network, terms, image.shape, tile_side=tile_side)
    x = image.flatten()
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(3)).double()
    direction /= direction.norm()
    gradient = objective(x, weights).gradient @ direction
    step = 1e-5
    more, less = (objective(x + sign * step * direction, weights).losses.style for sign in (1, -1))
    assert gradient.item() == pytest.approx((more - less) / (2 * step), rel=1e-4)
