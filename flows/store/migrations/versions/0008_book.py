"""What the mirror of the run book in the warehouse has by now, and the limits of a tenant."""

import sqlalchemy as sa
from alembic import op

from flows.store.schema import Moment, Words

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UNMIRRORED = sa.text("NOT mirrored AND status IN ('SUCCESS', 'FAILED', 'CANCELLED', 'CRASHED')")


def upgrade() -> None:
    op.add_column("runs", sa.Column("mirrored", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index("runs_unmirrored", "runs", ["tenant_id", "environment", "seq"], sqlite_where=UNMIRRORED, postgresql_where=UNMIRRORED)
    op.create_table(
        "books",
        sa.Column("tenant_id", sa.String(63), primary_key=True),
        sa.Column("environment", sa.String(63), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("error", Words, nullable=False),
        sa.Column("retry_at", Moment),
        sa.Column("held_until", Moment),
    )
    op.create_table(
        "tenant_limits",
        sa.Column("tenant_id", sa.String(63), primary_key=True),
        sa.Column("runs_per_day", sa.Integer),
        sa.Column("runs_at_once", sa.Integer),
        sa.Column("bytes_per_day", sa.BigInteger),
        sa.Column("updated_at", Moment, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("tenant_limits")
    op.drop_table("books")
    op.drop_index("runs_unmirrored", "runs")
    op.drop_column("runs", "mirrored")
