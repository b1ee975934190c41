"""The four routes of the reference program, called as the scripts of its page do.

The requests have no cookie and no fields but two files.
"""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from nst.engine_process.messages import Failed
from nst.jobs.job import JobError, JobStatus
from nst.options import StyleTransferOptions
from support.service_in_process import (
    CAT,
    WAVES,
    Browser,
    House,
    browser,
    finishes,
    form,
    paints,
    upload,
)


@pytest.fixture
def client(house: House) -> Callable[[], Browser]:
    """Return a function that makes a client without cookies for every request."""
    app = house.app()
    return lambda: browser(app, use_cookies=False)


def post(client: Browser, **files: Any) -> Any:
    usual = {"content_image": upload(CAT, "cat.png"), "style_image": upload(WAVES, "waves.png")}
    data = {name: file for name, file in (usual | files).items() if file is not None}
    return client.post("/api/style_transfer", data=data)


def test_the_whole_way(client: Callable[[], Browser], house: House) -> None:
    response = post(client())
    assert response.status_code == 202
    assert set(response.json) == {"task_id"}
    assert "Set-Cookie" not in response.headers
    task = response.json["task_id"]

    status = client().get(f"/api/task_status/{task}")
    assert status.status_code == 200
    assert status.json == {"task_id": task, "status": "Processing", "images": []}
    for path in ("download", "download-all"):
        early = client().get(f"/api/{path}/{task}")
        assert early.status_code == 202
        assert early.json == {"task_id": task, "status": "Processing"}

    house.work(paints(5), paints(10), finishes())
    done = client().get(f"/api/task_status/{task}").json
    assert (done["task_id"], done["status"], len(done["images"])) == (task, "Finished", 3)
    for address in done["images"]:
        shown = client().get(address)
        assert shown.status_code == 200
        assert Image.open(io.BytesIO(shown.data)).size == (64, 48)

    result = client().get(f"/api/download/{task}")
    assert (result.status_code, result.content_type) == (200, "image/png")
    assert done["images"][-1] == f"/api/download/{task}"
    archive = client().get(f"/api/download-all/{task}")
    assert (archive.status_code, archive.content_type) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(archive.data)) as zipped:
        assert len(zipped.namelist()) == 3


def test_it_is_painted_as_the_default_preset(client: Callable[[], Browser], house: House) -> None:
    task = post(client()).json["task_id"]
    order = house.repository.get(task).order
    assert order.options == StyleTransferOptions.from_preset("quality")
    assert order.preset == "quality"


@pytest.mark.parametrize(
    "script",
    [
        [Failed(JobError(code="out_of_memory", message="too large"))],
        [paints(1), finishes(JobStatus.CANCELED)],
    ],
)
def test_what_did_not_succeed_has_failed(
    client: Callable[[], Browser], house: House, script: list[Any]
) -> None:
    task = post(client()).json["task_id"]
    house.work(*script)
    assert client().get(f"/api/task_status/{task}").json["status"] == "Failed"


def test_the_picture_of_a_failed_task_is_not_found(
    client: Callable[[], Browser], house: House
) -> None:
    task = post(client()).json["task_id"]
    house.work(Failed(JobError(code="out_of_memory", message="too large")))
    assert client().get(f"/api/download/{task}").status_code == 404
    assert client().get(f"/api/download-all/{task}").status_code == 404


@pytest.mark.parametrize("path", ["task_status", "download", "download-all", "task_image"])
@pytest.mark.parametrize("task", ["0" * 32, "nonsense"])
def test_unknown_tasks(client: Callable[[], Browser], path: str, task: str) -> None:
    below = "/1" if path == "task_image" else ""
    response = client().get(f"/api/{path}/{task}{below}")
    assert (response.status_code, response.json["code"]) == (404, "job_not_found")


@pytest.mark.parametrize("path", ["task_status", "download", "download-all", "task_image"])
def test_jobs_of_browsers_are_not_to_be_seen_here(house: House, path: str) -> None:
    app = house.app()
    job = browser(app).post("/api/v1/jobs", data=form()).json
    house.work(paints(1), finishes())
    below = "/1" if path == "task_image" else ""
    response = browser(app).get(f"/api/{path}/{job['id']}{below}")
    assert (response.status_code, response.json["code"]) == (404, "job_not_found")


def test_tasks_are_in_nobody_s_list(client: Callable[[], Browser], house: House) -> None:
    task = post(client()).json["task_id"]
    browser = house.client()
    assert browser.get("/api/v1/jobs").json["jobs"] == []
    assert browser.get(f"/api/v1/jobs/{task}").status_code == 404


@pytest.mark.parametrize("field", ["content_image", "style_image"])
@pytest.mark.parametrize(
    ("data", "status"), [(None, 422), (b"no picture", 415), (b"", 415), (CAT[:100], 422)]
)
def test_wrong_files_are_named(
    client: Callable[[], Browser], field: str, data: bytes | None, status: int
) -> None:
    response = post(client(), **{field: None if data is None else upload(data)})
    assert (response.status_code, response.json["field"]) == (status, field)


def test_small_frames_too(client: Callable[[], Browser], house: House) -> None:
    task = post(client()).json["task_id"]
    house.work(paints(5), finishes())
    assert client().get(f"/api/task_image/{task}/5?thumb=1").status_code == 200
    assert client().get(f"/api/task_image/{task}/6").status_code == 404
