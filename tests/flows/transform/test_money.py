"""Amounts in other currencies, and values that are far from the others."""

from __future__ import annotations

import statistics
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import duckdb
import pytest

from flows.errors import SpecError
from flows.spec.problems import typed
from flows.transform.operations import Operations, names

read = partial(typed, Operations, at="operations")

Row = dict[str, Any]
RATES = [
    {"rate_date": date(2025, 9, 1) + timedelta(days=3 * n), "currency": c, "rate_to_usd": r + n / 64}
    for n in range(20)
    for c, r in (("EUR", 1.125), ("GBP", 1.25))
]


@pytest.fixture
def money(store) -> tuple[Any, list[Row]]:
    """Orders with a currency each and a day that the rates cover."""
    lab, orders, _ = store
    rows = [
        {
            "id": r["id"],
            "amount": r["amount"],
            "price": r["price"],
            "currency": ["EUR", "USD", "GBP"][n % 3],
            "day": r["day"] or date(2025, 10, 1),
            "at": datetime(2025, 9, 20, 5, tzinfo=UTC) + timedelta(hours=7 * n),
        }
        for n, r in enumerate(orders)
    ]
    lab.table(
        "sales", {"id": "INT64", "amount": "FLOAT64", "price": "NUMERIC", "currency": "STRING", "day": "DATE", "at": "TIMESTAMP"}, rows
    )
    lab.table(
        "fx_rates",
        {"rate_date": "DATE", "currency": "STRING", "rate_to_usd": "FLOAT64"},
        [
            *RATES,
            {"rate_date": None, "currency": "EUR", "rate_to_usd": 99.0},
            {"rate_date": date(2025, 9, 30), "currency": "EUR", "rate_to_usd": None},
        ],
    )
    return lab, rows


def worth(code: str, day: date) -> float:
    if code == "USD":
        return 1.0
    return next(r["rate_to_usd"] for r in reversed(RATES) if r["currency"] == code and r["rate_date"] <= day)


def convert(**more: Any) -> Row:
    return {"op": "convert_currency", "column": "amount", "from": "currency", "rates": "fx_rates", "date": "day", **more}


@pytest.mark.parametrize("to", ["EUR", "USD", "GBP"])
def test_amounts_are_converted_at_the_last_rate_before_and_their_currency_says_so(money, equal, to):
    lab, rows = money
    want = [
        {
            **r,
            "amount": None
            if r["amount"] is None
            else r["amount"]
            if r["currency"] == to
            else r["amount"] * worth(r["currency"], r["day"]) / worth(to, r["day"]),
            "currency": to,
        }
        for r in rows
    ]
    assert equal(lab.run(convert(to=to), first="sales"), want)


def test_a_new_column_leaves_the_amount_and_money_stays_numeric(money):
    lab, rows = money
    found = lab.run(
        convert(column="price", to="EUR", date="at", **{"as": "price_eur"}),
        {"op": "sort", "by": [{"column": "id"}]},
        first="sales",
        check_bigquery=False,
    )
    for said, row in zip(found, rows, strict=True):
        assert {k: said[k] for k in row} == row
        if row["price"] is None or row["currency"] == "EUR":
            assert said["price_eur"] == row["price"]
        else:
            assert isinstance(said["price_eur"], Decimal)
            day = row["at"].date()
            assert float(said["price_eur"]) == pytest.approx(
                float(row["price"]) * worth(row["currency"], day) / worth("EUR", day), abs=1e-8
            )


def test_one_currency_for_all_rows_and_the_rate_of_the_run(money, equal):
    lab, rows = money
    found = lab.run(convert(to="USD", date=None, **{"from": "GBP"}), first="sales")
    rate = RATES[-1]["rate_to_usd"]
    assert equal(found, [{**r, "amount": None if r["amount"] is None else r["amount"] * rate} for r in rows])


@pytest.mark.parametrize(
    ("currency", "day"), [("CHF", date(2025, 10, 1)), (None, date(2025, 10, 1)), ("GBP", date(2025, 1, 1)), ("GBP", None), ("USD", None)]
)
def test_a_missing_rate_ends_the_query_and_is_never_1(money, currency, day):
    lab, _ = money
    lab.table("sales", {"amount": "FLOAT64", "currency": "STRING", "day": "DATE"}, [{"amount": 5.0, "currency": currency, "day": day}])
    with pytest.raises(duckdb.Error, match="no rate to EUR in fx_rates"):
        lab.run(convert(to="EUR"), first="sales")


def test_nothing_to_convert_needs_no_rate(money):
    lab, _ = money
    rows = [{"amount": None, "currency": "CHF", "day": None}, {"amount": 5.0, "currency": "EUR", "day": None}]
    lab.table("sales", {"amount": "FLOAT64", "currency": "STRING", "day": "DATE"}, rows)
    assert {r["amount"] for r in lab.run(convert(to="EUR"), first="sales")} == {None, 5.0}


def test_two_rates_a_day_give_one_row(money):
    lab, rows = money
    lab.table(
        "fx_rates",
        {"rate_date": "DATE", "currency": "STRING", "rate_to_usd": "FLOAT64"},
        [*RATES, *({**r, "rate_to_usd": 9.0} for r in RATES)],
    )
    found = lab.run(convert(to="EUR"), first="sales")
    assert len(found) == len(rows)
    assert {
        r["amount"] / 9 for r, o in zip(sorted(found, key=lambda r: r["id"]), rows, strict=True) if o["currency"] == "GBP" and o["amount"]
    } == {o["amount"] / 9 for o in rows if o["currency"] == "GBP" and o["amount"]}


def test_the_rates_are_an_input_of_the_operation():
    assert names(read([convert(to="EUR")])[0]) == ["fx_rates"]


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"column": "currency"}, "column", "an amount is a number"),
        ({"from": "amount"}, "from", "a currency is a text"),
        ({"from": "curency"}, "from", "Did you mean 'currency'"),
        ({"date": "currency"}, "date", "date or time"),
        ({"rates": "fx_rate"}, "rates", "Did you mean 'fx_rates'"),
        ({"rates": "customers"}, "rates", "no DATE column"),
        ({"as": "id;"}, "as", "cannot be the name"),
    ],
)
def test_what_does_not_fit_is_told_at_its_place(money, change, path, message):
    lab, _ = money
    with pytest.raises(SpecError) as caught:
        lab.run(convert(to="EUR", **change), first="sales")
    assert caught.value.problems[0].path == f"operations.0.{path}"
    assert message in str(caught.value)


@pytest.mark.parametrize("method", ["robust_zscore", "zscore"])
@pytest.mark.parametrize("per", [[], ["status"]])
def test_anomalies_are_far_from_the_others_of_their_group(shop, equal, method, per):
    lab, orders, _ = shop
    threshold = 1.25
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in orders:
        groups[tuple(row[n] for n in per)].append(row)
    want = []
    for rows in groups.values():
        values = [r["amount"] for r in rows if r["amount"] is not None]
        middle = (statistics.median(values) if method == "robust_zscore" else statistics.fmean(values)) if values else 0
        spread = 0.0
        if method == "robust_zscore" and values:
            spread = statistics.median(abs(v - middle) for v in values) / 0.6745
        elif len(values) > 1:
            spread = statistics.stdev(values)
        want += [{**r, "odd": r["amount"] is not None and spread > 0 and abs(r["amount"] - middle) / spread > threshold} for r in rows]
    found = lab.run({"op": "flag_anomalies", "column": "amount", "per": per, "method": method, "threshold": threshold, "as": "odd"})
    assert equal(found, want)


def test_where_most_values_are_the_same_nothing_is_an_anomaly(lab):
    lab.table("orders", {"cost": "NUMERIC"}, [{"cost": Decimal(1)}] * 9 + [{"cost": Decimal(1000)}])
    assert [r["is_anomaly"] for r in lab.run({"op": "flag_anomalies", "column": "cost"}, check_bigquery=False)] == [False] * 10


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [({"column": "status"}, "column", "in numbers"), ({"per": ["x"]}, "per.0", "no column 'x'"), ({"as": "Status"}, "as", "already")],
)
def test_anomalies_of_what_is_no_number(store, change, path, message):
    lab, _, _ = store
    with pytest.raises(SpecError) as caught:
        lab.run({"op": "flag_anomalies", "column": "amount", **change})
    assert caught.value.problems[0].path == f"operations.0.{path}"
    assert message in str(caught.value)
