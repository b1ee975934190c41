"""Estimates from the measurements of a machine."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nst import bootstrap, image_sizes
from nst.engine.scales import Clock, scales, work
from nst.film_options import later_options
from nst.options import StyleTransferOptions
from nst.presets import PRESETS
from nst.progress import Losses, StopReason
from nst.result import Result
from nst.speed import FILE_NAME, Speeds, about, in_words

PHOTO = (1500, 1000)


def options_of(preset: str, **options: Any) -> StyleTransferOptions:
    return StyleTransferOptions.from_preset(preset, **options)


def result(options: StyleTransferOptions, seconds: float, **facts: Any) -> Result:
    losses = Losses(1.0, 1.0, 0.0)
    return Result(
        **{
            "image": Image.new("RGB", (options.size, options.size * 2 // 3)),
            "options": options,
            "losses": losses,
            "history": (losses,) * options.total_iterations,
            "stop_reason": StopReason.TOTAL_ITERATIONS,
            "evaluations": 1,
            "prepare_seconds": 2.0,
            "optimize_seconds": seconds,
            "device": "cpu",
            "precision": "fp32",
            "model": options.model,
            "weights_sha256": "",
            **facts,
        }
    )


def test_nothing_is_guessed_before_anything_was_measured() -> None:
    assert bootstrap.estimate(options_of("quality"), PHOTO) is None
    bootstrap.keep_speed(result(options_of("draft", size=96), 0.0))
    assert bootstrap.estimate(options_of("quality"), PHOTO) is None
    assert bootstrap.estimate(options_of("draft"), PHOTO) == 2.0


def test_one_painting_tells_of_every_size_and_preset() -> None:
    bootstrap.keep_speed(result(options_of("fast", size=128), 10.0))
    assert bootstrap.estimate(options_of("fast", size=128), PHOTO) == pytest.approx(12, rel=0.05)
    times = {
        (preset, size): bootstrap.estimate(options_of(preset, size=size), PHOTO)
        for preset in PRESETS
        for size in (128, 512, 2048)
        if preset != "draft"
    }
    assert all(seconds is not None and seconds > 0 for seconds in times.values())
    assert times["fast", 2048] > 8 * times["fast", 512]  # type: ignore[operator]
    assert times["fast", 512] > 5 * times["fast", 128]  # type: ignore[operator]
    assert times["quality", 512] > 1.5 * times["fast", 512]  # type: ignore[operator]
    assert bootstrap.estimate(options_of("fast"), PHOTO, device="cuda") is None


def test_measurements_are_averaged(tmp_path: Path) -> None:
    speeds, options = Speeds(tmp_path), options_of("gram", size=96)
    for seconds, expected in ((8.0, 10.0), (4.0, 8.0), (6.0, 8.0)):
        speeds.record(result(options, seconds), 1000.0)
        assert Speeds(tmp_path).estimate(options, 1000.0) == pytest.approx(expected)


def test_a_film_takes_its_first_frame_and_the_others() -> None:
    """Before the first film, later frames are estimated from images."""
    options = options_of("fast", size=128)
    later, size = later_options(options), image_sizes.fit(PHOTO, 128)
    assert bootstrap.estimate(options, PHOTO, 10) is None
    bootstrap.keep_speed(result(options, 10.0))
    picture = bootstrap.estimate(options, PHOTO) or 0.0
    guessed = bootstrap.estimate(options, PHOTO, 10) or 0.0
    assert picture * 2 < guessed < picture * 10
    bootstrap.keep_frame_speed(later, size, 3.0)
    assert bootstrap.estimate(options, PHOTO, 10) == pytest.approx(picture + 9 * 3.0)
    assert bootstrap.estimate(options, PHOTO) == picture
    assert bootstrap.estimate(options, PHOTO, 10, "cuda") is None


def test_later_frames_are_estimated_with_their_own_steps() -> None:
    options = options_of("fast", size=128)
    size = image_sizes.fit(PHOTO, 128)
    bootstrap.keep_speed(result(options, 10.0))
    picture = bootstrap.estimate(options, PHOTO) or 0.0
    later = later_options(options, 20)
    bootstrap.keep_frame_speed(later, size, 15.0)
    film = bootstrap.estimate(options, PHOTO, 10, later=later)
    assert film == pytest.approx(picture + 9 * 15.0)
    assert (bootstrap.estimate(options, PHOTO, 10) or 0.0) < picture + 9 * 15.0


def test_films_of_drafts_are_measured_too() -> None:
    options = options_of("draft")
    bootstrap.keep_frame_speed(options, (96, 64), 0.5)
    assert bootstrap.estimate(options, PHOTO, 10) == pytest.approx(5.0)


@pytest.mark.parametrize(
    "facts",
    [
        {"stop_reason": StopReason.CANCELED, "stopped_after": 3},
        {"stop_reason": StopReason.CONVERGED},
        {"history": ()},
    ],
)
def test_only_whole_transfers_are_measured(tmp_path: Path, facts: dict[str, Any]) -> None:
    speeds, options = Speeds(tmp_path), options_of("gram", size=96)
    speeds.record(result(options, 5.0, **facts), 1000.0)
    assert speeds.estimate(options, 1000.0) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"auto": {"x": 5}}'])
def test_a_damaged_file_holds_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    speeds, options = Speeds(tmp_path), options_of("gram", size=96)
    assert speeds.estimate(options, 1000.0) is None
    speeds.record(result(options, 5.0), 1000.0)
    assert list(json.loads((tmp_path / FILE_NAME).read_text())) == ["auto"]
    assert speeds.estimate(options, 1000.0) == 7.0


def test_a_directory_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    Speeds(tmp_path / "file").record(result(options_of("gram"), 5.0), 1000.0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "about 1 s"),
        (7.4, "about 7 s"),
        (38.5, "about 40 s"),
        (91, "about 2 min"),
        (540, "about 9 min"),
        (2.4 * 3600, "about 2.5 h"),
        (448.5 * 3600, "about 19 days"),
    ],
)
def test_in_words(seconds: float, text: str) -> None:
    assert about(seconds) == text
    assert in_words(options_of("quality"), seconds) == text


def test_many_steps_end_earlier_where_the_loss_converges() -> None:
    assert in_words(options_of("classic"), 540) == "at most 9 min"
    assert in_words(options_of("classic", convergence_tolerance=0), 540) == "about 9 min"


# ── work ──────────────────────────────────────────────────────────────────────────────────────


def test_progress_counts_work_and_not_steps() -> None:
    """The first half of preset quality's steps is a small part of its work."""
    pyramid = scales((512, 341), options_of("quality"))
    clock, shares = Clock(pyramid), []
    for scale in pyramid:
        for _ in range(scale.steps):
            clock.tick(scale)
            shares.append(clock.share())
        clock.leave(scale)
    assert len(shares) == 108
    assert shares == sorted(shares)
    assert shares[53] < 0.15
    assert shares[-1] == 1.0
    assert work((512, 341), options_of("quality")) == sum(scale.work for scale in pyramid)


def test_after_a_checkpoint_the_share_goes_on() -> None:
    pyramid = scales((512, 341), options_of("quality"))
    whole, resumed = Clock(pyramid), Clock(pyramid)
    for scale in pyramid[:2]:
        for _ in range(scale.steps):
            whole.tick(scale)
        whole.leave(scale)
    for _ in range(5):
        whole.tick(pyramid[2])
    resumed.go_on(pyramid[2], 4, whole.steps - 1)
    resumed.tick(pyramid[2])
    assert resumed.share() == pytest.approx(whole.share())


def test_remaining_time_is_that_of_the_work_at_the_speed_so_far(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The steps of this machine take as long as their work, but the first is slow."""
    now, warm_up = 0.0, 5.0
    monkeypatch.setattr("time.perf_counter", lambda: now)
    pyramid = scales((512, 341), options_of("quality"))
    clock = Clock(pyramid)
    prepared = pyramid[0].preparation * pyramid[0].evaluation_work
    total = sum(scale.work for scale in pyramid) - prepared
    now += warm_up
    for scale in pyramid:
        for number in range(scale.steps):
            is_prepared = number > 0 or scale is pyramid[0]
            evaluations = 1 if is_prepared else 1 + scale.preparation
            now += evaluations * scale.evaluation_work / 1e6
            clock.tick(scale)
            if clock.steps == 1:
                assert clock.remaining_seconds() is None
            else:
                expected = warm_up + total / 1e6 - now
                assert clock.remaining_seconds() == pytest.approx(expected, abs=1e-6)
        clock.leave(scale)
