"""The Pipelines page with the real service: the list, its filters in the address, one pipeline with its views, and what a role may do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import door
from app.panel.stored import made
from flows.service import Identity, Penstock
from flows.store import NewRun

MAIN = Path(__file__).resolve().parents[2] / "app" / "main.py"
Keep = Callable[..., int]


@pytest.fixture(autouse=True)
def fresh(shop: Any) -> Iterator[None]:
    st.cache_resource.clear()
    st.cache_data.clear()
    yield
    door.base().close()
    st.cache_resource.clear()


@pytest.fixture
def keep() -> Keep:
    """Store a pipeline as its next version; the number of that version."""

    def one(pipeline_id: str = "orders-day", name: str = "Orders of a day", **more: Any) -> int:
        spec = {"pipeline_id": pipeline_id, "name": name, "steps": [
            {"step_id": "read", "ps_type": "generic.extract", "source": {"table": "orders"}},
            {"step_id": "write", "ps_type": "generic.load", "config": {"input": "read"},
             "destination": {"engine": "duckdb", "table": f"mart.{pipeline_id.replace('-', '_')}", "mode": "overwrite"}}], **more}
        return mine().store.specs.save("demo", spec, author="test").version

    return one


def mine() -> Penstock:
    return door.base().acting(Identity("demo", "admin", "test"))


def page(**query: str) -> AppTest:
    at = AppTest.from_file(str(MAIN), default_timeout=60).run()
    at.switch_page("pages/pipelines.py")
    for name, value in query.items():
        at.query_params[name] = value
    return drawn(at)


def drawn(at: Any) -> AppTest:
    at = at.run()
    assert not at.exception, at.exception
    return at


def said(at: AppTest) -> str:
    return "\n".join(each.value for each in (*at.markdown, *at.title, *at.error, *at.warning, *at.caption))


def opens(at: AppTest) -> list[str]:
    return [b.key.removeprefix("pipeline_open_") for b in at.button if b.key and b.key.startswith("pipeline_open_")]


# ---- the list

def test_before_the_first_pipeline_it_says_where_they_come_from() -> None:
    at = page()
    assert "No pipelines yet. Describe one in chat, or start from a template." in said(at)
    assert not at.text_input


def test_cards_are_found_by_words_and_domain_and_both_stand_in_the_address(keep: Keep) -> None:
    keep()
    keep("costs", "Costs *of* a day", description="What the clouds cost. Every day.", variables={"domain": "cost"})
    at = page()
    assert opens(at) == ["costs", "orders-day"]
    assert "Costs \\*of\\* a day" in said(at)
    assert "What the clouds cost." in said(at)
    assert "2 steps\\: reads orders and writes mart\\.orders\\_day." in said(at)
    drawn(at.pills(key="pipelines_domain").set_value("cost"))
    assert (opens(at), at.query_params["domain"]) == (["costs"], "cost")
    assert opens(page(domain="mart", q="ORDERS")) == ["orders-day"]
    assert opens(page(domain="none such")) == ["costs", "orders-day"]


def test_nothing_found_says_so_and_templates_are_found_by_the_same_words(keep: Keep) -> None:
    keep()
    at = page(q="no*such")
    assert "No pipeline matches. Nothing is called “no\\*such”." in said(at)
    drawn(at.button(key="pipelines_clear").click())
    assert opens(at) == ["orders-day"]
    assert "**Templates that match**" in said(page(q="quality gate"))


def test_a_card_shows_the_last_runs_its_state_and_its_schedule(keep: Keep) -> None:
    version = keep(schedule={"cron": "0 2 * * *"})
    for status in ("SUCCESS", "FAILED"):
        run = mine().store.runs.submit(NewRun(tenant_id="demo", pipeline_id="orders-day", spec={"steps": []}, version=version), owner="x",
                                       lease_seconds=60)
        mine().store.runs.finish(run.run_id, status)
    at = page()
    assert ":green[:material/check_circle:]:red[:material/error:]" in said(at)
    assert ":red-badge[:material/error: Failed] :gray-badge[:material/schedule: Every day at 02\\:00 UTC, not deployed]" in said(at)
    mine().deploy("orders-day")
    mine().pause("orders-day")
    assert ":orange-badge[:material/pause: Paused]" in said(drawn(at))


def test_more_pipelines_come_page_by_page(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(26):
        keep(f"p{number:02}")
    at = page()
    assert len(opens(at)) == 12
    drawn(at.button(key="pipelines_more").click())
    assert len(opens(at)) == 24


def test_a_version_says_what_it_reads_and_writes_and_where_it_belongs() -> None:
    spec = {"pipeline_id": "x", "steps": [{"step_id": "a", "ps_type": "generic.export", "destination": {"path": "out/{day}.csv"}}]}
    face = made(spec, "x", 3)
    assert (face.name, face.domain, face.sentence, face.schedule) == ("x", "other", "1 step: writes out/{day}.csv", "On demand")


# ---- one pipeline

def test_a_link_opens_a_pipeline_and_one_to_none_says_so(keep: Keep) -> None:
    keep()
    at = page(pipeline="orders-day")
    assert "Orders of a day" in said(at)
    assert ":gray-badge[`orders-day`] :gray-badge[Version 1]" in said(at)
    drawn(at.button(key="pipeline_back").click())
    assert opens(at) == ["orders-day"]
    for name in ("none", "../../etc/passwd"):
        assert "There is no pipeline" in said(page(pipeline=name))


def test_two_versions_are_compared_and_the_earlier_one_comes_back(keep: Keep) -> None:
    keep(description="The first.")
    keep(description="The second.")
    at = page(pipeline="orders-day", show="versions")
    assert "**Version 2** :green-badge[:material/check_circle: In force]" in said(at)
    assert "-description: The first." in at.code[0].value
    assert "+description: The second." in at.code[0].value
    drawn(at.button(key="version_back_1_yes").click())
    assert "**Version 1** :green-badge[:material/check_circle: In force]" in said(at)
    assert mine().stored("orders-day").version == 1
    drawn(at.button(key="version_back_2_yes").click())
    assert mine().stored("orders-day").version == 2


def test_what_runs_by_itself_is_paused_resumed_and_deleted(keep: Keep) -> None:
    keep(schedule={"cron": "0 2 * * *"})
    at = page(pipeline="orders-day", show="schedule")
    assert "Not deployed: it runs when somebody starts it." in said(at)
    mine().deploy("orders-day")
    drawn(at)
    assert "Every day at 02\\:00 UTC" in said(at)
    assert said(at).count("02\\:00 · ") == 4
    drawn(at.button(key="deployed_local_pause").click())
    assert "No next run while it is paused." in said(at)
    assert mine().deployment("orders-day").paused
    drawn(at.button(key="deployed_local_resume").click())
    assert not mine().deployment("orders-day").paused
    drawn(at.button(key="deployed_local_delete_yes").click())
    assert "Not deployed: it runs when somebody starts it." in said(at)
    assert "2 releases in local" in [each.label for each in at.expander]


def test_the_deploy_dialog_says_when_what_and_how_much_before_anything_is_deployed(keep: Keep) -> None:
    keep(schedule={"cron": "0 2 * * *"}, parameters=[{"name": "least", "type": "integer", "default": 3}])
    at = drawn(page(pipeline="orders-day").button(key="pipeline_deploy").click())
    assert "Every day at 02\\:00 UTC. The next 5 runs:" in said(at)
    assert "Deploys version 1. Each run writes `mart.orders_day`." in said(at)
    assert "a month of it costs" in said(at)
    assert mine().deployments() == []
    drawn(at.selectbox(key="deploy_how").set_value("cron"))
    drawn(at.text_input(key="deploy_cron").set_value("61 2 * * *"))
    assert at.button(key="deploy_yes").disabled
    assert len(at.error) == 1
    drawn(at.text_input(key="deploy_cron").set_value("30 4 * * 1"))
    drawn(at.text_input(key="deploy_param_least").set_value("7"))
    drawn(at.button(key="deploy_yes").click())
    found = mine().deployment("orders-day")
    assert (found.words, found.params) == ("Every Monday at 04:30 UTC", {"least": "7"})
    mine().pause("orders-day")
    drawn(drawn(at).button(key="pipeline_deploy").click())
    assert "It is paused and stays paused" in said(at)
    assert at.selectbox(key="deploy_how").options[1] == "As it is deployed: every Monday at 04:30 UTC"


def test_a_run_asks_for_its_values_first_and_is_shown_when_it_is_queued(keep: Keep) -> None:
    keep(parameters=[{"name": "least", "type": "integer", "default": 3}])
    at = drawn(page().button(key="pipeline_run_orders-day").click())
    assert "Runs version 1 here, against DuckDB, and writes `mart.orders_day`. Production is not touched." in said(at)
    assert mine().find_runs() == []
    at.number_input(key="run_param_least").set_value(9)
    drawn(next(b for b in at.button if (b.label == "Run locally" and b.key is None) or str(b.key).startswith("run_submit")).click())
    run = mine().find_runs()[0]
    assert (run.params, run.trigger_by, run.environment) == ({"least": 9}, "app", "local")


def test_a_backfill_says_what_it_would_do_and_is_followed(keep: Keep) -> None:
    keep()
    at = page(pipeline="orders-day", show="backfill")
    assert "No step uses the run date" in said(at)
    assert "One day at a time" in said(at)
    at.date_input(key="backfill_days").set_value((date(2025, 11, 1), date(2025, 11, 3)))
    drawn(at)
    assert "Runs **Orders of a day** for 1 to 3 November 2025: 3 runs, one at a time" in said(at)
    drawn(at.button(key="backfill_start").click())
    assert [(each.total, each.state) for each in mine().backfills()] == [(3, "RUNNING")]
    assert "**3 days**" in said(at)
    drawn(next(b for b in at.button if str(b.key).startswith("stop_fill_")).click())
    assert mine().backfills()[0].state == "STOPPED"


# ---- who may not

def test_a_viewer_looks_and_may_change_nothing(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(schedule={"cron": "0 2 * * *"})
    keep(description="Two.", schedule={"cron": "0 2 * * *"})
    mine().deploy("orders-day")
    _, text = mine().create_key("look", "viewer")
    monkeypatch.setenv("PENSTOCK_ROOT_KEY", "root-key-of-the-tests-000000000")
    st.cache_resource.clear()
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    at.session_state["session_key"] = text
    at.run().switch_page("pages/pipelines.py")
    at = drawn(at)
    assert at.button(key="pipeline_run_orders-day").disabled
    at.query_params["pipeline"] = "orders-day"
    for show, barred in (("schedule", "deployed_local_pause"), ("schedule", "deployed_local_delete"), ("versions", "version_back_1"),
                         ("backfill", "backfill_start"), ("steps", "pipeline_run"), ("steps", "pipeline_deploy")):
        at.query_params["show"] = show
        found = drawn(at).button(key=barred)
        assert found.disabled, barred
        assert "Your role here is viewer." in found.help
