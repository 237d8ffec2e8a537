"""What one operation of a transform does, said the way a colleague would say it; works on drafts that still hold `?`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flows.spec.words.condition import Condition
from flows.spec.words.form import Unfit

LONG = 160
_CONDITION = Condition()
Phrase = Callable[[Mapping[str, Any], str], str]


def one(value: Any) -> str:
    """A value as it is read; what is still asked is said so."""
    if value is None or value == "?":
        return "what is still asked"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def listed(values: Any) -> str:
    """`a`, `a and b`, `a, b and 3 more`."""
    if isinstance(values, Mapping):
        values = list(values)
    if isinstance(values, str) or not isinstance(values, Iterable):
        return one(values)
    said = [one(value) for value in values] or ["nothing"]
    if len(said) > 6:
        said = [*said[:5], f"{len(said) - 5} more"]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"


def where(condition: Any) -> str:
    """` with status paid` for one plain comparison, ` where amount is greater than 100` for all else."""
    if isinstance(condition, Mapping) and condition.get("is") == "=" and isinstance(condition.get("value"), str | int | float):
        return f" with {one(condition.get('column'))} {one(condition['value'])}"
    try:
        return f" where {_CONDITION.say(condition)}"
    except Unfit:
        return f" where {short(one(condition))}"


def short(text: str) -> str:
    """At most `LONG` characters on one line."""
    line = " ".join(text.split())
    return line if len(line) <= LONG else line[: LONG - 1] + "…"


def measure(given: Any) -> str:
    """`the sum of amount as revenue`."""
    if not isinstance(given, Mapping):
        return one(given)
    fn, column = given.get("fn"), given.get("column")
    of = {"sum": "the sum of", "avg": "the average", "min": "the smallest", "max": "the largest", "median": "the median of",
          "count": "the number of", "count_distinct": "the number of different", "ratio": "the share of"}.get(str(fn), f"{one(fn)} of")
    what = f"{of} {one(column)}" if column is not None else f"{of} rows"
    extra = where(given["where"]) if given.get("where") else ""
    return what + extra + (f" as {given['as']}" if given.get("as") else "")


def order(given: Any) -> str:
    """`amount, largest first`."""
    items = given if isinstance(given, list) else [given]
    said = []
    for item in items:
        if isinstance(item, Mapping):
            down = item.get("direction") == "desc"
            said.append(f"{one(item.get('column'))}, {'largest' if down else 'smallest'} first")
        else:
            said.append(one(item))
    return "; then ".join(said)


def _per(given: Mapping[str, Any], key: str = "per") -> str:
    return f" for each {listed(given[key])}" if given.get(key) else ""


def _as(given: Mapping[str, Any]) -> str:
    return f" as {given['as']}" if given.get("as") else ""


def _join(given: Mapping[str, Any], about: str) -> str:
    on, other = given.get("on"), one(given.get("with"))
    pairs = [p for p in on if isinstance(p, list | tuple) and len(p) == 2] if isinstance(on, list) else []
    by = f" by {' and '.join(one(a) if a == b else f'{one(a)} = {one(b)}' for a, b in pairs)}" if pairs else ""
    if given.get("how") in ("anti", "semi"):
        return f"keeps {about} that have {'no' if given['how'] == 'anti' else 'a'} match in {other}{by}"
    keep = {"left": f", keeping {about} without a match", "right": f", keeping all of {other}",
            "full": ", keeping what has no match on both sides"}.get(str(given.get("how")), "")
    return f"joins {other}{by}{keep}"


def _aggregate(given: Mapping[str, Any], about: str) -> str:
    grain = given.get("grain")
    grains = grain if isinstance(grain, list) else [grain] if grain else []
    by = [one(name) for name in given.get("by") or ()] if isinstance(given.get("by"), list) else []
    by += [f"{one(g.get('unit'))} of {one(g.get('column'))}" for g in grains if isinstance(g, Mapping)]
    measures = given.get("measures")
    said = listed([measure(m) for m in measures]) if isinstance(measures, list) and measures else f"the different {about}"
    return f"computes {said}" + (f" per {' and '.join(by)}" if by else "")


def _top(given: Mapping[str, Any], about: str) -> str:
    by = given.get("order_by")
    items = [{"direction": "desc", **item} if isinstance(item, Mapping) else item for item in by] if isinstance(by, list) else [by]
    return f"keeps the first {one(given.get('n'))} {about} by {order(items)}{_per(given)}"


def _deduplicate(given: Mapping[str, Any], about: str) -> str:
    keep = given.get("keep")
    kept = ""
    if isinstance(keep, Mapping):
        kept = f", keeping the one with the {'smallest' if keep.get('direction') == 'asc' else 'largest'} {one(keep.get('order_by'))}"
    return f"keeps one of {about} with the same {listed(given['keys'])}{kept}" if given.get("keys") else f"removes repeated {about}{kept}"


def _window(given: Mapping[str, Any], about: str) -> str:
    found = given.get("over")
    over: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    names = {"moving_avg": "the moving average of", "moving_sum": "the moving sum of", "running_total": "the running total of",
             "row_number": "a row number", "rank": "the rank", "dense_rank": "the rank without gaps", "lag": "the previous",
             "lead": "the next", "first": "the first", "last": "the last", "share": "the share of"}
    what = names.get(str(given.get("fn")), one(given.get("fn"))) + (f" {one(given['column'])}" if given.get("column") else "")
    span = f" over {one(over['rows'])} rows" if over.get("rows") else ""
    along = over.get("order_by")
    said = f" along {along if isinstance(along, str) else order(along)}" if along else ""
    return f"adds {what}{span}{said}{_per(over)}{_as(given)}"


def _convert(given: Mapping[str, Any], about: str) -> str:
    day = f" of {given['date']}" if given.get("date") else ""
    return (f"converts {one(given.get('column'))} from {one(given.get('from'))} to {one(given.get('to'))} at the rates in "
            f"{one(given.get('rates'))}{day}{_as(given)}")


def _flag(given: Mapping[str, Any], about: str) -> str:
    above = f" above {given['threshold']}" if given.get("threshold") is not None else ""
    return f"marks unusual values of {one(given.get('column'))}{_per(given)}{above}{_as(given)}"


def _changes(given: Any, link: str) -> str:
    if not isinstance(given, Mapping):
        return one(given)
    return listed([f"{name}{link}{one(value)}" for name, value in given.items()])


def _masked(given: Any) -> str:
    if not isinstance(given, Mapping):
        return f"hides {one(given)}"
    ways = {"mask": "masks", "hash": "hashes"}
    found = [f"{word} {listed([c for c, way in given.items() if way == name])}" for name, word in ways.items() if name in given.values()]
    return " and ".join(found) or "masks nothing"


PHRASES: dict[str, Phrase] = {
    "filter": lambda given, about: f"keeps {about}{where(given.get('where'))}",
    "join": _join,
    "select": lambda given, about: f"keeps only the columns {listed(given.get('columns'))}",
    "rename": lambda given, about: f"renames {_changes(given.get('columns'), ' to ')}",
    "derive": lambda given, about: f"adds {_changes(given.get('columns'), ' = ')}",
    "aggregate": _aggregate, "top": _top, "deduplicate": _deduplicate, "window": _window,
    "union": lambda given, about: f"adds the rows of {listed(given.get('with'))}" + (" without repeats" if given.get("distinct") else ""),
    "sort": lambda given, about: f"sorts by {order(given.get('by'))}",
    "limit": lambda given, about: f"keeps the first {one(given.get('n'))} rows",
    "fill": lambda given, about: f"fills empty {_changes(given.get('columns'), ' with ')}",
    "mask": lambda given, about: _masked(given.get("columns")),
    "convert_currency": _convert, "flag_anomalies": _flag,
    "pivot": lambda given, about: f"turns each {one(given.get('columns'))} into a column with {measure(given.get('values'))}"
                                  f"{_per(given, 'rows')}",
    "unpivot": lambda given, about: f"turns the columns {listed(given.get('columns'))} into rows of {one(given.get('name', 'name'))} and "
                                    f"{one(given.get('value', 'value'))}",
    "split_rows": lambda given, about: f"makes a row of each part of {one(given.get('column'))}{_as(given)}",
}


def operation(given: Any, about: str = "rows") -> str:
    """One operation as a phrase that begins with a verb; `about`: what the rows are, for instance `orders`."""
    name = given.get("op") if isinstance(given, Mapping) else None
    phrase = PHRASES.get(name) if isinstance(name, str) else None
    return short(phrase(given, about)) if phrase and isinstance(given, Mapping) else f"does {short(one(given))}"
