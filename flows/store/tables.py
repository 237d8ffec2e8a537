"""The tables of the platform around runs: who may do what, who did what, and what runs by itself. A part of `schema`."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Index, Integer, String, Table, text

from flows.store.schema import Moment, Words, _id, _json, metadata

TABLES = metadata
"""Those of `schema` and these: all of the control store."""
tenants = Table(
    "tenants", metadata,
    Column("tenant_id", String(63), primary_key=True),
    Column("name", Words, nullable=False),
    Column("author", Words, nullable=False),
    Column("created_at", Moment, nullable=False),
)
keys = Table(
    "keys", metadata,  # what opens: never the key itself
    Column("key_id", String(31), primary_key=True),
    Column("tenant_id", String(63), nullable=False),
    Column("digest", String(64), nullable=False),  # SHA-256 of the key
    Column("prefix", String(15), nullable=False),  # its first characters, to tell it from others
    Column("name", Words, nullable=False),
    Column("role", String(15), nullable=False),
    Column("author", Words, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
    Column("used_at", Moment),
    CheckConstraint("role IN ('viewer', 'editor', 'operator', 'admin')", name="keys_role"),
    Index("keys_digest", "digest", unique=True),
    Index("keys_of_tenant", "tenant_id", "created_at"),
)
members = Table(
    "members", metadata,  # people who sign in, by the address that their identity provider has verified
    Column("tenant_id", String(63), primary_key=True),
    Column("person", String(255), primary_key=True),
    Column("role", String(15), nullable=False),
    Column("author", Words, nullable=False),
    Column("created_at", Moment, nullable=False),
    CheckConstraint("role IN ('viewer', 'editor', 'operator', 'admin')", name="members_role"),
    Index("members_person", "person"),
)
guard = Table(
    "guard", metadata,  # one row once a root key was in use: from then on nobody is let in without a key
    Column("guard_id", Integer, primary_key=True),
    Column("root_digest", String(64), nullable=False),
    Column("updated_at", Moment, nullable=False),
)
audit = Table(
    "audit", metadata,  # written in the transaction of the change itself, never changed
    Column("seq", _id, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("tenant_id", String(63), nullable=False),
    Column("who", Words, nullable=False),
    Column("role", String(15), nullable=False),
    Column("via", String(15), nullable=False),  # python, cli, app, api, mcp
    Column("action", String(63), nullable=False),  # run, deploy, key.create
    Column("target", Words, nullable=False),
    Column("before", _json(nullable=True)),
    Column("after", _json(nullable=True)),
    Column("planner", Words, nullable=False),  # who proposed it, where a planner did
    Index("audit_of_tenant", "tenant_id", "seq"),
    Index("audit_of_target", "tenant_id", "target", "seq"),
)
requests = Table(
    "requests", metadata,  # what was answered to an Idempotency-Key
    Column("tenant_id", String(63), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("digest", String(64), nullable=False),  # SHA-256 of the method, the path and the body
    Column("status", Integer, nullable=False),
    Column("answer", _json(), nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("requests_by_time", "created_at"),
)
_unlive = text("status != 'LIVE'")
deployments = Table(
    "deployments", metadata,
    Column("tenant_id", String(63), primary_key=True),
    Column("pipeline_id", String(255), primary_key=True),
    Column("environment", String(63), primary_key=True),
    Column("release", Integer, nullable=False),  # the one in force
    Column("paused", Boolean, nullable=False),
    Column("prefect_id", String(63), nullable=False),  # "" until Prefect has it
    Column("status", String(15), nullable=False),  # whether Prefect has it as it is here
    Column("error", Words, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("retry_at", Moment),
    Column("held_until", Moment),  # somebody tells Prefect now
    Column("edition", Integer, nullable=False),  # counts all that is to be told
    Column("told", _json(nullable=True)),  # what Prefect was told last: what differs there since, a person has changed there
    Column("seen", _json(nullable=True)),  # what its work pool looked like, for who asks why nothing starts
    Column("refused", _json(nullable=True)),  # the last due run that could not be queued, and why
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    CheckConstraint("status IN ('PENDING', 'LIVE', 'FAILED', 'REMOVING')", name="deployments_status"),
    Index("deployments_due", "retry_at", sqlite_where=_unlive, postgresql_where=_unlive),
)
releases = Table(
    "releases", metadata,  # every deploy and rollback, never changed; they outlive their deployment
    Column("tenant_id", String(63), primary_key=True),
    Column("pipeline_id", String(255), primary_key=True),
    Column("environment", String(63), primary_key=True),
    Column("release", Integer, primary_key=True),
    Column("version", Integer, nullable=False),  # of the spec
    Column("schedules", _json(), nullable=False),
    Column("params", _json(), nullable=False),
    Column("pool", String(255), nullable=False),
    Column("folders", _json(), nullable=False),  # where its runs may read and write files, besides those of the runner
    Column("action", String(31), nullable=False),  # deploy, rollback, delete
    Column("author", Words, nullable=False),
    Column("created_at", Moment, nullable=False),
)
approvals = Table(
    "approvals", metadata,  # what a program asked for and a person decides
    Column("approval_id", String(63), primary_key=True),
    Column("tenant_id", String(63), nullable=False),
    Column("author", Words, nullable=False),
    Column("asked", _json(), nullable=False),
    Column("status", String(15), nullable=False),
    Column("decided_by", Words, nullable=False),
    Column("run_id", String(63), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("decided_at", Moment),
    CheckConstraint("status IN ('WAITING', 'APPROVED', 'REFUSED')", name="approvals_status"),
    Index("approvals_of_tenant", "tenant_id", "created_at"),
)
