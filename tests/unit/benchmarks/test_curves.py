"""Curves of two methods, read at equal content distance."""

import pytest
from benchmarks.frontier.curves import Comparison, Point, compare


def line(first: float, last: float, slope: float = 1.0, factor: float = 1.0) -> list[Point]:
    """Return three points of a line; the style falls from 1 as the content rises."""
    contents = (first, (first + last) / 2, last)
    return [Point(each, factor * (1 - slope * each), factor * (2 - each)) for each in contents]


def test_equal_curves_have_ratio_1() -> None:
    assert compare(line(0.1, 0.3), line(0.1, 0.3)) == Comparison(1, 1, 0)


def test_curves_are_read_at_equal_content_wherever_their_points_are() -> None:
    """Both curves lie on one line, at different strengths."""
    found = compare(line(0.1, 0.3), line(0.2, 0.5))
    assert (found.style, found.worst, found.gap) == pytest.approx((1, 1, 0))


def test_the_ratio_is_the_factor_between_two_curves() -> None:
    found = compare(line(0.15, 0.4, factor=0.9), line(0.1, 0.3))
    assert (found.style, found.worst) == pytest.approx((0.9, 0.9))


def test_the_ratio_is_the_mean_over_the_overlap() -> None:
    """The mean over 0.2, 0.22 … 0.4 is computed by hand."""
    found = compare(line(0.2, 0.6, slope=1.5), line(0.0, 0.4))
    contents = [0.2 + 0.02 * n for n in range(11)]
    by_hand = sum((1 - 1.5 * c) / (1 - c) for c in contents) / 11
    assert found.style == pytest.approx(by_hand)


def test_between_two_points_a_curve_is_straight() -> None:
    bent = [Point(0.0, 1.0, 1.0), Point(0.1, 0.5, 1.0), Point(0.3, 0.4, 1.0)]
    found = compare(bent, [Point(0.2, 0.9, 2.0)])
    assert (found.style, found.worst) == pytest.approx((0.45 / 0.9, 0.5))


def test_the_order_of_the_strengths_does_not_matter() -> None:
    assert compare(line(0.1, 0.3)[::-1], line(0.2, 0.4)) == compare(line(0.1, 0.3), line(0.2, 0.4))


@pytest.mark.parametrize("is_below", [True, False])
def test_nothing_is_extrapolated(is_below: bool) -> None:
    near, far = line(0.1, 0.2), line(0.25, 0.4)
    ours, theirs = (near, far) if is_below else (far, near)
    found = compare(ours, theirs)
    assert not found.overlaps
    assert found.gap == pytest.approx(0.05)
    assert found.style == pytest.approx(0.8 / 0.75 if is_below else 0.75 / 0.8)
