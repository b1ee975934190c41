"""The tables, and the clock of the database."""

from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement

NULLABLE_JSON = JSON(none_as_null=True)

metadata = MetaData()
jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("order", NULLABLE_JSON, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("idempotency_key", String(200)),
    Column("trace", NULLABLE_JSON, nullable=False),
    Column("status", String(20), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("queued_at", Double, nullable=False),
    Column("turn_at", Double, nullable=False),
    Column("started_at", Double),
    Column("completed_at", Double),
    Column("attempt", Integer, nullable=False),
    Column("failed_attempts", Integer, nullable=False),
    Column("worker", String(200)),
    Column("lease_expires_at", Double),
    Column("cancel_requested", Boolean, nullable=False),
    Column("steering", NULLABLE_JSON, nullable=False),
    Column("progress", NULLABLE_JSON),
    Column("checkpoint", String(200)),
    Column("result", NULLABLE_JSON),
    Column("error", NULLABLE_JSON),
    Column("cached", Boolean, nullable=False),
    Column("failed_dependencies", Integer, nullable=False, server_default="0"),
    Column("client", String(64), nullable=False, server_default=""),
    Index("jobs_of_client", "client", "status"),
    Index("jobs_of_owner", "owner", "created_at"),
    Index("jobs_by_turn", "status", "turn_at"),
    Index("jobs_by_fingerprint", "fingerprint", "status"),
    Index("jobs_by_idempotency_key", "owner", "idempotency_key", unique=True),
    Index("jobs_by_completion", "completed_at"),
)
shares = Table(
    "shares",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
)
learned_styles = Table(
    "learned_styles",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("client", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("styles", NULLABLE_JSON, nullable=False),
    # JSON, as it may hold any character: PostgreSQL's text takes no NUL.
    Column("licence", NULLABLE_JSON, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("used_at", Double, nullable=False),
    Index("learned_styles_of_owner", "owner", "created_at"),
    Index("learned_styles_of_client", "client"),
    Index("learned_styles_by_use", "used_at"),
)
deployment = Table(
    "deployment",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", String(200), nullable=False),
)
"""Facts about the database itself, by name. `id`: 128 random bits."""


class now(FunctionElement[float]):  # noqa: N801 - it is a function of SQL
    """Seconds since 1970 by the database's clock; the machines' clocks may differ."""

    type = Double()
    inherit_cache = True


@compiles(now, "sqlite")
def _now_sqlite(*_: Any, **__: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now, "postgresql")
def _now_postgresql(*_: Any, **__: Any) -> str:
    return "extract(epoch from statement_timestamp())::double precision"


class is_json(FunctionElement[bool]):  # noqa: N801 - it is a function of SQL
    """Whether the text of a JSON column is JSON; SQLite stores any text."""

    type = Boolean()
    inherit_cache = True


@compiles(is_json, "sqlite")
def _is_json_sqlite(element: is_json, compiler: Any, **options: Any) -> str:
    return f"json_valid({compiler.process(element.clauses, **options)})"


@compiles(is_json, "postgresql")
def _is_json_postgresql(*_: Any, **__: Any) -> str:
    return "true"
