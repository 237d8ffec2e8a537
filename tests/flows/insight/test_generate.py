"""Generated rows: plausible, with keys that meet, the same each time, and such that a spec's own filters keep some."""

from datetime import date, datetime, timedelta

import pytest

from flows.insight.catalog import SHIPPED, Catalog, load_catalog
from flows.insight.generate import ROWS, Generator
from flows.insight.wishes import Ask, period, wishes

DAY = date(2025, 11, 20)
SHOP = load_catalog(SHIPPED)


def made(catalog=SHOP, *steps, seed="demo", values=None):
    return Generator(catalog, seed=seed, day=DAY, wishes=wishes(steps, values or {}, DAY))


def table(name, columns, key=()):
    return Catalog.from_dict({"tables": {name: {"primary_key": list(key), "columns": {c: {"type": t} for c, t in columns.items()}}}})


def read(name, *conditions, step_id="read"):
    return {"step_id": step_id, "ps_type": "generic.extract", "source": {"table": name, "filter": {"all": list(conditions)}}}


def where(column, how, value=None):
    return {"column": column, "is": how, **({} if value is None else {"value": value})}


def test_every_table_of_the_shop_has_rows_with_unique_keys():
    generator = made()
    for name, about in SHOP.tables.items():
        rows = generator.rows(name)
        assert len(rows) > ROWS / 2
        if about.primary_key:
            assert len({tuple(row[key] for key in about.primary_key) for row in rows}) == len(rows)


def test_foreign_keys_are_keys_of_the_other_table():
    generator = made()
    for key in SHOP.foreign_keys:
        there = {row[key.references.column] for row in generator.rows(key.references.table)}
        assert {row[key.column] for row in generator.rows(key.table)} <= there


def test_known_values_and_types_are_kept():
    orders = made().rows("orders")
    assert {row["status"] for row in orders} == set(SHOP.tables["orders"].columns["status"].values)
    kinds = {"INT64": int, "DATE": date, "TIMESTAMP": datetime, "STRING": str, "FLOAT64": float}
    for name, about in SHOP.tables["orders"].columns.items():
        assert all(isinstance(row[name], kinds[about.type]) for row in orders if about.type in kinds)


def test_the_same_seed_gives_the_same_rows_and_another_tenant_others():
    assert made().rows("orders") == made().rows("orders")
    assert made().rows("orders") != made(seed="other").rows("orders")


def test_dates_are_near_the_day_of_the_run():
    days = [row["order_date"] for row in made().rows("orders")]
    assert max(days) <= DAY
    assert min(days) > DAY - timedelta(days=60)


def test_names_tell_what_stands_in_a_column():
    catalog = table("t", {"email": "STRING", "currency": "STRING", "amount": "NUMERIC", "ip": "STRING"})
    row = made(catalog).rows("t")[0]
    assert "@example.com" in row["email"]
    assert row["currency"] in ("USD", "EUR", "GBP")
    assert 0 < row["amount"] < 1000
    assert row["ip"].startswith("192.0.2.")


@pytest.mark.parametrize(("type_", "condition"), [
    ("STRING", where("c", "=", "paid")), ("STRING", where("c", "in", ["a", "b"])), ("STRING", where("c", "starts_with", "AB")),
    ("STRING", where("c", "contains", "needle")), ("STRING", where("c", "like", "x%y_")), ("STRING", where("c", "is_null")),
    ("INT64", where("c", ">", 10**9)), ("INT64", where("c", "between", [77, 77])), ("NUMERIC", where("c", "<", -5)),
    ("FLOAT64", where("c", "=", 3.25)), ("BOOL", where("c", "=", True)), ("DATE", where("c", "=", "2021-02-03")),
    ("DATE", where("c", "in_period", {"unit": "quarter", "offset": -6})), ("DATE", where("c", "=", {"today": -400})),
    ("TIMESTAMP", where("c", "=", "2021-02-03")), ("TIMESTAMP", where("c", ">=", "2031-01-01T10:00:00Z")),
    ("DATETIME", where("c", "between", ["2020-01-01", "2020-01-02"])),
])
def test_some_rows_meet_the_filters_of_the_spec(type_, condition):
    catalog = table("t", {"id": "INT64", "c": type_}, key=["id"])
    values = [row["c"] for row in made(catalog, read("t", condition)).rows("t")]
    value = condition.get("value")
    ask = Ask(condition["is"], tuple(value) if isinstance(value, list) else () if value is None else (value,))
    assert sum(ask.holds(v, type_, DAY) for v in values) >= 50


def test_conditions_on_one_column_hold_together_or_one_after_the_other():
    catalog = table("t", {"n": "INT64", "s": "STRING"})
    together = made(catalog, read("t", where("n", ">", 500), where("n", "<", 505))).column("t", "n")
    assert sum(500 < n < 505 for n in together) >= 50
    apart = made(catalog, read("t", where("s", "=", "a")), read("t", where("s", "=", "b"), step_id="other")).column("t", "s")
    assert {"a", "b"} <= set(apart)


def test_a_condition_is_about_the_table_that_has_the_column():
    generator = made(SHOP, read("orders", where("status", "=", "strange")))
    assert "strange" in generator.column("orders", "status")
    assert "strange" not in generator.column("customers", "status")


def test_a_filtered_join_keeps_rows():
    join = {"step_id": "j", "config": {"inputs": ["o", "c"], "operations": [
        {"op": "join", "with": "c", "on": [["customer_id", "customer_id"]]},
        {"op": "filter", "where": where("customers_segment", "=", "vip")}]}}
    generator = made(SHOP, read("orders", where("status", "=", "paid"), step_id="o"),
                     read("customers", where("country", "=", "Norway"), step_id="c"), join)
    people = {row["customer_id"] for row in generator.rows("customers") if row["country"] == "Norway" and row["segment"] == "vip"}
    assert sum(row["status"] == "paid" and row["customer_id"] in people for row in generator.rows("orders")) >= 50


def test_columns_that_a_spec_joins_meet_without_a_foreign_key():
    catalog = Catalog.from_dict({"tables": {"a": {"columns": {"who": {"type": "STRING"}}},
                                            "b": {"primary_key": ["mail"], "columns": {"mail": {"type": "STRING"}}}}})
    query = {"step_id": "q", "config": {"query": "SELECT 1 FROM a x JOIN b AS y ON x.who = y.mail WHERE y.mail LIKE 'z%'"}}
    generator = made(catalog, query)
    assert set(generator.column("a", "who")) <= set(generator.column("b", "mail"))
    assert any(mail.startswith("z") for mail in generator.column("b", "mail"))


def test_conditions_of_sql_are_met_with_its_parameters():
    catalog = table("t", {"c": "STRING", "day": "DATE", "n": "INT64"})
    query = "SELECT * FROM t WHERE LOWER(c) = 'open' AND day >= DATE_SUB(DATE '{run_date}', INTERVAL 1 DAY) AND 900 < n"
    rows = made(catalog, {"step_id": "q", "config": {"query": query}}, values={"run_date": "2025-11-20"}).rows("t")
    assert sum(row["c"] == "open" and row["day"] >= date(2025, 11, 19) and row["n"] > 900 for row in rows) >= 50


def test_rates_cover_every_currency_that_is_asked_for():
    convert = {"op": "convert_currency", "column": "amount", "to": "CHF"}
    rates = made(SHOP, {"step_id": "c", "config": {"inputs": ["orders"], "operations": [convert]}}).rows("fx_rates")
    for code in ("USD", "EUR", "GBP", "CHF"):
        mine = [row for row in rates if row["currency"] == code]
        assert min(row["rate_date"] for row in mine) < date(2001, 1, 1)
        assert max(row["rate_date"] for row in mine) == DAY
    assert {row["rate_to_usd"] for row in rates if row["currency"] == "USD"} == {1.0}


def test_nested_types_and_unknown_ones():
    catalog = table("t", {"tags": "ARRAY<STRING>", "who": "STRUCT<email STRING, n INT64>", "at": "TIME", "raw": "BYTES", "j": "JSON"})
    row = made(catalog).rows("t")[0]
    assert len(row["tags"]) == 2
    assert "@" in row["who"]["email"]
    assert isinstance(row["raw"], bytes)


@pytest.mark.parametrize(("unit", "offset", "days"), [
    ("day", -1, (date(2025, 11, 19), date(2025, 11, 19))), ("week", 0, (date(2025, 11, 17), date(2025, 11, 23))),
    ("month", -10, (date(2025, 1, 1), date(2025, 1, 31))), ("month", 3, (date(2026, 2, 1), date(2026, 2, 28))),
    ("quarter", -1, (date(2025, 7, 1), date(2025, 9, 30))), ("year", -1, (date(2024, 1, 1), date(2024, 12, 31)))])
def test_periods_are_those_of_the_contract(unit, offset, days):
    assert period({"unit": unit, "offset": offset}, DAY) == days
