"""A queue that does not answer costs one wait, not one for every message."""

import threading
from collections.abc import Mapping

import pytest

from nst.adapters import breaker
from nst.adapters.breaker import QueueWithBreaker
from nst.adapters.memory import MemoryJobQueue
from nst.errors import QueueError
from support.waiting import PATIENCE_SECONDS, wait_until


class Broker(MemoryJobQueue):
    """Queue that counts the tries; it may be down, and may keep a caller waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.is_down = False
        self.answers = threading.Event()
        self.answers.set()
        self.tries = 0

    def publish(self, job_id: str, trace: Mapping[str, str]) -> None:
        self.tries += 1
        assert self.answers.wait(PATIENCE_SECONDS)
        if self.is_down:
            raise QueueError("no broker")
        super().publish(job_id, trace)


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def queue(broker: Broker) -> QueueWithBreaker:
    return QueueWithBreaker(broker)


def fails(queue: QueueWithBreaker) -> str:
    with pytest.raises(QueueError) as failure:
        queue.publish("job", {})
    return str(failure.value)


def test_a_queue_that_answers_is_used(broker: Broker, queue: QueueWithBreaker) -> None:
    for name in ("one", "two"):
        queue.publish(name, {"traceparent": "00-1-2-01"})
    assert queue.lag() == 2
    delivery = queue.receive(0)
    assert delivery is not None
    assert (delivery.job_id, delivery.trace) == ("one", {"traceparent": "00-1-2-01"})
    queue.commit(delivery)
    queue.stay()
    queue.close()


def test_a_queue_that_does_not_answer_is_left_alone(
    broker: Broker, queue: QueueWithBreaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "REST_SECONDS", 2 * PATIENCE_SECONDS)
    broker.is_down = True
    assert "no broker" in fails(queue)
    assert "not asked again" in fails(queue)
    assert "not asked again" in fails(queue)
    assert broker.tries == 1


def test_a_queue_that_answers_again_is_used_again(
    broker: Broker, queue: QueueWithBreaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "REST_SECONDS", 0.0)
    broker.is_down = True
    assert "no broker" in fails(queue)
    broker.is_down = False
    monkeypatch.setattr(breaker, "REST_SECONDS", 2 * PATIENCE_SECONDS)
    queue.publish("job", {})
    queue.publish("job", {})
    assert broker.tries == 3


def test_one_call_tries_and_the_others_do_not_wait_for_it(
    broker: Broker, queue: QueueWithBreaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "REST_SECONDS", 0.0)
    broker.is_down = True
    fails(queue)
    monkeypatch.setattr(breaker, "REST_SECONDS", 2 * PATIENCE_SECONDS)
    broker.answers.clear()
    trying = threading.Thread(target=fails, args=[queue])
    trying.start()
    wait_until(lambda: broker.tries == 2)
    assert "not asked again" in fails(queue)
    broker.answers.set()
    trying.join(PATIENCE_SECONDS)
    assert broker.tries == 2
