"""The tables of the control store, the same on SQLite and PostgreSQL; every change here has a revision in `migrations/versions`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
    literal_column,
    text,
)

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011")
"""Every schema revision this code knows, oldest first; the last one is what it works on."""
VERSION_TABLE = "penstock_schema"
"""Not Alembic's own name: Prefect keeps its own there when both share a PostgreSQL database."""


class Moment(TypeDecorator[datetime]):
    """A time, aware and in UTC on the way in and out; SQLite stores it without a zone, as text that sorts."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text from the outside world, made storable: no NUL (PostgreSQL refuses it), no half of a surrogate pair (both do)."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _json(nullable: bool = False) -> Any:
    return JSON(none_as_null=nullable)  # JSON, not JSONB: the order of keys in a spec is the author's


metadata = MetaData()
_id = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER counts by itself on SQLite

specs = Table(
    "specs", metadata,
    Column("tenant_id", String(63), primary_key=True),
    Column("pipeline_id", String(255), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
)
spec_versions = Table(
    "spec_versions", metadata,
    Column("tenant_id", String(63), primary_key=True),
    Column("pipeline_id", String(255), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("spec", _json(), nullable=False),
    Column("text", Words, nullable=False),
    Column("author", Words, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("certificate", _json(nullable=True)),  # what both warehouses gave when this version was tried on them
    ForeignKeyConstraint(["tenant_id", "pipeline_id"], ["specs.tenant_id", "specs.pipeline_id"], ondelete="CASCADE",
                         name="spec_versions_specs"),
)
_open = text("status IN ('PENDING', 'RUNNING')")
_filling = text("backfill_id != ''")
_flown = text("flow_run_id != ''")
_untold = text("NOT told")
unmirrored = text("NOT mirrored AND status || '' IN ('SUCCESS', 'FAILED', 'CANCELLED', 'CRASHED')")
"""Ended runs that the warehouse does not have yet, in the words of their index: SQLite uses it for no others. The bare status would lead
it to `runs_by_status`, which holds all that ever ended."""
runs = Table(
    "runs", metadata,
    Column("seq", _id, primary_key=True),  # the order of the queue
    Column("run_id", String(63), nullable=False),
    Column("tenant_id", String(63), nullable=False),
    Column("pipeline_id", String(255), nullable=False),
    Column("version", Integer),
    Column("spec", _json(), nullable=False),
    Column("params", _json(), nullable=False),
    Column("environment", String(63), nullable=False),
    Column("trigger_by", Words, nullable=False),
    Column("run_date", String(10), nullable=False),
    Column("folders", _json(), nullable=False),
    Column("status", String(16), nullable=False),
    Column("error", Words, nullable=False),
    Column("owner", String(255), nullable=False),
    Column("lease_until", Moment),
    Column("attempt", Integer, nullable=False),
    Column("cancel", Boolean, nullable=False),
    Column("resume_of", String(63), nullable=False),
    Column("flow_run_id", String(63), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Column("name", Words, nullable=False, server_default=""),  # the spec's own, to be looked for
    Column("backfill_id", String(63), nullable=False, server_default=""),
    Column("backfill_day", Integer, nullable=False, server_default="0"),  # counts from 1
    Column("backfill_days", Integer, nullable=False, server_default="0"),
    Column("lane", Integer, nullable=False, server_default="0"),  # days of one backfill may run side by side; all else is in lane 0
    Column("again", Boolean, nullable=False, server_default=false()),  # it ended without success, and its day is to be run once more
    Column("estimate", _json(nullable=True)),  # the price tag of a run in production, made before its first step
    Column("told", Boolean, nullable=False, server_default=false()),  # its end: the rows of `messages` are written
    Column("mirrored", Boolean, nullable=False, server_default=false()),  # the warehouse's run book has it
    Column("due_at", Moment),  # when a schedule wanted it to begin
    Column("reserved", BigInteger),  # bytes that whoever works on it may be billed for it in all
    CheckConstraint("status IN ('PENDING', 'RUNNING', 'SUCCESS', 'FAILED', 'CANCELLED', 'CRASHED')", name="runs_status"),
    Index("runs_run_id", "run_id", unique=True),
    Index("runs_one_open", "tenant_id", "pipeline_id", "lane", unique=True, sqlite_where=_open, postgresql_where=_open),
    Index("runs_of_flow_run", "flow_run_id", sqlite_where=_flown, postgresql_where=_flown),
    Index("runs_queue", "seq", sqlite_where=_open, postgresql_where=_open),
    Index("runs_newest", "tenant_id", "seq", "run_id"),
    Index("runs_by_status", "tenant_id", "status", "seq"),
    Index("runs_of_pipeline", "tenant_id", "pipeline_id", "seq"),
    Index("runs_by_time", "tenant_id", "created_at", "status", "started_at", "ended_at"),  # all that `stats` reads
    Index("runs_of_backfill", "backfill_id", "seq", sqlite_where=_filling, postgresql_where=_filling),
    Index("runs_untold", "seq", sqlite_where=_untold, postgresql_where=_untold),
    Index("runs_unmirrored", "tenant_id", "environment", "seq", sqlite_where=unmirrored, postgresql_where=unmirrored),
)
is_open = runs.c.status.in_([literal_column("'PENDING'"), literal_column("'RUNNING'")])
"""Runs that wait or are at work, in the words of their indexes: with bound values SQLite would read all runs that ever were."""
run_names = Table(
    "run_names", metadata,  # what the pipelines that ran are called, each name once: a text is looked for here and not among the runs
    Column("tenant_id", String(63), primary_key=True),
    Column("pipeline_id", String(255), primary_key=True),
    Column("digest", String(64), primary_key=True),  # SHA-256 of the name, which may be long
    Column("name", Words, nullable=False),
)
settled_counts = Table(
    "settled_counts", metadata,  # how the runs up to `edge` went, for monitoring: they are counted once, whichever process asks
    Column("name", String(64), primary_key=True),  # by which bounds they were counted
    Column("edge", BigInteger, nullable=False),
    Column("body", _json(), nullable=False),
    Column("updated_at", Moment, nullable=False),
)
_going_on = text("status = 'RUNNING'")
backfills = Table(
    "backfills", metadata,
    Column("seq", _id, primary_key=True),
    Column("backfill_id", String(63), nullable=False),
    Column("tenant_id", String(63), nullable=False),
    Column("pipeline_id", String(255), nullable=False),
    Column("version", Integer),
    Column("spec", _json(), nullable=False),
    Column("params", _json(), nullable=False),
    Column("days", _json(), nullable=False),  # one {run_date, params} for each run
    Column("environment", String(63), nullable=False),
    Column("trigger_by", Words, nullable=False),
    Column("folders", _json(), nullable=False),
    Column("position", Integer, nullable=False),  # so many days from the first one on are done
    Column("status", String(16), nullable=False),
    Column("error", Words, nullable=False),
    Column("at_once", Integer, nullable=False, server_default="1"),  # so many of its days run side by side
    Column("created_at", Moment, nullable=False),
    Column("ended_at", Moment),
    CheckConstraint("status IN ('RUNNING', 'DONE', 'STOPPED', 'FAILED')", name="backfills_status"),
    Index("backfills_backfill_id", "backfill_id", unique=True),
    Index("backfills_one_open", "tenant_id", "pipeline_id", unique=True, sqlite_where=_going_on, postgresql_where=_going_on),
    Index("backfills_newest", "tenant_id", "seq"),
)
steps = Table(
    "steps", metadata,
    Column("run_id", String(63), ForeignKey("runs.run_id", ondelete="CASCADE", name="steps_runs"), primary_key=True),
    Column("step_id", String(255), primary_key=True),
    Column("name", Words, nullable=False),
    Column("ps_type", String(255), nullable=False),
    Column("position", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Column("rows_processed", BigInteger),
    Column("error", Words, nullable=False),
    Column("result", _json(nullable=True)),
    CheckConstraint("status IN ('PENDING', 'RUNNING', 'RETRYING', 'SUCCESS', 'FAILED', 'SKIPPED', 'CANCELLED', 'TIMED_OUT')",
                    name="steps_status"),
)
books = Table(
    "books", metadata,  # run books that are being written, and those that their warehouse did not take
    Column("tenant_id", String(63), primary_key=True),
    Column("environment", String(63), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("error", Words, nullable=False),
    Column("retry_at", Moment),
    Column("held_until", Moment),  # somebody writes them now
)
tenant_limits = Table(
    "tenant_limits", metadata,  # NULL is no limit
    Column("tenant_id", String(63), primary_key=True),
    Column("runs_per_day", Integer),
    Column("runs_at_once", Integer),
    Column("bytes_per_day", BigInteger),
    Column("updated_at", Moment, nullable=False),
    Column("runs_waiting", Integer),  # in the queue, those at work not counted
)
_unsent = text("status = 'WAITING'")
messages = Table(
    "messages", metadata,
    Column("seq", _id, primary_key=True),
    Column("message_id", String(127), nullable=False),
    Column("run_id", String(63), ForeignKey("runs.run_id", ondelete="CASCADE", name="messages_runs"), nullable=False),
    Column("tenant_id", String(63), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("target", Words, nullable=False),
    Column("event", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Words, nullable=False),
    Column("lease_until", Moment),  # while somebody sends it
    Column("next_at", Moment),
    Column("created_at", Moment, nullable=False),
    Column("ended_at", Moment),  # sent or given up
    CheckConstraint("status IN ('WAITING', 'SENT', 'FAILED')", name="messages_status"),
    Index("messages_message_id", "message_id", unique=True),
    Index("messages_of_run", "run_id"),
    Index("messages_due", "next_at", sqlite_where=_unsent, postgresql_where=_unsent),
    Index("messages_ended", "tenant_id", "ended_at"),
)
chats = Table(
    "chats", metadata,
    Column("tenant_id", String(63), primary_key=True),
    Column("chat_id", String(63), primary_key=True),
    Column("title", Words, nullable=False),
    Column("body", _json(), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("author", Words, nullable=False, server_default=""),  # who said it; "" without sign-in
    Index("chats_newest", "tenant_id", "updated_at"),
)
procedures = Table(
    "procedures", metadata,
    Column("tenant_id", String(63), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("text", Words, nullable=False),
    Column("arguments", _json(), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
)
runners = Table(
    "runners", metadata,
    Column("owner", String(255), primary_key=True),
    Column("info", _json(), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("beat_at", Moment, nullable=False),
)
lake_tables = Table(
    "lake_tables", metadata,
    Column("tenant_id", String(63), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("spec", _json(), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
)
lake_files = Table(
    "lake_files", metadata,
    Column("id", _id, primary_key=True),
    Column("tenant_id", String(63), nullable=False),
    Column("table_name", String(255), nullable=False),
    Column("path", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("partition", Words, nullable=False),
    Column("slice", _json(), nullable=False),
    Column("run_id", String(63), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("dropped_at", Moment),
    ForeignKeyConstraint(["tenant_id", "table_name"], ["lake_tables.tenant_id", "lake_tables.name"], name="lake_files_lake_tables"),
    Index("lake_files_path", "tenant_id", "path", unique=True),
    Index("lake_files_of_table", "tenant_id", "table_name", "id"),
    Index("lake_files_dropped", "dropped_at", sqlite_where=text("dropped_at IS NOT NULL"),
          postgresql_where=text("dropped_at IS NOT NULL")),
    sqlite_autoincrement=True,  # an id that was forgotten is never given to another file
)
