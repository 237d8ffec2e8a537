"""Measures the columns of a relation in one DuckDB session, within a time and a number of rows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flows.errors import LimitError, StepTimeout
from flows.insight import suspicion
from flows.insight.profile import Bin, ColumnProfile, Profile
from flows.warehouse.base import Column
from flows.warehouse.quoting import name_sql
from flows.warehouse.session import Session
from flows.warehouse.tables import SCHEMA

CELLS = 10_000_000
"""Rows times columns that are held in memory at most."""
HEAD, TOP, BINS, CUT = 20, 5, 12, 200
NUMBERS = ("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC")
MOMENTS = ("DATE", "DATETIME", "TIMESTAMP")
ORDERED = (*NUMBERS, *MOMENTS, "TIME")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class Measure:
    """One look at one relation. `source` is what stands after FROM; `seconds` bound all statements together."""

    def __init__(self, session: Session, source: str, columns: Sequence[Column], *, limit: int, seconds: float) -> None:
        self.session, self.source, self.columns = session, source, tuple(columns)
        self.end, self.seconds = time.monotonic() + seconds, seconds
        self.limit = max(1, min(limit, CELLS // max(1, len(self.columns))))
        self.table = f"{SCHEMA}.{name_sql(f'profile {id(self):x}')}"

    def run(self, name: str, rows: int | None = None) -> Profile:
        """The profile. `rows`: how many there are, where that is known. Raises StepTimeout when not even the copy is done in time."""
        if not self.columns:
            return Profile(name, rows or 0, seen=rows or 0)
        seen = self._copy()
        try:
            total = seen if seen < self.limit else rows if rows is not None else self._number(f"SELECT count(*) FROM {self.source}")
            measured, notes = self._measured(seen)
            head = self._head()
            return Profile(name, max(total, seen), measured, head, notes=tuple(notes), seen=seen)
        finally:
            self.session.rows(f"DROP TABLE IF EXISTS {self.table}")

    # ---------------------------------------------------------------- the copy
    def _copy(self) -> int:
        """The first rows in memory, fewer of them when they are too wide."""
        while True:
            try:
                self._rows(f"CREATE OR REPLACE TABLE {self.table} AS SELECT * FROM {self.source} LIMIT {self.limit}")
                return self._number(f"SELECT count(*) FROM {self.table}")
            except LimitError:
                if self.limit <= 1000:
                    raise
                self.limit //= 10

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        left = self.end - time.monotonic()
        if left <= 0:
            raise StepTimeout(f"it took longer than {self.seconds:g} s")
        return self.session.rows(sql, seconds=left)

    def _number(self, sql: str) -> int:
        return int(self._rows(sql)[0][0])

    def _head(self) -> tuple[dict[str, Any], ...]:
        names = [column.name for column in self.columns]
        return tuple(dict(zip(names, row, strict=True)) for row in self._rows(f"SELECT * FROM {self.table} LIMIT {HEAD}"))

    # ---------------------------------------------------------------- the columns
    def _measured(self, seen: int) -> tuple[tuple[ColumnProfile, ...], list[str]]:
        """Every column; those that the time did not reach have their counts only."""
        found = self._counted(seen)
        try:
            for n, column in enumerate(found):
                found[n] = self._spread(column)
            found = suspicion.judged(found, seen, self.table, self._rows)
            return tuple(found), suspicion.whole(found, seen, self.table, self._rows)
        except StepTimeout:
            return tuple(found), [f"Stopped after {self.seconds:g} s: values and bars of some columns are not measured"]

    def _counted(self, seen: int) -> list[ColumnProfile]:
        """One statement over all columns: nulls, least, greatest, mean, quantiles, lengths."""
        asked = [(column, _asked(column)) for column in self.columns]
        row = self._rows(f"SELECT {', '.join(sql for _, parts in asked for sql in parts.values())} FROM {self.table}")[0]
        found, at = [], 0
        for column, parts in asked:
            value = dict(zip(parts, row[at:at + len(parts)], strict=True))
            at += len(parts)
            found.append(_column(column, value, seen))
        return found

    def _spread(self, column: ColumnProfile) -> ColumnProfile:
        """How many different values, the most frequent of them, and the bars."""
        if not column.filled:
            return replace(column, distinct=0)
        name, kind = name_sql(column.name), column.type
        key = f"CAST(to_json({name}) AS VARCHAR)" if kind.startswith(("ARRAY", "STRUCT")) else name
        try:
            rows = self._rows(f"WITH g AS (SELECT {key} AS v, count(*) AS n FROM {self.table} WHERE {name} IS NOT NULL GROUP BY 1) "
                              f"SELECT (SELECT count(*) FROM g), left(CAST(v AS VARCHAR), {CUT}), n FROM g ORDER BY n DESC, v LIMIT {TOP}")
            distinct, top = rows[0][0], tuple((text, n) for _, text, n in rows)
            column = replace(column, distinct=distinct, top=top if top[0][1] > 1 or distinct <= TOP else ())
        except LimitError:
            about = self._number(f"SELECT approx_count_distinct({key}) FROM {self.table}")
            column = replace(column, distinct=about, exact=False)
        return replace(column, histogram=self._bars(column)) if kind in (*NUMBERS, *MOMENTS) else column

    def _bars(self, column: ColumnProfile) -> tuple[Bin, ...]:
        low, high, name = column.min, column.max, name_sql(column.name)
        if low is None or high is None:
            return ()
        if low == high:
            return (Bin(low, high, column.top[0][1] if column.top else 1),)
        value = f"epoch({name})" if column.type in MOMENTS else f"CAST({name} AS DOUBLE)"
        finite = f" WHERE isfinite({name})" if column.type in ("FLOAT64", *MOMENTS) else f" WHERE {name} IS NOT NULL"
        span = f"(SELECT min(v) AS a, max(v) AS b FROM (SELECT {value} AS v FROM {self.table}{finite}))"
        bins = min(BINS, high - low + 1) if column.type == "INT64" else BINS  # few whole numbers: a bar for each
        sql = f"SELECT least(CAST(floor((v - a) / (b - a) * {bins}) AS BIGINT), {bins - 1}) AS bar, count(*) " \
              f"FROM (SELECT {value} AS v FROM {self.table}{finite}), {span} GROUP BY 1"
        counts = dict(self._rows(sql))
        edges = [_between(low, high, n / bins) for n in range(bins + 1)]
        return tuple(Bin(edges[n], edges[n + 1], counts.get(n, 0)) for n in range(bins))


def _between(low: Any, high: Any, share: float) -> Any:
    """A value on the way from one to the other; decimals become floats, which is exact enough for the edge of a bar."""
    if share in (0, 1):
        return high if share else low
    return low + (high - low) * share if hasattr(low, "year") else float(low) + (float(high) - float(low)) * share


def _asked(column: Column) -> dict[str, str]:
    """What is asked of a column: SQL by the name of the answer."""
    name, kind = name_sql(column.name), column.type
    parts = {"filled": f"count({name})"}
    if kind in ORDERED:
        finite = f" FILTER (WHERE isfinite({name}))" if kind in ("FLOAT64", *MOMENTS) else ""
        parts |= {"min": f"min({name}){finite}", "max": f"max({name}){finite}",
                  "quantiles": f"quantile_disc({name}, {list(QUANTILES)}){finite}"}
        if kind in NUMBERS:
            parts["mean"] = f"avg(CAST({name} AS DOUBLE)){finite}"
    elif kind == "BOOL":
        parts |= {"true": f"count(*) FILTER (WHERE {name})", "false": f"count(*) FILTER (WHERE NOT {name})"}
    elif kind == "STRING":
        parts |= {"min": f"left(min({name}), {CUT})", "max": f"left(max({name}), {CUT})", "short": f"min(length({name}))",
                  "long": f"max(length({name}))", "length": f"avg(length({name}))"}
    return parts


def _column(column: Column, value: dict[str, Any], seen: int) -> ColumnProfile:
    filled = value["filled"]
    lengths = (value["short"], value["long"], value["length"]) if value.get("short") is not None else None
    return ColumnProfile(column.name, column.type, nulls=seen - filled, filled=filled / seen if seen else 0.0, min=value.get("min"),
                         max=value.get("max"), mean=value.get("mean"), quantiles=tuple(value.get("quantiles") or ()),
                         true=value.get("true"), false=value.get("false"), lengths=lengths)
