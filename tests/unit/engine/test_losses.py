"""Every loss against a transcription of its formula in float64, and its gradient against finite
differences."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from nst.engine.losses import content_loss, gram_matrix, style_loss, total_variation_loss

RELATIVE_TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 3e-2}

Array = NDArray[np.float64]


def gram_by_hand(features: Array) -> Array:
    channels, height, width = features.shape
    gram = np.zeros((channels, channels))
    for i in range(channels):
        for j in range(channels):
            gram[i, j] = (features[i] * features[j]).sum() / (channels * height * width)
    return gram


def content_by_hand(features: Array, target: Array) -> float:
    return float(((features - target) ** 2).sum() / features.size)


def style_by_hand(grams: list[Array], targets: list[Array]) -> float:
    layers = [((g - t) ** 2).sum() for g, t in zip(grams, targets, strict=True)]
    return float(sum(layers) / len(layers))


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


def test_gram_matrix(dtype: torch.dtype) -> None:
    features = random(1, 5, 6, 7).to(dtype)
    close(gram_matrix(features)[0], gram_by_hand(features[0].double().numpy()))


def test_gram_matrix_keeps_the_pictures_of_a_batch_apart() -> None:
    features = random(3, 4, 5, 6)
    for index in range(3):
        close(gram_matrix(features)[index], gram_by_hand(features[index].numpy()))


def test_content_loss(dtype: torch.dtype) -> None:
    features, target = random(1, 4, 5, 6).to(dtype), random(1, 4, 5, 6, seed=1).to(dtype)
    by_hand = content_by_hand(features[0].double().numpy(), target[0].double().numpy())
    close(content_loss(features, target), by_hand)


def test_style_loss_is_the_mean_over_layers_of_different_sizes(dtype: torch.dtype) -> None:
    grams = [random(1, size, size).to(dtype) for size in (3, 5, 8)]
    targets = [random(1, size, size, seed=1).to(dtype) for size in (3, 5, 8)]
    by_hand = style_by_hand(
        [gram[0].double().numpy() for gram in grams],
        [target[0].double().numpy() for target in targets],
    )
    close(style_loss(grams, targets), by_hand)


def test_style_loss_refuses_another_number_of_layers() -> None:
    with pytest.raises(ValueError, match="zip"):
        style_loss([random(1, 3, 3)], [])


def test_total_variation_loss(dtype: torch.dtype) -> None:
    image = random(1, 3, 6, 7).to(dtype)
    close(total_variation_loss(image), total_variation_by_hand(image[0].double().numpy()))


def test_total_variation_of_a_flat_picture_is_zero() -> None:
    assert total_variation_loss(torch.full((1, 3, 8, 9), 7.0)) == 0


LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "content": lambda x: content_loss(x, random(1, 3, 4, 5, seed=1)),
    "style": lambda x: style_loss([gram_matrix(x)], [gram_matrix(random(1, 3, 4, 5, seed=1))]),
    "total variation": total_variation_loss,
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
def test_gradient_equals_finite_differences(loss: Callable[[Tensor], Tensor]) -> None:
    x = random(1, 3, 4, 5).requires_grad_()
    (gradient,) = torch.autograd.grad(loss(x), x)
    step = 1e-6
    with torch.no_grad():
        for index in np.ndindex(*x.shape):
            nudge = torch.zeros_like(x)
            nudge[index] = step
            difference = (loss(x + nudge) - loss(x - nudge)) / (2 * step)
            assert gradient[index].item() == pytest.approx(difference.item(), rel=1e-5, abs=1e-7)
