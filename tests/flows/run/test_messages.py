"""Who is told of a run's end: judged once, sent with patience to real servers, seen beside the run, never at its cost."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug import Request, Response

from flows.engines.patience import Busy
from flows.errors import InputError, UnreachableError
from flows.run import messages
from flows.run.job import log_file
from flows.run.messages import Outbox, as_dict, left, new_messages, pause, settled, tell, work
from flows.run.runlog import read_log
from flows.service import Penstock
from flows.settings import Limits
from flows.show.told import told
from flows.store import NewRun, Store, open_store
from tests.fixtures.post import SECRET

HOOK = "/services/T0/B0/canary4711"
SLACK, MAIL = {"channel": "slack", "target": "#data"}, {"channel": "email", "target": "ops@example.com"}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, settings: Any) -> Iterator[Store]:
    url = settings.control_url if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with open_store(url) as opened:
        yield opened


@pytest.fixture
def quick(settings: Any) -> Any:
    return replace(settings, limits=Limits(http_connect_seconds=0.3, http_read_seconds=0.3))


@pytest.fixture
def hook(httpserver: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
    """The webhook of #data gives these answers, then 200; what was posted comes back."""
    def start(*given: Response) -> list[dict[str, Any]]:
        left, seen = list(given), []

        def answer(request: Request) -> Response:
            seen.append(request.get_json())
            return left.pop(0) if left else Response("ok")

        httpserver.expect_request(HOOK, method="POST").respond_with_handler(answer)
        monkeypatch.setenv("PENSTOCK_CONN_SLACK", httpserver.url_for(HOOK))
        return seen

    return start


@pytest.fixture
def post(smtp: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    there, port = smtp(auth=True)
    monkeypatch.setenv("PENSTOCK_CONN_SMTP", f"smtp://me:{SECRET}@127.0.0.1:{port}?from=penstock@example.com")
    return there


def ended(store: Store, *notify: dict[str, Any], status: str = "FAILED", error: str = "", pipeline: str = "p", outputs: Any = None,
          **more: Any) -> str:
    spec = {"pipeline_id": pipeline, "name": "Orders", "notify": list(notify),
            "steps": [{"step_id": "load", "ps_type": "generic.load", "config": {"input": "x"}}]}
    run = store.runs.submit(NewRun("demo", pipeline, spec, run_date="2025-11-15", **more), owner="me", lease_seconds=60)
    store.runs.begin(run.run_id, "me")
    store.steps.plan(run.run_id, [("load", "load", "generic.load", 0)])
    store.steps.update(run.run_id, "load", status="SUCCESS" if status == "SUCCESS" else "FAILED", attempts=1, rows_processed=7,
                       started_at=datetime.now(UTC), ended_at=datetime.now(UTC), error=error, result={"outputs": outputs or {}})
    assert store.runs.finish(run.run_id, status, error)
    return run.run_id


def turns(settings: Any, store: Store, run_id: str) -> list[Any]:
    """Turns of the chore until nothing waits; what became of the messages."""
    until = time.monotonic() + 30
    while store.messages.untold() or any(m.status == "WAITING" for m in store.messages.of(run_id)):
        assert time.monotonic() < until, store.messages.of(run_id)
        work(settings, store)
        time.sleep(0.02)
    return store.messages.of(run_id)


# ---- who is told

@pytest.mark.parametrize(("status", "on", "event"), [
    ("FAILED", None, "failure"), ("CRASHED", ["failure"], "failure"), ("SUCCESS", ["failure"], ""), ("SUCCESS", ["success"], "success"),
    ("FAILED", ["success"], ""), ("CANCELLED", ["failure", "success"], ""), ("CANCELLED", ["always"], "always"),
    ("SUCCESS", ["always"], "always"), ("FAILED", ["always", "failure"], "always"), ("SUCCESS", ["anomaly"], "")])
def test_events_are_judged_by_how_the_run_ended(store: Store, status: str, on: list[str] | None, event: str) -> None:
    run_id = ended(store, {**SLACK, **({"on": on} if on else {})}, status=status)
    assert [new.event for new in new_messages(store.runs.peek(run_id), store)] == ([event] if event else [])


@pytest.mark.parametrize(("outputs", "status", "events"), [
    ({"anomalies": 3}, "SUCCESS", ["anomaly"]), ({"anomalies": 1}, "FAILED", ["anomaly"]), ({"anomalies": 0}, "SUCCESS", []),
    ({"anomalies": "3"}, "SUCCESS", []), ({}, "SUCCESS", [])])
def test_an_anomaly_is_told_however_the_run_ended(store: Store, outputs: Any, status: str, events: list[str]) -> None:
    run_id = ended(store, {**SLACK, "on": ["anomaly"]}, status=status, outputs=outputs)
    assert [new.event for new in new_messages(store.runs.peek(run_id), store)] == events


def test_a_target_is_told_once_and_a_wrong_one_is_said(store: Store, settings: Any) -> None:
    run_id = ended(store, SLACK, {**SLACK, "on": ["always"]}, MAIL, {"channel": "email", "target": "{who}@example.com"},
                   {"channel": "email", "target": "{tenant_id}@example.com"}, {"channel": "slack", "target": "data"},
                   {"channel": "email", "target": "a@example.com\nBcc: b@example.com"})
    tell(settings, store)
    found = [(m.target, m.status, m.error) for m in store.messages.of(run_id)]
    assert found[:2] == [("#data", "WAITING", ""), ("ops@example.com", "WAITING", "")]
    assert found[2][:2] == ("{who}@example.com", "FAILED")
    assert "{who}" in found[2][2]
    assert found[3:] == [("demo@example.com", "WAITING", ""),
                         ("data", "FAILED", "this is no slack address. Write it like #data or @name"),
                         ("a@example.com\nBcc: b@example.com", "FAILED", "this is no email address. Write it like name@example.com")]


def test_an_entry_that_does_not_hold_leaves_the_others(store: Store, settings: Any) -> None:
    run_id = ended(store, {"channel": "fax"}, SLACK, {"channel": "slack", "target": "{x}"})
    tell(settings, store)
    assert [(m.target, m.status) for m in store.messages.of(run_id)] == [("#data", "WAITING"), ("{x}", "FAILED")]


def test_a_spec_without_notify_tells_nobody_and_is_done_with(store: Store, settings: Any) -> None:
    run_id = ended(store)
    assert left(store)
    work(settings, store)
    assert (store.messages.of(run_id), store.messages.untold(), left(store)) == ([], [], False)
    assert not settled(store, store.runs.peek(run_id), 0.1)


# ---- sending

def test_mail_and_post_say_what_became_of_the_run(store: Store, settings: Any, post: Any, hook: Any) -> None:
    seen = hook()
    run_id = ended(store, MAIL, SLACK, error="there is no table <!channel> & co, password=hunter22")
    log_file(settings, run_id).parent.mkdir(parents=True)
    log_file(settings, run_id).touch()
    assert [(m.status, m.attempts, m.error) for m in turns(settings, store, run_id)] == [("SENT", 1, "")] * 2
    [mail] = post.messages
    assert (mail["Subject"], mail["To"], mail["Message-ID"]) == ("Orders failed", "ops@example.com", f"<{run_id}.1@example.com>")
    text = mail.get_body(("plain",)).get_content()
    assert f"Run: {run_id} of p for 15 November 2025, local, tenant demo" in text
    assert "Failed: step load failed: there is no table <!channel> & co" in text
    [body] = seen
    assert (body["channel"], body["text"]) == ("#data", "Orders failed")
    assert "&lt;!channel&gt; &amp; co" in body["blocks"][1]["text"]["text"]
    lines = read_log(log_file(settings, run_id))
    assert sorted((line.level, line.text) for line in lines) == [("INFO", "notified #data"), ("INFO", "notified ops@example.com")]
    assert settled(store, store.runs.peek(run_id), 1)


def test_a_run_that_went_well_says_how_many_rows(store: Store, settings: Any, hook: Any) -> None:
    seen = hook()
    turns(settings, store, ended(store, {**SLACK, "on": ["success"]}, status="SUCCESS"))
    facts = seen[0]["blocks"][1]["text"]["text"]
    assert seen[0]["text"] == "Orders succeeded"
    assert "*Steps:* 1 of 1 succeeded\n*Rows:* load 7 rows" in facts


def test_the_link_leads_where_people_reach_the_app(store: Store, settings: Any, post: Any, hook: Any) -> None:
    seen = hook()
    run_id = ended(store, MAIL, SLACK)
    turns(replace(settings, public_url="https://penstock.example.com"), store, run_id)
    link = f"https://penstock.example.com/runs?run={run_id}"
    [mail] = post.messages
    assert f"See the run: {link}" in mail.get_body(("plain",)).get_content()
    assert f'<a href="{link}">' in mail.get_body(("html",)).get_content()
    assert seen[0]["blocks"][-1]["elements"][0]["text"].startswith(f"<{link}|See the run>")


def test_names_and_errors_are_text_in_mail_and_post(store: Store, settings: Any, post: Any, hook: Any) -> None:
    seen = hook()
    evil = "Orders\r\nBcc: spy@example.com\r\n\r\n<img src=x onerror=alert(1)> <!here> <https://evil.example|Sign in>"
    run = store.runs.submit(NewRun("demo", "p", {"pipeline_id": "p", "name": evil, "notify": [MAIL, SLACK], "steps": []},
                                   run_date="2025-11-15"), owner="me", lease_seconds=60)
    store.runs.begin(run.run_id, "me")
    assert store.runs.finish(run.run_id, "FAILED", evil * 2000)
    assert [m.status for m in turns(settings, store, run.run_id)] == ["SENT", "SENT"]
    [mail] = post.messages
    assert (mail["To"], mail["Bcc"], mail["Subject"].count("\n")) == ("ops@example.com", None, 0)
    assert [mail.get_content_type(), *(part.get_content_type() for part in mail.iter_parts())] == [
        "multipart/alternative", "text/plain", "text/html"]
    html = mail.get_body(("html",)).get_content()
    assert "<img" not in html
    assert "&lt;img" in html
    assert "<!here>" not in str(seen)
    assert "<https://evil" not in str(seen)


def test_a_resumed_run_tells_of_its_own_end_to_all_of_them(store: Store, settings: Any, hook: Any) -> None:
    seen = hook()
    many = [{"channel": "slack", "target": f"#c{n}", "on": ["always"]} for n in range(12)]
    first = ended(store, *many)
    assert {m.status for m in turns(settings, store, first)} == {"SENT"}
    again = ended(store, *many, status="SUCCESS", resume_of=first)
    assert {m.status for m in turns(settings, store, again)} == {"SENT"}
    assert len({body["channel"] for body in seen}) == 12
    assert [body["text"] for body in seen] == ["Orders failed"] * 12 + ["Orders succeeded"] * 12


def test_busy_servers_are_tried_again(store: Store, settings: Any, post: Any, hook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "WAITS", (0.05,) * 7)
    seen, post.answers = hook(Response("slow", 429, {"Retry-After": "1"}), Response("", 503)), ["451 later"]
    run_id = ended(store, MAIL, SLACK)
    assert [(m.status, m.attempts) for m in turns(settings, store, run_id)] == [("SENT", 2), ("SENT", 3)]
    assert (post.tries, len(post.messages), len(seen)) == (2, 1, 3)
    assert store.runs.peek(run_id).status == "FAILED"


def test_a_refusal_is_final_and_says_why(store: Store, settings: Any, post: Any, hook: Any, caplog: pytest.LogCaptureFixture) -> None:
    seen, post.answers = hook(Response("no_service", 404)), ["550 go away"]
    run_id = ended(store, MAIL, SLACK, {**MAIL, "target": "nobody@example.com"}, status="FAILED")
    found = turns(settings, store, run_id)
    assert [(m.status, m.attempts) for m in found] == [("FAILED", 1)] * 3
    assert "takes no mail (550 go away)" in found[0].error
    assert "Slack refuses the message: 404, no_service" in found[1].error
    assert "takes no mail for nobody@example.com (550 no such user)" in found[2].error
    assert len(seen) == 1
    assert len(store.messages.lost("demo", 24)) == 3


def test_a_login_that_is_refused_or_a_connection_that_is_missing_is_said_at_once(store: Store, settings: Any, post: Any,
                                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_CONN_SMTP", os.environ["PENSTOCK_CONN_SMTP"].replace(SECRET, f"{SECRET}x"))
    found = turns(settings, store, ended(store, MAIL, SLACK))
    assert "refuses the login" in found[0].error
    assert "connection 'slack' has no address here. Set PENSTOCK_CONN_SLACK" in found[1].error
    assert SECRET not in str(found)


def test_a_server_that_is_down_costs_tries_and_no_state(store: Store, quick: Any, monkeypatch: pytest.MonkeyPatch, silent: int) -> None:
    monkeypatch.setattr(messages, "WAITS", (0.01, 0.01))
    monkeypatch.setattr(messages, "TRIES", 3)
    monkeypatch.setenv("PENSTOCK_CONN_SMTP", f"smtp://127.0.0.1:{silent}?from=a@example.com")
    run_id = ended(store, {**MAIL, "on": ["success"]}, status="SUCCESS")
    [found] = turns(quick, store, run_id)
    assert (found.status, found.attempts) == ("FAILED", 3)
    assert as_dict(found)["words"] == "could not notify ops@example.com (tried 3 times, given up): " \
        "the mail server 127.0.0.1 does not answer. Is it up, and is the address of the connection right?"
    assert store.runs.peek(run_id).status == "SUCCESS"
    assert store.messages.untold() == []  # an error of notifying is nobody's news


def test_a_broken_server_holds_up_nobody_else(store: Store, settings: Any, hook: Any, monkeypatch: pytest.MonkeyPatch, silent: int) -> None:
    seen = hook()
    monkeypatch.setattr(messages, "SETTLE", 0.2)
    monkeypatch.setenv("PENSTOCK_CONN_SMTP", f"smtp://127.0.0.1:{silent}?from=a@example.com")
    mails = [{**MAIL, "target": f"n{n}@example.com", "on": ["always"]} for n in range(12)]
    runs = [ended(store, *mails, {**SLACK, "on": ["always"]}, pipeline=f"p{n}") for n in range(3)]
    box = Outbox()
    monkeypatch.setattr(messages, "OUTBOX", box)
    until = time.monotonic() + 20
    while len(seen) < 3:
        assert time.monotonic() < until
        work(settings, store)
    tried = [m for run_id in runs for m in store.messages.of(run_id) if m.channel == "email" and m.attempts]
    assert len(tried) <= messages.EACH  # the silent server holds its own few at most
    assert len([t for t in box._under_way.values() if t.is_alive()]) == messages.EACH


def test_a_message_that_is_never_heard_of_again_is_given_up(store: Store, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = ended(store, SLACK)
    tell(settings, store)
    for _ in range(messages.TRIES):
        assert store.messages.claim(f"{run_id}.1", -1)
    work(settings, store)
    assert [(m.status, m.error) for m in store.messages.of(run_id)] == [
        ("FAILED", "it is not known whether the last try arrived")]


def test_a_send_that_takes_for_ever_is_stopped(store: Store, settings: Any, monkeypatch: pytest.MonkeyPatch, silent: int) -> None:
    monkeypatch.setattr(messages, "SEND_SECONDS", 0.2)
    monkeypatch.setenv("PENSTOCK_CONN_SLACK", f"http://127.0.0.1:{silent}{HOOK}")
    run_id = ended(store, SLACK)
    until = time.monotonic() + 20
    while not (store.messages.of(run_id) and store.messages.of(run_id)[0].error):
        assert time.monotonic() < until
        work(settings, store)
    [found] = store.messages.of(run_id)
    assert (found.status, found.error) == ("WAITING", "it took longer than 0.2 s")


@pytest.mark.parametrize(("error", "tries", "low", "high"), [
    (UnreachableError("x"), 1, 0.9, 1.1), (UnreachableError("x"), 4, 54, 66), (UnreachableError("x"), 7, 1620, 1980),
    (Busy("x", wait=30), 1, 30, 30), (Busy("x", wait=99_999), 1, 3600, 3600)])
def test_tries_come_later_and_later(error: Any, tries: int, low: float, high: float) -> None:
    assert low <= (pause(error, tries) or 0) <= high


def test_there_is_a_last_try_and_what_stays_wrong_has_none() -> None:
    assert pause(UnreachableError("x"), messages.TRIES) is None
    assert pause(InputError("x"), 1) is None
    assert sum(messages.WAITS) < 3600


def test_a_lone_run_waits_for_a_first_try_and_not_for_an_hour(store: Store, quick: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_CONN_SLACK", f"http://127.0.0.1:9{HOOK}")
    run_id = ended(store, SLACK)
    assert left(store)
    work(quick, store)
    assert store.messages.of(run_id)[0].attempts == 1
    assert left(store)  # a moment's trouble is waited out
    monkeypatch.setattr(messages, "HURRY_SECONDS", 0.0)
    assert not left(store)
    assert settled(store, store.runs.peek(run_id), 0.1)


# ---- how it is seen

NOW = datetime(2025, 11, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(("status", "attempts", "error", "wait", "words"), [
    ("SENT", 1, None, None, "notified #data"), ("WAITING", 0, None, 0, "notifying #data"),
    ("WAITING", 3, "Slack answers 503", 120, "could not notify #data (tried 3 times, next in 2 min): Slack answers 503"),
    ("WAITING", 1, "Slack answers 503", -5, "could not notify #data (tried once, next now): Slack answers 503"),
    ("FAILED", 8, "Slack answers 503.", None, "could not notify #data (tried 8 times, given up): Slack answers 503"),
    ("FAILED", 1, "no_service", None, "could not notify #data (tried once): no_service"),
    ("FAILED", 0, "this is no address", None, "could not notify #data: this is no address")])
def test_what_became_of_a_message_in_words(status: str, attempts: int, error: str | None, wait: float | None, words: str) -> None:
    at = None if wait is None else (NOW + timedelta(seconds=wait)).isoformat()
    assert told({"target": "#data", "status": status, "attempts": attempts, "error": error, "next_at": at}, NOW) == words


def test_the_run_view_says_who_was_told(settings: Any, hook: Any) -> None:
    hook()
    with Penstock(home=str(settings.home)) as door:
        run_id = ended(door.store, SLACK, {"channel": "slack", "target": "nowhere"})
        assert "messages" not in door.view(run_id).as_dict()
        turns(settings, door.store, run_id)
        seen = json.loads(json.dumps(door.view(run_id).as_dict()))["messages"]
    assert [each["words"] for each in seen] == [
        "notified #data", "could not notify nowhere: this is no slack address. Write it like #data or @name"]
    assert seen[0]["sent_at"]
    assert (seen[0]["channel"], seen[0]["event"], seen[0]["status"], seen[0]["attempts"]) == ("slack", "failure", "SENT", 1)


def test_health_says_what_could_not_be_sent(settings: Any) -> None:
    with Penstock(home=str(settings.home)) as door:
        before = [part["name"] for part in door.health()["parts"]]
        run_id = ended(door.store, {"channel": "slack", "target": "nowhere"})
        tell(settings, door.store)
        door._looked_at = float("-inf")
        seen = door.health()
    assert "Notifications" not in before
    [part] = [part for part in seen["parts"] if part["name"] == "Notifications"]
    assert part["words"] == "1 notification could not be sent in the last 24 hours, the last one to nowhere: this is no slack address. " \
        "Write it like #data or @name."
    assert part["fix"] == f"See: penstock status {run_id}."


def test_no_secret_is_left_anywhere(store: Store, settings: Any, post: Any, hook: Any, caplog: pytest.LogCaptureFixture) -> None:
    hook(Response(f"no {HOOK}", 403))
    post.answers = [f"550 {SECRET} {HOOK}"]
    run_id = ended(store, MAIL, SLACK)
    log_file(settings, run_id).parent.mkdir(parents=True)
    log_file(settings, run_id).touch()
    with caplog.at_level(logging.DEBUG):
        found = turns(settings, store, run_id)
    assert [m.status for m in found] == ["FAILED", "FAILED"]
    told = [record.getMessage() for record in caplog.records if not record.name.startswith(("werkzeug", "mail.log"))]  # the servers'
    store.dispose()
    written = b"".join(file.read_bytes() for file in Path(settings.home).rglob("*") if file.is_file())
    for secret in (SECRET, "canary4711"):
        assert secret not in str(found) + str(told)
        assert secret.encode() not in written
