"""When schedules come true: over clock changes and ends of months, the same as Prefect's server."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from flows.spec.model import Schedule
from flows.spec.times import LATER, every, last_time, next_times, problems, said, times

SPRING, AUTUMN = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)
CRONS = ["0 2 * * *", "30 2 * * *", "0 3 * * *", "0 0 31 * *", "0 0 29 2 *", "0 0 L * *", "15 4 * * 1-5", "0 0 * * 7", "0 0 * * 5#2",
         "0 0 1,15 * MON", "0 0 */2 * 1", "0 12 13 * */2", "*/20 2-4 * * *", "5-50/15 1 * * *"]


def shown(schedule: Schedule, after: datetime, count: int = 5) -> list[str]:
    return [f"{moment:%m-%d %H:%M}" for moment in islice(times(schedule, after), count)]


@pytest.mark.parametrize("cron", CRONS)
@pytest.mark.parametrize(("zone", "changes"), [
    ("UTC", ["2026-03-28"]), ("Europe/Vienna", ["2026-03-28", "2026-10-24"]), ("America/New_York", ["2026-03-07", "2026-10-31"]),
    ("Australia/Lord_Howe", ["2026-04-03", "2026-10-02"])])
def test_prefect_schedules_the_same_times(cron: str, zone: str, changes: list[str]) -> None:
    from prefect.server.schemas.schedules import CronSchedule

    for day in (*changes, "2026-01-30", "2028-02-27"):
        start = datetime.fromisoformat(f"{day}T12:00:30+00:00")
        theirs = asyncio.run(CronSchedule(cron=cron, timezone=zone).get_dates(n=8, start=start + timedelta(seconds=1)))
        ours = next_times([Schedule(cron=cron, timezone=zone)], 8, start)
        assert ours == [datetime.fromtimestamp(each.timestamp(), UTC) for each in theirs]


@pytest.mark.parametrize("seconds", [1, 60, 3600, 86_400, 90_000, 604_800])
def test_prefect_counts_intervals_the_same_way(seconds: int) -> None:
    from prefect.server.schemas.schedules import IntervalSchedule

    from flows.spec.times import ANCHOR

    theirs = IntervalSchedule(interval=timedelta(seconds=seconds), anchor_date=ANCHOR, timezone="UTC")
    for start in (SPRING, AUTUMN, SPRING + timedelta(seconds=0.5)):
        wanted = asyncio.run(theirs.get_dates(n=5, start=start + timedelta(microseconds=1)))
        assert next_times([Schedule(interval_seconds=seconds)], 5, start) == [datetime.fromtimestamp(e.timestamp(), UTC) for e in wanted]


def test_a_time_that_a_clock_change_leaves_out_comes_beside_it_and_one_that_it_repeats_comes_once() -> None:
    half_past_two = Schedule(cron="30 2 * * *", timezone="Europe/Vienna")
    assert shown(half_past_two, SPRING, 3) == [f"03-29 {'01' if LATER else '00'}:30", "03-30 00:30", "03-31 00:30"]
    assert shown(half_past_two, AUTUMN, 3) == ["10-25 00:30", "10-26 01:30", "10-27 01:30"]


def test_the_last_of_a_month_is_its_last() -> None:
    assert shown(Schedule(cron="0 6 L * *"), datetime(2028, 1, 31, 7, tzinfo=UTC), 3) == ["02-29 06:00", "03-31 06:00", "04-30 06:00"]


def test_a_moment_that_is_a_time_itself_is_over() -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    for schedule in (Schedule(cron="0 12 * * *"), Schedule(interval_seconds=86_400 // 2)):
        assert next_times([schedule], 1, noon)[0] > noon
        assert last_time([schedule], noon - timedelta(days=9), noon) == noon


def test_several_schedules_are_one_row_of_times() -> None:
    both = [Schedule(cron="0 * * * *"), Schedule(interval_seconds=1800)]
    assert [f"{moment:%H:%M}" for moment in next_times(both, 4, SPRING)] == ["12:30", "13:00", "13:30", "14:00"]


@pytest.mark.parametrize(("schedule", "last"), [
    (Schedule(cron="* * * * *"), "2026-11-20 12:34:00"), (Schedule(cron="0 2 * * *"), "2026-11-20 02:00:00"),
    (Schedule(cron="0 0 1 * *"), "2026-11-01 00:00:00"), (Schedule(cron="0 0 29 2 *"), "2024-02-29 00:00:00"),
    (Schedule(interval_seconds=7), "2026-11-20 12:34:52")])
def test_the_last_time_before_a_moment_is_found(schedule: Schedule, last: str) -> None:
    now = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)
    assert str(last_time([schedule], datetime(2000, 1, 1, tzinfo=UTC), now))[:19] == last
    assert last_time([schedule], now, now) is None


@pytest.mark.parametrize(("schedule", "words"), [
    (Schedule(cron="0 2 * * *"), "Every day at 02:00 UTC"),
    (Schedule(cron="*/15 * * * *", timezone="Asia/Tokyo"), "Every 15 minutes Asia/Tokyo"),
    (Schedule(interval_seconds=60), "Every minute"), (Schedule(interval_seconds=5400), "Every 90 minutes"),
    (Schedule(interval_seconds=172_800), "Every 2 days"), (Schedule(interval_seconds=1), "Every second")])
def test_a_schedule_is_said_in_words(schedule: Schedule, words: str) -> None:
    assert said(schedule) == words


@pytest.mark.parametrize("line", ["0 2 * *", "61 * * * *", "0 0 31 2 *", "0 0 LW * *", "0 0 * * 5L", "hello", "0 0 * * * *"])
def test_what_prefect_could_not_keep_is_no_cron_line(line: str) -> None:
    assert [problem.code for problem in problems(Schedule(cron=line))] == ["invalid_cron"]


def test_wednesday_is_a_day() -> None:
    assert list(problems(Schedule(cron="0 0 * * WED"))) == []


def test_an_interval_in_words_is_read() -> None:
    assert [every(text) for text in ("every minute", " Every 90 Seconds", "every 2 days", "every fortnight", "0 2 * * *")] == [
        60, 90, 172_800, 0, 0]
