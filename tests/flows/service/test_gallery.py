"""Every template that is there: readable, valid, shown on sample rows, and closed to values that would like to be SQL.

A golden file each (tests/golden/templates) says what it does and how many rows each step gives. After a change of templates:
PENSTOCK_TEST_UPDATE=1 pytest tests/flows/service/test_gallery.py, and read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from flows.errors import InputError
from flows.insight.sample import ensure_sample
from flows.insight.templates import templates
from flows.service import Penstock
from flows.settings import Settings
from flows.spec.binding import bind_sql
from flows.spec.loader import from_data, parse
from flows.spec.placeholder import names
from flows.spec.template import resolve, run_values
from flows.spec.words import read as read_words

GOLDEN = Path(__file__).parents[2] / "golden" / "templates"
EVIL = "'; drop table x; --"
ALL = templates(Settings(home=Path("nowhere")))
NEEDED = ("basic_etl", "incremental_load", "slowly_changing_dimension", "deduplicate", "quality_gate", "excel_report", "api_to_warehouse",
          "file_drop_with_sensor", "cross_source_join", "currency_conversion", "anomaly_alert", "privacy_masking")
each = pytest.mark.parametrize("template", ALL, ids=lambda template: template.name)


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    """A fresh home with the sample shop at a hundredth of its size, and nothing else: no address, no key."""
    home = tmp_path_factory.mktemp("gallery")
    settings = Settings(home=home, control_url=f"sqlite:///{home / 'control.sqlite'}", folders=(home / "out", home / "files"))
    with Penstock(settings=settings) as opened:
        ensure_sample(settings, opened.store, scale=0.01)
        yield opened


def test_the_gallery_has_what_people_look_for():
    assert {f"gallery/{name}" for name in NEEDED} <= {template.name for template in ALL}


@each
def test_it_says_what_it_is(template):
    spec = template.spec
    assert 3 <= len(template.title) <= 40
    assert 20 <= len(template.sentence) <= 140
    assert not template.sentence.endswith(".")
    assert len(template.how) > 100
    if template.domain == "gallery":
        assert template.how.startswith("  ")
        assert "Make it yours: " in template.how
        assert spec.variables
    assert spec.parameters
    assert all(len(param.description) > 10 and param.default is not None for param in spec.parameters)
    assert all(step.name for step in spec.steps)
    known = {*spec.variables, *(param.name for param in spec.parameters)} - {"provider", "domain", "run_date"}
    used = {name for text in leaves(spec.as_dict()) for name in names(text)}
    assert known <= used, "a variable or parameter that nothing uses"
    unsaid = [line for line in template.text.splitlines() if line.startswith("  ") and line.split(":")[0].strip() in spec.variables
              and not line.startswith("   ") and "#" not in line]
    assert unsaid == []


def test_ids_and_tables_are_their_own(door):
    ids, tables = [], []
    for template in ALL:
        spec = resolve(template.spec, run_values(template.spec, {}, tenant_id="demo"))
        ids.append(spec.pipeline_id)
        tables += {step.destination.get("table") or step.destination.get("path") for step in spec.steps if step.destination}
        assert not any(str(table).startswith(("_", "{")) for table in tables)
    assert len(ids) == len(set(ids))
    assert len(tables) == len(set(tables))
    assert {"cloud_gcp.daily_costs", "genai_openai.daily_usage"} <= set(tables)


@each
def test_it_holds_at_the_full_level(template, door):
    report = door.validate(template.name, level="full")
    assert [str(problem) for problem in report.problems] == []
    assert {warning.code for warning in report.warnings} <= {"sample_data", "not_connected", "no_destination"}


@each
def test_its_english_gives_the_same_spec_back(template, door):
    english = door.explain(template.name)
    assert read_words(english) == template.spec
    planned = door.plan(english)
    assert planned.spec == template.spec.as_dict()
    assert planned.status == "ready"


@each
def test_it_is_as_it_was_read_last(template, door):
    seen = door.preview(template.name, limit=1)
    assert [(step.step_id, step.error) for step in seen.steps if step.error] == []
    assert seen.ok
    assert seen.origin == "real"
    lines = [template.title, template.sentence, "", door.explain(template.name).rstrip(), "",
             "On the sample shop, at a hundredth of its size:"]
    for step in seen.steps:
        count = f"{step.row_count:,} rows" if step.row_count is not None else step.status if step.status != "ok" else step.notes[0]
        aside = f", {step.rejected} set aside" if step.rejected else ""
        lines.append(f"  {step.step_id:<20} {count}{aside}")
    file = GOLDEN / f"{template.name.replace('/', '__')}.txt"
    text = "\n".join([*lines, ""])
    if os.environ.get("PENSTOCK_TEST_UPDATE"):
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text


def test_no_golden_file_is_left_behind():
    assert {file.stem for file in GOLDEN.glob("*.txt")} == {template.name.replace("/", "__") for template in ALL}


@each
def test_no_value_becomes_sql_wherever_it_stands(template):
    """The whole walk: one after the other every text of the spec becomes a placeholder whose value would like to be SQL."""
    data = template.spec.as_dict()
    places = list(paths(data))
    assert len(places) > 15
    for place in places:
        hurt(data, place, "{evil}")
        hurt(data, place, f"{at(data, place)} {{evil}}")
        for name in {*template.spec.variables, *(p.name for p in template.spec.parameters if p.type == "string")}:
            if name in set(names(at(data, place))):
                hurt(data, place, at(data, place), **{name: EVIL})


def hurt(data, place, text, **values):
    """Fill the spec with `text` at `place`. It is refused, or what comes out is no SQL but for one value inside of it."""
    changed = put(data, place, text)
    try:
        spec = from_data({**changed, "variables": {**changed.get("variables", {}), "evil": EVIL, **values}})
        known = {**run_values(spec, {}, tenant_id="demo"), **values}
        filled = resolve(spec, known)
        for sql in statements(filled.as_dict()):
            text, params = bind_sql(sql, known)
            plain(text)
            assert all(isinstance(value, str | int | float | bool) or value.isoformat() for value in params.values())
        for name in tables(filled.as_dict()):
            assert "drop" not in name
    except InputError:
        return


def plain(text):
    """One SELECT or one expression, in which the bad text is at most a text."""
    try:
        trees = sqlglot.parse(text, read="bigquery")
    except sqlglot.errors.SqlglotError:
        trees = sqlglot.parse(f"SELECT {text}", read="bigquery")
    assert len(trees) == 1
    assert not isinstance(trees[0], exp.Drop | exp.Command)
    assert not list(trees[0].find_all(exp.Drop, exp.Command))
    said = [literal.this for literal in trees[0].find_all(exp.Literal) if "drop table" in literal.this]
    assert text.count("drop table") == len(said)


def statements(data):
    for step in data["steps"]:
        for block in ("source", "config"):
            yield from ([step[block]["query"]] if isinstance(step.get(block), dict) and "query" in step[block] else [])
        for operation in (step.get("config") or {}).get("operations", []):
            yield from operation["columns"].values() if operation["op"] == "derive" else []
        yield from (check["expression"] for check in (step.get("config") or {}).get("checks", []) if "expression" in check)


def tables(data):
    for step in data["steps"]:
        for block in ("source", "destination"):
            yield (step.get(block) or {}).get("table") or ""
        yield (step.get("config") or {}).get("procedure") or ""


def leaves(data):
    for place in paths(data):
        yield at(data, place)


def paths(data, above=()):
    """The place of every text in a spec, but those that say which kind of thing stands there."""
    if isinstance(data, str):
        yield above
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in pairs:
        yield from paths(value, (*above, key))


def at(data, place):
    for part in place:
        data = data[part]
    return data


def put(data, place, value):
    """A copy with another value at the place."""
    if not place:
        return value
    head, *rest = place
    if isinstance(data, dict):
        return {key: put(inner, rest, value) if key == head else inner for key, inner in data.items()}
    return [put(inner, rest, value) if n == head else inner for n, inner in enumerate(data)]


@each
def test_a_bad_variable_ends_in_an_error_or_stays_a_value(template, door):
    """Through the whole door: what is not refused is previewed, and the tables are as they were."""
    before = [(table.name, table.version) for table in door.store.manifest.tables("demo")]
    for name, own in template.spec.variables.items():
        if not isinstance(own, str) or name in ("provider", "domain"):
            continue
        try:
            spec = door.use_template(template.name, variables={name: EVIL})
        except InputError:
            continue
        assert name in ("report", "file", "targets_file", "endpoint", "key", "changed_at"), f"{name} took it"
        shown = door.preview(spec, limit=1)
        assert all(step.status in ("ok", "failed", "not reached", "skipped") for step in shown.steps)
    assert [(table.name, table.version) for table in door.store.manifest.tables("demo")] == before


# ---- a spec of one's own

def test_a_template_becomes_a_spec_of_ones_own(door):
    variables = {"source_table": "payments", "key": "payment_id", "changed_at": "paid_at", "destination_table": "mart.own"}
    spec = door.use_template("gallery/incremental_load", variables=variables,
                             params={"run_date": "{yesterday}", "lookback": "1d"}, pipeline_id="own")
    assert (spec.pipeline_id, spec.variables["key"]) == ("own", "payment_id")
    assert [param.default for param in spec.parameters] == ["{yesterday}", "1d"]
    assert door.preview(spec, params={"run_date": "2025-11-10"}).ok


def test_its_text_keeps_the_comments_and_reads_back_as_the_spec(door):
    for template in ALL:
        same = {name: value for name, value in template.spec.variables.items() if name.endswith("table")}
        spec, text = door.use_template_text(template.name, pipeline_id="mine", variables=same)
        assert parse(text) == spec
        assert text.startswith("# How it works\n")
        assert text.count("#") == template.text.count("#")
    _, text = door.use_template_text("gallery/basic_etl", variables={"destination_table": "mart.own"}, params={"smallest_amount": "10.5"})
    assert "  destination_table: mart.own # what is written\n" in text
    assert "default: 10.5, description: Orders below" in text


@pytest.mark.parametrize(("given", "told"), [
    ({"variables": {"sorce_table": "orders", "x": "1"}}, "gallery/basic_etl: there is no variable 'sorce_table' (did you mean "
     "'source_table'?) and no 'x'. It has: source_table, destination_table"),
    ({"params": {"smalest_amount": 1}}, "there is no parameter 'smalest_amount' (did you mean 'smallest_amount'?). It has: smallest"),
    ({"params": {"smallest_amount": "much"}}, "--param smallest_amount: the parameter 'smallest_amount' must be of type number"),
    ({"variables": {"destination_table": "{nowhere}.t"}}, "nothing gives {nowhere} a value"),
    ({"variables": {"destination_table": "{source_table}", "source_table": "{destination_table}"}},
     "the variables use each other in a circle: source_table -> destination_table -> source_table"),
    ({"variables": {"source_table": "oders"}}, "there is no step or catalogued table 'oders'. Did you mean 'orders'?"),
    ({"pipeline_id": "a b"}, "pipeline_id: use letters, digits, '-' and '_'")])
def test_what_does_not_fit_is_said_with_the_way_out(given, told, door):
    with pytest.raises(InputError) as error:
        door.use_template("gallery/basic_etl", **given)
    assert told in str(error.value)


def test_a_template_stands_wherever_a_spec_may(door, tmp_path):
    assert door.source("gallery/basic_etl").spec == door.template("gallery/basic_etl").spec
    assert door.source("configs/gallery/basic_etl.yml").spec == door.template("gallery/basic_etl").spec
    assert door.source(door.template("cloud/gcp/billing").path).spec == door.template("cloud/gcp/billing").spec
    assert "A run: " not in door.explain("gallery/basic_etl")
    assert door.price("gallery/basic_etl").bytes > 0
    with pytest.raises(InputError, match=r"there is no file 'galery/basic_etl'. Did you mean 'gallery/basic_etl'\?"):
        door.source("galery/basic_etl")
