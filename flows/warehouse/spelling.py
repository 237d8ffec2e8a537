"""Numbers and types as BigQuery spells them: the parser reads those of other dialects as well."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flows.errors import SqlError
from flows.warehouse.lexer import Token

NUMBER = re.compile(r"0[xX][0-9A-Fa-f]+|(\d+\.?\d*|\.\d+)([eE]\d*)?|\.\d+\.\w*")
"""A number as the tokens have it: the sign of an exponent is a token of its own."""
TYPES = frozenset({
    "ARRAY", "BIGDECIMAL", "BIGINT", "BIGNUMERIC", "BOOL", "BOOLEAN", "BYTEINT", "BYTES", "DATE", "DATETIME", "DECIMAL", "FLOAT64",
    "GEOGRAPHY", "INT", "INT64", "INTEGER", "INTERVAL", "JSON", "NUMERIC", "RANGE", "SMALLINT", "STRING", "STRUCT", "TIME", "TIMESTAMP",
    "TINYINT",
})
"""Source: BigQuery, "Data types"."""
KEYS = frozenset({"CONSTRAINT", "PRIMARY", "FOREIGN"})


def check(found: Sequence[Token]) -> None:
    """Raise SqlError for a word or sign that BigQuery does not have."""
    _signs(found)
    _types(found)


def _signs(found: Sequence[Token]) -> None:
    """No operator %, and no number that runs into a name: the parser takes MOD and an alias for them."""
    word = ""
    for before, token in zip([None, *found], found, strict=False):
        if token.text == "%" and token.kind == "sign":
            raise SqlError("there is no operator %", line=token.line, fix="Use MOD(a, b)")
        if token.text == "," and before is not None and before.kind == "number" and word == "LIMIT":
            raise SqlError("LIMIT takes one number", line=token.line, fix="Write LIMIT n OFFSET m")
        word = before.word if before is not None and token.kind == "number" else ""
        path = before is not None and before.end == token.start and (before.text in ("-", ".") or before.kind in ("word", "name"))
        if token.kind == "number" and not path and not NUMBER.fullmatch(token.text):
            raise SqlError(f"{token.text[:40]!r} is no number, and no space stands before a name", line=token.line)


def _types(found: Sequence[Token]) -> None:
    """Only BigQuery's names of types stand in CAST(... AS type) and in the columns of CREATE TABLE."""
    open_ = list[str]()
    for n, token in enumerate(found):
        if token.text in ("(", "["):
            word = found[n - 1].word if n else ""
            open_.append(word if word in ("CAST", "SAFE_CAST") else "TABLE" if _table_of(found, n) else "")
        elif token.text in (")", "]"):
            del open_[-1:]
        at = n + 1 if open_ and open_[-1] in ("CAST", "SAFE_CAST") and token.word == "AS" else 0
        if open_ and open_[-1] == "TABLE" and token.text in ("(", ",") and found[n + 1:n + 2] and found[n + 1].word not in KEYS:
            at = n + 2
        if at and at < len(found) and found[at].word and found[at].word not in TYPES:
            raise SqlError(f"there is no type {found[at].text}", line=found[at].line, fix=f"The types are: {', '.join(sorted(TYPES))}")


def _table_of(found: Sequence[Token], at: int) -> bool:
    """The bracket stands after CREATE ... TABLE and a name."""
    n = at - 1
    while n >= 0 and (found[n].kind in ("name", "number") or found[n].text in (".", "-")
                      or (found[n].word and (n == at - 1 or found[n + 1].text in (".", "-")))):
        n -= 1
    before = [token.word for token in found[max(n - 3, 0):n + 1]]
    if before[-3:] == ["IF", "NOT", "EXISTS"]:
        before = before[:-3]
    return n < at - 1 and before[-1:] == ["TABLE"]
