"""New weights are checked where they are set."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from nst import StyleTransferOptions
from nst.controls import STEERABLE, Controls, in_force, parse_change
from nst.errors import InvalidOption
from nst.progress import Change

OPTIONS = StyleTransferOptions()


def test_what_was_set_last_counts_and_the_rest_stays() -> None:
    controls = Controls(OPTIONS)
    assert controls.changes == {}
    controls.set(style_weight=5, tv_weight=2)
    before = controls.changes
    controls.set(tv_weight=3)
    assert controls.changes == {"style_weight": 5.0, "tv_weight": 3.0}
    assert before == {"style_weight": 5.0, "tv_weight": 2.0}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"style_weight": -1}, "from 0 to 1e12"),
        ({"content_weight": float("nan")}, "a number"),
        ({"tv_weight": "much"}, "a number"),
        (
            {"size": 64},
            "one of content_weight, style_weight, strength, flourish, color_amount, tv_weight",
        ),
        ({"strength": 2}, "from 0 to 1"),
        ({"color_amount": -0.1}, "from 0 to 1"),
        ({"flourish": 1.1}, "from 0 to 1"),
        ({"content_weight": 0, "style_weight": 0}, "greater than 0"),
        ({"tv_weight": 7, "colour": 1}, "one of"),
    ],
)
def test_bad_values_are_refused_and_change_nothing(values: dict[str, float], says: str) -> None:
    controls = Controls(OPTIONS)
    controls.set(tv_weight=4)
    with pytest.raises(InvalidOption, match=says):
        controls.set(**values)
    assert controls.changes == {"tv_weight": 4.0}


def test_nothing_set_by_one_thread_is_lost_to_another() -> None:
    controls = Controls(OPTIONS)

    def turn(name: str) -> None:
        for value in range(200):
            controls.set(**{name: (value + 1) / 200})

    with ThreadPoolExecutor(len(STEERABLE)) as threads:
        list(threads.map(turn, STEERABLE))
    assert controls.changes == dict.fromkeys(STEERABLE, 1.0)


def test_what_is_in_force_at_the_start_are_the_options() -> None:
    assert in_force(OPTIONS) == {name: getattr(OPTIONS, name) for name in STEERABLE}


# ── planned changes ───────────────────────────────────────────────────────────────────────────


def test_planned_changes_count_from_their_step_on_and_what_is_set_counts_more() -> None:
    changes = [Change(5, {"strength": 0.9}), Change(2, {"strength": 0.8, "tv_weight": 3})]
    controls = Controls(OPTIONS, changes)
    assert [controls.at(step).get("strength") for step in (1, 2, 4, 5)] == [None, 0.8, 0.8, 0.9]
    assert controls.at(9) == {"strength": 0.9, "tv_weight": 3.0}
    controls.set(strength=0.1)
    assert controls.at(9)["strength"] == 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (Change(0, {"strength": 0.5}), "step: 0 is invalid; expected at least 1"),
        (Change(1, {"size": 64}), "size: 64 is invalid; expected one of content_weight"),
        (Change(1, {"strength": 7}), "strength: 7.* is invalid"),
    ],
)
def test_a_wrong_plan_is_refused_at_once(change: Change, message: str) -> None:
    with pytest.raises(InvalidOption, match=message):
        Controls(OPTIONS, [change])


def test_a_change_as_text() -> None:
    assert parse_change("40:strength=0.8,tv-weight=2") == Change(
        40, {"strength": 0.8, "tv_weight": 2.0}
    )


@pytest.mark.parametrize(
    "text", ["", "40", "40:", "40:strength", "x:strength=1", "40:strength=much", "4.5:strength=1"]
)
def test_a_text_that_is_no_change(text: str) -> None:
    with pytest.raises(InvalidOption, match=r"like 40:strength=0\.8"):
        parse_change(text)
