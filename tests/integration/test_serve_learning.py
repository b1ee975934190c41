"""`nst serve` learns a style as a job: to its end, after a crash, stopped."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from nst import learned_file
from support.nst_serve import CONTENT, Server, serve
from support.pictures import SAMPLES
from support.waiting import wait_until

LEARN, STYLES, JOBS = "/api/v1/learning", "/api/v1/learned-styles", "/api/v1/jobs"
STYLE = SAMPLES / "style" / "mosaic.jpg"
TINY = {"size": "32", "style_size": "32", "channels": "4", "blocks": "1", "minutes": "30"}
SHORT = TINY | {"steps": "3"}
ENDLESS = TINY | {"steps": "1000000"}
"""Fields of a training that ends neither by its steps nor by its minutes."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with serve(tmp_path_factory.mktemp("serve")) as server:
        yield server


def learn(server: Server, *photos: Path, **fields: str) -> dict[str, Any]:
    """Ask for a job that learns the mosaic."""
    files = [("style_image", (STYLE.name, STYLE.read_bytes()))]
    files += [("photo", (photo.name, photo.read_bytes())) for photo in photos]
    response = server.client.post(LEARN, files=files, data=fields)
    assert response.status_code == 202, response.text
    job: dict[str, Any] = response.json()
    assert response.headers["Location"] == job["links"]["self"]
    return job


def mine(server: Server, job: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the learned styles that this job has made."""
    styles = server.client.get(STYLES).json()["learned_styles"]
    return [style for style in styles if style["id"] == job["id"]]


def steps(server: Server, job: dict[str, Any]) -> int:
    """Return the number of steps in the recipe of the style that the job has made."""
    data = server.client.get(f"{STYLES}/{job['id']}/file").content
    return learned_file.read(data, "the style").facts.recipe.steps


def test_a_style_is_learned_and_painted_with(server: Server) -> None:
    job = learn(server, CONTENT, STYLE, licence="CC0-1.0", **SHORT)
    assert (job["title"], job["learning"]["names"]) == ("learned style mosaic", ["mosaic"])
    assert (job["learning"]["photos"], job["learning"]["options"]["steps"]) == (2, 3)
    job = server.finished(job["id"])
    assert job["status"] == "succeeded", job["error"]
    assert (job["result"]["steps"], job["progress"]["step"], job["progress"]["percent"]) == (
        3,
        3,
        100.0,
    )
    assert job["progress"]["losses"]["style"] > 0
    (style,) = mine(server, job)
    assert (style["name"], style["styles"], style["licence"]) == ("mosaic", ["mosaic"], "CC0-1.0")
    assert job["links"]["learned_style"] == style["links"]["self"]
    result = server.client.get(f"{job['links']['result']}?download=1")
    assert result.headers["Content-Type"] == "application/x-nst"
    assert 'filename="mosaic.nst"' in result.headers["Content-Disposition"]
    assert result.content == server.client.get(style["links"]["file"]).content
    for link in ("result", "preview"):
        page = server.client.get(f"{job['links'][link]}&thumb=1".replace("result&", "result?"))
        assert page.headers["Content-Type"] == "image/jpeg"
    order = {"sample_content": "cat", "learned_style": style["id"], "size": "64"}
    painted = server.client.post(JOBS, data=order).json()
    assert server.finished(painted["id"])["status"] == "succeeded"


def test_several_samples_are_learned_into_one_file(server: Server) -> None:
    fields = SHORT | {"sample_style": ["mosaic", "impasto"], "name": ["stones", "oil"]}
    job = server.client.post(LEARN, data=fields).json()
    assert server.finished(job["id"])["status"] == "succeeded"
    (style,) = mine(server, job)
    assert (style["name"], style["styles"]) == ("stones and oil", ["stones", "oil"])


def test_what_was_learned_is_kept_when_it_is_stopped_and_gone_on_from(server: Server) -> None:
    job = learn(server, **ENDLESS)
    server.wait(job["id"], lambda job: job["links"]["preview"])
    server.client.post(f"{JOBS}/{job['id']}/cancel")
    job = server.finished(job["id"])
    assert (job["status"], job["can_resume"]) == ("canceled", True)
    (style,) = mine(server, job)
    first = steps(server, job)
    assert first == job["result"]["steps"] > 0

    server.client.patch(style["links"]["self"], json={"name": "stones"})
    server.client.post(f"{JOBS}/{job['id']}/resume")
    server.wait(job["id"], lambda job: (job["progress"] or {}).get("step", 0) > first)
    server.client.post(f"{JOBS}/{job['id']}/cancel")
    job = server.finished(job["id"])
    (style,) = mine(server, job)
    assert style["name"] == "stones"
    assert steps(server, job) == job["result"]["steps"] > first


def wait_for_checkpoint(server: Server, job: dict[str, Any]) -> None:
    """Wait for the first checkpoint; the twentieth step may come before it is stored."""
    data = server.directory / "data"
    wait_until(lambda: list(data.rglob(f"{job['id']}/checkpoints/*")))


def test_learning_goes_on_after_the_engine_was_killed(server: Server) -> None:
    job = learn(server, **ENDLESS)
    server.wait(job["id"], lambda job: (job["progress"] or {}).get("step", 0) > 20)
    wait_for_checkpoint(server, job)
    before = server.job(job["id"])["progress"]["elapsed_seconds"]
    for pid in server.engines():
        os.kill(pid, signal.SIGKILL)
    again = server.wait(job["id"], lambda job: job["attempt"] == 2 and job["progress"])
    goes_on = server.wait(job["id"], lambda job: job["progress"]["elapsed_seconds"] > before)
    assert again["progress"]["step"] > 1
    assert goes_on["attempt"] == 2
    server.client.post(f"{JOBS}/{job['id']}/cancel")
    job = server.finished(job["id"])
    assert len(mine(server, job)) == 1


def test_learning_goes_on_after_the_server_was_killed(tmp_path: Path) -> None:
    with serve(tmp_path, NST_LEASE_SECONDS="6") as server:
        job = learn(server, **ENDLESS)
        server.wait(job["id"], lambda job: (job["progress"] or {}).get("step", 0) > 20)
        wait_for_checkpoint(server, job)
        server.kill()
        server.start()
        # Until the second attempt reports, the job shows the progress of the first.
        before = server.job(job["id"])["progress"]["step"]
        server.wait(job["id"], lambda job: job["progress"]["step"] > before)
        server.client.post(f"{JOBS}/{job['id']}/cancel")
        job = server.finished(job["id"])
        assert job["attempt"] == 2
        assert job["result"]["steps"] == steps(server, job) > before
        assert len(mine(server, job)) == 1


def test_nobody_else_sees_what_is_learned(server: Server) -> None:
    job = learn(server, **SHORT)
    server.finished(job["id"])
    mine = server.client.cookies
    server.client.cookies = type(mine)()
    try:
        for link in ("self", "result", "preview", "learned_style"):
            address = server_link(job, link)
            assert server.client.get(address).status_code == 404, link
    finally:
        server.client.cookies = mine


def server_link(job: dict[str, Any], name: str) -> str:
    own = {"self": "", "result": "/result", "preview": "/preview"}
    return f"{STYLES}/{job['id']}" if name == "learned_style" else f"{JOBS}/{job['id']}{own[name]}"
