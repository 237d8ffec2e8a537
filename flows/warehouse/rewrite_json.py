"""JSON as BigQuery means it: parts of it, values out of it, changes to it."""

from __future__ import annotations

from sqlglot import exp

from flows.warehouse import jsontext
from flows.warehouse.rewrite_cast import to_string
from flows.warehouse.trees import Rule, T, call, cast, invalid, is_text, kind, refuse


def typed(node: exp.Expr, to: exp.DType) -> exp.Expr:
    node.type = exp.DataType(this=to)
    return node


# -------------------------------------------------------------------- paths
def path_of(node: exp.Expr, path: exp.Expr | None) -> tuple[jsontext.Step, ...]:
    """The steps of a literal path. Raises SqlError."""
    if path is None:
        return ()
    if isinstance(path, exp.JSONPath):
        steps: list[jsontext.Step] = []
        for part in path.expressions:
            if isinstance(part, exp.JSONPathRoot):
                continue
            key = isinstance(part, exp.JSONPathKey) and isinstance(part.this, str)
            if key or (isinstance(part, exp.JSONPathSubscript) and isinstance(part.this, (str, int)) and str(part.this) != "*"):
                steps.append(part.this)
            else:
                raise refuse(node, "this JSON path is not offered by the local warehouse", "Use $.name and [0]")
        if any(isinstance(step, int) and step < 0 for step in steps):
            raise invalid(node, "an index in a JSON path is not below 0")
        return tuple(steps)
    if not is_text(path):
        raise refuse(node, "a JSON path that is not a literal is not offered by the local warehouse")
    try:
        return jsontext.path(path.name)
    except ValueError as error:
        if path.name.startswith(("lax", "strict")):
            raise refuse(node, "a lax JSON path is not offered by the local warehouse") from None
        raise invalid(node, str(error)) from None


def spelled(steps: tuple[jsontext.Step, ...]) -> str:
    """A path for DuckDB and for `jsontext`."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else '."' + step + '"' for step in steps)


def _path(node: exp.Expr, path: exp.Expr | None) -> exp.Literal:
    steps = path_of(node, path)
    if any(isinstance(step, str) and ('"' in step or "\\" in step) for step in steps):
        raise refuse(node, "a quote in a JSON path is not offered by the local warehouse")
    return exp.Literal.string(spelled(steps))


def _is_json(node: exp.Expr, value: exp.Expr) -> bool:
    """JSON, else STRING. Raises SqlError for anything else."""
    is_a = kind(value)
    if is_a not in ("JSON", "STRING", "") or (is_a == "" and not isinstance(value, exp.Null)):
        raise (invalid if is_a else refuse)(node, f"{node.key.upper()} takes JSON or STRING, not {is_a or 'a value of unknown type'}")
    return is_a == "JSON"


def json_of(node: exp.Expr, value: exp.Expr) -> exp.Expr:
    if kind(value) != "JSON" and not isinstance(value, exp.Null):
        raise (invalid if kind(value) else refuse)(node, f"{node.key.upper()} takes JSON, not {kind(value) or 'a value of unknown type'}")
    return value.copy()


# -------------------------------------------------------------------- parts
def value_of(node: exp.JSONExtractScalar) -> exp.Expr:
    path = _path(node, node.expression)
    return call("bq_json_value" if _is_json(node, node.this) else "bq_json_value_text", node.this.copy(), path)


def query(node: exp.JSONExtract) -> exp.Expr:
    path = _path(node, node.expression)
    return call("json_extract" if _is_json(node, node.this) else "bq_json_query_text", node.this.copy(), path)


def items(node: exp.JSONExtractArray | exp.JSONValueArray) -> exp.Expr:
    path, is_json = _path(node, node.expression), _is_json(node, node.this)
    if isinstance(node, exp.JSONValueArray):
        return call("bq_json_value_items", cast(node.this.copy(), "VARCHAR"), path)
    return call("bq_json_items", node.this.copy(), path) if is_json else call("bq_json_query_items", node.this.copy(), path)


def field(node: exp.Dot) -> exp.Expr:
    """A field of a JSON value; of a struct it stays."""
    if kind(node.this) != "JSON" or not isinstance(node.expression, exp.Identifier):
        return node
    return typed(call("json_extract", node.this.copy(), spelled((node.expression.name,))), T.JSON)


def subscript(node: exp.Bracket) -> exp.Expr:
    """json['name'] and json[0]."""
    at = node.expressions[0]
    if node.args.get("safe") or node.args.get("offset") is not None:
        raise invalid(node, "a subscript of JSON is a name or a number, without OFFSET")
    while isinstance(at, (exp.Cast, exp.Paren)):
        at = at.this
    if not isinstance(at, exp.Literal) or (not at.is_string and not at.is_int):
        raise refuse(node, "a subscript of JSON that is not a literal is not offered by the local warehouse", "Use JSON_QUERY")
    step: jsontext.Step = at.name if at.is_string else int(at.name)
    return typed(call("json_extract", node.this.copy(), spelled((step,))), T.JSON)


# -------------------------------------------------------------------- texts
def parse(node: exp.ParseJSON) -> exp.Expr:
    option = node.expression
    mode = "exact"
    if option is not None:
        named = isinstance(option, exp.Kwarg) and option.name.lower() == "wide_number_mode"
        if not named or option.expression.name not in ("exact", "round"):
            raise invalid(node, "PARSE_JSON takes wide_number_mode => 'exact' or 'round'")
        mode = option.expression.name
    if is_text(node.this):
        try:
            return typed(cast(exp.Literal.string(jsontext.parse(node.this.name, mode)), "JSON"), T.JSON)
        except (ValueError, RecursionError):
            if isinstance(node.parent, exp.SafeFunc):
                return typed(cast(exp.null(), "JSON"), T.JSON)
            raise invalid(node, f"this is no JSON: {node.this.name[:60]}") from None
    if kind(node.this) not in ("STRING", ""):
        raise invalid(node, f"PARSE_JSON takes STRING, not {kind(node.this)}")
    return call("bq_json_parse", node.this.copy(), mode)


def getter(node: exp.Int64 | exp.Float64 | exp.JSONBool) -> exp.Expr:
    if node.args.get("expression") is not None:
        raise refuse(node, "wide_number_mode is not offered by the local warehouse")
    name = {exp.Int64: "bq_json_int", exp.Float64: "bq_json_float", exp.JSONBool: "bq_json_bool"}[type(node)]
    return call(name, json_of(node, node.this))


def text_of(node: exp.String) -> exp.Expr:
    """STRING of a JSON text, or of a date or time."""
    is_a = kind(node.this)
    if is_a == "JSON":
        return call("bq_json_text", node.this.copy())
    if node.args.get("zone") is not None:
        if kind(node.this) != "TIMESTAMP":
            raise invalid(node, f"STRING() of {kind(node.this) or 'such a value'} takes no time zone")
        return call("bq_zoned_text", node.this.copy(), node.args["zone"].copy())
    if is_a not in ("DATE", "TIME", "DATETIME", "TIMESTAMP", "") and not isinstance(node.this, exp.Null):
        raise invalid(node, f"STRING takes JSON, a date or a time, not {is_a}", "Use CAST AS STRING")
    return to_string(node, node.this, is_a)


def lax(node: exp.LaxInt64 | exp.LaxFloat64 | exp.LaxBool | exp.LaxString) -> exp.Expr:
    name = {exp.LaxInt64: "int", exp.LaxFloat64: "float", exp.LaxBool: "bool", exp.LaxString: "text"}[type(node)]
    return call(f"bq_lax_{name}", json_of(node, node.this))


def type_of(node: exp.JSONType) -> exp.Expr:
    return call("bq_json_type", json_of(node, node.this))


def keys(node: exp.JSONKeysAtDepth) -> exp.Expr:
    depth = node.args.get("expression")
    if node.args.get("mode") is not None or (depth is not None and not isinstance(_bare(depth), exp.Literal)):
        raise refuse(node, "JSON_KEYS with a mode is not offered by the local warehouse")
    return call("bq_json_keys", json_of(node, node.this), cast(depth.copy(), "BIGINT") if depth is not None else 1_000_000)


def _bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, (exp.Cast, exp.Paren)):
        node = node.this
    return node


# -------------------------------------------------------------------- changes
def change(node: exp.JSONSet | exp.JSONArrayAppend | exp.JSONArrayInsert) -> exp.Expr:
    """Pairs of a path and a value, one after the other."""
    from flows.warehouse.rewrite_print import as_json

    name = {exp.JSONSet: "bq_json_set", exp.JSONArrayAppend: "bq_json_append", exp.JSONArrayInsert: "bq_json_insert"}[type(node)]
    parts = list(node.expressions)
    if any(isinstance(part, exp.Kwarg) for part in parts):
        raise refuse(node, f"an option of {node.key.upper()} is not offered by the local warehouse")
    if len(parts) % 2 or not parts:
        raise invalid(node, f"{node.key.upper()} takes pairs of a path and a value")
    made = json_of(node, node.this)
    for path, value in zip(parts[::2], parts[1::2], strict=True):
        if kind(value) == "ARRAY" and not isinstance(node, exp.JSONSet):
            raise refuse(node, f"{node.key.upper()} of an array is not offered by the local warehouse", "Add its items one by one")
        made = call(name, made, _path(node, path), cast(as_json(value), "JSON"))
    return made


def remove(node: exp.JSONRemove) -> exp.Expr:
    made = json_of(node, node.this)
    for path in node.expressions:
        if not path_of(node, path):
            raise invalid(node, "the path $ cannot be removed")
        made = call("bq_json_remove", made, _path(node, path))
    return made


def strip(node: exp.JSONStripNulls) -> exp.Expr:
    if any(node.args.get(key) is not None for key in ("expression", "include_arrays", "remove_empty")):
        raise refuse(node, "an option of JSON_STRIP_NULLS is not offered by the local warehouse")
    return call("bq_json_strip", json_of(node, node.this))


def made_object(node: exp.JSONObject) -> exp.Expr:
    from flows.warehouse.rewrite_print import as_json, glued

    parts: list[exp.Expr | str] = ["{"]
    for n, pair in enumerate(node.expressions):
        if not isinstance(pair, exp.JSONKeyValue) or kind(pair.this) != "STRING":
            raise refuse(node, "this form of JSON_OBJECT is not offered by the local warehouse", "Write pairs of a text and a value")
        parts += ["," if n else "", as_json(pair.this), ":", as_json(pair.expression)]
    return call("bq_json_parse", glued([*parts, "}"]), "round")


def made_array(node: exp.JSONArray) -> exp.Expr:
    from flows.warehouse.rewrite_print import as_json, glued

    parts: list[exp.Expr | str] = ["["]
    for n, value in enumerate(node.expressions):
        parts += ["," if n else "", as_json(value)]
    return call("bq_json_parse", glued([*parts, "]"]), "round")



RULES: dict[type[exp.Expr], Rule] = {
    exp.JSONExtractScalar: value_of, exp.JSONExtract: query, exp.JSONExtractArray: items, exp.JSONValueArray: items, exp.Dot: field,
    exp.ParseJSON: parse, exp.Int64: getter, exp.Float64: getter, exp.JSONBool: getter, exp.String: text_of, exp.LaxInt64: lax,
    exp.LaxFloat64: lax, exp.LaxBool: lax, exp.LaxString: lax, exp.JSONType: type_of, exp.JSONKeysAtDepth: keys, exp.JSONSet: change,
    exp.JSONArrayAppend: change, exp.JSONArrayInsert: change, exp.JSONRemove: remove, exp.JSONStripNulls: strip,
    exp.JSONObject: made_object, exp.JSONArray: made_array,
}
