"""Server-sent events: the progress of a job, as text."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from nst.api import jobs as routes
from nst.api.streams import PING, Streams
from nst.engine_process.messages import Work
from nst.jobs import following
from support.service_in_process import CRASH, Browser, House, finishes, form, paints
from support.waiting import PATIENCE_SECONDS, no_waiting

JOBS = "/api/v1/jobs"


@dataclass
class Event:
    name: str
    id: str
    data: dict[str, Any]


def parsed(text: str) -> Iterator[Event]:
    """Yield the events of a stream as the standard defines them, without comments."""
    for block in text.split("\n\n"):
        fields: dict[str, str] = {}
        for line in block.splitlines():
            name, _, value = line.partition(": ")
            if name:
                fields[name] = value
        if "data" in fields:
            yield Event(fields["event"], fields["id"], json.loads(fields["data"]))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(following, "INTERVAL_SECONDS", 0.0)


@pytest.fixture
def client(house: House) -> Browser:
    return house.client()


@pytest.fixture
def job(client: Browser) -> dict[str, Any]:
    made: dict[str, Any] = client.post(JOBS, data=form()).json
    return made


def opened(client: Browser, job: dict[str, Any]) -> Iterator[str]:
    """Yield the stream of a job, piece by piece, as it arrives."""
    with closing(client.get(job["links"]["events"], buffered=False)) as response:
        for piece in response.iter_encoded():
            yield piece.decode()


def test_a_finished_job_is_snapshot_and_end(
    client: Browser, house: House, job: dict[str, Any]
) -> None:
    house.work(finishes())
    response = client.get(job["links"]["events"])
    assert response.content_type == "text/event-stream"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Accel-Buffering"] == "no"
    snapshot, end = parsed(response.text)
    assert (snapshot.name, end.name) == ("snapshot", "end")
    assert snapshot.data == end.data == client.get(f"{JOBS}/{job['id']}").json


def test_the_whole_life_of_a_job(client: Browser, house: House, job: dict[str, Any]) -> None:
    stream = opened(client, job)
    text = next(stream)

    def read(_: Work) -> None:
        nonlocal text
        text += next(stream)

    house.work(read, paints(1), read, paints(2), read, CRASH)
    house.work(paints(3), finishes())
    events = list(parsed(text + "".join(stream)))
    assert [event.name for event in events] == [
        "snapshot", *["progress"] * (len(events) - 2), "end"
    ]  # fmt: skip
    states = [(event.data["status"], event.data["attempt"]) for event in events]
    order = [("queued", 0), ("running", 1), ("queued", 1), ("running", 2), ("succeeded", 2)]
    assert [order.index(state) for state in states] == sorted(order.index(s) for s in states)
    steps = [event.data["progress"]["step"] for event in events if event.data["progress"]]
    assert steps == sorted(steps)
    assert {1, 2} <= set(steps)
    assert events[-1].data["result"]
    assert events[0].id == "0-0"
    assert events[-1].id == "2-end"


def test_the_preview_has_an_address_for_every_picture(
    client: Browser, house: House, job: dict[str, Any]
) -> None:
    house.work(paints(4), finishes())
    *_, end = parsed(client.get(job["links"]["events"]).text)
    assert end.data["links"]["preview"].endswith("/preview?step=4")
    assert client.get(end.data["links"]["preview"]).status_code == 200


def test_a_client_that_has_seen_the_end_is_told_to_stop(
    client: Browser, house: House, job: dict[str, Any]
) -> None:
    house.work(finishes())
    path = job["links"]["events"]
    *_, end = parsed(client.get(path).text)
    response = client.get(path, headers={"Last-Event-ID": end.id})
    assert (response.status_code, response.data) == (204, b"")


@pytest.mark.parametrize("last", ["1-5", "2-end", "nonsense", ""])
def test_a_client_that_comes_back_gets_the_state_of_now(
    client: Browser, house: House, job: dict[str, Any], last: str
) -> None:
    house.work(paints(5), finishes())
    response = client.get(job["links"]["events"], headers={"Last-Event-ID": last})
    assert [event.name for event in parsed(response.text)] == ["snapshot", "end"]


def test_a_job_that_is_tried_again_has_another_end(
    client: Browser, house: House, job: dict[str, Any]
) -> None:
    from nst.jobs.job import JobStatus

    house.work(finishes(JobStatus.CANCELED))
    client.post(f"{JOBS}/{job['id']}/retry")
    house.work(finishes())
    response = client.get(job["links"]["events"], headers={"Last-Event-ID": "1-end"})
    assert [event.name for event in parsed(response.text)] == ["snapshot", "end"]


def test_browsers_are_told_when_to_come_back(client: Browser, house: House) -> None:
    client = house.client(streams=Streams(9, 9, 0.2))
    job = client.post(JOBS, data=form()).json
    text = client.get(job["links"]["events"]).text
    assert text.startswith("retry: 1000\nid: 0-0\nevent: snapshot\ndata: {")
    assert [event.name for event in parsed(text)] == ["snapshot"]


def test_every_look_without_news_sends_a_comment() -> None:
    """The comments reveal that a tab was closed."""
    streams = Streams(9, 9, 9.0)
    assert list(streams.events(iter([None] * 3), lambda _: pytest.fail("no news"))) == [PING] * 3


def test_silence_is_broken_by_comments(client: Browser, house: House) -> None:
    job = client.post(JOBS, data=form()).json
    stream = opened(client, job)
    assert next(stream).startswith("retry:")
    assert [next(stream) for _ in range(3)] == [PING] * 3


def test_a_server_that_has_to_go_closes_its_streams(client: Browser, house: House) -> None:
    streams = Streams(9, 9, 2 * PATIENCE_SECONDS)
    client = house.client(streams=streams)
    job = client.post(JOBS, data=form()).json
    stream = opened(client, job)
    next(stream)
    streams.is_closing.set()
    with no_waiting():
        assert list(stream) == []
    assert streams.count == 0


def test_a_deleted_job_ends_the_stream_quietly(
    client: Browser, house: House, job: dict[str, Any]
) -> None:
    stream = opened(client, job)
    snapshot = next(stream)
    house.jobs.delete(house.repository.get(job["id"]).owner, job["id"])
    assert [event.name for event in parsed(snapshot + "".join(stream))] == ["snapshot"]
    assert client.get(job["links"]["events"]).status_code == 404


def test_a_stream_that_could_not_begin_is_not_counted(client: Browser, house: House) -> None:
    streams = Streams(9, 9, 300.0)
    client = house.client(streams=streams)
    assert client.get(f"{JOBS}/{'0' * 32}/events").status_code == 404
    assert client.head(f"{JOBS}/{'0' * 32}/events").status_code == 404
    assert streams.count == 0


def test_head_leaves_no_stream_open(client: Browser, house: House) -> None:
    streams = Streams(9, 9, 300.0)
    client = house.client(streams=streams)
    job = client.post(JOBS, data=form()).json
    assert client.head(job["links"]["events"]).status_code == 200
    assert streams.count == 0
    assert house.feed._subscriptions == {}
