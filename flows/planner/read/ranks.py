"""Top lists, duplicates, windows: top 10 by revenue, the latest row per customer, moving averages, running totals, ranks."""

from __future__ import annotations

from flows.planner.read.draft import Dedup, Draft, Grain, Group, Measure, Ref, Top, Window, ref, ref_of, tables_of
from flows.planner.read.measures import FUNCTIONS, read_items
from flows.planner.read.text import Found, P, Text, keep_table

BEST = (
    r"(?:best|top|biggest|largest|highest|greatest|most (?:valuable|expensive|profitable|popular|active|important|frequent)|best - "
    r"selling|best selling|strongest|leading|busiest)"
)
WORST = r"(?:worst|bottom|smallest|lowest|least (?:valuable|expensive|popular|active)|cheapest|weakest)"
WHAT = r"(?P<t>{T}|{C}|rows|records|entries)(?: (?:of|from|in) (?:the )?(?P<src>{T}))?"
HOW = (
    r"(?:(?:total|the|their|its|overall|highest|lowest|most|sum of|number of|count of|average|avg|maximum|max|minimum|min|combined|"
    r"summed|gross) )*(?P<m>{C}|{T})(?: (?:sold|spent|generated|value|ordered|count|made))*"
)
BY = (
    r"(?: ,)?(?: (?:ranked|sorted|ordered|measured|rated))?(?: (?P<by>by|in terms of|according to|based on|with the (?:highest|most|"
    r"largest|biggest|lowest|fewest|greatest)|in|on|having the (?:highest|most|lowest)|who have the (?:highest|most)|as measured "
    rf"by) {HOW})"
)
EACH = r"(?:in each|in every|per|for each|for every|within each|of each|of every|by|within every|inside each|each|in all)"
PER = rf"(?: ,)?(?: {EACH} (?P<per>(?:{{C}}|{{T}}|day|week|month|quarter|year)(?:(?: ,| and) (?:{{C}}|{{T}}))?))?"
TOPS = [
    P(source)
    for source in (
        rf"(?:the |our |find |show )*(?:(?P<side>top|bottom|best|worst|first) (?P<n>{{N}})|(?P<n2>{{N}}) (?:(?P<hi>{BEST})|"
        rf"(?P<lo>{WORST})))(?: (?:selling|performing|rated|ranked|grossing|spending|best|biggest))*(?: -)* "
        rf"{WHAT}{PER.replace('<per>', '<per0>')}{BY}{PER}",
        rf"{WHAT} with the (?P<n2>{{N}}) (?:(?P<hi>highest|largest|biggest|greatest)|(?P<lo>lowest|smallest)) {HOW}",
    )
]
LATEST = r"(?P<keep>latest|newest|most recent|last|first|earliest|oldest|most recently|freshest)"
ROW = r"(?: (?:one|ones|row|record|entry|version|occurrence|value|of them|only|{T}))*"
ORDER = (
    r"(?:(?: (?:by|according to|based on|ordered by|sorted by|in terms of|judged by|of|using|measured by|with the (?:latest|"
    r"highest|newest)))*(?: the)? (?P<o>{C}))?"
)
KEYS = r"(?P<k>(?:{C}|{T})(?:(?: ,| and| , and| \+) (?:the )?(?:{C}|{T})){0,4})"
KEEPING = (
    r"(?:(?: ,| and| ;| \.| so that| but| -| \()*(?: (?:then|always|only|we|please|just|with))*(?: (?:keep|keeping|keeps|retain|"
    r"retaining|preserve|preserving|take|taking|leaving|prefer|preferring|where))(?: (?:only|just|the|with|always|row|one|"
    rf"record))* {LATEST}{ROW}{ORDER}(?: wins)?(?: \))?)?"
)
DEDUPS = [
    P(source)
    for source in (
        r"(?:(?:and|then|please|first|also) )*(?:de - duplicate|deduplicate|dedup|dedupe|deduplicated|deduplicating|deduplication of|de - "
        r"dupe|remove duplicates|removing duplicates|drop duplicates|dropping duplicates|eliminate duplicates|get rid of duplicates|"
        r"without duplicates|no duplicates|remove duplicated rows|remove the duplicates|duplicates removed|remove double entries|distinct|"
        r"make unique|remove any duplicates)(?: (?:of|in|from|among|the|rows|records|them|it|entries|all|removed))*(?: (?P<t>{T}))?(?: "
        r"(?:rows|records|table|data))*(?: (?:on|by|per|based on|using|over|for|with the same|with respect to|in terms of|having the same|"
        rf"sharing the same|in|according to))+(?: (?:the|column|columns|same|their))* {KEYS}{KEEPING}",
        r"(?:remove|removing|drop|dropping|eliminate|filter out|delete)(?: (?:the|any|all))* (?:duplicate|duplicated|double|repeated) "
        r"(?P<t>{T}|rows|records|entries)(?: (?:on|by|per|based on|using|with the same|having the same|sharing the same|with identical|"
        rf"over|in))+(?: (?:the|column))* {KEYS}{KEEPING}",
        r"(?:(?:and|then|please|only|just|we|want|keep|keeping|take|taking|retain|get|exactly|leave) )*(?:only |just |exactly )?(?:one|a "
        rf"single|1|single) (?:row|record|entry|line|{{T}})(?: only)?(?: (?:per|for each|for every|by|each))+ {KEYS}(?: (?:in|of|from) "
        r"(?:the )?(?P<t>{T}))?(?:(?: ,| ;| -| \(| and| :)*(?: (?:keep|keeping|namely|i e|take|the one with|that is))*(?: the)? "
        rf"{LATEST}{ROW}{ORDER})?(?: \))?",
        rf"(?:(?:and|then|please|only|just|we|want|keep|keeping|take|taking|retain|get) )*(?:only |just )?(?:the )?{LATEST}(?: (?:row|"
        rf"record|entry|version|state|one|ones))*(?: (?P<t>{{T}}))?(?: (?:per|for each|for every|of each|of every|by each))+ {KEYS}{ORDER}",
    )
]
WORDS = {"latest": "desc", "newest": "desc", "most recent": "desc", "most recently": "desc", "last": "desc", "freshest": "desc"}
PERIOD = r"(?P<u>day|week|month|hour|row|period|quarter)s?"
AVERAGE = r"(?P<fn>average|mean|avg|sum|total)s?"
WINDOWS = [
    P(source, "moving|rolling|running|cumul|sliding|trailing|rank|lag|previous|year")
    for source in (
        rf"(?:the |a |add |compute |calculate |with |as )*(?P<n>{{N}})(?: -)? {PERIOD}(?: -)? (?:moving|rolling|sliding|trailing) "
        rf"{AVERAGE}(?: (?:of|for|over|on))*(?: the)?(?: (?:daily|total|weekly|monthly))? (?P<c>{{C}})",
        rf"(?:the |a |add |compute |calculate |with )*(?:moving|rolling|sliding|trailing)(?: (?P<n>{{N}})(?: -)? {PERIOD})?(?: -)? "
        rf"{AVERAGE}(?: (?:of|for|on))*(?: the)?(?: (?:daily|total|weekly|monthly))? (?P<c>{{C}})(?: (?:over|across|for|of|in|with a "
        r"window of|within|on)(?: (?:the|last|past|previous|a window of))* (?P<n2>{N})(?: -)? (?P<u2>day|week|month|hour|row|"
        r"period)s?)?",
        r"(?:the |a |add |compute |calculate |with )*(?:running|cumulative|cumulated|cumulating)(?: (?:total|sum|totals|sums))(?: (?:of|"
        r"for|over|on))*(?: the)? (?P<c>{C})",
        r"(?:the |a )*(?:cumulative|running|cumulated) (?P<c>{C})(?: (?:total|sum))?",
        r"(?:rank|ranking) (?:of )?(?:the )?(?P<t>{T}) by (?:the )?(?P<c>{C})",
    )
]
ORDERED = P(
    r"(?:,? ?)(?:and |when )?(?:ordered|sorted|order|sort|in order|running)(?: (?:by|along|over|of|on))+ (?:the "
    r")?(?P<c>{C})(?: (?P<d>descending|desc|ascending|asc))?"
)


def read_tops(text: Text, draft: Draft) -> None:
    """`top N things by measure`, with what it is ranked within."""
    for wanted in TOPS:
        for hit in text.find(wanted):
            groups = hit.match.groupdict()
            n = groups.get("n") or groups.get("n2") or ""
            low = (
                groups.get("side") in ("bottom", "worst")
                or bool(groups.get("lo"))
                or any(w in (groups.get("by") or "") for w in ("lowest", "fewest"))
            )
            if groups.get("side") == "first" or not n.isdigit() or int(n) < 1:
                continue
            top = Top(int(n), "asc" if low else "desc", hit.span)
            _entity(text, hit, top)
            top.by = _by(text, hit)
            for name in ("per", "per0"):
                if groups.get(name):
                    _per(text, draft, hit, name, top)
            draft.tops.append(top)
            text.take(hit)


def _entity(text: Text, hit: Found, top: Top) -> None:
    word = hit["src"] if "src" in hit.match.groupdict() and hit["src"] else hit["t"]
    if word.startswith("<"):
        if word[1] == "t":
            top.table = tables_of(text, word)[0]
        else:
            top.ref = ref_of(text, word)


def _by(text: Text, hit: Found) -> Measure:
    words = hit[0][: hit.match.start("m") - hit.match.start()].split()[-3:]
    fn = next((FUNCTIONS[w] for w in words if w in ("average", "avg", "maximum", "max", "minimum", "min", "sum", "total")), "")
    word, span = hit["m"], hit.part("m")
    if "number" in words or "count" in words or (word[2] != "c" and not text.lexicon.main(tables_of(text, word)[0])):
        table = tables_of(text, word)[0] if word[1] == "t" else ""
        return Measure("count" if table else "count_distinct", None if table else ref(hit, "m"), span, table=table)
    if word[2] == "c":
        return Measure(fn or "sum", ref_of(text, word), span, guessed=not fn)
    return Measure(fn or "sum", None, span, table=tables_of(text, word)[0], guessed=not fn)


def _per(text: Text, draft: Draft, hit: Found, name: str, top: Top) -> None:
    for item in read_items(text, *hit.match.span(name)):
        if isinstance(item, Grain):
            draft.grains.append(item)
        else:
            top.per.append(item)


def read_dedups(text: Text, draft: Draft) -> None:
    for wanted in DEDUPS:
        for hit in text.find(wanted):
            keys = [g for g in read_items(text, *hit.match.span("k")) if isinstance(g, Group)]
            if not keys:
                continue
            keep = WORDS.get(hit["keep"], "asc") if hit["keep"] else "desc"
            draft.dedups.append(Dedup(keys, keep, ref(hit, "o") if hit["o"] else None, hit.span))
            keep_table(text, hit)


def read_windows(text: Text, draft: Draft) -> None:
    for hit in text.find(WINDOWS[0]):
        _window(text, draft, hit, "n", "u")
    for hit in text.find(WINDOWS[1]):
        _window(text, draft, hit, "n" if hit["n"] else "n2", "u" if hit["u"] else "u2")
    for wanted in WINDOWS[2:4]:
        for hit in text.find(wanted):
            draft.windows.append(Window("running_total", ref(hit, "c"), hit.span))
            text.take(hit)
    for hit in text.find(WINDOWS[4]):
        draft.windows.append(Window("rank", ref(hit, "c"), hit.span, order=ref(hit, "c"), table=tables_of(text, hit["t"])[0]))
        text.take(hit)
    if draft.windows:
        for hit in text.find(ORDERED):
            draft.windows[-1].order = ref(hit, "c")
            text.take(hit)


def _window(text: Text, draft: Draft, hit: Found, n: str, u: str) -> None:
    if not hit[n] or "." in hit[n] or not 1 < int(hit[n]) < 10_000:
        return
    fn = "moving_sum" if hit["fn"] in ("sum", "total") else "moving_avg"
    draft.windows.append(Window(fn, ref(hit, "c"), hit.span, rows=int(hit[n]), unit=hit[u] if hit[u] not in ("row", "period") else "day"))
    text.take(hit)


__all__ = ["ORDERED", "Ref", "read_dedups", "read_tops", "read_windows"]
