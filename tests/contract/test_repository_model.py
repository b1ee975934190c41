"""Random operations on the repository, compared with a plain model of it.

A job never has two owners, and no job is lost or comes back to life.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from nst.adapters.sql import SqlJobRepository
from nst.adapters.sql.statements import FAIR_GAP_SECONDS
from nst.errors import JobConflict, JobNotFound, LeaseLost
from nst.jobs.job import RETRYABLE, JobStatus
from nst.jobs.ports import JobRepository
from support.jobs import FAILURE, job

MAX_ATTEMPTS = 2
ENDLESS = 1_000_000
LEASES = {"long": 3600.0, "over": 0.0}

owners = st.sampled_from("ab")
leases = st.sampled_from(sorted(LEASES))
any_job = st.integers(0, 99)
too_late = st.integers(0, 3).map(lambda dice: dice == 0)


@dataclass
class Model:
    """Expected state of a job."""

    id: str
    owner: str
    key: str | None
    turn: float
    status: JobStatus = JobStatus.QUEUED
    attempt: int = 0
    failed_attempts: int = 0
    is_over: bool = False
    """Whether the lease has expired."""
    cancel_requested: bool = False
    steering: dict[str, float] = field(default_factory=dict)

    def leave(self, *, failed: bool) -> None:
        """Take the job from its worker: it ends, or it is queued again."""
        self.failed_attempts += failed
        if self.cancel_requested:
            self.status = JobStatus.CANCELED
        elif failed and self.failed_attempts >= MAX_ATTEMPTS:
            self.status = JobStatus.FAILED
        else:
            self.status = JobStatus.QUEUED


class Life(RuleBasedStateMachine):
    """State machine of all that workers and people may do."""

    def __init__(self, repository: JobRepository) -> None:
        super().__init__()
        self.repository = repository
        self.jobs: dict[str, Model] = {}
        self.deleted: list[Model] = []

    # ── people ──

    @rule(owner=owners, key=st.sampled_from([None, "k", "l"]))
    def add(self, owner: str, key: str | None) -> None:
        earlier = [j for j in self.jobs.values() if key and (j.owner, j.key) == (owner, key)]
        waiting = sum(j.owner == owner and not j.status.is_final for j in self.jobs.values())
        stored = self.repository.add(job(owner, idempotency_key=key))
        if earlier:
            assert stored.id == earlier[0].id
        else:
            turn = stored.created_at + FAIR_GAP_SECONDS * waiting
            self.jobs[stored.id] = Model(stored.id, owner, key, turn)

    @rule(which=any_job)
    def cancel(self, which: int) -> None:
        open_or_canceled = {JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.CANCELED}
        if model := self.ask(which, open_or_canceled, self.repository.cancel):
            if model.status is not JobStatus.CANCELED:
                model.cancel_requested = True
            if model.status is JobStatus.QUEUED:
                model.status = JobStatus.CANCELED

    @rule(which=any_job)
    def retry(self, which: int) -> None:
        if model := self.ask(which, RETRYABLE, self.repository.retry):
            others = [j for j in self.jobs.values() if j.owner == model.owner and j is not model]
            waiting = sum(not j.status.is_final for j in others)
            turn = self.repository.get(model.id).queued_at + FAIR_GAP_SECONDS * waiting
            # A retry must not jump the queue: its turn is not before the old one.
            model.status, model.turn = JobStatus.QUEUED, max(turn, model.turn)
            model.cancel_requested, model.failed_attempts, model.steering = False, 0, {}

    @rule(which=any_job, knob=st.sampled_from("xy"), value=st.floats(0, 1))
    def steer(self, which: int, knob: str, value: float) -> None:
        def turn(job_id: str) -> object:
            return self.repository.steer(job_id, {knob: value})

        if model := self.ask(which, {JobStatus.RUNNING}, turn):
            model.steering[knob] = value

    def ask(
        self, which: int, allowed: Collection[JobStatus], question: Callable[[str], object]
    ) -> Model | None:
        """Ask for something; return the job if its state allows this.
        If not, assert that the repository refuses, and return None."""
        model = self.pick(which, allowed)
        if model.id in self.jobs and model.status in allowed:
            question(model.id)
            return model
        with pytest.raises(JobConflict if model.id in self.jobs else JobNotFound):
            question(model.id)
        return None

    @rule(which=any_job)
    def delete(self, which: int) -> None:
        model = self.pick(which, set(JobStatus))
        self.repository.delete(model.id)
        if self.jobs.pop(model.id, None):
            self.deleted.append(model)

    # ── workers ──

    @rule(lease=leases)
    def claim(self, lease: str) -> None:
        queued = [j for j in self.jobs.values() if j.status is JobStatus.QUEUED]
        claimed = self.repository.claim_next("worker", LEASES[lease])
        if not queued:
            assert claimed is None
            return
        model = min(queued, key=lambda j: (j.turn, j.id))
        assert claimed is not None
        assert claimed.id == model.id
        model.status, model.is_over = JobStatus.RUNNING, lease == "over"
        model.attempt += 1
        assert claimed.attempt == model.attempt

    @rule(which=any_job, late=too_late, lease=leases)
    def heartbeat(self, which: int, late: bool, lease: str) -> None:
        if model := self.speak(which, late, "heartbeat", LEASES[lease], None):
            model.is_over = lease == "over"

    @rule(which=any_job, late=too_late)
    def keep_checkpoint(self, which: int, late: bool) -> None:
        self.speak(which, late, "keep_checkpoint", "key")

    @rule(
        which=any_job,
        late=too_late,
        status=st.sampled_from([JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED]),
    )
    def finish(self, which: int, late: bool, status: JobStatus) -> None:
        if model := self.speak(which, late, "finish", status):
            model.status = status

    @rule(which=any_job, late=too_late)
    def give_back(self, which: int, late: bool) -> None:
        if model := self.speak(which, late, "give_back"):
            model.leave(failed=False)

    @rule(which=any_job, late=too_late)
    def put_back(self, which: int, late: bool) -> None:
        queued = [j.turn for j in self.jobs.values() if j.status is JobStatus.QUEUED]
        if model := self.speak(which, late, "put_back", ENDLESS, FAILURE):
            model.turn = max(queued) + 1 if queued else self.repository.get(model.id).queued_at
            model.leave(failed=False)

    @rule(which=any_job, late=too_late)
    def fail_attempt(self, which: int, late: bool) -> None:
        if model := self.speak(which, late, "fail_attempt", MAX_ATTEMPTS, FAILURE):
            model.leave(failed=True)

    def speak(self, which: int, late: bool, what: str, *words: object) -> Model | None:
        """Report as the owner of the current attempt, or of an earlier one if `late`.
        Return the job if the report is accepted; if not, assert that it raises LeaseLost."""
        model = self.pick(which, {JobStatus.RUNNING})
        attempt = model.attempt - late
        say = getattr(self.repository, what)
        if model.id in self.jobs and model.status is JobStatus.RUNNING and not late:
            say(model.id, attempt, *words)
            return model
        with pytest.raises(LeaseLost):
            say(model.id, attempt, *words)
        return None

    @rule()
    def sweep(self) -> None:
        time.sleep(0.002)  # SQLite's clock counts milliseconds
        silent = {j.id for j in self.jobs.values() if j.status is JobStatus.RUNNING and j.is_over}
        swept = self.repository.sweep(MAX_ATTEMPTS, FAILURE)
        assert {found.id for found in swept} == silent
        for job_id in silent:
            self.jobs[job_id].leave(failed=True)

    # ── invariants ──

    def pick(self, which: int, preferred: Collection[JobStatus]) -> Model:
        """Return mostly a job in one of these states.
        Sometimes return any job: one that exists, was deleted, or never existed."""
        known = [*self.jobs.values(), *self.deleted, Model("nothing", "a", None, 0.0)]
        fitting = [j for j in self.jobs.values() if j.status in preferred]
        choice = known if which % 4 == 0 or not fitting else fitting
        return choice[which // 4 % len(choice)]

    @invariant()
    def is_as_the_model_has_it(self) -> None:
        stored = {found.id: found for owner in "ab" for found in self.repository.list(owner)}
        assert set(stored) == set(self.jobs)
        for job_id, model in self.jobs.items():
            found = stored[job_id]
            assert (found.status, found.attempt) == (model.status, model.attempt)
            assert found.failed_attempts == model.failed_attempts
            assert found.cancel_requested == model.cancel_requested
            assert found.steering == model.steering
            assert (found.completed_at is not None) == model.status.is_final
            assert (found.lease_expires_at is not None) == (model.status is JobStatus.RUNNING)

    def teardown(self) -> None:
        for job_id in self.jobs:
            self.repository.delete(job_id)


def test_life(repository: SqlJobRepository) -> None:
    run_state_machine_as_test(
        lambda: Life(repository),  # type: ignore[arg-type]
        settings=settings(
            max_examples=40,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
