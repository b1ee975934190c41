"""The layers of the loss, and the contribution of each term."""

from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from torch import Tensor

from nst.engine.losses.layers import CONTENT_LAYER, STYLE_LAYERS, TermLayers, style_layers
from nst.engine.network.encoder import Encoder
from nst.engine.network.weights import Weights
from nst.engine.pictures.tensors import StyleInput
from nst.engine.targets import make_encoder
from nst.errors import InvalidOption
from nst.layers import layer_names
from nst.options import StyleTransferOptions
from unit.engine.network.test_encoder import plain_network
from unit.engine.synthetic import narrow_tensors, objective_of

DENSE = {  # the first two ReLUs of every block, up to the last classic layer
    "vgg19": "relu1_1 relu1_2 relu2_1 relu2_2 relu3_1 relu3_2 relu4_1 relu4_2 relu5_1",
    "vgg16": "relu1_1 relu1_2 relu2_1 relu2_2 relu3_1 relu3_2 relu3_3 relu4_1 relu4_2 relu4_3",
}


@pytest.mark.parametrize("model", DENSE)
def test_the_dense_layers(model: str) -> None:
    assert list(style_layers(model, "dense")) == DENSE[model].split()
    assert set(style_layers(model, "classic")) <= set(DENSE[model].split())


NOTHING_ELSE: Any = {"content_weight": 0.0, "tv_weight": 0.0}


def gram_by_hand(features: Tensor) -> Tensor:
    rows = features[0].flatten(1)
    return rows @ rows.T / rows.numel()


@pytest.mark.parametrize("model", DENSE)
def test_the_dense_loss_is_the_formula(model: str) -> None:
    tensors = narrow_tensors(model)
    layers = style_layers(model, "dense")
    random = torch.Generator().manual_seed(0)
    content, style, x = (
        torch.randn((1, 3, 32, 48), generator=random, dtype=torch.float64) for _ in range(3)
    )
    encoder = Encoder(model, tensors, (CONTENT_LAYER[model], *layers), torch.float64)
    options = StyleTransferOptions(style_layers="dense", **NOTHING_ELSE, style_weight=7)
    found = objective_of(encoder, content, [StyleInput(style)], options)(x.flatten())

    def features(image: Tensor) -> dict[str, Tensor]:
        result = {}
        network = plain_network(model, tensors).double()
        for name, module in zip(encoder.path, network, strict=False):
            image = module(image)
            result[name] = image
        return result

    leaf = x.clone().requires_grad_()
    of_image, of_style = features(leaf), features(style)
    terms = [
        ((gram_by_hand(of_image[name]) - gram_by_hand(of_style[name])) ** 2).sum()
        for name in layers
    ]
    loss = 7 * sum(terms, torch.zeros(())) / len(layers)
    assert found.losses.style == pytest.approx(loss.item(), rel=1e-9)
    (gradient,) = torch.autograd.grad(loss, leaf)
    torch.testing.assert_close(found.gradient, gradient.flatten())


@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize("model", DENSE)
def test_named_layers_are_weighted_means(model: str, pooling: Literal["max", "average"]) -> None:
    tensors = narrow_tensors(model)
    of_style, of_content = (
        {"relu1_1": 1, "conv2_1": 0.5, "relu4_1": 2},
        {"conv3_1": 3, "relu2_2": 1},
    )
    options = StyleTransferOptions(
        content_weight=5,
        style_weight=7,
        tv_weight=0,
        style_layers="relu1_1,conv2_1=0.5,relu4_1=2",
        content_layers="conv3_1=3,relu2_2",
        pooling=pooling,
    )
    random = torch.Generator().manual_seed(0)
    content, style, x = (
        torch.randn((1, 3, 32, 48), generator=random, dtype=torch.float64) for _ in range(3)
    )
    weights = Weights(model, tensors, Path(), "")
    encoder = make_encoder(weights, options, torch.float64, torch.device("cpu"))
    found = objective_of(encoder, content, [StyleInput(style)], options)(x.flatten())

    def features(image: Tensor) -> dict[str, Tensor]:
        result = {}
        network = plain_network(model, tensors, pooling=pooling).double()
        for name, module in zip(layer_names(model), network, strict=True):
            image = result[name] = module(image)
        return result

    leaf = x.clone().requires_grad_()
    of_x, style_target, content_target = features(leaf), features(style), features(content)
    style_losses = [
        weight * (gram_by_hand(of_x[name]) - gram_by_hand(style_target[name])).square().sum()
        for name, weight in of_style.items()
    ]
    content_losses = [
        weight * (of_x[name] - content_target[name]).square().mean()
        for name, weight in of_content.items()
    ]
    style_loss = 7 * torch.stack(style_losses).sum() / 3.5
    content_loss = 5 * torch.stack(content_losses).sum() / 4
    assert found.losses.style == pytest.approx(style_loss.item(), rel=1e-9)
    assert found.losses.content == pytest.approx(content_loss.item(), rel=1e-9)
    (gradient,) = torch.autograd.grad(style_loss + content_loss, leaf)
    torch.testing.assert_close(found.gradient, gradient.flatten())


def test_the_classic_layers_by_name_are_the_classic_layers() -> None:
    for model in STYLE_LAYERS:
        named = StyleTransferOptions(
            style_layers=",".join(STYLE_LAYERS[model]), content_layers=CONTENT_LAYER[model]
        )
        assert TermLayers.of(named, model) == TermLayers.of(StyleTransferOptions(), model)


def test_a_layer_that_the_model_in_use_lacks_is_named() -> None:
    """The options are checked against the requested model only."""
    options = StyleTransferOptions(content_layers="relu3_4")
    assert TermLayers.of(options, "vgg19").content == {"relu3_4": 1}
    with pytest.raises(InvalidOption) as caught:
        TermLayers.of(options, "vgg16")
    assert str(caught.value) == (
        "content_layers: 'relu3_4' is invalid; expected layers that vgg16 has, conv1_1 … relu5_3; "
        "it has no relu3_4 (vgg16 stands in for vgg19)"
    )
