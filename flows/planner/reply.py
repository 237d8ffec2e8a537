"""Answers in a person's own words: read in the place of the question, with the rest of the text and all earlier answers kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flows.errors import InputError, MissingError
from flows.planner.answer import Answer, Assumption, Move, PlanRequest, PlanResult, Question, Reading, Span, apply, undo
from flows.spec.suggest import did_you_mean

CLAUSES = {
    "schedule.time": "at {}",
    "destination.table": "into {}",
    "destination": "into {}",
    "destination.unsupported": "into {}",
    "fx.target": "convert amounts to {}",
    "anomaly.column": "detect anomalies in {}",
    "dq": "make sure {}",
}
"""How an answer is said as a part of the text, by slot; else as it stands."""
IN_PLACE = ("value", "column", "source", "unparsed", "destination.unsupported")
"""Slots whose words stand in the text: the answer takes their place. Any other answer is a sentence of its own behind the text."""
WANTED = {
    "schedule.time": "a time of day, for example 6:30 am",
    "schedule": "how often it should run, for example every day at 6 am",
    "destination": "a table, for example mart.sales",
    "destination.table": "a table, for example mart.sales",
    "destination.unsupported": "a table, for example mart.sales, or a file",
    "source": "a table of the catalogue or an attached file",
    "fx.target": "a currency, for example EUR",
    "pipeline": "the name of a pipeline",
    "dq": "a check, for example amount is positive",
}
ANSWER = (-1, -1)
"""The place of words that stand in an answer, not in the text."""
LEAVE = re.compile(r"(?:please )?(?:leave (?:it|this|that|them) (?:out|away)|ignore(?: (?:it|this|that))?|skip(?: (?:it|this|that))?|"
                   r"drop it|nothing|never ?mind|forget (?:it|that))[.!]?", re.I)
LED = re.compile(r"^(?:at|around|about|by|into|to|in|from|on|as)\b\s*", re.I)
BARE = re.compile(r"[A-Za-z_]\w{0,62}")


@dataclass(frozen=True)
class Piece:
    """A part of a text to be read: `start` is where it stands in the person's own text; None for an answer."""

    text: str
    start: int | None = None


def answered(request: PlanRequest, result: PlanResult, given: Answer) -> PlanResult:
    """The result with one of the request's own answers."""
    if given.option is not None:
        return apply(result, given.question_id, given.option)
    if given.text and any(q.id == given.question_id for q in result.questions):
        return in_words(result.of(result.reading or Reading(request)), given.question_id, given.text)
    return result


def in_words(result: PlanResult, question_id: str, text: str) -> PlanResult:
    """The result with one question answered in own words; where they cannot be read, the question stays and says so.

    Raises MissingError for a question that is not there, InputError for an empty answer or a refused request.
    """
    question = next((q for q in result.questions if q.id == question_id), None)
    if question is None:
        raise MissingError(f"there is no question {question_id!r}", fix="Open: " + (", ".join(q.id for q in result.questions) or "none"))
    said = " ".join(text.split())
    if not said or result.status == "refused":
        raise InputError("the answer is empty" if not said else "a refused request cannot be answered",
                         fix="Choose an option or say it in words" if not said else "Say it without the destructive wish")
    if (label := _option(question, said)) is not None:
        return apply(result, question_id, label)
    if question.slot == "pipeline":
        return _pipeline(result, question, said)
    if result.reading is None:
        raise InputError("the text of this draft is not known any more", fix="Plan the whole text again, with this answer in it")
    reading = Reading(result.reading.request, (*result.reading.moves, Move("text", question.slot, said, question.span)))
    again = replay(reading)
    if not _settled(again, result, question):
        return _stays(result, question, said)
    questions = [q.model_copy(update={"span": None}) if q.span == ANSWER else q for q in again.questions]
    return again.model_copy(update={"questions": questions})


def _option(question: Question, said: str) -> str | None:
    """The option that the words name; for `unparsed`, words that leave it out."""
    low = said.casefold().strip(" .\"'`")
    labels = [o.label for o in question.options]
    if question.slot == "unparsed" and LEAVE.fullmatch(said) and "Leave it out" in labels:
        return "Leave it out"
    exact = [label for label in labels if label.casefold() == low]
    partly = [label for label in labels if question.slot.startswith(("column", "join")) and low in re.split(r"[^\w]+", label.casefold())]
    found = exact or partly
    return found[0] if len(found) == 1 else None


def _pipeline(result: PlanResult, question: Question, said: str) -> PlanResult:
    """A pipeline by its id or its name, however it is written."""
    from flows.planner.lexicon import key

    known = {key(o.label): o.label for o in question.options}
    names = result.reading.request.pipelines if result.reading else {}
    known |= {key(name): pipeline for pipeline, name in names.items() if any(o.label == pipeline for o in question.options)}
    wanted = re.sub(r"^(?:the|my|our) | pipeline$", "", key(said))
    if wanted in known:
        return apply(result, question.id, known[wanted])
    return _stays(result, question, said, did_you_mean(said, [o.label for o in question.options]))


def _stays(result: PlanResult, question: Question, said: str, hint: str = "") -> PlanResult:
    """The question again, with what could not be read in front of it; a second try does not pile up."""
    wanted = WANTED.get(question.slot, "an answer to this")
    asked = re.sub(rf"^“.*?” could not be read as {re.escape(wanted)}\. (?:Did you mean [^?]*\? )?", "", question.message)
    message = f"“{said}” could not be read as {wanted}. {hint + ' ' if hint else ''}{asked}"
    kept = [q.model_copy(update={"message": message}) if q.id == question.id else q for q in result.questions]
    return result.model_copy(update={"questions": kept})


def _settled(again: PlanResult, before: PlanResult, question: Question) -> bool:
    """Is the question gone, and nothing of the answer left over?"""
    if again.status == "refused" or again.intent != before.intent:
        return False
    same = [q for q in again.questions if q.slot == question.slot and q.span == question.span]
    return not same and not any(q.span == ANSWER and q.slot in ("unparsed", question.slot) for q in again.questions)


# ---- reading again
def replay(reading: Reading) -> PlanResult:
    """Read the text with all answers in words, then take the chosen options and undone assumptions again."""
    from flows.planner.embedded import LIMIT, read_once

    request = reading.request
    pieces, notes = compose(request.text, [m for m in reading.moves if m.kind == "text"])
    text = "".join(p.text for p in pieces)
    if len(text) > LIMIT:
        raise InputError(f"the text with its answers has {len(text):,} characters, {LIMIT:,} is the limit", fix="Answer in fewer words")
    result = _placed(read_once(text, request), pieces)
    assumptions = result.assumptions + [Assumption(path=path, text=text) for path, text in notes]
    result = result.model_copy(update={"assumptions": assumptions}).of(reading)
    for move in reading.moves:
        result = _again(result, move)
    return result.of(reading)


def _again(result: PlanResult, move: Move) -> PlanResult:
    """One earlier move; what it was about may be gone by now."""
    if move.kind == "option":
        same = [q for q in result.questions if (q.slot, q.span) == (move.slot, move.span)]
        found = [q for q in same if any(o.label == move.said for o in q.options)]
        return apply(result, found[0].id, move.said) if found else result
    if move.kind == "undo":
        numbers = [n for n, a in enumerate(result.assumptions) if (a.path, a.text) == (move.slot, move.said) and a.patch]
        return undo(result, numbers[0]) if numbers else result
    return result


def compose(text: str, moves: list[Move]) -> tuple[list[Piece], list[tuple[str, str]]]:
    """The text with the answers in it, and what was assumed about them."""
    notes: list[tuple[str, str]] = []
    inside: dict[Span, str] = {}
    behind: dict[tuple[str, Span | None], str] = {}
    for move in moves:
        words = _clause(move.slot, move.said, notes)
        if move.span and move.slot.split(":")[0] in IN_PLACE:
            inside = {s: w for s, w in inside.items() if s[1] <= move.span[0] or s[0] >= move.span[1]}
            inside[move.span] = words
        else:
            behind[move.slot, move.span] = words
    pieces, at = [], 0
    for (start, end), words in sorted(inside.items()):
        pieces += [Piece(text[at:start], at), Piece(words)]
        at = end
    rest = text[at:].rstrip()
    pieces.append(Piece(rest, at))
    for words in behind.values():
        pieces += [Piece(" " if rest.endswith((".", "!", "?", ";")) else ". ", None), Piece(words)]
        rest = words
    return [p for p in pieces if p.text], notes


def _clause(slot: str, said: str, notes: list[tuple[str, str]]) -> str:
    """An answer as a part of the sentence: `6 am` is `at 6 am`, `sales` is `into mart.sales`."""
    form = CLAUSES.get(slot)
    if form is None:
        return said
    plain = LED.sub("", said).strip()
    if slot.startswith("destination") and BARE.fullmatch(plain):
        notes.append(("destination.table", f"the table {plain} is in the dataset mart"))
        plain = f"mart.{plain}"
    if slot == "schedule.time" and re.search(r"\b(?:every|each|daily|hourly|weekly|monthly)\b", plain, re.I):
        return plain
    return form.format(plain)


def _placed(result: PlanResult, pieces: list[Piece]) -> PlanResult:
    """All spans as places of the person's own text; what an answer said is marked as answered."""
    facts = []
    for fact in result.facts:
        span = _own(fact.span, pieces)
        facts.append(fact.model_copy(update={"span": None, "source": "answer"} if span == ANSWER else {"span": span}))
    questions = [q.model_copy(update={"span": _own(q.span, pieces)}) for q in result.questions]
    residue = [r.model_copy(update={"span": span}) for r in result.residue if (span := _own(r.span, pieces)) and span != ANSWER]
    return result.model_copy(update={"facts": facts, "questions": questions, "residue": residue})


def _own(span: Span | None, pieces: list[Piece]) -> Span | None:
    """The place in the person's own text; ANSWER when the words begin in an answer."""
    if span is None:
        return None
    at, start, end = 0, None, None
    for piece in pieces:
        low, high = at, at + len(piece.text)
        if low <= span[0] < high and piece.start is None:
            return ANSWER
        if piece.start is not None and low < span[1] and span[0] < high:
            start = piece.start + max(span[0], low) - low if start is None else start
            end = piece.start + min(span[1], high) - low
        at = high
    return (start, end) if start is not None and end is not None else ANSWER


def recover(result: PlanResult, **known: Any) -> PlanResult:
    """A result that was made from plain data, with its text beside it again; the answers given before are in it no more."""
    return result if result.reading is not None else result.of(Reading(PlanRequest(**known)))
