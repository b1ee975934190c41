"""JobRepository, in SQLite and in PostgreSQL, does what its docstrings promise."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from nst.adapters.sql import SqlJobRepository
from nst.adapters.sql.schema import jobs, shares
from nst.errors import JobConflict, JobNotFound, LeaseLost, TooManyShares
from nst.jobs.job import Job, JobStatus, ListPosition, Share, new_id
from nst.jobs.ports import JobRepository
from support.jobs import FAILURE, job, progress, result
from support.transactions import during

LEASE = 3600.0
MOST = 3
"""Maximum number of links to a job."""


def claimed(repository: JobRepository, *, lease: float = LEASE, **facts: Any) -> Job:
    """Add a job and claim it; return the running job."""
    added = repository.add(job(**facts))
    running = repository.claim_next("worker", lease)
    assert running is not None
    assert running.id == added.id
    return running


def ended(repository: JobRepository, status: JobStatus, **facts: Any) -> Job:
    running = claimed(repository, **facts)
    outcome = result(running.id) if status is JobStatus.SUCCEEDED else None
    return repository.finish(running.id, running.attempt, status, result=outcome)


# ── adding and finding ────────────────────────────────────────────────────────────────────────


def test_a_job_is_stored_as_it_is(repository: JobRepository) -> None:
    before = repository.now()
    given = job(idempotency_key="k")
    stored = repository.add(given)
    assert before <= stored.created_at == stored.queued_at <= repository.now()
    assert stored == given.model_copy(
        update={"created_at": stored.created_at, "queued_at": stored.queued_at}
    )
    assert repository.get(given.id) == stored
    assert stored.order.options.model_fields_set == given.order.options.model_fields_set


def test_a_job_that_is_not_there(repository: JobRepository) -> None:
    nothing = new_id()
    for ask in (
        lambda: repository.get(nothing),
        lambda: repository.cancel(nothing),
        lambda: repository.steer(nothing, {}),
        lambda: repository.retry(nothing),
        lambda: repository.resume(nothing),
        lambda: repository.add_share(share(nothing), MOST),
    ):
        with pytest.raises(JobNotFound, match=nothing):
            ask()
    assert repository.place_in_queue(nothing) is None
    repository.delete(nothing)


def test_a_result_that_is_there_already(repository: JobRepository) -> None:
    given = job(status=JobStatus.SUCCEEDED, cached=True, result=result("earlier"))
    stored = repository.add(given)
    assert stored.completed_at == stored.created_at
    assert stored.result == given.result
    assert repository.claim_next("worker", LEASE) is None


def test_the_same_key_is_the_same_job(repository: JobRepository) -> None:
    first = repository.add(job("anna", idempotency_key="k"))
    again = repository.add(job("anna", idempotency_key="k"))
    others = [
        repository.add(job("bert", idempotency_key="k")),
        repository.add(job("anna", idempotency_key="other")),
        repository.add(job("anna")),
        repository.add(job("anna")),
    ]
    assert again == first
    assert len({first.id, *(other.id for other in others)}) == 5


def test_the_same_key_at_the_same_time(repository: JobRepository) -> None:
    with ThreadPoolExecutor(8) as pool:
        for key in map(str, range(10)):
            jobs = [job(idempotency_key=key) for _ in range(8)]
            assert len({stored.id for stored in pool.map(repository.add, jobs)}) == 1
    assert repository.unfinished("anna") == 10


def test_lists(repository: JobRepository) -> None:
    added: list[Job] = []
    for _ in range(5):
        added.append(repository.add(job("anna")))
        repository.add(job("bert"))
        time.sleep(0.002)  # SQLite's clock counts milliseconds
    mine = [each.id for each in reversed(added)]
    repository.cancel(mine[1])
    first, second = map(position, added[:2:-1])

    def ids(jobs: Sequence[Job]) -> list[str]:
        return [found.id for found in jobs]

    assert ids(repository.list("anna")) == mine
    assert ids(repository.list("anna", limit=2)) == mine[:2]
    assert ids(repository.list("anna", limit=2, before=second)) == mine[2:4]
    assert ids(repository.list("anna", status=JobStatus.CANCELED)) == [mine[1]]
    assert ids(repository.list("anna", status=JobStatus.QUEUED, before=first)) == mine[2:]
    repository.delete(mine[1])
    assert ids(repository.list("anna", before=second)) == mine[2:]
    assert not repository.list("nobody")


def test_pages_show_every_job_once_even_of_the_same_moment(repository: JobRepository) -> None:
    added = {repository.add(job()).id for _ in range(20)}
    seen: list[Job] = []
    while page := repository.list("anna", limit=3, before=position(seen[-1]) if seen else None):
        seen += page
    assert len(seen) == 20
    assert {each.id for each in seen} == added


def position(shown: Job) -> ListPosition:
    return shown.created_at, shown.id


def test_how_many_are_unfinished(repository: JobRepository) -> None:
    ended(repository, JobStatus.SUCCEEDED)
    claimed(repository)
    repository.add(job())
    repository.add(job("bert"))
    repository.cancel(repository.add(job()).id)
    assert repository.unfinished("anna") == 2
    assert repository.unfinished("nobody") == 0


def test_how_many_a_client_has_whoever_owns_them(repository: JobRepository) -> None:
    ended(repository, JobStatus.SUCCEEDED, client="c")
    claimed(repository, client="c")
    repository.add(job("bert", client="c"))
    repository.add(job("carl", client="d"))
    assert repository.unfinished_of_client("c") == 2
    assert repository.unfinished_of_client("nobody") == 0


def test_earlier_results(repository: JobRepository) -> None:
    def found() -> Job | None:
        return repository.find_result("anna", "f")

    assert found() is None
    ended(repository, JobStatus.CANCELED, fingerprint="f")
    ended(repository, JobStatus.FAILED, fingerprint="f")
    claimed(repository, fingerprint="f")
    ended(repository, JobStatus.SUCCEEDED, fingerprint="other")
    ended(repository, JobStatus.SUCCEEDED, owner="bert", fingerprint="f")
    steered = claimed(repository, fingerprint="f")
    repository.steer(steered.id, {"strength": 0.9})
    repository.finish(steered.id, 1, JobStatus.SUCCEEDED, result=result(steered.id))
    assert found() is None
    ended(repository, JobStatus.SUCCEEDED, fingerprint="f")
    time.sleep(0.002)
    latest = ended(repository, JobStatus.SUCCEEDED, fingerprint="f")
    repository.add(job(fingerprint="f", status=JobStatus.SUCCEEDED, cached=True))
    assert found() == latest


def test_an_earlier_result_of_other_weights_answers_no_more(repository: JobRepository) -> None:
    ended(repository, JobStatus.SUCCEEDED, fingerprint="f")
    assert repository.find_result("anna", "f")
    time.sleep(0.002)
    newer = claimed(repository, owner="bert")
    other = result(newer.id).model_copy(update={"weights_sha256": "2" * 64})
    repository.finish(newer.id, 1, JobStatus.SUCCEEDED, result=other)
    assert repository.find_result("anna", "f") is None


def test_a_result_of_another_model_than_was_asked_for_answers_nothing(
    repository: JobRepository,
) -> None:
    """The weights of the requested model were missing, and may exist now."""
    running = claimed(repository, fingerprint="f")
    other = result(running.id).model_copy(update={"model": "vgg19"})
    repository.finish(running.id, 1, JobStatus.SUCCEEDED, result=other)
    assert repository.find_result("anna", "f") is None


# ── claims ────────────────────────────────────────────────────────────────────────────────────


def test_jobs_are_claimed_in_the_order_in_which_they_stand(repository: JobRepository) -> None:
    added = [repository.add(job(owner)).id for owner in "abacabadabacaba"]
    places = {repository.place_in_queue(job_id): job_id for job_id in added}
    assert set(places) == set(range(1, len(added) + 1))
    for place in range(1, len(added) + 1):
        assert repository.place_in_queue(places[place]) == 1
        running = repository.claim_next("worker", LEASE)
        assert running is not None
        assert running.id == places[place]
        assert repository.place_in_queue(running.id) is None
    assert repository.claim_next("worker", LEASE) is None


def test_nobody_waits_behind_somebody_elses_hundred(repository: JobRepository) -> None:
    first, second, *_ = [repository.add(job("greedy")).id for _ in range(100)]
    modest = repository.add(job("modest")).id
    claims = [repository.claim_next("worker", LEASE) for _ in range(3)]
    assert [claim.id for claim in claims if claim] == [first, modest, second]


def test_a_claim(repository: JobRepository) -> None:
    added = repository.add(job())
    before = repository.now()
    running = repository.claim_next("the worker", LEASE)
    assert running is not None
    assert running.status is JobStatus.RUNNING
    assert (running.attempt, running.worker) == (1, "the worker")
    assert running.started_at is not None
    assert before <= running.started_at <= repository.now()
    assert running.lease_expires_at is not None
    assert before + LEASE <= running.lease_expires_at <= repository.now() + LEASE
    assert running.queued_at == added.queued_at
    assert repository.get(added.id) == running


# ── reports of workers ────────────────────────────────────────────────────────────────────────


def test_a_heartbeat(repository: JobRepository) -> None:
    running = claimed(repository, lease=1)
    before = repository.now()
    heard = repository.heartbeat(running.id, 1, LEASE, progress(7))
    assert heard.progress == progress(7)
    assert heard.lease_expires_at is not None
    assert heard.lease_expires_at >= before + LEASE
    repository.steer(running.id, {"strength": 0.7})
    repository.cancel(running.id)
    heard = repository.heartbeat(running.id, 1, LEASE, None)
    assert heard.progress == progress(7)
    assert heard.steering == {"strength": 0.7}
    assert heard.cancel_requested


def test_the_last_word(repository: JobRepository) -> None:
    running = claimed(repository)
    done = repository.finish(
        running.id, 1, JobStatus.SUCCEEDED, progress=progress(100), result=result(running.id)
    )
    assert done.status is JobStatus.SUCCEEDED
    assert (done.progress, done.result) == (progress(100), result(running.id))
    assert done.completed_at is not None
    assert done.completed_at >= running.created_at
    assert done.lease_expires_at is None
    assert repository.get(running.id) == done
    failed = claimed(repository)
    failed = repository.finish(failed.id, 1, JobStatus.FAILED, error=FAILURE)
    assert (failed.status, failed.error, failed.result) == (JobStatus.FAILED, FAILURE, None)


def test_a_job_that_is_given_back_keeps_its_place(repository: JobRepository) -> None:
    running = claimed(repository)
    later = repository.add(job("bert"))
    repository.keep_checkpoint(running.id, 1, f"{running.id}/1-checkpoint")
    back = repository.give_back(running.id, 1)
    assert (back.status, back.lease_expires_at) == (JobStatus.QUEUED, None)
    assert (back.failed_attempts, back.error) == (0, None)
    assert back.checkpoint == f"{running.id}/1-checkpoint"
    again, other = (repository.claim_next("another", LEASE) for _ in range(2))
    assert again is not None
    assert (again.id, again.attempt, again.worker) == (running.id, 2, "another")
    assert again.started_at == running.started_at
    assert other is not None
    assert other.id == later.id


def test_a_job_that_is_put_back_stands_behind_all_others(repository: JobRepository) -> None:
    running = claimed(repository)
    others = [repository.add(job(owner)).id for owner in "bbbbc"]
    back = repository.put_back(running.id, 1, 3, FAILURE)
    assert (back.status, back.lease_expires_at, back.error) == (JobStatus.QUEUED, None, None)
    assert (back.failed_attempts, back.failed_dependencies) == (0, 1)
    claims = [repository.claim_next("another", LEASE) for _ in range(6)]
    assert claims[-1] is not None
    assert claims[-1].id == running.id
    assert {claim.id for claim in claims[:-1] if claim} == set(others)
    assert repository.put_back(running.id, 2, 3, FAILURE).status is JobStatus.QUEUED
    assert repository.claim_next("another", LEASE)
    failed = repository.put_back(running.id, 3, 3, FAILURE)
    assert (failed.status, failed.error) == (JobStatus.FAILED, FAILURE)
    assert failed.completed_at is not None
    assert repository.retry(running.id).failed_dependencies == 0


def test_attempts_fail_until_it_was_the_last(repository: JobRepository) -> None:
    running = claimed(repository)
    for attempt in (1, 2):
        tried = repository.fail_attempt(running.id, attempt, 3, FAILURE)
        assert (tried.status, tried.failed_attempts) == (JobStatus.QUEUED, attempt)
        assert (tried.error, tried.completed_at) == (None, None)
        assert repository.claim_next("worker", LEASE)
    tried = repository.fail_attempt(running.id, 3, 3, FAILURE)
    assert (tried.status, tried.failed_attempts) == (JobStatus.FAILED, 3)
    assert tried.error == FAILURE
    assert tried.completed_at is not None
    assert tried.lease_expires_at is None


@pytest.mark.parametrize("leave", ["give_back", "put_back", "fail_attempt", "sweep"])
def test_a_canceled_job_is_not_queued_again(repository: JobRepository, leave: str) -> None:
    running = claimed(repository, lease=0)
    repository.cancel(running.id)
    if leave == "give_back":
        left = repository.give_back(running.id, 1)
    elif leave == "put_back":
        left = repository.put_back(running.id, 1, 3, FAILURE)
    elif leave == "fail_attempt":
        left = repository.fail_attempt(running.id, 1, 3, FAILURE)
    else:
        time.sleep(0.005)
        (left,) = repository.sweep(3, FAILURE)
    assert (left.status, left.error) == (JobStatus.CANCELED, None)
    assert left.completed_at is not None


@pytest.mark.parametrize(
    "lose",
    [
        lambda repository, job_id: repository.give_back(job_id, 1),
        lambda repository, job_id: repository.fail_attempt(job_id, 1, 3, FAILURE),
        lambda repository, job_id: repository.fail_attempt(job_id, 1, 1, FAILURE),
        lambda repository, job_id: repository.finish(job_id, 1, JobStatus.SUCCEEDED),
        lambda repository, job_id: repository.delete(job_id),
        lambda repository, job_id: (
            repository.give_back(job_id, 1),
            repository.claim_next("another", LEASE),
        ),
        lambda repository, job_id: (
            repository.finish(job_id, 1, JobStatus.FAILED),
            repository.retry(job_id),
            repository.claim_next("another", LEASE),
        ),
    ],
)
def test_who_has_lost_a_job_is_not_heard(
    repository: JobRepository, lose: Callable[[JobRepository, str], object]
) -> None:
    running = claimed(repository)
    lose(repository, running.id)
    before = [repository.get(running.id)] if repository.existing([running.id]) else []
    for say in (
        lambda: repository.heartbeat(running.id, 1, LEASE, progress(5)),
        lambda: repository.keep_checkpoint(running.id, 1, "late"),
        lambda: repository.finish(running.id, 1, JobStatus.SUCCEEDED, result=result("late")),
        lambda: repository.give_back(running.id, 1),
        lambda: repository.put_back(running.id, 1, 3, FAILURE),
        lambda: repository.fail_attempt(running.id, 1, 3, FAILURE),
    ):
        with pytest.raises(LeaseLost) as lost:
            say()
        assert (lost.value.job_id, lost.value.attempt) == (running.id, 1)
    assert [repository.get(job.id) for job in before] == before


def test_a_silent_worker_loses_its_job(repository: JobRepository) -> None:
    silent = claimed(repository, lease=0)
    lively = claimed(repository)
    repository.add(job())
    time.sleep(0.005)
    (swept,) = repository.sweep(2, FAILURE)
    assert (swept.id, swept.status, swept.failed_attempts) == (silent.id, JobStatus.QUEUED, 1)
    assert not repository.sweep(2, FAILURE)
    assert repository.get(lively.id) == lively
    while (again := repository.claim_next("another", 0)) and again.id != silent.id:
        repository.heartbeat(again.id, again.attempt, LEASE, None)
    time.sleep(0.005)
    (swept,) = repository.sweep(2, FAILURE)
    assert (swept.id, swept.status, swept.error) == (silent.id, JobStatus.FAILED, FAILURE)


def test_an_attempt_that_ended_in_an_outage_does_not_count(repository: JobRepository) -> None:
    silent = claimed(repository, lease=0)
    time.sleep(0.005)
    (swept,) = repository.sweep(1, FAILURE, forgiven_until=repository.now())
    assert (swept.id, swept.status, swept.failed_attempts) == (silent.id, JobStatus.QUEUED, 0)
    outage_ended_at = repository.now()
    assert repository.claim_next("another", 0)
    time.sleep(0.005)
    (swept,) = repository.sweep(1, FAILURE, forgiven_until=outage_ended_at)
    assert (swept.status, swept.failed_attempts, swept.error) == (JobStatus.FAILED, 1, FAILURE)


# ── requests of owners ────────────────────────────────────────────────────────────────────────


def test_cancel(repository: JobRepository) -> None:
    queued = repository.cancel(repository.add(job()).id)
    assert queued.status is JobStatus.CANCELED
    assert queued.completed_at is not None
    assert repository.cancel(queued.id) == queued
    assert repository.claim_next("worker", LEASE) is None
    running = claimed(repository)
    asked = repository.cancel(running.id)
    assert (asked.status, asked.cancel_requested) == (JobStatus.RUNNING, True)
    assert asked.completed_at is None
    assert repository.cancel(running.id) == asked
    for status in (JobStatus.SUCCEEDED, JobStatus.FAILED):
        done = ended(repository, status)
        with pytest.raises(JobConflict, match=status.value):
            repository.cancel(done.id)
        assert repository.get(done.id) == done


def test_steer(repository: JobRepository) -> None:
    running = claimed(repository)
    repository.steer(running.id, {"strength": 0.7, "tv_weight": 1.0})
    steered = repository.steer(running.id, {"strength": 0.9})
    assert steered.steering == {"strength": 0.9, "tv_weight": 1.0}
    assert repository.get(running.id) == steered
    queued = repository.add(job())
    for other in (queued, repository.finish(running.id, 1, JobStatus.FAILED)):
        with pytest.raises(JobConflict, match=other.status.value):
            repository.steer(other.id, {"strength": 0.1})
        assert repository.get(other.id) == other


def test_steering_from_two_sides_is_added_up(repository: JobRepository) -> None:
    running = claimed(repository)
    names = [f"knob-{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: repository.steer(running.id, {name: 1.0}), names))
    assert repository.get(running.id).steering == dict.fromkeys(names, 1.0)


def test_a_hundred_owners_of_one_client_are_put_back_too(repository: JobRepository) -> None:
    first, second, *_ = [repository.add(job(f"cookie {n}", client="c")).id for n in range(100)]
    modest = repository.add(job("modest", client="d")).id
    claims = [repository.claim_next("worker", LEASE) for _ in range(3)]
    assert [claim.id for claim in claims if claim] == [first, modest, second]


@pytest.mark.parametrize("facts", [{"client": "c"}, {}])
def test_another_try_is_no_way_to_the_front(
    repository: JobRepository, facts: dict[str, str]
) -> None:
    greedy = [repository.add(job("greedy", **facts)).id for _ in range(5)]
    modest = repository.add(job("modest", client="d")).id
    for job_id in greedy[1:]:
        repository.cancel(job_id)
        repository.retry(job_id)
    assert [repository.place_in_queue(job_id) for job_id in greedy] == [1, 3, 4, 5, 6]
    assert repository.place_in_queue(modest) == 2


def test_another_try(repository: JobRepository) -> None:
    failed = ended(repository, JobStatus.FAILED)
    canceled = repository.cancel(repository.add(job()).id)
    for tried in (failed, canceled):
        queued = repository.retry(tried.id)
        assert queued.status is JobStatus.QUEUED
        assert queued.queued_at > tried.queued_at
        assert queued == tried.model_copy(
            update={
                "status": JobStatus.QUEUED,
                "queued_at": queued.queued_at,
                "started_at": None,
                "completed_at": None,
                "error": None,
                "cancel_requested": False,
            }
        )
        again = repository.claim_next("worker", LEASE)
        assert again is not None
        assert (again.id, again.attempt) == (tried.id, tried.attempt + 1)


def test_another_try_begins_at_the_beginning(repository: JobRepository) -> None:
    running = claimed(repository, lease=0)
    repository.heartbeat(running.id, 1, LEASE, progress(3))
    repository.steer(running.id, {"strength": 0.9})
    repository.keep_checkpoint(running.id, 1, "checkpoint")
    repository.finish(running.id, 1, JobStatus.CANCELED, result=result(running.id))
    again = repository.retry(running.id)
    assert (again.progress, again.checkpoint, again.result) == (None, None, None)
    assert (again.steering, again.failed_attempts) == ({}, 0)


def test_a_canceled_job_goes_on_where_it_stopped(repository: JobRepository) -> None:
    running = claimed(repository, lease=0)
    repository.heartbeat(running.id, 1, LEASE, progress(3))
    repository.steer(running.id, {"strength": 0.9})
    repository.keep_checkpoint(running.id, 1, "checkpoint")
    stopped = repository.finish(running.id, 1, JobStatus.CANCELED, result=result(running.id))
    assert stopped.can_resume
    again = repository.resume(running.id)
    assert (again.status, again.checkpoint) == (JobStatus.QUEUED, "checkpoint")
    assert (again.progress, again.steering) == (progress(3), {"strength": 0.9})
    assert (again.result, again.cancel_requested, again.can_resume) == (None, False, False)
    taken = repository.claim_next("worker", LEASE)
    assert taken
    assert (taken.id, taken.attempt, taken.checkpoint) == (running.id, 2, "checkpoint")


@pytest.mark.parametrize("again", ["retry", "resume"])
def test_the_picture_of_an_earlier_attempt_is_kept_until_there_is_another(
    repository: JobRepository, again: str
) -> None:
    running = claimed(repository)
    repository.keep_checkpoint(running.id, 1, "checkpoint")
    kept = result(running.id)
    repository.finish(running.id, 1, JobStatus.CANCELED, result=kept)
    assert getattr(repository, again)(running.id).result is None
    canceled = repository.cancel(running.id)
    assert (canceled.status, canceled.result) == (JobStatus.CANCELED, kept)
    assert canceled.can_resume is (again == "resume")
    repository.retry(running.id)
    taken = repository.claim_next("worker", LEASE)
    assert taken is not None
    assert taken.result is None
    failed = repository.finish(running.id, 2, JobStatus.FAILED, error=FAILURE)
    assert (failed.result, repository.get(running.id).result) == (kept, kept)
    repository.retry(running.id)
    repository.claim_next("worker", LEASE)
    other = kept.model_copy(update={"key": f"{running.id}/3-result.png"})
    assert repository.finish(running.id, 3, JobStatus.SUCCEEDED, result=other).result == other


def test_what_cannot_go_on(repository: JobRepository) -> None:
    failed = claimed(repository)
    repository.keep_checkpoint(failed.id, 1, "checkpoint")
    repository.finish(failed.id, 1, JobStatus.FAILED, error=FAILURE)
    queued = repository.add(job())
    without_checkpoint = repository.cancel(repository.add(job()).id)
    for other in (queued, without_checkpoint, failed):
        assert not repository.get(other.id).can_resume
        with pytest.raises(JobConflict):
            repository.resume(other.id)


def test_nothing_to_try_again(repository: JobRepository) -> None:
    done = ended(repository, JobStatus.SUCCEEDED)
    running = claimed(repository)
    queued = repository.add(job())
    for other in (done, running, queued):
        with pytest.raises(JobConflict, match=other.status.value):
            repository.retry(other.id)
        assert repository.get(other.id) == other


# ── housekeeping ──────────────────────────────────────────────────────────────────────────────


def test_what_is_old(repository: JobRepository) -> None:
    old = {ended(repository, JobStatus.SUCCEEDED).id for _ in range(3)}
    running = claimed(repository)
    time.sleep(0.005)
    now = repository.now()
    time.sleep(0.005)
    ended(repository, JobStatus.FAILED)
    assert {repository.delete_completed(now) for _ in old} == old
    assert repository.existing([*old]) == set()
    assert repository.delete_completed(now) is None
    assert repository.get(running.id) == running


def test_an_old_job_that_is_retried_at_the_same_time_is_not_deleted(
    repository: SqlJobRepository,
) -> None:
    old = ended(repository, JobStatus.FAILED)
    retried = update(jobs).where(jobs.c.id == old.id).values(status="queued", completed_at=None)
    later = repository.now() + 60
    assert during(repository, retried, lambda: repository.delete_completed(later)) is None
    assert repository.get(old.id).status is JobStatus.QUEUED


def test_which_of_fifty_thousand_exist(repository: JobRepository) -> None:
    there = {repository.add(job()).id for _ in range(3)}
    asked = [*(new_id() for _ in range(50_000)), *there]
    assert repository.existing(asked) == there
    assert repository.existing([]) == set()


def test_the_state(repository: JobRepository) -> None:
    state = repository.state()
    assert state.jobs == dict.fromkeys(JobStatus, 0)
    assert state.oldest_queued_seconds == 0
    ended(repository, JobStatus.SUCCEEDED)
    claimed(repository)
    began = time.monotonic()
    repository.add(job())
    time.sleep(0.05)
    repository.add(job())
    state = repository.state()
    assert state.jobs == dict.fromkeys(JobStatus, 0) | {
        JobStatus.SUCCEEDED: 1,
        JobStatus.RUNNING: 1,
        JobStatus.QUEUED: 2,
    }
    assert 0.05 <= state.oldest_queued_seconds <= time.monotonic() - began + 0.01


def test_the_clock(repository: JobRepository) -> None:
    before, now, after = time.time(), repository.now(), time.time()
    assert before - 0.01 <= now <= after + 0.01
    time.sleep(0.02)
    assert repository.now() > now


# ── shared links ──────────────────────────────────────────────────────────────────────────────


def share(job_id: str, name: str = "a", **facts: Any) -> Share:
    times = {"created_at": time.time(), "expires_at": time.time() + 3600}
    return Share(**{"id": new_id(), "job_id": job_id, "token_sha256": name, **times, **facts})


def test_shares(repository: JobRepository) -> None:
    shared = repository.add(job()).id
    first, second = share(shared, "a"), share(shared, "b", created_at=time.time() + 1)
    for each in (first, second, share(shared, "c", expires_at=time.time() - 5)):
        repository.add_share(each, MOST)
    assert list(repository.shares(shared)) == [first, second]
    assert repository.find_share("b") == second
    assert repository.find_share("c") is None
    assert repository.find_share("nothing") is None
    repository.delete_share(new_id(), first.id)
    assert repository.find_share("a") == first
    repository.delete_share(shared, first.id)
    assert list(repository.shares(shared)) == [second]


def test_a_job_has_a_maximum_of_shares(repository: JobRepository) -> None:
    shared, other = repository.add(job()).id, repository.add(job()).id
    expired = share(shared, "expired", expires_at=time.time() - 5)
    made = [share(shared, str(number)) for number in range(MOST)]
    for each in (expired, share(other, "other"), *made):
        repository.add_share(each, MOST)
    with pytest.raises(TooManyShares) as refused:
        repository.add_share(share(shared, "too much"), MOST)
    assert (refused.value.job_id, refused.value.most) == (shared, MOST)
    assert {each.id for each in repository.shares(shared)} == {each.id for each in made}
    repository.delete_share(shared, made[0].id)
    repository.add_share(share(shared, "now"), MOST)
    assert repository.find_share("now") is not None


def test_two_shares_at_once_do_not_exceed_the_maximum(repository: SqlJobRepository) -> None:
    shared = repository.add(job()).id
    first = insert(shares).values(share(shared, "first").model_dump())

    def add() -> None:
        repository.add_share(share(shared, "second"), 1)

    with pytest.raises(TooManyShares):
        during(repository, first, add)
    assert repository.find_share("first") is not None


def test_expired_shares_do_not_stay(repository: SqlJobRepository) -> None:
    shared = repository.add(job()).id
    for number in range(MOST):
        repository.add_share(share(shared, str(number), expires_at=time.time() - 5), MOST)
    with repository._read() as connection:
        assert len(connection.execute(select(shares)).all()) == 1


def test_what_is_forgotten(repository: JobRepository) -> None:
    running = claimed(repository)
    repository.add_share(share(running.id), MOST)
    repository.delete(running.id)
    repository.delete(running.id)
    with pytest.raises(JobNotFound):
        repository.get(running.id)
    assert repository.find_share("a") is None
    assert not repository.list("anna")
