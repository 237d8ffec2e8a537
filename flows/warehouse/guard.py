"""What a written statement may do, on either warehouse: one statement, read-only where that was promised, known functions, no way to
what is not the tenant's. Its size is judged in `bounds`, which table a name means in `tables` (locally) and `bq.names`."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from flows.errors import LimitError, SqlError
from flows.warehouse import allowed, bounds, lexical
from flows.warehouse.scope import unnest_paths

if TYPE_CHECKING:
    from sqlglot import exp

MAX_CHARS = 1_000_000
VARIABLES = frozenset({"project_id"})
"""System variables that tell nothing of others."""
METADATA = frozenset({"TABLES", "COLUMNS", "COLUMN_FIELD_PATHS", "VIEWS", "MATERIALIZED_VIEWS", "TABLE_OPTIONS", "PARTITIONS", "ROUTINES",
                      "ROUTINE_OPTIONS", "PARAMETERS", "KEY_COLUMN_USAGE", "TABLE_CONSTRAINTS", "CONSTRAINT_COLUMN_USAGE", "SCHEMATA"})
"""Views of INFORMATION_SCHEMA that speak of one dataset; all others speak of a project or a region."""
BAD_NAME = re.compile(r"[\x00-\x1f\x7f/\\$@`'\";:?#()]")


WIDE_BYTES = re.compile(r"""\br?br?('(\\.|[^\\'])*?|"(\\.|[^\\"])*?)[^\x00-\x7f]""", re.IGNORECASE | re.DOTALL)
"""The beginning of a bytes literal with a letter beyond ASCII in it."""


_MISSING = re.compile(r"Required keyword: '(\w+)' missing for <class '[\w.]+'>")
_TOKEN = re.compile(r"<Token .*?text: (.*?), line: .*>", re.DOTALL)


def parse(text: str) -> list[exp.Expr]:
    """The statements of a BigQuery script. Raises SqlError with line and column."""
    import sqlglot
    from sqlglot import exp
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
        if "Unsupported pipe syntax" in str(first.get("description")):
            raise SqlError(f"{str(first['description']).rstrip('.')}: it is not offered by the local warehouse", verdict="refused",
                           code="bigquery_only", line=first.get("line") or 0, column=first.get("col") or 0,
                           fix="Write it with SELECT, or run it on BigQuery") from None
        said = _MISSING.sub(r"\1 is missing", first.get("description") or "it cannot be read")
        said = _TOKEN.sub(r"'\1'", said)
        raise SqlError(f"this is not a statement: {said}",
                       line=first.get("line") or 0, column=first.get("col") or 0) from None
    except SqlglotError as error:
        raise SqlError(f"this is not a statement: {str(error)[:200]}") from None
    except RecursionError:
        raise SqlError("the statement is nested too deeply", code="limit", fix="Split it into steps") from None
    except (AttributeError, KeyError, IndexError, TypeError, ValueError):  # the parser itself, on a call with strange arguments
        raise SqlError("this is not a statement: it cannot be read") from None
    for node in (node for tree in found if tree is not None for node in tree.find_all(exp.ByteString)):
        node.meta["escaped"] = not WIDE_BYTES.search(text)  # then each letter beyond ASCII in it was written as one \xNN
    trees = [unnest_paths(tree) for tree in found if tree is not None]
    if not any(isinstance(tree, exp.Command) for tree in trees):  # the parser takes the rest of a command as one string
        lexical.agreed(text)
    return trees


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
        raise SqlError(f"only a SELECT is allowed here, this is {_words(trees[0])}", verdict="refused", code="read_only",
                       fix="Writing is done by a step with a destination")
    return trees[0]


def statement(tree: exp.Expr, *, own: Collection[str] = (), variables: Collection[str] = VARIABLES) -> None:
    """Refuse what a statement of a person may never do, wherever it stands in the tree and whichever warehouse runs it.

    `own`: functions that this session or script made, lower case, dataset.name or a bare name. `variables`: @@names that have a value.
    Raises SqlError (code not_allowed | read_only | unknown_function | bigquery_only | limit | bad_table).
    """
    from sqlglot import exp

    never = (exp.Command, exp.Set, exp.Use, exp.Attach, exp.Detach, exp.Pragma, exp.Copy, exp.LoadData, exp.Export, exp.Declare,
             exp.Into, exp.Lock, exp.Execute, exp.Kill, exp.Describe, exp.Cache, exp.Analyze, exp.Grant, exp.Rollback)
    writing = (exp.DML, exp.DDL, exp.Drop, exp.Alter, exp.TruncateTable)
    bounds.size(tree)
    for node in tree.walk():
        if isinstance(node, never):
            raise _refused(node, _words(node))
        if isinstance(node, writing) and not isinstance(node, exp.Query) and node is not tree and not isinstance(node.parent, exp.When):
            raise SqlError(f"{_words(node)} stands inside another statement", verdict="refused", code="read_only",
                           fix="Writing is done by a step with a destination")
        if isinstance(node, (exp.ExternalProperty, exp.RemoteWithConnectionModelProperty)):
            raise _denied(node, "what lies outside of the warehouse")
        if isinstance(node, exp.Create) and node.kind in ("MODEL", "CONNECTION", "RESERVATION", "ASSIGNMENT", "CAPACITY"):
            raise _denied(node, f"CREATE {node.kind}")
        if isinstance(node, exp.Table):
            _table(node, own)
        elif isinstance(node, exp.Unnest):
            _path(node)
        elif isinstance(node, exp.Func):
            _function(node, own)
        elif isinstance(node, exp.Parameter) and isinstance(node.this, exp.Parameter):
            _variable(node, variables)
        elif isinstance(node, exp.Placeholder) and not node.name:
            raise SqlError("a parameter needs a name here", fix="Write @name instead of ?")


def made(trees: Sequence[exp.Expr]) -> frozenset[str]:
    """The functions that these statements create, as `statement` takes them in `own`."""
    from sqlglot import exp

    found = set()
    for tree in trees:
        if isinstance(tree, exp.Create) and tree.kind == "FUNCTION":
            table = tree.this.this if isinstance(tree.this, exp.UserDefinedFunction) else tree.this
            found.add(".".join(part.name for part in table.parts).lower())
    return frozenset(found)


def _function(node: exp.Func, own: Collection[str]) -> None:
    found = allowed.refused(node, own)
    if found is None:
        return
    name, code = found
    if code == "not_allowed":
        raise _denied(node, f"function {name}")
    raise SqlError(f"there is no function {name}", code=code, line=_line(node), fix="Use a function of BigQuery")


def _variable(node: exp.Parameter, variables: Collection[str]) -> None:
    name = ".".join(part.name for part in [node.this, *_dotted(node)]).lower()
    if name not in variables:
        raise _denied(node, f"@@{name}")


def _dotted(node: exp.Expr) -> list[exp.Expr]:
    """The names after a dot: error, message of @@error.message."""
    from sqlglot import exp

    found, here = [], node
    while isinstance(here.parent, exp.Dot) and here.parent.this is here:
        here = here.parent
        found.append(here.expression)
    return found


def _table(node: exp.Table, own: Collection[str]) -> None:
    """The form of a table's name; whose it is, is judged where the name is looked up."""
    from sqlglot import exp

    if node.this is None:
        return  # CREATE SCHEMA names a dataset only
    if not isinstance(node.this, exp.Identifier):
        name = allowed.called(node.this) if isinstance(node.this, exp.Func) else node.this.sql(dialect="bigquery")[:60]
        if isinstance(node.this, exp.Func) and name.lower() in own:
            return
        raise _denied(node, f"table function {name}" if isinstance(node.this, exp.Func) else f"reading {name}")
    if isinstance(node.parent, (exp.Create, exp.UserDefinedFunction)) and isinstance(node.this, exp.Identifier) and not node.name:
        return
    parts = [part.name for part in node.parts]
    if any(BAD_NAME.search(part) or not part for part in parts) or "*" in "".join(parts).rstrip("*") or "*" in "".join(parts[:-1]):
        decorated = any(mark in parts[-1] for mark in "$@")
        raise SqlError(f"{'.'.join(parts)!r} is not the name of a table", code="bad_table", line=_line(node),
                       fix="Filter by the partition column" if decorated else "Read a file with a generic.extract step")
    if node.args.get("when") or node.args.get("changes"):
        raise _denied(node, "time travel of this form")
    _metadata(node, parts)


def _path(node: exp.Unnest) -> None:
    """`t.items` in one pair of backticks: the parser takes it for an array of t, BigQuery may take it for a table of a dataset t."""
    from sqlglot import exp

    for item in node.expressions:
        starts = [part.meta.get("start") for part in item.parts] if isinstance(item, exp.Column) else []
        if any(start is not None and starts.count(start) > 1 for start in starts):
            raise SqlError(f"{item.sql(dialect='bigquery')} can be read as a table and as an array", verdict="refused", code="two_readings",
                           line=_line(node), fix="Write UNNEST(t.items), or quote each part by itself")


def _metadata(node: exp.Table, parts: Sequence[str]) -> None:
    """INFORMATION_SCHEMA only of a dataset: `region-eu`.INFORMATION_SCHEMA speaks of every tenant's."""
    whole = ".".join(parts).upper().split(".")
    if "INFORMATION_SCHEMA" not in whole:
        return
    at = whole.index("INFORMATION_SCHEMA")
    view, dataset = ".".join(whole[at + 1:]), whole[at - 1] if at else ""
    if dataset.startswith("REGION-") or view not in METADATA or (not dataset and view != "SCHEMATA"):
        raise _denied(node, ".".join(parts))


def _words(node: exp.Expr) -> str:
    from sqlglot import exp

    if isinstance(node, exp.Command):
        word = str(node.this).split()[0].upper() if str(node.this).split() else ""
        return f"{word} (scripting, procedures and administration)" if word else "this statement"
    return {"loaddata": "LOAD DATA", "export": "EXPORT DATA", "truncatetable": "TRUNCATE TABLE"}.get(node.key, node.key.upper())


def _line(node: exp.Expr) -> int:
    return next((n.meta["line"] for n in node.walk() if "line" in n.meta), 0)


def _denied(node: exp.Expr, what: str) -> SqlError:
    """Nobody may, on no warehouse."""
    line = _line(node)
    return SqlError(f"{what} is not allowed here", verdict="refused", code="not_allowed", line=line, where=f"line {line}" if line else "",
                    fix="Use tables of your own datasets and functions of BigQuery")


def _refused(node: exp.Expr, what: str) -> SqlError:
    line = _line(node)
    return SqlError(f"{what} is not offered by the local warehouse", verdict="refused", code="bigquery_only", line=line,
                    where=f"line {line}" if line else "", fix="Write it as steps of a pipeline, or run it on BigQuery")
