"""What follows the aggregate: windows, tops, anomalies, masks, chosen columns, order."""

from __future__ import annotations

from typing import Any

from flows.planner.holes import Ask, Hole
from flows.planner.read.draft import Ref, Top, Window
from flows.planner.rowset import Rows, group_name, text_of


def called(rows: Rows, ref: Ref | None, table: str = "", fn: str = "") -> Any:
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


def windowed(rows: Rows, window: Window) -> None:
    column = called(rows, window.ref)
    order = rows.scope.name(window.order) if window.order else (rows.grained[0] if rows.grained else rows.scope.date(None))
    per = [p for p in (group_name(rows, g) for g in rows.draft.groups) if p != order]
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


def plain_top(rows: Rows, top: Top) -> bool:
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


def topped(rows: Rows, top: Top) -> None:
    by = top.by
    assert by is not None
    column = called(rows, by.ref, by.table, "" if by.guessed else by.fn)
    if column is None and by.table:
        column = rows.scope.name_of(by.table, rows.scope.lexicon.main(by.table)) if rows.scope.lexicon.main(by.table) else None
    body: dict[str, Any] = {"op": "top", "n": top.n, "order_by": [{"column": column or "?", "direction": top.direction}]}
    if top.per:
        body["per"] = [group_name(rows, g) for g in top.per]
    rows.add(body, top.span)


def flagged(rows: Rows) -> None:
    if rows.draft.anomaly is None:
        return
    ref, span, table = rows.draft.anomaly
    scope = rows.scope
    column = called(rows, ref, table) if ref or table else None
    if column is None and table and scope.lexicon.main(table) and table in scope.tables:
        column = scope.name_of(table, scope.lexicon.main(table))
    if column is None:
        names = [
            c
            for t in scope.tables
            for c, about in scope.lexicon.catalog.tables[t].columns.items()
            if about.type.upper() in ("FLOAT64", "NUMERIC")
        ]
        ask = Ask(
            "anomaly.column", "In which column should anomalies be looked for?", span, [(c, {"column": c}) for c in dict.fromkeys(names)]
        )
        column = Hole(scope.asks.add(ask), "column")
    per = [p for p in (group_name(rows, g) for g in rows.draft.groups) if isinstance(p, str)]
    body: dict[str, Any] = {
        "op": "flag_anomalies",
        "column": column,
        "per": per,
        "method": "robust_zscore",
        "threshold": 3.5,
        "as": "is_anomaly",
    }
    rows.add(body, span, "text", [("method", "robust_zscore", "default"), ("threshold", 3.5, "default"), ("as", "is_anomaly", "default")])
    rows.columns.append("is_anomaly")


def finish(rows: Rows) -> None:
    """Masks, chosen columns, new names, order and limit."""
    draft, scope = rows.draft, rows.scope
    for kind in ("mask", "hash"):
        found = [(r, s) for r, k, s in draft.masks if k == kind]
        if found:
            rows.add({"op": "mask", "columns": {text_of(scope.name(r)): kind for r, _ in found}}, (found[0][1][0], found[-1][1][1]))
    if draft.select:
        names = [scope.name(r) for r in draft.select]
        rows.add({"op": "select", "columns": names}, (min(r.span[0] for r in draft.select), max(r.span[1] for r in draft.select)))
        rows.columns = [n for n in names if isinstance(n, str)]
    for ref, direction, span in draft.sorts:
        rows.add({"op": "sort", "by": [{"column": called(rows, ref), "direction": direction}]}, span)
    if draft.limit:
        rows.add({"op": "limit", "n": draft.limit.value}, draft.limit.span)
    for ref, new, span in draft.renames:
        old = called(rows, ref)
        rows.add({"op": "rename", "columns": {text_of(old): new}}, span)
        rows.columns = [new if c == old else c for c in rows.columns]
