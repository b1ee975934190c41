"""Stages of style loss neighbors, steered, averaged and in tiles."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nst import Controls, Inputs, StyleTransferOptions
from nst.engine import preparation, scale_task
from nst.engine.losses import own
from nst.engine.memory.plan import Demand, predict
from nst.engine.scales import scales
from nst.engine.style_transfer import IterativeTransfer
from nst.progress import MemoryPlan
from unit.engine.synthetic import limit_of_tiles, narrow_projections, narrow_transfer
from unit.engine.test_neighbors import CONTENT, LEFT, OTHER, STYLE, difference, pixels


@pytest.fixture(autouse=True)
def narrow() -> Iterator[None]:
    with narrow_projections():
        yield


def transfer(**options: Any) -> IterativeTransfer:
    changed = {"model": "vgg16", "size": 64, "total_iterations": 8, "scales": 1} | options
    return narrow_transfer(StyleTransferOptions.from_preset("quality", **changed))


def painted(inputs: Inputs | None = None, **options: Any) -> np.ndarray:
    return pixels(transfer(**options).run(inputs or Inputs(CONTENT, STYLE)).image)


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


def test_the_same_seed_paints_the_same_picture() -> None:
    one, same, another = (painted(seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, another)


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


def test_transparency_comes_back() -> None:
    image = CONTENT.convert("RGBA")
    image.putalpha(LEFT)
    result = transfer().run(Inputs(image, STYLE)).image
    assert result.size == LEFT.size
    assert result.getchannel("A").tobytes() == LEFT.tobytes()


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


@pytest.mark.parametrize("is_kept", [False, True])
def test_only_a_plan_with_room_keeps_features_between_searches(
    is_kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plan(demand: Demand, *_: object) -> MemoryPlan:
        return predict(demand, None, 20, keeps_freed_memory=is_kept)

    sampled: list[bool] = []
    of = own.OwnSample.of

    def counted(*arguments: Any, is_kept: bool = False) -> own.OwnSample:
        sampled.append(is_kept)
        return of(*arguments, is_kept=is_kept)

    monkeypatch.setattr(preparation, "choose_plan", plan)
    monkeypatch.setattr(own.OwnSample, "of", counted)
    method = transfer(total_iterations=16)
    (*_, finishing) = scales((64, 48), method.options)
    searches = {finishing.search(step) for step in range(1, finishing.steps + 1)}
    assert len(searches) > 1
    method.run(Inputs(CONTENT, STYLE))
    assert sampled == ([True] if is_kept else [False] * (1 + len(searches)))


def test_tiles_paint_what_the_whole_does(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, inputs = painted(), Inputs(CONTENT, STYLE)
    monkeypatch.setattr(preparation, "choose_plan", lambda demand, *_: predict(demand, 40, 20))
    result = transfer().run(inputs)
    assert result.memory_plan is not None
    assert result.memory_plan.tiles == 4
    assert difference(whole, pixels(result.image)) < 0.1 < difference(whole, pixels(CONTENT))


def test_a_photo_of_one_colour_becomes_a_painting() -> None:
    """Its structure is only the rounding of its features, from which nothing may be kept."""
    plain = Image.new("RGB", (96, 72), (120, 150, 200))
    almost_plain = plain.copy()
    almost_plain.putpixel((40, 30), (130, 150, 200))
    for photo in (plain, almost_plain):
        found = painted(Inputs(photo, STYLE), size=96, scales=2, total_iterations=16)
        assert found.astype(float).std((0, 1)).mean() > 5
