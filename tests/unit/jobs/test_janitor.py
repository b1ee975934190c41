"""The janitor deletes what is old, and nothing that somebody may own."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nst.errors import StorageError
from nst.jobs import janitor
from nst.jobs.janitor import DEPLOYMENT_KEY, MANY_ORPHANS, clean, clean_styles
from nst.jobs.job import ID, JobStatus, new_id
from support.service_in_process import CAT, House, finishes
from unit.learning import tiny

RETENTION_SECONDS = 100.0


def cleaned(house: House) -> int:
    return clean(house.repository, house.storage, RETENTION_SECONDS)


def aged(house: House, job_id: str, seconds: float) -> None:
    """Change the job as if it had been completed earlier by this many seconds."""
    with house.repository._write() as connection:
        connection.exec_driver_sql(
            "UPDATE jobs SET completed_at = completed_at - ? WHERE id = ?", (seconds, job_id)
        )


@pytest.fixture
def all_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(janitor, "ORPHAN_SECONDS", -1.0)


def orphans(house: House, count: int) -> set[str]:
    names = {new_id() for _ in range(count)}
    for name in names:
        house.storage.put(f"{name}/content", b"x")
    return names


def test_expired_jobs_go(house: House) -> None:
    old, fresh, queued = (house.submit(options={"seed": seed}) for seed in range(3))
    house.work(finishes())
    house.work(finishes())
    aged(house, old.id, RETENTION_SECONDS + 1)
    assert cleaned(house) == 1
    assert house.repository.existing([old.id, fresh.id, queued.id]) == {fresh.id, queued.id}
    assert set(house.storage.directories()) == {fresh.id, queued.id}


def refuse(house: House, monkeypatch: pytest.MonkeyPatch, prefix: str, error: Exception) -> None:
    """Make the storage refuse to delete the files of directories that begin with `prefix`."""
    delete = house.storage.delete

    def maybe(name: str) -> None:
        if name.startswith(prefix):
            raise error
        delete(name)

    monkeypatch.setattr(house.storage, "delete", maybe)


REFUSALS = [StorageError(Path("x"), "permission denied"), ZeroDivisionError("a fault of ours")]


@pytest.mark.parametrize("error", REFUSALS, ids=str)
def test_files_of_an_expired_job_that_cannot_be_deleted_go_later_and_the_others_now(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    assert cleaned(house) == 0  # as the first worker does when it starts
    jobs = [house.submit(options={"seed": seed}).id for seed in range(3)]
    for job_id in jobs:
        house.work(finishes())
        aged(house, job_id, RETENTION_SECONDS + 1)
    first = jobs[0]
    with monkeypatch.context() as patch:
        refuse(house, patch, first, error)
        assert cleaned(house) == 2
        assert house.repository.existing(jobs) == set()
        assert house.storage.directories() == [first]
        assert [line for line in caplog.messages if str(error) in line] == [
            f"{first} is not removed yet: {error}"
        ]
    monkeypatch.setattr(janitor, "ORPHAN_SECONDS", -1.0)
    assert cleaned(house) == 1
    assert house.storage.directories() == []


def test_a_job_that_is_retried_while_others_are_removed_is_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = {house.submit(options={"seed": seed}).id for seed in range(2)}
    for job_id in jobs:
        house.jobs.cancel("anna", job_id)
        aged(house, job_id, RETENTION_SECONDS + 1)
    delete = house.storage.delete

    def delete_while_the_other_is_retried(prefix: str) -> None:
        for job_id in house.repository.existing([*jobs - {prefix.rstrip("/")}]):
            house.jobs.retry("anna", job_id)
        delete(prefix)

    monkeypatch.setattr(house.storage, "delete", delete_while_the_other_is_retried)
    assert cleaned(house) == 1
    (kept,) = house.repository.existing([*jobs])
    assert house.repository.get(kept).status is JobStatus.QUEUED
    assert house.storage.directories() == [kept]


def test_a_call_removes_one_batch(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cleaned(house) == 0
    monkeypatch.setattr(janitor, "BATCH", 2)
    monkeypatch.setattr(janitor, "ORPHAN_SECONDS", -1.0)
    for seed in range(3):
        job = house.submit(options={"seed": seed})
        house.jobs.cancel("anna", job.id)
        aged(house, job.id, RETENTION_SECONDS + 1)
    orphans(house, 3)
    assert [cleaned(house) for _ in range(4)] == [2, 1 + 2, 1, 0]
    assert house.storage.directories() == []


@pytest.mark.parametrize("deletions", [0, 1])
def test_an_outage_ends_the_run(
    house: House, monkeypatch: pytest.MonkeyPatch, deletions: int
) -> None:
    """No job goes whose files would be left, and no deletion waits for a storage that is out.
    `deletions`: number of attempts to delete before the outage is noticed."""
    jobs = [house.submit(options={"seed": seed}).id for seed in range(3)]
    for job_id in jobs:
        house.work(finishes())
        aged(house, job_id, RETENTION_SECONDS + 1)
    asked: list[str] = []
    stat = house.storage.stat

    def fail(key: str) -> None:
        asked.append(key)
        raise StorageError(Path("x"), "connection refused")

    monkeypatch.setattr(house.storage, "delete", fail)
    monkeypatch.setattr(
        house.storage, "stat", lambda key: fail(key) if len(asked) == deletions else stat(key)
    )
    with pytest.raises(StorageError):
        cleaned(house)
    assert len(asked) == deletions + 1  # the last is the question whether the storage answers
    assert len(house.repository.existing(jobs)) == 3 - deletions


@pytest.mark.usefixtures("all_is_old")
@pytest.mark.parametrize("name", ["delete", "changed_at"])
def test_an_orphan_that_cannot_be_removed_does_not_keep_the_others(
    house: House, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    job = house.submit()
    lost = orphans(house, 3)
    first = next(name for name in house.storage.directories() if name in lost)
    method = getattr(house.storage, name)

    def maybe(prefix: str) -> Any:
        if prefix == f"{first}/":
            raise PermissionError(prefix)
        return method(prefix)

    with monkeypatch.context() as patch:
        patch.setattr(house.storage, name, maybe)
        assert cleaned(house) == 2
    assert set(house.storage.directories()) == {job.id, first}
    assert cleaned(house) == 1


def test_orphans_go_but_not_what_is_being_submitted(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = house.submit()
    (orphan,) = orphans(house, 1)
    half_written = house.directory / "pictures" / orphan / "style-0#1"
    half_written.write_bytes(b"a process was killed here")
    assert cleaned(house) == 0
    monkeypatch.setattr(janitor, "ORPHAN_SECONDS", -1.0)
    assert cleaned(house) == 1
    assert house.storage.directories() == [job.id]
    assert cleaned(house) == 0


@pytest.mark.usefixtures("all_is_old")
def test_what_others_keep_in_the_storage_stays(house: House) -> None:
    house.submit()
    names = ["photos", "backup-2026", new_id().upper(), new_id()[:-1], "probe"]
    for name in names:
        house.storage.put(f"{name}/file", CAT)
    assert cleaned(house) == 0
    assert set(names) <= set(house.storage.directories())


@pytest.mark.usefixtures("all_is_old")
def test_the_storage_of_another_database_is_left_alone(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """NST_DATABASE_URL may be wrong, or two services may share a bucket."""
    job = house.submit()
    assert cleaned(house) == 0
    (tmp_path / "other").mkdir()
    other = House(tmp_path / "other")
    with other.repository._write() as connection:
        connection.exec_driver_sql("UPDATE deployment SET value = 'another' WHERE name = 'id'")
    other.storage = house.storage
    other.submit()  # this storage is not its own, although it knows some of the directories
    assert cleaned(other) == 0
    assert house.repository.deployment_id() in caplog.text
    assert "NST_DATABASE_URL" in caplog.text
    assert job.id in house.storage.directories()
    other.close()


@pytest.mark.usefixtures("all_is_old")
def test_an_empty_database_does_not_take_a_full_storage(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    names = orphans(house, 3)
    assert cleaned(house) == 0
    assert "none of its 3 directories" in caplog.text
    assert set(house.storage.directories()) == names
    with pytest.raises(FileNotFoundError):
        house.storage.get(DEPLOYMENT_KEY)


@pytest.mark.usefixtures("all_is_old")
def test_many_orphans_at_once_are_not_removed(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    job = house.submit()
    some = orphans(house, MANY_ORPHANS)
    assert cleaned(house) == len(some)
    many = orphans(house, MANY_ORPHANS + 1)
    assert cleaned(house) == 0
    assert set(house.storage.directories()) == many | {job.id}
    assert f"{len(many)} of {len(many) + 1} directories" in caplog.text


# ── any storage and repository ────────────────────────────────────────────────────────────────


class Shelf:
    """Storage with the methods that the janitor uses."""

    def __init__(self, ages: dict[str, float], owner: bytes | None) -> None:
        self.ages = dict(ages)
        self.owner = owner

    def directories(self) -> Sequence[str]:
        return list(self.ages)

    def changed_at(self, prefix: str) -> float:
        return time.time() - self.ages[prefix.rstrip("/")]

    def get(self, key: str) -> bytes:
        if self.owner is None:
            raise FileNotFoundError(key)
        return self.owner

    def stat(self, key: str) -> None:
        """Return that there is no such file; the janitor asks only to be answered."""

    def put(self, _: str, data: bytes) -> None:
        self.owner = data

    def delete(self, prefix: str) -> None:
        del self.ages[prefix.rstrip("/")]


class Register:
    """Repository with the methods that the janitor uses."""

    def __init__(self, jobs: set[str]) -> None:
        self.jobs = jobs

    def existing(self, names: Sequence[str]) -> set[str]:
        return self.jobs & set(names)

    def delete_completed(self, _: float) -> str | None:
        return None

    def now(self) -> float:
        return 0.0

    def deployment_id(self) -> str:
        return "ours"


job_names = st.text("0123456789abcdef", min_size=32, max_size=32)
names = job_names | st.text(min_size=1).filter(lambda name: "/" not in name)


@given(
    ages=st.dictionaries(names, st.sampled_from([10.0, 1e5]), max_size=60),
    owner=st.sampled_from([None, b"ours", b"theirs"]),
    every=st.integers(1, 5),
)
def test_only_old_directories_of_no_job_in_our_own_storage_go(
    ages: dict[str, float], owner: bytes | None, every: int
) -> None:
    jobs = set(sorted(name for name in ages if len(name) == 32)[::every])
    shelf = Shelf(ages, owner)
    clean(Register(jobs), shelf, RETENTION_SECONDS)  # type: ignore[arg-type]
    gone = set(ages) - set(shelf.ages)
    assert not gone & jobs
    assert all(ages[name] > janitor.ORPHAN_SECONDS for name in gone)
    assert all(ID.fullmatch(name) for name in gone)
    assert len(gone) <= max(MANY_ORPHANS, len(ages) / 2)
    assert not gone or shelf.owner == b"ours"


# ── learned styles ────────────────────────────────────────────────────────────────────────────


def styles_cleaned(house: House) -> int:
    styles = house.repository.learned_styles
    return clean_styles(house.repository, styles, house.storage, RETENTION_SECONDS)


def unused_for(house: House, style_id: str, seconds: float) -> None:
    with house.repository._write() as connection:
        connection.exec_driver_sql(
            "UPDATE learned_styles SET used_at = used_at - ? WHERE id = ?", (seconds, style_id)
        )


def test_learned_styles_that_nobody_uses_go_and_jobs_keep_their_copy(
    house: House, tmp_path: Path
) -> None:
    data = tiny.saved(tmp_path / "waves.nst").read_bytes()
    old, fresh = (house.learned_styles.add("anna", data, name) for name in ("old", "fresh"))
    unused_for(house, old.id, RETENTION_SECONDS + 1)
    assert styles_cleaned(house) == 1
    assert house.learned_styles.list("anna") == [fresh]
    assert (house.storage.stat(old.key), bool(house.storage.stat(fresh.key))) == (None, True)
    unused_for(house, fresh.id, RETENTION_SECONDS + 1)
    house.learned_styles.use("anna", fresh.id)
    assert styles_cleaned(house) == 0


def test_a_learned_style_that_is_used_while_others_are_removed_is_kept(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = tiny.saved(tmp_path / "waves.nst").read_bytes()
    for name in ("one", "other"):
        style = house.learned_styles.add("anna", data, name)
        unused_for(house, style.id, RETENTION_SECONDS + 1)
    delete = house.storage.delete

    def delete_while_the_other_is_used(prefix: str) -> None:
        for style in house.learned_styles.list("anna"):
            house.learned_styles.use("anna", style.id)
        delete(prefix)

    monkeypatch.setattr(house.storage, "delete", delete_while_the_other_is_used)
    assert styles_cleaned(house) == 1
    (kept,) = house.learned_styles.list("anna")
    assert house.storage.stat(kept.key)


def test_a_call_removes_one_batch_of_learned_styles(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(janitor, "BATCH", 2)
    data = tiny.saved(tmp_path / "waves.nst").read_bytes()
    for number in range(3):
        style = house.learned_styles.add("anna", data, f"style {number}")
        unused_for(house, style.id, RETENTION_SECONDS + 1)
    assert [styles_cleaned(house) for _ in range(3)] == [2, 1, 0]


@pytest.mark.parametrize("error", REFUSALS, ids=str)
def test_a_file_of_a_learned_style_that_cannot_be_deleted_goes_later_and_the_others_now(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception
) -> None:
    assert cleaned(house) == 0  # as the first worker does when it starts
    data = tiny.saved(tmp_path / "waves.nst").read_bytes()
    for number in range(3):
        style = house.learned_styles.add("anna", data, f"style {number}")
        unused_for(house, style.id, RETENTION_SECONDS + 1)
    with monkeypatch.context() as patch:
        refuse(house, patch, style.directory, error)
        assert styles_cleaned(house) == 2
        assert house.learned_styles.list("anna") == []
        assert house.storage.stat(style.key)
    monkeypatch.setattr(janitor, "ORPHAN_SECONDS", -1.0)
    assert styles_cleaned(house) == 1
    assert house.storage.stat(style.key) is None


@pytest.mark.usefixtures("all_is_old")
def test_files_without_a_learned_style_go(house: House, tmp_path: Path) -> None:
    data = tiny.saved(tmp_path / "waves.nst").read_bytes()
    kept, lost = (house.learned_styles.add("anna", data, name) for name in ("kept", "lost"))
    house.repository.learned_styles.delete(lost.id)
    assert cleaned(house) == 0
    assert house.storage.stat(lost.key)
    assert styles_cleaned(house) == 1
    assert house.storage.stat(lost.key) is None
    assert house.storage.stat(kept.key)
