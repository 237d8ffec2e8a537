"""Recursive queries end: BigQuery stops one after 500 rounds, so each row carries the number of its round and the 501st is an error."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from flows.warehouse.trees import call, invalid, refuse

ROUND = "_penstock_round"


def bounded(tree: exp.Expr) -> exp.Expr:
    """Count the rounds of every recursive CTE of a qualified tree, changed in place. Raises SqlError for a form that BigQuery has not.

    Source: BigQuery, "Recursive CTEs" (one self-reference, right of one UNION ALL) and its limit of 500 iterations.
    """
    for with_ in list(tree.find_all(exp.With)):
        if with_.args.get("recursive"):
            for cte in with_.expressions:
                if any(True for _ in _itself(cte.this, cte.alias)):
                    _count(cte)
    return tree


def _itself(node: exp.Expr, name: str) -> Iterator[exp.Table]:
    for table in node.find_all(exp.Table):
        if not table.args.get("db") and table.name.lower() == name.lower():
            yield table


def _count(cte: exp.CTE) -> None:
    body, name = cte.this.unnest(), cte.alias
    if not isinstance(body, exp.Union) or body.args.get("distinct"):
        raise invalid(cte, f"the recursive query {name} needs one UNION ALL between its base and the part that reads {name}")
    step, again = body.expression.unnest(), list(_itself(body, name))
    if any(True for _ in _itself(body.this, name)):
        raise invalid(cte, f"{name} may be read only on the right side of its UNION ALL")
    if len(again) > 1:
        raise invalid(cte, f"{name} may be read only once in itself")
    if not isinstance(step, exp.Select) or again[0].find_ancestor(exp.Select) is not step:
        raise refuse(cte, f"{name} reads itself inside of another query, which is not offered by the local warehouse",
                     "Read it in the FROM or a JOIN of the SELECT after UNION ALL")
    if step.args.get("group") or any(not f.find_ancestor(exp.Window) for item in step.expressions for f in item.find_all(exp.AggFunc)):
        raise invalid(cte, f"{name} cannot aggregate itself", "Aggregate it outside of the WITH")
    whole = cte.find_ancestor(exp.Select, exp.SetOperation)
    if whole is not None and any(c.name.lower() == name.lower() for c in whole.find_all(exp.TableColumn)):
        raise refuse(cte, f"a whole row of the recursive query {name} is not offered by the local warehouse", "Name its columns")
    for leaf in _leaves(body.this):
        leaf.append("expressions", exp.alias_(exp.Literal.number(1), ROUND, quoted=True))
    before = exp.column(exp.to_identifier(ROUND, quoted=True), table=exp.to_identifier(again[0].alias_or_name, quoted=True))
    step.append("expressions", exp.alias_(_ours(call("bq_round_after", before)), ROUND, quoted=True))
    alias = cte.args["alias"]
    if alias.columns:
        alias.append("columns", exp.to_identifier(ROUND, quoted=True))


def _ours(node: exp.Anonymous) -> exp.Anonymous:
    node.meta["ours"] = True
    return node


def _leaves(node: exp.Expr) -> Iterator[exp.Select]:
    node = node.unnest()
    if isinstance(node, exp.SetOperation):
        yield from _leaves(node.this)
        yield from _leaves(node.expression)
    elif isinstance(node, exp.Select):
        yield node
