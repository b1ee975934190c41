"""Entry point of Alembic; the repository passes the connection."""

from alembic import context

from nst.adapters.sql.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
