"""Runs that are taken over from a lost runner: found by the flow run of Prefect that works for them."""

from alembic import op
from sqlalchemy import text

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_FLOWN = text("flow_run_id != ''")


def upgrade() -> None:
    op.create_index("runs_of_flow_run", "runs", ["flow_run_id"], sqlite_where=_FLOWN, postgresql_where=_FLOWN)


def downgrade() -> None:
    op.drop_index("runs_of_flow_run", "runs")
