"""Wishes that destroy data are refused, never planned."""

from __future__ import annotations

from flows.planner.read.text import Found, P, Text

WHOLE = (
    r"(?:(?:the|all|every|each|any|our|its|my|whole|entire|old|of|from|in|data|content|contents|rows|records|everything|row|"
    r"record|existing|production|prod|customer|complete) )*"
)
DESTROY = [
    P(source, "drop|delete|truncate|wipe|erase|destroy|purge|remove|empty|clear|get rid|nuke|discard")
    for source in (
        r"(?:drop|delete|truncate|wipe|erase|destroy|purge|nuke|empty|clear)(?: out)? (?:(?:the|all|our|every|each|whole|entire|my|this|"
        r"that) )*(?:table|tables|database|databases|dataset|datasets|schema|schemas|warehouse|db|everything|it all)",
        rf"(?:delete|erase|wipe|purge|destroy|truncate|nuke|clear|empty|get rid of)(?: out)? {WHOLE}(?:{{T}}|{{D}})(?: (?:table|tables|"
        r"data|rows|records))?",
        r"(?:delete|erase|wipe|purge|destroy|nuke|truncate)(?: out)? (?:(?:the|all|every|each|any|our|old|of|from|in) )*(?:rows|records|"
        r"data|entries|row|record|everything|files|history|users|<..v:\d+>|<.c.:\d+>)",
        r"drop (?:(?:the|all|our) )*(?:{T}|{D}) (?:table|tables|dataset|database)",
        r"(?:remove|clear|drop) (?:(?:all|every|the) )*(?:data|rows|records|everything|entries)(?: (?:of|from|in) (?:(?:the|our|all) "
        r")*(?:<t..:\d+>|<d:\d+>|table|tables|database|warehouse))",
        r"truncate",
    )
]
HARMLESS = (" duplicate", " duplicates", " duplicated", " truncate and load", " truncate and reload", " truncate load")


def destructive(text: Text) -> Found | None:
    """The first wish to delete, drop or truncate; `drop cancelled orders` and `remove duplicates` only filter."""
    for wanted in DESTROY:
        for hit in text.find(wanted):
            around = " " + text.norm[hit.match.start() : hit.match.end() + 24]
            if not any(h in around for h in HARMLESS) and not _only_says_not(text, hit):
                return hit
    return None


def _only_says_not(text: Text, hit: Found) -> bool:
    before = text.norm[max(0, hit.match.start() - 18) : hit.match.start()]
    return before.rstrip().endswith((" not", " never", " without"))
