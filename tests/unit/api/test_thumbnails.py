"""Thumbnails: made once, by a separate process, and reused for everybody."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from nst.errors import ServerBusy
from nst.jobs import pictures as derived
from nst.slots import Slots
from support.pictures import encoded
from support.service_in_process import CAT, Browser, House, decoder, finishes, form, upload
from support.waiting import PATIENCE_SECONDS, wait_until

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


# ── nobody waits for the thumbnails of others ─────────────────────────────────────────────────


def in_threads(act: Callable[[int], object], count: int) -> list[threading.Thread]:
    """Start a thread for each number below `count`."""
    threads = [threading.Thread(target=act, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_readers_of_a_kept_thumbnail_do_not_wait_for_each_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = house.jobs.pictures
    file = pictures.find(pictures.content(house.submit()))
    kept = pictures.small(file, 400, "anna")
    reading, read, refused = list[str](), list[bytes](), list[ServerBusy]()

    def get(_: object, key: str) -> bytes:
        reading.append(key)
        wait_until(lambda: len(reading) == 2 or refused)
        return kept

    def ask(_: int) -> None:
        try:
            read.append(pictures.small(file, 400, "ben"))
        except ServerBusy as error:
            refused.append(error)

    monkeypatch.setattr(type(house.storage), "get", get)
    for thread in in_threads(ask, 2):
        thread.join()
    assert read == [kept, kept]


def test_thumbnails_that_wait_for_a_decoder_delay_no_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, job = house.jobs.pictures, house.submit()
    content = pictures.find(pictures.content(job))
    small, is_over = decoder().small, threading.Event()

    def wait(data: bytes, side_pixels: int, *, client: str) -> bytes:
        if client == "greedy":
            is_over.wait(PATIENCE_SECONDS)
        return small(data, side_pixels, client=client)

    def ask(step: int) -> None:
        key = f"{job.id}/frames/{step:06d}.jpg"
        house.storage.put(key, CAT)
        pictures.small(pictures.find(pictures.frame(job, step)), 400, "greedy")

    monkeypatch.setattr(decoder(), "small", wait)
    monkeypatch.setattr(derived, "reading", Slots(2, 1, wait_seconds=PATIENCE_SECONDS))
    threads = in_threads(ask, 100)
    wait_until(lambda: len(derived.making._locks) == len(threads))
    of_another = pictures.small(content, 400, "ben")
    is_over.set()
    for thread in threads:
        thread.join()
    assert of_another
    assert len(house.storage.list(f"{job.id}/small/")) == len(threads) + 1
