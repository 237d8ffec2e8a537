"""A conversation without Streamlit: jobs in threads, answers, edits, undo, runs, and a restart from the control store."""

from __future__ import annotations

import gc
import logging
import threading
import weakref
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app.talk import words
from app.talk.talk import Talk
from app.talk.talks import Talks
from app.talk.turn import State, Turn
from flows.errors import DuplicateRun, InputError, MissingError, UnreachableError
from flows.run.price import PriceTag, StepPrice
from flows.service import Penstock
from flows.warehouse.bq.price import Tariff

REVENUE = "Every day at 2 am, sum the amount of paid orders by day and country and write it to mart.daily_revenue"
VAGUE = "load the stuff somewhere"


@pytest.fixture
def service(shop: Any) -> Iterator[Penstock]:
    with Penstock(settings=shop) as opened:
        yield opened


@pytest.fixture
def talks(service: Penstock) -> Iterator[Talks]:
    made = Talks(service)
    yield made
    made.close()


@pytest.fixture
def talk(talks: Talks) -> Talk:
    return talks.new()


def said(talk: Talk, text: str, files: Any = ()) -> Turn:
    """The turn of a text, when all its work is done."""
    turn_id = talk.say(text, files)
    turn = talk.wait().turn(turn_id)
    assert turn is not None
    return turn


def last(state: State) -> Turn:
    return state.turns[-1]


# ---- drafts

def test_a_sentence_becomes_a_ready_draft_with_its_preview(talk: Talk) -> None:
    turn = said(talk, REVENUE)
    state = talk.snapshot()
    assert (turn.state, turn.kind, turn.error) == ("done", "create", "")
    assert [stage.words for stage in turn.stages] == ["Reading your request", "Drafting 4 steps", "Checking schema and connections",
                                                     "Previewing 200 rows"]
    assert all(stage.seconds is not None for stage in turn.stages)
    assert state.draft is not None
    assert (state.draft.ready, state.draft.why_not, state.draft.version) == (True, "", 1)
    assert state.draft.report.ok
    assert state.preview_state == "ready"
    assert state.preview.ok
    assert turn.reply.startswith("Here is **Daily revenue**: 4 steps, every day at 02")
    assert "It reads 2,200 rows of `orders` and `customers` and writes `mart.daily_revenue`." in turn.reply
    assert state.title == "Daily revenue"


def test_a_draft_tells_what_a_production_run_costs(talk: Talk) -> None:
    turn = said(talk, REVENUE)
    price = talk.snapshot().price
    # two inputs of the transform, then the rows that are written are read twice: ten MiB each at least
    assert price.bytes == 40 * 2**20
    assert "A production run would scan about 40 MiB, under \\$0.01; a month of it \\$0.01." in turn.reply


@pytest.mark.parametrize(("steps", "said"), [
    ([0], "A production run would scan nothing on BigQuery."),
    ([2**40, None], "A production run would scan at least 1.0 TiB, \\$6.25."),
])
def test_a_price_is_told_as_far_as_it_is_known(steps: list[int | None], said: str) -> None:
    tag = PriceTag("p", tuple(StepPrice("s", each, None, "statistics") for each in steps), Tariff(6.25, "list"))
    assert words.costs(tag) == said


def test_a_vague_sentence_asks_and_an_answer_makes_it_ready(talk: Talk) -> None:
    turn = said(talk, VAGUE)
    state = talk.snapshot()
    assert state.draft is not None
    assert state.draft.why_not == "Answer 2 questions first"
    asked = state.open_questions(turn)
    assert [q.slot for q in asked] == ["source", "destination"]
    with pytest.raises(InputError, match="Answer 2 questions first"):
        talk.start()
    talk.answer(turn.id, asked[0].id, option="orders")
    state = talk.wait()
    assert state.draft is not None
    assert state.draft.why_not == "Answer 1 question first"
    talk.answer(turn.id, asked[1].id, text="mart.stuff")
    state = talk.wait()
    assert state.draft is not None
    assert state.draft.ready
    assert state.draft.spec["steps"][1]["destination"]["table"] == "mart.stuff"
    assert [given.chosen for given in last(state).answered] == ["orders", "mart.stuff"]
    assert state.open_questions(last(state)) == []
    assert len(state.turns) == 1
    with pytest.raises(MissingError, match="no longer open"):
        talk.answer(turn.id, asked[0].id, option="orders")


def test_undo_takes_an_answer_back(talk: Talk) -> None:
    turn = said(talk, VAGUE)
    asked = talk.snapshot().open_questions(turn)
    talk.answer(turn.id, asked[0].id, option="orders")
    talk.wait()
    talk.undo()
    state = talk.wait()
    assert [q.id for q in state.open_questions(last(state))] == [q.id for q in asked]
    assert last(state).answered == ()
    with pytest.raises(InputError, match="no earlier version"):
        talk.undo()


def test_an_assumption_is_undone_by_its_patch(service: Penstock) -> None:
    class Assumes:
        """The real service; its plans assume one thing that can be undone."""

        def __getattr__(self, name: str) -> Any:
            return getattr(service, name)

        def plan(self, text: str, **given: Any) -> Any:
            result = service.plan(text, **given)
            undo = [{"op": "replace", "path": "/steps/3/destination/mode", "value": "append"}]
            return result.model_copy(update={"assumptions": [type(result.assumptions[0])(path="mode", text="it replaces", patch=undo)]})

    talks = Talks(Assumes())
    talk = talks.new()
    turn = said(talk, REVENUE)
    talk.undo_assumption(turn.id, 0)
    state = talk.wait()
    assert state.draft is not None
    assert (state.draft.spec["steps"][3]["destination"]["mode"], state.draft.version) == ("append", 2)
    assert last(state).result.assumptions == []
    said(talk, "Sum the refunds by month and write it to mart.refunds_by_month")
    with pytest.raises(InputError, match="the draft has changed since"):
        talk.undo_assumption(turn.id, 0)
    talks.close()


def test_a_destructive_wish_is_refused_and_the_draft_stays(talk: Talk) -> None:
    said(talk, REVENUE)
    turn = said(talk, "delete all orders")
    assert turn.kind == "refused"
    assert turn.reply.startswith("**I will not write this pipeline.**")
    draft = talk.snapshot().draft
    assert draft is not None
    assert draft.pipeline_id == "daily-revenue"


@pytest.mark.parametrize(("text", "kind", "reply"), [
    ("hello", "unknown", "**I could not find a source or a target in that.**"),
    ("what is the meaning of life?", "unknown", "I cannot answer that."),
])
def test_words_that_are_no_request_are_told_what_it_can_do(talk: Talk, text: str, kind: str, reply: str) -> None:
    turn = said(talk, text)
    assert (turn.kind in (kind, "help"), turn.reply.startswith(reply)) == (True, True)
    assert talk.snapshot().draft is None


# ---- edits

def test_an_edit_in_words_is_applied_by_a_click_and_undone(talk: Talk) -> None:
    said(talk, REVENUE)
    turn = said(talk, "change it to 3 am")
    assert turn.diff is not None
    assert turn.diff[1]["schedule"]["cron"] == "0 3 * * *"
    assert turn.diff[0]["steps"] == turn.diff[1]["steps"]
    draft = talk.snapshot().draft
    assert draft is not None
    assert draft.spec["schedule"]["cron"] == "0 2 * * *"
    talk.confirm(turn.id)
    state = talk.wait()
    assert state.draft is not None
    assert (state.draft.version, state.draft.spec["schedule"]["cron"], last(state).decided) == (2, "0 3 * * *", "applied")
    with pytest.raises(InputError, match="decided already"):
        talk.confirm(turn.id)
    talk.undo()
    state = talk.wait()
    assert state.draft is not None
    assert (state.draft.version, state.draft.spec["schedule"]["cron"]) == (1, "0 2 * * *")


def test_a_discarded_edit_changes_nothing(talk: Talk) -> None:
    said(talk, REVENUE)
    turn = said(talk, "change it to 3 am")
    talk.dismiss(turn.id)
    state = talk.snapshot()
    assert state.draft is not None
    assert (last(state).decided, state.draft.version) == ("discarded", 1)


def test_a_wrong_text_in_the_editor_keeps_the_last_valid_version(talk: Talk) -> None:
    said(talk, REVENUE)
    good = talk.snapshot().draft
    assert good is not None
    report = talk.edit(good.text.replace("extract_customers\n", "extract_customer\n", 1))
    assert not report.ok
    draft = talk.snapshot().draft
    assert draft is not None
    assert (draft.spec, draft.version, draft.ready) == (good.spec, 1, True)
    assert draft.text != good.text
    assert talk.edit(good.text.replace("02", "02").replace("0 2 * * *", "0 4 * * *")).ok
    state = talk.wait()
    assert state.draft is not None
    assert (state.draft.version, state.draft.spec["schedule"]["cron"], state.preview_state) == (2, "0 4 * * *", "ready")


# ---- runs

def test_a_run_is_queued_only_by_the_click(talk: Talk, service: Penstock) -> None:
    said(talk, REVENUE)
    turn = said(talk, "run it for 2025-11-15")
    assert turn.card is not None
    assert (turn.card.dates, turn.card.runs, turn.card.problem) == ((date(2025, 11, 15),), 1, "")
    assert service.runs() == []
    talk.confirm(turn.id)
    state = talk.wait()
    assert last(state).decided == "started"
    run = service.view(state.run_id).run
    assert (run.run_date, run.pipeline_id, run.spec["name"]) == ("2025-11-15", "daily-revenue", "Daily revenue")


def test_a_run_of_no_date_shows_the_date_it_will_be(talk: Talk) -> None:
    said(talk, REVENUE)
    turn = said(talk, "run it")
    assert turn.card is not None
    assert len(turn.card.dates) == 1


def test_a_second_start_says_what_is_running(talk: Talk) -> None:
    said(talk, REVENUE)
    run_id = talk.start()
    with pytest.raises(DuplicateRun) as error:
        talk.start()
    assert words.problem(error.value) == f"This pipeline is already running as `{run_id}`. Wait for it to finish or stop it first."
    turn = said(talk, "run it")
    assert turn.card is not None
    assert run_id in turn.card.problem
    with pytest.raises(InputError, match="already running"):
        talk.confirm(turn.id)


def test_several_dates_are_a_backfill_that_can_be_stopped(talk: Talk, service: Penstock) -> None:
    said(talk, REVENUE)
    turn = said(talk, "run it for 2025-11-01 to 2025-11-07")
    assert turn.card is not None
    assert (len(turn.card.dates), turn.card.runs) == (7, 7)
    talk.confirm(turn.id)
    state = talk.wait()
    assert service.backfill_view(state.backfill_id).total == 7
    talk.stop()
    assert service.backfill_view(state.backfill_id).state == "STOPPED"


def test_a_cancel_request_stops_the_run_it_names(talk: Talk, service: Penstock) -> None:
    said(talk, REVENUE)
    run_id = talk.start()
    turn = said(talk, "stop it")
    assert turn.card is not None
    assert turn.card.run_id == run_id
    talk.confirm(turn.id)
    talk.wait()
    assert service.view(run_id).run.status == "CANCELLED"


def test_a_dismissed_card_starts_nothing(talk: Talk, service: Penstock) -> None:
    said(talk, REVENUE)
    turn = said(talk, "run it")
    talk.dismiss(turn.id)
    assert last(talk.snapshot()).decided == "cancelled"
    assert service.runs() == []


def test_a_question_about_runs_lists_them(talk: Talk) -> None:
    said(talk, REVENUE)
    run_id = talk.start()
    turn = said(talk, "what is running?")
    assert turn.kind == "status"
    assert [run.run_id for run in turn.runs] == [run_id]


# ---- files

def test_a_file_is_read_and_invites_sentences(talk: Talk) -> None:
    turn = said(talk, "", [("sales may.csv", b"order_id,amount\n1,2.5\n2,3.5\n")])
    assert (turn.state, turn.kind, turn.files[0].name) == ("done", "files", "sales may.csv")
    assert "Read **sales may\\.csv**" in turn.files[0].words
    assert turn.files[0].words.endswith("It is in no table until a pipeline loads it.")
    assert turn.files[0].attached.profile.rows == 2
    assert words.ideas(turn) == ["Load sales may.csv into mart.sales_may",
                                 "Load sales may.csv, check that order_id is never empty, and write it to mart.sales_may"]


def test_a_file_that_is_none_is_named_and_nothing_is_lost(talk: Talk) -> None:
    turn = said(talk, "Load x.parquet into mart.x", [("x.parquet", b"no parquet at all")])
    assert turn.state == "failed"
    assert turn.error.startswith("**x\\.parquet is text\\, not Parquet.**")
    assert turn.text == "Load x.parquet into mart.x"
    again = said(talk, "", [("good.csv", b"a\n1\n")])
    assert again.state == "done"


# ---- jobs

class Held:
    """The real service with one method that waits until it is let go, or fails; it says when it was reached."""

    def __init__(self, service: Penstock, method: str, error: Exception | None = None) -> None:
        self._service, self._method, self._error = service, method, error
        self.reached, self.go = threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._service, name)
        if name != self._method:
            return real

        def held(*args: Any, **kwargs: Any) -> Any:
            self.reached.set()
            if self._error is not None:
                raise self._error
            assert self.go.wait(30)
            return real(*args, **kwargs)

        return held


def test_a_stopped_turn_changes_nothing_any_more(service: Penstock) -> None:
    held = Held(service, "plan")
    talks = Talks(held)
    talk = talks.new()
    talk.say(REVENUE)
    assert held.reached.wait(30)
    assert talk.snapshot().working
    with pytest.raises(InputError, match="still being worked on"):
        talk.say("another one")
    talk.stop_turn()
    stopped = talk.snapshot()
    assert (last(stopped).state, stopped.working) == ("stopped", False)
    held.go.set()
    talks.close()
    assert talk.snapshot().turns == stopped.turns
    assert talk.snapshot().draft is None


def test_an_error_of_ours_is_told_in_words(service: Penstock) -> None:
    talks = Talks(Held(service, "plan", UnreachableError("the model did not answer in 20 s", where="openai:gpt-x", fix="Try again")))
    talk = talks.new()
    turn = said(talk, REVENUE)
    talks.close()
    assert (turn.state, turn.code) == ("failed", "")
    assert "the model did not answer in 20 s" in turn.error
    assert "Try again" in turn.error


def test_anything_else_has_a_code_that_stands_in_the_log(service: Penstock, caplog: pytest.LogCaptureFixture) -> None:
    talks = Talks(Held(service, "plan", ValueError("boom: password=hunter2")))
    talk = talks.new()
    with caplog.at_level(logging.ERROR, logger="penstock.app"):
        turn = said(talk, REVENUE)
        talks.close()
    assert turn.state == "failed"
    assert turn.code in turn.error
    assert "boom" not in turn.error
    assert turn.code in caplog.text


def test_two_threads_see_whole_states_and_one_of_two_requests_wins(talk: Talk) -> None:
    outcomes: list[str] = []
    seen: list[State] = []
    barrier = threading.Barrier(3)

    def ask() -> None:
        barrier.wait()
        try:
            talk.say(REVENUE)
            outcomes.append("accepted")
        except InputError:
            outcomes.append("busy")

    def look() -> None:
        barrier.wait()
        while not outcomes or talk.snapshot().working:
            seen.append(talk.snapshot())

    threads = [threading.Thread(target=each) for each in (ask, ask, look)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["accepted", "busy"]
    assert [state.revision for state in seen] == sorted(state.revision for state in seen)
    assert all(state.preview is None or state.draft is not None for state in seen)


# ---- kept

def test_a_restart_finds_the_conversation_again(talk: Talk, service: Penstock) -> None:
    turn = said(talk, VAGUE)
    talk.answer(turn.id, "q1", option="orders")
    before = talk.wait()
    talks = Talks(service)
    again = talks.get(talk.chat_id)
    assert again is not None
    after = again.wait()
    talks.close()
    assert before.draft is not None
    assert after.draft is not None
    assert (after.title, after.draft.spec, after.draft.why_not) == (before.title, before.draft.spec, before.draft.why_not)
    assert [q.id for q in after.open_questions(last(after))] == [q.id for q in before.open_questions(last(before))]
    assert (last(after).reply, last(after).answered) == (last(before).reply, last(before).answered)
    assert after.preview_state == "ready"
    assert len(after.draft.history) == 1


def test_a_turn_that_was_in_work_when_the_process_died_is_interrupted(service: Penstock) -> None:
    held = Held(service, "plan")
    talks = Talks(held)
    talk = talks.new()
    talk.say(REVENUE)
    assert held.reached.wait(30)
    after_restart = Talks(service)
    found = after_restart.get(talk.chat_id)
    assert found is not None
    state = found.snapshot()
    assert (last(state).state, last(state).text, state.working) == ("interrupted", REVENUE, False)
    new_id = found.again(last(state).id)
    assert found.wait().turn(new_id).state == "done"  # type: ignore[union-attr]
    held.go.set()
    talks.close()
    after_restart.close()


def test_a_chat_that_is_only_looked_at_is_not_written(talk: Talk, service: Penstock) -> None:
    said(talk, REVENUE)
    kept = service.chat(talk.chat_id)
    kept.body["turns"][0]["state"] = "working"  # as another process would have it that works on it
    service.keep_chat(kept.chat_id, kept.title, kept.body)
    before = service.chat(talk.chat_id)
    talks = Talks(service)
    found = talks.get(talk.chat_id)
    assert found is not None
    assert (last(found.wait()).state, found.snapshot().preview_state) == ("interrupted", "ready")
    talks.close()
    assert service.chat(talk.chat_id) == before


def test_an_attached_file_is_not_lost_by_a_question_that_comes_right_after_a_restart(talk: Talk, service: Penstock) -> None:
    said(talk, "", [("paid.csv", b"order_id,amount\n1,10.5\n2,7\n")])
    held = Held(service, "attach")
    talks = Talks(held)
    again = talks.get(talk.chat_id)
    assert again is not None
    assert held.reached.wait(30)  # the file is being read again
    again.say("Load paid.csv into mart.paid")
    held.go.set()
    state = again.wait()
    talks.close()
    assert state.draft is not None
    assert [file.name for file in state.files] == ["paid.csv"]
    assert state.draft.spec["steps"][0]["source"]["path"] == state.files[0].path
    assert [file["name"] for file in service.chat(talk.chat_id).body["files"]] == ["paid.csv"]


def test_a_turn_whose_file_was_lost_with_the_process_asks_for_it_again(service: Penstock) -> None:
    held = Held(service, "attach")
    talks = Talks(held)
    talk = talks.new()
    talk.say("load it into mart.x", [("paid.csv", b"a,b\n1,2\n")])
    assert held.reached.wait(30)
    after_restart = Talks(service)
    found = after_restart.get(talk.chat_id)
    assert found is not None
    with pytest.raises(InputError, match="the file of this turn was not kept"):
        found.again(last(found.snapshot()).id)
    held.go.set()
    talks.close()
    after_restart.close()


def test_a_conversation_is_one_object_as_long_as_somebody_holds_it(talks: Talks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.talk.talks.IN_MEMORY", 1)
    first, second = talks.new(), talks.new()
    said(first, REVENUE)
    said(second, VAGUE)
    assert talks.get(first.chat_id) is first
    assert talks.get(second.chat_id) is second
    chat_id, seen = first.chat_id, weakref.ref(first)
    del first
    gc.collect()
    assert seen() is None
    again = talks.get(chat_id)
    assert again is not None
    assert last(again.wait()).text == REVENUE


def test_secrets_in_a_text_are_not_kept(talk: Talk, service: Penstock) -> None:
    said(talk, "load orders from postgresql://ann:hunter22@db/shop into mart.x")
    assert "hunter22" not in str(service.chat(talk.chat_id).body)


def test_a_chat_that_cannot_be_kept_goes_on_and_says_so(service: Penstock) -> None:
    talks = Talks(Held(service, "keep_chat", UnreachableError("the disk is full", where="control store")))
    talk = talks.new()
    turn = said(talk, REVENUE)
    talks.close()
    assert turn.state == "done"
    assert talk.snapshot().unsaved.startswith("This chat is not being kept:")


def test_a_stored_pipeline_opens_in_a_new_chat(talk: Talk, talks: Talks, service: Penstock) -> None:
    said(talk, REVENUE)
    talk.start()
    other = talks.new()
    other.open("daily-revenue")
    state = other.wait()
    assert state.draft is not None
    assert (state.draft.ready, state.preview_state, last(state).kind) == (True, "ready", "open")
    assert "Opened **Daily revenue**, version 1: 4 steps" in last(state).reply
    with pytest.raises(MissingError, match="there is no pipeline 'daily-revenues'"):
        talks.new().open("daily-revenues")


def test_what_an_address_names_is_never_read_as_a_file(talks: Talks, home: Path) -> None:
    spec = home / "files" / "other.yml"
    spec.parent.mkdir(exist_ok=True)
    spec.write_text("pipeline_id: other\nsteps: [{step_id: w, ps_type: generic.wait, config: {seconds: 1}}]\n", encoding="utf-8")
    for name in (str(spec), "other.yml", "../files/other.yml"):
        with pytest.raises(MissingError, match="there is no pipeline"):
            talks.new().open(name)


def test_an_unknown_chat_is_none_and_recent_ones_are_listed(talk: Talk, talks: Talks) -> None:
    said(talk, REVENUE)
    assert talks.get("nobody-knows") is None
    assert talks.get(talk.chat_id) is talk
    assert [chat.title for chat in talks.recent()] == ["Daily revenue"]
    assert talks.new().chat_id != talks.new().chat_id


# ---- short words in the chat box

def test_words_that_say_nothing_leave_the_pipeline_alone(talk: Talk) -> None:
    said(talk, REVENUE)
    for text in ("asdf qwer", "explain it", "lorem ipsum " * 300):
        turn = said(talk, text)
        assert (turn.state, turn.kind, turn.diff) == ("done", "edit", None)
        assert all(len(q.message) < 300 for q in talk.snapshot().open_questions(turn))
    draft = talk.snapshot().draft
    assert draft is not None
    assert (draft.pipeline_id, draft.version, draft.ready) == ("daily-revenue", 1, True)


def test_words_that_say_nothing_leave_a_half_finished_draft_alone(talk: Talk) -> None:
    first = said(talk, "load orders every day")
    turn = said(talk, "hello")
    assert turn.reply == ("**I could not read that.** **Load orders** stays as it is. Answer 2 questions, or describe the whole pipeline "
                          "again.")
    assert [q.slot for q in talk.snapshot().open_questions(first)] == ["schedule.time", "destination"]


@pytest.mark.parametrize("text", ["Lade Bestellungen jeden Tag um 2 Uhr nach mart.x", "每天加载订单到 mart.x"])
def test_another_language_is_said(talk: Talk, text: str) -> None:
    turn = said(talk, text)
    assert (turn.state, turn.kind) == ("done", "unknown")
    assert "Only English is read" in turn.reply
    assert talk.snapshot().draft is None


def test_an_answer_may_be_typed_into_the_chat_box(talk: Talk) -> None:
    first = said(talk, "load orders every day")
    said(talk, "hello")
    assert said(talk, "at 6").id == first.id
    said(talk, "mart.orders")
    draft = talk.snapshot().draft
    assert draft is not None
    assert draft.ready
    assert draft.spec["schedule"]["cron"] == "0 6 * * *"
    assert draft.spec["steps"][1]["destination"]["table"] == "mart.orders"
    said(talk, "undo")
    draft = talk.snapshot().draft
    assert draft is not None
    assert draft.why_not == "Answer 1 question first"


def test_yes_no_and_undo_decide_on_the_card_above(talk: Talk) -> None:
    said(talk, REVENUE)
    assert said(talk, "make it daily at 7").diff is not None
    assert said(talk, "no").decided == "discarded"
    said(talk, "make it daily at 7")
    assert said(talk, "yes").decided == "applied"
    draft = talk.snapshot().draft
    assert draft is not None
    assert (draft.version, draft.spec["schedule"]["cron"]) == (2, "0 7 * * *")
    said(talk, "undo")
    draft = talk.snapshot().draft
    assert draft is not None
    assert draft.spec["schedule"]["cron"] == "0 2 * * *"
    assert len(talk.snapshot().turns) == 3


@pytest.mark.timeout(60)
def test_a_huge_text_in_the_editor_is_told_and_kept(talk: Talk) -> None:
    said(talk, REVENUE)
    report = talk.edit("x: " + "y" * 300_000)
    assert [each.message for each in report.problems] == ["the text is larger than 256 KiB"]
    draft = talk.wait().draft
    assert draft is not None
    assert (draft.ready, draft.pipeline_id, draft.version) == (True, "daily-revenue", 1)
    assert talk.snapshot().unsaved == ""
