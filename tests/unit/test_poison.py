"""A job for which one call of a port always fails comes to an end.

All other jobs finish.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from nst import worker as worker_module
from nst.engine_process.messages import Work
from nst.errors import FeedError, QueueError, RepositoryError, StorageError, StorageFull
from nst.jobs import execute
from nst.jobs.job import JobStatus
from nst.worker import Worker
from support.service_in_process import House, ScriptedEngine, finishes, paints
from support.waiting import PATIENCE_SECONDS, wait_until


class Painter(ScriptedEngine):
    """Engine that paints every job in the same way."""

    def start(self, work: Work) -> None:
        self._scripts.append([paints(1, checkpoint=b"state"), paints(2), finishes()])
        super().start(work)


@contextmanager
def at_work(house: House) -> Iterator[None]:
    shop = house.worker_context(Painter(), max_dependency_failures=2)
    worker = Worker(house.queue, shop, retention_seconds=3600)
    thread = threading.Thread(target=worker.run)
    thread.start()
    yield
    worker.stop()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


def poisoned(method: Callable[..., Any], job_id: str, error: Exception) -> Callable[..., Any]:
    """Return the method, failing if its first argument belongs to the job."""

    def call(*arguments: Any, **options: Any) -> Any:
        if str(arguments[0]).startswith(job_id):
            raise error
        return method(*arguments, **options)

    return call


BROKEN = StorageError(Path("x"), "permission denied")
FULL = StorageFull(Path("x"), "there is no space left")
OURS = ZeroDivisionError("a fault of ours")


@pytest.mark.parametrize(
    ("port", "name", "error"),
    [
        *(("storage", name, error) for name in ("fetch", "put") for error in (BROKEN, FULL, OURS)),
        ("storage", "fetch", FileNotFoundError("x")),
        ("storage", "delete", BROKEN),
        ("storage", "list", BROKEN),
        ("feed", "publish", FeedError("no server")),
        ("feed", "publish", OURS),
        ("queue", "publish", QueueError("no broker")),
        ("repository", "heartbeat", RepositoryError("deadlock")),
        ("repository", "heartbeat", OURS),
        ("repository", "keep_checkpoint", RepositoryError("deadlock")),
        ("repository", "finish", RepositoryError("deadlock")),
        ("repository", "finish", OURS),
    ],
    ids=str,
)
def test_one_poisoned_job_and_all_others_finish(
    house: House, monkeypatch: pytest.MonkeyPatch, port: str, name: str, error: Exception
) -> None:
    monkeypatch.setattr(worker_module, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(worker_module, "BACK_OFF_SECONDS", (0.01, 0.02))
    monkeypatch.setattr(execute, "HAND_BACK_SECONDS", 0.01)
    bad, *others = (house.submit(options={"seed": seed}).id for seed in range(4))
    method = getattr(getattr(house, port), name)
    monkeypatch.setattr(getattr(house, port), name, poisoned(method, bad, error))

    def are_over() -> bool:
        return all(house.repository.get(job_id).status.is_final for job_id in (bad, *others))

    with at_work(house):
        wait_until(are_over)
    done = [house.repository.get(job_id) for job_id in others]
    assert {(job.status, job.attempt) for job in done} == {(JobStatus.SUCCEEDED, 1)}
