"""Functions of texts, numbers and JSON in expressions, with what DuckDB must be told differently."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from flows.transform.frame import NUMBERS, cast
from flows.transform.scalars import NULL, Reader, Typed, call, coerced, finite, guarded, known, together

MAX_TEXT = 10_000
WHITE = " \t\n\v\f\r\u0085\u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""Unicode White_Space: what BigQuery's TRIM removes."""
Rule = Callable[[Any, Any], Typed]
Build = Callable[..., exp.Expr]


def arguments(node: exp.Expr, want: dict[str, str], reader: Reader) -> dict[str, Typed]:
    """The arguments of a function, each of its type (`STRING`, `INT64`, `number`; `?`: may be left out). Raises SpecError."""
    name = node.sql_name() if isinstance(node, exp.Func) else type(node).__name__
    said = {key for key, value in node.args.items() if isinstance(value, exp.Expr) or (isinstance(value, list) and value)}
    if said - set(want):
        reader.refuse(f"this form of {name} is not offered here", "Leave out its last argument")
    found = {}
    for key, type_ in want.items():
        given = node.args.get(key)
        if given is None:
            if not type_.endswith("?"):
                reader.refuse(f"{name} needs another argument")
            continue
        type_ = type_.rstrip("?")
        part = known(reader.read(given), "FLOAT64" if type_ == "number" else type_, reader)
        if part.type not in NUMBERS if type_ == "number" else part.type != type_:
            if type_ == "number" or part.type not in NUMBERS or type_ not in NUMBERS:
                reader.refuse(f"{name} needs {type_}, not {part.type}", f"Write CAST(... AS {'FLOAT64' if type_ == 'number' else type_})")
            part = coerced(part, type_, reader)
        found[key] = part
    return found


def plainly(gives: str, duck: Build | None = None, **want: str) -> Rule:
    """A function whose result has one type; `duck` builds its tree for DuckDB where that differs."""

    def rule(node: Any, reader: Reader) -> Typed:
        parts = arguments(node, want, reader)
        trees = {key: part.tree for key, part in parts.items()}
        if reader.duck and duck is not None:
            return Typed(duck(**trees), gives)
        flags = {key: value for key, value in node.args.items() if not isinstance(value, exp.Expr) and key not in trees}
        return Typed(type(node)(**flags, **trees), gives)

    return rule


def floating(name: str, bad: Callable[[exp.Expr], exp.Expr] | None = None, message: str = "") -> Rule:
    """A function over FLOAT64; where it has no value BigQuery ends the query and DuckDB goes on with NaN or infinity."""

    def rule(node: Any, reader: Reader) -> Typed:
        part = coerced(arguments(node, {"this": "number"}, reader)["this"], "FLOAT64", reader)
        if not reader.duck:
            return Typed(call(name, part.tree), "FLOAT64")
        tree = call(name, part.tree)
        return Typed(guarded(bad(part.tree.copy()), message, tree) if bad else finite(tree, [part.tree], message), "FLOAT64")

    return rule


def rounding(name: str) -> Rule:
    """ROUND, CEIL, FLOOR and TRUNC: whole numbers become FLOAT64, NUMERIC stays."""

    def rule(node: Any, reader: Reader) -> Typed:
        want = {"this": "number", "decimals": "INT64?"} if name in ("ROUND", "TRUNC") else {"this": "number"}
        parts = arguments(node, want, reader)
        value, digits = parts["this"], parts.get("decimals")
        type_ = "FLOAT64" if value.type in ("INT64", NULL) else value.type
        if digits is not None and not isinstance(digits.value, int):
            reader.refuse(f"{name} needs its number of decimals written out")
        value = coerced(value, type_, reader)
        tree = call(name, value.tree, *([digits.tree] if digits else []))
        return Typed(cast(tree, type_, "duckdb") if reader.duck else tree, type_)

    return rule


def _sized(tree: exp.Expr, part: Typed, what: str, reader: Reader) -> exp.Expr:
    """A count that may not be negative: BigQuery ends the query, DuckDB counts from the end."""
    if isinstance(part.value, int):
        if part.value < 0:
            reader.refuse(f"{what} may not be negative")
        return tree
    return guarded(exp.LT(this=tree.copy(), expression=exp.Literal.number(0)), f"{what} may not be negative", tree) if reader.duck else tree


def _side(name: str) -> Rule:
    def rule(node: Any, reader: Reader) -> Typed:
        parts = arguments(node, {"this": "STRING", "expression": "INT64"}, reader)
        length = _sized(parts["expression"].tree, parts["expression"], f"the length of {name}", reader)
        return Typed(call(name, parts["this"].tree, length), "STRING")

    return rule


def _substring(node: exp.Substring, reader: Reader) -> Typed:
    """A start of 0, or before the first character, is the first character on BigQuery."""
    parts = arguments(node, {"this": "STRING", "start": "INT64", "length": "INT64?"}, reader)
    text, start = parts["this"].tree, parts["start"]
    at = start.tree
    if reader.duck and not (isinstance(start.value, int) and start.value > 0):
        before = exp.LT(this=at.copy(), expression=exp.Neg(this=call("LENGTH", text.copy())))
        zero = exp.EQ(this=at.copy(), expression=exp.Literal.number(0))
        at = exp.Case(ifs=[exp.If(this=exp.or_(zero, before, copy=False), true=exp.Literal.number(1))], default=at)
    length = [_sized(parts["length"].tree, parts["length"], "the length of SUBSTR", reader)] if "length" in parts else []
    return Typed(call("SUBSTR", text, at, *length), "STRING")


def _pad(node: exp.Pad, reader: Reader) -> Typed:
    parts = arguments(node, {"this": "STRING", "expression": "INT64", "fill_pattern": "STRING?"}, reader)
    size, fill = parts["expression"], parts.get("fill_pattern")
    if not isinstance(size.value, int) or not 0 <= size.value <= MAX_TEXT:
        reader.refuse(f"the length of LPAD and RPAD is written out, from 0 to {MAX_TEXT}")
    if fill is not None and (not isinstance(fill.value, str) or not fill.value):
        reader.refuse("the text that LPAD and RPAD fill with is written out and not empty")
    tree = call("LPAD" if node.args.get("is_left") else "RPAD", parts["this"].tree, size.tree, fill.tree if fill else " ")
    return Typed(tree, "STRING")


def _trim(node: exp.Trim, reader: Reader) -> Typed:
    position = str(node.args.get("position") or "BOTH")
    node = node.copy()
    node.set("position", None)
    parts = arguments(node, {"this": "STRING", "expression": "STRING?"}, reader)
    name = {"LEADING": "LTRIM", "TRAILING": "RTRIM"}.get(position, "TRIM")
    signs = [parts["expression"].tree] if "expression" in parts else [exp.Literal.string(WHITE)] if reader.duck else []
    return Typed(call(name, parts["this"].tree, *signs), "STRING")


def _concat(node: Any, reader: Reader) -> Typed:
    given = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
    parts = [reader.read(part) for part in given]
    for part in parts:
        if part.type not in ("STRING", NULL):
            reader.refuse(f"texts are put together, not {part.type}", "Write CAST(... AS STRING) for it")
    trees = [part.tree for part in parts]
    if not reader.duck:
        return Typed(call("CONCAT", *trees), "STRING")
    tree = trees[0]
    for right in trees[1:]:  # DuckDB's CONCAT skips empty cells, its || does not
        tree = exp.DPipe(this=tree, expression=right)
    return Typed(exp.paren(tree), "STRING")


def _pattern(part: Typed, reader: Reader) -> str:
    if not isinstance(part.value, str):
        reader.refuse("a regular expression is written out")
    return part.value


def _groups(pattern: str) -> int:
    """How many capturing groups a pattern has."""
    plain = re.sub(r"\\.|\[\^?\]?[^]]*\]", "", pattern)
    return len(re.findall(r"\((?!\?)|\(\?P?<", plain))


def _regexp(kind: str) -> Rule:
    more = {"replace": {"replacement": "STRING"}, "extract": {"group": "INT64?"}}  # sqlglot notes a group that the pattern has
    want = {"this": "STRING", "expression": "STRING"} | more.get(kind, {})

    def rule(node: Any, reader: Reader) -> Typed:
        parts = arguments(node, want, reader)
        text, pattern = parts["this"].tree, parts["expression"].tree
        groups = _groups(_pattern(parts["expression"], reader))
        if kind == "like":
            return Typed(call("REGEXP_MATCHES" if reader.duck else "REGEXP_CONTAINS", text, pattern), "BOOL")
        if kind == "replace":
            flags = ["g"] if reader.duck else []
            return Typed(call("REGEXP_REPLACE", text, pattern, parts["replacement"].tree, *flags), "STRING")
        if groups > 1:
            reader.refuse("REGEXP_EXTRACT takes a pattern with at most one group", "Write (?:...) for groups that only hold together")
        tree = call("REGEXP_EXTRACT", text, pattern, *([groups] if reader.duck else []))
        if reader.duck:  # no match is empty text there, NULL on BigQuery
            tree = exp.Case(ifs=[exp.If(this=call("REGEXP_MATCHES", text.copy(), pattern.copy()), true=tree)])
        return Typed(tree, "STRING")

    return rule


def _split(node: exp.Split, reader: Reader) -> Typed:
    parts = arguments(node, {"this": "STRING", "expression": "STRING?"}, reader)
    mark = parts.get("expression")
    if mark is not None and (not isinstance(mark.value, str) or not mark.value):
        reader.refuse("SPLIT takes a separator that is written out and not empty")
    sign = mark.tree if mark else exp.Literal.string(",")
    return Typed(call("STRING_SPLIT" if reader.duck else "SPLIT", parts["this"].tree, sign), "ARRAY<STRING>")


def _bracket(node: exp.Bracket, reader: Reader) -> Typed:
    part = reader.read(node.this)
    index = reader.read(node.expressions[0]) if len(node.expressions) == 1 else None
    if not part.type.startswith("ARRAY<") or index is None or index.type != "INT64" or node.args.get("offset") is None:
        reader.refuse("[...] takes an element out of an array", "Write SPLIT(text, ',')[SAFE_OFFSET(0)]")
    if not isinstance(index.value, int) or index.value < 0:
        reader.refuse("the position in an array is written out, from 0")
    inner, first = part.type[6:-1], int(node.args["offset"])
    if not node.args.get("safe"):
        reader.refuse("a position outside the array would end the query", "Write SAFE_OFFSET or SAFE_ORDINAL, which give NULL then")
    if reader.duck:
        return Typed(call("LIST_EXTRACT", part.tree, index.value + 1 - first), inner)
    word = "SAFE_ORDINAL" if first else "SAFE_OFFSET"
    return Typed(exp.Bracket(this=part.tree, expressions=[index.tree], offset=first, safe=word.startswith("SAFE")), inner)


def _size(node: exp.ArraySize, reader: Reader) -> Typed:
    part = reader.read(node.this)
    if not part.type.startswith("ARRAY<"):
        reader.refuse(f"ARRAY_LENGTH needs an array, not {part.type}")
    return Typed(call("LEN" if reader.duck else "ARRAY_LENGTH", part.tree), "INT64")


def _magnitude(node: Any, reader: Reader) -> Typed:
    part = arguments(node, {"this": "number"}, reader)["this"]
    name = "ABS" if isinstance(node, exp.Abs) else "SIGN"
    tree = call(name, part.tree)
    return Typed(cast(tree, part.type, "duckdb") if reader.duck else tree, part.type)


def _power(node: exp.Pow, reader: Reader) -> Typed:
    parts = [coerced(p, "FLOAT64", reader) for p in arguments(node, {"this": "number", "expression": "number"}, reader).values()]
    trees = [p.tree for p in parts]
    tree = call("POW", *trees)
    return Typed(finite(tree, trees, "a power") if reader.duck else tree, "FLOAT64")


def _log(node: exp.Log, reader: Reader) -> Typed:
    """sqlglot keeps the base first."""
    parts = arguments(node, {"this": "number", "expression": "number?"}, reader)
    if "expression" not in parts:
        return floating("LN", _not_above_zero, "a logarithm needs a number above 0")(exp.Ln(this=node.this), reader)
    base, value = (coerced(parts[key], "FLOAT64", reader).tree for key in ("this", "expression"))
    if not reader.duck:
        return Typed(call("LOG", value, base), "FLOAT64")
    tree: exp.Expr = exp.Div(this=call("LN", value), expression=call("LN", base))
    if isinstance(parts["this"].value, int) and parts["this"].value in (2, 10):
        tree = call(f"LOG{parts['this'].value}", value)
    return Typed(guarded(_not_above_zero(value.copy()), "a logarithm needs a number above 0", tree), "FLOAT64")


def _not_above_zero(tree: exp.Expr) -> exp.Expr:
    return exp.LTE(this=tree, expression=exp.Literal.number(0))


def _negative(tree: exp.Expr) -> exp.Expr:
    return exp.LT(this=tree, expression=exp.Literal.number(0))


def _safe_divide(node: exp.SafeDivide, reader: Reader) -> Typed:
    parts = list(arguments(node, {"this": "number", "expression": "number"}, reader).values())
    type_, (a, b) = together(parts, reader)
    type_ = "FLOAT64" if type_ in ("INT64", NULL) else type_
    if not reader.duck:
        return Typed(call("SAFE_DIVIDE", a, b), type_)
    tree: exp.Expr = exp.paren(exp.Div(this=a, expression=exp.Nullif(this=b, expression=exp.Literal.number(0))))
    if type_ == "FLOAT64" and not all(part.type == "INT64" for part in parts):  # an overflow is empty, too
        sure = exp.and_(call("ISINF", tree.copy()), exp.Not(this=call("ISINF", a.copy())), copy=False)
        tree = exp.Case(ifs=[exp.If(this=sure, true=exp.Null())], default=tree)
    return Typed(cast(tree, type_, "duckdb"), type_)


def _json(node: exp.JSONExtractScalar, reader: Reader) -> Typed:
    """A scalar out of JSON, as text; objects and arrays are NULL."""
    part, path = known(reader.read(node.this), "STRING", reader), node.expression
    if part.type not in ("JSON", "STRING"):
        reader.refuse(f"JSON_VALUE needs JSON or a text, not {part.type}")
    if not isinstance(path, exp.JSONPath):
        reader.refuse("the path of JSON_VALUE is written out, like '$.a.b'")
    said = path.sql("bigquery").strip("'")
    if not re.fullmatch(r"\$(\.\w+|\[\d+\]|\.\"[^\"']+\")*", said):
        reader.refuse(f"the path {said[:60]!r} is not offered here", "Write it like '$.a.b' or '$.a[0]'")
    if not reader.duck:
        return Typed(call("JSON_VALUE", part.tree, said), "STRING")
    kind = call("COALESCE", call("JSON_TYPE", part.tree.copy(), said), "NULL")
    inside = exp.In(this=kind, expressions=[exp.Literal.string("OBJECT"), exp.Literal.string("ARRAY")])
    return Typed(exp.Case(ifs=[exp.If(this=inside, true=exp.Null())], default=call("JSON_EXTRACT_STRING", part.tree, said)), "STRING")


def _hex(node: exp.LowerHex, reader: Reader) -> Typed:
    inner = node.this
    if not isinstance(inner, exp.SHA2Digest):
        reader.refuse("TO_HEX takes SHA256(text) or MD5(text) here")
    text = arguments(inner.copy().__class__(this=inner.this), {"this": "STRING"}, reader)["this"].tree
    return Typed(call("SHA256", text) if reader.duck else call("TO_HEX", call("SHA256", text)), "STRING")


def _md5(node: exp.MD5, reader: Reader) -> Typed:
    text = arguments(node, {"this": "STRING"}, reader)["this"].tree
    return Typed(call("MD5", text) if reader.duck else call("TO_HEX", call("MD5", text)), "STRING")


def _reverse(this: exp.Expr) -> exp.Expr:
    """By code points; DuckDB's own REVERSE keeps an accent behind its letter."""
    return call("ARRAY_TO_STRING", call("LIST_REVERSE", call("REGEXP_EXTRACT_ALL", this, "(?s).")), "")


def _named(name: str) -> Build:
    return lambda **parts: call(name, *parts.values())


FUNCTIONS: dict[type[exp.Expr], Rule] = {
    exp.Upper: plainly("STRING", this="STRING"), exp.Lower: plainly("STRING", this="STRING"),
    exp.Reverse: plainly("STRING", _reverse, this="STRING"),
    exp.Length: plainly("INT64", _named("LENGTH"), this="STRING"), exp.Initcap: plainly("STRING", this="STRING", expression="STRING"),
    exp.Replace: plainly("STRING", this="STRING", expression="STRING", replacement="STRING"),
    exp.StartsWith: plainly("BOOL", this="STRING", expression="STRING"),
    exp.EndsWith: plainly("BOOL", this="STRING", expression="STRING"),
    exp.StrPosition: plainly("INT64", _named("STRPOS"), this="STRING", substr="STRING"),
    exp.Left: _side("LEFT"), exp.Right: _side("RIGHT"), exp.Substring: _substring, exp.Pad: _pad, exp.Trim: _trim,
    exp.Concat: _concat, exp.DPipe: _concat, exp.RegexpLike: _regexp("like"), exp.RegexpExtract: _regexp("extract"),
    exp.RegexpReplace: _regexp("replace"), exp.Split: _split, exp.Bracket: _bracket, exp.ArraySize: _size,
    exp.LowerHex: _hex, exp.MD5: _md5, exp.JSONExtractScalar: _json,
    exp.Abs: _magnitude, exp.Sign: _magnitude, exp.Round: rounding("ROUND"), exp.Ceil: rounding("CEIL"), exp.Floor: rounding("FLOOR"),
    exp.Trunc: rounding("TRUNC"), exp.Pow: _power, exp.Sqrt: floating("SQRT", _negative, "the square root of a negative number"),
    exp.Exp: floating("EXP", message="a power of e"), exp.Log: _log,
    exp.Ln: floating("LN", _not_above_zero, "a logarithm needs a number above 0"),
    exp.SafeDivide: _safe_divide,
}
