"""Requests of people about jobs, on SQLite, a folder and a queue in memory."""

import io
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nst.engine_process.messages import Failed, News, Painted, Work
from nst.errors import (
    ImageTooLarge,
    InvalidImage,
    InvalidOption,
    JobConflict,
    JobNotFound,
    NSTError,
    QueueError,
    QueueFull,
    RepositoryError,
    StorageError,
    StorageFull,
    TooManyRequests,
)
from nst.jobs.following import VisibleJob
from nst.jobs.job import JobError, JobStatus
from nst.jobs.uploads import MAX_STYLES, Upload, clean_name
from nst.presets import PRESETS
from nst.recipe import Recipe
from support.pictures import encoded, picture
from support.service_in_process import (
    CAT,
    CRASH,
    WAVES,
    House,
    files_of,
    finishes,
    limited_to,
    paints,
    progress,
)
from support.waiting import PATIENCE_SECONDS

Change = Callable[[], None]

# ── submit ────────────────────────────────────────────────────────────────────────────────────


def test_a_new_job_is_queued_and_its_pictures_are_stored(house: House) -> None:
    mask = Upload(CAT, "mask.png")
    job = house.submit(styles=[Upload(WAVES, "a.png"), Upload(CAT, "b.png")], masks=[None, mask])
    assert (job.status, job.owner, job.attempt) == (JobStatus.QUEUED, "anna", 0)
    assert job == house.repository.get(job.id)
    assert files_of(house, job.id) == ["content", "mask-1", "style-0", "style-1"]
    assert house.storage.get(f"{job.id}/content") == CAT
    assert house.storage.get(f"{job.id}/style-0") == WAVES
    delivery = house.queue.receive(0)
    assert delivery
    assert delivery.job_id == job.id


def test_trace_goes_with_the_job_and_its_message(house: House) -> None:
    trace = {"traceparent": "00-1-2-01"}
    assert house.submit(trace=trace).trace == trace
    delivery = house.queue.receive(0)
    assert delivery
    assert delivery.trace == trace


@pytest.mark.parametrize("count", [0, MAX_STYLES + 1])
def test_one_to_eight_styles(house: House, count: int) -> None:
    with pytest.raises(InvalidOption) as caught:
        house.submit(styles=[Upload(WAVES, "x.png")] * count)
    assert caught.value.field == "style_image"


def test_no_more_masks_than_styles(house: House) -> None:
    with pytest.raises(InvalidOption) as caught:
        house.submit(masks=[None, Upload(CAT, "mask.png")])
    assert caught.value.field == "style_mask"


def test_a_detail_map_is_stored_and_can_be_taken_for_another_job(house: House) -> None:
    detail_map = Upload(CAT, "detail.png")
    job = house.submit(detail_map=detail_map)
    assert files_of(house, job.id) == ["content", "detail-map", "style-0"]
    assert house.storage.get(f"{job.id}/detail-map") == CAT
    assert house.jobs.detail_map("anna", job.id) == detail_map
    with pytest.raises(JobNotFound):
        house.jobs.detail_map("ben", job.id)


def test_a_job_without_a_detail_map_has_none_to_take(house: House) -> None:
    with pytest.raises(InvalidOption, match="a job that has a detail map") as caught:
        house.jobs.detail_map("anna", house.submit().id)
    assert caught.value.field == "detail_map_from"


def test_a_damaged_detail_map_is_named(house: House) -> None:
    with pytest.raises(InvalidImage) as caught:
        house.submit(detail_map=Upload(CAT[:-40], "detail.png"))
    assert caught.value.role == "detail map"


def test_a_draft_keeps_no_detail(house: House) -> None:
    draft = {"init_method": "draft", "total_iterations": 0}
    with pytest.raises(InvalidOption, match="no detail map with a draft") as caught:
        house.submit(detail_map=Upload(CAT, "detail.png"), options=draft)
    assert caught.value.field == "detail_map"
    with pytest.raises(InvalidOption, match="none with a draft") as caught:
        house.submit(options=draft | {"protect": "faces"})
    assert caught.value.field == "protect"


def test_as_many_shares_as_styles(house: House) -> None:
    with pytest.raises(InvalidOption, match="as many shares as styles, here 1") as caught:
        house.submit(options={"style_blend": "0.7,0.3"})
    assert caught.value.field == "style_blend"


def test_size_is_limited(tmp_path: Path) -> None:
    house = House(tmp_path, limited_to(max_size=100))
    with pytest.raises(InvalidOption, match="at most 100 on this server"):
        house.submit(options={"size": 101})
    house.submit(options={"size": 100})
    house.close()


def test_pixels_are_limited_before_anything_is_decoded(tmp_path: Path) -> None:
    house = House(tmp_path, limited_to(max_pixels=64 * 48 - 1))
    with pytest.raises(ImageTooLarge, match="64×48 pixels are more than"):
        house.submit()
    house.close()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "GIF", "BMP"])
def test_the_content_says_the_format_and_not_the_name(house: House, kind: str) -> None:
    job = house.submit(content=Upload(encoded(picture(), kind), "cat.exe"))
    assert job.order.content.content_type == f"image/{kind.lower()}"
    assert job.order.content.size == (64, 48)


def test_a_picture_that_would_become_too_narrow_is_refused_at_once(house: House) -> None:
    narrow = Upload(encoded(picture(16, 400), "PNG"), "narrow.png")
    with pytest.raises(InvalidImage, match=r"too few.*; give a size of at least 400"):
        house.submit(content=narrow, options={"size": 64})
    house.submit(content=narrow, options={"size": 400})


@pytest.mark.parametrize(
    ("where", "level", "words"),
    [
        ("masks", 0, "mask image: it is black everywhere; make it white"),
        ("masks", 9, "mask image: it is black everywhere; make it white"),
        ("detail_map", 0, "detail map image: it is black everywhere; make it white"),
        ("detail_map", 90, "detail map image: it is equally bright everywhere; leave it out"),
        ("styles", 90, "style image: it has one colour everywhere"),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_what_marks_nothing_and_has_no_texture_is_refused_at_once(
    house: House, where: str, level: int, words: str, kind: str
) -> None:
    plain = Upload(encoded(Image.new("L", (64, 48), level), kind), "plain")
    given: dict[str, Any] = {where: plain if where == "detail_map" else [plain]}
    with pytest.raises(InvalidImage, match=words):
        house.submit(**given)
    if where == "styles":
        house.submit(**given, options={"style_loss": "gram"})


@pytest.mark.parametrize("where", ["masks", "detail_map"])
def test_a_mask_of_another_shape_is_refused_at_once(house: House, where: str) -> None:
    square = Upload(encoded(picture(40, 40), "PNG"), "square.png")
    given: dict[str, Any] = {where: [square] if where == "masks" else square}
    with pytest.raises(InvalidImage, match="40×40 pixels have another shape than the content's"):
        house.submit(**given)


def test_what_was_refused_leaves_nothing(house: House) -> None:
    with pytest.raises(InvalidImage):
        house.submit(styles=[Upload(b"no picture", "x.png")])
    assert house.storage.directories() == []
    assert house.jobs.list("anna", status=None, limit=10, before=None) == []


def test_names_are_for_people_only(house: House) -> None:
    job = house.submit(content=Upload(CAT, "../../etc/<b>cat</b>\x00.png"))
    assert job.order.content.name == "b_.png"
    assert files_of(house, job.id) == ["content", "style-0"]


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("cat.jpg", "cat.jpg"),
        ("/etc/passwd", "passwd"),
        (r"C:\pictures\cat.jpg", "cat.jpg"),
        ("../..", "content"),
        ("", "content"),
        ("a\x00b\r\nc.jpg", "a_b_c.jpg"),
        ("猫 ñ.png", "猫 ñ.png"),
        ('"><script>.png', "_script_.png"),
        ("x" * 300 + ".png", "x" * 76 + ".png"),
        (".htaccess", "htaccess"),
    ],
)
def test_clean_names(name: str, clean: str) -> None:
    assert clean_name(name, "content") == clean


def test_without_the_queue_a_job_waits_all_the_same(house: House) -> None:
    class Broken:
        def publish(self, job_id: str, trace: Mapping[str, str]) -> None:
            raise QueueError("no broker")

    house.jobs._queue = Broken()  # type: ignore[assignment]
    job = house.submit()
    assert house.claim().id == job.id


def test_a_full_disk_leaves_no_half_job(house: House) -> None:
    put = house.storage.put

    def put_until_full(key: str, data: bytes | Path) -> None:
        if key.endswith("style-0"):
            raise StorageFull(Path(key), "there is no space left")
        put(key, data)

    house.storage.put = put_until_full  # type: ignore[method-assign]
    with pytest.raises(StorageFull):
        house.submit()
    assert house.storage.directories() == []


# ── repeated orders ───────────────────────────────────────────────────────────────────────────


def test_same_key_same_job(house: House) -> None:
    first = house.submit(idempotency_key="k")
    assert house.submit(idempotency_key="k") == first
    assert house.storage.directories() == [first.id]


def test_same_key_same_job_of_an_earlier_version(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the API is upgraded, a request may be sent again to the newer version."""
    first = house.submit(idempotency_key="k")
    monkeypatch.setattr("nst.__version__", "99.0")
    assert house.submit(idempotency_key="k") == first


def test_same_key_other_order_is_a_conflict(house: House) -> None:
    house.submit(idempotency_key="k")
    with pytest.raises(JobConflict, match="belongs to another order"):
        house.submit(idempotency_key="k", options={"seed": 7})
    assert len(house.storage.directories()) == 1


def test_keys_belong_to_their_owners(house: House) -> None:
    anna = house.submit("anna", idempotency_key="k")
    assert house.submit("ben", idempotency_key="k").id != anna.id


def test_a_repeated_request_is_not_refused_because_of_limits(tmp_path: Path) -> None:
    house = House(tmp_path, limited_to(max_jobs_per_client=1, max_queued=1))
    first = house.submit(idempotency_key="k")
    assert house.submit(idempotency_key="k") == first
    house.close()


def test_the_same_request_from_many_threads_makes_one_job(house: House) -> None:
    ids: set[str] = set()

    def submit() -> None:
        ids.add(house.submit(idempotency_key="k").id)

    threads = [threading.Thread(target=submit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert house.storage.directories() == list(ids)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_request_that_arrives_twice_at_once_is_charged_once(
    house: House, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    taken = amounts_taken(house, monkeypatch)
    first = house.submit(idempotency_key="k", options={"size": 64, "seed": 1})
    charged = dict(taken)
    assert charged == {"work": WORK, "bytes": len(CAT) + len(WAVES)}
    # The first request is stored only after the second has looked for it.
    monkeypatch.setattr(house.repository, "find_submitted", lambda *_: None)
    if seed == 1:
        assert house.submit(idempotency_key="k", options={"size": 64, "seed": 1}) == first
    else:
        with pytest.raises(JobConflict):
            house.submit(idempotency_key="k", options={"size": 64, "seed": seed})
    assert taken == charged
    assert house.storage.directories() == [first.id]


def test_an_earlier_result_is_the_result(house: House) -> None:
    first = house.submit()
    house.work(paints(5), finishes())
    again = house.submit(options={})
    assert (again.status, again.cached) == (JobStatus.SUCCEEDED, True)
    assert again.result
    assert again.result.key == f"{again.id}/result.png"
    assert house.storage.get(again.result.key) == house.storage.get(f"{first.id}/1-result.png")
    house.jobs.delete("anna", first.id)
    assert house.storage.get(again.result.key)


def test_the_recipe_of_an_earlier_result_has_the_names_of_the_order(house: House) -> None:
    first = house.submit()
    house.work(finishes())
    again = house.submit(content=Upload(CAT, "my secret cat.png"))
    assert again.cached
    assert again.result
    picture = house.storage.get(again.result.key)
    recipe = Recipe.read(picture)
    assert (recipe.content.path, recipe.styles[0].path) == ("my secret cat.png", "waves.png")
    before = house.storage.get(f"{first.id}/1-result.png")
    assert recipe.options == Recipe.read(before).options
    assert b"cat.png" in before
    assert picture.count(b"cat.png") == 1  # only the new name, which ends with it
    assert decoded(picture).tobytes() == decoded(before).tobytes()


def decoded(picture: bytes) -> Image.Image:
    return Image.open(io.BytesIO(picture)).convert("RGB")


def test_nobody_gets_the_result_of_somebody_else(house: House) -> None:
    """Nobody learns that such a result exists."""
    house.submit("anna", content=Upload(CAT, "anna.png"))
    house.work(finishes())
    other = house.submit("ben")
    assert (other.status, other.cached) == (JobStatus.QUEUED, False)
    done = house.work(finishes())
    assert done.result
    assert b"anna" not in house.storage.get(done.result.key)
    assert "anna" not in done.model_dump_json()


@pytest.mark.parametrize(
    ("before", "later", "is_cached"),
    [
        ({"weights_sha256": "1" * 64}, {"weights_sha256": "1" * 64}, True),
        ({"weights_sha256": "1" * 64}, {"weights_sha256": "2" * 64}, False),
        ({"model": "vgg19"}, {"weights_sha256": "1" * 64}, False),
    ],
)
def test_a_result_of_other_weights_is_painted_anew(
    house: House, before: dict[str, Any], later: dict[str, Any], is_cached: bool
) -> None:
    """Better weights have come since, or the model fell back to another one."""
    house.submit()
    house.work(finishes(**before))
    house.submit("ben", options={"seed": 1})
    house.work(finishes(**later))
    assert house.submit().cached is is_cached


def test_a_draft_does_not_make_other_results_old(house: House) -> None:
    house.submit()
    house.work(finishes())
    house.submit("ben", options={"seed": 1})
    house.work(finishes(steps=0, weights_sha256="3" * 64))
    assert house.submit().cached


def test_results_that_were_steered_or_canceled_are_no_answer_to_others(house: House) -> None:
    house.submit()
    job = house.claim()
    house.jobs.steer("anna", job.id, {"style_weight": 1.0})
    house.repository.give_back(job.id, 1)
    house.work(finishes())
    assert house.submit().status is JobStatus.QUEUED
    house.work(finishes(JobStatus.CANCELED))
    assert house.submit().status is JobStatus.QUEUED


def test_a_result_whose_file_is_gone_is_painted_anew(house: House) -> None:
    first = house.submit()
    house.work(finishes())
    house.storage.delete(f"{first.id}/")
    assert house.submit().status is JobStatus.QUEUED


@pytest.mark.parametrize(("name", "call"), [("cat.png", "copy"), ("another name.png", "get")])
def test_a_result_that_the_storage_does_not_copy_is_painted_anew(
    house: House, monkeypatch: pytest.MonkeyPatch, name: str, call: str
) -> None:
    """Otherwise its owner could not submit the order again until the result expires."""
    house.submit()
    done = house.work(finishes())
    refused: list[str] = []

    def refuse(key: str, *_: object) -> None:
        refused.append(key)
        raise StorageError(Path(key), "permission denied")

    monkeypatch.setattr(house.storage, call, refuse)
    again = house.submit(content=Upload(CAT, name))
    assert (again.status, again.cached) == (JobStatus.QUEUED, False)
    assert done.result
    assert refused == [done.result.key]


# ── limits ────────────────────────────────────────────────────────────────────────────────────


def test_jobs_of_one_owner_are_limited_until_some_are_finished(tmp_path: Path) -> None:
    house = House(tmp_path, limited_to(max_jobs_per_client=2))
    for seed in (1, 2):
        house.submit(options={"seed": seed})
    with pytest.raises(TooManyRequests, match="2 of your jobs are not finished yet"):
        house.submit(options={"seed": 3})
    house.submit("ben", options={"seed": 3})
    house.work(finishes())
    house.submit(options={"seed": 4})
    house.close()


def test_the_queue_is_limited_for_everybody(tmp_path: Path) -> None:
    house = House(tmp_path, limited_to(max_queued=1))
    house.submit()
    with pytest.raises(QueueFull):
        house.submit("ben", options={"seed": 1})
    house.close()


def test_bytes_of_a_day_are_limited_per_client(tmp_path: Path) -> None:
    house = House(tmp_path, limited_to(max_bytes_per_day=len(CAT) + len(WAVES)))
    house.submit("anna", client="1.2.3.4")
    with pytest.raises(TooManyRequests) as caught:
        house.submit("a new cookie", client="1.2.3.4", options={"seed": 1})
    assert 86_000 < caught.value.retry_after_seconds <= 86_400
    house.submit("ben", client="5.6.7.8")
    house.close()


WORK = 64 * 48 * PRESETS["fast"]["total_iterations"]
"""Pixels × steps of the job that a house submits with size 64."""


def test_an_order_with_an_earlier_result_costs_no_work(tmp_path: Path) -> None:
    house = House(tmp_path, limited_to(max_pixel_steps_per_day=WORK))
    house.submit(options={"size": 64})
    house.work(finishes())
    assert house.submit(options={"size": 64}).cached
    with pytest.raises(TooManyRequests, match=r"exceed the [\d,]+ pixels × steps of a day"):
        house.submit(options={"size": 64, "seed": 1})
    house.close()


def test_a_retry_that_is_a_conflict_costs_no_work(tmp_path: Path) -> None:
    house = House(tmp_path, limited_to(max_pixel_steps_per_day=2 * WORK))
    queued = house.submit(options={"size": 64})
    for _ in range(3):
        with pytest.raises(JobConflict):
            house.jobs.retry("anna", queued.id)
    house.jobs.cancel("anna", queued.id)
    assert house.jobs.retry("anna", queued.id).status is JobStatus.QUEUED
    house.close()


def test_an_order_that_is_refused_costs_no_bytes(tmp_path: Path) -> None:
    size_bytes = len(CAT) + len(WAVES)
    limits = limited_to(max_pixel_steps_per_day=WORK, max_bytes_per_day=2 * size_bytes)
    house = House(tmp_path, limits)
    house.submit("anna", client="1.2.3.4", options={"size": 64})
    for seed in (1, 2):
        with pytest.raises(TooManyRequests, match="pixels × steps"):
            house.submit("anna", client="1.2.3.4", options={"size": 64, "seed": seed})
    house.work(finishes())
    house.quota.take_bytes("1.2.3.4", size_bytes, limits.max_bytes_per_day)
    with pytest.raises(TooManyRequests, match=r"this would exceed the [\d.e-]+ MB of a day"):
        house.submit("anna", client="1.2.3.4", options={"size": 64})
    assert len(house.storage.directories()) == 1
    house.close()


@pytest.mark.parametrize("name", ["cat.png", f"{'a longer name ' * 6}.png"])
def test_the_copies_of_an_earlier_result_count_as_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The renamed copy is larger than the earlier result, because of its recipe."""
    house = House(tmp_path)
    house.submit()
    house.work(paints(1), paints(2), finishes())
    taken = amounts_taken(house, monkeypatch)
    again = house.submit(content=Upload(CAT, name))
    assert again.cached
    stored = house.storage.list(f"{again.id}/")
    assert len(stored) == 5
    assert taken == {"bytes": sum(file.size_bytes for file in stored)}
    house.close()


def amounts_taken(house: House, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return a counter of what clients consume from now on, by kind."""
    taken: Counter[str] = Counter()
    take = house.quota.limiter.take

    def record(what: str, client: str, amount: int, *rest: int) -> int:
        wait = take(what, client, amount, *rest)
        if not wait:
            taken[what] += amount
        return wait

    monkeypatch.setattr(house.quota.limiter, "take", record)
    return taken


@pytest.mark.parametrize("left", [0, len(CAT) + len(WAVES)])
def test_an_order_that_is_refused_for_its_bytes_copies_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    """A small upload must not make the storage copy hundreds of files, uncounted."""
    house = House(tmp_path, limited_to(max_bytes_per_day=1_000_000))
    first = house.submit(client="1.2.3.4")
    house.work(paints(1), paints(2), finishes())
    used = len(CAT) + len(WAVES)
    house.quota.take_bytes("1.2.3.4", 1_000_000 - used - left, 1_000_000)
    copies: list[str] = []
    monkeypatch.setattr(house.storage, "copy", lambda source, _: copies.append(source))
    with pytest.raises(TooManyRequests, match="exceed the 1 MB of a day"):
        house.submit(client="1.2.3.4")
    assert copies == []
    assert house.storage.directories() == [first.id]
    house.close()


@pytest.mark.parametrize("error", [StorageFull(Path("x"), "full"), RepositoryError("gone")])
def test_an_order_that_fails_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: NSTError
) -> None:
    size_bytes = len(CAT) + len(WAVES)
    limits = limited_to(max_pixel_steps_per_day=WORK, max_bytes_per_day=size_bytes)
    house = House(tmp_path, limits)

    def fail(*_: object) -> None:
        raise error

    port = house.repository if isinstance(error, RepositoryError) else house.storage
    with monkeypatch.context() as patch:
        patch.setattr(port, "add" if port is house.repository else "put", fail)
        for _ in range(2):
            with pytest.raises(type(error)):
                house.submit("anna", client="1.2.3.4", options={"size": 64})
    house.submit("anna", client="1.2.3.4", options={"size": 64})
    house.close()


def test_an_order_that_is_refused_for_its_bytes_costs_no_work(tmp_path: Path) -> None:
    limits = limited_to(max_pixel_steps_per_day=WORK, max_bytes_per_day=len(CAT) + len(WAVES))
    house = House(tmp_path, limits)
    larger = Upload(encoded(picture(64, 64), "PNG"), "larger.png")
    with pytest.raises(TooManyRequests, match=r"exceed the [\d.e-]+ MB of a day"):
        house.submit("anna", client="1.2.3.4", options={"size": 48}, content=larger)
    house.submit("anna", client="1.2.3.4", options={"size": 64})
    house.close()


def test_a_retry_that_is_a_conflict_in_the_last_moment_costs_no_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path, limited_to(max_pixel_steps_per_day=2 * WORK))
    job = house.submit(options={"size": 64})
    house.jobs.cancel("anna", job.id)

    def conflict(job_id: str) -> None:
        raise JobConflict(job_id, "another request has just retried it")

    with monkeypatch.context() as patch:
        patch.setattr(house.repository, "retry", conflict)
        for _ in range(2):
            with pytest.raises(JobConflict):
                house.jobs.retry("anna", job.id)
    assert house.jobs.retry("anna", job.id).status is JobStatus.QUEUED
    house.close()


def test_retrying_is_limited_too(tmp_path: Path) -> None:
    house = House(tmp_path, limited_to(max_jobs_per_client=1))
    first = house.submit()
    house.jobs.cancel("anna", first.id)
    house.submit(options={"seed": 1})
    with pytest.raises(TooManyRequests):
        house.jobs.retry("anna", first.id)
    house.close()


# ── owners ────────────────────────────────────────────────────────────────────────────────────


def test_jobs_of_others_do_not_exist(house: House) -> None:
    job = house.submit()
    house.work(finishes())
    jobs = house.jobs
    forbidden: list[Callable[[], Any]] = [
        lambda: jobs.get("ben", job.id),
        lambda: jobs.cancel("ben", job.id),
        lambda: jobs.retry("ben", job.id),
        lambda: jobs.resume("ben", job.id),
        lambda: jobs.steer("ben", job.id, {}),
        lambda: jobs.delete("ben", job.id),
        lambda: jobs.uploads("ben", job.id),
        lambda: jobs.events("ben", job.id, poll_seconds=1, lifetime_seconds=1),
        lambda: jobs.share("ben", job.id, "token", 1),
        lambda: jobs.shares("ben", job.id),
        lambda: jobs.unshare("ben", job.id, "share"),
    ]
    for attempt in forbidden:
        with pytest.raises(JobNotFound):
            attempt()
    assert jobs.list("ben", status=None, limit=10, before=None) == []
    assert jobs.get("anna", job.id).status is JobStatus.SUCCEEDED


# ── cancel, steer, retry, delete ──────────────────────────────────────────────────────────────


def test_cancel_a_queued_job(house: House) -> None:
    job = house.submit()
    assert house.jobs.cancel("anna", job.id).status is JobStatus.CANCELED
    assert house.jobs.cancel("anna", job.id).status is JobStatus.CANCELED
    assert house.repository.claim_next("worker", 30) is None


def test_cancel_a_running_job_asks_it_to_stop(house: House) -> None:
    house.submit()
    job = house.claim()
    canceled = house.jobs.cancel("anna", job.id)
    assert (canceled.status, canceled.cancel_requested) == (JobStatus.RUNNING, True)


def test_a_finished_job_cannot_be_canceled(house: House) -> None:
    job = house.submit()
    house.work(finishes())
    with pytest.raises(JobConflict, match="nothing is left to stop"):
        house.jobs.cancel("anna", job.id)


def test_steering_adds_up(house: House) -> None:
    house.submit()
    job = house.claim()
    house.jobs.steer("anna", job.id, {"style_weight": 1e5})
    steered = house.jobs.steer("anna", job.id, {"tv_weight": 2})
    assert steered.steering == {"style_weight": 1e5, "tv_weight": 2.0}


@pytest.mark.parametrize("wrong", [{"style_weight": -1}, {"size": 100}, {"nonsense": 1}])
def test_wrong_steering_names_the_option(house: House, wrong: dict[str, float]) -> None:
    house.submit()
    job = house.claim()
    with pytest.raises(InvalidOption) as caught:
        house.jobs.steer("anna", job.id, wrong)
    assert caught.value.field in wrong
    assert house.repository.get(job.id).steering == {}


def test_only_running_jobs_are_steered(house: House) -> None:
    job = house.submit()
    with pytest.raises(JobConflict, match="only a running job"):
        house.jobs.steer("anna", job.id, {"style_weight": 1.0})


def test_a_stopped_job_goes_on_from_its_checkpoint(house: House) -> None:
    job = house.submit()
    stopped = house.work(paints(5, checkpoint=b"state"), finishes(JobStatus.CANCELED, steps=5))
    assert stopped.can_resume
    again = house.jobs.resume("anna", job.id)
    assert (again.status, again.result) == (JobStatus.QUEUED, None)
    states = []

    def looks(work: Work) -> News:
        states.append((work.directory / "checkpoint").read_bytes())
        return Painted(progress(6))

    done = house.work(looks, finishes())
    assert (done.status, done.attempt, states) == (JobStatus.SUCCEEDED, 2, [b"state"])
    frames = [f"frames/{5:06d}.jpg"]
    assert [name for name in files_of(house, job.id) if "checkpoint" in name] == []
    assert [name for name in files_of(house, job.id) if "frames" in name] == frames


def test_retry_begins_from_the_beginning(house: House) -> None:
    job = house.submit()
    error = JobError(code="out_of_memory", message="too large")
    house.work(paints(5, checkpoint=b"state"), Failed(error))
    again = house.jobs.retry("anna", job.id)
    assert (again.status, again.error, again.progress) == (JobStatus.QUEUED, None, None)
    assert (again.checkpoint, again.failed_attempts, again.started_at) == (None, 0, None)
    done = house.work(finishes())
    assert (done.status, done.attempt) == (JobStatus.SUCCEEDED, 2)


@pytest.mark.parametrize("state", ["queued", "running", "succeeded"])
def test_only_failed_and_canceled_jobs_are_tried_again(house: House, state: str) -> None:
    job = house.submit()
    if state == "running":
        house.claim()
    if state == "succeeded":
        house.work(finishes())
    with pytest.raises(JobConflict, match=f"this is {state}"):
        house.jobs.retry("anna", job.id)


@pytest.mark.parametrize("state", ["queued", "running", "succeeded"])
def test_delete_leaves_nothing(house: House, state: str) -> None:
    job = house.submit()
    if state == "running":
        house.claim()
    if state == "succeeded":
        house.work(paints(5), finishes())
    house.jobs.delete("anna", job.id)
    with pytest.raises(JobNotFound):
        house.jobs.get("anna", job.id)
    assert house.storage.directories() == []
    assert list((house.directory / "pictures").iterdir()) == []


# ── events ────────────────────────────────────────────────────────────────────────────────────


def events(
    house: House, job_id: str, seconds: float = PATIENCE_SECONDS
) -> Generator[VisibleJob | None]:
    found = house.jobs.events("anna", job_id, poll_seconds=0.05, lifetime_seconds=seconds)
    assert isinstance(found, Generator)
    return found


def test_events_begin_with_what_there_is_and_end_with_the_job(house: House) -> None:
    job = house.submit()
    stream = events(house, job.id)
    first = next(stream)
    assert first
    assert (first.job.status, first.place_in_queue) == (JobStatus.QUEUED, 1)
    house.work(paints(1), paints(2), finishes())
    seen = [one for one in stream if one]
    assert seen[-1].job.status is JobStatus.SUCCEEDED
    assert all(one.job.id == job.id for one in seen)


def test_events_of_a_finished_job_are_one(house: House) -> None:
    job = house.submit()
    house.work(finishes())
    (only,) = events(house, job.id)
    assert only
    assert only.job.status is JobStatus.SUCCEEDED


def test_progress_comes_through_the_feed_before_it_is_in_the_repository(house: House) -> None:
    house.submit()
    job = house.claim()
    stream = events(house, job.id)
    next(stream)
    house.feed.publish(job.id, progress(3))
    seen = next(stream)
    assert seen
    assert seen.job.progress == progress(3)
    assert house.repository.get(job.id).progress is None


def test_progress_never_goes_back_when_something_else_changes(house: House) -> None:
    house.submit()
    job = house.claim()
    stream = events(house, job.id)
    next(stream)
    house.repository.heartbeat(job.id, 1, 30, progress(2))
    house.feed.publish(job.id, progress(3))
    next(stream)
    house.jobs.cancel("anna", job.id)
    seen = next(stream)
    assert seen
    assert seen.job.cancel_requested
    assert seen.job.progress == progress(3)


def test_another_attempt_may_be_behind(house: House) -> None:
    house.submit()
    job = house.claim()
    stream = events(house, job.id)
    next(stream)
    house.feed.publish(job.id, progress(9))
    next(stream)
    house.repository.heartbeat(job.id, 1, 30, progress(4))
    house.repository.give_back(job.id, 1)
    house.claim()
    house.feed.publish(job.id, None)
    seen = next(stream)
    assert seen
    assert (seen.job.attempt, seen.job.progress) == (2, progress(4))


def test_a_change_is_not_lost_among_progress(house: House) -> None:
    house.submit()
    job = house.claim()
    stream = events(house, job.id)
    next(stream)
    house.jobs.cancel("anna", job.id)
    house.feed.publish(job.id, progress(3))
    seen = next(stream)
    assert seen
    assert seen.job.cancel_requested


def test_what_happens_while_the_stream_opens_is_seen(house: House) -> None:
    job = house.submit()
    stream = events(house, job.id)
    house.work(finishes())
    first = next(stream)
    assert first
    assert first.job.status is JobStatus.SUCCEEDED


def test_place_in_the_queue_goes_down(house: House) -> None:
    first, second = house.submit(), house.submit(options={"seed": 1})
    stream = events(house, second.id)
    seen = next(stream)
    assert seen
    assert seen.place_in_queue == 2
    house.jobs.cancel("anna", first.id)
    places = [one.place_in_queue for one in (next(stream) for _ in range(3)) if one]
    assert places == [1]


def test_nothing_new_is_none_and_the_stream_has_a_lifetime(house: House) -> None:
    job = house.submit()
    stream = events(house, job.id)
    assert next(stream)
    assert [next(stream) for _ in range(3)] == [None] * 3
    first, *silence = events(house, job.id, seconds=0.2)
    assert first
    assert set(silence) <= {None}


def test_a_deleted_job_ends_its_streams(house: House) -> None:
    job = house.submit()
    stream = events(house, job.id)
    next(stream)
    house.jobs.delete("anna", job.id)
    assert list(stream) == []


def test_streams_outlive_a_database_that_does_not_answer(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = house.submit()
    stream = events(house, job.id)
    next(stream)

    def fail(_: str) -> None:
        raise RepositoryError("gone")

    with monkeypatch.context() as context:
        context.setattr(house.repository, "get", fail)
        assert next(stream) is None
    house.jobs.cancel("anna", job.id)
    seen = next(stream)
    assert seen
    assert seen.job.status is JobStatus.CANCELED


def test_unread_streams_hold_nothing(house: House) -> None:
    job = house.submit()
    stream = events(house, job.id)
    next(stream)
    stream.close()
    assert house.feed._subscriptions == {}


# ── shares ────────────────────────────────────────────────────────────────────────────────────


def test_a_share_opens_the_job_until_it_expires(house: House) -> None:
    job = house.submit()
    house.work(finishes())
    house.jobs.share("anna", job.id, "a token", days=1)
    assert house.jobs.shared("a token").id == job.id
    house.jobs.share("anna", job.id, "brief", days=0.1 / 24 / 3600)
    time.sleep(0.15)
    with pytest.raises(JobNotFound):
        house.jobs.shared("brief")
    assert len(house.jobs.shares("anna", job.id)) == 1


def test_a_share_can_be_taken_back(house: House) -> None:
    job = house.submit()
    house.work(finishes())
    share = house.jobs.share("anna", job.id, "a token", days=1)
    house.jobs.unshare("anna", job.id, share.id)
    with pytest.raises(JobNotFound, match="no job behind this link") as raised:
        house.jobs.shared("a token")
    assert raised.value.job_id is None


def test_tokens_are_not_kept(house: House) -> None:
    job = house.submit()
    house.work(finishes())
    house.jobs.share("anna", job.id, "a-very-secret-token", days=1)
    house.repository.close()
    kept = b"".join(file.read_bytes() for file in house.directory.glob("jobs.db*"))
    assert b"a-very-secret-token" not in kept


def test_without_a_picture_there_is_nothing_to_share(house: House) -> None:
    job = house.submit()
    with pytest.raises(JobConflict):
        house.jobs.share("anna", job.id, "token", days=1)


def test_shares_go_with_their_job(house: House) -> None:
    job = house.submit()
    house.work(finishes())
    house.jobs.share("anna", job.id, "token", days=1)
    house.jobs.delete("anna", job.id)
    with pytest.raises(JobNotFound):
        house.jobs.shared("token")


# ── errors ────────────────────────────────────────────────────────────────────────────────────


def test_errors_are_ours(house: House) -> None:
    attempts: list[Callable[[], Any]] = [
        lambda: house.submit(content=Upload(b"", "x")),
        lambda: house.jobs.get("anna", "no such id"),
        lambda: house.jobs.shared("nonsense"),
    ]
    for attempt in attempts:
        with pytest.raises(NSTError) as caught:
            attempt()
        assert len(str(caught.value).splitlines()) == 1


def test_an_engine_that_crashes_three_times_fails_the_job(house: House) -> None:
    house.submit()
    for _ in range(2):
        assert house.work(CRASH).status is JobStatus.QUEUED
    failed = house.work(CRASH)
    assert (failed.status, failed.attempt) == (JobStatus.FAILED, 3)
    assert failed.error
    assert failed.error.code == "engine_crashed"
