"""Tiles of an image, of which one at a time has activations."""

from typing import Any

import pytest
import torch

from nst.engine.losses.layers import TermLayers
from nst.engine.network.encoder import Encoder
from nst.engine.pictures.tensors import StyleInput
from nst.options import StyleTransferOptions
from unit.engine.synthetic import (
    layers_in_memory,
    narrow_projections,
    narrow_tensors,
    objective_of,
)

SIZE, TILE_SIDE = (64, 96), 32
TILES = 6


@pytest.mark.parametrize("options", [{}, {"style_loss": "neighbors"}], ids=["gram", "neighbors"])
def test_a_tile_is_encoded_when_the_one_before_it_is_freed(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The memory plan has room for the activations of one tile."""
    in_memory = layers_in_memory(monkeypatch)
    chosen = StyleTransferOptions(model="vgg16", **options)
    encoder = Encoder("vgg16", narrow_tensors("vgg16"), TermLayers.of(chosen, "vgg16").names)
    random = torch.Generator().manual_seed(0)
    content, style = (60 * torch.randn((1, 3, *SIZE), generator=random) for _ in range(2))
    with narrow_projections():
        evaluate = objective_of(encoder, content, [StyleInput(style)], chosen, tile_side=TILE_SIDE)
        evaluate(content.flatten())
    assert len(in_memory) >= 4 * TILES  # of the content, of the style, and twice of the image
    assert not any(in_memory)
