"""Values as text, by their types: TO_JSON, TO_JSON_STRING, FORMAT. Source: BigQuery, JSON encodings; FORMAT, %t and %T behaviour."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from sqlglot import exp

from flows.warehouse.trees import KINDS, Rule, T, call, cast, invalid, is_text, kind, refuse

_names = itertools.count()
WIDE = 2 ** 53  # integers beyond it are texts in TO_JSON_STRING


def glued(parts: Sequence[exp.Expr | str]) -> exp.Expr:
    """Texts one after the other; NULL when one of them is."""
    made: exp.Expr | None = None
    for part in parts:
        if part == "":
            continue
        one = exp.Literal.string(part) if isinstance(part, str) else part
        made = one if made is None else exp.DPipe(this=made, expression=one)
    return exp.paren(made) if made is not None else exp.Literal.string("")


class Printer:
    """One style: `json` (TO_JSON_STRING), `value` (TO_JSON), `t` or `T` (FORMAT). `node` is the call, for the place of an error."""

    def __init__(self, style: str, node: exp.Expr) -> None:
        self.style, self.node = style, node
        self.null = "null" if style in ("json", "value") else "NULL"

    def show(self, value: exp.Expr, to: exp.DataType | None = None) -> exp.Expr:
        """The text of a value, never NULL. Raises SqlError for a type that has none here."""
        if isinstance(value, exp.Tuple):
            kinds = [item.type or exp.DataType(this=T.UNKNOWN) for item in value.expressions]
            to = exp.DataType(this=T.STRUCT, expressions=kinds, nested=True)
        to = to or value.type
        if isinstance(value.unalias(), exp.Null) or (to is not None and to.is_type(T.NULL)):
            return exp.Literal.string(self.null)
        is_a = KINDS.get(to.this, "") if to is not None else ""
        if to is None or not is_a:
            raise refuse(self.node, "a value of unknown type as text is not offered by the local warehouse", "Cast it first")
        if isinstance(value, (exp.Column, exp.Literal, exp.Cast)) or is_a not in ("ARRAY", "STRUCT"):
            return self._or_null(value, to, is_a)
        name = exp.to_identifier(f"_v{next(_names)}")  # bound once, or each field would compute it again
        bound = exp.Lambda(this=self._or_null(exp.column(name.copy()), to, is_a), expressions=[name])
        listed = call("list_transform", exp.Array(expressions=[value.copy()]), bound)
        return call("list_extract", listed, 1)

    def _or_null(self, value: exp.Expr, to: exp.DataType, is_a: str) -> exp.Expr:
        inner = self._array(value, to) if is_a == "ARRAY" else self._struct(value, to) if is_a == "STRUCT" else self._scalar(value, is_a)
        return call("coalesce", inner, self.null)

    def _array(self, value: exp.Expr, to: exp.DataType) -> exp.Expr:
        name = exp.to_identifier(f"_v{next(_names)}")
        item = to.expressions[0] if to.expressions else None
        each = exp.Lambda(this=self.show(exp.column(name.copy()), item), expressions=[name])
        comma = "," if self.style in ("json", "value") else ", "
        return glued(["[", call("array_to_string", call("list_transform", value.copy(), each), comma), "]"])

    def _struct(self, value: exp.Expr, to: exp.DataType) -> exp.Expr:
        names = [field.name if isinstance(field, exp.ColumnDef) else "" for field in to.expressions]
        kinds = [field.args.get("kind") if isinstance(field, exp.ColumnDef) else field for field in to.expressions]
        is_json = self.style in ("json", "value")
        names = ["" if re.fullmatch(r"_\d+|_field_\d+", name) else name for name in names]
        parts: list[exp.Expr | str] = ["{" if is_json else "("]
        for n, (name, to_) in enumerate(zip(names, kinds, strict=True)):
            if n:
                parts.append("," if is_json else ", ")
            if is_json:
                parts.append(cast(call("to_json", name), "VARCHAR"))
                parts.append(":")
            parts.append(self.show(call("struct_extract_at", value.copy(), n + 1), to_))
        body = glued([*parts, "}" if is_json else ")"])
        return exp.Case(ifs=[exp.If(this=exp.Not(this=exp.Is(this=value.copy(), expression=exp.null())), true=body)])

    def _scalar(self, value: exp.Expr, is_a: str) -> exp.Expr:
        shown = _json_scalar(value, is_a, self.style) if self.style in ("json", "value") else _printed(value, is_a, self.style)
        if shown is None:
            raise refuse(self.node, f"{is_a} as text of this kind is not offered by the local warehouse")
        return shown


def _text(value: exp.Expr) -> exp.Expr:
    return cast(value.copy(), "VARCHAR")


def _json_text(value: exp.Expr) -> exp.Expr:
    """A text in quotes."""
    return cast(call("to_json", cast(value, "VARCHAR")), "VARCHAR")


def _json_scalar(value: exp.Expr, is_a: str, style: str) -> exp.Expr | None:
    if is_a == "BOOL":
        return _text(value)
    if is_a == "INT64":
        return _text(value) if style == "value" else call("bq_json_number", cast(value.copy(), "DECIMAL(38,9)"))
    if is_a == "NUMERIC":
        return call("bq_numeric_text", value.copy()) if style == "value" else call("bq_json_number", value.copy())
    if is_a == "FLOAT64":
        return call("bq_json_float_value" if style == "value" else "bq_json_double", cast(value.copy(), "DOUBLE"))
    if is_a in ("STRING", "DATE"):
        return _json_text(value.copy())
    if is_a == "BYTES":
        return _json_text(call("to_base64", value.copy()))
    if is_a == "JSON":
        return call("bq_json_form", cast(value.copy(), "JSON"))
    if is_a == "TIME":
        return _json_text(_clock(value))
    if is_a == "DATETIME":
        return _json_text(glued([call("strftime", value.copy(), "%Y-%m-%dT"), _clock(value)]))
    if is_a == "TIMESTAMP":
        local = call("timezone", "UTC", value.copy())
        return _json_text(glued([call("strftime", local, "%Y-%m-%dT"), _clock(local), "Z"]))
    return None


def _clock(value: exp.Expr) -> exp.Expr:
    """H:M:S with no digits behind it, three or six, as few as do."""
    return call("bq_clock", cast(value.copy(), "TIME"))


def _printed(value: exp.Expr, is_a: str, style: str) -> exp.Expr | None:
    full = style == "T"
    if is_a in ("INT64", "BOOL"):
        return _text(value)
    if is_a == "STRING":
        return call("bq_quoted", value.copy()) if full else value.copy()
    if is_a == "NUMERIC":
        shown = call("bq_numeric_text", value.copy())
        return glued(['NUMERIC "', shown, '"']) if full else shown
    if is_a == "FLOAT64":
        return call("bq_float_print", cast(value.copy(), "DOUBLE"))
    if is_a == "JSON":
        shown = call("bq_json_form", value.copy())
        return glued(["JSON ", call("bq_quoted", shown)]) if full else shown
    if is_a == "DATE":
        return glued(['DATE "', _text(value), '"']) if full else _text(value)
    if is_a in ("DATETIME", "TIME"):
        moment = glued([call("strftime", value.copy(), "%Y-%m-%d "), _clock(value)]) if is_a == "DATETIME" else _clock(value)
        return glued([f'{is_a} "', moment, '"']) if full else moment
    if is_a == "TIMESTAMP":
        local = call("timezone", "UTC", value.copy())
        instant = glued([call("strftime", local, "%Y-%m-%d "), _clock(local), "+00"])
        return glued(['TIMESTAMP "', instant, '"']) if full else instant
    return None


def as_json(value: exp.Expr) -> exp.Expr:
    """A value as the text of a JSON value."""
    return Printer("value", value).show(value)


# -------------------------------------------------------------------- TO_JSON
def to_json(node: exp.JSONFormat) -> exp.Expr:
    """TO_JSON and TO_JSON_STRING."""
    if node.args.get("options") is not None or node.args.get("expression") is not None:
        raise refuse(node, "an option of TO_JSON is not offered by the local warehouse")
    if node.args.get("to_json"):
        made = call("bq_json_parse", Printer("value", node).show(node.this), "round")
        made.type = exp.DataType(this=T.JSON)
        return made
    return Printer("json", node).show(node.this)


# -------------------------------------------------------------------- FORMAT
FITS = {"d": ("INT64",), "i": ("INT64",), "x": ("INT64",), "X": ("INT64",), "o": ("INT64",), "s": ("STRING",), "f": ("FLOAT64", "NUMERIC"),
        "F": ("FLOAT64", "NUMERIC"), "e": ("FLOAT64",), "E": ("FLOAT64",)}
CODE = re.compile(r"%([-+ 0#']*)(\*|\d*)(\.\*|\.\d*)?([a-zA-Z%])")


def format_(node: exp.Format) -> exp.Expr:
    """FORMAT with %d %x %o %s %f %e %t %T; a NULL makes all of it NULL, but under %t and %T."""
    if not is_text(node.this):
        raise refuse(node, "FORMAT takes a literal format here")
    text, values, parts, at = node.this.name, list(node.expressions), [], 0
    for code in CODE.finditer(text):
        parts.append(text[at:code.start()])
        at = code.end()
        flags, width, digits, letter = code.groups()
        if letter == "%":
            parts.append("%")
            continue
        if "*" in (width, (digits or "")[1:]):
            raise refuse(node, "a * in FORMAT is not offered by the local warehouse")
        if not values:
            raise invalid(node, "FORMAT has fewer values than its text asks for")
        parts.append(_formatted(node, values.pop(0), flags, width, digits or "", letter))
    if values:
        raise invalid(node, "FORMAT has more values than its text asks for")
    if "%" in CODE.sub("", text):
        raise invalid(node, "FORMAT has a % that begins nothing", "Write %% for the sign itself")
    parts.append(text[at:])
    return glued(parts)


def _formatted(node: exp.Expr, value: exp.Expr, flags: str, width: str, digits: str, letter: str) -> exp.Expr:
    is_a = kind(value)
    if letter in ("t", "T"):
        shown = Printer(letter, node).show(value)
        if not flags and not width and not digits:
            return shown
        if flags.replace("-", "") or digits:
            raise refuse(node, f"flags of %{letter} are not offered by the local warehouse")
        return call("printf", f"%{flags}{width}s", shown)
    fits = FITS.get(letter, ())
    if isinstance(value, exp.Null):
        return cast(exp.null(), "VARCHAR")
    if is_a not in fits:
        right = letter in "sdixXofFeEgGpPtT"
        known = bool(is_a) and bool(fits) and not (is_a in ("INT64", "NUMERIC", "FLOAT64", "BIGNUMERIC") and letter in "eEfFgG")
        raise (invalid if known and right and letter != "s" else refuse)(
            node, f"FORMAT of {is_a or 'a value of unknown type'} with %{letter} is not offered by the local warehouse")
    if "'" in flags or (letter in "xXo" and flags.replace("0", "").replace("-", "")) or (letter in "sdixXo" and digits):
        raise refuse(node, f"this use of %{letter} in FORMAT is not offered by the local warehouse")
    if is_a == "NUMERIC" and letter in "fF":
        return _exact(node, value, flags, width, digits)
    to = "VARCHAR" if letter == "s" else "DOUBLE" if letter in "fFeE" else "BIGINT"
    return call("printf", f"%{flags}{width}{digits}{'d' if letter == 'i' else letter}", cast(value.copy(), to))


def _exact(node: exp.Expr, value: exp.Expr, flags: str, width: str, digits: str) -> exp.Expr:
    """A NUMERIC to some digits, without the way through a FLOAT64."""
    count = int(digits[1:] or 0) if digits else 6
    if count > 9 or flags:
        raise refuse(node, "FORMAT of NUMERIC with flags or more than 9 digits is not offered by the local warehouse")
    shown = cast(cast(value.copy(), f"DECIMAL(38,{count})"), "VARCHAR")
    return call("printf", f"%{width}s", shown) if width else shown


RULES: dict[type[exp.Expr], Rule] = {exp.JSONFormat: to_json, exp.Format: format_}
