"""Migrations, and failures of a database."""

import logging
import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from nst import bootstrap
from nst.adapters.sql import SqlJobRepository
from nst.adapters.sql import connection as adapter
from nst.adapters.sql.schema import metadata
from nst.errors import RepositoryError
from nst.jobs.job import JobStatus, Share
from support import servers
from support.competing_workers import migrate
from support.jobs import FAILURE, job, progress, result
from support.servers import Server
from support.waiting import PATIENCE_SECONDS, no_waiting, wait_until

REVISIONS = ["0001", "0002", "0003", "0004", "0005"]

# ── migrations ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'jobs.db'}"
    return servers.new_database(request.getfixturevalue("postgresql"))


@pytest.fixture
def engine(bare_url: str) -> Iterator[sa.Engine]:
    """Yield an engine for looking at the database from outside."""
    engine = sa.create_engine(bare_url, poolclass=sa.NullPool)
    yield engine
    engine.dispose()


@pytest.fixture
def bare(bare_url: str) -> Iterator[SqlJobRepository]:
    repository = SqlJobRepository(bare_url)
    yield repository
    repository.close()


def tables(engine: sa.Engine) -> set[str]:
    return set(sa.inspect(engine).get_table_names()) - {"alembic_version"}


def test_migrations_make_what_the_program_expects(
    bare: SqlJobRepository, engine: sa.Engine
) -> None:
    bare.migrate()
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == REVISIONS[-1]


def test_up_and_down(bare: SqlJobRepository, engine: sa.Engine) -> None:
    for _ in range(2):
        bare.migrate()
        bare.migrate()
        assert tables(engine) == {"jobs", "shares", "learned_styles", "deployment"}
        for _ in REVISIONS:
            bare.migrate("-1")
        assert tables(engine) == set()
    bare.migrate()
    bare.migrate("base")
    assert tables(engine) == set()


@pytest.mark.parametrize("revision", REVISIONS)
def test_down_to_a_revision(bare: SqlJobRepository, engine: sa.Engine, revision: str) -> None:
    """A rollback names the revision that the earlier version needs."""
    bare.migrate(revision)
    then = tables(engine)
    bare.migrate()
    bare.migrate(revision)
    assert tables(engine) == then
    with engine.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == revision


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_filled_database_comes_along(
    bare: SqlJobRepository, engine: sa.Engine, revision: str
) -> None:
    """A database of any earlier revision, filled as it was then, is migrated."""
    bare.migrate(revision)
    jobs = [
        job(status=JobStatus.QUEUED, created_at=1.5, queued_at=2.5),
        job(
            status=JobStatus.FAILED,
            completed_at=9.0,
            attempt=3,
            failed_attempts=3,
            error=FAILURE,
            progress=progress(5),
            steering={"strength": 0.7},
            idempotency_key="k",
        ),
        job(status=JobStatus.SUCCEEDED, completed_at=8.0, attempt=1, result=result("x")),
    ]
    share = Share(
        id="s",
        job_id=jobs[2].id,
        token_sha256="0" * 64,
        created_at=1.0,
        expires_at=time.time() + 3600,
    )
    then = sa.MetaData()
    then.reflect(engine)
    with engine.begin() as connection:
        for each in jobs:
            facts = {"turn_at": 0.0, **each.model_dump(mode="json")}
            insert(connection, then.tables["jobs"], facts)
        insert(connection, then.tables["shares"], share.model_dump())
    bare.migrate()
    assert [bare.get(each.id) for each in jobs] == jobs
    assert list(bare.shares(jobs[2].id)) == [share]
    claimed = bare.claim_next("worker", 60)
    assert claimed is not None
    assert claimed.id == jobs[0].id


def insert(connection: sa.Connection, table: sa.Table, facts: dict[str, Any]) -> None:
    connection.execute(
        table.insert().values({column.name: facts[column.name] for column in table.c})
    )


def as_newer(engine: sa.Engine, oldest: str) -> None:
    """Make the tables those of a newer version that `oldest` and later can work with."""
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE jobs ADD COLUMN glitter FLOAT"))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
        statement = sa.text("UPDATE deployment SET value = :o WHERE name = 'oldest_revision'")
        connection.execute(statement, {"o": oldest})


def test_an_older_version_works_with_newer_tables_that_are_compatible(
    bare: SqlJobRepository, engine: sa.Engine
) -> None:
    bare.migrate()
    as_newer(engine, REVISIONS[-1])
    bare.migrate()
    assert "9999 of a newer version" in bare.check()
    added = bare.add(job())
    claimed = bare.claim_next("worker", 60)
    assert claimed is not None
    assert claimed.id == added.id


def test_an_older_version_says_so_where_it_cannot_work_with_newer_tables(
    bare: SqlJobRepository, engine: sa.Engine
) -> None:
    bare.migrate()
    as_newer(engine, "9998")
    for ask in (bare.migrate, bare.check):
        with pytest.raises(RepositoryError, match="at 9999 and need a version of nst that knows"):
            ask()


@pytest.mark.parametrize("revision", ["base", "-1", "0001"])
def test_only_the_newer_version_takes_its_tables_back(
    bare: SqlJobRepository, engine: sa.Engine, revision: str
) -> None:
    bare.migrate()
    as_newer(engine, REVISIONS[-1])
    with pytest.raises(RepositoryError, match="only a newer version of nst can change"):
        bare.migrate(revision)


def test_a_revision_that_there_never_was(bare: SqlJobRepository) -> None:
    with pytest.raises(RepositoryError, match="0815"):
        bare.migrate("0815")


def test_a_service_migrates_a_file_and_leaves_postgresql_to_the_operator(
    bare_url: str, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NST_DATABASE_URL", bare_url)
    if bare_url.startswith("postgresql"):
        with pytest.raises(RepositoryError, match="run `nst migrate`"):
            bootstrap.prepare_database()
        assert tables(engine) == set()
        bootstrap.migrate()
    bootstrap.prepare_database()
    assert "jobs" in tables(engine)


def test_many_migrate_at_the_same_time(bare_url: str, engine: sa.Engine) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        pool.map(migrate, [bare_url] * 3, chunksize=1)
        pool.close()
        pool.join()
    assert tables(engine) == {"jobs", "shares", "learned_styles", "deployment"}


def test_migrating_is_quiet(bare: SqlJobRepository, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bare.migrate()
    assert not caplog.records


def test_without_tables(bare: SqlJobRepository) -> None:
    with pytest.raises(RepositoryError, match="jobs"):
        bare.state()


# ── SQLite ────────────────────────────────────────────────────────────────────────────────────


def test_somebody_else_writes_for_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "LOCK_SECONDS", 0.2)
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    repository, other = SqlJobRepository(url), sa.create_engine(url)
    repository.migrate()
    with other.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(RepositoryError, match="locked"):
            repository.add(job())
        assert repository.state()  # a reader does not wait
    repository.add(job())
    repository.close()
    other.dispose()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "jobs.db").write_bytes(b"not a database, and long enough to be looked at" * 100)
    repository = SqlJobRepository(f"sqlite:///{tmp_path / 'jobs.db'}")
    with pytest.raises(RepositoryError, match="not a database"):
        repository.migrate()
    repository.close()


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    repository = SqlJobRepository(f"sqlite:///{tmp_path / 'no' / 'jobs.db'}")
    with pytest.raises(RepositoryError, match="unable to open"):
        repository.state()
    repository.close()


# ── PostgreSQL ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def own_postgresql(tmp_path: Path) -> Iterator[Server]:
    """Yield a PostgreSQL that may be killed."""
    with servers.postgresql(tmp_path) as server:
        yield server


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set short timeouts, which a server on a busy machine still keeps."""
    monkeypatch.setattr(adapter, "ANSWER_SECONDS", 5.0)
    monkeypatch.setattr(adapter, "CONNECT_SECONDS", 5)


@pytest.fixture
def own_repository(own_postgresql: Server, impatient: None) -> Iterator[SqlJobRepository]:
    repository = SqlJobRepository(servers.new_database(own_postgresql))
    repository.migrate()
    yield repository
    repository.close()


def test_the_server_goes_and_comes_back(
    own_postgresql: Server, own_repository: SqlJobRepository
) -> None:
    added = own_repository.add(job())
    with ThreadPoolExecutor(4) as pool:  # several threads open several connections
        list(pool.map(lambda _: own_repository.get(added.id), range(20)))
    own_postgresql.kill()
    for _ in range(3):
        with no_waiting(), pytest.raises(RepositoryError, match="refused"):
            own_repository.get(added.id)
    own_postgresql.start()
    for _ in range(10):
        assert own_repository.get(added.id) == added
    claimed = own_repository.claim_next("worker", 60)
    assert claimed is not None
    assert claimed.id == added.id


def test_the_server_is_frozen(own_postgresql: Server, own_repository: SqlJobRepository) -> None:
    added = own_repository.add(job())
    own_postgresql.freeze()
    questions: list[Callable[[], object]] = [
        lambda: own_repository.get(added.id),
        lambda: own_repository.add(job()),
    ]
    for ask in questions:
        with no_waiting(), pytest.raises(RepositoryError, match="time"):
            ask()
    own_postgresql.thaw()
    assert own_repository.get(added.id) == added


def test_a_row_is_locked_for_too_long(
    own_postgresql: Server, own_repository: SqlJobRepository
) -> None:
    own_repository.add(job())
    first = own_repository.claim_next("worker", 60)
    assert first is not None
    other = sa.create_engine(own_repository._url)
    with other.connect() as connection:
        connection.execute(sa.text("SELECT * FROM jobs FOR UPDATE"))
        with pytest.raises(RepositoryError, match="timeout"):
            own_repository.heartbeat(first.id, 1, 60, None)
        assert own_repository.claim_next("worker", 60) is None  # a claim skips locked rows
        assert not own_repository.sweep(3, FAILURE)
    own_repository.heartbeat(first.id, 1, 60, None)
    other.dispose()


def test_who_is_frozen_in_the_middle_holds_up_nobody_for_long(
    own_repository: SqlJobRepository,
) -> None:
    added = own_repository.add(job())

    def cancel() -> bool:
        with suppress(RepositoryError):
            own_repository.cancel(added.id)
        return own_repository.get(added.id).status is JobStatus.CANCELED

    def hold_until_somebody_else_has_canceled() -> None:
        with own_repository._write() as connection:
            connection.execute(sa.text("SELECT * FROM jobs FOR UPDATE"))
            wait_until(cancel)

    with pytest.raises(RepositoryError, match="idle-in-transaction timeout"):
        hold_until_somebody_else_has_canceled()


def test_more_threads_than_connections(postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    # The timeout also limits the wait for a connection.
    monkeypatch.setattr(adapter, "ANSWER_SECONDS", PATIENCE_SECONDS)
    url = servers.new_database(postgresql)
    with closing(SqlJobRepository(url, pool_size=2)) as repository, ThreadPoolExecutor(32) as pool:
        repository.migrate()
        ids = {stored.id for stored in pool.map(repository.add, (job() for _ in range(200)))}
        assert {found.id for found in pool.map(repository.get, ids)} == ids


def test_sweeping_at_the_same_time(postgresql: Server) -> None:
    """No sweep waits for another, and each job is swept once."""
    url = servers.new_database(postgresql)
    with closing(SqlJobRepository(url)) as repository, ThreadPoolExecutor(8) as pool:
        repository.migrate()
        ids = {repository.add(job()).id for _ in range(100)}
        for _ in ids:
            assert repository.claim_next("worker", 0)
        swept = list(pool.map(lambda _: repository.sweep(3, FAILURE), range(8)))
    found = [each.id for some in swept for each in some]
    assert len(found) == len(ids)
    assert set(found) == ids


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql+psycopg://postgres@{address}/nothing", '"nothing" does not exist'),
        ("postgresql+psycopg://nobody@{address}/postgres", '"nobody" does not exist'),
        ("postgresql+psycopg://postgres@127.0.0.1:1/postgres", "refused"),
        ("nonsense", "Could not parse"),
        ("oranges://localhost/postgres", "oranges"),
    ],
)
def test_urls_that_lead_nowhere(postgresql: Server, url: str, reason: str) -> None:
    with pytest.raises(RepositoryError, match=reason):
        SqlJobRepository(url.format(address=postgresql.address)).state()


def test_the_password_is_not_shown() -> None:
    repository = SqlJobRepository("postgresql+psycopg://nst:secret@127.0.0.1:1/nst")
    assert repository.location == "postgresql+psycopg://nst:***@127.0.0.1:1/nst"
    with pytest.raises(RepositoryError) as error:
        repository.state()
    assert "secret" not in str(error.value)
