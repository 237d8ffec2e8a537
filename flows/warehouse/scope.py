"""Which tables a statement really reads: a name is a table unless a WITH above it gives it, place by place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlglot import exp


def real_tables(tree: exp.Expr) -> list[exp.Table]:
    """Every table node that no WITH in reach explains, in the order of the text.

    A list "any CTE name is fine" would let `WITH t AS (SELECT * FROM t) SELECT * FROM t` read the table t unseen.
    """
    return list(_walk(tree, frozenset()))


def _walk(node: exp.Expr, known: frozenset[str]) -> Iterator[exp.Table]:
    from sqlglot import exp

    if isinstance(node, exp.Table):
        if node.args.get("db") or not isinstance(node.this, exp.Identifier) or node.name.lower() not in known:
            yield node
        for key, value in node.args.items():
            if key not in ("this", "db", "catalog"):
                yield from _each(value, known)
        if not isinstance(node.this, exp.Identifier):
            yield from _each(node.this, known)
        return
    with_ = node.args.get("with_")
    if with_ is not None:
        names = [cte.alias_or_name.lower() for cte in with_.expressions]
        if with_.args.get("recursive"):
            known = known | set(names)
        for cte, name in zip(with_.expressions, names, strict=True):
            yield from _walk(cte, known)
            known = known | {name}
    for key, value in node.args.items():
        if key != "with_":
            yield from _each(value, known)


def _each(value: Any, known: frozenset[str]) -> Iterator[exp.Table]:
    from sqlglot import exp

    if isinstance(value, exp.Expr):
        yield from _walk(value, known)
    elif isinstance(value, list):
        for item in value:
            yield from _each(item, known)


def path_of(table: exp.Table) -> tuple[str, ...]:
    """The parts of a table's name, from the left: (project, dataset, table), (dataset, table) or (table,)."""
    return tuple(part.name for part in table.parts)


def is_plain(tree: exp.Expr) -> bool:
    """A query that streams: no aggregate, window, sort, limit, nor anything that gives other rows when it is read again. Kept as a
    view it reads only what is asked of it."""
    from sqlglot import exp

    if any(with_.args.get("recursive") for with_ in tree.find_all(exp.With)):
        return False
    if any(node.args.get("distinct") for node in tree.find_all(exp.SetOperation)):
        return False
    return tree.find(exp.AggFunc, exp.Window, exp.Order, exp.Group, exp.Distinct, exp.Limit, exp.Fetch, exp.Offset, exp.Qualify,
                     exp.Pivot, exp.AnonymousAggFunc, exp.TableSample, exp.Rand, exp.Uuid) is None
