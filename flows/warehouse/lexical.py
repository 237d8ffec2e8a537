"""Is a text read the same way by everybody? A comment or string that two readers end at different places hides a table from one of them."""

from __future__ import annotations

import re

from flows.errors import SqlError
from flows.warehouse.lexer import tokens

STRANGE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u2028\u2029]|\r(?!\n)")
"""Control characters: some readers end a line at them, some do not."""
LEGACY = re.compile(r"\s*#\s*legacysql", re.IGNORECASE)  # turns a BigQuery job to its older language
QUOTED = frozenset({"STRING", "RAW_STRING", "BYTE_STRING", "NATIONAL_STRING", "HEREDOC_STRING", "UNICODE_STRING", "IDENTIFIER"})


def agreed(text: str) -> None:
    """Raise SqlError unless BigQuery's rules of comments, strings and quoted names find the same parts in a text as the parser."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    if LEGACY.match(text):
        raise SqlError("legacy SQL is not allowed here", verdict="refused", code="not_allowed", fix="Write GoogleSQL")
    if found := STRANGE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise SqlError(f"a control character ({found[0]!a}) stands in the statement", code="not_text", line=line, fix="Remove it")
    ours = tokens(text)
    try:
        theirs = sqlglot.tokenize(text, read="bigquery")
    except SqlglotError as error:
        raise SqlError(f"this is not a statement: {str(error)[:200]}") from None
    code = _bare("".join(text[token.start:token.end + 1] for token in theirs))
    quoted = {token.end + 1 for token in theirs if token.token_type.name in QUOTED and text[token.end] in "`'\""}
    if code != _bare("".join(token.text for token in ours)) or quoted != {token.end for token in ours if token.kind in ("string", "name")}:
        raise SqlError("comments, strings or quoted names can be read in two ways here", verdict="refused", code="two_readings",
                       fix="Write no comment inside of another, and close each string on its line")


def _bare(text: str) -> str:
    """Without spaces: the parser takes GROUP BY as one word."""
    return "".join(text.split())
