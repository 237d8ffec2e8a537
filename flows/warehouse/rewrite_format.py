"""Dates and times written and read with a format. Source: BigQuery, "Format elements"; ZetaSQL's parser for what is not said there."""

from __future__ import annotations

import re

from sqlglot import exp

from flows.warehouse.trees import call, cast, invalid, is_text, kind, refuse

DATE_ONLY, TIME_ONLY = set("AaBbCDdeFGghJjmQUuVWwxYy") | {"E4Y"}, set("HIklMPpRSTXfE") | {"E*S"} | {f"E{n}S" for n in range(10)}
SAME = frozenset("mdHMSybBaAjpIUVGuwW%")  # DuckDB's strftime writes these alike
SPELLED = {"F": ["Y", "-", "m", "-", "d"], "T": ["H", ":", "M", ":", "S"], "X": ["H", ":", "M", ":", "S"], "R": ["H", ":", "M"],
           "D": ["m", "/", "d", "/", "y"], "x": ["m", "/", "d", "/", "y"], "h": ["b"]}
ELEMENT = re.compile(r"%E4Y|%E\*S|%E[0-9]S|%Ez|%S\.%f|%-d|%E.|%.|[^%]+", re.DOTALL)
MONTHS = "(?i:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:tember)?|oct(?:ober)?|nov(?:ember)?|" \
         "dec(?:ember)?)"
DAYS = "(?i:sun(?:day)?|mon(?:day)?|tue(?:sday)?|wed(?:nesday)?|thu(?:rsday)?|fri(?:day)?|sat(?:urday)?)"
SPACE = r"[ \t\n\v\f\r]*"


def elements(node: exp.Expr, fmt: exp.Expr | None) -> list[tuple[str, str]]:
    """A literal format as (element, '') and ('', text); what stands for several elements is spelled out. Raises SqlError."""
    if not is_text(fmt):
        raise refuse(node, "a format that is not a literal is not offered by the local warehouse")
    assert fmt is not None
    found: list[tuple[str, str]] = []
    for piece in ELEMENT.findall(fmt.name):
        if piece[0] != "%":
            found.append(("", piece))
            continue
        name = {"%-d": "e", "%S.%f": "E6S"}.get(piece, piece[1:])
        if name in ("n", "t", "%"):
            found.append(("", {"n": "\n", "t": "\t", "%": "%"}[name]))
        elif name in SPELLED:
            found += [(part, "") if part.isalpha() else ("", part) for part in SPELLED[name]]
        else:
            found.append((name, ""))
    return found


# -------------------------------------------------------------------- writing
def to_text(node: exp.TimeToStr, value: exp.Expr, is_a: str, zoned: bool) -> exp.Expr:
    """FORMAT_DATE, FORMAT_DATETIME, FORMAT_TIME, FORMAT_TIMESTAMP: `value` is a DATE, TIMESTAMP or TIME of DuckDB in its zone."""
    parts: list[exp.Expr] = []
    plain = ""
    if is_a == "TIME":
        value = exp.Add(this=cast(exp.Literal.string("1970-01-01"), "DATE"), expression=value)
    for name, text in elements(node, node.args["format"]):
        wrong = {"TIME": DATE_ONLY, "DATE": TIME_ONLY}.get(is_a, set())
        if name in wrong or (is_a != "TIMESTAMP" and name in ("Ez", "z", "Z")):
            raise refuse(node, f"format element %{name} of a {is_a} is not offered by the local warehouse")
        if name in SAME or not name:
            plain += f"%{name}" if name else text.replace("%", "%%")
            continue
        if plain:
            parts.append(call("strftime", value.copy(), plain))
            plain = ""
        parts.append(_written(node, name, value, is_a, zoned))
    if plain or not parts:
        parts.append(call("strftime", value.copy(), plain))
    made = parts[0]
    for part in parts[1:]:
        made = exp.DPipe(this=made, expression=part)
    return exp.paren(made)


def _written(node: exp.Expr, name: str, value: exp.Expr, is_a: str, zoned: bool) -> exp.Expr:
    """One element that strftime writes in another way, or not at all."""
    def number(part: str, width: int = 0, fill: str = "0") -> exp.Expr:
        made = cast(call(part, value.copy()), "VARCHAR")
        return call("lpad", made, width, fill) if width else made

    def short(element: str) -> exp.Expr:
        return call("lpad", call("strftime", value.copy(), element), 2, " ")

    def hundred(part: str, divide: bool) -> exp.Expr:
        operands = {"this": call(part, value.copy()), "expression": exp.Literal.number(100)}
        return call("lpad", cast(exp.IntDiv(**operands) if divide else exp.Mod(**operands), "VARCHAR"), 2, "0")

    if name in ("Y", "E4Y"):
        return number("year", 4 if name == "E4Y" else 0)
    if name == "Q":
        return number("quarter")
    if name in ("e", "k", "l"):
        return short({"e": "%-d", "k": "%-H", "l": "%-I"}[name])
    if name in ("C", "g"):
        return hundred("year" if name == "C" else "isoyear", name == "C")
    if name == "P":
        return call("lower", call("strftime", value.copy(), "%p"))
    if name == "c":
        raise refuse(node, "format element %c is not offered by the local warehouse", "Write %a %b %e %T %Y")
    if name == "E*S":
        whole = call("strftime", value.copy(), "%S.%f")
        return call("rtrim", call("rtrim", whole, "0"), ".")
    if re.fullmatch(r"E\dS", name):
        digits = int(name[1])
        if digits == 0:
            return call("strftime", value.copy(), "%S")
        return call("rpad", call("left", call("strftime", value.copy(), "%S.%f"), min(digits, 6) + 3), digits + 3, "0")
    if is_a == "TIMESTAMP" and not zoned and name in ("Ez", "z", "Z", "s"):
        if name == "s":
            return cast(cast(call("floor", call("epoch", value.copy())), "BIGINT"), "VARCHAR")
        return exp.Literal.string({"Ez": "+00:00", "z": "+0000", "Z": "UTC"}[name])
    raise refuse(node, f"format element %{name} is not offered by the local warehouse")


# -------------------------------------------------------------------- reading
def from_text(node: exp.Expr, text: exp.Expr, target: str, *, strict: bool = False) -> tuple[exp.Expr, exp.Expr | None]:
    """(the wall time that a literal format reads, its minutes off UTC where it says them): PARSE_DATE, PARSE_DATETIME, PARSE_TIME,
    PARSE_TIMESTAMP. The format becomes a regular expression, and `bound` gives what it found to this. What the text does not say is of
    1970-01-01 00:00:00. `strict`: CAST ... FORMAT, digits in full."""
    _, names = _pattern(node, target, strict)
    if not names:
        raise refuse(node, "a format without an element is not offered by the local warehouse")
    if strict and not {"Y", "m", "d"} <= set(names):
        raise refuse(node, "CAST ... FORMAT without a full date is not offered by the local warehouse", "Use PARSE_DATE")
    return _assembled(node, names)


def bound(node: exp.Expr, text: exp.Expr, target: str, made: exp.Expr, *, strict: bool = False) -> exp.Expr:
    """`made` with p standing for what the format found in the text; NULL instead of an error with SAFE_CAST."""
    pattern, names = _pattern(node, target, strict)
    groups = exp.Array(expressions=[exp.Literal.string(f"g{n}") for n in range(len(names))])
    found = call("regexp_extract", call("bq_matched", text.copy(), pattern), pattern, groups)
    body = exp.Lambda(this=exp.Case(ifs=[exp.If(this=exp.Is(this=exp.column("p"), expression=exp.null()), true=exp.null())], default=made),
                      expressions=[exp.to_identifier("p")])
    return call("list_extract", call("list_transform", exp.Array(expressions=[found]), body), 1)


def _pattern(node: exp.Expr, target: str, strict: bool) -> tuple[str, list[str]]:
    """(regular expression, its groups in order)."""
    given = elements(node, node.args["format"])
    made, names = SPACE, list[str]()
    for n, (name, text) in enumerate(given):
        if not name:
            made += "".join(SPACE if c in " \t\n\v\f\r" else re.escape(c) for c in text)
            continue
        if name in names or (target == "DATE" and name in TIME_ONLY) or (target == "TIME" and name in DATE_ONLY) \
                or (target != "TIMESTAMP" and name in ("Ez", "z")):
            raise refuse(node, f"reading format element %{name} here is not offered by the local warehouse")
        follows = n + 1 < len(given) and given[n + 1][0] in ("Y", "y", "m", "d", "H", "I", "M", "S", "E*S", "E6S", "j", "E4Y")
        digits = "{2}" if follows or strict else "{1,2}"
        sub = {"Y": r"(\d{4})" if follows or strict else r"(\d{1,4})", "E4Y": r"(\d{4})", "y": rf"(\d{digits})", "m": rf"(\d{digits})",
               "d": rf"(\d{digits})", "e": rf" *(\d{digits})", "H": rf"(\d{digits})", "I": rf"(\d{digits})", "M": rf"(\d{digits})",
               "S": rf"(\d{digits})", "k": rf" *(\d{digits})", "l": rf" *(\d{digits})", "b": f"({MONTHS})", "B": f"({MONTHS})",
               "a": f"({DAYS})", "A": f"({DAYS})", "p": "((?i:am|pm))", "P": "((?i:am|pm))",
               "E*S": rf"(\d{digits}(?:\.\d{{1,6}})?)", "Ez": r"([+-]\d{2}(?::?\d{2})?)",
               "z": r"([+-]\d{2}(?:\d{2})?)"}.get(name)
        if re.fullmatch(r"E[1-6]S", name):
            sub = rf"(\d{digits}(?:\.\d{{1,{name[1]}}})?)"
        if sub is None:
            raise refuse(node, f"reading format element %{name} is not offered by the local warehouse")
        names.append(name)
        made += sub
    return made + SPACE, names


def _assembled(node: exp.Expr, names: list[str]) -> tuple[exp.Expr, exp.Expr | None]:
    """The wall time and the minutes off UTC, from a struct p of what was found."""
    def part(*choices: str) -> exp.Expr | None:
        chosen = [name for name in names if name in choices]
        if len(chosen) > 1:
            raise refuse(node, f"a format with both %{chosen[0]} and %{chosen[1]} is not offered by the local warehouse")
        return call("struct_extract", exp.column("p"), f"g{names.index(chosen[0])}") if chosen else None

    def number(*choices: str, default: int) -> exp.Expr:
        found = part(*choices)
        return cast(found if found is not None else exp.Literal.number(default), "BIGINT")

    seconds = ("S", "E*S", *(f"E{n}S" for n in range(10)))
    part("Y", "E4Y", "y")
    year = call("bq_two_digits", number("y", default=0)) if "y" in names else number("Y", "E4Y", default=1970)
    part("m", "b", "B")
    word = part("b", "B")
    month = call("bq_month", word) if word is not None else number("m", default=1)
    hour, half = number("H", "k", "I", "l", default=0), part("p", "P")
    if half is not None and ("H" in names or "k" in names):
        raise refuse(node, "a format with %p and a 24-hour %H is not offered by the local warehouse")
    if half is not None or "I" in names or "l" in names:
        hour = call("bq_twelve", hour, half if half is not None else exp.Literal.string("am"))
    second = part(*seconds)
    fraction = cast(second if second is not None else exp.Literal.number(0), "DECIMAL(18,6)")
    offset = part("Ez", "z")
    made = call("bq_civil", year, month, number("d", "e", default=1), hour, number("M", default=0), fraction)
    return made, call("bq_minutes", offset) if offset is not None else None


# -------------------------------------------------------------------- CAST ... FORMAT
MODEL = re.compile(r'YYYY|YYY|YY|Y|MM|MONTH|MON|MI|DDD|DD|DAY|DY|D|HH24|HH12|HH|SSSSS|SS|FF[1-9]|A\.M\.|P\.M\.|AM|PM|'
                   r'[-./,\';: ]|"[^"\\\\]*"', re.IGNORECASE)
PLAIN = {"MM": "%m", "DD": "%d", "DDD": "%j", "HH24": "%H", "HH12": "%I", "HH": "%I", "MI": "%M", "SS": "%S", "YY": "%y"}


def cast_format(node: exp.Cast | exp.TryCast) -> exp.Expr:
    """CAST(date or time AS STRING FORMAT ...) with the elements whose output is documented, and BYTES as HEX or BASE64."""
    fmt, is_a, zone = node.args["format"], kind(node.this), None
    if isinstance(fmt, exp.AtTimeZone):
        fmt, zone = fmt.this, fmt.args["zone"]
    if not is_text(fmt) or kind(_target(node)) != "STRING":
        raise refuse(node, "this CAST ... FORMAT is not offered by the local warehouse", "Use FORMAT_DATE or PARSE_DATE")
    if is_a == "BYTES" and fmt.name.upper() in ("HEX", "BASE64"):
        return call("lower", call("hex", node.this.copy())) if fmt.name.upper() == "HEX" else call("base64", node.this.copy())
    if is_a not in ("DATE", "DATETIME", "TIME", "TIMESTAMP"):
        raise refuse(node, f"CAST of {is_a or 'such a value'} AS STRING FORMAT is not offered by the local warehouse", "Use FORMAT")
    if zone is not None and (is_a != "TIMESTAMP" or zone.name != "UTC"):
        raise refuse(node, "CAST ... FORMAT ... AT TIME ZONE is not offered by the local warehouse", "Use FORMAT_TIMESTAMP")
    value: exp.Expr = call("timezone", "UTC", node.this.copy()) if is_a == "TIMESTAMP" else node.this.copy()
    if is_a == "TIME":
        value = exp.paren(exp.Add(this=cast(exp.Literal.string("1970-01-01"), "DATE"), expression=value))
    made: exp.Expr = exp.Literal.string("")
    at = 0
    while at < len(fmt.name):
        found = MODEL.match(fmt.name, at)
        if found is None:
            raise refuse(node, f"format element {fmt.name[at:at + 8]!r} is not offered by the local warehouse")
        made, at = exp.DPipe(this=made, expression=_modelled(node, found[0], value, is_a)), found.end()
    return exp.paren(made)


def _modelled(node: exp.Expr, word: str, value: exp.Expr, is_a: str) -> exp.Expr:
    """One element of a format model."""
    name = word.upper()
    if not name[0].isalpha():
        return exp.Literal.string(word.strip('"'))
    of_time = name[0] in "HSFAP" or name == "MI"
    if (is_a == "DATE" and of_time) or (is_a == "TIME" and not of_time):
        raise invalid(node, f"a {is_a} has no {word}")
    if name in PLAIN:
        return call("strftime", value.copy(), PLAIN[name])
    if name in ("YYYY", "YYY", "Y"):
        return call("right", call("lpad", cast(call("year", value.copy()), "VARCHAR"), 4, "0"), len(name))
    if name == "D":
        return cast(exp.paren(exp.Add(this=call("dayofweek", value.copy()), expression=exp.Literal.number(1))), "VARCHAR")
    if name == "SSSSS":
        seconds = exp.paren(exp.IntDiv(this=call("epoch_us", value.copy()), expression=exp.Literal.number(1_000_000)))
        return call("lpad", cast(exp.paren(exp.Mod(this=seconds, expression=exp.Literal.number(86400))), "VARCHAR"), 5, "0") \
            if is_a == "TIME" else _refused(node, word)
    if name in ("AM", "PM", "A.M.", "P.M."):
        made = call("strftime", value.copy(), "%p")
        if "." in name:
            made = call("replace", made, "M", ".M.")
        return call("lower", made) if word[0].islower() else made
    if name in ("MON", "DY") and word in (name, name.lower(), name.capitalize()):
        made = call("strftime", value.copy(), "%b" if name == "MON" else "%a")
        return made if word == name.capitalize() else call("upper" if word == name else "lower", made)
    return _refused(node, word)


def _refused(node: exp.Expr, word: str) -> exp.Expr:
    raise refuse(node, f"format element {word} is not offered by the local warehouse", "Use FORMAT_DATE or FORMAT_TIMESTAMP")


def _target(node: exp.Cast) -> exp.Expr:
    made = exp.Null()
    made.type = node.to
    return made
