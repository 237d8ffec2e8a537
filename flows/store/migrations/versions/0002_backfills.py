"""Backfills: a durable row of runs; a run knows its backfill and its pipeline's name."""

import sqlalchemy as sa
from alembic import op

from flows.store.schema import Moment, Words

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

GOING_ON = sa.text("status = 'RUNNING'")
FILLING = sa.text("backfill_id != ''")
COUNTED = sa.BigInteger().with_variant(sa.Integer, "sqlite")
ADDED = ("name", "backfill_id", "backfill_day", "backfill_days")


def upgrade() -> None:
    op.create_table(
        "backfills",
        sa.Column("seq", COUNTED, primary_key=True),
        sa.Column("backfill_id", sa.String(63), nullable=False),
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("pipeline_id", sa.String(255), nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("params", sa.JSON, nullable=False),
        sa.Column("days", sa.JSON, nullable=False),
        sa.Column("environment", sa.String(63), nullable=False),
        sa.Column("trigger_by", Words, nullable=False),
        sa.Column("folders", sa.JSON, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("error", Words, nullable=False),
        sa.Column("run_id", sa.String(63), nullable=False),
        sa.Column("again", sa.Boolean, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("ended_at", Moment),
        sa.CheckConstraint("status IN ('RUNNING', 'DONE', 'STOPPED', 'FAILED')", name="backfills_status"),
    )
    op.create_index("backfills_backfill_id", "backfills", ["backfill_id"], unique=True)
    op.create_index("backfills_one_open", "backfills", ["tenant_id", "pipeline_id"], unique=True,
                    sqlite_where=GOING_ON, postgresql_where=GOING_ON)
    op.create_index("backfills_newest", "backfills", ["tenant_id", "seq"])
    op.add_column("runs", sa.Column("name", Words, nullable=False, server_default=""))
    op.add_column("runs", sa.Column("backfill_id", sa.String(63), nullable=False, server_default=""))
    op.add_column("runs", sa.Column("backfill_day", sa.Integer, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("backfill_days", sa.Integer, nullable=False, server_default="0"))
    runs = sa.table("runs", sa.column("name", sa.Text), sa.column("spec", sa.JSON))
    op.execute(sa.update(runs).values(name=sa.func.coalesce(runs.c.spec["name"].as_string(), "")))
    op.create_index("runs_by_time", "runs", ["tenant_id", "created_at"])
    op.create_index("runs_of_backfill", "runs", ["backfill_id", "seq"], sqlite_where=FILLING, postgresql_where=FILLING)


def downgrade() -> None:
    for name in ("runs_by_time", "runs_of_backfill"):
        op.drop_index(name, "runs")
    for name in ADDED:
        op.drop_column("runs", name)
    op.drop_table("backfills")
