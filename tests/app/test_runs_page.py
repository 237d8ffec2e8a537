"""The Runs page with the real service: its numbers, its list, its filters in the address, one run beside it, and its empty states."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from app.door import service
from app.parts.filters import Asked, read
from app.parts.starter import starter
from flows.errors import UnreachableError
from flows.store import NewRun, Store
from flows.store.schema import runs as run_table

MAIN = Path(__file__).resolve().parents[2] / "app" / "main.py"
MINUTE = timedelta(minutes=1)
Make = Callable[..., str]


@pytest.fixture(autouse=True)
def fresh(home: Path) -> None:
    """The page opens the service of this test's home."""
    st.cache_resource.clear()


@pytest.fixture
def make(store: Store) -> Make:
    """A run that began `ago` before now, took a minute and ended as `status` (PENDING and RUNNING: it has not); its id."""

    def one(name: str = "Orders", status: str = "SUCCESS", ago: timedelta = timedelta(hours=1), error: str = "") -> str:
        ids = ("read", "write")
        spec = {"pipeline_id": name.lower().replace(" ", "-"), "name": name,
                "steps": [{"step_id": step, "ps_type": "generic.wait", "config": {"seconds": 0}} for step in ids]}
        run = store.runs.submit(NewRun(tenant_id="demo", pipeline_id=str(spec["pipeline_id"]), spec=spec, trigger_by="app",
                                       run_date="2025-11-15"), owner="" if status == "PENDING" else "test", lease_seconds=600)
        began = datetime.now(UTC) - ago
        times: dict[str, Any] = {"created_at": began}
        if status != "PENDING":
            store.runs.begin(run.run_id, "test")
            store.steps.plan(run.run_id, [(step, step, "generic.wait", n) for n, step in enumerate(ids)])
            store.steps.update(run.run_id, "read", status="SUCCESS", attempts=1, started_at=began, ended_at=began, rows_processed=10)
            if status == "SUCCESS":
                store.steps.update(run.run_id, "write", status="SUCCESS", attempts=1, started_at=began, ended_at=began)
            times["started_at"] = began
        if status not in ("PENDING", "RUNNING"):
            store.runs.finish(run.run_id, status, error)
            times["ended_at"] = began + MINUTE
        with store.runs._database.write() as connection:
            connection.execute(update(run_table).where(run_table.c.run_id == run.run_id).values(times))
        return run.run_id

    return one


def page(**query: str) -> AppTest:
    """The page as somebody sees it who follows a link."""
    at = AppTest.from_file(str(MAIN), default_timeout=20).run()
    at.switch_page("pages/runs.py")
    for name, value in query.items():
        at.query_params[name] = value
    return again(at)


def again(at: Any) -> AppTest:
    """Draw the page (or the page after a click on one of its widgets)."""
    at = at.run()
    assert not at.exception, at.exception
    return at


def part(at: AppTest, key: str) -> dict[str, Any]:
    """What one of our components was given."""
    found = [json.loads(each.proto.json) for each in at.get("bidi_component") if each.proto.id.endswith(f"-{key}")]
    return found[0] if found else {}


def shown(at: AppTest) -> list[tuple[str, str]]:
    return [(row["name"], row["word"]) for row in part(at, "runs_table").get("rows", [])]


def said(at: AppTest) -> str:
    return "\n".join(each.value for each in at.markdown)


def numbers(at: AppTest) -> dict[str, tuple[str, str]]:
    return {each.label: (each.value, each.delta) for each in at.metric}


def keys(at: AppTest) -> set[str]:
    return {each.key for each in at.button}


# ---- empty

def test_before_the_first_run_it_says_where_runs_come_from():
    at = page()
    assert "No runs yet. Start one from Chat." in said(at)
    assert numbers(at)["Succeeded"] == ("–", "None failed")
    assert not part(at, "runs_timeline")


def test_no_failed_run_is_good_news(make: Make):
    make()
    at = page(status="failed")
    assert "No failed runs. Good news if you were looking for failures." in said(at)


def test_a_filter_that_matches_nothing_says_so_and_is_cleared(make: Make):
    make()
    at = page(q="*sales*force", since="7d")
    assert "No run matches. Nothing is called “\\*sales\\*force”." in said(at)
    again(at.button(key="runs_clear").click())
    assert shown(at) == [("Orders", "Succeeded")]
    assert at.query_params == {}


def test_what_a_program_asks_for_waits_on_the_page_for_a_yes_or_a_no():
    step = {"step_id": "a", "ps_type": "generic.wait", "config": {"seconds": 0}}
    asked = service().ask_approval({"pipeline_id": "asked", "steps": [step]})
    at = page()
    assert "**A program asks:**" in said(at)
    again(at.button(key=f"runs_approvals_{asked.approval_id}_no").click())
    assert "**A program asks:**" not in said(at)
    assert service().approvals()[0].status == "REFUSED"


# ---- numbers and list

def test_a_stopped_run_is_not_a_failed_run(make: Make):
    for name, status in (("A", "SUCCESS"), ("B", "FAILED"), ("C", "CRASHED"), ("D", "CANCELLED")):
        make(name, status)
    make("Old", "FAILED", ago=timedelta(hours=30))
    found = numbers(page())
    assert found["Running now"] == ("0", "None queued")
    assert found["Last 24 hours"] == ("4", "1 stopped")
    assert found["Succeeded"] == ("25 %", "2 failed")
    assert found["Median time"] == ("1 min", "of 1 succeeded")


def test_the_list_shows_every_state_newest_first(make: Make):
    for number, status in enumerate(("SUCCESS", "FAILED", "CANCELLED", "CRASHED", "RUNNING", "PENDING")):
        make(f"P{number}", status, ago=MINUTE * (60 - number))
    at = page()
    assert [word for _, word in shown(at)] == ["Queued", "Running", "Crashed", "Stopped", "Failed", "Succeeded"]
    rows = part(at, "runs_table")["rows"]
    assert rows[0]["note"].startswith("No runner is up")
    assert (rows[-1]["steps"], rows[-1]["took"], rows[-1]["started"], rows[-1]["trigger"]) == ("2 of 2", "1 min", "1 h ago", "App")
    assert rows[-1]["clock"].endswith("UTC")
    assert (rows[2]["steps"], rows[0]["steps"], rows[0]["took"]) == ("1 of 2", "0 of 2", "")


def test_more_runs_come_page_by_page(make: Make):
    for number in range(30):
        make(f"P{number}", ago=MINUTE * (90 - number))
    at = page()
    assert len(shown(at)) == 25
    again(at.button(key="runs_more").click())
    assert [name for name, _ in shown(at)] == [f"P{number}" for number in reversed(range(30))]
    assert "runs_more" not in keys(at)


def test_the_page_looks_again_only_while_something_lives(make: Make, store: Store):
    run_id = make("Live", "RUNNING", ago=MINUTE)
    at = page(run=run_id)
    assert numbers(at)["Running now"][0] == "1"
    store.runs.finish(run_id, "SUCCESS")
    again(at)
    assert shown(at) == [("Live", "Succeeded")]
    assert part(at, "runs_table")["selected"] == run_id


# ---- filters and the address

def test_filters_are_in_the_address_and_back_again(make: Make):
    make("Orders", "FAILED", error="no such table")
    make("Orders")
    make("Costs", "FAILED")
    at = page()
    again(at.pills(key="runs_status").set_value("failed"))
    again(at.selectbox(key="runs_pipeline").set_value("orders"))
    again(at.text_input(key="runs_q").set_value("ord"))
    again(at.selectbox(key="runs_since").set_value("24h"))
    assert at.query_params == {"status": "failed", "pipeline": "orders", "q": "ord", "since": "24h"}
    assert shown(at) == [("Orders", "Failed")]
    assert shown(page(status="failed", pipeline="orders")) == [("Orders", "Failed")]


def test_filters_and_the_picked_run_survive_another_page(make: Make):
    run_id = make("Orders", "FAILED")
    make("Costs")
    at = page(status="failed", run=run_id)
    at.switch_page("pages/chat.py")
    at.query_params.clear()
    again(at)
    at.switch_page("pages/runs.py")
    again(at)
    assert shown(at) == [("Orders", "Failed")]
    assert at.query_params == {}  # the browser would put it behind the path of the page before
    again(at)
    assert shown(at) == [("Orders", "Failed")]
    assert at.query_params == {"status": "failed", "run": run_id}


def test_an_address_that_means_nothing_shows_all_runs(make: Make):
    make()
    assert shown(page(status="sideways", since="tomorrow")) == [("Orders", "Succeeded")]
    assert read({"status": "sideways", "since": "?", "run": " x ", "other": "1"}) == Asked(run="x")


# ---- one run

def test_a_link_opens_its_run(make: Make):
    make("Orders")
    run_id = make("Costs *daily*", "FAILED", error="write: no such table")
    at = page(run=run_id)
    assert [each.value for each in at.subheader] == ["Costs \\*daily\\*"]
    assert part(at, "runs_table")["selected"] == run_id
    assert {"runs_detail_again", "runs_detail_resume"} <= keys(at)
    again(at.button(key="runs_close").click())
    assert not at.subheader
    assert "run" not in at.query_params


def test_a_link_to_an_unknown_run_has_a_way_out(make: Make):
    make("Orders")
    at = page(run="run-20250101-000000-`abc`")
    assert "There is no run" in said(at)
    again(at.button(key="runs_unknown").click())
    assert shown(at) == [("Orders", "Succeeded")]
    assert "run" not in at.query_params


def test_run_again_shows_the_new_run(make: Make, shop: Any):
    run_id = make("Orders", "FAILED")
    at = page(run=run_id)
    again(at.button(key="runs_detail_again").click())
    new = at.query_params["run"]
    assert new != run_id
    assert shown(at)[0] == ("Orders", "Queued")


def test_stop_reaches_the_run(make: Make, store: Store):
    run_id = make("Orders", "RUNNING", ago=MINUTE)
    again(page(run=run_id).button(key="runs_detail_stop").click())
    assert store.runs.get("demo", run_id).cancel


# ---- backfills, trouble

def test_a_backfill_at_work_is_a_line_with_its_stop(store: Store):
    from flows.store import NewBackfill

    spec = {"pipeline_id": "orders", "name": "Orders", "steps": [{"step_id": "a", "ps_type": "generic.wait", "config": {"seconds": 0}}]}
    days = [{"run_date": f"2025-11-0{day}", "params": {}} for day in range(1, 8)]
    fill = store.backfills.submit(NewBackfill(tenant_id="demo", pipeline_id="orders", spec=spec, days=days))
    at = page()
    assert "Backfill **Orders**: 0 of 7 days done" in said(at)
    again(at.button(key=f"runs_fill_stop_{fill.backfill_id}").click())
    assert store.backfills.get("demo", fill.backfill_id).status == "STOPPED"
    assert "days done" not in said(at)


def test_a_store_that_does_not_answer_is_told_in_words(monkeypatch: pytest.MonkeyPatch):
    from flows.service import Penstock

    def gone(*_: Any, **__: Any) -> Any:
        raise UnreachableError("the control store does not answer", fix="Try again in a minute")

    monkeypatch.setattr(Penstock, "find_runs", gone)
    at = page()
    assert [each.value for each in at.error] == ["the control store does not answer\\. Try again in a minute\\."]


def test_a_notification_that_was_given_up_is_a_quiet_line_that_opens_its_run(make: Make, monkeypatch: pytest.MonkeyPatch):
    from flows.service import Penstock

    run_id = make()
    part = {"name": "Notifications", "state": "down", "words": "1 notification could not be sent in the last 24 hours, the last one to "
            "ops@example.com: the mail server does not answer.", "fix": "", "run_id": run_id}
    monkeypatch.setattr(Penstock, "health", lambda _: {"runner": True, "words": [], "notes": [part["words"]], "parts": [part]})
    at = page()
    assert "1 notification could not be sent in the last 24 hours" in said(at)
    assert "The runs are not affected." in said(at)
    assert not at.error
    assert not at.warning
    again(at.button(key="runs_untold_show").click())
    assert at.query_params["run"] == run_id


def test_a_run_that_was_taken_up_again_or_resumed_says_so(make: Make, store: Store):
    first, run_id = make(status="FAILED", error="lost"), make()
    with store.runs._database.write() as connection:
        connection.execute(update(run_table).where(run_table.c.run_id == run_id).values(attempt=2, resume_of=first))
    assert f" · attempt 2 · goes on from `{first.rpartition('-')[2]}`" in said(page(run=run_id))


@pytest.mark.parametrize(("trigger", "word"), [
    ("app", "App"), ("mcp", "Program"), ("schedule", "Schedule"), ("prefect", "Prefect"), ("nightly", "Nightly"),
    ("api:CI key", "API: CI key"), ("api:CI key:airflow", "API: CI key, airflow"), ("api:" + "k" * 80, "API: " + "k" * 26 + "…")])
def test_who_began_a_run_is_a_word(trigger: str, word: str) -> None:
    assert starter(trigger) == word


def test_a_late_schedule_is_told_with_its_cause_on_runs_and_in_settings(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(days=2)

    make()
    at = page()
    service().deploy({"pipeline_id": "night", "name": "Night", "steps": [{"step_id": "a", "ps_type": "generic.wait",
                                                                           "config": {"seconds": 0}}]}, schedule="0 2 * * *")
    assert "is late" not in said(again(at))
    monkeypatch.setattr("flows.service.late.datetime", Later)
    assert "**night** is late" in said(again(at))
    assert "no worker is up" in said(at)
    at.switch_page("pages/settings.py")
    assert "**Schedules** :red-badge[Late]" in said(again(at))
    assert "no worker is up" in said(at)
