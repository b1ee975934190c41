"""Style loss neighbors on small real images.

Strength, flourish, detail map, styles and masks are tested.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from nst import Inputs, StyleTransferOptions, images
from nst.engine.style_transfer import IterativeTransfer
from nst.errors import InvalidImage
from support.pictures import picture

CONTENT, STYLE = picture(64, 48), picture(56, 50).rotate(180)
OTHER = Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 48, 3), dtype=np.uint8))
LEFT = Image.fromarray(np.repeat([[255] * 32 + [0] * 32], 48, axis=0).astype(np.uint8))


COLOURED = ((CONTENT, (1, 0.3, 0.3)), (OTHER, (0.3, 1, 0.3)))
"""A content image and a style image, and the shares that make them red and green."""


def transfer(precision: str = "fp32", **options: Any) -> IterativeTransfer:
    changed = {"model": "vgg16", "size": 64, "total_iterations": 8, "scales": 1} | options
    return IterativeTransfer(
        StyleTransferOptions.from_preset("quality", **changed), device="cpu", precision=precision
    )


def painted(inputs: Inputs | None = None, precision: str = "fp32", **options: Any) -> np.ndarray:
    return pixels(transfer(precision, **options).run(inputs or Inputs(CONTENT, STYLE)).image)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"), dtype=float)


def tinted(image: Image.Image, shares: tuple[float, float, float]) -> Image.Image:
    return Image.fromarray((pixels(image.convert("L")) * shares).astype(np.uint8))


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


def test_the_default_preset_matches_neighbors() -> None:
    assert transfer().options.style_loss == "neighbors"


def test_more_strength_goes_further_from_the_content() -> None:
    content = pixels(CONTENT.resize((48, 36)))
    distances = [difference(painted(strength=each, size=48), content) for each in (0.0, 0.5, 1.0)]
    assert distances == sorted(distances)
    assert distances[0] < 0.8 * distances[2]


def test_without_flourish_the_colours_stay_within_those_of_the_style(
    content: Path, style: Path
) -> None:
    """The style is muted, so that the photo has many colours beyond those of the style."""
    colours = pixels(images.load(style, "style")) * (0.4, 0.4, 0.3) + (100, 60, 20)
    muted = Image.fromarray(colours.astype(np.uint8))
    calm = painted(Inputs(content, muted), flourish=0.0, total_iterations=40)

    def levels_beyond(image: np.ndarray) -> float:
        """Return the levels by which nearly all colours, 98 %, leave the range of the style."""
        (lowest, highest), (darkest, brightest) = (
            np.quantile(each, (0.01, 0.99), axis=(0, 1)) for each in (colours, image)
        )
        return float(max((lowest - darkest).max(), (brightest - highest).max()))

    assert levels_beyond(calm) < 32
    assert levels_beyond(pixels(images.load(content, "content"))) > 64


def test_a_detail_map_keeps_more_of_the_content_where_it_is_white(
    content: Path, style: Path
) -> None:
    photo = images.resize(images.load(content, "content"), (96, 64))
    left = LEFT.resize(photo.size)
    right = ImageOps.invert(left)
    on_left, on_right = (
        painted(Inputs(photo, style, detail_map=each), size=96, strength=1.0, total_iterations=12)
        for each in (left, right)
    )

    def likeness(image: np.ndarray, columns: slice) -> float:
        ours, theirs = (each.mean(2)[:, columns].ravel() for each in (image, pixels(photo)))
        return float(np.corrcoef(ours, theirs)[0, 1])

    for columns, more, less in (
        (slice(0, 40), on_left, on_right),
        (slice(56, 96), on_right, on_left),
    ):
        assert likeness(more, columns) > likeness(less, columns) + 0.03


def test_each_region_is_painted_in_its_own_style() -> None:
    """Noise as a style leaves noise, which the other style does not have."""

    def roughness(image: np.ndarray) -> float:
        return float(np.abs(np.diff(image, axis=1)).mean())

    masks = (LEFT, ImageOps.invert(LEFT))
    left_noise, right_noise = (
        painted(Inputs(CONTENT, styles, masks), strength=1.0, total_iterations=16)
        for styles in ((OTHER, STYLE), (STYLE, OTHER))
    )
    left, right = (slice(0, 26), slice(38, 64))
    assert roughness(left_noise[:, left]) > roughness(right_noise[:, left])
    assert roughness(right_noise[:, right]) > roughness(left_noise[:, right])


def test_where_no_mask_is_white_the_photo_stays() -> None:
    change = np.abs(painted(Inputs(CONTENT, OTHER, [LEFT]), scales=2, size=128) - photo(128))
    assert change[:, :48].mean() > 2
    assert change[:, 112:].mean() < 1


def photo(size: int) -> np.ndarray:
    return pixels(images.resize(CONTENT, (size, size * CONTENT.height // CONTENT.width)))


def test_at_strength_0_the_colours_of_the_photo_stay() -> None:
    red, green = (tinted(each, shares) for each, shares in COLOURED)
    redness = [
        float((image[..., 0] - image[..., 1]).mean())
        for image in (
            painted(Inputs(red, green), strength=each, size=48) for each in (0.0, 0.25, 0.5)
        )
    ]
    assert redness == sorted(redness, reverse=True)
    assert redness[0] > 0.8 * (pixels(red)[..., 0] - pixels(red)[..., 1]).mean()


@pytest.mark.parametrize("color", ["match", "luminance"])
def test_colours_of_the_photo_stay(color: str) -> None:
    red, green = (tinted(each, shares) for each, shares in COLOURED)
    kept, lost = (
        painted(Inputs(red, green), color=each, strength=0.8).mean((0, 1))
        for each in (color, "style")
    )
    assert kept[0] - kept[1] > lost[0] - lost[1]


def test_a_style_of_one_colour_is_refused_in_words() -> None:
    with pytest.raises(InvalidImage, match=r"one colour everywhere.*preset gram"):
        painted(Inputs(CONTENT, Image.new("RGB", (80, 80), "teal")))


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_goes_as_far_as_float32(precision: str) -> None:
    inputs, content = Inputs(CONTENT, OTHER), pixels(CONTENT)
    exact, half = (painted(inputs, each) for each in ("fp32", precision))
    far = difference(exact, content)
    assert difference(half, content) == pytest.approx(far, rel=0.1)
    assert difference(half, exact) < far


def test_adam_lowers_the_loss_in_each_stage() -> None:
    method = transfer(optimizer="adam", learning_rate=5, total_iterations=20)
    losses = [each.losses.total for each in method.steps(Inputs(CONTENT, STYLE))]
    for stage in (losses[:10], losses[10:]):
        assert stage[-1] < stage[0]


def test_average_pools_paint_another_picture() -> None:
    inputs, content = Inputs(CONTENT, OTHER), pixels(CONTENT)
    highest, average = (painted(inputs, pooling=each) for each in ("max", "average"))
    far = difference(highest, content)
    assert difference(average, content) > 0.5 * far
    assert difference(highest, average) > 0.1 * far
