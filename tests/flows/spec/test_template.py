"""Promises of placeholders: every missing name is told at once, and a value stays a value wherever it stands."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from flows.errors import InputError, PenstockError, SpecError
from flows.spec import FlowSpec
from flows.spec.loader import from_data
from flows.spec.template import builtins, fill, resolve, run_values, typed_params, values_of

EVIL = "'; drop table x; --"
DAY = date(2025, 11, 15)


def spec(config: dict[str, Any] | None = None, **more: Any) -> FlowSpec:
    return from_data({"pipeline_id": "p", "steps": [{"step_id": "a", "ps_type": "x", "config": config or {}}], **more})


def config(made: FlowSpec) -> dict[str, Any]:
    assert made.steps[0].config is not None
    return made.steps[0].config


def test_placeholders_stand_in_any_text() -> None:
    made = resolve(from_data({
        "pipeline_id": "{tenant_id}-orders", "name": "Orders of {run_date}", "notify": [{"channel": "slack", "target": "#{team}"}],
        "variables": {"team": "data"},
        "steps": [{"step_id": "read_{tenant_id}", "ps_type": "x", "source": {"path": "in/{date}.csv", "columns": ["{team}_id"]}},
                  {"step_id": "b", "ps_type": "x", "depends_on": ["read_{tenant_id}"], "config": {"map": {"{team}": "{yesterday}"}}}],
    }), builtins(tenant_id="demo", run_date=DAY, today=DAY))
    assert made.pipeline_id == "demo-orders"
    assert made.name == "Orders of 2025-11-15"
    assert made.notify[0].target == "#data"
    assert made.steps[0].step_id == "read_demo"
    assert made.steps[0].source == {"path": "in/2025-11-15.csv", "columns": ["data_id"]}
    assert made.steps[1].depends_on == ["read_demo"]
    assert made.steps[1].config == {"map": {"data": "2025-11-14"}}


def test_a_placeholder_alone_keeps_the_type_of_its_value() -> None:
    made = resolve(spec({"n": "{n}", "text": "n={n}", "flag": "{flag}", "in_words": "{flag}!"}), {"n": 5, "flag": True})
    assert config(made) == {"n": 5, "text": "n=5", "flag": True, "in_words": "true!"}
    assert resolve(spec(name="{n}"), {"n": 5}).name == "5"


def test_doubled_braces_are_braces() -> None:
    made = resolve(spec({"a": "{{n}}", "b": "{{{n}}}", "c": "[0-9]{3}", "d": "{not a name}"}), {"n": 5})
    assert config(made) == {"a": "{n}", "b": "{5}", "c": "[0-9]{3}", "d": "{not a name}"}


def test_variables_use_variables_and_given_values_win() -> None:
    made = spec({"x": "{c}"}, variables={"c": "{b}-{a}", "b": "<{a}>", "a": "1"})
    assert config(resolve(made, {})) == {"x": "<1>-1"}
    assert config(resolve(made, {"a": "2"})) == {"x": "<2>-2"}
    assert values_of(made, {"a": "2"}) == {"a": "2", "b": "<2>", "c": "<2>-2"}


def test_an_empty_built_in_value_does_not_hide_a_variable() -> None:
    made = spec({"x": "{provider}"}, variables={"provider": "gcp"})
    assert config(resolve(made, builtins(tenant_id="demo"))) == {"x": "gcp"}


def test_a_circle_of_variables_is_printed() -> None:
    with pytest.raises(SpecError, match="a -> b -> c -> a"):
        resolve(spec(variables={"a": "{b}", "b": "{c}", "c": "{a}"}), {})


def test_all_missing_names_are_listed_with_their_places_and_near_misses() -> None:
    with pytest.raises(SpecError) as caught:
        resolve(spec({"a": "{dat}", "b": ["x", "{nope}"], "query": "select {dat}"}, description="{regoin}", variables={"region": "eu"}),
                builtins(tenant_id="demo"))
    said = str(caught.value)
    assert said == ("nothing gives these placeholders a value: {regoin} at description (Did you mean 'region'?); "
                    "{dat} at steps.a.config.a, steps.a.config.query (Did you mean 'date'?); {nope} at steps.a.config.b.1")
    first = caught.value.problems[0]
    assert (first.path, first.options) == ("description", ("region",))
    assert len(caught.value.problems) == 3


def test_a_missing_date_is_one_clear_error() -> None:
    with pytest.raises(SpecError) as caught:
        resolve(spec({"path": "in/{date}.csv"}), {"tenant_id": "demo"})
    assert str(caught.value).startswith("steps.a.config.path: nothing gives {date} a value")


def test_a_value_that_breaks_a_name_is_refused() -> None:
    with pytest.raises(SpecError, match="use letters, digits, '-' and '_'"):
        resolve(from_data({"pipeline_id": "p", "steps": [{"step_id": "a_{x}", "ps_type": "y"}]}), {"x": EVIL})


def test_built_in_values() -> None:
    made = builtins(tenant_id="demo", pipeline_id="p", run_id="r", run_date=date(2025, 3, 1), today=date(2025, 3, 2), provider="gcp")
    assert made == {"tenant_id": "demo", "date": "2025-03-01", "run_date": "2025-03-01", "pipeline_id": "p", "provider": "gcp",
                    "domain": "", "run_id": "r", "yesterday": "2025-03-01", "today": "2025-03-02"}


PARAMS = [{"name": "s"}, {"name": "i", "type": "integer", "default": 3}, {"name": "f", "type": "number", "default": 1.5},
          {"name": "b", "type": "boolean", "default": False}, {"name": "d", "type": "date", "default": "{yesterday}"},
          {"name": "t", "type": "timestamp", "default": "2025-01-01T00:00:00Z"}]


def test_parameters_are_typed() -> None:
    given = {"s": "x", "i": "-7", "f": "2", "b": "TRUE", "d": "2025-02-28", "t": "2025-01-01T01:00:00+01:00"}
    made = typed_params(spec(parameters=PARAMS), given)
    assert made == {"s": "x", "i": -7, "f": 2, "b": True, "d": "2025-02-28", "t": "2025-01-01T00:00:00Z"}
    assert isinstance(made["b"], bool)
    assert isinstance(made["f"], float)  # a column that is made of it is FLOAT64 for 2 as for 2.5


def test_defaults_hold_and_those_with_placeholders_are_filled_when_the_values_are_known() -> None:
    assert typed_params(spec(parameters=PARAMS), {"s": "x"}) == \
        {"s": "x", "i": 3, "f": 1.5, "b": False, "t": "2025-01-01T00:00:00Z"}
    assert typed_params(spec(parameters=PARAMS), {"s": "x"}, builtins(tenant_id="demo", today=DAY))["d"] == "2025-11-14"
    assert config(resolve(spec({"x": "{i}"}, parameters=PARAMS[1:2]), {})) == {"x": 3}


@pytest.mark.parametrize(("given", "said"), [
    ({}, "the parameter 's' (string) is needed. Give it: --param s=..."),
    ({"s": "x", "i": "1.5"}, "the parameter 'i' must be of type integer, not '1.5'. Write it like 12"),
    ({"s": "x", "i": "1_0"}, "must be of type integer"), ({"s": "x", "i": "9" * 50}, "must be of type integer"),
    ({"s": "x", "f": "nan"}, "must be of type number"), ({"s": "x", "f": "1e999"}, "must be of type number"),
    ({"s": "x", "b": "yes"}, "must be of type boolean, not 'yes'. Write it like true"),
    ({"s": "x", "d": "2025-02-30"}, "must be of type date"), ({"s": "x", "d": "20250228"}, "must be of type date"),
    ({"s": "x", "t": "soon"}, "must be of type timestamp"),
    ({"s": "x", "ii": "1"}, "the pipeline has no parameter 'ii'. Did you mean 'i'?"),
])
def test_a_wrong_parameter_is_one_error_that_names_it(given: dict[str, str], said: str) -> None:
    with pytest.raises(InputError) as caught:
        typed_params(spec(parameters=PARAMS), given)
    assert said in str(caught.value)


def test_a_run_date_parameter_moves_the_dates_of_the_run() -> None:
    made = spec(parameters=[{"name": "run_date", "type": "date", "default": "{yesterday}"}], variables={"v": "{date}"})
    assert run_values(made, {}, tenant_id="demo", today=DAY)["date"] == "2025-11-14"
    values = run_values(made, {"run_date": "2025-01-31"}, tenant_id="demo", today=DAY, run_id="r1")
    assert (values["run_date"], values["date"], values["today"], values["v"]) == ("2025-01-31", "2025-01-31", "2025-11-15", "2025-01-31")


def test_the_pipeline_id_of_a_run_is_filled() -> None:
    made = from_data({"pipeline_id": "{tenant_id}-{v}", "variables": {"v": "x"}, "steps": [{"step_id": "a", "ps_type": "y"}]})
    assert run_values(made, {}, tenant_id="demo")["pipeline_id"] == "demo-x"


def test_a_run_date_may_be_given_to_a_pipeline_that_declares_none() -> None:
    made = from_data({"pipeline_id": "p-{date}", "steps": [{"step_id": "a", "ps_type": "y"}]})
    values = run_values(made, {"run_date": "2025-01-31"}, tenant_id="demo", today=DAY)
    assert (values["run_date"], values["date"], values["pipeline_id"]) == ("2025-01-31", "2025-01-31", "p-2025-01-31")
    with pytest.raises(InputError, match="must be of type date, not 'soon'"):
        run_values(made, {"run_date": "soon"}, tenant_id="demo", today=DAY)


def test_one_text_is_filled() -> None:
    assert fill("{n}", {"n": 3}) == 3
    assert fill(7, {}) == 7
    with pytest.raises(SpecError, match=r"nothing gives \{n\} a value"):
        fill("{n}", {})


WHOLE: dict[str, Any] = {
    "pipeline_id": "p", "name": "n", "description": "d", "parameters": [{"name": "q", "default": "x", "description": "d"}],
    "schedule": {"cron": "0 2 * * *", "timezone": "UTC"}, "notify": [{"channel": "slack", "target": "#data"}],
    "steps": [
        {"step_id": "read", "name": "n", "ps_type": "generic.extract", "depends_on": [], "parallel_group": "g",
         "source": {"connection": "pg", "table": "orders", "columns": ["a"], "filter": {"column": "a", "is": "=", "value": "x"}}},
        {"step_id": "shape", "ps_type": "generic.transform", "depends_on": ["read"], "retry": {"retry_on": ["TimeoutError"]},
         "config": {"inputs": ["read"], "operations": [
             {"op": "filter", "where": {"any": [{"column": "a", "is": "in", "value": ["x", "y"]}]}},
             {"op": "derive", "columns": {"net": "amount - discount"}}, {"op": "rename", "columns": {"old": "new"}},
             {"op": "join", "with": "customers", "on": [["a", "b"]]}, {"op": "fill", "columns": {"a": "x"}}]}},
        {"step_id": "ask", "ps_type": "generic.sql", "config": {"inputs": ["shape"], "query": "select 1"}},
        {"step_id": "check", "ps_type": "generic.quality_check", "config": {"input": "ask", "checks": [
            {"check": "matches", "column": "a", "pattern": "x"}, {"check": "expression", "expression": "a > 1"}]}},
        {"step_id": "load", "ps_type": "generic.load", "config": {"input": "check"}, "destination": {"engine": "duckdb", "table": "m.t"}},
        {"step_id": "out", "ps_type": "generic.export", "config": {"input": "check"}, "destination": {"engine": "csv", "path": "x.csv"}},
        {"step_id": "call", "ps_type": "generic.procedure_executor", "config": {"procedure": "p", "args": {"a": "x"}}}],
}


def places(data: Any, path: tuple[Any, ...] = ()) -> Any:
    if isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from places(value, (*path, key))
    elif isinstance(data, str):
        yield path


def at(data: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        data = data[part]
    return data


@pytest.mark.parametrize("path", list(places(WHOLE)), ids=lambda p: ".".join(map(str, p)))
def test_a_hostile_value_is_data_or_refused_in_every_place(path: tuple[Any, ...]) -> None:
    """In a name, a table or a closed field: refused. In SQL: left for binding, or one literal. Elsewhere: exactly that text, as data."""
    data = copy.deepcopy(WHOLE)
    at(data, path[:-1])[path[-1]] = "{evil}"
    if path[-1] in ("pipeline_id", "step_id", "table", "procedure", "channel") or (path[:1] == ("parameters",) and path[-1] == "name"):
        with pytest.raises(SpecError):
            resolve(from_data(data), {"evil": EVIL})
        return
    value = at(resolve(from_data(data), {"evil": EVIL}).as_dict(), path)
    if path[-1] == "query":
        assert value == "{evil}"
    elif path[-1] in ("expression", "net"):
        tree = sqlglot.parse_one(value, read="bigquery")
        assert isinstance(tree, exp.Literal)
        assert tree.this == EVIL
    elif path[0] == "parameters":
        assert value == "{evil}"  # filled when a run is made
    else:
        assert value == EVIL


def test_a_hostile_parameter_name_in_a_table_is_refused() -> None:
    with pytest.raises(PenstockError, match="which is no name of a table"):
        resolve(spec({"table": "mart.{x}"}), {"x": "a b"})
    assert config(resolve(spec({"table": "mart.{x}"}), {"x": "orders_2025-01"})) == {"table": "mart.orders_2025-01"}


@pytest.mark.parametrize("value", [str(2**63), str(-2**63 - 1), 10**30])
def test_an_integer_parameter_that_no_int64_holds_is_refused(value):
    made = spec(parameters=[{"name": "n", "type": "integer"}])
    with pytest.raises(InputError, match="must be of type integer"):
        typed_params(made, {"n": value})
    assert typed_params(made, {"n": str(2**63 - 1)}) == {"n": 2**63 - 1}
