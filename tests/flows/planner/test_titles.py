"""What a drafted pipeline is called, and days that stand before a value: yesterday's paid orders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flows.planner.answer import PlanResult
from flows.planner.envelope import title


@pytest.mark.parametrize(("pipeline_id", "name"), [
    ("load-orders-to-bigquery", "Load orders to BigQuery"), ("load-orders-to-postgres", "Load orders to PostgreSQL"),
    ("export-customers-csv", "Export customers to CSV"), ("daily-revenue", "Daily revenue"), ("events-json", "Events JSON"),
    ("export-csv", "Export CSV"), ("s3", "S3")])
def test_proper_names_are_written_as_their_owners_do(pipeline_id: str, name: str) -> None:
    assert title(pipeline_id) == name


def filters(result: PlanResult) -> list[dict[str, Any]]:
    assert result.status == "ready", result.questions
    return [op["where"] for step in result.spec["steps"] if step["ps_type"] == "generic.transform" for op in step["config"]["operations"]]


@pytest.mark.parametrize(("words", "unit", "offset"), [
    ("yesterday's paid orders", "day", -1), ("last month's paid orders", "month", -1), ("paid orders from yesterday", "day", -1)])
def test_a_day_may_stand_before_a_value(read: Callable[..., PlanResult], words: str, unit: str, offset: int) -> None:
    found = filters(read(f"Load {words} into mart.x"))
    assert sorted(found, key=lambda each: str(each["column"])) == [
        {"column": "order_date", "is": "in_period", "value": {"unit": unit, "offset": offset}},
        {"column": "status", "is": "=", "value": "paid"}]
