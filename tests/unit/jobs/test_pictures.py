"""Files made on request from the stored images of jobs."""

import re
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias
from unittest.mock import patch

import pytest

from nst import image_writer, images
from nst.errors import PictureNotFound, TooManyRequests
from nst.jobs import pictures
from nst.jobs.job import Job
from nst.jobs.pictures import Pictures
from nst.slots import Slots
from support.service_in_process import House, decoder, finishes, paints
from support.waiting import PATIENCE_SECONDS, wait_until

Ask: TypeAlias = Callable[[Pictures, Job], object]

WAYS: dict[str, tuple[Ask, object, str]] = {
    "thumbnail": (
        lambda made, job: made.small(made.find(made.result(job, None, "anna")), 400, "anna"),
        decoder(),
        "small",
    ),
    "another format": (lambda made, job: made.result(job, "jpeg", "anna"), decoder(), "convert"),
    "before and after": (lambda made, job: made.before_after(job, "anna"), decoder(), "beside"),
    "time-lapse": (lambda made, job: made.timelapse(job, "webp", "anna"), decoder(), "film"),
    "recipe": (lambda made, job: made.recipe(job, "anna"), images, "read_recipe"),
    "shared result": (
        lambda made, job: made.result_for_strangers(job, None, "anna"),
        image_writer,
        "with_recipe",
    ),
}
"""Ways to have a file made from a result, each with the function that gets the result."""


def finished(house: House, count: int) -> list[Job]:
    """Return finished jobs with one intermediate image each."""
    jobs = [house.submit(options={"seed": number}) for number in range(count)]
    for _ in jobs:
        house.work(paints(5), finishes())
    return [house.repository.get(job.id) for job in jobs]


@pytest.mark.parametrize("way", WAYS)
def test_results_from_which_files_are_made_are_read_one_at_a_time(
    house: House, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    ask, owner, name = WAYS[way]
    jobs = finished(house, 6)
    results = {job.result.key for job in jobs if job.result}
    read, refused, made, is_over = list[str](), list[str](), list[str](), threading.Event()
    get, fetch, make = house.storage.get, house.storage.fetch, getattr(owner, name)

    def reading(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(key: str, *arguments: Any) -> Any:
            read.extend({key} & results)
            return method(key, *arguments)

        return call

    def wait_and_make(*arguments: Any, **options: Any) -> Any:
        is_over.wait(PATIENCE_SECONDS)
        return make(*arguments, **options)

    def request(job: Job) -> None:
        try:
            ask(house.jobs.pictures, job)
            made.append(job.id)
        except TooManyRequests:
            refused.append(job.id)

    for slots in ("reading", "filming"):  # who gets no slot is refused immediately
        monkeypatch.setattr(pictures, slots, Slots(2, 1))
    monkeypatch.setattr(house.storage, "get", reading(get))
    monkeypatch.setattr(house.storage, "fetch", reading(fetch))
    monkeypatch.setattr(owner, name, wait_and_make)
    threads = [threading.Thread(target=request, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(read) + len(refused) == len(jobs))
    in_memory = len(read)
    is_over.set()
    for thread in threads:
        thread.join()
    assert (in_memory, len(made), len(refused)) == (1, 1, 5)


@pytest.mark.parametrize(("kind", "most"), [("webp", 99), ("mp4", 199)])
def test_a_time_lapse_fetches_only_the_frames_that_are_played(
    house: House, monkeypatch: pytest.MonkeyPatch, kind: str, most: int
) -> None:
    (job,) = finished(house, 1)
    frame = house.storage.get(f"{job.id}/frames/000005.jpg")
    for step in range(1, 241):
        house.storage.put(f"{job.id}/frames/{step:06d}.jpg", frame)
    given = list[str]()

    def film(_: Path, frames: Sequence[Path], __: Path, film: Path, *, client: str) -> None:
        given.extend(file.stem[-6:] for file in frames)
        directory = film.parent
        assert len(list(directory.iterdir())) == len(frames) + 2  # with content and result
        film.write_bytes(b"a film")

    monkeypatch.setattr(decoder(), "film", film)
    house.jobs.pictures.timelapse(job, kind, "anna")
    assert len(given) == most
    assert (given[0], given[-1]) == ("000001", "000240")
    assert given == sorted(given)


@pytest.mark.parametrize("way", ["thumbnail", "another format", "before and after", "time-lapse"])
def test_an_image_of_the_service_that_cannot_be_decoded_is_no_fault_of_the_visitor(
    house: House, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    ask, owner, name = WAYS[way]
    (job,) = finished(house, 1)
    monkeypatch.setattr(owner, name, killed)
    with pytest.raises(PictureNotFound) as caught:
        ask(house.jobs.pictures, job)
    assert re.fullmatch(
        r"there is no .*: decoding .* memory than the server gives one; .*", str(caught.value)
    )
    assert "save it again" not in str(caught.value)


def killed(*_: Any, **__: Any) -> None:
    """Raise the error of a decoding process that was killed."""
    with patch.object(Connection, "recv_bytes", side_effect=EOFError):
        decoder().recipe(b"an image")
