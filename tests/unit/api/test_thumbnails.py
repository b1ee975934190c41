"""Thumbnails: made once, by a separate process, and reused for everybody."""

import threading
from typing import Any

import pytest
from PIL import Image

from nst.errors import ServerBusy
from support.pictures import encoded
from support.service_in_process import Browser, House, decoder, finishes, form, upload

JOBS = "/api/v1/jobs"


def test_many_who_ask_at_once_get_one_thumbnail(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, small = [], decoder().small

    def count(*arguments: Any, **options: Any) -> bytes:
        made.append(arguments)
        return small(*arguments, **options)

    monkeypatch.setattr(decoder(), "small", count)
    client = house.client()
    job = client.post(JOBS, data=form()).json
    house.work(finishes())
    share = client.post(f"{JOBS}/{job['id']}/shares", json={}).json["url"]
    address = f"/api/v1{share}/content?thumb=1"
    statuses = []

    def ask(visitor: Browser) -> None:
        statuses.append(visitor.get(address).status_code)

    threads = [threading.Thread(target=ask, args=[house.client()]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (statuses, len(made)) == ([200] * 8, 1)


def test_a_thumbnail_goes_with_its_job(house: House) -> None:
    client = house.client()
    job = client.post(JOBS, data=form()).json
    assert client.get(job["links"]["content"] + "?thumb=1").status_code == 200
    assert house.storage.list(f"{job['id']}/small/")
    assert client.delete(job["links"]["self"]).status_code == 204
    assert not house.storage.list(f"{job['id']}/")


def test_previews_leave_no_thumbnails_behind(house: House) -> None:
    client = house.client()
    job = client.post(JOBS, data=form()).json
    house.storage.put(f"{job['id']}/preview.jpg", encoded(Image.new("RGB", (640, 480)), "JPEG"))
    assert client.get(f"{JOBS}/{job['id']}/preview?thumb=1").status_code == 200
    assert not house.storage.list(f"{job['id']}/small/")


def test_a_busy_decoder_says_when_to_come_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = house.client()
    job = client.post(JOBS, data=form()).json

    def refuse(*_: Any, **__: Any) -> bytes:
        raise ServerBusy("too many pictures are being decoded", 10)

    for name in ("small", "inspect", "recipe"):
        monkeypatch.setattr(decoder(), name, refuse)
    picture = form()["content_image"]
    for response in (
        client.get(job["links"]["content"] + "?thumb=1"),
        client.post(JOBS, data=form(seed="3")),
        client.post("/api/v1/recipe", data={"image": picture}),
    ):
        assert (response.status_code, response.json["code"]) == (503, "server_busy")
        assert response.headers["Retry-After"] == "10"


def test_a_jpeg_of_empty_scans_is_refused_at_once(house: House) -> None:
    photo = encoded(Image.new("RGB", (640, 480)), "JPEG", progressive=True)
    bomb = photo[:-2] + 7600 * bytes.fromhex("ffda0008010100013f00") + photo[-2:]
    response = house.client().post(JOBS, data=form(content_image=upload(bomb, "bomb.jpg")))
    assert (response.status_code, response.json["code"]) == (422, "invalid_image")
    assert "scans" in response.json["detail"]
    assert response.json["field"] == "content_image"
