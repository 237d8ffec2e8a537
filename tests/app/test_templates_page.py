"""The Templates page with the real service: the list, its filters in the address, one template as a form, and its way into a chat."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import door
from app.panel.recipe import paragraphs
from app.parts.days import DayMark, chosen, counted, marks

MAIN = Path(__file__).resolve().parents[2] / "app" / "main.py"


@pytest.fixture(autouse=True)
def fresh(shop: Any) -> Iterator[None]:
    st.cache_resource.clear()
    yield
    door.talks().close()
    door.service().close()
    st.cache_resource.clear()


def page(**query: str) -> AppTest:
    at = AppTest.from_file(str(MAIN), default_timeout=60).run()
    at.switch_page("pages/templates.py")
    for name, value in query.items():
        at.query_params[name] = value
    return drawn(at)


def drawn(at: Any) -> AppTest:
    at = at.run()
    assert not at.exception, at.exception
    return at


def said(at: AppTest) -> str:
    return "\n".join(each.value for each in (*at.markdown, *at.title, *at.error, *at.caption))


def opens(at: AppTest) -> list[str]:
    return [b.key.removeprefix("template_open_") for b in at.button if b.key and b.key.startswith("template_open_")]


def test_every_template_is_a_card_and_filters_stand_in_the_address() -> None:
    at = page()
    assert opens(at) == [each.name for each in door.service().templates()]
    drawn(at.text_input(key="templates_q").set_value("quality gate"))
    assert (opens(at), at.query_params["q"]) == (["gallery/quality_gate"], "quality gate")
    again = page(q="no*such", domain="gallery")
    assert "Nothing is called “no\\*such”." in said(again)
    drawn(again.button(key="templates_clear").click())
    assert len(opens(again)) > 20
    assert opens(page(domain="cloud/gcp")) == ["cloud/gcp/billing"]


def test_an_own_template_that_cannot_be_read_is_listed_with_its_reason(home: Path) -> None:
    own = home / "templates" / "gallery" / "mine.yml"
    own.parent.mkdir(parents=True)
    own.write_text("pipeline_id: [\n", encoding="utf-8")
    assert "gallery/mine" in opens(page())
    assert page(template="gallery/mine").error


def test_a_link_to_no_template_says_so_and_a_path_is_none() -> None:
    for name in ("gallery/none", "../../../etc/passwd"):
        assert "There is no template" in said(page(template=name))


def test_a_value_that_does_not_fit_is_told_and_nothing_is_made() -> None:
    at = page(template="gallery/daily_partition")
    at.text_input(key="template_p_run_date").set_value("someday")
    at.button(key="template_use").click()
    drawn(at)
    assert [each.value for each in at.error] == [
        "**Run date**: the parameter `run_date` must be of type date\\. Write it as it stands in the template\\: `2025-11-15`\\."]
    assert at.query_params["p.run_date"] == "someday"


def test_a_preview_uses_the_values_of_the_form_and_a_link_opens_the_same() -> None:
    at = page(template="gallery/daily_partition", **{"v.destination_table": "mart.mine", "p.run_date": "2025-11-14"})
    assert at.text_input(key="template_v_destination_table").value == "mart.mine"
    drawn(at.button(key="template_preview").click())
    assert at.query_params["show"] == "preview"
    assert "Nothing was written." in said(at)
    _, seen, wrong = at.session_state["templates_seen"]
    assert (wrong, seen.ok) == ("", True)
    read = next(each for each in seen.steps if each.step_id == "read")
    assert {str(row["order_date"]) for row in read.rows} == {"2025-11-14"}


def test_a_template_that_is_used_is_a_draft_that_is_changed_in_words() -> None:
    at = page(template="gallery/daily_partition")
    at.text_input(key="template_v_destination_table").set_value("mart.mine")
    at.text_input(key="template_id").set_value("my-days")
    drawn(at.button(key="template_use").click())
    talk = door.talks().get(at.session_state["chat_here"])
    assert talk is not None
    state = talk.wait()
    assert state.draft is not None
    assert (state.draft.pipeline_id, state.draft.ready, state.preview.ok) == ("my-days", True, True)
    assert "writes `mart.mine`" in state.turns[0].reply
    assert "# How it works" in state.draft.text
    talk.say("run it every day at 3 am")
    turn = talk.wait().turns[-1]
    talk.confirm(turn.id)
    after = talk.wait().draft
    assert after is not None
    assert (after.spec["schedule"]["cron"], after.version) == ("0 3 * * *", 2)
    card = talk.wait().turn(talk.say("run it for 2025-11-01 to 2025-11-07"))
    card = talk.wait().turns[-1].card
    assert card is not None
    assert (card.runs, card.most, card.why_one) == (7, 7, "")
    talk.confirm(talk.snapshot().turns[-1].id, 3)
    fill = door.service().backfill_view(talk.wait().backfill_id)
    assert (fill.backfill.at_once, fill.total) == (3, 7)


def test_what_is_written_over_runs_one_day_at_a_time_and_the_card_says_why() -> None:
    talk = door.talks().new()
    source = door.service().source("gallery/basic_etl")
    talk.show(source.spec.as_dict(), door.service().yaml(source.spec), "", made="a test")
    talk.wait()
    talk.say("run it for 2025-11-01 to 2025-11-03")
    card = talk.wait().turns[-1].card
    assert card is not None
    assert (card.most, card.why_one) == (1, "One day at a time: in 'load', every day replaces the whole of mart.monthly_revenue.")
    assert card.notes[0].startswith("no step uses the run date")


def test_how_it_works_is_text_and_never_formatting() -> None:
    assert paragraphs("  1. Read *all*.\n     And more.\n  2. Write.\n\nMake it yours: `x`.\nOne <b>more</b>") == [
        "1. Read \\*all\\*\\. And more\\.\n2. Write\\.", "Make it yours\\: `x`\\.", "One \\<b\\>more\\<\\/b\\>"]


def test_the_days_of_a_backfill_are_counted_and_marked() -> None:
    from datetime import date, timedelta

    dates = [date(2025, 11, 1) + timedelta(n) for n in range(70)]
    runs = [SimpleNamespace(backfill_day=3, status="RUNNING", run_id="r3b"), SimpleNamespace(backfill_day=3, status="FAILED", run_id="r3")]
    days = marks(SimpleNamespace(runs=runs, backfill=SimpleNamespace(dates=dates, position=2)))
    assert days[1:4] == [DayMark(dates[1], "SUCCESS"), DayMark(dates[2], "RUNNING", "r3b"), DayMark(dates[3], "")]
    assert counted(days).replace(":material/", "") == "progress_activity: 1 running · check_circle: 2 succeeded · " \
        "radio_button_unchecked: 67 not begun"
    assert len(chosen(days)) == 62
    assert days[2] in chosen(days)


def test_an_address_in_a_message_is_no_link() -> None:
    from app.parts.escape import unlinked

    assert unlinked("Not to ops@example.com: it is https://x.y/z. 'smtp' *is*") == \
        "Not to `ops@example.com`\\: it is `https://x.y/z`\\. `smtp` \\*is\\*"
