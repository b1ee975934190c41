"""The case files, through the API: it takes and refuses what the command does."""

import pytest

from nst import images
from nst.errors import InvalidImage
from nst.image_sizes import check_result_size
from nst.option_fields import MAX_SIZE
from support.case_files import PICTURES, case
from support.service_in_process import Browser, House, form, upload

JOBS = "/api/v1/jobs"
SIZE = 256


@pytest.fixture
def client(house: House) -> Browser:
    return house.client()


def sent(name: str) -> tuple[object, str]:
    return upload(case(name).read_bytes(), name)


@pytest.mark.parametrize("name", [name for name in PICTURES if name != "pano_1200.png"])
def test_a_photo_is_taken_as_what_it_is(client: Browser, name: str) -> None:
    response = client.post(JOBS, data=form(content_image=sent(name), size=SIZE))
    assert response.status_code == 202
    facts = PICTURES[name]
    expected = {"name": name, "format": facts.format, "size": [*facts.size], "sample": None}
    assert response.json["pictures"]["content"] == expected
    assert images.load(case(name), "content").size == facts.size
    small = client.get(response.json["links"]["content"], query_string={"thumb": 1})
    assert (small.status_code, small.content_type) == (200, "image/jpeg")


@pytest.mark.parametrize("name", PICTURES)
def test_a_style_of_any_shape_is_taken_and_shown(client: Browser, name: str) -> None:
    response = client.post(JOBS, data=form(style_image=sent(name)))
    assert response.status_code == 202
    (shown,) = response.json["links"]["styles"]
    small = client.get(shown, query_string={"thumb": 1})
    assert (small.status_code, small.content_type) == (200, "image/jpeg")


def test_what_cannot_be_painted_is_refused_in_the_words_of_the_command(client: Browser) -> None:
    with pytest.raises(InvalidImage) as caught:
        check_result_size(images.load(case("pano_1200.png"), "content").size, SIZE, MAX_SIZE)
    response = client.post(JOBS, data=form(content_image=sent("pano_1200.png"), size=SIZE))
    assert (response.status_code, response.json["field"]) == (422, "content_image")
    assert caught.value.reason in response.json["detail"]


def test_a_panorama_beside_a_portrait(client: Browser) -> None:
    both = form(content_image=sent("pano_12.jpg"), style_image=sent("style_portrait.jpg"), size=512)
    assert client.post(JOBS, data=both).status_code == 202
    small = form(content_image=sent("pano_12.jpg"), size=128)
    assert "give a size of at least 200" in client.post(JOBS, data=small).json["detail"]


def test_a_mask_with_a_stray_pixel_is_taken(client: Browser) -> None:
    masked = form(content_image=sent("iccp_big.png"), style_mask=sent("mask_rgba_one_pixel.png"))
    assert client.post(JOBS, data=masked).status_code == 202
