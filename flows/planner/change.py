"""Changes of the pipeline that a person has before them, said in words: what is understood becomes a patch, the rest is asked."""

from __future__ import annotations

import re
from typing import Any

from flows.planner.answer import Assumption, Fact, Option, PlanRequest, PlanResult, Question, Residue, status_of
from flows.planner.holes import Ask, Asks, Hole, has_hole, shortened
from flows.planner.read import courtesy
from flows.planner.read.draft import Draft, Span
from flows.planner.read.runops import REMOVE, REMOVED, Request
from flows.planner.read.text import P, Text
from flows.planner.read.words import words
from flows.planner.requests import read_numbers
from flows.planner.resolve import Joint, Scope
from flows.planner.rows import operations
from flows.planner.splice import Work, aliases, columns_after
from flows.planner.timing import schedule_patch

LEAD = re.compile(
    r"^(?:(?:please|could you|can you|would you|now|ok|okay|and|also|then|actually|instead|let's|lets|i want to|i'd like to|we should|"
    r"hm+|well|no|just|,)\s+)*"
    r"(?:make|change|set|switch|move|reschedule|retry|add|also|remove|without|keep only|only|use|rename|notify|e-?mail (?:me|us|\S+@)|"
    r"alert|tell|top|limit|exclude|filter|leave out|no more|stop|don'?t|do not|schedule it|schedule this|it (?:should|must|may)|"
    r"(?:write|save|store|put|load|send|export|sort|order|run|partition|cluster|append|merge|upsert) (?:it|them|this|that|the (?:rows|"
    r"result|results|output)) |"
    r"every|each|hourly|daily at|weekly|monthly|nightly|at \d|partition|cluster|append|overwrite|upsert|mask|hash|quarantine|check|"
    r"warn|fail|replace|drop|sort by|order by|deduplicate|time ?out|keep the|keep just|from now on|"
    r"the (?:schedule|time|destination|target|table|retries|timeout))\b", re.I)
NEW = re.compile(r"\b(?:a|an|another|new|second|different) (?:\w+ )?(?:pipeline|flow|workflow|job|etl)\b|\bset up\b", re.I)
INSTEAD = P(r"(?:instead(?: of (?:that|this|it|replacing|overwriting|appending|the (?:old|current) (?:one|table|time|schedule)))?|"
            r"from now on|rather|as well|too|please|actually)", "instead|from now|rather|as well|too|please|actually")
TOP = P(r"(?:(?:only|just|keep|show|limit|it|to|and|the|write|load) )*(?:top|best|biggest|largest|highest) (?P<n>\d+)(?: (?:rows|ones|"
        r"only|of them|results|entries))*", "top|best|biggest|largest|highest")
GONE = {"/schedule": "schedule", "/defaults/retry": "retries", "/defaults/timeout_seconds": "time limit", "/notify": "notifications",
        "/budget": "budget"}
SMALL = words("""
make set change switch move put let have add give use a an the new another its it this that schedule time timing check
checks quality step filter limit destination target table retries retry timeout so should be run runs pipeline to of for with and also now
then just too again more output result results rows where which must may please
""")
CAN = ("I can change the schedule, retries, time limit, notifications, the target table and how it is written, and add filters, checks, "
       "a top, an order, masks and new columns. Anything else: edit the spec")


def is_change(text: Text, request: PlanRequest, pointed: bool) -> bool:
    """Is the current pipeline to be changed, or is something new described?"""
    raw = text.raw.strip()
    if request.current_spec is None or NEW.search(raw):
        return False
    named = any(m.of("t") for m in text.mentions)
    target = "<d:" in text.norm
    if target and named and not pointed and " instead" not in text.norm:
        return False
    return bool(LEAD.match(raw)) or (" instead" in text.norm)


def change(text: Text, bare: Text, request: PlanRequest, wish: Request | None) -> PlanResult:
    """The change as a patch to approve. Words that are not understood are asked; nothing is guessed."""
    from flows.planner.embedded import read_draft

    assert request.current_spec is not None
    spec = request.current_spec.as_dict()
    work, asks = Work.on(spec), Asks()
    facts = [Fact(path="run_request.pipeline", value=spec["pipeline_id"], source="inferred")]
    if wish is not None:
        for at in (wish.spans["op"], wish.spans["pipeline"]):
            take_raw(text, at)
    _remove(text, bare, wish, work, asks)
    top = text.first(TOP)
    if top:
        text.take(top)
    for found in text.find(INSTEAD):
        text.take(found)
    draft, conditions = read_draft(text, request)
    if wish is not None:
        read_numbers(text, wish, draft)
    notes = list(draft.notes)
    schedule_patch(text, draft, work, asks, facts, notes)
    _destination(draft, work, asks, facts)
    scope = _scope(text, draft, asks, request, work)
    _rows(scope, conditions, work, asks, facts, top.span if top else None, int(top["n"]) if top else 0)
    return _result(text, request, spec, work, asks, facts, notes)


def take_raw(text: Text, span: Span) -> None:
    """Consume the units of a stretch of the raw text."""
    for unit in text.units:
        if unit.start < span[1] and span[0] < unit.end:
            unit.taken = True
    text.render()


def _result(text: Text, request: PlanRequest, spec: dict[str, Any], work: Work, asks: Asks, facts: list[Fact],
            notes: list[tuple[str, str]]) -> PlanResult:
    said = len(facts) > 1
    residue = []
    courtesy.read_courtesy(text)
    for run in courtesy.leftover(text):
        if all((u.words or u.norm) in SMALL or u.norm in courtesy.SIGNS for u in run):
            continue
        span = (run[0].start, run[-1].end)
        unused = text.raw[span[0] : span[1]]
        residue.append(Residue(span=span, text=unused))
        asks.items.append(Ask("unparsed", f"I did not use “{shortened(unused)}”. Say what it should change, or leave it out.", span))
    if not work.patch and not asks.items and not said:
        span = (0, len(text.raw))
        asks.items.append(Ask("unparsed", f"I did not understand what should change. {CAN}.", span))
    guard = {"op": "test", "path": "/pipeline_id", "value": spec["pipeline_id"]}
    questions = []
    for n, ask in enumerate(asks.items, 1):
        options = [Option(label=label, patch=patch) for label, patch in ask.patches]
        if ask.slot == "unparsed" and work.patch and ask.span:
            options = [Option(label="Leave it out", patch=[guard])]
        questions.append(Question(id=f"q{n}", slot=ask.slot, message=ask.message, options=options, free_text=ask.free_text, span=ask.span))
    assumptions = [Assumption(path="text", text=f"{typed!r} was read as {meant!r}") for typed, meant, _ in text.typos]
    assumptions += [Assumption(path=p, text=t) for p, t in notes]
    asked = {"op": "edit", "pipeline": spec["pipeline_id"], "start": None, "end": None, "params": {}, "scope": "all"}
    return PlanResult(status=status_of(questions), intent="edit", spec=spec, patch=work.patch, facts=facts, questions=questions,
                      residue=residue, run_request=asked, assumptions=assumptions)


def _remove(text: Text, bare: Text, wish: Request | None, work: Work, asks: Asks) -> None:
    """`remove the retries`: a part that is there goes; one that is not there is said."""
    path = str(wish.params.get("remove") or "") if wish else ""
    found = bare.first(REMOVE)
    span = found.span if found else (wish.spans["op"] if wish else None)
    if not path and found:
        path = next(p for k, p in REMOVED.items() if found["w"].startswith(k))
    if not path or span is None:
        return
    take_raw(text, span)
    here: Any = work.spec
    for part in path.strip("/").split("/"):
        here = here.get(part) if isinstance(here, dict) else None
    if here is None:
        asks.add(Ask("unparsed", f"There is nothing to remove: the pipeline has no {GONE[path]}.", span,
                     free_text=False))
        return
    work.do({"op": "test", "path": path, "value": here}, {"op": "remove", "path": path})


# ---- where the rows go
def _destination(draft: Draft, work: Work, asks: Asks, facts: list[Fact]) -> None:
    wanted = [("table", draft.table), ("mode", draft.mode), ("path", draft.path)]
    if draft.unsupported is not None:
        asks.add(Ask("destination.unsupported", f"Nothing can be written to {draft.unsupported.value} here. Where should the rows go?",
                     draft.unsupported.span))
    if not any(said for _, said in wanted) and draft.engine is None and not draft.partition and not draft.cluster:
        return
    loads = work.find("generic.load", "generic.export")
    if len(loads) != 1:
        asks.add(Ask("destination", "This pipeline writes to several places. Change them in the spec.", None, free_text=False))
        return
    n = loads[0]
    at = f"steps.{work.steps[n]['step_id']}.destination"
    if draft.path is not None or work.steps[n]["ps_type"] == "generic.export" or draft.dataset is not None:
        if draft.table is None and draft.path is not None and work.steps[n]["ps_type"] == "generic.export" and draft.engine is not None:
            work.put(n, "destination/path", draft.path.value)
            work.put(n, "destination/engine", draft.engine.value)
            return
        asks.add(Ask("destination", "A table and a file cannot take each other's place in words yet. Change the last step in the spec.",
                     None, free_text=False))
        return
    if draft.engine is not None and draft.engine.value in ("bigquery", "duckdb", "clickhouse", "postgres"):
        work.put(n, "destination/engine", draft.engine.value)
    for key, said in wanted:
        if said is not None:
            work.put(n, f"destination/{key}", said.value)
            facts.append(Fact(path=f"{at}.{key}", value=said.value, span=said.span, source="text"))
    for refs, key in ((draft.keys, "keys"), (draft.cluster, "cluster_by")):
        if refs:
            work.put(n, f"destination/{key}", [r.meanings[0].column for r in refs])
    if draft.partition:
        _partition(draft, work, n, asks)


def _partition(draft: Draft, work: Work, n: int, asks: Asks) -> None:
    """`partition it by day`: by the column named, else by the day that the rows are grouped by."""
    ref, span = draft.partition[0]
    grains = [g for s in work.steps for o in (s.get("config") or {}).get("operations") or [] if o.get("op") == "aggregate"
              for g in ([o["grain"]] if isinstance(o.get("grain"), dict) else o.get("grain") or [])]
    column = ref.meanings[0].column if ref is not None and ref.meanings else grains[0]["column"] if grains else None
    if column is None:
        asks.add(Ask("column:date", "By which column should the table be partitioned?", span))
        return
    work.put(n, "destination/partition_by", column)


# ---- rows
def _scope(text: Text, draft: Draft, asks: Asks, request: PlanRequest, work: Work) -> Scope:
    """The tables that the pipeline reads, and how it joins them."""
    tables = text.lexicon.catalog.tables
    by_path = {about.path: name for name, about in tables.items() if about.path}
    scope = Scope(text, draft, asks)
    given: dict[str, str] = {}
    for n in work.find("generic.extract"):
        source = work.steps[n].get("source") or {}
        table = source.get("table") or by_path.get(source.get("path") or "")
        if table in tables:
            scope.add(table, None, "inferred")
            given[str(work.steps[n]["step_id"])] = table
    for n in work.find("generic.transform"):
        for op in work.steps[n]["config"].get("operations") or []:
            right = given.get(str(op.get("with")))
            if op.get("op") == "join" and right and scope.tables and op.get("on"):
                left, key = op["on"][0]
                owner = next((t for t in scope.tables if left in tables[t].columns), scope.tables[0])
                scope.joints.append(Joint(right, owner, (left, key)))
    joined = [scope.tables[0], *(j.table for j in scope.joints)] if scope.tables else []
    scope.tables = [t for t in scope.tables if t in joined or not scope.joints]
    return scope


def _rows(scope: Scope, conditions: list[Any], work: Work, asks: Asks, facts: list[Fact], top_span: Span | None, top: int) -> None:
    """Filters, checks, tops and other operations, each where it belongs."""
    draft = scope.draft
    foreign = [t for t, _, _ in draft.tables if t not in scope.tables]
    if foreign or draft.measures or draft.groups or draft.grains or draft.windows or draft.fx or draft.anomaly or draft.cues or draft.tops:
        spans = [s for t, s, _ in draft.tables if t in foreign] + [m.span for m in draft.measures] + [g.span for g in draft.groups]
        asks.items.append(Ask("unparsed", f"I cannot change in words what is read, joined or worked out. {CAN}, or describe the whole "
                              "pipeline again.", spans[0] if spans else None))
        return
    work_ops = [o for n in work.find("generic.transform") for o in work.steps[n]["config"].get("operations") or []]
    if not scope.tables:
        if conditions or draft.checks or top or draft.sorts or draft.dedups:
            asks.items.append(Ask("unparsed", "I do not know the columns that this pipeline reads. Change it in the spec.", None,
                                  free_text=False))
        return
    made = operations(scope, dict.fromkeys(scope.tables, ""), conditions)  # joins are there already and left out below
    for op in made.ops:
        if op.body["op"] != "join":
            _operation(scope, work, asks, facts, op.body, op.span, work_ops)
    if top:
        _top(scope, work, asks, facts, top, top_span, work_ops)
    _checks(scope, work, asks, facts, work_ops)


def _operation(scope: Scope, work: Work, asks: Asks, facts: list[Fact], body: dict[str, Any], span: Span | None,
               there: list[dict[str, Any]]) -> None:
    body = _renamed(body, there, scope)
    if has_hole(body):
        number = next(h.question for h in _holes(body))
        ask = asks.items[number]
        ask.patches = [(label, made) for label, values in ask.choices if (made := _filled(work, body, values))]
        return
    if work.operation(body):
        facts.append(Fact(path=f"steps.transform.{body['op']}", value=body, span=span, source="text"))
    else:
        asks.items.append(Ask("unparsed", "This pipeline has several steps where that could belong. Change it in the spec.", span))


def _filled(work: Work, body: dict[str, Any], values: dict[str, Any]) -> list[dict[str, Any]]:
    """The patch with an asked value put in; none when something else is asked, too."""
    filled = _fill(body, values)
    trial = Work.on(work.spec)
    return trial.patch if not work.patch and not has_hole(filled) and trial.operation(filled) else []


def _fill(node: Any, values: dict[str, Any]) -> Any:
    if isinstance(node, Hole):
        return values.get(node.field, node)
    if isinstance(node, dict):
        return {k: _fill(v, values) for k, v in node.items()}
    return [_fill(v, values) for v in node] if isinstance(node, list) else node


def _holes(node: Any) -> list[Hole]:
    if isinstance(node, Hole):
        return [node]
    below = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
    return [h for v in below for h in _holes(v)]


def _renamed(body: dict[str, Any], there: list[dict[str, Any]], scope: Scope) -> dict[str, Any]:
    """Behind an aggregate a column is called as the aggregate calls it: amount is revenue by then."""
    names = {m.get("column"): m["as"] for o in there if o.get("op") == "aggregate" for m in o.get("measures") or [] if m.get("as")}
    if body["op"] == "sort" and names:
        return {**body, "by": [{**b, "column": names.get(b["column"], b["column"])} for b in body["by"]]}
    if body["op"] in ("mask", "rename") and names:
        return {**body, "columns": {names.get(k, k): v for k, v in body["columns"].items()}}
    return body


def _top(scope: Scope, work: Work, asks: Asks, facts: list[Fact], n: int, span: Span | None, there: list[dict[str, Any]]) -> None:
    """`top 10`: by the one number that is worked out; with several, or none, it is asked by which."""
    numbers = [str(m["as"]) for o in there if o.get("op") == "aggregate" for m in o.get("measures") or []] or [
        scope.name_of(t, c) for t in scope.tables for c in scope.lexicon.catalog.tables[t].columns
        if scope.lexicon.type_of(t, c) in ("NUMERIC", "FLOAT64")]
    bodies = [(c, {"op": "top", "n": n, "order_by": [{"column": c, "direction": "desc"}]}) for c in dict.fromkeys(numbers)]
    if len(bodies) == 1 and aliases(there):
        _operation(scope, work, asks, facts, bodies[0][1], span, there)
        return
    ask = Ask("column:?", f"The top {n} by which column?", span)
    for column, body in bodies:
        trial = Work.on(work.spec)
        if trial.operation(body):
            ask.patches.append((column, trial.patch))
    asks.items.append(ask)


def _checks(scope: Scope, work: Work, asks: Asks, facts: list[Fact], there: list[dict[str, Any]]) -> None:
    columns = set(columns_after(scope.columns(), there))
    action = scope.draft.on_fail.value if scope.draft.on_fail else "fail"
    if scope.draft.dq is not None and not scope.draft.checks:
        asks.items.append(Ask("dq", "Which check should the data pass? For example: amount is positive.", scope.draft.dq.span))
    for check in scope.draft.checks:
        if check.kind == "row_count":
            bodies = [({"check": "row_count", **check.args}, "")]
        else:
            bodies = []
            for ref in check.refs:
                found = scope.pick(ref)
                if isinstance(found, Hole):
                    ask = asks.items[found.question]
                    ask.message, ask.patches = ask.message + " Say it as table.column.", []
                    continue
                bodies.append(({"check": check.kind, "column": scope.name_of(*found) if found[0] else found[1], **check.args}, found[0]))
        for body, table in bodies:
            body["on_fail"] = action
            late = body.get("column") in columns or "column" not in body
            source = next((n for n in work.find("generic.extract")
                           if table and (work.steps[n].get("source") or {}).get("table", table) == table), None)
            if not late and table:
                body["column"] = next(m.column for r in check.refs for m in r.meanings if m.table == table)
            if check.kind == "foreign_key" or not work.check(body, columns, source):
                asks.items.append(Ask("unparsed", "I found no step where this check fits. Add it in the spec.", check.span))
            else:
                facts.append(Fact(path=f"steps.check.{body['check']}", value=body, span=check.span, source="text"))
