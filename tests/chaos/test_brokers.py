"""A cluster of three brokers under load: each of them fails, and then two at once.

The service accepts jobs all the time, and each job is painted once.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from chaos.driver import Books, Client, Report, System
from nst.adapters.kafka import KafkaJobQueue, create_topics
from nst.errors import QueueError
from nst.jobs.job import new_id
from nst.settings.groups import KafkaSettings
from support import servers
from support.waiting import PATIENCE_SECONDS, PROGRAM_SECONDS, wait_until

BROKERS = 3
JOBS_PER_OUTAGE = 4
"""Number of jobs that are submitted before and while brokers are killed."""
JOBS_AFTERWARDS = 2
"""Number of jobs that are submitted while brokers are down."""
JOBS = (BROKERS + 1) * (JOBS_PER_OUTAGE + JOBS_AFTERWARDS)


@dataclass(frozen=True, slots=True)
class Cluster:
    """The service on three brokers, a client of the service, and a separate queue."""

    system: System
    client: Client
    books: Books
    report: Report
    queue: KafkaJobQueue

    def paint(self) -> None:
        """Submit some jobs, and wait until all submitted jobs have ended."""
        self.client.submit(JOBS_AFTERWARDS, seconds_between=0.1)
        self.books.wait(PROGRAM_SECONDS)

    def kill_under_load(self, brokers: Sequence[servers.Broker]) -> None:
        """Kill brokers while jobs are submitted, and return after the last submission."""
        accepted = len(self.client.accepted)
        load = threading.Thread(
            target=self.client.submit, args=(JOBS_PER_OUTAGE,), kwargs={"seconds_between": 0.1}
        )
        load.start()
        wait_until(lambda: len(self.client.accepted) > accepted)
        for broker in brokers:
            broker.kill()
        load.join()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    if not servers.is_kafka_real():
        pytest.skip("the light broker has no cluster")
    report = Report(jobs=JOBS)
    with ExitStack() as stack:
        # A long lease, so that no worker seems dead because the machine is busy.
        system = System(
            tmp_path,
            stack,
            apis=1,
            workers=2,
            jobs=JOBS,
            brokers=BROKERS,
            lease_seconds=PATIENCE_SECONDS,
        )
        client = Client(system.ports, report, seed=0)
        settings = KafkaSettings(
            brokers=tuple(system.broker_addresses.split(",")),
            topic="probes",
            dead_letter_topic="dead-probes",
            group="probes",
            partitions=4,
            replication=BROKERS,
        )
        create_topics(settings)
        queue = KafkaJobQueue(settings)
        stack.callback(queue.close)
        yield Cluster(system, client, Books(system, client, report), report, queue)


def carries_messages(queue: KafkaJobQueue) -> bool:
    job_id = new_id()
    with suppress(QueueError):
        queue.publish(job_id, {})
        while delivery := queue.receive(1.0):
            queue.commit(delivery)
            if delivery.job_id == job_id:
                return True
    return False


def is_in_sync(system: System) -> bool:
    """Return whether every broker has every message."""
    with (
        suppress(KafkaException),
        AdminClient({"bootstrap.servers": system.broker_addresses}) as admin,
    ):
        topics = admin.list_topics(timeout=1).topics.values()
        partitions = [each for topic in topics for each in topic.partitions.values()]
        return all(len(each.isrs) == BROKERS for each in partitions)
    return False


def test_brokers_die_in_turn_and_two_at_once(cluster: Cluster) -> None:
    system = cluster.system
    for broker in system.brokers:
        wait_until(lambda: is_in_sync(system))
        cluster.kill_under_load([broker])
        wait_until(lambda: carries_messages(cluster.queue))
        cluster.paint()
        broker.start()
    wait_until(lambda: is_in_sync(system))
    cluster.kill_under_load(system.brokers[:2])
    cluster.paint()
    assert not carries_messages(cluster.queue)  # workers found the jobs in the table
    for broker in system.brokers[:2]:
        broker.start()
    wait_until(lambda: carries_messages(cluster.queue))
    cluster.books.balance()
    assert not cluster.report.problems
    assert cluster.report.states == {"succeeded": JOBS}
    assert cluster.report.attempts == {"1": JOBS}
