"""What a written statement may do: one statement, read-only where that was promised, known functions, no sizes that eat the machine."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from flows.errors import LimitError, SqlError

if TYPE_CHECKING:
    from sqlglot import exp

MAX_CHARS = 1_000_000


def parse(text: str) -> list[exp.Expr]:
    """The statements of a BigQuery script. Raises SqlError with line and column."""
    import sqlglot
    from sqlglot.errors import ParseError, SqlglotError

    if len(text) > MAX_CHARS:
        raise LimitError(f"the statement has {len(text):,} characters, {MAX_CHARS:,} are allowed", fix="Load long lists as a table")
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of every statement that it cannot read; those are refused below
    try:
        found = sqlglot.parse(text, read="bigquery")
    except ParseError as error:
        if re.search(r"\b(PROCEDURE|BEGIN|DECLARE|WHILE|LOOP|REPEAT|END\s+IF|END\s+FOR)\b", text, re.IGNORECASE):
            raise SqlError("scripting and procedures are not offered by the local warehouse", verdict="refused", code="bigquery_only",
                           fix="Write it as steps of a pipeline, or run it on BigQuery") from None
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


def statement(tree: exp.Expr) -> None:
    """Refuse what a statement of a person may never do here, wherever it stands in the tree. Functions are judged one by one in
    `dialect`, tables by the names that the session knows."""
    from sqlglot import exp

    never = (exp.Command, exp.Set, exp.Use, exp.Attach, exp.Detach, exp.Pragma, exp.Copy, exp.LoadData, exp.Export, exp.Declare,
             exp.Into, exp.Lock, exp.Execute, exp.Kill, exp.Describe, exp.Cache, exp.Analyze, exp.Grant, exp.Rollback)
    for node in tree.walk():
        if isinstance(node, never):
            words = {"loaddata": "LOAD DATA", "export": "EXPORT DATA"}
            raise _refused(node, "this statement" if isinstance(node, exp.Command) else words.get(node.key, node.key.upper()))
        if isinstance(node, exp.Version):
            raise _refused(node, "FOR SYSTEM_TIME")
        if isinstance(node, exp.Table):
            _table(node)
        if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Star):
            raise _refused(node, "a star after an expression")
        if isinstance(node, exp.Select) and node.args.get("kind") == "VALUE":
            raise _refused(node, "SELECT AS VALUE")
        if isinstance(node, exp.Placeholder) and not node.name:
            raise SqlError("a parameter needs a name here", fix="Write @name instead of ?")


def _table(node: exp.Table) -> None:
    from sqlglot import exp

    if node.this is None:
        return  # CREATE SCHEMA names a dataset only
    if not isinstance(node.this, exp.Identifier):
        raise _refused(node, "a table function")
    if "$" in node.name:
        raise SqlError(f"a partition cannot be read as {node.name!r}", fix="Filter by the partition column")
    if "*" in node.name:
        raise _refused(node, "a wildcard table")
    if any(part.name.upper() == "INFORMATION_SCHEMA" or part.name.upper().startswith("INFORMATION_SCHEMA.") for part in node.parts):
        raise _refused(node, "INFORMATION_SCHEMA")
    if "/" in node.name or "\\" in node.name:
        raise SqlError(f"{node.name!r} is not the name of a table", fix="Read a file with a generic.extract step")


def _refused(node: exp.Expr, what: str) -> SqlError:
    from sqlglot import exp

    if isinstance(node, exp.Command):
        word = str(node.this).split()[0].upper() if str(node.this).split() else ""
        what = f"{word} (scripting, procedures and administration)" if word else what
    line = next((n.meta["line"] for n in node.walk() if "line" in n.meta), 0)
    return SqlError(f"{what} is not offered by the local warehouse", verdict="refused", code="bigquery_only", line=line,
                    where=f"line {line}" if line else "", fix="Write it as steps of a pipeline, or run it on BigQuery")
