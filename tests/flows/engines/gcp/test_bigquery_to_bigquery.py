"""Copies within the warehouse: the same cases on the local one and on BigQuery (the emulator, by the real client)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from flows.engines import registry
from flows.engines.base import Scope
from flows.engines.tables import everything
from flows.errors import InputError, MissingError, SpecError
from flows.insight.catalog import Catalog
from flows.warehouse.base import Column, Slice, TableSpec
from flows.warehouse.bigquery import BigQueryWarehouse

PS = "gcp.bigquery_to_bigquery"
COLUMNS = (Column("id", "INT64"), Column("day", "DATE"), Column("name", "STRING"))
ROWS = ("SELECT 1 AS id, DATE '2025-11-10' AS day, 'a' AS name UNION ALL SELECT 2, DATE '2025-11-14', 'b' "
        "UNION ALL SELECT 3, DATE '2025-11-15', 'c'")


class Place:
    """A warehouse with a source table, and steps that run in it."""

    def __init__(self, bench: Any, open_one: Any) -> None:
        self.bench, self.open = bench, open_one
        with_source = self.open()
        with_source.write(TableSpec("raw.orders", COLUMNS), Slice("demo", "p", "none", "2025-11-15", "run-0"), ROWS, mode="overwrite")

    def step(self, source: dict[str, Any], *, preview: bool = False, day: int = 15, **to: Any) -> Any:
        engine = registry.engine(PS)
        config = engine.Config.model_validate({"source": source, "destination": {"table": "mart.copy", **to}})
        context = replace(self.bench.context("copy"), warehouse=self.open(), preview=preview, run_date=date(2025, 11, day),
                          variables={"run_date": f"2025-11-{day}"})
        return engine.preview(config, context) if preview else engine.run(config, context)

    def ids(self, table: str = "mart.copy") -> list[int]:
        return sorted(row["id"] for row in self.open().query(everything(table)).to_pylist())


@pytest.fixture(params=["duckdb", pytest.param("bigquery", marks=pytest.mark.bigquery)])
def place(request: pytest.FixtureRequest, bench: Any, tmp_path: Any) -> Iterator[Place]:
    made: list[Any] = []

    def on_bigquery() -> Any:
        made.append(BigQueryWarehouse(request.getfixturevalue("bq_project"), "demo", limits=bench.settings.limits,
                                      stage_dir=tmp_path / "stage"))
        return made[-1]

    yield Place(bench, bench.session if request.param == "duckdb" else on_bigquery)
    for each in made:
        each.close()


def test_a_table_is_copied_with_its_columns_and_again_is_the_same(place: Place) -> None:
    for _ in range(2):
        result = place.step({"table": "raw.orders"})
        assert (result.rows, result.outputs["table"], result.outputs["source"]) == (3, "mart.copy", "raw.orders")
        assert place.ids() == [1, 2, 3]
    found = place.open().describe("mart.copy")
    assert [(c.name, c.type) for c in found.columns][:3] == [("id", "INT64"), ("day", "DATE"), ("name", "STRING")]


def test_only_new_rows_and_only_some_columns(place: Place) -> None:
    place.step({"table": "raw.orders", "columns": ["id", "day"], "incremental": {"column": "day", "lookback": "1d"}})
    assert place.ids() == [2, 3]
    place.step({"table": "raw.orders", "columns": ["id", "day"], "filter": {"column": "name", "is": "=", "value": "a"}}, mode="overwrite")
    assert place.ids() == [1]


def test_a_query_with_the_run_date_replaces_its_partition(place: Place) -> None:
    asked = {"query": "SELECT id, day FROM raw.orders WHERE day = {run_date}"}
    for day in (14, 15, 15):
        place.step(asked, day=day, mode="replace_partition", partition_by="day")
    assert place.ids() == [2, 3]


def test_a_merge_goes_by_its_keys(place: Place) -> None:
    place.step({"table": "raw.orders"}, mode="overwrite")
    place.step({"query": "SELECT 3 AS id, DATE '2025-11-15' AS day, 'z' AS name UNION ALL SELECT 4, DATE '2025-11-15', 'd'"}, mode="merge",
               keys=["id"])
    names = {row["id"]: row["name"] for row in place.open().query(everything("mart.copy")).to_pylist()}
    assert names == {1: "a", 2: "b", 3: "z", 4: "d"}


def test_a_preview_says_what_it_would_do_and_writes_nothing(bench: Any) -> None:
    local = Place(bench, bench.session)
    local.open = lambda: bench.session(preview=True)
    result = local.step({"table": "raw.orders"}, preview=True)
    assert result.rows == 3
    assert result.notes == ["would write 3 rows to mart.copy (append), into a new table"]
    with pytest.raises(MissingError):
        bench.session().describe("mart.copy")


@pytest.mark.parametrize(("source", "to", "told"), [
    ({"table": "raw.orders", "query": "SELECT 1 AS id"}, {}, "give exactly one of table and query"),
    ({"query": "SELECT 1 AS id", "columns": ["id"]}, {}, "columns belongs to a table"),
    ({"table": "raw.orders"}, {"table": "copy"}, "'copy' does not say its dataset"),
    ({"table": "raw.orders"}, {"mode": "merge"}, "mode merge needs keys"),
    ({"table": "raw.orders"}, {"mode": "replace_partition"}, "needs partition_by"),
])
def test_what_cannot_be_meant(source: dict[str, Any], to: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        registry.engine(PS).Config.model_validate({"source": source, "destination": {"table": "mart.copy", **to}})


def test_a_check_finds_what_is_wrong_before_a_run() -> None:
    engine = registry.engine(PS)
    scope = Scope({}, Catalog(), describe_table=lambda name: COLUMNS if name == "raw.orders" else None)
    for to, told in (({"keys": ["idd"], "mode": "merge"}, "destination.keys.0"), ({"partition_by": "name"}, "destination.partition_by")):
        config = engine.Config.model_validate({"source": {"table": "raw.orders"}, "destination": {"table": "mart.copy", **to}})
        with pytest.raises(SpecError, match=told):
            engine.output(config, scope)
    config = engine.Config.model_validate({"source": {"table": "raw.orders"}, "destination": {"table": "mart.copy"}})
    assert engine.output(config, scope) == ()
    assert len(engine.queries(config, scope)) == 2


def test_statements_that_are_no_select_are_refused(bench: Any) -> None:
    local = Place(bench, bench.session)
    with pytest.raises(InputError):
        local.step({"query": "DELETE FROM raw.orders WHERE day = {run_date}"})
    assert local.ids("raw.orders") == [1, 2, 3]


def test_another_region_is_said(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    local = Place(bench, bench.session)
    session = bench.session()

    def away(*_: Any, **__: Any) -> None:  # the words are BigQuery's own; the emulator has no regions
        raise MissingError("Not found: Dataset acme:raw was not found in location EU", where="raw.orders")

    monkeypatch.setattr(session, "write", away)
    local.open = lambda: session
    with pytest.raises(InputError, match="not in one region"):
        local.step({"table": "raw.orders"})
