"""JSON as BigQuery keeps it: one form of a text, paths, changes, and values read out of it. Source: BigQuery, JSON functions."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

Step = str | int
_STEP = re.compile(r"""\.([A-Za-z_][A-Za-z0-9_-]*)|\."((?:[^"\\]|\\.)*)"|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]""")


class _Raw(str):
    """A number as it was written."""


@lru_cache(maxsize=256)
def path(text: str) -> tuple[Step, ...]:
    """The steps of a path. Raises ValueError for a path that is none."""
    if not text.startswith("$"):
        raise ValueError(f"JSONPath must start with '$': {text}")
    steps: list[Step] = []
    at = 1
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            raise ValueError(f"invalid JSONPath: {text}")
        plain, *quoted, index = found.groups()
        steps.append(int(index) if index is not None else plain if plain is not None else next(q for q in quoted if q is not None))
        at = found.end()
    return tuple(steps)


# -------------------------------------------------------------------- reading and writing
def _first(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of keys that come twice the first counts."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        found.setdefault(key, value)
    return found


def _whole(text: str) -> int | float:
    number = int(text)
    return number if -(2 ** 63) <= number < 2 ** 64 else float(text)


def _exact_whole(text: str) -> int:
    number = int(text)
    if not -(2 ** 63) <= number < 2 ** 64:
        raise ValueError(f"{text} cannot round-trip through its JSON form")
    return number


def _exact_part(text: str) -> float:
    number = float(text)
    digits = re.sub(r"[eE].*$", "", text).replace("-", "").replace(".", "").strip("0")
    if math.isinf(number) or len(digits) > 17:
        raise ValueError(f"{text} cannot round-trip through its JSON form")
    return number


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def load(text: str, *, exact: bool = False) -> Any:
    """A JSON value of a text. Raises ValueError for a text that is none; with `exact` for a number that would be rounded as well."""
    return json.loads(text, object_pairs_hook=_first, parse_constant=_no_constant, parse_int=_exact_whole if exact else _whole,
                      parse_float=_exact_part if exact else float)


def dump(value: Any) -> str:
    """The one form of a JSON value: no spaces, keys in order, floats as BigQuery writes them."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{dump(key)}:{dump(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dump, value)) + "]"
    return _float(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _float(value: float) -> str:
    """Python writes an exponent from 10^16 on, BigQuery from 10^15."""
    text = repr(value)
    if "e" in text or abs(value) < 1e15:
        return text
    digits = text.lstrip("-").replace(".", "").rstrip("0")
    return f"{'-' if value < 0 else ''}{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e+15"


def one_form(text: str) -> str:
    return dump(load(text))


def parse(text: str, mode: str) -> str:
    """PARSE_JSON."""
    return dump(load(text, exact=mode == "exact"))


# -------------------------------------------------------------------- reading a part
def _at(value: Any, steps: tuple[Step, ...]) -> tuple[bool, Any]:
    for step in steps:
        holder: Any = value
        in_object = isinstance(value, dict) and isinstance(step, str) and step in value
        if not in_object and not (isinstance(value, list) and isinstance(step, int) and step < len(value)):
            return False, None
        value = holder[step]
    return True, value


def _raw_text(value: Any) -> str:
    """A value of a text, compact, its numbers as they were written and its keys in their order."""
    if isinstance(value, _Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{_raw_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_raw_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _raw(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_first, parse_constant=_no_constant, parse_int=_Raw, parse_float=_Raw)


def _part(text: str, where: str) -> Any:
    """The value at a path of a JSON-formatted text; None when the text is no JSON, nothing is there, or a null."""
    try:
        return _at(_raw(text), path(where))[1]
    except (ValueError, RecursionError):
        return None


def query_text(text: str, where: str) -> str | None:
    """JSON_QUERY of a STRING."""
    found = _part(text, where)
    return None if found is None else _raw_text(found)


def value_text(text: str, where: str) -> str | None:
    """JSON_VALUE of a STRING."""
    return _scalar(_part(text, where))


def _scalar(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str) else None


def query_items(text: str, where: str) -> list[str] | None:
    """JSON_QUERY_ARRAY of a STRING."""
    found = _part(text, where)
    return [_raw_text(item) for item in found] if isinstance(found, list) else None


def value_items(text: str, where: str) -> list[str | None] | None:
    """JSON_VALUE_ARRAY of a STRING; NULL when an item is an array or object."""
    found = _part(text, where)
    if not isinstance(found, list) or any(isinstance(item, (list, dict)) for item in found):
        return None
    return [_scalar(item) for item in found]


def keys(text: str, depth: int) -> list[str]:
    """JSON_KEYS in strict mode: paths of objects only, in order."""
    if depth < 1:
        raise ValueError("max_depth must be positive")
    found: set[str] = set()

    def walk(value: Any, before: str, left: int) -> None:
        if isinstance(value, dict) and left:
            for key, item in value.items():
                name = key if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", key) else json.dumps(key, ensure_ascii=False)
                found.add(before + name)
                walk(item, f"{before}{name}.", left - 1)

    walk(load(text), "", depth)
    return sorted(found)


# -------------------------------------------------------------------- changing
def changed(text: str, where: str, value: str) -> str:
    """JSON_SET: what is missing on the way is made, and a path through a value of another kind is left alone."""
    steps = path(where)
    return dump(_put(load(text), steps, load(value)))


def _put(value: Any, steps: tuple[Step, ...], new: Any) -> Any:
    if not steps:
        return new
    step, rest = steps[0], steps[1:]
    if value is None:
        value = {} if isinstance(step, str) else []
    if isinstance(value, dict) and isinstance(step, str):
        return {**value, step: _put(value.get(step), rest, new)}
    if isinstance(value, list) and isinstance(step, int):
        if step > 1_000_000:
            raise ValueError(f"the array would have {step} items")
        items = value + [None] * (step + 1 - len(value))
        items[step] = _put(items[step], rest, new)
        return items
    return value


def removed(text: str, where: str) -> str:
    """JSON_REMOVE."""
    steps = path(where)
    if not steps:
        raise ValueError("the path $ cannot be removed")
    top = load(text)
    there, holder = _at(top, steps[:-1])
    last = steps[-1]
    if there and isinstance(holder, dict) and isinstance(last, str):
        holder.pop(last, None)
    elif there and isinstance(holder, list) and isinstance(last, int) and last < len(holder):
        del holder[last]
    return dump(top)


def without_nulls(text: str) -> str:
    """JSON_STRIP_NULLS: out of objects and arrays, at any depth."""
    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(item) for key, item in value.items() if item is not None}
        return [strip(item) for item in value if item is not None] if isinstance(value, list) else value

    return dump(strip(load(text)))


def appended(text: str, where: str, value: str) -> str:
    """JSON_ARRAY_APPEND of one value."""
    return _into(text, path(where), lambda items: items.append(load(value)))


def inserted(text: str, where: str, value: str) -> str:
    """JSON_ARRAY_INSERT of one value; a place behind the end is filled up with nulls."""
    *before, last = path(where)
    if not isinstance(last, int):
        return one_form(text)

    def put(items: list[Any]) -> None:
        if last > 1_000_000:
            raise ValueError(f"the array would have {last} items")
        items.extend([None] * (last - len(items)))
        items.insert(last, load(value))

    return _into(text, tuple(before), put)


def _into(text: str, steps: tuple[Step, ...], change: Callable[[list[Any]], None]) -> str:
    top = load(text)
    there, items = _at(top, steps)
    if there and items is None:
        items = []
        top = _put(top, steps, items)
        there, items = _at(top, steps)
    if there and isinstance(items, list):
        change(items)
    return dump(top)


# -------------------------------------------------------------------- numbers and texts out of it
def float_text(value: float) -> str:
    """A FLOAT64 as BigQuery writes it: the shortest text that reads back as the same number, without `.0`."""
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    text = f"{value:.15g}"
    return text if float(text) == value else repr(value) if "e" not in repr(value) else f"{value:.17g}"


def float_json(value: float) -> str:
    """In JSON: what is no number is a text."""
    if not math.isfinite(value):
        return '"NaN"' if math.isnan(value) else '"Infinity"' if value > 0 else '"-Infinity"'
    return float_text(value)


def float_value(value: float) -> str:
    """In a JSON value, which tells 2.0 from 2."""
    return _float(value) if math.isfinite(value) else float_json(value)


def float_print(value: float) -> str:
    """As %t writes it: with `.0` where nothing else says that it is no INT64."""
    text = float_text(value)
    return f"{text}.0" if re.fullmatch(r"-?\d+", text) else text


def lax_int(text: str) -> int | None:
    """LAX_INT64."""
    value = load(text)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        try:
            value = _whole(value) if re.fullmatch(r"[-+]?\d+", value) else float(value) if "_" not in value else None
        except ValueError:
            return None
    if isinstance(value, float):
        value = None if not math.isfinite(value) else math.floor(abs(value) + 0.5) * (-1 if value < 0 else 1)
    return value if isinstance(value, int) and -(2 ** 63) <= value < 2 ** 63 else None


def lax_float(text: str) -> float | None:
    """LAX_FLOAT64: a truth value is no number."""
    value = load(text)
    if isinstance(value, str) and "_" not in value:
        try:
            return float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def lax_bool(text: str) -> bool | None:
    """LAX_BOOL."""
    value = load(text)
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return bool(value) if isinstance(value, (bool, int, float)) else None


def lax_text(text: str) -> str | None:
    """LAX_STRING."""
    value = load(text)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value)
    return str(value) if isinstance(value, (str, int)) else None
