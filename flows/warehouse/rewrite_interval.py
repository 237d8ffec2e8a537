"""Intervals: months, days and microseconds that do not mix. Source: BigQuery, "Data types", interval type, and interval functions."""

from __future__ import annotations

import re

from sqlglot import exp

from flows.warehouse.trees import Rule, call, cast, invalid, is_text, kind, refuse

MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
DAYS = {"DAY": 1, "WEEK": 7}
MICROS = {"MICROSECOND": 1, "MILLISECOND": 1000, "SECOND": 10 ** 6, "MINUTE": 6 * 10 ** 7, "HOUR": 36 * 10 ** 8}
PARTS = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")
HOLDERS = (exp.GenerateDateArray, exp.GenerateTimestampArray, exp.DateAdd, exp.DateSub)  # they read the interval themselves
_SHAPES = {"YEAR": r"([-+]?)(\d+)-(\d+)", "MONTH": r"([-+]?)()(\d+)", "DAY": r"([-+]?\d+)"}


def interval(node: exp.Interval) -> exp.Expr:
    """INTERVAL n part, and INTERVAL 'Y-M D H:M:S' part TO part."""
    unit = node.args.get("unit")
    if isinstance(node.parent, HOLDERS):
        return node
    if isinstance(unit, exp.IntervalSpan):
        return _made(*_span(node, unit))
    name = unit.name.upper() if unit is not None else ""
    value = node.this
    if is_text(value):
        if not re.fullmatch(r"[-+]?\d+", value.name):
            raise invalid(node, f"{value.name!r} is not a number of {name}")
        value = exp.Literal.number(int(value.name)) if int(value.name) >= 0 else exp.Neg(this=exp.Literal.number(-int(value.name)))
    elif kind(value) not in ("INT64", ""):
        raise invalid(node, f"an interval takes an INT64, not {kind(value)}")
    return _one(node, name, value)


def _one(node: exp.Expr, name: str, value: exp.Expr) -> exp.Expr:
    for units, function, to in ((MONTHS, "to_months", "INTEGER"), (DAYS, "to_days", "INTEGER"), (MICROS, "to_microseconds", "BIGINT")):
        if name in units:
            size = cast(exp.Literal.number(units[name]), "BIGINT")
            return call(function, cast(exp.paren(exp.Mul(this=cast(value.copy(), "BIGINT"), expression=size)), to))
    raise refuse(node, f"an interval of {name} is not offered by the local warehouse")


def _span(node: exp.Interval, unit: exp.IntervalSpan) -> tuple[int, int, int]:
    """(months, days, microseconds) of a text with several parts."""
    first, last = (unit.args[key].name.upper() for key in ("this", "expression"))
    text = node.this.name if is_text(node.this) else ""
    if first not in PARTS or last not in PARTS or PARTS.index(first) >= PARTS.index(last):
        raise invalid(node, f"INTERVAL {first} TO {last} does not exist")
    asked = PARTS[PARTS.index(first):PARTS.index(last) + 1]
    patterns = []
    if "MONTH" in asked:
        patterns.append(r"(?P<ms>[-+]?)(?:(?P<y>\d+)-)?(?P<mo>\d+)" if "YEAR" in asked else r"(?P<ms>[-+]?)(?P<mo>\d+)")
    if "DAY" in asked:
        patterns.append(r"(?P<d>[-+]?\d+)")
    clock = [part for part in asked if part in ("HOUR", "MINUTE", "SECOND")]
    if clock:
        pieces = {"HOUR": r"(?P<h>\d+)", "MINUTE": r"(?P<mi>\d+)", "SECOND": r"(?P<s>\d+)(?:\.(?P<f>\d{1,6}))?"}
        patterns.append(r"(?P<ts>[-+]?)" + ":".join(pieces[part] for part in clock))
    found = re.fullmatch(" ".join(patterns), text)
    if found is None or (first == "YEAR" and found["y"] is None):
        raise invalid(node, f"{text!r} is not an INTERVAL {first} TO {last}")
    given = {name: value or "0" for name, value in found.groupdict().items()}
    months = int(given.get("y", 0)) * 12 + int(given.get("mo", 0))
    micros = (int(given.get("h", 0)) * 3600 + int(given.get("mi", 0)) * 60 + int(given.get("s", 0))) * 10 ** 6
    micros += int((found.groupdict().get("f") or "0").ljust(6, "0"))
    return (-months if given.get("ms") == "-" else months, int(given.get("d", 0)), -micros if given.get("ts") == "-" else micros)


def _made(months: int, days: int, micros: int) -> exp.Expr:
    made: exp.Expr = exp.Add(this=call("to_months", exp.Literal.number(months)), expression=call("to_days", exp.Literal.number(days)))
    return exp.paren(exp.Add(this=made, expression=call("to_microseconds", exp.Literal.number(micros))))


def make(node: exp.MakeInterval) -> exp.Expr:
    made: exp.Expr | None = None
    for part in PARTS:
        value = node.args.get(part.lower())
        if isinstance(value, exp.Kwarg):
            value = value.expression
        if value is None:
            continue
        if kind(value) not in ("INT64", ""):
            raise invalid(node, f"MAKE_INTERVAL takes INT64, not {kind(value)}")
        one = _one(node, part, value)
        made = one if made is None else exp.Add(this=made, expression=one)
    return exp.paren(made) if made is not None else _made(0, 0, 0)


def justify(node: exp.JustifyDays | exp.JustifyHours | exp.JustifyInterval) -> exp.Expr:
    value = node.this.copy()
    if kind(node.this) not in ("INTERVAL", ""):
        raise invalid(node, f"{node.key.upper()} takes an INTERVAL, not {kind(node.this)}")
    if not isinstance(node, exp.JustifyDays):
        value = call("bq_justify_hours", value)
    return call("bq_justify_days", value) if not isinstance(node, exp.JustifyHours) else value


def part_of(node: exp.Extract) -> exp.Expr:
    """EXTRACT from an INTERVAL."""
    name, value = node.this.name.upper(), node.expression
    if name in ("YEAR", "MONTH"):
        return call("bq_interval_months", value.copy(), 12 if name == "YEAR" else 0)
    if name == "DAY":
        return call("datepart", "day", value.copy())
    sizes = {"HOUR": (3_600_000_000, 0), "MINUTE": (60_000_000, 60), "SECOND": (1_000_000, 60), "MILLISECOND": (1000, 1000),
             "MICROSECOND": (1, 1_000_000)}
    if name not in sizes:
        raise invalid(node, f"an INTERVAL has no {name}")
    size, most = sizes[name]
    whole: exp.Expr = exp.IntDiv(this=call("bq_interval_us", value.copy()), expression=exp.Literal.number(size))
    return cast(exp.paren(exp.Mod(this=exp.paren(whole), expression=exp.Literal.number(most)) if most else whole), "BIGINT")


def between(node: exp.Sub, is_a: str) -> exp.Expr:
    """The INTERVAL from one value to another: days of DATEs, hours and less of the others."""
    if is_a == "TIME":
        raise refuse(node, "TIME - TIME is not offered by the local warehouse", "Use TIME_DIFF")
    if is_a == "DATE":
        days = exp.Sub(this=exp.paren(node.this.copy()), expression=exp.paren(node.expression.copy()))
        made = call("to_days", cast(exp.paren(days), "INTEGER"))
    else:
        sides = [call("epoch_us", side.copy()) for side in (node.this, node.expression)]
        made = call("to_microseconds", exp.paren(exp.Sub(this=sides[0], expression=sides[1])))
    made.type = exp.DataType.build("INTERVAL")
    return made


RULES: dict[type[exp.Expr], Rule] = {
    exp.Interval: interval, exp.MakeInterval: make, **dict.fromkeys((exp.JustifyDays, exp.JustifyHours, exp.JustifyInterval), justify),
}
