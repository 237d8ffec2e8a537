"""Numbers with their units, the way people read them: seconds, counts, rows, days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")


def seconds(value: float) -> str:
    """A length of time in seconds: `0.05 s`, `3.2 s`, `47 s`, `1 min 32 s`, `2 h 5 min`, `3 d 4 h`; no more than two units."""
    value = max(0.0, float(value))
    if value < 0.0995:
        return f"{value:.2f} s" if value >= 0.005 else "0 s" if value == 0 else "under 0.01 s"
    if value < 9.95:
        return f"{value:.1f} s"
    whole = int(value + 0.5)
    for size, unit, below, part in ((86_400, "d", "h", 3_600), (3_600, "h", "min", 60), (60, "min", "s", 1)):
        if whole >= size:
            more = whole % size // part
            return f"{whole // size:,} {unit} {more} {below}" if more else f"{whole // size:,} {unit}"
    return f"{whole} s"


def count(n: float) -> str:
    """`12,480`."""
    return f"{n:,}"


def several(n: int, one: str, many: str = "") -> str:
    """`1 step`, `2,076 steps`; `many` where an s does not do."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def rows(n: int) -> str:
    """`1 row`, `2,076 rows`."""
    return several(n, "row")


def ago(then: datetime, now: datetime) -> str:
    """How long since `then`: `just now`, `12 min ago`, `3 h ago`, `yesterday`, `5 days ago`, then the date. `in 5 min` when ahead."""
    passed = (now - then).total_seconds()
    if passed < 0:
        return f"in {_rough(-passed)}" if passed <= -30 else "just now"
    if passed < 30:
        return "just now"
    if passed < 86_400:
        return f"{_rough(passed)} ago"
    gone = (now.date() - then.date()).days
    return "yesterday" if gone == 1 else f"{gone} days ago" if gone < 30 else day(then.date())


def _rough(length: float) -> str:
    if length < 59.5:
        return f"{length:.0f} s"
    if length < 3_570:
        return f"{length / 60:.0f} min"
    return f"{length / 3_600:.0f} h" if length < 86_400 * 2 else several(round(length / 86_400), "day")


def clock(moment: datetime) -> str:
    """`20 November 2026, 13:05 UTC`; the moment must be in UTC."""
    return f"{day(moment.date())}, {moment:%H:%M} UTC"


def day(value: date) -> str:
    """`7 November 2025`."""
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def days(values: Iterable[date]) -> str:
    """Dates in words, neighbours joined: `1 to 7 November 2025`, `28 October to 2 November 2025`, `1, 3 and 9 November 2025`."""
    spans: list[list[date]] = []
    for value in sorted(set(values)):
        if spans and value - spans[-1][1] == timedelta(days=1):
            spans[-1][1] = value
        else:
            spans.append([value, value])
    said: list[str] = []
    for n, (first, last) in enumerate(spans):
        follower = spans[n + 1][0] if n + 1 < len(spans) else None
        said.append(_span(first, last, follower))
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}" if said else "no day"


def _span(first: date, last: date, follower: date | None) -> str:
    """Month and year are left out where what follows says the same."""
    tail = _short(last, follower)
    if first == last:
        return tail
    return f"{_short(first, last)} to {tail}"


def _short(value: date, before: date | None) -> str:
    if before and (before.year, before.month) == (value.year, value.month):
        return str(value.day)
    return f"{value.day} {MONTHS[value.month - 1]}" if before and before.year == value.year else day(value)


def size(count: float) -> str:
    """Bytes: `0 B`, `512 B`, `3.4 KiB`, `12 MiB`, `1.2 TiB`."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1023.5 or unit == "TiB":
            break
        value /= 1024
    return f"{value:.1f} {unit}" if value < 9.95 and unit != "B" else f"{value:,.0f} {unit}"


def usd(value: float) -> str:
    """US dollars: `$0`, `under $0.01`, `$0.12`, `$1,234`."""
    if 0 < value < 0.005:
        return "under $0.01"
    return f"${value:,.0f}" if value == 0 or value >= 999.5 else f"${value:,.2f}"
