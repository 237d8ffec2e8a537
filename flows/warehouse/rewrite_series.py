"""Arrays of dates and times: GENERATE_DATE_ARRAY, GENERATE_TIMESTAMP_ARRAY."""

from __future__ import annotations

import re

from sqlglot import exp

from flows.warehouse.rewrite_time import DATE_UNITS, moment, unit
from flows.warehouse.trees import Rule, call, cast, invalid, refuse


def dates(node: exp.GenerateDateArray) -> exp.Expr:
    step = node.args.get("step")
    name, _ = unit(node, step.args.get("unit")) if isinstance(step, exp.Interval) else ("DAY", 0)
    count = step.this if isinstance(step, exp.Interval) else exp.Literal.number(1)
    down = isinstance(count, exp.Neg)
    count = count.this if down else count
    if isinstance(count, exp.Literal) and re.fullmatch("-?0+", count.name):
        raise invalid(node, "the step of an array is never 0")
    if name not in DATE_UNITS:
        raise invalid(node, f"GENERATE_DATE_ARRAY does not count in {name}")
    if not isinstance(count, exp.Literal) or not re.fullmatch(r"-?[1-9]\d*", count.name):
        raise refuse(node, "GENERATE_DATE_ARRAY takes a literal step here")
    steps = -int(count.name) if down else int(count.name)
    months, days = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}.get(name, 0) * steps, {"DAY": 1, "WEEK": 7}.get(name, 0) * steps
    start, end = (cast(moment(node.args[key], "DATE")[0], "DATE") for key in ("start", "end"))
    return call("bq_date_array", start, end, months, days)


def moments(node: exp.GenerateTimestampArray) -> exp.Expr:
    start, end = (cast(moment(node.args[key], "TIMESTAMP")[0], "TIMESTAMPTZ") for key in ("start", "end"))
    step = node.args["step"]
    name, _ = unit(node, step.args.get("unit"))
    count, sign = (step.this.this, -1) if isinstance(step.this, exp.Neg) else (step.this, 1)
    micros = {"MICROSECOND": 1, "MILLISECOND": 1000, "SECOND": 10 ** 6, "MINUTE": 6 * 10 ** 7, "HOUR": 36 * 10 ** 8, "DAY": 864 * 10 ** 8}
    if name not in micros:
        raise invalid(node, f"GENERATE_TIMESTAMP_ARRAY does not count in {name}")
    if not isinstance(count, exp.Literal) or not re.fullmatch(r"-?\d{1,7}", count.name):
        raise refuse(node, "GENERATE_TIMESTAMP_ARRAY takes a literal step here")
    if not int(count.name):
        raise invalid(node, "the step of an array is never 0")
    return call("bq_timestamp_array", start, end, sign * int(count.name) * micros[name])


RULES: dict[type[exp.Expr], Rule] = {exp.GenerateDateArray: dates, exp.GenerateTimestampArray: moments}
