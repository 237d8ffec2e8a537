"""What is read and how it hangs together: tables, their connections, words that join them."""

from __future__ import annotations

from flows.planner.read.draft import Draft, Said, ref_of
from flows.planner.read.text import P, Text, keep_table

HOWS = {
    "left": "left(?: outer)?",
    "right": "right(?: outer)?",
    "full": "full(?: outer)?|outer",
    "inner": "inner",
    "anti": "anti|left anti",
    "semi": "semi|left semi",
    "cross": "cross",
}
JOIN = r"(?:join|joins|joined|joining)"
KINDS = [
    (
        how,
        P(
            rf"(?:(?:and|then|using|with|by|via|through|an?|as|do|use|please) )*(?:{words})(?: -)? {JOIN}(?: (?:it|them|that|this|"
            r"these|those|to|with|on to|onto|against|the|up|of|between|both))*",
            "join",
        ),
    )
    for how, words in HOWS.items()
    if how != "cross"
]
ON = P(
    r"(?:(?:on|by|via|using|over|along|through|matching)(?: (?:the|their|common|same|shared|key|keys|column|columns|id|matching))*) "
    r"(?P<c>{C})(?: (?:columns?|key))?"
)
CUES = P(
    rf"(?:(?:and|then|please|also|first|by|after|to|when|them|all) )*(?:{JOIN}|combine|combines|combined|combining|merge|merged|"
    r"merging|enrich|enriches|enriched|enriching|bring together|brought together|bringing together|put together|link|linked|"
    r"linking|match|matched|matching|connect|connected|blend|blending|look up|lookup|augment|augmented|complement|extend|"
    r"extended|attach|cross reference|relate|related|together with|along with|together)(?: (?:it|them|that|this|these|those|all|"
    r"up|to|with|together|the|from|in|by|both|against))*"
)
UNION = P(
    r"(?:(?:and|then|please|the|a|by|as|do|with|of) )*(?:union|unions|unioned|unite|stack|stacked|stacking|concatenate|"
    r"concatenated|concat|append the rows of|put under each other|one below the other|on top of each other)(?: (?:all|of|the|"
    r"rows|it|them|both|together))*",
    "unio|unit|stack|conc|append|under each|below|on top",
)
MANY = P(
    r"(?:from |across |out of |in )*(?:the |our )?(?:multiple|several|various|different|many|all|a number of|numerous|some|both|"
    r"{N})(?: (?:our|of|the|different|separate))* (?P<k>{K})(?: (?:databases|servers|instances|systems|sources|dbs|clusters|"
    r"accounts|projects|buckets|connections))",
    "<k:",
)
FROM = P(
    r"(?:(?:and|from|in|of|via|through|out of|on|off|inside|within|using|sitting in|living in|stored in|located in|that (?:are|is|"
    r"lives|live|sits|sit) in|which (?:are|is|lives) in|coming from|kept in) )(?:(?:the|our|a|an|an?|source|production|prod|"
    r"company) )*(?P<k>{K})(?: (?:database|db|server|system|bucket|api|table|tables|source|instance|cluster|file|files|connection|"
    r"dataset|endpoint|service))*"
)
ADJECTIVE = P(r"(?P<k>{K})(?: (?:table|tables|api|database|file|files))* (?={T}|<q)")
VENUE = P(
    r"(?:from |in |of )(?:the |our )?(?:(?:source|shop|company|crm|erp|operational|transactional|production|app|web|online) "
    r")+(?:database|db|system|shop|store|application|app)"
)


def read_cues(text: Text, draft: Draft) -> None:
    """Join kinds first (left join), then any word that joins."""
    for how, wanted in KINDS:
        for hit in text.find(wanted):
            draft.cues.append(Said(how, hit.span))
            text.take(hit)
    for hit in text.find(UNION):
        draft.cues.append(Said("union", hit.span))
        text.take(hit)
    for hit in text.find(CUES):
        draft.cues.append(Said("inner", hit.span, "inferred"))
        text.take(hit)


THROUGH = P(r"(?:through|via|over|using|by way of) (?:the )?(?P<t>{T})")


def read_on(text: Text, draft: Draft) -> None:
    """`on customer_id` behind a join."""
    if not draft.cues:
        return
    for hit in text.find(THROUGH):
        keep_table(text, hit)
    for hit in text.find(ON):
        column = ref_of(text, hit["c"])
        if len({m.table for m in column.meanings}) > 1 and all(_linked(text, m.table, m.column) for m in column.meanings):
            draft.join_on.append(column)
            text.take(hit)


def _linked(text: Text, table: str, column: str) -> bool:
    catalog = text.lexicon.catalog
    keys = {(k.table, k.column) for k in catalog.foreign_keys} | {(k.references.table, k.references.column) for k in catalog.foreign_keys}
    return (table, column) in keys or column in catalog.tables[table].primary_key


def read_connections(text: Text, draft: Draft) -> None:
    """Where a table lies; `from multiple PostgreSQL databases` asks which ones."""
    for hit in text.find(MANY):
        name = text.literal(hit["k"])
        draft.asks.append(
            (
                "source.connections",
                f"Which {hit.raw('k')} connections should be read?",
                hit.span,
                tuple(n for n, c in text.lexicon.catalog.connections.items() if c.kind == text.lexicon.catalog.connections[name].kind),
            )
        )
        text.take(hit)
    for wanted in (FROM, ADJECTIVE):
        for hit in text.find(wanted):
            draft.connections.append(Said(text.literal(hit["k"]), hit.span))
            text.take(hit)
    for hit in text.find(VENUE):
        draft.connections.append(Said("", hit.span))
        text.take(hit)


TABLE = P(r"(?P<t>{T})(?: (?:table|tables|data|rows|records|list|dataset|export|report|feed|history|information|file))*")


def read_tables(text: Text, draft: Draft) -> None:
    """Every table that is still unread is a source."""
    for hit in text.find(TABLE):
        meanings = text.mention(hit["t"]).of("t")
        for meaning in meanings[:1]:
            draft.tables.append((meaning.table, hit.part("t"), "text"))
        text.take(hit)


def sure_tables(text: Text) -> set[str]:
    """Tables that the text names by a word that can mean nothing else."""
    return {m.of("t")[0].table for m in text.mentions if m.of("t") and not m.of("c") and not m.of("v")}
