"""Every sum and loss against its formula, every gradient against differences.

The formulas are transcribed in float64; the differences are finite.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from nst.engine.losses.content import add_content_sum_gradient, content_sum
from nst.engine.losses.sums import (
    BAND_NUMBERS,
    add_channel_sum_gradient,
    add_gram_sum_gradient,
    channel_sum,
    gram_sum,
)
from nst.engine.losses.total_variation import total_variation_gradient, total_variation_loss

RELATIVE_TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 1e-2}

Array = NDArray[np.float64]


def gram_by_hand(features: Array, guide: Array | float = 1.0) -> Array:
    channels = len(features)
    gram = np.zeros((channels, channels))
    for i in range(channels):
        for j in range(channels):
            gram[i, j] = (guide * features[i] * features[j]).sum()
    return gram


def content_by_hand(features: Array, target: Array) -> float:
    return float(((features - target) ** 2).sum())


def total_variation_by_hand(image: Array) -> float:
    total = 0.0
    channels, height, width = image.shape
    for c in range(channels):
        for y in range(height):
            for x in range(width):
                if x + 1 < width:
                    total += abs(image[c, y, x + 1] - image[c, y, x])
                if y + 1 < height:
                    total += abs(image[c, y + 1, x] - image[c, y, x])
    return total


@pytest.fixture(params=RELATIVE_TOLERANCE, ids=str)
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    assert isinstance(request.param, torch.dtype)
    return request.param


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def close(actual: Tensor, expected: float | Array) -> None:
    tolerance = RELATIVE_TOLERANCE[actual.dtype]
    expected = np.asarray(expected)
    np.testing.assert_allclose(
        actual.double().numpy(), expected, rtol=tolerance, atol=tolerance * np.abs(expected).max()
    )


def channels_last(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_gram_sum(dtype: torch.dtype, layout: torch.memory_format) -> None:
    features = random(1, 5, 6, 7).to(dtype).contiguous(memory_format=layout)
    total = gram_sum(features)
    assert total.dtype == torch.promote_types(dtype, torch.float32)
    close(total, gram_by_hand(features[0].double().numpy()))


def test_sums_in_which_pixels_count_differently(dtype: torch.dtype) -> None:
    features = random(1, 5, 6, 7).to(dtype)
    guide = random(1, 1, 6, 7, seed=1).abs().to(torch.promote_types(dtype, torch.float32))
    exact, weights = features[0].double().numpy(), guide[0, 0].double().numpy()
    close(gram_sum(features, guide), gram_by_hand(exact, weights))
    close(channel_sum(features, guide), (weights * exact).sum((1, 2)))
    close(channel_sum(features), exact.sum((1, 2)))


def test_sums_of_more_numbers_than_are_copied_at_once() -> None:
    height = 3 * BAND_NUMBERS // (16 * 50) + 1
    features = channels_last(random(1, 16, height, 50)).bfloat16()
    target = channels_last(random(1, 16, height, 50, seed=1)).bfloat16()
    exact = features.double().numpy()
    close(gram_sum(features), gram_by_hand(exact[0]))
    guide = random(1, 1, height, 50, seed=2).abs().float()
    close(gram_sum(features, guide), gram_by_hand(exact[0], guide[0, 0].double().numpy()))
    by_hand = content_by_hand(exact, target.double().numpy())
    assert content_sum(features, target).item() == pytest.approx(by_hand, rel=1e-5)


def test_content_sum(dtype: torch.dtype) -> None:
    features, target = random(1, 4, 5, 6).to(dtype), random(1, 4, 5, 6, seed=1).to(dtype)
    by_hand = content_by_hand(features[0].double().numpy(), target[0].double().numpy())
    close(content_sum(features, target), by_hand)


def test_total_variation_loss(dtype: torch.dtype) -> None:
    image = random(1, 3, 6, 7).to(dtype)
    close(total_variation_loss(image), total_variation_by_hand(image[0].double().numpy()))


def test_total_variation_of_a_flat_picture_is_zero() -> None:
    assert total_variation_loss(torch.full((1, 3, 8, 9), 7.0)) == 0


TARGET = random(1, 3, 4, 5, seed=1)
WEIGHTS = random(3, 3, seed=2)
"""Weights that are not symmetric, so that the gradient must count both halves."""
CHANNELS = random(3, seed=3)
GUIDE = random(1, 1, 4, 5, seed=4).abs()


def content_gradient(x: Tensor) -> Tensor:
    total = torch.zeros_like(x)
    add_content_sum_gradient(total, x, TARGET.to(x.dtype), 3)
    return total


def gram_gradient(x: Tensor, guide: Tensor | None = None) -> Tensor:
    total = torch.zeros_like(x)
    add_gram_sum_gradient(total, x, WEIGHTS, guide)
    return total


def channel_gradient(x: Tensor, guide: Tensor | None = None) -> Tensor:
    total = torch.zeros_like(x)
    add_channel_sum_gradient(total, CHANNELS, guide)
    return total


GRADIENTS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "content": (lambda x: 3 * content_sum(x, TARGET), content_gradient),
    "gram": (lambda x: (WEIGHTS * gram_sum(x)).sum(), gram_gradient),
    "guided gram": (
        lambda x: (WEIGHTS * gram_sum(x, GUIDE)).sum(),
        lambda x: gram_gradient(x, GUIDE),
    ),
    "channels": (lambda x: (CHANNELS * channel_sum(x)).sum(), channel_gradient),
    "guided channels": (
        lambda x: (CHANNELS * channel_sum(x, GUIDE)).sum(),
        lambda x: channel_gradient(x, GUIDE),
    ),
    "total variation": (total_variation_loss, total_variation_gradient),
}


@pytest.mark.parametrize(("loss", "gradient"), GRADIENTS.values(), ids=GRADIENTS.keys())
def test_gradient_equals_finite_differences(
    loss: Callable[[Tensor], Tensor], gradient: Callable[[Tensor], Tensor]
) -> None:
    x = random(1, 3, 4, 5)
    found = gradient(x)
    assert found.shape == x.shape
    step = 1e-6
    for index in np.ndindex(*x.shape):
        nudge = torch.zeros_like(x)
        nudge[index] = step
        difference = (loss(x + nudge) - loss(x - nudge)) / (2 * step)
        assert found[index].item() == pytest.approx(difference.item(), rel=1e-5, abs=1e-6)


def test_gradients_are_added_to_what_is_there_band_by_band() -> None:
    height = 3 * BAND_NUMBERS // (3 * 50) + 1
    x = channels_last(random(1, 3, height, 50))
    there = random(1, 3, height, 50, seed=3)
    total = there.clone()
    add_gram_sum_gradient(total, x, WEIGHTS)
    by_hand = torch.einsum("bihw,ij->bjhw", x, WEIGHTS + WEIGHTS.T)
    torch.testing.assert_close(total - there, by_hand)
    guide = random(1, 1, height, 50, seed=4).abs()
    total = there.clone()
    add_gram_sum_gradient(total, x, WEIGHTS, guide)
    torch.testing.assert_close(total - there, guide * by_hand)
    total = there.clone()
    add_content_sum_gradient(total, x, 2 * x, 3)
    torch.testing.assert_close(total - there, -6 * x)


def test_the_total_variation_of_equal_neighbours_has_no_gradient() -> None:
    assert not total_variation_gradient(torch.full((1, 3, 8, 9), 7.0)).any()
