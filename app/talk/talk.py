"""One conversation: what was said, what was drafted, what was started; kept durably, worked on by threads, read by pages."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Any

from app.talk import turn as shape
from app.talk import words, work
from app.talk.turn import DONE, FAILED, STOPPED, WORKING, Draft, File, Stage, State, Turn, now
from flows.errors import Cancelled, InputError, MissingError, PenstockError

log = logging.getLogger("penstock.app")
KEEP_DRAFTS = 20  # how far Undo goes back


class Talk:
    """A conversation, safe to use from any thread.

    Every change replaces one frozen State under one lock; `snapshot()` gives it, so one refresh of a page shows one state. What takes
    time is a job in the executor; a job whose turn was stopped in the meantime finds that out at its next step and changes nothing.
    """

    def __init__(self, service: Any, pool: Executor, state: State) -> None:
        self.service, self._pool, self._state = service, pool, state
        self._lock, self._keeping = threading.RLock(), threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._kept, self._stored = state.revision, _digest(state.title, shape.as_data(state))
        self._jobs: dict[str, object] = {}  # turn id (or "preview") -> the token of the job that may still change it
        self._clock: dict[str, tuple[float, float]] = {}  # turn id -> began, began this stage
        self._bytes: dict[str, list[tuple[str, bytes]]] = {}  # the files of the newest turn, until they are read

    @property
    def chat_id(self) -> str:
        return self._state.chat_id

    def snapshot(self) -> State:
        """The state at this moment; it never changes afterwards."""
        with self._lock:
            return self._state

    def wait(self, seconds: float = 60.0) -> State:
        """The state when nothing works any more and it is kept, or after `seconds`."""
        with self._lock:
            self._changed.wait_for(lambda: not self._state.working and (self._kept >= self._state.revision or bool(self._state.unsaved)),
                                   seconds)
            return self._state

    # ---- what a person does

    def say(self, text: str, files: Sequence[tuple[str, bytes]] = ()) -> str:
        """A new turn, worked on at once; the id of the turn. Words that answer an open question or decide on a card are no new turn.

        Raises InputError for nothing said, or while another turn works.
        """
        if not text.strip() and not files:
            raise InputError("nothing was said", fix="Describe a pipeline, or attach a file")
        if not files and (decided := self._decided(text.strip())):
            return decided
        turn = Turn(_id(), text.strip(), now(), state=DONE, files=tuple(File(name) for name, _ in files))
        with self._lock:
            self._idle()
            self._bytes = {turn.id: list(files)}
            self._set(turns=(*self._state.turns, turn), title=self._state.title or words.title(turn.text or turn.files[0].name))
            self._begin(turn.id, "Reading your request" if not files else f"Reading {words.names([name for name, _ in files])}", work.say)
        return turn.id

    def _decided(self, text: str) -> str:
        """The turn that short words are about: `yes` and `no` to its card, `undo`, an answer to its question; "" for all other words."""
        state = self.snapshot()
        last = state.turns[-1] if state.turns else None
        if last is None or last.working:
            return ""
        card = not last.decided and (last.diff is not None or (last.card is not None and not last.card.problem))
        if card and words.YES.fullmatch(text):
            self.confirm(last.id)
        elif card and (words.NO.fullmatch(text) or words.UNDO.fullmatch(text)):
            self.dismiss(last.id)
        elif words.UNDO.fullmatch(text) and state.draft is not None and state.draft.history:
            self.undo()
        else:
            return self._answered(state, text)
        return last.id

    def _answered(self, state: State, text: str) -> str:
        """The turn whose open question the words answer; "" when they answer none."""
        turn = next((turn for turn in reversed(state.turns) if state.open_questions(turn)), None)
        found = words.meant(state.open_questions(turn), text) if turn is not None else None
        if turn is None or found is None:
            return ""
        self.answer(turn.id, *found)
        return turn.id

    def again(self, turn_id: str) -> str:
        """Send the text of a turn once more, for one that was interrupted, stopped or failed."""
        turn = self._turn(turn_id)
        with self._lock:
            files = self._bytes.get(turn_id, [])
        if not files and any(not file.path for file in turn.files):
            raise InputError("the file of this turn was not kept", fix="Attach it again")
        return self.say(turn.text, files)

    def answer(self, turn_id: str, question_id: str, option: str | None = None, text: str | None = None) -> None:
        """Answer a question by the label of an option or by own words; a job. Raises MissingError for a question that is not open."""
        with self._lock:  # from the look to the start: of two tabs that answer at once one is told that it was late
            asked = next((q for q in self._state.open_questions(self._turn(turn_id)) if q.id == question_id), None)
            if asked is None:
                raise MissingError("this question is no longer open", fix="Use the questions under the newest draft")
            if option is None and not (text or "").strip():
                raise InputError("the answer is empty", fix="Choose an option or write an answer")
            chosen = shape.Answered(question_id, asked.message, option if option is not None else str(text).strip())
            self._begin(turn_id, "Reading your answer", lambda job: work.answer(job, chosen, by_option=option is not None))

    def undo_assumption(self, turn_id: str, number: int) -> None:
        """Undo assumption `number` (from 0) of a turn by its own patch; a job."""
        with self._lock:
            if self._need_draft().turn_id != turn_id:
                raise InputError("the draft has changed since", fix="Ask for the change in the chat")
            self._begin(turn_id, "Changing the draft", lambda job: work.undo_assumption(job, number))

    def edit(self, text: str) -> Any:
        """Put a text into the editor. A valid one becomes the next version, an invalid one stands there and the last valid one stays.

        Returns its Report: every problem with its line.
        """
        report = self.service.draft_report(text)
        with self._lock:
            draft = self._need_draft()
            if not report.ok:
                self._set(draft=replace(draft, text=text, report=report), panel=True)
            else:
                self._idle()
                spec = self.service.source(text if "\n" in text else text + "\n").spec.as_dict()
                if spec == draft.spec and draft.ready:
                    self._set(draft=replace(draft, text=text, report=report), panel=True)
                else:
                    self._new_draft(Draft(spec, text, ready=True, report=report, words="edited in the panel"))
        self._keep()
        if report.ok:
            self.refresh_preview()
        return report

    def undo(self) -> None:
        """Back to the draft before the last accepted change. Raises InputError when there is none."""
        with self._lock:
            self._idle()
            draft = self._need_draft()
            if not draft.history:
                raise InputError("there is no earlier version")
            before = replace(draft.history[-1], history=draft.history[:-1])
            if before.report is None:
                before = replace(before, report=self.service.draft_report(before.text))
            if before.turn_id and (turn := self._state.turn(before.turn_id)) is not None:
                asked = {q.id for q in before.result.questions}
                self._put(replace(turn, result=before.result, answered=tuple(a for a in turn.answered if a.question_id not in asked)))
            self._set(draft=before, preview=None, price=None, preview_state="none", preview_error="", panel=True)
        self._keep()
        self.refresh_preview()

    def start(self, params: Mapping[str, str] | None = None) -> str:
        """Queue one run of the draft; the id of the run.

        Raises InputError while the draft is not ready, DuplicateRun while the pipeline runs.
        """
        draft = self._need_draft()
        if not draft.ready:
            raise InputError(draft.why_not or "the draft is not ready")
        run = self.service.submit(draft.spec, params=dict(params or {}), trigger_by="app")
        with self._lock:
            self._set(run_id=run.run_id, backfill_id="", panel=True)
        self._keep()
        return str(run.run_id)

    def stop(self) -> None:
        """Ask the run in the panel, and the list of dates it belongs to, to stop."""
        state = self.snapshot()
        if state.backfill_id:
            self.service.stop_backfill(state.backfill_id)
        elif state.run_id:
            self.service.cancel(state.run_id)

    def stop_turn(self) -> None:
        """Stop what a turn does at this moment; the draft stays as it is. Does nothing when no turn works.

        A card that was just confirmed is not stopped: its runs may have been queued already.
        """
        with self._lock:
            for turn in [turn for turn in self._state.turns if turn.stoppable]:
                self._jobs.pop(turn.id, None)
                self._put(replace(self._closed(turn), state=STOPPED))
                if self._state.preview_state == "working":
                    self._set(preview_state="none")
        self._keep()

    def confirm(self, turn_id: str, at_once: int = 1) -> None:
        """Do what the card of a turn says: apply the change, or start or stop the runs, `at_once` days side by side; a job. Once only."""
        with self._lock:
            turn = self._turn(turn_id)
            if turn.decided or (turn.card is None and turn.diff is None):
                raise InputError("this was decided already")
            if turn.card is not None and turn.card.problem:
                raise InputError(turn.card.problem)
            self._begin(turn_id, "Applying the change" if turn.diff else "Starting",
                        lambda job: work.confirm(job, at_once))

    def dismiss(self, turn_id: str) -> None:
        """Put a card aside; nothing happens."""
        with self._lock:
            turn = self._turn(turn_id)
            if not turn.decided and not turn.working:
                self._put(replace(turn, decided="discarded" if turn.diff else "cancelled"))
        self._keep()

    def open(self, pipeline_id: str) -> None:
        """Show a stored pipeline. Raises MissingError for one that is not there."""
        source = self.service.stored(pipeline_id)  # what stands in an address is never a path
        spec = source.spec.as_dict()
        self.show(spec, self.service.yaml(source.spec), words.opened(spec, source.version), made="stored", version=source.version or 1)

    def show(self, spec: dict[str, Any], text: str, said: str, *, made: str, version: int = 1) -> None:
        """Put a finished spec into the panel, as the next draft; `said` is markdown for the chat, `made` says where it is from."""
        turn = Turn(_id(), "", now(), state=DONE, kind="open", reply=said)
        report = self.service.draft_report(text)  # what it names may be gone since it was stored
        draft = Draft(spec, text, version=version, ready=report.ok, words=made, report=report, why_not="" if report.ok else
                      "Fix the spec first")
        with self._lock:
            self._idle()
            self._set(title=self._state.title or words.title(draft.name), turns=(*self._state.turns, turn), draft=draft, preview=None,
                      price=None, preview_state="none", panel=True)
        self._keep()
        self.refresh_preview()

    def show_run(self, run_id: str) -> None:
        """The run that the panel shows."""
        with self._lock:
            if run_id != self._state.run_id:
                self._set(run_id=run_id, panel=True)
        self._keep()

    def refresh_preview(self, params: Mapping[str, str] | None = None) -> None:
        """Preview the draft anew, in a job of its own; `params` are the parameters of the run that it stands for."""
        with self._lock:
            if self._state.draft is None:
                return
            token = self._jobs["preview"] = object()
            self._set(preview_state="working", preview_error="", panel=True)
        self._submit(work.Job(self, "preview", token), lambda job: work.preview(job, params))

    def revive(self) -> None:
        """After the state came from the store: read the attached files, judge the draft and preview, in a job."""
        with self._lock:
            if (self._state.draft is None and not self._state.files) or self._jobs:
                return
            token = self._jobs["preview"] = object()
            self._set(preview_state="working" if self._state.draft is not None else "none")
        self._submit(work.Job(self, "preview", token), work.revive)

    # ---- jobs

    def _begin(self, turn_id: str, stage: str, do: Callable[[work.Job], None]) -> None:
        with self._lock:
            self._idle()
            turn = self._turn(turn_id)
            began = time.monotonic()
            self._clock[turn_id] = (began, began)
            token = self._jobs[turn_id] = object()
            self._jobs.pop("preview", None)  # an older preview is of an older draft
            if self._state.preview_state == "working":
                self._set(preview_state="none")
            self._put(replace(turn, state=WORKING, stages=(Stage(stage),), error="", code="", note=""))
        self._submit(work.Job(self, turn_id, token), do)

    def _submit(self, job: work.Job, do: Callable[[work.Job], None]) -> None:
        self._pool.submit(self._run, job, do).add_done_callback(lambda done: self._ended(job, done))

    def _run(self, job: work.Job, do: Callable[[work.Job], None]) -> None:
        """In a worker thread: what may go wrong is told in words; anything else stays in the future, for `_ended`."""
        self._keep()  # before the work: a turn that is lost with the process is found again
        try:
            do(job)
        except Cancelled:
            if job.mine():
                raise
        except PenstockError as error:
            self._fail(job, words.problem(error))

    def _ended(self, job: work.Job, done: Future[None]) -> None:
        error = done.exception()
        if error is not None:
            code = secrets.token_hex(3)
            log.error("a turn of chat %s hit a problem, code %s", self.chat_id, code, exc_info=error)
            self._fail(job, words.broke(code), code)
        else:
            self._finish(job)

    def _fail(self, job: work.Job, error: str, code: str = "") -> None:
        with self._lock:
            if not job.mine():
                return
            del self._jobs[job.turn_id]
            if self._state.preview_state == "working":
                self._set(preview_state="failed", preview_error=error, panel=True)
            turn = self._state.turn(job.turn_id)
            if turn is not None:
                self._put(replace(self._closed(turn), state=FAILED, error=error, code=code))
        self._keep()

    def _finish(self, job: work.Job) -> None:
        with self._lock:
            if not job.mine():
                return
            del self._jobs[job.turn_id]
            turn = self._state.turn(job.turn_id)
            if turn is not None:
                self._bytes.pop(turn.id, None)
                self._put(replace(self._closed(turn), state=DONE))
        self._keep()

    def _closed(self, turn: Turn) -> Turn:
        began, stage = self._clock.pop(turn.id, (time.monotonic(), time.monotonic()))
        end = time.monotonic()
        stages = turn.stages[:-1] + tuple(replace(each, seconds=round(end - stage, 2)) for each in turn.stages[-1:])
        return replace(turn, stages=stages, seconds=round(end - began, 1))

    # ---- changes, under the lock

    def _idle(self) -> None:
        if any(turn.working for turn in self._state.turns):
            raise InputError("the last request is still being worked on", fix="Wait for it, or stop it")

    def _turn(self, turn_id: str) -> Turn:
        turn = self.snapshot().turn(turn_id)
        if turn is None:
            raise MissingError("there is no such turn in this chat", fix="Reload the page")
        return turn

    def _need_draft(self) -> Draft:
        draft = self.snapshot().draft
        if draft is None:
            raise InputError("there is no pipeline yet", fix="Describe one in the chat")
        return draft

    def _put(self, turn: Turn) -> None:
        self._set(turns=tuple(turn if each.id == turn.id else each for each in self._state.turns))

    def _new_draft(self, draft: Draft) -> None:
        """The next draft; the one before can be had back. Only a change of a ready draft is a new version."""
        before = self._state.draft
        if before is not None:
            same = before.pipeline_id == draft.pipeline_id or not draft.turn_id or before.turn_id == draft.turn_id
            version = before.version + before.ready if same else 1
            history = (*before.history, replace(before, history=()))[-KEEP_DRAFTS:]
            draft = replace(draft, version=version, history=history)
        self._set(draft=draft, preview=None, price=None, preview_state="none", preview_error="", panel=True)

    def _set(self, *, panel: bool = False, **changes: Any) -> None:
        with self._lock:
            state = self._state
            self._state = replace(state, **changes, revision=state.revision + 1, panel=state.panel + panel)
            self._changed.notify_all()

    def _keep(self) -> None:
        """Write the newest state into the control store, where it differs from what is kept. What cannot be kept is said.

        A chat that is only looked at is not written: it stays where it is in the list, and another process may work on it.
        """
        with self._keeping:
            state = self.snapshot()
            if state.revision <= self._kept or not state.turns:
                return
            body = shape.as_data(state)
            digest, unsaved = _digest(state.title, body), ""
            try:
                if digest != self._stored:
                    self.service.keep_chat(state.chat_id, state.title, body)
            except PenstockError as error:
                unsaved = f"This chat is not being kept: {words.problem(error)}"
            else:
                self._kept, self._stored = state.revision, digest
        with self._lock:
            self._state = replace(self._state, unsaved=unsaved)
            self._changed.notify_all()


def _id() -> str:
    return secrets.token_hex(4)


def _digest(title: str, body: Mapping[str, Any]) -> bytes:
    """Tells whether the store would keep something new."""
    return hashlib.sha256(json.dumps([title, body], default=str).encode()).digest()
