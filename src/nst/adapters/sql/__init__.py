"""JobRepository in SQLite or PostgreSQL, through SQLAlchemy Core."""

from nst.adapters.sql.repository import SqlJobRepository

__all__ = ["SqlJobRepository"]
