"""Workers that compete for the same jobs, in threads of several processes."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier

from nst.adapters.sql import SqlJobRepository
from nst.errors import LeaseLost
from nst.jobs.job import JobStatus
from support.jobs import FAILURE, result
from support.waiting import PATIENCE_SECONDS, PROGRAM_SECONDS

MAX_ATTEMPTS = 1000


@dataclass
class Account:
    """Record of what a worker has done, as far as the worker knows."""

    claims: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Number of claims of each job and attempt."""
    ends: Counter[tuple[str, int]] = field(default_factory=Counter)

    def add(self, other: "Account") -> None:
        self.claims += other.claims
        self.ends += other.ends


def fight(url: str, threads: int, seed: int, start: Barrier | None = None) -> Account:
    """Work until every job is in a final state; return what the threads have done.
    All threads share one repository. `start`: where the process waits with its first job until the
    others have one, too."""
    repository = SqlJobRepository(url)
    first = _work_on_one(repository, seed, start) if start else Account()
    with ThreadPoolExecutor(threads) as pool:
        accounts = list(pool.map(lambda n: _work(repository, seed + n), range(threads)))
    repository.close()
    return total([first, *accounts])


def total(accounts: Sequence[Account]) -> Account:
    together = Account()
    for account in accounts:
        together.add(account)
    return together


def _work_on_one(repository: SqlJobRepository, seed: int, start: Barrier) -> Account:
    """Claim a job, and end it once every process has claimed one."""
    account, dice = Account(), random.Random(seed)  # noqa: S311 - it plays dice
    job = repository.claim_next(f"worker-{seed}", PROGRAM_SECONDS)
    assert job
    account.claims[job.id, job.attempt] += 1
    start.wait(PATIENCE_SECONDS)
    _end(repository, job.id, job.attempt, dice, account)
    return account


def _work(repository: SqlJobRepository, seed: int) -> Account:
    account, dice = Account(), random.Random(seed)  # noqa: S311 - it plays dice
    while True:
        if dice.random() < 0.1:
            repository.sweep(MAX_ATTEMPTS, FAILURE)
        lease = dice.choice([0.0, 0.02, 60.0, 60.0])
        job = repository.claim_next(f"worker-{seed}", lease)
        if job is None:
            if not repository.unfinished("anna"):
                return account
            repository.sweep(MAX_ATTEMPTS, FAILURE)
            continue
        account.claims[job.id, job.attempt] += 1
        if lease < 60:
            time.sleep(dice.choice([0.0, 0.0, 0.005]))
            if dice.random() < 0.3:
                continue  # the worker disappears with its attempt
        try:
            _end(repository, job.id, job.attempt, dice, account)
        except LeaseLost:
            continue


def _end(
    repository: SqlJobRepository, job_id: str, attempt: int, dice: random.Random, account: Account
) -> None:
    match dice.randrange(10):
        case 0 | 1:
            repository.give_back(job_id, attempt)
        case 2:
            repository.fail_attempt(job_id, attempt, MAX_ATTEMPTS, FAILURE)
        case _:
            outcome = result(job_id).model_copy(update={"steps": attempt})
            repository.finish(job_id, attempt, JobStatus.SUCCEEDED, result=outcome)
            account.ends[job_id, attempt] += 1


def migrate(url: str) -> None:
    repository = SqlJobRepository(url)
    repository.migrate()
    repository.state()
    repository.close()
