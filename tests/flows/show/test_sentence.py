from __future__ import annotations

import json

import pytest

from flows.engines.registry import names
from flows.show.phrases import PHRASES, operation
from flows.show.step import _SAYS, sentence
from flows.spec.model import FlowSpec
from flows.transform.operations import Operations

PAID = {"column": "status", "is": "=", "value": "paid"}
BIG = {"column": "amount", "is": ">", "value": 100}


@pytest.mark.parametrize(("given", "said"), [
    ({"op": "filter", "where": PAID}, "keeps orders with status paid"),
    ({"op": "filter", "where": {"all": [PAID, BIG]}}, "keeps orders where status is 'paid' and amount is greater than 100"),
    ({"op": "join", "with": "customers", "on": [["customer_id", "customer_id"]]}, "joins customers by customer_id"),
    ({"op": "join", "with": "customers", "how": "left", "on": [["cid", "id"]]},
     "joins customers by cid = id, keeping orders without a match"),
    ({"op": "join", "with": "blocked", "how": "anti", "on": [["id", "id"]]}, "keeps orders that have no match in blocked by id"),
    ({"op": "select", "columns": ["a", "b", "c"]}, "keeps only the columns a, b and c"),
    ({"op": "rename", "columns": {"a": "b"}}, "renames a to b"),
    ({"op": "derive", "columns": {"net": "amount - discount"}}, "adds net = amount - discount"),
    ({"op": "aggregate", "by": ["country"], "grain": {"column": "day", "unit": "month"},
      "measures": [{"fn": "sum", "column": "amount", "as": "revenue"}, {"fn": "count"}]},
     "computes the sum of amount as revenue and the number of rows per country and month of day"),
    ({"op": "top", "n": 10, "order_by": [{"column": "revenue"}], "per": ["country"]},
     "keeps the first 10 orders by revenue, largest first for each country"),
    ({"op": "deduplicate", "keys": ["email"], "keep": {"order_by": "created_at"}},
     "keeps one of orders with the same email, keeping the one with the largest created_at"),
    ({"op": "window", "fn": "moving_avg", "column": "amount", "over": {"order_by": "day", "rows": 7}, "as": "week"},
     "adds the moving average of amount over 7 rows along day as week"),
    ({"op": "union", "with": ["old", "older"], "distinct": True}, "adds the rows of old and older without repeats"),
    ({"op": "sort", "by": [{"column": "day", "direction": "desc"}]}, "sorts by day, largest first"),
    ({"op": "limit", "n": 100}, "keeps the first 100 rows"), ({"op": "fill", "columns": {"a": 0}}, "fills empty a with 0"),
    ({"op": "mask", "columns": {"email": "mask", "phone": "hash"}}, "masks email and hashes phone"),
    ({"op": "convert_currency", "column": "amount", "from": "currency", "to": "EUR", "rates": "fx", "date": "day"},
     "converts amount from currency to EUR at the rates in fx of day"),
    ({"op": "flag_anomalies", "column": "cost", "per": ["project"], "threshold": 3.5, "as": "odd"},
     "marks unusual values of cost for each project above 3.5 as odd"),
    ({"op": "pivot", "rows": ["day"], "columns": "country", "values": {"fn": "sum", "column": "amount"}},
     "turns each country into a column with the sum of amount for each day"),
    ({"op": "unpivot", "columns": ["a", "b"]}, "turns the columns a and b into rows of name and value"),
    ({"op": "split_rows", "column": "tags", "as": "tag"}, "makes a row of each part of tags as tag"),
    ({"op": "new_one", "x": 1}, 'does {"op": "new_one", "x": 1}')])
def test_an_operation_is_said_in_plain_words(given, said):
    assert operation(given, "orders") == said


def test_every_operation_and_every_engine_has_its_words():
    import pydantic

    schema = json.dumps(pydantic.TypeAdapter(Operations).json_schema())
    shipped = {op for op in PHRASES if f'"const": "{op}"' in schema}
    assert len(PHRASES) == schema.count('"op": {"const"') == len(shipped) == 19
    assert set(names()) <= set(_SAYS)


def step(ps_type: str, **blocks) -> dict:
    return {"step_id": "it", "ps_type": ps_type, "depends_on": [], **blocks}


READ = {"step_id": "read", "ps_type": "generic.extract", "source": {"table": "shop.orders"}}


@pytest.mark.parametrize(("given", "said"), [
    (READ, "Reads the table shop.orders."),
    (step("generic.extract", source={"path": "a.csv", "columns": ["a", "b"], "filter": PAID}),
     "Reads the file a.csv, only a and b, only rows with status paid."),
    (step("generic.extract", source={"table": "orders", "connection": "pg", "incremental": {"column": "day"}}),
     "Reads the table orders from pg, only what is new by day."),
    (step("generic.transform", config={"inputs": ["read"], "operations": [{"op": "filter", "where": PAID}]}),
     "Keeps orders with status paid."),
    (step("generic.transform", config={"inputs": ["read"], "operations": [
        {"op": "filter", "where": PAID}, {"op": "limit", "n": 5}, {"op": "sort", "by": [{"column": "day"}]}]}),
     "Keeps orders with status paid, keeps the first 5 rows, then sorts by day, smallest first."),
    (step("generic.transform", config={"inputs": ["read"], "operations": []}), "Passes orders on."),
    (step("generic.sql", config={"inputs": ["read"], "query": "SELECT 1"}), "Runs a query on read."),
    (step("generic.quality_check", config={"input": "read", "checks": [
        {"check": "not_null", "column": "id"}, {"check": "between", "column": "amount", "min": 0, "max": 9, "on_fail": "quarantine"}]}),
     "Checks orders: id is never empty and amount is at least 0 and at most 9; rows that do not pass are set aside."),
    (step("generic.load", config={"input": "read"}, destination={"engine": "bigquery", "table": "dw.orders", "mode": "append"}),
     "Adds orders to dw.orders on bigquery."),
    (step("generic.load", config={"input": "read"}, destination={"table": "dw.orders", "mode": "merge", "keys": ["id"]}),
     "Updates dw.orders with orders by id."),
    (step("generic.load", config={"input": "read"}, destination={"table": "?"}), "Replaces what is still asked with orders."),
    (step("generic.export", config={"input": "read"}, destination={"engine": "excel", "path": "a.xlsx"}),
     "Writes orders to the Excel file a.xlsx."),
    (step("generic.wait", config={"seconds": 5}), "Waits 5 seconds."),
    (step("generic.wait", config={"until": {"file": "a.csv"}}), "Waits until the file a.csv is there."),
    (step("generic.wait", config={"until": {"table": "orders", "condition": PAID}}), "Waits until orders has a row with status paid."),
    (step("generic.procedure_executor", config={"procedure": "dw.tidy"}), "Calls the procedure dw.tidy."),
    (step("cloud.focus_converter", config={"input": "read", "provider": "aws", "version": "1.3"}), "Converts the aws bill to FOCUS 1.3."),
    (step("my.engine"), "Does my.engine.")])
def test_a_step_is_one_plain_sentence(given, said):
    spec = {"pipeline_id": "p", "steps": [READ, given] if given is not READ else [READ]}
    assert sentence(given["step_id"], spec) == said
    if "?" not in json.dumps(given):
        model = FlowSpec.model_validate(spec)
        assert sentence(model.step(given["step_id"]), model) == said


@pytest.mark.parametrize("ps_type", [*sorted(_SAYS), "?", None])
@pytest.mark.parametrize("block", [{}, None, {"inputs": "?", "operations": [None, "?", {"op": None}, {"op": "join", "on": "?"}],
                                    "checks": ["?", {}]},
                                   {"inputs": [None], "operations": "?", "until": "?", "incremental": "?", "columns": "?", "filter": "?"}])
def test_a_half_finished_step_is_said_too(ps_type, block):
    spec = {"steps": [{"step_id": "it", "ps_type": ps_type, "source": block, "destination": block, "config": block}]}
    assert sentence("it", spec).endswith(".")


@pytest.mark.parametrize("op", sorted(PHRASES))
@pytest.mark.parametrize("value", [None, "?", 1, [], ["?"], {}, {"a": None}, [{"a": 1}]])
def test_a_half_finished_operation_is_said_too(op, value):
    fields = ("where", "with", "on", "columns", "by", "grain", "measures", "n", "order_by", "per", "keys", "keep", "over", "rows", "values")
    assert operation({"op": op, **dict.fromkeys(fields, value)})
