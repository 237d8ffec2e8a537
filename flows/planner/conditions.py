"""Condition trees of the contract from what was read: columns found, values spelled as the catalogue does, days made exact."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flows.planner.holes import Ask, Hole, has_hole
from flows.planner.read.draft import Branch, Leaf
from flows.planner.resolve import Scope


def merged(scope: Scope, conditions: list[Any]) -> list[Any]:
    """Two values of one column can never hold at once: `German customers and French customers` means either."""
    out: list[Any] = []
    for node in conditions:
        last = next((o for o in out if _same_value(o, node)), None)
        if last is not None and isinstance(last, Leaf) and isinstance(node, Leaf):
            values = (last.value if isinstance(last.value, list) else [last.value]) + (
                node.value if isinstance(node.value, list) else [node.value]
            )
            at = out.index(last)
            out[at] = Leaf(last.ref, "in", list(dict.fromkeys(values)), (last.span[0], node.span[1]), last.about)
        else:
            out.append(node)
    return out


def _same_value(a: Any, b: Any) -> bool:
    if not (isinstance(a, Leaf) and isinstance(b, Leaf) and a.about == b.about == "value" and a.op in ("=", "in") and b.op in ("=", "in")):
        return False
    return bool(a.ref and b.ref and {(m.table, m.column) for m in a.ref.meanings} == {(m.table, m.column) for m in b.ref.meanings})


NEGATED = {
    "=": "!=",
    "!=": "=",
    ">": "<=",
    "<": ">=",
    ">=": "<",
    "<=": ">",
    "in": "not_in",
    "not_in": "in",
    "is_null": "is_not_null",
    "is_not_null": "is_null",
}


def condition(scope: Scope, node: Any, *, negate: bool = False) -> dict[str, Any] | None:
    """A condition tree of the contract; negations are pushed down to the comparisons where they have an opposite."""
    if isinstance(node, Leaf):
        return _leaf(scope, node, negate)
    if node.kind == "not":
        inside = node.items[0] if len(node.items) == 1 else Branch("all", node.items, node.span)
        return condition(scope, inside, negate=not negate)
    kind = {"all": "any", "any": "all"}[node.kind] if negate else node.kind
    parts = [p for p in (condition(scope, item, negate=negate) for item in node.items) if p]
    return parts[0] if len(parts) == 1 else {kind: parts}


def _leaf(scope: Scope, leaf: Leaf, negate: bool) -> dict[str, Any] | None:
    column = _column(scope, leaf)
    if column is None:
        return None
    name, table, bare = column
    value = _value(scope, leaf, table, bare)
    if leaf.op in ("is_null", "is_not_null"):
        op = NEGATED[leaf.op] if negate else leaf.op
        return {"column": name, "is": op}
    kind = scope.lexicon.type_of(table, bare) if table else ""
    made = _moments(name, leaf.op, value) if kind in ("TIMESTAMP", "DATETIME") else None
    made = made or {"column": name, "is": leaf.op, "value": value}
    if not negate:
        return made
    if made.get("is") in NEGATED:
        return {**made, "is": NEGATED[made["is"]]}
    return {"not": made}


def _column(scope: Scope, leaf: Leaf) -> tuple[Any, str, str] | None:
    """(name to write, table, column) of a comparison."""
    if leaf.ref is not None:
        found = _value_column(scope, leaf) if leaf.about == "value" else scope.pick(leaf.ref)
        if isinstance(found, Hole):
            return found, "", ""
        return (scope.name_of(*found) if found[0] else found[1]), found[0], found[1]
    if leaf.about == "money":
        table = leaf.table or scope.tables[0]
        main = scope.lexicon.main(table)
        if not main or table not in scope.tables:
            number = scope.asks.add(Ask("column:?", f"Which column should be compared with {leaf.value}?", leaf.span))
            return Hole(number, "column"), "", ""
        return scope.name_of(table, main), table, main
    for table in scope.tables:
        if dates := scope.lexicon.dates(table):
            return scope.name_of(table, dates[0]), table, dates[0]
    number = scope.asks.add(Ask("column:date", "No table that is read has a date. What should the period be compared with?", leaf.span))
    return Hole(number, "column"), "", ""


def _value_column(scope: Scope, leaf: Leaf) -> tuple[str, str] | Hole:
    """The column whose value was said: the table that stands right behind it decides between two."""
    assert leaf.ref is not None
    here = list(dict.fromkeys((m.table, m.column) for m in leaf.ref.meanings if m.table in scope.tables))
    if len(here) > 1:
        near = [m for m in scope.text.mentions if 0 <= m.start - leaf.span[1] <= 2 and m.of("t")]
        beside = [h for h in here if near and h[0] in {m.table for m in near[0].of("t")}]
        here = beside or here
    if len(here) == 1:
        return here[0]
    if not here:
        return scope.pick(leaf.ref)
    ask = Ask(
        f"value:{leaf.ref.words}",
        f"{leaf.ref.words!r} is a value of {' and of '.join(f'{t}.{c}' for t, c in here)}. Which one is meant?",
        leaf.span,
        [(f"{t}.{c}", {"column": scope.name_of(t, c)}) for t, c in here],
    )
    return Hole(scope.asks.add(ask), "column")


def _value(scope: Scope, leaf: Leaf, table: str, column: str) -> Any:
    """The value as the catalogue spells it; one that is not among the known ones is asked."""
    known = scope.lexicon.catalog.tables[table].columns[column].values if table else ()
    kind = scope.lexicon.type_of(table, column) if table else ""
    if leaf.op not in ("=", "!=", "in", "not_in") or isinstance(leaf.value, dict):
        return leaf.value
    values = leaf.value if isinstance(leaf.value, list) else [leaf.value]
    spelled = {v.lower(): v for v in known}
    out: list[Any] = []
    for value in values:
        if (known and str(value).lower() not in spelled) or (
            kind in ("INT64", "FLOAT64", "NUMERIC") and not isinstance(value, int | float)
        ):
            ask = Ask(
                f"value:{value}",
                f"{column} has no value {value!r}." + (f" Known: {', '.join(known)}." if known else ""),
                leaf.span,
                [(v, {"value": v}) for v in known],
            )
            out.append(Hole(scope.asks.add(ask), "value", value))
        elif kind == "STRING" and not isinstance(value, str):
            out.append(str(value))
        else:
            out.append(spelled.get(str(value).lower(), value))
    return out if isinstance(leaf.value, list) else out[0]


def _moments(name: Any, op: str, value: Any) -> dict[str, Any] | None:
    """Whole days of a TIMESTAMP: from the first moment of a day to before the first moment of the next."""

    def after(day: str) -> str:
        return (dt.date.fromisoformat(day) + dt.timedelta(1)).isoformat()

    try:
        if op == "between" and isinstance(value, list):
            return {"all": [{"column": name, "is": ">=", "value": value[0]}, {"column": name, "is": "<", "value": after(value[1])}]}
        if op == "=" and isinstance(value, str):
            return {"all": [{"column": name, "is": ">=", "value": value}, {"column": name, "is": "<", "value": after(value)}]}
        if op == "<=" and isinstance(value, str):
            return {"column": name, "is": "<", "value": after(value)}
    except (TypeError, ValueError):
        return None
    return None


def reach(scope: Scope, node: Branch) -> Hole:
    """`skip refunded orders of enterprise customers`: which rows go is asked. The first item is turned round, the others are not."""
    turned, rest = node.items[0], node.items[1:]
    both = condition(scope, Branch("not", [Branch("all", [*turned.items, *rest], node.span)], node.span))
    apart = [made for item in node.items if (made := condition(scope, item))]
    words = [" ".join(scope.text.raw[item.span[0] : item.span[1]].split()) for item in node.items]
    kept = " and ".join(f"“{w}”" for w in words[1:])
    known = both is not None and not has_hole(both) and not has_hole(apart)
    choices: list[tuple[str, dict[str, Any]]] = [
        (f"Leave out only rows that are all of it: “{words[0]}” and {kept}", {"where": both}),
        (f"Leave out all “{words[0]}”, and keep only {kept}", {"where": {"all": apart}}),
    ]
    said = " ".join(scope.text.raw[node.span[0] : node.span[1]].split())
    ask = Ask("unparsed", f"“{said}” can mean two things. Which rows are left out?", node.span, choices if known else [])
    return Hole(scope.asks.add(ask), "where", {"column": "?", "is": "=", "value": "?"})
