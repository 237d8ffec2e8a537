"""Dates and times in expressions: a DATE stays a DATE, weeks start where BigQuery says, zones are UTC."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from sqlglot import exp

from flows.transform.casts import between_moments
from flows.transform.frame import cast
from flows.transform.functions import arguments
from flows.transform.literals import moment
from flows.transform.scalars import Reader, Typed, call, coerced, guarded, known, naive, zoned

DAYS = ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR")
TIMES = ("MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR")
CUTS = (*DAYS, "ISOWEEK", "WEEK(MONDAY)", "WEEK(SUNDAY)")
FORMATS = set("YymdHIMSpjbBaATUuwGV%")
PARTS = {"DAYOFWEEK": "DAYOFWEEK", "DAYOFYEAR": "DAYOFYEAR", "ISOWEEK": "WEEK", "ISOYEAR": "ISOYEAR", "YEAR": "YEAR", "QUARTER": "QUARTER",
         "MONTH": "MONTH", "DAY": "DAY", "HOUR": "HOUR", "MINUTE": "MINUTE", "SECOND": "SECOND"}
_UNITS = {"DAY": "TO_DAYS", "WEEK": "TO_WEEKS", "MONTH": "TO_MONTHS", "YEAR": "TO_YEARS", "HOUR": "TO_HOURS", "MINUTE": "TO_MINUTES",
          "SECOND": "TO_SECONDS", "MILLISECOND": "TO_MILLISECONDS", "MICROSECOND": "TO_MICROSECONDS"}


def _unit(node: exp.Expr, reader: Reader, allowed: tuple[str, ...], default: str = "") -> str:
    unit = node.args.get("unit")
    name = (unit.name if isinstance(unit, exp.Literal | exp.Var) else unit.sql("bigquery") if unit is not None else default).upper()
    if name not in allowed:
        reader.refuse(f"the unit {name[:40]} is not offered here", f"Use one of {', '.join(allowed)}")
    return name


def _moment(node: Any, key: str, types: tuple[str, ...], reader: Reader) -> Typed:
    part = known(reader.read(node.args[key]), types[0], reader)
    if part.type == "STRING" and part.value is not None:
        part = coerced(part, types[0], reader)
    if part.type not in types:
        reader.refuse(f"{node.sql_name()} needs {' or '.join(types)}, not {part.type}", f"Write CAST(... AS {types[0]})")
    return part


def _count(node: Any, reader: Reader) -> Typed:
    given = node.expression
    if isinstance(given, exp.Literal) and given.is_string and re.fullmatch(r"[+-]?\d{1,9}", given.name):
        number = int(given.name)
        tree: exp.Expr = exp.Literal.number(abs(number))
        return Typed(exp.Neg(this=tree) if number < 0 else tree, "INT64", number)
    part = known(reader.read(given), "INT64", reader)
    if part.type != "INT64":
        reader.refuse(f"INTERVAL needs a whole number, not {part.type}")
    return part


def _shift(type_: str, sign: type[exp.Binary], units: tuple[str, ...]) -> Callable[[Any, Reader], Typed]:
    def rule(node: Any, reader: Reader) -> Typed:
        part, count, unit = _moment(node, "this", (type_,), reader), _count(node, reader), _unit(node, reader, units, "DAY")
        if not reader.duck:
            return Typed(type(node)(this=part.tree, expression=count.tree, unit=exp.var(unit)), type_)
        number = cast(count.tree, "INT64", "duckdb")
        if unit == "QUARTER":
            unit, number = "MONTH", exp.Mul(this=number, expression=exp.Literal.number(3))
        if unit in ("DAY", "WEEK", "MONTH", "YEAR"):
            number = exp.Cast(this=number, to=exp.DataType.build("INT"))
        tree = sign(this=part.tree, expression=call(_UNITS[unit], number))
        return Typed(in_calendar(cast(tree, type_, "duckdb"), type_), type_)

    return rule


def in_calendar(tree: exp.Expr, type_: str) -> exp.Expr:
    """The years 1 to 9999, beyond which BigQuery ends the query and DuckDB goes on. Source: BigQuery, "Data types", DATE."""
    first, after = (moment(day, type_, "duckdb") for day in (date(1, 1, 1), date(9999, 12, 31)))
    if type_ != "DATE":
        after = moment(datetime(9999, 12, 31, 23, 59, 59, 999999), type_, "duckdb")
    outside = exp.Not(this=exp.Between(this=tree.copy(), low=first, high=after))
    return guarded(outside, f"a {type_} is outside the years 1 to 9999", tree)


def cut(tree: exp.Expr, unit: str, type_: str) -> exp.Expr:
    """DuckDB's date_trunc; its week starts on Monday, BigQuery's WEEK on Sunday."""
    if type_ == "TIMESTAMP":
        return zoned(cut(naive(tree), unit, "DATETIME"))
    if unit in ("WEEK", "WEEK(SUNDAY)"):
        ahead = exp.paren(exp.Add(this=tree, expression=call("TO_DAYS", 1)), copy=False)
        found: exp.Expr = exp.paren(exp.Sub(this=call("DATE_TRUNC", "week", ahead), expression=call("TO_DAYS", 1)), copy=False)
    else:
        found = call("DATE_TRUNC", "week" if unit in ("ISOWEEK", "WEEK(MONDAY)") else unit.lower(), tree)
    return cast(found, type_, "duckdb")


def _trunc(types: tuple[str, ...]) -> Callable[[Any, Reader], Typed]:
    def rule(node: Any, reader: Reader) -> Typed:
        if node.args.get("zone") is not None:
            reader.refuse("a time zone is not offered here; days are UTC days")
        part = _moment(node, "this", types, reader)
        type_ = part.type
        unit = _unit(node, reader, CUTS if type_ == "DATE" else (*TIMES, *CUTS))
        if reader.duck:
            made = cut(part.tree, unit, type_)  # the first Sunday is before the calendar
            return Typed(in_calendar(made, type_) if unit in ("WEEK", "WEEK(SUNDAY)") else made, type_)
        word = exp.var("DAY") if unit == "DAY" else exp.var(unit)
        return Typed(call(f"{type_}_TRUNC", part.tree, word), type_)

    return rule


def _between(type_: str, units: tuple[str, ...]) -> Callable[[Any, Reader], Typed]:
    """DATE_DIFF and DATETIME_DIFF count the borders between; TIMESTAMP_DIFF counts whole units."""

    def rule(node: Any, reader: Reader) -> Typed:
        a, b = _moment(node, "this", (type_,), reader), _moment(node, "expression", (type_,), reader)
        unit = _unit(node, reader, units, "DAY")
        if not reader.duck:
            return Typed(call(f"{type_}_DIFF", a.tree, b.tree, exp.var(unit)), "INT64")
        if "WEEK" in unit:
            days = call("DATE_DIFF", "day", cut(b.tree, unit, type_), cut(a.tree, unit, type_))
            return Typed(exp.paren(call("DIVIDE", days, 7)), "INT64")
        if type_ == "TIMESTAMP":
            return Typed(call("DATE_SUB", unit.lower(), naive(b.tree), naive(a.tree)), "INT64")
        return Typed(call("DATE_DIFF", unit.lower(), b.tree, a.tree), "INT64")

    return rule


def _extract(node: exp.Extract, reader: Reader) -> Typed:
    part_name = node.this.sql("bigquery").upper()
    part = _moment(node, "expression", ("DATE", "TIMESTAMP", "DATETIME", "TIME"), reader)
    if reader.duck and part.type == "TIMESTAMP":
        part = Typed(naive(part.tree), "DATETIME")
    if part_name == "DATE" and part.type in ("TIMESTAMP", "DATETIME"):
        return Typed(cast(part.tree, "DATE", "duckdb") if reader.duck else call("DATE", part.tree), "DATE")
    clock = part_name in ("HOUR", "MINUTE", "SECOND")
    if part_name not in (*PARTS, "WEEK") or (part.type == "DATE" and clock) or (part.type == "TIME" and not clock):
        reader.refuse(f"EXTRACT({part_name[:40]} FROM {part.type}) is not offered here", f"Use one of {', '.join([*PARTS, 'WEEK'])}")
    if not reader.duck:
        return Typed(exp.Extract(this=exp.var(part_name), expression=part.tree), "INT64")
    if part_name == "WEEK":
        return Typed(cast(call("STRFTIME", part.tree, "%U"), "INT64", "duckdb"), "INT64")
    tree = call(PARTS[part_name], part.tree)
    if part_name == "DAYOFWEEK":  # Sunday is 1 on BigQuery, 0 here
        tree = exp.paren(exp.Add(this=tree, expression=exp.Literal.number(1)), copy=False)
    return Typed(tree, "INT64")


def _format(node: Any, reader: Reader, *, reads: bool = False) -> str:
    """The format, in elements that both engines know and read the same way."""
    given = reader.read(node.args["format"])
    if not isinstance(given.value, str):
        reader.refuse("a format is written out, like '%Y-%m-%d'")
    elements = re.findall(r"%(.?)", given.value)
    if odd := [e for e in elements if e not in FORMATS]:
        reader.refuse(f"the format element %{odd[0]} is not offered here", f"Use {' '.join('%' + e for e in sorted(FORMATS))}, %F")
    if reads and not {"Y", "y"} & set(elements):
        reader.refuse("a format to read by needs its year, %Y")
    return str(given.value)


def _say(node: exp.TimeToStr, reader: Reader) -> Typed:
    inner = node.this
    kinds = {exp.TsOrDsToDate: "DATE", exp.TsOrDsToTimestamp: "TIMESTAMP", exp.TsOrDsToDatetime: "DATETIME"}
    type_ = kinds.get(type(inner), "")
    if not type_ or node.args.get("zone") is not None:
        reader.refuse("FORMAT_DATE, FORMAT_DATETIME and FORMAT_TIMESTAMP take a format and a date or time, in UTC")
    part, form = _moment(inner, "this", (type_,), reader), _format(node, reader)
    if reader.duck:
        return Typed(call("STRFTIME", naive(part.tree) if type_ == "TIMESTAMP" else part.tree, form), "STRING")
    return Typed(call(f"FORMAT_{type_}", form, part.tree), "STRING")


def _hear(type_: str) -> Callable[[Any, Reader], Typed]:
    def rule(node: Any, reader: Reader) -> Typed:
        text, form = known(reader.read(node.this), "STRING", reader), _format(node, reader, reads=True)
        if text.type != "STRING" or node.args.get("zone") is not None:
            reader.refuse(f"PARSE_{type_} takes a format and a text, not {text.type}")
        if not reader.duck:
            return Typed(call(f"PARSE_{type_}", form, text.tree), type_)
        found = call("STRPTIME", text.tree, form)
        return Typed(cast(found, "DATE", "duckdb") if type_ == "DATE" else zoned(found), type_)

    return rule


def _made(type_: str, sources: tuple[str, ...]) -> Callable[[Any, Reader], Typed]:
    """DATE(x), DATETIME(x), TIMESTAMP(x)."""

    def rule(node: Any, reader: Reader) -> Typed:
        if node.args.get("zone") is not None or node.args.get("expressions") or node.args.get("expression") or node.this is None:
            reader.refuse(f"{type_} takes one value here; times are UTC")
        part = known(reader.read(node.this), type_, reader)
        if part.type == "STRING" and part.value is not None:
            part = coerced(part, type_, reader)
        if part.type not in (*sources, type_):
            reader.refuse(f"{type_} is not made from {part.type}", f"Write SAFE_CAST(... AS {type_}), or PARSE_{type_} with a format")
        return Typed(between_moments(part, type_) if reader.duck else call(type_, part.tree), type_)

    return rule


def _parts(node: exp.DateFromParts, reader: Reader) -> Typed:
    parts = arguments(node, {"year": "INT64", "month": "INT64", "day": "INT64"}, reader)
    trees = [parts[key].tree for key in ("year", "month", "day")]
    return Typed(call("MAKE_DATE" if reader.duck else "DATE", *trees), "DATE")


def _last_day(node: exp.LastDay, reader: Reader) -> Typed:
    _unit(node, reader, ("MONTH",), "MONTH")
    part = _moment(node, "this", ("DATE", "DATETIME"), reader)
    return Typed(call("LAST_DAY", part.tree), "DATE")


def _today(node: exp.CurrentDate, reader: Reader) -> Typed:
    """The day of the run, so that the same run gives the same rows tomorrow."""
    if node.this is not None:
        reader.refuse("a time zone is not offered here; the day is the UTC day of the run")
    return Typed(moment(reader.work.now, "DATE", reader.work.dialect), "DATE")


def _seconds(node: exp.UnixSeconds, reader: Reader) -> Typed:
    part = _moment(node, "this", ("TIMESTAMP",), reader)
    if not reader.duck:
        return Typed(call("UNIX_SECONDS", part.tree), "INT64")
    return Typed(call("DIVIDE", call("EPOCH_US", call("DATE_TRUNC", "second", naive(part.tree))), 1_000_000), "INT64")


def _unix(node: exp.UnixToTime, reader: Reader) -> Typed:
    """TIMESTAMP_SECONDS, TIMESTAMP_MILLIS and TIMESTAMP_MICROS."""
    part = arguments(exp.UnixToTime(this=node.this), {"this": "INT64"}, reader)["this"].tree
    given = node.args.get("scale")
    scale = given.name if isinstance(given, exp.Expr) else "0"
    if scale not in ("0", "3", "6"):
        reader.refuse("only TIMESTAMP_SECONDS, TIMESTAMP_MILLIS and TIMESTAMP_MICROS are offered here")
    if not reader.duck:
        return Typed(call({"0": "TIMESTAMP_SECONDS", "3": "TIMESTAMP_MILLIS", "6": "TIMESTAMP_MICROS"}[scale], part), "TIMESTAMP")
    micros = exp.Mul(this=exp.paren(part), expression=exp.Literal.number(10 ** (6 - int(scale)))) if scale != "6" else part
    return Typed(in_calendar(call("MAKE_TIMESTAMPTZ", cast(micros, "INT64", "duckdb")), "TIMESTAMP"), "TIMESTAMP")


MOMENTS: dict[type[exp.Expr], Callable[[Any, Any], Typed]] = {
    exp.DateAdd: _shift("DATE", exp.Add, DAYS), exp.DateSub: _shift("DATE", exp.Sub, DAYS),
    exp.DatetimeAdd: _shift("DATETIME", exp.Add, (*TIMES, *DAYS)), exp.DatetimeSub: _shift("DATETIME", exp.Sub, (*TIMES, *DAYS)),
    exp.TimestampAdd: _shift("TIMESTAMP", exp.Add, (*TIMES, "DAY")), exp.TimestampSub: _shift("TIMESTAMP", exp.Sub, (*TIMES, "DAY")),
    exp.DateDiff: _between("DATE", (*DAYS, "ISOWEEK", "WEEK(MONDAY)", "WEEK(SUNDAY)")),
    exp.DatetimeDiff: _between("DATETIME", (*TIMES, *DAYS, "ISOWEEK", "WEEK(MONDAY)")),
    exp.TimestampDiff: _between("TIMESTAMP", (*TIMES, "DAY")),
    exp.DateTrunc: _trunc(("DATE", "DATETIME", "TIMESTAMP")), exp.TimestampTrunc: _trunc(("TIMESTAMP", "DATETIME")),
    exp.DatetimeTrunc: _trunc(("DATETIME",)), exp.Extract: _extract, exp.TimeToStr: _say, exp.StrToDate: _hear("DATE"),
    exp.StrToTime: _hear("TIMESTAMP"), exp.Date: _made("DATE", ("DATETIME", "TIMESTAMP")), exp.DateFromParts: _parts,
    exp.Timestamp: _made("TIMESTAMP", ("DATE", "DATETIME")), exp.TsOrDsToDatetime: _made("DATETIME", ("DATE", "TIMESTAMP")),
    exp.Datetime: _made("DATETIME", ("DATE", "TIMESTAMP")),
    exp.LastDay: _last_day, exp.CurrentDate: _today, exp.CurrentTimestamp: lambda node, reader: Typed(exp.CurrentTimestamp(), "TIMESTAMP"),
    exp.UnixSeconds: _seconds, exp.UnixToTime: _unix,
}
