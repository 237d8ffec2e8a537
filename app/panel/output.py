"""Rows out: what a run that went well left in its tables and files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.door import service
from app.panel.book import Book
from app.panel.words import target
from app.parts.escape import code
from app.parts.rows import rows_table
from app.talk.words import problem
from flows.errors import PenstockError
from flows.show.outline import steps_of
from flows.show.units import count, rows
from flows.spec.model import FlowSpec
from flows.spec.template import resolve, run_values

FIRST = 10
TABLES = ("bigquery", "duckdb")


@dataclass(frozen=True)
class Shown:
    """A column as the table of rows needs it."""

    name: str
    type: str


def output(seen: Book, *, key: str) -> None:
    """For each step that wrote: where to, how many rows, and the first rows of a table of the warehouse."""
    wrote = [step for step in steps_of(_filled(seen)) if target(step) and (seen.step(step["step_id"]) or {}).get("status") == "SUCCESS"]
    if not wrote:
        return
    st.markdown("**Rows out**")
    for step in wrote:
        name, done = target(step), seen.step(step["step_id"]) or {}
        number = f": {rows(done['rows_processed'])} written" if done.get("rows_processed") is not None else ""
        if step["destination"].get("engine", "bigquery") not in TABLES:
            st.markdown(f"{code(name)}{number}.")
            continue
        try:
            columns, table, total = first(seen.run.run_id, name)
        except PenstockError as error:
            st.markdown(f"{code(name)}{number}. {problem(error)}")
            continue
        st.markdown(f"{code(name)}{number}. The table has {rows(total)} now"
                    + (f"; the first {count(len(table))}:" if len(table) < total else ":" if total else "."))
        if table:
            rows_table(columns, table, key=f"{key}_out_{step['step_id']}")


def written(seen: Book) -> list[dict[str, Any]]:
    """The steps that wrote a table of the warehouse, with its name as it was in this run."""
    return [step for step in steps_of(_filled(seen)) if target(step) and (seen.step(step["step_id"]) or {}).get("status") == "SUCCESS"
            and step["destination"].get("engine", "bigquery") in TABLES]


def first(run_id: str, name: str) -> tuple[list[Shown], list[dict[str, Any]], int]:
    """Columns and first rows of a table, and how many rows there are; not read again while the page is looked at. Raises PenstockError."""
    asked = service().identity
    asked.must("editor", "read rows")  # also those that somebody else of the tenant has just read
    return _first(asked.tenant_id, run_id, name)


@st.cache_data(show_spinner=False, max_entries=64, ttl=300)
def _first(tenant: str, run_id: str, name: str) -> tuple[list[Shown], list[dict[str, Any]], int]:
    table, total = service().table(name, limit=FIRST)
    return [Shown(each.name, _kind(str(each.type))) for each in table.schema], table.to_pylist(), total


def _kind(arrow: str) -> str:
    """How a column of this Arrow type is laid out."""
    return "INT64" if arrow.startswith(("int", "uint")) else "FLOAT64" if arrow in ("double", "float") else \
        "NUMERIC" if arrow.startswith("decimal") else "STRING"


def _filled(seen: Book) -> Any:
    """The spec with the values of this run, so that a table's name is the one that was written."""
    spec = FlowSpec.model_validate(seen.run.spec)
    given = {"run_date": seen.run.run_date, **seen.run.params}
    try:
        return resolve(spec, run_values(spec, given, tenant_id=service().tenant, run_id=seen.run.run_id))
    except PenstockError:
        return spec
