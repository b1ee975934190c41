"""Gradients in low precision with the real network, whatever the weights of the terms."""

from dataclasses import replace
from typing import Literal

import pytest
import torch

from nst.engine.losses.layers import CONTENT_LAYER, MATCHED_LAYERS, style_layers
from nst.engine.network.encoder import Encoder
from nst.engine.network.weights import WeightsStore
from nst.engine.pictures.tensors import StyleInput, to_tensor
from nst.options import StyleTransferOptions
from support.pictures import picture
from unit.engine.losses.test_neighbors import WEIGHTS, all_terms, noise
from unit.engine.losses.test_neighbors import objective_of as of_terms
from unit.engine.synthetic import LOW_PRECISION_ERROR, objective_of


@pytest.mark.parametrize("dtype", LOW_PRECISION_ERROR, ids=str)
@pytest.mark.parametrize("style_loss", ["gram", "wasserstein"])
@pytest.mark.parametrize("style_weight", [1.0, 3e4, 1e12])
def test_of_statistics(
    dtype: torch.dtype, style_weight: float, style_loss: Literal["gram", "wasserstein"]
) -> None:
    tensors = WeightsStore(offline=True).load("vgg16").tensors
    layers = (CONTENT_LAYER["vgg16"], *style_layers("vgg16", "classic"))
    content, style = (to_tensor(picture(64, 48).rotate(90 * n), (64, 48)) for n in range(2))
    noise = torch.randn(content.shape, generator=torch.Generator().manual_seed(0))
    options = StyleTransferOptions(
        style_weight=style_weight, content_weight=0, style_loss=style_loss
    )
    found, exact = (
        objective_of(
            Encoder("vgg16", tensors, layers, each), content, [StyleInput(style)], options
        )((content + 10 * noise).flatten())
        for each in (dtype, torch.float32)
    )
    assert found.loss == pytest.approx(exact.loss, rel=0.05)
    error = (found.gradient - exact.gradient).norm() / exact.gradient.norm()
    assert error < LOW_PRECISION_ERROR[dtype]


@pytest.mark.parametrize("style_weight", [1.0, 1e12])
@pytest.mark.parametrize("dtype", LOW_PRECISION_ERROR, ids=str)
def test_of_style_loss_neighbors(dtype: torch.dtype, style_weight: float) -> None:
    tensors = WeightsStore(offline=True).load("vgg16").tensors
    size, encoder = (48, 64), Encoder("vgg16", tensors, MATCHED_LAYERS)
    terms = all_terms(encoder, size)
    weights = replace(WEIGHTS, style=style_weight)
    x = noise(*size, 11, torch.float32).flatten()
    exact = of_terms(terms, encoder, size)(x, weights).gradient
    low = Encoder("vgg16", tensors, MATCHED_LAYERS, dtype)
    found = of_terms(terms, low, size)(x, weights).gradient
    assert (found - exact).norm() / exact.norm() < LOW_PRECISION_ERROR[dtype]
