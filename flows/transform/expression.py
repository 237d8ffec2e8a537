"""Scalar expressions: BigQuery SQL that somebody wrote, read, checked, typed and said again for the engine that runs it.

Nothing passes that is not known here. Where DuckDB would answer differently (division by zero, overflow of FLOAT64, rounding, text of
numbers, weeks) its tree is another one; what is only nearly the same is noted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect as SqlDialect
from sqlglot.errors import SqlglotError

from flows.spec.suggest import suggest
from flows.transform.casts import CASTS
from flows.transform.frame import Frame, Work, cast, fail, kind, missing, sql_type
from flows.transform.functions import FUNCTIONS
from flows.transform.moments import MOMENTS
from flows.transform.operators import OPERATORS
from flows.transform.scalars import NULL, Typed
from flows.warehouse.base import Column

SPLIT = "Split it over two derive operations"
_UNREADABLE = (SqlglotError, AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What sqlglot's parser raises for a text it cannot read; its builders trip over arguments that are not there, as in LPAD()."""
MAX_CHARS, MAX_DEPTH, MAX_NODES, MAX_BUILT = 8000, 60, 2000, 20_000

RULES: dict[type[exp.Expr], Callable[[Any, Any], Typed]] = {**OPERATORS, **CASTS, **FUNCTIONS, **MOMENTS}
NAMES = (
    "ABS", "ARRAY_LENGTH", "CAST", "CEIL", "CHAR_LENGTH", "COALESCE", "CONCAT", "CURRENT_DATE", "CURRENT_TIMESTAMP", "DATE",
    "DATETIME", "DATETIME_ADD", "DATETIME_DIFF", "DATETIME_SUB", "DATETIME_TRUNC", "DATE_ADD", "DATE_DIFF", "DATE_SUB", "DATE_TRUNC",
    "DIV", "ENDS_WITH", "EXP", "EXTRACT", "FLOOR", "FORMAT_DATE", "FORMAT_DATETIME", "FORMAT_TIMESTAMP", "GREATEST", "IF", "IFNULL",
    "INITCAP", "INSTR", "JSON_VALUE", "LAST_DAY", "LEAST", "LEFT", "LENGTH", "LN", "LOG", "LOG10", "LOWER", "LPAD", "LTRIM", "MD5",
    "MOD", "NULLIF", "PARSE_DATE", "PARSE_TIMESTAMP", "POW", "REGEXP_CONTAINS", "REGEXP_EXTRACT", "REGEXP_REPLACE", "REPLACE",
    "REVERSE", "RIGHT", "ROUND", "RPAD", "RTRIM", "SAFE_CAST", "SAFE_DIVIDE", "SHA256", "SIGN", "SPLIT", "SQRT", "STARTS_WITH",
    "STRPOS", "SUBSTR", "TIMESTAMP", "TIMESTAMP_ADD", "TIMESTAMP_DIFF", "TIMESTAMP_MICROS", "TIMESTAMP_MILLIS", "TIMESTAMP_SECONDS",
    "TIMESTAMP_SUB", "TIMESTAMP_TRUNC", "TO_HEX", "TRIM", "TRUNC", "UNIX_SECONDS", "UPPER",
)
"""The functions that are offered, as people write them."""


class _Reader:
    """One expression while it is read."""

    def __init__(self, text: str, columns: Sequence[Column], cells: dict[str, exp.Expr], work: Work, path: str) -> None:
        self.text, self.columns, self.cells, self.work, self.path = text, columns, cells, work, path
        self.depth = 0

    @property
    def duck(self) -> bool:
        return self.work.dialect == "duckdb"

    def refuse(self, message: str, hint: str = "") -> NoReturn:
        fail(self.path, "expression", f"in the expression {self.text[:120]!r}: {message}", hint)

    def read(self, node: Any) -> Typed:
        """A part of the expression. Raises SpecError for anything that is not known."""
        if isinstance(node, exp.Column):
            return self.column(node)
        rule = RULES.get(type(node))
        if rule is None:
            self.unknown(node)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.refuse("it is nested too deeply", SPLIT)
        found = rule(node, self)
        self.depth -= 1
        return found

    def column(self, node: exp.Column) -> Typed:
        if isinstance(node.this, exp.Star):
            self.refuse("* is not a value", "Name one column")
        if node.table:
            whole = ".".join(part.name for part in node.parts)
            near = suggest("_".join(part.name for part in node.parts[-2:]), [c.name for c in self.columns], 1)
            self.refuse(f"{whole[:80]!r} has a dot; columns are written without their table",
                        f"Did you mean {near[0] if near else node.name!r}? A column that both sides of a join have is <table>_<column>")
        name = node.name
        found = next((c for c in self.columns if c.name == name), None) or next(
            (c for c in self.columns if c.name.casefold() == name.casefold()), None)
        if found is None:
            missing(name, [c.name for c in self.columns], self.path)
        return Typed(self.cells[found.name].copy(), kind(found))

    def unknown(self, node: Any) -> NoReturn:
        if isinstance(node, exp.Query | exp.Subquery | exp.Exists | exp.SubqueryPredicate):
            self.refuse("a sub-query is not a scalar expression", "Join the other relation first")
        if isinstance(node, exp.Window):
            self.refuse("a window looks at other rows", "Use the window operation")
        if isinstance(node, exp.AggFunc):
            self.refuse(f"{node.sql_name()} looks at many rows", "Use the aggregate operation, or window for a value beside each row")
        if isinstance(node, exp.Parameter | exp.Placeholder):
            self.refuse("parameters are not offered here", "Write the value, or use a condition with {today: ...}")
        if isinstance(node, exp.Func):
            name = str(node.this) if isinstance(node, exp.Anonymous) else node.sql_name()
            near = suggest(name.upper(), NAMES, 3)
            hint = f"Did you mean {near[0]}?" if near else f"Offered are: {', '.join(NAMES)}"
            self.refuse(f"the function {name.upper()[:60]} is not offered here", hint)
        self.refuse(f"{type(node).__name__} is not offered here", "Use columns, values, operators, CASE and the offered functions")


def _parse(text: str, path: str) -> exp.Expr:
    """The tree of one expression, without comments. Raises SpecError with plain words."""
    if not text.strip():
        fail(path, "expression", "the expression is empty", "Write one like: amount - discount")
    if len(text) > MAX_CHARS:
        fail(path, "expression", f"the expression has {len(text)} characters, {MAX_CHARS} are allowed", SPLIT)
    if "\0" in text:
        fail(path, "expression", "the expression holds a character that is none")
    try:
        trees = SqlDialect.get_or_raise("bigquery").parse_into(exp.Condition, text)
        tree = trees[0] if len(trees) == 1 else None
        nodes = sum(1 for _ in tree.walk()) if tree is not None else 0
    except _UNREADABLE as error:
        fail(path, "expression", f"{text[:120]!r} is not an expression: {_reason(error)}",
             "Write one scalar expression in BigQuery SQL, like: amount - discount")
    except RecursionError:
        fail(path, "expression", "the expression is nested too deeply", SPLIT)
    if tree is None or isinstance(tree, exp.Block):
        fail(path, "expression", f"{text[:120]!r} is more than one expression", "Write one, without ';'")
    if nodes > MAX_NODES:
        fail(path, "expression", f"the expression has {nodes} parts, {MAX_NODES} are allowed", SPLIT)
    for node in tree.walk():
        node.pop_comments()
    return tree


def _reason(error: Exception) -> str:
    """What the parser says, without its colours and its copy of the text."""
    found = getattr(error, "errors", None) or [{}]
    said = str(found[0].get("description") or "it cannot be read").splitlines()[0]
    near = found[0].get("highlight")
    if said.startswith("Required keyword"):  # sqlglot names its own classes here
        said = "a part is missing"
    return f"{said[0].lower()}{said[1:]}" + (f" near {near[:40]!r}, character {found[0].get('col')}" if near else "")


def _read(text: str, columns: Sequence[Column], cells: dict[str, exp.Expr], work: Work, path: str) -> Typed:
    tree = _parse(text, path)
    try:
        found = _Reader(text, columns, cells, work, path).read(tree)
        built = sum(1 for _ in found.tree.walk())
    except RecursionError:
        fail(path, "expression", "the expression is nested too deeply", SPLIT)
    if built > MAX_BUILT:
        fail(path, "expression", "the expression becomes too large", SPLIT)
    if found.type == NULL:
        fail(path, "expression", f"{text[:120]!r} has no type", "Say which one: CAST(NULL AS STRING)")
    return found


def scalar(text: str, frame: Frame, work: Work, path: str) -> Typed:
    """An expression over the cells of a frame, for the engine of `work`; on DuckDB cast to exactly its type.

    Raises SpecError: not one scalar expression, unknown columns or functions, types that do not go together.
    """
    found = _read(text, frame.columns, frame.cells, work, path)
    if isinstance(found.tree, exp.Cast) and found.tree.to == sql_type(found.type, work.dialect):
        return found
    sure = isinstance(found.tree, exp.Column) or (found.type in ("STRING", "BOOL") and not found.tree.find(exp.Null))
    if work.dialect == "duckdb" and not sure:
        return Typed(cast(found.tree, found.type, "duckdb"), found.type)
    return found
