"""Enrichment: currencies, anomalies, masking and hashing, conversion to FOCUS."""

from __future__ import annotations

from flows.planner.read.draft import Draft, Said, ref_of
from flows.planner.read.text import Found, P, Text
from flows.planner.read.words import CURRENCIES

CODE = r"(?:" + "|".join(w for w in sorted(CURRENCIES, key=len, reverse=True) if w.isalpha()) + r")"
RATES = (
    r"(?:(?: ,| and)? (?:using|with|by|based on|via|through|at)(?: (?:the|our|current|daily|today|latest|official))* "
    r"(?:(?P<r>{T})|(?:exchange|conversion|currency|fx) rates?|rates))?"
)
THINGS = (
    r"(?:(?:the|all|every|each|any|our|their|its|prices?|amounts?|values?|currency|currencies|money|figures?|everything|numbers|"
    r"it|them|of|and|,|column|columns|costs?|totals?|order|payment|refund|<..-:\d+>|<.c.:\d+>) )*"
)
FX = [
    P(source)
    for source in (
        r"(?:(?:and|then|with|please|also|have|show|express|report|all) )*(?:convert|converts|converted|converting|conversion of|"
        rf"translate|translated|normali[sz]e|normali[sz]ed|normali[sz]ing|change|express|expressed|turn|restate|restated) {THINGS}(?:in "
        rf"?to|to|in|into) (?:us |u\.s\. |american |british |swiss )?(?P<c>{CODE})(?: currency)?{RATES}",
        rf"(?:with |and |show |report |having )*{THINGS}(?:expressed |converted |denominated |shown |given |reported )?(?:in|into|to) "
        rf"(?:us |american |british |swiss )?(?P<c>{CODE})(?: currency)?{RATES}(?! (?:or|and) (?:more|above|less))",
        r"(?:with |and |do |apply |an? |the |including )*(?:currency|{C}|fx|exchange|exchange rate|money) (?:conversion|convert|"
        rf"translation)s?(?: (?:to|into|in)(?: us)? (?P<c>{CODE}))?{RATES}",
        r"(?:convert|normali[sz]e)(?: (?:the|all|our))* (?:currency|currencies|amounts|prices)(?P<c>)",
    )
]
DETECT = (
    r"(?:(?:and|then|also|please|with|run|do|apply|to|or|automatically) )*(?:detect|detects|detecting|flag|flags|flagging|find|"
    r"spot|mark|identify|look for|highlight|check for|search for|watch for)"
)
ODD = (
    r"(?:anomal(?:y|ies|ous)|outliers?|unusual|suspicious|strange|abnormal)(?: (?:values?|rows|changes?|spikes?|days|patterns|"
    r"entries|detection|movements|numbers|things))?"
)
ANOMALY = [
    P(source, "anomal|outlier|unusual|suspicious|strange|abnormal")
    for source in (
        rf"{DETECT}(?: (?:any|all|the|daily|weekly|monthly))* {ODD}(?: (?:in|of|on|for|within|across|by|over))+ (?P<g>(?:(?:the|their|its|"
        r"our|daily|weekly|monthly|hourly|total|<t..:\d+>) )*)(?P<c>{C}|{T})",
        rf"{DETECT}(?: (?:any|all|the))* (?:unusual|suspicious|strange|abnormal|anomalous) (?P<g>(?:(?:the|daily|weekly|monthly|hourly|"
        r"total|<t..:\d+>) )*)(?P<c>{C}|{T})(?: (?:values?|spikes?))?",
        r"(?:(?:with|and|run|do|apply|an?|the|perform|including|-) )*(?:anomaly|outlier) detection(?: (?:in|of|on|for|over))+ "
        r"(?P<g>(?:(?:the|daily|total|<t..:\d+>) )*)(?P<c>{C}|{T})",
        r"(?:(?:with|and|run|do|apply|an?|the|perform|including|-) )*(?:anomaly|outlier) detection(?P<c>)(?P<g>)",
        rf"{DETECT}(?: (?:any|all|the))* {ODD}(?P<c>)(?P<g>)",
    )
]
MASKS = {
    "hash": "hash|hashes|hashed|hashing|sha256|sha - 256|pseudonymi[sz]e|pseudonymi[sz]ed|pseudonymi[sz]ing",
    "mask": "mask|masks|masked|masking|redact|redacted|redacting|anonymi[sz]e|anonymi[sz]ed|anonymi[sz]ing|obfuscate|obfuscated|hide|"
    "hiding|hidden|black out|star out|scramble",
}
NUMBERS = r"(?: (?:addresses|address|numbers|number|columns?|fields?|values?))?"
MASK = [
    (
        kind,
        P(
            rf"(?:(?:and|then|with|also|please|but|have|all|the) )*(?:{words})(?: (?:out|the|their|all|its|every|of|customer|"
            rf"personal|columns?|fields?|our))* (?P<cs>{{C}}{NUMBERS}(?:(?: ,| and| , and| &| as well as)(?: (?:the|their|of))* "
            rf"{{C}}{NUMBERS}){{0,6}})(?! (?:is|are|must))",
            "hash|sha|pseudonym" if kind == "hash" else "mask|redact|anonym|obfusc|hid|black|star|scramble",
        ),
    )
    for kind, words in MASKS.items()
]
PASSIVE = [
    (
        kind,
        P(
            rf"(?:with |the |and |but |, )*(?P<cs>{{C}}{NUMBERS}(?:(?: ,| and| , and) (?:the )?{{C}}{NUMBERS}){{0,6}})(?: "
            rf"(?:is|are|should|must|to|be|being|gets?|comes|as|have been|has been))* (?:{words})",
            "hash|sha|pseudonym" if kind == "hash" else "mask|redact|anonym|obfusc|hid|black|star|scramble",
        ),
    )
    for kind, words in MASKS.items()
]
FOCUS = P(
    r"(?:(?:and|then|both|all|them|it|to|into|in|as|the|convert|converted|converting|conversion|normali[sz]e|normali[sz]ed|"
    r"translate|map|bring|following|using|with|according) )*focus(?: (?:format|version|specification|spec|standard|schema|"
    r"columns|cost|v|data|dataset|compliant))*(?: (?P<v>1\.\d))?(?: (?:format|version|specification|spec|standard|schema|"
    r"columns))*",
    "focus",
)


def read_enrich(text: Text, draft: Draft) -> None:
    for wanted in FX:
        for hit in text.find(wanted):
            if draft.fx is not None or _no_money(text, hit):
                continue
            code = hit["c"]
            draft.fx = Said(CURRENCIES[code] if code else None, hit.span)
            text.take(hit)
    if found := text.first(FOCUS):
        draft.focus = Said(found["v"] or "1.3", found.span, "text" if found["v"] else "default")
        text.take(found)
    for wanted in ANOMALY:
        for hit in text.find(wanted):
            if draft.anomaly is None:
                _anomaly(text, draft, hit)
    for kind, wanted in (*MASK, *PASSIVE):
        for hit in text.find(wanted):
            for word in hit["cs"].split():
                if word.startswith("<"):
                    draft.masks.append((ref_of(text, word), kind, hit.span))
            text.take(hit)


CONVERT = P(
    r"(?:and |then |please |first )*(?:convert|converts|converted|converting|translate|normali[sz]e|normali[sz]ed|map|mapped|"
    r"bring|transform)",
    "conv|transl|normal|map|bring|transf",
)


def read_convert(text: Text, draft: Draft) -> None:
    """The verb of a conversion that was read from its target."""
    if draft.focus or draft.fx:
        for hit in text.find(CONVERT):
            text.take(hit)


def _no_money(text: Text, hit: Found) -> bool:
    """`in euros` needs something that is converted before it."""
    return "conver" not in hit[0] and len(hit[0].split()) < 3


def _anomaly(text: Text, draft: Draft, hit: Found) -> None:
    word = hit["c"]
    if not word:
        draft.anomaly = (None, hit.span, "")
    elif word[2] == "c" and word[1] != "t":
        draft.anomaly = (ref_of(text, word), hit.span, "")
    else:
        draft.anomaly = (None, hit.span, text.mention(word).of("t")[0].table)
    a, b = hit.match.span("g")
    text.take((hit.match.start(), a) if b > a else hit.match.span())
    if b > a:
        text.take((hit.match.start("c"), hit.match.end()) if not draft.anomaly[2] else (a, a))
