"""What goes into a planner and what comes out: request, answer, questions whose options are exact patches."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from flows.errors import InputError, MissingError
from flows.insight.catalog import Catalog
from flows.spec.model import FlowSpec

Status = Literal["ready", "needs_input", "refused"]
Intent = Literal["create", "edit", "run", "backfill", "rerun", "pause", "resume", "cancel", "status", "question"]
Origin = Literal["text", "default", "inferred", "answer"]
Span = tuple[int, int]


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Answer(Closed):
    """A person's answer to one question: the label of an option, or own words."""

    question_id: str
    option: str | None = None
    text: str | None = None


class FileSource(Closed):
    """A file that is read: the names by which a text may call it, in small letters, and the `source` of the step that reads it."""

    names: tuple[str, ...]
    source: dict[str, Any]


class PlanRequest(Closed):
    """All a planner may know. `now` must have a zone; a planner never reads the clock.

    `current_spec` is the pipeline that "it" means. `pipelines` are those that are stored, id to name. `files` are the tables of
    `catalog` that are files which the text may read, the newest last.
    """

    text: str
    now: datetime
    tenant_id: str
    catalog: Catalog
    current_spec: FlowSpec | None = None
    pipelines: dict[str, str] = Field(default_factory=dict)
    files: dict[str, FileSource] = Field(default_factory=dict)
    answers: list[Answer] = Field(default_factory=list)
    model: str | None = None
    token_budget: int | None = None


class Fact(Closed):
    """One value of the spec: where it stands, what it is, which characters of the text say it, who says it."""

    path: str
    value: Any
    span: Span | None = None
    source: Origin = "text"


class Assumption(Closed):
    """Something read one way although another was possible; `patch` undoes it (empty: say it in other words)."""

    path: str
    text: str
    patch: list[dict[str, Any]] = Field(default_factory=list)


class Option(Closed):
    """One possible answer. `patch` is RFC 6902 on the spec (on the run request for run intents) and starts with a `test`."""

    label: str
    patch: list[dict[str, Any]] = Field(default_factory=list)


class Question(Closed):
    id: str
    slot: str
    severity: Literal["block", "confirm"] = "block"
    message: str
    options: list[Option] = Field(default_factory=list)
    free_text: bool = True
    span: Span | None = None


class Residue(Closed):
    """Words that nobody turned into a fact."""

    span: Span
    text: str


@dataclass(frozen=True)
class Move:
    """What a person did about a result: chose an `option`, said a `text`, or undid an assumption (`undo`)."""

    kind: Literal["option", "text", "undo"]
    slot: str
    said: str
    span: Span | None = None


@dataclass(frozen=True)
class Reading:
    """What a result was read from, so that an answer in words can be read in its place."""

    request: PlanRequest
    moves: tuple[Move, ...] = ()


class PlanResult(Closed):
    """The answer of `penstock plan --json`, field by field as in the contract."""

    _reading: Reading | None = PrivateAttr(default=None)

    status: Status
    intent: Intent = "create"
    spec: dict[str, Any] = Field(default_factory=dict)
    run_request: dict[str, Any] | None = None
    sql: str | None = None
    patch: list[dict[str, Any]] = Field(default_factory=list)
    facts: list[Fact] = Field(default_factory=list)
    assumptions: list[Assumption] = Field(default_factory=list)
    questions: list[Question] = Field(default_factory=list)
    residue: list[Residue] = Field(default_factory=list)
    planner: str = "embedded"
    fallback_reason: str | None = None
    attempts: int = 1
    usage: dict[str, int] = Field(default_factory=lambda: {"input_tokens": 0, "output_tokens": 0})

    def as_dict(self) -> dict[str, Any]:
        """Plain data, the same bytes for the same result."""
        return self.model_dump(mode="json")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """How a notebook shows an answer: the draft's graph, its questions and its assumptions."""
        from flows.show.page import plan_bundle
        from flows.spec.loader import dump_draft

        return plan_bundle(self.as_dict(), yaml=dump_draft(self.spec) if self.spec else "")

    @property
    def reading(self) -> Reading | None:
        """None for a result that was made from plain data."""
        return self._reading

    def of(self, reading: Reading | None, move: Move | None = None) -> PlanResult:
        """The same result, come about in this way."""
        made = self.model_copy()
        made._reading = Reading(reading.request, (*reading.moves, move)) if reading and move else reading
        return made


def status_of(questions: list[Question]) -> Status:
    """`needs_input` exactly when a question blocks."""
    if any(q.slot == "refused" for q in questions):
        return "refused"
    return "needs_input" if any(q.severity == "block" for q in questions) else "ready"


def apply(result: PlanResult, question_id: str, option: str) -> PlanResult:
    """The result with one question answered by the label of one of its options; the text is not read again.

    Raises MissingError for a question or option that is not there, InputError when the option no longer fits the spec.
    """
    question = next((q for q in result.questions if q.id == question_id), None)
    if question is None:
        raise MissingError(f"there is no question {question_id!r}", fix=f"Open questions: {_names([q.id for q in result.questions])}")
    if question.slot == "refused":
        raise InputError("a refused request cannot be answered", fix="Say it without the destructive wish")
    chosen = next((o for o in question.options if o.label == option), None)
    if chosen is None:
        raise MissingError(
            f"question {question_id!r} has no option {option!r}", fix=f"Options: {_names([o.label for o in question.options])}"
        )
    on_run = bool(result.run_request) and not result.spec
    document = patched(result.run_request if on_run else result.spec, chosen.patch, f"the answer to {question_id!r}")
    rest = [q for q in result.questions if q.id != question_id]
    gone = question.span
    facts = result.facts + _answered(chosen.patch, document, "run_request." if on_run else "")
    answered = result.model_copy(
        update={
            "spec": result.spec if on_run else document,
            "run_request": document if on_run else result.run_request,
            "questions": rest,
            "status": status_of(rest),
            "facts": facts,
            "residue": [r for r in result.residue if gone is None or r.span != gone],
        }
    )
    return answered.of(result.reading, Move("option", question.slot, option, gone))


def undo(result: PlanResult, number: int) -> PlanResult:
    """The result with one assumption (counted from 0) undone by its patch; the text is not read again.

    Raises MissingError for an assumption that is not there, InputError for one that has no patch or no longer fits.
    """
    if not 0 <= number < len(result.assumptions):
        raise MissingError(f"there is no assumption {number}", fix=f"There are {len(result.assumptions)}, counted from 0")
    assumption = result.assumptions[number]
    if not assumption.patch:
        raise InputError(f"this cannot be undone by itself: {assumption.text}", fix="Say in words how it should be")
    document = patched(result.spec, assumption.patch, f"undoing {assumption.text!r}")
    rest = [a for n, a in enumerate(result.assumptions) if n != number]
    answers = _answered(assumption.patch, document, "")
    touched = {f.path for f in answers}
    facts = [f for f in result.facts if f.path not in touched] + answers
    undone = result.model_copy(update={"spec": document, "assumptions": rest, "facts": facts})
    return undone.of(result.reading, Move("undo", assumption.path, assumption.text))


def patched(document: Any, patch: list[dict[str, Any]], what: str) -> Any:
    """A copy of a document with a patch applied. Raises InputError when the patch does not fit; `what` names it."""
    import jsonpatch  # only when a question is answered: planning itself never pays for it

    try:
        return jsonpatch.apply_patch(copy.deepcopy(document), patch)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as problem:
        raise InputError(f"{what} no longer fits the draft ({problem})", fix="Plan the text again") from problem


def _answered(patch: list[dict[str, Any]], document: Any, prefix: str) -> list[Fact]:
    found = []
    for change in patch:
        if change["op"] not in ("add", "replace"):
            continue
        parts = change["path"].strip("/").split("/")
        if parts[0] == "steps" and len(parts) > 1 and parts[1].isdigit():
            parts[1] = document["steps"][int(parts[1])]["step_id"]
        found.append(Fact(path=prefix + ".".join(parts), value=change.get("value"), source="answer"))
    return found


def _names(names: list[str]) -> str:
    return ", ".join(repr(n) for n in names) or "none"
