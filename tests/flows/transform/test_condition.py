"""Condition trees: what they accept, and which rows they keep."""

from __future__ import annotations

import operator
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import pytest

from flows.errors import SpecError
from flows.spec.problems import typed
from flows.transform.operations import Operations

read = partial(typed, Operations, at="operations")

Row = dict[str, Any]
ZERO = UTC


def kept(lab: Any, where: Row, **more: Any) -> list[int]:
    return sorted(r["id"] for r in lab.run({"op": "filter", "where": where}, {"op": "select", "columns": ["id"]}, **more))


def want(rows: list[Row], column: str, holds: Any) -> list[int]:
    return sorted(r["id"] for r in rows if r[column] is not None and holds(r[column]))


@pytest.mark.parametrize(
    ("sign", "holds"),
    [("=", operator.eq), ("!=", operator.ne), (">", operator.gt), (">=", operator.ge), ("<", operator.lt), ("<=", operator.le)],
)
@pytest.mark.parametrize(
    ("column", "value", "meant"),
    [
        ("customer_id", 3, 3),
        ("customer_id", 2.5, 2.5),
        ("amount", 41, 41),
        ("amount", -1.25, -1.25),
        ("price", 50.5, 50.5),
        ("status", "open", "open"),
        ("status", "it's", "it's"),
        ("day", "2025-10-15", date(2025, 10, 15)),
        ("day", {"today": -30}, date(2025, 10, 16)),
        ("paid", True, True),
        ("at", "2025-10-15T12:00:00+02:00", datetime(2025, 10, 15, 10, tzinfo=UTC)),
    ],
)
def test_comparisons(shop, sign, holds, column, value, meant):
    lab, orders, _ = shop
    assert kept(lab, {"column": column, "is": sign, "value": value}) == want(orders, column, lambda v: holds(v, meant))


@pytest.mark.parametrize(
    ("sign", "holds"),
    [
        ("=", lambda d: d == date(2025, 10, 15)),
        ("!=", lambda d: d != date(2025, 10, 15)),
        (">=", lambda d: d >= date(2025, 10, 15)),
        ("<", lambda d: d < date(2025, 10, 15)),
    ],
)
@pytest.mark.parametrize("value", ["2025-10-15", {"today": -31}])
def test_a_day_on_a_timestamp_is_the_whole_utc_day(shop, sign, holds, value):
    lab, orders, _ = shop
    assert kept(lab, {"column": "at", "is": sign, "value": value}) == want(orders, "at", lambda t: holds(t.astimezone(UTC).date()))


def test_a_day_on_a_timestamp_is_its_first_instant_for_after_and_until(lab):
    stamps = [datetime(2025, 10, 14, 23, tzinfo=UTC), datetime(2025, 10, 15, tzinfo=UTC), datetime(2025, 10, 15, 1, tzinfo=UTC)]
    lab.table("orders", {"id": "INT64", "at": "TIMESTAMP"}, [{"id": n, "at": t} for n, t in enumerate(stamps)])
    assert kept(lab, {"column": "at", "is": ">", "value": "2025-10-15"}) == [2]
    assert kept(lab, {"column": "at", "is": "<=", "value": "2025-10-15"}) == [0, 1]


@pytest.mark.parametrize(
    ("column", "values", "holds"),
    [
        ("status", ["paid", "it's"], lambda v: v in ("paid", "it's")),
        ("customer_id", [1, 2], lambda v: v in (1, 2)),
        ("day", ["2025-10-01", {"today": -30}], lambda v: v in (date(2025, 10, 1), date(2025, 10, 16))),
        ("at", ["2025-10-10", "2025-10-20"], lambda v: v.astimezone(UTC).date() in (date(2025, 10, 10), date(2025, 10, 20))),
    ],
)
def test_in_and_not_in(shop, column, values, holds):
    lab, orders, _ = shop
    assert kept(lab, {"column": column, "is": "in", "value": values}) == want(orders, column, holds)
    assert kept(lab, {"column": column, "is": "not_in", "value": values}) == want(orders, column, lambda v: not holds(v))


@pytest.mark.parametrize(
    ("column", "low", "high", "holds"),
    [
        ("amount", 10, 50.5, lambda v: 10 <= v <= 50.5),
        ("day", "2025-10-01", "2025-10-31", lambda v: date(2025, 10, 1) <= v <= date(2025, 10, 31)),
        ("at", "2025-10-10", "2025-10-20", lambda v: date(2025, 10, 10) <= v.astimezone(UTC).date() <= date(2025, 10, 20)),
        (
            "at",
            "2025-10-10T06:00:00",
            "2025-10-20T06:00:00",
            lambda v: datetime(2025, 10, 10, 6, tzinfo=UTC) <= v <= datetime(2025, 10, 20, 6, tzinfo=UTC),
        ),
    ],
)
def test_between_includes_its_limits(shop, column, low, high, holds):
    lab, orders, _ = shop
    assert kept(lab, {"column": column, "is": "between", "value": [low, high]}) == want(orders, column, holds)


def test_empty_cells(shop):
    lab, orders, _ = shop
    assert kept(lab, {"column": "status", "is": "is_null"}) == sorted(r["id"] for r in orders if r["status"] is None)
    assert kept(lab, {"column": "status", "is": "is_not_null"}) == want(orders, "status", lambda v: True)
    assert kept(lab, {"not": {"column": "status", "is": "=", "value": "paid"}}) == want(orders, "status", lambda v: v != "paid")


@pytest.mark.parametrize(
    ("how", "value", "holds"),
    [
        ("starts_with", "it'", lambda v: v.startswith("it'")),
        ("contains", "%", lambda v: "%" in v),
        ("contains", "AI", lambda v: False),
        ("like", "%a%", lambda v: "a" in v),
        ("like", "o___", lambda v: len(v) == 4 and v[0] == "o"),
        ("like", "50\\%\\_%", lambda v: v == "50%_\\x"),
        ("like", "%\\\\x", lambda v: v.endswith("\\x")),
    ],
)
def test_texts(shop, how, value, holds):
    lab, orders, _ = shop
    escapes = "\\" in value  # sqlglot's translation to DuckDB knows no escapes
    assert kept(lab, {"column": "status", "is": how, "value": value}, check_bigquery=not escapes) == want(orders, "status", holds)


@pytest.mark.parametrize(
    ("unit", "offset", "start", "end"),
    [
        ("day", 0, date(2025, 11, 15), date(2025, 11, 15)),
        ("day", -1, date(2025, 11, 14), date(2025, 11, 14)),
        ("week", 0, date(2025, 11, 10), date(2025, 11, 16)),
        ("week", -1, date(2025, 11, 3), date(2025, 11, 9)),
        ("month", 0, date(2025, 11, 1), date(2025, 11, 30)),
        ("month", -1, date(2025, 10, 1), date(2025, 10, 31)),
        ("month", -11, date(2024, 12, 1), date(2024, 12, 31)),
        ("quarter", 0, date(2025, 10, 1), date(2025, 12, 31)),
        ("quarter", -1, date(2025, 7, 1), date(2025, 9, 30)),
        ("year", 0, date(2025, 1, 1), date(2025, 12, 31)),
        ("year", -1, date(2024, 1, 1), date(2024, 12, 31)),
    ],
)
@pytest.mark.parametrize("column", ["day", "at"])
def test_periods_of_the_calendar(shop, unit, offset, start, end, column):
    lab, orders, _ = shop

    def holds(value: Any) -> bool:
        return start <= (value.astimezone(UTC).date() if isinstance(value, datetime) else value) <= end

    assert kept(lab, {"column": column, "is": "in_period", "value": {"unit": unit, "offset": offset}}) == want(orders, column, holds)


def test_a_column_is_compared_with_another(shop):
    lab, orders, _ = shop
    found = kept(lab, {"column": "amount", "is": ">", "value": {"column": "price"}})
    assert found == sorted(r["id"] for r in orders if None not in (r["amount"], r["price"]) and r["amount"] > r["price"])


def test_all_any_and_not_nest(shop):
    lab, orders, _ = shop
    where = {
        "any": [
            {
                "all": [
                    {"column": "id", "is": ">", "value": 5},
                    {"not": {"any": [{"column": "id", "is": ">", "value": 20}, {"column": "id", "is": "=", "value": 10}]}},
                ]
            },
            {"column": "id", "is": "=", "value": 0},
        ]
    }
    assert kept(lab, where) == [r["id"] for r in orders if (5 < r["id"] <= 20 and r["id"] != 10) or r["id"] == 0]


@pytest.mark.parametrize(
    ("where", "path", "message"),
    [
        ({"column": "amuont", "is": "=", "value": 1}, "column", "Did you mean 'amount'"),
        ({"column": "id", "is": "=", "value": "7"}, "value", "does not fit a column of type INT64. Write it without quotes"),
        ({"column": "status", "is": "=", "value": 7}, "value", 'Write it in quotes: "7"'),
        ({"column": "paid", "is": "=", "value": "yes"}, "value", "Use true or false"),
        ({"column": "id", "is": "=", "value": True}, "value", "truth value"),
        ({"column": "id", "is": "=", "value": 2**63}, "value", "too large"),
        ({"column": "day", "is": "=", "value": "yesterday"}, "value", "is not a date"),
        ({"column": "day", "is": "=", "value": "2025-02-30"}, "value", "is not a date"),
        ({"column": "day", "is": "=", "value": "2025-02-03T10:00:00"}, "value", "Write 2025-02-03"),
        ({"column": "at", "is": ">=", "value": "10 o'clock"}, "value", "is not a date or time"),
        ({"column": "amount", "is": ">=", "value": {"today": -1}}, "value", "is a date"),
        ({"column": "status", "is": "in_period", "value": {"unit": "month"}}, "column", "needs a date or time"),
        ({"column": "amount", "is": "like", "value": "1%"}, "column", "needs a text"),
        ({"column": "amount", "is": ">", "value": {"column": "status"}}, "value", "cannot be compared"),
        ({"column": "amount", "is": ">", "value": {"column": "pric"}}, "value.column", "Did you mean 'price'"),
        ({"column": "status", "is": "in", "value": ["paid", 3]}, "value.1", "in quotes"),
        ({"column": "day", "is": "between", "value": ["2025-01-01", "soon"]}, "value.1", "is not a date"),
        ({"column": "status", "is": "like", "value": "50\\"}, "value", "backslash"),
        ({"column": "day", "is": "in_period", "value": {"unit": "year", "offset": 9000}}, "value", "outside the calendar"),
        (
            {"all": [{"column": "id", "is": "=", "value": 1}, {"not": {"column": "x", "is": "is_null"}}]},
            "all.1.not.column",
            "no column 'x'",
        ),
    ],
)
def test_a_value_that_does_not_fit_is_told_at_its_place(store, where, path, message):
    lab, _, _ = store
    with pytest.raises(SpecError) as caught:
        lab.compile([{"op": "filter", "where": where}], "orders", "duckdb")
    assert caught.value.problems[0].path == f"operations.0.where.{path}"
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("where", "path", "message"),
    [
        ("amount > 5 OR 1=1", "", "never SQL text"),
        ({"column": "a", "is": "==", "value": 1}, "is", "Did you mean '='"),
        ({"column": "a", "is": "=", "value": 1, "extra": 2}, "extra", "unknown field"),
        ({"column": "a", "is": "="}, "", "use is_null"),
        ({"column": "a", "is": "is_null", "value": 1}, "", "takes no value"),
        ({"column": "a", "is": "in", "value": []}, "", "at least one value"),
        ({"column": "a", "is": "in", "value": "x"}, "", "needs a list"),
        ({"column": "a", "is": "between", "value": [1]}, "", "two values"),
        ({"column": "a", "is": "=", "value": [1, 2]}, "", "use in"),
        ({"column": "a", "is": "=", "value": {"tomorrow": 1}}, "value", "{today: -30}"),
        ({"column": "a", "is": "in_period", "value": {"unit": "fortnight"}}, "value.unit", "quarter"),
        ({"column": "a", "is": "like", "value": 5}, "", "needs a text"),
        ({"column": "a", "is": "=", "value": float("nan")}, "value", "not a number that can be compared"),
        ({"all": []}, "all", "must not be empty"),
        ({"any": [{"column": "a", "is": "="}]}, "any.0", "needs a value"),
    ],
)
def test_a_misshapen_condition_is_told_at_its_place(where, path, message):
    with pytest.raises(SpecError) as caught:
        read([{"op": "filter", "where": where}])
    assert caught.value.problems[0].path == f"operations.0.where.{path}".rstrip(".")
    assert message in str(caught.value)


@pytest.mark.parametrize("levels", [60, 20_000])
def test_a_condition_that_never_ends_is_refused(levels):
    where: Row = {"column": "a", "is": "=", "value": 1}
    for _ in range(levels):
        where = {"all": [where]}
    with pytest.raises(SpecError, match="nested deeper than 50"):
        read([{"op": "filter", "where": where}])


def test_dates_that_yaml_read_as_dates_are_texts():
    (said,) = read([{"op": "filter", "where": {"column": "day", "is": "in", "value": [date(2025, 1, 31)]}}])
    assert said.model_dump(exclude_unset=True)["where"]["value"] == ["2025-01-31"]
