"""Following a job: how often it is yielded, and what may not be lost between two times."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from nst.jobs import following
from nst.jobs.following import INTERVAL_SECONDS, VisibleJob, follow
from nst.jobs.job import Job, JobStatus
from support.service_in_process import House, progress


@dataclass
class Clock:
    """Clock that only advances when somebody sleeps."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None
    """What happens while somebody sleeps."""

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.meanwhile()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(following, "time", made)
    return made


def followed(house: House, job: Job, ends_at: float = 1000.0) -> Iterator[VisibleJob | None]:
    return follow(job, house.repository, house.feed, poll_seconds=0.0, ends_at=ends_at)


def at_step_1(house: House, ends_at: float = 1000.0) -> tuple[Job, Iterator[VisibleJob | None]]:
    """Return a job that is being painted, and its followed states after step 1."""
    house.submit()
    job = house.claim()
    states = followed(house, job, ends_at)
    next(states)
    house.feed.publish(job.id, progress(1))
    assert step_of(next(states)) == 1
    return job, states


def step_of(seen: VisibleJob | None) -> int | None:
    return seen.job.progress.step if seen and seen.job.progress else None


def test_progress_is_yielded_at_intervals_as_the_newest(house: House, clock: Clock) -> None:
    """A job of many short steps would otherwise send itself to each listener after each one."""
    job, states = at_step_1(house)
    assert clock.slept == []
    steps = iter(range(2, 100))

    def paint() -> None:
        for _ in range(10):
            house.feed.publish(job.id, progress(next(steps)))

    clock.meanwhile = paint
    assert [step_of(next(states)) for _ in range(3)] == [11, 21, 31]
    assert clock.slept == [INTERVAL_SECONDS] * 3


def test_progress_that_is_told_again_does_not_shorten_the_interval(
    house: House, clock: Clock
) -> None:
    job, states = at_step_1(house)
    clock.meanwhile = lambda: house.feed.publish(job.id, progress(1))
    assert [next(states) for _ in range(3)] == [None] * 3
    assert clock.slept == [INTERVAL_SECONDS] * 3


def test_the_end_of_the_job_within_an_interval_is_the_last_state(
    house: House, clock: Clock
) -> None:
    job, states = at_step_1(house)

    def end() -> None:
        house.feed.publish(job.id, progress(2))
        house.repository.finish(job.id, job.attempt, JobStatus.FAILED, progress=progress(3))
        house.feed.publish(job.id, None)

    clock.meanwhile = end
    (last,) = states
    assert last
    assert (last.job.status, step_of(last)) == (JobStatus.FAILED, 3)
    assert clock.slept == [INTERVAL_SECONDS]


def test_the_time_of_following_ends_within_an_interval(house: House, clock: Clock) -> None:
    _, states = at_step_1(house, ends_at=INTERVAL_SECONDS / 4)
    assert next(states, "ended") == "ended"
    assert clock.slept == [INTERVAL_SECONDS / 4]


def test_a_job_that_begins_is_yielded_at_once(house: House, clock: Clock) -> None:
    job = house.submit()
    states = followed(house, job)
    next(states)
    house.claim()
    house.feed.publish(job.id, None)
    began = next(states)
    assert began
    assert began.job.status is JobStatus.RUNNING
    house.feed.publish(job.id, progress(1))
    assert step_of(next(states)) == 1
    assert clock.slept == []
