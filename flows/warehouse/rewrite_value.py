"""Comparisons and conditions as BigQuery means them."""

from __future__ import annotations

from sqlglot import exp

from flows.warehouse.trees import NUMBERS, Rule, agree, invalid, is_text, kind


def compare(node: exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE) -> exp.Expr:
    """BigQuery compares values of one kind only."""
    left, right = kind(node.this), kind(node.expression)
    if "STRUCT" in (left, right) and not isinstance(node, (exp.EQ, exp.NEQ)):
        raise invalid(node, "structs are compared with = and != only", "Compare their fields")
    if left == right and left in ("ARRAY", "JSON"):
        raise invalid(node, f"values of type {left} cannot be compared", "Compare TO_JSON_STRING of both, or their items")
    if not left or not right or left == right or (left in NUMBERS and right in NUMBERS):
        return node
    if {left, right} == {"DATE", "DATETIME"}:
        return node
    texts = [side for side in (node.this, node.expression) if is_text(side)]
    if texts and {left, right} & {"DATE", "DATETIME", "TIMESTAMP", "TIME", "BYTES"}:
        return node
    if isinstance(node.this, exp.Null) or isinstance(node.expression, exp.Null):
        return node
    raise invalid(node, f"{left} and {right} cannot be compared: {node.sql(dialect='bigquery')[:80]}", "Cast one of them")


def choose(node: exp.Expr) -> exp.Expr:
    """IF, CASE, COALESCE, NULLIF, GREATEST, LEAST, IN and BETWEEN take values of one type."""
    if isinstance(node, exp.Case):
        if node.this is None:
            for when in node.args["ifs"]:
                _condition(when, when.this)
        branches = [when.args["true"] for when in node.args["ifs"]] + ([node.args["default"]] if node.args.get("default") else [])
    elif isinstance(node, exp.If):
        if isinstance(node.parent, exp.Case):
            return node
        _condition(node, node.this)
        branches = [part for part in (node.args.get("true"), node.args.get("false")) if part is not None]
    elif isinstance(node, exp.Between):
        branches = [node.this, node.args["low"], node.args["high"]]
    elif isinstance(node, exp.Nullif):
        branches = [node.this, node.expression]
    else:
        branches = [node.this, *node.expressions]
    agree(node, branches)
    return node


def truth(node: exp.Where | exp.Having | exp.Qualify | exp.And | exp.Or | exp.Not) -> exp.Expr:
    """Conditions are BOOL: DuckDB takes numbers and text as well."""
    for side in (node.this, node.args.get("expression")):
        _condition(node, side)
    return node


def _condition(node: exp.Expr, side: exp.Expr | None) -> None:
    if side is not None and kind(side) not in ("BOOL", "") and not isinstance(side, exp.Null):
        raise invalid(node, f"{side.sql(dialect='bigquery')[:60]} is {kind(side)}, not a condition")


RULES: dict[type[exp.Expr], Rule] = {
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE), compare),
    **dict.fromkeys((exp.If, exp.Case, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least, exp.In, exp.Between), choose),
    **dict.fromkeys((exp.Where, exp.Having, exp.Qualify, exp.And, exp.Or, exp.Not), truth),
}
