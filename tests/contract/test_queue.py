"""JobQueue, in memory and on Kafka, does what its docstrings promise.

Kafka is tested with both group protocols.
"""

import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from nst.errors import QueueError
from nst.jobs.job import new_id
from nst.jobs.ports import Delivery, JobQueue
from support.servers import SESSION_SECONDS
from support.waiting import PATIENCE_SECONDS, no_waiting, wait_until

Join = Callable[[], JobQueue]


def take(queue: JobQueue, expected: Collection[str]) -> list[Delivery]:
    """Receive and commit until all expected jobs have arrived; return the deliveries."""
    taken: list[Delivery] = []
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not set(expected) <= {delivery.job_id for delivery in taken}:
        assert time.monotonic() < give_up_at
        if delivery := queue.receive(0.5):
            queue.commit(delivery)
            taken.append(delivery)
    return taken


def publish(queue: JobQueue, count: int) -> set[str]:
    ids = {new_id() for _ in range(count)}
    for job_id in ids:
        queue.publish(job_id, {})
    return ids


def test_what_is_published_arrives_once(join: Join) -> None:
    worker, publisher = join(), join()
    trace = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "b": "ä"}
    ids = [new_id() for _ in range(20)]
    for job_id in ids:
        publisher.publish(job_id, trace)
    taken = take(worker, ids)
    assert sorted(delivery.job_id for delivery in taken) == sorted(ids)
    assert all(delivery.trace == trace for delivery in taken)
    assert worker.receive(0.3) is None


def test_waiting_ends_in_time(join: Join) -> None:
    worker = join()
    take(worker, publish(worker, 1))
    start = time.monotonic()
    with no_waiting():
        assert worker.receive(0.5) is None
    assert time.monotonic() - start > 0.4


def test_a_message_comes_while_somebody_waits(join: Join) -> None:
    worker = join()
    take(worker, publish(worker, 1))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(worker.receive, PATIENCE_SECONDS)
        time.sleep(0.3)
        (job_id,) = publish(join(), 1)
        delivery = waiting.result()
    assert delivery is not None
    assert delivery.job_id == job_id


def test_many_publish_through_one_queue(join: Join) -> None:
    queue = join()
    with ThreadPoolExecutor(8) as pool:
        ids = set[str]().union(*pool.map(lambda _: publish(queue, 10), range(8)))
    assert len(ids) == 80
    take(queue, ids)


def test_what_is_committed_is_not_delivered_to_others(join: Join) -> None:
    first = join()
    take(first, publish(first, 10))
    first.close()
    second = join()
    ids = publish(second, 10)
    assert {delivery.job_id for delivery in take(second, ids)} == ids


def test_workers_share_the_messages(join: Join) -> None:
    publisher, *workers = join(), join(), join()
    ids = set[str]()
    seen: list[set[str]] = [set(), set()]
    is_over = threading.Event()

    def work(number: int) -> None:
        while not is_over.is_set():
            if delivery := workers[number].receive(0.2):
                seen[number].add(delivery.job_id)
                with suppress(QueueError):  # another worker has joined and gets it again
                    workers[number].commit(delivery)

    def both_have_some() -> bool:
        ids.update(publish(publisher, 8))
        return all(seen)

    with ThreadPoolExecutor(2) as pool:
        working = pool.map(work, range(2))
        try:
            wait_until(both_have_some)
            wait_until(lambda: seen[0] | seen[1] == ids)
        finally:
            is_over.set()
        assert list(working) == [None, None]


def stays(worker: JobQueue, seconds: float) -> bool:
    """Keep the worker's place; return False if this machine once paused for half a session."""
    begin, longest = time.monotonic(), 0.0
    while (now := time.monotonic()) < begin + seconds:
        worker.stay()
        time.sleep(0.1)
        longest = max(longest, time.monotonic() - now)
    return longest < SESSION_SECONDS / 2


def test_a_busy_worker_keeps_its_place(join: Join) -> None:
    """A worker that is busy for longer than a session gets what arrives meanwhile."""
    worker = join()
    take(worker, publish(worker, 1))
    ids = publish(join(), 5)
    wait_until(lambda: stays(worker, 1.25 * SESSION_SECONDS))
    ids |= publish(join(), 5)
    assert {delivery.job_id for delivery in take(worker, ids)} == ids


def test_a_busy_worker_receives_a_message_per_job(join: Join) -> None:
    """A worker that is always busy receives every message, so that the lag does not grow."""
    worker, publisher = join(), join()
    worker.receive(0.0)
    for _ in range(3):
        (published,) = publish(publisher, 1)

        def received_after_a_job() -> Delivery | None:
            stays(worker, 1)
            return worker.receive(0.0)

        delivery = wait_until(received_after_a_job)
        assert delivery.job_id == published
        worker.commit(delivery)


def test_to_stay_where_one_has_never_been(join: Join) -> None:
    queue = join()
    queue.stay()
    queue.close()
    queue.close()
