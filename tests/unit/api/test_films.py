"""Films over HTTP: accepted and refused uploads, frames during painting, results."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from cli.test_video import add_sound
from nst.engine_process.messages import Failed, Finished, News, Painted, Work
from nst.film_options import later_options
from nst.jobs.job import FILM, FIRST_FRAME, FRAMES, PREVIEW, JobError, JobStatus
from nst.settings.groups import Limits
from support.case_files import FILMS, case
from support.jobs import new_result
from support.pictures import encoded, picture
from support.service_in_process import (
    CAT,
    CRASH,
    WAVES,
    Browser,
    House,
    Line,
    ScriptedEngine,
    files_of,
    form,
    limited_to,
    progress,
    upload,
)
from unit.jobs.test_execute import run
from unit.video.films import grey, levels, write

JOBS = "/api/v1/jobs"
COUNT = 4


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a film of four frames of 64×48 pixels, 10 a second."""
    path = tmp_path_factory.mktemp("film") / "in.mp4"
    return write(path, [grey(level) for level in levels(COUNT)]).read_bytes()


@pytest.fixture
def client(house: House) -> Browser:
    return house.client()


def submitted(client: Browser, film: bytes, **fields: Any) -> dict[str, Any]:
    response = client.post(JOBS, data=form(content_image=upload(film, "holiday.mp4"), **fields))
    assert response.status_code == 202, response.text
    job: dict[str, Any] = response.json
    return job


def refused(client: Browser, data: bytes, status: int, **fields: Any) -> dict[str, Any]:
    response = client.post(JOBS, data=form(content_image=upload(data, "film.mp4"), **fields))
    assert response.status_code == status, response.text
    problem: dict[str, Any] = response.json
    return problem


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


# ── an engine that paints frames ──────────────────────────────────────────────────────────────


def paints_frame(number: int, count: int = COUNT) -> Line:
    def say(work: Work) -> News:
        name = f"{FRAMES}{number:06d}.png"
        (work.directory / FRAMES).mkdir(exist_ok=True)
        (work.directory / name).write_bytes(encoded(grey(10 * number), "PNG"))
        (work.directory / PREVIEW).write_bytes(encoded(grey(10 * number), "JPEG"))
        told = progress(5, 5, frame=number, share=number / count, preview_step=number)
        return Painted(told, [PREVIEW, name], has_checkpoint=True)

    return say


def film_result(work: Work, **facts: Any) -> Any:
    write(work.directory / FILM, [grey(level) for level in levels(COUNT)])
    (work.directory / FIRST_FRAME).write_bytes(encoded(picture(64, 48), "JPEG"))
    named = {"key": FILM, "content_type": "video/mp4", "first_frame": FIRST_FRAME, "frames": COUNT}
    return new_result(**(named | facts))


def finishes_film(status: JobStatus = JobStatus.SUCCEEDED) -> Line:
    return lambda work: Finished(status, film_result(work))


# ── accepted films ────────────────────────────────────────────────────────────────────────────


def test_a_film_is_the_content_of_a_job(client: Browser, house: House, film: bytes) -> None:
    job = submitted(client, film)
    assert job["film"] == {"frames": COUNT, "seconds": 0.4, "passes": 1}
    assert (job["title"], job["steerable"]) == ("holiday in waves", [])
    content = job["pictures"]["content"]
    assert (content["size"], content["format"]) == ([64, 48], "MP4")
    assert (job["links"]["recipe"], job["links"]["timelapse"]) == (None, None)
    sent = client.get(job["links"]["content"])
    assert (sent.content_type, sent.data) == ("video/mp4", film)
    thumb = client.get(f"{job['links']['content']}?thumb=1")
    assert (thumb.content_type, opened(thumb.data).size) == ("image/jpeg", (64, 48))
    assert abs(float(np.asarray(opened(thumb.data)).mean()) - levels(COUNT)[0]) < 3


def test_a_picture_is_no_film(client: Browser) -> None:
    job = client.post(JOBS, data=form()).json
    assert job["film"] is None


def test_a_film_of_an_earlier_job(client: Browser, film: bytes) -> None:
    job = submitted(client, film)
    again = client.post(JOBS, data=form(content_image=None, content_from=job["id"], seed="1"))
    assert again.json["film"] == job["film"]


@pytest.mark.parametrize("name", FILMS)
def test_films_that_people_have(client: Browser, name: str) -> None:
    expected = FILMS[name]
    job = submitted(client, case(name).read_bytes())
    assert job["film"]["frames"] == expected.frames
    assert job["film"]["seconds"] == pytest.approx(expected.seconds, abs=0.05)
    assert job["pictures"]["content"]["size"] == [*expected.size]


def test_options_tell_the_limits(tmp_path: Path) -> None:
    house = House(tmp_path, limits=limited_to(max_film_frames=7, max_film_seconds=2.5))
    limits = house.client().get("/api/v1/options").json["limits"]
    assert limits["max_film_frames"] == 7
    assert limits["max_film_seconds"] == 2.5
    assert limits["max_film_bytes"] == 50_000_000
    house.close()


# ── refused films ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (limited_to(max_film_frames=3), "the film has more than 3 frames"),
        (limited_to(max_film_seconds=0.3), "the film is longer than 0.3 s"),
        (limited_to(max_film_bytes=1000), "the film has more than 0.001 MB"),
        (limited_to(max_pixels=1000), "frames of 64×48 pixels have more than the 0.001 million"),
        (limited_to(max_pixel_steps_per_day=10_000_000), "4 frames at this size are more than"),
    ],
)
def test_a_film_beyond_a_limit(tmp_path: Path, film: bytes, limits: Limits, sentence: str) -> None:
    house = House(tmp_path, limits=limits)
    problem = refused(house.client(), film, 413, preset="gram")
    assert (problem["code"], problem["field"]) == ("too_large", "content_image")
    assert problem["detail"].startswith(sentence)
    assert house.repository.state().jobs[JobStatus.QUEUED] == 0
    house.close()


def test_where_no_films_are_taken(tmp_path: Path, film: bytes) -> None:
    house = House(tmp_path, limits=limited_to(max_film_frames=0))
    client = house.client()
    problem = refused(client, film, 415)
    assert problem["code"] == "unsupported_image"
    assert problem["detail"].startswith("this server takes no films; send a picture")
    assert client.post(JOBS, data=form()).status_code == 202
    house.close()


def song(path: Path, codec: str, cover: bool) -> bytes:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=48_000)
        assert isinstance(stream, av.AudioStream)
        if cover:
            pictures = container.add_stream("mjpeg", rate=1)
            assert isinstance(pictures, av.VideoStream)
            pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuvj420p"
            pictures.disposition = av.stream.Disposition.attached_pic
            frame = av.VideoFrame.from_image(picture(64, 48))  # type: ignore[no-untyped-call]
            container.mux(pictures.encode(frame))
            container.mux(pictures.encode())
        add_sound(container, stream, np.zeros(4800, np.int64))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "codec", "cover", "sentence"),
    [
        ("song.m4a", "aac", False, "send a video with at least one frame"),
        ("song.mp3", "mp3", False, "send a video with at least one frame"),
        ("cover.mp3", "mp3", True, "this file holds only a cover picture"),
    ],
)
def test_a_song_is_no_film(
    client: Browser, tmp_path: Path, name: str, codec: str, cover: bool, sentence: str
) -> None:
    problem = refused(client, song(tmp_path / name, codec, cover), 415)
    assert problem["code"] == "unsupported_image"
    assert sentence in problem["detail"]


DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "cut in the middle": lambda film: film[: len(film) // 2],
    "only its beginning": lambda film: film[:40],
    "zeros": lambda film: film[:40] + bytes(len(film) - 40),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_film(client: Browser, film: bytes, damage: str) -> None:
    problem = refused(client, DAMAGED[damage](film), 415)
    assert problem["code"] == "unsupported_image"
    assert problem["detail"].startswith("the film cannot be used; send a")
    assert "/tmp" not in problem["detail"]  # noqa: S108 - no path is told


def test_what_is_neither_film_nor_picture(client: Browser) -> None:
    problem = refused(client, b"Dear diary, today " * 20, 415)
    assert "is not a picture that can be read" in problem["detail"]


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{0}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {0}\n",
    ],
)
def test_a_list_of_files_opens_none_of_them(
    client: Browser, tmp_path: Path, film: bytes, text: str
) -> None:
    (tmp_path / "secret.mp4").write_bytes(film)
    problem = refused(client, text.format(tmp_path / "secret.mp4").encode(), 415)
    assert "is not a picture that can be read" in problem["detail"]


def test_a_film_is_no_style(client: Browser, film: bytes) -> None:
    response = client.post(JOBS, data=form(style_image=upload(film, "film.mp4")))
    assert (response.status_code, response.json["field"]) == (415, "style_image")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("style_mask", (CAT, "mask.png")),
        ("detail_map", (CAT, "map.png")),
        ("steer", "2:strength=0.9"),
        ("stop_after", "3"),
    ],
)
def test_what_belongs_to_single_pictures(
    client: Browser, film: bytes, field: str, value: Any
) -> None:
    sent = upload(*value) if isinstance(value, tuple) else value
    problem = refused(client, film, 422, **{field: sent})
    assert (problem["code"], problem["field"]) == ("invalid_option", field)
    assert "none with a film" in problem["detail"]


def test_options_without_effect_on_a_film_are_told(client: Browser, film: bytes) -> None:
    job = submitted(client, film, bit_depth="16", save_every="2", flourish="0.3")
    assert job["notices"] == [
        "bit_depth has no effect on a film",
        "save_every has no effect on a film",
    ]


# ── several passes ────────────────────────────────────────────────────────────────────────────


def test_passes_of_a_film(client: Browser, house: House, film: bytes) -> None:
    once, thrice = submitted(client, film), submitted(client, film, passes="3")
    assert (once["film"]["passes"], thrice["film"]["passes"]) == (1, 3)
    orders = [house.repository.get(job["id"]).order for job in (once, thrice)]
    first, later = orders[0].options.total_iterations, later_options(orders[0].options)
    assert [order.steps for order in orders] == [
        first + (passes * COUNT - 1) * later.total_iterations for passes in (1, 3)
    ]
    assert orders[0].fingerprint("1") != orders[1].fingerprint("1")


@pytest.mark.parametrize(
    ("fields", "allowed"),
    [
        ({"passes": "0"}, "from 1 to 9"),
        ({"passes": "10"}, "from 1 to 9"),
        ({"passes": "x"}, "from 1 to 9"),
        ({"passes": "2", "preset": "draft"}, "1 with a draft"),
    ],
)
def test_passes_that_a_film_cannot_have(
    client: Browser, film: bytes, fields: dict[str, str], allowed: str
) -> None:
    problem = refused(client, film, 422, **fields)
    assert problem["field"] == "passes"
    assert allowed in problem["detail"]


def test_a_picture_has_one_pass(client: Browser) -> None:
    assert client.post(JOBS, data=form(passes="1")).status_code == 202
    response = client.post(JOBS, data=form(passes="2"))
    assert (response.status_code, response.json["field"]) == (422, "passes")
    assert "only films have more" in response.json["detail"]


def test_the_engine_keeps_the_frames_that_it_repaints(
    client: Browser, house: House, film: bytes
) -> None:
    kept: list[bool] = []

    def look(work: Work) -> None:
        kept.append((work.directory / FRAMES / "000001.png").exists())

    for passes in ("1", "2"):
        submitted(client, film, passes=passes)
        house.work(paints_frame(1), look, finishes_film())
    assert kept == [False, True]


def test_a_film_cannot_be_steered(client: Browser, house: House, film: bytes) -> None:
    job = submitted(client, film)
    house.claim()
    response = client.post(f"{job['links']['self']}/steer", json={"strength": 0.9})
    assert (response.status_code, response.json["code"]) == (409, "job_conflict")


# ── while a film is painted ───────────────────────────────────────────────────────────────────


def test_frames_appear(client: Browser, house: House, film: bytes) -> None:
    job = submitted(client, film)
    seen: list[dict[str, Any]] = []

    def look(_: Work) -> None:
        seen.append(client.get(job["links"]["self"]).json)
        for frame in client.get(job["links"]["frames"]).json["frames"]:
            shown = client.get(frame["url"])
            assert shown.content_type == "image/png"
            assert opened(shown.data).getpixel((0, 0)) == (10 * frame["step"],) * 3

    house.work(paints_frame(1), look, paints_frame(2), look, CRASH)
    steps = [frame["step"] for frame in client.get(job["links"]["frames"]).json["frames"]]
    assert steps == [1, 2]
    preview = client.get(f"{job['links']['self']}/preview")
    assert (preview.status_code, preview.content_type) == (200, "image/jpeg")


def test_progress_by_frames(client: Browser, house: House, film: bytes) -> None:
    job = submitted(client, film)
    house.work(paints_frame(1), paints_frame(2), finishes_film())
    told = client.get(job["links"]["self"]).json["progress"]
    assert (told["frame"], told["step"], told["total_iterations"]) == (2, 5, 5)
    assert (told["percent"], told["preview_step"]) == (50.0, 2)


def test_another_worker_goes_on_from_the_frames(house: House, client: Browser, film: bytes) -> None:
    job = submitted(client, film)
    house.work(paints_frame(1), paints_frame(2), CRASH)
    assert house.repository.get(job["id"]).checkpoint == f"{job['id']}/{FRAMES}"
    found: list[str] = []

    def look(work: Work) -> None:
        found.extend(sorted(file.name for file in (work.directory / FRAMES).iterdir()))

    done = run(house, ScriptedEngine([look, paints_frame(3), finishes_film()]))
    assert (done.status, done.attempt) == (JobStatus.SUCCEEDED, 2)
    assert found == ["000001.png", "000002.png"]


def test_frames_of_an_attempt_without_a_checkpoint_are_not_gone_on_from(
    house: House, client: Browser, film: bytes
) -> None:
    job = submitted(client, film)
    house.storage.put(f"{job['id']}/{FRAMES}000001.png", b"of another run")

    def look(work: Work) -> None:
        assert not (work.directory / FRAMES).exists()

    assert house.work(look, finishes_film()).status is JobStatus.SUCCEEDED


# ── the result ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def done(client: Browser, house: House, film: bytes) -> dict[str, Any]:
    job = submitted(client, film)
    house.work(paints_frame(1), finishes_film())
    seen: dict[str, Any] = client.get(job["links"]["self"]).json
    return seen


def test_the_result_is_an_mp4(client: Browser, done: dict[str, Any]) -> None:
    assert done["status"] == "succeeded"
    assert (done["result"]["content_type"], done["result"]["frames"]) == ("video/mp4", COUNT)
    response = client.get(f"{done['links']['result']}?download=1")
    assert (response.status_code, response.content_type) == (200, "video/mp4")
    assert "holiday-in-waves.mp4" in response.headers["Content-Disposition"]
    with av.open(io.BytesIO(response.data), "r") as container:
        assert len(list(container.decode(video=0))) == COUNT
    part = client.get(done["links"]["result"], headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.data) == (206, b"ftyp")


def test_a_film_is_not_converted(client: Browser, done: dict[str, Any]) -> None:
    response = client.get(f"{done['links']['result']}?format=webp")
    assert (response.status_code, response.json["field"]) == (422, "format")
    assert "none for a film" in response.json["detail"]


def test_a_stopped_film_goes_on_from_its_frames(client: Browser, house: House, film: bytes) -> None:
    job = submitted(client, film)
    house.work(paints_frame(1), paints_frame(2), finishes_film(JobStatus.CANCELED))
    stopped = client.get(job["links"]["self"]).json
    assert (stopped["status"], stopped["can_resume"]) == ("canceled", True)
    assert client.post(f"{job['links']['self']}/resume").status_code == 202
    found: list[str] = []

    def look(work: Work) -> None:
        found.extend(sorted(file.name for file in (work.directory / FRAMES).iterdir()))

    assert house.work(look, finishes_film()).status is JobStatus.SUCCEEDED
    assert found == ["000001.png", "000002.png"]
    assert [name for name in files_of(house, job["id"]) if name.startswith(FRAMES)] == []


def test_its_thumbnail_is_its_first_frame(client: Browser, done: dict[str, Any]) -> None:
    response = client.get(f"{done['links']['result']}?thumb=1")
    assert (response.content_type, opened(response.data).size) == ("image/jpeg", (64, 48))


def test_frames_go_when_the_film_is_there(
    house: House, client: Browser, done: dict[str, Any]
) -> None:
    assert [name for name in files_of(house, done["id"]) if name.startswith(FRAMES)] == []
    assert client.get(done["links"]["frames"]).json == {"frames": []}
    archive = client.get(done["links"]["archive"])
    with zipfile.ZipFile(io.BytesIO(archive.data)) as found:
        assert found.namelist() == ["holiday-in-waves.mp4"]


def test_a_film_has_no_recipe_and_no_timelapse(client: Browser, done: dict[str, Any]) -> None:
    for name in ("recipe", "timelapse"):
        assert client.get(f"{done['links']['self']}/{name}").status_code == 404


def test_the_same_order_again_has_the_film_at_once(
    client: Browser, house: House, done: dict[str, Any], film: bytes
) -> None:
    again = client.post(JOBS, data=form(content_image=upload(film, "trip.mp4"))).json
    assert (again["status"], again["cached"]) == ("succeeded", True)
    client.delete(done["links"]["self"])
    assert client.get(again["links"]["result"]).data[4:8] == b"ftyp"
    assert client.get(f"{again['links']['result']}?thumb=1").status_code == 200


def test_a_late_error_keeps_the_frames_so_far(client: Browser, house: House, film: bytes) -> None:
    job = submitted(client, film)
    error = JobError(code="out_of_memory", message="try a smaller size")
    house.work(paints_frame(1), lambda work: Failed(error, film_result(work, frames=1)))
    seen = client.get(job["links"]["self"]).json
    assert (seen["status"], seen["error"]["code"]) == ("failed", "out_of_memory")
    assert seen["result"]["frames"] == 1
    assert client.get(seen["links"]["result"]).content_type == "video/mp4"


def test_a_shared_film(client: Browser, house: House, done: dict[str, Any]) -> None:
    link = client.post(f"{done['links']['self']}/shares", json={}).json["url"]
    token = link.rpartition("/")[2]
    shared = house.client().get(f"/api/v1/shared/{token}").json
    assert shared["result"]["content_type"] == "video/mp4"
    stranger = house.client()
    assert stranger.get(shared["links"]["result"]).content_type == "video/mp4"
    content = stranger.get(shared["links"]["content"])
    assert (content.content_type, opened(content.data).format) == ("image/jpeg", "JPEG")


def test_the_classic_routes_serve_a_film(client: Browser, house: House, film: bytes) -> None:
    files = {"content_image": upload(film, "a.mp4"), "style_image": upload(WAVES, "b.png")}
    task = client.post("/api/style_transfer", data=files).json["task_id"]
    shown: list[int] = []

    def look(_: Work) -> None:
        images = client.get(f"/api/task_status/{task}").json["images"]
        shown.extend(client.get(url).status_code for url in images)

    house.work(paints_frame(1), look, finishes_film())
    assert shown == [200]
    assert client.get(f"/api/download/{task}").content_type == "video/mp4"
