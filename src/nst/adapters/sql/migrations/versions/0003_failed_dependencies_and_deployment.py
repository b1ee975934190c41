"""Count failures of dependencies for each job, and give the database an id.

An older version can work with these tables: the new column has a default, and the older version
does not use the new table.
"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column(
        "jobs",
        sa.Column("failed_dependencies", sa.Integer, nullable=False, server_default="0"),
    )
    deployment = op.create_table(
        "deployment",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("value", sa.String(200), nullable=False),
    )
    facts = {"id": secrets.token_hex(16), "oldest_revision": "0001"}
    op.bulk_insert(deployment, [{"name": name, "value": facts[name]} for name in facts])


def downgrade() -> None:
    op.drop_table("deployment")
    op.drop_column("jobs", "failed_dependencies")
