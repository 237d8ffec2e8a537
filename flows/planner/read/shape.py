"""The shape of the rows: new columns, chosen columns, new names, filled gaps, order, number of rows."""

from __future__ import annotations

import re
from typing import Any

from flows.planner.read.draft import Derive, Draft, Ref, Said, ref, ref_of
from flows.planner.read.text import Found, P, Text

TERM = r"(?:{C}|{N}|\( (?:{C}|{N})(?: (?:\+|-|\*|\/|plus|minus|times|multiplied by|divided by|less|added to) (?:{C}|{N})){1,4} \))"
OPERATOR = r"(?:\+|-|\*|\/|x|plus|minus|times|multiplied by|multiplied with|divided by|less|over|per)"
EXPRESSION = rf"(?P<e>{TERM}(?: {OPERATOR} {TERM}){{1,6}})"
SIGNS = {
    "plus": "+",
    "minus": "-",
    "less": "-",
    "times": "*",
    "x": "*",
    "multiplied by": "*",
    "multiplied with": "*",
    "divided by": "/",
    "over": "/",
    "per": "/",
}
NAME = r"(?P<name>[a-z_]\w*|{Q}|{C})"
COMPUTE = (
    r"(?:(?:and|then|please|also|first|to|let|we|us|you|with|where|by|adding|add|adds|compute|computes|computing|calculate|"
    r"calculates|calculating|derive|deriving|define|defining|create|creating|introduce|have|include|including|work out|set|get|"
    r"given) )*"
)
COLUMN = (
    r"(?:(?:a|an|the|one|new|extra|additional|another|calculated|derived|computed|column|columns|field|measure|metric|called|"
    r"named|value) )*"
)
DERIVES = [
    P(source)
    for source in (
        rf"{COMPUTE}{COLUMN}{NAME}(?: column| field)?(?: (?:which is|that is))? (?:=|as|is|being|equal to|equals|from|:|: =|defined as|"
        rf"computed as|calculated as|by taking|to be|as the product of)(?: the)? {EXPRESSION}",
        rf"{COMPUTE}{EXPRESSION} (?:as|into|in|to|called|named)(?: (?:a|the|new|column|field|called|named))* {NAME}(?: column| field)?",
    )
]
COLUMNS = r"(?P<cs>{C}(?:(?: ,| and| , and| &| as well as| plus) (?:the |their |its )?{C}){0,14})"
SELECTS = [
    P(source)
    for source in (
        r"(?:(?:select|keep|keeping|take|pick|project|choose|want|need|include|including|export|load|copy|get|extract|use|show|give me|"
        r"with|but|only|just|we|and|then|send) )*(?:only|just|select|pick|project|choose)(?: (?:the|these|columns?|fields?|their|of|:|"
        rf"following|keep|take))* {COLUMNS}(?: (?:columns?|fields?|only))*(?= (?:from|of|in|for|to|into|and|,|\.|;|¦))",
        r"(?:(?:with|keep|keeping|using|use|include|including|and|take|only|just) )*(?:only |just )?(?:the |these |their )?(?:following "
        rf")?(?:columns?|fields?)(?: (?:are|:|of|only|named))* {COLUMNS}(?: only)?",
        rf"(?:get|take|extract|export|copy|load|send|fetch|pull|show|list|give me|want|need) (?:the |their )?{COLUMNS}(?: (?:columns?|"
        r"fields?))? (?=(?:of|from|for) (?:the |all |our |every |each )*(?:<t|<..v))",
        rf"(?:write|save|load|store|export|output|keep|copy|send) (?:only |just )?{COLUMNS}(?= (?:to|into|in|as|¦+|and|,|\.))",
    )
]
RENAME = [
    P(source, "rename|call|alias|named")
    for source in (
        rf"(?:and |then |please |also )*(?:rename|renaming)(?: (?:the|column|field))* (?P<c>{{C}})(?: column| field)?"
        rf" (?:to|as|into) {NAME}",
        rf"(?:and |then )*(?:call|alias)(?: (?:the|column))* (?P<c>{{C}}) (?:as )?{NAME}",
    )
]
VALUE = r"(?P<v>{N}|{Q}|zero|{W})"
FILLS = [
    P(source, "fill|replac|default|null|missing|empty")
    for source in (
        r"(?:and |then |please |also )*(?:fill|filling|replace|replacing|substitute|impute|set|default|treat)(?: (?:in|the|all|any|up|out|"
        r"every))* (?:missing|null|nulls?|empty|blank|unknown|absent)(?: (?:values?|entries))?(?: (?:in|of|for|the|on))* (?P<c>{C})(?: "
        rf"values?)?(?: (?:with|by|to|as|using|=)) {VALUE}",
        rf"(?:and |then |please |also )*(?:default|fill|set)(?: (?:in|the))* (?P<c>{{C}}) (?:to|with) {VALUE} (?:when|if|where)(?: (?:it|"
        r"they|that))?(?: is| are)? (?:missing|null|empty|blank|not set|unknown)",
        rf"(?:and |then |please )*(?:default|fill)(?: (?:in|the|up))* (?P<c>{{C}}) (?:to|with|by) {VALUE}",
    )
]
SORT = P(
    r"(?:and |then |please |, )*(?:sort|sorted|sorting|order|ordered|ordering|arranged|arrange|rank|ranked)(?: (?:it|them|the|"
    r"result|results|rows|output|by|descending|ascending|on))* by (?:the )?(?P<c>{C})(?: (?:in )?(?P<d>descending|desc|ascending|"
    r"asc|largest first|highest first|newest first|latest first|biggest first|lowest first|smallest first|oldest first|"
    r"alphabetically|order))*"
)
LIMIT = P(
    r"(?:and |then |but |please |only |just |take |keep |load |limit |limited |limiting |it |to |export |copy |the |at most |no "
    r"more than |a maximum of |sample of |with )*(?:(?P<w>limit(?:ed)?(?: (?:it|the result|rows|output))?(?: to)?) |first |at "
    r"most |only |a maximum of |no more than )(?:the )?(?:first )?(?P<n>{N}) (?:rows|records|entries|lines)(?: only)?",
    "rows|records|entries|lines",
)


def read_derives(text: Text, draft: Draft) -> None:
    """`net = amount - discount`; the new name is a column for everything that is read later."""
    for number, wanted in enumerate(DERIVES):
        for hit in text.find(wanted):
            name = text.literal(hit["name"]) if hit["name"].startswith("<q") else hit.raw("name")
            if not re.fullmatch(r"[A-Za-z_]\w*", name) or (number and hit["name"] in ("a", "the", "column")):
                continue
            parts = _parts(text, hit)
            if not parts:
                continue
            draft.derives.append(Derive(name.lower(), parts, hit.span))
            text.take(hit)
            text.promote(name)


def _parts(text: Text, hit: Found) -> list[Any]:
    """The expression as a list of columns, signs and numbers."""
    words = hit["e"]
    for word, sign in SIGNS.items():
        words = re.sub(rf"(?<= ){word}(?= )", sign, words)
    out: list[Any] = []
    for word in words.split():
        out.append(ref_of(text, word) if word.startswith("<") else word)
    return out


def read_fills(text: Text, draft: Draft) -> None:
    """`replace missing discounts with 0`: before the filters, which read `missing discount` too."""
    for wanted in FILLS:
        for hit in text.find(wanted):
            draft.fills.append((ref(hit, "c"), _value(text, hit), hit.span))
            text.take(hit)


def read_shape(text: Text, draft: Draft) -> None:
    for wanted in RENAME:
        for hit in text.find(wanted):
            name = text.literal(hit["name"]) if hit["name"].startswith("<q") else hit.raw("name")
            if re.fullmatch(r"[A-Za-z_]\w*", name):
                draft.renames.append((ref(hit, "c"), name, hit.span))
                text.take(hit)
    if not draft.windows:
        for hit in text.find(SORT):
            down = (
                any(w in (hit["d"] or "") for w in ("desc", "largest", "highest", "newest", "latest", "biggest")) or " descending" in hit[0]
            )
            draft.sorts.append((ref(hit, "c"), "desc" if down else "asc", hit.span))
            text.take(hit)
    if (found := text.first(LIMIT)) and found["n"].isdigit() and int(found["n"]) > 0:
        draft.limit = Said(int(found["n"]), found.span)
        text.take(found)


def _value(text: Text, hit: Found) -> Any:
    word = hit["v"]
    if word == "zero":
        return 0
    if word.startswith("<"):
        return text.literal(word)
    if re.fullmatch(r"\d+(?:\.\d+)?", word):
        value = float(word)
        return int(value) if value == int(value) else value
    return hit.raw("v")


def read_select(text: Text, draft: Draft) -> None:
    """The columns that stay; read late, so that `only paid orders` and `by country` are gone."""
    if draft.measures or draft.tops:
        return
    for wanted in SELECTS:
        for hit in text.find(wanted):
            found = [ref_of(text, w) for w in hit["cs"].split() if w.startswith("<")]
            if len(found) == 1 and wanted in SELECTS[2:]:
                continue
            draft.select += found
            text.take(hit)


__all__ = ["Ref", "read_derives", "read_select", "read_shape"]
