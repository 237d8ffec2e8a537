"""Promises of the JSON Schema: it is the model's, it is shipped, and it says no where the loader does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from flows.checks.schema import FILE, full_schema
from flows.spec.schema import json_schema


def spec(**step: Any) -> dict[str, Any]:
    return {"pipeline_id": "p", "steps": [{"step_id": "a", "ps_type": "generic.extract", "source": {"table": "t"}, **step}]}


def test_the_shipped_schema_is_what_is_generated() -> None:
    """After a change: python -c "from flows.checks.schema import write; write()"."""
    assert json.loads(FILE.read_text(encoding="utf-8")) == full_schema()


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(full_schema())
    assert set(json_schema()["properties"]) >= {"pipeline_id", "steps", "schedule", "notify", "parameters"}


@pytest.mark.parametrize("data", [
    spec(), spec(source={"table": "t", "filter": {"column": "a", "is": "=", "value": 1}}),
    spec(ps_type="generic.transform", source=None, config={"inputs": ["a"], "operations": [{"op": "limit", "n": "{n}"}]}),
    spec(ps_type="acme.thing", source={"anything": 1}),
    spec(depends_on=[], retry={"max_attempts": 4}, trigger="always")])
def test_good_specs_pass(data: dict[str, Any]) -> None:
    assert [e.message for e in Draft202012Validator(full_schema()).iter_errors(data)] == []


@pytest.mark.parametrize("data", [
    {"pipeline_id": "p"}, {"pipeline_id": "p", "steps": []}, spec(source={"tabel": "t"}), spec(trigger="never"), spec(colour="red"),
    spec(source=None), spec(destination={"table": "t"}), spec(ps_type="generic.load", config={"input": "a"}, source=None),
    spec(ps_type="generic.transform", source=None, config={"inputs": ["a"], "operations": [{"op": "filtr"}]}),
    spec(ps_type="generic.transform", source=None, config={"inputs": ["a"], "operations": [{"op": "limit", "n": "many"}]}),
    spec(retry={"max_attempts": 0})])
def test_bad_specs_do_not(data: dict[str, Any]) -> None:
    assert list(Draft202012Validator(full_schema()).iter_errors(data))
