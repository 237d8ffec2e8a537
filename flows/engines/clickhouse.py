"""Rows into ClickHouse: the new content is built beside the table and takes its place in one statement, so a reader sees old or new.

A table that is not there is made: engine MergeTree, sorted by the keys (else by cluster_by), partitioned by the month of a date or time
in partition_by (ClickHouse wants few, large partitions, so not by day) and not at all by a number. A table that is there keeps its
engine, order and partitions. Writing ends with EXCHANGE TABLES, which needs a database of engine Atomic (the default) or Replicated; a
materialized view that reads from the table is not fed by it, and each write other than overwrite copies the rows that stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from flows.engines.base import Cancel
from flows.engines.clickhouse_peer import Peer, ident, literal, quiet
from flows.engines.clickhouse_rows import Ends, fitted, grouped, type_of
from flows.errors import DataError, InputError, TransientError
from flows.warehouse.base import LINEAGE, SLICE_KEY, Column, LoadResult, Slice, TableSpec, WriteMode

if TYPE_CHECKING:
    import pyarrow as pa

LINEAGE_TYPES = ("STRING", "STRING", "STRING", "DATE", "STRING", "TIMESTAMP", "DATE")
_TIMES = ("DATE", "DATETIME", "TIMESTAMP")


@dataclass(frozen=True)
class Place:
    """A table by its names; an empty database is that of the connection."""

    database: str
    name: str

    @classmethod
    def of(cls, text: str) -> Place:
        """Raises InputError for what is not `table` or `database.table`."""
        parts = text.split(".")
        if len(parts) > 2 or not all(parts):
            raise InputError(f"{text!r} is not the name of a table", fix="Write table or database.table")
        return cls(parts[0] if len(parts) == 2 else "", parts[-1])

    @property
    def sql(self) -> str:
        return f"{ident(self.database)}.{ident(self.name)}" if self.database else ident(self.name)

    @property
    def test(self) -> str:
        """The condition on system.tables and system.columns, without the column of the name itself."""
        return f"database = {literal(self.database) if self.database else 'currentDatabase()'}"

    def beside(self) -> Place:
        return Place(self.database, f"{self.name}_penstock_{uuid4().hex[:12]}")


@dataclass(frozen=True)
class Found:
    """A table as it is now: which one stands behind the name, its rows, and the types of the columns that can be written."""

    uuid: str
    rows: int
    types: dict[str, str]


def write(peer: Peer, spec: TableSpec, key: Slice, schema: pa.Schema, batches: Iterable[pa.RecordBatch], *, mode: WriteMode) -> LoadResult:
    """Make the table if it is not there, add columns it lacks, and write by mode. Repeating it changes nothing.

    append replaces the slice, overwrite everything, merge the rows of the same keys, replace_partition those of the same value (of a
    time: the same day). Raises DataError (lost or changed rows, keys given twice or empty), TransientError when another write came
    between, and what `Peer.open` raises; after an error nothing has changed.
    """
    target = Place.of(spec.name)
    with peer.open() as client:
        there = _find(client, target)
        stage = target.beside()
        try:
            _make(client, stage, target, there, spec)
            rows = _fill(client, stage, spec, key, grouped(schema, batches), peer.cancel)
            if mode == "merge":
                _check_keys(client, stage, spec.keys)
            kept = 0
            if there and mode != "overwrite":
                there = _find(client, target) or there  # as late as possible: what comes after this is another write
                kept = _keep(client, stage, target, there, _stays(mode, spec, key, stage, there))
            peer.cancel.check()
            _switch(client, stage, target, there, strict=mode != "overwrite")
        finally:
            with quiet(f"table {stage.name} is left over"):
                client.command(f"DROP TABLE IF EXISTS {stage.sql}")
    return LoadResult(spec.name, rows, there.rows - kept if there else 0)


def rows_in(peer: Peer, name: str) -> int | None:
    """Rows of a table now, None when there is no such table."""
    with peer.open() as client:
        found = _find(client, Place.of(name))
    return found.rows if found else None


def _find(client: Any, place: Place) -> Found | None:
    """Raises InputError for a view or another thing that is no MergeTree table, because nothing can take its place."""
    rows = client.query(f"SELECT engine, toString(uuid) FROM system.tables WHERE {place.test} AND name = {literal(place.name)}").result_rows
    if not rows:
        return None
    engine, uuid = rows[0]
    if not engine.endswith("MergeTree"):
        raise InputError(f"{place.name!r} is of engine {engine}", fix="Write to a table of the MergeTree family, or to a new name")
    return Found(uuid, _value(client, f"SELECT count() FROM {place.sql}"), _types(client, place))


def _types(client: Any, place: Place) -> dict[str, str]:
    text = (f"SELECT name, type FROM system.columns WHERE {place.test} AND table = {literal(place.name)} "
            "AND default_kind IN ('', 'DEFAULT') ORDER BY position")
    return dict(client.query(text).result_rows)


def _make(client: Any, stage: Place, target: Place, there: Found | None, spec: TableSpec) -> None:
    """An empty table like the one that is there, or like the one that is wanted."""
    wanted = [*spec.columns, *(Column(name, kind) for name, kind in zip(LINEAGE, LINEAGE_TYPES, strict=True))]
    defs = {c.name: f"{ident(c.name)} {type_of(c.type)}" for c in wanted}
    if there:
        client.command(f"CREATE TABLE {stage.sql} AS {target.sql}")
        lacking = [f"ADD COLUMN {text}" for name, text in defs.items() if name not in there.types]
        if lacking:
            client.command(f"ALTER TABLE {stage.sql} {', '.join(lacking)}")
        return
    if target.database and not _value(client, f"SELECT count() FROM system.databases WHERE name = {literal(target.database)}"):
        client.command(f"CREATE DATABASE IF NOT EXISTS {ident(target.database)}")
    column = spec.column(spec.partition_by)
    parts = f" PARTITION BY toYYYYMM({ident(column.name)})" if column and column.type in _TIMES else ""
    names = spec.keys or spec.cluster_by
    order = ident(names[0]) if len(names) == 1 else f"({', '.join(map(ident, names))})" if names else "tuple()"
    client.command(f"CREATE TABLE {stage.sql} ({', '.join(defs.values())}) ENGINE = MergeTree{parts} ORDER BY {order} "
                   "SETTINGS allow_nullable_key = 1")


def _fill(client: Any, stage: Place, spec: TableSpec, key: Slice, batches: Iterable[pa.Table], cancel: Cancel) -> int:
    """Send the rows. Raises DataError when not all of them arrived as they are."""
    sent, ends, types = 0, Ends(), _types(client, stage)
    for table in batches:
        cancel.check()
        client.insert_arrow(stage.sql, fitted(table, spec.columns, key))
        sent += table.num_rows
        ends.add(table, spec.columns)
    arrived = _value(client, f"SELECT count() FROM {stage.sql}")
    if arrived != sent:
        raise DataError(f"{sent:,} rows were sent to {spec.name} and {arrived:,} arrived",
                        fix="Does the table's engine fold rows of the same key? Deduplicate before the load")
    cells = ends.cells(types)
    if cells and sent:
        row = client.query(f"SELECT {', '.join(cells.values())} FROM {stage.sql}").result_rows[0]
        ends.check(dict(zip(cells, row, strict=True)), types)
    return sent


def _check_keys(client: Any, stage: Place, keys: Sequence[str]) -> None:
    names = ", ".join(map(ident, keys))
    empty = _value(client, f"SELECT count() FROM {stage.sql} WHERE {' OR '.join(f'{ident(k)} IS NULL' for k in keys)}")
    if empty:
        raise DataError(f"{empty} rows have no value in the key {', '.join(keys)}", fix="Fill or filter them before the load")
    twice = _value(client, f"SELECT count() FROM (SELECT 1 FROM {stage.sql} GROUP BY {names} HAVING count() > 1)")
    if twice:
        raise DataError(f"{twice} keys ({', '.join(keys)}) stand in more than one row",
                        fix="Deduplicate before the load, or choose other keys")


def _stays(mode: WriteMode, spec: TableSpec, key: Slice, stage: Place, there: Found) -> str:
    """The condition on rows that are there and stay. A row without a value in a column of it is judged, not lost: NULL is a value."""
    names = SLICE_KEY if mode == "append" else spec.keys if mode == "merge" else (spec.partition_by,)
    if any(name not in there.types for name in names):
        return "true"  # rows from before the column came
    if mode == "append":
        return "NOT ifNull(" + " AND ".join(f"toString({ident(name)}) = {literal(value)}" for name, value in key.key().items()) + ", false)"
    column = spec.column(spec.partition_by)
    day = mode == "replace_partition" and column is not None and column.type in ("DATETIME", "TIMESTAMP")
    cells = ", ".join(f"toDate32({ident(name)})" if day else ident(name) for name in names)
    return f"({cells}) NOT IN (SELECT DISTINCT {cells} FROM {stage.sql})"


def _keep(client: Any, stage: Place, target: Place, there: Found, stays: str) -> int:
    """Copy the rows that stay; how many these are."""
    columns, before = ", ".join(map(ident, there.types)), _value(client, f"SELECT count() FROM {stage.sql}")
    client.command(f"INSERT INTO {stage.sql} ({columns}) SELECT {columns} FROM {target.sql} WHERE {stays}")
    after = _value(client, f"SELECT count() FROM {stage.sql}")
    return int(after - before)


def _switch(client: Any, stage: Place, target: Place, there: Found | None, *, strict: bool) -> None:
    """Put the new content under the name. With `strict`, what goes must be what was read, else it comes back.

    ClickHouse has no lock for this, so another write is found by what it left: another table behind the name, or other rows in it.
    """
    if there is None:
        client.command(f"RENAME TABLE {stage.sql} TO {target.sql}")
        return
    exchange = f"EXCHANGE TABLES {stage.sql} AND {target.sql}"
    client.command(exchange)
    if not strict:
        return
    gone = _find(client, stage)
    if gone is None or (gone.uuid, gone.rows) != (there.uuid, there.rows):
        client.command(exchange)
        raise TransientError(f"another write to {target.name} came between", fix="Run the step again")


def _value(client: Any, text: str) -> Any:
    return client.query(text).result_rows[0][0]
