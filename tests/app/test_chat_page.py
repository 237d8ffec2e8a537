"""The chat page in all its states, with the real service on the sample shop; a double only where the service cannot give the state."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import door
from app.parts.start import EXAMPLES, LINE
from app.talk.talk import Talk
from app.talk.talks import Talks
from app.talk.turn import State, Turn, as_data, now
from flows.errors import UnreachableError
from flows.service import Penstock

MAIN = Path(__file__).resolve().parents[2] / "app" / "main.py"
REVENUE = EXAMPLES[":material/payments: Daily revenue"]
VAGUE = "load the stuff somewhere"


@pytest.fixture(autouse=True)
def fresh(shop: Any) -> Iterator[None]:
    """The page opens the service of this test's home, with the sample shop in it."""
    st.cache_resource.clear()
    yield
    door.talks().close()
    door.service().close()
    st.cache_resource.clear()


@pytest.fixture
def at() -> AppTest:
    return AppTest.from_file(str(MAIN), default_timeout=60)


def talk_of(at: AppTest) -> Talk:
    talk = door.talks().get(at.session_state["chat_here"])
    assert talk is not None
    return talk


def settled(at: AppTest) -> AppTest:
    """The page when its turn is done."""
    talk_of(at).wait()
    at.run()
    assert not at.exception
    return at


def say(at: AppTest, text: str) -> AppTest:
    """Write into the input that the page shows, and wait for the answer."""
    if not at.chat_input:
        at.run()
    at.chat_input[0].set_value(text).run()
    return settled(at)


def texts(at: AppTest) -> str:
    return "\n".join(each.value for each in (*at.markdown, *at.title, *at.error, *at.caption))


def keys(at: AppTest, start: str) -> list[str]:
    return [button.key for button in at.button if button.key and button.key.startswith(start)]


def click(at: AppTest, start: str, label: str = "") -> AppTest:
    """Click the first button whose key starts so and whose label is that one."""
    found = next(b for b in at.button if b.key and b.key.startswith(start) and label in b.label)
    found.click().run()
    return settled(at)


# ---- before the first message

def test_the_first_question(at: AppTest) -> None:
    at.run()
    assert not at.exception
    assert [title.value for title in at.title] == ["What should flow where?"]
    assert f":gray[{LINE}]" in texts(at)
    assert at.chat_input(key="first").placeholder.startswith("For example: load orders every day at 2 am")
    assert [b.label for b in at.button if b.key and b.key.startswith("example_")] == list(EXAMPLES)
    assert "pick up where you left off" not in texts(at)


@pytest.mark.parametrize("label", list(EXAMPLES))
def test_every_example_becomes_a_ready_draft_that_can_start(at: AppTest, label: str) -> None:
    at.run()
    click(at, "example_", label)
    state = talk_of(at).snapshot()
    assert state.draft is not None
    assert (state.draft.ready, state.draft.why_not, state.preview_state, state.preview.ok) == (True, "", "ready", True)
    assert "Nothing has run yet." in texts(at)
    assert len(state.turns) == 1
    assert talk_of(at).start()


def test_what_was_begun_is_offered_again(at: AppTest) -> None:
    say(at, REVENUE)
    talk_of(at).start()
    other = AppTest.from_file(str(MAIN), default_timeout=60).run()
    assert "**Or pick up where you left off**" in texts(other)
    assert [button.label for button in other.button if button.key and button.key.startswith("open_")] == ["Daily revenue"]
    assert ":gray-badge[:material/schedule: Queued]" in texts(other)
    click(other, "open_")
    assert "Here is **Daily revenue**" in texts(other)


# ---- a turn

class Slow:
    """The real service; what it is asked to plan waits until it is let go, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.real, self.error = Penstock(), error
        self.reached, self.go = threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def plan(self, *args: Any, **given: Any) -> Any:
        self.reached.set()
        if self.error is not None:
            raise self.error
        assert self.go.wait(60)
        return self.real.plan(*args, **given)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    made = Slow()
    talks = Talks(made)
    monkeypatch.setattr(door, "talks", lambda: talks)
    yield made
    made.go.set()
    talks.close()
    made.real.close()


def test_a_turn_at_work_shows_its_stage_and_can_be_stopped(at: AppTest, slow: Slow) -> None:
    at.run()
    at.chat_input(key="first").set_value(REVENUE).run()
    assert slow.reached.wait(60)
    at.run()
    assert not at.exception
    assert [status.label for status in at.status] == [":shimmer[Reading your request]"]
    assert not at.title, "the first question does not stand above the first answer"
    at.button(key=keys(at, "halt_")[0]).click().run()
    at.run()
    assert "**Stopped.** Nothing has run." in texts(at)
    assert keys(at, "again_")


def test_another_message_while_a_turn_works_is_told_to_wait(at: AppTest, slow: Slow) -> None:
    at.run()
    at.chat_input(key="first").set_value(REVENUE).run()
    at.chat_input(key="next").set_value("run it").run()
    assert "the last request is still being worked on" in texts(at)
    slow.go.set()
    settled(at)
    assert "Here is **Daily revenue**" in texts(at)
    assert len(talk_of(at).snapshot().turns) == 1


def test_a_ready_reply(at: AppTest) -> None:
    say(at, REVENUE)
    said = texts(at)
    assert "Here is **Daily revenue**: 4 steps, every day at 02" in said
    assert "It reads 2,200 rows of `orders` and `customers` and writes `mart.daily_revenue`." in said
    assert ":gray[I assumed that]" in said
    assert "Nothing has run yet." in said
    assert any(each.label.startswith("Worked for ") for each in at.expander)
    assert at.query_params["chat"] == talk_of(at).chat_id


def test_a_reload_and_another_tab_find_the_same_turn(at: AppTest) -> None:
    say(at, REVENUE)
    other = AppTest.from_file(str(MAIN), default_timeout=60)
    other.query_params["chat"] = talk_of(at).chat_id
    other.run()
    assert not other.exception
    assert "Here is **Daily revenue**" in texts(other)


def test_open_questions_and_their_answers(at: AppTest) -> None:
    say(at, f"{VAGUE} on public holidays")
    said = texts(at)
    assert "2 questions are open" in said
    assert ":gray[You wrote:] load the stuff :orange-background[somewhere on public holidays]" in said
    assert "**Where should the rows go\\?**" in said.replace("go?", "go\\?")
    run = next(button for button in at.button if button.key == "panel_run")
    assert (run.disabled, run.help) == (True, "Answer 2 questions first")
    click(at, "option_", "orders")
    assert "Which table should be read\\?] **orders**" in texts(at)
    field = next(each for each in at.text_input if each.key and each.key.startswith("text_"))
    field.set_value("mart.stuff")
    click(at, "send_")
    state = talk_of(at).snapshot()
    assert state.draft is not None
    assert (state.draft.ready, state.draft.spec["steps"][1]["destination"]["table"]) == (True, "mart.stuff")
    assert not keys(at, "option_")


def test_words_that_nobody_understood_are_marked_in_the_sentence(at: AppTest) -> None:
    say(at, "load orders into mart.orders with sprinkles")
    assert ":orange-background[" in next(m.value for m in at.markdown if m.value.startswith("load orders"))
    click(at, "option_", "Leave it out")
    assert "load orders into mart\\.orders with sprinkles" in texts(at)


def test_refused(at: AppTest) -> None:
    say(at, "delete all orders")
    assert "**I will not write this pipeline.**" in texts(at)


def test_not_understood(at: AppTest) -> None:
    say(at, "hello")
    assert "**I could not find a source or a target in that.** Say where the data comes from and where it should go" in texts(at)


def test_an_edit_is_shown_and_applied_by_a_click(at: AppTest) -> None:
    say(at, REVENUE)
    say(at, "change it to 3 am")
    shown = next(code.value for code in at.code if "cron" in code.value)
    assert "-   cron: 0 2 * * *" in shown
    assert "+   cron: 0 3 * * *" in shown
    click(at, "yes_", "Apply")
    assert ":gray[:material/check: Applied]" in texts(at)
    assert not keys(at, "yes_")


def test_an_edit_is_discarded(at: AppTest) -> None:
    say(at, REVENUE)
    say(at, "change it to 3 am")
    click(at, "no_", "Discard")
    assert "Discarded. Nothing was changed" in texts(at)


def test_several_runs_are_confirmed_and_their_progress_shown(at: AppTest) -> None:
    say(at, REVENUE)
    say(at, "run it for 2025-11-01 to 2025-11-07")
    assert "Run **Daily revenue** for 1 to 7 November 2025: 7 runs, one at a time." in texts(at)
    click(at, "yes_", "Start 7 runs")
    assert next(bar.text for bar in at.get("progress")) == "0 of 7 days done"
    at.button(key=keys(at, "stop_")[0]).click().run()
    at.run()
    assert "Stopped after 0 of 7" in texts(at)


def test_a_run_is_cancelled_before_it_starts(at: AppTest) -> None:
    say(at, REVENUE)
    say(at, "run it for 2025-11-15")
    assert "Run **Daily revenue** for 15 November 2025: 1 run." in texts(at)
    click(at, "no_", "Cancel")
    assert "Cancelled. Nothing was started" in texts(at)
    assert door.service().runs() == []


def test_a_second_start_names_the_run(at: AppTest) -> None:
    say(at, REVENUE)
    run_id = talk_of(at).start()
    say(at, "run it")
    assert f"This pipeline is already running as {run_id}".replace("-", "\\-") in texts(at)
    assert not keys(at, "yes_")


def test_a_status_question_lists_runs_to_open(at: AppTest) -> None:
    say(at, REVENUE)
    talk_of(at).start()
    say(at, "what is running?")
    assert [link.proto.label for link in at.get("page_link")][-1].startswith("Daily revenue · ")


# ---- trouble

def test_an_error_is_told_with_its_way_out(at: AppTest, slow: Slow) -> None:
    slow.error = UnreachableError("openai:gpt-x did not answer in 20 s", fix="The built-in planner is used without a model")
    say(at, REVENUE)
    assert any("gpt\\-x did not answer in 20 s" in each.value and "built\\-in planner" in each.value for each in at.error)
    assert REVENUE.replace(".", "\\.").replace(",", "\\,").replace("_", "\\_") in texts(at)
    slow.error = None
    slow.go.set()
    click(at, "again_", "Send again")
    assert "Here is **Daily revenue**" in texts(at)


def test_a_turn_of_a_dead_process_is_interrupted(at: AppTest, slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    at.run()
    at.chat_input(key="first").set_value(REVENUE).run()
    assert slow.reached.wait(60)
    talks = Talks(door.service())
    monkeypatch.setattr(door, "talks", lambda: talks)
    other = AppTest.from_file(str(MAIN), default_timeout=60)
    other.query_params["chat"] = at.query_params["chat"]
    other.run()
    assert "**This turn was interrupted.** Send it again." in texts(other)
    click(other, "again_", "Send again")
    assert "Here is **Daily revenue**" in texts(other)
    talks.close()


def test_an_unknown_chat_or_pipeline_is_told_on_the_first_page(at: AppTest) -> None:
    at.query_params["chat"] = "nobody-knows"
    at.run()
    assert "**This chat is not here.**" in texts(at)
    assert at.title[0].value == "What should flow where?"
    other = AppTest.from_file(str(MAIN), default_timeout=60)
    other.query_params["pipeline"] = "nothing"
    other.run()
    assert "There is no pipeline `nothing`" in texts(other) or "there is no pipeline `nothing`" in texts(other)
    assert other.title[0].value == "What should flow where?"


def test_a_stored_pipeline_opens_by_its_link(at: AppTest) -> None:
    say(at, REVENUE)
    talk_of(at).start()
    other = AppTest.from_file(str(MAIN), default_timeout=60)
    other.query_params["pipeline"] = "daily-revenue"
    other.run()
    settled(other)
    assert "Opened **Daily revenue**, version 1: 4 steps" in texts(other)
    assert other.session_state["chat_here"] != at.session_state["chat_here"]
    assert "pipeline" not in other.query_params


def test_data_in_a_text_never_becomes_formatting(at: AppTest) -> None:
    say(at, "load orders into mart.orders $x$ :material/bolt: <b>hi</b> **bold** [a](http://x)")
    mine = next(m.value for m in at.markdown if m.value.startswith("load orders"))
    assert "\\$x\\$" in mine
    assert "\\<b\\>" in mine
    bare = mine.replace(":orange-background[", "")
    assert not any(mark in bare for mark in (" $x", " <b", " **bold", " :material/", " [a]", "](http"))


# ---- files

def test_a_file_shows_its_profile_and_invites_sentences(at: AppTest) -> None:
    at.run()
    at.chat_input(key="first").upload("orders_may.csv", b"order_id,amount\n1,2.5\n2,3.5\n")
    at.run()
    settled(at)
    assert "Read **orders\\_may\\.csv**: 2 rows" in texts(at)
    assert any(each.label == "Look at its columns" for each in at.expander)
    assert next(b.label for b in at.button if b.key and b.key.startswith("idea_")) == "Load orders\\_may\\.csv into mart\\.orders\\_may"
    click(at, "idea_")
    state = talk_of(at).snapshot()
    assert state.draft is not None
    assert state.draft.spec["steps"][-1]["destination"]["table"] == "mart.orders_may"


def test_a_file_that_cannot_be_read_is_told_and_the_text_stays(at: AppTest) -> None:
    at.run()
    at.chat_input(key="first").set_value("Load it into mart.x").upload("x.parquet", b"this is text, not Parquet")
    at.run()
    settled(at)
    assert any(each.value.startswith("**x\\.parquet is text") for each in at.error)
    assert "Load it into mart\\.x" in texts(at)


# ---- a long chat

def test_of_a_long_chat_the_last_turns_are_drawn_and_the_others_on_demand(at: AppTest) -> None:
    turns = tuple(Turn(f"t{n}", f"message {n:02}", now(), state="done", kind="help", reply="An answer.") for n in range(30))
    door.service().keep_chat("long", "Long", as_data(State("long", turns=turns)))
    at.query_params["chat"] = "long"
    at.run()
    assert not at.exception
    assert "message 29" in texts(at)
    assert "message 21" in texts(at)
    assert "message 20" not in texts(at)
    assert at.button(key="earlier").label == "Show 8 earlier messages"
    at.button(key="earlier").click().run()
    assert "message 13" in texts(at)
    assert "message 12" not in texts(at)
    for _ in range(2):
        at.button(key="earlier").click().run()
    assert "message 00" in texts(at)
    assert not keys(at, "earlier")


# ---- more than one chat

def test_a_new_chat_begins_with_the_first_question(at: AppTest) -> None:
    say(at, REVENUE)
    at.button(key="new_chat").click().run()
    assert at.title[0].value == "What should flow where?"
    assert "chat" not in at.query_params
    say(at, "hello")
    assert not [button for button in at.button if button.key and button.key.startswith("recent_")]  # nothing is read while it is closed
    at.session_state["recent"] = True
    at.run()
    assert {button.label for button in at.button if button.key and button.key.startswith("recent_")} == {"Daily revenue", "hello"}


def chat_of(at):
    """The chat that the address names."""
    found = at.query_params["chat"]
    return found[0] if isinstance(found, list) else found


def test_a_click_while_a_linked_pipeline_is_drawn_stays_in_its_chat(app_service):
    spec = {"pipeline_id": "two", "name": "Two", "steps": [{"step_id": "a", "ps_type": "generic.wait", "config": {"seconds": 0}}]}
    app_service.store.specs.save(app_service.tenant, spec, text=app_service.yaml(spec))
    at = AppTest.from_file(MAIN, default_timeout=20)
    at.query_params["pipeline"] = "two"
    first = chat_of(at.run())
    at.query_params.pop("chat")
    at.query_params["pipeline"] = "two"  # the browser had not heard of the new address when it was clicked
    at.button(key="panel_run").click().run()
    assert chat_of(at) == first
    assert "pipeline" not in at.query_params
    assert "Not run yet" not in "".join(each.value for each in at.markdown)


def test_a_late_address_does_not_turn_back_to_the_chat_before(said, shown):
    before, at = said(), shown(said())
    here = chat_of(at)
    at.query_params["chat"] = before.chat_id
    assert chat_of(at.run()) == before.chat_id  # somebody changed the address
    at.button(key="new_chat").click().run()
    assert "chat" not in at.query_params
    at.query_params["chat"] = before.chat_id
    at.run()
    assert "chat" not in at.query_params
    at.query_params["chat"] = here
    assert chat_of(at.run()) == here
