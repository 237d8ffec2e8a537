"""A run in the panel, in each of its states, from rows of the control store: no runner is needed to see what would be said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.panel.book import Book, book
from app.panel.rundetail import notified
from flows.cli.common import print_step
from flows.run.messages import as_dict
from flows.show.gantt import GanttRow, bars
from flows.show.page import run_bundle
from flows.store import NewMessage
from tests.app.test_panel import asked, button, keys, texts

Said, Shown = Callable[..., Any], Callable[..., Any]
STEPS = ("extract_orders", "extract_customers", "transform", "load")


@pytest.fixture
def run(said: Said) -> Callable[..., tuple[Any, str]]:
    """A talk with a run whose steps stand as given; (talk, run_id)."""

    def one(status: str, steps: dict[str, dict[str, Any]], error: str = "") -> tuple[Any, str]:
        talk = said()
        run_id = talk.start({})
        store, began = talk.service.store, datetime.now(UTC)
        if status != "PENDING":
            assert store.runs.claim("test", 600).run_id == run_id
            store.runs.begin(run_id, "test")
            kinds = {each["step_id"]: each["ps_type"] for each in talk.snapshot().draft.spec["steps"]}
            store.steps.plan(run_id, [(step, step, kinds[step], n) for n, step in enumerate(STEPS)])
            for step, fields in steps.items():
                over = {"ended_at": began + timedelta(seconds=1)} if fields["status"] not in ("RUNNING", "RETRYING") else {}
                store.steps.update(run_id, step, started_at=began, **{"attempts": 1, **over, **fields})
        if status in ("SUCCESS", "FAILED", "CANCELLED", "CRASHED"):
            store.runs.finish(run_id, status, error)
        return talk, run_id

    return one


DONE = {"status": "SUCCESS", "rows_processed": 2076}


def test_before_the_first_run_it_says_what_a_run_touches(said: Said, shown: Shown) -> None:
    talk = said()
    at = shown(talk, view="run")
    assert "Not run yet. Run it here against DuckDB first. Production is not touched." in texts(at)
    button(at, "run_locally").click().run()
    assert talk.snapshot().run_id
    assert "0 of 4 steps" in texts(at)


def test_a_queued_run_says_why_it_waits_and_can_be_stopped(run: Any, shown: Shown) -> None:
    talk, run_id = run("PENDING", {})
    at = shown(talk, view="run")
    assert ":gray-badge[:material/schedule: Queued]" in texts(at)
    assert "`penstock up`" in texts(at), "why, with its fix"
    assert "No log lines yet. They appear here as steps start." in texts(at)
    button(at, "run_stop").click().run()
    assert talk.service.view(run_id).run.status == "CANCELLED"
    at.run()
    assert "**Stopped.** No step had finished; nothing was written." in texts(at)


def test_a_live_run_counts_only_what_is_done(run: Any, shown: Shown) -> None:
    talk, run_id = run("RUNNING", {"extract_orders": DONE, "extract_customers": DONE, "transform": {"status": "RUNNING"}})
    at = shown(talk, view="run")
    assert ":blue-badge[:material/progress_activity: Running]" in texts(at)
    assert "2 of 4 steps" in texts(at)
    assert {"run_again", "run_resume"}.isdisjoint(keys(at))
    button(at, "run_stop").click().run()
    assert talk.service.view(run_id).run.cancel
    assert "Stopping" in texts(at.run())
    assert button(at, "run_stop").disabled


def test_a_long_step_says_how_far_it_is(run: Any, shown: Shown) -> None:
    far = {"percent": 48, "rows": 24_000_000, "words": "48 %, 24,000,000 rows"}
    talk, run_id = run("RUNNING", {"extract_orders": DONE, "transform": {"status": "RUNNING", "result": {"progress": far}}})
    seen = book(talk.service.view(run_id))
    assert [row.progress for row in seen.bars()] == ["", "", "48 %, 24,000,000 rows", ""]
    rows = [GanttRow("load", "load", status, 0.0, end, progress=far["words"]) for status, end in (("RUNNING", None), ("SUCCESS", 2.0))]
    grows, over = bars(rows, now=3.0)["rows"]
    assert (grows["progress"], over["progress"]) == ("48 %, 24,000,000 rows", "")
    assert grows["aria"] == "load, running, 3.0 s, 48 %, 24,000,000 rows"
    page = run_bundle(talk.service.view(run_id).as_dict(), now=datetime.now(UTC))
    assert "48 %, 24,000,000 rows" in page["text/html"]
    assert "48 %, 24,000,000 rows" in print_step(seen.step("transform") or {})
    at = shown(talk, step="transform")
    assert "48 %, 24,000,000 rows" in texts(at)
    talk.service.store.runs.finish(run_id, "CRASHED", "the process is gone")
    assert not any("progress" in step for step in talk.service.view(run_id).steps)


def test_a_failed_run_names_the_step_its_tries_the_cause_and_the_way_out(run: Any, shown: Shown) -> None:
    broken = {"status": "FAILED", "attempts": 3, "error": "mart.daily_revenue: access denied to 'mart'. Give the account a role"}
    talk, _ = run("FAILED", {"extract_orders": DONE, "extract_customers": DONE, "transform": DONE, "load": broken})
    at = shown(talk, view="run")
    assert "**load failed after 3 tries.** mart.daily_revenue: access denied to `mart`. Give the account a role." in texts(at)
    assert "choose **Resume from failed step**. The steps before it are kept." in texts(at)
    assert "3 of 4 steps" in texts(at)
    assert {"run_again", "run_resume"} <= keys(at)


def test_resume_and_run_again_are_two_things(run: Any, shown: Shown) -> None:
    talk, run_id = run("FAILED", {"extract_orders": {"status": "FAILED", "error": "no"}})
    at = shown(talk, view="run")
    button(at, "run_resume").click().run()
    resumed = talk.service.view(talk.snapshot().run_id).run
    assert (resumed.run_id != run_id, resumed.resume_of) == (True, run_id)
    talk.service.cancel(resumed.run_id)
    button(at.run(), "run_again").click().run()
    again = talk.service.view(talk.snapshot().run_id).run
    assert again.run_id not in (run_id, resumed.run_id)
    assert not again.resume_of
    assert again.run_date == resumed.run_date


def test_a_second_start_from_the_run_is_refused_with_the_first_ones_id(run: Any, shown: Shown) -> None:
    talk, first = run("FAILED", {"extract_orders": {"status": "FAILED", "error": "no"}})
    at = shown(talk, view="run")
    other = talk.service.submit(talk.snapshot().draft.spec, trigger_by="cli").run_id
    button(at, "run_again").click().run()
    assert f"This pipeline is already running as `{other}`. Wait for it to finish or stop it first." in texts(at)
    assert talk.snapshot().run_id == first


@pytest.mark.parametrize(("steps", "words"), [
    ({"extract_orders": DONE}, "Steps that had finished keep their result; nothing was written to the target table."),
    ({"extract_orders": DONE, "extract_customers": DONE, "transform": DONE, "load": DONE},
     "Steps that had finished keep their result, also what they wrote."),
    ({}, "No step had finished; nothing was written."),
])
def test_a_stopped_run_says_only_what_is_true(run: Any, shown: Shown, steps: dict[str, Any], words: str) -> None:
    talk, _ = run("CANCELLED", steps)
    text = texts(shown(talk, view="run"))
    assert f"**Stopped.** {words}" in text
    assert f"{len(steps)} of 4 steps" in text


def test_a_crashed_run_can_be_resumed(run: Any, shown: Shown) -> None:
    talk, _ = run("CRASHED", {"extract_orders": DONE}, "its runner was lost")
    at = shown(talk, view="run")
    assert "**The run crashed.** Its runner was lost. Choose **Resume from failed step**; what had finished is kept." in texts(at)
    assert "run_resume" in keys(at)


def test_a_run_that_went_well_counts_skipped_steps_and_shows_what_the_table_holds(run: Any, shown: Shown) -> None:
    talk, _ = run("SUCCESS", {"extract_orders": DONE, "extract_customers": DONE, "transform": DONE, "load": DONE})
    at = shown(talk, view="run")
    text = texts(at)
    assert "4 of 4 steps" in text
    assert "**Rows out**" in text
    assert "`mart.daily_revenue`: 2,076 rows written." in text, "and the table, which nobody wrote here, is told as missing"
    assert not at.error
    assert "run_stop" not in keys(at)


def test_rejected_rows_of_a_run_stand_there_with_their_table(run: Any, shown: Shown) -> None:
    result = {"rejected": 2, "rejects": [{"line": 14, "column": "amount", "reason": "'abc' is not FLOAT64"}],
              "outputs": {"quarantine": "quarantine.x_rejects"}}
    talk, _ = run("SUCCESS", {"extract_orders": {**DONE, "result": result}})
    at = shown(talk, view="run")
    assert "2 rows rejected] by `extract_orders`. They are kept in `quarantine.x_rejects`. The first 1:" in texts(at)
    assert at.dataframe[0].value.to_dict("records") == [{"line": 14, "column": "amount", "reason": "'abc' is not FLOAT64"}]


def test_the_log_is_of_all_steps_or_of_the_one_that_is_selected(run: Any, shown: Shown) -> None:
    talk, run_id = run("RUNNING", {"extract_orders": DONE})
    file = talk.service.settings.home / "logs" / talk.service.tenant / f"{run_id}.log"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("2025-11-15T12:00:00.000Z INFO extract_orders started, try 1 of 1\n"
                    "2025-11-15T12:00:01.000Z WARNING load is tried again\n", encoding="utf-8")
    told = "".join(each.value for each in shown(talk, view="run").code)
    assert "12:00:00  INFO     extract_orders  started, try 1 of 1" in told
    assert "is tried again" in told
    at = shown(talk, view="run", step="load")
    assert "".join(each.value for each in at.code) == "12:00:01  WARNING  is tried again"
    at.selectbox(key="run_whose").set_value("").run()
    assert asked(at, "step") == ""


def test_the_graph_shows_the_run_and_the_card_what_the_step_did(run: Any, shown: Shown) -> None:
    broken = {"status": "FAILED", "attempts": 2, "error": "no rows came"}
    talk, _ = run("FAILED", {"extract_orders": broken})
    text = texts(shown(talk, step="extract_orders"))
    assert ":red-badge[:material/error: Failed]" in text
    assert "try 2" in text
    assert ":red[No rows came.]" in text
    at = shown(talk, step="extract_orders")
    at.toggle(key="card_log_extract_orders").set_value(True).run()
    assert "No log lines of this step were kept." in texts(at)


def test_an_unknown_run_is_told_and_the_page_stays(said: Said, shown: Shown) -> None:
    talk = said()
    talk.show_run("run-nowhere")
    text = texts(shown(talk, view="run"))
    assert "There is no run `run-nowhere` here." in text
    assert "### Daily revenue" in text


def test_two_viewers_of_one_run_see_the_same(run: Any, shown: Shown) -> None:
    talk, run_id = run("RUNNING", {"extract_orders": DONE})
    one, two = shown(talk, view="run"), shown(talk, view="run")
    talk.service.store.runs.finish(run_id, "FAILED", "the disk is full")
    for at in (one.run(), two.run()):
        assert "**The run failed.** The disk is full." in texts(at) or "failed after" in texts(at)


def test_a_run_that_was_taken_up_again_says_so(run: Any, shown: Shown) -> None:
    talk, run_id = run("RUNNING", {"extract_orders": DONE, "transform": {"status": "RUNNING"}})
    store, words = talk.service.store, "Its runner was lost: taken up again, attempt 2. What had finished is kept."
    assert "taken up again" not in texts(shown(talk, view="run"))
    store.runs.release(run_id)
    assert words in texts(shown(talk, view="run"))
    store.runs.claim("second", 60)
    store.runs.begin(run_id, "second")
    assert words in texts(shown(talk, view="run"))
    store.runs.finish(run_id, "SUCCESS")
    assert "taken up again" not in texts(shown(talk, view="run"))


def test_who_was_told_stands_beside_the_run(run: Any, shown: Shown) -> None:
    talk, run_id = run("FAILED", {"extract_orders": {"status": "FAILED", "error": "it is gone"}}, "it is gone")
    store = talk.service.store
    new = [NewMessage("demo", "slack", "#data", "failure"), NewMessage("demo", "email", "x`<b>", "failure", "no *")]
    store.messages.tell({run_id: new})
    store.messages.sent(f"{run_id}.1")
    view = talk.service.view(run_id)
    named = replace(view, run=replace(view.run, spec={**view.run.spec, "notify": [{"channel": "slack", "target": "#data"}]}))
    told = [as_dict(message) for message in store.messages.of(run_id)]
    assert [notified(each) for each in told] == [
        r":gray[:material/notifications: Notified \#data]",
        r":orange[:material/notifications_off: Could not notify x\`\<b\>\: no \*]"]
    late = named.run.ended_at + timedelta(seconds=60)
    assert Book(named, named.run.ended_at).telling, "they come in a moment: look again"
    assert not Book(named, late).telling
    assert not Book(replace(named, messages=told), named.run.ended_at).telling
    assert not Book(view, view.run.ended_at).telling, "nobody is to be told"
