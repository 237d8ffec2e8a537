"""When a schedule comes true: its next times, the last one before a moment, and how it is said."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from flows.errors import Problem
from flows.spec.model import Schedule
from flows.spec.problems import clip
from flows.spec.suggest import did_you_mean, suggest

ANCHOR = datetime(2020, 1, 1, tzinfo=UTC)
"""Intervals count from here in elapsed time, so that deploying anew moves none: every 3600 seconds is each full hour of UTC."""
LATER = sys.version_info >= (3, 13)
UNKNOWN = re.compile(r"W|\dL")
"""Marks of a cron line that Prefect's server does not know."""
BACK = (timedelta(hours=2), timedelta(days=2), timedelta(days=40), timedelta(days=366 * 5))
"""So far back the last time is looked for, step by step."""


def problems(schedule: Schedule) -> Iterator[Problem]:
    """A cron line has five fields that can come true, a time zone is an IANA name."""
    if schedule.cron is not None:
        yield from _of_cron(schedule.cron)
    name = schedule.timezone
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        zones = available_timezones()
        near = did_you_mean(name, zones) or did_you_mean(f"Europe/{name}", zones)
        yield Problem("schedule.timezone", "unknown_timezone", f"there is no time zone {clip(name)!r}",
                      near or "Use a name like 'Europe/Berlin' or 'UTC'", tuple(suggest(name, zones)))


def _of_cron(cron: str) -> Iterator[Problem]:
    from cronsim import CronSim, CronSimError

    fix = "Write minute hour day month weekday, like '0 2 * * *'"
    if len(cron.split()) != 5:
        yield Problem("schedule.cron", "invalid_cron", f"{clip(cron)!r} does not have five fields", fix)
        return
    if UNKNOWN.search(cron.upper().replace("WED", "")):
        yield Problem("schedule.cron", "invalid_cron", f"{clip(cron)!r} has a mark that Prefect does not know",
                      "Use numbers, names, ranges, steps, L for the last day of a month, or 5#2 for the second Friday")
        return
    try:
        next(CronSim(cron, datetime(2025, 1, 1)))  # only whether it ever fires
    except (CronSimError, StopIteration):
        yield Problem("schedule.cron", "invalid_cron", f"{clip(cron)!r} never comes true or is no cron line", fix)


def times(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """Every time after that moment, in UTC. A cron line is read as a clock on the wall of its time zone: a time that a clock change
    leaves out comes true an hour beside it, one that it repeats comes true at the first."""
    if schedule.interval_seconds:
        step = timedelta(seconds=schedule.interval_seconds)
        moment = ANCHOR + ((after - ANCHOR) // step + 1) * step
        while True:
            yield moment
            moment += step
    from cronsim import CronSim

    zone, last = ZoneInfo(schedule.timezone), after
    wall = after.astimezone(zone).replace(tzinfo=None) - timedelta(hours=3)
    for clock in CronSim(_either_day(schedule.cron or ""), wall):
        moment = _moment(clock, zone)
        if moment > last:
            last = moment
            yield moment


def _moment(clock: datetime, zone: ZoneInfo) -> datetime:
    """What a clock on the wall means. Prefect's server reads a time that is left out by another library from Python 3.13 on."""
    first, second = (clock.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return second if second < first and not LATER else first


def _either_day(cron: str) -> str:
    """A line with a day of the month and a weekday means either of them, as Prefect reads it; `*/2` is a day as well."""
    minute, hour, day, month, weekday = cron.split()
    if "*" in (day, weekday):
        return cron
    return " ".join((minute, hour, re.sub(r"^\*", "1-31", day), month, re.sub(r"^\*", "0-6", weekday)))


def next_times(schedules: Iterable[Schedule], count: int, after: datetime) -> list[datetime]:
    """The next `count` times of all schedules together, each moment once."""
    found = {moment for each in schedules for moment in islice(times(each, after), count)}
    return sorted(found)[:count]


def last_time(schedules: Iterable[Schedule], since: datetime, until: datetime) -> datetime | None:
    """The last time after `since` that is not after `until`; None when there is none in five years."""
    last: datetime | None = None
    for schedule in schedules:
        for back in BACK:
            moment = _last(schedule, max(since, until - back), until)
            if moment is not None:
                last = moment if last is None else max(last, moment)
            if moment is not None or until - back <= since:
                break
    return last


def _last(schedule: Schedule, since: datetime, until: datetime) -> datetime | None:
    if schedule.interval_seconds:
        step = timedelta(seconds=schedule.interval_seconds)
        moment = ANCHOR + ((until - ANCHOR) // step) * step
        return moment if moment > since else None
    last = None
    for moment in times(schedule, since):
        if moment > until:
            return last
        last = moment
    return last


def said(schedule: Schedule) -> str:
    """`Every day at 02:00 UTC`, `Every 15 minutes`, `On cron '0 0 * * 5#2' Europe/Berlin`."""
    if schedule.interval_seconds:
        return f"Every {_period(schedule.interval_seconds)}"
    from flows.spec.words.cron import said_cron

    words = said_cron(schedule.cron or "") or f"on cron '{schedule.cron}'"
    return f"{words[:1].upper()}{words[1:]} {schedule.timezone}"


def _period(seconds: int) -> str:
    for size, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % size == 0:
            many = seconds // size
            return name if many == 1 else f"{many} {name}s"
    return "second" if seconds == 1 else f"{seconds} seconds"


EVERY = re.compile(r"^\s*every\s+(?:(\d{1,9})\s+)?(second|minute|hour|day)s?\s*\Z", re.I)
SIZES = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


def every(text: str) -> int:
    """The seconds of `every 15 minutes`, `every hour`; 0 for other words."""
    found = EVERY.match(text)
    return int(found[1] or 1) * SIZES[found[2].lower()] if found else 0
