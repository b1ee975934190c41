"""The inputs and the results of a job, over HTTP."""

import io
import json
import sys
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import png
import pytest
from PIL import Image, ImageChops, ImageStat

from nst import image_writer, images
from nst.api import pictures
from nst.engine_process.messages import Finished, News, Work
from nst.jobs.job import RESULT, JobStatus
from nst.jobs.stored_file import StoredFile
from nst.progress import Change
from support.pictures import encoded, picture
from support.service_in_process import (
    CAT,
    CRASH,
    WAVES,
    Browser,
    House,
    finishes,
    form,
    paints,
    progress,
    upload,
)

JOBS = "/api/v1/jobs"
INLINE, ATTACHED = (
    f"{kind}; filename=\"{{0}}\"; filename*=UTF-8''{{0}}" for kind in ("inline", "attachment")
)


@pytest.fixture
def client(house: House) -> Browser:
    return house.client()


@pytest.fixture
def done(client: Browser, house: House) -> dict[str, Any]:
    """Return a finished job with two frames."""
    job = client.post(JOBS, data=form()).json
    house.work(paints(5), paints(10), finishes())
    seen: dict[str, Any] = client.get(f"{JOBS}/{job['id']}").json
    return seen


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


# ── images ────────────────────────────────────────────────────────────────────────────────────


def test_the_result(client: Browser, done: dict[str, Any]) -> None:
    response = client.get(done["links"]["result"])
    assert (response.status_code, response.content_type) == (200, "image/png")
    assert response.headers["Content-Disposition"] == INLINE.format("cat-in-waves.png")
    assert response.content_length == len(response.data)
    assert opened(response.data).size == (64, 48)


@pytest.mark.parametrize(("kind", "suffix"), [("jpeg", "jpg"), ("webp", "webp")])
def test_the_result_in_another_format(
    client: Browser, done: dict[str, Any], kind: str, suffix: str
) -> None:
    original = client.get(done["links"]["result"])
    for _ in range(2):
        response = client.get(f"{done['links']['result']}?format={kind}&download=1")
        assert (response.status_code, response.content_type) == (200, f"image/{kind}")
        name = f"cat-in-waves.{suffix}"
        assert response.headers["Content-Disposition"] == ATTACHED.format(name)
        assert opened(response.data).format == kind.upper()
        difference = np.asarray(opened(response.data), float) - np.asarray(opened(original.data))
        assert np.abs(difference).mean() < 3
        assert images.read_recipe(response.data) == images.read_recipe(original.data)


def test_a_format_that_there_is_not(client: Browser, done: dict[str, Any]) -> None:
    response = client.get(done["links"]["result"] + "?format=bmp")
    assert (response.status_code, response.json["field"]) == (422, "format")
    assert "one of png, jpeg, webp" in response.json["detail"]


def test_the_result_to_be_saved(client: Browser, done: dict[str, Any]) -> None:
    response = client.get(done["links"]["result"] + "?download=1")
    assert response.headers["Content-Disposition"] == ATTACHED.format("cat-in-waves.png")


def test_names_in_any_language(client: Browser, house: House) -> None:
    data = form(content_image=upload(CAT, "Bücher 猫.png"), style_image=upload(WAVES, "Öl.png"))
    job = client.post(JOBS, data=data).json
    house.work(finishes())
    header = client.get(f"{JOBS}/{job['id']}/result").headers["Content-Disposition"]
    assert header == (
        'inline; filename="B_cher-_-in-_l.png"; '
        "filename*=UTF-8''B%C3%BCcher-%E7%8C%AB-in-%C3%96l.png"
    )


def test_pictures_that_went_in_are_what_was_sent(client: Browser, done: dict[str, Any]) -> None:
    assert client.get(done["links"]["content"]).data == CAT
    (style,) = done["links"]["styles"]
    assert client.get(style).data == WAVES
    assert client.get(f"{JOBS}/{done['id']}/styles/1").status_code == 404


def test_preview_and_frames(client: Browser, done: dict[str, Any]) -> None:
    assert client.get(done["links"]["preview"]).content_type == "image/jpeg"
    frames = client.get(done["links"]["frames"]).json["frames"]
    assert [frame["step"] for frame in frames] == [5, 10]
    for frame in frames:
        response = client.get(frame["url"])
        assert (response.status_code, response.content_type) == (200, "image/jpeg")
    assert client.get(f"{JOBS}/{done['id']}/frames/7").status_code == 404


@pytest.mark.parametrize(
    "path", ["result", "preview", "archive", "timelapse", "before-after", "recipe"]
)
def test_what_is_not_there_yet_is_not_found(client: Browser, path: str) -> None:
    job = client.post(JOBS, data=form()).json
    response = client.get(f"{JOBS}/{job['id']}/{path}")
    assert (response.status_code, response.json["code"]) == (404, "not_found")


def test_a_canceled_job_has_the_picture_so_far(client: Browser, house: House) -> None:
    job = client.post(JOBS, data=form()).json
    house.work(finishes(JobStatus.CANCELED, steps=3))
    seen = client.get(f"{JOBS}/{job['id']}").json
    assert (seen["status"], seen["result"]["steps"]) == ("canceled", 3)
    assert client.get(seen["links"]["result"]).status_code == 200


@pytest.mark.parametrize("name", ["result", "content", "preview", "styles/0", "frames/5"])
def test_thumbnails(
    client: Browser, house: House, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "THUMB_SIDE_PIXELS", 32)
    job = client.post(JOBS, data=form()).json
    house.work(paints(5), finishes())
    path = f"{JOBS}/{job['id']}/{name}?thumb=1"
    response = client.get(path)
    assert (response.status_code, response.content_type) == (200, "image/jpeg")
    assert max(opened(response.data).size) == 32
    again = client.get(path, headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304


def test_small_pictures_are_not_enlarged(client: Browser, done: dict[str, Any]) -> None:
    assert opened(client.get(done["links"]["content"] + "?thumb=1").data).size == (64, 48)


def test_a_thumbnail_of_a_transparent_tiff_is_on_white(client: Browser) -> None:
    clear = picture().convert("RGBA")
    clear.paste((0, 0, 0, 0), (0, 0, 32, 48))
    job = client.post(JOBS, data=form(content_image=upload(encoded(clear, "TIFF")))).json
    thumb = opened(client.get(job["links"]["content"] + "?thumb=1").data)
    assert thumb.getpixel((5, 5)) == (255, 255, 255)


# ── ranges and validators ─────────────────────────────────────────────────────────────────────


def test_ranges(client: Browser, done: dict[str, Any]) -> None:
    path = done["links"]["result"]
    whole = client.get(path).data
    for asked, start, stop in (
        ("bytes=0-9", 0, 10),
        ("bytes=10-", 10, len(whole)),
        ("bytes=-10", len(whole) - 10, len(whole)),
        ("bytes=5-5", 5, 6),
        (f"bytes=0-{10**9}", 0, len(whole)),
    ):
        response = client.get(path, headers={"Range": asked})
        assert response.status_code == 206, asked
        assert response.data == whole[start:stop]
        assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(whole)}"
        assert response.content_length == stop - start


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=x"])
def test_ranges_that_are_not_known_are_ignored(
    client: Browser, done: dict[str, Any], asked: str
) -> None:
    response = client.get(done["links"]["result"], headers={"Range": asked})
    assert response.status_code == 200
    assert response.headers["Accept-Ranges"] == "bytes"


def test_a_range_behind_the_end(client: Browser, done: dict[str, Any]) -> None:
    path = done["links"]["result"]
    size = len(client.get(path).data)
    response = client.get(path, headers={"Range": f"bytes={size}-"})
    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{size}"
    assert response.content_type == "application/problem+json"


def test_a_range_of_another_picture_is_the_whole(client: Browser, done: dict[str, Any]) -> None:
    path = done["links"]["result"]
    etag = client.get(path).headers["ETag"]
    asked = {"Range": "bytes=0-9"}
    assert client.get(path, headers=asked | {"If-Range": etag}).status_code == 206
    assert client.get(path, headers=asked | {"If-Range": '"another"'}).status_code == 200


@pytest.mark.parametrize(
    "name", ["result", "content", "styles/0", "preview", "frames/5", "timelapse"]
)
def test_what_the_browser_has_is_not_sent_again(
    client: Browser, done: dict[str, Any], name: str
) -> None:
    path = f"{JOBS}/{done['id']}/{name}"
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert "private" in again.headers["Cache-Control"]


def test_only_what_never_changes_is_kept_without_asking(
    client: Browser, done: dict[str, Any]
) -> None:
    for name in ("content", "styles/0"):
        assert "immutable" in client.get(f"{JOBS}/{done['id']}/{name}").headers["Cache-Control"]
    for name in ("result", "preview", "frames/5", "timelapse"):
        header = client.get(f"{JOBS}/{done['id']}/{name}").headers["Cache-Control"]
        assert "max-age=0" in header
        assert "immutable" not in header


def test_another_try_has_another_picture_and_film(client: Browser, house: House) -> None:
    job = client.post(JOBS, data=form()).json
    house.work(paints(5), finishes(JobStatus.CANCELED))
    paths = [f"{JOBS}/{job['id']}/{name}" for name in ("result", "timelapse")]
    before = [client.get(path) for path in paths]
    assert [response.status_code for response in before] == [200, 200]
    client.post(f"{JOBS}/{job['id']}/retry")
    assert [client.get(path).status_code for path in paths] == [404, 404]
    house.work(paints(5), paints(7), finishes())
    for path, old in zip(paths, before, strict=True):
        response = client.get(path, headers={"If-None-Match": old.headers["ETag"]})
        assert response.status_code == 200


def test_a_preview_that_is_replaced_while_it_is_sent_is_whole(
    client: Browser, house: House, done: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    new, stat = encoded(picture(640, 480), "JPEG"), house.storage.stat

    def stat_and_replace(key: str) -> StoredFile | None:
        found = stat(key)
        house.storage.put(key, new)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(house.storage, "stat", stat_and_replace)
        first = client.get(done["links"]["preview"])
    assert (first.data, first.content_length) == (new, len(new))
    again = client.get(done["links"]["preview"], headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (200, new)


def test_head_says_the_size_without_the_picture(client: Browser, done: dict[str, Any]) -> None:
    response = client.head(done["links"]["result"])
    assert response.status_code == 200
    assert response.content_length == len(client.get(done["links"]["result"]).data)
    assert response.data == b""


# ── archive ───────────────────────────────────────────────────────────────────────────────────


def test_the_archive_holds_frames_and_result(client: Browser, done: dict[str, Any]) -> None:
    response = client.get(done["links"]["archive"])
    assert response.content_type == "application/zip"
    assert response.headers["Content-Disposition"] == ATTACHED.format("cat-in-waves.zip")
    assert response.content_length == len(response.data)
    with zipfile.ZipFile(io.BytesIO(response.data)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == ["frames/000005.jpg", "frames/000010.jpg", "cat-in-waves.png"]
        assert archive.read("cat-in-waves.png") == client.get(done["links"]["result"]).data


def test_an_archive_has_one_file_open_at_a_time(
    client: Browser, done: dict[str, Any], house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, most, stream = 0, 0, house.storage.stream

    def counted(*arguments: Any) -> Iterator[bytes]:
        nonlocal opened, most
        pieces = stream(*arguments)
        opened += 1
        most = max(most, opened)

        def sent() -> Iterator[bytes]:
            nonlocal opened
            yield from pieces
            opened -= 1

        return sent()

    monkeypatch.setattr(house.storage, "stream", counted)
    assert client.get(done["links"]["archive"]).status_code == 200
    assert (opened, most) == (0, 1)


def test_the_archive_of_a_running_job_holds_what_there_is(client: Browser, house: House) -> None:
    job = client.post(JOBS, data=form()).json
    house.work(paints(5), CRASH)
    with zipfile.ZipFile(io.BytesIO(client.get(job["links"]["archive"]).data)) as archive:
        assert archive.namelist() == ["frames/000005.jpg"]


def test_an_archive_of_several_jobs_has_names_of_its_own_and_says_what_is_missing(
    client: Browser, done: dict[str, Any], house: House
) -> None:
    again = client.post(JOBS, data=form(seed="5")).json
    house.work(finishes())
    waiting = client.post(JOBS, data=form(seed="6")).json
    deleted = client.post(JOBS, data=form(seed="7")).json
    assert client.delete(deleted["links"]["self"]).status_code == 204
    ids = ",".join(job["id"] for job in (done, again, deleted, waiting, done))
    response = client.get(f"/api/v1/archive?jobs={ids}")
    assert response.headers["Content-Disposition"] == ATTACHED.format("paintings.zip")
    with zipfile.ZipFile(io.BytesIO(response.data)) as archive:
        names = archive.namelist()
        assert names == ["cat-in-waves.png", "cat-in-waves-2.png", "not-there.txt"]
        assert archive.read("cat-in-waves.png") == client.get(done["links"]["result"]).data
        missing = archive.read("not-there.txt").decode()
        assert missing == f"cat in waves: queued\n{deleted['id']}: not found\n"


def test_an_archive_of_nothing_too_much_or_of_somebody_else_is_refused(
    client: Browser, done: dict[str, Any], house: House
) -> None:
    def answer(reader: Browser, ids: list[str]) -> tuple[int, str]:
        response = reader.get(f"/api/v1/archive?jobs={','.join(ids)}")
        return response.status_code, response.json["code"]

    assert client.get("/api/v1/archive").status_code == 422
    assert answer(client, []) == (404, "job_not_found")
    assert answer(client, [f"{number:032x}" for number in range(101)]) == (422, "invalid_option")
    assert answer(house.client(), [done["id"]]) == (404, "job_not_found")


def test_a_large_archive_takes_little_memory(
    client: Browser, house: House, done: dict[str, Any]
) -> None:
    megabytes = 40
    for number in range(4):
        house.storage.put(f"{done['id']}/frames/{number:06d}.jpg", bytes(megabytes * 250_000))
    tracemalloc.start()
    response = client.get(done["links"]["archive"], buffered=False)
    received = sum(len(piece) for piece in response.iter_encoded())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert received > megabytes * 1_000_000
    assert peak < 8_000_000


# ── time-lapse and recipe ─────────────────────────────────────────────────────────────────────


def test_the_film_shows_how_it_was_painted(client: Browser, done: dict[str, Any]) -> None:
    response = client.get(done["links"]["timelapse"])
    assert response.content_type == "image/webp"
    assert response.headers["Content-Disposition"] == INLINE.format("cat-in-waves.webp")
    with Image.open(io.BytesIO(response.data)) as film:
        assert film.size == (64, 48)
        assert film.is_animated  # type: ignore[attr-defined]
    assert client.get(done["links"]["timelapse"]).data == response.data


def test_the_film_is_an_mp4_file_where_one_is_asked_for(
    client: Browser, done: dict[str, Any], tmp_path: Path
) -> None:
    response = client.get(done["links"]["timelapse"] + "?format=mp4")
    assert response.content_type == "video/mp4"
    assert response.headers["Content-Disposition"] == INLINE.format("cat-in-waves.mp4")
    (tmp_path / "film.mp4").write_bytes(response.data)
    with av.open(tmp_path / "film.mp4") as film:
        assert (film.streams.video[0].width, film.streams.video[0].height) == (64, 48)
    refused = client.get(done["links"]["timelapse"] + "?format=gif")
    assert (refused.status_code, refused.json["code"]) == (422, "invalid_option")


def test_without_a_library_for_films_there_is_no_mp4_file(
    client: Browser, done: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    response = client.get(done["links"]["timelapse"] + "?format=mp4")
    assert (response.status_code, response.json["code"]) == (422, "video_unavailable")
    assert (response.json["field"], "Retry-After" in response.headers) == ("format", False)
    assert "WebP" in response.json["detail"]
    assert client.get(done["links"]["timelapse"]).status_code == 200


def test_before_and_after_stand_side_by_side(client: Browser, done: dict[str, Any]) -> None:
    response = client.get(done["links"]["before_after"] + "?download=1")
    assert response.content_type == "image/jpeg"
    name = "cat-in-waves-before-after.jpg"
    assert response.headers["Content-Disposition"] == ATTACHED.format(name)
    both = opened(response.data)
    result = opened(client.get(done["links"]["result"]).data).convert("RGB")
    content = opened(client.get(done["links"]["content"]).data).convert("RGB")
    assert both.size == (2 * result.width, result.height)
    for place, expected in ((0, content.resize(result.size)), (result.width, result)):
        half = both.crop((place, 0, place + result.width, result.height))
        assert ImageStat.Stat(ImageChops.difference(half, expected)).mean < [6] * 3


def test_a_cached_result_has_a_film_too(client: Browser, done: dict[str, Any]) -> None:
    cached = client.post(JOBS, data=form()).json
    assert cached["cached"]
    film = Image.open(io.BytesIO(client.get(cached["links"]["timelapse"]).data))
    own = Image.open(io.BytesIO(client.get(done["links"]["timelapse"]).data))
    assert film.n_frames == own.n_frames  # type: ignore[attr-defined]
    steps = [frame["step"] for frame in client.get(cached["links"]["frames"]).json["frames"]]
    assert steps == [5, 10]
    with zipfile.ZipFile(io.BytesIO(client.get(cached["links"]["archive"]).data)) as archive:
        names = ["frames/000005.jpg", "frames/000010.jpg", "cat-in-waves.png"]
        assert archive.namelist() == names


def test_the_recipe_makes_the_same_again(client: Browser, house: House) -> None:
    options = {"size": "64", "seed": "7", "style_weight": "12345", "model": "vgg16"}
    job = client.post(JOBS, data=form(**options)).json
    house.work(finishes())
    answer = client.get(f"{JOBS}/{job['id']}/recipe")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="recipe.json"'
    kept = answer.json
    picture_file = client.get(f"{JOBS}/{job['id']}/result").data
    read = client.post("/api/v1/recipe", data={"image": upload(picture_file)})
    assert (read.status_code, read.content_type) == (200, "application/json")
    assert read.json == kept
    file = {"image": upload(answer.data, "recipe.json")}
    assert client.post("/api/v1/recipe", data=file).json == kept
    again = client.post(JOBS, data=form(preset=None, **kept["options"])).json
    assert again["options"] == job["options"]


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (encoded(picture(), "JPEG"), 422, "invalid_image"),
        (b"no picture", 415, "unsupported_image"),
        (CAT[:60], 422, "invalid_image"),
    ],
)
def test_pictures_without_a_recipe(client: Browser, data: bytes, status: int, code: str) -> None:
    response = client.post("/api/v1/recipe", data={"image": upload(data)})
    assert (response.status_code, response.json["code"]) == (status, code)
    assert response.json["field"] == "image"


def test_a_recipe_needs_a_picture(client: Browser) -> None:
    response = client.post("/api/v1/recipe", data={})
    assert (response.status_code, response.json["field"]) == (422, "image")


def test_a_recipe_that_somebody_made_up_is_refused(client: Browser) -> None:

    refused = client.post("/api/v1/recipe", data={"image": upload(b'{"options": 1}')})
    assert refused.status_code == 422
    for text in ("nonsense", json.dumps({"options": 1})):
        forged = image_writer.encode(picture(), "PNG", recipe=text)
        response = client.post("/api/v1/recipe", data={"image": upload(forged)})
        assert response.status_code == 422


def test_every_picture_is_marked_as_what_it_is(client: Browser, done: dict[str, Any]) -> None:
    for name in ("result", "content", "styles/0", "preview", "frames/5", "archive", "timelapse"):
        headers = client.get(f"{JOBS}/{done['id']}/{name}").headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Disposition"]
        assert headers["Content-Type"].startswith(("image/", "application/zip"))


def test_a_job_s_file_that_is_gone_is_not_found(client: Browser, house: House) -> None:
    job = client.post(JOBS, data=form()).json
    house.work(finishes())
    house.storage.delete(f"{job['id']}/")
    for name in ("result", "content", "styles/0", "recipe", "timelapse", "archive"):
        response = client.get(f"{JOBS}/{job['id']}/{name}")
        assert (response.status_code, response.json["code"]) == (404, "not_found"), name


# ── 16 bits per channel ───────────────────────────────────────────────────────────────────────


def finishes_with_16_bits(work: Work) -> News:
    """Finish as the engine's process does for an order with bit_depth 16."""
    say = finishes()
    assert callable(say)
    news = say(work)
    recipe = images.read_recipe(work.directory / RESULT)
    samples = np.asarray(picture(64, 48), dtype=np.uint16) * 257
    image_writer.save(samples, work.directory / RESULT, recipe=recipe, overwrite=True)
    assert isinstance(news, Finished)
    return news


def test_a_result_with_16_bits(client: Browser, house: House) -> None:
    job = client.post(JOBS, data=form(bit_depth="16")).json
    assert job["options"]["bit_depth"] == "16"
    house.work(paints(5), finishes_with_16_bits)
    links = client.get(f"{JOBS}/{job['id']}").json["links"]
    response = client.get(links["result"])
    assert (response.status_code, response.content_type) == (200, "image/png")
    *_, info = png.Reader(bytes=response.data).read()
    assert info["bitdepth"] == 16
    thumb = opened(client.get(links["result"] + "?thumb=1").data)
    assert (thumb.format, thumb.size) == ("JPEG", (64, 48))
    difference = np.asarray(thumb, dtype=float) - np.asarray(picture(64, 48))
    assert np.abs(difference).mean() < 4
    assert client.get(links["recipe"]).json["options"]["bit_depth"] == "16"
    assert opened(client.get(links["timelapse"]).data).size == (64, 48)


def test_other_bit_depths_are_refused(client: Browser) -> None:
    response = client.post(JOBS, data=form(bit_depth="12"))
    assert response.status_code == 422
    assert response.json["field"] == "bit_depth"
    assert "8, 16" in response.text


# ── steering ──────────────────────────────────────────────────────────────────────────────────


def test_what_was_steered_is_shown_and_can_be_sent_again(client: Browser, house: House) -> None:
    changes = (Change(4, {"strength": 0.8}), Change(6, {"strength": 0.9, "tv_weight": 2.0}))
    job = client.post(JOBS, data=form()).json
    house.work(paints(5), finishes(changes=changes, stopped_after=7))
    result = client.get(f"{JOBS}/{job['id']}").json["result"]
    assert result["stopped_after"] == 7
    assert result["changes"] == [
        {"step": 4, "values": {"strength": 0.8}},
        {"step": 6, "values": {"strength": 0.9, "tv_weight": 2.0}},
    ]
    fields = form(steer=["4:strength=0.8", "6:strength=0.9,tv_weight=2"], stop_after="7")
    again = client.post(JOBS, data=fields).json
    assert not again["cached"]  # a result exists only for the order without steering
    assert (again["changes"], again["stop_after"]) == (result["changes"], 7)
    order = house.repository.get(again["id"]).order
    assert (order.changes, order.stop_after) == (changes, 7)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("steer", "nonsense"),
        ("steer", "0:strength=0.5"),
        ("steer", "4:strength=5"),
        ("steer", "4:size=64"),
        ("stop_after", "0"),
        ("stop_after", "soon"),
        ("stop_after", "9" * 5000),
        ("passes", "9" * 5000),
    ],
)
def test_a_wrong_plan_is_refused(client: Browser, field: str, value: str) -> None:
    response = client.post(JOBS, data=form(**{field: value}))
    assert (response.status_code, response.json["code"]) == (422, "invalid_option")


def test_samples_are_known_by_their_bytes(client: Browser, house: House) -> None:
    fields = {"content_image": None, "style_image": None}
    samples = {"sample_content": "cat", "sample_style": "mosaic"}
    job = client.post(JOBS, data=form(**fields, **samples)).json
    assert job["pictures"]["content"]["sample"] == "cat"
    assert [style["sample"] for style in job["pictures"]["styles"]] == ["mosaic"]
    in_recipe = house.repository.get(job["id"]).order.in_recipe
    assert in_recipe["content"].path == "sample:cat"
    assert client.post(JOBS, data=form()).json["pictures"]["content"]["sample"] is None


def test_progress_is_the_share_of_the_work(client: Browser, house: House) -> None:
    job = client.post(JOBS, data=form()).json
    work = house.repository.claim_next("w", 60)
    assert work
    for seen, percent in ((progress(5, share=0.125), 12.5), (progress(5), 50.0)):
        house.repository.heartbeat(work.id, work.attempt, 60, seen)
        assert client.get(f"{JOBS}/{job['id']}").json["progress"]["percent"] == percent
