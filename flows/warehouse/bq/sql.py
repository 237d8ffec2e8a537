"""The statements of a write on BigQuery as text: pure functions, so that what is sent can be read and tested without a project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from flows.warehouse.base import Column, Slice, TableSpec
from flows.warehouse.evolve import lineage_columns
from flows.warehouse.quoting import literal, name_sql

OLD, LO, HI, MIXED = "penstock_old", "penstock_lo", "penstock_hi", "penstock_mixed"
"""Variables of the scripts; a column of the same name would win over one, hence the long names."""
ZERO = {"STRING": "''", "BYTES": "b''", "BOOL": "FALSE", "DATE": "DATE '1970-01-01'", "TIME": "TIME '00:00:00'",
        "DATETIME": "DATETIME '1970-01-01 00:00:00'", "TIMESTAMP": "TIMESTAMP '1970-01-01 00:00:00+00'"}
HOURS = 24  # a staging table lives that long when nobody drops it


def name(column: str) -> str:
    return name_sql(column, "bigquery")


def text(value: str) -> str:
    return literal(value, "bigquery")


# -------------------------------------------------------------------- rows
def values_of(columns: Sequence[Column], given: Mapping[str, str]) -> list[str]:
    """Each of `columns` as the rows have it: cast where their type differs, NULL where they lack it. `given`: lower name -> type."""
    parts = []
    for column in columns:
        kind = given.get(column.name.lower())
        if kind is None:
            parts.append(f"CAST(NULL AS {column.type}) AS {name(column.name)}")
        else:
            parts.append(name(column.name) if kind == column.type else f"CAST({name(column.name)} AS {column.type}) AS {name(column.name)}")
    return parts


def marks(values: Mapping[str, str]) -> list[str]:
    """The LINEAGE columns with their values."""
    return [f"{_typed(c, values[c.name])} AS {name(c.name)}" for c in lineage_columns()]


def _typed(column: Column, value: str) -> str:
    return text(value) if column.type == "STRING" else f"{column.type} {text(value)}"


def stage(table: str, select: str) -> str:
    """Rows into a table that goes away by itself."""
    return (f"CREATE TABLE {table} OPTIONS(expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL {HOURS} HOUR)) "
            f"AS {select}")


# -------------------------------------------------------------------- conditions
def slice_is(key: Mapping[str, str]) -> str:
    """The rows of a slice."""
    kinds = {c.name: c for c in lineage_columns()}
    return " AND ".join(f"{name(column)} = {_typed(kinds[column], value)}" for column, value in key.items())


def room(key: Slice) -> str:
    """The rows that an append takes the place of."""
    if not key.also:
        return slice_is(key.key())
    column, texts = key.also
    return f"(({slice_is(key.key())}) OR ({slice_is(key.whose())} AND {name(column)} IN ({', '.join(map(text, texts))})))"


def not_others(tenant: str, side: str = "") -> str:
    """In a table that tenants share: every row but the others'."""
    return f"({side}`x_org_slug` = {text(tenant)} OR {side}`x_org_slug` IS NULL)"


def day(column: Column) -> str:
    """The partition value of a row: the day, in UTC, or the number itself."""
    return f"DATE({name(column.name)})" if column.type in ("TIMESTAMP", "DATETIME") else name(column.name)


def span(column: Column, low: Any, high: Any, side: str = "") -> str:
    """The rows of the partitions from one to another, as bounds of the bare column, because BigQuery prunes by those."""
    return f"{side}{name(column.name)} BETWEEN {_bound(column, low, False)} AND {_bound(column, high, True)}"


def partitions_are(column: Column, values: Sequence[Any]) -> str:
    """The rows of these partitions: days, numbers, or None for rows without a value."""
    parts = [span(column, low, high) for low, high in _runs([value for value in values if value is not None])]
    if None in values:
        parts.append(f"{name(column.name)} IS NULL")
    return f"({' OR '.join(parts)})" if parts else "FALSE"


def _runs(values: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Values without a gap between them, as (first, last)."""
    runs: list[tuple[Any, Any]] = []
    for value in sorted(values):
        if runs and _next(runs[-1][1]) == value:
            runs[-1] = (runs[-1][0], value)
        else:
            runs.append((value, value))
    return runs


def _next(value: Any) -> Any:
    if isinstance(value, date):
        return value + timedelta(days=1) if value < date.max else None
    return value + 1


def _bound(column: Column, value: Any, last: bool) -> str:
    if column.type == "INT64":
        return str(int(value))
    if column.type == "DATE":
        return f"DATE '{value}'"
    return f"{column.type} '{value} {'23:59:59.999999' if last else '00:00:00'}{'+00' if column.type == 'TIMESTAMP' else ''}'"


def same_keys(keys: Sequence[Column], with_null: Sequence[str]) -> str:
    """The rows of target `t` and source `s` that have the same key, NULL being one more value. Only equalities of one side with the
    other: BigQuery joins by nothing else when rows of one side may stay alone. `with_null`: keys that are NULL in some row of `s`."""
    parts = []
    for column in keys:
        t, s = (f"{side}.{name(column.name)}" for side in "ts")
        if column.type == "FLOAT64":  # NaN is a value like any other, and -0 is 0
            t, s = (f"CAST({side} + 0.0 AS STRING)" for side in (t, s))
        if column.name not in with_null:
            parts.append(f"{t} = {s}")
            continue
        zero = "''" if column.type == "FLOAT64" else ZERO.get(column.type, "0")
        parts.append(f"COALESCE({t}, {zero}) = COALESCE({s}, {zero}) AND (t.{name(column.name)} IS NULL) = (s.{name(column.name)} IS NULL)")
    return " AND ".join(parts)


# -------------------------------------------------------------------- scripts
def replace_rows(table: str, columns: Sequence[Column], rows: str, goes: str, *, partition: Column | None = None, mine: str = "") -> str:
    """Rows of the condition `goes` go, `rows` come: one transaction, one script. It ends with (replaced, mixed).

    `partition`: bound the DELETE by the partitions that the old rows lie in. `mine`: the condition of the rows that this write made.
    Two transactions that only insert do not conflict, so a write that found nothing to delete looks afterwards whether somebody
    else has filled the same slice meanwhile (`mixed`: how many rows are theirs).
    """
    body = [*_old(table, goes, partition), f"IF {OLD}.n > 0 THEN", f"  DELETE FROM {table} WHERE {goes}{_within(partition)};", "END IF;",
            _insert(table, columns, rows)]
    theirs = f"SELECT IF(COUNTIF({mine}) = 0, 0, COUNTIF(NOT ({mine}))) FROM {table} WHERE {goes}"
    return _script(partition, body, [f"IF {OLD}.n = 0 THEN", f"  SET {MIXED} = ({theirs});", "END IF;"] if mine else [])


def replace_all(table: str, columns: Sequence[Column], rows: str) -> str:
    """The whole table's rows; the table stays the one it was."""
    body = [f"SET {OLD} = (SELECT AS STRUCT COUNT(*) AS n FROM {table});", f"TRUNCATE TABLE {table};", _insert(table, columns, rows)]
    return _script(None, body, [])


def insert(table: str, columns: Sequence[Column], rows: str) -> str:
    return _insert(table, columns, rows)


def rebuild(table: str, spec: TableSpec, ddl: str, rows: str, *, drop: bool) -> str:
    """The table with other columns. With another partition it has to be dropped first: BigQuery replaces no table's partition."""
    names = ", ".join(name(c.name) for c in spec.columns)
    make = f"DROP TABLE {table};\nCREATE TABLE" if drop else "CREATE OR REPLACE TABLE"
    return "\n".join([f"DECLARE {OLD} STRUCT<n INT64>;", f"SET {OLD} = (SELECT AS STRUCT COUNT(*) AS n FROM {table});",
                      f"{make} {table} {ddl} AS SELECT {names} FROM {rows};", f"SELECT {OLD}.n AS replaced, 0 AS mixed"])


def merge(table: str, columns: Sequence[Column], said: Sequence[str], rows: str, on: str, *, partition: Column | None = None,
          bounds: str = "") -> str:
    """Rows by key: those that are there take the source's values in the columns it says (`said`, lower case), the others come.
    `bounds`: the partitions that the source's keys allow; `partition`: else look in which ones the matching rows lie."""
    sets = ", ".join(f"{name(c.name)} = s.{name(c.name)}" for c in columns if c.name.lower() in said)
    names = ", ".join(name(c.name) for c in columns)
    inserted = ", ".join(f"s.{name(c.name)}" for c in columns)
    within = f" AND {bounds}" if bounds else _within(partition, "t.")
    body = [*_old(f"{table} AS t JOIN {rows} AS s ON {on}{f' AND {bounds}' if bounds else ''}", "", partition, "t."),
            f"MERGE {table} AS t USING {rows} AS s ON {on}{within}",
            f"WHEN MATCHED THEN UPDATE SET {sets}", f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({inserted});"]
    return _script(partition, body, [])


def _old(source: str, where: str, partition: Column | None, side: str = "") -> list[str]:
    """Count what is there, and find the partitions that it lies in."""
    column = f"{side}{name(partition.name)}" if partition else ""
    bounds = f", MIN({column}) AS lo, MAX({column}) AS hi" if partition else ""
    lines = [f"SET {OLD} = (SELECT AS STRUCT COUNT(*) AS n{bounds} FROM {source}{f' WHERE {where}' if where else ''});"]
    return [*lines, f"SET {LO} = {OLD}.lo;", f"SET {HI} = {OLD}.hi;"] if partition else lines


def _within(partition: Column | None, side: str = "") -> str:
    if partition is None:
        return ""
    column = f"{side}{name(partition.name)}"
    return f" AND ({column} BETWEEN {LO} AND {HI} OR {column} IS NULL)"


def _insert(table: str, columns: Sequence[Column], rows: str) -> str:
    names = ", ".join(name(c.name) for c in columns)
    return f"INSERT INTO {table} ({names}) SELECT {names} FROM {rows};"


def _script(partition: Column | None, body: Sequence[str], after: Sequence[str]) -> str:
    kind = partition.type if partition else ""
    fields = f"n INT64, lo {kind}, hi {kind}" if kind else "n INT64"
    head = [f"DECLARE {OLD} STRUCT<{fields}>;", *([f"DECLARE {LO} {kind};", f"DECLARE {HI} {kind};"] if kind else []),
            f"DECLARE {MIXED} INT64 DEFAULT 0;"]
    return "\n".join([*head, "BEGIN TRANSACTION;", *body, "COMMIT TRANSACTION;", *after, f"SELECT {OLD}.n AS replaced, {MIXED} AS mixed"])
