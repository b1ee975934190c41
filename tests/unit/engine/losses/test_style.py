"""The style loss of several styles, anywhere or in regions, against its formula."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from nst.engine.losses.gram import GramTarget
from nst.engine.losses.layers import CONTENT_LAYER, STYLE_LAYERS
from nst.engine.losses.style import KEPT_SHARE, guide_of
from nst.engine.network.encoder import Encoder
from nst.engine.network.tiles import radius_pixels, stride
from nst.engine.optimizer.optimizer import Evaluation
from nst.engine.pictures.tensors import StyleInput, covered
from nst.layers import layer_names
from nst.options import StyleTransferOptions
from unit.engine.network.test_encoder import plain_network
from unit.engine.synthetic import narrow_tensors, objective_of

TENSORS = narrow_tensors("vgg16")
LAYERS = STYLE_LAYERS["vgg16"]
ENCODER = Encoder("vgg16", TENSORS, (CONTENT_LAYER["vgg16"], *LAYERS), torch.float64)
SIZE = (64, 128)


def image(seed: int, *size: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return 60 * torch.randn((1, 3, *(size or SIZE)), generator=random, dtype=torch.float64)


def evaluate(x: Tensor, styles: Sequence[StyleInput], **options: Any) -> Evaluation:
    nothing_else = {"content_weight": 0.0, "tv_weight": 0.0, "style_weight": 7}
    chosen = StyleTransferOptions(**nothing_else | options)
    return objective_of(ENCODER, image(9), styles, chosen)(x.flatten())


def features(x: Tensor) -> dict[str, Tensor]:
    """Return the features (C, h, w) of an image by layer."""
    result = {}
    for name, module in zip(
        layer_names("vgg16"), plain_network("vgg16", TENSORS).double(), strict=True
    ):
        x = module(x)
        result[name] = x[0]
    return result


def gram(of_layer: Tensor, guide: Tensor | None = None) -> Tensor:
    """Return the Gram matrix Σ g·f·fᵀ / (C·Σ g)."""
    guide = torch.ones(of_layer.shape[1:], dtype=torch.float64) if guide is None else guide
    products = torch.einsum("hw,ihw,jhw->ij", guide, of_layer, of_layer)
    return products / (len(of_layer) * guide.sum())


def squared(one: Tensor, other: Tensor) -> Tensor:
    return (one - other).square().sum()


def check(found: Evaluation, loss: Tensor, leaf: Tensor) -> None:
    assert found.losses.style == pytest.approx(loss.item(), rel=1e-9)
    (gradient,) = torch.autograd.grad(loss, leaf)
    torch.testing.assert_close(found.gradient, gradient.flatten())


def test_the_distance_of_gram_matrices_divides_them_by_the_channels() -> None:
    one, other = (torch.randn(5, 5, dtype=torch.float64) for _ in range(2))
    expected = sum((one[i, j] / 5 - other[i, j] / 5) ** 2 for i in range(5) for j in range(5))
    assert GramTarget(other).distance(one).item() == pytest.approx(float(expected))


def test_a_blend_is_compared_with_the_average_of_the_styles() -> None:
    """The size of each style does not matter."""
    one, other = image(1), image(2, 48, 40)
    leaf = image(0).requires_grad_()
    found = evaluate(leaf.detach(), [StyleInput(one, 0.3), StyleInput(other, 0.7)])
    of_x, of_one, of_other = features(leaf), features(one), features(other)
    terms = [
        squared(gram(of_x[n]), 0.3 * gram(of_one[n]) + 0.7 * gram(of_other[n])) for n in LAYERS
    ]
    check(found, 7 * torch.stack(terms).mean(), leaf)


def test_the_loss_of_a_blend_falls_as_the_blend_of_the_losses_does() -> None:
    """For Gram matrices the two losses differ by a constant."""
    styles, x = [image(1), image(2)], image(0)
    blend = evaluate(x, [StyleInput(styles[0], 0.3), StyleInput(styles[1], 0.7)]).gradient
    alone = [evaluate(x, [StyleInput(style)]).gradient for style in styles]
    torch.testing.assert_close(blend, 0.3 * alone[0] + 0.7 * alone[1])


def soft_halves() -> tuple[Tensor, Tensor]:
    ramp = torch.linspace(-1, 1.4, SIZE[1], dtype=torch.float64).clamp(0, 1)
    amount = ramp.expand(1, 1, *SIZE)
    return amount, 1 - amount


def test_every_region_is_compared_with_its_style() -> None:
    """A region counts as the part of the image that it covers."""
    styles = [image(1), image(2, 48, 40)]
    leaf = image(0).requires_grad_()
    amounts = soft_halves()
    inputs = [StyleInput(*each) for each in zip(styles, (0.5, 0.5), amounts, strict=True)]
    found = evaluate(leaf.detach(), inputs)
    of_x, terms = features(leaf), []
    for style, amount in zip(styles, amounts, strict=True):
        of_style = features(style)
        for name in LAYERS:
            guide = guide_of(amount, layer_names("vgg16")[: 1 + layer_names("vgg16").index(name)])
            distance = squared(gram(of_x[name], guide[0, 0]), gram(of_style[name]))
            terms.append(amount.mean() * distance / len(LAYERS))
    check(found, 7 * torch.stack(terms).sum(), leaf)


@pytest.mark.parametrize("style_loss", ["gram", "wasserstein"])
def test_a_white_mask_is_no_mask(style_loss: str) -> None:
    style, white = image(1), torch.ones(1, 1, *SIZE, dtype=torch.float64)
    plain, masked = (
        evaluate(image(0), [StyleInput(style, 1.0, amount)], style_loss=style_loss)
        for amount in (None, white)
    )
    assert masked.losses.style == pytest.approx(plain.losses.style, rel=1e-9)
    torch.testing.assert_close(masked.gradient, plain.gradient)


@pytest.mark.parametrize("style_loss", ["gram", "wasserstein"])
def test_outside_its_mask_a_style_changes_no_pixel(style_loss: str) -> None:
    """The mask is eroded by what each layer sees, if enough of the region is left."""
    amount = torch.zeros(1, 1, *SIZE, dtype=torch.float64)
    amount[..., 8:] = 1
    options: Any = {"style_loss": style_loss}
    found = evaluate(image(0), [StyleInput(image(1), 1.0, amount)], **options)
    changed = found.gradient.view(3, *SIZE).abs().sum(0)
    assert not changed[:, :8].any()
    assert changed[:, 8:].all()


def test_a_region_is_painted_as_strongly_however_large_it_is() -> None:
    """Two halves that look alike pull at each pixel as the whole does."""
    half = image(0, 64, 160)
    both = torch.cat([half, half.flip(3)], dim=3)
    amount = torch.zeros(1, 1, 64, 320, dtype=torch.float64)
    amount[..., :160] = 1
    options = StyleTransferOptions(content_weight=0, tv_weight=0, style_layers="classic")
    whole, masked = (
        objective_of(ENCODER, both, [StyleInput(3 * image(1), 1.0, each)], options)(both.flatten())
        for each in (None, amount)
    )
    inside, as_whole = (
        each.gradient.view(3, 64, 320)[..., :160].abs().sum().item() for each in (masked, whole)
    )
    assert inside == pytest.approx(as_whole, rel=0.2)
    assert masked.losses.style == pytest.approx(whole.losses.style / 2, rel=0.2)


# ── guides ────────────────────────────────────────────────────────────────────────────────────


def path_to(layer: str) -> tuple[str, ...]:
    names = layer_names("vgg16")
    return names[: 1 + names.index(layer)]


@pytest.mark.parametrize("layer", ["relu1_2", "relu2_2", "relu3_3"])
def test_a_guide_is_the_least_that_a_feature_sees(layer: str) -> None:
    amount = torch.rand((1, 1, 61, 90), generator=torch.Generator().manual_seed(0)) / 10 + 0.9
    cell, radius = stride(layer), radius_pixels(path_to(layer))
    guide = guide_of(amount, path_to(layer))
    assert guide.shape[2:] == (61 // cell, 90 // cell)
    for row in range(guide.shape[2]):
        for column in range(guide.shape[3]):
            rows = slice(max(row * cell - radius, 0), (row + 1) * cell + radius)
            columns = slice(max(column * cell - radius, 0), (column + 1) * cell + radius)
            assert guide[0, 0, row, column] == amount[0, 0, rows, columns].min()


@pytest.mark.parametrize("width", [1, 3, 10, 40, 80])
@pytest.mark.parametrize("layer", LAYERS)
def test_of_a_thin_region_enough_is_left(layer: str, width: int) -> None:
    amount = torch.zeros(1, 1, 96, 96)
    amount[..., 8 : 8 + width] = 1
    guide = guide_of(amount, path_to(layer))
    assert guide.mean() >= KEPT_SHARE * amount.mean()
    assert guide.max() <= 1


def test_a_region_that_is_nowhere_is_not_compared() -> None:
    """At a coarse scale a small mask may vanish."""
    nowhere = torch.zeros(1, 1, *SIZE, dtype=torch.float64)
    found = evaluate(image(0), [StyleInput(image(1), 1.0, nowhere)])
    assert found.losses.style == 0
    assert not found.gradient.any()


def test_what_is_covered() -> None:
    one, other = soft_halves()
    assert torch.equal(covered([StyleInput(image(1))]), torch.ones(1))
    inputs = [StyleInput(image(1), 0.5, one), StyleInput(image(2), 0.5, other)]
    torch.testing.assert_close(covered(inputs), torch.ones_like(one))
