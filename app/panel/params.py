"""The parameters of a pipeline as a form: one typed field each, filled with what holds when nobody says anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import streamlit as st

from app.door import service
from app.parts.escape import plain
from flows.errors import PenstockError
from flows.spec.template import builtins, typed_params

RUN_DATE = {"name": "run_date", "type": "date", "default": "{run_date}", "description": "The day that this run is for"}


def form(spec: Mapping[str, Any], *, key: str, label: str, icon: str, submit: Callable[[dict[str, str]], None]) -> None:
    """Ask for the parameters of one run, the run date among them; `submit` gets them as text, those left empty are not in it."""
    fields = list(spec.get("parameters") or [])
    if all(each.get("name") != "run_date" for each in fields):
        fields.append(RUN_DATE)
    usual = defaults(spec, fields)
    with st.form(f"{key}_form", border=False):
        for each in fields:
            field(each, usual.get(each["name"]), f"{key}_param_{each['name']}")
        st.form_submit_button(label, type="primary" if key == "run" else "secondary", icon=f":material/{icon}:", key=f"{key}_submit",
                              on_click=lambda: submit(given(fields, key)))


def defaults(spec: Mapping[str, Any], fields: list[dict[str, Any]]) -> dict[str, Any]:
    """What each parameter is when nobody says it; what cannot be known stays empty."""
    known = builtins(tenant_id=service().tenant, pipeline_id=str(spec.get("pipeline_id", "")))
    found: dict[str, Any] = {}
    for each in fields:
        if each.get("default") is None:
            continue
        try:
            alone = service().source({"pipeline_id": "form", "variables": spec.get("variables") or {}, "parameters": [each],
                                      "steps": [{"step_id": "a", "ps_type": "generic.wait"}]}).spec
            found |= typed_params(alone, {}, known)
        except PenstockError:
            continue  # the field is empty then, and the start says what is wrong
    return found


def field(param: Mapping[str, Any], value: Any, key: str) -> None:
    """One typed field; its value stands under `key`."""
    kind, label = param.get("type", "string"), plain(str(param["name"]).replace("_", " ").capitalize())
    tip = plain(param["description"]) if param.get("description") else None
    if kind == "date":
        st.date_input(label, value=date.fromisoformat(value) if value else None, key=key, help=tip, format="YYYY-MM-DD")
    elif kind == "boolean":
        st.checkbox(label, value=bool(value), key=key, help=tip)
    elif kind == "integer":
        st.number_input(label, value=int(value) if value is not None else None, step=1, key=key, help=tip)
    elif kind == "number":
        st.number_input(label, value=float(value) if value is not None else None, key=key, help=tip)
    elif kind == "timestamp":
        at = datetime.fromisoformat(str(value).replace("Z", "+00:00")).astimezone(UTC).replace(tzinfo=None) if value else None
        st.datetime_input(f"{label} \\(UTC\\)", value=at, key=key, help=tip, format="YYYY-MM-DD")
    else:
        st.text_input(label, value="" if value is None else str(value), key=key, help=tip)


def given(fields: list[dict[str, Any]], key: str) -> dict[str, str]:
    """What stands in the fields, as the text that a run is given."""
    found: dict[str, str] = {}
    for each in fields:
        value = st.session_state.get(f"{key}_param_{each['name']}")
        if isinstance(value, datetime):
            found[each["name"]] = value.replace(tzinfo=UTC).isoformat()
        elif value is not None and value != "":
            found[each["name"]] = str(value).lower() if isinstance(value, bool) else str(value)
    return found
