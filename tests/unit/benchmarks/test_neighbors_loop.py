"""The authors' loop: its parts against plain formulas, and a short run."""

from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks import neighbors_loop
from benchmarks.neighbors_loop import (
    NeighborsLoop,
    centred,
    collapsed,
    laplacian,
    nearest,
    rows,
    turns,
    with_colours_of,
)
from torch import Tensor

from nst import images
from nst.engine.network.weights import WeightsStore


def tensor(path: Path, width: int, height: int) -> Tensor:
    loaded = images.resize(images.load(path, "content"), (width, height))
    return torch.from_numpy(np.array(loaded)).permute(2, 0, 1)[None].float() / 255


@pytest.fixture
def loop(content: Path, style: Path) -> NeighborsLoop:
    weights = WeightsStore(offline=True).load("vgg16")
    return NeighborsLoop(weights.tensors, tensor(content, 64, 48), tensor(style, 56, 48))


def test_hypercolumns_are_all_layers_on_a_quarter_of_the_size(loop: NeighborsLoop) -> None:
    found = loop.hypercolumns(loop.content)
    assert found.shape == (1, 2 * 64 + 2 * 128 + 3 * 256 + 3 * 512, 12, 16)
    # relu3_1 has the size of the grid already
    deep = loop.features(loop.content)[4]
    assert torch.allclose(found[:, 384:640], deep / 256)


def test_the_target_of_the_style_itself_is_the_style(loop: NeighborsLoop) -> None:
    own = loop.hypercolumns(loop.style)
    found = loop.target(loop.style, loop.style)
    # Each set has its own mean: the rotated styles have a slightly different one than the style.
    same = torch.isclose(found, own).all(1).float().mean()
    assert same > 0.9


def test_the_nearest_is_that_of_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbors_loop, "BLOCK", 7)
    queries, keys = torch.randn(2, 30, 5, generator=torch.Generator().manual_seed(0))
    by_hand = [
        max(
            range(30), key=lambda k: float(torch.cosine_similarity(each, keys[k] - keys.mean(0), 0))
        )
        for each in queries - queries.mean(0)
    ]
    assert nearest(centred(queries), centred(keys)).tolist() == by_hand


def test_the_pyramid_is_the_image(loop: NeighborsLoop) -> None:
    bands = laplacian(loop.content)
    assert len(bands) == 6
    assert torch.allclose(collapsed(bands), loop.content, atol=1e-6)


def test_styles_are_turned(loop: NeighborsLoop) -> None:
    upright, left, upside_down, right = turns(loop.style)
    assert torch.equal(upright, loop.style)
    assert torch.equal(upside_down, loop.style.flip(2, 3))
    assert torch.equal(left.flip(2, 3), right)
    assert left.shape == (1, 3, 56, 48)


def test_colours_are_those_of_the_style(loop: NeighborsLoop) -> None:
    found, goal = rows(with_colours_of(loop.content, loop.style)), rows(loop.style)
    assert torch.allclose(found.mean(0), goal.mean(0), atol=1e-5)
    assert torch.allclose(found.T.cov(), goal.T.cov(), atol=1e-5)


def test_a_short_run(loop: NeighborsLoop) -> None:
    """At 64 pixels there is one scale; finishing doubles the number of steps."""
    heard: list[int] = []
    found = loop.run(3, heard.append)
    assert heard == [1, 2, 3, 4, 5, 6]
    assert found.shape == loop.content.shape
    assert 0 <= found.min() < found.max() <= 1


def test_a_run_comes_nearer_to_its_target(loop: NeighborsLoop) -> None:
    distance_to = loop._distance_to(loop.target(loop.content, loop.style))
    painted = loop._descend(loop.content, 10, distance_to, lambda: None)
    with torch.no_grad():
        assert distance_to(painted) < 0.95 * distance_to(loop.content)


def test_scales_go_from_coarse_to_fine(loop: NeighborsLoop) -> None:
    loop.content, loop.style = torch.rand(1, 3, 256, 300), torch.rand(1, 3, 256, 100)
    sizes = [tuple(style.shape[2:]) for _, style in loop._scales()]
    assert sizes == [(32, 16), (64, 25), (128, 50), (256, 100)]


def test_neighbours_are_searched_for_what_is_half_painted(loop: NeighborsLoop) -> None:
    start = torch.rand_like(loop.content)
    coarse = neighbors_loop.halved(loop.content, 1)
    assert loop.seen(start, loop.content, None) is loop.content
    detail = loop.content - neighbors_loop.enlarged(coarse, loop.content)
    found = loop.seen(start, loop.content, coarse)
    assert torch.allclose(found, 0.25 * (start + detail) + 0.75 * loop.content, atol=1e-6)


def test_the_same_seed_paints_the_same(loop: NeighborsLoop) -> None:
    first = loop.run(1)
    loop.random.manual_seed(0)
    assert torch.equal(loop.run(1), first)
