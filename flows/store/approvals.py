"""Approvals: what a program has asked for and a person decides."""

from __future__ import annotations

import builtins
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, func, insert, select, update

from flows.errors import InputError, LimitError, MissingError
from flows.store.database import Database, dumps
from flows.store.tables import approvals

HOURS = 24
"""So long an approval waits for a person."""
WAITING_AT_MOST = 100
"""Of one tenant, so that no program buries what people have to read."""
STATES = ("WAITING", "APPROVED", "REFUSED", "EXPIRED")


@dataclass(frozen=True)
class Approval:
    """What was asked for and what became of it. `status`: WAITING | APPROVED | REFUSED | EXPIRED (nobody decided in time); `asked`
    holds the spec and the values of the run as they were when it was asked for; `run_id` is the run of one that was approved."""

    approval_id: str
    tenant_id: str
    author: str
    asked: dict[str, Any]
    status: str
    decided_by: str
    run_id: str
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None


class Approvals:
    """One is decided once, in time or never."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self, tenant: str, author: str, asked: dict[str, Any]) -> Approval | None:
        """The request of this author with just these words, if it waits already."""
        with self._database.read() as connection:
            return self._same(self._open(connection, tenant), author, asked)

    def ask(self, tenant: str, author: str, asked: dict[str, Any]) -> Approval:
        """Keep a request for a person; one that waits already with the same words is the same request. Raises LimitError where too
        many wait."""
        with self._database.write() as connection:
            self._alone(connection, tenant)
            waiting = self._open(connection, tenant)
            if found := self._same(waiting, author, asked):
                return found
            if len(waiting) >= WAITING_AT_MOST:
                raise LimitError(f"{len(waiting)} requests wait for a person already", fix="Have them decided: penstock approvals")
            values = {"approval_id": f"ask-{secrets.token_hex(6)}", "tenant_id": tenant, "author": author, "asked": asked,
                      "status": "WAITING", "decided_by": "", "run_id": "", "created_at": self._database.now(),
                      "expires_at": self._database.now(HOURS * 3600.0)}
            connection.execute(insert(approvals).values(values))
            row = connection.execute(self._asked(tenant).where(approvals.c.approval_id == values["approval_id"])).one()
            return self._approval(row)

    def get(self, tenant: str, approval_id: str) -> Approval:
        """Raises MissingError, with the same words for one of another tenant."""
        with self._database.read() as connection:
            row = connection.execute(self._asked(tenant).where(approvals.c.approval_id == approval_id)).one_or_none()
        if row is None:
            raise MissingError(f"there is no approval {approval_id!r}", fix="See what waits: penstock approvals")
        return self._approval(row)

    def list(self, tenant: str, status: str = "", limit: int = 100) -> builtins.list[Approval]:
        """Newest first; those of one state, or all."""
        asked = self._asked(tenant).order_by(approvals.c.created_at.desc(), approvals.c.approval_id).limit(limit)
        if status:
            asked = asked.where(self._status() == status)
        with self._database.read() as connection:
            return [self._approval(row) for row in connection.execute(asked)]

    def decide(self, tenant: str, approval_id: str, status: str, *, by: str) -> Approval:
        """APPROVED or REFUSED, of many who decide at once by exactly one, and only while it waits. Raises MissingError, InputError that
        says what became of it."""
        mine = and_(approvals.c.tenant_id == tenant, approvals.c.approval_id == approval_id)
        values = {"status": status, "decided_by": by, "decided_at": self._database.now()}
        with self._database.write() as connection:
            done = connection.execute(update(approvals).where(mine, self._waits()).values(values)).rowcount
        found = self.get(tenant, approval_id)
        if not done:
            when = "nobody decided in time" if found.status == "EXPIRED" else f"{found.decided_by} has {found.status.lower()} it"
            raise InputError(f"{approval_id} is decided already: {when}", fix="Have it asked for again")
        return found

    def began(self, tenant: str, approval_id: str, run_id: str) -> Approval:
        """Note the run of one that was approved."""
        mine = and_(approvals.c.tenant_id == tenant, approvals.c.approval_id == approval_id)
        with self._database.write() as connection:
            connection.execute(update(approvals).where(mine).values(run_id=run_id))
        return self.get(tenant, approval_id)

    # ---- inside

    def _alone(self, connection: Connection, tenant: str) -> None:
        """Nobody else asks for this tenant until the end of the transaction: what waits is counted right. On SQLite a writer is alone
        anyway."""
        if self._database.kind == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"approvals/{tenant}", 0))))

    def _open(self, connection: Connection, tenant: str) -> builtins.list[Approval]:
        return [self._approval(row) for row in connection.execute(self._asked(tenant).where(self._waits()))]

    @staticmethod
    def _same(waiting: builtins.list[Approval], author: str, asked: dict[str, Any]) -> Approval | None:
        plain = json.loads(dumps(asked))
        return next((found for found in waiting if (found.author, found.asked) == (author, plain)), None)

    def _waits(self) -> ColumnElement[bool]:
        return and_(approvals.c.status == "WAITING", approvals.c.expires_at > self._database.now())

    def _status(self) -> ColumnElement[str]:
        over = and_(approvals.c.status == "WAITING", approvals.c.expires_at <= self._database.now())
        return case((over, "EXPIRED"), else_=approvals.c.status)

    def _asked(self, tenant: str) -> Select[Any]:
        columns = [c for c in approvals.c if c.name != "status"]
        return select(*columns, self._status().label("status")).where(approvals.c.tenant_id == tenant)

    @staticmethod
    def _approval(row: Row[Any]) -> Approval:
        return Approval(**row._mapping)
