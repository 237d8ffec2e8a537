"""Dates, times and zones that are written in a statement, read as strictly as BigQuery reads them. Source: BigQuery, "Lexical structure",
date and time literals, and "Data types", time zones."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_TIME = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,6}))?", re.ASCII)
_OFFSET = re.compile(r"(?:UTC)?([+-])(\d{1,2})(?::?(\d{1,2}))?", re.ASCII)


def read(text: str, kind: str) -> str | None:
    """The text of a DATE, TIME, DATETIME or TIMESTAMP in DuckDB's spelling; None when BigQuery would not read it."""
    try:
        made = {"DATE": _date, "TIME": _time, "DATETIME": _datetime, "TIMESTAMP": _timestamp}[kind](text)
    except (ValueError, OverflowError):
        return None
    if made is None:
        return None
    return made.astimezone(UTC).isoformat(sep=" ") if kind == "TIMESTAMP" and isinstance(made, datetime) else \
        made.isoformat(sep=" ") if isinstance(made, datetime) else made.isoformat()


def _date(text: str) -> date | None:
    found = _DATE.fullmatch(text)
    return date(*map(int, found.groups())) if found else None


def _time(text: str) -> time | None:
    found = _TIME.fullmatch(text)
    return _clock(found) if found else None


def _clock(found: re.Match[str]) -> time:
    return time(int(found[1]), int(found[2]), int(found[3]), int((found[4] or "0").ljust(6, "0")))


def _datetime(text: str) -> datetime | None:
    found = _DATE.match(text)
    rest = text[found.end():] if found else ""
    if found is None or (rest and rest[0] not in " Tt"):
        return None
    clock = _time(rest[1:]) if rest else time()
    return datetime.combine(date(*map(int, found.groups())), clock) if clock is not None else None


def _timestamp(text: str) -> datetime | None:
    found = _DATE.match(text)
    if found is None:
        return None
    rest = text[found.end():]
    if rest and rest[0] not in " Tt":
        return None
    clock, rest = time(), rest[1:]
    if at := _TIME.match(rest):
        clock, rest = _clock(at), rest[at.end():]
    elif rest and rest[0] not in "+-":
        return None
    zone: timezone | ZoneInfo | None = UTC
    if rest and rest not in ("Z", "z", " UTC"):
        name = rest.removeprefix(" UTC") if rest.startswith((" UTC+", " UTC-")) else rest
        zone = read_zone(name[1:]) if name[0] == " " and name[1:2] not in ("+", "-") else read_zone(name) if name[0] in "+-" else None
    return datetime.combine(date(*map(int, found.groups())), clock, tzinfo=zone) if zone is not None else None


def offset(text: str) -> int | None:
    """Minutes of a zone like -08:00, +5:30 or UTC+2; None for a name."""
    found = _OFFSET.fullmatch(text)
    if found is None:
        return None
    minutes = int(found[2]) * 60 + int(found[3] or 0)
    return (-minutes if found[1] == "-" else minutes) if minutes <= 14 * 60 and int(found[3] or 0) < 60 else None


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones())


def read_zone(text: str) -> timezone | ZoneInfo | None:
    """A zone by its name or offset; None when there is none of that name."""
    minutes = offset(text)
    if minutes is not None:
        return timezone(timedelta(minutes=minutes))
    return ZoneInfo(text) if text in _names() else None
