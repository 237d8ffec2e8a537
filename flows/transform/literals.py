"""Values from a spec as SQL literals, typed by the column that they meet."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import NoReturn

from sqlglot import exp

from flows.transform.frame import NUMBERS, cast, fail
from flows.warehouse.base import Dialect

INT64 = 2**63
NUMERIC_MAX = Decimal("1e29")


def literal(value: object, type_: str, dialect: Dialect, path: str, *, exact: bool = False) -> exp.Expr:
    """A value for a column of a BigQuery type. Dates and times are ISO texts; a time without zone is UTC.

    `exact` makes the literal of the column's own type (to put it into the column) where a comparison would coerce it.
    Raises SpecError for a value that does not fit the type.
    """
    if type_ in NUMBERS:
        return number(value, type_, dialect, path, exact=exact)
    if type_ == "BOOL":
        if not isinstance(value, bool):
            _misfit(value, type_, path, "Use true or false")
        return exp.Boolean(this=value)
    if not isinstance(value, str):
        _misfit(value, type_, path, f"Write it in quotes: \"{value}\"" if type_ == "STRING" else "Write it as text: \"2025-01-31\"")
    if type_ == "STRING":
        return exp.Literal.string(value)
    if type_ == "DATE":
        return moment(day(value, path), "DATE", dialect)
    if type_ in ("TIMESTAMP", "DATETIME"):
        return moment(instant(value, type_, path), type_, dialect)
    if type_ == "TIME":
        return cast(exp.Literal.string(_time(value, path).isoformat()), "TIME", dialect)
    return fail(path, "type", f"a column of type {type_} cannot be compared with a value", "Derive a column of a plain type first")


def number(value: object, type_: str, dialect: Dialect, path: str, *, exact: bool = False) -> exp.Expr:
    """A number, exactly as it is written."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        hint = "Write it without quotes" if isinstance(value, str) and _numeric(value) else "Give a number"
        _misfit(value, type_, path, hint)
    exactly = Decimal(repr(value))
    if type_ == "INT64" and exact and exactly != int(exactly):
        _misfit(value, type_, path, "Give a whole number")
    if (type_ == "INT64" and not -INT64 <= exactly < INT64) or (type_ == "NUMERIC" and abs(exactly) >= NUMERIC_MAX):
        _misfit(value, type_, path, "It is too large")
    digits = str(abs(int(value))) if isinstance(value, int) or (exact and type_ == "INT64") else repr(abs(value))
    tree: exp.Expr = exp.Literal.number(digits)
    tree = exp.Neg(this=tree) if exactly < 0 else tree
    return cast(tree, type_, dialect) if exact and type_ != "INT64" else tree


def _numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _misfit(value: object, type_: str, path: str, hint: str) -> NoReturn:
    what = "the text" if isinstance(value, str) else "the truth value" if isinstance(value, bool) else "the number"
    fail(path, "type", f"{what} {str(value)[:80]!r} does not fit a column of type {type_}", hint)


def is_day(value: object) -> bool:
    """A date without a time?"""
    return isinstance(value, str) and len(value.strip()) == 10 and value[4:5] == "-"


def day(text: str, path: str) -> date:
    """An ISO date. Raises SpecError."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        fail(path, "date", f"{text[:80]!r} is not a date", "Write it as year-month-day: 2025-01-31")
    if len(text.strip()) > 10:
        fail(path, "date", f"{text[:80]!r} holds a time, the column is a DATE", f"Write {found.date().isoformat()}")
    return found.date()


def instant(text: str, type_: str, path: str) -> datetime:
    """An ISO date or time; for a TIMESTAMP with its zone, UTC when it says none. Raises SpecError."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        fail(path, "date", f"{text[:80]!r} is not a date or time", "Write it as 2025-01-31 or 2025-01-31T12:00:00Z")
    if type_ == "TIMESTAMP":
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    if found.tzinfo:
        fail(path, "date", f"{text[:80]!r} has a time zone, the column is a DATETIME and has none",
             f"Write {found.replace(tzinfo=None).isoformat()}")
    return found


def _time(text: str, path: str) -> time:
    try:
        found = time.fromisoformat(text.strip())
    except ValueError:
        found = None
    if found is None or found.tzinfo:
        fail(path, "date", f"{text[:80]!r} is not a time of day", "Write it as 13:30:00")
    return found


def moment(value: date | datetime, type_: str, dialect: Dialect) -> exp.Expr:
    """A date or time as a literal of DATE, DATETIME or TIMESTAMP; a date is its first instant, UTC."""
    if type_ == "DATE":
        return cast(exp.Literal.string(value.isoformat()), "DATE", dialect)
    at = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
    text = at.replace(tzinfo=None).isoformat(sep=" ") + ("+00:00" if type_ == "TIMESTAMP" else "")
    return cast(exp.Literal.string(text), type_, dialect)


def shifted(start: date, days: int, path: str) -> date:
    """A day so many days later. Raises SpecError outside the calendar."""
    try:
        return start + timedelta(days=days)
    except OverflowError:
        fail(path, "date", f"{days} days from {start.isoformat()} is outside the calendar")


def period(now: date, unit: str, offset: int, path: str) -> tuple[date, date]:
    """First day, and first day after, of a calendar window. Weeks start on Monday."""
    if unit in ("day", "week"):
        length = 7 if unit == "week" else 1
        start = shifted(now, offset * length - (now.weekday() if unit == "week" else 0), path)
        return start, shifted(start, length, path)
    months = {"month": 1, "quarter": 3, "year": 12}[unit]
    first = (now.year * 12 + now.month - 1) // months + offset
    if not 12 <= first * months < 9999 * 12:
        fail(path, "date", f"{unit} {offset:+d} from {now.isoformat()} is outside the calendar")
    return _month(first * months), _month((first + 1) * months)


def _month(count: int) -> date:
    return date(count // 12, count % 12 + 1, 1)
