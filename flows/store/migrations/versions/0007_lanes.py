"""Backfills that run several days at once: runs have lanes, and which day is run again is said by its run."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OPEN = sa.text("status IN ('PENDING', 'RUNNING')")
RUNS = sa.table("runs", sa.column("seq", sa.Integer), sa.column("run_id", sa.String), sa.column("again", sa.Boolean),
                sa.column("backfill_id", sa.String), sa.column("backfill_day", sa.Integer))
FILLS = sa.table("backfills", sa.column("backfill_id", sa.String), sa.column("run_id", sa.String), sa.column("again", sa.Boolean),
                 sa.column("position", sa.Integer))


def upgrade() -> None:
    op.add_column("runs", sa.Column("lane", sa.Integer, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("again", sa.Boolean, nullable=False, server_default=sa.false()))
    _one_open("tenant_id", "pipeline_id", "lane")
    op.add_column("backfills", sa.Column("at_once", sa.Integer, nullable=False, server_default="1"))
    held = sa.select(FILLS.c.run_id).where(FILLS.c.again)
    op.execute(sa.update(RUNS).where(RUNS.c.run_id.in_(held)).values(again=sa.true()))
    for name in ("run_id", "again"):  # both stand in the runs themselves
        op.drop_column("backfills", name)


def downgrade() -> None:
    op.add_column("backfills", sa.Column("run_id", sa.String(63), nullable=False, server_default=""))
    op.add_column("backfills", sa.Column("again", sa.Boolean, nullable=False, server_default=sa.false()))
    newest = sa.select(RUNS.c.run_id).where(RUNS.c.backfill_id == FILLS.c.backfill_id, RUNS.c.backfill_day == FILLS.c.position + 1)
    op.execute(sa.update(FILLS).values(run_id=sa.func.coalesce(newest.order_by(RUNS.c.seq.desc()).limit(1).scalar_subquery(), "")))
    op.drop_column("backfills", "at_once")
    _one_open("tenant_id", "pipeline_id")
    for name in ("lane", "again"):
        op.drop_column("runs", name)


def _one_open(*columns: str) -> None:
    op.drop_index("runs_one_open", "runs")
    op.create_index("runs_one_open", "runs", list(columns), unique=True, sqlite_where=OPEN, postgresql_where=OPEN)
