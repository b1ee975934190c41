"""An image computed tile by tile equals the image computed at once."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise, product
from statistics import median
from typing import Any, Literal

import pytest
import torch
from torch import Tensor

from nst.engine.losses.layers import CONTENT_LAYER, STYLE_LAYERS, TermLayers
from nst.engine.network.encoder import Encoder
from nst.engine.network.tiles import cut, halo_pixels, stride
from nst.engine.pictures.tensors import StyleInput
from nst.layers import layer_names
from nst.options import StyleTransferOptions
from unit.engine.synthetic import narrow_tensors, objective_of

RELATIVE_ERROR = {torch.float32: 1e-4, torch.float64: 1e-11, torch.bfloat16: 5e-2}


@cache
def encoder_of(
    model: str,
    dtype: torch.dtype = torch.float64,
    padding: str = "zeros",
    *,
    layers: tuple[str, ...] = (),
    pooling: str = "max",
) -> Encoder:
    layers = layers or (CONTENT_LAYER[model], *STYLE_LAYERS[model])
    tensors = {name: tensor.to(dtype) for name, tensor in narrow_tensors(model).items()}
    return Encoder(model, tensors, layers, dtype, padding, pooling)


def picture(height: int, width: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return 60 * torch.randn((1, 3, height, width), generator=random, dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("size", [(200, 264), (131, 197), (64, 400), (33, 35)], ids=str)
@pytest.mark.parametrize("side", [16, 100])
@pytest.mark.parametrize("model", STYLE_LAYERS)
def test_every_feature_belongs_to_one_tile(model: str, side: int, size: tuple[int, int]) -> None:
    path = encoder_of(model).path
    image = torch.zeros(1, 1, *size)
    for layer in ("relu1_1", "conv2_1", "relu3_1", "conv4_2", path[-1]):
        pixels = stride(layer)
        features = torch.zeros(1, 1, size[0] // pixels, size[1] // pixels)
        for tile in cut(image.shape, side, path):
            part = tile.of_picture(features, pixels)
            tile_size = [length // pixels for length in tile.pixels(image).shape[2:]]
            assert tile.inner(torch.zeros(1, 1, *tile_size), pixels).shape == part.shape
            part += 1
        assert (features == 1).all()


@pytest.mark.parametrize("model", STYLE_LAYERS)
def test_the_halo_covers_all_that_a_feature_sees(model: str) -> None:
    """A change outside the halo changes no feature inside; one pixel nearer it may."""
    encoder = encoder_of(model)
    last = encoder.path[-1]
    halo, cell = halo_pixels(encoder.path), stride(last)
    image = picture(2 * halo + cell, 16, seed=0)
    middle = halo // cell
    before = encoder(image)[last][:, :, middle].clone()
    for rows in (slice(cell), slice(-cell, None)):
        # The halo is rounded up, so its outermost pixels may be unseen.
        assert halo - cell < sum(stride(name) for name in encoder.path if "conv" in name) <= halo
        outside = torch.nn.functional.pad(image, (0, 0, cell, cell))
        changed = outside.clone()
        changed[:, :, rows] = 1000
        same = encoder(outside)[last][:, :, middle + 1]
        assert torch.equal(encoder(changed)[last][:, :, middle + 1], same)
    near = image.clone()
    near[:, :, halo - (halo - cell)] = 1000
    assert not torch.equal(encoder(near)[last][:, :, middle], before)


@pytest.mark.parametrize("dtype", RELATIVE_ERROR, ids=str)
@pytest.mark.parametrize("model", STYLE_LAYERS)
@pytest.mark.parametrize(("size", "side"), [((67, 91), 40), ((33, 121), 40), ((101, 35), 32)])
def test_loss_and_gradient_equal_those_of_the_whole(
    model: str, size: tuple[int, int], side: int, dtype: torch.dtype
) -> None:
    """The median of three images is compared, because rounding differs by processor.
    Rounding may open a ReLU in the tiles that is closed in the whole; a thousandth of the
    gradient differs then."""
    encoder = encoder_of(model, dtype)
    wide = torch.promote_types(dtype, torch.float32)
    content, style, *xs = (picture(*size, seed=seed, dtype=wide) for seed in range(5))
    style = style[:, :, : size[0] * 2 // 3]
    options = StyleTransferOptions(content_weight=1e-2, style_weight=1e-2)
    check_tiles(encoder, content, [StyleInput(style)], options, xs, side, RELATIVE_ERROR[dtype])


def check_tiles(
    encoder: Encoder,
    content: Tensor,
    styles: list[StyleInput],
    options: StyleTransferOptions,
    xs: Sequence[Tensor],
    side: int,
    allowed: float,
) -> None:
    at_once = objective_of(encoder, content, styles, options)
    in_tiles = objective_of(encoder, content, styles, options, tile_side=side)
    assert len(cut(content.shape, side, encoder.path)) >= 3
    errors = []
    for x in xs:
        whole, tiled = (objective(x.flatten()) for objective in (at_once, in_tiles))
        errors.append((tiled.gradient - whole.gradient).norm() / whole.gradient.norm())
        for name in ("content", "style", "total_variation"):
            of_tiles, of_whole = (getattr(each.losses, name) for each in (tiled, whole))
            assert of_tiles == pytest.approx(of_whole, rel=allowed)
    assert median(errors) <= allowed


@pytest.mark.parametrize("has_masks", [False, True], ids=["blend", "masks"])
@pytest.mark.parametrize("style_loss", ["gram", "wasserstein"])
@pytest.mark.parametrize("padding", ["zeros", "replicate"])
def test_several_styles_equal_those_of_the_whole(
    padding: str, style_loss: str, has_masks: bool
) -> None:
    """Styles, masks and padding do not matter."""
    encoder = encoder_of("vgg16", padding=padding)
    size = (41, 99)
    content, one, two, x = (picture(*size, seed=seed) for seed in range(4))
    ramp = torch.linspace(-0.5, 1.5, size[1], dtype=torch.float64).clamp(0, 1).expand(1, 1, *size)
    amounts = (ramp, 1 - ramp) if has_masks else (None, None)
    styles = [
        StyleInput(image, share, amount)
        for image, share, amount in zip((one, two[:, :, :30]), (0.3, 0.7), amounts, strict=True)
    ]
    options: Any = {"content_weight": 1e-2, "style_weight": 1e-2, "style_loss": style_loss}
    check_tiles(encoder, content, styles, StyleTransferOptions(**options), [x], 32, 1e-9)


@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize(
    ("style_layers", "content_layers"),
    [("relu1_1=2,conv3_1,relu2_2=0.1", "conv4_1=0.5,relu2_1"), ("relu1_1", "conv1_2,relu1_2=3")],
)
def test_named_layers_equal_those_of_the_whole(
    style_layers: str, content_layers: str, pooling: Literal["max", "average"]
) -> None:
    options = StyleTransferOptions(
        content_weight=1e-2,
        style_weight=1e-2,
        style_layers=style_layers,
        content_layers=content_layers,
        pooling=pooling,
    )
    names = TermLayers.of(options, "vgg16").names
    encoder = encoder_of("vgg16", layers=tuple(names), pooling=pooling)
    content, style, x = (picture(41, 99, seed=seed) for seed in range(3))
    check_tiles(encoder, content, [StyleInput(style)], options, [x], 32, 1e-9)


def test_no_seam_is_left() -> None:
    encoder = encoder_of("vgg16")
    content, style, x = (picture(64, 64, seed=seed) for seed in range(3))
    styles = [StyleInput(style)]
    options = StyleTransferOptions(tv_weight=0)
    whole = objective_of(encoder, content, styles, options)(x.flatten()).gradient
    tiled = objective_of(encoder, content, styles, options, tile_side=32)(x.flatten()).gradient
    assert (tiled - whole).abs().max() <= 1e-11 * whole.abs().max()


def test_tiles_are_of_about_the_same_size() -> None:
    path = layer_names("vgg19")[:-8]
    tiles = cut((1, 3, 2160, 3840), 1000, path)
    heights = {tile.rows.stop - tile.rows.start for tile in tiles}
    widths = {tile.columns.stop - tile.columns.start for tile in tiles}
    assert len(tiles) == 3 * 4
    assert max(heights) <= 1000 + 2 * 16
    assert min(heights) > 600
    assert max(widths) == min(widths) == 960
    starts = sorted({tile.columns.start for tile in tiles})
    assert all(later - earlier == 960 for earlier, later in pairwise(starts))


def test_a_small_picture_is_one_tile_without_halo() -> None:
    path = layer_names("vgg16")
    for side, size in product((None, 64), ((20, 64), (64, 30))):
        (tile,) = cut((1, 3, *size), side, path)
        assert tile.pixels(torch.zeros(1, 3, *size)).shape[2:] == size
