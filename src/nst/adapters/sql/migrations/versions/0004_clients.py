"""Add the client of a job, so that limits hold for people who discard cookies.

An older version can work with these tables: the new column has a default.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    column = sa.Column("client", sa.String(64), nullable=False, server_default="")
    op.add_column("jobs", column)
    op.create_index("jobs_of_client", "jobs", ["client", "status"])


def downgrade() -> None:
    op.drop_index("jobs_of_client", "jobs")
    op.drop_column("jobs", "client")
