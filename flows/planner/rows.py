"""From what was read to the operations of a transform, in the order in which they must run."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from flows.planner.holes import Ask, Hole
from flows.planner.lexicon import Meaning
from flows.planner.read.draft import Branch, Grain, Group, Leaf, Measure, Ref, Span, Top, Window
from flows.planner.resolve import Scope, key_column


@dataclass
class Op:
    """One operation with the words behind it; `sub` are parts of it that somebody else said: (path below it, value, source)."""

    body: dict[str, Any]
    span: Span | None
    source: str = "text"
    sub: list[tuple[str, Any, str]] = field(default_factory=list)


@dataclass
class Rows:
    """The operations so far and the names that the relation has now."""

    scope: Scope
    relation: dict[str, str]  # table -> the step that gives it
    ops: list[Op] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    closed: bool = False  # an aggregate has happened
    ranked: list[tuple[Measure, str]] = field(default_factory=list)
    grained: list[str] = field(default_factory=list)

    def add(self, body: dict[str, Any], span: Span | None, source: str = "text", sub: list[tuple[str, Any, str]] | None = None) -> None:
        self.ops.append(Op(body, span, source, sub or []))

    @property
    def draft(self) -> Any:
        return self.scope.draft


def operations(scope: Scope, relation: dict[str, str], conditions: list[Any]) -> Rows:
    """All operations of the text's transform."""
    rows = Rows(scope, relation, columns=scope.columns())
    _joins(rows)
    for column, value, span in scope.draft.fills:
        rows.add({"op": "fill", "columns": {_text(scope.name(column)): value}}, span)
    _derives(rows)
    _filters(rows, conditions)
    _convert(rows)
    for each in scope.draft.dedups:
        _dedup(rows, each)
    _aggregates(rows)
    for window in scope.draft.windows:
        _window(rows, window)
    for top in scope.draft.tops:
        _top(rows, top)
    _anomaly(rows)
    _finish(rows)
    return rows


def _text(name: Any) -> Any:
    return name if isinstance(name, str) else "?"


def _joins(rows: Rows) -> None:
    cue = next((c for c in rows.draft.cues if c.value != "union"), None)
    for joint in rows.scope.joints:
        how = cue.value if cue else "inner"
        said = bool(cue and cue.source == "text")
        on = [[rows.scope.key_name(joint.left, joint.pair[0]), joint.pair[1]]]
        hole = next((n for n, a in enumerate(rows.scope.asks.items) if a.slot == "join" and a.choices), None)
        body = {"op": "join", "with": rows.relation[joint.table], "how": how, "on": on if hole is None else Hole(hole, "on", on)}
        rows.add(body, cue.span if cue else None, "text" if cue else "inferred", [("how", how, "text" if said else "default"), ("on", on, "inferred")])
        if how in ("anti", "semi"):
            rows.columns = [c for c in rows.columns if c not in {rows.scope.name_of(joint.table, n) for n in rows.scope.lexicon.catalog.tables[joint.table].columns}
                            or c in rows.scope.lexicon.catalog.tables[rows.scope.tables[0]].columns]


def _derives(rows: Rows) -> None:
    for derive in rows.draft.derives:
        parts = []
        for part in derive.parts:
            name = rows.scope.name(part) if isinstance(part, Ref) else part
            parts.append(name if isinstance(name, str) else "?")
        expression = " ".join(parts).replace("( ", "(").replace(" )", ")")
        rows.add({"op": "derive", "columns": {derive.name: expression}}, derive.span)
        rows.columns.append(derive.name)


# ---- conditions
def _filters(rows: Rows, conditions: list[Any]) -> None:
    for node in _merged(rows.scope, conditions):
        where = condition(rows.scope, node)
        if where is not None:
            rows.add({"op": "filter", "where": where}, node.span)


def _merged(scope: Scope, conditions: list[Any]) -> list[Any]:
    """Two values of one column can never hold at once: `German customers and French customers` means either."""
    out: list[Any] = []
    for node in conditions:
        last = next((o for o in out if _same_value(o, node)), None)
        if last is not None and isinstance(last, Leaf) and isinstance(node, Leaf):
            values = (last.value if isinstance(last.value, list) else [last.value]) + (node.value if isinstance(node.value, list) else [node.value])
            at = out.index(last)
            out[at] = Leaf(last.ref, "in", list(dict.fromkeys(values)), (last.span[0], node.span[1]), last.about)
        else:
            out.append(node)
    return out


def _same_value(a: Any, b: Any) -> bool:
    if not (isinstance(a, Leaf) and isinstance(b, Leaf) and a.about == b.about == "value" and a.op in ("=", "in") and b.op in ("=", "in")):
        return False
    return bool(a.ref and b.ref and {(m.table, m.column) for m in a.ref.meanings} == {(m.table, m.column) for m in b.ref.meanings})


NEGATED = {"=": "!=", "!=": "=", ">": "<=", "<": ">=", ">=": "<", "<=": ">", "in": "not_in", "not_in": "in", "is_null": "is_not_null", "is_not_null": "is_null"}


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
    ask = Ask(f"value:{leaf.ref.words}", f"{leaf.ref.words!r} is a value of {' and of '.join(f'{t}.{c}' for t, c in here)}. Which one is meant?", leaf.span,
              [(f"{t}.{c}", {"column": scope.name_of(t, c)}) for t, c in here])
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
        if known and str(value).lower() not in spelled or kind in ("INT64", "FLOAT64", "NUMERIC") and not isinstance(value, int | float):
            ask = Ask(f"value:{value}", f"{column} has no value {value!r}." + (f" Known: {', '.join(known)}." if known else ""), leaf.span,
                      [(v, {"value": v}) for v in known])
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


# ---- money, duplicates
def _convert(rows: Rows) -> None:
    scope, fx = rows.scope, rows.draft.fx
    if fx is None:
        return
    amounts = [scope.pick(m.ref) for m in rows.draft.measures if m.ref]
    table = next((t for t in scope.tables if scope.lexicon.main(t) and "currency" in scope.lexicon.catalog.tables[t].columns),
                 next((t for t in scope.tables if scope.lexicon.main(t)), ""))
    column = next((a for a in amounts if not isinstance(a, Hole) and a[0] == table), (table, scope.lexicon.main(table))) if table else None
    to: Any = fx.value
    if to is None:
        codes = ("EUR", "USD", "GBP")
        to = Hole(scope.asks.add(Ask("fx.target", "Into which currency should amounts be converted?", fx.span, [(c, {"to": c}) for c in codes])), "to")
    if column is None or not column[0]:
        number = scope.asks.add(Ask("column:amount", "Which column holds the amounts to convert?", fx.span))
        rows.add({"op": "convert_currency", "column": Hole(number, "column"), "to": to}, fx.span)
        return
    body = {"op": "convert_currency", "column": scope.name_of(*column), "to": to}
    sub = [("column", body["column"], "inferred")]
    if "currency" in scope.lexicon.catalog.tables[table].columns:
        body["from"] = scope.name_of(table, "currency")
    if "fx_rates" in rows.relation:
        body["rates"] = rows.relation["fx_rates"]
    if dates := scope.lexicon.dates(table):
        body["date"] = scope.name_of(table, dates[0])
    sub += [(k, body[k], "inferred") for k in ("from", "rates", "date") if k in body]
    rows.add(body, fx.span, "text", sub)


def _dedup(rows: Rows, dedup: Any) -> None:
    keys = [_group(rows, g) for g in dedup.keys]
    order = rows.scope.name(dedup.order) if dedup.order else _latest(rows.scope)
    body: dict[str, Any] = {"op": "deduplicate", "keys": keys}
    sub: list[tuple[str, Any, str]] = []
    if order:
        body["keep"] = {"order_by": order, "direction": dedup.keep}
        if dedup.order is None:
            sub.append(("keep", body["keep"], "inferred"))
            rows.draft.notes.append(("config.operations", f"the {'latest' if dedup.keep == 'desc' else 'first'} row is told by {order}"))
    rows.add(body, dedup.span, "text", sub)


def _latest(scope: Scope) -> str:
    """By which column rows are the latest when nobody says: the update mark, else the date."""
    for table in scope.tables:
        columns = scope.lexicon.catalog.tables[table].columns
        for name in (*(c for c in columns if c == "updated_at"), *scope.lexicon.dates(table)):
            return scope.name_of(table, name)
    return ""


# ---- groups, measures
def _group(rows: Rows, group: Group) -> Any:
    """The name of a group: a column, or the key of a table."""
    if group.ref is not None:
        return rows.scope.name(group.ref)
    found = key_column(rows.scope, group.table)
    if found is None:
        ask = Ask("group", f"{group.table} has no key here to group by.", group.span)
        return Hole(rows.scope.asks.add(ask), "column")
    return rows.scope.name_of(*found)


def _aggregates(rows: Rows) -> None:
    draft, scope = rows.draft, rows.scope
    measures = list(draft.measures)
    by = [_group(rows, g) for g in draft.groups]
    spans = [m.span for m in measures] + [g.span for g in draft.groups] + [g.span for g in draft.grains]
    grains = list(draft.grains)
    if len(draft.tops) == 1 and not draft.tops[0].per and draft.groups and not draft.measures and (draft.tops[0].table or draft.tops[0].ref):
        draft.tops[0].per, draft.groups, by = draft.groups, [], []  # "per country the top 3 segments"
    for top in draft.tops:
        if top.by and not _plain_top(rows, top):
            entity = Group(top.ref, top.span, top.table)
            by += [n for n in (_group(rows, g) for g in (entity, *top.per)) if n not in by] if top.table or top.ref else []
            measures.append(top.by)
            spans.append(top.span)
    _moving(rows, measures, grains, spans)
    if draft.anomaly and grains:
        measures += _anomalous(rows)
    if not measures:
        _bare_groups(rows)
        return
    body: dict[str, Any] = {"op": "aggregate", "by": list(dict.fromkeys(by))}
    grain = _grains(rows, grains)
    if grain:
        body["grain"] = grain[0] if len(grain) == 1 else grain
    body["measures"] = _measures(rows, measures, [*body["by"], *(g["column"] for g in grain)])
    span = (min(s[0] for s in spans), max(s[1] for s in spans)) if spans else None
    rows.add(body, span)
    rows.closed = True
    rows.grained = [g["column"] for g in grain]
    rows.columns = [*body["by"], *rows.grained, *(m["as"] for m in body["measures"])]


def _bare_groups(rows: Rows) -> None:
    """`per country` without anything to work out; windows and anomalies take their groups themselves."""
    draft = rows.draft
    if (draft.groups or draft.grains) and not draft.windows and not draft.anomaly and not draft.tops:
        spans = [g.span for g in (*draft.groups, *draft.grains)]
        rows.scope.asks.add(Ask("group", "What should be worked out for each group?", spans[0]))


def _moving(rows: Rows, measures: list[Measure], grains: list[Grain], spans: list[Span]) -> None:
    """A 7 day moving average needs one row a day first."""
    for window in rows.draft.windows:
        named = any(m.ref and window.ref and m.ref.words == window.ref.words for m in measures)
        if window.fn.startswith("moving") or grains and window.fn == "running_total":
            if not grains and window.unit:
                grains.append(Grain(window.unit, window.span))
            if not named:
                measures.append(Measure("sum", window.ref, window.span, guessed=True))
                spans.append(window.span)


def _anomalous(rows: Rows) -> list[Measure]:
    """Anomalies of daily cost: the column is summed by the grain first."""
    ref, span, table = rows.draft.anomaly
    if rows.draft.measures:
        return []
    if ref is not None:
        return [Measure("sum", ref, span, guessed=True)]
    return [Measure("sum", None, span, table=table, guessed=True)] if table and rows.scope.lexicon.main(table) else []


def _grains(rows: Rows, grains: list[Grain]) -> list[dict[str, Any]]:
    units: dict[str, Grain] = {}
    explicit = [g for g in grains if not g.adverb]
    for grain in explicit or grains:
        if grain.unit not in units or grain.ref:
            units[grain.unit] = grain
    out = []
    for grain in units.values():
        column = rows.scope.date(grain.ref)
        if column is None:
            number = rows.scope.asks.add(Ask("column:date", f"There is no date to group by {grain.unit}.", grain.span))
            column = Hole(number, "column")
        entry: dict[str, Any] = {"column": column, "unit": grain.unit}
        if out and isinstance(column, str):
            entry["as"] = f"{column}_{grain.unit}"
        out.append(entry)
    return out


def _measures(rows: Rows, measures: list[Measure], taken: list[Any]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    said = {m.ref.words for m in measures if m.ref and not m.guessed}
    for measure in measures:
        if measure.guessed and measure.ref and measure.ref.words in said and measure.fn == "sum":
            continue
        entry = _measure(rows.scope, measure)
        same = next((m for m in out if (m["fn"], m.get("column")) == (entry["fn"], entry.get("column"))), None)
        if same is not None:
            if measure.guessed and entry["as"].count("_") < same["as"].count("_") and entry["as"] not in taken:
                same["as"] = entry["as"]
        elif not (measure.guessed and entry["fn"] == "sum" and any(m.get("column") == entry.get("column") for m in out)):
            names = [m["as"] for m in out]
            if entry["as"] in taken or entry["as"] in names:
                entry["as"] = f"{entry['fn']}_{entry['as']}"
            out.append(entry)
        done = same["as"] if same else (out[-1]["as"] if out else "")
        rows.ranked.append((measure, done))
    return out


def _measure(scope: Scope, measure: Measure) -> dict[str, Any]:
    entry: dict[str, Any] = {"fn": measure.fn}
    if measure.ref is not None:
        column = scope.name(measure.ref)
        words = measure.ref.words.replace(" ", "_")
        plain = column if isinstance(column, str) else words
        entry["column"] = column
        entry["as"] = words if measure.fn == "sum" and words != plain and words.isidentifier() else f"{measure.fn}_{plain}"
    elif measure.fn in ("count", "count_distinct"):
        key = key_column(scope, measure.table) if measure.fn == "count_distinct" and measure.table else None
        if key:
            entry["column"] = scope.name_of(*key)
        else:
            entry["fn"] = "count"
        entry["as"] = f"{measure.table or 'row'}_count"
    else:
        main = scope.lexicon.main(measure.table)
        entry["column"] = scope.name_of(measure.table, main)
        words = measure.alias.replace(" ", "_") or main
        entry["as"] = words if measure.fn == "sum" and words != entry["column"] else f"{measure.fn}_{main}"
    return entry


# ---- windows, tops, anomalies
def _alias(rows: Rows, ref: Ref | None, table: str = "", fn: str = "") -> Any:
    """What a column is called by now: the measure made of it, or itself."""
    for measure, name in rows.ranked:
        if ref and measure.ref and measure.ref.words == ref.words and (not fn or measure.fn == fn):
            return name
        if ref is None and not measure.ref and measure.table == table:
            return name
    if ref and rows.ranked:
        mine = rows.scope.pick(ref)
        for measure, name in rows.ranked:
            if measure.ref and rows.scope.pick(measure.ref) == mine:
                return name
    return rows.scope.name(ref) if ref else None


def _window(rows: Rows, window: Window) -> None:
    column = _alias(rows, window.ref)
    order = rows.scope.name(window.order) if window.order else (rows.grained[0] if rows.grained else rows.scope.date(None))
    per = [p for p in (_group(rows, g) for g in rows.draft.groups) if p != order]
    over: dict[str, Any] = {"order_by": order or "?"}
    if window.fn == "rank":
        over["direction"] = "desc"
    if window.rows:
        over["rows"] = window.rows
    if per:
        over["per"] = per
    name = {"moving_avg": "ma", "moving_sum": "sum"}.get(window.fn, window.fn)
    plain = column if isinstance(column, str) else "value"
    alias = f"{plain}_{name}{window.rows or ''}"
    body: dict[str, Any] = {"op": "window", "fn": window.fn, "column": column, "over": over, "as": alias}
    sub = [("over.order_by", order, "inferred")] if window.order is None else []
    rows.add(body, window.span, "text", [*sub, ("as", alias, "inferred")])
    rows.columns.append(alias)


def _plain_top(rows: Rows, top: Top) -> bool:
    """`top 100 orders by amount`: the column stands in the row itself, nothing is added up."""
    assert top.by is not None
    if rows.draft.measures or not top.by.guessed:
        return bool(rows.draft.measures) and top.by.guessed
    if top.by.ref is None:
        return False
    owners = {m.table for m in top.by.ref.meanings}
    if not top.table and top.ref is None:
        return True
    return bool(top.table) and top.table in owners


def _top(rows: Rows, top: Top) -> None:
    by = top.by
    assert by is not None
    column = _alias(rows, by.ref, by.table, "" if by.guessed else by.fn)
    if column is None and by.table:
        column = rows.scope.name_of(by.table, rows.scope.lexicon.main(by.table)) if rows.scope.lexicon.main(by.table) else None
    body: dict[str, Any] = {"op": "top", "n": top.n, "order_by": [{"column": column or "?", "direction": top.direction}]}
    if top.per:
        body["per"] = [_group(rows, g) for g in top.per]
    rows.add(body, top.span)


def _anomaly(rows: Rows) -> None:
    if rows.draft.anomaly is None:
        return
    ref, span, table = rows.draft.anomaly
    scope = rows.scope
    column = _alias(rows, ref, table) if ref or table else None
    if column is None and table and scope.lexicon.main(table) and table in scope.tables:
        column = scope.name_of(table, scope.lexicon.main(table))
    if column is None:
        names = [c for t in scope.tables for c, about in scope.lexicon.catalog.tables[t].columns.items() if about.type.upper() in ("FLOAT64", "NUMERIC")]
        ask = Ask("anomaly.column", "In which column should anomalies be looked for?", span, [(c, {"column": c}) for c in dict.fromkeys(names)])
        column = Hole(scope.asks.add(ask), "column")
    per = [p for p in (_group(rows, g) for g in rows.draft.groups) if isinstance(p, str)]
    body: dict[str, Any] = {"op": "flag_anomalies", "column": column, "per": per, "method": "robust_zscore", "threshold": 3.5, "as": "is_anomaly"}
    rows.add(body, span, "text", [("method", "robust_zscore", "default"), ("threshold", 3.5, "default"), ("as", "is_anomaly", "default")])
    rows.columns.append("is_anomaly")


def _finish(rows: Rows) -> None:
    """Masks, chosen columns, new names, order and limit."""
    draft, scope = rows.draft, rows.scope
    for kind in ("mask", "hash"):
        found = [(r, s) for r, k, s in draft.masks if k == kind]
        if found:
            rows.add({"op": "mask", "columns": {_text(scope.name(r)): kind for r, _ in found}}, (found[0][1][0], found[-1][1][1]))
    if draft.select:
        names = [scope.name(r) for r in draft.select]
        rows.add({"op": "select", "columns": names}, (min(r.span[0] for r in draft.select), max(r.span[1] for r in draft.select)))
        rows.columns = [n for n in names if isinstance(n, str)]
    for ref, direction, span in draft.sorts:
        rows.add({"op": "sort", "by": [{"column": _alias(rows, ref), "direction": direction}]}, span)
    if draft.limit:
        rows.add({"op": "limit", "n": draft.limit.value}, draft.limit.span)
    for ref, new, span in draft.renames:
        old = _alias(rows, ref)
        rows.add({"op": "rename", "columns": {_text(old): new}}, span)
        rows.columns = [new if c == old else c for c in rows.columns]


__all__ = ["Meaning", "Op", "Rows", "condition", "operations"]
