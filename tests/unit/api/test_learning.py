"""POST /api/v1/learning: accepted and refused requests."""

from pathlib import Path
from typing import Any

import pytest

from nst.jobs.learning import MAX_PHOTOS
from support.service_in_process import CAT, WAVES, Browser, House, browser, limited_to, upload
from unit.learning import tiny

LEARN, STYLES, JOBS = "/api/v1/learning", "/api/v1/learned-styles", "/api/v1/jobs"


@pytest.fixture
def client(house: House) -> Browser:
    return house.client()


def learn(client: Browser, **fields: Any) -> Any:
    files = {"style_image": upload(WAVES, "waves.png")}
    return client.post(LEARN, data=files | fields)


def test_the_job_says_what_it_learns(client: Browser, house: House) -> None:
    photos = [upload(CAT, "cat.png"), upload(CAT, "dog.png")]
    response = learn(client, photo=photos, name="the sea", minutes="10", steady="true")
    assert response.status_code == 202
    job = response.json
    assert (job["title"], job["status"]) == ("learned style the sea", "queued")
    learning = job["learning"]
    assert (learning["names"], learning["photos"]) == (["the sea"], 2)
    assert (learning["options"]["minutes"], learning["options"]["steady"]) == (10, True)
    assert (job["steerable"], job["links"]["timelapse"], job["links"]["recipe"]) == ([], None, None)
    assert job["links"]["learned_style"] is None
    order = house.repository.get(job["id"]).order
    assert order.learning is not None
    assert [photo.name for photo in order.learning.photos] == ["cat.png", "dog.png"]
    assert all(house.storage.stat(picture.key) for picture in order.inputs)


def test_files_with_the_same_name_are_told_apart(client: Browser) -> None:
    styles = [upload(WAVES, "image.png"), upload(CAT, "image.png")]
    assert learn(client, style_image=styles).json["learning"]["names"] == ["image", "image 2"]


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["a.jpg", "a.jpg", "a 2.jpg"], ["a", "a 2", "a 2 2"]),
        (["a 2.jpg", "a.jpg", "a.jpg"], ["a 2", "a", "a 3"]),
        (["a(1).jpg", "a[1].jpg"], ["a 1", "a 1 2"]),
    ],
)
def test_every_name_from_a_file_is_another(
    client: Browser, files: list[str], names: list[str]
) -> None:
    styles = [upload(WAVES, name) for name in files]
    assert learn(client, style_image=styles).json["learning"]["names"] == names


@pytest.mark.parametrize(
    ("fields", "field", "allowed"),
    [
        ({"minutes": "61"}, "minutes", "more than 0 and at most 60 minutes on this server"),
        ({"minutes": "0", "steps": "10"}, "minutes", "more than 0 and at most 60 minutes"),
        ({"minutes": "soon"}, "minutes", "a number from 0"),
        ({"size": "1024"}, "size", "at most 512 on this server"),
        ({"batch": "8"}, "batch", "at most 4 on this server"),
        ({"channels": "200"}, "channels", "at most 96 on this server"),
        ({"glitter": "1"}, "glitter", ""),
        ({"name": ["a", "b"]}, "name", "one name for each style"),
        ({"name": "..."}, "name", "a name of 1 to 80 characters"),
        ({"licence": "x" * 1001}, "licence", "at most 1000 characters"),
        ({"style_image": "a text"}, "style_image", "an image as a file of the form"),
        ({"photo": "a text"}, "photo", "an image as a file of the form"),
        ({"style_image": []}, "style_image", "an image as a file of the form"),
        ({"style_image": [], "sample_style": "moasic"}, "sample_style", "mosaic"),
    ],
)
def test_what_is_refused(client: Browser, fields: Any, field: str, allowed: str) -> None:
    response = learn(client, **fields)
    assert (response.status_code, response.json["code"]) == (422, "invalid_option")
    assert response.json["field"] == field
    assert allowed in response.json["detail"]


def test_too_many_pictures_are_refused(client: Browser) -> None:
    nine = [upload(WAVES, f"{number}.png") for number in range(9)]
    assert "1 to 8 pictures" in learn(client, style_image=nine).json["detail"]
    photos = [upload(CAT, f"{number}.png") for number in range(MAX_PHOTOS + 1)]
    assert "at most 100 photos" in learn(client, photo=photos).json["detail"]


def test_a_damaged_photo_is_named(client: Browser) -> None:
    photos = [upload(CAT, "cat.png"), upload(CAT[:100], "torn.png")]
    response = learn(client, photo=photos)
    assert (response.status_code, response.json["field"]) == (422, "photo")
    assert "torn.png" in response.json["detail"]


def test_a_server_that_learns_nothing_says_so(house: House) -> None:
    house.jobs.limits = limited_to(max_learning_minutes=0)
    response = learn(house.client())
    assert (response.status_code, response.json["field"]) == (422, "minutes")
    assert "`nst learn`" in response.json["detail"]


def test_the_minutes_of_a_day_are_counted(house: House) -> None:
    house.jobs.limits = limited_to(max_learning_minutes=20, max_learning_minutes_per_day=30)
    client = house.client()
    assert learn(client, minutes="20").status_code == 202
    refused = learn(client, minutes="11")
    assert (refused.status_code, refused.json["code"]) == (429, "too_many_requests")
    assert "30 minutes of learning" in refused.json["detail"]
    assert learn(client, minutes="10").status_code == 202


def test_a_server_that_keeps_no_styles_learns_none(house: House) -> None:
    object.__setattr__(house.learned_styles, "limits", limited_to(max_learned_styles_per_client=0))
    response = learn(house.client())
    assert (response.status_code, response.json["field"]) == (422, "style_image")
    assert "this server keeps no learned styles" in response.json["detail"]


def test_the_same_key_makes_one_job(client: Browser) -> None:
    header = {"Idempotency-Key": "k"}
    first, again, other = (
        client.post(
            LEARN,
            data={"style_image": upload(WAVES, "waves.png"), "minutes": minutes},
            headers=header,
        )
        for minutes in ("5", "5", "6")
    )
    assert first.json["id"] == again.json["id"]
    assert (other.status_code, other.json["code"]) == (409, "job_conflict")


def test_a_repeated_request_is_not_refused_because_of_the_styles_that_are_kept(
    house: House, tmp_path: Path
) -> None:
    object.__setattr__(house.learned_styles, "limits", limited_to(max_learned_styles_per_client=1))
    client = house.client()
    header = {"Idempotency-Key": "k"}

    def post(**headers: str) -> Any:
        return client.post(LEARN, data={"style_image": upload(WAVES, "waves.png")}, headers=headers)

    first = post(**header)
    kept = upload(tiny.saved(tmp_path / "waves.nst").read_bytes(), "waves.nst")
    assert client.post(STYLES, data={"file": kept}).status_code == 201
    again, new = post(**header), post()
    assert (again.status_code, again.json["id"]) == (202, first.json["id"])
    assert (new.status_code, new.json["code"]) == (409, "too_many_styles")


def test_somebody_else_finds_nothing(house: House) -> None:
    app = house.app()
    job = learn(browser(app)).json
    other = browser(app)
    assert other.get(job["links"]["self"]).status_code == 404
    assert other.post(f"{JOBS}/{job['id']}/cancel").status_code == 404


def test_the_limits_are_in_the_options(client: Browser) -> None:
    options = client.get("/api/v1/options").json
    assert options["limits"]["max_learning_minutes"] == 60
    assert options["limits"]["max_learning_photos"] == MAX_PHOTOS
    properties = options["learning_schema"]["properties"]
    assert (properties["minutes"]["maximum"], properties["size"]["maximum"]) == (60, 512)
