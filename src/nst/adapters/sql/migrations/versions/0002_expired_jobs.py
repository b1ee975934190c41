"""Add an index by completion time, to find expired jobs without a full scan."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_index("jobs_by_completion", "jobs", ["completed_at"])


def downgrade() -> None:
    op.drop_index("jobs_by_completion", "jobs")
