"""Dates and periods: since 2025-01-01, last 30 days, last month, in October 2025, Q3 2025, yesterday, November 3rd."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from flows.planner.read.text import Found
from flows.planner.read.words import MONTHS

MONTH = r"(?:" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")"
UNIT = r"(?:days?|weeks?|months?|quarters?|years?)"
DAY = (
    rf"(?:\d{{4}}-\d\d-\d\d|(?:the )?\d{{1,2}} (?:st |nd |rd |th )?(?:of )?{MONTH}(?: ,)?(?: \d{{4}})?|{MONTH} (?:the "
    r")?\d{1,2}(?: st| nd| rd| th)?(?: ,? ?\d{4}| , \d{4})?(?!\d)"
    r"|yesterday|today|the day before yesterday)"
)
SPAN = (
    rf"(?:(?:the )?(?:last|past|previous|preceding|most recent|latest|trailing) \d{{1,4}} (?:{UNIT}|hours?)|(?:the )?(?:last|past|"
    r"previous|prior) (?:calendar )?(?:day|week|month|quarter|year)"
    r"|(?:this|the current|current) (?:calendar )?(?:day|week|month|quarter|year)(?: so far| to date)?|(?:q[1-4]|(?:the "
    rf")?(?:first|second|third|fourth) quarter)(?: (?:of |in )?\d{{4}})?|(?:the (?:month|whole) of )?{MONTH}(?: (?:of )?(?:\d{{4}}|"
    r"last year|this year))?"
    r"|(?:the )?(?:year )?(?:19|20)\d\d(?![-\d])|(?:the )?(?:month|year|quarter) to date)"
)


@dataclass(frozen=True)
class Period:
    """`value` is what a condition takes; first and last are real days, counted from the request's `now`."""

    op: str
    value: Any
    first: dt.date
    last: dt.date


def one_day(words: str, today: dt.date) -> dt.date | None:
    """A single day; a day of the year without a year is the last one that has passed."""
    words = words.replace("the day before yesterday", "ereyesterday").replace(" ,", "")
    if words in ("today", "yesterday", "ereyesterday"):
        return today - dt.timedelta(("today", "yesterday", "ereyesterday").index(words))
    parts = [w for w in words.split() if w not in ("st", "nd", "rd", "th", "of", "the")]
    try:
        if len(parts) == 1:
            return dt.date.fromisoformat(parts[0][:10])
        month = next(MONTHS[p] for p in parts if p in MONTHS)
        numbers = [int(p) for p in parts if p.isdigit()]
        years = [n for n in numbers if n > 31]
        day = next(n for n in numbers if n <= 31)
        found = dt.date(years[0] if years else today.year, month, day)
        return found if years or found <= today else found.replace(year=today.year - 1)
    except (ValueError, StopIteration):
        return None


def period(words: str, today: dt.date) -> Period | None:
    """A stretch of days as a condition value: relative where the words are relative."""
    words = " ".join(w for w in words.split() if w not in ("the", "calendar", "of", "in"))
    if words in ("today", "yesterday", "day before yesterday"):
        back = ("today", "yesterday", "day before yesterday").index(words)
        day = today - dt.timedelta(back)
        return Period("in_period", {"unit": "day", "offset": -back}, day, day)
    if (day_ := one_day(words, today)) is not None:
        return Period("=", day_.isoformat(), day_, day_)
    return _rolling(words, today) or _calendar(words, today)


def _rolling(words: str, today: dt.date) -> Period | None:
    parts = words.split()
    if len(parts) < 3 or not parts[-2].isdigit() or parts[-1].rstrip("s") not in ("day", "week", "month", "quarter", "year"):
        return None
    n, unit = int(parts[-2]), parts[-1].rstrip("s")
    if not 0 < n < 5000:
        return None
    if unit in ("day", "week"):
        days = n * (7 if unit == "week" else 1)
        return Period(">=", {"today": -days}, today - dt.timedelta(days), today)
    months = n * {"month": 1, "quarter": 3, "year": 12}[unit]
    at = today.year * 12 + today.month - 1 - months
    if at < 12:
        return None
    start = dt.date(at // 12, at % 12 + 1, min(today.day, 28))
    return Period(">=", {"today": -(today - start).days}, start, today)


def _calendar(words: str, today: dt.date) -> Period | None:
    parts = words.split()
    named = {"last": -1, "past": -1, "previous": -1, "prior": -1, "this": 0, "current": 0}
    if parts[-2:] == ["to", "date"] or parts[-2:] == ["so", "far"]:
        parts = parts[:-2]
        parts = parts if parts[0] in named else ["this", *parts]
    if len(parts) == 2 and parts[0] in named and parts[1] in ("day", "week", "month", "quarter", "year"):
        offset = named[parts[0]]
        return Period("in_period", {"unit": parts[1], "offset": offset}, *bounds(parts[1], offset, today))
    year = next((int(p) for p in parts if p.isdigit() and len(p) == 4), None)
    year = today.year - 1 if words.endswith("last year") else today.year if words.endswith("this year") else year
    quarter = {"first": 1, "second": 2, "third": 3, "fourth": 4}.get(parts[0]) if "quarter" in parts else None
    if parts[0][:1] == "q" and parts[0][1:].isdigit():
        quarter = int(parts[0][1:])
    month = next((MONTHS[p] for p in parts if p in MONTHS), None)
    if quarter:
        return _months(year, quarter * 3 - 2, 3, today)
    if month:
        return _months(year, month, 1, today)
    return _months(year, 1, 12, today) if year else None


def _months(year: int | None, month: int, size: int, today: dt.date) -> Period | None:
    """`size` months from the first of a month; without a year the last such stretch that has begun."""
    if year is None:
        year = today.year if (month <= today.month) else today.year - 1
    if not 1900 <= year <= 2200:
        return None
    first = dt.date(year, month, 1)
    at = year * 12 + month - 1 + size
    last = dt.date(at // 12, at % 12 + 1, 1) - dt.timedelta(1)
    return Period("between", [first.isoformat(), last.isoformat()], first, last)


def bounds(unit: str, offset: int, today: dt.date) -> tuple[dt.date, dt.date]:
    """First and last day of the calendar unit that lies `offset` of them from today's; weeks start on Monday."""
    if unit in ("day", "week"):
        days = 7 if unit == "week" else 1
        start = today - dt.timedelta(today.weekday() if unit == "week" else 0) + dt.timedelta(days * offset)
        return start, start + dt.timedelta(days - 1)
    size = {"month": 1, "quarter": 3, "year": 12}[unit]
    at = ((today.year * 12 + today.month - 1) // size + offset) * size
    end = at + size
    return dt.date(at // 12, at % 12 + 1, 1), dt.date(end // 12, end % 12 + 1, 1) - dt.timedelta(1)


def bare_month(found: Found, name: str) -> bool:
    """`may` and `march` alone are verbs as often as months."""
    return found[name].strip() in ("may", "march", "mar", "sun", "sat")
