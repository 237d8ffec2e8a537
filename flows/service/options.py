"""What the options of a generated pipeline do to its spec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flows.spec.loader import from_data
from flows.spec.model import FlowSpec

if TYPE_CHECKING:
    from flows.warehouse.base import Column

    Columns = Mapping[str, tuple[Column, ...] | None]
    Judge = Callable[[FlowSpec], Columns | None]
    """The columns that each step of a spec gives, None for one that does not hold."""

RETRY = {"max_attempts": 3, "backoff_seconds": 10}
TIMEOUT_MINUTES = 30
MOST_COLUMNS = 200  # of all tables together, that are tried
WAREHOUSE = ("bigquery", "duckdb", "warehouse", "")
# what gives the same rows whatever other columns there are: nothing here breaks ties by them, counts them or turns them
PLAIN_OPS = ("filter", "join", "select", "rename", "derive", "aggregate", "fill", "mask", "convert_currency")
PLAIN_MEASURES = ("sum", "avg", "count", "count_distinct", "min", "max", "median", "ratio")
PLAIN_STEPS = ("generic.extract", "generic.transform", "generic.load", "generic.export", "generic.quality_check")
WRITERS = ("generic.load", "generic.export", "generic.quality_check")


def handled(spec: FlowSpec) -> FlowSpec:
    """With three tries for passing errors and half an hour for each step, wherever the spec says nothing."""
    data = spec.as_dict()
    defaults = dict(data.get("defaults") or {})
    defaults.setdefault("retry", dict(RETRY))
    if not {"timeout_seconds", "timeout_minutes"} & set(defaults):
        defaults["timeout_minutes"] = TIMEOUT_MINUTES
    return _with(data, "defaults", defaults)


def watched(spec: FlowSpec, notify: str = "") -> FlowSpec:
    """With a check beside each load that warns when nothing came, or a key is empty or there twice; and `notify` told of a failure."""
    data = spec.as_dict()
    if notify:
        told = {"channel": "email" if "@" in notify else "slack", "target": notify, "on": ["failure"]}
        data = _with(data, "notify", [*data.get("notify", []), told]).as_dict()
    names = {step["step_id"] for step in data["steps"]}
    for step in list(data["steps"]):
        rows, name = (step.get("config") or {}).get("input"), f"check_{step['step_id']}"
        if step["ps_type"] != "generic.load" or rows not in names or name in names:
            continue
        checks: list[dict[str, Any]] = [{"check": "row_count", "min": 1, "on_fail": "warn"}]
        if keys := (step.get("destination") or {}).get("keys"):
            checks += [{"check": "not_null", "columns": keys, "on_fail": "warn"}, {"check": "unique", "columns": keys, "on_fail": "warn"}]
        data["steps"].append({"step_id": name, "name": f"Watch {step.get('name') or step['step_id']}", "ps_type": "generic.quality_check",
                              "depends_on": [rows], "continue_on_error": True, "config": {"input": rows, "checks": checks}})
    return from_data(data)


def qualified(spec: FlowSpec, project: str) -> FlowSpec:
    """With the project in front of every table of the warehouse that is written."""
    data = spec.as_dict()
    for step in data["steps"]:
        block = step.get("destination") or {}
        table = block.get("table")
        if block.get("engine", "") in WAREHOUSE and isinstance(table, str) and table.count(".") == 1:
            block["table"] = f"{project}.{table}"
    return from_data(data)


def narrowed(spec: FlowSpec, judge: Judge) -> FlowSpec:
    """With only the columns read that something uses; the rows that are written are the same.

    A column is unused when the spec holds without it and every step that writes or judges rows gets the same columns. Not touched is a
    spec in which other columns could change the rows (ties, duplicates, SQL), and a column that two tables have.
    """
    before = judge(spec) if _plain(spec) else None
    if before is None:
        return spec
    wanted = _written(spec, before)
    read = {step.step_id: [column.name for column in before.get(step.step_id) or ()] for step in spec.steps
            if step.ps_type == "generic.extract" and (step.source or {}).get("table") and "columns" not in (step.source or {})}
    every = [name.lower() for names in _all_read(spec, before) for name in names]
    if None in wanted or len(every) > MOST_COLUMNS:
        return spec

    def holds(kept: Mapping[str, list[str]]) -> bool:
        tried = _reading(spec, kept)
        after = judge(tried)
        return after is not None and _written(tried, after) == wanted

    kept = {}
    for step_id, names in read.items():
        alone = [name for name in names if every.count(name.lower()) == 1]
        unused = {name for name in alone if len(names) > 1 and holds({step_id: [each for each in names if each != name]})}
        if unused and len(unused) < len(names):
            kept[step_id] = [name for name in names if name not in unused]
    return _reading(spec, kept) if kept and holds(kept) else spec


def _plain(spec: FlowSpec) -> bool:
    for step in spec.steps:
        operations = (step.config or {}).get("operations") or []
        if step.ps_type not in PLAIN_STEPS or not all(_plain_operation(each) for each in operations):
            return False
    return True


def _plain_operation(operation: Any) -> bool:
    measures = operation.get("measures") or []
    return operation.get("op") in PLAIN_OPS and all(measure.get("fn") in PLAIN_MEASURES for measure in measures)


def _written(spec: FlowSpec, columns: Columns) -> list[tuple[Column, ...] | None]:
    """What arrives at each step that writes or judges rows."""
    return [columns.get(str((step.config or {}).get("input"))) for step in spec.steps if step.ps_type in WRITERS]


def _all_read(spec: FlowSpec, columns: Columns) -> list[list[str]]:
    return [[column.name for column in columns.get(step.step_id) or ()] for step in spec.steps if step.ps_type == "generic.extract"]


def _reading(spec: FlowSpec, kept: Mapping[str, list[str]]) -> FlowSpec:
    data = spec.as_dict()
    for step in data["steps"]:
        if step["step_id"] in kept:
            step["source"]["columns"] = list(kept[step["step_id"]])
    return from_data(data)


def _with(data: dict[str, Any], name: str, value: Any) -> FlowSpec:
    """The spec with a part in the place that the contract gives it."""
    parts = {**data, name: value}
    return from_data({field: parts[field] for field in FlowSpec.model_fields if field in parts})
