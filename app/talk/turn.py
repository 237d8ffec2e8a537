"""What a conversation consists of: turns, the draft and one frozen state of all of it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime
from typing import Any

WORKING, DONE, FAILED, STOPPED, INTERRUPTED = "working", "done", "failed", "stopped", "interrupted"
RUN_OPS = ("run", "backfill", "rerun", "cancel", "pause", "resume")


@dataclass(frozen=True)
class Stage:
    """One thing that a turn did, in words. `seconds` is None while it goes on."""

    words: str
    seconds: float | None = None


@dataclass(frozen=True)
class Answered:
    """A question that was answered: what was asked and what was chosen."""

    question_id: str
    message: str
    chosen: str


@dataclass(frozen=True)
class Card:
    """Something that starts or stops runs and waits for a click. `problem` says why it cannot be confirmed, "" when it can.

    Of a list of dates: `at_once` of its days run side by side, at most `most`; `why_one` says why no more than one, `notes` what a
    person should know before.
    """

    op: str
    pipeline_id: str
    name: str
    dates: tuple[date, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)
    runs: int = 1
    resume_of: str = ""
    run_id: str = ""
    words: str = ""
    problem: str = ""
    at_once: int = 1
    most: int = 1
    why_one: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunLine:
    """A run as a status answer lists it; `cause` is the step that failed and its error."""

    run_id: str
    pipeline_id: str
    status: str
    run_date: str
    at: datetime
    name: str = ""
    cause: str = ""


@dataclass(frozen=True)
class File:
    """A file that came with a turn. `path` is empty until it was read; `attached` is the service's account of it, with its profile."""

    name: str
    path: str = ""
    words: str = ""
    attached: Any = None


@dataclass(frozen=True)
class Turn:
    """What a person said and what came of it.

    `state`: working | done | failed | stopped | interrupted. `kind`: create | edit | run | status | refused | unknown | files | help |
    open. `reply` is markdown that is safe to show. `more_runs`: how many runs an answer is about besides
    those it lists. `decided`: what was done with a card, "" while it waits. `diff` is (before, after).
    """

    id: str
    text: str
    at: datetime
    files: tuple[File, ...] = ()
    state: str = WORKING
    kind: str = ""
    stages: tuple[Stage, ...] = ()
    seconds: float = 0.0
    result: Any = None
    report: Any = None
    reply: str = ""
    note: str = ""
    error: str = ""
    code: str = ""
    card: Card | None = None
    diff: tuple[dict[str, Any], dict[str, Any]] | None = None
    decided: str = ""
    answered: tuple[Answered, ...] = ()
    runs: tuple[RunLine, ...] = ()
    more_runs: int = 0
    run_id: str = ""
    backfill_id: str = ""

    @property
    def stage(self) -> str:
        """What it does at this moment, in words."""
        return self.stages[-1].words if self.stages else "Reading your request"

    @property
    def working(self) -> bool:
        return self.state == WORKING

    @property
    def stoppable(self) -> bool:
        """Works on something that starts and stops no run."""
        return self.working and self.card is None


@dataclass(frozen=True)
class Draft:
    """The pipeline in the panel. `spec` is the last valid or half-finished one; `text` is what stands in the editor, which may be wrong.

    `why_not` says why it cannot run ("Answer 2 questions first"), `report` judges `text`, `turn_id` is the turn whose questions and
    assumptions are still about this draft, `result` the planner's answer behind it ("" and None after a hand-made change). `history`
    holds the earlier drafts, oldest first, for undo; `words` says what made this one.
    """

    spec: dict[str, Any]
    text: str
    version: int = 1
    ready: bool = False
    why_not: str = ""
    turn_id: str = ""
    report: Any = None
    result: Any = None
    words: str = ""
    history: tuple[Draft, ...] = ()

    @property
    def pipeline_id(self) -> str:
        return str(self.spec.get("pipeline_id", ""))

    @property
    def name(self) -> str:
        return str(self.spec.get("name") or self.pipeline_id)


@dataclass(frozen=True)
class State:
    """One consistent state of a conversation. `panel` counts the changes that the work panel shows, `revision` all of them.

    `preview_state`: none | working | ready | failed. `files` are the service's accounts of what was attached; a File among them came
    from the store and is read again before it is a source.
    """

    chat_id: str
    title: str = ""
    turns: tuple[Turn, ...] = ()
    draft: Draft | None = None
    preview: Any = None
    preview_state: str = "none"
    preview_error: str = ""
    price: Any = None
    run_id: str = ""
    backfill_id: str = ""
    files: tuple[Any, ...] = ()
    unsaved: str = ""
    revision: int = 0
    panel: int = 0

    @property
    def working(self) -> bool:
        """Does a turn work, or the preview of the draft?"""
        return self.preview_state == "working" or any(turn.working for turn in self.turns)

    def turn(self, turn_id: str) -> Turn | None:
        return next((turn for turn in self.turns if turn.id == turn_id), None)

    def open_questions(self, turn: Turn) -> list[Any]:
        """The questions of a turn that can still be answered: those about the draft in the panel, or about an undecided request."""
        if turn.result is None or turn.kind == "refused":
            return []
        mine = self.draft is not None and self.draft.turn_id == turn.id
        asks = mine if turn.kind == "create" else turn.kind in ("run", "edit") and not turn.decided
        return list(turn.result.questions) if asks else []


# ---- to and from plain data

def as_data(state: State) -> dict[str, Any]:
    """A state as plain JSON: what a restart of the app must find again. Previews and profiles are made anew."""
    return {"turns": [_turn_data(turn) for turn in state.turns], "draft": _draft_data(state.draft), "run_id": state.run_id,
            "backfill_id": state.backfill_id, "files": [{"name": f.name, "path": str(f.path)} for f in state.files]}


def _turn_data(turn: Turn) -> dict[str, Any]:
    card = turn.card and {**vars(turn.card), "dates": [str(day) for day in turn.card.dates]}
    return {"id": turn.id, "text": turn.text, "at": turn.at.isoformat(), "state": turn.state, "kind": turn.kind, "seconds": turn.seconds,
            "files": [{"name": f.name, "path": f.path, "words": f.words} for f in turn.files],
            "stages": [vars(stage) for stage in turn.stages], "result": turn.result.as_dict() if turn.result is not None else None,
            "reply": turn.reply, "note": turn.note, "error": turn.error, "code": turn.code, "card": card,
            "diff": list(turn.diff) if turn.diff else None, "decided": turn.decided,
            "answered": [vars(each) for each in turn.answered], "more_runs": turn.more_runs,
            "run_id": turn.run_id, "backfill_id": turn.backfill_id,
            "runs": [{**vars(run), "at": run.at.isoformat()} for run in turn.runs]}


def _draft_data(draft: Draft | None) -> dict[str, Any] | None:
    if draft is None:
        return None
    names = ("spec", "text", "version", "ready", "why_not", "turn_id", "words")
    return {**{name: getattr(draft, name) for name in names}, "result": draft.result.as_dict() if draft.result is not None else None,
            "history": [_draft_data(each) for each in draft.history]}


def from_data(chat_id: str, title: str, data: dict[str, Any], recall: Any) -> State:
    """The state that `as_data` wrote; `recall` makes a planner's answer of its plain form. A turn that was in work is interrupted."""
    turns = tuple(_turn(each, recall) for each in data.get("turns", []))
    return State(chat_id=chat_id, title=title, turns=turns, draft=_draft(data.get("draft"), recall),
                 run_id=data.get("run_id", ""), backfill_id=data.get("backfill_id", ""),
                 files=tuple(File(**_known(File, each)) for each in data.get("files", [])))


def _turn(data: dict[str, Any], recall: Any) -> Turn:
    card, diff = data.get("card"), data.get("diff")
    turn = Turn(**_known(Turn, data, "at", "files", "stages", "result", "card", "diff", "answered", "runs"),
                at=datetime.fromisoformat(data["at"]), files=tuple(File(**_known(File, f)) for f in data["files"]),
                stages=tuple(Stage(**_known(Stage, s)) for s in data["stages"]),
                result=recall(data["result"]) if data["result"] else None,
                card=Card(**{**_known(Card, card), "dates": tuple(date.fromisoformat(d) for d in card["dates"]),
                              "notes": tuple(card.get("notes", ()))}) if card else None,
                diff=(diff[0], diff[1]) if diff else None,
                answered=tuple(Answered(**_known(Answered, each)) for each in data["answered"]),
                runs=tuple(RunLine(**{**_known(RunLine, run), "at": datetime.fromisoformat(run["at"])}) for run in data["runs"]))
    return replace(turn, state=INTERRUPTED) if turn.working else turn


def _draft(data: dict[str, Any] | None, recall: Any) -> Draft | None:
    if data is None:
        return None
    history = tuple(draft for each in data["history"] if (draft := _draft(each, recall)) is not None)
    return Draft(**_known(Draft, data, "history", "result", "report"), history=history,
                 result=recall(data["result"]) if data["result"] else None)


def _known(kind: type[Any], data: dict[str, Any], *but: str) -> dict[str, Any]:
    names = {each.name for each in fields(kind)} - set(but)
    return {name: value for name, value in data.items() if name in names}


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)
