"""A workbench for engines: a real store, a real lake, real files, and a context for any step."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from flows.engines import registry
from flows.engines.base import Cancel, Context, Scope, StepResult
from flows.engines.tables import everything
from flows.insight.catalog import Catalog
from flows.insight.connections import load_connections
from flows.insight.files import AllowedFiles
from flows.settings import Limits, Settings
from flows.store import open_store
from flows.warehouse.base import Relation, Slice, TableSpec
from flows.warehouse.duckdb import DuckDBWarehouse

DAY = date(2025, 11, 15)


@dataclass
class Bench:
    """Runs one step after the other, each in a warehouse session of its own, as a run does."""

    settings: Settings
    store: Any
    here: Path
    catalog: Catalog = field(default_factory=Catalog)
    env: dict[str, str] = field(default_factory=dict)
    relations: dict[str, Relation] = field(default_factory=dict)
    run_date: date = DAY
    credential: str = "none"

    def __post_init__(self) -> None:
        self._count = itertools.count(1)
        self._open: list[DuckDBWarehouse] = []

    def session(self, *, preview: bool = False) -> DuckDBWarehouse:
        names = {name: table.location for name, table in self.catalog.tables.items() if table.location}
        session = DuckDBWarehouse(self.settings, self.store.manifest, "demo", names=names, preview=preview, read_dirs=[self.here],
                                  stage_dir=self.settings.home / "stage" / "demo" / "run")
        self._open.append(session)
        return session

    def context(self, step_id: str, *, preview: bool = False, cancel: Cancel | None = None, continue_on_error: bool = False,
                limits: Mapping[str, Any] | None = None, variables: Mapping[str, Any] | None = None,
                tables: Mapping[str, str] | None = None) -> Context:
        warehouse = self.session(preview=preview)
        for relation in self.relations.values():
            warehouse.bind(relation)
        return Context(tenant_id="demo", pipeline_id="p", run_id=f"run-{next(self._count)}", step_id=step_id, run_date=self.run_date,
                       environment="local", variables=variables or {"run_date": self.run_date.isoformat()}, warehouse=warehouse,
                       catalog=self.catalog, connections=load_connections(self.settings, self.env), files=AllowedFiles([self.here]),
                       limits=replace(Limits(), **(limits or {})), inputs=dict(self.relations), continue_on_error=continue_on_error,
                       preview=preview, cancel=cancel or Cancel(), tables=tables or {}, credential_id=self.credential)

    def run(self, ps_type: str, step_id: str = "step", *, preview: bool = False, blocks: Mapping[str, Any], **about: Any) -> StepResult:
        """Type the blocks and run the engine; the relation is there for the next step. In a preview nothing is kept."""
        engine = registry.engine(ps_type)
        config = engine.Config.model_validate(blocks)
        context = self.context(step_id, preview=preview, **about)
        result = engine.preview(config, context) if preview else engine.run(config, context)
        if result.relation is not None and not preview:
            self.relations[step_id] = result.relation
        self.last = context.warehouse
        return result

    def extract(self, step_id: str = "rows", *, preview: bool = False, about: Mapping[str, Any] | None = None, **source: Any) -> StepResult:
        return self.run("generic.extract", step_id, preview=preview, blocks={"source": source}, **(about or {}))

    def rows(self, name: str) -> list[dict[str, Any]]:
        """All rows of a relation, or of a table of the lake."""
        session = self.session()
        for relation in self.relations.values():
            session.bind(relation)
        return session.query(everything(name)).to_pylist()

    def made(self, name: str, sql: str) -> Relation:
        """A finished step's relation, from DuckDB SQL."""
        self.relations[name] = self.session().stage(name, sqlglot.parse_one(sql, read="duckdb"))
        return self.relations[name]

    def table(self, name: str, sql: str) -> None:
        """A table of the lake, from DuckDB SQL."""
        session = self.session()
        relation = session.stage("seed", sqlglot.parse_one(sql, read="duckdb"))
        session.write(TableSpec(name, relation.columns), Slice("demo", "seed", "none", "2025-01-01", "seed"), relation, mode="overwrite")

    def output(self, ps_type: str, blocks: Mapping[str, Any], tables: Mapping[str, str] | None = None, **columns: Any) -> Any:
        engine = registry.engine(ps_type)
        scope = Scope(columns=columns, catalog=self.catalog, files=AllowedFiles([self.here]), tables=tables or {})
        return engine.output(engine.Config.model_validate(blocks), scope)

    def file(self, name: str, text: str | bytes) -> Path:
        place = self.here / name
        place.write_bytes(text if isinstance(text, bytes) else text.encode())
        return place

    def close(self) -> None:
        for session in self._open:
            session.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    here = tmp_path / "here"
    here.mkdir()
    settings = Settings(home=tmp_path / "home", folders=(here,), control_url=f"sqlite:///{tmp_path / 'home' / 'control.sqlite'}")
    settings.home.mkdir()
    store = open_store(settings.control_url)
    made = Bench(settings, store, here)
    yield made
    made.close()
    store.dispose()


@pytest.fixture
def shop_catalog() -> Callable[..., Catalog]:
    """A catalogue of two tables behind connections; `location` says where sample data stands."""
    def make(location: str = "shop") -> Catalog:
        def table(connection: str, name: str, columns: dict[str, str]) -> dict[str, Any]:
            return {"connection": connection, "location": f"{location}.{name}" if location else "",
                    "columns": {column: {"type": kind} for column, kind in columns.items()}}

        return Catalog.from_dict({
            "connections": {"postgres": {"kind": "postgres"}, "rest": {"kind": "rest"}, "bigquery": {"kind": "bigquery", "writable": True}},
            "tables": {"orders": table("postgres", "orders", {"order_id": "INT64", "customer_id": "INT64", "order_date": "DATE",
                                                              "amount": "FLOAT64", "status": "STRING"}),
                       "customers": table("postgres", "customers", {"customer_id": "INT64", "country": "STRING", "status": "STRING"}),
                       "products": table("rest", "products", {"product_id": "INT64", "price": "NUMERIC", "added": "DATE"})}})

    return make
