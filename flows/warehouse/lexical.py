"""Is a text read the same way by everybody? A comment or string that two readers end at different places hides a table from one of them."""

from __future__ import annotations

import re

from flows.errors import SqlError
from flows.warehouse import foreign, spelling
from flows.warehouse.lexer import Token, tokens

STRANGE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u2028\u2029]|\r(?!\n)")
"""Control characters: some readers end a line at them, some do not."""
LEGACY = re.compile(r"\s*#\s*legacysql", re.IGNORECASE)  # turns a BigQuery job to its older language
ESCAPED = re.compile(r"\\([0-7]{1,3}|[xX][0-9A-Fa-f]{0,2}|u[0-9A-Fa-f]{0,4}|U[0-9A-Fa-f]{0,8}|.)", re.DOTALL)
ESCAPE_BYTES = re.compile(r"""\\([abfnrtv\\?"'`\n]|[0-3][0-7]{2}|[xX][0-9A-Fa-f]{2})""")
ESCAPE = re.compile(ESCAPE_BYTES.pattern + r"|\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})")
"""Source: BigQuery, "Lexical structure", escape sequences."""
PATHS = frozenset({"JSON_VALUE", "JSON_QUERY", "JSON_EXTRACT", "JSON_EXTRACT_SCALAR", "JSON_QUERY_ARRAY", "JSON_VALUE_ARRAY",
                   "JSON_EXTRACT_ARRAY", "JSON_EXTRACT_STRING_ARRAY"})
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
    _escapes(ours)
    _paths(ours)
    spelling.check(ours)
    try:
        theirs = sqlglot.tokenize(text, read="bigquery")
    except SqlglotError as error:
        raise SqlError(f"this is not a statement: {str(error)[:200]}") from None
    code = _bare("".join(text[token.start:token.end + 1] for token in theirs))
    quoted = {token.end + 1 for token in theirs if token.token_type.name in QUOTED and text[token.end] in "`'\""}
    if code != _bare("".join(token.text for token in ours)) or quoted != {token.end for token in ours if token.kind in ("string", "name")}:
        raise SqlError("comments, strings or quoted names can be read in two ways here", verdict="refused", code="two_readings",
                       fix="Write no comment inside of another, and close each string on its line")
    foreign.words(ours)


def _escapes(found: list[Token]) -> None:
    """Only the escapes of BigQuery stand in a string; the parser takes any letter after a backslash for itself."""
    for token in found:
        prefix = token.text[: min((token.text + "'").find("'"), (token.text + '"').find('"'))].lower() if token.kind == "string" else "r"
        if "r" in prefix or "\\" not in token.text:
            continue
        for part in ESCAPED.finditer(token.text):
            if not (ESCAPE if prefix == "" else ESCAPE_BYTES).fullmatch(part[0]):
                raise SqlError(f"{part[0][:2]} is no escape in a string", line=token.line, fix=r"Write \\\\ for the backslash itself")


def _paths(found: list[Token]) -> None:
    """A JSON path begins with $; the parser adds one that is missing."""
    for at, token in enumerate(found):
        if token.word not in PATHS or found[at + 1:at + 2] == [] or found[at + 1].text != "(":
            continue
        depth, commas = 0, []
        for n in range(at + 1, len(found)):
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(found[n].text, 0)
            if depth == 0:
                break
            if depth == 1 and found[n].text == ",":
                commas.append(n)
        path = found[commas[0] + 1] if commas else token
        if path.kind == "string" and not re.match(r"[rR]?(\"\"\"|\'\'\'|\"|\')\s*(lax\b|strict\b|\$)", path.text):
            raise SqlError("a JSON path begins with $", line=path.line, fix="Write '$.name'")


def _bare(text: str) -> str:
    """Without spaces: the parser takes GROUP BY as one word."""
    return "".join(text.split())
