"""Arrays as BigQuery means them."""

from __future__ import annotations

from sqlglot import exp

from flows.warehouse import rewrite_json
from flows.warehouse.trees import Rule, call, cast, invalid, kind, refuse

MAX_ITEMS = 1_000_000  # GENERATE_ARRAY: items in one value


def at(node: exp.Bracket) -> exp.Expr:
    if kind(node.this) == "JSON" and len(node.expressions) == 1:
        return rewrite_json.subscript(node)
    if len(node.expressions) != 1 or kind(node.this) in ("STRUCT", ""):
        raise refuse(node, "this subscript is not offered by the local warehouse", "For JSON use JSON_VALUE or JSON_QUERY")
    if kind(node.this) != "ARRAY":
        raise invalid(node, f"{kind(node.this)} has no subscript")
    index = node.expressions[0].copy()
    if kind(node.expressions[0]) not in ("INT64", ""):
        raise invalid(node, f"an index is INT64, not {kind(node.expressions[0])}")
    if node.args.get("offset") == 1:
        index = exp.Sub(this=index, expression=exp.Literal.number(1))
    return call("bq_safe_at" if node.args.get("safe") else "bq_at", node.this.copy(), cast(index, "BIGINT"))


# -------------------------------------------------------------------- made of bounds
def series(node: exp.GenerateSeries) -> exp.Expr:
    """GENERATE_ARRAY of INT64, NUMERIC or FLOAT64; the item of number n is start + n * step."""
    parts = [node.args["start"], node.args["end"], node.args.get("step") or cast(exp.Literal.number(1), "BIGINT")]
    if any(isinstance(part, exp.Null) for part in parts):
        return cast(exp.null(), "BIGINT[]")
    kinds = {kind(part) for part in parts if part.type is not None}
    numbers = [number_of(part) for part in parts]
    if any(n is None for n in numbers) or not kinds <= {"INT64", "NUMERIC", "FLOAT64"}:
        raise refuse(node, "GENERATE_ARRAY takes literal bounds here", "Its size must be known before it runs")
    start, end, step = (n for n in numbers if n is not None)
    if step == 0:
        raise invalid(node, "the step of GENERATE_ARRAY is 0")
    if abs((end - start) / step) > MAX_ITEMS:
        raise refuse(node, f"GENERATE_ARRAY makes at most {MAX_ITEMS:,} items here")
    if kinds == {"INT64"}:
        return call("generate_series", *(cast(part.copy(), "BIGINT") for part in parts))
    to = "DOUBLE" if "FLOAT64" in kinds else "DECIMAL(38,9)"
    count = 0 if (end - start) * step < 0 else int((end - start) / step + 1e-12) + 1
    name = exp.to_identifier("_n")
    index = cast(exp.column(name.copy()), to)
    item = exp.Add(this=cast(parts[0].copy(), to), expression=exp.Mul(this=index, expression=cast(parts[2].copy(), to)))
    return call("list_transform", call("range", count), exp.Lambda(this=cast(exp.paren(item), to), expressions=[name]))


def number_of(node: exp.Expr) -> float | None:
    """The number of a literal, with its sign and casts around it."""
    while isinstance(node, (exp.Cast, exp.Paren)):
        node = node.this
    if isinstance(node, exp.Neg):
        inner = number_of(node.this)
        return None if inner is None else -inner
    try:
        return (int(node.name) if node.is_int else float(node.name)) if isinstance(node, exp.Literal) else None
    except ValueError:
        return None


# -------------------------------------------------------------------- made of arrays
def array_of(node: exp.Expr, value: exp.Expr) -> exp.Expr:
    if kind(value) not in ("ARRAY", "") and not isinstance(value, exp.Null):
        raise invalid(node, f"{node.key.upper()} takes an ARRAY, not {kind(value)}")
    return value.copy()


def size(node: exp.ArraySize) -> exp.Expr:
    return call("len", array_of(node, node.this))


def glued(node: exp.ArrayToString) -> exp.Expr:
    null, items = node.args.get("null"), array_of(node, node.this)
    inner = node.this.type.expressions if node.this.type is not None else []
    if inner and not inner[0].is_type(exp.DataType.Type.TEXT, exp.DataType.Type.VARCHAR, "unknown"):
        raise (refuse if inner[0].is_type("binary", "varbinary") else invalid)(node, "ARRAY_TO_STRING takes an ARRAY of STRING here")
    glue = node.expression.copy()
    if null is None:
        return call("bq_glued", items, glue)
    name = exp.to_identifier("_x")
    lift = exp.Lambda(this=call("coalesce", exp.column(name.copy()), null.copy()), expressions=[name])
    return call("bq_glued", call("list_transform", items, lift), glue)


def turned(node: exp.ArrayReverse) -> exp.Expr:
    return call("list_reverse", array_of(node, node.this))


def appended(node: exp.ArrayConcat) -> exp.Expr:
    """One NULL makes all of it NULL."""
    made = array_of(node, node.this)
    for part in node.expressions:
        made = exp.DPipe(this=made, expression=array_of(node, part))
    return exp.paren(made)


def end(node: exp.ArrayFirst | exp.ArrayLast) -> exp.Expr:
    return call("bq_array_first" if isinstance(node, exp.ArrayFirst) else "bq_array_last", array_of(node, node.this))


def sliced(node: exp.ArraySlice) -> exp.Expr:
    """Both ends count from 0 and are in it; below 0 they count from the end."""
    if node.args.get("step") is not None or node.args.get("end") is None:
        raise invalid(node, "ARRAY_SLICE takes an array and two offsets")
    return call("bq_slice", array_of(node, node.this), *(cast(node.args[key].copy(), "BIGINT") for key in ("start", "end")))


def items(node: exp.Array) -> exp.Expr:
    if any(kind(item) == "ARRAY" and not isinstance(item, exp.Query) for item in node.expressions):
        raise invalid(node, "an array of arrays does not exist", "Put each inner array into a STRUCT")
    return node


RULES: dict[type[exp.Expr], Rule] = {
    exp.Array: items,
    exp.Bracket: at, exp.GenerateSeries: series, exp.ArraySize: size, exp.ArrayToString: glued, exp.ArrayReverse: turned,
    exp.ArrayConcat: appended, exp.ArrayFirst: end, exp.ArrayLast: end, exp.ArraySlice: sliced,
}
