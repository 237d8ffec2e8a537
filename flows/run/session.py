"""Opens the local warehouse for a step, a preview or a question: whose lake, which names, which folders."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from flows.insight.catalog import Catalog
    from flows.settings import Settings
    from flows.store import Store
    from flows.warehouse.base import Warehouse

T = TypeVar("T")


def open_session(settings: Settings, store: Store, catalog: Catalog, *, stage: str, preview: bool = False) -> Warehouse:
    """A session of its own on the tenant's lake; whoever asks for it closes it.

    `stage` is the folder below `$PENSTOCK_HOME/stage/<tenant>` that rows between steps go to. Bare catalogued names mean their
    `location` in the lake.
    """
    from flows.warehouse.duckdb import DuckDBWarehouse

    names = {name: table.location for name, table in catalog.tables.items() if table.location}
    staged = settings.home / "stage" / settings.tenant_id  # a step reads what other steps, also of a resumed run, have left there
    return DuckDBWarehouse(settings, store.manifest, settings.tenant_id, names=names, stage_dir=staged / stage, preview=preview,
                           read_dirs=(*settings.folders, staged))


def stoppable(session: Warehouse, work: Callable[[], T]) -> T:
    """Do it in a thread: a statement holds the thread it runs in, and Ctrl-C is heard by the main one only."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        try:
            return future.result()
        except KeyboardInterrupt:
            session.cancel()
            raise
