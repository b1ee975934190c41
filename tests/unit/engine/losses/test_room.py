"""Room for the flourish: the empty parts of the photo."""

import math

import pytest
import torch
from torch import Tensor

from nst.engine.losses.layers import MATCHED_LAYERS
from nst.engine.losses.neighbors import BUSY_FLOURISH, FACE_FLOURISH, neighbor_terms
from nst.engine.losses.room import FULL_LEVELS, room_in
from nst.engine.network.encoder import Encoder
from nst.engine.network.tiles import cut
from nst.engine.pictures.tensors import StyleInput
from unit.engine.synthetic import random_tensors


def noise(height: int, width: int, seed: int, deviation: float) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return deviation * torch.randn(1, 3, height, width, generator=generator, dtype=torch.float64)


def room_by_hand(content: Tensor, row: int, column: int) -> float:
    """Return the room at a pixel, from the pixels around it inside the image."""
    height, width = content.shape[2:]
    radius = max(round(max(height, width) / 32), 1)
    grey = [
        sum(content[0, :, y, x].tolist()) / 3
        for y in range(max(row - radius, 0), min(row + radius + 1, height))
        for x in range(max(column - radius, 0), min(column + radius + 1, width))
    ]
    mean = sum(grey) / len(grey)
    deviation = math.sqrt(sum((each - mean) ** 2 for each in grey) / len(grey))
    return max(1 - deviation / FULL_LEVELS, 0)


@pytest.mark.parametrize(("height", "width"), [(20, 30), (70, 90)])
def test_room_is_the_formula(height: int, width: int) -> None:
    content = 100 + noise(height, width, 1, deviation=20)
    room = room_in(content)
    assert room.shape == (1, 1, height, width)
    for row, column in ((0, 0), (7, 11), (height - 1, width - 2), (height // 2, 0)):
        expected = room_by_hand(content, row, column)
        assert room[0, 0, row, column].item() == pytest.approx(expected, abs=1e-9)


def test_a_plain_wall_has_all_the_room_and_stripes_have_none() -> None:
    wall = torch.full((1, 3, 40, 60), 200.0)
    stripes = wall * (torch.arange(60) // 2 % 2)
    assert room_in(wall).min() == 1
    assert room_in(stripes).max() == 0


def pull_of_flourish(
    content: Tensor, detail: Tensor | None = None, faces: Tensor | None = None
) -> Tensor:
    """Return the length (H, W) of the flourish's gradient in relu1_2.
    The painting is noise."""
    encoder = Encoder("vgg16", random_tensors("vgg16"), MATCHED_LAYERS, torch.float64, "replicate")
    style = StyleInput(noise(36, 36, 2, deviation=60))
    terms = neighbor_terms(
        encoder,
        content,
        [style],
        content,
        search=0,
        flourish=1.0,
        detail=detail,
        faces=faces,
    )
    (term,) = (each for each in terms if each.name == "flourish")
    (tile,) = cut(content.shape, None, encoder.path)
    activations = encoder(noise(content.shape[2], content.shape[3], 3, deviation=60))
    sums = [each.requires_grad_() for each in term.statistics(activations, tile)]
    gradients = torch.autograd.grad(term.loss(sums), sums)
    total = torch.zeros_like(activations["relu1_2"])
    term.add_gradient("relu1_2", total, activations["relu1_2"], gradients, tile)
    return total[0].square().sum(0).sqrt()


EMPTY_AGAINST_BUSY = pytest.approx(1 / BUSY_FLOURISH, rel=0.2)
"""Ratio of the pull of the flourish where the photo is busy or empty.
Both halves have different random features, so the ratio is approximate."""


def test_the_flourish_pulls_most_where_there_is_room() -> None:
    half_empty = noise(32, 64, 4, deviation=80)
    half_empty[..., :32] = 50
    pull = pull_of_flourish(half_empty)
    assert pull[:, :28].mean() / pull[:, 36:].mean() == EMPTY_AGAINST_BUSY


def test_what_a_detail_map_protects_counts_as_busy() -> None:
    empty = torch.full((1, 3, 32, 64), 50.0, dtype=torch.float64)
    detail = torch.zeros(1, 1, 32, 64, dtype=torch.float64)
    detail[..., 32:] = 1
    pull = pull_of_flourish(empty, detail)
    assert pull[:, :32].mean() / pull[:, 32:].mean() == EMPTY_AGAINST_BUSY


def test_there_is_next_to_no_flourish_on_a_face() -> None:
    empty = torch.full((1, 3, 32, 64), 50.0, dtype=torch.float64)
    faces = torch.zeros(1, 1, 32, 64, dtype=torch.float64)
    faces[..., 32:] = 1
    pull = pull_of_flourish(empty, faces=faces)
    assert pull[:, 32:].mean() / pull[:, :32].mean() == pytest.approx(FACE_FLOURISH, rel=0.2)


def test_a_face_that_fills_the_photo_leaves_a_flourish() -> None:
    empty = torch.full((1, 3, 32, 64), 50.0, dtype=torch.float64)
    pull = pull_of_flourish(empty, faces=torch.ones(1, 1, 32, 64, dtype=torch.float64))
    assert 0 < pull.mean() < math.inf
