"""The sample shop keeps its word: the catalogue's columns, its sizes, its dirt to the row, the same on every machine."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import yaml

from flows.insight.catalog import Catalog
from flows.insight.shop import END, START, TABLES, Shop

ROOT = Path(__file__).resolve().parents[3]
TYPES = {"INT64": pa.int64(), "STRING": pa.string(), "FLOAT64": pa.float64(), "DATE": pa.date32(),
         "TIMESTAMP": pa.timestamp("us", tz="UTC")}
ROWS = {"customers": 20_000, "orders": 200_000, "events": 300_600, "support_tickets": 8_000, "products": 500, "stores": 25,
        "inventory": 12_500}
DIGEST = "b66537e8a371f64000ff4e55ab162937b84a66bbb92113a21a7743be532916f5"


def text_of(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def shipped() -> Catalog:
    return Catalog.from_dict(text_of("configs/system/catalog.yml"))


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return dict(Shop().tables())


@pytest.fixture(scope="module")
def con(tables):
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        for name, rows in tables.items():
            db.register(name, rows)
        yield db


def count(con, sql: str) -> int:
    return con.execute(f"SELECT count(*) FROM {sql}").fetchall()[0][0]


def test_tables_are_those_of_the_catalogue(shipped, tables):
    assert set(tables) == set(shipped.tables) == set(TABLES)
    for name, rows in tables.items():
        assert [(f.name, f.type) for f in rows.schema] == [(c, TYPES[d.type]) for c, d in shipped.tables[name].columns.items()], name
        assert shipped.tables[name].location == f"shop.{name}"
        assert shipped.tables[name].description


def test_sizes(tables):
    assert {name: tables[name].num_rows for name in ROWS} == ROWS


def test_two_makings_are_equal_and_so_is_every_machine(tables):
    digest = hashlib.sha256()
    for name, rows in tables.items():
        digest.update(name.encode())
        for column in rows.to_pydict().values():
            digest.update(repr(column).encode())
    assert digest.hexdigest() == DIGEST
    assert all(again.equals(tables[name]) for name, again in Shop().tables())


def test_tables_already_there_are_not_made_again():
    assert [name for name, _ in Shop(0.01).tables(but={*TABLES} - {"stores", "orders"})] == ["stores", "orders"]


@pytest.mark.parametrize("scale", [0.001, 0.01])
def test_a_smaller_shop_has_the_same_columns_and_every_reference(scale, tables):
    small = dict(Shop(scale).tables())
    assert all(small[name].schema == tables[name].schema and small[name].num_rows for name in TABLES)
    assert set(small["orders"]["product_id"].to_pylist()) <= set(small["products"]["product_id"].to_pylist())
    assert set(small["orders"]["store_id"].to_pylist()) <= set(small["stores"]["store_id"].to_pylist())


@pytest.mark.parametrize(("what", "rows"), [
    ("customers WHERE email IS NULL", 200),
    ("customers c WHERE EXISTS (FROM customers o WHERE o.email = c.email AND o.customer_id < c.customer_id)", 80),
    ("customers WHERE email <> lower(trim(email))", 100),
    ("customers WHERE country = 'Wonderland'", 20),
    ("customers WHERE country IS NULL", 20),
    ("customers WHERE country <> trim(country)", 50),
    ("orders ANTI JOIN customers USING (customer_id)", 400),
    ("orders WHERE amount < 0", 500),
    ("orders WHERE status <> lower(status)", 200),
    ("orders WHERE discount IS NULL", 1000),
    ("payments ANTI JOIN orders USING (order_id)", 90),
    ("refunds r JOIN orders o USING (order_id) WHERE r.amount > abs(o.amount)", 40),
    ("refunds WHERE reason IS NULL", 599),
    ("(SELECT event_id FROM events GROUP BY ALL HAVING count(*) > 1)", 600),
    ("support_tickets WHERE closed_at < opened_at", 20),
    ("inventory WHERE on_hand < 0", 25),
    ("products WHERE list_price IS NULL", 2),
    ("gcp_billing WHERE project IS NULL", 23),
    ("aws_cur WHERE region IS NULL", 20),
    ("(SELECT unnest(generate_series(DATE '2025-01-01', DATE '2025-11-15', INTERVAL 1 DAY))::DATE AS d) "
     "WHERE d NOT IN (SELECT rate_date FROM fx_rates)", 2),
])
def test_dirt_is_there_to_the_row(con, what, rows):
    assert count(con, what) == rows


def test_keys_are_unique_except_the_events_delivered_twice(con, shipped, tables):
    for name, table in shipped.tables.items():
        if table.primary_key and name != "events":
            assert count(con, f"(SELECT DISTINCT {', '.join(table.primary_key)} FROM {name})") == tables[name].num_rows, name


def test_all_other_references_hold(con, shipped):
    dirty = {("orders", "customers"), ("payments", "orders")}
    for key in shipped.foreign_keys:
        if (key.table, key.references.table) not in dirty:
            lost = count(con, f"{key.table} ANTI JOIN {key.references.table} ON {key.table}.{key.column} = "
                              f"{key.references.table}.{key.references.column} WHERE {key.table}.{key.column} IS NOT NULL")
            assert lost == 0, key


def test_known_values_are_those_of_the_catalogue(con, shipped):
    dirty = {("customers", "country"), ("orders", "status")}
    for name, table in shipped.tables.items():
        for column, known in table.columns.items():
            if known.values and (name, column) not in dirty:
                found = {row[0] for row in con.execute(f"SELECT DISTINCT {column} FROM {name} WHERE {column} IS NOT NULL").fetchall()}
                assert found <= set(known.values), (name, column)


def test_the_period_does_not_move_with_today(con):
    assert con.execute("SELECT min(order_date), max(order_date) FROM orders").fetchall() == [(START, END)]
    for name, column in [("orders", "updated_at"), ("payments", "paid_at"), ("refunds", "refunded_at"), ("events", "event_time"),
                         ("support_tickets", "closed_at")]:
        assert count(con, f"{name} WHERE {column} >= TIMESTAMPTZ '2025-11-16 00:00:00+00'") == 0, name


def test_sums_do_not_depend_on_the_order_of_rows(tables):
    for name, column in [("orders", "amount"), ("orders", "discount"), ("payments", "amount"), ("gcp_billing", "cost"),
                         ("aws_cur", "unblended_cost"), ("openai_usage", "cost_usd")]:
        values = [v for v in tables[name][column].to_pylist() if v is not None]
        assert sum(values) == sum(reversed(values)) == sum(sorted(values)), (name, column)


def test_the_shipped_catalogue_says_the_same_as_the_contract():
    contract = ROOT.parent / "shared/data/planner/catalog.yml"
    if not contract.exists():
        pytest.skip("the shared catalogue is not beside this checkout")
    ours = text_of("configs/system/catalog.yml")
    for table in ours["tables"].values():
        del table["description"], table["location"]
    theirs = yaml.safe_load(contract.read_text(encoding="utf-8"))
    del theirs["pipelines"]  # what a newcomer does not have is not offered to run
    assert ours == theirs
