"""Style loss neighbors on small real images.

Strength, flourish, detail map, styles and masks are tested.
"""

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from nst import Controls, Inputs, StyleTransferOptions, images
from nst.engine import preparation, scale_task
from nst.engine.memory.plan import predict
from nst.engine.scales import scales
from nst.engine.style_transfer import IterativeTransfer
from nst.errors import InvalidImage
from support.pictures import picture
from unit.engine.synthetic import limit_of_tiles

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


def test_the_stages_are_painted_from_coarse_to_fine() -> None:
    method = transfer(scales=2, size=96, total_iterations=6)
    told = [(each.size, each.step) for each in method.steps(Inputs(CONTENT, STYLE))]
    assert told == [((48, 36), n) for n in (1, 2)] + [((96, 72), n) for n in (3, 4, 5, 6)]


@pytest.mark.parametrize(
    ("preset", "steps"),
    [("quality", [24, 24, 24, 6, 30]), ("fast", [12, 12, 12, 3, 15])],
)
def test_the_steps_are_shared_by_scales_and_finishing(preset: str, steps: list[int]) -> None:
    stages = scales((512, 384), StyleTransferOptions.from_preset(preset))
    assert [stage.steps for stage in stages] == steps
    assert [stage.size[0] for stage in stages[:4]] == [64, 128, 256, 512]
    assert [stage.is_finishing for stage in stages] == [False] * 4 + [True]
    assert stages[4].size == (512, 384)


def test_finishing_searches_again_after_every_fourth_step() -> None:
    stages = scales((512, 384), StyleTransferOptions.from_preset("fast"))
    assert [stages[-1].search(step) for step in range(1, 10)] == [1, 1, 1, 1, 2, 2, 2, 2, 3]
    assert {stage.search(step) for stage in stages[:-1] for step in range(1, 10)} == {0}


@pytest.mark.parametrize(
    ("preset", "size", "steps"),
    [
        ("quality", (1024, 768), [22, 23, 23, 22, 3, 15]),
        ("quality", (2048, 1536), [22, 22, 22, 22, 11, 2, 7]),
        ("quality", (3840, 2160), [20, 21, 21, 21, 11, 6, 1, 7]),
        ("fast", (1024, 768), [11, 11, 12, 11, 1, 8]),
        ("fast", (2048, 1536), [10, 10, 10, 11, 5, 1, 7]),
    ],
)
def test_a_large_image_has_more_scales_and_few_steps_in_the_large_ones(
    preset: str, size: tuple[int, int], steps: list[int]
) -> None:
    stages = scales(size, StyleTransferOptions.from_preset(preset, size=max(size)))
    assert [stage.steps for stage in stages] == steps
    coarsest = [60, 120, 240, 480] if size == (3840, 2160) else [64, 128, 256, 512]
    assert [stage.size[0] for stage in stages[:4]] == coarsest


def test_a_single_scale_stays_the_only_size_of_a_large_image() -> None:
    options = StyleTransferOptions.from_preset(size=1024, scales=1)
    assert {stage.size for stage in scales((1024, 768), options)} == {(1024, 768)}


def test_gram_has_the_same_scales_and_steps_at_any_size() -> None:
    options = StyleTransferOptions.from_preset("gram", size=2048)
    assert [stage.steps for stage in scales((2048, 1536), options)] == [60, 60, 60]


def test_the_default_preset_matches_neighbors() -> None:
    assert transfer().options.style_loss == "neighbors"


def test_more_strength_goes_further_from_the_content() -> None:
    content = pixels(CONTENT.resize((48, 36)))
    distances = [difference(painted(strength=each, size=48), content) for each in (0.0, 0.5, 1.0)]
    assert distances == sorted(distances)
    assert distances[0] < 0.8 * distances[2]


@pytest.mark.parametrize("name", ["strength", "flourish"])
def test_strength_and_flourish_can_be_steered(name: str) -> None:
    """Each value starts the optimizer again, so only the loss distinguishes the images."""
    before = getattr(transfer().options, name)
    halfway, most = (steered_to(name, each) for each in ((before + 1) / 2, 1.0))
    assert difference(halfway, most) > 0.05


def steered_to(name: str, value: float) -> np.ndarray:
    """Return the image three steps after an option was steered to this value.
    All of them are before the finishing, which has no flourish."""
    method = transfer(total_iterations=24)
    controls = Controls(method.options)
    steps = method.steps(Inputs(CONTENT, STYLE), controls=controls)
    before = next(steps).in_force[name]
    controls.set(**{name: value})
    *_, last = islice(steps, 3)
    assert (before, last.in_force[name]) == (getattr(method.options, name), value)
    return pixels(last.snapshot.picture())


def test_without_flourish_the_colours_stay_within_those_of_the_style(
    content: Path, style: Path
) -> None:
    calm = painted(Inputs(content, style), flourish=0.0, total_iterations=40)
    clipped = (calm <= 0) | (calm >= 255)
    assert clipped.mean() < 0.2


def test_the_same_seed_paints_the_same_picture() -> None:
    one, same, another = (painted(seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, another)


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


def test_the_strength_steered_at_the_first_step_is_that_of_the_options() -> None:
    """The targets depend on it, too: on all places below 0.5, on faces below 0.75."""
    method = transfer(strength=0.6, size=32)
    controls = Controls(method.options)
    controls.set(strength=0.1)
    steered = method.run(Inputs(CONTENT, STYLE), controls=controls).image
    assert np.array_equal(pixels(steered), painted(strength=0.1, size=32))


def test_shares_go_from_one_style_to_the_other() -> None:
    inputs = Inputs(CONTENT, [STYLE, OTHER])
    end = painted(Inputs(CONTENT, OTHER))
    distances = [
        difference(painted(inputs, style_blend=blend), end)
        for blend in ((1, 0), (0.5, 0.5), (0, 1))
    ]
    assert distances == sorted(distances, reverse=True)


@pytest.mark.parametrize("color", ["match", "luminance"])
def test_colours_of_the_photo_stay(color: str) -> None:
    red, green = (tinted(each, shares) for each, shares in COLOURED)
    kept, lost = (
        painted(Inputs(red, green), color=each, strength=0.8).mean((0, 1))
        for each in (color, "style")
    )
    assert kept[0] - kept[1] > lost[0] - lost[1]


def test_transparency_comes_back() -> None:
    image = CONTENT.convert("RGBA")
    image.putalpha(LEFT)
    assert transfer().run(Inputs(image, STYLE)).image.getchannel("A").getextrema() == (0, 255)


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


def test_the_result_is_the_average_of_the_last_stage() -> None:
    inputs = Inputs(CONTENT, OTHER)
    plain, averaged = (
        [pixels(each.snapshot.picture()) for each in transfer(average=share).steps(inputs)]
        for share in (0.0, 0.8)
    )
    finishing = plain[1:]
    weights = [0.8 ** (len(finishing) - step) for step in range(len(finishing))]
    expected = np.average(finishing, axis=0, weights=weights)
    assert difference(averaged[-1], expected) < 1 < difference(averaged[-1], plain[-1])


def test_within_a_memory_limit_it_is_painted_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each evaluation in tiles returns its free memory, so that the process does not grow."""
    trims: list[None] = []
    monkeypatch.setattr(scale_task, "trim", lambda: trims.append(None))
    method, inputs = transfer(size=256, total_iterations=1), Inputs(CONTENT, STYLE)
    whole = method.run(inputs)
    assert not trims
    method.max_memory_bytes = limit_of_tiles(method, inputs, (256, 192))
    tiled = method.run(inputs)
    assert tiled.memory_plan is not None
    assert tiled.memory_plan.tiles > 1
    assert trims
    assert difference(pixels(whole.image), pixels(tiled.image)) < 0.1


def test_tiles_paint_what_the_whole_does(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, inputs = painted(), Inputs(CONTENT, STYLE)
    monkeypatch.setattr(preparation, "choose_plan", lambda demand, *_: predict(demand, 40, 20))
    result = transfer().run(inputs)
    assert result.memory_plan is not None
    assert result.memory_plan.tiles == 4
    assert difference(whole, pixels(result.image)) < 0.1 < difference(whole, pixels(CONTENT))
