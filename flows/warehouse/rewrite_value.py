"""Comparisons and conditions as BigQuery means them."""

from __future__ import annotations

from sqlglot import exp

from flows.warehouse.trees import KINDS, NUMBERS, Rule, agree, call, invalid, is_text, kind, refuse


def compare(node: exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE) -> exp.Expr:
    """BigQuery compares values of one kind only."""
    left, right = kind(node.this), kind(node.expression)
    if "STRUCT" in (left, right) and not isinstance(node, (exp.EQ, exp.NEQ)):
        raise invalid(node, "structs are compared with = and != only", "Compare their fields")
    if (fields := _fields(node.this)) and len(fields) == len(_fields(node.expression)):
        same = _same(node, node.this, node.expression)
        return exp.paren(exp.Not(this=same)) if isinstance(node, exp.NEQ) else same
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


def _fields(value: exp.Expr) -> list[exp.DataType | None]:
    """The types of the fields of a struct or a row; none for anything else."""
    value = value.unnest()
    if isinstance(value, exp.Tuple):
        return [part.type for part in value.expressions]
    if value.type is None or not value.type.is_type(exp.DataType.Type.STRUCT):
        return []
    return [field.args.get("kind") if isinstance(field, exp.ColumnDef) else field for field in value.type.expressions]


def _same(node: exp.Expr, left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """Field by field, so that a NULL in one makes NULL of it: DuckDB takes two NULLs in structs for equal."""
    tests: list[exp.Expr] = []
    sides = (left.unnest(), right.unnest())
    for n, types in enumerate(zip(_fields(left), _fields(right), strict=True), 1):
        pair = []
        for side, to in zip(sides, types, strict=True):
            part = side.expressions[n - 1].copy() if isinstance(side, exp.Tuple) else call("struct_extract_at", side.copy(), n)
            part.type = to
            pair.append(part)
        found = {KINDS.get(to.this, "") for to in types if to is not None}
        if found & {"ARRAY", "JSON"}:
            raise invalid(node, "structs with arrays or JSON cannot be compared", "Compare TO_JSON_STRING of both")
        tests.append(compare(exp.EQ(this=pair[0], expression=pair[1])))
    return exp.paren(exp.and_(*tests))


def among(node: exp.In) -> exp.Expr:
    """IN of rows compares them field by field."""
    if node.args.get("query") is not None or node.args.get("unnest") is not None:
        raise refuse(node, "IN of a struct and a sub-query is not offered by the local warehouse", "Write EXISTS")
    if any(len(_fields(item)) != len(_fields(node.this)) for item in node.expressions):
        raise invalid(node, "the structs of an IN have the same number of fields")
    return exp.paren(exp.or_(*(_same(node, node.this, item) for item in node.expressions)))


def choose(node: exp.Expr) -> exp.Expr:
    """IF, CASE, COALESCE, NULLIF, GREATEST, LEAST, IN and BETWEEN take values of one type."""
    if isinstance(node, exp.In) and _fields(node.this):
        return among(node)
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


def joined(node: exp.Join) -> exp.Expr:
    """A join of tables has a condition, or is a CROSS JOIN."""
    if node.args.get("on") is None and not node.args.get("using") and node.args.get("kind") != "CROSS" \
            and isinstance(node.this, (exp.Table, exp.Subquery)) and not node.args.get("method"):
        raise invalid(node, "JOIN needs ON or USING", "Write CROSS JOIN for every pair")
    return node


def limit(node: exp.Limit) -> exp.Expr:
    count = node.expression.this if isinstance(node.expression, exp.Cast) else node.expression
    if isinstance(count, exp.Literal) and not count.is_int:
        raise invalid(node, "LIMIT takes a whole number")
    return node


def filtered(node: exp.Where) -> exp.Expr:
    if isinstance(node.parent, exp.Select) and node.parent.args.get("from_") is None:
        raise invalid(node, "a query without FROM has no WHERE")
    return truth(node)


def _condition(node: exp.Expr, side: exp.Expr | None) -> None:
    if side is not None and kind(side) not in ("BOOL", "") and not isinstance(side, exp.Null):
        raise invalid(node, f"{side.sql(dialect='bigquery')[:60]} is {kind(side)}, not a condition")


RULES: dict[type[exp.Expr], Rule] = {
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE), compare),
    **dict.fromkeys((exp.If, exp.Case, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least, exp.In, exp.Between), choose),
    exp.Join: joined, exp.Limit: limit, exp.Where: filtered,
    **dict.fromkeys((exp.Having, exp.Qualify, exp.And, exp.Or, exp.Not), truth),
}
