"""What was answered to an `Idempotency-Key`: the same request again gets the same answer, whatever process it comes to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, update

from flows.errors import InputError
from flows.store.database import Database
from flows.store.tables import requests

KEPT = timedelta(hours=24)


class ReusedKey(InputError):
    """An Idempotency-Key that came with another request before."""

    code = "idempotency_key_reused"


class Requests:
    """One tenant's key is nothing to another tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def once(self, tenant: str, key: str, body: bytes, work: Callable[[], tuple[int, Any]]) -> tuple[int, Any, bool]:
        """Do `work` in one transaction with the note of its answer: (status, answer, whether it was answered before). What raises is
        not kept. Raises ReusedKey when `body` (with method and path) is not that of the first time."""
        mark = hashlib.sha256(body).hexdigest()
        mine = (requests.c.tenant_id == tenant, requests.c.key == key)
        with self._database.together() as connection:
            first = {"tenant_id": tenant, "key": key, "digest": mark, "status": 0, "answer": None, "created_at": self._database.now()}
            made = self._database.insert(requests).values(first).on_conflict_do_nothing().returning(requests.c.key)
            if connection.execute(made).one_or_none() is None:  # on PostgreSQL after the other one's end
                kept = connection.execute(select(requests.c.digest, requests.c.status, requests.c.answer).where(*mine)).one()
                if kept.digest != mark:
                    raise ReusedKey(f"the Idempotency-Key {key!r} came with another request before", where="Idempotency-Key",
                                    fix="Send a new key with a new request")
                return kept.status, kept.answer, True
            status, answer = work()
            connection.execute(update(requests).where(*mine).values(status=status, answer=answer))
        return status, answer, False

    def forget(self) -> int:
        """Remove what is older than a day; how many."""
        with self._database.write() as connection:
            gone = delete(requests).where(requests.c.created_at < self._database.now(-KEPT.total_seconds())).returning(requests.c.key)
            return len(connection.execute(gone).all())
