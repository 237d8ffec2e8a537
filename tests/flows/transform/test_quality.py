"""Checks: their shapes, what they count, and how they part good rows from bad ones."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlglot

from flows.errors import SpecError
from flows.spec.problems import typed
from flows.transform.gate import REASON, compile_checks
from flows.transform.quality import Checks, age, tables

read = partial(typed, Checks, at="checks")

Row = dict[str, Any]
NOW = datetime(2025, 11, 15, 6, tzinfo=UTC)


def gate(lab: Any, *checks: Row, dialect: str = "duckdb", now: datetime = NOW) -> Any:
    inputs = {"orders": lab.tables["orders"], **{n: c for n, c in lab.tables.items() if n != "orders"}}
    return compile_checks(read(list(checks)), inputs, now=now, dialect=dialect)


def found(lab: Any, *checks: Row, **more: Any) -> list[Any]:
    made = gate(lab, *checks, **more)
    (row,) = lab.rows(made.counts.sql("duckdb"))
    text = gate(lab, *checks, dialect="bigquery", **more).counts.sql("bigquery")
    again = lab.rows(sqlglot.transpile(text, read="bigquery", write="duckdb")[0])
    assert [{k: str(v) for k, v in r.items()} for r in again] == [{k: str(v) for k, v in row.items()}]
    return made.findings(row)


CASES = [
    ({"check": "not_null", "column": "status"}, lambda r: r["status"] is None, "status is empty"),
    ({"check": "not_null", "columns": ["status", "day"]}, lambda r: None in (r["status"], r["day"]), "status or day is empty"),
    ({"check": "positive", "column": "amount"}, lambda r: r["amount"] is not None and r["amount"] <= 0, "amount is not above 0"),
    (
        {"check": "between", "column": "amount", "min": 0, "max": 50},
        lambda r: r["amount"] is not None and not 0 <= r["amount"] <= 50,
        "not between 0 and 50",
    ),
    (
        {"check": "between", "column": "day", "min": "2025-10-01"},
        lambda r: r["day"] is not None and r["day"] < date(2025, 10, 1),
        "day is below 2025-10-01",
    ),
    (
        {"check": "between", "column": "at", "min": "2025-10-05", "max": "2025-10-20"},
        lambda r: r["at"] is not None and not date(2025, 10, 5) <= r["at"].astimezone(UTC).date() <= date(2025, 10, 20),
        "at is not between",
    ),
    ({"check": "between", "column": "price", "max": 50.5}, lambda r: r["price"] is not None and r["price"] > 50.5, "price is above 50.5"),
    (
        {"check": "accepted", "column": "status", "values": ["paid", "it's"]},
        lambda r: r["status"] not in (None, "paid", "it's"),
        "none of paid, it's",
    ),
    (
        {"check": "matches", "column": "status", "pattern": "^[a-z]+$"},
        lambda r: r["status"] is not None and not re.search("^[a-z]+$", r["status"]),
        "does not match",
    ),
    (
        {"check": "expression", "expression": "amount > price"},
        lambda r: None not in (r["amount"], r["price"]) and not r["amount"] > r["price"],
        "amount > price does not hold",
    ),
]


@pytest.mark.parametrize(("check", "bad", "words"), CASES, ids=[f"{c[0]['check']}-{n}" for n, c in enumerate(CASES)])
def test_a_check_counts_and_gives_the_rows_that_break_it(shop, check, bad, words):
    lab, orders, _ = shop
    want = sorted(r["id"] for r in orders if bad(r))
    (finding,) = found(lab, check)
    assert finding.failed_rows == len(want)
    assert sorted(r["id"] for r in lab.rows(gate(lab, check).bad(0).sql("duckdb"))) == want
    assert (words in finding.message) == bool(want)
    assert finding.check == check["check"]
    assert finding.on_fail == "fail"


@pytest.mark.parametrize("names", [["customer_id"], ["customer_id", "status"], ["amount"]])
def test_unique_counts_every_row_of_a_key_that_occurs_twice(shop, names):
    lab, orders, _ = shop
    keys = Counter(tuple(r[n] for n in names) for r in orders)
    want = sorted(r["id"] for r in orders if keys[tuple(r[n] for n in names)] > 1 and None not in [r[n] for n in names])
    check = {"check": "unique", "columns": names}
    (finding,) = found(lab, check)
    assert finding.failed_rows == len(want)
    assert sorted(r["id"] for r in lab.rows(gate(lab, check).bad(0).sql("duckdb"))) == want


@pytest.mark.parametrize("said", [{"column": "customer_id"}, {"columns": ["id"], "column": "customer_id"}])
def test_foreign_key_looks_into_the_other_table(shop, said):
    lab, orders, customers = shop
    own, known = said.get("columns", ["customer_id"])[0], {c["customer_id"] for c in customers}
    want = [r["id"] for r in orders if r[own] is not None and r[own] not in known]
    check = {"check": "foreign_key", "table": "customers", **said}
    (finding,) = found(lab, check)
    assert finding.failed_rows == len(want)
    assert tables(read([check])) == ["customers"]


@pytest.mark.parametrize(
    ("limits", "holds"), [({"min": 40}, True), ({"min": 41}, False), ({"max": 40}, True), ({"min": 1, "max": 39}, False)]
)
def test_row_count(store, limits, holds):
    lab, _, _ = store
    (finding,) = found(lab, {"check": "row_count", **limits, "on_fail": "warn"})
    assert finding.failed_rows == (not holds)
    assert holds or finding.message.endswith("there are 40")
    assert gate(lab, {"check": "row_count", **limits}).bad(0) is None


@pytest.mark.parametrize(
    ("kind", "newest", "max_age", "holds"),
    [
        ("TIMESTAMP", NOW - timedelta(hours=23), "24h", True),
        ("TIMESTAMP", NOW - timedelta(hours=25), "24h", False),
        ("TIMESTAMP", NOW - timedelta(minutes=89), "90m", True),
        ("DATE", date(2025, 11, 14), "24h", True),
        ("DATE", date(2025, 11, 13), "24h", False),
        ("DATE", date(2025, 11, 9), "7d", True),
        ("DATETIME", datetime(2025, 11, 15, 5), "2h", True),
        ("DATE", None, "7d", False),
    ],
)
def test_freshness_is_judged_by_the_newest_value(lab, kind, newest, max_age, holds):
    lab.table("orders", {"at": kind}, [{"at": None}] + ([{"at": newest}] if newest else []))
    (finding,) = found(lab, {"check": "freshness", "column": "at", "max_age": max_age})
    assert finding.failed_rows == (not holds)


def test_freshness_of_nothing_fails(lab):
    lab.table("orders", {"at": "TIMESTAMP"}, [])
    (finding,) = found(lab, {"check": "freshness", "column": "at", "max_age": "1d"})
    assert (finding.failed_rows, "there is no at" in finding.message) == (1, True)


def test_all_checks_are_counted_in_one_scan(store):
    lab, _, _ = store
    made = gate(
        lab,
        *(case[0] for case in CASES),
        {"check": "unique", "column": "id"},
        {"check": "row_count", "min": 1},
        {"check": "freshness", "column": "at", "max_age": "1d"},
    )
    assert made.counts.sql("duckdb").count('FROM "orders"') == 1
    (row,) = lab.rows(made.counts.sql("duckdb"))
    alone = [found(lab, case[0])[0].failed_rows for case in CASES]
    assert [f.failed_rows for f in made.findings(row)][: len(CASES)] == alone


def test_quarantine_parts_the_rows_and_says_why(shop, equal):
    lab, orders, _ = shop
    checks = [
        {"check": "not_null", "column": "status", "on_fail": "quarantine"},
        {"check": "positive", "column": "amount", "on_fail": "quarantine"},
        {"check": "not_null", "column": "paid"},
    ]
    made = gate(lab, *checks)

    def bad(row: Row) -> str:
        return "; ".join(
            ["status is empty"] * (row["status"] is None) + ["amount is not above 0"] * (row["amount"] is not None and row["amount"] <= 0)
        )

    assert equal(lab.rows(made.kept.sql("duckdb")), [r for r in orders if not bad(r)])
    assert equal(lab.rows(made.quarantined.sql("duckdb")), [{**r, REASON: bad(r)} for r in orders if bad(r)])
    text = gate(lab, *checks, dialect="bigquery")
    for tree, want in ((text.kept, made.kept), (text.quarantined, made.quarantined)):
        assert equal(lab.rows(sqlglot.transpile(tree.sql("bigquery"), read="bigquery", write="duckdb")[0]), lab.rows(want.sql("duckdb")))


def test_without_quarantine_nothing_is_parted(store):
    lab, _, _ = store
    made = gate(lab, {"check": "not_null", "column": "status"})
    assert (made.kept, made.quarantined) == (None, None)


@pytest.mark.parametrize("evil", ["'; drop table orders; --", "(a)\\1", '"; --'])
def test_values_and_patterns_are_only_ever_values(lab, evil):
    lab.table("orders", {"id": "INT64", "status": "STRING"}, [{"id": 1, "status": evil}, {"id": 2, "status": "x"}])
    (finding, _) = found(
        lab,
        {"check": "accepted", "column": "status", "values": [evil]},
        {"check": "matches", "column": "status", "pattern": re.escape(evil)},
    )
    assert finding.failed_rows == 1


@pytest.mark.parametrize(("text", "want"), [("90m", timedelta(minutes=90)), ("24h", timedelta(hours=24)), ("7d", timedelta(days=7))])
def test_age(text, want):
    assert age(text) == want


@pytest.mark.parametrize(
    ("check", "path", "message"),
    [
        ({"check": "uniqe", "column": "id"}, "check", "Did you mean 'unique'"),
        ({"check": "unique"}, "", "`column` or `columns`"),
        ({"check": "unique", "column": "id", "columns": ["id"]}, "", "`column` or `columns`"),
        ({"check": "between", "column": "id"}, "", "min, max or both"),
        ({"check": "between", "column": "id", "min": 5, "max": 1}, "", "above max"),
        ({"check": "accepted", "column": "id", "values": []}, "values", "must not be empty"),
        ({"check": "row_count"}, "", "min, max or both"),
        ({"check": "row_count", "min": 1, "on_fail": "quarantine"}, "on_fail", "none to set aside"),
        ({"check": "freshness", "column": "day", "max_age": "soon"}, "max_age", "90m, 24h or 7d"),
        ({"check": "not_null", "column": "id", "on_fail": "explode"}, "on_fail", "quarantine"),
        ({"check": "foreign_key", "table": "customers"}, "", "needs `column`"),
        ({"check": "not_null", "column": "statsu"}, "column", "Did you mean 'status'"),
        ({"check": "not_null", "columns": ["id", "x"]}, "columns.1", "no column 'x'"),
        ({"check": "positive", "column": "status"}, "column", "needs a number"),
        ({"check": "matches", "column": "id", "pattern": "x"}, "column", "needs a text"),
        ({"check": "accepted", "column": "id", "values": [1, "a"]}, "values.1", "does not fit"),
        ({"check": "between", "column": "amount", "min": "low"}, "min", "does not fit"),
        ({"check": "between", "column": "day", "min": "2025-01-01", "max": "soon"}, "max", "not a date"),
        ({"check": "freshness", "column": "status", "max_age": "1d"}, "column", "needs a date"),
        ({"check": "foreign_key", "column": "id", "table": "custmers"}, "table", "Did you mean 'customers'"),
        ({"check": "foreign_key", "column": "id", "table": "customers"}, "column", "no column 'id'"),
        ({"check": "foreign_key", "columns": ["id"], "column": "country", "table": "customers"}, "column", "cannot be compared"),
        ({"check": "expression", "expression": "amount + 1"}, "expression", "not true or false"),
        ({"check": "expression", "expression": "SUM(id) > 1"}, "expression", "aggregate"),
    ],
)
def test_a_wrong_check_is_one_error_that_names_its_place(store, check, path, message):
    lab, _, _ = store
    with pytest.raises(SpecError) as caught:
        gate(lab, {"check": "row_count", "min": 1}, check)
    (problem,) = caught.value.problems
    assert problem.path == f"checks.1.{path}".rstrip(".")
    assert message in str(problem)


def test_every_wrong_check_is_told_at_once(store):
    lab, _, _ = store
    with pytest.raises(SpecError) as caught:
        gate(lab, {"check": "not_null", "column": "x"}, {"check": "not_null", "column": "id"}, {"check": "positive", "column": "y"})
    assert [p.path for p in caught.value.problems] == ["checks.0.column", "checks.2.column"]
