"""A session on the emulator: rows come back as Arrow with their types, steps see each other's rows, scripts are all or nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlglot

from flows.errors import InputError, MissingError, SqlError
from flows.settings import Limits
from flows.warehouse.base import Column, QueryLimits, Relation
from flows.warehouse.bigquery import BigQueryWarehouse
from flows.warehouse.bq import read

pytestmark = [pytest.mark.bigquery, pytest.mark.xdist_group("bigquery")]


@pytest.fixture
def open_session(bq_project: Any, tmp_path: Path) -> Iterator[Callable[..., BigQueryWarehouse]]:
    opened: list[BigQueryWarehouse] = []

    def make(tenant: str = "acme", **kw: Any) -> BigQueryWarehouse:
        opened.append(BigQueryWarehouse(bq_project, tenant, limits=Limits(), stage_dir=tmp_path / "stage", read_dirs=[tmp_path], **kw))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def session(open_session: Callable[..., BigQueryWarehouse]) -> BigQueryWarehouse:
    return open_session()


def test_every_type_goes_there_and_comes_back(session: BigQueryWarehouse) -> None:
    row = {"i": 1, "f": 1.5, "n": Decimal("1.123456789"), "b": True, "s": "ä", "y": b"q", "d": date(2025, 1, 2), "t": time(1, 2, 3, 4),
           "dt": datetime(2025, 1, 1, 2), "ts": datetime(2025, 1, 1, tzinfo=UTC), "l": [1, 2], "st": {"a": 1, "b": ["x"]}}
    empty: dict[str, Any] = dict.fromkeys(row)
    table = pa.Table.from_pylist([row, {**empty, "l": []}])
    relation = session.stage("all", table)
    assert [c.type for c in relation.columns] == ["INT64", "FLOAT64", "NUMERIC", "BOOL", "STRING", "BYTES", "DATE", "TIME", "DATETIME",
                                                  "TIMESTAMP", "ARRAY<INT64>", "STRUCT<a INT64, b ARRAY<STRING>>"]
    found = session.query("SELECT * FROM `all` ORDER BY i NULLS LAST")
    assert found.to_pylist()[0] == row
    assert [f.metadata[b"bigquery"].decode() for f in found.schema] == [c.type for c in relation.columns]
    assert found.to_pylist()[1]["i"] is None
    assert session.head("all", 5)[0].keys() == row.keys()


def test_steps_see_each_others_rows_by_a_relation_that_was_stored(session: BigQueryWarehouse,
                                                                  open_session: Callable[..., BigQueryWarehouse]) -> None:
    session.stage("one", "SELECT x, CAST(x AS STRING) AS s FROM UNNEST([1, 2, 3]) AS x -- three\n;")
    assert session.stage("star", "SELECT * FROM one").rows == 3
    assert len(session.stage("nameless", "SELECT x, x + 1, 'a' FROM one").columns) == 3
    made = session.stage("two", "SELECT x * @k AS y FROM one WHERE x > @low", {"k": 10, "low": 1})
    assert (made.rows, made.columns) == (2, (Column("y", "INT64"),))
    other = open_session()
    other.bind(Relation.from_dict(made.as_dict()))
    tree = sqlglot.parse_one("SELECT two.y FROM two WHERE two.y < :most", read="bigquery")
    assert other.query(tree, {"most": 25}).to_pylist() == [{"y": 20}]
    assert (other.keep_small("two", 2), other.keep_small("two", 1)) == (2, None)
    with pytest.raises(SqlError, match="not on BigQuery"):
        other.bind(Relation("three", (), files=("a.parquet",)))


def test_a_file_is_read_as_locally_and_its_rows_go_up(session: BigQueryWarehouse, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,d\n1,2025-01-02\n2,2025-01-03\nbroken\n")
    opened = session.read_file(tmp_path / "a.csv")
    assert (opened.rejected, opened.rejects[0]["line"]) == (1, 4)
    relation = session.stage("rows", opened.tree)
    assert (relation.rows, [c.type for c in relation.columns]) == (2, ["INT64", "DATE"])
    assert session.query("SELECT MAX(d) AS d FROM rows").to_pylist() == [{"d": date(2025, 1, 3)}]
    assert list((tmp_path / "stage").glob(".load*")) == []
    with pytest.raises(InputError, match="no option"):
        session.read_file(tmp_path / "a.csv", options={"sheet": "x"})


def test_many_rows_come_in_pieces_and_in_order(session: BigQueryWarehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "SMALL_ROWS", 100)
    pieces = list(session.stream("SELECT x FROM UNNEST(GENERATE_ARRAY(1, 2500)) AS x ORDER BY x", batch_rows=1000))
    assert max(piece.num_rows for piece in pieces) <= 1000
    assert [x for piece in pieces for x in piece.column("x").to_pylist()] == list(range(1, 2501))
    assert "REST" in session.capabilities.gaps["storage_read"]  # the emulator gives no query results by its Storage API


def test_a_table_is_read_by_the_storage_api(session: BigQueryWarehouse) -> None:
    made = session.stage("many", "SELECT x FROM UNNEST(GENERATE_ARRAY(1, 2500)) AS x")
    rows = session.jobs.client.list_rows(session.jobs.client.get_table(made.table))
    found = [x for page in session.reader._pages(rows, None, session.reader._client()) for x in page.column("x").to_pylist()]
    assert sorted(found) == list(range(1, 2501))


def test_a_script_is_all_or_nothing(session: BigQueryWarehouse) -> None:
    session.execute("CREATE SCHEMA IF NOT EXISTS mart; CREATE TABLE mart.t AS SELECT x FROM UNNEST([1, 2, 3]) AS x")
    with pytest.raises(SqlError):
        session.execute("DELETE FROM mart.t WHERE x = 1; INSERT INTO mart.t (x) VALUES (ERROR('no'))")
    count = "SELECT COUNT(*) AS n FROM mart.t"
    assert session.query(count).to_pylist() == [{"n": 3}]
    done = session.execute(f"DELETE FROM mart.t WHERE x = 1; INSERT INTO mart.t (x) VALUES (8), (9); {count}")
    assert done.result is not None
    assert done.result.to_pylist() == [{"n": 4}]
    assert session.execute("UPDATE mart.t SET x = 0 WHERE x > 7").rows == 2
    assert session.execute("CREATE TEMP FUNCTION dbl(x INT64) AS (x * 2); SELECT dbl(4) AS d").result.to_pylist() == [{"d": 8}]


REFUSED = [
    ("DELETE FROM mart.t WHERE true", {"read_only": True}, "only reading"),
    ("CREATE SCHEMA mart OPTIONS (location = 'EU')", {}, "options of the project"),
    ("CREATE FUNCTION mart.f(x INT64) AS (x)", {}, "only temporary functions"), ("DROP SCHEMA mart", {}, "only made here"),
    ("DELETE FROM other.mart.t WHERE true", {}, "not yours"), ("", {}, "empty"),
]


@pytest.mark.parametrize(("script", "limits", "words"), REFUSED, ids=[str(n) for n in range(len(REFUSED))])
def test_what_no_script_does(session: BigQueryWarehouse, script: str, limits: dict[str, Any], words: str) -> None:
    with pytest.raises(SqlError, match=words):
        session.execute(script, limits=QueryLimits(**limits))


def test_what_is_wrong_is_told_by_the_names_people_use(session: BigQueryWarehouse) -> None:
    with pytest.raises(SqlError, match=r"there is no table 'mart\.nothing'"):
        session.query("SELECT * FROM mart.nothing")
    with pytest.raises(MissingError):
        session.head("mart.nothing", 1)
    with pytest.raises(MissingError, match=r"mart\.nothing"):
        session.describe("mart.nothing")
    with pytest.raises(SqlError, match="two columns of the result are named"):
        session.stage("x", "SELECT 1 AS a, 2 AS A")


def test_tenants_do_not_meet(session: BigQueryWarehouse, open_session: Callable[..., BigQueryWarehouse]) -> None:
    name = f"mart.t{uuid.uuid4().hex[:6]}"
    session.execute(f"CREATE TABLE {name} AS SELECT 1 AS x")
    other = open_session("acme2")
    with pytest.raises(SqlError, match="there is no table"):
        other.query(f"SELECT * FROM {name}")
    assert other.list_tables() == []
    assert session.list_tables() == [name]
    physical = session.names.find(tuple(name.split("."))).full
    with pytest.raises(SqlError):
        other.query(f"SELECT * FROM `{physical}`")
