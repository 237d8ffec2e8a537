"""Small tools for rewriting a typed BigQuery tree: calls, casts, the type of a node, refusals with their place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from flows.errors import SqlError

T = exp.DataType.Type
KINDS = {
    **dict.fromkeys((T.BIGINT, T.INT, T.SMALLINT, T.TINYINT, T.INT128, T.UBIGINT, T.UINT), "INT64"),
    **dict.fromkeys((T.DOUBLE, T.FLOAT), "FLOAT64"), **dict.fromkeys((T.TEXT, T.VARCHAR, T.CHAR, T.NVARCHAR), "STRING"),
    **dict.fromkeys((T.BINARY, T.VARBINARY), "BYTES"), **dict.fromkeys((T.DATETIME, T.TIMESTAMP, T.TIMESTAMPNTZ), "DATETIME"),
    **dict.fromkeys((T.TIMESTAMPTZ, T.TIMESTAMPLTZ), "TIMESTAMP"), **dict.fromkeys((T.ARRAY, T.LIST), "ARRAY"),
    T.DECIMAL: "NUMERIC", T.BIGDECIMAL: "BIGNUMERIC", T.BOOLEAN: "BOOL", T.DATE: "DATE", T.TIME: "TIME", T.JSON: "JSON",
    T.STRUCT: "STRUCT", T.INTERVAL: "INTERVAL",
}
MOMENTS = ("DATE", "TIME", "DATETIME", "TIMESTAMP")
NUMBERS = ("INT64", "NUMERIC", "BIGNUMERIC", "FLOAT64")

Rule = Callable[[Any], exp.Expr]


def kind(node: exp.Expr | None) -> str:
    """The BigQuery type of an annotated node without its parameters; '' when it is not known."""
    found = node.type if node is not None else None
    if found is not None and found.this == T.DECIMAL and [size.name for size in found.expressions[1:2]] == ["18"]:
        return "BIGNUMERIC"  # as it is made of one here
    return KINDS.get(found.this, "") if found is not None else ""


def is_text(node: exp.Expr | None) -> bool:
    """A string literal, which BigQuery turns into a date or time where one is needed."""
    return isinstance(node, exp.Literal) and bool(node.is_string)


def call(name: str, *args: exp.Expr | str | int) -> exp.Anonymous:
    """A call of a DuckDB function that no generator changes; text becomes a string literal."""
    made = [exp.Literal.string(a) if isinstance(a, str) else exp.Literal.number(a) if isinstance(a, int) else a for a in args]
    return exp.Anonymous(this=name, expressions=made)


def cast(node: exp.Expr, to: str) -> exp.Expr:
    """CAST to a DuckDB type."""
    return exp.Cast(this=node, to=exp.DataType.build(to, dialect="duckdb"))


def agree(node: exp.Expr, branches: list[exp.Expr]) -> None:
    """Values that end in one column have one type, or are numbers; text literals follow dates and times. Raises SqlError otherwise:
    DuckDB would make text of all of them."""
    kinds = {kind(b) for b in branches if not isinstance(b.unalias(), exp.Null) and kind(b)}
    if any(k in MOMENTS for k in kinds) and "STRING" in kinds and all(is_text(b.unalias()) for b in branches if kind(b) == "STRING"):
        kinds.discard("STRING")
    if len(kinds) > 1 and not kinds <= set(NUMBERS) and kinds != {"DATE", "DATETIME"}:
        raise invalid(node, f"{' and '.join(sorted(kinds))} do not go together in {node.sql(dialect='bigquery')[:80]}", "Cast one of them")


def line_of(node: exp.Expr) -> int:
    """The line a node came from, 0 when it is not known."""
    return next((n.meta["line"] for n in node.walk() if "line" in n.meta), 0)


def properties(tree: exp.Expr) -> list[exp.Expr]:
    """What stands in a statement beside its names and its query: TEMP, OPTIONS, PARTITION BY and the like."""
    found = tree.args.get("properties")
    return list(found.expressions) if found is not None else []


def is_temporary(tree: exp.Expr) -> bool:
    """CREATE TEMP of whatever."""
    return isinstance(tree, exp.Create) and any(isinstance(p, exp.TemporaryProperty) for p in properties(tree))


def refuse(node: exp.Expr, what: str, fix: str = "") -> SqlError:
    """Fine on BigQuery, not offered here."""
    return SqlError(what, verdict="refused", code="bigquery_only", line=line_of(node), where=_place(node),
                    fix=fix or "Write it another way, or run this part on BigQuery")


def invalid(node: exp.Expr, what: str, fix: str = "") -> SqlError:
    """BigQuery would reject it as well."""
    return SqlError(what, line=line_of(node), where=_place(node), fix=fix)


def _place(node: exp.Expr) -> str:
    line = line_of(node)
    return f"line {line}" if line else ""
