"""What a turn does, by what the planner answers: draft, check, preview, ask, show a change, or put a card up for a click."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.parts.escape import code
from app.talk import words
from app.talk.turn import RUN_OPS, Answered, Card, Draft, File, RunLine, Stage, State, Turn, now
from flows.errors import Cancelled, InputError, PenstockError, SpecError
from flows.spec.template import run_values

if TYPE_CHECKING:
    from app.talk.talk import Talk

PREVIEW_ROWS = 200
LISTED = 5  # runs that an answer shows
AT_ONCE = 16  # days of a backfill side by side


class Job:
    """A job's hands on its conversation: every change is made only while the job is still wanted, else Cancelled ends it."""

    def __init__(self, talk: Talk, turn_id: str, token: object) -> None:
        self._talk, self.turn_id, self._token = talk, turn_id, token
        self.service = talk.service

    def mine(self) -> bool:
        """Is this job still the one that may change its turn?"""
        return self._talk._jobs.get(self.turn_id) is self._token

    def state(self) -> State:
        """The conversation as it stands. Raises Cancelled when the job is no longer wanted."""
        with self._talk._lock:
            self._wanted()
            return self._talk.snapshot()

    def turn(self) -> Turn:
        """The job's own turn."""
        return self._talk._turn(self.turn_id)

    def files(self) -> list[tuple[str, bytes]]:
        """The files that came with the turn: names and bytes."""
        return self._talk._bytes.get(self.turn_id, [])

    def stage(self, name: str) -> None:
        """The next thing it does, in words; the one before gets its time."""
        with self._talk._lock:
            self._wanted()
            began, last = self._talk._clock[self.turn_id]
            at = time.monotonic()
            turn = self.turn()
            done = turn.stages[:-1] + tuple(replace(each, seconds=round(at - last, 2)) for each in turn.stages[-1:])
            self._talk._clock[self.turn_id] = (began, at)
            self._talk._put(replace(turn, stages=(*done, Stage(name))))

    def put(self, **changes: Any) -> None:
        """Change the job's turn."""
        with self._talk._lock:
            self._wanted()
            self._talk._put(replace(self.turn(), **changes))

    def set(self, *, panel: bool = False, **changes: Any) -> None:
        """Change the conversation."""
        with self._talk._lock:
            self._wanted()
            self._talk._set(panel=panel, **changes)

    def draft(self, draft: Draft) -> None:
        """The next draft."""
        with self._talk._lock:
            self._wanted()
            self._talk._new_draft(draft)

    def judged(self, text: str, report: Any) -> None:
        """What the checks say of the draft, unless its text was edited in the meantime."""
        with self._talk._lock:
            self._wanted()
            draft = self._talk.snapshot().draft
            if draft is not None and draft.text == text:
                self._talk._set(draft=replace(draft, report=report), panel=True)

    def _wanted(self) -> None:
        if not self.mine():
            raise Cancelled("stopped by a person")


# ---- jobs

def say(job: Job) -> None:
    """Read the files that came, read the text, and do what it asks for."""
    turn, known = job.turn(), _known(job)
    attached = _attach(job)
    if not turn.text:
        job.put(kind="files")
        return
    if attached:
        job.stage("Reading your request")
    draft = job.state().draft
    # words that come with a file are about the file, not about the pipeline in the panel
    current = draft.spec if draft is not None and draft.ready and not attached else None
    result = job.service.plan(turn.text, now=turn.at, current=current, files=[*known, *attached])
    job.put(result=result)
    if result.status == "refused":
        job.put(kind="refused", reply=words.refused(result))
    elif result.intent == "status":
        _status(job, result)
    elif result.intent in RUN_OPS:
        _request(job, result)
    elif result.intent == "edit":
        _change(job, result)
    elif result.intent == "question":
        job.put(kind="help", reply=words.help_())
    elif not result.spec.get("steps"):
        job.put(kind="unknown", reply=words.safe(" ".join(q.message for q in result.questions)))
    elif draft is not None and words.nothing_in(result):
        job.put(kind="unknown", reply=words.stays(draft))
    elif words.not_understood(turn.text, result):
        job.put(kind="unknown", reply=words.unknown(turn.text))
    else:
        _create(job, result, made="drafted")


def answer(job: Job, chosen: Answered, *, by_option: bool) -> None:
    """Answer one question: an option by its patch, own words by reading them in its place."""
    turn = job.turn()
    given = {"option": chosen.chosen} if by_option else {"text": chosen.chosen}
    state = job.state()
    current = state.draft.spec if state.draft is not None and state.draft.ready and state.draft.turn_id != turn.id else None
    result = job.service.answer(turn.result, chosen.question_id, now=turn.at, said=turn.text, current=current, files=_known(job), **given)
    job.put(result=result, answered=(*turn.answered, chosen))
    if result.intent in RUN_OPS:
        _request(job, result)
    elif result.intent == "edit":
        _change(job, result)
    else:
        _create(job, result, made=f"answered: {chosen.chosen}")


def undo_assumption(job: Job, number: int) -> None:
    """Undo one assumption; nothing is read again."""
    result = job.service.undo(job.turn().result, number)
    job.put(result=result)
    _create(job, result, made="an assumption undone")


def confirm(job: Job, at_once: int = 1) -> None:
    """Do what stands on the turn's card; of a list of dates `at_once` side by side."""
    turn = job.turn()
    if turn.diff is not None:
        _apply(job, turn)
        return
    card = turn.card
    if card is None:
        raise InputError("there is nothing to confirm")
    _begin_runs(job, replace(card, at_once=min(max(at_once, 1), card.most)))


def preview(job: Job, params: Mapping[str, str] | None = None) -> None:
    """The rows of the draft's steps; errors of the preview are told where the preview stands."""
    draft = job.state().draft
    if draft is None:
        return
    job.set(preview_state="working", preview_error="", panel=True)
    try:
        rows = job.service.preview(draft.spec if draft.ready else draft.result, limit=PREVIEW_ROWS, params=params)
        price = job.service.price(draft.spec, params=params, seen=rows) if draft.ready else None
    except Cancelled:
        raise
    except PenstockError as error:
        job.set(preview=None, price=None, preview_state="failed", preview_error=words.problem(error), panel=True)
    else:
        job.set(preview=rows, price=price, preview_state="ready", panel=True)


def revive(job: Job) -> None:
    """What is not stored is made again: the accounts of the files that were attached, the report of the draft, the preview."""
    _known(job)
    draft = job.state().draft
    if draft is not None:
        job.judged(draft.text, job.service.draft_report(draft.text))
        preview(job)


# ---- parts

def _known(job: Job) -> list[Any]:
    """The files of the chat that can be read now; one that cannot stays in the chat for a later turn."""
    files = list(job.state().files)
    stored = [n for n, each in enumerate(files) if isinstance(each, File)]
    for n in stored:
        with suppress(PenstockError, OSError):
            files[n] = job.service.attach(files[n].name, Path(files[n].path).read_bytes())
    if stored:
        job.set(files=tuple(files))
    return [each for each in files if not isinstance(each, File)]


def _attach(job: Job) -> list[Any]:
    """Read each file; one that cannot be read ends the turn with its name and the cause, the others are kept."""
    attached: list[Any] = []
    told: list[File] = []
    wrong: list[str] = []
    for name, data in job.files():
        try:
            one = job.service.attach(name, data)
        except PenstockError as error:
            wrong.append(words.unread(error))
            told.append(File(name))
            continue
        attached.append(one)
        told.append(File(name, str(one.path), words.read_file(name, one.profile), one))
    if told:
        job.put(files=tuple(told))
        job.set(files=(*job.state().files, *attached))
    if wrong:
        raise words.Told("  \n".join(wrong))
    return attached


def _create(job: Job, result: Any, *, made: str) -> None:
    """A draft: show it at once, judge it, preview it, then say what it is."""
    steps = len(result.spec["steps"])
    job.stage(f"Drafting {steps} {'step' if steps == 1 else 'steps'}")
    why_not = words.why_not(result)
    text = job.service.yaml(result.spec if not why_not else result)
    job.put(kind="create")
    job.set(title=words.title(str(result.spec.get("name") or result.spec["pipeline_id"])))
    job.draft(Draft(result.spec, text, ready=not why_not, why_not=why_not, turn_id=job.turn_id, result=result, words=made))
    job.stage("Checking schema and connections")
    report = job.service.draft_report(text)
    job.judged(text, report)
    job.put(report=report)
    job.stage(f"Previewing {PREVIEW_ROWS} rows")
    preview(job)
    state = job.state()
    job.put(reply=words.drafted(result, state.preview, job.service.source_rows(result.spec), state.price))


def _status(job: Job, result: Any) -> None:
    job.stage("Looking at the runs")
    said = job.service.status_answer(result.run_request, now())
    runs = tuple(RunLine(run.run_id, run.pipeline_id, run.status, str(run.run_date), run.created_at, run.name or run.pipeline_id,
                         said.causes.get(run.run_id, "")) for run in said.runs[:LISTED])
    job.put(kind="status", reply=words.safe(said.short), runs=runs, more_runs=len(said.runs) - len(runs))


def _request(job: Job, result: Any) -> None:
    """A run request becomes a card; nothing happens before it is confirmed."""
    if result.questions and any(q.severity == "block" for q in result.questions):
        job.put(kind="run", reply=words.asking(result), card=None)
        return
    job.stage("Working out the dates")
    draft = job.state().draft
    asked = job.service.request(result, current=draft.spec if draft is not None and draft.ready else None)
    dates = tuple(asked.dates)
    if asked.op in ("run", "rerun") and not dates and not asked.resume_of and not asked.problem:
        dates = _usual_date(job, asked.pipeline_id, asked.params)
    card = Card(asked.op, asked.pipeline_id, asked.name, dates, dict(asked.params), asked.runs, asked.resume_of or "",
                asked.run_id or "", asked.words, asked.problem)
    job.put(kind="run", card=_side_by_side(job, card) if len(dates) > 1 and not card.problem else card, reply="")


def _side_by_side(job: Job, card: Card) -> Card:
    """How many of the days may run at the same time, why no more than one, and what to know before; errors are told on the card."""
    try:
        given, days = _given(job, card.pipeline_id), list(card.dates)
        notes = tuple(job.service.backfill_notes(given, days, params=card.params or None))
        found = job.service.side_by_side(given, days, params=card.params or None)
    except PenstockError as error:
        return replace(card, problem=str(error))
    why = words.filled(words.why_one(found), job.service.source(given).spec.as_dict())
    return replace(card, notes=notes, most=1 if found else min(AT_ONCE, len(days)), why_one=why)


def _given(job: Job, pipeline_id: str) -> Any:
    """The pipeline that is meant: the draft when it is that one, else the stored one."""
    draft = job.state().draft
    return draft.spec if draft is not None and draft.ready and draft.pipeline_id == pipeline_id else job.service.stored(pipeline_id).spec


def _usual_date(job: Job, pipeline_id: str, params: Mapping[str, Any]) -> tuple[date, ...]:
    """The run date of a run that is given none; nothing when the pipeline's parameters have to be said first."""
    try:
        values = run_values(job.service.source(_given(job, pipeline_id)).spec, params, tenant_id=job.service.tenant)
        return (date.fromisoformat(str(values["run_date"])[:10]),)
    except PenstockError:
        return ()


def _change(job: Job, result: Any) -> None:
    """A change of the pipeline: its difference is shown, and applied by a click."""
    job.put(kind="edit")
    if any(q.severity == "block" for q in result.questions):
        job.put(reply=words.asking(result), diff=None)
        return
    job.stage("Working out the change")
    draft = job.state().draft
    before = draft.spec if draft is not None and draft.pipeline_id == result.spec.get("pipeline_id") else result.spec
    after = job.service.changed(result)
    if after == before:
        job.put(reply="That is how it is already: nothing would change.", decided="discarded", diff=None)
        return
    job.put(diff=(before, after), reply="")


def _apply(job: Job, turn: Turn) -> None:
    assert turn.diff is not None
    after = turn.diff[1]
    text = job.service.yaml(after)
    job.stage("Checking schema and connections")
    report = job.service.draft_report(text)
    if not report.ok:
        raise SpecError(report.problems)
    job.draft(Draft(after, text, ready=True, report=report, words=turn.text))
    job.put(decided="applied")
    job.stage(f"Previewing {PREVIEW_ROWS} rows")
    preview(job)


def _switched(job: Job, card: Card) -> str:
    """Switch every schedule of the pipeline off or on; gives what is so now, in words."""
    switch = job.service.pause if card.op == "pause" else job.service.resume
    views = [switch(card.pipeline_id, environment=each.environment) for each in job.service.deployments(pipeline_id=card.pipeline_id)
             if each.paused != (card.op == "pause")]
    if card.op == "pause":
        return "Paused: it starts no more by itself until you resume it."
    following = min((view.next[0] for view in views if view.next), default=None)
    return f"Switched on: {views[0].words}{f', next on {following:%d %B at %H:%M} UTC' if following else ''}." if views else "Switched on."


def _begin_runs(job: Job, card: Card) -> None:
    if card.op == "cancel":
        job.service.cancel(card.run_id)
        job.put(decided="started", run_id=card.run_id, note=f"Asked {code(card.run_id)} to stop.")
        return
    if card.op in ("pause", "resume"):
        job.put(decided="started", note=_switched(job, card))
        return
    given = _given(job, card.pipeline_id)
    if card.runs > 1:
        backfill = job.service.backfill(given, list(card.dates), params=card.params or None, trigger_by="app", at_once=card.at_once)
        job.set(backfill_id=backfill.backfill_id, panel=True)
        job.put(decided="started", backfill_id=backfill.backfill_id, card=card)
    else:
        params = dict(card.params) | ({"run_date": str(card.dates[0])} if card.dates else {})
        run = job.service.submit(given, params=params, trigger_by="app", resume=card.resume_of or None)
        job.set(run_id=run.run_id, backfill_id="", panel=True)
        job.put(decided="started", run_id=run.run_id)
