"""Text, bytes and patterns as BigQuery means them."""

from __future__ import annotations

import re

from sqlglot import exp

from flows.warehouse.rewrite_cast import to_string
from flows.warehouse.trees import Rule, call, cast, invalid, is_text, kind, refuse

SPACES = " \t\n\v\f\r\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
DELIMITERS = ' \t\n\v\f\r[](){}/|\\<>!?@"^#$&~_,.:;*%+-'  # INITCAP
MAX_TEXT = 1_000_000  # REPEAT, LPAD, RPAD: characters in one value; DuckDB's memory limit does not bound them
FORMS = ("NFC", "NFKC", "NFD", "NFKD")


def is_bytes(node: exp.Expr, *values: exp.Expr | None) -> bool:
    """Whether a function works on BYTES here. Raises SqlError for BYTES beside STRING."""
    kinds = {kind(value) for value in values if value is not None and not isinstance(value, exp.Null)} - {""}
    if len(kinds & {"BYTES", "STRING"}) == 2:
        raise invalid(node, f"{node.key.upper()} does not take STRING and BYTES together", "Cast one of them")
    if kinds - {"BYTES", "STRING"}:
        raise invalid(node, f"{node.key.upper()} takes STRING or BYTES, not {', '.join(sorted(kinds - {'BYTES', 'STRING'}))}")
    return "BYTES" in kinds


def no_bytes(node: exp.Expr, value: exp.Expr) -> exp.Expr:
    if kind(value) == "BYTES":
        raise refuse(node, f"{node.key.upper()} of BYTES is not offered by the local warehouse")
    return value.copy()


def whole(node: exp.Expr, value: exp.Expr) -> exp.Expr:
    """An INT64 argument."""
    if kind(value) not in ("INT64", "") and not isinstance(value, exp.Null):
        raise invalid(node, f"{node.key.upper()} takes INT64 here, not {kind(value)}")
    return cast(value.copy(), "BIGINT")


# -------------------------------------------------------------------- parts
def substr(node: exp.Substring) -> exp.Expr:
    length, start = node.args.get("length"), node.args.get("start")
    if start is None:
        raise invalid(node, "SUBSTR takes a text and a place")
    count = whole(node, length) if length is not None else exp.Literal.number(2 ** 31)
    return call("bq_bytes_substr" if is_bytes(node, node.this) else "bq_substr", node.this.copy(), whole(node, start), count)


def ends(node: exp.Left | exp.Right) -> exp.Expr:
    name = "left" if isinstance(node, exp.Left) else "right"
    return call(f"bq_bytes_{name}" if is_bytes(node, node.this) else f"bq_{name}", node.this.copy(), whole(node, node.expression))


def trimmed(node: exp.Trim) -> exp.Expr:
    """TRIM takes away every white space, DuckDB's only the space."""
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or ""), "trim")
    chars = node.expression
    if is_bytes(node, node.this, chars):
        if chars is None:
            raise invalid(node, "TRIM of BYTES says what to take away")
        return call(f"bq_bytes_{name}", node.this.copy(), chars.copy())
    return call(name, node.this.copy(), chars.copy() if chars is not None else exp.Literal.string(SPACES))


def cut(node: exp.Split) -> exp.Expr:
    by = node.expression or exp.Literal.string(",")
    return call("bq_bytes_split" if is_bytes(node, node.this, by) else "str_split", node.this.copy(), by.copy())


def position(node: exp.StrPosition) -> exp.Expr:
    """STRPOS, and INSTR with its place to begin and its number of the find."""
    text, part = node.this, node.args["substr"]
    prefix = "bq_bytes_" if is_bytes(node, text, part) else "bq_"
    begin, number = node.args.get("position"), node.args.get("occurrence")
    if begin is None and number is None:
        return call("bq_bytes_pos" if prefix == "bq_bytes_" else "instr", text.copy(), part.copy())
    more = [whole(node, value) if value is not None else cast(exp.Literal.number(1), "BIGINT") for value in (begin, number)]
    return call(f"{prefix}instr", text.copy(), part.copy(), *more)


def edge(node: exp.StartsWith | exp.EndsWith) -> exp.Expr:
    name = "starts" if isinstance(node, exp.StartsWith) else "ends"
    if is_bytes(node, node.this, node.expression):
        return call(f"bq_bytes_{name}", node.this.copy(), node.expression.copy())
    return call(f"{name}_with", node.this.copy(), node.expression.copy())


def contained(node: exp.Contains) -> exp.Expr:
    """CONTAINS_SUBSTR: sqlglot puts LOWER around both."""
    sides = [side.this if isinstance(side, exp.Lower) else side for side in (node.this, node.expression)]
    if not is_text(sides[1]) or kind(sides[0]) not in ("STRING", "") or isinstance(sides[0], exp.Tuple):
        raise refuse(node, "CONTAINS_SUBSTR takes a STRING and a literal here")
    return call("bq_contains_folded", sides[0].copy(), sides[1].copy())


# -------------------------------------------------------------------- letters
def cased(node: exp.Upper | exp.Lower) -> exp.Expr:
    """DuckDB changes letter by letter: a letter that becomes two, like ß, needs more."""
    name = node.key
    if isinstance(node.parent, exp.Contains):
        return node
    if is_bytes(node, node.this):
        return call(f"bq_bytes_{name}", node.this.copy())
    plain = exp.EQ(this=call("strlen", node.this.copy()), expression=call("length", node.this.copy()))
    wide = call(f"bq_{name}_wide", node.this.copy())
    return exp.Case(ifs=[exp.If(this=plain, true=call(name, node.this.copy()))], default=wide)


def initials(node: exp.Initcap) -> exp.Expr:
    own = node.expression
    return call("bq_initcap", no_bytes(node, node.this), own.copy() if own is not None else exp.Literal.string(DELIMITERS))


def length(node: exp.Length) -> exp.Expr:
    return call("octet_length" if is_bytes(node, node.this) else "length", node.this.copy())


def reverse(node: exp.Reverse) -> exp.Expr:
    if is_bytes(node, node.this):
        return call("bq_bytes_reverse", node.this.copy())
    letters = call("str_split", node.this.copy(), "")  # DuckDB's reverse keeps a letter and its accents together
    return call("array_to_string", call("list_reverse", letters), "")


def replaced(node: exp.Replace) -> exp.Expr:
    new = node.args.get("replacement")
    if new is None:
        raise invalid(node, "REPLACE takes three arguments")
    name = "bq_bytes_replace" if is_bytes(node, node.this, node.expression, new) else "replace"
    return call(name, node.this.copy(), node.expression.copy(), new.copy())


def translated(node: exp.Translate) -> exp.Expr:
    return call("bq_translate", no_bytes(node, node.this), node.args["from_"].copy(), node.args["to"].copy())


def capped(node: exp.Repeat | exp.Pad) -> exp.Expr:
    """Sizes are literals below a cap: DuckDB does not count such values against its memory limit."""
    size = node.args["times"] if isinstance(node, exp.Repeat) else node.expression
    bare = size.this if isinstance(size, exp.Cast) else size
    if isinstance(bare, exp.Null):
        return cast(exp.null(), "BLOB" if is_bytes(node, node.this) else "VARCHAR")
    if isinstance(bare, exp.Neg):
        raise invalid(node, f"the size of {node.key.upper()} is below 0")
    if not isinstance(bare, exp.Literal) or not bare.is_int or int(bare.name) > MAX_TEXT:
        raise refuse(node, f"{node.key.upper()} takes a literal size up to {MAX_TEXT:,} here")
    fill = node.args.get("fill_pattern")
    in_bytes = is_bytes(node, node.this, fill)
    if isinstance(node, exp.Repeat):
        return call("bq_bytes_repeat" if in_bytes else "repeat", node.this.copy(), size.copy())
    if fill is not None and is_text(fill) and not fill.name:
        raise invalid(node, "LPAD and RPAD need something to fill with")
    left = bool(node.args.get("is_left"))
    if in_bytes:
        return call("bq_bytes_pad", node.this.copy(), size.copy(), fill.copy() if fill is not None else call("encode", " "),
                    exp.true() if left else exp.false())
    return call("lpad" if left else "rpad", node.this.copy(), size.copy(), fill.copy() if fill is not None else exp.Literal.string(" "))


# -------------------------------------------------------------------- joining and comparing
def joined(node: exp.Concat) -> exp.Expr:
    """One NULL makes all of it NULL; other values become text as a CAST makes it."""
    if kind(node) == "BYTES" or any(kind(part) == "BYTES" for part in node.expressions):
        is_bytes(node, *node.expressions)
        parts = [part.copy() for part in node.expressions]
    else:
        parts = [part.copy() if kind(part) in ("STRING", "") else to_string(node, part, kind(part)) for part in node.expressions]
    made: exp.Expr = cast(parts[0], "BLOB" if kind(node) == "BYTES" else "VARCHAR")
    for part in parts[1:]:
        made = exp.DPipe(this=made, expression=part)
    return exp.paren(made)


def glue(node: exp.DPipe) -> exp.Expr:
    kinds = {kind(side) for side in (node.this, node.expression) if not isinstance(side, exp.Null)} - {""}
    if kinds - {"STRING", "BYTES", "ARRAY"} or len(kinds) > 1:
        raise invalid(node, f"|| does not take {' and '.join(sorted(kinds))}", "Cast to STRING, or use CONCAT")
    return node


def like(node: exp.Like) -> exp.Expr:
    """A backslash escapes in a pattern."""
    if isinstance(node.expression, (exp.Any, exp.All)):
        if isinstance(node.parent, exp.Not):
            raise refuse(node, "NOT LIKE ANY and NOT LIKE ALL are not offered by the local warehouse", "Write NOT (... LIKE ANY ...)")
        if node.expression.find(exp.Unnest, exp.Query):
            raise refuse(node, "LIKE ANY of an array is not offered by the local warehouse", "Write the patterns one by one")
        if any("\\" in n.name for n in node.expression.find_all(exp.Literal)) or kind(node.this) == "BYTES":
            raise refuse(node, "LIKE ANY with a backslash or of BYTES is not offered by the local warehouse", "Write several LIKE")
        return node
    if is_bytes(node, node.this, node.expression):
        raise refuse(node, "LIKE of BYTES is not offered by the local warehouse")
    if isinstance(node.expression, exp.Literal) and re.search(r"(?<!\\)(\\\\)*\\$", node.expression.name):
        raise invalid(node, "a LIKE pattern ends with a backslash")
    if (is_text(node.expression) and "\\" not in node.expression.name) or isinstance(node.parent, exp.Escape):
        return node
    return exp.Escape(this=node.copy(), expression=exp.Literal.string("\\"))


def no_ilike(node: exp.ILike) -> exp.Expr:
    raise invalid(node, "there is no ILIKE", "Write LOWER(value) LIKE pattern")


# -------------------------------------------------------------------- code points, forms, other spellings
def folded(node: exp.Normalize) -> exp.Expr:
    mode = node.args.get("form")
    form = mode.name.upper() if isinstance(mode, exp.Expr) else "NFC"
    if form not in FORMS:
        raise invalid(node, f"{form} is no normal form", f"Use {', '.join(FORMS)}")
    return call("bq_casefold" if node.args.get("is_casefold") else "bq_normalize", no_bytes(node, node.this), form)


def points(node: exp.ToCodePoints) -> exp.Expr:
    return call("bq_bytes_points" if is_bytes(node, node.this) else "bq_points", node.this.copy())


def from_points(node: exp.CodePointsToString | exp.CodePointsToBytes) -> exp.Expr:
    return call("bq_letters" if isinstance(node, exp.CodePointsToString) else "bq_point_bytes", node.this.copy())


def code(node: exp.Unicode | exp.Ascii) -> exp.Expr:
    return call("bq_ascii" if isinstance(node, exp.Ascii) else "bq_unicode", no_bytes(node, node.this))


def letter(node: exp.Chr) -> exp.Expr:
    return call("bq_chr", whole(node, node.expressions[0]))


def distance(node: exp.Levenshtein) -> exp.Expr:
    most = node.args.get("max_dist")
    in_bytes = is_bytes(node, node.this, node.expression)
    return call("bq_bytes_distance" if in_bytes else "bq_distance", node.this.copy(), node.expression.copy(),
                whole(node, most) if most is not None else exp.Literal.number(2 ** 31))


def sound(node: exp.Soundex) -> exp.Expr:
    return call("bq_soundex", no_bytes(node, node.this))


def coded(node: exp.Expr) -> exp.Expr:
    """Between BYTES and their spellings as text."""
    names: dict[type[exp.Expr], str] = {
        exp.ToBase32: "bq_to_base32", exp.FromBase32: "bq_from_base32", exp.ToBase64: "to_base64", exp.FromBase64: "from_base64",
        exp.Unhex: "bq_from_hex", exp.SafeConvertBytesToString: "bq_safe_utf8",
    }
    takes = "STRING" if type(node) in (exp.FromBase32, exp.FromBase64, exp.Unhex) else "BYTES"
    if kind(node.this) not in (takes, "") and not isinstance(node.this, exp.Null):
        raise invalid(node, f"{node.sql(dialect='bigquery').partition('(')[0]} takes {takes}, not {kind(node.this)}")
    return call(names[type(node)], node.this.copy())


# -------------------------------------------------------------------- hashes, bytes
def _data(node: exp.Expr, value: exp.Expr) -> exp.Expr:
    return value.copy() if is_bytes(node, value) else call("encode", cast(value.copy(), "VARCHAR"))


def hashed(node: exp.MD5Digest | exp.SHA1Digest | exp.SHA2Digest) -> exp.Expr:
    """A hash is BYTES."""
    if isinstance(node, exp.SHA2Digest) and node.text("length") == "512":
        return call("bq_sha512", _data(node, node.this))
    name = {exp.MD5Digest: "md5", exp.SHA1Digest: "sha1", exp.SHA2Digest: "sha256"}[type(node)]
    return call("unhex", call(name, _data(node, node.this)))


def fingerprint(node: exp.FarmFingerprint) -> exp.Expr:
    return call("bq_farm_fingerprint", _data(node, node.expressions[0]))


def hexed(node: exp.LowerHex | exp.MD5) -> exp.Expr:
    inner = node.this
    if isinstance(node, exp.MD5):
        return call("md5", _data(node, inner))
    if kind(inner) != "BYTES":
        raise (invalid if kind(inner) else refuse)(node, f"TO_HEX takes BYTES, not {kind(inner) or 'a value of unknown type'}")
    return call("lower", call("hex", inner.copy()))


def blob(node: exp.ByteString) -> exp.Expr:
    r"""b'\xff' is one byte; a letter beyond ASCII that is written as itself is its UTF-8."""
    text = node.name
    if any(ord(c) > 255 for c in text):
        data = text.encode()
    elif text.isascii() or node.meta.get("escaped"):
        data = text.encode("latin-1")
    else:
        raise refuse(node, r"a bytes literal with letters beyond ASCII is not offered here", r"Write the bytes as \xNN")
    made = call("unhex", data.hex())
    made.type = node.type
    return made


RULES: dict[type[exp.Expr], Rule] = {
    exp.Substring: substr, exp.Left: ends, exp.Right: ends, exp.Trim: trimmed, exp.Split: cut, exp.StrPosition: position,
    exp.StartsWith: edge, exp.EndsWith: edge, exp.Contains: contained, exp.Upper: cased, exp.Lower: cased, exp.Initcap: initials,
    exp.Length: length, exp.Reverse: reverse, exp.Replace: replaced, exp.Translate: translated, exp.Repeat: capped, exp.Pad: capped,
    exp.Concat: joined, exp.DPipe: glue, exp.Like: like, exp.ILike: no_ilike, exp.Normalize: folded, exp.ToCodePoints: points,
    exp.CodePointsToString: from_points, exp.CodePointsToBytes: from_points, exp.Unicode: code, exp.Ascii: code, exp.Chr: letter,
    exp.Levenshtein: distance, exp.Soundex: sound, exp.MD5Digest: hashed, exp.SHA1Digest: hashed, exp.SHA2Digest: hashed,
    exp.FarmFingerprint: fingerprint, exp.LowerHex: hexed, exp.MD5: hexed, exp.ByteString: blob,
    **dict.fromkeys((exp.ToBase32, exp.FromBase32, exp.ToBase64, exp.FromBase64, exp.Unhex, exp.SafeConvertBytesToString), coded),
}
