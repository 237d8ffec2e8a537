"""Changes and run requests about the pipeline at hand: what "it" means, what becomes a patch, what is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flows.planner.answer import PlanResult, patched
from flows.spec.model import FlowSpec

Read = Callable[..., PlanResult]
TEXT = ("Paid revenue by country: join orders with customers, keep only paid orders, sum amount per country, "
        "into mart.paid every day at 4:30")


@pytest.fixture
def current(read: Read) -> FlowSpec:
    result = read(TEXT)
    assert result.status == "ready"
    return FlowSpec.model_validate(result.spec)


def after(result: PlanResult) -> dict[str, Any]:
    assert (result.status, result.intent) == ("ready", "edit"), [q.message for q in result.questions]
    return dict(patched(result.spec, result.patch, "the edit"))


@pytest.mark.parametrize(("text", "place", "value"), [
    ("make this run hourly", "schedule.cron", "0 * * * *"),
    ("at 5:15 pm instead", "schedule.cron", "15 17 * * *"),
    ("change it to weekdays", "schedule.cron", "30 4 * * 1-5"),
    ("store it in mart.other instead", "steps.load.destination.table", "mart.other"),
    ("retry twice", "defaults.retry.max_attempts", 3),
])
def test_one_value_changes_and_every_other_step_stays(text: str, place: str, value: Any, read: Read, current: FlowSpec) -> None:
    result = read(text, current_spec=current)
    spec = after(result)
    here: Any = {**spec, "steps": {s["step_id"]: s for s in spec["steps"]}}
    for part in place.split("."):
        here = here[part]
    assert here == value
    touched = place.split(".")[1] if place.startswith("steps") else ""
    before = {s["step_id"]: s for s in current.as_dict()["steps"]}
    assert {s["step_id"] for s in spec["steps"] if before.get(s["step_id"]) != s} == ({touched} if touched else set())


def test_a_filter_goes_before_the_aggregate(read: Read, current: FlowSpec) -> None:
    spec = after(read("leave out customers from France", current_spec=current))
    ops = next(s for s in spec["steps"] if s["step_id"] == "transform")["config"]["operations"]
    assert [o["op"] for o in ops] == ["join", "filter", "filter", "aggregate"]
    assert ops[2]["where"] == {"column": "country", "is": "!=", "value": "France"}


def test_a_top_goes_by_the_only_measure(read: Read, current: FlowSpec) -> None:
    spec = after(read("only the top 3", current_spec=current))
    ops = next(s for s in spec["steps"] if s["step_id"] == "transform")["config"]["operations"]
    assert ops[-1] == {"op": "top", "n": 3, "order_by": [{"column": "revenue", "direction": "desc"}]}


def test_a_check_of_a_lost_column_stands_behind_its_source(read: Read, current: FlowSpec) -> None:
    spec = after(read("add a check that quantity is positive", current_spec=current))
    steps = {s["step_id"]: s for s in spec["steps"]}
    assert steps["check_source"]["config"]["input"] == "extract_orders"
    assert steps["transform"]["config"]["inputs"] == ["check_source", "extract_customers"]
    assert steps["transform"]["depends_on"] == ["check_source", "extract_customers"]


@pytest.mark.parametrize("text", [
    "add the weather to it", "don't retry", "retry it on public holidays only", "also sum quantity per store",
])
def test_what_is_not_understood_is_asked(text: str, read: Read, current: FlowSpec) -> None:
    result = read(text, current_spec=current)
    assert result.status == "needs_input"


def test_a_time_with_run_is_asked(read: Read, current: FlowSpec) -> None:
    result = read("run it at 9 pm", current_spec=current)
    assert [q.slot for q in result.questions] == ["schedule"]
    assert result.questions[0].options[0].patch[-1]["value"] == "0 21 * * *"


def test_a_whole_new_text_is_a_new_pipeline(read: Read, current: FlowSpec) -> None:
    result = read("load payments into mart.payments every day at 1 am", current_spec=current)
    assert (result.intent, result.spec["pipeline_id"]) == ("create", "payments")


@pytest.mark.parametrize(("text", "op", "start", "end"), [
    ("run it", "run", None, None),
    ("execute this pipeline for yesterday", "run", "2025-11-14", "2025-11-14"),
    ("backfill it for the second week of October", "backfill", "2025-10-08", "2025-10-14"),
    ("stop it", "cancel", None, None),
    ("run again", "rerun", None, None),
    ("is it still running?", "status", None, None),
    ("how did it go?", "status", None, None),
])
def test_it_is_the_pipeline_at_hand(text: str, op: str, start: str | None, end: str | None, read: Read, current: FlowSpec) -> None:
    result = read(text, current_spec=current)
    asked = result.run_request or {}
    assert (result.status, result.intent) == ("ready", op)
    assert (asked["pipeline"], asked["start"], asked["end"]) == ("paid", start, end)


def test_stored_pipelines_are_known_by_their_names(read: Read) -> None:
    result = read("run Shop numbers for yesterday", pipelines={"shop-7": "Shop numbers"})
    assert (result.run_request or {})["pipeline"] == "shop-7"


@pytest.mark.parametrize("text", ["how many orders came in last month?", "what is our best product?", "is weekly-sales running?"])
def test_a_question_never_drafts(text: str, read: Read, shop_catalog: Any) -> None:
    result = read(text, catalog=shop_catalog.model_copy(update={"pipelines": ()}))
    assert (result.status, result.spec) == ("needs_input", {})
    assert len(result.questions) == 1


def test_no_pipeline_says_so(read: Read, shop_catalog: Any) -> None:
    result = read("run the pipeline for yesterday", catalog=shop_catalog.model_copy(update={"pipelines": ()}))
    assert [q.message for q in result.questions] == ["There is no pipeline yet. Describe one first."]
