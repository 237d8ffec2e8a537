"""The Python file of a spec: it holds exactly the spec, it is the same each time, and no text of a spec becomes code in it."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.insight.templates import SHIPPED
from flows.show.code import literal, python
from flows.spec.loader import from_data, load_file

TEMPLATES = sorted(path for path in SHIPPED.rglob("*.yml") if "system" not in path.parts)
TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30) | st.sampled_from([
    '"""', "'''", "\x0c", "\r", '"""\nimport os\nos.abort()\n"""', "\\", '\\"""', "a\nb", "# x\nimport os", "{spec}", "{{x}}",
    "\u2028import os",
     "'\"", "\\N{BULLET}", "]\n}\nimport os", "\u202e", "}", "\ufeff"])
NUMBER = st.integers(-10**30, 10**30) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(TEXT | NUMBER | st.booleans() | st.none(),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12)
BLOCK = st.dictionaries(TEXT, JSON, max_size=4)
KINDS = st.sampled_from(["generic.extract", "generic.load", "generic.transform", "generic.sql", "generic.export", "generic.quality_check"])


def code_of(data: dict[str, Any]) -> tuple[str, ast.Module, Any]:
    text = python(from_data(data))
    tree = ast.parse(text)
    [spec] = [node.value for node in tree.body if isinstance(node, ast.AnnAssign)]
    return text, tree, ast.literal_eval(spec)


def shape(tree: ast.Module) -> list[str]:
    """All but the spec and the words about it."""
    return [ast.dump(node) for node in tree.body[1:] if not isinstance(node, ast.AnnAssign)]


PLAIN = shape(code_of({"pipeline_id": "plain", "steps": [{"step_id": "a", "ps_type": "generic.wait", "config": {"seconds": 0}}]})[1])


@given(name=TEXT, description=TEXT, step=TEXT, kind=KINDS | TEXT.filter(bool), source=BLOCK, config=BLOCK, target=TEXT.filter(bool),
       variables=st.dictionaries(TEXT, TEXT | NUMBER | st.booleans(), max_size=3))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_hostile_texts_stay_data(name, description, step, kind, source, config, target, variables):
    data = {"pipeline_id": "p", "name": name, "description": description, "variables": variables,
            "notify": [{"channel": "slack", "target": target}],
            "steps": [{"step_id": "a", "name": step, "ps_type": kind, "source": source, "config": config}]}
    text, tree, spec = code_of(data)
    assert from_data(spec).as_dict() == from_data(data).as_dict()
    assert shape(tree) == PLAIN
    assert ast.get_docstring(tree)
    assert text == python(from_data(json.loads(json.dumps(data))))


@given(JSON)
@settings(max_examples=100, deadline=None)
def test_a_literal_is_the_value_and_keeps_the_kind_of_its_numbers(value):
    back = ast.literal_eval(literal(value))
    assert repr(back) == repr(value)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_every_template_is_a_file_that_compiles_and_is_readable(path):
    spec, _ = load_file(path)
    text = python(spec)
    compile(text, "exported.py", "exec")
    assert python(load_file(path)[0]) == text
    for number, step in enumerate(spec.steps, 1):
        assert f"        # {number}. " in text
        assert f'"step_id": "{step.step_id}"' in text
    long = [line for line in text.splitlines() if len(line) > 200]
    assert long == []


def test_an_equal_spec_gives_equal_bytes_whatever_it_was_read_from():
    steps = '[{"step_id": "a", "ps_type": "generic.wait", "config": {"seconds": 1}}]'
    as_json, as_yaml = f'{{"steps": {steps}, "pipeline_id": "p"}}', "pipeline_id: p\nsteps:\n- step_id: a\n  ps_type: generic.wait\n" \
        "  config: {seconds: 1}\n"
    from flows.spec.loader import parse

    assert python(parse(as_json)) == python(parse(as_yaml))
