"""The planner without a model: reads a request word by word into a flow spec, and asks about every word it did not use."""

from __future__ import annotations

from typing import Any

from flows.errors import InputError
from flows.planner import build as make_spec
from flows.planner.answer import Assumption, Option, PlanRequest, PlanResult, Question, Reading, Residue, status_of
from flows.planner.doubt import undoing
from flows.planner.english import own_words
from flows.planner.envelope import envelope
from flows.planner.holes import Ask, Asks, said_choice, shortened
from flows.planner.lexicon import knowing, lexicon
from flows.planner.read import (
    checks,
    courtesy,
    destination,
    enrich,
    filters,
    measures,
    notify,
    ranks,
    refuse,
    running,
    runops,
    schedule,
    shape,
    sources,
    values,
    zone,
)
from flows.planner.read.attached import read_files
from flows.planner.read.draft import Draft, Said
from flows.planner.read.text import Text, make
from flows.planner.resolve import Scope, find_tables, join_tables, suggest_tables
from flows.planner.rows import operations
from flows.planner.rowset import Rows
from flows.settings import Limits

LIMIT = Limits().text_chars
OWN_START = "Pipeline "  # how the English of `penstock explain` begins; a spec of the largest size may be said in it
OWN_LIMIT = 2 * Limits().spec_bytes


def plan(request: PlanRequest) -> PlanResult:
    """Read a request. The same text, catalogue and `now` give the same result.

    Raises InputError for a text that is empty or longer than the limit.
    """
    text = request.text
    if not text.strip():
        raise InputError(
            "the text is empty",
            fix="Say what should be loaded from where to where, for instance: load orders into mart.orders every day at 2 AM",
        )
    if len(text) > (OWN_LIMIT if text.startswith(OWN_START) else LIMIT):
        raise _too_long(text)
    if len(text) > LIMIT and own_words(text) is None:
        raise _too_long(text)
    result = read_once(text, request).of(Reading(request))
    if request.answers:
        from flows.planner.reply import answered

        for answer in request.answers:
            result = answered(request, result, answer)
    return result


def read_once(text: str, request: PlanRequest) -> PlanResult:
    """Read a text as it stands, without the answers of the request."""
    return own_words(text) or _read(text, request)


def _too_long(text: str) -> InputError:
    return InputError(
        f"the text has {len(text):,} characters, {LIMIT:,} is the limit", fix="Say it shorter, or split it into several pipelines"
    )


def _read(raw: str, request: PlanRequest) -> PlanResult:
    text = make(raw, lexicon(request.catalog))
    if language := courtesy.foreign(raw, text.norm):
        return _only_english(raw, language)
    if hit := refuse.destructive(text):
        message = (
            f'"{raw[hit.span[0] : hit.span[1]]}" would destroy data. Penstock builds and runs pipelines; it never deletes, '
            "drops or truncates."
        )
        question = Question(id="q1", slot="refused", message=message, free_text=False, span=hit.span)
        return PlanResult(status="refused", questions=[question])
    found = _about_pipelines(text, request) or _create(text, request)
    return _kept(found, raw, request) if request.current_spec is not None and {"source", "destination"} <= _slots(found) else found


def _kept(found: PlanResult, raw: str, request: PlanRequest) -> PlanResult:
    """Words in which there is nothing to build, beside a pipeline: it stays, and what should change is asked."""
    from flows.planner import change

    words = lexicon(request.catalog)
    bare = make(raw, knowing(words, request.pipelines), names=False)
    return found if change.NEW.search(raw) else change.change(make(raw, words), bare, request, None)


def _slots(result: PlanResult) -> set[str]:
    return {q.slot for q in result.questions}


def _about_pipelines(text: Text, request: PlanRequest) -> PlanResult | None:
    """A request about runs, a change, or a question; None for a text that describes something to be built."""
    from flows.planner import change, requests
    from flows.planner.read import asking
    from flows.planner.read.pointing import point

    today, current = request.now.date(), request.current_spec
    bare = make(text.raw, knowing(text.lexicon, request.pipelines), names=False)  # here `failed` and `events` are plain words
    pointed = current is not None and point(bare, current.pipeline_id)
    changes = change.is_change(text, request, pointed)
    if (edit := runops.read_edit(bare)) is not None and (changes or not pointed):
        if current is not None and edit.pipeline == current.pipeline_id:
            return change.change(text, bare, request, edit)
        return requests.edit_result(bare, edit, request)
    if current is not None and changes and (pointed or "<p:" not in bare.norm) and not asking.about_now(bare, text):
        return change.change(text, bare, request, None)
    if (wish := runops.read_request(bare, text, today)) is not None:
        if current is not None and wish.pipeline is None and wish.op in requests.NEEDS_PIPELINE and not wish.near:
            wish.pipeline = current.pipeline_id
            wish.spans["pipeline"] = wish.spans["op"]
        return requests.run_result(bare, wish)
    return asking.question(text, bare)


def _only_english(raw: str, language: str) -> PlanResult:
    said = f"This looks like {language}" if language == "another language" else f"This looks {language}"
    question = Question(id="q1", slot="unparsed", message=f"{said}. Only English is read: please say it in English.", span=(0, len(raw)))
    return PlanResult(status="needs_input", questions=[question], residue=[Residue(span=(0, len(raw)), text=raw)])


def read_draft(text: Text, request: PlanRequest) -> tuple[Draft, list[Any]]:
    """All readers in their order; what each one understood is gone for the next."""
    draft, today = Draft(), request.now.date()
    read_files(text, draft, request.files)
    notify.read_notify(text, draft)
    running.read_running(text, draft)
    destination.read_writing(text, draft)
    ranks.read_dedups(text, draft)
    destination.read_mode(text, draft)
    destination.read_destination(text, draft)
    destination.read_keys(text, draft)
    zone.read_zone(text, draft)
    schedule.read_schedule(text, draft)
    shape.read_derives(text, draft)
    checks.read_checks(text, draft)
    enrich.read_enrich(text, draft)
    ranks.read_tops(text, draft)
    ranks.read_windows(text, draft)
    shape.read_fills(text, draft)
    filters.read_filters(text, draft, today)
    shape.read_shape(text, draft)
    measures.read_measures(text, draft)
    measures.read_groups(text, draft)
    measures.read_titles(text, draft)
    sources.read_connections(text, draft)
    sources.read_cues(text, draft)
    sources.read_on(text, draft)
    values.read_values(text, draft, sources.sure_tables(text))
    shape.read_select(text, draft)
    conditions = filters.combine(text, draft)
    values.read_only(text, draft)
    values.read_label(text, draft)
    sources.read_tables(text, draft)
    enrich.read_convert(text, draft)
    courtesy.read_courtesy(text)
    courtesy.read_verbs(text, draft)
    return draft, conditions


def _create(text: Text, request: PlanRequest, forced: str = "") -> PlanResult:
    """A draft with its questions. `forced`: the answer to "joined, below each other, or apart?"."""
    draft, conditions = read_draft(text, request)
    _force(draft, forced)
    asks = Asks()
    scope = Scope(text, draft, asks, files={name: file.source for name, file in request.files.items()})
    rates = _rates(scope)
    find_tables(scope, conditions)
    build = make_spec.Builder(scope, asks)
    leftover = courtesy.leftover(text)
    _ask_source(scope, leftover)
    for slot, message, span, choices in draft.asks:
        asks.add(Ask(slot, message, span, [(said_choice(slot, c), _choice(scope, slot, c)) for c in choices]))
    _steps(build, scope, conditions, rates)
    spec = envelope(build, text.raw)
    residue = _residue(text, leftover, asks)
    questions, shown = asks.questions(spec)
    for question in questions:
        if question.slot == "join" and not question.options and not forced:
            question.options = _ways(text, request, shown)
        if question.slot == "source" and not forced and has_work(draft, conditions):
            question.options = _origins(text, request, shown, questions)
    return _result(text, build, questions, shown, residue)


WAYS = {"join": "Join them along their keys", "union": "Put their rows below each other", "apart": "Write each to a table of its own"}


def _force(draft: Draft, way: str) -> None:
    if way in ("join", "union"):
        draft.cues.append(Said("inner" if way == "join" else "union", (0, 1), "answer"))
    if way.startswith("from:"):
        draft.tables.append((way.removeprefix("from:"), (0, 1), "answer"))
    if way == "apart" and draft.table is not None:
        draft.dataset = Said(str(draft.table.value).rpartition(".")[0] or str(draft.table.value), draft.table.span)
        draft.table = None


def _origins(text: Text, request: PlanRequest, spec: dict[str, Any], questions: list[Question]) -> list[Option]:
    """Each table that may be meant, as the steps it would give: what is done to its rows depends on it."""
    options = []
    question = next(q for q in questions if q.slot == "source")
    for label in (o.label for o in question.options):
        other = _create(make(text.raw, text.lexicon), request, f"from:{label}")
        if _slots(other) < {q.slot for q in questions}:
            test = {"op": "test", "path": "/steps/0/step_id", "value": spec["steps"][0]["step_id"]}
            options.append(Option(label=label, patch=[test, {"op": "replace", "path": "/steps", "value": other.spec["steps"]}]))
    return options


def _ways(text: Text, request: PlanRequest, spec: dict[str, Any]) -> list[Option]:
    """Each way to treat several tables, as the steps it would give; a way that asks for a join again, or cannot stack, is left out."""
    options = []
    tables = text.lexicon.catalog.tables
    read = [s["source"].get("table") or s["step_id"].removeprefix("extract_") for s in spec["steps"] if s["ps_type"] == "generic.extract"]
    for way, label in WAYS.items():
        if way == "union" and len({tuple(sorted(tables[t].columns)) for t in read if t in tables}) > 1:
            continue
        other = _create(make(text.raw, text.lexicon), request, way)
        if not any(q.slot == "join" for q in other.questions):
            test = {"op": "test", "path": "/steps/0/step_id", "value": spec["steps"][0]["step_id"]}
            options.append(Option(label=label, patch=[test, {"op": "replace", "path": "/steps", "value": other.spec["steps"]}]))
    return options


def _choice(scope: Scope, slot: str, choice: str) -> dict[str, Any]:
    if slot.startswith("schedule"):
        return {"cron": choice}
    if slot == "source":
        return {"table": choice, "connection": scope.lexicon.catalog.tables[choice].connection}
    return {"value": choice}


def _rates(scope: Scope) -> str:
    """The table of exchange rates, when amounts are converted; it is no source then."""
    if scope.draft.fx is None:
        return ""
    tables = scope.lexicon.catalog.tables
    found = [t for t, about in tables.items() if "currency" in about.columns and any(c.startswith("rate") for c in about.columns)]
    scope.draft.tables = [t for t in scope.draft.tables if t[0] not in found[:1]]
    return found[0] if found else ""


def _ask_source(scope: Scope, leftover: list[list[Any]]) -> None:
    """No table: the words where one should stand are named, with the tables that come near."""
    if scope.tables or any(slot == "source" for slot, *_ in scope.draft.asks):
        return
    run = leftover.pop(0) if leftover else None
    span = (run[0].start, run[-1].end) if run else None
    words = scope.text.raw[span[0] : span[1]] if span else ""
    lead = f"There is no table {shortened(words)!r} in the catalogue. " if words else ""
    message = f"{lead}Which table should be read?"
    near = [t for t in suggest_tables(scope.text, words) if t not in scope.files]
    choices = [(t, {"table": t, "connection": scope.lexicon.catalog.tables[t].connection}) for t in near]
    scope.asks.add(Ask("source", message, span, choices))


def _steps(build: make_spec.Builder, scope: Scope, conditions: list[Any], rates: str) -> None:
    """Reads, transforms, checks, writes."""
    draft = scope.draft
    before = make_spec.waits(build)
    union = any(c.value == "union" for c in draft.cues)
    apart = _apart(scope, conditions, union)
    if not apart and not union and draft.focus is None and scope.tables:
        join_tables(scope)
    given = {t: make_spec.extract(build, t, list(before)) for t in scope.tables} or {"": make_spec.no_source(build, before)}
    if apart or draft.focus is not None:
        _no_work(scope, conditions, "tables that are loaded one by one" if apart else "a conversion to FOCUS")
    if apart:
        for table, step in given.items():
            make_spec.write(build, step, None, table)
        return
    last = next(iter(given.values()))
    rows = None
    if draft.focus is not None and scope.tables:
        last = make_spec.focus(build, given)
    elif union and len(given) > 1:
        last = make_spec.stack(build, list(given.values()))
        given = {scope.tables[0]: last}
    if draft.focus is None and scope.tables:
        rows = _rows(build, scope, given, conditions, rates, before)
        if rows.ops:
            first = make_spec.checks(build, rows, last, early=True)
            inputs = [first, *[s for s in given.values() if s != last]]
            last = make_spec.transform(build, rows, inputs)
    last = make_spec.checks(build, rows, last, early=False)
    make_spec.write(build, last, rows)


def has_work(draft: Draft, conditions: list[Any]) -> bool:
    """Is there anything to do to the rows on their way?"""
    lists = (
        conditions,
        draft.measures,
        draft.groups,
        draft.grains,
        draft.windows,
        draft.tops,
        draft.dedups,
        draft.derives,
        draft.select,
        draft.renames,
        draft.fills,
        draft.sorts,
        draft.masks,
        draft.checks,
    )
    return any(lists) or any((draft.limit, draft.fx, draft.anomaly, draft.dq))


def _no_work(scope: Scope, conditions: list[Any], where: str) -> None:
    """What was read but has no place in this kind of plan is asked about, never left out in silence."""
    if has_work(scope.draft, conditions):
        message = f"Filters, calculations and checks cannot be combined with {where} in one text. Plan them one by one, or leave them out."
        scope.asks.items.append(Ask("unparsed", message))


def _rows(build: make_spec.Builder, scope: Scope, given: dict[str, str], conditions: list[Any], rates: str, before: list[str]) -> Rows:
    relation = dict(given)
    if rates:
        relation[rates] = make_spec.extract(build, rates, list(before))
        given[rates] = relation[rates]
    return operations(scope, relation, conditions)


def _apart(scope: Scope, conditions: list[Any], union: bool) -> bool:
    """Several tables that are loaded each for itself; asks `join` when it is not clear."""
    draft = scope.draft
    if len(scope.tables) < 2 or union or draft.focus is not None:
        return False
    named = [t for t in scope.tables if scope.origins[t][1] == "text"]
    if draft.cues or len(named) < len(scope.tables) or draft.tops or draft.measures or draft.groups:
        return False
    if _columns_of_several(scope, conditions):
        return False
    if draft.table is None and (draft.dataset is not None or draft.engine is not None):
        return True
    scope.asks.add(Ask("join", f"Should {' and '.join(scope.tables)} be joined, put below each other, or written to tables of their own?"))
    return False


def _columns_of_several(scope: Scope, conditions: list[Any]) -> bool:
    from flows.planner.resolve import all_refs

    used: set[str] = set()
    for ref in all_refs(scope.draft, conditions):
        here = {m.table for m in ref.meanings if m.table in scope.tables}
        if len(here) == 1:
            used |= here
    return (
        len(used) > 1
        or (bool(used) and scope.tables[0] not in used)
        or any(getattr(leaf, "about", "") == "money" and leaf.table and used and leaf.table not in used for leaf in conditions)
    )


def _residue(text: Text, leftover: list[list[Any]], asks: Asks) -> list[Residue]:
    out = []
    for run in leftover:
        span = (run[0].start, run[-1].end)
        words = text.raw[span[0] : span[1]]
        out.append(Residue(span=span, text=words))
        asks.items.append(Ask("unparsed", f"I did not use “{shortened(words)}”. Say what it should change, or leave it out.", span))
    return out


def _result(text: Text, build: make_spec.Builder, questions: list[Question], spec: dict[str, Any], residue: list[Residue]) -> PlanResult:
    leave = {"op": "test", "path": "/pipeline_id", "value": spec["pipeline_id"]}
    for question in questions:
        if question.slot == "unparsed" and not question.options:
            question.options = [Option(label="Leave it out", patch=[leave])]
    assumptions = [Assumption(path="text", text=f"{typed!r} was read as {meant!r}") for typed, meant, _ in text.typos]
    assumptions += [Assumption(path=p, text=t, patch=undoing(p, t, spec)) for p, t in (*build.draft.notes, *build.notes)]
    return PlanResult(
        status=status_of(questions), spec=spec, facts=build.facts, assumptions=assumptions, questions=questions, residue=residue
    )
