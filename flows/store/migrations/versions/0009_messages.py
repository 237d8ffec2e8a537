"""Notifications that wait to be sent, and those that were; a run knows whether its end was told."""

import sqlalchemy as sa
from alembic import op

from flows.store.schema import Moment, Words

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

COUNTED = sa.BigInteger().with_variant(sa.Integer, "sqlite")
WAITING = sa.text("status = 'WAITING'")
UNTOLD = sa.text("NOT told")


def upgrade() -> None:
    op.create_table(
        "messages",
        sa.Column("seq", COUNTED, primary_key=True),
        sa.Column("message_id", sa.String(127), nullable=False),
        sa.Column("run_id", sa.String(63), sa.ForeignKey("runs.run_id", ondelete="CASCADE", name="messages_runs"), nullable=False),
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("target", Words, nullable=False),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", Words, nullable=False),
        sa.Column("lease_until", Moment),
        sa.Column("next_at", Moment),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("ended_at", Moment),
        sa.CheckConstraint("status IN ('WAITING', 'SENT', 'FAILED')", name="messages_status"),
    )
    op.create_index("messages_message_id", "messages", ["message_id"], unique=True)
    op.create_index("messages_of_run", "messages", ["run_id"])
    op.create_index("messages_due", "messages", ["next_at"], sqlite_where=WAITING, postgresql_where=WAITING)
    op.create_index("messages_ended", "messages", ["tenant_id", "ended_at"])
    op.add_column("runs", sa.Column("told", sa.Boolean, nullable=False, server_default=sa.false()))
    runs = sa.table("runs", sa.column("told", sa.Boolean), sa.column("status", sa.String))
    op.execute(sa.update(runs).where(runs.c.status.not_in(("PENDING", "RUNNING"))).values(told=sa.true()))  # what is over is over
    op.create_index("runs_untold", "runs", ["seq"], sqlite_where=UNTOLD, postgresql_where=UNTOLD)


def downgrade() -> None:
    op.drop_index("runs_untold", "runs")
    op.drop_column("runs", "told")
    op.drop_table("messages")
