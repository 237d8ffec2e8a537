"""A step as people see it: its icon and colour, and one sentence that says what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flows.show.outline import Drawn, steps_of
from flows.show.phrases import listed, one, operation, short, where
from flows.spec.model import Step

KINDS = {
    "generic.extract": ("download", "blue"), "generic.transform": ("tune", "violet"), "generic.sql": ("code", "violet"),
    "generic.quality_check": ("fact_check", "orange"), "generic.load": ("database", "green"), "generic.export": ("description", "green"),
    "generic.procedure_executor": ("terminal", "gray"), "generic.wait": ("hourglass_top", "gray"),
    "cloud.focus_converter": ("payments", "blue"), "aws.s3_to_bigquery": ("cloud_download", "blue"),
    "gcp.bigquery_to_bigquery": ("content_copy", "green"), "customer.onboarding": ("person_add", "gray"),
    "shared.email_notification": ("mail", "gray"), "shared.slack_notification": ("chat", "gray"),
}
_SAME = ("filter", "top", "deduplicate", "sort", "limit", "fill", "mask", "select", "rename", "derive", "window", "flag_anomalies", "join",
         "convert_currency")  # what is a list of orders before is one after
_FAILS = {"quarantine": "rows that do not pass are set aside", "warn": "what does not pass is a warning"}
Block = Mapping[str, Any]


def kind(ps_type: str) -> tuple[str, str]:
    """Icon (a name of Material Symbols that `flows.show.icons` can draw) and colour of a kind of step."""
    return KINDS.get(ps_type, ("extension", "gray"))


def sentence(step: str | Step | Mapping[str, Any], spec: Drawn) -> str:
    """One plain sentence: `Keeps orders with status paid.` Texts in it are data: escape them for where they are shown.

    `step` is a step or its step_id; a draft may hold `?`. Raises KeyError for a step_id that is not in the spec.
    """
    steps = {s["step_id"]: s for s in steps_of(spec)}
    if isinstance(step, str):
        step = steps[step]
    given: Mapping[str, Any] = step.model_dump(exclude_unset=True) if isinstance(step, Step) else step
    say = _SAYS.get(str(given.get("ps_type")))
    said = say(given, steps) if say else f"does {one(given.get('ps_type'))}"
    return said[:1].upper() + said[1:] + "."


def about(name: Any, steps: Mapping[str, Mapping[str, Any]], depth: int = 20) -> str:
    """What the rows of a step or table are: `orders`; `rows` when that is not one thing any more."""
    if not isinstance(name, str) or not name or name == "?":
        return "rows"
    step = steps.get(name)
    if step is None:
        return name.rpartition(".")[2]
    source, config = _block(step, "source"), _block(step, "config")
    if step.get("ps_type") == "generic.extract":
        return about(source.get("table"), {}) if source.get("table") else "rows"
    operations = config.get("operations")
    same = step.get("ps_type") == "generic.quality_check" or (step.get("ps_type") == "generic.transform" and isinstance(operations, list)
                                                              and all(isinstance(o, Mapping) and o.get("op") in _SAME for o in operations))
    return about(_first(config), steps, depth - 1) if same and depth else "rows"


def _block(step: Mapping[str, Any], name: str) -> Block:
    found = step.get(name)
    return found if isinstance(found, Mapping) else {}


def _first(config: Block) -> Any:
    inputs = config.get("inputs")
    return config.get("input") or (inputs[0] if isinstance(inputs, list) and inputs else None)


def _extract(step: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> str:
    source = _block(step, "source")
    kinds = (("table", "the table "), ("path", "the file "), ("endpoint", "the endpoint "), ("query", "the rows of the query "))
    what = next((f"{words}{short(one(source[key]))}" for key, words in kinds if key in source), "a source that is still asked")
    place = f" from {source['connection']}" if source.get("connection") else ""
    only = f", only {listed(source['columns'])}" if source.get("columns") else ""
    rows = f", only rows{where(source['filter'])}" if source.get("filter") else ""
    since = _block(source, "incremental")
    new = f", only what is new by {one(since.get('column'))}" if since else ""
    return f"reads {what}{place}{only}{rows}{new}"


def _transform(step: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> str:
    config = _block(step, "config")
    found = config.get("operations")
    operations, what, said = found if isinstance(found, list) else [], about(_first(config), steps), []
    for each in operations:
        if isinstance(each, Mapping) and isinstance(each.get("with"), str) and about(each["with"], steps) != "rows":
            each = {**each, "with": about(each["with"], steps)}
        said.append(operation(each, what))
        if not (isinstance(each, Mapping) and each.get("op") in _SAME):
            what = "rows"
    if not said:
        return f"passes {what} on"
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])}, then {said[-1]}" if len(said) > 2 else f"{said[0]}, then {said[1]}"


def _sql(step: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> str:
    inputs = _block(step, "config").get("inputs")
    return "runs a query" + (f" on {listed(inputs)}" if inputs else "")


def _quality(step: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> str:
    config = _block(step, "config")
    found = config.get("checks")
    checks = [c for c in found if isinstance(c, Mapping)] if isinstance(found, list) else []
    said = [_check(check) for check in checks]
    fails = [_FAILS[on] for on in dict.fromkeys(str(c.get("on_fail")) for c in checks) if on in _FAILS]
    what = about(_first(config), steps)
    return f"checks {what}: {listed(said)}" + (f"; {' and '.join(fails)}" if fails else "") if said else f"checks {what}"


def _check(check: Mapping[str, Any]) -> str:
    what = listed(check.get("columns") or check.get("column")) if check.get("columns") or check.get("column") else "the rows"
    low, high = check.get("min"), check.get("max")
    ends = " and ".join(filter(None, (f"at least {low}" if low is not None else "", f"at most {high}" if high is not None else "")))
    says = {"not_null": f"{what} is never empty", "unique": f"{what} is unique", "positive": f"{what} is positive",
            "between": f"{what} is {ends}", "accepted": f"{what} is one of {listed(check.get('values'))}",
            "matches": f"{what} has the form {one(check.get('pattern'))}", "foreign_key": f"{what} is in {one(check.get('table'))}",
            "row_count": f"there are {ends} rows", "freshness": f"{what} is not older than {one(check.get('max_age'))}",
            "expression": short(one(check.get("expression")))}
    return says.get(str(check.get("check")), one(check.get("check")))


def _load(step: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> str:
    return _written(step, about(_first(_block(step, "config")), steps))


def _written(step: Mapping[str, Any], what: str) -> str:
    """How its destination takes the rows: `adds orders to mart.orders`."""
    to = _block(step, "destination")
    where_to = one(to.get("table") or to.get("path"))
    engine = f" on {to['engine']}" if to.get("engine") else ""
    part = one(to.get("partition_by")) if to.get("partition_by") else "partition"
    ways = {"append": f"adds {what} to {where_to}{engine}", "merge": f"updates {where_to}{engine} with {what}"
            + (f" by {listed(to['keys'])}" if to.get("keys") else ""),
            "replace_partition": f"replaces the same {part} in {where_to}{engine} with {what}"}
    return ways.get(str(to.get("mode")), f"replaces {where_to}{engine} with {what}")


def _export(step: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> str:
    to = _block(step, "destination")
    names = {"excel": "Excel", "csv": "CSV", "parquet": "Parquet", "json": "JSON"}
    what = about(_first(_block(step, "config")), steps)
    return f"writes {what} to the {names.get(str(to.get('engine')), one(to.get('engine')))} file {one(to.get('path'))}"


def _wait(step: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> str:
    config = _block(step, "config")
    until = _block(config, "until")
    if until.get("file"):
        return f"waits until the file {one(until['file'])} is there"
    if until.get("table"):
        return f"waits until {one(until['table'])} has a row" + (where(until["condition"]) if until.get("condition") else "")
    if until.get("url"):
        return f"waits until {one(until['url'])} answers"
    return f"waits {one(config.get('seconds'))} seconds"


def _procedure(step: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> str:
    return f"calls the procedure {one(_block(step, 'config').get('procedure'))}"


def _focus(step: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> str:
    config = _block(step, "config")
    version = f" {config['version']}" if config.get("version") else ""
    return f"converts the {one(config.get('provider'))} bill to FOCUS{version}"


def _copy(step: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> str:
    table = _block(step, "source").get("table")
    return _written(step, one(table) if table else "the rows of a query")


def _bucket(step: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> str:
    return _written(step, f"the files {one(_block(step, 'source').get('path'))}")


def _mail(step: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> str:
    return f"sends an e-mail to {listed(_block(step, 'config').get('to'))}"


def _post(step: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> str:
    channel = _block(step, "config").get("channel")
    return f"posts to {one(channel)} on Slack" if channel else "posts to Slack"


def _onboard(step: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> str:
    return "makes the tenant's datasets, run book, procedures and limits"


_SAYS: dict[str, Callable[[Mapping[str, Any], Mapping[str, Mapping[str, Any]]], str]] = {
    "generic.extract": _extract, "generic.transform": _transform, "generic.sql": _sql, "generic.quality_check": _quality,
    "generic.load": _load, "generic.export": _export, "generic.wait": _wait, "generic.procedure_executor": _procedure,
    "cloud.focus_converter": _focus, "aws.s3_to_bigquery": _bucket, "gcp.bigquery_to_bigquery": _copy, "customer.onboarding": _onboard,
    "shared.email_notification": _mail, "shared.slack_notification": _post,
}
