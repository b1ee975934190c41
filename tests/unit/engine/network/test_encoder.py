"""The encoder against a plain forward pass, layer by layer."""

from itertools import pairwise
from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from nst.engine.network.encoder import Encoder, parameter_shapes
from nst.layers import layer_names
from unit.engine.synthetic import narrow_tensors

PLAIN = {  # [Simonyan14] table 1, columns D and E; M is a max-pooling
    "vgg16": "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
    "vgg19": "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
}

RELATIVE_ERROR = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 3e-2}


def plain_network(
    model: str,
    tensors: dict[str, Tensor],
    padding: Literal["zeros", "replicate"] = "zeros",
    pooling: str = "max",
) -> nn.Sequential:
    modules: list[nn.Module] = []
    parameters = iter(tensors.values())
    for word in PLAIN[model].split():
        if word == "M":
            modules.append(nn.MaxPool2d(2, 2) if pooling == "max" else nn.AvgPool2d(2, 2))
            continue
        kernel, bias = next(parameters), next(parameters)
        convolution = nn.Conv2d(
            kernel.shape[1], len(kernel), 3, padding=1, padding_mode=padding, device="meta"
        )
        convolution.weight, convolution.bias = nn.Parameter(kernel), nn.Parameter(bias)
        modules += [convolution, nn.ReLU()]
    return nn.Sequential(*modules)


@pytest.mark.parametrize("model", PLAIN)
def test_every_layer_is_as_wide_as_the_publishers(model: str) -> None:
    kernels = [shape for shape in parameter_shapes(model).values() if len(shape) == 4]
    widths = [int(word) for word in PLAIN[model].split() if word != "M"]
    assert kernels == [(out, given, 3, 3) for given, out in pairwise([3, *widths])]


@pytest.mark.parametrize("dtype", RELATIVE_ERROR, ids=str)
@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize("padding", ["zeros", "replicate"])
@pytest.mark.parametrize("model", PLAIN)
def test_every_layer_equals_the_plain_forward_pass(
    model: str, padding: Literal["zeros", "replicate"], pooling: str, dtype: torch.dtype
) -> None:
    tensors = narrow_tensors(model)
    image = torch.randn((1, 3, 48, 40), generator=torch.Generator().manual_seed(1))
    features = Encoder(model, tensors, layer_names(model), dtype, padding, pooling)(image)
    assert features["relu1_1"].is_contiguous(memory_format=torch.channels_last)
    x = image.double()
    network = plain_network(model, tensors, padding, pooling).double()
    with torch.no_grad():
        for name, module in zip(layer_names(model), network, strict=True):
            x = module(x)
            error = (features[name].double() - x).norm() / x.norm()
            assert error < RELATIVE_ERROR[dtype], name
    assert tuple(features) == layer_names(model)


def test_a_convolution_asked_for_is_not_rectified() -> None:
    tensors = narrow_tensors("vgg19")
    features = Encoder("vgg19", tensors, ["conv4_2", "relu4_2"])(torch.randn(1, 3, 32, 32))
    assert (features["conv4_2"] < 0).any()
    torch.testing.assert_close(features["conv4_2"].clamp(min=0), features["relu4_2"])


def test_nothing_is_computed_past_the_last_layer_needed() -> None:
    encoder = Encoder("vgg16", narrow_tensors("vgg16"), ["relu2_2", "relu1_1"])
    assert encoder.path[-1] == "relu2_2"
    assert list(encoder(torch.randn(1, 3, 16, 16)))[-1] == "relu2_2"
    assert not [name for name, _ in encoder.named_buffers() if name.startswith("conv3")]


def add_features(_: str, features: Tensor, total: Tensor) -> None:
    total.add_(features)


def test_a_network_up_to_a_layer_is_the_same_network_made_shorter() -> None:
    tensors, image = narrow_tensors("vgg16"), torch.randn(1, 3, 16, 16)
    deep = Encoder("vgg16", tensors, ["relu1_1", "relu2_1", "relu3_1"])
    short, expected = deep.up_to(["relu2_1"]), Encoder("vgg16", tensors, ["relu2_1"])
    assert short.path == expected.path
    assert short.layers == expected.layers
    gradients = []
    for encoder in (short, expected):
        activations = encoder(image)
        assert list(activations)[-1] == "relu2_1"
        gradients.append(encoder.backward(activations, add_features))
    torch.testing.assert_close(*gradients, rtol=0, atol=0)
    assert list(deep(image))[-1] == "relu3_1"  # the deeper one stays as it is


def test_an_unknown_layer_is_named() -> None:
    with pytest.raises(ValueError, match="vgg16 has no layer relu3_4"):
        Encoder("vgg16", narrow_tensors("vgg16"), ["relu3_4", "relu1_1"])


GRADIENT_ERROR = {
    torch.float64: 1e-12,
    torch.float32: 1e-4,
    torch.bfloat16: 0.2,
    torch.float16: 0.1,
}
"""Largest error of the whole backward pass.
Rounding may switch a ReLU or a pooling."""

TAPPED = {
    "vgg16": ("relu1_2", "relu2_2", "pool3", "relu4_3"),
    "vgg19": ("relu1_1", "conv4_2", "relu5_1"),
}


@pytest.mark.parametrize("dtype", GRADIENT_ERROR, ids=str)
@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize("padding", ["zeros", "replicate"])
@pytest.mark.parametrize("model", PLAIN)
def test_the_way_back_equals_autograd_through_the_plain_network(
    model: str, padding: Literal["zeros", "replicate"], pooling: str, dtype: torch.dtype
) -> None:
    """The loss is a weighted sum of features; odd sides leave pixels over in pools."""
    tensors = narrow_tensors(model)
    random = torch.Generator().manual_seed(1)
    image = torch.randn((1, 3, 49, 39), generator=random)
    encoder = Encoder(model, tensors, TAPPED[model], dtype, padding, pooling)
    activations = encoder(image)
    weights = {
        layer: torch.randn(activations[layer].shape, generator=random) for layer in TAPPED[model]
    }

    def add_weights(layer: str, features: Tensor, gradient: Tensor) -> None:
        gradient += weights[layer].to(dtype)

    found = encoder.backward(activations, add_weights)
    assert found.dtype == dtype
    assert not activations

    x = leaf = image.double().requires_grad_()
    loss = torch.zeros((), dtype=torch.float64)
    network = plain_network(model, tensors, padding, pooling).double()
    for name, module in zip(layer_names(model), network, strict=True):
        x = module(x)
        if name in weights:
            loss = loss + (weights[name].double() * x).sum()
    (expected,) = torch.autograd.grad(loss, leaf)
    assert (found.double() - expected).norm() / expected.norm() < GRADIENT_ERROR[dtype]


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_the_way_back_equals_finite_differences(pooling: str) -> None:
    tensors = {name: tensor.double() for name, tensor in narrow_tensors("vgg16").items()}
    encoder = Encoder("vgg16", tensors, ["relu3_1"], torch.float64, pooling=pooling)
    random = torch.Generator().manual_seed(2)
    image, direction = (
        torch.randn((1, 3, 13, 18), generator=random, dtype=torch.float64) for _ in range(2)
    )

    def loss(x: Tensor) -> Tensor:
        features: Tensor = encoder(x)["relu3_1"]
        return features.square().sum()

    def add_gradient(layer: str, features: Tensor, gradient: Tensor) -> None:
        gradient += 2 * features

    step = 1e-7
    slope = (loss(image + step * direction) - loss(image - step * direction)) / (2 * step)
    gradient = encoder.backward(encoder(image), add_gradient)
    assert (gradient * direction).sum().item() == pytest.approx(slope.item(), rel=1e-6)


def test_the_way_back_gives_every_layer_its_features() -> None:
    encoder = Encoder("vgg16", narrow_tensors("vgg16"), ["relu1_2", "relu2_2"])
    image = torch.randn(1, 3, 16, 16)
    expected = {layer: encoder(image)[layer].clone() for layer in ("relu1_2", "relu2_2")}
    asked = []

    def add_nothing(layer: str, features: Tensor, gradient: Tensor) -> None:
        asked.append(layer)
        torch.testing.assert_close(features, expected[layer])
        assert gradient.shape == features.shape

    assert encoder.backward(encoder(image), add_nothing).abs().max() == 0
    assert asked == ["relu2_2", "relu1_2"]


def test_the_weights_are_constants() -> None:
    encoder = Encoder("vgg16", narrow_tensors("vgg16"), ["relu1_1"])
    assert not list(encoder.parameters())
    assert not any(buffer.requires_grad for buffer in encoder.buffers())
