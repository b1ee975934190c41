"""Readiness names what is wrong with the queue, and never waits for the queue."""

import threading

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
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.0)
    may_end, looks = threading.Event(), ["lacks WRITE", None]

    def look() -> str | None:
        may_end.wait()
        return looks.pop(0) if looks else None

    watching = Watch(look)
    assert watching() is None
    may_end.set()
    wait_until(lambda: watching() is None and not looks)


def test_readiness_names_a_degraded_queue(house: House) -> None:
    settings = ApiSettings(WebSettings(), secret_key="a secret")  # noqa: S106 - not one
    queue_watch = Watch(lambda: "Kafka's user api lacks WRITE on topic nst.jobs")
    streams = Streams(5, 5, 5.0)
    service = Service(
        house.jobs,
        house.quota,
        streams,
        settings,
        house.jobs._decoder,
        house.learned_styles,
        queue_watch,
    )
    client = create_app(service).test_client()

    def is_degraded() -> bool:
        answer = client.get("/readyz")
        assert answer.status_code == 200
        return "degraded" in answer.get_json()

    wait_until(is_degraded)
    assert client.get("/readyz").get_json()["degraded"] == {"queue": queue_watch()}
