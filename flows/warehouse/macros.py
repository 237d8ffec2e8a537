"""Functions of BigQuery that DuckDB has not, or has with another meaning, as macros of every local session."""

from __future__ import annotations

import re
from collections.abc import Set
from typing import TYPE_CHECKING

from flows.warehouse import macros_number, macros_text, macros_time

if TYPE_CHECKING:
    from sqlglot import exp

PREFIX = "bq_"
_DIV_ZERO = "error('division by zero')"
_UNITS = "abs(CAST(CAST({x} AS DECIMAL(38,9)) * 1000000000 AS HUGEINT))"  # a NUMERIC as a whole number of its last digit

MACROS = (
    # numbers
    f"bq_div(a, b) AS CASE WHEN b = 0 THEN {_DIV_ZERO} ELSE CAST(a AS DOUBLE) / CAST(b AS DOUBLE) END",
    "bq_safe_div(a, b) AS CASE WHEN b = 0 THEN NULL ELSE CAST(a AS DOUBLE) / CAST(b AS DOUBLE) END",
    # exact, half away from zero at the ninth digit: (2 * |a| * 10^9 + |b|) // (2 * |b|)
    f"bq_numeric_div(a, b) AS CASE WHEN b = 0 THEN {_DIV_ZERO} ELSE CAST(sign(a) * sign(b) AS INTEGER) * CAST(CAST("
    f"(2000000000 * {_UNITS.format(x='a')} + {_UNITS.format(x='b')}) // (2 * {_UNITS.format(x='b')}) AS DECIMAL(29,0)) "
    "* CAST('0.000000001' AS DECIMAL(9,9)) AS DECIMAL(38,9)) END",
    "bq_numeric_text(x) AS rtrim(rtrim(CAST(CAST(x AS DECIMAL(38,9)) AS VARCHAR), '0'), '.')",
    f"bq_int_div(a, b) AS CASE WHEN b = 0 THEN {_DIV_ZERO} ELSE a // b END",
    "bq_finite(x, what) AS CASE WHEN x IS NULL OR isfinite(x) THEN x ELSE error(what) END",
    "bq_finite_or_null(x) AS CASE WHEN isfinite(x) THEN x END",
    # text to values, as strict as BigQuery
    "bq_bool(s) AS CASE lower(s) WHEN 'true' THEN true WHEN 'false' THEN false ELSE CASE WHEN s IS NULL THEN NULL "
    "ELSE error('Bad bool value: ' || s) END END",
    "bq_safe_bool(s) AS CASE lower(s) WHEN 'true' THEN true WHEN 'false' THEN false END",
    "bq_round_after(n) AS CASE WHEN n >= 500 THEN error('A recursive CTE has reached the maximum number of iterations: 500') "
    "ELSE n + 1 END",
)


def _quiet(macro: str) -> str:
    """The same macro under another name, with NULL where it would stop."""
    made = macro.replace("(", f"{OR_NULL}(", 1)
    while found := _ERROR.search(made):
        depth, end = 0, found.start()
        for end in range(found.end() - 1, len(made)):
            depth += {"(": 1, ")": -1}.get(made[end], 0)
            if not depth:
                break
        made = made[:found.start()] + "NULL" + made[end + 1:]
    return made


ALL = (*MACROS, *macros_number.MACROS, *macros_text.MACROS, *macros_time.MACROS)
OR_NULL = "__or_null"
_ERROR = re.compile(r"(?<!\w)error\(")
RAISING = frozenset(macro.partition("(")[0] for macro in ALL if _ERROR.search(macro))
"""Macros that stop a statement; each has a brother that gives NULL, for SAFE."""


def _all() -> dict[str, str]:
    """Every macro by its name."""
    made: dict[str, str] = {}
    for macro in ALL:
        name = macro.partition("(")[0]
        made[name] = macro
        if name in RAISING:
            made[f"{name}{OR_NULL}"] = _quiet(macro)
    return made


_NAME = re.compile(rf"\b{PREFIX}\w+(?=\()", re.IGNORECASE)
_BY_NAME = _all()
_INSIDE = {name: frozenset(_NAME.findall(macro.partition(" AS ")[2])) for name, macro in _BY_NAME.items()}


def needed(sql: str, there: Set[str]) -> dict[str, str]:
    """What to run before a statement: CREATE MACRO by name, of the macros that it uses and those that they use, in order."""
    wanted, queue = set[str](), [name.lower() for name in _NAME.findall(sql)]
    while queue:
        name = queue.pop()
        if name in _BY_NAME and name not in wanted and name not in there:
            wanted.add(name)
            queue += _INSIDE[name]
    return {name: f"CREATE MACRO {macro}" for name, macro in _BY_NAME.items() if name in wanted}


def statements() -> list[str]:
    """All of them."""
    return [f"CREATE MACRO {macro}" for macro in _BY_NAME.values()]


def quiet(tree: exp.Expr) -> exp.Expr:
    """A tree made of these macros only, with NULL where it would stop."""
    from sqlglot import exp

    made = tree.copy()
    for node in made.find_all(exp.Anonymous):
        if node.name in RAISING:
            node.set("this", f"{node.name}{OR_NULL}")
    return exp.Anonymous(this="try", expressions=[made])
