"""Filters by value: paid orders, status is paid, customers in Germany, high or urgent priority."""

from __future__ import annotations

import re
from typing import Any

from flows.planner.lexicon import Meaning
from flows.planner.read.draft import Branch, Draft, Leaf, Ref, Span, ref
from flows.planner.read.text import Found, P, Text
from flows.planner.read.words import FUNCTION, GLUE, MOVING, POLARITY, QUANTITY, UNITS, VESSELS

AND = r"(?: ,| or| and| nor| , and| , or| as well as| \/| , nor)"
IS = (
    r"(?: (?:column|field|value|values|which|that|they|ones|currently|still|either|any of|one of|among|in the list|in|equal to|"
    r"equals?|set to|being|be|is|are|was|were|=|:|of|has|have|"
    r"exactly|only|just|the|a|an|marked|marked as|as|to|\())*"
)
NOT = r"(?: (?P<no>not|neq|other than|is not|are not|anything but|neither|different from|never))?"
ITEM = r"(?:{V}|{Q})"
LIST = rf"(?P<vs>{ITEM}(?:{AND}(?: (?:the|a|an|either|in|is|are|from))* {ITEM}){{0,11}})"
SPOKEN = [
    P(source)
    for source in (
        rf"(?P<c>{{C}}){IS}{NOT}{IS} {LIST}(?: \))?",
        rf"(?P<c0>)(?:(?:only|just|all|still|currently|those|ones|the|being|marked|marked as|with|non -|non|in|from) )*{LIST}(?: -)? "
        r"(?P<c>{C})(?! (?:is|are|must|has|=))",
    )
]
PLAIN = P(rf"(?:(?:only|just|still|currently|already|non -|non|exclusively|solely|either) )*{LIST}(?: (?:only|ones|alone))*")
NEITHER = P(rf"neither {LIST}", "neither")
EQUALS = P(
    r"(?P<c>{C})(?: (?:value|column|field))?(?: (?:is|are|was|equals?|equal to|=|being|set to|of|in|one of|either|exactly|"
    r"called|named|\())* ?(?P<no> ?not|neq|is not|other than)?(?: (?:in|one of|equal to|equals|\())*(?P<eq>) (?P<vs>(?:{Q}|"
    rf"{{N}}|{{W}}|{{E}}|{{K}})(?:{AND} (?:{{Q}}|{{N}}|{{W}}|{{K}})){{0,8}})(?: \))?"
)
SURE = re.compile(
    r" (?:is|are|was|equals?|equal to|=|being|set to|of|in|one of|either|neq|not|exactly|called|named|other than|with "
    r"status) ?"
)
NAMING = frozenset(
    [
        "unique",
        "null",
        "empty",
        "missing",
        "positive",
        "negative",
        "between",
        "valid",
        "true",
        "false",
        "sum",
        "total",
        "average",
        "count",
        "max",
        "min",
        "day",
        "week",
        "month",
        "year",
        "quarter",
        "hour",
        "number",
    ]
)
NO_VALUE = FUNCTION | GLUE | MOVING | POLARITY | QUANTITY | VESSELS | set(UNITS) | NAMING
KEEP = P(
    r"(?:and |then |but |to |please |we |i |want |filter |filtered |filtering |restrict |restricted |restricting |limit |limited |"
    r"narrow |down |include |select |take |need )*(?:(?:keep|keeping|kept|include|including|take|consider|show|only|just|leave|"
    r"load|use|want) )*(?:only|just|exclusively|solely)(?: (?:keep|keeping|include|including|the|those|ones|with|for|from|to|take|"
    r"consider|where|that|which|rows|records|load|all))*"
)
FILTER = P(
    r"(?:filter|filters|filtered|filtering|restrict|restricted|restricting|limit|limited|narrow|narrowed)(?: (?:it|them|this|"
    r"the|rows|records|result|data|down|out|everything))*(?: (?:to|for|by|on|where|so that|such that))?"
)
LABEL = P(
    r"(?P<x>test|bad|invalid|broken|dummy|fake|junk|wrong|bogus|tiny|small|large|big) (?P<t>{T}|rows|records)(?: (?:where|whose|"
    r"with|that|which|having))"
)


def read_values(text: Text, draft: Draft, named: set[str]) -> None:
    """Every value of the catalogue that the text names becomes a condition; `named`: the tables that are surely meant."""
    for wanted in SPOKEN:
        for hit in text.find(wanted):
            column = ref(hit, "c")
            values = _values(text, hit["vs"], column, named)
            if values is None:
                continue
            leaf = Leaf(column, "=" if len(values) == 1 else "in", values[0] if len(values) == 1 else values, hit.span)
            negated = bool(hit.match.groupdict().get("no"))
            draft.filters.append((*hit.match.span(), Branch("not", [leaf], hit.span) if negated else leaf))
            text.take(hit)
    for wanted in (NEITHER, PLAIN):
        for hit in text.find(wanted):
            _plain(text, draft, hit, named, wanted is NEITHER or " non " in f" {hit[0]} ")
    for hit in text.find(EQUALS):
        _free(text, draft, hit)


def read_only(text: Text, draft: Draft) -> None:
    """`keep only`, `filter to`: consumed when a condition was read in the same clause, else they stay and are asked about."""
    for wanted in (KEEP, FILTER):
        for hit in text.find(wanted):
            a, b = hit.match.span()
            near = [min(abs(start - b), abs(a - end)) for start, end, _ in (*draft.filters, *text.extra)]
            if (near and min(near) <= 40) or (draft.select and wanted is KEEP):
                text.take(hit)


def read_label(text: Text, draft: Draft) -> None:
    """`exclude test orders where ...`: the word before the table only names what the condition says."""
    for hit in text.find(LABEL):
        if any(0 <= start - hit.match.end() <= 2 for start, _, _ in draft.filters):
            text.take(hit.match.span("x"))


def _values(text: Text, words: str, column: Ref, named: set[str]) -> list[Any] | None:
    """The catalogue's spelling of each item when it is a value of that column, else None."""
    owned = {(m.table, m.column) for m in column.meanings}
    out: list[Any] = []
    for item in words.split():
        if item.startswith("<q"):
            out.append(text.literal(item))
        elif item.startswith("<"):
            fit = [m for m in text.mention(item).of("v") if (m.table, m.column) in owned]
            fit = [m for m in fit if m.table in named] or fit
            if not fit:
                same = [m for m in text.mention(item).of("v") if m.column in {c for _, c in owned}]
                if not same:
                    return None
                out.append(text.literal(item))
                continue
            out.append(fit[0].value)
    return out or None


def _plain(text: Text, draft: Draft, hit: Found, named: set[str], negated: bool) -> None:
    """Adjectives: `paid and shipped orders`, `German customers`. Items of different columns become conditions of their own."""
    groups: dict[tuple[str, ...], list[tuple[str, list[Meaning]]]] = {}
    spans: dict[tuple[str, ...], list[tuple[int, int]]] = {}
    at = hit.match.start("vs")
    for item in hit["vs"].split():
        place = text.norm.index(item, at) if item.startswith("<") else at
        at = place + len(item)
        if not item.startswith("<") or item.startswith("<q"):
            continue
        meanings = text.mention(item).of("v")
        if (item[1] == "t" and not {m.table for m in meanings} & named) or item[2] == "c":
            return
        meanings = [m for m in meanings if m.table in named] or meanings
        columns = tuple(sorted({f"{m.table}.{m.column}" for m in meanings}))
        groups.setdefault(columns, []).append((item, meanings))
        spans.setdefault(columns, []).append((place, at))
    leaves: list[tuple[int, int, Any]] = []
    for columns, items in groups.items():
        a, b = min(s[0] for s in spans[columns]), max(s[1] for s in spans[columns])
        span = text.span(a, b)
        choices = tuple(Meaning("c", m.table, m.column) for m in items[0][1])
        values = [meanings[0].value for _, meanings in items]
        column = Ref(text.mention(items[0][0]).words, span, choices)
        leaf = Leaf(column, "=" if len(values) == 1 else "in", values[0] if len(values) == 1 else values, span, about="value")
        leaves.append((a, b, Branch("not", [leaf], span) if negated else leaf))
    if len(leaves) > 1 and " or " in hit["vs"]:
        span = text.span(leaves[0][0], leaves[-1][1])
        leaves = [(leaves[0][0], leaves[-1][1], Branch("any", [leaf for _, _, leaf in leaves], span))]
    draft.filters += leaves
    if groups:
        text.take(hit)


def _free(text: Text, draft: Draft, hit: Found) -> None:
    """`reason is damaged`, `status lost`, `order_id = 7`: taken as said; whether the catalogue knows it is judged later."""
    words = hit["vs"].split()
    items = [w for w in words if w not in (",", "or", "and", "nor", "/", "as", "well")]
    said = bool(SURE.search(" " + hit[0][len(hit["c"]) : hit.match.start("vs") - hit.match.start()] + " "))
    keep: list[Any] = []
    end = hit.match.start("vs")
    at = end
    for word in words:
        place = text.norm.index(word, at)
        at = place + len(word)
        if word in (",", "or", "and", "nor", "/", "as", "well"):
            continue
        if not word.startswith("<") and (word in NO_VALUE or word in "=+-*/%()" or not re.fullmatch(r"[\w.%-]+", word)):
            break
        raw = text.literal(word) if word.startswith("<") else text.raw[slice(*text.span(place, at))]
        keep.append(_number(raw) if re.fullmatch(r"\d+(?:\.\d+)?", word) else raw)
        end = at
        if not said and not _known_values(text, ref(hit, "c")):
            break
    if not keep or (not said and ((len(items) > 1 and len(keep) > 1) or not _known_values(text, ref(hit, "c")))):
        return
    span: Span = text.span(hit.match.start(), end)
    leaf = Leaf(ref(hit, "c"), "=" if len(keep) == 1 else "in", keep[0] if len(keep) == 1 else keep, span)
    draft.filters.append((hit.match.start(), end, Branch("not", [leaf], span) if hit["no"].strip() else leaf))
    text.take((hit.match.start(), end))


def _number(raw: str) -> int | float:
    value = float(raw)
    return int(value) if value == int(value) else value


def _known_values(text: Text, column: Ref) -> bool:
    return any(text.lexicon.catalog.tables[m.table].columns[m.column].values for m in column.meanings if m.table)
