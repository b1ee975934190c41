"""Add the learned styles of clients.

An older version can work with these tables: it does not use the new one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "learned_styles",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("styles", sa.JSON, nullable=False),
        sa.Column("licence", sa.JSON, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("used_at", sa.Double, nullable=False),
    )
    op.create_index("learned_styles_of_owner", "learned_styles", ["owner", "created_at"])
    op.create_index("learned_styles_of_client", "learned_styles", ["client"])
    op.create_index("learned_styles_by_use", "learned_styles", ["used_at"])


def downgrade() -> None:
    op.drop_table("learned_styles")
