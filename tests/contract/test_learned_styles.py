"""LearnedStyleRepository, in both databases, does what its docstrings promise."""

from typing import Any

import pytest
from sqlalchemy import update

from nst.adapters.sql import SqlJobRepository
from nst.adapters.sql.schema import learned_styles, now
from nst.errors import StyleNotFound
from nst.jobs.job import new_id
from nst.jobs.learned_styles import LearnedStyleRepository, StoredStyle
from support.transactions import during

HOUR = 3600.0


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


def test_which_of_a_hundred_thousand_exist(styles: LearnedStyleRepository) -> None:
    """PostgreSQL takes 65535 parameters in one statement, SQLite 32766 by default."""
    there = {styles.add(style()).id for _ in range(3)}
    assert styles.existing([*(new_id() for _ in range(100_000)), *there]) == there
    assert styles.existing([]) == set()


def age(repository: SqlJobRepository, style_id: str) -> None:
    """Change a style as if it had been used an hour earlier."""
    table = learned_styles
    with repository._write() as connection:
        aged = update(table).where(table.c.id == style_id).values(used_at=table.c.used_at - HOUR)
        connection.execute(aged)


def test_what_was_not_used_for_a_time_is_deleted(
    repository: SqlJobRepository, styles: LearnedStyleRepository
) -> None:
    unused, used, new = styles.add(style()), styles.add(style()), styles.add(style())
    for each in (unused, used):
        age(repository, each.id)
    styles.use(used.id)
    assert styles.delete_unused(2 * HOUR) is None
    deleted = styles.delete_unused(HOUR / 2)
    assert deleted
    assert (deleted.id, deleted.directory) == (unused.id, unused.directory)
    assert styles.delete_unused(HOUR / 2) is None
    assert styles.existing([unused.id, used.id, new.id]) == {used.id, new.id}


def test_an_unused_style_that_is_used_at_the_same_time_is_not_deleted(
    repository: SqlJobRepository, styles: LearnedStyleRepository
) -> None:
    unused = styles.add(style())
    age(repository, unused.id)
    used = update(learned_styles).values(used_at=now())
    assert during(repository, used, lambda: styles.delete_unused(HOUR / 2)) is None
    assert styles.existing([unused.id]) == {unused.id}
