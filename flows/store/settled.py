"""Counts of runs that will never change, kept: a process that starts to count does not read a million runs again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from flows.store.database import Database
from flows.store.schema import settled_counts

EVERY = 10_000
"""Kept again when so many more runs have settled."""


@dataclass(frozen=True)
class Kept:
    """All runs up to the number `edge`, as rows of plain numbers by (environment or type, status)."""

    edge: int
    runs: dict[tuple[str, str], list[Any]]
    steps: dict[tuple[str, str], list[Any]]


def mark(*bounds: Sequence[float]) -> str:
    """Counts are of one use only with the bounds that they were made with."""
    return hashlib.sha256(json.dumps(bounds).encode()).hexdigest()


def load(connection: Connection, name: str) -> Kept | None:
    row = connection.execute(select(settled_counts.c.edge, settled_counts.c.body).where(settled_counts.c.name == name)).one_or_none()
    return None if row is None else Kept(row.edge, _back(row.body["runs"]), _back(row.body["steps"]))


def keep(database: Database, name: str, kept: Kept) -> None:
    """Another process may have kept more since; then its counts stay."""
    values = {"edge": kept.edge, "body": {"runs": _flat(kept.runs), "steps": _flat(kept.steps)}, "updated_at": database.now()}
    made = database.insert(settled_counts).values(name=name, **values)
    with database.write() as connection:
        connection.execute(made.on_conflict_do_update(index_elements=["name"], set_=values, where=settled_counts.c.edge < kept.edge))


def _flat(table: Mapping[tuple[str, str], list[Any]]) -> list[list[Any]]:
    return [[*key, row] for key, row in table.items()]


def _back(rows: Sequence[Sequence[Any]]) -> dict[tuple[str, str], list[Any]]:
    return {(one, other): list(row) for one, other, row in rows}
