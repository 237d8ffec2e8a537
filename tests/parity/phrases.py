"""Expressions as people write them in derive, each with its types and with what it gives, said in Python."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from tests.parity.emulator import INSTEAD
from tests.parity.model import Stop, cut, exact, like, real, whole

I, F, N, B, S, D, T, Z = "INT64", "FLOAT64", "NUMERIC", "BOOL", "STRING", "DATE", "DATETIME", "TIMESTAMP"  # noqa: E741


@dataclass(frozen=True)
class Phrase:
    """`{0}` and `{1}` are columns of the types `takes`. `fuzzy`: floats that engines round in their last bits."""

    text: str
    takes: tuple[str, ...]
    gives: str
    value: Callable[..., Any]
    lazy: bool = False  # sees empty cells; else an empty one makes it empty
    fuzzy: bool = False
    other: str = ""  # the form for the emulator, of a nested one

    @property
    def said(self) -> str:
        """The form that the emulator is sent."""
        return self.other or INSTEAD.get((self.text, self.takes[0]), (self.text, ""))[0]

    def of(self, *cells: Any) -> Any:
        return None if not self.lazy and None in cells else self.value(*cells)


def _round(value: Any, digits: int = 0, how: str = ROUND_HALF_UP) -> Any:
    if isinstance(value, Decimal):
        return exact(value.quantize(Decimal(1).scaleb(-digits), how))
    if abs(value) > 1e15:
        return float(value)
    return float(Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), how))


def _sized(value: int) -> int:
    return whole(value)


def _int(text: str) -> int | None:
    text = text.strip(" \t\n\v\f\r")
    if re.fullmatch(r"[+-]?[0-9]+", text):
        made = int(text)
    elif re.fullmatch(r"[+-]?0[xX][0-9a-fA-F]+", text):
        made = int(text, 16)
    else:
        return None
    return made if -(2**63) <= made < 2**63 else None


def _number(text: str) -> str | None:
    text = text.strip(" \t\n\v\f\r")
    return text if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text) else None


def _float(text: str) -> float | None:
    found = _number(text)
    return None if found is None else float(found)


def _numeric(text: str) -> Decimal | None:
    found = _number(text)
    try:
        return None if found is None else exact(Decimal(found))
    except (InvalidOperation, Stop):
        return None


def _date(text: str) -> date | None:
    found = re.fullmatch(r"\s*([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})\s*", text)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def _shift(moment: Any, **by: int) -> Any:
    try:
        return moment + timedelta(**by)
    except OverflowError:
        raise Stop("calendar") from None


def _shift_weeks(day: Any, count: Any) -> Any:
    if count is not None and abs(count) > 10**6:
        raise Stop("calendar")
    return None if None in (day, count) else _shift(day, days=7 * count)


def _months(moment: Any, count: int) -> Any:
    at = moment.year * 12 + moment.month - 1 + count
    if not 12 <= at < 120_000:
        raise Stop("calendar")
    year, month = at // 12, at % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day if (year, month) != (9999, 12) else 31
    return moment.replace(year=year, month=month, day=min(moment.day, last))


def _sunday(day: Any) -> int:
    """Days since the Sunday on or before."""
    return (day.weekday() + 1) % 7


def _weeks(a: date, b: date, first: int) -> int:
    """Borders of weeks between; `first` is 0 for weeks from Monday, 1 from Sunday."""
    return (a.toordinal() - 1 + first) // 7 - (b.toordinal() - 1 + first) // 7


def _week(day: Any) -> int:
    return (day.timetuple().tm_yday - 1 + 7 - _sunday(day)) // 7


def _decimals(value: Decimal) -> str:
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _fraction(moment: datetime) -> str:
    if not moment.microsecond:
        return ""
    return f".{moment.microsecond // 1000:03d}" if moment.microsecond % 1000 == 0 else f".{moment.microsecond:06d}"


def _said(moment: datetime, zone: str = "") -> str:
    return f"{moment.year:04d}-{moment.month:02d}-{moment.day:02d} {moment:%H:%M:%S}{_fraction(moment)}{zone}"


def _trunc_div(a: int, b: int) -> int:
    return whole(abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1))


def _substr(text: str, start: int, length: int | None = None) -> str:
    at = start - 1 if start > 0 else 0 if start == 0 or -start > len(text) else len(text) + start
    return text[at:] if length is None else text[at : at + length]


def _pad(text: str, size: int, fill: str, left: bool) -> str:
    if len(text) >= size:
        return text[:size]
    more = (fill * size)[: size - len(text)]
    return more + text if left else text + more


def _extract(pattern: str, text: str) -> str | None:
    found = re.search(pattern, text)
    return (found[1] if found.re.groups else found[0]) if found else None


def _title(text: str) -> str:
    marks = ' \t\n\v\f\r[](){}/|<>!?@"^#$&~_,.:;*%+-\\'
    out, begin = "", True
    for sign in text:
        out += sign.upper() if begin else sign.lower()
        begin = sign in marks
    return out


def _safe(a: Any, b: Any) -> Any:
    try:
        return None if b == 0 else (exact(a / b) if isinstance(a, Decimal) else real(a / b, a, b))
    except Stop:
        return None


def _over(a: Any, b: Any) -> float:
    if b == 0:
        raise Stop("zero")
    return real(float(a) / float(b), a, b)


def _at(parts: list[str], n: int) -> str | None:
    return parts[n] if n < len(parts) else None


def _and(a: bool | None, b: bool | None) -> bool | None:
    return False if a is False or b is False else None if a is None or b is None else True


def _or(a: bool | None, b: bool | None) -> bool | None:
    return True if a is True or b is True else None if a is None or b is None else False


def _nth(text: str, sign: str) -> int:
    return text.find(sign) + 1


def _exp(value: float) -> float:
    if 709 < value < math.inf:
        raise Stop("FLOAT64")
    return math.exp(value)


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _unix(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(seconds=1)


def _from_unix(seconds: int) -> datetime:
    try:
        return EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        raise Stop("calendar") from None


TEXTS = [
    Phrase("UPPER({0})", (S,), S, str.upper),
    Phrase("LOWER({0})", (S,), S, str.lower),
    Phrase("REVERSE({0})", (S,), S, lambda a: a[::-1]),
    Phrase("LENGTH({0})", (S,), I, len),
    Phrase("CHAR_LENGTH({0})", (S,), I, len),
    Phrase("CONCAT({0}, '-', {1})", (S, S), S, lambda a, b: f"{a}-{b}"),
    Phrase("{0} || {1}", (S, S), S, lambda a, b: a + b),
    Phrase("TRIM({0})", (S,), S, str.strip),
    Phrase("LTRIM({0})", (S,), S, str.lstrip),
    Phrase("RTRIM({0})", (S,), S, str.rstrip),
    Phrase("TRIM({0}, 'ab ')", (S,), S, lambda a: a.strip("ab ")),
    Phrase("SUBSTR({0}, 2)", (S,), S, lambda a: _substr(a, 2)),
    Phrase("SUBSTR({0}, -2)", (S,), S, lambda a: _substr(a, -2)),
    Phrase("SUBSTR({0}, 0, 2)", (S,), S, lambda a: _substr(a, 0, 2)),
    Phrase("SUBSTR({0}, 2, 3)", (S,), S, lambda a: _substr(a, 2, 3)),
    Phrase("SUBSTR({0}, -4, 3)", (S,), S, lambda a: _substr(a, -4, 3)),
    Phrase("LEFT({0}, 2)", (S,), S, lambda a: a[:2]),
    Phrase("RIGHT({0}, 2)", (S,), S, lambda a: a[-2:]),
    Phrase("REPLACE({0}, 'a', 'bb')", (S,), S, lambda a: a.replace("a", "bb")),
    Phrase("REPLACE({0}, '', 'x')", (S,), S, lambda a: a),
    Phrase("STARTS_WITH({0}, 'a')", (S,), B, lambda a: a.startswith("a")),
    Phrase("ENDS_WITH({0}, 'n')", (S,), B, lambda a: a.endswith("n")),
    Phrase("STRPOS({0}, 'b')", (S,), I, lambda a: _nth(a, "b")),
    Phrase("INSTR({0}, 'e')", (S,), I, lambda a: _nth(a, "e")),
    Phrase("LPAD({0}, 5, '*-')", (S,), S, lambda a: _pad(a, 5, "*-", True)),
    Phrase("RPAD({0}, 4)", (S,), S, lambda a: _pad(a, 4, " ", False)),
    Phrase("REGEXP_CONTAINS({0}, r'^[a-z]+$')", (S,), B, lambda a: re.search(r"\A[a-z]+\Z", a) is not None),
    Phrase("REGEXP_EXTRACT({0}, r'([a-z])[a-z]*')", (S,), S, lambda a: _extract("([a-z])[a-z]*", a)),
    Phrase("REGEXP_EXTRACT({0}, r'[0-9]+')", (S,), S, lambda a: _extract("[0-9]+", a)),
    Phrase("REGEXP_REPLACE({0}, r'([aeo])', r'<\\1>')", (S,), S, lambda a: re.sub("([aeo])", r"<\1>", a)),
    Phrase("SPLIT({0}, ',')[SAFE_OFFSET(1)]", (S,), S, lambda a: _at(a.split(","), 1)),
    Phrase("ARRAY_LENGTH(SPLIT({0}, ','))", (S,), I, lambda a: len(a.split(","))),
    Phrase("TO_HEX(SHA256({0}))", (S,), S, lambda a: hashlib.sha256(a.encode()).hexdigest()),
    Phrase("TO_HEX(MD5({0}))", (S,), S, lambda a: hashlib.md5(a.encode()).hexdigest()),
    Phrase("INITCAP({0})", (S,), S, _title),
    Phrase("SAFE_CAST({0} AS INT64)", (S,), I, _int),
    Phrase("SAFE_CAST({0} AS FLOAT64)", (S,), F, _float),
    Phrase("SAFE_CAST({0} AS NUMERIC)", (S,), N, _numeric),
    Phrase("SAFE_CAST({0} AS DATE)", (S,), D, _date),
    Phrase("SAFE_CAST({0} AS BOOL)", (S,), B, lambda a: {"true": True, "false": False}.get(a.lower())),
    Phrase("COALESCE({0}, {1}, 'none')", (S, S), S, lambda a, b: a if a is not None else b if b is not None else "none", True),
    Phrase("IFNULL({0}, '?')", (S,), S, lambda a: "?" if a is None else a, True),
    Phrase("NULLIF({0}, '')", (S,), S, lambda a: a or None),
    Phrase("CASE {0} WHEN 'paid' THEN 1 WHEN 'open' THEN 2 ELSE 0 END", (S,), I, lambda a: {"paid": 1, "open": 2}.get(a, 0), True),
    Phrase("{0} LIKE 'a%'", (S,), B, lambda a: like(a, "a%")),
    Phrase("{0} LIKE '%\\\\_%'", (S,), B, lambda a: "_" in a),
    Phrase("{0} IN ('paid', 'it\\'s')", (S,), B, lambda a: a in ("paid", "it's")),
    Phrase("{0} < {1}", (S, S), B, lambda a, b: a < b),
    Phrase("GREATEST({0}, {1})", (S, S), S, max),
    Phrase("LEAST({0}, 'm')", (S,), S, lambda a: min(a, "m")),
]
NUMBERS = [
    Phrase("ABS({0})", (I,), I, lambda a: whole(abs(a))),
    Phrase("SIGN({0})", (I,), I, lambda a: (a > 0) - (a < 0)),
    Phrase("{0} + {1}", (I, I), I, lambda a, b: whole(a + b)),
    Phrase("{0} - 7", (I,), I, lambda a: whole(a - 7)),
    Phrase("{0} * {1}", (I, I), I, lambda a, b: whole(a * b)),
    Phrase("-{0}", (I,), I, lambda a: whole(-a)),
    Phrase("MOD({0}, 3)", (I,), I, lambda a: int(math.fmod(a, 3)) if abs(a) < 2**53 else (abs(a) % 3) * (1 if a > 0 else -1)),
    Phrase("DIV({0}, 2)", (I,), I, lambda a: _trunc_div(a, 2)),
    Phrase("{0} / 4", (I,), F, lambda a: a / 4),
    Phrase("SAFE_DIVIDE({0}, {1})", (I, I), F, lambda a, b: _safe(a, b), fuzzy=True),
    Phrase("CAST({0} AS STRING)", (I,), S, str),
    Phrase("CAST({0} AS FLOAT64)", (I,), F, float),
    Phrase("CAST({0} AS NUMERIC)", (I,), N, lambda a: exact(Decimal(a))),
    Phrase("CAST({0} AS BOOL)", (I,), B, bool),
    Phrase("GREATEST({0}, {1})", (I, I), I, max),
    Phrase("LEAST({0}, 2, {1})", (I, I), I, lambda a, b: min(a, 2, b)),
    Phrase("{0} BETWEEN 0 AND 3", (I,), B, lambda a: 0 <= a <= 3),
    Phrase("{0} IN (1, 2, NULL)", (I,), B, lambda a: True if a in (1, 2) else None),
    Phrase("{0} > {1}", (I, F), B, lambda a, b: float(a) > b),
    Phrase("{0} = {1}", (I, N), B, lambda a, b: a == b),
    Phrase("ROUND({0})", (I,), F, float),
    Phrase("CASE WHEN {0} > 2 THEN 'high' WHEN {0} > 0 THEN 'low' END", (I,), S, lambda a: "high" if a > 2 else "low" if a > 0 else None),
    Phrase("ROUND({0})", (F,), F, _round),
    Phrase("ROUND({0}, 1)", (F,), F, lambda a: _round(a, 1), fuzzy=True),
    Phrase("CEIL({0})", (F,), F, lambda a: a if math.isinf(a) else float(math.ceil(a))),
    Phrase("FLOOR({0})", (F,), F, lambda a: a if math.isinf(a) else float(math.floor(a))),
    Phrase("TRUNC({0})", (F,), F, lambda a: a if math.isinf(a) else float(math.trunc(a))),
    Phrase("{0} * 2", (F,), F, lambda a: real(a * 2, a)),
    Phrase("{0} + {1}", (F, F), F, lambda a, b: real(a + b, a, b)),
    Phrase("{0} - {1}", (F, I), F, lambda a, b: real(a - b, a)),
    Phrase("{0} + {1}", (F, N), F, lambda a, b: real(a + float(b), a), fuzzy=True),
    Phrase("SAFE_DIVIDE({0}, {1})", (F, F), F, lambda a, b: _safe(a, b), fuzzy=True),
    Phrase(
        "CAST({0} AS INT64)", (F,), I, lambda a: whole(int(Decimal(a).quantize(Decimal(1), ROUND_HALF_UP)) if abs(a) < 1e20 else 2**63)
    ),
    Phrase("CAST({0} AS NUMERIC)", (F,), N, lambda a: exact(Decimal(repr(a))) if abs(a) < 1e28 else _stop(), fuzzy=True),
    Phrase("SQRT(ABS({0}))", (F,), F, lambda a: math.sqrt(abs(a)), fuzzy=True),
    Phrase("POW({0}, 2)", (F,), F, lambda a: _power(a), fuzzy=True),
    Phrase("EXP({0})", (F,), F, _exp, fuzzy=True),
    Phrase("LN(ABS({0}) + 1)", (F,), F, lambda a: math.log(real(abs(a) + 1, a)), fuzzy=True),
    Phrase("ABS({0})", (F,), F, abs),
    Phrase("SIGN({0})", (F,), F, lambda a: float((a > 0) - (a < 0))),
    Phrase("{0} * {1}", (F, F), F, lambda a, b: real(a * b, a, b)),
    Phrase("{0} * {0} - {1} * 0.5", (F, F), F, lambda a, b: real(a * a - b * 0.5, a, b), fuzzy=True),
    Phrase("({0} + {1}) * 3 + {2}", (F, F, I), F, lambda a, b, c: real((a + b) * 3 + c, a, b), fuzzy=True),
    Phrase("{0} / 0.1", (F,), F, lambda a: real(a / 0.1, a)),
    Phrase("{0} / {1}", (F, F), F, lambda a, b: _over(a, b)),
    Phrase("{0} / {1}", (I, I), F, lambda a, b: _over(a, b)),
    Phrase("{0} / {1}", (F, I), F, lambda a, b: _over(a, b)),
    Phrase("{0} = {1}", (F, F), B, lambda a, b: a == b),
    Phrase("{0} >= 2.5", (F,), B, lambda a: a >= 2.5),
    Phrase("IF({0} > 0, {0}, {1})", (F, F), F, lambda a, b: a if a is not None and a > 0 else b, True),
    Phrase("ROUND({0}, 1)", (N,), N, lambda a: _round(a, 1)),
    Phrase("ROUND({0})", (N,), N, _round),
    Phrase("TRUNC({0})", (N,), N, lambda a: _round(a, 0, ROUND_DOWN)),
    Phrase("CEIL({0})", (N,), N, lambda a: _round(a, 0, ROUND_CEILING)),
    Phrase("FLOOR({0})", (N,), N, lambda a: _round(a, 0, ROUND_FLOOR)),
    Phrase("{0} + {1}", (N, N), N, lambda a, b: exact(a + b)),
    Phrase("{0} * 2", (N,), N, lambda a: exact(a * 2)),
    Phrase("{0} - 0.5", (N,), N, lambda a: exact(a - Decimal("0.5"))),
    Phrase("{0} * {1}", (N, N), N, lambda a, b: exact(a * b)),
    Phrase("{0} + {1}", (N, I), N, lambda a, b: exact(a + b)),
    Phrase("{0} / 8", (N,), N, lambda a: exact(a / 8), fuzzy=True),
    Phrase("SAFE_DIVIDE({0}, {1})", (N, N), N, _safe, fuzzy=True),
    Phrase("CAST({0} AS INT64)", (N,), I, lambda a: whole(int(a.quantize(Decimal(1), ROUND_HALF_UP)))),
    Phrase("CAST({0} AS STRING)", (N,), S, _decimals),
    Phrase("CAST({0} AS FLOAT64)", (N,), F, float),
    Phrase("ABS({0})", (N,), N, abs),
    Phrase("{0} > 1.5", (N,), B, lambda a: a > Decimal("1.5")),
    Phrase("NULLIF({0}, 0)", (N,), N, lambda a: a or None),
    Phrase("COALESCE({0}, 0)", (N,), N, lambda a: Decimal(0) if a is None else a, True),
    Phrase("NOT {0}", (B,), B, lambda a: not a),
    Phrase("{0} AND {1}", (B, B), B, _and, True),
    Phrase("{0} OR {1}", (B, B), B, _or, True),
    Phrase("{0} IS TRUE", (B,), B, lambda a: a is True, True),
    Phrase("{0} IS NULL", (B,), B, lambda a: a is None, True),
    Phrase("CAST({0} AS STRING)", (B,), S, lambda a: str(a).lower()),
    Phrase("CAST({0} AS INT64)", (B,), I, int),
    Phrase("IF({0}, 1, 0)", (B,), I, lambda a: 1 if a else 0, True),
]


def _stop() -> Any:
    raise Stop("NUMERIC")


def _power(value: float) -> float:
    try:
        return real(value**2, value)
    except OverflowError:
        raise Stop("FLOAT64") from None


MIDNIGHT = time()
MARK = date(2024, 8, 14)
AT = datetime(2024, 8, 14, 15, 30)
TIMES = [
    Phrase("DATE_ADD({0}, INTERVAL 1 MONTH)", (D,), D, lambda a: _months(a, 1)),
    Phrase("DATE_SUB({0}, INTERVAL 10 DAY)", (D,), D, lambda a: _shift(a, days=-10)),
    Phrase("DATE_ADD({0}, INTERVAL {1} WEEK)", (D, I), D, lambda a, b: _shift_weeks(a, b), True),
    Phrase("DATE_SUB({0}, INTERVAL 1 QUARTER)", (D,), D, lambda a: _months(a, -3)),
    Phrase("DATE_ADD({0}, INTERVAL 1 YEAR)", (D,), D, lambda a: _months(a, 12)),
    Phrase("DATE_DIFF({0}, DATE '2024-08-14', DAY)", (D,), I, lambda a: (a - MARK).days),
    Phrase("DATE_DIFF({0}, DATE '2024-08-14', WEEK)", (D,), I, lambda a: _weeks(a, MARK, 1)),
    Phrase("DATE_DIFF({0}, DATE '2024-08-14', ISOWEEK)", (D,), I, lambda a: _weeks(a, MARK, 0)),
    Phrase("DATE_DIFF({0}, DATE '2024-08-14', MONTH)", (D,), I, lambda a: a.year * 12 + a.month - 2024 * 12 - 8),
    Phrase("DATE_DIFF({0}, DATE '2024-08-14', QUARTER)", (D,), I, lambda a: a.year * 4 + (a.month - 1) // 3 - 2024 * 4 - 2),
    Phrase("DATE_DIFF({0}, DATE '2024-08-14', YEAR)", (D,), I, lambda a: a.year - 2024),
    Phrase("DATE_TRUNC({0}, MONTH)", (D,), D, lambda a: cut(a, "month")),
    Phrase("DATE_TRUNC({0}, ISOWEEK)", (D,), D, lambda a: cut(a, "week")),
    Phrase("DATE_TRUNC({0}, WEEK)", (D,), D, lambda a: _shift(a, days=-_sunday(a))),
    Phrase("DATE_TRUNC({0}, QUARTER)", (D,), D, lambda a: cut(a, "quarter")),
    Phrase("DATE_TRUNC({0}, YEAR)", (D,), D, lambda a: cut(a, "year")),
    Phrase("EXTRACT(DAYOFWEEK FROM {0})", (D,), I, lambda a: _sunday(a) + 1),
    Phrase("EXTRACT(WEEK FROM {0})", (D,), I, _week),
    Phrase("EXTRACT(ISOWEEK FROM {0})", (D,), I, lambda a: a.isocalendar()[1]),
    Phrase("EXTRACT(ISOYEAR FROM {0})", (D,), I, lambda a: a.isocalendar()[0]),
    Phrase("EXTRACT(QUARTER FROM {0})", (D,), I, lambda a: (a.month - 1) // 3 + 1),
    Phrase("EXTRACT(DAYOFYEAR FROM {0})", (D,), I, lambda a: a.timetuple().tm_yday),
    Phrase("EXTRACT(YEAR FROM {0})", (D,), I, lambda a: a.year),
    Phrase(
        "LAST_DAY({0})",
        (D,),
        D,
        lambda a: _months(a.replace(day=1), 1) - timedelta(days=1) if a.year < 9999 or a.month < 12 else a.replace(day=31),
    ),
    Phrase("CAST({0} AS STRING)", (D,), S, lambda a: a.isoformat()),
    Phrase("CAST({0} AS DATETIME)", (D,), T, lambda a: datetime.combine(a, MIDNIGHT)),
    Phrase("TIMESTAMP({0})", (D,), Z, lambda a: datetime.combine(a, MIDNIGHT, UTC)),
    Phrase("{0} > DATE '2024-12-31'", (D,), B, lambda a: a > date(2024, 12, 31)),
    Phrase("GREATEST({0}, {1})", (D, D), D, max),
    Phrase("FORMAT_DATE('%d.%m. %a %B %j', {0})", (D,), S, lambda a: a.strftime("%d.%m. %a %B %j")),
    Phrase("DATETIME_ADD({0}, INTERVAL 90 MINUTE)", (T,), T, lambda a: _shift(a, minutes=90)),
    Phrase("DATETIME_SUB({0}, INTERVAL 1 MONTH)", (T,), T, lambda a: _months(a, -1)),
    Phrase("DATETIME_DIFF({0}, DATETIME '2024-08-14 15:30:00', DAY)", (T,), I, lambda a: (a.date() - MARK).days),
    Phrase(
        "DATETIME_DIFF({0}, DATETIME '2024-08-14 15:30:00', HOUR)",
        (T,),
        I,
        lambda a: (a.replace(minute=0, second=0, microsecond=0) - AT.replace(minute=0)) // timedelta(hours=1),
    ),
    Phrase("DATETIME_DIFF({0}, DATETIME '2024-08-14 15:30:00', MONTH)", (T,), I, lambda a: a.year * 12 + a.month - 2024 * 12 - 8),
    Phrase("DATETIME_TRUNC({0}, HOUR)", (T,), T, lambda a: cut(a, "hour")),
    Phrase("DATETIME_TRUNC({0}, MONTH)", (T,), T, lambda a: cut(a, "month")),
    Phrase("EXTRACT(HOUR FROM {0})", (T,), I, lambda a: a.hour),
    Phrase("EXTRACT(SECOND FROM {0})", (T,), I, lambda a: a.second),
    Phrase("CAST({0} AS DATE)", (T,), D, lambda a: a.date()),
    Phrase("CAST({0} AS STRING)", (T,), S, _said),
    Phrase("TIMESTAMP({0})", (T,), Z, lambda a: a.replace(tzinfo=UTC)),
    Phrase(
        "LAST_DAY({0})",
        (T,),
        D,
        lambda a: _months(a.date().replace(day=1), 1) - timedelta(days=1) if a.year < 9999 or a.month < 12 else date(9999, 12, 31),
    ),
    Phrase("TIMESTAMP_ADD({0}, INTERVAL 36 HOUR)", (Z,), Z, lambda a: _shift(a, hours=36)),
    Phrase("TIMESTAMP_SUB({0}, INTERVAL 1 MICROSECOND)", (Z,), Z, lambda a: _shift(a, microseconds=-1)),
    Phrase(
        "TIMESTAMP_DIFF({0}, TIMESTAMP '2024-08-14 15:30:00+00', HOUR)",
        (Z,),
        I,
        lambda a: int((a - AT.replace(tzinfo=UTC)) / timedelta(hours=1)),
    ),
    Phrase(
        "TIMESTAMP_DIFF({0}, TIMESTAMP '2024-08-14 15:30:00+00', DAY)",
        (Z,),
        I,
        lambda a: _units(a - AT.replace(tzinfo=UTC), timedelta(days=1)),
    ),
    Phrase("TIMESTAMP_TRUNC({0}, DAY)", (Z,), Z, lambda a: cut(a, "day")),
    Phrase("TIMESTAMP_TRUNC({0}, ISOWEEK)", (Z,), Z, lambda a: cut(a, "week")),
    Phrase("TIMESTAMP_TRUNC({0}, MINUTE)", (Z,), Z, lambda a: cut(a, "minute")),
    Phrase("EXTRACT(DATE FROM {0})", (Z,), D, lambda a: a.date()),
    Phrase("EXTRACT(DAYOFWEEK FROM {0})", (Z,), I, lambda a: _sunday(a) + 1),
    Phrase("EXTRACT(MINUTE FROM {0})", (Z,), I, lambda a: a.minute),
    Phrase("CAST({0} AS DATE)", (Z,), D, lambda a: a.date()),
    Phrase("CAST({0} AS DATETIME)", (Z,), T, lambda a: a.replace(tzinfo=None)),
    Phrase("CAST({0} AS STRING)", (Z,), S, lambda a: _said(a, "+00")),
    Phrase("UNIX_SECONDS({0})", (Z,), I, _unix),
    Phrase("FORMAT_TIMESTAMP('%H:%M %p', {0})", (Z,), S, lambda a: f"{a:%H:%M} {'AM' if a.hour < 12 else 'PM'}"),
    Phrase("TIMESTAMP_SECONDS({0})", (I,), Z, _from_unix),
    Phrase("IF({0} < {1}, {0}, {1})", (Z, Z), Z, lambda a, b: a if a is not None and b is not None and a < b else b, True),
    Phrase("DATE({0})", (Z,), D, lambda a: a.date()),
    Phrase("DATE(2024, 2, MOD(ABS({0}), 28) + 1)", (I,), D, lambda a: date(2024, 2, whole(abs(a)) % 28 + 1)),
]


def _units(between: timedelta, unit: timedelta) -> int:
    return abs(between) // unit * (1 if between >= timedelta() else -1)


PHRASES = [*TEXTS, *NUMBERS, *TIMES]


def nested(outer: Phrase, inner: dict[int, Phrase]) -> Phrase:
    """An expression with other expressions in the places of some of its columns. It is `lazy`: each part asks for itself."""
    takes, texts, said, spans = list[str](), list[str](), list[str](), list[tuple[int, int]]()
    for place, want in enumerate(outer.takes):
        part, at = inner.get(place), len(takes)
        takes += part.takes if part else [want]
        own = [f"{{{n}}}" for n in range(at, len(takes))]
        texts.append(f"({part.text.format(*own)})" if part else own[0])
        said.append(f"({part.said.format(*own)})" if part else own[0])
        spans.append((at, len(takes)))

    def value(*cells: Any) -> Any:
        found = []
        for place, (start, end) in enumerate(spans):
            part = inner.get(place)
            found.append(part.of(*cells[start:end]) if part else cells[start])
        return outer.of(*found)

    return Phrase(outer.text.format(*texts), tuple(takes), outer.gives, value, True, outer.fuzzy, outer.said.format(*said))
