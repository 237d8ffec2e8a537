"""How rows get into the lake: every mode writes new files first and then switches once, so a reader sees the old rows or the new."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.errors import DataError, InputError, LimitError, PenstockError, TransientError
from flows.store.rows import LakeFile
from flows.warehouse.base import LINEAGE, SLICE_KEY, Column, LoadResult, Slice, TableSpec, WriteMode
from flows.warehouse.bqtypes import to_duck
from flows.warehouse.evolve import check_partition, evolve, lineage_columns
from flows.warehouse.lake import Change, Lake, Pinned
from flows.warehouse.quoting import literal, name_sql
from flows.warehouse.session import Session
from flows.warehouse.tables import Tables, parquet

MAX_PARTITIONS = 4000  # of one write; source: BigQuery, "Quotas and limits", partitions modified by one job
NULL_PARTITION = "__NULL__"  # the name that BigQuery gives the partition of rows without a value
RACES = 60  # a lost race means that somebody else was done: progress is made, so many tries are cheap
PART = "__penstock_part"
SMALL_PARTITION = 10_000  # rows: partitions that are smaller on average share one sorted file, as 300 tiny files cost 3 s and scan slowly
PASS_ROWS = 4_000_000  # of the partitions written together: more fill the memory and are spilled again and again


class Source:
    """Rows to be written: a query that may be read more than once, its columns, and how many rows there are where that is known."""

    def __init__(self, sql: str, columns: tuple[Column, ...], rows: int | None = None) -> None:
        self.sql, self.rows = sql, rows
        self.columns = tuple(c for c in columns if c.name.lower() not in LINEAGE)


class Writer:
    """Writes tables of one tenant for one session."""

    def __init__(self, session: Session, tables: Tables, lake: Lake) -> None:
        self.session, self.tables, self.lake = session, tables, lake
        self.doing: tuple[str, int | None] = ("", None)  # what is done now and with how many rows, for those who watch

    # ---------------------------------------------------------------- the modes
    def write(self, want: TableSpec, key: Slice, source: Source, mode: WriteMode) -> LoadResult:
        """One atomic write with the LINEAGE columns. Raises DataError, InputError, LimitError, TransientError (every race lost)."""
        if mode == "merge":
            return self._race(want.name, lambda pinned: self._merge(pinned, want, key, source))
        first = evolve(self.lake.pin(want.name).spec, want, source.columns, fresh=mode == "overwrite")
        self._not_null(source, first)
        slice_ = key.key() if mode == "append" else {}
        new = self.files(self._select(source, first, key), first, slice_, key.x_run_id, rows=source.rows)
        plans: dict[str, Callable[[Pinned, TableSpec], tuple[Change, int]]] = {
            "append": lambda pinned, spec: self._drop_slice(pinned, spec, key),
            "overwrite": lambda pinned, spec: (Change(spec, drop=list(pinned.files)), pinned.rows),
            "replace_partition": lambda pinned, spec: self._drop_partitions(pinned, spec, source, key),
        }

        def change(pinned: Pinned) -> tuple[Change, LoadResult]:
            spec = evolve(pinned.spec, want, source.columns, fresh=mode == "overwrite")
            if spec.partition_by != first.partition_by:
                raise TransientError(f"somebody else changed how {want.name} is partitioned while it was written")
            made, replaced = plans[mode](pinned, spec)
            made.add.extend(new)
            return made, LoadResult(want.name, sum(file.rows for file in new), replaced)

        return self._race(want.name, change, new)

    def load(self, name: str, source_sql: str, columns: tuple[Column, ...], *, truncate: bool) -> LoadResult:
        """Rows as they are, without LINEAGE columns; `truncate` replaces what was there."""
        pinned = self.lake.pin(name)
        spec = pinned.spec if pinned.spec.columns and not truncate else TableSpec(name, columns, pinned.spec.partition_by,
                                                                                  pinned.spec.cluster_by, pinned.spec.keys)
        spec = evolve(spec, TableSpec(name, ()), columns, lineage=False)
        source = Source(source_sql, ())
        source.columns = columns
        new = self.files(self._fit(source, spec), spec, {}, "load")

        def change(pinned: Pinned) -> tuple[Change, LoadResult]:
            drop = list(pinned.files) if truncate else []
            after = evolve(TableSpec(name, ()) if truncate else pinned.spec, spec, columns, lineage=False)
            return Change(after, list(new), drop), LoadResult(name, sum(f.rows for f in new), sum(f.rows for f in drop))

        return self._race(name, change, new)

    def _race(self, name: str, plan: Callable[[Pinned], tuple[Change, LoadResult]], new: Sequence[LakeFile] = ()) -> LoadResult:
        """Switch to what `plan` makes of the newest version, again when somebody else was faster."""
        for attempt in range(RACES):
            change: Change | None = None
            try:
                pinned = self.lake.pin(name)
                change, result = plan(pinned)
                version = self.lake.swap(change, pinned.version)
                self.tables.forget(name)
                return replace(result, version=version)
            except PenstockError as error:
                again = error.transient and attempt + 1 < RACES
                added = change.add if change else ()
                self.lake.discard([file for file in added if not again or file not in new])
                if not again:
                    self.lake.discard(new)
                    raise
                time.sleep(random.uniform(0.002, 0.01) * min(attempt + 1, 10))  # noqa: S311 - jitter, no secret
        raise AssertionError("unreachable")

    # ---------------------------------------------------------------- what makes room
    def _drop_slice(self, pinned: Pinned, spec: TableSpec, key: Slice) -> tuple[Change, int]:
        """Files of exactly this slice go; of a file that holds several slices, the other rows stay."""
        own = [file for file in pinned.files if file.slice == key.key()]
        mixed = [file for file in pinned.files if not file.slice]
        if any(pinned.spec.column(name) is None for name in SLICE_KEY):
            mixed = []
        condition = _is(key.key())
        if key.also and pinned.spec.column(key.also[0]) is not None:
            whose, texts = key.whose(), ", ".join(map(literal, key.also[1]))
            mixed += [file for file in pinned.files
                      if file.slice and file.slice != key.key() and whose.items() <= file.slice.items()]
            condition = f"(({condition}) OR ({_is(whose)} AND coalesce({name_sql(key.also[0])} IN ({texts}), FALSE)))"
        kept, touched, replaced = self._without(pinned, mixed, condition, key.x_run_id)
        return Change(spec, kept, own + touched), replaced + sum(file.rows for file in own)

    def _drop_partitions(self, pinned: Pinned, spec: TableSpec, source: Source, key: Slice) -> tuple[Change, int]:
        """Files of the partitions that the rows touch go; of a file that holds several partitions, the other rows stay."""
        if not spec.partition_by:
            raise InputError(f"table {spec.name} has no partitions to replace", where="destination.mode",
                             fix="Give partition_by, or use mode overwrite")
        touched = f"SELECT DISTINCT {partition_sql(spec)} FROM ({self._select(source, spec, key)})"
        values = {row[0] for row in self.session.rows(touched)}
        own = [file for file in pinned.files if file.partition in values]
        mixed = [file for file in pinned.files if not file.partition]
        kept, rewritten, replaced = self._without(pinned, mixed, f"{partition_sql(spec)} IN ({touched})", key.x_run_id)
        return Change(spec, kept, own + rewritten), replaced + sum(file.rows for file in own)

    def _without(self, pinned: Pinned, files: Sequence[LakeFile], condition: str,
                 run_id: str) -> tuple[list[LakeFile], list[LakeFile], int]:
        """Rewrite those of `files` that hold rows of `condition`, without them: (new files, files that go, rows that went)."""
        if not files:
            return [], [], 0
        by_path = {str(self.lake.path(file)): file for file in files}
        view = self.tables.files_sql(list(by_path), pinned.spec.columns, filename=True)
        hits = dict(self.session.rows(f"SELECT filename, count(*) FROM ({view}) WHERE {condition} GROUP BY ALL"))
        kept: list[LakeFile] = []
        touched = [by_path[path] for path in hits]
        for file in touched:
            rest = f"SELECT * FROM ({self.tables.files_sql([str(self.lake.path(file))], pinned.spec.columns)}) WHERE NOT ({condition})"
            kept += self.files(rest, replace(pinned.spec, partition_by=""), file.slice, run_id, partition=file.partition)
        return kept, touched, sum(hits.values())

    def _merge(self, pinned: Pinned, want: TableSpec, key: Slice, source: Source) -> tuple[Change, LoadResult]:
        spec = evolve(pinned.spec, want, source.columns)
        self._not_null(source, spec)
        keys = merge_keys(spec, source.columns)
        self._unique(source, keys)
        paths = {str(self.lake.path(file)): file for file in pinned.files}
        same = " AND ".join(f"s.{name_sql(k)} IS NOT DISTINCT FROM t.{name_sql(k)}" for k in keys)
        new_sql = self._select(source, spec, key)
        hits: dict[str, int] = {}
        if paths:
            old = self.tables.files_sql(list(paths), spec.columns, filename=True)
            hits = dict(self.session.rows(f"SELECT t.filename, count(*) FROM ({old}) t SEMI JOIN ({new_sql}) s ON {same} GROUP BY ALL"))
        if hits:
            new_sql = self._merged(spec, source, list(hits), new_sql, same)
        new = self.files(new_sql, spec, {}, key.x_run_id)
        rows = self.session.rows(f"SELECT count(*) FROM ({source.sql})")[0][0]
        return Change(spec, new, [paths[path] for path in hits]), LoadResult(spec.name, rows, sum(hits.values()))

    def _merged(self, spec: TableSpec, source: Source, files: Sequence[str], new_sql: str, same: str) -> str:
        """Rows that stay as they were, and the new ones; what the source does not say keeps its old value."""
        old = self.tables.files_sql(files, spec.columns)
        said = {c.name.lower() for c in source.columns} | set(LINEAGE)
        picked = ", ".join(f"{'s' if c.name.lower() in said else 't'}.{name_sql(c.name)}" for c in spec.columns)
        return (f"SELECT t.* FROM ({old}) t ANTI JOIN ({new_sql}) s ON {same} "
                f"UNION ALL SELECT {picked} FROM ({new_sql}) s LEFT JOIN ({old}) t ON {same}")

    # ---------------------------------------------------------------- checks of the rows
    def _unique(self, source: Source, keys: Sequence[str]) -> None:
        names = ", ".join(name_sql(k) for k in keys)
        found = self.session.rows(f"SELECT {names}, count(*) FROM ({source.sql}) GROUP BY {names} HAVING count(*) > 1 LIMIT 4")
        if found:
            shown = "; ".join(f"{', '.join(map(str, row[:-1]))} ({row[-1]} rows)" for row in found[:3])
            shown += "; ..." if len(found) > 3 else ""
            raise DataError(f"several rows have the same key ({', '.join(keys)}): {shown}",
                            fix="Deduplicate before the merge, or name more key columns")

    def _not_null(self, source: Source, spec: TableSpec) -> None:
        there = {c.name.lower() for c in source.columns}
        needed = [c.name for c in spec.columns if not c.nullable and c.name.lower() not in LINEAGE]
        missing = [name for name in needed if name.lower() not in there]
        if missing:
            raise DataError(f"table {spec.name} needs a value in {', '.join(missing)}, which the rows do not have")
        if not needed:
            return
        counts = ", ".join(f"count(*) FILTER (WHERE {name_sql(name)} IS NULL)" for name in needed)
        for name, count in zip(needed, self.session.rows(f"SELECT {counts} FROM ({source.sql})")[0], strict=True):
            if count:
                raise DataError(f"{count} rows have no value in {name}, which table {spec.name} needs",
                                fix="Fill or filter them before the write")

    # ---------------------------------------------------------------- files
    def _fit(self, source: Source, spec: TableSpec) -> str:
        """The source with the table's columns and types; LINEAGE is left to `_select`."""
        types = {c.name.lower(): c.type for c in source.columns}
        parts = []
        for column in spec.columns:
            name, duck, given = name_sql(column.name), to_duck(column.type), types.get(column.name.lower())
            parts.append(f"CAST(NULL AS {duck}) AS {name}" if given is None else f"CAST({name} AS {duck}) AS {name}")
        return f"SELECT {', '.join(parts)} FROM ({source.sql})"

    def _select(self, source: Source, spec: TableSpec, key: Slice) -> str:
        now = datetime.now(UTC)
        values: dict[str, Any] = {**key.key(), "x_run_id": key.x_run_id, "x_ingested_at": now.isoformat(),
                                  "x_ingestion_date": now.date().isoformat()}
        marks = [f"CAST({literal(str(values[c.name]))} AS {to_duck(c.type)}) AS {name_sql(c.name)}" for c in lineage_columns()]
        return f"SELECT *, {', '.join(marks)} FROM ({self._fit(source, own_columns(spec))})"

    @contextmanager
    def at(self, doing: str, total: int | None = None) -> Iterator[None]:
        """Say what is done inside the block; `total` where it reads so many rows once."""
        before, self.doing = self.doing, (doing, total)
        try:
            yield
        finally:
            self.doing = before

    def files(self, sql: str, spec: TableSpec, slice_: dict[str, str], run_id: str, partition: str = "",
              rows: int | None = None) -> list[LakeFile]:
        """Write a query's rows as complete, named files; none when there are no rows. A large partition has a file of its own. `rows`
        where their number is known."""
        passes: list[list[str]] = []
        if spec.partition_by:
            with self.at(f"looking at the partitions of {spec.name}", rows):
                passes, partition = self._layout(sql, spec)
        first = [spec.partition_by] if spec.partition_by and not passes else []
        order = ", ".join(name_sql(c) for c in [*first, *spec.cluster_by])
        ordered = f"SELECT * FROM ({sql}){' ORDER BY ' + order if order else ''}"
        try:
            draft = self.lake.draft(spec.name)
        except OSError as error:
            raise _unwritable(spec, error) from error
        try:
            if passes:
                return [file for n, values in enumerate(passes, 1)
                        for file in self._pass(sql, order, spec, LakeFile("", 0, 0, "", slice_, run_id), draft, values, (n, len(passes)))]
            with self.at(f"writing {spec.name}", None if order else rows):  # rows that are sorted are read twice
                written = self._copy(ordered, draft)
            return [self.lake.publish(draft, spec.name, LakeFile("", written, 0, partition, slice_, run_id))] if written else []
        except OSError as error:
            raise _unwritable(spec, error) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True) if draft.is_dir() else draft.unlink(missing_ok=True)

    def _copy(self, sql: str, path: Path) -> int:
        stats = self.session.rows(f"COPY ({sql}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd, RETURN_STATS)")
        return int(sum(row[1] for row in stats))

    def _layout(self, sql: str, spec: TableSpec) -> tuple[list[list[str]], str]:
        """The partitions that get a file each, in groups that are written together; none where they share one. And the one value when
        there is only one. Raises LimitError for too many."""
        found = self.session.rows(f"SELECT {partition_sql(spec)} AS value, count(*) FROM ({sql}) GROUP BY 1 ORDER BY 1")
        count, rows = len(found), sum(n for _, n in found)
        if count > MAX_PARTITIONS:
            raise LimitError(f"the rows fall into {count} partitions of {spec.partition_by}, {MAX_PARTITIONS} are allowed in one write",
                             fix="Write a shorter period, or partition by a coarser column")
        if count < 2 or rows < count * SMALL_PARTITION:
            return [], found[0][0] if count == 1 else ""
        groups: list[list[str]] = [[]]
        held = 0
        for value, n in found:
            if groups[-1] and held + n > PASS_ROWS:
                groups, held = [*groups, []], 0
            groups[-1].append(value)
            held += n
        return groups, ""

    def _pass(self, sql: str, order: str, spec: TableSpec, like: LakeFile, draft: Path, values: list[str],
              turn: tuple[int, int]) -> list[LakeFile]:
        """One group of partitions; of several groups each reads all rows and takes its own."""
        n, of = turn
        some = f" WHERE {partition_sql(spec)} IN ({', '.join(map(literal, values))})" if of > 1 else ""
        by = f" ORDER BY {order}" if order else ""
        if of > 1:
            draft.mkdir(exist_ok=True)
        with self.at(f"writing {spec.name}" + (f", part {n} of {of}" if of > 1 else "")):
            return self._partitioned(f"SELECT * FROM ({sql}){some}{by}", spec, like, draft / str(n) if of > 1 else draft)

    def _partitioned(self, sql: str, spec: TableSpec, like: LakeFile, draft: Path) -> list[LakeFile]:
        value = partition_sql(spec)
        stats = self.session.rows(f"COPY (SELECT *, {value} AS {PART} FROM ({sql})) TO {literal(str(draft))} "
                                  f"(FORMAT parquet, COMPRESSION zstd, PARTITION_BY ({PART}), RETURN_STATS)")
        parts: dict[str, list[tuple[str, int]]] = {}
        for row in stats:
            parts.setdefault(row[5][PART], []).append((row[0], int(row[1])))
        made = []
        for part, files in sorted(parts.items()):
            path, rows = Path(files[0][0]), sum(n for _, n in files)
            if len(files) > 1:
                path = draft / f"{part}.parquet"
                self._copy(f"SELECT * FROM {parquet([name for name, _ in files])}", path)
            made.append(self.lake.publish(path, spec.name, replace(like, rows=rows, partition=part)))
        return made


def own_columns(spec: TableSpec) -> TableSpec:
    """The table without its LINEAGE columns."""
    return replace(spec, columns=tuple(c for c in spec.columns if c.name.lower() not in LINEAGE))


def _unwritable(spec: TableSpec, error: OSError) -> TransientError:
    return TransientError(f"the lake cannot be written: {error.strerror or error}", where=spec.name,
                          fix="Free some space, or look at the rights of $PENSTOCK_HOME/lake")


def partition_sql(spec: TableSpec) -> str:
    """The partition value of a row, as text; times count by their day in UTC, as on BigQuery."""
    column = spec.column(spec.partition_by)
    assert column is not None
    check_partition(spec)
    name = name_sql(column.name)
    value = f"CAST({name} AS DATE)" if column.type in ("TIMESTAMP", "DATETIME") else name
    return f"coalesce(CAST({value} AS VARCHAR), {literal(NULL_PARTITION)})"


def _is(key: Mapping[str, str]) -> str:
    """The rows that carry these key columns; never NULL."""
    return " AND ".join(f"{name_sql(n)} IS NOT DISTINCT FROM CAST({literal(v)} AS {'DATE' if n.endswith('date') else 'VARCHAR'})"
                        for n, v in key.items())


def merge_keys(spec: TableSpec, columns: Sequence[Column]) -> tuple[str, ...]:
    """The key columns of a merge. Raises InputError when there are none or the rows lack one."""
    if not spec.keys:
        raise InputError(f"a merge into {spec.name} needs keys", where="destination.keys", fix="Name the columns that identify a row")
    there = {c.name.lower() for c in columns}
    missing = [key for key in spec.keys if key.lower() not in there]
    if missing:
        raise InputError(f"the rows have no key column {', '.join(map(repr, missing))}", where="destination.keys",
                         fix=f"Their columns are: {', '.join(c.name for c in columns)}")
    return spec.keys
