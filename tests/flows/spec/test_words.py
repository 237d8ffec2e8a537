"""Promises of a spec in plain English: nothing is unsaid, and what is said reads back as exactly the same spec."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.spec import FlowSpec
from flows.spec.loader import from_data, parse
from flows.spec.words import explain, read
from flows.spec.words.form import squeeze

PLAIN = st.from_regex(r"[a-z][a-z0-9_]{0,11}", fullmatch=True)
ODD = st.sampled_from(["and", "or", "nothing", "where", "today", "not", "is", "column", "a b", "it's", "Größe", "{placeholder}", "a.b",
                       "x-y", "", "from", "on", "Step", "5", "true", "per", "ascending", "all", "any of (", "größer; kleiner"])
TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20) | st.sampled_from(
    ["it's", 'say "no"', "a\nb", "back\\slash", "\\'; drop table x; --", "two  spaces", " lead", "tab\t", "\u202eright",
     "Step x (a) reads.", ""])
NAME = PLAIN | ODD.filter(bool)
NUMBER = st.integers(-10**12, 10**12) | st.floats(allow_nan=False, allow_infinity=False)
SCALAR = TEXT | NUMBER | st.booleans()
NAMES = st.lists(NAME, max_size=4)
SOME = st.lists(NAME, min_size=1, max_size=3)
VALUE = SCALAR | st.builds(lambda n: {"today": n}, st.integers(-400, 400)) | st.builds(lambda c: {"column": c}, NAME)
JSON = st.recursive(SCALAR | st.none(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6)


def some(required: dict[str, Any], optional: dict[str, Any] | None = None) -> Any:
    return st.fixed_dictionaries(required, optional=optional or {})


def _compare() -> Any:
    def one(operator: str, value: Any) -> Any:
        return some({"column": NAME, "is": st.just(operator), **({"value": value} if value is not None else {})})

    period = some({"unit": st.sampled_from(["day", "week", "month", "quarter", "year"])}, {"offset": st.integers(-20, 20)})
    return st.one_of(
        *(one(op, VALUE) for op in ("=", "!=", ">", ">=", "<", "<=")), one("in", st.lists(VALUE, min_size=1, max_size=3)),
        one("not_in", st.lists(VALUE, min_size=1, max_size=3)), one("between", st.lists(VALUE, min_size=2, max_size=2)),
        one("is_null", None), one("is_not_null", None), one("like", TEXT), one("starts_with", TEXT), one("contains", TEXT),
        one("in_period", period))


CONDITION = st.recursive(_compare(), lambda inner: st.one_of(
    some({"all": st.lists(inner, min_size=1, max_size=3)}), some({"any": st.lists(inner, min_size=1, max_size=3)}), some({"not": inner})),
    max_leaves=5)
DIRECTION = st.sampled_from(["asc", "desc"])
ORDER = some({"column": NAME}, {"direction": DIRECTION})
GRAIN = some({"column": NAME, "unit": st.sampled_from(["hour", "day", "week", "month"])}, {"as": NAME})
MEASURE = some({"fn": st.sampled_from(["sum", "avg", "count", "ratio", "median"])}, {"column": NAME, "as": NAME, "where": CONDITION})


def op(name: str, required: dict[str, Any] | None = None, optional: dict[str, Any] | None = None) -> Any:
    return some({"op": st.just(name), **(required or {})}, optional)


OPERATION = st.one_of(
    op("filter", {"where": CONDITION}),
    op("join", {"with": NAME, "on": st.lists(st.lists(NAME, min_size=2, max_size=2), min_size=1, max_size=3)},
       {"how": st.sampled_from(["inner", "left", "right", "full", "anti", "semi"])}),
    op("select", {"columns": SOME}), op("rename", {"columns": st.dictionaries(NAME, NAME, min_size=1, max_size=3)}),
    op("derive", {"columns": st.dictionaries(NAME, TEXT, min_size=1, max_size=3)}),
    op("aggregate", {}, {"by": NAMES, "grain": GRAIN | st.lists(GRAIN, max_size=2), "measures": st.lists(MEASURE, max_size=3)}),
    op("top", {"n": st.integers(1, 99) | st.just("{n}"), "order_by": st.lists(ORDER, min_size=1, max_size=2)}, {"per": NAMES}),
    op("deduplicate", {}, {"keys": NAMES, "keep": some({"order_by": NAME}, {"direction": DIRECTION})}),
    op("window", {"fn": st.sampled_from(["moving_avg", "row_number", "lag", "share"])},
       {"column": NAME, "as": NAME, "over": some({}, {"order_by": NAME | st.lists(ORDER, min_size=1, max_size=2), "rows": st.integers(1, 9),
                                                      "per": NAMES, "direction": DIRECTION})}),
    op("union", {"with": SOME}, {"distinct": st.booleans()}), op("sort", {"by": st.lists(ORDER, min_size=1, max_size=3)}),
    op("limit", {"n": st.integers(0, 99)}), op("fill", {"columns": st.dictionaries(NAME, VALUE, min_size=1, max_size=3)}),
    op("mask", {"columns": st.dictionaries(NAME, st.sampled_from(["mask", "hash"]), min_size=1, max_size=3)}),
    op("pivot", {"columns": NAME}, {"rows": NAMES, "values": MEASURE | JSON, "among": st.lists(SCALAR, min_size=1, max_size=3)}),
    op("unpivot", {"columns": SOME}, {"name": NAME, "value": NAME}), op("split_rows", {"column": NAME}, {"by": TEXT, "as": NAME}),
    op("convert_currency", {"column": NAME}, {"from": NAME, "to": NAME, "rates": NAME, "date": NAME, "as": NAME}),
    op("flag_anomalies", {"column": NAME}, {"per": NAMES, "method": NAME, "threshold": NUMBER, "as": NAME}), op("odd", {"a": JSON}))
CHECK = some({"check": st.sampled_from(["not_null", "unique", "between", "accepted", "matches", "foreign_key", "row_count", "freshness"])},
             {"column": NAME, "columns": SOME, "min": SCALAR, "max": SCALAR, "values": st.lists(SCALAR, min_size=1, max_size=3),
              "pattern": TEXT, "table": NAME, "max_age": TEXT, "expression": TEXT,
              "on_fail": st.sampled_from(["fail", "quarantine", "warn"])}) | JSON
BLOCK = st.dictionaries(TEXT.filter(bool), JSON, max_size=3)
WORK = st.one_of(
    some({"ps_type": st.just("generic.extract"), "source": some({}, {
        "connection": NAME, "table": NAME, "query": TEXT, "path": TEXT, "endpoint": TEXT, "columns": SOME, "filter": CONDITION,
        "format": NAME, "incremental": some({"column": NAME}, {"lookback": TEXT}), "sheet": SCALAR, "null": st.lists(TEXT),
        "params": st.dictionaries(NAME, SCALAR), "header": st.booleans(), "types": st.dictionaries(NAME, TEXT), "odd": JSON})}),
    some({"ps_type": st.just("generic.transform"), "config": some({"inputs": SOME}, {"operations": st.lists(OPERATION, max_size=4)})}),
    some({"ps_type": st.just("generic.sql"), "config": some({"query": TEXT}, {"inputs": NAMES})}),
    some({"ps_type": st.just("generic.quality_check"), "config": some({"input": NAME, "checks": st.lists(CHECK, max_size=4)})}),
    some({"ps_type": st.just("generic.load"), "config": some({"input": NAME}), "destination": some({}, {
        "engine": NAME, "table": NAME, "mode": NAME, "keys": SOME, "partition_by": NAME, "cluster_by": SOME, "odd": JSON})}),
    some({"ps_type": st.just("generic.export"), "config": some({"input": NAME}), "destination": some({"engine": NAME, "path": TEXT})}),
    some({"ps_type": st.just("generic.wait"), "config": some({}, {"seconds": NUMBER, "poll_seconds": NUMBER, "until": some({}, {
        "file": TEXT, "url": TEXT, "table": NAME, "condition": CONDITION})})}),
    some({"ps_type": st.just("cloud.focus_converter"), "config": some({"input": NAME}, {"provider": NAME, "version": TEXT})}),
    some({"ps_type": st.just("generic.procedure_executor"), "config": some({"procedure": NAME}, {"args": JSON})}),
    some({"ps_type": NAME | st.just("acme.thing")}, {"source": BLOCK, "destination": BLOCK, "config": BLOCK}))
SECONDS = st.integers(1, 86_400) | st.floats(0.5, 86_400)
RETRY = some({}, {"max_attempts": st.integers(1, 100), "backoff_seconds": SECONDS, "backoff_multiplier": st.floats(1, 10),
                  "max_backoff_seconds": SECONDS, "retry_on": NAMES})
TIMEOUT = st.just({}) | some({"timeout_seconds": SECONDS}) | some({"timeout_minutes": st.integers(1, 10_080)})
HOW = some({}, {"name": TEXT, "depends_on": NAMES, "parallel_group": TEXT,
                "trigger": st.sampled_from(["on_success", "on_failure", "always"]), "retry": RETRY, "continue_on_error": st.booleans()})
STEP = st.builds(lambda step_id, work, how, timeout: {"step_id": step_id, **work, **how, **timeout},
                 st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True), WORK, HOW, TIMEOUT)
CRON = st.sampled_from(["0 2 * * *", "*/15 8-18 * * 1-5", "0 0 1 */3 *", "45 23 * * 1", "0 6 1 * *", "not a cron", "{cron}", "it's",
                        "0 0 * * 7"])
IDS = st.sampled_from(["orders-daily", "{tenant_id}-x", "42", "and"])
SPEC = some({"pipeline_id": IDS, "steps": st.lists(STEP, min_size=1, max_size=4)}, {
    "name": TEXT, "description": TEXT, "variables": st.dictionaries(TEXT, SCALAR, max_size=3),
    "parameters": st.lists(some({"name": PLAIN}, {
        "type": st.sampled_from(["string", "integer", "number", "boolean", "date", "timestamp"]),
        "default": SCALAR, "description": TEXT}), max_size=3),
    "schedule": some({"cron": CRON}, {"timezone": NAME | st.just("Europe/Berlin"), "catchup": st.booleans()})
    | some({"interval_seconds": st.integers(1, 10**6)}, {"catchup": st.booleans(), "timezone": st.just("UTC")}),
    "budget": some({}, {"bytes_per_run": st.integers(1, 10**15), "usd_per_month": st.floats(0.01, 1000)}),
    "notify": st.lists(some({"channel": st.sampled_from(["slack", "email"]), "target": TEXT.filter(bool)}, {
        "on": st.lists(st.sampled_from(["failure", "success", "always", "anomaly"]), min_size=1, max_size=3)}), max_size=2),
    "defaults": st.builds(lambda a, b: {**a, **b}, some({}, {"retry": RETRY}), TIMEOUT)})

FULL = """
pipeline_id: orders-daily
name: Orders to warehouse
description: "Paid orders, don't\\npanic"
variables: {source_table: orders, rate: 1.5, strict: true}
parameters: [{name: run_date, type: date, default: "{yesterday}", description: Day to load}]
schedule: {cron: "0 2 * * *", timezone: UTC, catchup: false}
budget: {bytes_per_run: 10737418240, usd_per_month: 50}
notify: [{channel: slack, target: "#data", on: [failure]}]
defaults: {retry: {max_attempts: 4, backoff_seconds: 30}, timeout_seconds: 1800}
steps:
  - step_id: extract_orders
    ps_type: generic.extract
    depends_on: []
    parallel_group: extract
    trigger: on_success
    timeout_seconds: 1200
    retry: {max_attempts: 3, backoff_seconds: 30, backoff_multiplier: 2, max_backoff_seconds: 600, retry_on: [TimeoutError]}
    continue_on_error: true
    source: {connection: postgres, table: orders, columns: [order_id, amount], filter: {column: status, is: "=", value: paid}}
  - step_id: shape
    ps_type: generic.transform
    depends_on: [extract_orders]
    config:
      inputs: [extract_orders, customers]
      operations:
        - {op: filter, where: {all: [{column: status, is: "=", value: paid}, {column: amount, is: ">", value: 100}]}}
        - {op: join, with: customers, how: inner, on: [[customer_id, customer_id]]}
        - {op: aggregate, by: [country], grain: {column: order_date, unit: day}, measures: [{fn: sum, column: amount, as: revenue}]}
  - step_id: load
    ps_type: generic.load
    config: {input: shape}
    destination: {engine: bigquery, table: mart.daily_revenue, mode: overwrite, partition_by: order_date}
"""


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(SPEC)
def test_what_is_said_reads_back_as_the_same_spec(data: dict[str, Any]) -> None:
    spec = from_data(data)
    again = read(explain(spec))
    assert again is not None, explain(spec)
    assert again == spec
    assert json.dumps(again.as_dict(), sort_keys=True) == json.dumps(spec.as_dict(), sort_keys=True)  # 1, 1.0 and true differ


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(SPEC, st.data())
def test_another_literal_is_another_spec(data: dict[str, Any], draw: st.DataObject) -> None:
    """Change one number or quoted text of the English: it is refused, or says exactly another spec; never the same one."""
    spec = from_data(data)
    text = explain(spec)
    places = [m.span() for m in re.finditer(r"(?<![\w.'\"\\-])[0-9]+(?![\w.'\"])", text)]
    if not places:
        return
    start, end = draw.draw(st.sampled_from(places))
    changed = text[:start] + str(int(text[start:end]) + 1) + text[end:]
    again = read(changed)
    assert again is None or again != spec


def every_leaf(data: Any, path: tuple[Any, ...] = ()) -> Any:
    if isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from every_leaf(value, (*path, key))
    else:
        yield path


@pytest.mark.parametrize("path", list(every_leaf(parse(FULL).as_dict())), ids=lambda p: ".".join(map(str, p)))
def test_every_value_of_a_spec_is_said(path: tuple[Any, ...]) -> None:
    """Two specs that differ in one value have two texts."""
    data = parse(FULL).as_dict()
    other = copy.deepcopy(data)
    here = other
    for part in path[:-1]:
        here = here[part]
    value = here[path[-1]]
    options = {"cron": "5 3 * * *", "channel": "email", "type": "string", "on": "success", "trigger": "always", "timezone": "Europe/Berlin"}
    name = next((p for p in reversed(path) if isinstance(p, str)), "")
    here[path[-1]] = (not value if isinstance(value, bool) else value + 1 if isinstance(value, int | float)
                      else options.get(name, f"{value}x"))
    assert explain(from_data(other)) != explain(from_data(data))
    assert read(explain(from_data(other))) == from_data(other)


def test_the_english_is_english() -> None:
    """The sentences that a person reviews, as they are."""
    assert explain(parse(FULL)) == """\
Pipeline orders-daily is called 'Orders to warehouse'. It is described as 'Paid orders, don\\'t\\npanic'.
Variable source_table is 'orders'.
Variable rate is 1.5.
Variable strict is true.
Parameter run_date is a date, by default '{yesterday}', described as 'Day to load'.
It runs every day at 02:00, cron '0 2 * * *', time zone UTC, without catching up on missed runs.
Its budget: at most 10737418240 bytes a run, at most 50 US dollars a month.
It notifies slack '#data' on failure.
By default a step may take 1800 seconds; retries are 4 tries in all (3 retries), first wait 30 seconds.
Step extract_orders (generic.extract) reads table orders from connection postgres; columns order_id and amount; rows where status is \
'paid'. It starts at once. It is in parallel group extract. It runs only when every step before it succeeded. It may take 1200 seconds. \
It is retried: 3 tries in all (2 retries), first wait 30 seconds, each wait 2 times the last, no wait above 600 seconds, only on \
TimeoutError. Rows that cannot be used are set aside and it goes on.
Step shape (generic.transform) takes extract_orders and customers; keeps rows where status is 'paid' and amount is greater than 100; \
inner joins customers on customer_id = customer_id; aggregates by country per day of order_date into sum of amount as revenue. \
It runs after extract_orders.
Step load (generic.load) loads shape into table mart.daily_revenue on bigquery; mode overwrite; partitioned by order_date.
"""


@pytest.mark.parametrize(("cron", "words"), [
    ("0 2 * * *", "every day at 02:00"), ("30 7 * * 1", "every Monday at 07:30"), ("0 6 * * 1-5", "Monday to Friday at 06:00"),
    ("*/15 * * * *", "every 15 minutes"), ("0 0 1 * *", "on the first day of every month at 00:00")])
def test_a_cron_line_is_said_in_words_and_as_it_is(cron: str, words: str) -> None:
    text = explain(from_data({"pipeline_id": "p", "schedule": {"cron": cron}, "steps": [{"step_id": "a", "ps_type": "x"}]}))
    assert f"It runs {words}, cron '{cron}'." in text


def test_words_that_contradict_the_literal_are_refused() -> None:
    """Time and cron, tries and retries are said twice; both must agree."""
    text = explain(parse(FULL))
    assert read(text) is not None
    assert read(text.replace("at 02:00", "at 03:00")) is None
    assert read(text.replace("3 tries in all", "5 tries in all")) is None


def test_white_space_outside_of_quotes_does_not_count() -> None:
    text = explain(parse(FULL))
    assert read("  " + text.replace(". ", ".\n\n   ")) == parse(FULL)
    assert read(text.replace("Orders to warehouse", "Orders  to warehouse")) != parse(FULL)


@pytest.mark.parametrize("text", [
    "", "Pipeline", "Daily revenue by country", "Pipeline x. Step a (b) has no settings. And never on holidays.",
    "Pipeline x. Step a (b) has no settings", "Pipeline x.", "Pipeline x. Step a (b) has config {\"a\": 1",
    "Pipeline x. Step a (b) has config {\"a\": NaN}.", "Pipeline x. Step a (b) has config " + "[" * 5000,
    "Pipeline x. Step a (generic.transform) takes b; keeps rows where " + "(" * 5000,
    "Pipeline x. Step a (generic.wait) waits " + "9" * 5000 + " seconds."])
def test_any_other_text_is_not_read(text: str) -> None:
    assert read(text) is None


EDITS = st.text(max_size=4) | st.sampled_from([" and ", "(", "not (", ". It ", "1e999", "9" * 5000, "NaN", "'"])


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 5000), EDITS, st.integers(0, 40))
def test_an_edit_anywhere_is_refused_or_says_what_it_says(at: int, put: str, cut: int) -> None:
    """No text makes the reader fail, and what it reads is said in that text's own words."""
    text = explain(parse(FULL))
    at %= len(text)
    edited = text[:at] + put + text[at + cut:]
    again = read(edited)
    assert again is None or squeeze(explain(again)) == squeeze(edited)


@pytest.mark.parametrize("operation", [
    {"op": "filter", "where": {"column": "a", "is": "in_period", "value": {"unit": "month", "offset": -1}}},
    {"op": "join", "with": "b", "how": "left", "on": [["a", "b"]]}, {"op": "select", "columns": ["a"]},
    {"op": "rename", "columns": {"a": "b"}}, {"op": "derive", "columns": {"a": "b - c"}},
    {"op": "aggregate", "by": ["a"], "grain": {"column": "d", "unit": "day"}, "measures": [{"fn": "sum", "column": "a", "as": "b"}]},
    {"op": "top", "n": 10, "order_by": [{"column": "a", "direction": "desc"}], "per": ["b"]},
    {"op": "deduplicate", "keys": ["a"], "keep": {"order_by": "b", "direction": "desc"}},
    {"op": "window", "fn": "moving_avg", "column": "a", "over": {"order_by": "d", "rows": 7, "per": []}, "as": "b"},
    {"op": "union", "with": ["a"], "distinct": False}, {"op": "convert_currency", "column": "a", "from": "c", "to": "EUR", "rates": "r"},
    {"op": "flag_anomalies", "column": "a", "per": ["b"], "method": "robust_zscore", "threshold": 3.5, "as": "c"},
    {"op": "unpivot", "columns": ["a", "b"], "name": "n", "value": "v"}, {"op": "split_rows", "column": "a", "by": ","},
    {"op": "mask", "columns": {"a": "hash"}}, {"op": "fill", "columns": {"a": 0}}, {"op": "sort", "by": [{"column": "a"}]},
    {"op": "limit", "n": 5}, {"op": "pivot", "rows": ["a"], "columns": "b", "values": {"fn": "sum", "column": "c"}},
], ids=lambda o: o["op"])
def test_every_operation_of_the_contract_has_words_of_its_own(operation: dict[str, Any]) -> None:
    spec = from_data({"pipeline_id": "p", "steps": [
        {"step_id": "s", "ps_type": "generic.transform", "config": {"inputs": ["i"], "operations": [operation]}}]})
    assert "{" not in explain(spec)
    assert read(explain(spec)) == spec


def test_blocks_of_other_engines_are_said_as_json() -> None:
    spec = from_data({"pipeline_id": "p", "steps": [{"step_id": "a", "ps_type": "acme.thing", "config": {"b": [1, {"c": "it's"}]}}]})
    assert explain(spec).splitlines()[1] == 'Step a (acme.thing) has config {"b": [1, {"c": "it\'s"}]}.'
    assert read(explain(spec)) == spec


def test_a_spec_of_two_thousand_steps_is_said_and_read() -> None:
    spec = FlowSpec.model_validate({"pipeline_id": "p", "steps": [
        {"step_id": f"s{n}", "ps_type": "generic.wait", "config": {"seconds": n}} for n in range(2000)]})
    assert read(explain(spec)) == spec
