"""Rows into PostgreSQL: staged, then put in place in one transaction, with the same modes and lineage columns as the warehouse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from flows.engines.postgres import NAMES, Peer, columns_of, table
from flows.engines.rows import Feed
from flows.errors import DataError
from flows.warehouse.base import LINEAGE, SLICE_KEY, Column, LoadResult, Slice, TableSpec, WriteMode
from flows.warehouse.quoting import literal, name_sql

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

STAGE = "penstock_stage"
_ident, _literal = partial(name_sql, dialect="postgres"), partial(literal, dialect="postgres")
LINEAGE_TYPES = ("text", "text", "text", "date", "text", "timestamptz", "date")


def write(peer: Peer, spec: TableSpec, key: Slice, schema: pa.Schema, batches: Iterable[pa.RecordBatch], *, mode: WriteMode) -> LoadResult:
    """Make the table if it is not there, add columns it lacks, and write by mode. Repeating it changes nothing.

    append replaces the slice, overwrite everything, merge the rows of the same keys, replace_partition the partitions that come.
    Raises DataError (types, keys given twice or empty) and what `Peer.open` raises; after an error nothing has changed.
    """
    target = table(spec.name)
    with peer.open(read_only=False) as cursor:
        feed = Feed(schema, batches)
        rows = feed.into(lambda reader: cursor.adbc_ingest(STAGE, reader, mode="create", temporary=True))
        _prepare(cursor, target, spec)
        keys = spec.keys if mode == "merge" else ()
        if keys:
            _check_keys(cursor, keys)
        replaced = _run(cursor, _delete(target, mode, key, keys or ((spec.partition_by,) if mode == "replace_partition" else ())))
        _run(cursor, _insert(target, spec.columns, key))
        staged = _value(cursor, f"SELECT count(*) FROM {STAGE}")
    return LoadResult(spec.name, int(staged if rows is None or rows < 0 else rows), replaced)


def rows_in(peer: Peer, name: str) -> int | None:
    """Rows of a table now, None when there is no such table."""
    from sqlglot import exp

    with peer.open() as cursor:
        if not _exists(cursor, table(name)):
            return None
        tree = exp.select(exp.Count(this=exp.Star())).from_(table(name))
        return int(_value(cursor, tree.sql(dialect="postgres")))


def _exists(cursor: Any, target: exp.Table) -> bool:
    return _value(cursor, f"SELECT to_regclass({_literal(target.sql(dialect='postgres'))}) IS NOT NULL") is True


def _prepare(cursor: Any, target: exp.Table, spec: TableSpec) -> None:
    """The table as it must be, locked against another writer until the end of the transaction."""
    wanted = [(c.name, _type(c)) for c in spec.columns] + list(zip(LINEAGE, LINEAGE_TYPES, strict=True))
    name = target.sql(dialect="postgres")
    defs = [f"{_ident(column)} {kind}" for column, kind in wanted]
    if not _exists(cursor, target):  # asked first: making needs rights that writing does not
        if target.db:
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {_ident(target.db)}")
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {name} ({', '.join(defs)})")
    cursor.execute(f"LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE")
    have = {column.name for column in columns_of(cursor, target)}
    lacking = [f"ADD COLUMN IF NOT EXISTS {d}" for (column, _), d in zip(wanted, defs, strict=True) if column not in have]
    if lacking:
        cursor.execute(f"ALTER TABLE {name} {', '.join(lacking)}")


def _check_keys(cursor: Any, keys: Sequence[str]) -> None:
    names = ", ".join(map(_ident, keys))
    empty = _value(cursor, f"SELECT count(*) FROM {STAGE} WHERE {' OR '.join(f'{_ident(k)} IS NULL' for k in keys)}")
    if empty:
        raise DataError(f"{empty} rows have no value in the key {', '.join(keys)}", fix="Fill or filter them before the load")
    twice = _value(cursor, f"SELECT count(*) FROM (SELECT 1 FROM {STAGE} GROUP BY {names} HAVING count(*) > 1) q")
    if twice:
        raise DataError(f"{twice} keys ({', '.join(keys)}) stand in more than one row",
                        fix="Deduplicate before the load, or choose other keys")


def _delete(target: exp.Table, mode: WriteMode, key: Slice, columns: Sequence[str]) -> str:
    name = target.sql(dialect="postgres")
    if mode == "overwrite":
        return f"DELETE FROM {name}"
    if mode == "append":
        tests = " AND ".join(f"t.{_ident(column)} = {_literal(value)}" for column, value in key.key().items() if column in SLICE_KEY)
        return f"DELETE FROM {name} AS t WHERE {tests}"
    same = " AND ".join(f"t.{_ident(column)} IS NOT DISTINCT FROM s.{_ident(column)}" for column in columns)
    return f"DELETE FROM {name} AS t USING (SELECT DISTINCT {', '.join(map(_ident, columns))} FROM {STAGE}) AS s WHERE {same}"


def _insert(target: exp.Table, columns: Sequence[Column], key: Slice) -> str:
    now = datetime.now(UTC)
    marks = {**key.key(), "x_run_id": key.x_run_id, "x_ingested_at": now.isoformat(), "x_ingestion_date": now.date().isoformat()}
    names = [_ident(column.name) for column in columns] + [_ident(name) for name in LINEAGE]
    cells = [f"CAST({_ident(column.name)} AS {_type(column)})" for column in columns]
    cells += [f"CAST({_literal(marks[name])} AS {kind})" for name, kind in zip(LINEAGE, LINEAGE_TYPES, strict=True)]
    return f"INSERT INTO {target.sql(dialect='postgres')} ({', '.join(names)}) SELECT {', '.join(cells)} FROM {STAGE}"


def _type(column: Column) -> str:
    if column.type.startswith("ARRAY<"):
        inner = column.type[6:-1]
        return f"{NAMES[inner]}[]" if inner in NAMES else "jsonb"
    return NAMES.get(column.type.split("(")[0], "jsonb" if column.type.startswith("STRUCT") else "text")


def _run(cursor: Any, statement: str) -> int:
    cursor.execute(statement)
    return max(int(cursor.rowcount), 0)


def _value(cursor: Any, statement: str) -> Any:
    cursor.execute(statement)
    return cursor.fetchone()[0]
