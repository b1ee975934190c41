"""The bundled VGG-16 against known values of the original Keras file."""

import json
from functools import partial
from pathlib import Path
from typing import cast

import pytest
import torch
from safetensors import safe_open

from nst.engine.network.encoder import parameter_shapes
from nst.engine.network.files import BUNDLE
from nst.engine.network.weights import BUNDLED_SHA256, WeightsStore
from nst.errors import WeightsUnavailable

FIRST_BIAS = 0.73429835
FIRST_BLUE_ROW = [0.42947057, 0.373467, -0.06136011]
LAST_BIASES = [0.18837857, -0.50036746, 0.5422234]
LAST_KERNEL = [0.00040788, 0.00030285, 0.0030907]


@pytest.fixture(scope="module")
def factors() -> dict[str, float]:
    with safe_open(BUNDLE / "vgg16.safetensors", "pt") as file:
        return cast("dict[str, float]", json.loads(file.metadata()["factors"]))


def test_the_store_finds_it_and_its_hash_is_right() -> None:
    weights = WeightsStore(offline=True).load("vgg16")
    assert weights.sha256 == BUNDLED_SHA256
    assert weights.path == BUNDLE / "vgg16.safetensors"
    assert {name: tuple(t.shape) for name, t in weights.tensors.items()} == parameter_shapes(
        "vgg16"
    )


def test_without_the_factors_the_values_are_the_original_ones(factors: dict[str, float]) -> None:
    tensors = WeightsStore(offline=True).load("vgg16").tensors
    first, last = tensors["conv1_1.weight"], tensors["conv5_3.weight"]
    close = partial(torch.testing.assert_close, rtol=1e-3, atol=1e-6)  # the tolerance of float16
    blue = 2  # channels are RGB
    close(first[0, blue, 0] / factors["conv1_1"], torch.tensor(FIRST_BLUE_ROW))
    close(tensors["conv1_1.bias"][0] / factors["conv1_1"], torch.tensor(FIRST_BIAS))
    close(
        tensors["conv5_3.bias"][:3] / factors["conv5_3"],
        torch.tensor(LAST_BIASES),
    )
    close(
        last[0, 0, 0] * factors["conv5_2"] / factors["conv5_3"],
        torch.tensor(LAST_KERNEL),
    )


def test_licence_and_attribution_lie_beside_it() -> None:
    text = (BUNDLE / "README.md").read_text()
    assert "CC BY 4.0" in text
    assert "Simonyan" in text
    assert "Zisserman" in text


def test_a_changed_bundle_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vgg16.safetensors").write_bytes(b"changed")
    monkeypatch.setattr("nst.engine.network.weights.BUNDLE", tmp_path)
    with pytest.raises(WeightsUnavailable, match="SHA-256 is not the published one"):
        WeightsStore(offline=True).load("vgg16")
