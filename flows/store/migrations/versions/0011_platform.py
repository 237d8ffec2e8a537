"""The platform around runs: tenants, keys, members, the audit log, idempotent requests, deployments and approvals."""

import hashlib

import sqlalchemy as sa
from alembic import op

from flows.store.schema import Moment, Words

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

COUNTED = sa.BigInteger().with_variant(sa.Integer, "sqlite")
UNMIRRORED = sa.text("NOT mirrored AND status || '' IN ('SUCCESS', 'FAILED', 'CANCELLED', 'CRASHED')")
UNMIRRORED_BEFORE = sa.text("NOT mirrored AND status IN ('SUCCESS', 'FAILED', 'CANCELLED', 'CRASHED')")
UNLIVE = sa.text("status != 'LIVE'")


def upgrade() -> None:
    op.add_column("tenant_limits", sa.Column("runs_waiting", sa.Integer))
    op.add_column("runs", sa.Column("due_at", Moment))
    op.add_column("runs", sa.Column("reserved", sa.BigInteger))
    op.add_column("chats", sa.Column("author", Words, nullable=False, server_default=""))
    _people()
    _log()
    _deployments()
    _approvals()
    _many_runs()


def _people() -> None:
    op.create_table(
        "tenants",
        sa.Column("tenant_id", sa.String(63), primary_key=True),
        sa.Column("name", Words, nullable=False),
        sa.Column("author", Words, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
    )
    op.create_table(
        "keys",
        sa.Column("key_id", sa.String(31), primary_key=True),
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("prefix", sa.String(15), nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("role", sa.String(15), nullable=False),
        sa.Column("author", Words, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("expires_at", Moment),
        sa.Column("revoked_at", Moment),
        sa.Column("used_at", Moment),
        sa.CheckConstraint("role IN ('viewer', 'editor', 'operator', 'admin')", name="keys_role"),
    )
    op.create_index("keys_digest", "keys", ["digest"], unique=True)
    op.create_index("keys_of_tenant", "keys", ["tenant_id", "created_at"])
    op.create_table(
        "members",
        sa.Column("tenant_id", sa.String(63), primary_key=True),
        sa.Column("person", sa.String(255), primary_key=True),
        sa.Column("role", sa.String(15), nullable=False),
        sa.Column("author", Words, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.CheckConstraint("role IN ('viewer', 'editor', 'operator', 'admin')", name="members_role"),
    )
    op.create_index("members_person", "members", ["person"])
    op.create_table(
        "guard",
        sa.Column("guard_id", sa.Integer, primary_key=True),
        sa.Column("root_digest", sa.String(64), nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
    )


def _log() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", COUNTED, primary_key=True),
        sa.Column("at", Moment, nullable=False),
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("who", Words, nullable=False),
        sa.Column("role", sa.String(15), nullable=False),
        sa.Column("via", sa.String(15), nullable=False),
        sa.Column("action", sa.String(63), nullable=False),
        sa.Column("target", Words, nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True)),
        sa.Column("after", sa.JSON(none_as_null=True)),
        sa.Column("planner", Words, nullable=False),
    )
    op.create_index("audit_of_tenant", "audit", ["tenant_id", "seq"])
    op.create_index("audit_of_target", "audit", ["tenant_id", "target", "seq"])
    op.create_table(
        "requests",
        sa.Column("tenant_id", sa.String(63), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("answer", sa.JSON, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
    )
    op.create_index("requests_by_time", "requests", ["created_at"])


def _deployments() -> None:
    op.create_table(
        "deployments",
        sa.Column("tenant_id", sa.String(63), primary_key=True),
        sa.Column("pipeline_id", sa.String(255), primary_key=True),
        sa.Column("environment", sa.String(63), primary_key=True),
        sa.Column("release", sa.Integer, nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("prefect_id", sa.String(63), nullable=False),
        sa.Column("status", sa.String(15), nullable=False),
        sa.Column("error", Words, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("retry_at", Moment),
        sa.Column("held_until", Moment),
        sa.Column("edition", sa.Integer, nullable=False),
        sa.Column("told", sa.JSON(none_as_null=True)),
        sa.Column("seen", sa.JSON(none_as_null=True)),
        sa.Column("refused", sa.JSON(none_as_null=True)),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
        sa.CheckConstraint("status IN ('PENDING', 'LIVE', 'FAILED', 'REMOVING')", name="deployments_status"),
    )
    op.create_index("deployments_due", "deployments", ["retry_at"], sqlite_where=UNLIVE, postgresql_where=UNLIVE)
    op.create_table(
        "releases",
        sa.Column("tenant_id", sa.String(63), primary_key=True),
        sa.Column("pipeline_id", sa.String(255), primary_key=True),
        sa.Column("environment", sa.String(63), primary_key=True),
        sa.Column("release", sa.Integer, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("schedules", sa.JSON, nullable=False),
        sa.Column("params", sa.JSON, nullable=False),
        sa.Column("pool", sa.String(255), nullable=False),
        sa.Column("folders", sa.JSON, nullable=False),
        sa.Column("action", sa.String(31), nullable=False),
        sa.Column("author", Words, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
    )


def _approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("approval_id", sa.String(63), primary_key=True),
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("author", Words, nullable=False),
        sa.Column("asked", sa.JSON, nullable=False),
        sa.Column("status", sa.String(15), nullable=False),
        sa.Column("decided_by", Words, nullable=False),
        sa.Column("run_id", sa.String(63), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("decided_at", Moment),
        sa.CheckConstraint("status IN ('WAITING', 'APPROVED', 'REFUSED')", name="approvals_status"),
    )
    op.create_index("approvals_of_tenant", "approvals", ["tenant_id", "created_at"])


def _unmirrored(which: sa.TextClause) -> None:
    op.drop_index("runs_unmirrored", "runs")
    op.create_index("runs_unmirrored", "runs", ["tenant_id", "environment", "seq"], sqlite_where=which, postgresql_where=which)


def _many_runs() -> None:
    """What keeps a list of runs quick among a million of them."""
    for name, columns in (("runs_newest", ["seq", "run_id"]), ("runs_by_time", ["created_at", "status", "started_at", "ended_at"])):
        op.drop_index(name, "runs")
        op.create_index(name, "runs", ["tenant_id", *columns])
    op.create_index("runs_by_status", "runs", ["tenant_id", "status", "seq"])
    _unmirrored(UNMIRRORED)
    names = op.create_table(
        "run_names",
        sa.Column("tenant_id", sa.String(63), primary_key=True),
        sa.Column("pipeline_id", sa.String(255), primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("name", Words, nullable=False),
    )
    known = op.get_bind().execute(sa.text("SELECT DISTINCT tenant_id, pipeline_id, name FROM runs")).all()
    rows = [{"tenant_id": tenant, "pipeline_id": pipeline, "digest": hashlib.sha256(name.encode()).hexdigest(), "name": name}
            for tenant, pipeline, name in known]
    op.bulk_insert(names, rows)
    op.create_table(
        "settled_counts",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("edge", sa.BigInteger, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("settled_counts")
    op.drop_table("run_names")
    op.drop_index("runs_by_status", "runs")
    _unmirrored(UNMIRRORED_BEFORE)
    for name, column in (("runs_newest", "seq"), ("runs_by_time", "created_at")):
        op.drop_index(name, "runs")
        op.create_index(name, "runs", ["tenant_id", column])
    for name in ("approvals", "releases", "deployments", "requests", "audit", "guard", "members", "keys", "tenants"):
        op.drop_table(name)
    op.drop_column("chats", "author")
    op.drop_column("runs", "reserved")
    op.drop_column("runs", "due_at")
    op.drop_column("tenant_limits", "runs_waiting")
