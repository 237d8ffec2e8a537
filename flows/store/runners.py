"""Runners and their signs of life."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select

from flows.store.database import Database
from flows.store.rows import Runner
from flows.store.schema import runners

FORGET_SECONDS = 86_400.0  # a runner that died without a word


class Runners:
    """Who works on runs; a runner serves all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(self, owner: str, info: dict[str, Any]) -> None:
        """Say that `owner` is alive, with what others may know about it (address, process id, what it runs)."""
        now = self._database.now()
        made = self._database.insert(runners).values(owner=owner, info=info, started_at=now, beat_at=now)
        again = made.on_conflict_do_update(index_elements=["owner"], set_={"info": made.excluded.info, "beat_at": made.excluded.beat_at})
        with self._database.write() as connection:
            connection.execute(again)
            connection.execute(delete(runners).where(runners.c.beat_at < self._database.now(-FORGET_SECONDS)))

    def alive(self, max_age: float = 5.0) -> list[Runner]:
        """Those heard of in the last `max_age` seconds, the longest serving first."""
        asked = select(runners).where(runners.c.beat_at >= self._database.now(-max_age)).order_by(runners.c.started_at, runners.c.owner)
        with self._database.read() as connection:
            return [Runner(**row._mapping) for row in connection.execute(asked)]

    def last(self) -> Runner | None:
        """The one heard of last, however long ago; None when none is known (one that stopped in good order is forgotten)."""
        with self._database.read() as connection:
            row = connection.execute(select(runners).order_by(runners.c.beat_at.desc()).limit(1)).one_or_none()
        return None if row is None else Runner(**row._mapping)

    def gone(self, owner: str) -> None:
        """`owner` stops in good order."""
        with self._database.write() as connection:
            connection.execute(delete(runners).where(runners.c.owner == owner))
