"""Requests about pipelines that exist: run, backfill, rerun, pause, resume, cancel, status, and simple changes."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from flows.planner.lexicon import key
from flows.planner.read.dates import DAY, MONTH, SPAN, one_day, period
from flows.planner.read.draft import Span
from flows.planner.read.text import Found, P, Text

JOB = r"(?:pipeline|pipelines|job|jobs|flow|flows|workflow|run|runs|load|schedule|process|etl|task|dag)"
ASK = (
    r"^ (?:(?:hi|hello|hey|please|could|can|would|will|you|now|ok|okay|,|kindly|i|want|would like|need|to|we|us|let|go ahead and|"
    r"just|quickly|like|me|d|i'd|we'd|want you) )*"
)
INTENTS = [
    (intent, P(source))
    for intent, source in (
        ("rerun", r"(?:rerun|re - run|reruns|retry|redo|re - execute|restart|repeat|run again|re - try|reprocess|re - process)"),
        ("rerun", r"(?:run|execute|start|try)(?= (?:(?:the|{PIPE}|{T}|{C}|[a-z-]+|failed|for) ){0,6}(?:again|once more))"),
        ("backfill", r"(?:backfill|back - fill|backfilling|back fill|catch up|fill in the missing (?:days|runs) (?:of|for))"),
        (
            "pause",
            r"(?:put(?= (?:.{0,60} )?on hold)|pause|suspend|put on hold|hold|stop scheduling|deactivate|disable|freeze|halt the "
            r"schedule of|turn off|switch off)",
        ),
        (
            "resume",
            r"(?:resume|unpause|un - pause|continue|reactivate|re - enable|enable|activate|unsuspend|turn on|switch on|turn back on)",
        ),
        ("cancel", r"(?:cancel|abort|kill|terminate|stop|interrupt)"),
        ("run", r"(?:run|execute|start|trigger|launch|kick off|fire off|fire|process|do a run of|do a|kickstart)"),
    )
]
STATUS = [
    P(source)
    for source in (
        r"(?:(?:show|give|tell|what|is|s|me|us|the|display|get|see|check|how|report|on|current|what's|latest|i|want|to|know|need|like|"
        r"about) )*(?:status|state|health|progress)(?: (?:of|for|on|about))?",
        rf"(?:(?:what|which|show|list|did|have|has|me|the|all|any|tell|give|are there|of|see|my|our|were|how many) )*(?:{JOB}|{{PIPE}}|"
        r"anything|something|things)?(?: (?:of|in|for|from|the|{PIPE}|{M}|pipeline|job|runs|has|have|that|which|did|were|are))* "
        r"?(?P<failed>failed|fail|failures?|broke|errored|crashed|went wrong|go wrong|unsuccessful|failing)(?: (?:runs?|jobs?|"
        r"pipelines?))?",
        r"(?:how|when|why) (?:is|did|was|does|has|are)(?: (?:the|our|my|last|run|of))*(?= {PIPE})",
        r"(?:did|has|have|is|was)(?: the)?(?= {PIPE})",
        rf"(?:(?:what|which|show|list|me|the|all|are|is|currently|tell|see|give) )*(?:{JOB} )?(?:is |are )?(?:currently )?running(?: "
        r"right "
        r"now| now| at the moment)?",
        r"(?:(?:what|which|show|list|me|the|all|give|see) )*(?:last |latest |recent )?runs(?: (?:of|for))?(?= (?:the )?{PIPE})",
        rf"(?:what|which|why|how many|did|has|have)(?: (?:of|my|our|the|all|{JOB}|anything|something|everything|{{PIPE}}))* (?:ran|run|"
        r"started|finished|succeeded|succeed|worked|work|completed|complete|happened|happen|did not run|finish)(?: (?:ok|fine|well|"
        r"successfully|through))?",
        r"(?:(?:show|list|give|see|what|which|are|were|me|the|all|my|our) )*(?:(?:last|latest|recent|failed|stopped|running|queued) )?"
        r"runs(?= (?:of|for|in|from|since|on|this|last|today|yesterday|\?|now|\.|¦|<|$))",
    )
]
RANGE = P(
    r"(?:for|from|between|over|covering|on|the days|dates?|the period)?(?: (?:the|period|days|dates|range|time|from|between))* "
    rf"?(?P<a>{DAY}) (?:to|until|till|through|thru|and|-|up to)(?: and including)? (?P<b>{DAY})(?: inclusive| included)?"
)
ONE = P(
    r"(?:(?:for|on|of|over|in|during|covering|from|the|all|date|day|data|whole|entire|run date|with date|period|each day|every "
    rf"day|as of) )*(?P<x>{DAY}|{SPAN})(?: data)?"
)
SINCE = P(
    rf"(?:since|from|starting|starting from|beginning)(?: the)? (?P<a>{DAY})(?: (?:on|onwards?|until now|until today|to now|up "
    r"to now))?"
)
NIGHT = P(r"(?:over |in |the |during )*(?:last night|overnight)", "night")
PART = P(rf"(?:(?:for|in|over|during|of|from|the) )*(?P<n>first|second|third|fourth|last) (?:(?P<k>\d{{1,2}}) days?|week) of (?P<m>{MONTH})"
         r"(?: (?P<y>\d{4}))?", "week|day")
FAIL = P(r"(?:fail|break|crash|go wrong)", "fail|break|crash|wrong")
FAILED = P(
    r"(?:(?:the|all|only|any|its|every|those|just) )*(?:failed|failing|broken|unsuccessful|crashed)(?: (?:runs?|ones|steps?|"
    r"days|tasks|parts|jobs?|executions?))?(?: (?:only|of|from|in|for))*",
    "fail|broken|unsuccess|crash",
)
RUNNING = P(
    rf"(?:(?:the|all|any|that|which|is|are|still|currently|current|active) )*(?:running|current|active|ongoing)(?: (?:{JOB}|one|"
    r"right now|now|at the moment))?",
    "running|current|active|ongoing",
)
WORDS = P(
    r"(?:(?:the|of|for|please|in|on|any|all|my|our|a|an|this|that|now|right now|immediately|again|once more|once|manually|"
    r"currently|with|scheduled|schedule|schedules|scheduling|execution|executions|is|are|was|were|which|what|how|it|them|thanks|"
    r"thank you|complete|whole|doing|going|do|did|run|runs|over|to|and|succeed|work|ok|okay|through|finish|day by day|on hold|"
    rf"one run a day|per day|here|there|still|yet|already|"
    rf"happened|have|has|been|last run|latest run) )*(?:{JOB}|the|of|for|please|now|again|it|"
    r"that is|right|immediately|today|\?)"
)
EDIT = [
    P(source)
    for source in (
        r"(?:(?:hi|please|could|can|you|we|i|want|to|need|like|would|let|us|now|,) )*(?:change|move|reschedule|set|switch|adjust|update|"
        r"modify|edit|shift|alter|make|put)(?: (?:the|a|an|of|for|run|runs|its|time|timing|cron|start|schedule|scheduling|frequency|"
        r"retries|retry|timeout|timezone|time zone|number|count|notifications?|alerts?|mode|destination|target|partitioning))*(?: (?:of|"
        r"for|on|in))?(?: the)?(?= (?:{PIPE}|<))",
        r"(?:(?:please|could|can|you) )*(?:let|have|schedule)(?: the)?(?= {PIPE})",
        r"(?:(?:please|could|can|you|also) )*(?:add|give|attach|remove|drop|delete|turn off|disable|stop)(?: (?:the|a|an|any|all|its|to|"
        r"for|from|of))*(?= (?:.{0,80} )?{PIPE})",
    )
]
REMOVE = P(
    r"(?:remove|drop|delete|turn off|disable|stop|without|no more|get rid of|clear|unset|cancel)(?: (?:the|any|all|its|more))* "
    r"(?P<w>schedule|schedules|retries|retry|timeout|time limit|time - out|notifications?|alerts?|emails?|budget|slack "
    r"messages?)(?: (?:of|for|from|on|in|to))?(?: the)?"
)
REMOVED = {
    "sched": "/schedule",
    "retr": "/defaults/retry",
    "time": "/defaults/timeout_seconds",
    "noti": "/notify",
    "aler": "/notify",
    "emai": "/notify",
    "slac": "/notify",
    "budg": "/budget",
}


HELD = P(r"on hold(?: for now)?", "hold")


@dataclass
class Request:
    """A run request as the contract wants it, with the spans behind each field."""

    op: str
    pipeline: str | None = None
    start: str | None = None
    end: str | None = None
    scope: str = "all"
    spans: dict[str, Span] = field(default_factory=dict)
    near: list[str] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)


def read_edit(text: Text) -> Request | None:
    """`change the schedule of X to ...`: the pipeline; what changes is read by the other readers."""
    for wanted in EDIT:
        found = text.first(wanted)
        name = _pipeline(text) if found else None
        if found and name and found.match.start() == 1 and " on hold " not in text.norm and (wanted is not EDIT[2] or _changes(text)):
            request = Request("edit", name[0])
            request.spans |= {"op": found.span, "pipeline": name[1].span}
            request.params["about"] = found[0]
            text.take(found)
            text.take(name[1])
            if removed := text.first(REMOVE):
                request.params["remove"] = next(p for k, p in REMOVED.items() if removed["w"].startswith(k))
                text.take(removed)
            return request
    return None


def _changes(text: Text) -> bool:
    """`stop the notifications of X` changes it, `stop X` does not."""
    return bool(text.first(REMOVE)) or any(w in text.norm for w in ("retr", "<e:", "<h:", "timeout", "notif", "alert"))


def read_request(text: Text, full: Text, today: dt.date) -> Request | None:
    """A request about runs, or None when the text wants something built. `full` has the names of the catalogue marked."""
    found = _intent(text, full)
    if found is None:
        return None
    op, hit = found
    request = Request(op)
    request.spans["op"] = hit.span
    if op == "status" and "failed" in hit.match.groupdict() and hit["failed"]:
        request.scope = "failed"
        request.spans["scope"] = hit.part("failed")
    name = _pipeline(text)
    text.take(hit)
    if name:
        request.pipeline = name[0]
        request.spans["pipeline"] = name[1].span
        text.take(name[1])
    if op in ("rerun", "status", "backfill", "cancel", "run") and (failed := text.first(FAILED)):
        request.scope = "failed"
        request.spans["scope"] = failed.span
        text.take(failed)
    if op == "status" and (failed := text.first(FAIL)):
        request.scope = "failed"
        request.spans.setdefault("scope", failed.span)
        text.take(failed)
    if op == "pause" and (held := text.first(HELD)):
        text.take(held)
    if op in ("cancel", "status") and (running := text.first(RUNNING)):
        text.take(running)
    _dates(text, request, today)
    if not name:
        request.near = _near(text)
    for words in text.find(WORDS):
        text.take(words)
    return request


def _intent(text: Text, full: Text) -> tuple[str, Found] | None:
    """What is asked for, only where the text starts with it and names nothing that is to be built."""
    if "<d:" in text.norm or any(w in text.norm for w in (" into ", " warehouse ")):
        return None
    for n, wanted in enumerate(STATUS):
        hit = text.first(wanted)
        if (
            hit
            and hit.match.start() <= 30
            and _leads(text, hit.match.start())
            and (n != 0 or _about_runs(text))
            and (
                n != 1
                or (
                    hit["failed"]
                    and (
                        "what" in hit[0]
                        or "which" in hit[0]
                        or "show" in hit[0]
                        or "did" in hit[0]
                        or "any" in hit[0]
                        or "list" in hit[0]
                        or "how many" in hit[0]
                    )
                    and not _data_table(text, full)
                )
            )
        ):
            return "status", hit
    for intent, wanted in INTENTS:
        for hit in text.find(wanted):
            if _leads(text, hit.match.start()) and (_about_runs(text) or intent in ("rerun", "backfill", "pause", "resume", "cancel")):
                return intent, hit
    return None


def _leads(text: Text, at: int) -> bool:
    before = text.norm[:at].replace(",", " ").split()
    return all(w in ASK or w in ("what", "which", "how", "is", "the", "show", "me", "and", "then", "all", "a") for w in before)


def _data_table(text: Text, full: Text) -> bool:
    """`which payments failed` asks about data, `which runs failed` about runs."""
    return any(t for t in full.mentions if t.of("t")) and not _pipeline(text)


def _about_runs(text: Text) -> bool:
    """A pipeline, `it`, `pipeline` or `job` is named, or the name of one half."""
    return (
        bool(_pipeline(text))
        or bool(_near(text))
        or any(f" {w} " in text.norm for w in ("pipeline", "job", "pipelines", "jobs", "workflow", "it", "flow", "dag", "runs"))
    )


ANY = P(r"(?P<p>{PIPE})")


def _pipeline(text: Text) -> tuple[str, Found] | None:
    if hit := text.first(ANY):
        return text.literal(hit["p"]), hit
    return None


def _near(text: Text) -> list[str]:
    """Pipelines of whose names at least two words, or the only long one, stand in the text."""
    words = set(key(text.raw).split())
    out = []
    for name in text.lexicon.flows():
        parts = key(name).split()
        if len(words & set(parts)) >= max(1, len(parts) - 1) and words & {p for p in parts if len(p) > 3}:
            out.append(name)
    return out


def _part(hit: Found, today: dt.date) -> tuple[dt.date, dt.date] | None:
    """`the first week of November` is its days 1 to 7, `the last 3 days of June` are 28 to 30."""
    whole = period(f"{hit['m']} {hit['y']}".strip(), today)
    size = int(hit["k"] or 7)
    if whole is None or not 1 <= size <= 31 or (hit["k"] and hit["n"] not in ("first", "last")):
        return None
    if hit["n"] == "last":
        return whole.last - dt.timedelta(size - 1), whole.last
    first = whole.first + dt.timedelta(7 * ("first", "second", "third", "fourth").index(hit["n"]))
    return first, first + dt.timedelta(size - 1)


def _dates(text: Text, request: Request, today: dt.date) -> None:
    if (hit := text.first(PART)) and (days := _part(hit, today)):
        request.start, request.end = days[0].isoformat(), days[1].isoformat()
    elif hit := text.first(NIGHT):
        request.start, request.end = (today - dt.timedelta(1)).isoformat(), today.isoformat()
    elif hit := text.first(RANGE):
        a, b = one_day(hit["a"], today), one_day(hit["b"], today)
        if a and b:
            request.start, request.end = a.isoformat(), b.isoformat()
    elif hit := text.first(SINCE):
        a = one_day(hit["a"], today)
        if a:
            request.start, request.end = a.isoformat(), today.isoformat()
    elif hit := text.first(ONE):
        found = period(hit["x"].replace("the ", ""), today)
        if found and found.first <= found.last:
            request.start, request.end = found.first.isoformat(), found.last.isoformat()
            if isinstance(found.value, dict) and "today" in found.value:
                request.end = (today - dt.timedelta(1)).isoformat()
    if request.start and hit:
        request.spans["start"] = request.spans["end"] = hit.span
        text.take(hit)
