"""Measuring and showing the progress of a film."""

import io
import time
from typing import Any

import pytest
from rich.console import Console

from nst.cli.progress_bar import ProgressBar
from nst.progress import Losses, Progress
from nst.video.clock import FilmClock, FilmProgress


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Replace the clock; the test sets the time, in seconds."""
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    return clock


def paint(clock: FilmClock, now: list[float], seconds: float) -> None:
    with clock.frame():
        now[0] += seconds
    clock.done += 1


def test_nothing_is_known_before_a_frame_is_painted(now: list[float]) -> None:
    assert FilmClock(10).progress(0.5) == FilmProgress(1, 10, 0.5, 0.0, None)


def test_the_rest_takes_as_long_as_recent_frames(now: list[float]) -> None:
    clock = FilmClock(10)
    for seconds in (40, 4, 4, 4):
        paint(clock, now, seconds)
    assert clock.progress(0.5) == FilmProgress(5, 10, 0.5, 52, 4 * 5.5)


def test_the_time_of_a_later_frame_is_known_after_three(now: list[float]) -> None:
    clock = FilmClock(10)
    for seconds in (40, 4):
        paint(clock, now, seconds)
        assert clock.frame_seconds is None
    paint(clock, now, 4)
    assert clock.frame_seconds == 4


def test_frames_of_an_earlier_run_take_no_time(now: list[float]) -> None:
    clock = FilmClock(100)
    clock.done = 90
    paint(clock, now, 7)
    assert clock.progress(0).remaining_seconds == 9 * 7


def test_of_an_unknown_length_nothing_is_estimated(now: list[float]) -> None:
    clock = FilmClock(0)
    paint(clock, now, 7)
    assert clock.progress(0).remaining_seconds is None


def test_more_frames_than_the_header_says(now: list[float]) -> None:
    clock = FilmClock(1)
    paint(clock, now, 7)
    paint(clock, now, 7)
    assert clock.progress(0).remaining_seconds == 0


def progress(step: int) -> Progress:
    facts: dict[str, Any] = dict.fromkeys(Progress.__dataclass_fields__)
    facts |= {
        "step": step,
        "total_iterations": 8,
        "share": step / 8,
        "losses": Losses(1.0, 2.0, 0.0),
    }
    return Progress(**facts)


def shown(is_terminal: bool, *films: FilmProgress) -> str:
    bar = ProgressBar()
    console = Console(file=io.StringIO(), width=120, force_terminal=is_terminal, color_system=None)
    bar.__dict__["_console"] = console
    with bar:
        for film in films:
            bar.show_frame(film, progress(3))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_film_is_shown_above_the_frame() -> None:
    said = shown(True, FilmProgress(12, 240, 3 / 8, 62, 1110))
    film = said.index("frame  12/240   1:02 elapsed  18:30 remaining")
    assert film < said.index("step 3/8  loss 3")
    assert said.index("Film") < film


def test_elsewhere_it_is_a_line() -> None:
    said = shown(False, FilmProgress(12, 0, 3 / 8, 62, None))
    assert said == "Painting: frame 12  1:02 elapsed  step 3/8\n"
