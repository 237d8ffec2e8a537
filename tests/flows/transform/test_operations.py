"""Every operation, on random rows, against a plain Python reading of what it promises."""

from __future__ import annotations

import hashlib
import re
import statistics
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from flows.errors import SpecError
from flows.spec.problems import typed
from flows.transform.operations import Operations

read = partial(typed, Operations, at="operations")

Row = dict[str, Any]


def key(value: Any) -> tuple[bool, Any]:
    """Empty cells last, going up."""
    return (value is None, 0 if value is None else value)


def ordered(rows: list[Row], *terms: tuple[str, bool]) -> list[Row]:
    """By the terms (column, descending), then by all other columns going up; empty cells always last."""
    asked = dict(terms)
    for name in reversed([*asked, *(n for n in (rows[0] if rows else ()) if n not in asked)]):
        full = [r for r in rows if r[name] is not None]
        full.sort(key=lambda r: r[name], reverse=asked.get(name, False))
        rows = full + [r for r in rows if r[name] is None]
    return rows


def groups(rows: list[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    found: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(row[n] for n in names)].append(row)
    return found


def filled(rows: list[Row], name: str) -> list[Any]:
    return [r[name] for r in rows if r[name] is not None]


def test_filter_keeps_the_rows_that_fulfil_the_condition(shop, equal):
    lab, orders, _ = shop
    where = {"all": [{"column": "status", "is": "in", "value": ["paid", "it's"]}, {"not": {"column": "amount", "is": "<", "value": 10}}]}
    want = [r for r in orders if r["status"] in ("paid", "it's") and r["amount"] is not None and r["amount"] >= 10]
    assert equal(lab.run({"op": "filter", "where": where}), want)


@pytest.mark.parametrize("how", ["inner", "left", "right", "full", "semi", "anti"])
def test_join_matches_pairs_and_renames_what_both_sides_have(shop, equal, how):
    lab, orders, customers = shop
    matches = [
        (o, [c for c in customers if None not in (o["customer_id"], c["customer_id"]) and o["customer_id"] == c["customer_id"]])
        for o in orders
    ]
    names = {"customer_id": "customers_customer_id", "country": "country", "status": "customers_status"}

    def beside(left: Row | None, right: Row | None) -> Row:
        return {**(left or dict.fromkeys(orders[0])), **{new: right[old] if right else None for old, new in names.items()}}

    if how in ("semi", "anti"):
        want = [o for o, found in matches if bool(found) == (how == "semi")]
    else:
        want = [beside(o, c) for o, found in matches for c in found]
        if how in ("left", "full"):
            want += [beside(o, None) for o, found in matches if not found]
        if how in ("right", "full"):
            used = {id(c) for _, found in matches for c in found}
            want += [beside(None, c) for c in customers if id(c) not in used]
    assert equal(lab.run({"op": "join", "with": "customers", "how": how, "on": [["customer_id", "customer_id"]]}), want)


def test_join_after_a_filter_does_not_filter_the_other_side(shop, equal):
    lab, orders, customers = shop
    kept = [o for o in orders if o["status"] == "paid"]
    found = lab.run(
        {"op": "filter", "where": {"column": "status", "is": "=", "value": "paid"}},
        {"op": "join", "with": "customers", "how": "full", "on": [["customer_id", "customer_id"]]},
        {"op": "aggregate", "measures": [{"fn": "count"}, {"fn": "count", "column": "id", "as": "orders"}]},
    )
    pairs = sum(sum(o["customer_id"] is not None and o["customer_id"] == c["customer_id"] for c in customers) for o in kept)
    lonely = sum(all(o["customer_id"] is None or o["customer_id"] != c["customer_id"] for c in customers) for o in kept)
    without = sum(all(c["customer_id"] is None or o["customer_id"] != c["customer_id"] for o in kept) for c in customers)
    assert equal(found, [{"count": pairs + lonely + without, "orders": pairs + lonely}])


def test_joins_follow_each_other_and_take_a_relation_twice(shop):
    lab, orders, customers = shop
    found = lab.run(
        {"op": "join", "with": "customers", "how": "left", "on": [["customer_id", "customer_id"]]},
        {"op": "filter", "where": {"column": "country", "is": "=", "value": "DE"}},
        {"op": "select", "columns": ["id", "country", "customer_id"]},
        {"op": "join", "with": "orders", "on": [["id", "id"]]},
    )
    german = {c["customer_id"] for c in customers if c["country"] == "DE"} - {None}
    want = sum(
        1 for o in orders for c in customers if c["country"] == "DE" and o["customer_id"] in german and c["customer_id"] == o["customer_id"]
    )
    assert len(found) == want
    assert all(row["id"] == row["orders_id"] for row in found)


def test_join_names_follow_the_table_a_step_stands_for(lab):
    lab.table("extract_orders", {"id": "INT64", "status": "STRING"}, [{"id": 1, "status": "paid"}])
    lab.table("extract_customers", {"id": "INT64", "status": "STRING"}, [{"id": 1, "status": "new"}])
    found = lab.run(
        {"op": "join", "with": "extract_customers", "on": [["id", "id"]]},
        first="extract_orders",
        aliases={"extract_customers": "customers"},
    )
    assert found == [{"id": 1, "status": "paid", "customers_id": 1, "customers_status": "new"}]


def test_select_and_rename_change_names_and_order_only(shop, equal):
    lab, orders, _ = shop
    found = lab.run(
        {"op": "rename", "columns": {"id": "status", "status": "id", "day": "Order day"}},
        {"op": "select", "columns": ["Order day", "status", "id"]},
    )
    assert [list(r) for r in found] == [["Order day", "status", "id"]] * len(orders)
    assert equal(found, [{"Order day": r["day"], "status": r["id"], "id": r["status"]} for r in orders])


def test_derive_sees_the_columns_before_it_and_may_replace_them(shop, equal):
    lab, orders, _ = shop
    found = lab.run(
        {"op": "derive", "columns": {"amount": "amount * 2", "double": "amount * 4", "big": "IF(amount > 50, 'yes', 'no')"}},
        {"op": "select", "columns": ["id", "amount", "double", "big"]},
    )
    want = [
        {
            "id": r["id"],
            "amount": None if r["amount"] is None else r["amount"] * 2,
            "double": None if r["amount"] is None else r["amount"] * 4,
            "big": "yes" if (r["amount"] or 0) > 50 else "no",
        }
        for r in orders
    ]
    assert equal(found, want)


def test_aggregate_folds_every_group(shop, equal):
    lab, orders, _ = shop
    measures = [{"fn": fn, "column": "amount", "as": fn} for fn in ("sum", "avg", "min", "max", "count", "count_distinct", "median")]
    paid = {"column": "status", "is": "=", "value": "paid"}
    measures += [
        {"fn": "count"} | {"as": "rows"},
        {"fn": "sum", "column": "id", "where": paid, "as": "paid_ids"},
        {"fn": "ratio", "where": paid, "as": "share"},
        {"fn": "ratio", "column": "amount", "where": paid, "as": "paid_share"},
        {"fn": "median", "column": "id", "where": paid, "as": "paid_median"},
        {"fn": "sum", "column": "price", "as": "price"},
        {"fn": "avg", "column": "price", "as": "price_avg"},
    ]
    want = []
    for (customer,), rows in groups(orders, "customer_id").items():
        amounts, ids = filled(rows, "amount"), [r["id"] for r in rows if r["status"] == "paid"]
        part, prices = sum(r["amount"] or 0 for r in rows if r["status"] == "paid"), filled(rows, "price")
        want.append(
            {
                "customer_id": customer,
                "sum": sum(amounts) if amounts else None,
                "avg": statistics.fmean(amounts) if amounts else None,
                "min": min(amounts, default=None),
                "max": max(amounts, default=None),
                "count": len(amounts),
                "count_distinct": len(set(amounts)),
                "median": statistics.median(amounts) if amounts else None,
                "rows": len(rows),
                "paid_ids": sum(ids) if ids else None,
                "share": len(ids) / len(rows),
                "paid_share": part / sum(amounts) if sum(amounts) else None,
                "paid_median": statistics.median(ids) if ids else None,
                "price": sum(prices) if prices else None,
                "price_avg": round(sum(prices) / len(prices), 9) if prices else None,
            }
        )
    assert equal(lab.run({"op": "aggregate", "by": ["customer_id"], "measures": measures}), want)


def cut(value: Any, unit: str) -> Any:
    if value is None:
        return None
    if unit in ("minute", "hour"):
        return value.replace(second=0, microsecond=0, **({"minute": 0} if unit == "hour" else {}))
    if isinstance(value, datetime):
        value = value.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "week":
        return value - timedelta(days=value.weekday())
    month = {"month": value.month, "quarter": (value.month - 1) // 3 * 3 + 1, "year": 1}.get(unit)
    return value if month is None else value.replace(month=month, day=1)


@pytest.mark.parametrize(
    ("column", "unit"),
    [(c, u) for c in ("day", "at") for u in ("day", "week", "month", "quarter", "year")] + [("at", "hour"), ("at", "minute")],
)
def test_a_grain_cuts_dates_and_times_and_keeps_name_and_type(shop, equal, column, unit):
    lab, orders, _ = shop
    want = [
        {column: start, "count": sum(cut(r[column], unit) == start for r in orders)} for start in {cut(r[column], unit) for r in orders}
    ]
    assert equal(lab.run({"op": "aggregate", "grain": {"column": column, "unit": unit}, "measures": [{"fn": "count"}]}), want)


def test_two_grains_of_one_column_get_names_of_their_own(shop):
    lab, orders, _ = shop
    grains = [{"column": "day", "unit": "year", "as": "year"}, {"column": "day", "unit": "month"}]
    found = lab.run({"op": "aggregate", "grain": grains, "measures": []})
    assert len(found) == len({cut(r["day"], "month") for r in orders})
    assert all(r["year"] == cut(r["day"], "year") for r in found)


def test_aggregate_of_nothing_is_one_row(lab):
    lab.table("orders", {"id": "INT64", "price": "NUMERIC"}, [])
    assert lab.run({"op": "aggregate", "measures": [{"fn": "count"}, {"fn": "sum", "column": "id"}, {"fn": "sum", "column": "price"}]}) == [
        {"count": 0, "sum_id": None, "sum_price": None}
    ]


def test_sum_of_whole_numbers_stays_a_whole_number_beyond_2_to_the_53(lab):
    lab.table("orders", {"id": "INT64"}, [{"id": 2**60 + 1}, {"id": 2**60 + 2}])
    assert lab.run({"op": "aggregate", "measures": [{"fn": "sum", "column": "id"}]}) == [{"sum_id": 2**61 + 3}]


def test_top_takes_the_first_rows_and_breaks_ties_by_all_columns(shop):
    lab, orders, _ = shop
    found = lab.run({"op": "top", "n": 7, "order_by": [{"column": "status"}, {"column": "amount", "direction": "asc"}]})
    assert found == ordered(orders, ("status", True), ("amount", False))[:7]


def test_top_per_group(shop, equal):
    lab, orders, _ = shop
    found = lab.run({"op": "top", "n": 2, "order_by": [{"column": "amount"}], "per": ["status", "customer_id"]})
    want = [r for rows in groups(orders, "status", "customer_id").values() for r in ordered(rows, ("amount", True))[:2]]
    assert equal(found, want)


def test_deduplicate_keeps_the_latest_row_of_each_key(shop, equal):
    lab, orders, _ = shop
    found = lab.run({"op": "deduplicate", "keys": ["customer_id"], "keep": {"order_by": "at"}})
    assert equal(found, [ordered(rows, ("at", True))[0] for rows in groups(orders, "customer_id").values()])


def test_deduplicate_by_a_fraction_and_without_keep(shop, equal):
    lab, orders, _ = shop
    found = lab.run({"op": "deduplicate", "keys": ["amount"]})
    assert equal(found, [ordered(rows)[0] for rows in groups(orders, "amount").values()])


def test_deduplicate_without_keys_merges_equal_rows_also_before_a_select(shop, equal):
    lab, orders, _ = shop
    found = lab.run({"op": "select", "columns": ["status", "customer_id"]}, {"op": "deduplicate"}, {"op": "select", "columns": ["status"]})
    assert equal(found, [{"status": s} for s, _ in {(r["status"], r["customer_id"]) for r in orders}])


@pytest.mark.parametrize(
    "fn", ["moving_avg", "moving_sum", "running_total", "row_number", "rank", "dense_rank", "lag", "lead", "first", "last", "share"]
)
def test_window_computes_beside_each_row(shop, equal, fn):
    lab, orders, _ = shop
    over: Row = {"order_by": "day", "per": ["status"]} | ({"rows": 3} if fn in ("moving_avg", "moving_sum", "lag", "lead") else {})
    ranks = fn in ("row_number", "rank", "dense_rank")
    found = lab.run({"op": "window", "fn": fn, "over": over, "as": "w"} | ({} if ranks else {"column": "amount"}))
    want = []
    for rows in groups(orders, "status").values():
        rows = ordered(rows, ("day", False))
        want += [{**row, "w": beside(fn, rows, n)} for n, row in enumerate(rows)]
    assert equal(found, want)


def beside(fn: str, rows: list[Row], n: int) -> Any:
    """The value of a window function for row n of a group in its order."""
    amounts, days = [r["amount"] for r in rows], [r["day"] for r in rows]
    near = [a for a in amounts[max(0, n - 2) : n + 1] if a is not None]
    before, whole = [a for a in amounts[: n + 1] if a is not None], sum(a for a in amounts if a is not None)
    share = amounts[n] / whole if amounts[n] is not None and whole else None
    return {
        "moving_avg": statistics.fmean(near) if near else None,
        "moving_sum": sum(near) if near else None,
        "running_total": sum(before) if before else None,
        "row_number": n + 1,
        "rank": days.index(days[n]) + 1,
        "dense_rank": len(set(days[: n + 1])),
        "lag": amounts[n - 3] if n >= 3 else None,
        "lead": amounts[n + 3] if n + 3 < len(amounts) else None,
        "first": amounts[0],
        "last": amounts[-1],
        "share": share,
    }[fn]


def test_window_of_numeric_and_whole_numbers_keeps_their_types(shop):
    lab, orders, _ = shop
    found = lab.run(
        {"op": "window", "fn": "running_total", "column": "price", "over": {"order_by": "id"}},
        {"op": "window", "fn": "moving_sum", "column": "id", "over": {"order_by": [{"column": "id", "direction": "desc"}], "rows": 2}},
        {"op": "window", "fn": "moving_avg", "column": "price", "over": {"order_by": "id", "rows": 4}},
    )
    last = max(found, key=lambda r: r["id"])
    assert last["running_total_price"] == sum(filled(orders, "price"))
    assert {r["id"]: r["moving_sum_id"] for r in found}[3] == 7
    assert isinstance(last["moving_avg_price"], Decimal)


@pytest.mark.parametrize("distinct", [False, True])
def test_union_matches_columns_by_name_and_widens_numbers(shop, equal, distinct):
    lab, orders, _ = shop
    lab.table("more", {"Status": "STRING", "amount": "INT64"}, [{"Status": "paid", "amount": 5}, {"Status": "paid", "amount": 5}])
    found = lab.run({"op": "select", "columns": ["amount", "status"]}, {"op": "union", "with": ["more"], "distinct": distinct})
    want = [{"amount": r["amount"], "status": r["status"]} for r in orders] + [{"amount": 5.0, "status": "paid"}] * 2
    if distinct:
        want = [dict(items) for items in {tuple(r.items()) for r in want}]
    assert equal(found, want)


def test_sort_puts_empty_cells_last_and_survives_what_keeps_rows_in_place(shop):
    lab, orders, _ = shop
    found = lab.run(
        {"op": "sort", "by": [{"column": "amount", "direction": "desc"}]},
        {"op": "derive", "columns": {"amount": "0", "twice": "id * 2"}},
        {"op": "rename", "columns": {"id": "number"}},
        {"op": "filter", "where": {"column": "number", "is": ">", "value": 3}},
        {"op": "select", "columns": ["number"]},
    )
    assert [r["number"] for r in found] == [r["id"] for r in ordered(orders, ("amount", True)) if r["id"] > 3]


def test_sort_by_a_name_that_was_swapped(shop):
    lab, orders, _ = shop
    found = lab.run({"op": "rename", "columns": {"id": "customer_id", "customer_id": "id"}}, {"op": "sort", "by": [{"column": "id"}]})
    assert [r["id"] for r in found] == sorted((r["customer_id"] for r in orders), key=key)


def test_limit_cuts_what_comes_before_it_and_not_what_comes_after(shop):
    lab, orders, _ = shop
    first = ordered(orders, ("id", False))[:10]
    kept = lab.run(
        {"op": "sort", "by": [{"column": "id"}]},
        {"op": "limit", "n": 10},
        {"op": "limit", "n": 20},
        {"op": "filter", "where": {"column": "status", "is": "=", "value": "paid"}},
    )
    assert kept == [r for r in first if r["status"] == "paid"]
    assert lab.run({"op": "limit", "n": 0}) == []
    total = lab.run(
        {"op": "sort", "by": [{"column": "id"}]}, {"op": "limit", "n": 10}, {"op": "aggregate", "measures": [{"fn": "sum", "column": "id"}]}
    )
    assert total == [{"sum_id": 45}]


def test_limit_without_an_order_says_that_it_is_open(store):
    lab, _, _ = store
    assert any("sort" in note for note in lab.compile([{"op": "limit", "n": 3}], "orders", "duckdb").notes)


def test_fill_puts_values_of_the_columns_type_into_empty_cells(shop, equal):
    lab, orders, _ = shop
    values = {
        "amount": 0,
        "status": "it's; --",
        "day": "2025-01-01",
        "at": "2025-01-01T10:00:00Z",
        "paid": False,
        "price": 1.5,
        "customer_id": -1,
    }
    found = lab.run({"op": "fill", "columns": values})
    typed = values | {"day": date(2025, 1, 1), "at": datetime(2025, 1, 1, 10, tzinfo=UTC), "amount": 0.0, "price": Decimal("1.5")}
    assert equal(found, [{n: typed[n] if v is None and n in typed else v for n, v in r.items()} for r in orders])


def test_mask_and_hash(lab, equal):
    people = [
        {"email": "anna.smith@example.com", "phone": "+49 170 1234567", "name": "Zoë Çelik", "id": 4711, "born": date(1980, 2, 3)},
        {"email": None, "phone": "", "name": "李小龙 O'Neil_2", "id": None, "born": None},
    ]
    lab.table("orders", {"email": "STRING", "phone": "STRING", "name": "STRING", "id": "INT64", "born": "DATE"}, people)
    found = lab.run({"op": "mask", "columns": {"email": "mask", "phone": "hash", "name": "mask", "id": "hash", "born": "mask"}})
    assert equal(
        found,
        [
            {
                "email": "a***.s***@e***.c***",
                "phone": hashlib.sha256(b"+49 170 1234567").hexdigest(),
                "name": "Z*** Ç***",
                "id": hashlib.sha256(b"4711").hexdigest(),
                "born": "1***-0***-0***",
            },
            {"email": None, "phone": hashlib.sha256(b"").hexdigest(), "name": "李*** O***'N***_2***", "id": None, "born": None},
        ],
    )


def test_types_are_the_same_after_a_parquet_round_trip(store, tmp_path):
    lab, _, _ = store
    made = lab.compile(
        [
            {
                "op": "derive",
                "columns": {
                    "one": "1",
                    "half": "0.5",
                    "text": "CONCAT(status, 'x')",
                    "none": "CAST(NULL AS DATE)",
                    "n": "price * 2",
                    "month": "DATE_TRUNC(day, MONTH)",
                    "sign": "SIGN(id)",
                    "flag": "id > 3",
                },
            },
            {
                "op": "aggregate",
                "by": ["one", "half", "text", "none", "n", "month", "sign", "flag"],
                "grain": {"column": "at", "unit": "day"},
                "measures": [{"fn": fn, "column": c} for fn in ("sum", "avg", "median", "count", "min") for c in ("id", "price", "amount")],
            },
            {"op": "window", "fn": "running_total", "column": "sum_id", "over": {"order_by": "at"}},
        ],
        "orders",
        "duckdb",
    )
    path = tmp_path / "rows.parquet"
    lab.con.execute(f"COPY ({made.tree.sql('duckdb')}) TO '{path}' (FORMAT parquet)")
    from flows.warehouse.bqtypes import columns_of

    back = lab.con.sql(f"SELECT * FROM '{path}'")
    assert [(c.name, c.type) for c in columns_of(back.columns, back.types)] == [(c.name, c.type) for c in made.columns]


@pytest.mark.parametrize(
    ("operation", "path", "message"),
    [
        ({"op": "select", "columns": ["id", "amuont"]}, "columns.1", "Did you mean 'amount'"),
        ({"op": "select", "columns": ["id", "ID"]}, "columns", "two columns named 'id'"),
        ({"op": "rename", "columns": {"id": "STATUS"}}, "columns", "differ only by case"),
        ({"op": "rename", "columns": {"id": 'a"; drop table x; --'}}, "columns.id", "cannot be the name of a column"),
        ({"op": "derive", "columns": {"a`b": "1"}}, "columns.a`b", "cannot be the name"),
        ({"op": "join", "with": "custmers", "on": [["customer_id", "customer_id"]]}, "with", "Did you mean 'customers'"),
        ({"op": "join", "with": "customers", "on": [["customer_id", "country"]]}, "on.0", "cannot be joined"),
        ({"op": "join", "with": "customers", "on": [["customer_id", "id"]]}, "on.0.1", "no column 'id'"),
        ({"op": "aggregate", "by": ["status"], "measures": [{"fn": "sum", "column": "status"}]}, "measures.0.column", "needs a number"),
        (
            {"op": "aggregate", "by": ["status"], "measures": [{"fn": "count", "as": "status"}]},
            "measures.0.as",
            "two columns named 'status'",
        ),
        (
            {"op": "aggregate", "grain": {"column": "day", "unit": "hour"}, "measures": [{"fn": "count"}]},
            "grain.unit",
            "a DATE has no hour",
        ),
        ({"op": "aggregate", "grain": {"column": "status", "unit": "day"}, "measures": [{"fn": "count"}]}, "grain.column", "needs a date"),
        ({"op": "top", "n": 3, "order_by": [{"column": "revenue"}]}, "order_by.0.column", "no column 'revenue'"),
        ({"op": "window", "fn": "share", "column": "status"}, "column", "needs a number"),
        ({"op": "window", "fn": "rank", "over": {"order_by": "id"}, "as": "status"}, "as", "already"),
        ({"op": "union", "with": ["customers"]}, "with.0", "lacks id, amount"),
        ({"op": "fill", "columns": {"amount": "zero"}}, "columns.amount", "does not fit a column of type FLOAT64"),
        ({"op": "fill", "columns": {"id": 1.5}}, "columns.id", "whole number"),
        ({"op": "mask", "columns": {"amount": "hash"}}, "columns.amount", "only STRING, INT64 and DATE"),
        ({"op": "deduplicate", "keep": {"order_by": "at"}}, "keep", "Name the keys"),
    ],
)
def test_a_wrong_operation_is_one_error_that_names_its_place(store, operation, path, message):
    lab, _, _ = store
    with pytest.raises(SpecError) as caught:
        lab.compile([{"op": "limit", "n": 5}, operation], "orders", "duckdb")
    (problem,) = caught.value.problems
    assert problem.path == f"operations.1.{path}"
    assert message in str(problem)


@pytest.mark.parametrize(
    ("operation", "path", "message"),
    [
        ({"op": "filtr"}, "op", "Did you mean 'filter'"),
        ({"columns": ["a"]}, "", "'op' is missing"),
        ({"op": "select", "columns": []}, "columns", "must not be empty"),
        ({"op": "select", "columns": ["a"], "distinct": True}, "distinct", "unknown field"),
        ({"op": "top", "n": "5", "order_by": [{"column": "a"}]}, "n", "must be a whole number"),
        ({"op": "aggregate"}, "", "needs measures, by or grain"),
        ({"op": "aggregate", "measures": [{"fn": "summ", "column": "a"}]}, "measures.0.fn", "Did you mean 'sum'"),
        ({"op": "aggregate", "measures": [{"fn": "sum"}]}, "measures.0", "sum needs a column"),
        ({"op": "aggregate", "measures": [{"fn": "ratio", "column": "a"}]}, "measures.0", "ratio needs `where`"),
        ({"op": "aggregate", "grain": {"column": "d", "unit": "moth"}}, "grain.unit", "Did you mean 'month'"),
        ({"op": "window", "fn": "moving_avg", "column": "a", "over": {"order_by": "d"}}, "", "over.rows"),
        ({"op": "window", "fn": "lag", "column": "a"}, "", "over.order_by"),
        ({"op": "join", "with": "b", "on": [["a"]]}, "on.0.1", "is missing"),
        ({"op": "mask", "columns": {"a": "md5"}}, "columns.a", "One of: mask, hash"),
    ],
)
def test_a_misshapen_operation_is_told_with_its_path_in_the_data(operation, path, message):
    with pytest.raises(SpecError) as caught:
        read([{"op": "limit", "n": 1}, operation])
    problem = caught.value.problems[0]
    assert problem.path == f"operations.1.{path}".rstrip(".")
    assert message in str(problem)


def test_what_is_written_out_reads_back():
    said = [
        {"op": "join", "with": "b", "how": "left", "on": [["x", "y"]]},
        {
            "op": "aggregate",
            "by": ["c"],
            "grain": {"column": "d", "unit": "day", "as": "e"},
            "measures": [{"fn": "sum", "column": "a", "as": "s", "where": {"not": {"column": "a", "is": "=", "value": {"today": -1}}}}],
        },
    ]
    first = read(said)
    again = read([operation.model_dump(mode="json", exclude_unset=True) for operation in first])
    assert again == first
    assert re.search(r"'with': 'b'", str(first[0].model_dump()))


def test_a_value_of_no_kind_names_all_kinds():
    with pytest.raises(SpecError, match="must be true or false or a whole number or a number or text"):
        read([{"op": "fill", "columns": {"amount": None}}])
