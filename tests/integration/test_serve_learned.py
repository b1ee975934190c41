"""`nst serve` paints a photo and a film with a learned style, from outside."""

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

import nst
from cli.test_video import film
from nst import StyleTransferOptions
from support.nst_serve import CONTENT, Server, serve
from support.pictures import panned
from unit.learning import tiny

STYLES, JOBS = "/api/v1/learned-styles", "/api/v1/jobs"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with serve(tmp_path_factory.mktemp("serve")) as server:
        yield server


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.saved(tmp_path_factory.mktemp("styles") / "waves.nst", ("calm", "storm"))


def keep(server: Server, file: Path) -> dict[str, Any]:
    with file.open("rb") as data:
        response = server.client.post(STYLES, files={"file": data})
    assert response.status_code == 201, response.text
    style: dict[str, Any] = response.json()
    return style


def painted(server: Server, style: dict[str, Any], content: Path, **fields: str) -> dict[str, Any]:
    with content.open("rb") as data:
        response = server.client.post(
            JOBS,
            files={"content_image": data},
            data={"learned_style": style["id"], "size": "64", **fields},
        )
    assert response.status_code == 202, response.text
    return server.finished(response.json()["id"])


def test_a_photo_is_painted_as_the_library_paints_it(server: Server, file: Path) -> None:
    job = painted(server, keep(server, file), CONTENT, style_blend="0.2,0.8")
    assert job["status"] == "succeeded", job["error"]
    found = Image.open(io.BytesIO(server.client.get(job["links"]["result"]).content))
    options = StyleTransferOptions.from_preset("draft", size=64, style_blend="0.2,0.8")
    ours = nst.LearnedStyle.load(file).paint(CONTENT, options).image
    assert np.array_equal(np.asarray(found), np.asarray(ours))
    assert "calm" not in str(found.info)
    assert '"path":"waves.nst"' in str(found.info).replace(" ", "")


def test_a_deleted_style_stays_with_its_jobs(server: Server, file: Path) -> None:
    style = keep(server, file)
    job = painted(server, style, CONTENT)
    assert server.client.delete(style["links"]["self"]).status_code == 204
    again = server.client.post(JOBS, data={"content_from": job["id"], "styles_from": job["id"]})
    assert server.finished(again.json()["id"])["status"] == "succeeded"
    order = {"sample_content": "cat", "learned_style": style["id"]}
    response = server.client.post(JOBS, data=order)
    assert response.json()["code"] == "style_not_found"


def test_a_film_is_painted_frame_by_frame(server: Server, file: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    film(source, panned(3))
    style = keep(server, file)
    job = painted(server, style, source)
    assert job["status"] == "succeeded", job["error"]
    assert (job["result"]["frames"], job["result"]["steps"]) == (3, 0)
    data = server.client.get(job["links"]["result"]).content
    with av.open(io.BytesIO(data), "r") as container:
        assert len(list(container.decode(video=0))) == 3


def test_the_worker_checks_the_file_again(server: Server, file: Path) -> None:
    style = keep(server, file)
    (stored,) = (server.directory / "data").rglob(f"learned-{style['id']}/*")
    stored.write_bytes(stored.read_bytes()[:-2] + b"xx")
    with CONTENT.open("rb") as content:
        response = server.client.post(
            JOBS, files={"content_image": content}, data={"learned_style": style["id"]}
        )
    assert (response.status_code, response.json()["code"]) == (422, "invalid_style_file")
