"""Time from a worker's start to its first message, with both group protocols.

    python -m benchmarks.joining

This needs Apache Kafka itself. It is measured first with the defaults of Kafka and nst, then with
short heartbeats.
"""

import argparse
import itertools
import json
import os
import platform
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from nst.adapters.kafka import KafkaJobQueue, create_topics
from nst.errors import QueueError
from nst.jobs.job import new_id
from nst.settings.groups import KafkaSettings

RESULTS = Path(__file__).parent / "results" / "joining.json"
RUNS = 5
PAUSE_SECONDS = 0.01
"""Seconds between two published messages."""

Protocol = Literal["classic", "consumer"]
PROTOCOLS: tuple[Protocol, ...] = ("classic", "consumer")

HEARTBEATS = (None, 1.0)
"""Seconds between a member's heartbeats; None: the defaults of Kafka and nst."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds until a worker that joins a group of `others` has a message."""

    heartbeat_seconds: float | None
    """Interval of the heartbeats, as in `HEARTBEATS`."""
    protocol: Protocol
    others: int
    median_seconds: float
    longest_seconds: float
    runs: int


def brokers_groups(heartbeat_seconds: float | None) -> dict[str, str]:
    """Return the broker's settings of groups; the tests' defaults are shorter."""
    seconds = heartbeat_seconds or 5
    return {
        "group.initial.rebalance.delay.ms": "3000",
        "group.consumer.session.timeout.ms": "45000",
        "group.consumer.heartbeat.interval.ms": f"{1000 * seconds:.0f}",
    }


def measure_all(heartbeat_seconds: float | None, runs: int) -> Iterator[Measured]:
    """Measure both protocols on a separate broker."""
    from support import servers

    more = brokers_groups(heartbeat_seconds)
    with (
        tempfile.TemporaryDirectory(prefix="nst-bench-") as directory,
        servers.kafka(Path(directory), more) as broker,
    ):
        settings = KafkaSettings(brokers=(broker.address,))
        if heartbeat_seconds:
            settings = settings.model_copy(update={"heartbeat_seconds": heartbeat_seconds})
        for others, protocol in itertools.product((0, 1), PROTOCOLS):
            seconds = measure(settings, protocol, others, runs)
            median, longest = statistics.median(seconds), max(seconds)
            yield Measured(heartbeat_seconds, protocol, others, median, longest, runs)


def measure(settings: KafkaSettings, protocol: Protocol, others: int, runs: int) -> Sequence[float]:
    seconds = []
    for run in range(runs):
        name = f"{protocol}-{others}-{run}"
        names = {
            "topic": f"jobs-{name}",
            "dead_letter_topic": f"dead-{name}",
            "group": f"workers-{name}",
        }
        own = settings.model_copy(update={**names, "group_protocol": protocol})
        create_topics(own)
        seconds.append(join(own, others))
    return seconds


def join(settings: KafkaSettings, others: int) -> float:
    """Return the seconds until one worker has a message.
    `others`: number of working members that its group already has."""
    with ExitStack() as stack:
        publisher = KafkaJobQueue(settings)
        stack.enter_context(_repeating(partial(_publish, publisher)))
        for _ in range(others):
            other = KafkaJobQueue(settings)
            stack.callback(other.close)
            take(other)
            stack.enter_context(_repeating(partial(take, other)))
        newcomer = KafkaJobQueue(settings)
        stack.callback(newcomer.close)
        began_at = time.monotonic()
        while not newcomer.receive(1.0):
            pass
        return time.monotonic() - began_at


def take(queue: KafkaJobQueue) -> None:
    """Wait for a message and commit it, as a worker does."""
    while not (delivery := queue.receive(1.0)):
        pass
    with suppress(QueueError):
        queue.commit(delivery)


def _publish(queue: KafkaJobQueue) -> None:
    queue.publish(new_id(), {})
    time.sleep(PAUSE_SECONDS)


@contextmanager
def _repeating(step: Callable[[], None]) -> Iterator[None]:
    """Repeat the step in a thread until the context ends."""
    is_over = threading.Event()

    def run() -> None:
        while not is_over.is_set():
            step()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    arguments = parser.parse_args()
    from support import servers

    if not servers.is_kafka_real():
        sys.exit("this takes Apache Kafka, whose jars were not found")
    measured = [one for each in HEARTBEATS for one in measure_all(each, arguments.runs)]
    for one in measured:
        print(one)
    found = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "joining": [asdict(one) for one in measured],
    }
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
