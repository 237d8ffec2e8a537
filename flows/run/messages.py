"""Tells people how runs ended, as `notify` of the spec says: judged once a run, kept in the outbox, sent with patience.

Nothing of it changes a run: what cannot be sent is seen beside the run, in its log and in `health`, and it is never notified itself.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from flows.engines.base import Cancel
from flows.errors import Cancelled, PenstockError
from flows.run.account import account, anomalies
from flows.run.ticket import settings_of
from flows.show.told import told
from flows.spec.model import Notify

if TYPE_CHECKING:
    from flows.settings import Settings
    from flows.store import Message, NewMessage, Run, Store

EVERY = 0.5  # seconds
WAITS = (1.0, 2.0, 10.0, 60.0, 300.0, 900.0, 1800.0)  # seconds before try 2, 3 ...: eight tries within an hour
TRIES = len(WAITS) + 1
LONGEST_WAIT = 3600.0  # that a peer may ask for
SEND_SECONDS, LEASE = 60.0, 90.0  # of one try; how long nobody else tries
MOST, EACH = 8, 4  # messages on their way at once, and of them over one channel: a broken one does not hold up the other
SETTLE = 2.0  # seconds that one turn waits for what is on its way
HURRY_TRIES, HURRY_SECONDS, UNTRIED_SECONDS = 3, 10.0, 60.0  # what a lone `penstock run` waits for: not an hour of tries
TOLD_SECONDS, LOOK = 8.0, 0.1  # how long a caller who watches its run waits for the first try
EVENTS = {"SUCCESS": "success", "FAILED": "failure", "CRASHED": "failure"}

log = logging.getLogger("penstock.messages")


def work(settings: Settings, store: Store) -> None:
    """One turn: who is to be told of what has ended, and what is due is sent."""
    tell(settings, store)
    OUTBOX.turn(settings, store)


def left(store: Store) -> bool:
    """Whether somebody was not told yet who could be soon. What was tried a few times, or for ten seconds, waits for the next runner."""
    return bool(store.messages.untold(1)) or store.messages.hurry(HURRY_TRIES, HURRY_SECONDS, UNTRIED_SECONDS)


# ---- who is to be told

def tell(settings: Settings, store: Store) -> None:
    """Write the messages of every run that has ended since the last turn."""
    found = {run_id: new_messages(store.runs.peek(run_id), store) for run_id in store.messages.untold()}
    if found:
        store.messages.tell(found)
    for run_id in (each for each, new in found.items() if any(message.error for message in new)):
        for message in store.messages.of(run_id):
            if message.status == "FAILED":
                note(settings, store.runs.peek(run_id), message)


def new_messages(run: Run, store: Store) -> list[NewMessage]:
    """One for each target whose events have happened.

    failure: FAILED and CRASHED; success: SUCCESS; anomaly: a step has flagged rows, however the run ended; always: every end.
    """
    from flows.store import NewMessage

    notes = list(_notes(run))
    happened = {"always", EVENTS.get(run.status, "always")}
    if any("anomaly" in note.on for note in notes) and anomalies(store.steps.of(run.run_id)):
        happened.add("anomaly")
    made: dict[tuple[str, str], NewMessage] = {}
    for each in notes:
        event = next((event for event in ("anomaly", *each.on) if event in each.on and event in happened), "")
        if event:
            target, error = _target(each, run)
            made.setdefault((each.channel, target), NewMessage(run.tenant_id, each.channel, target, event, error))
    return list(made.values())


def _notes(run: Run) -> Iterator[Notify]:
    """What the spec says; an entry that does not hold was said when the spec was checked."""
    said = run.spec.get("notify")
    for entry in said if isinstance(said, list) else ():
        try:
            yield Notify.model_validate(entry)
        except ValidationError as error:
            log.warning("%s: an entry of notify does not hold: %s", run.run_id, error.errors(include_input=False)[0]["msg"])


def _target(note: Notify, run: Run) -> tuple[str, str]:
    """The target with its placeholders filled, and what is wrong with it."""
    from flows.engines import mail, slack
    from flows.spec.loader import from_data
    from flows.spec.template import fill, run_values

    target = note.target
    if "{" in target or "}" in target:
        try:
            day = date.fromisoformat(run.run_date) if run.run_date else None
            values = run_values(from_data(run.spec), run.params, tenant_id=run.tenant_id, run_id=run.run_id, run_date=day)
            target = str(fill(target, values, "notify"))
        except PenstockError as error:
            return target, str(error)
    fits, like = (slack.is_channel, "#data or @name") if note.channel == "slack" else (mail.is_address, "name@example.com")
    return target, "" if fits(target) else f"this is no {note.channel} address. Write it like {like}"


# ---- sending

class Outbox:
    """What is on its way from this process: few at once, one for each target."""

    def __init__(self) -> None:
        self._under_way: dict[tuple[str, str], threading.Thread] = {}

    def turn(self, settings: Settings, store: Store) -> None:
        """Send what is due. Waits a little for it, and not for a peer that takes its time."""
        until = time.monotonic() + SETTLE
        while self._begin(settings, store) and time.monotonic() < until:
            for thread in list(self._under_way.values()):
                thread.join(max(0.0, until - time.monotonic()))

    def _begin(self, settings: Settings, store: Store) -> bool:
        self._under_way = {to: thread for to, thread in self._under_way.items() if thread.is_alive()}
        began = False
        for message in store.messages.due(without=self._under_way):
            to = message.channel, message.target
            busy = [channel for channel, _ in self._under_way]
            if len(busy) >= MOST or busy.count(message.channel) >= EACH:
                continue
            if message.attempts >= TRIES:  # its last try was lost with who made it
                store.messages.failed(message.message_id, message.error or "it is not known whether the last try arrived", None)
            elif store.messages.claim(message.message_id, LEASE):
                self._under_way[to] = threading.Thread(target=send, args=(settings, store, message), name=message.message_id, daemon=True)
                self._under_way[to].start()
                began = True
        return began


OUTBOX = Outbox()


def send(settings: Settings, store: Store, message: Message) -> None:
    """One try of a claimed message, and what came of it."""
    from flows.scrub import Scrubber

    try:
        run = store.runs.peek(message.run_id)
        try:
            deliver(settings, store, run, message)
            store.messages.sent(message.message_id)
        except PenstockError as error:
            again = pause(error, message.attempts + 1)
            store.messages.failed(message.message_id, Scrubber()(str(error)), again)
        note(settings, run, next(each for each in store.messages.of(run.run_id) if each.message_id == message.message_id))
    except PenstockError as error:  # the store does not answer: the message is due again when its lease is over
        log.warning("%s: %s", message.message_id, error)


def deliver(settings: Settings, store: Store, run: Run, message: Message) -> None:
    """Send it now. Raises what sending raises; a send that takes too long is stopped and is a TransientError."""
    from flows.engines import mail, slack
    from flows.engines.patience import Busy
    from flows.insight.connections import load_connections
    from flows.show.notice import of_run

    mine, cancel = settings_of(settings, run), Cancel()
    notice = of_run(account(run, store.steps.of(run.run_id), store, mine), message.event)
    connections, limits = load_connections(mine), mine.limits
    timer = threading.Timer(SEND_SECONDS, cancel.set, ["too slow"])
    timer.daemon = True
    timer.start()
    try:
        if message.channel == "email":
            mail.send(connections, mail.CONNECTION, [message.target], notice, message.message_id, limits=limits, cancel=cancel)
        else:
            slack.post(connections, slack.connection_of(connections, message.target), slack.payload(notice, message.target),
                       limits=limits, cancel=cancel)
    except Cancelled:
        raise Busy(f"it took longer than {SEND_SECONDS:g} s") from None
    finally:
        timer.cancel()


def pause(error: PenstockError, tries: int) -> float | None:
    """Seconds until the next try after so many, within a tenth; None where another one cannot help or the last one was made."""
    if not error.transient or tries >= TRIES:
        return None
    asked = getattr(error, "wait", None) or 0.0
    return min(max(WAITS[tries - 1] * secrets.SystemRandom().uniform(0.9, 1.1), asked), LONGEST_WAIT)


# ---- how it is seen

def as_dict(message: Message, now: datetime | None = None) -> dict[str, Any]:
    """A message for people and programs; `words` say what became of it."""
    known = {"message_id": message.message_id, "channel": message.channel, "target": message.target, "event": message.event,
             "status": message.status, "attempts": message.attempts, "error": message.error or None,
             "next_at": message.next_at.isoformat() if message.next_at else None,
             "sent_at": message.ended_at.isoformat() if message.ended_at and message.status == "SENT" else None}
    return {**known, "words": told(known, now or datetime.now(UTC))}


def note(settings: Settings, run: Run, message: Message) -> None:
    """Add to the log of the run what became of a message."""
    from flows.run.job import log_file
    from flows.run.runlog import add_line

    add_line(log_file(settings_of(settings, run), run.run_id),
             {"tenant": run.tenant_id, "run_id": run.run_id, "pipeline_id": run.pipeline_id},
             logging.INFO if message.status == "SENT" else logging.WARNING, as_dict(message)["words"])


def settled(store: Store, run: Run, seconds: float = TOLD_SECONDS) -> bool:
    """Wait until everybody who is to be told of this run's end was tried once; whether there is anybody."""
    until = time.monotonic() + seconds
    while run.spec.get("notify") and time.monotonic() < until:
        found = store.messages.of(run.run_id)
        if store.messages.is_told(run.run_id) and not any(m.status == "WAITING" and (m.lease_until or not m.attempts) for m in found):
            return bool(found)
        time.sleep(LOOK)
    return bool(store.messages.of(run.run_id))
