"""The first schema: specs and versions, runs and steps, runners, the lake's manifest."""

import sqlalchemy as sa
from alembic import op

from flows.store.schema import Moment, Words

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OPEN = sa.text("status IN ('PENDING', 'RUNNING')")
DROPPED = sa.text("dropped_at IS NOT NULL")
COUNTED = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _specs()
    _runs()
    _lake()


def downgrade() -> None:
    for name in ("lake_files", "lake_tables", "runners", "steps", "runs", "spec_versions", "specs"):
        op.drop_table(name)


def _specs() -> None:
    op.create_table(
        "specs",
        sa.Column("tenant_id", sa.String(63), primary_key=True),
        sa.Column("pipeline_id", sa.String(255), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
    )
    op.create_table(
        "spec_versions",
        sa.Column("tenant_id", sa.String(63), primary_key=True),
        sa.Column("pipeline_id", sa.String(255), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("text", Words, nullable=False),
        sa.Column("author", Words, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id", "pipeline_id"], ["specs.tenant_id", "specs.pipeline_id"], ondelete="CASCADE",
                                name="spec_versions_specs"),
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("seq", COUNTED, primary_key=True),
        sa.Column("run_id", sa.String(63), nullable=False),
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("pipeline_id", sa.String(255), nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("params", sa.JSON, nullable=False),
        sa.Column("environment", sa.String(63), nullable=False),
        sa.Column("trigger_by", Words, nullable=False),
        sa.Column("run_date", sa.String(10), nullable=False),
        sa.Column("folders", sa.JSON, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("error", Words, nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("lease_until", Moment),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("cancel", sa.Boolean, nullable=False),
        sa.Column("resume_of", sa.String(63), nullable=False),
        sa.Column("flow_run_id", sa.String(63), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("started_at", Moment),
        sa.Column("ended_at", Moment),
        sa.CheckConstraint("status IN ('PENDING', 'RUNNING', 'SUCCESS', 'FAILED', 'CANCELLED', 'CRASHED')", name="runs_status"),
    )
    op.create_index("runs_run_id", "runs", ["run_id"], unique=True)
    op.create_index("runs_one_open", "runs", ["tenant_id", "pipeline_id"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index("runs_queue", "runs", ["seq"], sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index("runs_newest", "runs", ["tenant_id", "seq"])
    op.create_index("runs_of_pipeline", "runs", ["tenant_id", "pipeline_id", "seq"])
    op.create_table(
        "steps",
        sa.Column("run_id", sa.String(63), sa.ForeignKey("runs.run_id", ondelete="CASCADE", name="steps_runs"), primary_key=True),
        sa.Column("step_id", sa.String(255), primary_key=True),
        sa.Column("name", Words, nullable=False),
        sa.Column("ps_type", sa.String(255), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("started_at", Moment),
        sa.Column("ended_at", Moment),
        sa.Column("rows_processed", sa.BigInteger),
        sa.Column("error", Words, nullable=False),
        sa.Column("result", sa.JSON),
        sa.CheckConstraint("status IN ('PENDING', 'RUNNING', 'RETRYING', 'SUCCESS', 'FAILED', 'SKIPPED', 'CANCELLED', 'TIMED_OUT')",
                           name="steps_status"),
    )
    op.create_table(
        "runners",
        sa.Column("owner", sa.String(255), primary_key=True),
        sa.Column("info", sa.JSON, nullable=False),
        sa.Column("started_at", Moment, nullable=False),
        sa.Column("beat_at", Moment, nullable=False),
    )


def _lake() -> None:
    op.create_table(
        "lake_tables",
        sa.Column("tenant_id", sa.String(63), primary_key=True),
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
    )
    op.create_table(
        "lake_files",
        sa.Column("id", COUNTED, primary_key=True),
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("table_name", sa.String(255), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("partition", Words, nullable=False),
        sa.Column("slice", sa.JSON, nullable=False),
        sa.Column("run_id", sa.String(63), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("dropped_at", Moment),
        sa.ForeignKeyConstraint(["tenant_id", "table_name"], ["lake_tables.tenant_id", "lake_tables.name"],
                                name="lake_files_lake_tables"),
        sqlite_autoincrement=True,
    )
    op.create_index("lake_files_path", "lake_files", ["tenant_id", "path"], unique=True)
    op.create_index("lake_files_of_table", "lake_files", ["tenant_id", "table_name", "id"])
    op.create_index("lake_files_dropped", "lake_files", ["dropped_at"], sqlite_where=DROPPED, postgresql_where=DROPPED)
