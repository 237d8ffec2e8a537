"""Dates and times as BigQuery means them: the type of the argument is kept, weeks start where BigQuery starts them."""

from __future__ import annotations

import re

from sqlglot import exp

from flows.warehouse.trees import Rule, call, cast, invalid, is_text, kind, refuse

DAYS = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")
DATE_UNITS = ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR")
TIME_UNITS = ("MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR")
SAME_FORMAT = frozenset({"Y", "m", "d", "H", "M", "S", "y", "b", "B", "a", "A", "j", "p", "I", "U", "V", "G", "u", "w", "%"})
DUCK_TYPES = {"DATE": "DATE", "DATETIME": "TIMESTAMP", "TIMESTAMP": "TIMESTAMPTZ", "TIME": "TIME"}


def unit(node: exp.Expr, part: exp.Expr | None) -> tuple[str, int]:
    """(unit, first day of the week counted from Sunday)."""
    if isinstance(part, exp.WeekStart):
        return "WEEK", DAYS.index(part.name.upper()) if part.name.upper() in DAYS else 0
    name = (part.name if part is not None else "DAY").upper()
    if name == "ISOWEEK":
        return "WEEK", 1
    if name not in (*DATE_UNITS, *TIME_UNITS, "ISOYEAR"):
        raise refuse(node, f"unit {name} is not offered by the local warehouse")
    return name, 0


def moment(node: exp.Expr, default: str) -> tuple[exp.Expr, str]:
    """(the value, its type): a string literal is of the function's own type. Raises SqlError when the type is not known."""
    inner = node.this if isinstance(node, (exp.TsOrDsToDate, exp.TsOrDsToTimestamp, exp.TsOrDsToDatetime)) else node
    if is_text(inner):
        return cast(inner.copy(), DUCK_TYPES[default]), default
    if kind(inner) not in DUCK_TYPES:
        raise refuse(node, f"the type of {inner.sql(dialect='bigquery')[:60]} is not known here", "Cast it to DATE, DATETIME or TIMESTAMP")
    return inner.copy(), kind(inner)


def trunc(node: exp.DateTrunc | exp.TimestampTrunc | exp.DatetimeTrunc) -> exp.Expr:
    default = {exp.DateTrunc: "DATE", exp.TimestampTrunc: "TIMESTAMP", exp.DatetimeTrunc: "DATETIME"}[type(node)]
    value, is_a = moment(node.this, default)
    name, first = unit(node, node.args.get("unit"))
    zone = node.args.get("zone")
    if is_a == "TIME" or (is_a == "DATE" and name in TIME_UNITS):
        raise invalid(node, f"a {is_a} cannot be truncated to {name}")
    if is_a == "TIMESTAMP":
        zone = zone.copy() if zone is not None else exp.Literal.string("UTC")
        value = call("timezone", zone, value)
    if name == "WEEK":
        cut: exp.Expr = call("bq_week", value, first)
    elif name == "ISOYEAR":
        cut = call("bq_isoyear_start", value)
    else:
        cut = call("date_trunc", name.lower(), value)
    if is_a == "TIMESTAMP":
        assert zone is not None
        return call("timezone", zone.copy(), cast(cut, "TIMESTAMP"))
    return cast(cut, DUCK_TYPES[is_a])


def shift(node: exp.Expr) -> exp.Expr:
    """*_ADD and *_SUB."""
    own = next(own for own in ("DATETIME", "DATE", "TIMESTAMP", "TIME") if type(node).__name__.upper().startswith(own))
    value, is_a = moment(node.this, own)
    name, _ = unit(node, node.args.get("unit"))
    if own == "TIMESTAMP" and name in DATE_UNITS and name != "DAY":
        raise invalid(node, f"a TIMESTAMP cannot be moved by {name}", "Use a DATETIME or a DATE")
    if is_a == "DATE" and name in TIME_UNITS:
        raise invalid(node, f"a DATE cannot be moved by {name}", "Use a DATETIME or a TIMESTAMP")
    count = node.args["expression"]
    if isinstance(count, exp.Interval):
        count = count.this
    number = exp.Literal.number(count.name) if is_text(count) and re.fullmatch(r"-?\d+", count.name) else count.copy()
    if name == "QUARTER":
        name, number = "MONTH", exp.Mul(this=exp.paren(number), expression=exp.Literal.number(3))
    step = call(f"to_{name.lower()}s", cast(number, "INTEGER" if name in DATE_UNITS else "BIGINT"))
    sign = exp.Sub if type(node).__name__.endswith("Sub") else exp.Add
    return cast(exp.paren(sign(this=exp.paren(value), expression=step)), DUCK_TYPES[is_a])


def diff(node: exp.DateDiff | exp.DatetimeDiff | exp.TimestampDiff | exp.TimeDiff) -> exp.Expr:
    """DATE_DIFF and DATETIME_DIFF count boundaries, TIMESTAMP_DIFF whole units. Source: BigQuery, date and timestamp functions."""
    default = {exp.DateDiff: "DATE", exp.DatetimeDiff: "DATETIME", exp.TimestampDiff: "TIMESTAMP", exp.TimeDiff: "TIME"}[type(node)]
    (late, is_a), (early, other) = moment(node.this, default), moment(node.expression, default)
    if is_a != other:
        raise invalid(node, f"a {is_a} and a {other} cannot be subtracted", "Cast one of them")
    name, first = unit(node, node.args.get("unit"))
    if is_a == "TIMESTAMP" or default == "TIMESTAMP":
        if name in DATE_UNITS and name != "DAY":
            raise invalid(node, f"TIMESTAMP_DIFF does not count {name}")
        return call("date_sub", name.lower(), early, late)
    if name == "WEEK":
        return cast(exp.IntDiv(this=call("date_diff", "day", call("bq_week", early, first), call("bq_week", late, first)),
                               expression=exp.Literal.number(7)), "BIGINT")
    if name == "ISOYEAR":
        return cast(exp.Sub(this=call("isoyear", late), expression=call("isoyear", early)), "BIGINT")
    return call("date_diff", name.lower(), early, late)


def extract(node: exp.Extract) -> exp.Expr:
    source = node.expression
    if isinstance(source, exp.AtTimeZone):
        value, is_a = moment(source.this, "TIMESTAMP")
        value, is_a = call("timezone", source.args["zone"].copy(), value), "DATETIME"
    elif kind(source) == "INTERVAL":
        raise refuse(node, "EXTRACT from an INTERVAL is not offered by the local warehouse")
    else:
        value, is_a = moment(source, "TIMESTAMP")
        if is_a == "TIMESTAMP":
            value = call("timezone", "UTC", value)
    part = node.this
    name = "WEEK" if isinstance(part, exp.WeekStart) else part.name.upper()
    if is_a == "DATE" and name in TIME_UNITS:
        raise invalid(node, f"a DATE has no {name}")
    if isinstance(part, exp.WeekStart) or name == "WEEK":
        first = DAYS.index(part.name.upper()) if isinstance(part, exp.WeekStart) and part.name.upper() in DAYS else 0
        return call("bq_week_number", value, first)
    plain = {"YEAR": "year", "MONTH": "month", "DAY": "day", "QUARTER": "quarter", "HOUR": "hour", "MINUTE": "minute", "SECOND": "second",
             "DAYOFYEAR": "dayofyear", "ISOWEEK": "week", "ISOYEAR": "isoyear"}
    if name in plain:
        return cast(call(plain[name], value), "BIGINT")
    if name == "DAYOFWEEK":
        return cast(exp.Add(this=call("dayofweek", value), expression=exp.Literal.number(1)), "BIGINT")
    if name in ("MILLISECOND", "MICROSECOND"):
        whole = exp.Literal.number(1000 if name == "MILLISECOND" else 1_000_000)
        return cast(exp.Mod(this=call(name.lower(), value), expression=whole), "BIGINT")
    if name in ("DATE", "TIME", "DATETIME"):
        return cast(value, DUCK_TYPES[name])
    raise refuse(node, f"EXTRACT({name} ...) is not offered by the local warehouse")


def to_text(node: exp.TimeToStr) -> exp.Expr:
    """FORMAT_DATE, FORMAT_TIMESTAMP, FORMAT_DATETIME with a literal format."""
    own = {exp.TsOrDsToDate: "DATE", exp.TsOrDsToTimestamp: "TIMESTAMP", exp.TsOrDsToDatetime: "DATETIME"}.get(type(node.this), "DATE")
    value, is_a = moment(node.this, own)
    zone = node.args.get("zone")
    if is_a == "TIMESTAMP":
        value = call("timezone", zone.copy() if zone is not None else exp.Literal.string("UTC"), value)
    parts: list[exp.Expr] = []
    for piece in _pieces(node, node.args["format"]):
        if piece == "%Q":
            parts.append(cast(call("quarter", value.copy()), "VARCHAR"))
        elif piece == "%-d":
            parts.append(call("lpad", call("strftime", value.copy(), "%-d"), 2, " "))
        elif piece == "%E3S":
            parts.append(call("strftime", value.copy(), "%S.%g"))
        elif piece:
            parts.append(call("strftime", value.copy(), piece))
    made = parts[0] if parts else exp.Literal.string("")
    for part in parts[1:]:
        made = exp.DPipe(this=made, expression=part)
    return exp.paren(made)


def _pieces(node: exp.Expr, fmt: exp.Expr, special: tuple[str, ...] = ("%Q", "%-d", "%E3S")) -> list[str]:
    """A literal format cut at what DuckDB writes differently. Raises SqlError for an element that it cannot write at all."""
    if not is_text(fmt):
        raise refuse(node, "a format that is not a literal is not offered by the local warehouse")
    pieces = [""]
    for element in re.findall(r"%E\d?\*?[a-zA-Z]|%-?.|[^%]+", fmt.name):
        if element in special:
            pieces += [element, ""]
        elif element[0] != "%" or element[1:] in SAME_FORMAT or (element == "%f" and pieces[-1].endswith("%S.")):
            pieces[-1] += element
        else:
            raise refuse(node, f"format element {element} is not offered by the local warehouse")
    return pieces


def from_text(node: exp.StrToDate | exp.StrToTime | exp.ParseDatetime) -> exp.Expr:
    """PARSE_DATE, PARSE_TIMESTAMP, PARSE_DATETIME with a literal format."""
    pieces = _pieces(node, node.args["format"], ()) if "%-d" not in node.args["format"].name else [node.args["format"].name]
    fmt = "".join(pieces)
    if "%Y" not in fmt and "%y" not in fmt:
        raise refuse(node, "a date without a year is not offered by the local warehouse")
    if any(element in fmt for element in ("%U", "%V", "%G", "%u", "%w")):
        raise refuse(node, "parsing weeks is not offered by the local warehouse")
    read = call("strptime", node.this.copy(), fmt)
    if isinstance(node, exp.StrToDate):
        return cast(read, "DATE")
    if isinstance(node, exp.ParseDatetime):
        return read
    zone = node.args.get("zone")
    return call("timezone", zone.copy() if zone is not None else exp.Literal.string("UTC"), read)


def to_date(node: exp.Date) -> exp.Expr:
    if not isinstance(node.this, exp.Expr):
        raise refuse(node, "this form of DATE() is not offered by the local warehouse")
    if kind(node.this) == "STRING" and not is_text(node.this):
        return call("bq_date", node.this.copy())
    value, is_a = moment(node.this, "DATE")
    zone = node.args.get("zone")
    if zone is not None and is_a != "TIMESTAMP":
        raise invalid(node, f"DATE() of a {is_a} takes no time zone")
    if is_a == "TIMESTAMP":
        value = call("timezone", zone.copy() if zone is not None else exp.Literal.string("UTC"), value)
    return cast(value, "DATE")


def to_timestamp(node: exp.Timestamp) -> exp.Expr:
    zone = node.args.get("zone")
    if kind(node.this) == "STRING":
        if zone is not None:
            raise refuse(node, "TIMESTAMP(text, zone) is not offered by the local warehouse", "Use PARSE_TIMESTAMP with a zone")
        return cast(node.this.copy(), "TIMESTAMPTZ")
    value, is_a = moment(node.this, "TIMESTAMP")
    if is_a == "TIMESTAMP":
        return value
    return call("timezone", zone.copy() if zone is not None else exp.Literal.string("UTC"), cast(value, "TIMESTAMP"))


def to_datetime(node: exp.Datetime | exp.TsOrDsToDatetime) -> exp.Expr:
    zone = node.args.get("expression")
    value, is_a = moment(node.this, "DATETIME")
    if is_a == "TIMESTAMP":
        return call("timezone", zone.copy() if zone is not None else exp.Literal.string("UTC"), value)
    if zone is not None:
        raise refuse(node, f"DATETIME({is_a}, ...) with two arguments is not offered by the local warehouse")
    return cast(value, "TIMESTAMP")


def last_day(node: exp.LastDay) -> exp.Expr:
    value, _ = moment(node.this, "DATE")
    value = cast(value, "DATE")
    name, first = unit(node, node.args.get("unit") or exp.var("MONTH"))
    if name == "WEEK":
        return cast(exp.Add(this=call("bq_week", value, first), expression=exp.Literal.number(6)), "DATE")
    months = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}.get(name)
    if months is None:
        raise refuse(node, f"LAST_DAY(..., {name}) is not offered by the local warehouse")
    start = exp.Add(this=call("date_trunc", name.lower(), value), expression=call("to_months", months))
    return cast(exp.Sub(this=start, expression=call("to_days", 1)), "DATE")


def unix_date(node: exp.UnixDate) -> exp.Expr:
    return call("date_diff", "day", cast(exp.Literal.string("1970-01-01"), "DATE"), moment(node.this, "DATE")[0])


def from_unix_date(node: exp.DateFromUnixDate) -> exp.Expr:
    return cast(exp.Add(this=cast(exp.Literal.string("1970-01-01"), "DATE"), expression=cast(node.this.copy(), "INTEGER")), "DATE")


def from_unix(node: exp.UnixToTime) -> exp.Expr:
    scale = node.args.get("scale")
    factor = {"0": 1_000_000, "3": 1000, "6": 1}.get(scale.name if scale is not None else "0")
    if factor is None:
        raise refuse(node, "this unit is not offered by the local warehouse")
    micros = exp.Mul(this=cast(node.this.copy(), "BIGINT"), expression=cast(exp.Literal.number(factor), "BIGINT"))
    return call("timezone", "UTC", call("make_timestamp", micros))


def to_unix(node: exp.UnixSeconds | exp.UnixMillis | exp.UnixMicros) -> exp.Expr:
    value, _ = moment(node.this, "TIMESTAMP")
    micros = call("epoch_us", value)
    factor = {exp.UnixSeconds: 1_000_000, exp.UnixMillis: 1000, exp.UnixMicros: 1}[type(node)]
    return micros if factor == 1 else cast(call("floor", call("bq_div", micros, factor)), "BIGINT")


def now(node: exp.CurrentDate | exp.CurrentDatetime | exp.CurrentTime) -> exp.Expr:
    zone = node.this.copy() if isinstance(node.this, exp.Expr) else exp.Literal.string("UTC")
    to = {exp.CurrentDate: "DATE", exp.CurrentDatetime: "TIMESTAMP", exp.CurrentTime: "TIME"}[type(node)]
    return cast(call("timezone", zone, call("now")), to)


def dates(node: exp.GenerateDateArray) -> exp.Expr:
    step = node.args.get("step")
    name, _ = unit(node, step.args.get("unit")) if isinstance(step, exp.Interval) else ("DAY", 0)
    count = step.this if isinstance(step, exp.Interval) else exp.Literal.number(1)
    if not isinstance(count, exp.Literal) or not re.fullmatch(r"[1-9]\d*", count.name) or name not in DATE_UNITS:
        raise refuse(node, "GENERATE_DATE_ARRAY takes a literal, positive step here")
    months = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}.get(name, 0) * int(count.name)
    days = {"DAY": 1, "WEEK": 7}.get(name, 0) * int(count.name)
    start, end = (cast(moment(node.args[key], "DATE")[0], "DATE") for key in ("start", "end"))
    return call("bq_date_array", start, end, months, days)


def moments(node: exp.GenerateTimestampArray) -> exp.Expr:
    start, end = (cast(moment(node.args[key], "TIMESTAMP")[0], "TIMESTAMPTZ") for key in ("start", "end"))
    step = node.args["step"]
    name, _ = unit(node, step.args.get("unit"))
    micros = {"MICROSECOND": 1, "MILLISECOND": 1000, "SECOND": 10 ** 6, "MINUTE": 6 * 10 ** 7, "HOUR": 36 * 10 ** 8, "DAY": 864 * 10 ** 8}
    if not re.fullmatch(r"[1-9]\d{0,6}", step.name) or name not in micros:
        raise refuse(node, "GENERATE_TIMESTAMP_ARRAY takes a literal, positive step here")
    return call("bq_timestamp_array", start, end, int(step.name) * micros[name])


def parts(node: exp.DateFromParts | exp.TimestampFromParts) -> exp.Expr:
    names = ("year", "month", "day") if isinstance(node, exp.DateFromParts) else ("year", "month", "day", "hour", "min", "sec")
    values = [cast(node.args[name].copy(), "DOUBLE" if name == "sec" else "BIGINT") for name in names]
    return call("make_date" if isinstance(node, exp.DateFromParts) else "make_timestamp", *values)


def to_time(node: exp.TsOrDsToTime) -> exp.Expr:
    return cast(to_datetime(node), "TIME") if kind(node.this) == "TIMESTAMP" else cast(node.this.copy(), "TIME")  # type: ignore[arg-type]


RULES: dict[type[exp.Expr], Rule] = {
    **dict.fromkeys((exp.DateTrunc, exp.TimestampTrunc, exp.DatetimeTrunc), trunc),
    **dict.fromkeys((exp.DateAdd, exp.DateSub, exp.DatetimeAdd, exp.DatetimeSub, exp.TimestampAdd, exp.TimestampSub, exp.TimeAdd,
                     exp.TimeSub), shift),
    **dict.fromkeys((exp.DateDiff, exp.DatetimeDiff, exp.TimestampDiff, exp.TimeDiff), diff),
    exp.Extract: extract, exp.TimeToStr: to_text, exp.StrToDate: from_text, exp.StrToTime: from_text, exp.ParseDatetime: from_text,
    exp.Date: to_date, exp.Timestamp: to_timestamp, exp.Datetime: to_datetime, exp.TsOrDsToDatetime: to_datetime,
    exp.TsOrDsToTime: to_time, exp.LastDay: last_day, exp.UnixDate: unix_date, exp.DateFromUnixDate: from_unix_date,
    exp.UnixToTime: from_unix, exp.UnixSeconds: to_unix, exp.UnixMillis: to_unix, exp.UnixMicros: to_unix, exp.CurrentDate: now,
    exp.CurrentDatetime: now, exp.CurrentTime: now, exp.GenerateDateArray: dates, exp.GenerateTimestampArray: moments,
    exp.DateFromParts: parts, exp.TimestampFromParts: parts,
}
