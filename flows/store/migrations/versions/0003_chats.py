"""Conversations."""

import sqlalchemy as sa
from alembic import op

from flows.store.schema import Moment, Words

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "chats",
        sa.Column("tenant_id", sa.String(63), primary_key=True),
        sa.Column("chat_id", sa.String(63), primary_key=True),
        sa.Column("title", Words, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
    )
    op.create_index("chats_newest", "chats", ["tenant_id", "updated_at"])


def downgrade() -> None:
    op.drop_table("chats")
