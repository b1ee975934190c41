"""The repository of learned styles, in the same database as the jobs."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, Row, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.expression import ColumnElement

from nst.adapters.sql.connection import Transactions
from nst.adapters.sql.schema import learned_styles, now
from nst.errors import StyleNotFound
from nst.jobs import stored
from nst.jobs.learned_styles import StoredStyle


class SqlLearnedStyles(Transactions):
    """A LearnedStyleRepository in the database of a SqlJobRepository."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, style: StoredStyle) -> StoredStyle:
        values = style.model_dump(mode="json") | {"created_at": now(), "used_at": now()}
        with self._write() as connection:
            statement = insert(learned_styles).values(values).returning(learned_styles)
            return _style(connection.execute(statement).one())

    def put(self, style: StoredStyle) -> StoredStyle:
        values = style.model_dump(mode="json") | {"created_at": now(), "used_at": now()}
        changed = {name: values[name] for name in ("styles", "licence", "size_bytes", "sha256")}
        dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        statement = (
            dialect.insert(learned_styles)
            .values(values)
            .on_conflict_do_update(index_elements=["id"], set_=changed | {"used_at": now()})
            .returning(learned_styles)
        )
        with self._write() as connection:
            return _style(connection.execute(statement).one())

    def get(self, style_id: str) -> StoredStyle:
        found = self._select(learned_styles.c.id == style_id)
        if not found:
            raise StyleNotFound(style_id)
        return found[0]

    def list(self, owner: str) -> Sequence[StoredStyle]:
        return self._select(learned_styles.c.owner == owner)

    def count(self, owner: str) -> int:
        return self._count(learned_styles.c.owner == owner)

    def count_of_client(self, client: str) -> int:
        return self._count(learned_styles.c.client == client)

    def rename(self, style_id: str, name: str) -> StoredStyle:
        row = self._update(style_id, name=name)
        if row is None:
            raise StyleNotFound(style_id)
        return _style(row)

    def use(self, style_id: str) -> None:
        self._update(style_id, used_at=now())

    def delete(self, style_id: str) -> None:
        with self._write() as connection:
            connection.execute(delete(learned_styles).where(learned_styles.c.id == style_id))

    def delete_unused(self, seconds: float) -> StoredStyle | None:
        table = learned_styles
        is_unused = table.c.used_at < now() - seconds
        one = select(table.c.id).where(is_unused).limit(1).scalar_subquery()
        # The condition twice: PostgreSQL checks only the outer one after a concurrent change.
        statement = delete(table).where(table.c.id == one, is_unused).returning(table)
        with self._write() as connection:
            row = connection.execute(statement).first()
            return _style(row) if row else None

    def existing(self, style_ids: Sequence[str]) -> set[str]:
        return self._existing(learned_styles.c.id, style_ids)

    def _select(self, condition: ColumnElement[bool]) -> Sequence[StoredStyle]:
        order = (learned_styles.c.created_at.desc(), learned_styles.c.id)
        statement = select(learned_styles).where(condition).order_by(*order)
        with self._read() as connection:
            return [_style(row) for row in connection.execute(statement)]

    def _count(self, condition: ColumnElement[bool]) -> int:
        statement = select(func.count()).select_from(learned_styles).where(condition)
        with self._read() as connection:
            return connection.execute(statement).scalar_one()

    def _update(self, style_id: str, **values: Any) -> Row[Any] | None:
        statement = (
            update(learned_styles)
            .where(learned_styles.c.id == style_id)
            .values(values)
            .returning(learned_styles)
        )
        with self._write() as connection:
            return connection.execute(statement).first()


def _style(row: Row[Any]) -> StoredStyle:
    return stored.show_style(dict(row._mapping))
