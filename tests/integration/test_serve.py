"""`nst serve` from outside: the life of a job, and what may happen to it."""

import io
import os
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

from nst.bootstrap import workers
from support import nst_serve
from support.nst_serve import ENDLESS, Server, descendants, events, resident_bytes, serve
from support.waiting import PATIENCE_SECONDS

JOBS = "/api/v1/jobs"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a warm server for the tests that leave it unchanged."""
    with serve(tmp_path_factory.mktemp("server")) as running:
        running.finished(running.submit()["id"])
        yield running
        assert not [line for line in running.lines() if line["level"] == "error"]


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server that paints nothing."""
    with serve(
        tmp_path_factory.mktemp("idle"), "--workers", "0", NST_STREAM_SECONDS="1"
    ) as running:
        yield running


def stream(server: Server, job: dict[str, Any], **headers: str) -> Any:
    return server.client.stream("GET", job["links"]["events"], headers=headers)


def is_at_step(step: int) -> Any:
    return lambda job: job["progress"] and job["progress"]["step"] >= step


# ── the life of a job ─────────────────────────────────────────────────────────────────────────


def test_from_two_pictures_to_a_painting(server: Server) -> None:
    job = server.submit(seed="1", save_every="5")
    seen = []
    with stream(server, job) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        for name, _, data in events(response):
            seen.append((name, data))
            if name == "end":
                break
    assert [name for name, _ in seen] == ["snapshot", *["progress"] * (len(seen) - 2), "end"]
    steps = [data["progress"]["step"] for _, data in seen if data["progress"]]
    assert steps == sorted(steps)
    assert steps[-1] == 10
    done = seen[-1][1]
    assert (done["status"], done["result"]["steps"]) == ("succeeded", 10)
    assert done == server.job(job["id"])
    result = server.client.get(done["links"]["result"])
    assert Image.open(io.BytesIO(result.content)).size == tuple(done["result"]["size"])
    assert max(done["result"]["size"]) == 64
    with zipfile.ZipFile(io.BytesIO(server.client.get(done["links"]["archive"]).content)) as zipped:
        names = zipped.namelist()
    assert names == ["frames/000005.jpg", "frames/000010.jpg", "cat-in-mosaic.png"]
    recipe = server.client.get(done["links"]["recipe"]).json()
    assert recipe["options"] == done["options"]
    assert server.client.get(done["links"]["timelapse"]).headers["Content-Type"] == "image/webp"
    losses = [data["progress"]["losses"] for _, data in seen if data["progress"]]
    assert losses[-1]["total"] > 0


def test_painting_leaves_the_processor_to_others_first(server: Server) -> None:
    (engine,) = server.engines()
    web_service, painting = (
        os.getpriority(os.PRIO_PROCESS, pid) for pid in (server.process.pid, engine)
    )
    assert painting == web_service + workers.PAINTING_NICENESS


def test_a_preview_is_there_while_it_paints(server: Server) -> None:
    job = server.submit(**ENDLESS, seed="2")
    with stream(server, job) as response:
        for _, _, data in events(response):
            if data["progress"] and data["progress"]["preview_step"] is not None:
                break
    assert data["status"] == "running"
    preview = server.client.get(data["links"]["preview"])
    assert preview.headers["Content-Type"] == "image/jpeg"
    server.client.delete(f"{JOBS}/{job['id']}")


def test_cancel_stops_and_keeps_the_picture_so_far(server: Server) -> None:
    job = server.submit(**ENDLESS, seed="3")
    server.wait(job["id"], is_at_step(3))
    response = server.client.post(f"{JOBS}/{job['id']}/cancel")
    assert response.status_code == 202
    assert response.json()["cancel_requested"]
    canceled = server.finished(job["id"])
    assert (canceled["status"], canceled["result"]["stop_reason"]) == ("canceled", "canceled")
    assert 3 <= canceled["result"]["steps"] < 100_000
    assert Image.open(io.BytesIO(server.client.get(canceled["links"]["result"]).content)).size


def test_steering_takes_effect(server: Server) -> None:
    job = server.submit(**ENDLESS, seed="4")
    before = server.wait(job["id"], is_at_step(2))["progress"]["in_force"]
    response = server.client.post(f"{JOBS}/{job['id']}/steer", json={"style_weight": 123.0})
    assert response.status_code == 202
    steered = server.wait(
        job["id"], lambda job: job["progress"]["in_force"]["style_weight"] == 123.0
    )
    assert steered["progress"]["in_force"] == before | {"style_weight": 123.0}
    server.client.post(f"{JOBS}/{job['id']}/cancel")
    server.finished(job["id"])


def test_the_same_again_is_there_at_once(server: Server) -> None:
    first = server.submit(seed="5")
    server.finished(first["id"])
    again = server.submit(seed="5")
    assert (again["status"], again["cached"]) == ("succeeded", True)
    results = [server.client.get(f"{JOBS}/{job['id']}/result").content for job in (first, again)]
    assert results[0] == results[1]


def test_a_deleted_job_is_stopped_and_the_next_one_is_painted(server: Server) -> None:
    job = server.submit(**ENDLESS, seed="6")
    server.wait(job["id"], is_at_step(1))
    assert server.client.delete(f"{JOBS}/{job['id']}").status_code == 204
    following = server.submit(seed="7")
    assert server.finished(following["id"])["status"] == "succeeded"
    folder = server.directory / "data" / "pictures" / job["id"]
    assert not folder.exists()


def test_the_reference_s_clients(idle: Server) -> None:
    with nst_serve.CONTENT.open("rb") as content, nst_serve.STYLE.open("rb") as style:
        files = {"content_image": content, "style_image": style}
        url = idle.client.base_url.join("/api/style_transfer")
        made = httpx.post(url, files=files, timeout=PATIENCE_SECONDS)
    assert made.status_code == 202
    task = made.json()["task_id"]

    def get(path: str) -> httpx.Response:
        return httpx.get(idle.client.base_url.join(path), timeout=PATIENCE_SECONDS)

    assert get(f"/api/task_status/{task}").json()["status"] == "Processing"
    assert get(f"/api/download/{task}").status_code == 202
    assert get("/api/task_status/unknown").status_code == 404


# ── events ────────────────────────────────────────────────────────────────────────────────────


def test_who_comes_back_goes_on_where_the_job_is(server: Server) -> None:
    job = server.submit(**ENDLESS, seed="9")
    with stream(server, job) as response:
        for _, last, data in events(response):  # noqa: B007 - used below
            if is_at_step(2)(data):
                break
    step = data["progress"]["step"]
    with stream(server, job, **{"Last-Event-ID": last}) as response:
        following = events(response)
        name, *_ = next(following)
        assert name == "snapshot"
        # The snapshot may be as old as a heartbeat.
        assert any(data["progress"]["step"] > step for *_, data in following)
    server.client.post(f"{JOBS}/{job['id']}/cancel")
    server.finished(job["id"])
    with stream(server, job) as response:
        *_, (name, last, _) = events(response)
    assert name == "end"
    again = server.client.get(job["links"]["events"], headers={"Last-Event-ID": last})
    assert again.status_code == 204


def test_streams_end_and_can_be_opened_again(idle: Server) -> None:
    job = idle.submit()
    for _ in range(2):
        with stream(idle, job) as response:
            names = [name for name, *_ in events(response)]
        assert names == ["snapshot"]


# ── memory ────────────────────────────────────────────────────────────────────────────────────


def test_memory_stays_flat_over_many_requests(idle: Server) -> None:
    job = idle.submit(seed="1")
    (answering, *_) = descendants(idle.process.pid)
    paths = (f"{JOBS}/{job['id']}", JOBS, "/api/v1/options", f"{JOBS}/{job['id']}/content?thumb=1")

    def ask(times: int) -> int:
        for number in range(times):
            assert idle.client.get(paths[number % len(paths)]).status_code == 200
        return resident_bytes(answering)

    before = ask(300)
    after = ask(1500)
    assert after - before < 10_000_000
