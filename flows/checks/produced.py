"""Tables that do not exist yet: what a stored pipeline will write, told by its spec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flows.checks.case import Case, build, word
from flows.checks.columns import known, loaded_by, walk
from flows.errors import PenstockError
from flows.warehouse import runbook
from flows.warehouse.base import Column

if TYPE_CHECKING:
    from flows.insight.catalog import Catalog
    from flows.settings import Settings
    from flows.store import Store

DEPTH = 5
"""How many pipelines one after the other are looked through; a table further up is not known."""


@dataclass(frozen=True)
class Produced:
    """A table that the newest version of a stored pipeline loads, and its columns."""

    pipeline_id: str
    columns: tuple[Column, ...]


def produced(name: str, *, store: Store, catalog: Catalog, settings: Settings, depth: int = DEPTH) -> Produced | None:
    """The stored pipeline that loads the table `dataset.table`, of the tenant of `settings`; None when there is none, or when its columns
    cannot be told without running it."""
    if "." not in name or not depth:
        return None
    for version in store.specs.list(settings.tenant_id):
        if name.rpartition(".")[2] not in str(version.spec):
            continue
        above = describer(store=store, catalog=catalog, settings=settings, depth=depth - 1)
        columns = _columns(version.spec, name, above, catalog, settings)
        if columns:
            return Produced(version.pipeline_id, columns)
    return None


def describer(*, store: Store, catalog: Catalog, settings: Settings, depth: int = DEPTH) -> Callable[[str], tuple[Column, ...] | None]:
    """For `Case.describe`: the columns of a table of the run book or of the lake, else of one that a stored pipeline will write."""
    def describe(name: str) -> tuple[Column, ...] | None:
        ours = runbook.find(name)
        if ours is not None:
            return ours.columns
        table = store.manifest.table(settings.tenant_id, name)
        if table is not None and "columns" in table.spec:
            return tuple(Column(column["name"], column["type"]) for column in table.spec["columns"])
        found = produced(name, store=store, catalog=catalog, settings=settings, depth=depth)
        return found.columns if found else None

    return describe


def _columns(data: dict[str, Any], name: str, describe: Callable[[str], tuple[Column, ...] | None], catalog: Catalog,
             settings: Settings) -> tuple[Column, ...] | None:
    from flows.spec.loader import from_data

    try:
        case: Case = build(from_data(data), catalog=catalog, settings=settings)
    except PenstockError:
        return None  # stored by an older version of the product, whose contract was another
    load = next((step for step in case.spec.steps if loaded_by(step) == name), None)
    if load is None:
        return None
    case.describe = describe
    walk(case, list(case.problems), [])
    return known(case, word(load, "config", "input"))
