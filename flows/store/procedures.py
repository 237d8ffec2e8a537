"""Stored procedures of the local warehouse: their text, by tenant and dataset.name."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, select

from flows.errors import InputError
from flows.store.database import Database
from flows.store.rows import Procedure
from flows.store.schema import procedures


class Procedures:
    """Procedures of one tenant at a time; what one tenant has does not exist for another."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, tenant: str, name: str) -> Procedure | None:
        asked = select(procedures).where(procedures.c.tenant_id == tenant, procedures.c.name == name)
        with self._database.read() as connection:
            row = connection.execute(asked).one_or_none()
        return None if row is None else Procedure(**row._mapping)

    def list(self, tenant: str) -> builtins.list[Procedure]:
        """By name."""
        asked = select(procedures).where(procedures.c.tenant_id == tenant).order_by(func.lower(procedures.c.name))
        with self._database.read() as connection:
            return [Procedure(**row._mapping) for row in connection.execute(asked)]

    def change(self, tenant: str, put: Sequence[Mapping[str, Any]], drop: Sequence[str] = ()) -> None:
        """Write procedures ({name, sha256, text, arguments}) over what has their names, and remove others, in one transaction.

        Raises InputError for a name that is too long.
        """
        now = self._database.now()
        with self._database.write() as connection:
            if drop:
                connection.execute(delete(procedures).where(procedures.c.tenant_id == tenant, procedures.c.name.in_(drop)))
            for each in put:
                if len(each["name"]) > 255:
                    raise InputError(f"the name {each['name'][:40]!r}... is too long", fix="Use at most 255 characters")
                mine = {"tenant_id": tenant, "name": each["name"]}
                values = {"sha256": each["sha256"], "text": each["text"], "arguments": list(each["arguments"]), "updated_at": now}
                connection.execute(self._database.insert(procedures).values(**mine, **values, created_at=now)
                                   .on_conflict_do_update(index_elements=list(mine), set_=values))
