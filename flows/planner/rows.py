"""From what was read to the operations of a transform, in the order in which they must run."""

from __future__ import annotations

from typing import Any

from flows.planner import after
from flows.planner.conditions import condition, merged, reach
from flows.planner.holes import Ask, Hole
from flows.planner.read.draft import Branch, Grain, Group, Measure, Ref, Span
from flows.planner.resolve import Scope, key_column
from flows.planner.rowset import Rows, group_name, text_of


def operations(scope: Scope, relation: dict[str, str], conditions: list[Any]) -> Rows:
    """All operations of the text's transform."""
    rows = Rows(scope, relation, columns=scope.columns())
    _joins(rows)
    for column, value, span in scope.draft.fills:
        rows.add({"op": "fill", "columns": {text_of(scope.name(column)): value}}, span)
    _derives(rows)
    _filters(rows, conditions)
    _convert(rows)
    for each in scope.draft.dedups:
        _dedup(rows, each)
    _aggregates(rows)
    for window in scope.draft.windows:
        after.windowed(rows, window)
    for top in scope.draft.tops:
        after.topped(rows, top)
    after.flagged(rows)
    after.finish(rows)
    return rows


def _joins(rows: Rows) -> None:
    cue = next((c for c in rows.draft.cues if c.value != "union"), None)
    for joint in rows.scope.joints:
        how = cue.value if cue else "inner"
        said = bool(cue and cue.source == "text")
        if not said and how == "inner":
            path = f"steps.transform.config.operations.{len(rows.ops)}.how"
            rows.draft.notes.append((path, f"{joint.left} without a match in {joint.table} are left out"))
        on = [[rows.scope.key_name(joint.left, joint.pair[0]), joint.pair[1]]]
        hole = next((n for n, a in enumerate(rows.scope.asks.items) if a.slot == "join" and a.choices), None)
        body = {"op": "join", "with": rows.relation[joint.table], "how": how, "on": on if hole is None else Hole(hole, "on", on)}
        rows.add(
            body,
            cue.span if cue else None,
            "text" if cue else "inferred",
            [("how", how, "text" if said else "default"), ("on", on, "inferred")],
        )
        if how in ("anti", "semi"):
            rows.columns = [
                c
                for c in rows.columns
                if c not in {rows.scope.name_of(joint.table, n) for n in rows.scope.lexicon.catalog.tables[joint.table].columns}
                or c in rows.scope.lexicon.catalog.tables[rows.scope.tables[0]].columns
            ]


def _derives(rows: Rows) -> None:
    for derive in rows.draft.derives:
        parts = []
        for part in derive.parts:
            name = rows.scope.name(part) if isinstance(part, Ref) else part
            parts.append(name if isinstance(name, str) else "?")
        expression = " ".join(parts).replace("( ", "(").replace(" )", ")")
        rows.add({"op": "derive", "columns": {derive.name: expression}}, derive.span)
        rows.columns.append(derive.name)


def _filters(rows: Rows, conditions: list[Any]) -> None:
    for node in merged(rows.scope, conditions):
        doubt = isinstance(node, Branch) and node.kind == "doubt"
        where = reach(rows.scope, node) if doubt else condition(rows.scope, node)
        if where is not None:
            rows.add({"op": "filter", "where": where}, node.span)


# ---- money, duplicates
def _convert(rows: Rows) -> None:
    scope, fx = rows.scope, rows.draft.fx
    if fx is None:
        return
    amounts = [scope.pick(m.ref) for m in rows.draft.measures if m.ref]
    table = next(
        (t for t in scope.tables if scope.lexicon.main(t) and "currency" in scope.lexicon.catalog.tables[t].columns),
        next((t for t in scope.tables if scope.lexicon.main(t)), ""),
    )
    column = next((a for a in amounts if not isinstance(a, Hole) and a[0] == table), (table, scope.lexicon.main(table))) if table else None
    to: Any = fx.value
    if to is None:
        codes = ("EUR", "USD", "GBP")
        to = Hole(
            scope.asks.add(Ask("fx.target", "Into which currency should amounts be converted?", fx.span, [(c, {"to": c}) for c in codes])),
            "to",
        )
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
    keys = [group_name(rows, g) for g in dedup.keys]
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
def _aggregates(rows: Rows) -> None:
    draft = rows.draft
    measures = list(draft.measures)
    by = [group_name(rows, g) for g in draft.groups]
    spans = [m.span for m in measures] + [g.span for g in draft.groups] + [g.span for g in draft.grains]
    grains = list(draft.grains)
    if (
        len(draft.tops) == 1
        and not draft.tops[0].per
        and draft.groups
        and not draft.measures
        and (draft.tops[0].table or draft.tops[0].ref)
    ):
        draft.tops[0].per, draft.groups, by = draft.groups, [], []  # "per country the top 3 segments"
    for top in draft.tops:
        if top.by and not after.plain_top(rows, top):
            entity = Group(top.ref, top.span, top.table)
            by += [n for n in (group_name(rows, g) for g in (entity, *top.per)) if n not in by] if top.table or top.ref else []
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
        spans = [g.span for g in draft.groups] + [g.span for g in draft.grains]
        rows.scope.asks.add(Ask("group", "What should be worked out for each group?", spans[0]))


def _moving(rows: Rows, measures: list[Measure], grains: list[Grain], spans: list[Span]) -> None:
    """A 7 day moving average needs one row a day first."""
    for window in rows.draft.windows:
        named = any(m.ref and window.ref and m.ref.words == window.ref.words for m in measures)
        if window.fn.startswith("moving") or (grains and window.fn == "running_total"):
            if not grains and window.unit:
                grains.append(Grain(window.unit, window.span))
            if not named:
                measures.append(Measure("sum", window.ref, window.span, guessed=True))
                spans.append(window.span)


def _anomalous(rows: Rows) -> list[Measure]:
    """Anomalies of daily cost: the column is summed by the grain first."""
    if rows.draft.measures or rows.draft.anomaly is None:
        return []
    ref, span, table = rows.draft.anomaly
    if ref is not None:
        return [Measure("sum", ref, span, guessed=True)]
    return [Measure("sum", None, span, table=table, guessed=True)] if table and rows.scope.lexicon.main(table) else []


def _grains(rows: Rows, grains: list[Grain]) -> list[dict[str, Any]]:
    units: dict[str, Grain] = {}
    explicit = [g for g in grains if not g.adverb]
    for grain in explicit or grains:
        if grain.unit not in units or grain.ref:
            units[grain.unit] = grain
    out: list[dict[str, Any]] = []
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
