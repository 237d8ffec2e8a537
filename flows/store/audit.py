"""The audit log: who changed what, when, from what to what. A row stands in the transaction of its change, or neither does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from flows.store.database import Database
from flows.store.tables import audit

MOST = 1000


@dataclass
class Note:
    """What is about to be written; the work itself completes `target`, `before` and `after`. Neither ever holds a secret."""

    action: str
    target: str = ""
    before: Any = None
    after: Any = None
    planner: str = ""


@dataclass(frozen=True)
class AuditRow:
    """One change. `via`: python | cli | app | api | mcp | prefect (a switch that was found
    there); `planner` is the one that drafted what was kept, "" for none."""

    seq: int
    at: datetime
    tenant_id: str
    who: str
    role: str
    via: str
    action: str
    target: str
    before: Any
    after: Any
    planner: str


class Audit:
    """Rows are added and read, never changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, tenant: str, note: Note, *, who: str, role: str, via: str) -> None:
        """In the transaction that is open in this thread (`Store.together`), else in its own."""
        with self._database.write() as connection:
            connection.execute(insert(audit).values(
                at=self._database.now(), tenant_id=tenant, who=who, role=role, via=via, action=note.action, target=note.target,
                before=note.before, after=note.after, planner=note.planner))

    def find(self, tenant: str, *, action: str = "", target: str = "", who: str = "", since: datetime | None = None,
             before: int | None = None, limit: int = 100) -> list[AuditRow]:
        """Newest first; `before` is the seq of the last row of the page before; an empty filter filters nothing; an action that ends
        with '.' is all of its kind (`key.`)."""
        asked = select(audit).where(audit.c.tenant_id == tenant).order_by(audit.c.seq.desc()).limit(max(1, min(limit, MOST)))
        if action:
            asked = asked.where(audit.c.action.startswith(action, autoescape=True) if action.endswith(".") else audit.c.action == action)
        if target:
            asked = asked.where(audit.c.target == target)
        if who:
            asked = asked.where(audit.c.who == who)
        if since:
            asked = asked.where(audit.c.at >= since)
        if before is not None:
            asked = asked.where(audit.c.seq < before)
        with self._database.read() as connection:
            return [AuditRow(**row._mapping) for row in connection.execute(asked)]
