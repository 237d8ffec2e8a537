"""Sample data: puts the shop's tables into the tenant's lake and its files into the inbox, once."""

from __future__ import annotations

import fcntl
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.insight import inbox
from flows.insight.shop import TABLES, Shop
from flows.settings import Settings

if TYPE_CHECKING:
    from flows.store import Store

DATASET = "shop"
TENANT = "demo"
"""Whose shop it is: nobody else gets sample rows without asking."""


def ensure_sample(settings: Settings, store: Store, *, scale: float = 1.0) -> dict[str, Any]:
    """Make those of the shop's tables that the lake of `settings.tenant_id` does not hold yet; what is there is left as it is.

    Returns `made` (rows by table, empty when all was there), `tables` (all their names) and `seconds`. Two callers at once: the
    second waits and finds them. A call that was killed leaves whole tables only; the next one makes the rest. The files of
    `flows.insight.inbox` are put into the folder `files/inbox` of the home, and into that of the tenant, where they are missing.
    """
    started = time.monotonic()
    made: dict[str, int] = {}
    if _missing(settings, store):
        with _alone(settings.home):
            made = _make(settings, store, scale)
    inbox.deliver(settings.home)
    if settings.root_key or settings.oidc is not None or store.keys.guarded():  # who asks from elsewhere has the files of the tenant only
        inbox.deliver(settings.home, settings.apart().folders[0])
    return {"made": made, "tables": [f"{DATASET}.{name}" for name in TABLES], "seconds": round(time.monotonic() - started, 2)}


def _missing(settings: Settings, store: Store) -> set[str]:
    there = {table.name for table in store.manifest.tables(settings.tenant_id, DATASET)}
    return {name for name in TABLES if f"{DATASET}.{name}" not in there}


def _make(settings: Settings, store: Store, scale: float) -> dict[str, int]:
    from flows.warehouse.duckdb import DuckDBWarehouse

    made = {}
    there = set(TABLES) - _missing(settings, store)  # looked up again: another caller may have been here first
    with tempfile.TemporaryDirectory() as scratch:
        warehouse = DuckDBWarehouse(settings, store.manifest, settings.tenant_id, names={}, stage_dir=Path(scratch))
        try:
            for name, rows in Shop(scale).tables(but=there):
                made[name] = warehouse.load(rows.to_reader(), f"{DATASET}.{name}", mode="truncate").rows
        finally:
            warehouse.close()
    return made


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One maker at a time in this home."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "sample.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
