"""One query out of many operations: readable, the same every time, shallow, and never made of pasted text."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from functools import partial
from pathlib import Path

import duckdb
import pytest

from flows.errors import SpecError
from flows.spec.loader import plain
from flows.spec.problems import typed
from flows.transform.compile import _STEPS, output, source, transform
from flows.transform.condition import Compare
from flows.transform.operations import Operations
from flows.warehouse.base import Column

read = partial(typed, Operations, at="operations")

GOLDEN = sorted((Path(__file__).parents[2] / "golden" / "operations").glob("*.txt"))
ORDERS = {
    "order_id": "INT64",
    "customer_id": "INT64",
    "amount": "FLOAT64",
    "discount": "FLOAT64",
    "price": "NUMERIC",
    "status": "STRING",
    "order_date": "DATE",
    "updated_at": "TIMESTAMP",
}
TABLES = {
    "extract_orders": ORDERS,
    "extract_customers": {"customer_id": "INT64", "country": "STRING", "email": "STRING", "status": "STRING"},
    "fx_rates": {"rate_date": "DATE", "currency": "STRING", "rate_to_usd": "FLOAT64"},
    "old_orders": {"order_id": "INT64", "amount": "INT64"},
}
INPUTS = {name: tuple(Column(n, t) for n, t in columns.items()) for name, columns in TABLES.items()}
ALIASES = {"extract_orders": "orders", "extract_customers": "customers"}
EVIL = [
    "'; drop table orders; --",
    '"; drop table orders; --',
    "`; drop table orders; --",
    "\\'; drop table orders; --",
    "{date}",
    "$1",
    "?",
    "/* x",
    "x\ny",
    "%s",
]


@pytest.mark.parametrize("file", GOLDEN, ids=[f.stem for f in GOLDEN])
def test_golden_pair(file):
    said, duck, big, columns = [part.strip() for part in file.read_text().split("\n---")]
    operations = read(plain(f"operations:\n{said}")[0]["operations"])
    for dialect, want in (("duckdb", duck), ("bigquery", big)):
        made = transform(operations, INPUTS, now=date(2025, 11, 15), dialect=dialect, aliases=ALIASES)
        assert made.tree.sql(dialect, pretty=True) == want.split("\n", 1)[1]
        assert ", ".join(f"{c.name} {c.type}" for c in made.columns) == columns.split("\n", 1)[1]


def test_golden_pairs_cover_every_operation():
    text = "\n".join(file.read_text() for file in GOLDEN)
    assert [op for op in _STEPS if f"op: {op}" not in text] == []


def test_the_same_operations_give_the_same_text():
    operations = read(plain(GOLDEN[0].read_text().split("\n---")[0].join(["operations:\n", ""]))[0]["operations"])
    texts = {transform(operations, INPUTS, now=date(2025, 11, 15)).tree.sql("duckdb") for _ in range(5)}
    assert len(texts) == 1


def test_filters_and_projections_reach_the_parquet_file(lab, tmp_path):
    lab.con.execute(f"COPY (SELECT range AS id, range % 7 AS part, 'x' AS note FROM range(1000)) TO '{tmp_path}/t.parquet'")
    lab.con.execute(f"CREATE VIEW t AS SELECT * FROM read_parquet('{tmp_path}/t.parquet')")
    inputs = {"t": (Column("id", "INT64"), Column("part", "INT64"), Column("note", "STRING"))}
    made = transform(
        read(
            [
                {"op": "rename", "columns": {"id": "number"}},
                {"op": "derive", "columns": {"twice": "number * 2"}},
                {"op": "filter", "where": {"column": "number", "is": "<", "value": 10}},
                {"op": "aggregate", "by": ["part"], "measures": [{"fn": "sum", "column": "twice"}]},
            ]
        ),
        inputs,
        now=date(2025, 1, 1),
    )
    plan = lab.con.execute("EXPLAIN " + made.tree.sql("duckdb")).fetchall()[0][1]
    scan = plan[plan.index("READ_PARQUET") :] if "READ_PARQUET" in plan else plan[plan.index("PARQUET_SCAN") :]
    assert "id<10" in scan.replace(" ", "")
    assert "note" not in scan


@pytest.mark.parametrize("evil", EVIL)
def test_values_are_only_ever_values(lab, evil):
    lab.table("orders", {"id": "INT64", "status": "STRING"}, [{"id": 1, "status": evil}, {"id": 2, "status": "other"}])
    assert [r["id"] for r in lab.run({"op": "filter", "where": {"column": "status", "is": "=", "value": evil}})] == [1]
    assert [r["id"] for r in lab.run({"op": "filter", "where": {"column": "status", "is": "in", "value": [evil, evil + evil]}})] == [1]
    assert [r["id"] for r in lab.run({"op": "filter", "where": {"column": "status", "is": "starts_with", "value": evil[:3]}})] == [1]
    assert [r["id"] for r in lab.run({"op": "filter", "where": {"column": "status", "is": "contains", "value": evil[1:] or evil}})] == [1]
    assert (
        lab.run(
            {"op": "rename", "columns": {"status": "old"}},
            {"op": "derive", "columns": {"old": "CAST(NULL AS STRING)"}},
            {"op": "fill", "columns": {"old": evil}},
            {"op": "limit", "n": 1},
        )[0]["old"]
        == evil
    )
    assert len(lab.rows("SELECT * FROM orders")) == 2


@pytest.mark.parametrize("evil", EVIL)
def test_names_of_columns_and_relations_are_only_ever_names(lab, evil):
    name = evil.replace(".", "")
    lab.table(name, {"id": "INT64", evil: "STRING"}, [{"id": 1, evil: "a"}, {"id": 2, evil: None}])
    lab.table("other", {"id": "INT64", evil: "STRING"}, [{"id": 1, evil: "b"}])
    found = lab.run(
        {"op": "filter", "where": {"column": evil, "is": "is_not_null"}},
        {"op": "top", "n": 1, "order_by": [{"column": evil}], "per": [evil]},
        {"op": "aggregate", "by": [evil], "measures": [{"fn": "count", "as": "n"}]},
        {"op": "sort", "by": [{"column": evil}]},
        first=name,
    )
    assert found == [{evil: "a", "n": 1}]
    assert lab.run({"op": "join", "with": name, "how": "semi", "on": [["id", "id"]]}, first="other") == [{"id": 1, evil: "b"}]


@pytest.mark.parametrize("evil", [e for e in EVIL if set(e) & set('`"/$?{\n;')])
@pytest.mark.parametrize(
    "operation",
    [
        lambda e: {"op": "rename", "columns": {"id": e}},
        lambda e: {"op": "derive", "columns": {e: "id"}},
        lambda e: {"op": "aggregate", "measures": [{"fn": "count", "as": e}]},
        lambda e: {"op": "window", "fn": "row_number", "over": {"order_by": "id"}, "as": e},
    ],
)
def test_new_names_that_no_warehouse_takes_are_refused(lab, evil, operation):
    lab.table("orders", {"id": "INT64"}, [])
    with pytest.raises(SpecError, match="cannot be the name of a column"):
        lab.run(operation(evil))


@pytest.mark.parametrize("evil", EVIL)
def test_text_in_an_expression_stays_text(lab, evil):
    lab.table("orders", {"id": "INT64"}, [{"id": 1}])
    spelled = evil.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    assert lab.run({"op": "derive", "columns": {"x": f"CONCAT('{spelled}', '')"}}, {"op": "select", "columns": ["x"]}) == [{"x": evil}]


def test_a_relation_with_a_dataset_is_read_from_it(lab):
    lab.con.execute("CREATE SCHEMA mart; CREATE TABLE mart.orders AS SELECT 1::BIGINT AS id, 'a' AS status")
    inputs = {"mart.orders": (Column("id", "INT64"), Column("status", "STRING"))}
    made = transform(read([{"op": "join", "with": "mart.orders", "on": [["id", "id"]]}]), inputs, now=date(2025, 1, 1))
    assert lab.rows(made.tree.sql("duckdb")) == [{"id": 1, "status": "a", "orders_id": 1, "orders_status": "a"}]
    assert "`mart`.`orders`" in transform(read([{"op": "limit", "n": 1}]), inputs, now=date(2025, 1, 1), dialect="bigquery").tree.sql(
        "bigquery"
    )


def test_output_is_what_transform_gives_and_nothing_needs_data():
    operations = read([{"op": "aggregate", "by": ["status"], "measures": [{"fn": "sum", "column": "price"}]}])
    assert (
        output(operations, INPUTS)
        == transform(operations, INPUTS, now=date(2025, 1, 1)).columns
        == (Column("status", "STRING"), Column("sum_price", "NUMERIC"))
    )


def test_a_column_cannot_be_empty_where_it_cannot():
    made = output(
        read(
            [
                {"op": "fill", "columns": {"amount": 0}},
                {"op": "join", "with": "extract_customers", "how": "left", "on": [["customer_id", "customer_id"]]},
            ]
        ),
        {"extract_orders": INPUTS["extract_orders"], "extract_customers": (Column("customer_id", "INT64", nullable=False),)},
    )
    assert {c.name: c.nullable for c in made if c.name in ("amount", "extract_customers_customer_id")} == {
        "amount": False,
        "extract_customers_customer_id": True,
    }


def test_no_input_is_an_error():
    with pytest.raises(SpecError, match="nothing to work on"):
        transform(read([{"op": "limit", "n": 1}]), {}, now=date(2025, 1, 1))


def test_source_reads_some_columns_some_rows_and_what_is_new(shop):
    lab, orders, _ = shop
    condition = read([{"op": "filter", "where": {"column": "status", "is": "=", "value": "paid"}}])[0].where
    made = source(
        "orders", lab.tables["orders"], now=date(2025, 11, 15), select=["id", "day"], where=condition, since=("at", date(2025, 10, 20))
    )
    want = {r["id"] for r in orders if r["status"] == "paid" and r["at"] is not None and r["at"].date() >= date(2025, 10, 20)}
    assert [c.name for c in made.columns] == ["id", "day"]
    assert {r["id"] for r in lab.rows(made.tree.sql("duckdb"))} == want


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"select": ["id", "dya"]}, "source.columns.1"),
        ({"where": Compare(**{"column": "x", "is": "is_null"})}, "source.filter.column"),
        ({"since": ("x", date(2025, 1, 1))}, "source.incremental.column"),
        ({"since": ("status", date(2025, 1, 1))}, "source.incremental.column"),
    ],
)
def test_source_tells_the_place_of_what_is_wrong(store, more, path):
    lab, _, _ = store
    with pytest.raises(SpecError) as caught:
        source("orders", lab.tables["orders"], now=date(2025, 11, 15), **more)
    assert caught.value.problems[0].path == path


def test_reading_operations_loads_no_heavy_package():
    code = (
        "import sys, flows.transform.operations, flows.transform.quality;"
        "print([m for m in ('sqlglot', 'duckdb', 'pyarrow', 'pandas') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_a_filter_that_a_cast_needs_is_not_moved_behind_it(lab):
    lab.table("orders", {"text": "STRING"}, [{"text": "1"}, {"text": "x"}])
    with pytest.raises(duckdb.Error, match="whole number"):
        lab.run({"op": "derive", "columns": {"n": "CAST(text AS INT64)"}}, {"op": "aggregate", "measures": [{"fn": "sum", "column": "n"}]})
    assert lab.run(
        {"op": "derive", "columns": {"n": "SAFE_CAST(text AS INT64)"}}, {"op": "aggregate", "measures": [{"fn": "sum", "column": "n"}]}
    ) == [{"sum_n": 1}]
