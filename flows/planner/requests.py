"""Answers about pipelines that exist: run requests with resolved dates, and edits as patches."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flows.planner.answer import Assumption, Fact, Option, PlanRequest, PlanResult, Question, Residue, status_of
from flows.planner.holes import said_choice
from flows.planner.read import courtesy, destination, notify, running, schedule, zone
from flows.planner.read.draft import Draft, Said
from flows.planner.read.runops import Request
from flows.planner.read.text import P, Text

NONE_YET = "There is no pipeline yet. Describe one first."
NEEDS_PIPELINE = ("run", "backfill", "rerun", "pause", "resume", "cancel", "edit")


def run_result(text: Text, wish: Request) -> PlanResult:
    """A request about runs: what, of which pipeline, for which dates; nothing is started by it."""
    request: dict[str, Any] = {
        "op": wish.op,
        "pipeline": wish.pipeline,
        "start": wish.start,
        "end": wish.end,
        "params": {},
        "scope": wish.scope,
    }
    facts = [Fact(path="intent", value=wish.op, span=wish.spans["op"], source="text")]
    for key in ("pipeline", "start", "end", "scope"):
        value = request[key]
        if value is not None and (key != "scope" or "scope" in wish.spans):
            facts.append(Fact(path=f"run_request.{key}", value=value, span=wish.spans.get(key), source="text"))
    if "scope" not in wish.spans:
        facts.append(Fact(path="run_request.scope", value="all", source="default"))
    questions = _which(text, wish)
    residue = _residue(text, questions, {"op": "test", "path": "/op", "value": wish.op})
    assumptions = [Assumption(path="text", text=f"{typed!r} was read as {meant!r}") for typed, meant, _ in text.typos]
    if wish.start and wish.end and wish.op in ("run", "backfill", "rerun"):
        days = (dt.date.fromisoformat(wish.end) - dt.date.fromisoformat(wish.start)).days + 1
        assumptions.append(
            Assumption(path="run_request", text=f"{days} run{'s' if days != 1 else ''}, {wish.start} to {wish.end}, both included")
        )
        if days < 1:
            questions.append(
                Question(
                    id=f"q{len(questions) + 1}", slot="unparsed", message="The period ends before it starts.", span=wish.spans["start"]
                )
            )
    return PlanResult(
        status=status_of(questions),
        intent=wish.op,
        run_request=request,
        facts=facts,
        questions=questions,
        residue=residue,
        assumptions=assumptions,
    )


def _which(text: Text, wish: Request) -> list[Question]:
    if wish.pipeline or (wish.op not in NEEDS_PIPELINE and not wish.near):
        return []
    known = wish.near or text.lexicon.flows()
    message = f"Which pipeline: {', '.join(known)}?" if known else NONE_YET
    options = [
        Option(label=name, patch=[{"op": "test", "path": "/op", "value": wish.op}, {"op": "replace", "path": "/pipeline", "value": name}])
        for name in known
    ]
    for words in {p for name in wish.near for p in name.replace("-", " ").split()}:
        for unit in text.left():
            if words in unit.words.split():
                text.take((unit.at, unit.at + len(unit.norm)))
    return [Question(id="q1", slot="pipeline", message=message, options=options)]


def _residue(text: Text, questions: list[Question], guard: dict[str, Any]) -> list[Residue]:
    courtesy.read_courtesy(text)
    courtesy.read_verbs(text, Draft())
    out = []
    for run in courtesy.leftover(text):
        span = (run[0].start, run[-1].end)
        words = text.raw[span[0] : span[1]]
        out.append(Residue(span=span, text=words))
        questions.append(
            Question(
                id=f"q{len(questions) + 1}",
                slot="unparsed",
                message=f"I did not use “{words}”. Say what it should change, or leave it out.",
                options=[Option(label="Leave it out", patch=[guard])],
                span=span,
            )
        )
    return out


def edit_result(text: Text, wish: Request, request: PlanRequest) -> PlanResult:
    """A change of a pipeline that exists, as a patch to approve."""
    draft = Draft()
    notify.read_notify(text, draft)
    running.read_running(text, draft)
    destination.read_mode(text, draft)
    zone.read_zone(text, draft)
    schedule.read_schedule(text, draft)
    read_numbers(text, wish, draft)
    mine = request.current_spec is not None and request.current_spec.pipeline_id == wish.pipeline
    spec = request.current_spec.as_dict() if request.current_spec and mine else {}
    facts = [
        Fact(path="intent", value="edit", span=wish.spans["op"], source="text"),
        Fact(path="run_request.pipeline", value=wish.pipeline, span=wish.spans["pipeline"], source="text"),
    ]
    patch = patch_of(draft, wish, spec, facts)
    questions = [
        Question(
            id=f"q{n + 1}",
            slot=slot,
            message=message,
            span=span,
            options=[Option(label=said_choice(slot, c), patch=[{"op": "add", "path": "/schedule", "value": {"cron": c}}]) for c in choices],
        )
        for n, (slot, message, span, choices) in enumerate(draft.asks)
    ]
    guard = {"op": "test", "path": "/pipeline_id", "value": spec.get("pipeline_id", wish.pipeline)}
    residue = _residue(text, questions, guard)
    if not patch and not questions:
        questions.append(Question(id="q1", slot="unparsed", message=f"What should change in {wish.pipeline}?", span=wish.spans["op"]))
    assumptions = [Assumption(path=p, text=t) for p, t in draft.notes]
    return PlanResult(
        status=status_of(questions),
        intent="edit",
        spec=spec,
        patch=patch,
        facts=facts,
        questions=questions,
        residue=residue,
        run_request={"op": "edit", "pipeline": wish.pipeline, "start": None, "end": None, "params": {}, "scope": "all"},
        assumptions=assumptions,
    )


TO_NUMBER = P(r"(?:to|=|be|of) (?P<n>{N})(?: (?:times|tries|attempts))?")
TO_TIME = P(r"(?:to|=|be|of) (?P<n>{N}) (?P<u>seconds?|minutes?|min|hours?|h)")


def read_numbers(text: Text, wish: Request, draft: Draft) -> None:
    """`set the retries of X to 5`: the number behind the pipeline belongs to the word before it."""
    about = str(wish.params.pop("about", ""))
    if "time" in about and draft.timeout is None and (hit := text.first(TO_TIME)):
        draft.timeout = Said(int(float(hit["n"]) * {"s": 1, "m": 60, "h": 3600}[hit["u"][0]]), hit.span)
        text.take(hit)
    if "retr" in about and draft.retry is None and (hit := text.first(TO_NUMBER)) and hit["n"].isdigit():
        draft.retry = Said(int(hit["n"]) + 1, hit.span)
        text.take(hit)


def patch_of(draft: Draft, wish: Request, spec: dict[str, Any], facts: list[Fact]) -> list[dict[str, Any]]:
    """Schedule, retries, time limit and notifications of a draft as changes of a spec; each is noted in `facts`."""
    out: list[dict[str, Any]] = []

    def put(path: str, value: Any, span: Any, source: str = "text") -> None:
        facts.append(Fact(path=path.strip("/").replace("/", "."), value=value, span=span, source=source))

    if "remove" in wish.params:
        path = wish.params["remove"]
        out.append({"op": "remove", "path": path})
    when = spec.get("schedule")
    if draft.cron:
        put("/schedule/cron", draft.cron.value, draft.cron.span)
        out.append(
            {"op": "replace", "path": "/schedule/cron", "value": draft.cron.value}
            if when and when.get("cron")
            else {
                "op": "add",
                "path": "/schedule",
                "value": {"cron": draft.cron.value} | ({"timezone": draft.zone.value} if draft.zone else {}),
            }
        )
    if draft.zone:
        put("/schedule/timezone", draft.zone.value, draft.zone.span)
        if not draft.cron or (when and when.get("cron")):
            out.append({"op": "add", "path": "/schedule/timezone", "value": draft.zone.value})
    out += _running(draft, spec, put)
    if draft.notify:
        entries = [{k: n[k] for k in ("channel", "target", "on")} for n in draft.notify]
        put("/notify", entries, draft.notify[0]["span"])
        out += (
            [{"op": "add", "path": "/notify/-", "value": e} for e in entries]
            if spec.get("notify") or not spec
            else [{"op": "add", "path": "/notify", "value": entries}]
        )
    return out


def _running(draft: Draft, spec: dict[str, Any], put: Any) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    value: dict[str, Any] = dict(spec.get("defaults") or {})
    if draft.retry or draft.backoff:
        retry = dict(value.get("retry") or {})
        for name, said in (("max_attempts", draft.retry), ("backoff_seconds", draft.backoff)):
            if said:
                retry[name] = said.value
                put(f"/defaults/retry/{name}", said.value, said.span)
        value["retry"] = retry
        if spec.get("defaults"):
            out.append({"op": "add", "path": "/defaults/retry", "value": retry})
    if draft.timeout:
        put("/defaults/timeout_seconds", draft.timeout.value, draft.timeout.span)
        value["timeout_seconds"] = draft.timeout.value
        if spec.get("defaults"):
            out.append({"op": "add", "path": "/defaults/timeout_seconds", "value": draft.timeout.value})
    if (draft.retry or draft.backoff or draft.timeout) and not spec.get("defaults"):
        out.append({"op": "add", "path": "/defaults", "value": value})
    return out
