"""Readiness names what is wrong with the queue, and never waits for the queue."""

from queue import SimpleQueue
from types import SimpleNamespace

import pytest

from nst.api import watch
from nst.api.app import create_app
from nst.api.service import ApiSettings, Service
from nst.api.streams import Streams
from nst.api.watch import Watch
from nst.settings.groups import WebSettings
from support.service_in_process import House
from support.waiting import wait_until


def test_what_was_seen_last_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now, answers = 100.0, SimpleQueue[str | None]()
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=lambda: now))
    watching = Watch(answers.get)
    assert watching() is None
    answers.put("lacks WRITE")
    wait_until(lambda: watching() == "lacks WRITE")
    now += watch.LOOK_SECONDS
    assert watching() == "lacks WRITE"  # the second look has begun and lasts
    answers.put(None)
    wait_until(lambda: watching() is None)


def test_readiness_names_a_degraded_queue(house: House) -> None:
    settings = ApiSettings(WebSettings(), secret_key="a secret")  # noqa: S106 - not one
    trouble = "Kafka's user api lacks WRITE on topic nst.jobs"
    streams = Streams(5, 5, 5.0)
    service = Service(
        house.jobs,
        house.quota,
        streams,
        settings,
        house.jobs._decoder,
        house.learned_styles,
        Watch(lambda: trouble),
    )
    client = create_app(service).test_client()

    def is_degraded() -> bool:
        answer = client.get("/readyz")
        assert answer.status_code == 200
        return "degraded" in answer.get_json()

    wait_until(is_degraded)
    assert client.get("/readyz").get_json()["degraded"] == {"queue": trouble}
