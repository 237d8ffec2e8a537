"""Generated specs: relations out of the pool, chains of operations that fit them, and what the model says about each."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import localcontext
from typing import Any

from hypothesis import strategies as st

from tests.parity import model
from tests.parity.model import NUMBERS, Row, Stop, Table, Unclear
from tests.parity.phrases import PHRASES, Phrase, nested
from tests.parity.pool import POOL, TYPES, WILD

NAMES = ["id", "amount", "Price", "status", "größe", "order", "unit cost", "k_1", "city", "x", "from_day", "Total", "note", "half", "zeta"]
MOMENTS = ("DATE", "DATETIME", "TIMESTAMP")
UNITS = {"DATE": ["day", "week", "month", "quarter", "year"]}
VALUES: dict[str, list[Any]] = {
    "INT64": [0, 1, 3, -1, 2.5, 9223372036854775807],
    "FLOAT64": [0, 2.5, -1.25, 10, 0.1, 1e300],
    "NUMERIC": [0, 1.5, 2, 0.000000001, -2.5, 12.34],
    "BOOL": [True, False],
    "STRING": ["paid", "", "it's", "50%_\\x", "é", "a", "`x`", "李小龙"],
    "DATE": ["2024-08-14", "2024-12-31", "0001-01-01", {"today": -200}],
    "DATETIME": ["2024-08-14", "2024-08-14T15:30:00", {"today": -300}],
    "TIMESTAMP": ["2024-08-14", "2024-08-14T15:30:00+02:00", "9999-12-30", {"today": -100}],
}
FILLS: dict[str, list[Any]] = {
    "INT64": [0, -7],
    "FLOAT64": [0, 1.5],
    "NUMERIC": [0, 1.25],
    "BOOL": [True],
    "STRING": ["", "it's"],
    "DATE": ["2024-08-14", {"today": 0}],
    "DATETIME": ["2024-08-14T10:00:00"],
    "TIMESTAMP": ["2024-08-14T10:00:00Z"],
}
PATTERNS = ["%a%", "a_%", "paid", "%", "", "50\\%\\_%", "_"]


@dataclass
class Relation:
    """Some rows and columns of the pool under names of its own."""

    columns: dict[str, str]  # name -> column of the pool
    rows: list[int]

    @property
    def types(self) -> dict[str, str]:
        return {name: TYPES.get(c, "INT64") for name, c in self.columns.items()}

    def table(self) -> Table:
        return Table(self.types, [{name: POOL[n][c] for name, c in self.columns.items()} for n in self.rows])


@dataclass
class Case:
    """A spec: relations (the first is worked on), operations, and what the model gives; `stops` where it says the query may end."""

    relations: dict[str, Relation]
    operations: list[Row] = field(default_factory=list)
    types: dict[str, str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    ordered: bool = False
    fuzzy: set[str] = field(default_factory=set)  # columns whose floats are only nearly the same
    wild: set[str] = field(default_factory=set)  # columns whose sums may end the query or lose digits
    stops: bool = False

    def __repr__(self) -> str:
        said = "; ".join(f"{n}: {r.columns} rows {r.rows}" for n, r in self.relations.items())
        return f"Case({said}; operations={self.operations!r})"


def _relation(draw: Any, names: list[str], rows: int) -> Relation:
    columns = draw(st.lists(st.sampled_from(sorted(TYPES)), min_size=len(names), max_size=len(names)))
    return Relation(dict(zip(names, columns, strict=True)), numbers(draw, rows))


def numbers(draw: Any, most: int) -> list[int]:
    return draw(st.lists(st.integers(0, len(POOL) - 1), min_size=0, max_size=most, unique=True))


@st.composite
def cases(draw: Any, most: int = 6) -> Case:
    """A case of one to six operations."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=7, unique=True))
    first = _relation(draw, names, 14)
    case = Case({"t": first}, types=first.types, rows=first.table().rows, wild={n for n, c in first.columns.items() if c in WILD})
    for _ in range(draw(st.integers(1, most))):
        op = draw(st.sampled_from(_OFTEN))
        made = _MAKERS[op](draw, case)
        if made is not None and not case.stops:
            _apply(case, {"op": op, **made})
    return case


def _apply(case: Case, op: Row) -> None:
    """The model does the operation; types come along."""
    table = Table(case.types, case.rows)
    others = {name: relation.table() for name, relation in case.relations.items()}
    case.operations.append(op)
    try:
        with localcontext(prec=100):
            rows = _derived(op, table) if op["op"] == "derive" else model.OPERATIONS[op["op"]](op, table, others)
    except Stop:
        if any(phrase.other for phrase, _ in op.get("_phrases", {}).values()):
            case.operations.pop()  # an engine need not look at every part of an expression
            return
        case.stops, rows = True, []
    except Unclear:
        case.operations.pop()
        return
    case.types = _types(op, case, others)
    case.rows = rows
    for row in rows:
        assert set(row) == set(case.types), (op, row, case.types)
    _marks(op, case)


def _derived(op: Row, table: Table) -> list[Row]:
    made = [dict(row) for row in table.rows]
    for name, (phrase, cells) in op["_phrases"].items():
        for new, old in zip(made, table.rows, strict=True):
            new[name] = phrase.of(*(old[c] for c in cells))
    return made


def _types(op: Row, case: Case, others: dict[str, Table]) -> dict[str, str]:
    types, kind = dict(case.types), op["op"]
    if kind == "select":
        return {n: types[n] for n in op["columns"]}
    if kind == "rename":
        return {op["columns"].get(n, n): t for n, t in types.items()}
    if kind == "derive":
        return {**types, **{name: phrase.gives for name, (phrase, _) in op["_phrases"].items()}}
    if kind == "join" and op.get("how") not in ("semi", "anti"):
        right = others[op["with"]].types
        return {**types, **{f"{op['with']}_{n}" if n in types else n: t for n, t in right.items()}}
    if kind == "union":
        sides = [types, *(others[n].types for n in op["with"])]
        return {n: max((s[n] for s in sides), key=NUMBERS.index) if t in NUMBERS else t for n, t in types.items()}
    if kind == "aggregate":
        grains = {g.get("as", g["column"]): types[g["column"]] for g in op.get("grain", [])}
        return {**{n: types[n] for n in op["by"]}, **grains, **{m["as"]: _measure_type(m, types) for m in op["measures"]}}
    if kind == "window":
        return {**types, op["as"]: _window_type(op, types)}
    if kind == "mask":
        return {**types, **dict.fromkeys(op["columns"], "STRING")}
    if kind == "convert_currency":
        was = types[op["column"]]
        return {**types, op.get("as", op["column"]): was if was == "NUMERIC" else "FLOAT64"}
    if kind == "flag_anomalies":
        return {**types, op["as"]: "BOOL"}
    if kind == "pivot":
        made = _measure_type(op["values"], types)
        return {**{n: types[n] for n in op["rows"]}, **dict.fromkeys(op["_names"], made)}
    if kind == "unpivot":
        turned = [types[n] for n in op["columns"]]
        kept = {n: t for n, t in types.items() if n not in op["columns"]}
        return {**kept, op["name"]: "STRING", op["value"]: max(turned, key=NUMBERS.index) if turned[0] in NUMBERS else turned[0]}
    if kind == "split_rows" and op.get("as"):
        return {**types, op["as"]: "STRING"}
    return types


def _measure_type(measure: Row, types: dict[str, str]) -> str:
    fn = measure["fn"]
    if fn in ("count", "count_distinct"):
        return "INT64"
    if fn == "ratio":
        return "FLOAT64"
    was = types[measure["column"]]
    return "FLOAT64" if fn in ("avg", "median") and was == "INT64" else was


def _window_type(op: Row, types: dict[str, str]) -> str:
    if op["fn"] in ("row_number", "rank", "dense_rank"):
        return "INT64"
    if op["fn"] == "share":
        return "FLOAT64"
    was = types[op["column"]]
    return "FLOAT64" if op["fn"] == "moving_avg" and was == "INT64" else was


def _marks(op: Row, case: Case) -> None:
    """Which columns are nearly the same only, which are not to be summed, and whether there is an order now."""
    kind = op["op"]
    if kind in ("sort", "top"):
        case.ordered = True
    if (
        kind in ("aggregate", "union", "pivot", "unpivot", "split_rows")
        or (kind == "join" and op.get("how") not in ("semi", "anti"))
        or (kind == "deduplicate" and not op.get("keys"))
    ):
        case.ordered = False
    if kind == "rename":
        case.fuzzy = {op["columns"].get(n, n) for n in case.fuzzy}
        case.wild = {op["columns"].get(n, n) for n in case.wild}
    if kind == "derive":
        before_fuzzy, before_wild = set(case.fuzzy), set(case.wild)
        for name, (phrase, cells) in op["_phrases"].items():
            case.fuzzy.discard(name)
            case.wild.discard(name)
            if phrase.fuzzy or set(cells) & before_fuzzy:
                case.fuzzy.add(name)
            if set(cells) & before_wild:
                case.wild.add(name)
    if kind in ("aggregate", "pivot"):
        measures = op["measures"] if kind == "aggregate" else [{**op["values"], "as": n} for n in op["_names"]]
        hazy = {m["as"] for m in measures if m["fn"] in ("avg", "ratio", "median") or m.get("column") in case.fuzzy}
        strange = {m["as"] for m in measures if m.get("column") in case.wild}
        case.fuzzy, case.wild = case.fuzzy & set(op.get("by", op.get("rows", []))) | hazy, case.wild & set(case.types) | strange
    if kind == "window" and (op["fn"] in ("share", "moving_avg") or op.get("column") in case.fuzzy):
        case.fuzzy.add(op["as"])
    if kind == "window" and op.get("column") in case.wild:
        case.wild.add(op["as"])
    if kind == "convert_currency":
        case.fuzzy.add(op.get("as", op["column"]))
        if op["column"] in case.wild:
            case.wild.add(op.get("as", op["column"]))
    if kind == "unpivot":
        for marks in (case.fuzzy, case.wild):
            if set(op["columns"]) & marks:
                marks.add(op["value"])
    if kind == "union":
        for n in op["with"]:
            case.wild |= {name for name, c in case.relations[n].columns.items() if c in WILD}
    if kind == "join" and op.get("how") not in ("semi", "anti"):
        right = case.relations[op["with"]].columns
        case.wild |= {f"{op['with']}_{n}" if n in op["_had"] else n for n, c in right.items() if c in WILD}
    case.fuzzy &= set(case.types)
    case.wild &= set(case.types)


# ---- what is drawn
def _pick(draw: Any, case: Case, types: tuple[str, ...] = (), *, calm: bool = False, firm: bool = True) -> str | None:
    """A column of these types; `calm`: not one with extremes, `firm`: not one that is only nearly the same."""
    names = [
        n for n, t in case.types.items() if (not types or t in types) and not (calm and n in case.wild) and not (firm and n in case.fuzzy)
    ]
    return draw(st.sampled_from(names)) if names else None


def _some(draw: Any, case: Case, least: int = 0, most: int = 2) -> list[str]:
    names = [n for n in case.types if n not in case.fuzzy]
    return draw(st.lists(st.sampled_from(names), min_size=min(least, len(names)), max_size=most, unique=True)) if names else []


def _fresh(draw: Any, case: Case) -> str:
    taken = {n.casefold() for n in case.types}
    return next(n for n in [draw(st.sampled_from(NAMES)), *(f"new_{k}" for k in range(50))] if n.casefold() not in taken)


def _another(case: Case, word: str) -> str:
    return f"{word}{len(case.relations)}"


def _compare(draw: Any, case: Case) -> Row | None:
    name = _pick(draw, case)
    if name is None:
        return None
    type_ = case.types[name]
    hows = ["=", "!=", ">", ">=", "<", "<=", "in", "not_in", "between", "is_null", "is_not_null"]
    hows += ["like", "starts_with", "contains"] if type_ == "STRING" else ["in_period"] if type_ in MOMENTS else []
    how = draw(st.sampled_from(hows))
    one = st.sampled_from(VALUES[type_])
    if how in ("is_null", "is_not_null"):
        return {"column": name, "is": how}
    if how in ("in", "not_in", "between"):
        size = 2 if how == "between" else draw(st.integers(1, 3))
        return {"column": name, "is": how, "value": [draw(one) for _ in range(size)]}
    if how == "in_period":
        return {"column": name, "is": how, "value": {"unit": draw(st.sampled_from(UNITS["DATE"])), "offset": draw(st.integers(-6, 1))}}
    if how in ("like", "starts_with", "contains"):
        return {
            "column": name,
            "is": how,
            "value": draw(st.sampled_from(PATTERNS if how == "like" else ["a", "p", "", "%", "\\", "李", "'"])),
        }
    same = [n for n, t in case.types.items() if n not in case.fuzzy and (t == type_ or (t in NUMBERS and type_ in NUMBERS))]
    value = {"column": draw(st.sampled_from(same))} if draw(st.integers(0, 3)) == 0 else draw(one)
    return {"column": name, "is": how, "value": value}


def condition(draw: Any, case: Case, depth: int = 0) -> Row | None:
    shape = draw(st.sampled_from(["one", "one", "one", "all", "any", "not"])) if depth < 2 else "one"
    if shape == "one":
        return _compare(draw, case)
    if shape == "not":
        inner = condition(draw, case, depth + 1)
        return None if inner is None else {"not": inner}
    parts = [condition(draw, case, depth + 1) for _ in range(draw(st.integers(1, 3)))]
    return None if None in parts else {shape: parts}


def _filter(draw: Any, case: Case) -> Row | None:
    where = condition(draw, case)
    return None if where is None else {"where": where}


def _select(draw: Any, case: Case) -> Row:
    return {"columns": draw(st.lists(st.sampled_from(list(case.types)), min_size=1, max_size=6, unique=True))}


def _rename(draw: Any, case: Case) -> Row:
    old = draw(st.sampled_from(list(case.types)))
    return {"columns": {old: _fresh(draw, case)}}


def _nested(draw: Any, phrase: Phrase, fits: list[Phrase], depth: int = 2) -> Phrase:
    """Sometimes with other expressions in it; none that is only nearly the same, as a comparison may fall on either side then."""
    inner = {}
    for place, want in enumerate(phrase.takes):
        sure = [p for p in fits if p.gives == want and not p.fuzzy]
        if depth and sure and draw(st.integers(0, 2)) == 0:
            inner[place] = _nested(draw, draw(st.sampled_from(sure)), fits, depth - 1)
    return nested(phrase, inner) if inner else phrase


def _derive(draw: Any, case: Case) -> Row | None:
    fits = [p for p in PHRASES if all(any(t == want and n not in case.fuzzy for n, t in case.types.items()) for want in p.takes)]
    phrases: dict[str, Any] = {}
    for _ in range(draw(st.integers(1, 3))):
        phrase = _nested(draw, draw(st.sampled_from(fits)), fits) if fits else None
        if phrase is None:
            return None
        cells = [draw(st.sampled_from([n for n, t in case.types.items() if t == want and n not in case.fuzzy])) for want in phrase.takes]
        name = draw(st.sampled_from(list(case.types))) if draw(st.integers(0, 5)) == 0 else f"made_{len(case.types) + len(phrases)}"
        phrases[name] = (phrase, cells)
    return {"columns": {n: p.text.format(*(f"`{c}`" for c in cells)) for n, (p, cells) in phrases.items()}, "_phrases": phrases}


def _join(draw: Any, case: Case) -> Row | None:
    name = _another(case, "u")
    left = _pick(draw, case)
    if left is None or len(case.types) > 12:
        return None
    want = NUMBERS if case.types[left] in NUMBERS else (case.types[left],)
    keys = {draw(st.sampled_from(["id", "key"])): draw(st.sampled_from([c for c, t in TYPES.items() if t in want]))}
    on = [[left, next(iter(keys))]]
    more = draw(st.lists(st.sampled_from(["status", "Total", "extra"]), max_size=2, unique=True))
    keys |= {n: draw(st.sampled_from(sorted(TYPES))) for n in more}
    taken = {n.casefold() for n in case.types}
    if any(n.casefold() in taken and n not in case.types for n in keys):
        return None
    case.relations[name] = Relation(keys, numbers(draw, 10))
    return {
        "with": name,
        "how": draw(st.sampled_from(["inner", "left", "right", "full", "anti", "semi"])),
        "on": on,
        "_had": list(case.types),
    }


def _measure(draw: Any, case: Case, n: int) -> Row | None:
    fn = draw(st.sampled_from(["sum", "avg", "min", "max", "count", "count_distinct", "median", "ratio"]))
    if fn in ("sum", "avg", "median", "ratio"):
        column = _pick(draw, case, NUMBERS, calm=True)
    else:
        column = _pick(draw, case)
    if fn in ("count", "ratio") and draw(st.booleans()):
        column = None
    elif column is None:
        return None
    made: Row = {"fn": fn, "as": f"m_{n}", **({"column": column} if column else {})}
    if fn == "ratio" or draw(st.integers(0, 3)) == 0:
        where = condition(draw, case, 1)
        if where is None:
            return None
        made["where"] = where
    return made


def _aggregate(draw: Any, case: Case) -> Row | None:
    by = _some(draw, case)
    grains: list[Row] = []
    column = _pick(draw, case, MOMENTS)
    if column and column not in by and draw(st.booleans()):
        grains = [
            {"column": column, "unit": draw(st.sampled_from(UNITS["DATE"] + (["hour", "minute"] if case.types[column] != "DATE" else [])))}
        ]
    measures = [m for n in range(draw(st.integers(0 if by or grains else 1, 3))) if (m := _measure(draw, case, n))]
    taken = [n.casefold() for n in [*by, *(m["as"] for m in measures), *(g["column"] for g in grains)]]
    if not (measures or by or grains) or len(set(taken)) != len(taken):
        return None
    return {"by": by, "grain": grains, "measures": measures}


def _orders(draw: Any, case: Case, most: int = 2) -> list[Row] | None:
    names = _some(draw, case, 1, most)
    return [{"column": n, "direction": draw(st.sampled_from(["asc", "desc"]))} for n in names] or None


def _top(draw: Any, case: Case) -> Row | None:
    orders = _orders(draw, case)
    per = _some(draw, case, 0, 1)
    return None if orders is None or case.fuzzy else {"n": draw(st.integers(1, 5)), "order_by": orders, **({"per": per} if per else {})}


def _deduplicate(draw: Any, case: Case) -> Row | None:
    keys = _some(draw, case)
    if case.fuzzy:
        return None
    order = _pick(draw, case)
    keep = {"keep": {"order_by": order, "direction": draw(st.sampled_from(["asc", "desc"]))}} if keys and draw(st.booleans()) else {}
    return {"keys": keys, **keep}


def _window(draw: Any, case: Case) -> Row | None:
    fn = draw(
        st.sampled_from(
            ["moving_avg", "moving_sum", "running_total", "row_number", "rank", "dense_rank", "lag", "lead", "first", "last", "share"]
        )
    )
    orders = _orders(draw, case)
    numeric = fn in ("moving_avg", "moving_sum", "running_total", "share")
    column = None if fn in ("row_number", "rank", "dense_rank") else _pick(draw, case, NUMBERS if numeric else (), calm=numeric)
    if case.fuzzy or orders is None or (column is None and fn not in ("row_number", "rank", "dense_rank")):
        return None
    over: Row = {"per": _some(draw, case, 0, 1)}
    if fn != "share":
        over["order_by"] = orders
    if fn.startswith("moving") or (fn in ("lag", "lead") and draw(st.booleans())):
        over["rows"] = draw(st.integers(1, 3))
    return {"fn": fn, "over": over, "as": _fresh(draw, case), **({"column": column} if column else {})}


def _union(draw: Any, case: Case) -> Row | None:
    distinct = draw(st.booleans())
    if distinct and case.fuzzy:
        return None
    name = _another(case, "more")
    columns = {}
    for n, t in case.types.items():
        fits = [c for c, type_ in TYPES.items() if (type_ == t or (t in NUMBERS and type_ in NUMBERS)) and c not in WILD] or [
            c for c, type_ in TYPES.items() if type_ == t
        ]
        columns[n] = draw(st.sampled_from(fits))
    if any(case.types[n] != TYPES[c] and n in case.wild for n, c in columns.items()):
        return None
    case.relations[name] = Relation(columns, numbers(draw, 6))
    return {"with": [name], "distinct": distinct}


def _sort(draw: Any, case: Case) -> Row | None:
    orders = _orders(draw, case)
    return None if orders is None or case.fuzzy else {"by": orders}


def _limit(draw: Any, case: Case) -> Row | None:
    return {"n": draw(st.integers(0, 6))} if case.ordered else None


def _fill(draw: Any, case: Case) -> Row | None:
    name = _pick(draw, case)
    return None if name is None else {"columns": {name: draw(st.sampled_from(FILLS[case.types[name]]))}}


def _mask(draw: Any, case: Case) -> Row | None:
    name = _pick(draw, case, ("STRING", "INT64", "DATE"))
    return None if name is None else {"columns": {name: draw(st.sampled_from(["mask", "hash"]))}}


def _convert(draw: Any, case: Case) -> Row | None:
    column = _pick(draw, case, NUMBERS, calm=True)
    codes = [n for n, t in case.types.items() if t == "STRING"]
    day = _pick(draw, case, MOMENTS)
    if column is None:
        return None
    name = _another(case, "rates")
    case.relations[name] = Relation(
        {"rate_date": "d1", "currency": "c1", "rate_to_usd": "f1"}, list(range(0, len(POOL), draw(st.integers(1, 3))))
    )
    op: Row = {
        "column": column,
        "from": draw(st.sampled_from([*codes, "EUR", "GBP"])),
        "to": draw(st.sampled_from(["USD", "EUR"])),
        "rates": name,
    }
    if day and draw(st.booleans()):
        op["date"] = day
    if draw(st.booleans()) or op["from"] == column:
        op["as"] = _fresh(draw, case)
    return op


def _flag(draw: Any, case: Case) -> Row | None:
    column = _pick(draw, case, NUMBERS, calm=True)
    if column is None:
        return None
    return {
        "column": column,
        "per": _some(draw, case, 0, 1),
        "method": draw(st.sampled_from(["robust_zscore", "zscore"])),
        "threshold": draw(st.sampled_from([0.77, 1.13, 3.5])),
        "as": _fresh(draw, case),
    }


def _pivot(draw: Any, case: Case) -> Row | None:
    column = _pick(draw, case, ("STRING", "INT64", "BOOL"))
    values = _measure(draw, case, 0)
    if column is None or values is None or values["fn"] == "ratio":
        return None
    among = {"STRING": ["paid", "open"], "INT64": [1, 2], "BOOL": [True, False]}[case.types[column]]
    rows = [n for n in _some(draw, case) if n not in among]
    names = [str(v).lower() if isinstance(v, bool) else str(v) for v in among]
    if {n.casefold() for n in names} & {n.casefold() for n in rows}:
        return None
    return {"rows": rows, "columns": column, "values": {k: v for k, v in values.items() if k != "as"}, "among": among, "_names": names}


def _unpivot(draw: Any, case: Case) -> Row | None:
    first = _pick(draw, case)
    if first is None or {"field", "cell"} & {n.casefold() for n in case.types}:
        return None
    same = [
        n
        for n, t in case.types.items()
        if n not in case.wild and (t == case.types[first] or (t in NUMBERS and case.types[first] in NUMBERS))
    ]
    if not same:
        return None
    return {"columns": draw(st.lists(st.sampled_from(same), min_size=1, max_size=3, unique=True)), "name": "field", "value": "cell"}


def _split(draw: Any, case: Case) -> Row | None:
    name = _pick(draw, case, ("STRING",))
    return (
        None
        if name is None
        else {
            "column": name,
            "by": draw(st.sampled_from([",", ";", "-", " "])),
            **({"as": _fresh(draw, case)} if draw(st.booleans()) else {}),
        }
    )


_MAKERS = {
    "filter": _filter,
    "select": _select,
    "rename": _rename,
    "derive": _derive,
    "join": _join,
    "aggregate": _aggregate,
    "top": _top,
    "deduplicate": _deduplicate,
    "window": _window,
    "union": _union,
    "sort": _sort,
    "limit": _limit,
    "fill": _fill,
    "mask": _mask,
    "convert_currency": _convert,
    "flag_anomalies": _flag,
    "pivot": _pivot,
    "unpivot": _unpivot,
    "split_rows": _split,
}
_OFTEN = [*_MAKERS, "derive", "derive", "aggregate", "window", "sort"]
