"""How rows get into BigQuery: staged first, looked at, and then put in by one script with one transaction, so that a reader sees the old
rows or the new."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flows.errors import DataError, InputError, LimitError, PenstockError, TransientError
from flows.warehouse.base import LINEAGE, SLICE_KEY, Column, LoadResult, Slice, TableSpec, WriteMode
from flows.warehouse.bq import sql
from flows.warehouse.bq.errors import LostRace
from flows.warehouse.bq.project import STAGING
from flows.warehouse.bq.schema import Datasets, column_sql, layout_sql, path_sql
from flows.warehouse.evolve import check_partition, evolve
from flows.warehouse.write import MAX_PARTITIONS, merge_keys, own_columns

if TYPE_CHECKING:
    from flows.warehouse.bq.jobs import Jobs

RACES = 20  # tries against writers of the same table, which BigQuery stops when they change rows at the same time
PAUSE, LONGEST = 0.2, 15.0  # seconds between two tries: at random below a bound that doubles


class Source:
    """Rows to be written: a query by full names, and its columns. `fixed`: it reads what nobody changes any more (a staging table)."""

    def __init__(self, sql: str, columns: Sequence[Column], *, fixed: bool = False) -> None:
        self.sql, self.columns, self.fixed = sql, tuple(columns), fixed

    def types(self) -> dict[str, str]:
        return {c.name.lower(): c.type for c in self.columns}


@dataclass(frozen=True)
class Rows:
    """Rows as the table wants them: the place to select them from, how many there are, and what was seen in them."""

    place: str
    count: int
    nulls: tuple[str, ...] = ()
    low: Any = None
    high: Any = None

    @property
    def numbers(self) -> tuple[int, int] | None:
        return (self.low, self.high) if isinstance(self.low, int) and isinstance(self.high, int) else None


class Writer:
    """Writes tables of one tenant for one session."""

    def __init__(self, jobs: Jobs, datasets: Datasets, pause: Callable[[float], None] = time.sleep) -> None:
        self.jobs, self.datasets, self._sleep = jobs, datasets, pause
        self.shared = "{tenant}" not in datasets.project.datasets  # then a table may hold other tenants' rows too

    # ---------------------------------------------------------------- the modes
    def write(self, want: TableSpec, key: Slice, source: Source, mode: WriteMode) -> LoadResult:
        """One atomic write with the LINEAGE columns. Raises DataError, InputError, LimitError, TransientError (every race lost)."""
        source = Source(source.sql, [c for c in source.columns if c.name.lower() not in LINEAGE], fixed=source.fixed)
        have = self.datasets.find(want.name)
        fresh = mode == "overwrite" and not self._others(have, key.x_org_slug)
        spec = evolve(have, want, source.columns, fresh=fresh)
        if mode == "replace_partition" and not spec.partition_by:
            raise InputError(f"table {spec.name} has no partitions to replace", where="destination.mode",
                             fix="Give partition_by, or use mode overwrite")
        keys = merge_keys(spec, source.columns) if mode == "merge" else ()
        said = marks_of(key)
        with self._rows(spec, source, sql.marks(said), keys, want) as rows:
            modes = {"append": self._append, "overwrite": self._overwrite, "merge": self._merge, "replace_partition": self._partitions}
            script = modes[mode](_Write(spec, have, key, source, rows, keys, fresh, _mine(said)))
            replaced = self._race(script)
            return LoadResult(want.name, rows.count, replaced)

    def load(self, name: str, source: Source, *, truncate: bool) -> LoadResult:
        """Rows as they are, without LINEAGE columns; `truncate` replaces what was there."""
        have = self.datasets.find(name)
        base = have
        if truncate:
            if self._others(have, self.datasets.tenant_id):
                raise InputError(f"{name} holds rows of other tenants too", where=name, fix="Append, or write it with mode overwrite")
            base = TableSpec(name, (), have.partition_by, have.cluster_by, have.keys)
        spec = evolve(base, TableSpec(name, (), base.partition_by, base.cluster_by, base.keys), source.columns, lineage=False)
        with self._rows(spec, source, [], (), TableSpec(name, ())) as rows:
            if truncate:
                return LoadResult(name, rows.count, self._race(self._whole(have, spec, rows)))
            self.datasets.follow(have, spec, rows.numbers)
            self.jobs.query(sql.insert(self.datasets.sql(name), spec.columns, rows.place))  # once: two would be the rows twice
            return LoadResult(name, rows.count)

    # ---------------------------------------------------------------- their scripts
    def _append(self, w: _Write) -> str:
        self.datasets.follow(w.have, w.spec, w.rows.numbers)
        column = _partition(w.spec)
        bounded = column is None or (column.name in SLICE_KEY and not w.key.also)  # then the slice itself says the partition
        return sql.replace_rows(self._table(w), w.spec.columns, w.rows.place, sql.room(w.key),
                                partition=None if bounded else column, mine=w.mine)

    def _overwrite(self, w: _Write) -> str:
        if w.fresh and not self.shared:
            return self._whole(w.have, w.spec, w.rows)
        if w.fresh and self._same(w.have, w.spec) is None:
            return self._whole(w.have, w.spec, w.rows)
        self.datasets.follow(w.have, w.spec, w.rows.numbers)
        return sql.replace_rows(self._table(w), w.spec.columns, w.rows.place, sql.not_others(w.key.x_org_slug))

    def _partitions(self, w: _Write) -> str:
        self.datasets.follow(w.have, w.spec, w.rows.numbers)
        column = _partition(w.spec)
        assert column is not None
        values = [row[0] for row in self._ask(f"SELECT DISTINCT {sql.day(column)} AS part FROM {w.rows.place}")]
        goes = sql.partitions_are(column, values)
        if self.shared:
            goes += f" AND {sql.not_others(w.key.x_org_slug)}"
        return sql.replace_rows(self._table(w), w.spec.columns, w.rows.place, goes)

    def _merge(self, w: _Write) -> str:
        self.datasets.follow(w.have, w.spec, w.rows.numbers)
        columns = [c for key in w.keys for c in w.spec.columns if c.name.lower() == key.lower()]
        on = sql.same_keys(columns, w.rows.nulls)
        if self.shared:
            on += f" AND {sql.not_others(w.key.x_org_slug, 't.')}"
        column, bounds = _partition(w.spec), ""
        if column is not None and column.name.lower() in {c.name.lower() for c in columns} and w.rows.low is not None:
            null = f" OR t.{sql.name(column.name)} IS NULL" if column.name in w.rows.nulls else ""
            bounds = f"({sql.span(column, w.rows.low, w.rows.high, 't.')}{null})"
            column = None
        said = {*w.source.types(), *LINEAGE}
        return sql.merge(self._table(w), w.spec.columns, sorted(said), w.rows.place, on, partition=column, bounds=bounds)

    def _whole(self, have: TableSpec, spec: TableSpec, rows: Rows) -> str:
        """Every row of the table: in the table that is there when its columns stay, else in one that takes its place."""
        table, same = self.datasets.sql(spec.name), self._same(have, spec)
        if same is not None:
            self.datasets.follow(have, spec, rows.numbers)
            return sql.replace_all(table, spec.columns, rows.place)
        there = self.datasets.look(spec.name)
        columns = ", ".join(column_sql(c) for c in spec.columns)
        ddl = f"({columns}) {layout_sql(spec, rows.numbers, (there.description or '') if there else '')}"
        moved = (have.partition_by, have.cluster_by) != (spec.partition_by, spec.cluster_by)
        return sql.rebuild(table, spec, ddl, rows.place, drop=moved)

    def _same(self, have: TableSpec, spec: TableSpec) -> TableSpec | None:
        """The table that may stay for these columns; None when it has to be made anew."""
        if not have.columns:
            return spec
        kinds = [{c.name: (c.type, c.nullable) for c in one.columns} for one in (have, spec)]
        same = kinds[0] == kinds[1] and have.partition_by == spec.partition_by
        return spec if same else None

    def _others(self, have: TableSpec, tenant: str) -> bool:
        """Does the table hold rows of other tenants? Only where the project's datasets are not named by tenant."""
        if not self.shared or have.column("x_org_slug") is None:
            return False
        found = self._ask(f"SELECT COUNTIF(`x_org_slug` != {sql.text(tenant)}) AS n FROM {self.datasets.sql(have.name)}")
        return bool(found[0][0])

    def _table(self, w: _Write) -> str:
        return self.datasets.sql(w.spec.name)

    # ---------------------------------------------------------------- rows
    @contextmanager
    def _rows(self, spec: TableSpec, source: Source, marks: list[str], keys: Sequence[str], want: TableSpec) -> Iterator[Rows]:
        """The rows where nobody changes them, cast for the table; what breaks its promises is told before anything is written."""
        own = own_columns(spec).columns if marks else spec.columns
        needed = self._needed(source, spec, want, bool(marks))
        select = f"SELECT {', '.join([*sql.values_of(own, source.types()), *marks])} FROM ({source.sql})"
        if source.fixed:
            yield self._looked(spec, f"({select})", needed, keys)
            return
        path = f"{self.datasets.dataset(STAGING)}.w_{uuid.uuid4().hex}"
        try:
            self.jobs.query(sql.stage(path_sql(path), select))
            yield self._looked(spec, path_sql(path), needed, keys)
        finally:
            with suppress(PenstockError):  # it goes away by itself
                self.datasets.drop(path)

    def _looked(self, spec: TableSpec, place: str, needed: Sequence[str], keys: Sequence[str]) -> Rows:
        """Count the rows and see what is in them. Raises DataError (NULLs, keys that are there twice), LimitError (partitions)."""
        columns = list(dict.fromkeys([*needed, *keys]))
        counts = [f"COUNTIF({sql.name(c)} IS NULL) AS c{n}" for n, c in enumerate(columns)]
        partition = _partition(spec)
        if partition is not None:
            part = sql.day(partition)
            counts += [f"COUNT(DISTINCT {part}) AS parts", f"MIN({part}) AS low", f"MAX({part}) AS high"]
        row = self._ask(f"SELECT {', '.join(['COUNT(*) AS n', *counts])} FROM {place}")[0]
        nulls = {column: row[n + 1] for n, column in enumerate(columns)}
        for column in needed:
            if nulls[column]:
                raise DataError(f"{nulls[column]} rows have no value in {column}, which table {spec.name} needs",
                                fix="Fill or filter them before the write")
        if partition is None:
            low, high = None, None
        else:
            parts, low, high = row[-3:]
            if parts > MAX_PARTITIONS:
                raise LimitError(f"the rows fall into {parts} partitions of {spec.partition_by}, {MAX_PARTITIONS} are allowed in one "
                                 "write", fix="Write a shorter period, or partition by a coarser column")
        if keys:
            self._unique(place, keys)
        return Rows(place, row[0], tuple(c for c in columns if nulls[c]), low, high)

    def _needed(self, source: Source, spec: TableSpec, want: TableSpec, lineage: bool) -> list[str]:
        wished = {c.name.lower() for c in want.columns if not c.nullable}
        needed = [c.name for c in spec.columns if (not c.nullable or c.name.lower() in wished)
                  and not (lineage and c.name.lower() in LINEAGE)]
        missing = [name for name in needed if name.lower() not in source.types()]
        if missing:
            raise DataError(f"table {spec.name} needs a value in {', '.join(missing)}, which the rows do not have")
        return needed

    def _unique(self, place: str, keys: Sequence[str]) -> None:
        names = ", ".join(sql.name(k) for k in keys)
        found = self._ask(f"SELECT {names}, COUNT(*) AS n FROM {place} GROUP BY {names} HAVING COUNT(*) > 1 LIMIT 4")
        if found:
            shown = "; ".join(f"{', '.join(map(str, row[:-1]))} ({row[-1]} rows)" for row in found[:3])
            shown += "; ..." if len(found) > 3 else ""
            raise DataError(f"several rows have the same key ({', '.join(keys)}): {shown}",
                            fix="Deduplicate before the merge, or name more key columns")

    # ---------------------------------------------------------------- sending
    def _ask(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a small answer."""
        job = self.jobs.query(statement, fresh=True, cache=False)
        return [tuple(row.values()) for row in self.jobs.ask(lambda: list(job.result()))]

    def _race(self, script: str) -> int:
        """Run a script that is all or nothing, again when somebody else was faster; gives the rows that made room. Other passing faults
        are the step's to try again: a script that did run is then run once more, which changes nothing."""
        for attempt in range(RACES):
            try:
                replaced, mixed = self._ask_script(script)
            except LostRace:
                if attempt + 1 == RACES:
                    raise
            else:
                if not mixed:
                    return replaced
            self._wait(attempt)
        raise TransientError("other writers filled the same slice at the same time, again and again", fix="Try again when they are done")

    def _ask_script(self, script: str) -> tuple[int, int]:
        job = self.jobs.query(script, cache=False)
        replaced, mixed = self.jobs.ask(lambda: [tuple(row.values()) for row in job.result()])[0]
        return int(replaced or 0), int(mixed or 0)

    def _wait(self, attempt: int) -> None:
        seconds = random.uniform(0, min(PAUSE * 2**attempt, LONGEST))  # noqa: S311 - jitter, no secret
        self.jobs.ask(lambda: self._sleep(seconds))  # a cancel need not wait for it


@dataclass(frozen=True)
class _Write:
    """One write on its way: the table as it was and as it shall be, and the rows."""

    spec: TableSpec
    have: TableSpec
    key: Slice
    source: Source
    rows: Rows
    keys: tuple[str, ...]
    fresh: bool
    mine: str


def marks_of(key: Slice, now: datetime | None = None) -> dict[str, str]:
    """The values of the LINEAGE columns of one write."""
    now = now or datetime.now(UTC)
    return {**key.key(), "x_run_id": key.x_run_id, "x_ingested_at": now.isoformat(), "x_ingestion_date": now.date().isoformat()}


def _mine(values: dict[str, str]) -> str:
    """The rows of this very write, among those of its slice."""
    return f"`x_run_id` = {sql.text(values['x_run_id'])} AND `x_ingested_at` = TIMESTAMP {sql.text(values['x_ingested_at'])}"


def _partition(spec: TableSpec) -> Column | None:
    """The partition's column, which BigQuery must be able to partition by."""
    if not spec.partition_by:
        return None
    check_partition(spec)
    return next(c for c in spec.columns if c.name.lower() == spec.partition_by.lower())
