"""Text, arrays and JSON as BigQuery means them."""

from __future__ import annotations

import re

from sqlglot import exp

from flows.warehouse.rewrite_cast import to_string
from flows.warehouse.trees import Rule, T, call, cast, invalid, is_text, kind, refuse

SPACES = " \t\n\v\f\r\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
MAX_TEXT = 1_000_000  # REPEAT, LPAD, RPAD: characters in one value; DuckDB's memory limit does not bound them
MAX_ITEMS = 1_000_000  # GENERATE_ARRAY: items in one value


# -------------------------------------------------------------------- text
def substr(node: exp.Substring) -> exp.Expr:
    length = node.args.get("length")
    start = node.args.get("start")
    return call("bq_substr", node.this.copy(), start.copy() if start is not None else 1, length.copy() if length is not None else 2 ** 31)


def trimmed(node: exp.Trim) -> exp.Expr:
    """TRIM takes away every white space, DuckDB's only the space."""
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or ""), "trim")
    chars = node.expression.copy() if node.args.get("expression") is not None else exp.Literal.string(SPACES)
    return call(name, node.this.copy(), chars)


def joined(node: exp.Concat) -> exp.Expr:
    """One NULL makes all of it NULL; other values become text."""
    made: exp.Expr = cast(node.expressions[0].copy(), "VARCHAR") if kind(node) == "STRING" else node.expressions[0].copy()
    for part in node.expressions:
        if kind(part) in ("FLOAT64", "NUMERIC", "BIGNUMERIC", "ARRAY", "STRUCT", "JSON"):
            raise refuse(node, f"CONCAT of {kind(part)} is not offered by the local warehouse", "Cast it to STRING")
    for part in node.expressions[1:]:
        made = exp.DPipe(this=made, expression=cast(part.copy(), "VARCHAR") if kind(node) == "STRING" else part.copy())
    return exp.paren(made)


def ends(node: exp.Left | exp.Right) -> exp.Expr:
    return call("bq_left" if isinstance(node, exp.Left) else "bq_right", node.this.copy(), node.expression.copy())


def like(node: exp.Like) -> exp.Expr:
    """A backslash escapes in a pattern."""
    if isinstance(node.expression, (exp.Any, exp.All)):
        if any("\\" in n.name for n in node.expression.find_all(exp.Literal)):
            raise refuse(node, "LIKE ANY with a backslash is not offered by the local warehouse", "Write several LIKE")
        return node
    if (is_text(node.expression) and "\\" not in node.expression.name) or isinstance(node.parent, exp.Escape):
        return node
    return exp.Escape(this=node.copy(), expression=exp.Literal.string("\\"))


def glue(node: exp.DPipe) -> exp.Expr:
    kinds = {kind(node.this), kind(node.expression)} - {""}
    if kinds - {"STRING", "BYTES", "ARRAY"} or len(kinds) > 1:
        raise invalid(node, f"|| does not take {' and '.join(sorted(kinds))}", "Cast to STRING, or use CONCAT")
    return node


def position(node: exp.StrPosition) -> exp.Expr:
    if node.args.get("occurrence") is not None or node.args.get("position") is not None:
        raise refuse(node, "INSTR with a position or occurrence is not offered by the local warehouse")
    return call("instr", node.this.copy(), node.args["substr"].copy())


def pattern(node: exp.RegexpExtract) -> exp.Expr:
    if node.args.get("position") is not None or node.args.get("occurrence") is not None or not is_text(node.expression):
        raise refuse(node, "REGEXP_EXTRACT takes a literal pattern and no position here")
    groups = len(re.findall(r"(?<!\\)\((?!\?)|\(\?P?<", node.expression.name))
    if groups > 1:
        raise invalid(node, "a pattern of REGEXP_EXTRACT has at most one capturing group")
    return call("bq_extract", node.this.copy(), node.expression.copy(), groups)


def pattern_all(node: exp.RegexpExtractAll) -> exp.Expr:
    if not is_text(node.expression):
        raise refuse(node, "REGEXP_EXTRACT_ALL takes a literal pattern here")
    groups = len(re.findall(r"(?<!\\)\((?!\?)|\(\?P?<", node.expression.name))
    return call("regexp_extract_all", node.this.copy(), node.expression.copy(), min(groups, 1))


def pattern_replace(node: exp.RegexpReplace) -> exp.Expr:
    return call("regexp_replace", node.this.copy(), node.expression.copy(), node.args["replacement"].copy(), "g")


def pattern_like(node: exp.RegexpLike) -> exp.Expr:
    return call("regexp_matches", node.this.copy(), node.expression.copy())


def capped(node: exp.Repeat | exp.Pad) -> exp.Expr:
    """Sizes are literals below a cap: DuckDB does not count such values against its memory limit."""
    size = node.args["times"] if isinstance(node, exp.Repeat) else node.expression
    if not isinstance(size, exp.Literal) or not size.is_int or int(size.name) > MAX_TEXT:
        raise refuse(node, f"{node.key.upper()} takes a literal size up to {MAX_TEXT:,} here")
    if isinstance(node, exp.Repeat):
        return call("repeat", node.this.copy(), size.copy())
    fill = node.args.get("fill_pattern")
    return call("lpad" if node.args.get("is_left") else "rpad", node.this.copy(), size.copy(),
                fill.copy() if fill is not None else exp.Literal.string(" "))


def format_(node: exp.Format) -> exp.Expr:
    """FORMAT with %d, %s, %f, %t of dates and text."""
    if not is_text(node.this):
        raise refuse(node, "FORMAT takes a literal format here")
    codes = re.findall(r"%([-+ 0#]*)(\d*)(\.\d+)?([a-zA-Z%])", node.this.name)
    used = [code for code in codes if code[3] != "%"]
    if len(used) != len(node.expressions):
        raise invalid(node, "FORMAT has another number of values than its text asks for")
    fits = {"d": ("INT64",), "s": ("STRING",), "f": ("FLOAT64", "NUMERIC"), "t": ("STRING", "DATE", "INT64", "BOOL", "DATETIME")}
    values = []
    for (_, _, _, code), value in zip(used, node.expressions, strict=True):
        if kind(value) not in fits.get(code, ()):
            raise refuse(node, f"FORMAT of {kind(value) or 'a value of unknown type'} with %{code} is not offered by the local warehouse")
        values.append(cast(value.copy(), {"d": "BIGINT", "f": "DOUBLE"}.get(code, "VARCHAR")))
    text = re.sub(r"%([-+ 0#]*)(\d*)(\.\d+)?t", r"%\1\2s", node.this.name)
    return call("printf", text, *values)


def digest(node: exp.LowerHex | exp.MD5) -> exp.Expr:
    inner = node.this
    if isinstance(node, exp.MD5):
        return call("md5", inner.copy())
    if isinstance(inner, exp.SHA2Digest) and inner.text("length") in ("256", ""):
        return call("sha256", inner.this.copy())
    if isinstance(inner, exp.MD5Digest):
        return call("md5", inner.this.copy())
    if kind(inner) == "BYTES":
        return call("lower", call("hex", inner.copy()))
    raise refuse(node, "this hash is not offered by the local warehouse", "Use TO_HEX(SHA256(...)) or TO_HEX(MD5(...))")


def base64(node: exp.ToBase64) -> exp.Expr:
    return call("to_base64", node.this.copy())


def blob(node: exp.ByteString) -> exp.Expr:
    return call("encode", node.name)


# -------------------------------------------------------------------- arrays, JSON
def at(node: exp.Bracket) -> exp.Expr:
    if len(node.expressions) != 1 or kind(node.this) in ("JSON", "STRUCT", ""):
        raise refuse(node, "this subscript is not offered by the local warehouse", "For JSON use JSON_VALUE or JSON_QUERY")
    index = node.expressions[0].copy()
    if node.args.get("offset") == 1:
        index = exp.Sub(this=index, expression=exp.Literal.number(1))
    return call("bq_safe_at" if node.args.get("safe") else "bq_at", node.this.copy(), cast(index, "BIGINT"))


def series(node: exp.GenerateSeries) -> exp.Expr:
    start, end, step = node.args["start"], node.args["end"], node.args.get("step")
    if {kind(start), kind(end)} != {"INT64"}:
        raise refuse(node, "GENERATE_ARRAY takes INT64 here")
    numbers = [_whole(part) for part in (start, end, step if step is not None else exp.Literal.number(1))]
    if all(n is not None for n in numbers) and abs((numbers[1] or 0) - (numbers[0] or 0)) // max(1, abs(numbers[2] or 1)) > MAX_ITEMS:
        raise refuse(node, f"GENERATE_ARRAY makes at most {MAX_ITEMS:,} items here")
    if any(n is None for n in numbers):
        raise refuse(node, "GENERATE_ARRAY takes literal bounds here", "Its size must be known before it runs")
    return call("generate_series", *(cast(p.copy(), "BIGINT") for p in (start, end, step if step is not None else exp.Literal.number(1))))


def _whole(node: exp.Expr) -> int | None:
    while isinstance(node, (exp.Cast, exp.Paren)):
        node = node.this
    if isinstance(node, exp.Neg):
        inner = _whole(node.this)
        return None if inner is None else -inner
    return int(node.name) if isinstance(node, exp.Literal) and node.is_int else None


def size(node: exp.ArraySize) -> exp.Expr:
    return call("len", node.this.copy())


def glued(node: exp.ArrayToString) -> exp.Expr:
    null = node.args.get("null")
    items = node.this.copy()
    if null is None:
        return call("array_to_string", items, node.expression.copy())
    name = exp.to_identifier("x")
    lift = exp.Lambda(this=call("coalesce", exp.column(name.copy()), null.copy()), expressions=[name])
    return call("array_to_string", exp.Anonymous(this="list_transform", expressions=[items, lift]), node.expression.copy())


def turned(node: exp.ArrayReverse) -> exp.Expr:
    return call("list_reverse", node.this.copy())


def appended(node: exp.ArrayConcat) -> exp.Expr:
    made = node.this.copy()
    for part in node.expressions:
        made = exp.DPipe(this=made, expression=part.copy())
    return exp.paren(made)


def flattened(node: exp.ArrayConcatAgg) -> exp.Expr:
    if isinstance(node.this, (exp.Order, exp.Limit)):
        raise refuse(node, "ARRAY_CONCAT_AGG with ORDER BY or LIMIT is not offered by the local warehouse")
    return call("flatten", exp.ArrayAgg(this=node.this.copy()))


def json_value(node: exp.JSONExtractScalar) -> exp.Expr:
    return call("bq_json_value", _json(node.this), _path(node, node.expression))


def json_query(node: exp.JSONExtract) -> exp.Expr:
    made = call("json_extract", _json(node.this), _path(node, node.expression))
    return made if kind(node.this) == "JSON" else cast(made, "VARCHAR")


def json_array(node: exp.JSONExtractArray | exp.JSONValueArray) -> exp.Expr:
    path = _path(node, node.expression) if node.expression else exp.Literal.string("$")
    made = call("json_extract", _json(node.this), path)
    if isinstance(node, exp.JSONValueArray):
        return call("from_json", made, '["VARCHAR"]')
    return cast(made, "JSON[]") if kind(node.this) == "JSON" else cast(cast(made, "JSON[]"), "VARCHAR[]")


def _json(node: exp.Expr) -> exp.Expr:
    return node.copy() if kind(node) == "JSON" else cast(node.copy(), "JSON")


def _path(node: exp.Expr, path: exp.Expr) -> exp.Expr:
    text = path.sql(dialect="bigquery").strip("'\"") if isinstance(path, exp.JSONPath) else path.name if is_text(path) else ""
    if not re.fullmatch(r"\$(\.[A-Za-z_][A-Za-z0-9_]*|\[\d+\])*", text):
        raise refuse(node, "this JSON path is not offered by the local warehouse", "Use $.name and [0]")
    return exp.Literal.string(text)


def json_parse(node: exp.ParseJSON) -> exp.Expr:
    return cast(node.this.copy(), "JSON")


def json_text(node: exp.JSONFormat) -> exp.Expr:
    if node.args.get("to_json") or kind(node.this) in ("NUMERIC", "BIGNUMERIC", "TIMESTAMP", "FLOAT64", "BYTES", ""):
        raise refuse(node, "this form of TO_JSON is not offered by the local warehouse",
                     "Use TO_JSON_STRING(STRUCT(...)) of text and INT64")
    inner = node.this.type
    unlike = (T.DOUBLE, T.DECIMAL, T.TIMESTAMPTZ, T.DATETIME, T.UNKNOWN)  # written in another way by the two
    if inner is not None and any(d.this in unlike for d in inner.find_all(exp.DataType)):
        raise refuse(node, "TO_JSON_STRING of such fields is not offered by the local warehouse")
    return cast(call("to_json", node.this.copy()), "VARCHAR")


def json_int(node: exp.Int64) -> exp.Expr:
    return cast(call("json_extract_string", _json(node.this), "$"), "BIGINT")


def json_string(node: exp.String) -> exp.Expr:
    return call("bq_json_text", node.this.copy()) if kind(node.this) == "JSON" else to_string(node, node.this, kind(node.this))


RULES: dict[type[exp.Expr], Rule] = {
    exp.Concat: joined, exp.Trim: trimmed, exp.Left: ends, exp.Right: ends, exp.Like: like, exp.DPipe: glue,
    exp.Substring: substr, exp.StrPosition: position, exp.RegexpExtract: pattern, exp.RegexpExtractAll: pattern_all,
    exp.RegexpReplace: pattern_replace, exp.RegexpLike: pattern_like, exp.Repeat: capped, exp.Pad: capped, exp.Format: format_,
    exp.LowerHex: digest, exp.MD5: digest, exp.ToBase64: base64, exp.ByteString: blob, exp.Bracket: at, exp.GenerateSeries: series,
    exp.ArraySize: size, exp.ArrayToString: glued, exp.ArrayReverse: turned, exp.ArrayConcat: appended, exp.ArrayConcatAgg: flattened,
    exp.JSONExtractScalar: json_value, exp.JSONExtract: json_query, exp.JSONExtractArray: json_array, exp.JSONValueArray: json_array,
    exp.ParseJSON: json_parse, exp.JSONFormat: json_text, exp.Int64: json_int, exp.String: json_string,
}
