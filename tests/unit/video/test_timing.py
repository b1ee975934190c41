"""Times of frames: increasing, and invented where the file has none."""

from dataclasses import dataclass
from fractions import Fraction

import pytest

from nst.video.timing import Continuity, in_order

MILLISECOND = Fraction(1, 1000)


@dataclass(frozen=True)
class Decoded:
    name: int
    pts: int | None
    time_base: Fraction | None = MILLISECOND


def ordered(*given: int | None) -> list[int]:
    """Return the times in milliseconds for frames with these times.
    The order of the frames stays."""
    frames = [Decoded(number, pts) for number, pts in enumerate(given)]
    timed = list(in_order(frames, Fraction(1, 10)))
    assert [frame.name for _, frame in timed] == list(range(len(given)))
    return [int(time * 1000) for time, _ in timed]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), []),
        ((0, 100, 400, 450), [0, 100, 400, 450]),
        ((None, None, None), [0, 100, 200]),
        ((100, 300, 400, 200, 600, 700, 500), [100, 200, 300, 400, 500, 600, 700]),
        ((7000, 7000, 7000, 7300), [7000, 7100, 7200, 7300]),
        ((0, None, 200, None), [0, 100, 200, 300]),
        ((5000, 5100, *range(0, 1000, 100)), None),
    ],
)
def test_times_increase(given: tuple[int | None, ...], expected: list[int] | None) -> None:
    result = ordered(*given)
    assert result == sorted(set(result))
    assert expected is None or result == expected


def test_a_film_whose_times_start_again_keeps_its_length() -> None:
    once = list(range(0, 2000, 100))
    assert max(ordered(*once, *once)) <= 4000


@dataclass
class Packet:
    pts: int | None
    dts: int | None
    duration: int | None = 100
    time_base: Fraction | None = MILLISECOND


def closed(*given: tuple[int, int | None]) -> list[tuple[int | None, int | None]]:
    """Return stream and time of packets after jumps in time are closed."""
    continuity = Continuity()
    packets = [(stream, Packet(time, time)) for stream, time in given]
    for stream, packet in packets:
        continuity.close(packet, stream)
    assert all(packet.pts == packet.dts for _, packet in packets)
    return [(stream, packet.dts) for stream, packet in packets]


@pytest.mark.parametrize("jump", [-50_000, 90_000_000])
def test_jumps_are_closed_for_all_streams(jump: int) -> None:
    before = [(0, 60_000), (1, 60_020), (0, 60_100)]
    # Sound from before the jump may come behind the first frame after it.
    after = [(0, 60_200 + jump), (1, 60_120), (0, 60_300 + jump), (1, 60_220 + jump)]
    assert closed(*before, *after) == [
        *before,
        *((0, 60_200), (1, 60_120), (0, 60_300), (1, 60_220)),
    ]


def test_short_gaps_and_missing_times_stay() -> None:
    given = [(0, 0), (0, 9_000), (0, None), (0, 9_100)]
    assert closed(*given) == given
