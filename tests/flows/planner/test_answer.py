"""Answers: every option is a patch that applies and removes its question; a stale one fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from flows.errors import InputError, MissingError
from flows.planner.answer import Answer, PlanResult, apply
from flows.spec.model import FlowSpec

Read = Callable[..., PlanResult]
OPEN = [c["text"] for c in yaml.safe_load((Path(__file__).parent / "texts.yml").read_text(encoding="utf-8")) if c.get("ask")]


@pytest.mark.parametrize(
    "text",
    [
        *OPEN,
        "Load the data to the warehouse every morning",
        "Sum amount by status from payments joined with orders into mart.x",
        "run it for 2025-11-01 to 2025-11-07",
        "run the cost billing pipeline for yesterday",
        "Load orders into Snowflake every day at 2",
        "Extract orders, with data quality checks, detect anomalies and convert amounts, into mart.o",
    ],
)
def test_every_option_applies_and_removes_its_question(text: str, read: Read) -> None:
    result = read(text)
    for question in result.questions:
        for option in question.options:
            assert option.patch, (question.slot, option.label)
            assert option.patch[0]["op"] == "test", (question.slot, option.label)
            after = apply(result, question.id, option.label)
            assert question.id not in [q.id for q in after.questions]
            assert len(after.questions) == len(result.questions) - 1


def test_answering_everything_makes_it_ready(read: Read) -> None:
    result = read("Load the data to the warehouse every morning")
    for slot, option in (("source", "orders"), ("destination.table", None), ("schedule.time", "every day at 06:00")):
        question = next(q for q in result.questions if q.slot == slot)
        result = apply(result, question.id, option or question.options[0].label)
    assert result.status == "ready"
    spec = FlowSpec.model_validate(result.spec)
    assert spec.schedule is not None
    assert spec.schedule.cron == "0 6 * * *"
    assert spec.steps[0].source == {"connection": "postgres", "table": "orders"}
    assert {f.source for f in result.facts if f.path == "schedule.cron"} == {"answer"}


def test_answers_of_a_request_are_applied(read: Read) -> None:
    text = "Load orders to mart.orders every evening"
    question = read(text).questions[0]
    by_option = read(text, answers=[Answer(question_id=question.id, option=question.options[0].label)])
    by_words = read(text, answers=[Answer(question_id=question.id, text="7:30 pm")])
    assert by_option.status == by_words.status == "ready"
    assert by_words.spec["schedule"]["cron"] == "30 19 * * *"
    assert next(f.source for f in by_words.facts if f.path == "schedule.cron") in ("answer", "text")


def test_joined_or_apart_is_a_choice(read: Read) -> None:
    result = read("Load orders and refunds into mart.both")
    question = result.questions[0]
    assert [o.label for o in question.options] == ["Join them along their keys", "Write each to a table of its own"]
    joined = apply(result, question.id, question.options[0].label)
    apart = apply(result, question.id, question.options[1].label)
    assert joined.status == apart.status == "ready"
    assert [s["ps_type"] for s in joined.spec["steps"]].count("generic.load") == 1
    assert [s["destination"]["table"] for s in apart.spec["steps"] if s["ps_type"] == "generic.load"] == ["mart.orders", "mart.refunds"]


def test_stale_patch_fails(read: Read) -> None:
    result = read("Sum amount by status from payments joined with orders into mart.x")
    moved = result.model_copy(update={"spec": {**result.spec, "steps": result.spec["steps"][::-1]}})
    with pytest.raises(InputError, match="no longer fits"):
        apply(moved, "q1", result.questions[0].options[0].label)


def test_unknown_question_and_option_are_named(read: Read) -> None:
    result = read("Load orders to mart.orders every evening")
    with pytest.raises(MissingError, match="q9"):
        apply(result, "q9", "x")
    with pytest.raises(MissingError, match="option"):
        apply(result, "q1", "x")
    with pytest.raises(InputError, match="refused"):
        apply(read("drop the table"), "q1", "x")


def test_answering_one_leaves_the_other_residue(read: Read) -> None:
    result = read("Load orders to mart.orders, gloop it. Then frobnicate it")
    assert len(result.residue) == 2
    after = apply(result, result.questions[0].id, "Leave it out")
    assert len(after.residue) == 1


def test_contract_fields(read: Read) -> None:
    assert list(read("Load orders to mart.orders").as_dict()) == [
        "status",
        "intent",
        "spec",
        "run_request",
        "sql",
        "patch",
        "facts",
        "assumptions",
        "questions",
        "residue",
        "planner",
        "fallback_reason",
        "attempts",
        "usage",
    ]


def test_own_english_is_taken_as_it_stands(read: Read) -> None:
    from flows.spec.words import explain

    spec = FlowSpec.model_validate(read("Load paid orders into mart.paid every day at 2 AM, retry 3 times").spec)
    again = read(explain(spec))
    assert again.status == "ready"
    assert FlowSpec.model_validate(again.spec) == spec
    assert {f.source for f in again.facts} == {"text"}
