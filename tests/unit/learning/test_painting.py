"""Painting with a learned network, and the same network as an ONNX graph."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnxruntime import InferenceSession
from PIL import Image

from nst import LearnedStyle, StyleTransferOptions
from nst.errors import InvalidOption
from nst.learning import network, onnx_file, painting
from nst.learning.network import StyleNetwork, paint_levels
from unit.learning import tiny

PHOTO = Image.effect_noise((62, 45), 70).convert("RGB")


@pytest.fixture
def two(tmp_path: Path) -> LearnedStyle:
    return LearnedStyle.load(tiny.saved(tmp_path / "two.nst", ("one", "two")))


def painted(style: LearnedStyle, **options: object) -> np.ndarray:
    values = StyleTransferOptions.from_preset("draft", **{"size": 62, **options})
    return np.asarray(style.paint(PHOTO, values).image, dtype=np.float32)


@pytest.mark.parametrize("size", [33, 62, 64, 97])
def test_a_result_has_the_size_that_is_asked_for(two: LearnedStyle, size: int) -> None:
    assert painted(two, size=size).shape[1] == size


def test_styles_differ_and_blend(two: LearnedStyle) -> None:
    one, other = painted(two, style_blend=(1, 0)), painted(two, style_blend=(0, 1))
    blend = painted(two, style_blend=(1, 1))
    assert np.abs(one - other).mean() > 1
    assert np.abs(blend - one).mean() < np.abs(other - one).mean()
    assert np.array_equal(blend, painted(two))


@pytest.mark.parametrize("has_instructions", [True, False])
def test_bfloat16_paints_nearly_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_instructions: bool
) -> None:
    """A CPU without instructions for bfloat16 paints in float32."""
    monkeypatch.setattr(network, "multiplies", lambda _, __: has_instructions)
    file = tiny.saved(tmp_path / "one.nst")
    exact, fast = (painted(LearnedStyle.load(file, precision=name)) for name in ("fp32", "bf16"))
    assert np.abs(exact - fast).mean() < 1
    assert np.array_equal(exact, fast) != has_instructions


def test_color_luminance_keeps_the_chroma_of_the_photo(two: LearnedStyle) -> None:
    grey = painted(two, color="luminance")  # the photo is grey
    for one, other in ((0, 1), (1, 2), (2, 0)):
        assert np.abs(grey[..., one] - grey[..., other]).max() <= 2


def test_16_bits_and_transparency(two: LearnedStyle) -> None:
    photo, alpha = PHOTO.copy(), Image.linear_gradient("L").resize(PHOTO.size)
    photo.putalpha(alpha)
    options = StyleTransferOptions.from_preset("draft", size=62, bit_depth="16")
    result = two.paint(photo, options)
    samples = result.samples
    assert samples is not None
    assert (samples.dtype, samples.shape) == (np.uint16, (45, 62, 4))
    colours = samples[..., :3]
    inner = colours[(colours > 0) & (colours < 65535)]  # the small network clips many
    assert inner.size > 1000
    assert np.mean(inner % 257 == 0) < 0.1, "8-bit values times 257"
    assert np.abs(samples / 257 - np.asarray(result.image)).max() <= 0.51
    assert result.image.getchannel("A").tobytes() == alpha.tobytes()


def test_very_large_images_are_painted_smaller_and_enlarged(
    two: LearnedStyle, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes: list[tuple[int, ...]] = []

    def remember(network: StyleNetwork, pixels: np.ndarray, *arguments: Any) -> np.ndarray:
        shapes.append(pixels.shape)
        return paint_levels(network, pixels, *arguments)

    monkeypatch.setattr(painting, "MAX_PIXELS", 32 * 32)
    monkeypatch.setattr(painting, "paint_levels", remember)
    assert painted(two, size=128).shape == (93, 128, 3)
    assert shapes == [(27, 38, 3)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"color": "match"}, "color: 'match' .* style or luminance with a learned style"),
        ({"style_blend": (1, 1, 1)}, "style_blend: .* as many shares as styles, here 2"),
        ({"total_iterations": 5}, "total_iterations: 5 .* 0 with a learned style"),
    ],
)
def test_what_a_learned_style_cannot_do(
    two: LearnedStyle, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidOption, match=message):
        painted(two, **options)


# ── ONNX ──────────────────────────────────────────────────────────────────────────────────────


def test_the_onnx_graph_paints_the_same(tmp_path: Path) -> None:
    style = LearnedStyle.load(tiny.saved(tmp_path / "two.nst", ("a", "b")), precision="fp32")
    file = onnx_file.export(tmp_path / "two.nst", tmp_path / "two.onnx")
    onnx.checker.check_model(str(file), full_check=True)
    photo = 255 * torch.rand(1, 3, 36, 48, generator=torch.Generator().manual_seed(0))
    shares = torch.tensor([[0.3, 0.7]])
    with torch.inference_mode():
        ours = style.network(photo, shares).numpy()
    session = InferenceSession(file, providers=["CPUExecutionProvider"])
    theirs = session.run(None, {"photo": photo.numpy(), "shares": shares.numpy()})[0]
    assert np.abs(ours - theirs).max() / 255 <= 1e-3
