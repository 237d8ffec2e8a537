"""What a written statement may do: one statement, read-only where that was promised, known functions, no sizes that eat the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.errors import SqlError

if TYPE_CHECKING:
    from sqlglot import exp


def parse(text: str) -> list[exp.Expr]:
    """The statements of a BigQuery script. Raises SqlError with line and column."""
    import sqlglot
    from sqlglot.errors import ParseError, SqlglotError

    try:
        found = sqlglot.parse(text, read="bigquery")
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        raise SqlError(f"this is not a statement: {first.get('description', 'it cannot be read')}",
                       line=first.get("line") or 0, column=first.get("col") or 0) from None
    except SqlglotError as error:
        raise SqlError(f"this is not a statement: {str(error)[:200]}") from None
    except RecursionError:
        raise SqlError("the statement is nested too deeply", code="limit", fix="Split it into steps") from None
    return [tree for tree in found if tree is not None]


def one_query(text: str) -> exp.Query:
    """Exactly one SELECT. Raises SqlError for anything else."""
    from sqlglot import exp

    trees = parse(text)
    if not trees:
        raise SqlError("the statement is empty", fix="Write one SELECT")
    if len(trees) > 1:
        raise SqlError(f"{len(trees)} statements stand where one SELECT is allowed", verdict="refused", code="one_statement",
                       fix="Keep one, or make steps of them")
    if not isinstance(trees[0], exp.Query):
        raise SqlError(f"only a SELECT is allowed here, this is {trees[0].key.upper()}", verdict="refused", code="read_only",
                       fix="Writing is done by a step with a destination")
    return trees[0]
