"""What the service makes of words: files in folders, half drafts, reports for an editor, run requests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.insight.catalog import CatalogColumn, Table, add_table
from flows.service import Penstock

NOW = dt.datetime(2025, 11, 15, 12, tzinfo=dt.UTC)


@pytest.fixture
def door(home: Path) -> Iterator[Penstock]:
    with Penstock(home=home) as opened:
        yield opened


def test_a_file_in_the_folder_is_read_and_a_later_run_finds_it(door: Penstock) -> None:
    Path("takings.csv").write_text("till,amount\n1,2.50\n2,4\n", encoding="utf-8")
    result = door.plan("load takings.csv, keep only rows where amount is positive, into mart.takings", now=NOW)
    assert result.status == "ready", [q.message for q in result.questions]
    assert result.spec["steps"][0]["source"] == {"path": "takings.csv"}
    assert door.preview(result).ok


def test_half_a_draft_is_previewed_as_far_as_it_goes(door: Penstock) -> None:
    Path("takings.csv").write_text("till,amount\n1,2.50\n2,4\n", encoding="utf-8")
    result = door.plan("load takings.csv into the warehouse", now=NOW)
    assert result.status == "needs_input"
    steps = {s.step_id: s for s in door.preview(result).steps}
    assert [steps["extract_takings"].status, steps["load"].status] == ["ok", "not reached"]
    assert steps["load"].notes == ["answer the question first"]
    assert "mode: overwrite" in door.yaml(result)


@pytest.mark.parametrize(("text", "line"), [("a: [", 1), ("pipeline_id: x\nsteps:\n- step_id: a\n  ps_type: generic.extrct\n", 4), ("", 0)])
def test_a_report_never_raises(text: str, line: int, door: Penstock) -> None:
    report = door.draft_report(text)
    assert not report.ok
    assert report.problems[0].line == line


def test_tables_that_come_later_are_seen(door: Penstock) -> None:
    assert "tills" not in door.catalog.tables
    add_table(door.settings, "tills", Table(columns={"till": CatalogColumn(type="INT64")}, location="demo.tills"))
    assert "tills" in door.catalog.tables


def test_a_run_request_has_its_dates_and_words(door: Penstock) -> None:
    current = door.plan("load orders into mart.orders every day at 6 am", now=NOW).spec
    result = door.plan("backfill it for 2025-11-01 to 2025-11-03", now=NOW, current=current)
    asked = door.request(result, current=current)
    assert (asked.op, asked.pipeline_id, asked.runs, asked.problem) == ("backfill", "orders", 3, "")
    assert asked.words == "Backfill Orders for 1 to 3 November 2025: 3 runs, one at a time."
    stop = door.request(door.plan("stop it", now=NOW, current=current), current=current)
    assert stop.problem == "Orders is not running."


def test_an_edit_is_applied_and_checked(door: Penstock) -> None:
    current = door.plan("load orders into mart.orders every day at 6 am", now=NOW).spec
    result = door.plan("make sure quantity is positive", now=NOW, current=current)
    assert result.status == "ready", [q.message for q in result.questions]
    assert [s["step_id"] for s in door.changed(result)["steps"]] == ["extract_orders", "check", "load"]
    assert door.changed(result)["steps"][0] == current["steps"][0]


def test_an_answer_to_stored_data_needs_its_text_again(door: Penstock) -> None:
    text = "load orders into the warehouse"
    stored = type(door.plan(text, now=NOW)).model_validate(door.plan(text, now=NOW).as_dict())
    done = door.answer(stored, "q1", text="fresh_orders", said=text, now=NOW)
    assert done.status == "ready"
    assert done.spec["steps"][-1]["destination"]["table"] == "mart.fresh_orders"
