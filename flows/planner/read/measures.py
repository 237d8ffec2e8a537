"""What is worked out: sums, counts, averages; by which columns and which stretch of time."""

from __future__ import annotations

import re

from flows.planner.lexicon import NUMERIC
from flows.planner.read.draft import Draft, Grain, Group, Measure, Ref, ref_of, tables_of
from flows.planner.read.text import Found, P, Text

FN = {
    "sum": "sum|sums|total|totals|sum of|total of|sum up|sums up|summed|summing|summing up|add up|adding up|summed up|overall|how "
    "much|grand total of",
    "avg": "average|avg|mean|averages|averaged|averaging|average of|mean of",
    "min": "min|minimum|lowest|smallest|minimal|earliest",
    "max": "max|maximum|highest|largest|maximal|biggest|latest",
    "median": "median|median of",
}
FUNCTIONS = {w: fn for fn, words in FN.items() for w in words.split("|")}
FNS = "|".join(sorted(FUNCTIONS, key=len, reverse=True))
ART = r"(?: (?:of|the|all|each|its|their|our|these|up|over|value|values|column))*"
SOLD = r"(?: (?:sold|ordered|spent|generated|earned|used|consumed|paid out|billed|values?|made))*"
MEASURE = P(
    rf"(?:(?:the|a|an|their|compute|calculate|get) )*(?P<fn>(?:{FNS})(?:(?: ,| and| , and) (?:the )?(?:{FNS}))*){ART} "
    rf"(?P<cs>{{C}}(?:(?: ,| and| , and| plus)(?: the)? {{C}}){{0,5}}){SOLD}"
)
SUFFIX = P(r"(?P<cs>{C}) (?P<fn>sums?|totals?|average|averages|median|maximum|minimum)")
OF_TABLE = P(rf"(?:the )?(?P<fn>{FNS}){ART} (?P<t>{{T}})(?: (?P<v>value|values|amount|size|volume))?{SOLD}")
DISTINCT = P(
    r"(?:the |a )*(?:count|counts|number|numbers|how many)(?: (?:of|the))*(?: (?P<d>distinct|unique|different|individual|"
    r"separate))(?: (?:count|number|of|the|active))* (?P<x>{C}|{T})|(?P<d2>distinct|unique)(?: (?:count|number|of|the))* "
    r"(?P<x2>{C}|{T})(?: (?:count|counts))?"
)
COUNT = P(
    r"(?:the |a |and |me )*(?:count|counts|counting|number|numbers|how many|# of|#|tally|row count|volume)(?: (?:of|the|up|all|"
    r"each|every|our|on))*(?: (?P<x>{T}|{C}|rows|records|them|entries|lines|ones|it|everything))?(?: (?:there are|are there|we "
    r"have|we had|were placed|placed|happened|occurred|exist))*(?P<late> , (?:distinct|unique|counted once))?",
    "count|number|many|#|tally|volume",
)
LEADS = (
    r"(?:(?:broken down|break down|breakdown|split|split up|grouped|group|grouping|aggregate|aggregated|aggregating|sliced|"
    r"separately|summed|summarized|summarised|totalled|totaled|counted|each|one row|rolled up|roll up) )*"
    r"(?:per|by|for each|for every|for each of|across|in each|in every|of each|of every|within each|within every|on each|at each|"
    r"over each|for all|on every)"
)
THING = r"(?:(?:the|each|every|a|given|calendar|individual|same) )*(?:{C}|{T}|hour|day|date|week|month|quarter|year)(?: (?:level|basis))?"
GROUP = P(
    rf"{LEADS} (?P<g>{THING}(?:(?: ,| and| , and| &| per| by| \/| as well as| and by| and per| , by| , per| and for each| for "
    rf"each| in each| each| of each| x)+ {THING}){{0,7}})(?: (?:of|using|on|from|based on|according to)(?: the)? "
    r"(?P<on>{C}))?(?: (?:level|basis))?"
)
ADVERB = P(
    r"(?:(?:the|a|our) )*(?P<u>hourly|daily|weekly|monthly|quarterly|yearly|annual|annually)(?: (?:totals?|basis|level|"
    r"aggregates?|aggregation|granularity))?"
)
ADVERBS = {
    "hourly": "hour",
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
    "quarterly": "quarter",
    "yearly": "year",
    "annual": "year",
    "annually": "year",
}
TITLE = P(r"(?P<c>{C})(?: (?:sold|spent|generated|earned|made|values?|figures|numbers|trend|report|overview))*")


def read_groups(text: Text, draft: Draft) -> None:
    """`per day and country`, `by customer`: columns, tables (their key) and stretches of time."""
    for hit in text.find(GROUP):
        words = hit["g"].split()
        if not _groups_here(hit, words):
            continue
        on = ref_of(text, hit["on"]) if hit["on"] else None
        if on and not dated(text, on):
            continue
        end = _group_end(text, hit)
        items = read_items(text, hit.match.start("g"), end)
        for item in items:
            if isinstance(item, Grain):
                item.ref = on
                draft.grains.append(item)
            else:
                draft.groups.append(item)
        text.take(hit if end == hit.match.end("g") else (hit.match.start(), end))
    for hit in text.find(ADVERB):
        if draft.measures or draft.anomaly or _measure_near(text, hit):
            draft.grains.append(Grain(ADVERBS[hit["u"]], hit.span, adverb=True))
            text.take(hit)


def _group_end(text: Text, hit: Found) -> int:
    """`by brand, orders joined with products`: a table in the plural behind a comma is no group any more."""
    at = hit.match.start("g")
    last = at
    for n, word in enumerate(hit["g"].split()):
        place = text.norm.index(word, at)
        at = place + len(word)
        if word.startswith("<t") and n and word[2] != "c" and text.mention(word).words.endswith("s"):
            return last
        if word.startswith("<") or word in ("hour", "day", "date", "week", "month", "quarter", "year"):
            last = at
    return hit.match.end("g")


def _groups_here(hit: Found, words: list[str]) -> bool:
    """`for orders`, `across customers` say what is meant, not how to group."""
    return not (hit[0].startswith("for all") and words[0][1:2] == "t" and words[0][2:3] != "c")


def _measure_near(text: Text, hit: Found) -> bool:
    """`daily GCP cost`: a measure, a count or a table stands right behind."""
    return bool(re.match(r"(?:¦+ |[a-z]+ ){0,2}(?:<t..|<.c.|count|number|total|average|sum)", text.norm[hit.match.end() + 1 :]))


def read_items(text: Text, a: int, b: int) -> list[Group | Grain]:
    """The items of a list of groups between two places of the normal form."""
    out: list[Group | Grain] = []
    at = a
    for word in text.norm[a:b].split():
        place = text.norm.index(word, at)
        at = place + len(word)
        span = text.span(place, at)
        if word in ("hour", "day", "date", "week", "month", "quarter", "year"):
            out.append(Grain("day" if word == "date" else word, span))
        elif word.startswith("<"):
            column = word[2] == "c"
            mention = text.mention(word)
            if column and mention.words in ("date", "day") and dated(text, ref_of(text, word)):
                out.append(Grain("day", span))
            elif column and (word[1] != "t" or all(m.synonym for m in mention.of("t"))):
                out.append(Group(ref_of(text, word), span))
            else:
                out.append(Group(None, span, table=tables_of(text, word)[0]))
    return out


def dated(text: Text, column: Ref) -> bool:
    """Does a phrase name a date or time column?"""
    kinds = {text.lexicon.type_of(m.table, m.column) for m in column.meanings}
    return bool(kinds) and kinds <= {"DATE", "TIMESTAMP", "DATETIME"}


def numeric(text: Text, column: Ref) -> bool:
    """May it be summed? Names that the text made may."""
    return any(not m.table or text.lexicon.type_of(m.table, m.column) in NUMERIC for m in column.meanings)


ONCE = P(
    r"(?:only |but )?(?:distinct|unique|distinct ones|unique ones|distinct only|each counted once|counted once)", "distinct|unique|once"
)
EXTREME = {"lowest", "smallest", "highest", "largest", "biggest", "latest", "earliest"}


def read_measures(text: Text, draft: Draft) -> None:
    for hit in text.find(DISTINCT):
        word = hit["x"] or hit["x2"]
        if word[2] == "c":
            draft.measures.append(Measure("count_distinct", ref_of(text, word), hit.span))
        else:
            draft.measures.append(Measure("count_distinct", None, hit.span, table=tables_of(text, word)[0]))
        text.take(hit)
    for hit in text.find(MEASURE):
        _functions(text, draft, hit)
    for hit in text.find(SUFFIX):
        fn = FUNCTIONS[hit["fn"]]
        if numeric(text, ref_of(text, hit["cs"])):
            draft.measures.append(Measure(fn, ref_of(text, hit["cs"]), hit.span))
            text.take(hit)
    for hit in text.find(OF_TABLE):
        table = tables_of(text, hit["t"])[0]
        if text.lexicon.main(table):
            draft.measures.append(Measure(FUNCTIONS[hit["fn"]], None, hit.span, table=table, alias=text.mention(hit["t"]).words))
            text.take(hit)
    for hit in text.find(COUNT):
        _count(text, draft, hit)
    for hit in text.find(ONCE):
        counted = [m for m in draft.measures if m.fn in ("count", "count_distinct")]
        if counted:
            counted[-1].fn = "count_distinct"
            text.take(hit)


def _functions(text: Text, draft: Draft, hit: Found) -> None:
    if set(hit["fn"].split()) & EXTREME and not re.search(r" (?:per|by|each|every) ", text.norm):
        return
    fns = [f for f in re.split(r" , and | and | , | the ", " " + hit["fn"] + " ") if f.strip()]
    at = end = hit.match.start("cs")
    made = []
    for n, word in enumerate(w for w in hit["cs"].split() if w.startswith("<")):
        place = text.norm.index(word, at)
        at = place + len(word)
        column = ref_of(text, word)
        if (n and not numeric(text, column)) or (
            n and re.match(r" (?:is|are|must|=|per|over|above|below|between) ", text.norm[at : at + 12] if n else "")
        ):
            break
        end = at
        made += [Measure(FUNCTIONS[f.strip()], column, text.span(hit.match.start(), at)) for f in fns]
    if not made:
        return
    if end < hit.match.end("cs"):
        text.take((hit.match.start(), end))
    else:
        text.take(hit)
    draft.measures += made


def _count(text: Text, draft: Draft, hit: Found) -> None:
    word = hit["x"]
    if word.startswith("<"):
        if word[1] == "t":
            draft.measures.append(Measure("count_distinct" if hit["late"] else "count", None, hit.span, table=tables_of(text, word)[0]))
        else:
            draft.measures.append(Measure("count_distinct", ref_of(text, word), hit.span, guessed=not hit["late"]))
    elif word or (
        re.match(r" (?:¦|per|by|for|in|and|,|to|into)", text.norm[hit.match.end() :])
        and not hit[0].endswith(("number", "numbers", "volume"))
    ):
        draft.measures.append(Measure("count", None, hit.span))
    else:
        return
    text.take(hit)


def read_titles(text: Text, draft: Draft) -> None:
    """`revenue by country`: a number column without a function is summed when something groups it."""
    if not (draft.groups or draft.grains):
        return
    for hit in text.find(TITLE):
        column = ref_of(text, hit["c"])
        if numeric(text, column) and not any(m.column.endswith("_id") for m in column.meanings):
            draft.measures.append(Measure("sum", column, hit.span, guessed=True))
            text.take(hit)
