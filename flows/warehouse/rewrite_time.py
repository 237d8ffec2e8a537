"""Dates and times as BigQuery means them: the type of the argument is kept, weeks start where BigQuery starts them."""

from __future__ import annotations

import re

from sqlglot import exp

from flows.warehouse import macros, rewrite_format, rewrite_interval
from flows.warehouse import moments as written
from flows.warehouse.trees import Rule, call, cast, invalid, is_text, kind, refuse

DAYS = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")
DATE_UNITS = ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR")
TIME_UNITS = ("MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR")
DUCK_TYPES = {"DATE": "DATE", "DATETIME": "TIMESTAMP", "TIMESTAMP": "TIMESTAMPTZ", "TIME": "TIME"}


def unit(node: exp.Expr, part: exp.Expr | None) -> tuple[str, int]:
    """(unit, first day of the week counted from Sunday)."""
    if isinstance(part, exp.WeekStart):
        return "WEEK", DAYS.index(part.name.upper()) if part.name.upper() in DAYS else 0
    name = (part.name if part is not None else "DAY").upper()
    if name == "ISOWEEK":
        return "WEEK", 1
    if name not in (*DATE_UNITS, *TIME_UNITS, "ISOYEAR"):
        raise invalid(node, f"there is no unit {name}")
    return name, 0


def moment(node: exp.Expr, default: str) -> tuple[exp.Expr, str]:
    """(the value, its type): a string literal is of the function's own type. Raises SqlError when the type is not known."""
    inner = node.this if isinstance(node, (exp.TsOrDsToDate, exp.TsOrDsToTimestamp, exp.TsOrDsToDatetime)) else node
    if is_text(inner):
        return constant(inner, default), default
    if kind(inner) not in DUCK_TYPES:
        raise refuse(node, f"the type of {inner.sql(dialect='bigquery')[:60]} is not known here", "Cast it to DATE, DATETIME or TIMESTAMP")
    return inner.copy(), kind(inner)


def constant(node: exp.Expr, kind_: str) -> exp.Expr:
    """A text literal where a date or time is needed. Raises SqlError for one that BigQuery would not read."""
    text = written.read(node.name, kind_)
    if text is None:
        raise invalid(node, f"{node.name[:60]!r} is not a {kind_}")
    return cast(exp.Literal.string(text), DUCK_TYPES[kind_])


def local(node: exp.Expr, value: exp.Expr, zone: exp.Expr | None) -> exp.Expr:
    """The wall time of a TIMESTAMP in a zone, UTC without one."""
    return _zoned(node, value, zone, "bq_local", 1)


def universal(node: exp.Expr, value: exp.Expr, zone: exp.Expr | None) -> exp.Expr:
    """The TIMESTAMP of a wall time in a zone; of two, the first."""
    return _zoned(node, value, zone, "bq_utc", -1)


def _zoned(node: exp.Expr, value: exp.Expr, zone: exp.Expr | None, macro: str, sign: int) -> exp.Expr:
    if zone is None or (is_text(zone) and zone.name == "UTC"):
        return call("timezone", "UTC", value)
    if not is_text(zone):
        return call(macro, value, zone.copy())
    minutes = written.offset(zone.name)
    if minutes is None:
        if written.read_zone(zone.name) is None:
            raise invalid(node, f"there is no time zone {zone.name[:60]!r}")
        return call("timezone", zone.copy(), value) if sign == 1 else call("bq_first", value, zone.copy())
    moved = exp.Add(this=exp.paren(value), expression=call("to_minutes", exp.Literal.number(sign * minutes)))
    return call("timezone", "UTC", exp.paren(moved))


def trunc(node: exp.DateTrunc | exp.TimestampTrunc | exp.DatetimeTrunc) -> exp.Expr:
    default = {exp.DateTrunc: "DATE", exp.TimestampTrunc: "TIMESTAMP", exp.DatetimeTrunc: "DATETIME"}[type(node)]
    value, is_a = moment(node.this, default)
    name, first = unit(node, node.args.get("unit"))
    zone = node.args.get("zone")
    if is_a == "TIME" or (is_a == "DATE" and name in TIME_UNITS):
        raise invalid(node, f"a {is_a} cannot be truncated to {name}")
    if zone is not None and is_a != "TIMESTAMP":
        raise invalid(node, f"a {is_a} has no time zone")
    if is_a == "TIMESTAMP":
        if zone is not None and name in TIME_UNITS:
            raise refuse(node, f"TIMESTAMP_TRUNC to {name} in a zone is not offered by the local warehouse")
        value = local(node, value, zone)
    if name == "WEEK":
        cut: exp.Expr = call("bq_week", value, first)
    elif name == "ISOYEAR":
        cut = call("bq_isoyear_start", value)
    else:
        cut = call("date_trunc", name.lower(), value)
    if is_a == "TIMESTAMP":
        return in_range(universal(node, cast(cut, "TIMESTAMP"), zone), is_a)
    return in_range(cast(cut, DUCK_TYPES[is_a]), is_a)


def trunc_time(node: exp.TimeTrunc) -> exp.Expr:
    value, is_a = moment(node.this, "TIME")
    name, _ = unit(node, node.args.get("unit"))
    if is_a != "TIME" or name not in TIME_UNITS:
        raise invalid(node, f"a {is_a} cannot be truncated to {name} by TIME_TRUNC")
    return cast(call("date_trunc", name.lower(), exp.paren(exp.Add(this=_DAY_0.copy(), expression=value))), "TIME")


_DAY_0 = cast(exp.Literal.string("1970-01-01"), "DATE")
_RANGE = {"DATE": "bq_day", "DATETIME": "bq_wall", "TIMESTAMP": "bq_moment"}


def in_range(value: exp.Expr, is_a: str) -> exp.Expr:
    """An error before 0001-01-01 and after 9999-12-31. The macro writes its argument three times, so it stands only once above another."""
    if is_a not in _RANGE:
        return value
    if any(n.name in _RANGE.values() for n in value.find_all(exp.Anonymous)):
        body = exp.Lambda(this=call(_RANGE[is_a], exp.column("t")), expressions=[exp.to_identifier("t")])
        return call("list_extract", call("list_transform", exp.Array(expressions=[value]), body), 1)
    return call(_RANGE[is_a], value)


def shift(node: exp.Expr) -> exp.Expr:
    """*_ADD and *_SUB."""
    own = next(own for own in ("DATETIME", "DATE", "TIMESTAMP", "TIME") if type(node).__name__.upper().startswith(own))
    value, is_a = moment(node.this, own)
    name, _ = unit(node, node.args.get("unit"))
    if own == "TIMESTAMP" and name in DATE_UNITS and name != "DAY":
        raise invalid(node, f"a TIMESTAMP cannot be moved by {name}", "Use a DATETIME or a DATE")
    if is_a == "DATE" and name in TIME_UNITS:
        raise invalid(node, f"a DATE cannot be moved by {name}", "Use a DATETIME or a TIMESTAMP")
    if own == "TIME" and name not in TIME_UNITS:
        raise invalid(node, f"a TIME cannot be moved by {name}")
    if is_a != own and not (own == "DATE" and is_a in ("DATETIME", "TIMESTAMP")):
        raise invalid(node, f"{type(node).__name__} takes a {own}, not a {is_a}")
    count = node.args["expression"]
    if isinstance(count, exp.Interval):
        count = count.this
    number = exp.Literal.number(count.name) if is_text(count) and re.fullmatch(r"-?\d+", count.name) else count.copy()
    if kind(count) not in ("INT64", "") and not is_text(count):
        raise invalid(node, f"an interval takes an INT64, not {kind(count)}")
    if is_text(count) and not re.fullmatch(r"-?\d+", count.name):
        raise invalid(node, f"{count.name!r} is not a number of {name}")
    if name == "QUARTER":
        name, number = "MONTH", exp.Mul(this=exp.paren(number), expression=exp.Literal.number(3))
    step = call(f"to_{name.lower()}s", cast(number, "INTEGER" if name in DATE_UNITS else "BIGINT"))
    sign = exp.Sub if type(node).__name__.endswith("Sub") else exp.Add
    return in_range(cast(exp.paren(sign(this=exp.paren(value), expression=step)), DUCK_TYPES[is_a]), is_a)


def diff(node: exp.DateDiff | exp.DatetimeDiff | exp.TimestampDiff | exp.TimeDiff) -> exp.Expr:
    """DATE_DIFF and DATETIME_DIFF count boundaries, TIMESTAMP_DIFF whole units. Source: BigQuery, date and timestamp functions."""
    default = {exp.DateDiff: "DATE", exp.DatetimeDiff: "DATETIME", exp.TimestampDiff: "TIMESTAMP", exp.TimeDiff: "TIME"}[type(node)]
    (late, is_a), (early, other) = moment(node.this, default), moment(node.expression, default)
    if is_a != other:
        raise invalid(node, f"a {is_a} and a {other} cannot be subtracted", "Cast one of them")
    name, first = unit(node, node.args.get("unit"))
    if default == "TIMESTAMP" and is_a == "DATETIME":
        raise refuse(node, "TIMESTAMP_DIFF of DATETIME is not offered by the local warehouse", "Use DATETIME_DIFF")
    if is_a == "TIMESTAMP" or default == "TIMESTAMP":
        if name in (*DATE_UNITS, "ISOYEAR") and name != "DAY":
            raise invalid(node, f"TIMESTAMP_DIFF does not count {name}")
        return call("date_sub", name.lower(), early, late)
    if (is_a == "DATE" and name in TIME_UNITS) or (is_a == "TIME" and name not in TIME_UNITS):
        raise invalid(node, f"the difference of {is_a}s is not counted in {name}")
    if name == "WEEK":
        return cast(exp.IntDiv(this=call("date_diff", "day", call("bq_week", early, first), call("bq_week", late, first)),
                               expression=exp.Literal.number(7)), "BIGINT")
    if name == "ISOYEAR":
        return cast(exp.Sub(this=call("isoyear", late), expression=call("isoyear", early)), "BIGINT")
    if is_a == "TIME":
        early, late = (exp.paren(exp.Add(this=_DAY_0.copy(), expression=side)) for side in (early, late))
    return call("date_diff", name.lower(), early, late)


def extract(node: exp.Extract) -> exp.Expr:
    source = node.expression
    if isinstance(source, exp.AtTimeZone):
        value, is_a = moment(source.this, "TIMESTAMP")
        if is_a != "TIMESTAMP":
            raise invalid(node, f"a {is_a} has no time zone")
        value, is_a = local(node, value, source.args["zone"]), "DATETIME"
    elif kind(source) == "INTERVAL":
        return rewrite_interval.part_of(node)
    else:
        if is_text(source):
            raise invalid(node, "EXTRACT does not take a STRING", "Write DATE, DATETIME or TIMESTAMP before the text")
        value, is_a = moment(source, "TIMESTAMP")
        if is_a == "TIMESTAMP":
            value = call("timezone", "UTC", value)
        elif is_a == "DATETIME" and node.this.name.upper() == "DATETIME":
            raise invalid(node, "a DATETIME has no DATETIME")
    part = node.this
    name = "WEEK" if isinstance(part, exp.WeekStart) else part.name.upper()
    if (is_a == "DATE" and name in (*TIME_UNITS, "TIME", "DATE")) or (is_a == "TIME" and name not in TIME_UNITS):
        raise invalid(node, f"a {is_a} has no {name}")
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
    raise invalid(node, f"there is no part {name} to extract")


def to_text(node: exp.TimeToStr) -> exp.Expr:
    """FORMAT_DATE, FORMAT_TIMESTAMP, FORMAT_DATETIME, FORMAT_TIME with a literal format."""
    own = {exp.TsOrDsToDate: "DATE", exp.TsOrDsToTimestamp: "TIMESTAMP", exp.TsOrDsToDatetime: "DATETIME", exp.TsOrDsToTime: "TIME"}.get(
        type(node.this), "DATE")
    value, is_a = moment(node.this, own)
    zone = node.args.get("zone")
    if is_a == "TIMESTAMP":
        value = local(node, value, zone)
    return rewrite_format.to_text(node, value, is_a, zone is not None and not (is_text(zone) and zone.name == "UTC"))


def from_text(node: exp.StrToDate | exp.StrToTime | exp.ParseDatetime | exp.ParseTime) -> exp.Expr:
    """PARSE_DATE, PARSE_TIMESTAMP, PARSE_DATETIME, PARSE_TIME with a literal format; CAST(... AS DATE FORMAT ...)."""
    target = {exp.StrToDate: "DATE", exp.StrToTime: "TIMESTAMP", exp.ParseDatetime: "DATETIME", exp.ParseTime: "TIME"}[type(node)]
    by_cast = target in ("DATE", "TIMESTAMP") and node.args.get("default_year") is None
    if by_cast and target == "TIMESTAMP":
        raise refuse(node, "CAST ... FORMAT to this type is not offered by the local warehouse", "Use PARSE_TIMESTAMP or PARSE_DATETIME")
    parts = rewrite_format.from_text(node, node.this.copy(), target, strict=by_cast)
    made, minutes = parts
    if target == "DATE":
        made = cast(made, "DATE")
    elif target == "TIME":
        made = cast(made, "TIME")
    elif target == "TIMESTAMP":
        made = call("timezone", "UTC", exp.paren(exp.Sub(this=made, expression=call("to_minutes", minutes)))) if minutes is not None \
            else universal(node, made, node.args.get("zone"))
    made = rewrite_format.bound(node, node.this.copy(), target, in_range(made, target), strict=by_cast)
    made.meta["quiet"] = True
    return macros.quiet(made) if node.args.get("safe") else made


def to_date(node: exp.Date) -> exp.Expr:
    if not isinstance(node.this, exp.Expr):
        raise refuse(node, "this form of DATE() is not offered by the local warehouse")
    if kind(node.this) == "STRING" and not is_text(node.this):
        return call("bq_date", node.this.copy())
    value, is_a = moment(node.this, "DATE")
    zone = node.args.get("zone")
    if zone is not None and is_a != "TIMESTAMP":
        raise invalid(node, f"DATE() of a {is_a} takes no time zone")
    if is_a == "TIME":
        raise invalid(node, "DATE() does not take a TIME")
    if is_a == "TIMESTAMP":
        value = local(node, value, zone)
    return cast(value, "DATE")


def to_timestamp(node: exp.Timestamp) -> exp.Expr:
    zone = node.args.get("zone")
    if kind(node.this) == "STRING":
        if zone is not None:
            if not is_text(node.this) or written.read(node.this.name, "DATETIME") is None:
                raise refuse(node, "TIMESTAMP(text, zone) takes a literal without a zone here", "Use PARSE_TIMESTAMP with a zone")
            return universal(node, constant(node.this, "DATETIME"), zone)
        return constant(node.this, "TIMESTAMP") if is_text(node.this) else call("bq_timestamp", node.this.copy())
    value, is_a = moment(node.this, "TIMESTAMP")
    if is_a == "TIME" or (is_a == "TIMESTAMP" and zone is not None):
        raise invalid(node, f"TIMESTAMP() does not take a {is_a}{' and a time zone' if zone is not None else ''}")
    return value if is_a == "TIMESTAMP" else universal(node, cast(value, "TIMESTAMP"), zone)


def to_datetime(node: exp.Datetime | exp.TsOrDsToDatetime) -> exp.Expr:
    zone = node.args.get("expression")
    if kind(node.this) == "STRING" and not is_text(node.this) and zone is None:
        return call("bq_datetime", node.this.copy())
    value, is_a = moment(node.this, "DATETIME")
    if is_a == "TIMESTAMP":
        return local(node, value, zone)
    if zone is not None:
        if is_a == "DATE" and kind(zone) == "TIME":
            return cast(exp.paren(exp.Add(this=value, expression=zone.copy())), "TIMESTAMP")
        raise invalid(node, f"DATETIME() does not take a {is_a} and a {kind(zone) or 'value of unknown type'}")
    if is_a == "TIME":
        raise invalid(node, "DATETIME() does not take a TIME")
    return cast(value, "TIMESTAMP")


def last_day(node: exp.LastDay) -> exp.Expr:
    value, is_a = moment(node.this, "DATE")
    if is_a not in ("DATE", "DATETIME"):
        raise invalid(node, f"LAST_DAY does not take a {is_a}", "Use DATE(...) of it")
    value = cast(value, "DATE")
    name, first = unit(node, node.args.get("unit") or exp.var("MONTH"))
    if name == "WEEK":
        return cast(exp.Add(this=call("bq_week", value, first), expression=exp.Literal.number(6)), "DATE")
    if name == "ISOYEAR":
        return cast(call("bq_isoyear_end", value), "DATE")
    months = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}.get(name)
    if months is None:
        raise invalid(node, f"LAST_DAY does not take {name}", "Use WEEK, MONTH, QUARTER or YEAR")
    start = exp.Add(this=call("date_trunc", name.lower(), value), expression=call("to_months", months))
    return cast(exp.Sub(this=start, expression=call("to_days", 1)), "DATE")


def unix_date(node: exp.UnixDate) -> exp.Expr:
    return call("date_diff", "day", cast(exp.Literal.string("1970-01-01"), "DATE"), moment(node.this, "DATE")[0])


def _whole(node: exp.Expr, value: exp.Expr) -> None:
    if kind(value) not in ("INT64", "") and not isinstance(value, exp.Null):
        raise invalid(node, f"{value.sql(dialect='bigquery')[:60]} is {kind(value)}, an INT64 is needed")


def from_unix_date(node: exp.DateFromUnixDate) -> exp.Expr:
    _whole(node, node.this)
    return in_range(cast(exp.Add(this=_DAY_0.copy(), expression=cast(node.this.copy(), "INTEGER")), "DATE"), "DATE")


def from_unix(node: exp.UnixToTime) -> exp.Expr:
    scale = node.args.get("scale")
    factor = {"0": 1_000_000, "3": 1000, "6": 1}.get(scale.name if scale is not None else "0")
    if factor is None:
        raise refuse(node, "this unit is not offered by the local warehouse")
    _whole(node, node.this)
    micros = exp.Mul(this=cast(node.this.copy(), "BIGINT"), expression=cast(exp.Literal.number(factor), "BIGINT"))
    return in_range(call("timezone", "UTC", call("make_timestamp", micros)), "TIMESTAMP")


def to_unix(node: exp.UnixSeconds | exp.UnixMillis | exp.UnixMicros) -> exp.Expr:
    value, is_a = moment(node.this, "TIMESTAMP")
    if is_a != "TIMESTAMP":
        raise invalid(node, f"{type(node).__name__} takes a TIMESTAMP, not a {is_a}")
    micros = call("epoch_us", value)
    factor = {exp.UnixSeconds: 1_000_000, exp.UnixMillis: 1000, exp.UnixMicros: 1}[type(node)]
    return micros if factor == 1 else cast(call("floor", call("bq_div", micros, factor)), "BIGINT")


def now(node: exp.CurrentDate | exp.CurrentDatetime | exp.CurrentTime) -> exp.Expr:
    zone = node.this if isinstance(node.this, exp.Expr) else None
    to = {exp.CurrentDate: "DATE", exp.CurrentDatetime: "TIMESTAMP", exp.CurrentTime: "TIME"}[type(node)]
    return cast(local(node, call("now"), zone), to)


def parts(node: exp.DateFromParts | exp.TimestampFromParts | exp.TimeFromParts) -> exp.Expr:
    """DATE(y, m, d), DATETIME(y, m, d, h, mi, s), TIME(h, mi, s)."""
    names = {exp.DateFromParts: ("year", "month", "day"), exp.TimeFromParts: ("hour", "min", "sec")}.get(
        type(node), ("year", "month", "day", "hour", "min", "sec"))
    given = [value for name in names if (value := node.args.get(name)) is not None]
    if len(given) < len(names) or any(kind(value) not in ("INT64", "") for value in given):
        raise invalid(node, f"{type(node).__name__} takes {len(names)} whole numbers")
    values = [cast(value.copy(), "DOUBLE" if name == "sec" else "BIGINT") for name, value in zip(names, given, strict=True)]
    return call({exp.TimeFromParts: "bq_make_time", exp.DateFromParts: "bq_make_day"}.get(type(node), "bq_make_wall"), *values)


def to_time(node: exp.TsOrDsToTime | exp.Time) -> exp.Expr:
    """TIME(TIMESTAMP [, zone]) and TIME(DATETIME)."""
    zone = node.args.get("zone")
    value, is_a = moment(node.this, "TIME")
    if is_a == "DATE" or (zone is not None and is_a != "TIMESTAMP"):
        raise invalid(node, f"TIME() does not take a {is_a}{' and a time zone' if zone is not None else ''}")
    return cast(local(node, value, zone) if is_a == "TIMESTAMP" else value, "TIME")


RULES: dict[type[exp.Expr], Rule] = {
    **rewrite_interval.RULES,
    **dict.fromkeys((exp.DateTrunc, exp.TimestampTrunc, exp.DatetimeTrunc), trunc),
    **dict.fromkeys((exp.DateAdd, exp.DateSub, exp.DatetimeAdd, exp.DatetimeSub, exp.TimestampAdd, exp.TimestampSub, exp.TimeAdd,
                     exp.TimeSub), shift),
    **dict.fromkeys((exp.DateDiff, exp.DatetimeDiff, exp.TimestampDiff, exp.TimeDiff), diff),
    exp.Extract: extract, exp.TimeToStr: to_text, exp.StrToDate: from_text, exp.StrToTime: from_text,
    exp.ParseDatetime: from_text, exp.ParseTime: from_text, exp.TimeTrunc: trunc_time, exp.TimeFromParts: parts, exp.Time: to_time,
    exp.Date: to_date, exp.Timestamp: to_timestamp, exp.Datetime: to_datetime, exp.TsOrDsToDatetime: to_datetime,
    exp.TsOrDsToTime: to_time, exp.LastDay: last_day, exp.UnixDate: unix_date, exp.DateFromUnixDate: from_unix_date,
    exp.UnixToTime: from_unix, exp.UnixSeconds: to_unix, exp.UnixMillis: to_unix, exp.UnixMicros: to_unix, exp.CurrentDate: now,
    exp.CurrentDatetime: now, exp.CurrentTime: now,
    exp.DateFromParts: parts, exp.TimestampFromParts: parts,
}
