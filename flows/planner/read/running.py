"""How a run behaves: retries, waiting between tries, time limits, waits, budget."""

from __future__ import annotations

from flows.planner.read.draft import Draft, Said
from flows.planner.read.text import Found, P, Text
from flows.planner.read.words import UNITS

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
UNIT = r"(?:seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?)"
SPAN = rf"(?P<n>{{N}}|an?|half an)(?: -)? (?P<u>{UNIT})"
COUNT = r"(?P<n>{N}|once|twice|thrice|one)"
FAILS = (
    r"(?: (?:in case of|on|upon|after|for|at) (?:an? |any )?(?:failure|failures|error|errors|problems?|trouble)"
    r"| (?:if|when|whenever|in case) (?:it|something|anything|this|that|the (?:job|run|pipeline|load|flow|task)|a step|there "
    r"is)(?: (?:ever|does|should))? ?(?:an? |any )?"
    r"(?:fails?|failed|breaks?|goes wrong|errors?|crashes|failure|error|problem|go wrong|not work)"
    r"| (?:if|when|whenever) (?:needed|necessary)| before giving up| before failing)?"
)
TIMES = r"(?: (?:x|times?|more times?|retries|attempts?|tries))?"
RETRY = [
    P(source, "retr|tr|attempt|repeat|again")
    for source in (
        r"(?:in case of|on|upon|after) (?:an? |any )?(?:failure|failures|error|errors)(?: ,)? (?:retry|try again|repeat)(?: (?:it|"
        rf"this))?(?: up to)? {COUNT}{TIMES}",
        r"(?:if|when) (?:it|something|anything|this|the (?:job|run|load|pipeline)) (?:fails|breaks|goes wrong)(?: ,)? (?:then )?(?:retry|"
        rf"try again|repeat)(?: (?:it|this))?(?: up to)? {COUNT}{TIMES}",
        r"(?:(?:and|with) )?(?:retry|retries|retrying|re - try|repeat|repeated|try again|retried|trying again|attempt again)(?: (?:it|"
        r"this|the (?:job|run|step|load|pipeline|flow)|failed (?:runs|steps|tasks)|any failed step|each step|every step|them))?(?: (?:up "
        rf"to|at most|for up to|a maximum of|max|maximum|no more than|for|count|:|=|of))* {COUNT}{TIMES}{FAILS}",
        r"(?:with |allow |allowing |and |use |using |give it |do |set |give (?:it )?)*(?:up to |at most |a maximum of |max |maximum "
        rf")?{COUNT} (?:automatic |further |more )?(?:retries|retry|re - tries|retry attempts|repeats|more tries|more attempts|more times|"
        rf"further tries|further attempts){FAILS}",
    )
]
TRIES = P(
    rf"(?:with |try |allow |at most |up to |make )*{COUNT} (?:tries|attempts|total attempts)(?: (?:in all|in total|altogether|"
    rf"overall|total))?{FAILS}",
    "tries|attempts",
)
BACKOFF = [
    P(source, "back|wait|pause|delay|apart|between|interval")
    for source in (
        rf"(?:(?:and|with|using|at|after) )?(?:an? )?(?:initial )?{SPAN}(?: -)? (?:exponential |initial )?(?:back ?off|backoff|back - off|"
        r"pause|delay|wait|break|interval|apart)(?: (?:between|before) (?:the |each |every |two )?(?:tries|attempts|retries|retry|try|"
        r"attempt))?",
        r"(?:(?:and|with|using) )?(?:an? )?(?:initial |exponential )?(?:back ?off|backoff|back - off|retry delay|delay)(?: (?:time|"
        rf"period))?(?: (?:of|is|=|:|starting at))* {SPAN}",
        rf"(?:and |then )?(?:wait|waits|waiting|pause|pausing|wait for|waiting for|sleep|with)(?: (?:for|about))? {SPAN} (?:between|"
        r"before|"
        r"in between)(?: (?:the|each|every|two|another|them))? ?(?:tries|attempts|retries|retry|try|attempt|retrying|each)?",
        rf"{SPAN} (?:apart|between (?:tries|attempts|retries|them|each))",
    )
]
TIMEOUT = [
    P(source, "time|kill|abort|stop|give|cancel|run|long|max|limit|fail|terminate|finish|done")
    for source in (
        r"(?:(?:and|with|set|use|the) )*(?:an? )?(?:time ?out|timeout|time - out|time limit|timelimit|run time limit|maximum (?:run ?time|"
        rf"duration)|max (?:run ?time|duration))(?: (?:is|of|after|at|to|=|:|set to|should be|limit))* {SPAN}",
        r"(?:and |it |should |must |to |please )*(?:times? ?out|timeout|time - out|kill|abort|stop|cancel|terminate|give up|fail|"
        r"interrupt|end)(?: (?:it|this|the (?:job|run|pipeline|load|step)|everything))?(?: (?:if it (?:runs|takes|lasts)|when it (?:runs|"
        rf"takes)|running|trying))?(?: (?:for )?(?:after|longer than|more than|over))+ {SPAN}",
        rf"(?:with |and )?(?:an? )?{SPAN}(?: -)? (?:time ?out|timeout|time - out|time limit)",
        r"(?:it |and |which |the (?:job|run|load) |runs? )*(?:may|must|should|can|is allowed to)(?: not)? (?:run|take|last)(?: (?:for|at "
        rf"most|no longer than|no more than|longer than|more than|up to))+ {SPAN}",
        rf"(?:it )?(?:must|should|has to) (?:be (?:done|finished)|finish)(?: (?:in|within))+ {SPAN}",
    )
]
WAIT = P(
    rf"(?:and |then |first |but |please )*(?:wait|pause|sleep)(?: (?:for|first|exactly|about))* {SPAN}(?: (?:first|then|before "
    r"(?:that|loading|the load|writing|starting|you start|it starts|(?:you )?load(?:ing)?|doing so|running)|beforehand))?",
    "wait|pause|sleep",
)
WAIT_FILE = P(
    r"(?:and |then |first |please )*(?:wait|start only once|start once|start when|begin when|only start when|run when|run "
    r"only when)(?: (?:for|until|till))*(?: the)?(?: file| arrival of)*(?: (?:called|named|until|till))* (?P<f>{F})(?: "
    r"(?:exists|arrives|is there|is available|has arrived|appears|to appear|to arrive|to exist|to be there|lands|is present|"
    r"shows up))?",
    "<f:",
)
BUDGET = P(
    r"(?:with |and |keep |the )*(?:an? )?(?:monthly )?(?:budget|cost limit|spending limit|cost cap)(?: (?:is|of|to|=|:|at|"
    r"limit))* (?:\$ |usd |under |below )?(?P<n>{N}) ?(?:usd|dollars|\$)?(?: (?:per|a|each|every|/) (?P<per>month))?",
    "budget|limit|cap",
)
BYTES = P(
    r"(?:and |with |it |scan |read |process |reading |scanning |may |must |should |not )*(?:at most|no more than|up to|max|"
    r"maximum|maximum of|under|limit of) (?P<n>{N}) ?(?P<u>gb|tb|mb|gigabytes?|terabytes?|megabytes?)(?: (?:of data|scanned|"
    r"read))*(?: (?:per|a|each|every|/) run)",
    "gb|tb|mb|byte",
)


def read_running(text: Text, draft: Draft) -> None:
    """Backoff before retry, so that "waiting 2 minutes between tries" is not a count of tries."""
    for wanted in BACKOFF:
        for found in text.find(wanted):
            if seconds := _seconds(found):
                draft.backoff = Said(seconds, found.span)
                text.take(found)
    for wanted in RETRY:
        for found in text.find(wanted):
            if draft.retry is None and (count := _count(found["n"])) is not None:
                draft.retry = Said(count + 1, found.span)
                text.take(found)
    for found in text.find(TRIES):
        if draft.retry is None and (count := _count(found["n"])):
            draft.retry = Said(count, found.span)
            text.take(found)
    for wanted in TIMEOUT:
        for found in text.find(wanted):
            if draft.timeout is None and (seconds := _seconds(found)):
                draft.timeout = Said(seconds, found.span)
                text.take(found)
    _waits(text, draft)
    _budget(text, draft)


def _waits(text: Text, draft: Draft) -> None:
    for found in text.find(WAIT):
        if seconds := _seconds(found):
            draft.waits.append(Said({"seconds": seconds}, found.span))
            text.take(found)
    for found in text.find(WAIT_FILE):
        draft.waits.append(Said({"until": {"file": text.literal(found["f"])}}, found.span))
        text.take(found)


def _budget(text: Text, draft: Draft) -> None:
    for found in text.find(BUDGET):
        if float(found["n"]) > 0 and found["per"]:
            draft.budget["usd_per_month"] = Said(float(found["n"]), found.span)
            text.take(found)
    for found in text.find(BYTES):
        power = {"m": 2, "g": 3, "t": 4}[found["u"][0]]
        if float(found["n"]) > 0:
            draft.budget["bytes_per_run"] = Said(int(float(found["n"]) * 1024**power), found.span)
            text.take(found)


def _count(word: str) -> int | None:
    if word in ("once", "one"):
        return 1
    if word in ("twice", "thrice"):
        return 2 if word == "twice" else 3
    return int(word) if word.isdigit() and int(word) < 100 else None


def _seconds(found: Found) -> int | float | None:
    """Seconds of `20 minutes`, `half an hour`, `an hour`; None when it is nothing."""
    words, unit = found["n"], {"m": "minute"}.get(found["u"]) or UNITS.get(found["u"], "")
    count = 0.5 if words == "half an" else 1.0 if words in ("a", "an") else float(words)
    seconds = count * SECONDS.get(unit, 0)
    if not 0 < seconds <= 604_800:
        return None
    return int(seconds) if seconds == int(seconds) else seconds
