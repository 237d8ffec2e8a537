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


def unnest_paths(tree: exp.Expr) -> exp.Expr:
    """`FROM t.items` inside of a query that knows t is UNNEST(t.items) and no table: a range variable wins over a dataset of its name.

    Within one FROM the parser has done it; here it is done for sub-queries. The tree is changed in place. Source: BigQuery, "UNNEST".
    """
    _paths(tree, frozenset())
    return tree


def _paths(node: exp.Expr, outer: frozenset[str]) -> None:
    from sqlglot import exp

    if isinstance(node, exp.Table):
        if node.args.get("db") and node.parts[0].name.lower() in outer and isinstance(node.this, exp.Identifier):
            alias = exp.TableAlias(columns=[exp.to_identifier(node.alias or node.name, quoted=True)])
            first, second, *rest = (part.copy() for part in node.parts)
            path: exp.Expr = exp.Column(this=second, table=first)
            for part in rest:
                path = exp.Dot(this=path, expression=part)
            node.replace(exp.Unnest(expressions=[path], alias=alias, joins=node.args.get("joins")))
        return
    inside = outer
    if isinstance(node, exp.Select) and node.args.get("from_") is not None:
        sources = [node.args["from_"].this, *(join.this for join in node.args.get("joins") or ())]
        inside = outer | {source.alias_or_name.lower() for source in sources if source.alias_or_name}
    for key, value in list(node.args.items()):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, exp.Expr):
                _paths(child, outer if key in ("from_", "joins", "with_") and isinstance(node, exp.Select) else inside)


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
