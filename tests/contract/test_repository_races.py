"""Workers race for the same jobs: each attempt has one owner, each job one end."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor

import pytest

from nst.adapters.sql import SqlJobRepository
from nst.jobs.job import Job
from support.competing_workers import Account, fight, total
from support.jobs import job

JOBS = 250


@pytest.fixture
def queued(repository: SqlJobRepository) -> list[Job]:
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(repository.add, (job() for _ in range(JOBS))))


def check(repository: SqlJobRepository, queued: list[Job], account: Account) -> None:
    assert max(account.claims.values()) == 1
    assert len(account.claims) > JOBS * 1.3  # with fewer claims there was no race
    ends = dict(account.ends.keys())
    assert len(ends) == len(account.ends) == JOBS
    for before in queued:
        after = repository.get(before.id)
        attempts = [attempt for job_id, attempt in account.claims if job_id == before.id]
        assert sorted(attempts) == list(range(1, after.attempt + 1))
        assert after.attempt == ends[before.id]
        assert after.result is not None
        assert after.result.steps == after.attempt


@pytest.mark.parametrize("threads", [2, 8])
def test_threads(
    repository: SqlJobRepository, database_url: str, queued: list[Job], threads: int
) -> None:
    check(repository, queued, fight(database_url, threads, seed=threads))


def test_processes(repository: SqlJobRepository, database_url: str, queued: list[Job]) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(2) as pool:
        start = manager.Barrier(2)  # else one process could do everything before the other begins
        fights = [(database_url, 4, seed, start) for seed in (100, 200)]
        accounts = pool.starmap(fight, fights, chunksize=1)
        pool.close()
        pool.join()
    assert all(account.claims for account in accounts)
    check(repository, queued, total(accounts))
