"""Promises about the data: unique, not null, between, one of; and what happens when one is broken."""

from __future__ import annotations

import re
from typing import Any

from flows.planner.read.draft import Check, Draft, Ref, Said, ref_of
from flows.planner.read.filters import number
from flows.planner.read.text import Found, P, Text
from flows.planner.read.values import NO_VALUE

CUE = P(
    r"(?:(?:and|also|please|then|with|the|to|we|you|should|must|i|want|need) )*(?:make sure|makes sure|making sure|ensure|ensures|"
    r"ensuring|be sure|check|checks|checking|verify|verifies|verifying|validate|validates|validating|assert|confirm|guarantee|"
    r"require|requires|see to it|it is important|important|test|double check|rule|a check)(?: (?:that|whether|if|first|before "
    r"loading|:|also|for|the|data|also that))*(?= (?:the |all |every |each |no |there |<|both |either |,|¦|\w+ (?:is|are|must)))"
)
BAD = P(
    r"(?:(?:and|also|please|then|it|to|the|job|run|pipeline|load|should|must|but) )*(?P<v>fail|fails|stop|stops|abort|aborts|break|"
    r"breaks|error out|raise an error|error|halt|crash|quarantine|quarantines|set aside|warn|warns|warn me|reject|rejects|flag)(?: "
    r"(?:the|it|run|job|load|pipeline|whole|everything|any|all|those|rows|row|records|record|hard|entries|ones))*(?: (?P<w>if|when|"
    r"whenever|where|whose|with|in case|that have|having|as soon as|should|on|which have|for which))(?: (?:the|any|an?|there is|"
    r"there are|its|their|some|has|have))*(?= )"
)
SUBJECT = (
    r"(?:(?:every|each|all|the|both|any|values?|of|its|their|column|columns|field|a|an|that|also|whether|for|in) "
    r")*(?P<cs>{C}(?:(?: ,| and| or| , and| nor) (?:the )?{C}){0,5})(?: (?:column|columns|field|fields|values?|address|"
    r"addresses|number|numbers))*(?: (?:in|of) (?:the |our )?(?P<own>{T}))?"
)
MODAL = (
    r"(?:(?:is|are|be|been|being|was|were|must|should|shall|has to|have to|needs to|need to|can|may|will|always|stay|stays|remain|"
    r"remains|lies|lie|strictly|has|have|contains?|only|a|an|to|does|do|that|which|it|they|really|actually|value|it's) )*"
)
NO = r"(?:(?P<no>not|never|no|neither|non|none|without|cannot) )?"
KINDS = [
    ("not_null", r"(?:null|nulls|empty|missing|blank|unset|unknown|absent|null values?|empty values?|missing values?)"),
    ("present", r"(?:filled in|filled|present|there|set|populated|known|given|provided|available|non - null|mandatory|required|complete)"),
    ("unique", r"(?:unique|distinct|an? unique value|unique values)"),
    (
        "dup",
        r"(?:duplicated|duplicate|duplicates|repeated|twice|double|doubled|duplicate values?|repeats?|occurs? twice|occurs? more "
        r"than once|appears? twice|appears? more than once)",
    ),
    ("positive", r"(?:positive|gt 0|greater than 0|above 0|more than 0|larger than 0|over 0|bigger than 0|higher than 0)"),
    (
        "nonneg",
        r"(?:non - negative|nonnegative|gte 0|at least 0|0 or (?:more|greater|higher|above)|greater than or equal to 0|positive "
        r"or (?:0|zero))",
    ),
    ("negative", r"(?:negative|below 0|less than 0|lt 0|smaller than 0|under 0|lower than 0)"),
    (
        "between",
        r"(?:(?:in the range|within|between|from|in|the range|range|of|and lies) )+(?P<a>-? ?{N}) (?:and|to|-|through|up to) "
        r"(?P<b>-? ?{N})",
    ),
    ("outside", r"outside(?: (?:of|the range|range|between|from))* (?P<oa>-? ?{N}) (?:and|to|-|\.) (?P<ob>-? ?{N})"),
    ("listed", r"(?:either )?(?P<vl><..v:\d+>(?:(?: ,| or| , or| and) <..v:\d+>){1,11})"),
    (
        "accepted",
        r"(?:(?:one of|any of|either|among|amongst|in|in the list|the values?|allowed values?|limited to|values?|only|from|of|"
        r"the following|following|:|\() )+(?P<vs>(?:{Q}|<..v:\d+>|{W})(?:(?: ,| or| and| , or| , and| \/) (?:{Q}|<..v:\d+>|"
        r"{W})){1,11})(?: \))?",
    ),
    (
        "max",
        r"(?:at most|no more than|not more than|lte|not above|up to|not exceeding|below or equal to|less than or equal to|a "
        r"maximum of|maximum) (?P<hi>-? ?{N})|(?P<hi2>-? ?{N}) or (?:less|lower|below|fewer)",
    ),
    (
        "min",
        r"(?:at least|no less than|not less than|gte|not below|greater than or equal to|a minimum of|minimum|not under) (?P<lo>-? "
        r"?{N})|(?P<lo2>-? ?{N}) or (?:more|higher|above|greater)",
    ),
    ("more", r"(?:more than|greater than|over|above|gt|larger than|higher than|exceeds?|exceed) (?P<gt>-? ?{N})"),
    ("less", r"(?:less than|lower than|under|below|lt|smaller than|fewer than) (?P<lt>-? ?{N})"),
    (
        "matches",
        r"(?P<mail>valid (?:e - mail|email|mail)(?: address| addresses)?)|valid (?P<mail2><.c.:\d+>)(?: address| addresses)?|"
        r"(?:match|matches|matching|in the format|follow|follows)(?: (?:the|pattern|regex|format))* (?P<pattern>{Q})",
    ),
    (
        "foreign_key",
        r"(?:exists?|found|refers?|references?|points?|known|present|contained|listed|belongs?|match|an existing|a valid reference)"
        r"(?: (?:in|to|among|one of|the|our|a row|an|existing|one|of|be))* (?P<t>{T})(?: table)?",
    ),
]
PREDICATE = "|".join(f"(?P<k_{name}>{source})" for name, source in KINDS)
LINK = (
    r"(?:(?:,|;|:|and|or|nor|also|but|plus|as well as|then|that|the|it|if|when|where|is|has|whose|there are|make sure|check|with|"
    r"both|either) )*"
)
ITEM = P(
    rf"{LINK}(?:(?P<none>no|none of the) )?(?:{SUBJECT} )?{MODAL}{NO}{MODAL}{NO.replace('<no>', '<no2>')}(?:{PREDICATE})(?: (?:at "
    r"all|anymore|any more|either|ever))?"
)
WRONG = P(
    r"(?:(?:there are|there is|any|a|an|the|we find|it finds|it has|with|has|have|some|rows with) )*(?P<w>duplicate|duplicates|"
    r"duplicated|double|null|missing|empty|negative)(?: (?:values|entries|rows|in|of|for|the))* (?P<cs>{C}(?:(?: ,| and| or| , "
    r"or) {C}){0,4})(?: values?)?(?: (?:exist|exists|appear|are found|occur))?"
)
NAKED = P(
    r"(?P<neg>no|without|without any|no more|zero|reject|free of|not allow|never) (?P<w>duplicates?|duplicated|duplicate values|"
    r"nulls?|null values?|missing values?|missing|empty values?|empty|double|gaps)(?: (?:values?|rows|entries|allowed|in|on|of|"
    r"by|for|the|column))* (?P<cs>{C}(?:(?: ,| and| or| , and) {C}){0,4})(?: values?)?",
    "no|without|reject|zero|free|never",
)
MODALS = P(
    rf"{SUBJECT}(?= (?:must|should|shall|has to|have to|needs to|need to|may not|can not|may never|can never|is never|are never|"
    r"has always|is always|is required|is mandatory|may only|can only) )"
)
ROWS = P(
    r"(?:(?:the|result|output|table|there|it|we|and|that|are|be|is|has|have|must|should|to|expect|at|contain|contains) )*(?P<g>at "
    r"least|a minimum of|no fewer than|no less than|not fewer than|more than|minimum) (?P<n>{N}) (?:rows|records|entries|"
    r"lines)(?: (?:in|of|the|result|output|are|there|there are|table|must be there|come|arrive|loaded))*",
    "rows|records|entries|lines",
)
DQ = P(
    r"(?:(?:with|and|apply|add|run|do|perform|some|basic|the|all|usual|standard|include|including|a|:|-|please|then) )*(?:data "
    r")?(?:quality|validation|validity|sanity|integrity|plausibility|consistency)(?: (?:checks?|tests?|rules?|controls?|assurance|"
    r"gate|validation))|(?:validate|check) (?:the )?(?:data|data quality|quality|rows)|(?:data )?(?:validations?)",
    "quality|validat|sanity|integrity|plausib|consisten|check",
)
THEM = (
    r"(?: (?:the|all|any|those|these|bad|invalid|failing|failed|broken|wrong|faulty|offending|violating|such|rows|records|row|"
    r"record|ones|entries|them|data|it|that|which|fail|violate|break|do not pass|into|to|in|a|quarantine|table|the rest|this|"
    r"checks?|rules?))*"
)
ON_FAIL = [
    (action, P(source, need))
    for action, source, need in (
        (
            "quarantine",
            r"(?:(?:and|but|then|please|otherwise|else|,|-|;|should|must|to) )*(?:quarantine|quarantines|quarantined|"
            rf"quarantining|set aside|put aside|move|moved|divert|isolate){THEM}(?: (?:aside|to quarantine|into quarantine))*|"
            r"(?:bad|invalid|failing|broken|wrong|faulty)(?: (?:rows|records|ones|entries))?(?: (?:go|goes|should go|must go|"
            r"are sent|are moved|land|should be|are))* (?:to|into|in)?(?: a| the)? ?(?:quarantine|quarantined)(?: table)?",
            "quarantin|aside|divert|isolate",
        ),
        (
            "warn",
            r"(?:(?:and|but|then|please|otherwise|else|only|just|,|-|;|should|must|it|simply|give|a|log|this|should be) )*(?:warn|"
            r"warns|warning|warnings)(?: (?:only|us|me|about|it|just|instead of failing|when|that|is|broken|if not|the|case|violated|"
            r"this|they|are|otherwise|a check|fails|here|and|continue|go on|so|rather|than|on|any|violation|violations|for|bad|"
            r"rows))*",
            "warn",
        ),
        (
            "fail",
            r"(?:(?:and|but|then|please|otherwise|else|,|-|;|should|must|it|let) )*(?:fail|fails|stop|abort|stops|aborts|break)(?: "
            r"(?:the|it|run|job|load|pipeline|hard|everything|whole))*(?: (?:otherwise|if not|when not|if (?:that|this|it) is (?:not "
            r"(?:so|true|the case)|violated|broken)|in that case|if (?:a|any|the) (?:check|checks|one) (?:fails|fail|is broken)|on "
            r"(?:bad|invalid) (?:rows|data)))?",
            "fail|stop|abort|break",
        ),
    )
]


def read_checks(text: Text, draft: Draft) -> None:
    """Every promise into `draft.checks`."""
    for hit in text.find(BAD):
        _scan(text, draft, hit, bad=True)
        _wrong(text, draft, hit)
    for hit in text.find(CUE):
        _scan(text, draft, hit, bad=False)
    for hit in text.find(NAKED):
        kind = "unique" if hit["w"].startswith(("dup", "double")) else "not_null"
        draft.checks.append(Check(kind, _refs(text, hit["cs"]), {}, hit.span))
        text.take(hit)
    for hit in text.find(MODALS):
        _scan(text, draft, hit, bad=False, at=hit.match.start())
    for hit in text.find(ROWS):
        if hit["g"] and ("must" in hit[0] or "expect" in hit[0] or "should" in hit[0] or draft.checks or "contain" in hit[0]):
            low = int(float(hit["n"])) + (1 if hit["g"] == "more than" else 0)
            draft.checks.append(Check("row_count", [], {"min": low}, hit.span))
            text.take(hit)
    if draft.checks:
        _on_fail(text, draft)
    elif found := text.first(DQ):
        draft.dq = Said(True, found.span)
        text.take(found)


def _on_fail(text: Text, draft: Draft) -> None:
    for action, wanted in ON_FAIL:
        for hit in text.find(wanted):
            if draft.on_fail is None or draft.on_fail.value == action:
                draft.on_fail = Said(action, hit.span)
                text.take(hit)


def _scan(text: Text, draft: Draft, cue: Found, *, bad: bool, at: int | None = None) -> None:
    """Read promise after promise from behind a cue; only what became a promise is consumed."""
    pos = cue.match.end() if at is None else at - 1
    subject: list[Ref] = []
    found = 0
    last_no = False
    while item := _match(text, ITEM, pos + 1 if text.norm[pos : pos + 1] == " " else pos):
        groups = item.match.groupdict()
        if groups["own"]:
            draft.tables.append((text.mention(groups["own"]).of("t")[0].table, item.part("own"), "text"))
        if groups["cs"]:
            subject = _refs(text, groups["cs"])
            last_no = False
        if not subject:
            break
        kind = next(k for k, _ in KINDS if groups["k_" + k])
        negated = sum(bool(groups[g]) for g in ("none", "no", "no2")) % 2 == 1
        negated = negated or (last_no and not groups["cs"] and item[0].startswith(("or ", "nor ")))
        last_no = negated
        end = _list_end(text, item, subject) if kind == "accepted" else item.match.end()
        made = _check(text, kind, item, negated, bad, end)
        if made is None:
            break
        for check in made:
            draft.checks.append(Check(check[0], subject, check[1], text.span(item.match.start(), end)))
        text.take((item.match.start(), end))
        found += 1
        pos = end
    if found:
        if at is None:
            text.take(cue)
        if bad and draft.on_fail is None and (action := _action(cue["v"])):
            draft.on_fail = Said(action, cue.span)


def _wrong(text: Text, draft: Draft, cue: Found) -> None:
    """`stop if there are duplicate order_ids`."""
    hit = _match(text, WRONG, cue.match.end() + 1)
    if hit is None or not text.seen(cue.match.start(), cue.match.end()):
        return
    kind = "unique" if hit["w"].startswith("d") else "between" if hit["w"] == "negative" else "not_null"
    draft.checks.append(Check(kind, _refs(text, hit["cs"]), {"min": 0} if kind == "between" else {}, hit.span))
    draft.on_fail = draft.on_fail or Said(_action(cue["v"]), cue.span)
    text.take(hit)
    text.take(cue)


def _match(text: Text, wanted: P, at: int) -> Found | None:
    """A match that starts exactly here."""
    hit = wanted.here(text.norm, at)
    return Found(hit, text) if hit else None


def _action(verb: str) -> str:
    if verb.startswith(("quarantine", "set", "reject")):
        return "quarantine"
    return "warn" if verb.startswith(("warn", "flag")) else "fail"


def _check(text: Text, kind: str, item: Found, negated: bool, bad: bool, end: int) -> list[tuple[str, dict[str, Any]]] | None:
    """The promise behind the words. `bad`: the words describe what must not be."""
    good = negated != bad  # "is not null" and "fail if null" mean the same
    simple = {
        "not_null": ("not_null", True),
        "dup": ("unique", True),
        "negative": ("between", True),
        "present": ("not_null", False),
        "unique": ("unique", False),
        "positive": ("positive", False),
        "nonneg": ("between", False),
    }
    if kind in simple:
        name, needs = simple[kind]
        if good != needs:
            return None
        return [(name, {"min": 0} if name == "between" else {})]
    if kind == "outside":
        return [("between", {"min": number(item["oa"]), "max": number(item["ob"])})] if good else None
    if kind in ("more", "less"):
        if not good:
            return None
        return [("between", {"max": number(item["gt"])} if kind == "more" else {"min": number(item["lt"])})]
    if good:
        return None
    return _ranged(text, kind, item, end)


def _ranged(text: Text, kind: str, item: Found, end: int) -> list[tuple[str, dict[str, Any]]] | None:
    if kind == "between":
        low, high = number(item["a"]), number(item["b"])
        return [("between", {"min": low, "max": high})] if low <= high else None
    if kind == "min":
        return [("between", {"min": number(item["lo"] or item["lo2"])})]
    if kind == "max":
        return [("between", {"max": number(item["hi"] or item["hi2"])})]
    if kind == "listed":
        return [("accepted", {"values": [text.mention(w).of("v")[0].value for w in item["vl"].split() if w.startswith("<")]})]
    if kind == "accepted":
        values = _values(text, item, end)
        return [("accepted", {"values": values})] if values else None
    if kind == "matches":
        pattern = text.literal(item["pattern"]) if item["pattern"] else r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
        return [("matches", {"pattern": pattern})]
    if kind == "foreign_key":
        return [("foreign_key", {"table": text.mention(item["t"]).of("t")[0].table})]
    return None


def _list_end(text: Text, item: Found, subject: list[Ref]) -> int:
    """Where a list of allowed values ends: before the first word that no value can be."""
    known = [
        v.lower() for r in subject for m in r.meanings if m.table for v in text.lexicon.catalog.tables[m.table].columns[m.column].values
    ]
    at = end = item.match.start("vs")
    for word in item["vs"].split():
        place = text.norm.index(word, at)
        at = place + len(word)
        if word in (",", "or", "and", "/"):
            continue
        raw = text.raw[slice(*text.span(place, at))]
        if not word.startswith("<") and (
            word in NO_VALUE or (known and raw.lower() not in known and at != item.match.start("vs") + len(word))
        ):
            return end
        end = at
    return item.match.end()


def _values(text: Text, item: Found, end: int) -> list[str]:
    out = []
    at = item.match.start("vs")
    for word in item["vs"].split():
        place = text.norm.index(word, at)
        at = place + len(word)
        if at > end:
            break
        if word in (",", "or", "and", "/"):
            continue
        values = [m.value for m in text.mention(word).of("v")] if re.match(r"<..v", word) else []
        out.append(values[0] if values else text.literal(word) if word.startswith("<") else text.raw[slice(*text.span(place, at))])
    return out


def _refs(text: Text, words: str) -> list[Ref]:
    return [ref_of(text, w) for w in words.split() if w.startswith("<")]
