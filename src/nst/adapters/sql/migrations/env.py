"""Alembic's door: the connection is handed over by the repository."""

from alembic import context

from nst.adapters.sql.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
