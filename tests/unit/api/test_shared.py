"""Links by which anybody may see a result."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nst.settings.groups import Limits
from support.pictures import encoded, picture
from support.service_in_process import (
    CAT,
    WAVES,
    Browser,
    House,
    finishes,
    form,
    upload,
)

JOBS = "/api/v1/jobs"
MANY_DAYS = 400


@pytest.fixture
def client(house: House) -> Browser:
    return house.client()


@pytest.fixture
def job(client: Browser, house: House) -> dict[str, Any]:
    made = client.post(JOBS, data=form()).json
    house.work(finishes())
    seen: dict[str, Any] = client.get(f"{JOBS}/{made['id']}").json
    return seen


def share(client: Browser, job: dict[str, Any], **facts: Any) -> dict[str, Any]:
    response = client.post(f"{JOBS}/{job['id']}/shares", json=facts)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json
    return made


def pixels(image: bytes) -> bytes:
    return Image.open(io.BytesIO(image)).tobytes()


def test_anybody_with_the_link_sees_the_result(
    client: Browser, house: House, job: dict[str, Any]
) -> None:
    made = share(client, job)
    stranger = house.client()
    shown = stranger.get(f"/api/v1{made['url']}")
    assert shown.status_code == 200
    assert "Set-Cookie" not in shown.headers
    assert shown.json["result"] == job["result"]
    served = stranger.get(shown.json["links"]["result"])
    own = client.get(job["links"]["result"])
    assert pixels(served.data) == pixels(own.data)
    assert stranger.get(shown.json["links"]["content"]).content_type == "image/jpeg"


def test_a_link_shows_nothing_else(client: Browser, house: House, job: dict[str, Any]) -> None:
    made = share(client, job)
    stranger = house.client()
    shown = stranger.get(f"/api/v1{made['url']}")
    assert set(shown.json) == {"created_at", "result", "links"}
    assert job["id"] not in shown.text
    assert stranger.get(f"{JOBS}/{job['id']}").status_code == 404
    assert stranger.delete(f"/api/v1{made['url']}").status_code == 405


@pytest.mark.parametrize("query", ["", "?format=jpeg", "?format=webp", "?thumb=1"])
def test_a_link_names_no_file(client: Browser, house: House, query: str) -> None:
    files = {
        "content_image": upload(CAT, "Anna at the clinic.png"),
        "style_image": upload(WAVES, "Anna by Bob.png"),
    }
    made = client.post(JOBS, data=form(**files)).json
    house.work(finishes())
    own = client.get(f"{JOBS}/{made['id']}/result")
    assert b"Anna at the clinic" in own.data
    link = share(client, made)["url"]
    served = house.client().get(f"/api/v1{link}/result{query}")
    assert served.status_code == 200
    assert b"Anna" not in served.data
    assert "Anna" not in str(served.headers)
    assert "Anna" not in house.client().get(f"/api/v1{link}").text


def test_a_shared_photo_does_not_say_where_it_was_taken(client: Browser, house: House) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    exif.get_ifd(0x8825)[1] = "N"
    photo = encoded(picture(), "JPEG", exif=exif.tobytes())
    assert b"a camera" in photo
    made = client.post(JOBS, data=form(content_image=upload(photo, "x.jpg"))).json
    house.work(finishes())
    link = share(client, made)["url"]
    served = house.client().get(f"/api/v1{link}/content")
    assert b"a camera" not in served.data
    assert Image.open(io.BytesIO(served.data)).size == (64, 48)
    again = client.get(f"/api/v1{link}/content", headers={"If-None-Match": served.headers["ETag"]})
    assert again.status_code == 304


def test_the_owner_lists_and_takes_back_links(
    client: Browser, house: House, job: dict[str, Any]
) -> None:
    first, second = share(client, job), share(client, job, days=30)
    listed = client.get(f"{JOBS}/{job['id']}/shares").json["shares"]
    assert [one["id"] for one in listed] == [first["id"], second["id"]]
    assert {one["url"] for one in listed} == {None}
    response = client.delete(f"{JOBS}/{job['id']}/shares/{first['id']}")
    assert (response.status_code, response.data) == (204, b"")
    for path in ("", "/result", "/content"):
        gone = house.client().get(f"/api/v1{first['url']}{path}")
        assert (gone.status_code, gone.json["code"]) == (404, "job_not_found")
    assert house.client().get(f"/api/v1{second['url']}").status_code == 200


def test_a_link_of_one_job_is_not_taken_back_through_another(
    client: Browser, house: House, job: dict[str, Any]
) -> None:
    made = share(client, job)
    stranger = house.client()
    other = stranger.post(JOBS, data=form(seed="1")).json
    stranger.delete(f"{JOBS}/{other['id']}/shares/{made['id']}")
    assert house.client().get(f"/api/v1{made['url']}").status_code == 200


def test_links_expire(client: Browser, house: House, job: dict[str, Any]) -> None:
    made = share(client, job, days=1)
    assert client.get(f"/api/v1{made['url']}").status_code == 200
    with house.repository._write() as connection:
        connection.exec_driver_sql("UPDATE shares SET expires_at = expires_at - 24 * 3600")
    assert client.get(f"/api/v1{made['url']}").status_code == 404
    assert client.get(f"{JOBS}/{job['id']}/shares").json == {"shares": []}


def test_a_link_is_good_for_a_week_unless_said_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path, Limits(retention=timedelta(days=60)))
    client = house.client()
    job = client.post(JOBS, data=form()).json
    house.work(finishes())
    now = datetime.now(UTC).replace(microsecond=0)
    monkeypatch.setattr(house.repository, "now", now.timestamp)
    for days, said in ((7, {}), (7, {"days": 7}), (30, {"days": 30})):
        made = share(client, job, **said)
        assert datetime.fromisoformat(made["expires_at"]) == now + timedelta(days=days)
    house.close()


def test_a_link_promises_no_more_than_its_job_has(client: Browser, job: dict[str, Any]) -> None:
    made = share(client, job, days=365)
    assert made["expires_at"] == job["expires_at"]
    (listed,) = client.get(f"{JOBS}/{job['id']}/shares").json["shares"]
    assert listed["expires_at"] == job["expires_at"]
    assert share(client, job, days=1)["expires_at"] < job["expires_at"]


@pytest.mark.parametrize("days", [0, -1, MANY_DAYS, "many", None])
def test_wrong_times(client: Browser, job: dict[str, Any], days: object) -> None:
    response = client.post(f"{JOBS}/{job['id']}/shares", json={"days": days})
    assert (response.status_code, response.json["field"]) == (422, "days")


def test_a_link_needs_a_body(client: Browser, job: dict[str, Any]) -> None:
    response = client.post(f"{JOBS}/{job['id']}/shares")
    assert (response.status_code, response.json["code"]) == (400, "bad_request")


def test_without_a_result_there_is_no_link(client: Browser) -> None:
    made = client.post(JOBS, data=form()).json
    response = client.post(f"{JOBS}/{made['id']}/shares", json={})
    assert (response.status_code, response.json["code"]) == (409, "job_conflict")


def test_links_to_a_picture_have_a_maximum(client: Browser, job: dict[str, Any]) -> None:
    made = [share(client, job) for _ in range(50)]
    links = f"{JOBS}/{job['id']}/shares"
    refused = client.post(links, json={})
    assert (refused.status_code, refused.json["code"]) == (409, "too_many_shares")
    assert "50 valid share links; revoke one first" in refused.json["detail"]
    assert len(client.get(links).json["shares"]) == len(made)
    client.delete(f"{links}/{made[0]['id']}")
    share(client, job)


@pytest.mark.parametrize("token", ["nonsense", "%00", "x" * 500])
def test_unknown_links(client: Browser, token: str) -> None:
    assert client.get(f"/api/v1/shared/{token}").status_code == 404
    assert client.get(f"/api/v1/shared/{token}/result").status_code == 404


def test_a_deleted_job_is_not_shared_any_more(
    client: Browser, house: House, job: dict[str, Any]
) -> None:
    made = share(client, job)
    client.delete(f"{JOBS}/{job['id']}")
    assert house.client().get(f"/api/v1{made['url']}").status_code == 404


def test_a_job_that_is_painted_again_is_not_shown_meanwhile(client: Browser, house: House) -> None:
    from nst.jobs.job import JobStatus

    made = client.post(JOBS, data=form(content_image=upload(CAT))).json
    house.work(finishes(JobStatus.CANCELED))
    link = share(client, made)["url"]
    client.post(f"{JOBS}/{made['id']}/retry")
    response = client.get(f"/api/v1{link}")
    assert (response.status_code, response.json["code"]) == (404, "not_found")
