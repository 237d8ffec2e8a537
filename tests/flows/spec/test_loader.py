"""Promises of reading specs: bounded, never a stack trace, every finding with its line and its way out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.errors import InputError, MissingError, PenstockError, SpecError
from flows.spec.loader import Lines, dump, dump_plain, from_data, load_file, parse, plain

GOOD = """
pipeline_id: orders-daily
schedule: {cron: "0 2 * * *", timezone: UTC}
notify: [{channel: slack, target: "#data", on: [failure]}]
steps:
  - step_id: read
    ps_type: generic.extract
    depends_on: []
    source: {table: orders}
  - step_id: load
    ps_type: generic.load
    retry: {max_attempts: 4, backoff_seconds: 30}
    config: {input: read}
    destination: {table: mart.orders}
"""


def refused(text: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        parse(text)
    assert "Traceback" not in str(caught.value)
    assert "pydantic" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(("text", "said", "line"), [
    ("", "the text is empty", 0),
    ("  \n # only a comment\n", "the text is empty", 0),
    ("- a\n- b", "a mapping (name: value) is expected, this is a list", 1),
    ("hello", "a mapping (name: value) is expected, this is plain text", 1),
    ("[1, 2]", "this is a list", 1),
    ("a: 1\nb: [1, 2", "this is not valid YAML", 2),
    ("a: 1\n---\nb: 2", "more than one document", 2),
    ("a: 1\n\tb: 2", "this is not valid YAML", 2),
    ("x: 1\na: &anchor [1]\nb: 2", "anchors and aliases are not allowed", 2),
    ("a: 1\nb: *anchor", "anchors and aliases are not allowed", 2),
    ("a: !!python/object/apply:os.system [ls]", "the tag", 1),
    ("a: !!set {x}", "the tag", 1),
    ("a: 1\nb: 2\na: 3", "the key 'a' stands here twice", 3),
    ("a:\n  b: 1\n  b: 2", "the key 'b' stands here twice", 3),
    ("? [1, 2]\n: x", "a key must be plain text", 1),
    ("a: 1\nb: x\x00y", "is not allowed", 2),
    ('a: "x\\0y"', "NUL", 1),
    ("a: 1e999", "not finite", 1),
    ("a: 1\nb: " + "9" * 5000, "more than 38 digits", 2),
    ("a: " + "9" * 39, "more than 38 digits", 1),
    ("pipeline_id: x\nsteps: " + "[" * 100_000, "nested deeper than 50 levels", 2),
    ('{"a": 1,\n "a": 2}', "the key 'a' stands here twice", 2),
    ('{"a": 1,\n "b": NaN}', "NaN", 2),
    ('{"a": -Infinity}', "Infinity", 1),
    ('{"a": 1e999}', "not finite", 0),
    ('{"a": ' + "9" * 5000 + "}", "too many digits", 0),
    ('{"a": "\\ud800"}', "half characters", 0),
    ('{"a": ' + "[" * 60 + "]" * 60 + "}", "nested deeper than 50 levels", 0),
    ('{"a":' * 30_000, "nested deeper than 50 levels", 0),
    ("a" * 300_000, "larger than 256 KiB", 0),
])
def test_a_text_that_is_no_spec_is_one_clear_error_with_its_line(text: str, said: str, line: int) -> None:
    error = refused(text)
    assert len(error.problems) == 1
    assert said in error.problems[0].message
    assert error.problems[0].line == line
    assert error.exit_code == 2


def test_an_alias_bomb_is_refused_before_anything_is_built() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
    assert refused(bomb).problems[0].code == "alias"


def test_three_thousand_steps_are_one_error() -> None:
    steps = "".join(f"  - {{step_id: s{n}, ps_type: generic.wait}}\n" for n in range(3000))
    error = refused("pipeline_id: p\nsteps:\n" + steps)
    assert str(error) == "line 2, steps: a spec has at most 2,000 steps, this one has 3,000. Split it into several pipelines"


@pytest.mark.parametrize(("written", "value"), [
    ("on", "on"), ("NO", "NO"), ("yes", "yes"), ("=", "="), ("<<", "<<"), ("0777", "0777"), ("1_000", "1_000"),
    ("2026-01-01", "2026-01-01"), ("12:30", "12:30"), (".nan", ".nan"), ("0x1F", "0x1F"), ("1e3", 1000.0),
    ("12", 12), ("-1.5", -1.5), ("true", True), ("False", False),
    ("null", None), ("~", None), ("", None)])
def test_values_are_read_as_yaml_1_2(written: str, value: Any) -> None:
    data, _ = plain(f"a: {written}\n")
    assert data == {"a": value}
    assert type(data["a"]) is type(value)


def test_keys_are_text() -> None:
    data, _ = plain("on: 1\n1: 2\ntrue: 3\n~: 4\n<<: 5\n=: 6\n")
    assert list(data) == ["on", "1", "true", "~", "<<", "="]


def test_a_full_spec_is_read_and_each_part_has_its_line(tmp_path: Path) -> None:
    file = tmp_path / "spec.yml"
    file.write_text(GOOD, encoding="utf-8")
    spec, lines = load_file(file)
    assert [s.step_id for s in spec.steps] == ["read", "load"]
    assert spec.notify[0].on == ["failure"]
    assert lines.find("steps.load.destination.table") == 14
    assert lines.find("steps.load.destination.mode") == 14  # not there: the nearest part above
    assert lines.find("steps.1.retry.max_attempts") == 12
    assert lines.find("nowhere") == 0
    assert Lines().find("steps.load") == 0


def test_a_step_is_found_by_the_name_it_has_after_placeholders_are_filled() -> None:
    lines = Lines({"steps.0": 3, "steps.0.source": 4}, ("{tenant_id}-read",))
    assert lines.find("steps.demo-read.source.table", ["demo-read"]) == 4


def test_problems_name_step_line_and_nearest_field() -> None:
    error = refused(GOOD.replace("destination:", "destinaton:").replace("ps_type: generic.load", "ps_typ: generic.load"))
    found = {(p.path, p.line, p.code): str(p) for p in error.problems}
    assert found["steps.load.ps_type", 10, "missing_field"] == "line 10, steps.load.ps_type: the field 'ps_type' is missing. Add 'ps_type'"
    assert found["steps.load.ps_typ", 11, "unknown_field"] == \
        "line 11, steps.load.ps_typ: unknown field 'ps_typ'. Did you mean 'ps_type'?"
    assert found["steps.load.destinaton", 14, "unknown_field"].endswith("Did you mean 'destination'?")
    assert len(found) == 3


@pytest.mark.parametrize(("old", "new", "said"), [
    ("pipeline_id: orders-daily", "pipeline_id: orders daily", "pipeline_id: use letters, digits, '-' and '_'"),
    ("pipeline_id: orders-daily", "pipeline_id: 12", "pipeline_id: must be text, not the number 12"),
    ("depends_on: []", "depends_on: read", "steps.read.depends_on: must be a list, not the text 'read'"),
    ("depends_on: []", "trigger: on_sucess", "'on_sucess' is not known here. Did you mean 'on_success'?"),
    ("depends_on: []", "timeout_seconds: -1", "steps.read.timeout_seconds: must be greater than 0, not -1"),
    ("depends_on: []", "timeout_seconds: 1\n    timeout_minutes: 1", "give timeout_seconds or timeout_minutes, not both"),
    ("max_attempts: 4", "max_attempts: 0", "steps.load.retry.max_attempts: must be at least 1, not 0"),
    ("max_attempts: 4", "max_attempts: many", "steps.load.retry.max_attempts: must be a whole number, not the text 'many'"),
    ("channel: slack", "channel: slak", "notify.0.channel: 'slak' is not known here. Did you mean 'slack'?"),
    ('cron: "0 2 * * *"', "cron: a, interval_seconds: 5", "a schedule has either cron or interval_seconds"),
    ("source: {table: orders}", "source: orders", "steps.read.source: must be a mapping (name: value), not the text 'orders'"),
    ("step_id: read", "step_id: ''", "must not be empty"),
])
def test_a_wrong_value_is_said_in_plain_words(old: str, new: str, said: str) -> None:
    assert old in GOOD
    error = refused(GOOD.replace(old, new))
    assert said in str(error)
    assert error.problems[0].line > 0


def test_a_spec_without_steps_is_refused() -> None:
    assert str(refused("pipeline_id: p\nsteps: []")) == "line 2, steps: must not be empty"


def test_a_plain_union_names_every_kind_that_fits() -> None:
    assert "variables.a: must be text or a whole number or a number or true or false, not a list" in str(
        refused("pipeline_id: p\nvariables: {a: [1]}\nsteps: [{step_id: a, ps_type: b}]"))


def test_a_file_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "spec.yml"
    file.write_bytes(b"pipeline_id: a\nname: caf\xe9\n")
    with pytest.raises(SpecError, match=r"line 2: the text is not UTF-8\. Save the file as UTF-8"):
        load_file(file)


def test_a_file_that_cannot_be_read_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="there is no such file"):
        load_file(tmp_path / "nowhere.yml")
    with pytest.raises(InputError, match="is a directory"):
        load_file(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        load_file("a\0b")
    huge = tmp_path / "huge.yml"
    huge.write_bytes(b"a: 1\n" * 100_000)
    with pytest.raises(SpecError, match="larger than 256 KiB"):
        load_file(huge)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    file = tmp_path / "spec.yml"
    file.write_text("\ufeff" + GOOD, encoding="utf-8")
    assert load_file(file)[0] == parse("\ufeff" + GOOD) == parse(GOOD)


def test_json_is_read_with_its_lines(tmp_path: Path) -> None:
    file = tmp_path / "spec.json"
    file.write_text(json.dumps(parse(GOOD).as_dict(), indent=1), encoding="utf-8")
    spec, lines = load_file(file)
    assert spec == parse(GOOD)
    assert lines.find("steps.load.config") > 10
    tabs = parse('{\n\t"pipeline_id": "p", "name": "\\ud83d\\ude00", "steps": [{"step_id": "a", "ps_type": "b"}]}')
    assert tabs.name == "\N{GRINNING FACE}"  # neither the tab nor the pair of escapes is YAML


def test_a_yaml_mapping_in_braces_is_read() -> None:
    assert parse("{pipeline_id: p, steps: [{step_id: a, ps_type: b}]}").pipeline_id == "p"


def test_canonical_yaml_reads_back_and_stays_the_same() -> None:
    text = dump(parse(GOOD))
    assert parse(text) == parse(GOOD)
    assert dump(parse(text)) == text
    assert text.startswith("pipeline_id: orders-daily\nschedule:\n  cron: 0 2 * * *\n")
    assert "backoff_seconds: 30\n" in text
    assert list(yaml.safe_load(text)) == ["pipeline_id", "schedule", "notify", "steps"]


TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
WORDS = TEXT | st.sampled_from(["on", "NO", "1e3", "0777", "=", "~", "null", "2026-01-01", "1_000", "0x1f", "12:30", ".5", "+1", "<<", "!x",
                                "&a", "*a", "- a", "a: b", "#", "true", "", " ", "\n", "'", '"', "\x85",
                                "\u2028"])
SCALARS = WORDS | st.integers(-10**37, 10**37) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none()
DATA = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=15)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(WORDS, DATA, max_size=4))
def test_what_is_written_reads_back_in_both_yamls(data: dict[str, Any]) -> None:
    text = dump_plain(data)
    assert plain(text)[0] == data
    assert repr(plain(text)[0]) == repr(data)  # 1, 1.0 and True are not the same
    assert repr(yaml.safe_load(text)) == repr(data)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.builds(lambda a, b, c: GOOD[:a] + b + GOOD[a + c:], st.integers(0, len(GOOD)), st.text(max_size=3),
                                        st.integers(0, 4)))
def test_any_text_is_a_spec_or_a_clear_error(text: str) -> None:
    """One edit anywhere: never anything but a spec or an InputError of ours."""
    found: list[PenstockError] = []
    try:
        parse(text)
    except PenstockError as error:
        found.append(error)
    assert all(isinstance(e, SpecError) and e.exit_code == 2 and e.problems[0].message for e in found)


@pytest.mark.parametrize(("pipeline", "step"), [("a\n", "a"), ("a", "a\n")])
def test_a_name_ends_where_it_ends(pipeline, step):
    with pytest.raises(SpecError, match="use letters, digits, '-' and '_'"):
        from_data({"pipeline_id": pipeline, "steps": [{"step_id": step, "ps_type": "generic.wait"}]})
