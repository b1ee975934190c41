"""/api/v1/learned-styles, and jobs with a learned style."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from onnxruntime import InferenceSession

from nst.errors import StorageFull
from nst.settings.groups import Limits
from support.service_in_process import Browser, House, browser, finishes, form, limited_to, upload
from unit.learning import tiny

STYLES, JOBS = "/api/v1/learned-styles", "/api/v1/jobs"


@pytest.fixture
def client(house: House) -> Browser:
    return house.client()


@pytest.fixture
def data(tmp_path: Path) -> bytes:
    return tiny.saved(tmp_path / "waves.nst", ("calm", "storm")).read_bytes()


def add(client: Browser, data: bytes) -> Any:
    return client.post(STYLES, data={"file": upload(data, "waves.nst")})


def paint(client: Browser, style: str, **fields: Any) -> Any:
    fields = {"style_image": None, "preset": None, "learned_style": style, **fields}
    return client.post(JOBS, data=form(**fields))


# ── storing styles ────────────────────────────────────────────────────────────────────────────


def test_a_style_is_kept_listed_renamed_and_deleted(client: Browser, data: bytes) -> None:
    response = add(client, data)
    assert response.status_code == 201
    style = response.json
    assert response.headers["Location"] == style["links"]["self"]
    assert (style["name"], style["styles"]) == ("waves", ["calm", "storm"])
    assert (style["licence"], style["size_bytes"]) == ("CC0-1.0", len(data))
    assert style["sha256"] == hashlib.sha256(data).hexdigest()
    here = style["links"]["self"]
    renamed: Any = client.patch(here, json={"name": "the sea"})
    assert renamed.json["name"] == "the sea"
    assert client.get(STYLES).json == {"learned_styles": [client.get(here).json]}
    file = client.get(style["links"]["file"])
    assert file.data == data
    assert 'filename="the sea.nst"' in file.headers["Content-Disposition"]
    assert client.delete(here).status_code == 204
    assert client.get(STYLES).json == {"learned_styles": []}
    assert client.get(here).json["code"] == "style_not_found"


def test_an_option_without_effect_on_a_learned_style_is_named(client: Browser, data: bytes) -> None:
    style = add(client, data).json["id"]
    (notice,) = paint(client, style, strength="0.7").json["notices"]
    assert notice == (
        "strength has no effect with a learned style; leave it out, or name an image as the style"
    )


def test_stopping_early_without_effect_on_a_learned_style_is_named(
    client: Browser, data: bytes
) -> None:
    (notice,) = paint(client, add(client, data).json["id"], stop_after="3").json["notices"]
    assert notice.startswith("stop_after has no effect with a learned style")


@pytest.mark.parametrize("other", ["style_image", "sample_style", "styles_from"])
def test_a_job_has_its_styles_from_one_source(client: Browser, data: bytes, other: str) -> None:
    """No source is ignored in silence."""
    given = {"style_image": upload(data), "sample_style": "mosaic", "styles_from": "0" * 32}
    response: Any = paint(client, add(client, data).json["id"], **{other: given[other]})
    assert (response.status_code, response.json["code"]) == (422, "invalid_option")
    assert "none beside" in response.json["detail"]


def test_the_onnx_graph_can_be_run(client: Browser, data: bytes) -> None:
    form = {"file": upload(data, "waves.nst"), "name": "the sea"}
    links = client.post(STYLES, data=form).json["links"]
    response = client.get(links["onnx"])
    assert 'filename="the sea.onnx"' in response.headers["Content-Disposition"]
    session = InferenceSession(response.data, providers=["CPUExecutionProvider"])
    assert [each.name for each in session.get_inputs()] == ["photo", "shares"]


@pytest.mark.parametrize("link", ["file", "onnx"])
def test_what_the_client_has_is_not_made_again(client: Browser, data: bytes, link: str) -> None:
    address = add(client, data).json["links"][link]
    first = client.get(address)
    again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    other = client.get(address, headers={"If-None-Match": '"of another file"'})
    assert (other.status_code, other.data) == (200, first.data)


def test_nobody_else_sees_it(house: House, data: bytes) -> None:
    app = house.app()
    mine, other = browser(app), browser(app)
    style = add(mine, data).json
    assert other.get(STYLES).json == {"learned_styles": []}
    for path in style["links"].values():
        assert other.get(path).status_code == 404
    here = style["links"]["self"]
    assert other.patch(here, json={"name": "x"}).status_code == 404
    assert other.delete(here).status_code == 404
    assert paint(other, style["id"]).json["code"] == "style_not_found"
    assert mine.get(here).json == style


def test_an_upload_that_fails_costs_no_bytes(
    house: House, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    object.__setattr__(house.learned_styles, "limits", limited_to(max_bytes_per_day=len(data)))
    client = house.client()

    def fail(key: str, _: bytes) -> None:
        raise StorageFull(Path(key), "there is no space left")

    with monkeypatch.context() as patch:
        patch.setattr(house.storage, "put", fail)
        assert add(client, data).status_code == 507
    assert add(client, data).status_code == 201
    assert add(client, data).json["code"] == "too_many_requests"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is damaged, cut short or no learned style"),
        (b"\x89PNG\r\n\x1a\n", "is damaged, cut short or no learned style"),
        (b"\x10" + bytes(7) + b"{" * 16, "is damaged, cut short or no learned style"),
        (b"\x40\x0d\x03" + bytes(5) + b"[" * 200_000, "is damaged, cut short or no learned"),
    ],
)
def test_what_is_no_learned_style(client: Browser, content: bytes, reason: str) -> None:
    response = add(client, content)
    assert (response.status_code, response.json["code"]) == (422, "invalid_style_file")
    assert reason in response.json["detail"]


def test_a_damaged_style_is_refused_at_once(client: Browser, data: bytes) -> None:
    changed = data[:-2] + bytes([data[-2] ^ 1]) + data[-1:]
    response = add(client, changed)
    assert "waves.nst has another SHA-256 than it says" in response.json["detail"]
    assert client.get(STYLES).json == {"learned_styles": []}


def test_a_form_without_a_file(client: Browser) -> None:
    response = client.post(STYLES, data={"file": "text"})
    assert (response.status_code, response.json["field"]) == (422, "file")


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "..."])
def test_names_that_cannot_be(client: Browser, data: bytes, name: str) -> None:
    here = add(client, data).json["links"]["self"]
    response: Any = client.patch(here, json={"name": name})
    assert (response.status_code, response.json["field"]) == (422, "name")


# ── limits ────────────────────────────────────────────────────────────────────────────────────


def test_a_server_that_keeps_none(tmp_path: Path, data: bytes) -> None:
    house = House(tmp_path, limits=limited_to(max_learned_styles_per_client=0))
    response = add(house.client(), data)
    assert (response.status_code, response.json["field"]) == (422, "file")
    assert "this server keeps no learned styles" in response.json["detail"]
    house.close()


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ({"max_learned_styles_per_client": 0}, "this server takes no learned styles"),
        ({"max_learned_style_bytes": 10}, "expected a file of at most"),
    ],
)
def test_the_limits_hold_for_a_file_sent_as_the_style(
    tmp_path: Path, data: bytes, limit: dict[str, int], reason: str
) -> None:
    house = House(tmp_path, limits=limited_to(**limit))
    fields = form(style_image=upload(data, "waves.nst"), preset=None)
    response: Any = house.client().post(JOBS, data=fields)
    assert (response.status_code, response.json["field"]) == (422, "style_image")
    assert reason in response.json["detail"]
    house.close()


def test_a_client_keeps_only_so_many(tmp_path: Path, data: bytes) -> None:
    house = House(tmp_path, limits=limited_to(max_learned_styles_per_client=1))
    client = house.client()
    here = add(client, data).json["links"]["self"]
    response = add(client, data)
    assert (response.status_code, response.json["code"]) == (409, "too_many_styles")
    assert "Retry-After" not in response.headers
    assert "you keep 1 learned styles; delete one first" in response.json["detail"]
    client.delete(here)
    assert add(client, data).status_code == 201
    house.close()


def test_an_address_keeps_only_so_many_whatever_the_cookies(tmp_path: Path, data: bytes) -> None:
    house = House(tmp_path, limits=limited_to(max_learned_styles_per_address=1))
    app = house.app()
    assert add(browser(app), data).status_code == 201
    assert "from your network address" in add(browser(app), data).json["detail"]
    house.close()


def test_bytes_of_a_file_and_of_a_day(tmp_path: Path, data: bytes) -> None:
    limits = limited_to(max_learned_style_bytes=len(data), max_bytes_per_day=len(data))
    house = House(tmp_path, limits=limits)
    client = house.client()
    assert "expected a file of at most" in add(client, data + b" ").json["detail"]
    assert add(client, data).status_code == 201
    assert add(client, data).status_code == 429
    house.close()


# ── jobs ──────────────────────────────────────────────────────────────────────────────────────


def test_a_job_has_its_own_copy_of_the_style(house: House, client: Browser, data: bytes) -> None:
    style = add(client, data).json
    response = paint(client, style["id"], style_blend="0.25,0.75")
    assert response.status_code == 202
    job = response.json
    assert (job["preset"], job["title"]) == ("draft", "cat in waves")
    assert job["pictures"]["styles"] == [
        {"name": "waves.nst", "size": None, "format": "NST", "sample": None}
    ]
    client.delete(style["links"]["self"])
    assert client.get(job["links"]["styles"][0]).data == data
    assert house.work(finishes(steps=0)).status == "succeeded"
    again = client.post(JOBS, data={"content_from": job["id"], "styles_from": job["id"]})
    assert (again.status_code, again.json["preset"]) == (202, "draft")


def test_a_file_may_come_with_the_order(client: Browser, data: bytes) -> None:
    response = client.post(JOBS, data=form(style_image=upload(data, "waves.nst"), preset=None))
    assert (response.status_code, response.json["preset"]) == (202, "draft")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"preset": "quality"}, "preset"),
        ({"total_iterations": "10"}, "total_iterations"),
        ({"color": "match"}, "color"),
        ({"style_blend": "1,1,1"}, "style_blend"),
        ({"style_mask": upload(b"x", "mask.png")}, "style_mask"),
        ({"detail_map": upload(b"x", "map.png")}, "detail_map"),
    ],
)
def test_what_a_learned_style_cannot_do(
    client: Browser, data: bytes, fields: dict[str, Any], field: str
) -> None:
    response = paint(client, add(client, data).json["id"], **fields)
    assert (response.status_code, response.json["field"]) == (422, field)


def test_a_learned_style_is_alone(client: Browser, data: bytes) -> None:
    two = [upload(data, "a.nst"), upload(data, "b.nst")]
    response = client.post(JOBS, data=form(style_image=two, preset=None))
    assert "one learned style alone" in response.json["detail"]


def test_limits_are_told(client: Browser) -> None:
    limits = client.get("/api/v1/options").json["limits"]
    assert limits["max_learned_styles"] == Limits().max_learned_styles_per_client
