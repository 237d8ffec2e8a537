"""Promises of placeholders in SQL: bound as a value, checked as a name, or refused; never pasted."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from flows.errors import SpecError, SqlError
from flows.spec.template import bind_sql, inline_sql

EVIL = "'; drop table x; --"
VALUES: dict[str, Any] = {"run_date": "2025-11-15", "t": "orders", "n": 5, "bad": EVIL, "bucket": "b", "f": 1.5, "yes": True}


@pytest.mark.parametrize(("sql", "bound", "params"), [
    ("select 1", "select 1", {}),
    ("select * from t where d = {run_date}", "select * from t where d = @run_date", {"run_date": date(2025, 11, 15)}),
    ("select * from t where d = '{run_date}'", "select * from t where d = @text", {"text": "2025-11-15"}),
    ("select DATE '{run_date}'", "select CAST(@text AS DATE)", {"text": "2025-11-15"}),
    ("select 'gs://{bucket}/x', '{t}'", "select @text, @text_2", {"text": "gs://b/x", "text_2": "orders"}),
    ("select * from {t} where a = {bad} limit {n}", "select * from orders where a = @bad limit @n", {"bad": EVIL, "n": 5}),
    ("select * from `p.{t}`", "select * from `p.orders`", {}),
    ("select x.{t} from x where a in ({n}, {n}, {f}, {yes})", "select x.orders from x where a in (@n, @n, @f, @yes)",
     {"n": 5, "f": 1.5, "yes": True}),
    ("with {t} as (select 1) select * from {t}", "with orders as (select 1) select * from orders", {}),
    ("select a as {t} from x", "select a as orders from x", {}),
    ("select date_sub({run_date}, interval {n} day)", "select date_sub(@run_date, interval @n day)",
     {"run_date": date(2025, 11, 15), "n": 5}),
    ("select '{{t}}', 1", "select '{{t}}', 1", {}),
    ("select 1 -- {bad}\n, {n}", "select 1 \n, @n", {"n": 5}),
    ("select @n, {n}", "select @n, @n_2", {"n_2": 5}),
])
def test_where_a_placeholder_stands_decides(sql: str, bound: str, params: dict[str, Any]) -> None:
    assert bind_sql(sql, VALUES) == (bound, params)


@pytest.mark.parametrize("sql", [
    "select * from {bad}", "select * from `{bad}`", "select * from `p.{bad}`", "select a as {bad} from x", "select x.{bad} from x",
    "with {bad} as (select 1) select 1", "select {t}(1)", "select r'{bad}'", "select 'a\\'{bad}'", "select cast(a as {t})",
    "select * from d.{t}_x", "select {n} {", "select 1 {bad} 2"])
def test_anything_else_is_refused(sql: str) -> None:
    with pytest.raises(SqlError) as caught:
        bind_sql(sql, VALUES)
    assert "Traceback" not in str(caught.value)


def test_missing_names_are_listed() -> None:
    with pytest.raises(SpecError, match=r"\{nope\}.*\{bukcet\}.*bucket"):
        bind_sql("select {nope}, '{bukcet}'", VALUES)


PLACES = ["select {v}", "select '{v}'", "select \"{v}\"", "select * from t where a = '{v}' and b = {v}", "select * from {v}",
          "select * from `{v}`", "select a as {v}", "select 1 -- {v}", "select /* {v} */ 1", "select '''{v}'''", "select f({v}, 'x {v}')",
          "select * from t order by {v}", "select * from t limit {v}"]


HOSTILE = st.sampled_from([EVIL, "x`; drop table y; --", "\\", "\\'; x", '"""', "'''", "@text", "@v", "*/ drop"])


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30) | HOSTILE, st.sampled_from(PLACES))
def test_no_value_changes_the_shape_of_a_statement(value: str, sql: str) -> None:
    """With any value the statement has the shape it has with a harmless one; the value is a parameter, or a checked name."""
    try:
        bound, params = bind_sql(sql, {"v": value})
    except SqlError:
        return
    plain, _ = bind_sql(sql, {"v": "harmless"})
    if bound != plain:
        assert bound == plain.replace("harmless", value)  # a checked name
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", value)
    assert all(value in str(p) for p in params.values())


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20) | HOSTILE)
def test_a_value_in_an_expression_is_one_literal(value: str) -> None:
    for text in ("concat(a, '{v}', {v})", "concat(a, {v}, {v})"):
        tree = sqlglot.parse_one(inline_sql(text, {"v": value}), read="bigquery")
        literals = [node.this for node in tree.find_all(exp.Literal)]
        dates = [node.args["expression"] for node in tree.find_all(exp.Cast) if node.args.get("expression")]
        assert len(literals) == 2
        assert not dates
        assert literals == [value, value]


def test_numbers_and_dates_in_an_expression_keep_their_type() -> None:
    assert inline_sql("amount * {f} + {n}", VALUES) == "amount * 1.5 + 5"
    assert inline_sql("if({yes}, {run_date}, d)", VALUES) == "if(TRUE, CAST('2025-11-15' AS DATE), d)"
    assert inline_sql("`{t}` + 1", VALUES) == "`orders` + 1"


@pytest.mark.parametrize("place", ["select * from {v}", "select * from `{v}`", "select a as {v}"])
def test_a_line_break_after_a_name_is_no_name(place: str) -> None:
    with pytest.raises(SqlError):
        bind_sql(place, {"v": "A\n"})
