"""What every operation means, said once more in plain Python: slow, small, and a witness that knows no SQL.

Rows are dictionaries, in order; an empty cell is None. Texts are compared by code points, times are UTC. `Stop` is where a query ends.
"""

from __future__ import annotations

import hashlib
import math
import statistics
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cmp_to_key
from typing import Any

Row = dict[str, Any]
TODAY = date(2025, 11, 15)
NUMBERS = ("INT64", "NUMERIC", "FLOAT64")


class Stop(Exception):
    """The query ends with an error here, or may."""


class Unclear(Exception):
    """What the operation gives is not looked at here."""


class Table:
    """Rows and the types of their columns."""

    def __init__(self, types: dict[str, str], rows: list[Row]) -> None:
        self.types, self.rows = types, rows


# ---- values
def whole(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise Stop("INT64")
    return value


def exact(value: Decimal) -> Decimal:
    """A NUMERIC: nine decimals, rounded half away from zero."""
    made = value.quantize(Decimal("1e-9"), ROUND_HALF_UP)
    if abs(made) >= Decimal("1e29"):
        raise Stop("NUMERIC")
    return made


def real(value: Any, *given: Any) -> float:
    """A FLOAT64 out of numbers: infinite only where one of them is."""
    try:
        found = float(value)
    except OverflowError:
        raise Stop("FLOAT64") from None
    if math.isnan(found):
        raise Unclear("NaN")
    if math.isinf(found) and all(math.isfinite(part) for part in given):
        raise Stop("FLOAT64")
    return found


def as_type(value: Any, type_: str) -> Any:
    """A number as a wider type."""
    if value is None or type_ not in NUMBERS:
        return value
    if type_ == "FLOAT64":
        return float(value)
    return exact(Decimal(value)) if type_ == "NUMERIC" else value


def compare(a: Any, b: Any) -> int:
    """-1, 0 or 1; a number with a FLOAT64 is compared as FLOAT64."""
    if isinstance(a, float) != isinstance(b, float) and not isinstance(a, (str, bool)):
        a, b = float(a), float(b)
    return (a > b) - (a < b)


def instant(text: str, type_: str) -> Any:
    made = datetime.fromisoformat(text)
    if type_ == "DATE":
        return made.date()
    if type_ == "DATETIME":
        return made if made.tzinfo is None else made.astimezone(UTC).replace(tzinfo=None)
    return made.replace(tzinfo=UTC) if made.tzinfo is None else made.astimezone(UTC)


def value_of(value: Any, type_: str, row: Row | None = None) -> Any:
    """A value of a spec as a cell of a type."""
    if isinstance(value, dict) and "column" in value:
        return (row or {})[value["column"]]
    if isinstance(value, dict) and "today" in value:
        value = (TODAY + timedelta(days=value["today"])).isoformat()
    if type_ in ("DATE", "DATETIME", "TIMESTAMP") and isinstance(value, str):
        return instant(value, type_)
    if isinstance(value, float) and type_ in ("NUMERIC", "INT64"):
        return Decimal(repr(value))
    return value


# ---- conditions, in three values
def holds(said: Row, row: Row, types: dict[str, str]) -> bool | None:
    if "all" in said:
        found = [holds(c, row, types) for c in said["all"]]
        return False if False in found else None if None in found else True
    if "any" in said:
        found = [holds(c, row, types) for c in said["any"]]
        return True if True in found else None if None in found else False
    if "not" in said:
        inner = holds(said["not"], row, types)
        return None if inner is None else not inner
    return _holds(said, row, types)


def _holds(said: Row, row: Row, types: dict[str, str]) -> bool | None:
    name, how, value = said["column"], said["is"], said.get("value")
    cell, type_ = row[name], types[said["column"]]
    if how in ("is_null", "is_not_null"):
        return (cell is None) == (how == "is_null")
    if how == "not_in":
        inner = _holds({**said, "is": "in"}, row, types)
        return None if inner is None else not inner
    if how == "in":
        return holds({"any": [{"column": name, "is": "=", "value": v} for v in value]}, row, types)
    if how == "!=":
        inner = _holds({**said, "is": "="}, row, types)
        return None if inner is None else not inner
    if how == "between":
        low = {"column": name, "is": ">=", "value": value[0]}
        high = {"column": name, "is": "<=", "value": value[1]}
        if type_ in ("DATETIME", "TIMESTAMP") and _day(value[1]):
            return holds({"all": [low, {"column": name, "is": "<", "value": _next(value[1])}]}, row, types)
        return holds({"all": [low, high]}, row, types)
    if how == "in_period":
        first, after = period(value["unit"], value["offset"])
        return holds({"all": [{"column": name, "is": ">=", "value": first}, {"column": name, "is": "<", "value": after}]}, row, types)
    if how == "=" and type_ in ("DATETIME", "TIMESTAMP") and _day(value):
        return _holds({"column": name, "is": "between", "value": [value, value]}, row, types)
    other = value_of(value, type_, row)
    if cell is None or other is None:
        return None
    if how in ("starts_with", "contains", "like"):
        return {"starts_with": lambda: cell.startswith(value), "contains": lambda: value in cell, "like": lambda: like(cell, value)}[how]()
    order = compare(cell, other)
    return {"=": order == 0, ">": order > 0, ">=": order >= 0, "<": order < 0, "<=": order <= 0}[how]


def _day(value: Any) -> bool:
    return (isinstance(value, dict) and "today" in value) or (isinstance(value, str) and len(value) == 10)


def _next(value: Any) -> str:
    first = TODAY + timedelta(days=value["today"]) if isinstance(value, dict) else date.fromisoformat(value)
    return (first + timedelta(days=1)).isoformat()


def like(text: str, pattern: str) -> bool:
    if not pattern:
        return not text
    head, rest = pattern[0], pattern[1:]
    if head == "%":
        return any(like(text[n:], rest) for n in range(len(text) + 1))
    if head == "\\":
        return text[:1] == rest[:1] and like(text[1:], rest[1:])
    return bool(text) and (head == "_" or head == text[0]) and like(text[1:], rest)


def period(unit: str, offset: int) -> tuple[str, str]:
    def start(n: int) -> date:
        if unit in ("day", "week"):
            base = TODAY if unit == "day" else TODAY - timedelta(days=TODAY.weekday())
            return base + timedelta(days=n * (1 if unit == "day" else 7))
        size = {"month": 1, "quarter": 3, "year": 12}[unit]
        months = ((TODAY.year * 12 + TODAY.month - 1) // size + n) * size
        return date(months // 12, months % 12 + 1, 1)

    return start(offset).isoformat(), start(offset + 1).isoformat()


# ---- order
def _along(a: Any, b: Any, down: bool) -> int:
    if a is None or b is None:
        return (a is None) - (b is None)  # empty cells last, both ways
    return -compare(a, b) if down else compare(a, b)


def ordered(rows: list[Row], terms: list[tuple[str, bool]], names: list[str], full: bool = True) -> list[Row]:
    """By the terms; then, told apart by every other column."""
    given = dict(reversed(terms))
    order = [(n, given[n]) for n in dict.fromkeys(n for n, _ in terms)]
    if full:
        order += [(n, False) for n in names if n not in given]
    return sorted(rows, key=cmp_to_key(lambda a, b: next((s for n, d in order if (s := _along(a[n], b[n], d))), 0)))


def _terms(orders: list[Row], default: str = "asc") -> list[tuple[str, bool]]:
    return [(o["column"], o.get("direction", default) == "desc") for o in orders]


def groups(rows: list[Row], names: list[str]) -> list[list[Row]]:
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[n] for n in names), []).append(row)
    return list(found.values())


# ---- measures
def total(values: list[Any], type_: str) -> Any:
    kept = [v for v in values if v is not None]
    if not kept:
        return None
    return real(sum(kept), *kept) if type_ == "FLOAT64" else whole(sum(kept)) if type_ == "INT64" else exact(sum(kept, Decimal(0)))


def average(values: list[Any], type_: str) -> Any:
    kept = [v for v in values if v is not None]
    if not kept:
        return None
    return (
        exact(sum(kept, Decimal(0)) / len(kept))
        if type_ == "NUMERIC"
        else real(Decimal(sum(kept)) / len(kept) if type_ == "INT64" else sum(kept) / len(kept), *kept)
    )


def middle(values: list[Any], type_: str) -> Any:
    kept = [v for v in values if v is not None]
    if not kept:
        return None
    return exact(statistics.median(kept)) if type_ == "NUMERIC" else real(statistics.median(kept), *kept)


def share(part: Any, all_: Any) -> Any:
    if part is None or all_ is None or float(all_) == 0:
        return None
    try:
        return real(float(part) / float(all_), part, all_)
    except Stop:
        return None  # SAFE_DIVIDE


def measured(said: Row, rows: list[Row], types: dict[str, str]) -> Any:
    fn, column, where = said["fn"], said.get("column"), said.get("where")
    type_ = types[column] if column else "INT64"
    true = [holds(where, r, types) is True if where else True for r in rows]
    cells = [r[column] if column else 1 for r in rows]
    if fn == "ratio":
        kept = [c if t else 0 for c, t in zip(cells, true, strict=True)]
        if type_ == "NUMERIC":
            kept = [None if k is None else Decimal(k) for k in kept]
        return share(total(kept, type_), total(cells, type_))
    cells = [c for c, t in zip(cells, true, strict=True) if t and c is not None]
    if fn in ("count", "count_distinct"):
        return len(cells) if fn == "count" else len(set(cells))
    if fn in ("min", "max"):
        return (min if fn == "min" else max)(cells) if cells else None
    return {"sum": total, "avg": average, "median": middle}[fn](cells, type_)


def cut(value: Any, unit: str) -> Any:
    """A date or time cut down to its unit, of its own type."""
    if value is None:
        return None
    keep = {"year": 1, "quarter": 1, "month": 2, "week": 3, "day": 3, "hour": 4, "minute": 5}[unit]
    parts = [value.year, value.month, value.day]
    if isinstance(value, datetime):
        parts += [value.hour, value.minute]
    parts = [p if n < keep else (1 if n < 3 else 0) for n, p in enumerate(parts)]
    if unit == "quarter":
        parts[1] = (value.month - 1) // 3 * 3 + 1
    made = datetime(*parts, tzinfo=value.tzinfo) if isinstance(value, datetime) else date(*parts)
    return made - timedelta(days=made.weekday()) if unit == "week" else made


# ---- operations
def filter_(op: Row, table: Table, others: dict[str, Table]) -> list[Row]:
    return [r for r in table.rows if holds(op["where"], r, table.types) is True]


def select(op: Row, table: Table, others: dict[str, Table]) -> list[Row]:
    return [{n: r[n] for n in op["columns"]} for r in table.rows]


def rename(op: Row, table: Table, others: dict[str, Table]) -> list[Row]:
    return [{op["columns"].get(n, n): v for n, v in r.items()} for r in table.rows]


def join(op: Row, table: Table, others: dict[str, Table]) -> list[Row]:
    right, how = others[op["with"]], op.get("how", "inner")

    def meet(a: Row, b: Row) -> bool:
        return all(a[x] is not None and b[y] is not None and compare(a[x], b[y]) == 0 for x, y in op["on"])

    if how in ("semi", "anti"):
        return [r for r in table.rows if any(meet(r, o) for o in right.rows) == (how == "semi")]
    names = {n: f"{op['with']}_{n}" if n in table.types else n for n in right.types}
    left_none, right_none = dict.fromkeys(table.types), dict.fromkeys(names.values())
    beside = [{names[n]: v for n, v in o.items()} for o in right.rows]
    made, used = [], set()
    for row in table.rows:
        found = [n for n, o in enumerate(right.rows) if meet(row, o)]
        used |= set(found)
        made += [{**row, **beside[n]} for n in found]
        if not found and how in ("left", "full"):
            made.append({**row, **right_none})
    if how in ("right", "full"):
        made += [{**left_none, **o} for n, o in enumerate(beside) if n not in used]
    return made


def aggregate(op: Row, table: Table, others: dict[str, Table]) -> list[Row]:
    grains = op.get("grain", [])
    grains = grains if isinstance(grains, list) else [grains]
    keyed = [
        {**{n: r[n] for n in op.get("by", [])}, **{g.get("as", g["column"]): cut(r[g["column"]], g["unit"]) for g in grains}}
        for r in table.rows
    ]
    names = [*op.get("by", []), *(g.get("as", g["column"]) for g in grains)]
    found: dict[Any, tuple[Row, list[Row]]] = {} if names else {(): ({}, [])}
    for key, row in zip(keyed, table.rows, strict=True):
        found.setdefault(tuple(key.values()), (key, []))[1].append(row)
    return [{**key, **{m["as"]: measured(m, rows, table.types) for m in op.get("measures", [])}} for key, rows in found.values()]


def top(op: Row, table: Table, others: dict[str, Table]) -> list[Row]:
    terms, per = _terms(op["order_by"], "desc"), op.get("per", [])
    rows = ordered(table.rows, terms, list(table.types))
    if not per:
        return rows[: op["n"]]
    kept = [r for group in groups(rows, per) for r in group[: op["n"]]]
    return ordered(kept, [*((n, False) for n in per), *(t for t in terms if t[0] not in per)], list(table.types))


def deduplicate(op: Row, table: Table, others: dict[str, Table]) -> list[Row]:
    if not op.get("keys"):
        return [g[0] for g in groups(table.rows, list(table.types))]
    keep = op.get("keep")
    rows = ordered(table.rows, _terms([{"column": keep["order_by"], **keep}], "desc") if keep else [], list(table.types))
    first = {id(g[0]) for g in groups(rows, op["keys"])}
    return [r for r in table.rows if id(r) in first]


def window(op: Row, table: Table, others: dict[str, Table]) -> list[Row]:
    over, fn, column = op.get("over", {}), op["fn"], op.get("column")
    orders = over.get("order_by") or []
    terms = _terms(orders if isinstance(orders, list) else [{"column": orders, "direction": over.get("direction", "asc")}])
    made: dict[int, Any] = {}
    for group in groups(table.rows, over.get("per", [])):
        rows = ordered(group, terms, list(table.types))
        for n, row in enumerate(rows):
            made[id(row)] = _beside(fn, column, over.get("rows"), rows, n, terms, table.types)
    return [{**r, op["as"]: made[id(r)]} for r in table.rows]


def _beside(fn: str, column: str | None, span: int | None, rows: list[Row], n: int, terms: list[tuple[str, bool]], types: Row) -> Any:
    if fn == "row_number":
        return n + 1
    if fn in ("rank", "dense_rank"):
        keys = [tuple(r[t] for t, _ in terms) for r in rows]
        before = keys[: keys.index(keys[n])]
        return len(before) + 1 if fn == "rank" else len(set(before)) + 1
    cells = [r[column] for r in rows]
    if fn in ("lag", "lead"):
        at = n - (span or 1) if fn == "lag" else n + (span or 1)
        return cells[at] if 0 <= at < len(cells) else None
    if fn in ("first", "last"):
        return cells[0] if fn == "first" else cells[-1]
    if fn == "share":
        return share(cells[n], total(cells, types[column]))
    seen = cells[max(0, n - span + 1) if span else 0 : n + 1]
    return (average if fn == "moving_avg" else total)(seen, types[column])


def union(op: Row, table: Table, others: dict[str, Table]) -> list[Row]:
    sides = [table, *(others[n] for n in op["with"])]
    types = {n: max((s.types[n] for s in sides), key=NUMBERS.index) if t in NUMBERS else t for n, t in table.types.items()}
    rows = [{n: as_type(r[n], t) for n, t in types.items()} for s in sides for r in s.rows]
    return [g[0] for g in groups(rows, list(types))] if op.get("distinct") else rows


def sort(op: Row, table: Table, others: dict[str, Table]) -> list[Row]:
    return ordered(table.rows, _terms(op["by"]), list(table.types))


def limit(op: Row, table: Table, others: dict[str, Table]) -> list[Row]:
    return table.rows[: op["n"]]


def fill(op: Row, table: Table, others: dict[str, Table]) -> list[Row]:
    values = {n: as_type(value_of(v, table.types[n]), table.types[n]) for n, v in op["columns"].items()}
    return [{n: values[n] if v is None and n in values else v for n, v in r.items()} for r in table.rows]


def mask(op: Row, table: Table, others: dict[str, Table]) -> list[Row]:
    def hidden(value: Any, how: str) -> Any:
        if value is None:
            return None
        text = str(value)
        return hashlib.sha256(text.encode()).hexdigest() if how == "hash" else words(text)

    return [{n: hidden(v, op["columns"][n]) if n in op["columns"] else v for n, v in r.items()} for r in table.rows]


def words(text: str) -> str:
    """The first letter or digit of each word, then ***."""
    out, inside = "", False
    for sign in text:
        kind = unicodedata.category(sign)[0]
        if inside and kind in "LMN":
            continue
        inside = kind in "LN"
        out += sign + ("***" if inside else "")
    return out


def convert_currency(op: Row, table: Table, others: dict[str, Table]) -> list[Row]:
    rates = others[op["rates"]].rows

    def worth(code: str | None, day: date | None) -> float | None:
        if code is None or day is None:
            return None
        if code == "USD":
            return 1.0
        known = [
            (r["rate_date"], r["rate_to_usd"])
            for r in rates
            if r["currency"] == code
            and r["rate_date"] is not None
            and r["rate_to_usd"] is not None
            and r["rate_to_usd"] > 0
            and r["rate_date"] <= day
        ]
        return max(known)[1] if known else None

    def made(row: Row) -> Any:
        amount, type_ = row[op["column"]], table.types[op["column"]]
        code = row[op["from"]] if op["from"] in row else op["from"]
        day = row[op["date"]] if op.get("date") else TODAY
        day = day.date() if isinstance(day, datetime) else day
        if amount is None:
            return None
        if code == op["to"]:
            return amount if type_ == "NUMERIC" else float(amount)
        ours, theirs = worth(op["to"], day), worth(code, day)
        if ours is None or theirs is None:
            raise Stop("rate")
        value = float(amount) * theirs / ours
        return exact(Decimal(value)) if type_ == "NUMERIC" else real(value, amount)

    out = []
    for row in table.rows:
        name = op.get("as", op["column"])
        new = {**row, name: made(row)}
        if not op.get("as") and op["from"] in row:
            new[op["from"]] = op["to"]
        out.append(new)
    return out


def flag_anomalies(op: Row, table: Table, others: dict[str, Table]) -> list[Row]:
    column, made = op["column"], {}
    for group in groups(table.rows, op.get("per", [])):
        cells = [float(r[column]) for r in group if r[column] is not None]
        robust = op.get("method", "robust_zscore") == "robust_zscore"
        mid = spread = None
        if cells:
            mid = statistics.median(cells) if robust else real(sum(cells) / len(cells), *cells)
            spread = statistics.median([abs(c - mid) for c in cells]) if robust else statistics.stdev(cells) if len(cells) > 1 else None
        for row in group:
            far = None if row[column] is None or spread is None else abs(float(row[column]) - mid) * (0.6745 if robust else 1)
            made[id(row)] = bool(far is not None and spread > 0 and far > op.get("threshold", 3.5) * spread)
    return [{**r, op.get("as", "is_anomaly"): made[id(r)]} for r in table.rows]


def pivot(op: Row, table: Table, others: dict[str, Table]) -> list[Row]:
    measures = []
    for value in op["among"]:
        only: Row = {"column": op["columns"], "is": "=", "value": value}
        where = {"all": [op["values"]["where"], only]} if op["values"].get("where") else only
        name = str(value).lower() if isinstance(value, bool) else str(value)
        measures.append({**op["values"], "where": where, "as": "".join(c if c.isalnum() or c in "_ -" else "_" for c in name) or "empty"})
    return aggregate({"by": op.get("rows", []), "measures": measures}, table, others)


def unpivot(op: Row, table: Table, others: dict[str, Table]) -> list[Row]:
    kept = [n for n in table.types if n not in op["columns"]]
    types = [table.types[n] for n in op["columns"]]
    type_ = max(types, key=NUMBERS.index) if types[0] in NUMBERS else types[0]
    return [
        {**{k: r[k] for k in kept}, op["name"]: n, op["value"]: as_type(r[n], type_)}
        for r in table.rows
        for n in op["columns"]
        if r[n] is not None
    ]


def split_rows(op: Row, table: Table, others: dict[str, Table]) -> list[Row]:
    name = op.get("as", op["column"])
    out = []
    for row in table.rows:
        text = row[op["column"]]
        for part in [None] if text is None else [p.strip() for p in text.split(op.get("by", ","))]:
            out.append({**row, name: part})
    return out


OPERATIONS: dict[str, Callable[[Row, Table, dict[str, Table]], list[Row]]] = {
    "filter": filter_,
    "select": select,
    "rename": rename,
    "join": join,
    "aggregate": aggregate,
    "top": top,
    "deduplicate": deduplicate,
    "window": window,
    "union": union,
    "sort": sort,
    "limit": limit,
    "fill": fill,
    "mask": mask,
    "convert_currency": convert_currency,
    "flag_anomalies": flag_anomalies,
    "pivot": pivot,
    "unpivot": unpivot,
    "split_rows": split_rows,
}
"""All but derive, whose expressions have a table of their own."""
