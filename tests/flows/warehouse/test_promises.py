"""Every warehouse keeps every promise of `flows/warehouse/base.py`; a gap is a marked gap that fails the day it closes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from flows.errors import SqlError
from flows.settings import Settings
from flows.store import open_store
from flows.warehouse import LINEAGE, Slice, TableSpec, Warehouse
from flows.warehouse.duckdb import DuckDBWarehouse

Open = Callable[..., DuckDBWarehouse]


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Open]:
    """Opens sessions of one tenant over one lake."""
    settings = Settings.load(home=tmp_path / "home")
    store = open_store(settings.control_url)
    opened = []

    def make(**kw: object) -> DuckDBWarehouse:
        stage = tmp_path / "stage" / str(len(opened))
        opened.append(DuckDBWarehouse(settings, store.manifest, "demo", stage_dir=stage, **kw))  # type: ignore[arg-type]
        return opened[-1]

    yield make
    for one in opened:
        one.close()
    store.dispose()


def slice_of(run: str = "r1", **kw: str) -> Slice:
    return Slice(**{"x_org_slug": "demo", "x_pipeline_id": "p", "x_credential_id": "none", "x_pipeline_run_date": "2025-11-01",
                    "x_run_id": run, **kw})


def test_staged_rows_are_there_under_their_name(session: Open) -> None:
    w: Warehouse = session()
    relation = w.stage("nums", pa.table({"a": [1, 2, 3]}))
    assert relation.rows == 3
    assert [(c.name, c.type) for c in w.describe_relation("nums")] == [("a", "INT64")]
    assert w.query("SELECT SUM(a) AS s FROM nums").to_pylist() == [{"s": 6}]


def test_the_same_slice_twice_changes_nothing(session: Open) -> None:
    w = session()
    for rows in ([1, 2, 3], [1, 2, 3], [1]):
        w.replace_slice(TableSpec("mart.t", ()), slice_of(), w.stage("rows", pa.table({"a": rows})))
        assert [r["a"] for r in w.query("SELECT a FROM mart.t ORDER BY a").to_pylist()] == rows
    assert w.query("SELECT * FROM mart.t").column_names == ["a", *LINEAGE]


def test_a_missing_table_has_near_misses(session: Open) -> None:
    w = session()
    w.write(TableSpec("mart.daily", ()), slice_of(), "SELECT 1 AS a", mode="overwrite")
    with pytest.raises(SqlError, match=r"Did you mean 'mart\.daily'"):
        w.query("SELECT * FROM mart.dayly")
