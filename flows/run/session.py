"""Opens the warehouse of an environment for a step, a preview or a question: whose tables, which names, which folders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from flows.errors import UnreachableError
from flows.insight.samples import folder

if TYPE_CHECKING:
    from flows.insight.catalog import Catalog
    from flows.settings import Settings
    from flows.store import Store
    from flows.warehouse.base import Warehouse
    from flows.warehouse.bigquery import BigQueryWarehouse
    from flows.warehouse.bq.allowance import Allowance
    from flows.warehouse.bq.project import Project

T = TypeVar("T")


def open_session(settings: Settings, store: Store, catalog: Catalog, *, stage: str, preview: bool = False, environment: str = "local",
                 labels: Mapping[str, str] | None = None, job_key: str = "", allowance: Allowance | None = None,
                 project: Project | None = None) -> Warehouse:
    """A session of its own on the tenant's tables; whoever asks for it closes it.

    `stage` is the folder below `$PENSTOCK_HOME/stage/<tenant>` that rows between steps go to. Bare catalogued names mean their
    `location`. A preview is always local. In `production` the session is on BigQuery: `labels` go on every job, `job_key` is the stem
    of their ids, and all of it together bills no more than `allowance`; `project` stands in the place of this home's own.
    Raises UnreachableError when no project is set up, InputError for wrong settings of one.
    """
    from flows.run.book import catch_up
    from flows.warehouse.runbook import NAMES

    staged = settings.home / "stage" / settings.tenant_id  # a step reads what other steps, also of a resumed run, have left there
    folders = (*settings.folders, staged, folder(settings))
    if environment == "production" and not preview:
        from flows.warehouse.bigquery import BigQueryWarehouse

        project = project or production(settings)
        book = partial(catch_up, settings, store, keeper(settings, project))
        return BigQueryWarehouse(project, settings.tenant_id, limits=settings.limits, names={**_own(catalog), **NAMES}, labels=labels,
                                 job_key=job_key, allowance=allowance, credentials=_credentials(project), stage_dir=staged / stage,
                                 read_dirs=folders, book=book)
    from flows.warehouse.duckdb import DuckDBWarehouse

    names = {name: table.location for name, table in catalog.tables.items() if table.location}
    names.update(NAMES)
    return DuckDBWarehouse(settings, store.manifest, settings.tenant_id, names=names, stage_dir=staged / stage, preview=preview,
                           read_dirs=folders, book=partial(catch_up, settings, store))


def keeper(settings: Settings, project: Project | None = None) -> Callable[[], BigQueryWarehouse]:
    """What opens the tenant's BigQuery for Penstock's own writing. Raises UnreachableError when no project is set up."""
    from flows.warehouse.bigquery import BigQueryWarehouse

    project = project or production(settings)
    return partial(BigQueryWarehouse, project, settings.tenant_id, limits=settings.limits, labels={"pipeline": "x_meta"},
                   credentials=_credentials(project), stage_dir=settings.home / "stage" / settings.tenant_id / "x_meta")


def production(settings: Settings) -> Project:
    """The BigQuery project of this home. Raises UnreachableError when there is none, InputError for wrong settings of one."""
    from flows.warehouse.bq.project import FILE, load_project

    project = load_project(settings)
    if project is None:
        raise UnreachableError("no BigQuery project is set up for production here", where="--env production",
                               fix=f"Set GOOGLE_CLOUD_PROJECT, or write production: {{project: ...}} into {settings.home / FILE}; "
                                   "or run with --env local")
    return project


def _own(catalog: Catalog) -> dict[str, str]:
    """Catalogued tables of the warehouse itself. The location of another system's table is sample data, which production never reads."""
    from flows.engines.tables import of_warehouse

    return {name: table.location for name, table in catalog.tables.items() if table.location and of_warehouse(table.connection, catalog)}


def _credentials(project: Project) -> Callable[[], Any] | None:
    """What opens the project, fetched when the first job needs it; None: the warehouse's own way (an emulator, or the machine's)."""
    if not project.credentials:
        return None
    from flows.run.credentials import google_credentials

    return lambda: google_credentials(project.credentials)


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
