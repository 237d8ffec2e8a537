"""Functions of BigQuery that no DuckDB function can be made to equal: Python, registered when a statement first uses one.

NULL in, NULL out; a ValueError stops the statement as BigQuery's own error would.
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from flows.warehouse import jsontext
from flows.warehouse.farmhash import fingerprint

if TYPE_CHECKING:
    import duckdb

MAX_CELLS = 4_000_000  # EDIT_DISTANCE: letters of one times letters of the other


@dataclass(frozen=True)
class Function:
    """`takes` and `gives` are DuckDB types."""

    run: Callable[..., Any]
    takes: tuple[str, ...]
    gives: str


def register(con: duckdb.DuckDBPyConnection, names: set[str]) -> None:
    """Make these functions known to a connection and its cursors."""
    from duckdb.func import FunctionNullHandling

    for name in sorted(names):
        made = FUNCTIONS[name]
        con.create_function(name, _unless_null(made.run, len(made.takes)), list(made.takes), made.gives,
                            null_handling=FunctionNullHandling.SPECIAL)


def _unless_null(run: Callable[..., Any], takes: int) -> Callable[..., Any]:
    """The same function, NULL for a NULL; DuckDB counts its parameters."""
    def checked(*values: Any) -> Any:
        return None if None in values else run(*values)

    made: dict[int, Callable[..., Any]] = {1: lambda a: None if a is None else run(a), 2: lambda a, b: checked(a, b),
                                           3: lambda a, b, c: checked(a, b, c), 4: lambda a, b, c, d: checked(a, b, c, d)}
    return made[takes]


def used(sql: str) -> set[str]:
    """The functions that a statement names."""
    return {name for name in re.findall(r"bq_\w+", sql.lower()) if name in FUNCTIONS}


# -------------------------------------------------------------------- text
def initcap(text: str, delimiters: str) -> str:
    parts, fresh = [], True
    for letter in text:
        parts.append(letter if letter in delimiters else letter.upper() if fresh else letter.lower())
        fresh = letter in delimiters
    return "".join(parts)


def instr(text: Any, part: Any, position: int, occurrence: int) -> int:
    """The place of an occurrence, which may overlap the one before; a position below 0 searches from the end."""
    if position == 0 or occurrence < 1:
        raise ValueError("INSTR takes a position other than 0 and an occurrence above 0")
    if not part:
        raise ValueError("INSTR for an empty text is not offered by the local warehouse")
    at, step = (position - 1, 1) if position > 0 else (len(text) + position, -1)
    while 0 <= at < len(text):
        at = text.find(part, at) if step > 0 else text.rfind(part, 0, at + len(part))
        if at < 0:
            return 0
        occurrence -= 1
        if not occurrence:
            return int(at + 1)
        at += step
    return 0


def translate(text: str, source: str, target: str) -> str:
    if len(set(source)) < len(source):
        raise ValueError("TRANSLATE: a character stands twice among those to change")
    return text.translate({ord(letter): target[n] if n < len(target) else None for n, letter in enumerate(source)})


def soundex(text: str) -> str:
    alike = ("bfpv", "cgjkqsxz", "dt", "l", "mn", "r")
    codes = {letter: str(digit) for digit, letters in enumerate(alike, 1) for letter in letters}
    found, last = "", ""
    for letter in text.lower():
        if not ("a" <= letter <= "z"):
            continue
        code = codes.get(letter, "")
        if not found:
            found = letter.upper()
        elif code and code != last:
            found += code
        if letter not in "hw":
            last = code
    return found[:4].ljust(4, "0") if found else ""


def distance(left: Any, right: Any, most: int) -> int:
    """Changes of one letter that make one text the other; above `most` it is `most`."""
    if most < 0:
        raise ValueError("EDIT_DISTANCE: max_distance is below 0")
    if len(left) * len(right) > MAX_CELLS:
        raise ValueError("EDIT_DISTANCE of such long texts is not offered by the local warehouse")
    row = list(range(len(right) + 1))
    for n, a in enumerate(left, 1):
        before, row[0] = row[0], n
        for m, b in enumerate(right, 1):
            before, row[m] = row[m], min(row[m] + 1, row[m - 1] + 1, before + (a != b))
    return min(row[-1], most)


Form = Literal["NFC", "NFD", "NFKC", "NFKD"]


def normalize(text: str, form: Form) -> str:
    return unicodedata.normalize(form, text)


def casefold(text: str, form: Form) -> str:
    return unicodedata.normalize(form, unicodedata.normalize(form, text).casefold())


def contains(text: str, part: str) -> bool:
    """CONTAINS_SUBSTR: both in one form and case."""
    return casefold(part, "NFKC") in casefold(text, "NFKC")


def letters(points: list[int | None]) -> str | None:
    if any(point is None for point in points):
        return None
    if any(not 0 <= point <= 0x10FFFF or 0xD800 <= point <= 0xDFFF for point in points if point is not None):
        raise ValueError("CODE_POINTS_TO_STRING: a number is no code point")
    return "".join(chr(point) for point in points if point is not None)


def quoted(text: str) -> str:
    """A text as %T writes it."""
    mark = "'" if '"' in text and "'" not in text else '"'
    plain = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", mark: "\\" + mark, "\a": "\\a", "\b": "\\b", "\f": "\\f", "\v": "\\v"}
    return mark + "".join(plain.get(c) or (c if c.isprintable() else f"\\x{ord(c):02x}" if ord(c) < 128 else c) for c in text) + mark


# -------------------------------------------------------------------- bytes
def bytes_of_points(points: list[int | None]) -> bytes | None:
    if any(point is None for point in points):
        return None
    if any(not 0 <= point <= 255 for point in points if point is not None):
        raise ValueError("CODE_POINTS_TO_BYTES: a number is no byte")
    return bytes(point for point in points if point is not None)


def from_hex(text: str) -> bytes:
    return bytes.fromhex("0" * (len(text) % 2) + text) if not any(c.isspace() for c in text) else _bad("FROM_HEX", text)


def _bad(name: str, text: str) -> Any:
    raise ValueError(f"{name}: {text[:40]!r} cannot be read")


def from_base32(text: str) -> bytes:
    return base64.b32decode(text)


def sub_bytes(data: bytes, start: int, count: int) -> bytes:
    if count < 0:
        raise ValueError("Third argument in SUBSTR() cannot be negative")
    at = max(len(data) + start, 0) if start < 0 else max(start - 1, 0)
    return data[at:at + count]


def left_bytes(data: bytes, count: int) -> bytes:
    return data[:count] if count >= 0 else _bad("LEFT", str(count))


def right_bytes(data: bytes, count: int) -> bytes:
    return data[max(len(data) - count, 0):] if count >= 0 else _bad("RIGHT", str(count))


def padded_bytes(data: bytes, size: int, fill: bytes, left: bool) -> bytes:
    if size < 0 or not fill:
        raise ValueError("LPAD and RPAD take a size of 0 or more and something to fill with")
    more = (fill * (max(size - len(data), 0) // len(fill) + 1))[:max(size - len(data), 0)]
    return (more + data if left else data + more)[:size] if size >= len(data) else data[:size]


def split_bytes(data: bytes, by: bytes) -> list[bytes]:
    return data.split(by) if by else [data[n:n + 1] for n in range(len(data))] or [b""]


TEXT, BYTES, INT, JSON = "VARCHAR", "BLOB", "BIGINT", "JSON"
FUNCTIONS = {
    "bq_farm_fingerprint": Function(fingerprint, (BYTES,), INT),
    "bq_sha512": Function(lambda data: hashlib.sha512(data).digest(), (BYTES,), BYTES),
    "bq_initcap": Function(initcap, (TEXT, TEXT), TEXT), "bq_instr": Function(instr, (TEXT, TEXT, INT, INT), INT),
    "bq_translate": Function(translate, (TEXT, TEXT, TEXT), TEXT), "bq_soundex": Function(soundex, (TEXT,), TEXT),
    "bq_distance": Function(distance, (TEXT, TEXT, INT), INT), "bq_bytes_distance": Function(distance, (BYTES, BYTES, INT), INT),
    "bq_normalize": Function(normalize, (TEXT, TEXT), TEXT), "bq_casefold": Function(casefold, (TEXT, TEXT), TEXT),
    "bq_contains_folded": Function(contains, (TEXT, TEXT), "BOOLEAN"), "bq_upper_wide": Function(str.upper, (TEXT,), TEXT),
    "bq_lower_wide": Function(str.lower, (TEXT,), TEXT), "bq_points": Function(lambda text: [ord(c) for c in text], (TEXT,), "BIGINT[]"),
    "bq_letters": Function(letters, ("BIGINT[]",), TEXT), "bq_quoted": Function(quoted, (TEXT,), TEXT),
    "bq_json_double": Function(jsontext.float_json, ("DOUBLE",), TEXT),
    "bq_json_float_value": Function(jsontext.float_value, ("DOUBLE",), TEXT),
    "bq_float_print": Function(jsontext.float_print, ("DOUBLE",), TEXT),
    # bytes
    "bq_bytes_points": Function(list, (BYTES,), "BIGINT[]"), "bq_point_bytes": Function(bytes_of_points, ("BIGINT[]",), BYTES),
    "bq_safe_utf8": Function(lambda data: data.decode("utf-8", "replace"), (BYTES,), TEXT),
    "bq_utf8": Function(lambda data: data.decode("utf-8"), (BYTES,), TEXT),
    "bq_from_hex": Function(from_hex, (TEXT,), BYTES), "bq_from_base32": Function(from_base32, (TEXT,), BYTES),
    "bq_to_base32": Function(lambda data: base64.b32encode(data).decode(), (BYTES,), TEXT),
    "bq_bytes_substr": Function(sub_bytes, (BYTES, INT, INT), BYTES), "bq_bytes_left": Function(left_bytes, (BYTES, INT), BYTES),
    "bq_bytes_right": Function(right_bytes, (BYTES, INT), BYTES), "bq_bytes_reverse": Function(lambda data: data[::-1], (BYTES,), BYTES),
    "bq_bytes_upper": Function(bytes.upper, (BYTES,), BYTES), "bq_bytes_lower": Function(bytes.lower, (BYTES,), BYTES),
    "bq_bytes_trim": Function(bytes.strip, (BYTES, BYTES), BYTES), "bq_bytes_ltrim": Function(bytes.lstrip, (BYTES, BYTES), BYTES),
    "bq_bytes_rtrim": Function(bytes.rstrip, (BYTES, BYTES), BYTES), "bq_bytes_split": Function(split_bytes, (BYTES, BYTES), "BLOB[]"),
    "bq_bytes_replace": Function(lambda data, old, new: data.replace(old, new) if old else data, (BYTES, BYTES, BYTES), BYTES),
    "bq_bytes_pos": Function(lambda data, part: data.find(part) + 1, (BYTES, BYTES), INT),
    "bq_bytes_starts": Function(bytes.startswith, (BYTES, BYTES), "BOOLEAN"),
    "bq_bytes_ends": Function(bytes.endswith, (BYTES, BYTES), "BOOLEAN"), "bq_bytes_instr": Function(instr, (BYTES, BYTES, INT, INT), INT),
    "bq_bytes_repeat": Function(lambda data, count: data * count, (BYTES, INT), BYTES),
    "bq_bytes_pad": Function(padded_bytes, (BYTES, INT, BYTES, "BOOLEAN"), BYTES),
    # JSON
    "bq_json_parse": Function(jsontext.parse, (TEXT, TEXT), JSON), "bq_json_form": Function(jsontext.one_form, (JSON,), TEXT),
    "bq_json_query_text": Function(jsontext.query_text, (TEXT, TEXT), TEXT),
    "bq_json_value_text": Function(jsontext.value_text, (TEXT, TEXT), TEXT),
    "bq_json_query_items": Function(jsontext.query_items, (TEXT, TEXT), "VARCHAR[]"),
    "bq_json_value_items": Function(jsontext.value_items, (TEXT, TEXT), "VARCHAR[]"),
    "bq_json_keys": Function(jsontext.keys, (JSON, INT), "VARCHAR[]"), "bq_json_set": Function(jsontext.changed, (JSON, TEXT, JSON), JSON),
    "bq_json_remove": Function(jsontext.removed, (JSON, TEXT), JSON), "bq_json_strip": Function(jsontext.without_nulls, (JSON,), JSON),
    "bq_json_append": Function(jsontext.appended, (JSON, TEXT, JSON), JSON),
    "bq_json_insert": Function(jsontext.inserted, (JSON, TEXT, JSON), JSON),
    "bq_lax_int": Function(jsontext.lax_int, (JSON,), INT), "bq_lax_float": Function(jsontext.lax_float, (JSON,), "DOUBLE"),
    "bq_lax_bool": Function(jsontext.lax_bool, (JSON,), "BOOLEAN"), "bq_lax_text": Function(jsontext.lax_text, (JSON,), TEXT),
}
