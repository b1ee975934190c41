"""The network computes the same from weights of every file format."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import conv2d, relu

from nst.engine.network.conversion import (
    MEAN_ACTIVATION,
    TORCHVISION_MEAN,
    TORCHVISION_STD,
    calibration_pictures,
    normalize,
    read_weights,
)
from nst.engine.network.encoder import MEAN_RGB, Encoder
from nst.engine.network.files import CAFFE_PTH, UnusableWeights
from nst.layers import layer_names
from unit.engine.synthetic import random_tensors, to_torchvision, write_keras

NO_HASH = "0" * 64
RELUS = [name for name in layer_names("vgg16") if name.startswith("relu")]


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    """Return the tensors of a network for RGB 0…255 minus MEAN_RGB."""
    return random_tensors("vgg16")


@pytest.fixture(scope="module")
def converted(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return normalize(tensors, "vgg16")[0]


def bgr(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return tensors | {"conv1_1.weight": tensors["conv1_1.weight"].flip(1)}


def same(actual: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    assert actual.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(actual[name], tensor, rtol=1e-5, atol=1e-7)


def test_normalizing_multiplies_every_layer_by_its_factor_and_nothing_else(
    tensors: dict[str, Tensor],
) -> None:
    scaled, factors = normalize(tensors, "vgg16")
    image = 60 * torch.randn(1, 3, 40, 48)
    before = Encoder("vgg16", tensors, RELUS)(image)
    after = Encoder("vgg16", scaled, RELUS)(image)
    for name in RELUS:
        factor = factors[name.replace("relu", "conv")]
        torch.testing.assert_close(after[name], factor * before[name], rtol=1e-3, atol=1e-3)


def test_normalized_layers_have_the_same_mean_activation_over_photographs(
    converted: dict[str, Tensor],
) -> None:
    features = Encoder("vgg16", converted, RELUS)(calibration_pictures())
    for name in RELUS:
        assert features[name].mean().item() == pytest.approx(MEAN_ACTIVATION, rel=1e-3)


def test_the_calibration_pictures_are_eight_photographs_in_the_encoder_s_convention() -> None:
    pictures = calibration_pictures()
    assert pictures.shape == (8, 3, 128, 128)
    rgb = pictures + torch.tensor(MEAN_RGB).view(1, 3, 1, 1)
    assert rgb.min() >= -1e-3
    assert rgb.max() <= 255.001
    # Neighbouring columns of a photo are alike: no strip was cut askew.
    inside = (rgb[..., 1:] - rgb[..., :-1]).abs().mean()
    across = (rgb[1:, ..., 0] - rgb[:-1, ..., -1]).abs().mean()
    assert inside < across / 3


@pytest.mark.parametrize("nested", [False, True])
def test_keras(
    tmp_path: Path, tensors: dict[str, Tensor], converted: dict[str, Tensor], nested: bool
) -> None:
    write_keras(tmp_path / "vgg16.h5", bgr(tensors), nested=nested)
    same(read_weights(tmp_path / "vgg16.h5", "vgg16", NO_HASH), converted)


def test_caffe_pth(
    tmp_path: Path, tensors: dict[str, Tensor], converted: dict[str, Tensor]
) -> None:
    torch.save(to_torchvision(bgr(tensors), "vgg16"), tmp_path / "a.pth")
    same(read_weights(tmp_path / "a.pth", "vgg16", CAFFE_PTH[1] + "0" * 56), converted)


def test_safetensors_with_torchvision_s_names(
    tmp_path: Path, tensors: dict[str, Tensor], converted: dict[str, Tensor]
) -> None:
    save_file(to_torchvision(tensors, "vgg16"), tmp_path / "a.safetensors")
    same(read_weights(tmp_path / "a.safetensors", "vgg16", NO_HASH), converted)


def test_our_own_safetensors_are_taken_as_they_are(
    tmp_path: Path, converted: dict[str, Tensor]
) -> None:
    save_file({k: v.contiguous() for k, v in converted.items()}, tmp_path / "a.safetensors")
    read = read_weights(tmp_path / "a.safetensors", "vgg16", NO_HASH)
    assert all(torch.equal(read[name], converted[name]) for name in converted)


def test_torchvision_s_input_scaling_is_folded_into_the_first_layer(tmp_path: Path) -> None:
    tensors = random_tensors("vgg16")
    torch.save(to_torchvision(tensors, "vgg16"), tmp_path / "a.pth")
    read = read_weights(tmp_path / "a.pth", "vgg16", NO_HASH)
    rgb = torch.randint(0, 256, (1, 3, 20, 20)).float()
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (TORCHVISION_MEAN, TORCHVISION_STD))
    name = "conv1_1"
    theirs = conv2d((rgb / 255 - mean) / std, tensors[f"{name}.weight"], tensors[f"{name}.bias"])
    ours = conv2d(
        rgb - torch.tensor(MEAN_RGB).view(1, 3, 1, 1),
        read[f"{name}.weight"],
        read[f"{name}.bias"],
    )
    factor = (relu(ours).mean() / relu(theirs).mean()).item()
    torch.testing.assert_close(ours, factor * theirs, rtol=1e-4, atol=1e-3 * factor)


def broken_files(directory: Path) -> dict[str, Path]:
    tensors = to_torchvision(random_tensors("vgg16"), "vgg16")
    files = {}
    for name, content in {
        "empty.pth": b"",
        "page.pth": b"<!doctype html><title>404</title>",
        "text.h5": b"not a weight in sight",
        "noise.safetensors": bytes(range(256)),
    }.items():
        files[name] = directory / name
        files[name].write_bytes(content)
    for name, change in {
        "shape.pth": {"features.0.weight": torch.zeros(64, 3, 5, 5)},
        "nan.pth": {"features.2.bias": torch.full((64,), torch.nan)},
    }.items():
        files[name] = directory / name
        torch.save(tensors | change, files[name])
    files["missing.pth"] = directory / "missing.pth"
    torch.save({k: v for k, v in tensors.items() if "28" not in k}, files["missing.pth"])
    return files


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("empty.pth", "cannot be read"),
        ("page.pth", "cannot be read"),
        ("text.h5", "cannot be read"),
        ("noise.safetensors", "cannot be read"),
        ("shape.pth", r"conv1_1.weight has the shape \(64, 3, 5, 5\), vgg16's is \(64, 3, 3, 3\)"),
        ("nan.pth", "conv1_2.bias holds numbers that are not finite"),
        ("missing.pth", "features.28.weight"),
    ],
)
def test_a_broken_file_is_refused_with_its_reason(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(UnusableWeights, match=says):
        read_weights(broken_files(tmp_path)[name], "vgg16", NO_HASH)


def test_vgg16_is_not_taken_for_vgg19(tmp_path: Path, converted: dict[str, Tensor]) -> None:
    save_file({k: v.contiguous() for k, v in converted.items()}, tmp_path / "vgg19.safetensors")
    with pytest.raises(UnusableWeights, match=r"has no conv3_4.weight, so it is no vgg19"):
        read_weights(tmp_path / "vgg19.safetensors", "vgg19", NO_HASH)


class Evil:
    """Object that creates a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


def test_a_pickle_cannot_run_code(tmp_path: Path) -> None:
    torch.save({"features.0.weight": Evil(tmp_path / "touched")}, tmp_path / "evil.pth")
    with pytest.raises(UnusableWeights):
        read_weights(tmp_path / "evil.pth", "vgg16", NO_HASH)
    assert not (tmp_path / "touched").exists()
