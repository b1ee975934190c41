"""Colours: statistics against their definition, and the colours of a result."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nst import Inputs, NeuralStyleTransfer, StyleTransferOptions, images
from nst.engine.pictures import levels
from nst.engine.pictures.colour import prepare_style, with_colours_of, with_statistics_of
from support.pictures import picture


def colours(image: Image.Image) -> np.ndarray:
    return np.asarray(image, dtype=np.float64).reshape(-1, len(image.getbands()))


def soft_noise(mean: tuple[float, ...], covariance: np.ndarray, seed: int) -> Image.Image:
    """Return an image of normally distributed colours that stay within range."""
    pixels = np.random.default_rng(seed).multivariate_normal(mean, covariance, size=(80, 80))
    return Image.fromarray(pixels.round().clip(0, 255).astype(np.uint8))


ONE = soft_noise((120, 100, 90), np.array([[300, 100, 0], [100, 200, -50], [0, -50, 150.0]]), 1)
OTHER = soft_noise((90, 140, 160), np.array([[80, -20, 0], [-20, 250, 90], [0, 90, 200.0]]), 2)


def test_mean_and_covariance_become_the_other_s() -> None:
    moved = colours(with_statistics_of(ONE, OTHER))
    np.testing.assert_allclose(moved.mean(0), colours(OTHER).mean(0), atol=0.2)
    np.testing.assert_allclose(np.cov(moved.T), np.cov(colours(OTHER).T), atol=4)


def test_a_picture_with_its_own_statistics_stays() -> None:
    assert np.abs(colours(with_statistics_of(ONE, ONE)) - colours(ONE)).max() <= 1


def test_a_flat_style_takes_the_other_s_mean() -> None:
    flat = Image.new("RGB", (40, 30), (10, 200, 30))
    moved = with_statistics_of(flat, OTHER)
    np.testing.assert_allclose(colours(moved), [colours(OTHER).mean(0).round()] * 1200, atol=1)


def test_the_style_is_prepared_by_the_choice() -> None:
    assert prepare_style(ONE, OTHER, "style") is ONE
    assert prepare_style(ONE, OTHER, "match") == with_statistics_of(ONE, OTHER)
    grey = prepare_style(ONE, OTHER, "luminance")
    red, green, blue = grey.split()
    assert red == green == blue
    luminance = colours(OTHER.convert("L"))
    assert colours(red).mean() == pytest.approx(luminance.mean(), abs=0.5)
    assert colours(red).std() == pytest.approx(luminance.std(), rel=0.05)


def recoloured(picture: Image.Image, content: Image.Image, amount: float) -> Image.Image:
    return levels.to_image(with_colours_of(levels.of_image(picture), content, amount))


def yiq(levels: np.ndarray) -> np.ndarray:
    """Return the levels as YIQ, the space that [Gatys17] §5.1 names.
    The matrix is that of NTSC 1953."""
    matrix = [[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]]
    converted: np.ndarray = levels.astype(np.float64) @ np.array(matrix).T
    return converted


@pytest.mark.parametrize("amount", [0.3, 1])
def test_in_yiq_only_the_chroma_changes(amount: float) -> None:
    picture = levels.of_image(ONE) + np.float32(0.37)
    before, content = yiq(picture), yiq(levels.of_image(OTHER))
    expected = before.copy()
    expected[..., 1:] += amount * (content - before)[..., 1:]
    found = yiq(with_colours_of(picture, OTHER, amount))
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_the_luminance_stays_and_the_colours_come() -> None:
    mixed = recoloured(ONE, OTHER, 1).convert("YCbCr")
    expected = [ONE.convert("YCbCr").getchannel(0)]
    expected += [OTHER.convert("YCbCr").getchannel(band) for band in (1, 2)]
    for found, band in zip(mixed.split(), expected, strict=True):
        difference = np.asarray(found, dtype=int) - np.asarray(band, dtype=int)
        assert np.abs(difference).mean() < 2


def test_the_amount_goes_from_none_to_all() -> None:
    unchanged = levels.of_image(ONE)
    assert with_colours_of(unchanged, OTHER, 0) is unchanged
    reds = [
        colours(recoloured(ONE, OTHER, amount).convert("YCbCr"))[:, 2].mean()
        for amount in (0, 0.5, 1)
    ]
    assert reds[0] > reds[1] > reds[2]
    assert reds[1] == pytest.approx((reds[0] + reds[2]) / 2, abs=0.6)


def test_the_content_may_have_another_size_and_transparency() -> None:
    content = picture(90, 60).convert("RGBA")
    assert recoloured(ONE, content, 1).size == ONE.size


def chroma(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("YCbCr"), dtype=np.float64)[..., 1:]


def test_a_result_keeps_the_colours_of_its_content(content: Path, style: Path) -> None:
    photo = images.resize(images.load(content, "content"), (72, 48))
    distances = {}
    for color in ("style", "match", "luminance"):
        options = StyleTransferOptions.from_preset(
            "fast", size=72, total_iterations=20, color=color
        )
        painted = NeuralStyleTransfer(options, device="cpu").run(Inputs(photo, style)).image
        mean = chroma(painted).mean((0, 1)) - chroma(photo).mean((0, 1))
        distances[color] = np.abs(mean).max()
    assert distances["luminance"] < 1.5
    assert distances["match"] < distances["style"]
