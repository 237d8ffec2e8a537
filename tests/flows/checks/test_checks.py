"""Promises of the checks: each slip is one finding with place, line, words and way out; a good spec has none."""

from __future__ import annotations

import copy
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as fuzz
from hypothesis import strategies as st

from flows.checks import Report, validate
from flows.checks.full import empty
from flows.engines.base import EngineConfig
from flows.errors import InputError, MissingError, SpecError
from flows.insight.catalog import Catalog, default_catalog
from flows.settings import Settings
from flows.spec.loader import from_data, load_file, parse
from flows.warehouse.base import Column

REVENUE: dict[str, Any] = {
    "pipeline_id": "daily-revenue", "schedule": {"cron": "0 2 * * *", "timezone": "Europe/Berlin"},
    "steps": [
        {"step_id": "orders_in", "ps_type": "generic.extract", "depends_on": [], "source": {"connection": "postgres", "table": "orders"}},
        {"step_id": "customers_in", "ps_type": "generic.extract", "depends_on": [], "source": {"table": "customers"}},
        {"step_id": "shape", "ps_type": "generic.transform", "depends_on": ["orders_in", "customers_in"], "config": {
            "inputs": ["orders_in", "customers_in"], "operations": [
                {"op": "filter", "where": {"column": "status", "is": "=", "value": "paid"}},
                {"op": "join", "with": "customers_in", "how": "inner", "on": [["customer_id", "customer_id"]]},
                {"op": "aggregate", "by": ["country"], "grain": {"column": "order_date", "unit": "day"},
                 "measures": [{"fn": "sum", "column": "amount", "as": "revenue"}]}]}},
        {"step_id": "load", "ps_type": "generic.load", "config": {"input": "shape"},
         "destination": {"engine": "bigquery", "table": "mart.daily_revenue", "mode": "overwrite", "partition_by": "order_date"}},
    ]}


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("PENSTOCK_CONN_POSTGRES", "PENSTOCK_PATHS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return Settings.load(home=tmp_path / "home", tenant_id="demo")


@pytest.fixture
def catalog(house: Settings) -> Catalog:
    return default_catalog(house)


def judge(data: dict[str, Any], house: Settings, level: str = "semantic", **more: Any) -> Report:
    return validate(from_data(data), level=level, catalog=default_catalog(house), settings=house, **more)


def said(report: Report) -> list[str]:
    return [str(problem) for problem in report.problems]


def changed(*changes: tuple[str, Any]) -> dict[str, Any]:
    """REVENUE with values set at dotted places (steps by position); None takes the place away."""
    data = copy.deepcopy(REVENUE)
    for path, value in changes:
        here: Any = data
        *above, last = path.split(".")
        for part in above:
            here = here[int(part)] if isinstance(here, list) else here.setdefault(part, {})
        if value is None:
            del here[last]
        elif isinstance(here, list):
            here.insert(int(last), value) if int(last) >= len(here) else here.__setitem__(int(last), value)
        else:
            here[last] = value
    return data


def test_a_good_spec_has_no_problem_and_its_columns_are_known_through_the_graph(house: Settings) -> None:
    report = judge(REVENUE, house)
    assert said(report) == []
    assert report.ok
    assert report.columns["shape"] is not None
    assert [(c.name, c.type) for c in report.columns["shape"]] == [("country", "STRING"), ("order_date", "DATE"), ("revenue", "FLOAT64")]
    assert list(report.columns) == ["orders_in", "customers_in", "shape", "load"]
    report.raise_for()


def test_a_report_is_plain_json(house: Settings) -> None:
    document = judge(changed(("steps.1.source.table", "custmers")), house).as_dict()
    assert document["ok"] is False
    assert document["problems"][0]["path"] == "steps.customers_in.source.table"
    assert document["problems"][0]["options"] == ["customers"]
    assert document["columns"]["orders_in"][0] == {"name": "order_id", "type": "INT64"}
    assert document["columns"]["shape"] is None


def test_raise_for_carries_every_problem(house: Settings) -> None:
    with pytest.raises(SpecError) as caught:
        judge(changed(("steps.1.source.table", "custmers"), ("schedule.timezone", "Berlin")), house).raise_for("spec.yml")
    assert len(caught.value.problems) == 2
    assert str(caught.value).startswith("spec.yml: ")


@pytest.mark.parametrize(("change", "expected"), [
    (("schedule.cron", "61 * * * *"), "schedule.cron: '61 * * * *' never comes true or is no cron line. "
     "Write minute hour day month weekday, like '0 2 * * *'"),
    (("schedule.cron", "0 0 31 2 *"), "schedule.cron: '0 0 31 2 *' never comes true"),
    (("schedule.cron", "0 2 * *"), "schedule.cron: '0 2 * *' does not have five fields"),
    (("schedule.cron", "@daily"), "does not have five fields"),
    (("schedule.timezone", "Berlin"), "schedule.timezone: there is no time zone 'Berlin'. Did you mean 'Europe/Berlin'?"),
    (("schedule.timezone", "Europe"), "there is no time zone 'Europe'"),
    (("schedule.timezone", "../../etc/passwd"), "there is no time zone"),
    (("steps.0.ps_type", "generic.extarct"), "orders_in.ps_type: there is no engine 'generic.extarct'. Did you mean 'generic.extract'?"),
    (("steps.0.ps_type", "os.system"), "steps.orders_in.ps_type: there is no engine 'os.system'"),
    (("steps.0.source", {"tabel": "orders"}), "steps.orders_in.source.tabel: unknown field 'tabel'. Did you mean 'table'?"),
    (("steps.0.source.connection", "postgre"), "orders_in.source.connection: there is no connection 'postgre'. Did you mean 'postgres'?"),
    (("steps.0.source.table", "oders"), "orders_in.source.table: there is no step or catalogued table 'oders'. Did you mean 'orders'?"),
    (("steps.0.source.columns", ["amuont"]), "there is no column 'amuont' here. Did you mean 'amount'?"),
    (("steps.2.config.inputs.0", "order_in"), "steps.shape.config.inputs.0: there is no step or catalogued table 'order_in'. "
     "Did you mean 'orders_in'?"),
    (("steps.2.depends_on", ["orders_in", "custmers_in"]), "steps.shape.depends_on: there is no step 'custmers_in'. "
     "Did you mean 'customers_in'?"),
    (("steps.2.depends_on", ["orders_in"]), "steps.shape.config.inputs.1: 'customers_in' does not run before this step. "
     "Add 'customers_in' to depends_on of shape"),
    (("steps.0.depends_on", ["load"]), "steps.orders_in.depends_on: the steps wait for each other in a circle: "
     "orders_in -> shape -> load -> orders_in"),
    (("steps.4", {**REVENUE["steps"][1], "step_id": "load"}), "steps.4.step_id: step_id 'load' is already used by step number 4"),
    (("steps.2.config.operations.0.op", "filtr"), "steps.shape.config.operations.0.op: 'filtr' is not known here. Did you mean 'filter'?"),
    (("steps.2.config.operations.0.where.colum", "x"), "steps.shape.config.operations.0.where.colum: unknown field 'colum'"),
    (("steps.2.config.operations.0.where.is", "=="), "steps.shape.config.operations.0.where.is: '==' is not known here. Did you mean '='?"),
    (("steps.2.config.operations.0.where.column", "statsu"), "steps.shape.config.operations.0.where.column: there is no column 'statsu'"),
    (("steps.2.config.operations.0.where.value", 5), "steps.shape.config.operations.0.where.value"),
    (("steps.3.destination.partition_by", "order_dat"), "steps.load.destination.partition_by: there is no column 'order_dat'"),
    (("steps.3.destination.mode", "overwritee"), "steps.load.destination.mode: 'overwritee' is not known here. Did you mean 'overwrite'?"),
    (("steps.3.destination", None), "steps.load.destination: the field 'destination' is missing"),
    (("steps.3.destination.engine", "snowflake"), "steps.load.destination.engine: 'snowflake' is not known here"),
    (("notify", [{"channel": "slack", "target": "data"}]), "notify.0.target: 'data' is no slack address. Write it like #data or @name"),
    (("notify", [{"channel": "email", "target": "data team"}]), "notify.0.target: 'data team' is no email address"),
    (("steps.0.retry", {"max_attempts": 3, "retry_on": ["TimeoutErr"]}),
     "steps.orders_in.retry.retry_on.0: there is no error class 'TimeoutErr'. Did you mean 'TimeoutError'?"),
    (("variables", {"date": "x"}), "variables.date: 'date' is set by Penstock"),
    (("parameters", [{"name": "run_id", "default": "x"}]), "parameters.0.name: 'run_id' is set by Penstock"),
    (("parameters", [{"name": "a", "default": 1}, {"name": "a", "default": 1}]), "parameters.0.name: the parameter 'a' stands here twice"),
    (("parameters", [{"name": "a", "type": "integer", "default": "x"}]),
     "parameters.0.default: the parameter 'a' must be of type integer, not 'x'"),
    (("description", "of {dat}"), "description: nothing gives {dat} a value. Did you mean 'date'?"),
    (("variables", {"a": "{b}", "b": "{a}"}), "the variables use each other in a circle: a -> b -> a"),
])
def test_a_slip_is_one_finding_with_its_place_and_the_way_out(house: Settings, change: tuple[str, Any], expected: str) -> None:
    report = judge(changed(change), house)
    assert not report.ok
    assert any(expected in line for line in said(report)), said(report)
    assert len(said(report)) == 1, said(report)


@pytest.mark.parametrize(("value", "expected"), [
    ("'; drop table x; --", "which is no name of a table"), ("", "which is no name of a table"),
    ("{nowhere}", "nothing gives {nowhere} a value"),
])
def test_one_wrong_variable_is_one_finding_whatever_else_has_placeholders(house: Settings, value: str, expected: str) -> None:
    data = {"pipeline_id": "p", "variables": {"table": value, "into": "mart.copy"},
            "parameters": [{"name": "least", "type": "integer", "default": 1}],
            "steps": [{"step_id": "read", "ps_type": "generic.extract", "source": {"table": "{table}"}},
                      {"step_id": "gate", "ps_type": "generic.quality_check",
                       "config": {"input": "read", "checks": [{"check": "row_count", "min": "{least}", "on_fail": "fail"}]}},
                      {"step_id": "load", "ps_type": "generic.load", "config": {"input": "gate"},
                       "destination": {"engine": "bigquery", "table": "{into}", "mode": "append"}}]}
    [problem] = said(judge(data, house))
    assert expected in problem


def test_lines_of_the_file_are_told(house: Settings, tmp_path: Path) -> None:
    file = tmp_path / "spec.yml"
    file.write_text("pipeline_id: '{tenant_id}-p'\nsteps:\n  - step_id: 'read_{tenant_id}'\n    ps_type: generic.extract\n"
                    "    source:\n      table: oders\n", encoding="utf-8")
    spec, lines = load_file(file)
    report = validate(spec, catalog=default_catalog(house), settings=house, lines=lines)
    assert report.problems[0].path == "steps.read_demo.source.table"
    assert report.problems[0].line == 6


def test_two_loads_into_one_table_are_refused_unless_both_merge(house: Settings) -> None:
    second = {"step_id": "again", "ps_type": "generic.load", "config": {"input": "shape"},
              "destination": {"table": "mart.daily_revenue", "mode": "append"}}
    report = judge(changed(("steps.4", second)), house)
    assert said(report) == ["steps.again.destination.table: 'mart.daily_revenue' is already loaded by step 'load', and each would replace "
                            "the other's rows. Union both inputs in one transform, or load with mode merge"]
    merge = {"table": "mart.daily_revenue", "mode": "merge", "keys": ["country", "order_date"]}
    assert judge(changed(("steps.4", {**second, "destination": merge}), ("steps.3.destination", merge)), house).ok


def test_a_table_that_this_spec_loads_may_be_read_after(house: Settings) -> None:
    after = {"step_id": "after", "ps_type": "generic.extract", "source": {"table": "mart.daily_revenue"}}
    report = judge(changed(("steps.4", after)), house)
    assert report.ok
    assert report.warnings == []
    assert report.columns["after"] == report.columns["shape"]


def test_a_table_that_nobody_knows_is_a_warning_and_at_the_full_level_a_problem(house: Settings) -> None:
    data = changed(("steps.0.source", {"table": "raw.orders_2019"}))
    assert [w.code for w in judge(data, house).warnings] == ["uncatalogued_table"]
    report = judge(data, house, "full")
    assert said(report) == ["steps.orders_in.source.table: there is no table 'raw.orders_2019' in the warehouse. "
                            "Check its name, or load it first"]
    assert "uncatalogued_table" not in [w.code for w in report.warnings]


def test_a_path_outside_the_allowed_folders_is_refused(house: Settings) -> None:
    for path in ("/etc/passwd", "../../../etc/passwd", "a\0b"):
        report = judge(changed(("steps.0.source", {"path": path})), house)
        assert len(report.problems) == 1
        assert report.problems[0].path.startswith("steps.orders_in")
    out = {"step_id": "out", "ps_type": "generic.export", "config": {"input": "shape"},
           "destination": {"engine": "csv", "path": "/tmp/x.csv"}}
    assert "outside the allowed folders" in said(judge(changed(("steps.4", out)), house))[0]


def test_a_file_that_is_not_there_yet_is_a_warning_and_at_the_full_level_a_problem(house: Settings) -> None:
    data = changed(("steps.1.source", {"path": "customers.csv"}))
    report = judge(data, house)
    assert report.ok
    assert [w.code for w in report.warnings] == ["not_found"]
    full = judge(data, house, "full")
    assert [(p.code, p.path) for p in full.problems] == [("not_found", "steps.customers_in.source.path")]


def test_columns_of_a_file_are_known_before_it_is_read(house: Settings, tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("customer_id,country\n1,DE\n", encoding="utf-8")
    report = judge(changed(("steps.1.source", {"path": "customers.csv"})), house)
    assert said(report) == []
    assert report.columns["customers_in"] is not None
    assert [c.name for c in report.columns["customers_in"]] == ["customer_id", "country"]


@pytest.mark.parametrize(("change", "code"), [
    (("steps.3", None), "no_destination"),
    (("defaults", {"retry": {"max_attempts": 1, "backoff_seconds": 5}}), "no_retry"),
    (("defaults", {"retry": {"max_attempts": 3, "backoff_seconds": 60, "max_backoff_seconds": 5}}), "backoff"),
    (("budget", {"usd_per_month": 5}), "budget"),
    (("steps.0.source", {"table": "raw.orders_2019"}), "uncatalogued_table"),
    (("steps.0.source.connection", "rest"), "other_connection"),
])
def test_what_is_odd_but_not_wrong_is_a_warning(house: Settings, change: tuple[str, Any], code: str) -> None:
    data = changed(change) if change[1] is not None else {**REVENUE, "steps": REVENUE["steps"][:3]}
    report = judge(data, house)
    assert code in [w.code for w in report.warnings]
    assert report.ok, said(report)


def test_what_only_a_run_knows_is_not_guessed(house: Settings) -> None:
    """A parameter without a default: its step is not judged by a made-up value; a typed one is."""
    data = changed(("parameters", [{"name": "what"}, {"name": "n", "type": "integer"}]), ("steps.0.source.table", "{what}"),
                   ("steps.0.source.connection", None), ("steps.2.config.operations.3", {"op": "limit", "n": "{n}"}))
    report = judge(data, house)
    assert said(report) == []
    assert report.columns["orders_in"] is None


def test_catalogued_places_are_known_by_their_location_and_project(house: Settings) -> None:
    for name in ("orders", "shop.orders", "demo.shop.orders"):
        report = judge(changed(("steps.0.source", {"table": name})), house)
        assert report.columns["orders_in"], name
        assert report.warnings == []


def test_syntax_looks_no_further(house: Settings) -> None:
    report = judge(changed(("steps.0.ps_type", "nothing.like_it")), house, "syntax")
    assert report.ok
    assert report.level == "syntax"


def test_an_unknown_level_is_an_input_error(house: Settings) -> None:
    with pytest.raises(InputError, match="Did you mean 'semantic'"):
        judge(REVENUE, house, "semantics")


class Fake:
    """An engine of a package that is not installed here."""

    ps_type = summary = "acme.thing"

    class Config(EngineConfig):
        config: dict[str, Any] = {}

    def inputs(self, config: Any) -> list[str]:
        return list(config.config.get("inputs", []))

    def output(self, config: Any, scope: Any) -> tuple[Column, ...] | None:
        return (*(scope.columns[self.inputs(config)[0]] or ()), Column("extra", "STRING"))


class Shelf:
    def engine(self, ps_type: str) -> Any:
        if ps_type != "acme.thing":
            raise MissingError(f"unknown engine {ps_type!r}", fix="See the shelf")
        return Fake()

    def names(self) -> Sequence[str]:
        return ["acme.thing"]


def test_engines_of_other_packages_are_judged_the_same_way(house: Settings) -> None:
    data = {"pipeline_id": "p", "steps": [{"step_id": "a", "ps_type": "acme.thing", "config": {"inputs": ["stores"]}},
                                          {"step_id": "b", "ps_type": "acme.thng"}]}
    report = validate(from_data(data), catalog=default_catalog(house), settings=house, engines=Shelf())
    assert [c.name for c in report.columns["a"] or ()][-2:] == ["region", "extra"]
    assert said(report) == ["steps.b.ps_type: there is no engine 'acme.thng'. See the shelf"]
    assert report.problems[0].options == ("acme.thing",)


# ---- full
def test_every_select_runs_on_empty_tables(house: Settings) -> None:
    query = {"step_id": "ask", "ps_type": "generic.sql", "config": {
        "inputs": ["shape"], "query": "select country, sum(revenue) as total from shape where order_date <= {run_date} group by country"}}
    report = judge(changed(("steps.4", query)), house, "full")
    assert said(report) == []
    assert [(c.name, c.type) for c in report.columns["ask"] or ()] == [("country", "STRING"), ("total", "FLOAT64")]
    assert not (house.home / "lake").exists()


@pytest.mark.parametrize(("query", "expected"), [
    ("select cuntry from shape", "cuntry"), ("selct 1", "not a statement"), ("drop table shape", "ask"),
    ("select * from secrets", "secrets"),
    ("select 1; select 2", "ask"), ("select * from shape where country = {nope}", "nope"), ("select {run_date}.x from {run_date}", "ask")])
def test_sql_that_does_not_run_is_found_before_the_run(house: Settings, query: str, expected: str) -> None:
    step = {"step_id": "ask", "ps_type": "generic.sql", "config": {"inputs": ["shape"], "query": query}}
    report = judge(changed(("steps.4", step)), house, "full")
    assert len(report.problems) == 1, said(report)
    assert report.problems[0].path.startswith("steps.ask")
    assert expected in said(report)[0]


def test_sample_data_stands_in_for_a_connection_without_an_address(house: Settings) -> None:
    report = judge(REVENUE, house, "full")
    assert said(report) == []
    assert {w.code for w in report.warnings} == {"sample_data"}


@pytest.fixture
def peer() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_connection_must_answer(house: Settings, peer: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_CONN_POSTGRES", f"postgresql://u:geheim@127.0.0.1:{peer}/db")
    assert judge(REVENUE, house, "full").ok
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    monkeypatch.setenv("PENSTOCK_CONN_POSTGRES", f"postgresql://u:geheim@127.0.0.1:{closed}/db")
    report = judge(REVENUE, house, "full")
    assert {p.code for p in report.problems} == {"unreachable"}
    assert "does not answer" in said(report)[0]
    assert "geheim" not in str(report.as_dict())


def test_a_connection_without_address_and_sample_is_a_problem(house: Settings) -> None:
    report = judge(changed(("steps.0.source", {"connection": "rest", "endpoint": "orders"})), house, "full")
    assert [(p.code, p.path) for p in report.problems] == [("unreachable", "steps.orders_in.source.connection")]
    assert "PENSTOCK_CONN_REST" in said(report)[0]


@pytest.mark.parametrize("engine", ["postgres", "clickhouse"])
def test_a_destination_behind_a_connection_needs_its_address(house: Settings, peer: int, monkeypatch: pytest.MonkeyPatch,
                                                             engine: str) -> None:
    data = {"pipeline_id": "p", "steps": [
        {"step_id": "read", "ps_type": "generic.extract", "source": {"table": "customers"}},
        {"step_id": "load", "ps_type": "generic.load", "config": {"input": "read"},
         "destination": {"engine": engine, "table": "customers"}}]}
    spec, catalog = from_data(data), default_catalog(house)
    assert validate(spec, catalog=catalog, settings=house).ok
    assert said(validate(spec, catalog=catalog, settings=house, level="full")) == [
        f"steps.load.destination.engine: connection {engine!r} has no address here. "
        f"Set PENSTOCK_CONN_{engine.upper()}, or name it in connections.yml of PENSTOCK_HOME"]
    scheme = {"postgres": "postgresql"}.get(engine, engine)
    monkeypatch.setenv(f"PENSTOCK_CONN_{engine.upper()}", f"{scheme}://u:geheim@127.0.0.1:{peer}/db")
    assert validate(spec, catalog=catalog, settings=house, level="full").ok


def test_empty_tables_have_every_type() -> None:
    types = ["INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "BOOL", "STRING", "BYTES", "DATE", "TIME", "DATETIME", "TIMESTAMP", "JSON",
             "ARRAY<STRING>", "STRUCT<a INT64, b STRING>"]
    import sqlglot

    tree = sqlglot.parse_one(empty(tuple(Column(f"c{n}", kind) for n, kind in enumerate(types))), read="bigquery")
    assert [e.alias for e in tree.selects] == [f"c{n}" for n in range(len(types))]


def leaves(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from leaves(value, (*path, key))


ODD = [None, True, -1, 1.5, 10**30, "", "orders", "mart.daily_revenue", "load", "'; drop table x; --", "{nope}", [], {}, ["a"], [[None]],
       {"column": "amount"}, {"a": {"b": {}}}, "sum(amount)", "a.b.c"]


@fuzz(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(list(leaves(REVENUE))), st.sampled_from(ODD))
def test_any_value_in_any_place_is_judged_and_never_breaks_the_checks(house: Settings, path: tuple[Any, ...], value: Any) -> None:
    data = copy.deepcopy(REVENUE)
    here: Any = data
    for part in path[:-1]:
        here = here[part]
    here[path[-1]] = value
    try:
        spec = from_data(data)
    except SpecError:
        return
    report = validate(spec, catalog=default_catalog(house), settings=house)
    assert all("Input should" not in str(problem) for problem in report.problems)


def test_a_load_that_reads_its_own_table_is_judged(house: Settings) -> None:
    assert judge(changed(("steps.3.config.input", "mart.daily_revenue")), house).columns["load"] is not None


def test_two_thousand_steps_are_judged(house: Settings) -> None:
    steps = [{"step_id": f"s{n}", "ps_type": "generic.wait", "config": {"seconds": 1}} for n in range(2000)]
    assert judge({"pipeline_id": "p", "steps": steps}, house).ok


def test_hostile_values_in_every_place_of_a_spec_are_findings_or_data(house: Settings) -> None:
    """`'; drop table x; --` in each text of a good spec: a report comes back, and nothing else happens."""
    def places(data: Any, path: str = "") -> Iterator[str]:
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            here = f"{path}.{key}" if path else str(key)
            if isinstance(value, dict | list):
                yield from places(value, here)
            elif isinstance(value, str):
                yield here

    for path in places(REVENUE):
        data = changed((path, "'; drop table x; --"))
        try:
            report = validate(from_data(data), catalog=default_catalog(house), settings=house)
        except SpecError:
            continue  # a closed field
        assert isinstance(report, Report)
        assert all(p.message for p in report.problems)


def test_a_spec_from_yaml_goes_the_whole_way(house: Settings, catalog: Catalog) -> None:
    text = "pipeline_id: p\nsteps: [{step_id: a, ps_type: generic.extract, source: {table: stores}}]"
    assert validate(parse(text), catalog=catalog, settings=house).ok


def test_what_only_bigquery_runs_is_a_warning_with_its_line(house: Settings) -> None:
    data = {"pipeline_id": "p", "steps": [
        {"step_id": "read", "ps_type": "generic.extract", "source": {"table": "customers"}},
        {"step_id": "sketch", "ps_type": "generic.sql", "depends_on": ["read"],
         "config": {"inputs": ["read"], "query": "SELECT HLL_COUNT.INIT(country) AS h FROM read"}}]}
    report = validate(from_data(data), catalog=default_catalog(house), settings=house, level="full")
    assert report.ok
    [told] = [warning for warning in report.warnings if warning.code == "bigquery_only"]
    assert told.path == "steps.sketch.config.query"
    assert told.message.startswith("BigQuery only, a local run stops here: line 1")


# ---- who is to be told

def test_nobody_can_be_told_without_a_connection_which_is_a_warning(house: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    who = [{"channel": "slack", "target": "#data-eu"}, {"channel": "email", "target": "ops@example.com"}]
    data = {**copy.deepcopy(REVENUE), "notify": who}
    data["steps"] += [{"step_id": "tell", "ps_type": "shared.slack_notification", "config": {"channel": "#data-eu"}},
                      {"step_id": "write", "ps_type": "shared.email_notification", "config": {"to": "a@example.com", "connection": "post"}}]
    assert not [w for w in judge(data, house).warnings if w.code == "not_connected"]
    report = judge(data, house, "full")
    assert report.problems == []
    mail, hook = "smtp://user:password@host:587?from=name@example.com", "https://hooks.slack.com/services/..."
    assert [str(w) for w in report.warnings if w.code == "not_connected"] == [
        f"notify.0: #data-eu cannot be told: connection 'slack' has no address here. Set PENSTOCK_CONN_SLACK={hook}",
        f"notify.1: ops@example.com cannot be told: connection 'smtp' has no address here. Set PENSTOCK_CONN_SMTP={mail}",
        f"steps.tell.config: nothing can be sent: connection 'slack' has no address here. Set PENSTOCK_CONN_SLACK={hook}",
        "steps.write.config: nothing can be sent: connection 'post' has no address here. Set PENSTOCK_CONN_POST=its address"]
    monkeypatch.setenv("PENSTOCK_CONN_SLACK_DATA_EU", "http://127.0.0.1:9/hook")
    monkeypatch.setenv("PENSTOCK_CONN_SMTP", "smtp://${NOT_SET}@127.0.0.1")
    monkeypatch.setenv("PENSTOCK_CONN_POST", "smtp://127.0.0.1?from=a@example.com")
    [left] = [w for w in judge(data, house, "full").warnings if w.code == "not_connected"]
    assert left.path == "notify.1"
    assert "connection 'smtp' refers to the variable NOT_SET, which is not set" in left.message


@pytest.mark.parametrize(("config", "path"), [({"to": "ops"}, "steps.tell.config.to"), ({"to": []}, "steps.tell.config.to"),
                                              ({"to": "a@example.com\nBcc: b@example.com"}, "steps.tell.config.to")])
def test_a_mail_to_no_address_is_found_before_it_runs(house: Settings, config: dict[str, Any], path: str) -> None:
    data = copy.deepcopy(REVENUE)
    data["steps"].append({"step_id": "tell", "ps_type": "shared.email_notification", "config": config})
    assert [p.path for p in judge(data, house).problems] == [path]
