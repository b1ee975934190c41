"""LearnedStyleRepository, in both databases, does what its docstrings promise."""

import time
from typing import Any

import pytest

from nst.adapters.sql import SqlJobRepository
from nst.errors import StyleNotFound
from nst.jobs.job import new_id
from nst.jobs.learned_styles import LearnedStyleRepository, StoredStyle
from support.waiting import wait_until


@pytest.fixture
def styles(repository: SqlJobRepository) -> LearnedStyleRepository:
    return repository.learned_styles


def style(owner: str = "anna", **facts: Any) -> StoredStyle:
    return StoredStyle(
        **{
            "id": new_id(),
            "owner": owner,
            "client": "home",
            "name": "wäves",
            "styles": ("one", "two\0'\""),
            "licence": "CC0-1.0\0",
            "size_bytes": 100,
            "sha256": "0" * 64,
            **facts,
        }
    )


def test_a_style_is_stored_as_it_is(
    repository: SqlJobRepository, styles: LearnedStyleRepository
) -> None:
    before, given = repository.now(), style()
    stored = styles.add(given)
    assert before <= stored.created_at == stored.used_at <= repository.now()
    times = {"created_at": stored.created_at, "used_at": stored.used_at}
    assert stored == given.model_copy(update=times)
    assert styles.get(given.id) == stored


def test_a_style_that_is_not_there(styles: LearnedStyleRepository) -> None:
    nothing = new_id()
    with pytest.raises(StyleNotFound, match=nothing):
        styles.get(nothing)
    with pytest.raises(StyleNotFound, match=nothing):
        styles.rename(nothing, "other")
    styles.use(nothing)
    styles.delete(nothing)
    assert styles.existing([nothing]) == set()


def test_the_list_has_the_newest_first_and_nobody_elses(styles: LearnedStyleRepository) -> None:
    first, second, _ = (styles.add(style(owner)) for owner in ("anna", "anna", "ben"))
    assert styles.list("anna") == [second, first]
    assert (styles.count("anna"), styles.count("ben"), styles.count("cleo")) == (2, 1, 0)
    assert (styles.count_of_client("home"), styles.count_of_client("work")) == (3, 0)


def test_a_style_that_is_put_again_keeps_its_name(styles: LearnedStyleRepository) -> None:
    stored = styles.put(style())
    styles.rename(stored.id, "storm")
    better = stored.model_copy(
        update={"name": "waves", "sha256": "1" * 64, "size_bytes": 200, "styles": ("one",)}
    )
    again = styles.put(better)
    kept = {"name": "storm", "used_at": again.used_at}
    assert again == better.model_copy(update=kept)
    assert again.used_at >= stored.used_at
    assert styles.list("anna") == [again]


def test_another_name(styles: LearnedStyleRepository) -> None:
    stored, other = styles.add(style()), styles.add(style())
    assert styles.rename(stored.id, "storm") == stored.model_copy(update={"name": "storm"})
    assert styles.get(other.id) == other


def test_a_style_that_is_deleted(styles: LearnedStyleRepository) -> None:
    gone, kept = styles.add(style()), styles.add(style())
    styles.delete(gone.id)
    assert styles.existing([gone.id, kept.id]) == {kept.id}
    assert styles.list("anna") == [kept]


def test_what_was_not_used_for_a_time(
    repository: SqlJobRepository, styles: LearnedStyleRepository
) -> None:
    unused, used = styles.add(style()), styles.add(style())
    time.sleep(0.3)
    styles.use(used.id)
    used = styles.get(used.id)

    def is_only_the_unused_one_found() -> bool:
        """Ask for what was unused since shortly before the use, again after each long pause."""
        before = repository.now()
        found = styles.unused(before - used.used_at + 0.1, limit=10)
        is_clear = repository.now() - before < 0.1
        return is_clear and [each.id for each in found] == [unused.id]

    wait_until(is_only_the_unused_one_found)
    assert styles.unused(3600, limit=10) == []
    wait_until(lambda: len(styles.unused(0.01, limit=10)) == 2)
    assert len(styles.unused(0.01, limit=1)) == 1
