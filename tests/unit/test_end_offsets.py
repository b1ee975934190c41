"""End offsets of partitions: what is kept of the answers, and when the brokers are asked."""

from collections.abc import Mapping
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from nst.adapters.kafka import end_offsets
from nst.adapters.kafka.end_offsets import EndOffsets
from nst.settings.groups import KafkaSettings

PLACES = [TopicPartition("jobs", number) for number in (0, 1)]
NO_LEADER = -1001
"""Offset with which librdkafka answers for a partition whose leader is down."""


class Brokers:
    """Brokers that answer at once with these offsets."""

    def __init__(self, *offsets: int | None) -> None:
        self.offsets = offsets
        """Offset of each partition; None: the request fails."""
        self.requests = 0

    def list_offsets(
        self, places: Mapping[TopicPartition, Any], *, request_timeout: float
    ) -> dict[TopicPartition, Future[Any]]:
        self.requests += 1
        return {place: _answer(self.offsets[place.partition]) for place in places}


def _answer(offset: int | None) -> Future[Any]:
    answer = Future[Any]()
    if offset is None:
        answer.set_exception(KafkaException(KafkaError(KafkaError._TIMED_OUT)))
    else:
        answer.set_result(SimpleNamespace(offset=offset))
    return answer


@pytest.fixture
def brokers(monkeypatch: pytest.MonkeyPatch) -> Brokers:
    brokers = Brokers(3, 5)
    monkeypatch.setattr(end_offsets, "AdminClient", lambda *_, **__: brokers)
    return brokers


def test_every_answer_is_kept_and_the_brokers_are_asked_again(brokers: Brokers) -> None:
    ends = EndOffsets(KafkaSettings(brokers=("localhost:9092",)))
    ends.ask(PLACES, 0)
    brokers.offsets = (4, 5)
    ends.ask(PLACES, 0)
    assert ends.known == {0: 3, 1: 5}
    ends.ask(PLACES, 0)
    assert (ends.known, brokers.requests) == ({0: 4, 1: 5}, 3)


@pytest.mark.parametrize("failure", [NO_LEADER, None])
def test_a_request_that_fails_is_not_repeated_at_once(
    brokers: Brokers, failure: int | None
) -> None:
    ends = EndOffsets(KafkaSettings(brokers=("localhost:9092",)))
    brokers.offsets = (3, failure)
    for _ in range(5):
        ends.ask(PLACES, 0)
    assert (ends.known, brokers.requests) == ({0: 3}, 1)
