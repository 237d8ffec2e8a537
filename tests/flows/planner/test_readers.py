"""Single readers: when, how often, until when; in many wordings."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from flows.planner.answer import PlanResult
from flows.planner.batch import answer_lines

Read = Callable[..., PlanResult]


@pytest.mark.parametrize(
    ("words", "cron"),
    [
        ("every day at 2 AM", "0 2 * * *"),
        ("daily at 14:30", "30 14 * * *"),
        ("each night at 23:45", "45 23 * * *"),
        ("every night at 11", "0 23 * * *"),
        ("every evening at 7", "0 19 * * *"),
        ("every afternoon at 3", "0 15 * * *"),
        ("at noon every day", "0 12 * * *"),
        ("daily at midnight", "0 0 * * *"),
        ("every day at half past six", "30 6 * * *"),
        ("every day at quarter to 7", "45 6 * * *"),
        ("every day at 5 in the morning", "0 5 * * *"),
        ("at 6 p.m. every day", "0 18 * * *"),
        ("every hour", "0 * * * *"),
        ("hourly", "0 * * * *"),
        ("every 2 hours", "0 */2 * * *"),
        ("every 15 minutes", "*/15 * * * *"),
        ("every half hour", "*/30 * * * *"),
        ("every five minutes", "*/5 * * * *"),
        ("every 15 minutes between 8 and 18 on weekdays", "*/15 8-18 * * 1-5"),
        ("on weekdays at 6:30", "30 6 * * 1-5"),
        ("Monday to Friday at 8 am", "0 8 * * 1-5"),
        ("every Monday at 9am", "0 9 * * 1"),
        ("on Mondays and Thursdays at 10:15", "15 10 * * 1,4"),
        ("every saturday and sunday at 7 am", "0 7 * * 0,6"),
        ("on the 15th of each month at 8 am", "0 8 15 * *"),
        ("on the first day of every month at 1 am", "0 1 1 * *"),
        ("monthly on the 3rd at 4:20", "20 4 3 * *"),
        ("every quarter at 5 am", "0 5 1 */3 *"),
        ("twice a day at 6am and 6pm", "0 6,18 * * *"),
        ("every day at 6, 12 and 18 o'clock", "0 6,12,18 * * *"),
        ("evry day at noon", "0 12 * * *"),
    ],
)
def test_schedules(words: str, cron: str, read: Read) -> None:
    result = read(f"Load orders to mart.orders {words}")
    assert [q.message for q in result.questions] == []
    assert result.spec["schedule"]["cron"] == cron


@pytest.mark.parametrize(
    ("words", "slot"),
    [
        ("every morning", "schedule.time"),
        ("daily", "schedule.time"),
        ("every Monday", "schedule.time"),
        ("monthly", "schedule.time"),
        ("twice a day", "schedule.time"),
        ("at 6 am", "schedule"),
        ("every day at 6:15 and 18:40", "schedule"),
        ("at the end of each month at 3 am", "schedule"),
        ("every day at 25:00", "schedule.time"),
        ("in Berlin time", "schedule"),
    ],
)
def test_unclear_schedules_are_asked(words: str, slot: str, read: Read) -> None:
    result = read(f"Load orders to mart.orders {words}")
    assert slot in [q.slot for q in result.questions]


@pytest.mark.parametrize(
    ("words", "zone"),
    [
        ("at 6 am Europe/Berlin", "Europe/Berlin"),
        ("at 6 am Berlin time", "Europe/Berlin"),
        ("at 6 am New York time", "America/New_York"),
        ("at 6 am UTC", "UTC"),
        ("at 6 am CET", "Europe/Berlin"),
        ("at 6 am (Asia/Tokyo)", "Asia/Tokyo"),
        ("at 6 am in the time zone Europe/Paris", "Europe/Paris"),
    ],
)
def test_zones(words: str, zone: str, read: Read) -> None:
    result = read(f"Load orders to mart.orders every day {words}")
    assert result.status == "ready"
    assert result.spec["schedule"]["timezone"] == zone
    assert next(f.source for f in result.facts if f.path == "schedule.timezone") == "text"


@pytest.mark.parametrize(
    ("words", "retries"),
    [
        ("retry 3 times", 3),
        ("with 2 retries", 2),
        ("retry twice", 2),
        ("retry up to five times if it fails", 5),
        ("try again once on failure", 1),
        ("on error retry 4 times", 4),
        ("3 attempts in total", 2),
    ],
)
def test_retries_count_all_tries(words: str, retries: int, read: Read) -> None:
    result = read(f"Load orders to mart.orders, {words}")
    assert result.status == "ready"
    assert result.spec["defaults"]["retry"]["max_attempts"] == retries + 1


@pytest.mark.parametrize(
    ("words", "where"),
    [
        ("orders from the last 30 days", {"column": "order_date", "is": ">=", "value": {"today": -30}}),
        ("last month's orders", {"column": "order_date", "is": "in_period", "value": {"unit": "month", "offset": -1}}),
        ("orders since 2025-01-01", {"column": "order_date", "is": ">=", "value": "2025-01-01"}),
        ("orders of October 2025", {"column": "order_date", "is": "between", "value": ["2025-10-01", "2025-10-31"]}),
        ("orders from Q3 2025", {"column": "order_date", "is": "between", "value": ["2025-07-01", "2025-09-30"]}),
        ("orders older than 90 days", {"column": "order_date", "is": "<", "value": {"today": -90}}),
        ("customers created since 2025-02-01", {"column": "created_at", "is": ">=", "value": "2025-02-01"}),
        ("orders with a quantity of 5 or more", {"column": "quantity", "is": ">=", "value": 5}),
        ("orders with quantity between 5 and 20", {"column": "quantity", "is": "between", "value": [5, 20]}),
        ("customers with no email", {"column": "email", "is": "is_null"}),
        ("customers whose email is not empty", {"column": "email", "is": "is_not_null"}),
        ("non-paid orders", {"column": "status", "is": "!=", "value": "paid"}),
        ("orders that are neither cancelled nor refunded", {"column": "status", "is": "not_in", "value": ["cancelled", "refunded"]}),
        ("French customers", {"column": "country", "is": "=", "value": "France"}),
        ("customers whose name starts with 'A'", {"column": "name", "is": "starts_with", "value": "A"}),
    ],
)
def test_filters(words: str, where: dict[str, object], read: Read) -> None:
    result = read(f"Load {words} into mart.x")
    assert [q.message for q in result.questions] == []
    operations = result.spec["steps"][1]["config"]["operations"]
    assert operations == [{"op": "filter", "where": where}]


def test_days_of_a_timestamp_are_whole(read: Read) -> None:
    result = read("Load tickets opened between 2025-06-01 and 2025-06-30 into mart.t")
    assert result.spec["steps"][1]["config"]["operations"][0]["where"] == {
        "all": [{"column": "opened_at", "is": ">=", "value": "2025-06-01"}, {"column": "opened_at", "is": "<", "value": "2025-07-01"}]
    }


def test_period_behind_a_plain_column_means_the_date(read: Read) -> None:
    result = read("Revenue per country last month into mart.x")
    assert result.status == "ready"
    assert result.spec["steps"][2]["config"]["operations"][1]["where"]["column"] == "order_date"


def test_double_names_carry_their_table(read: Read) -> None:
    result = read("Join orders with customers, keep active customers, load into mart.x")
    assert result.status == "ready"
    operations = result.spec["steps"][2]["config"]["operations"]
    assert operations[1]["where"] == {"column": "customers_status", "is": "=", "value": "active"}


def test_typos_are_read_and_told(read: Read) -> None:
    result = read("Join oders with custmers on customer_id, only payd ones, to mart.paid_orders")
    assert result.status == "ready"
    assert {a.text for a in result.assumptions} >= {
        "'oders' was read as 'orders'",
        "'custmers' was read as 'customers'",
        "'payd' was read as 'paid'",
    }


def test_run_requests_resolve_dates(read: Read) -> None:
    result = read("Backfill orders-daily for last month")
    assert result.run_request is not None
    assert (result.intent, result.run_request["start"], result.run_request["end"]) == ("backfill", "2025-10-01", "2025-10-31")
    assert any("31 runs" in a.text for a in result.assumptions)


def test_batch_goes_on_after_a_broken_line(read: Read) -> None:
    lines = [
        json.dumps({"id": 1, "text": "Load orders to mart.o"}),
        "{",
        json.dumps({"id": 3, "text": ""}),
        json.dumps({"id": 4}),
        "",
        json.dumps({"id": 5, "text": "drop the table"}),
    ]
    found = list(answer_lines(lines, read))
    assert [a.get("status") for a in found] == ["ready", None, None, None, "refused"]
    assert [a["id"] for a in found] == [1, None, 3, None, 5]
    assert all(set(a["error"]) == {"code", "message"} for a in found[1:4])
