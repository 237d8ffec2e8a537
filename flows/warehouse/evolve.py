"""How a table's columns follow its rows: new columns are added, wider types accepted, everything else is a clear error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flows.errors import DataError, InputError
from flows.spec.suggest import did_you_mean
from flows.warehouse.base import LINEAGE, Column, Diff, TableSpec
from flows.warehouse.bqtypes import WIDER, normal

_LINEAGE_TYPES = ("STRING", "STRING", "STRING", "DATE", "STRING", "TIMESTAMP", "DATE")
PARTITION_TYPES = ("DATE", "DATETIME", "TIMESTAMP", "INT64")


def lineage_columns() -> tuple[Column, ...]:
    """The LINEAGE columns with their types."""
    return tuple(Column(name, kind) for name, kind in zip(LINEAGE, _LINEAGE_TYPES, strict=True))


def fits(given: str, wanted: str) -> bool:
    """Whether values of one type may be stored in a column of another without being asked."""
    return given == wanted or wanted in WIDER.get(given, ())


def evolve(have: TableSpec, want: TableSpec, rows: Sequence[Column], *, fresh: bool = False, lineage: bool = True) -> TableSpec:
    """The table after a write of rows with these columns. `fresh`: nothing of the old rows stays, so the old columns do not bind.

    Raises DataError for a type that does not fit, InputError for a partition that the table does not have.
    """
    old = () if fresh else have.columns
    own = [c for c in old if not lineage or c.name.lower() not in LINEAGE]
    for column in want.columns:
        if not lineage or column.name.lower() not in LINEAGE:
            _add(own, replace(column, type=normal(column.type)), f"what is written to {want.name}")
    for column in rows:
        _add(own, column, "the rows", may_add=True)
    spec = TableSpec(want.name, (*own, *(lineage_columns() if lineage else ())), *_layout(have, want, fresh=fresh or not have.columns))
    if spec.partition_by:
        check_partition(spec)
    for name in (*spec.cluster_by, *spec.keys):
        if _find(spec.columns, name) is None:
            raise InputError(f"table {want.name} has no column {name!r}", fix=did_you_mean(name, [c.name for c in spec.columns]))
    return spec


def _add(columns: list[Column], new: Column, who: str, may_add: bool = True) -> None:
    there = _find(columns, new.name)
    if there is None:
        columns.append(new)
    elif not fits(new.type, there.type):
        raise DataError(f"column {new.name} is {new.type} in {who} and {there.type} in the table that is there",
                        fix=f"Cast it to {there.type} before the write, or write to another table, or use mode overwrite")


def _find(columns: Sequence[Column], name: str) -> Column | None:
    return next((c for c in columns if c.name.lower() == name.lower()), None)


def _layout(have: TableSpec, want: TableSpec, *, fresh: bool) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """(partition_by, cluster_by, keys): what is wanted, else what there is."""
    if not fresh and want.partition_by and want.partition_by != have.partition_by:
        now = f"partitioned by {have.partition_by}" if have.partition_by else "not partitioned"
        raise InputError(f"table {want.name} is {now}, not by {want.partition_by}", where="destination.partition_by",
                         fix="Leave partition_by as it is, or rebuild the table with mode overwrite")
    return want.partition_by or have.partition_by, want.cluster_by or have.cluster_by, want.keys or have.keys


def check_partition(spec: TableSpec) -> None:
    """Raises InputError for a partition column that is not there or that BigQuery could not partition by."""
    column = _find(spec.columns, spec.partition_by)
    if column is None:
        raise InputError(f"there is no column {spec.partition_by!r} to partition {spec.name} by", where="destination.partition_by",
                         fix=did_you_mean(spec.partition_by, [c.name for c in spec.columns]))
    if column.type not in PARTITION_TYPES:
        raise InputError(f"{spec.name} cannot be partitioned by {spec.partition_by}, which is {column.type}",
                         where="destination.partition_by", fix=f"Partition by a column of type {', '.join(PARTITION_TYPES)}")


def added(have: TableSpec, spec: TableSpec) -> Diff:
    """What `ensure_table` reports."""
    if not have.columns:
        return Diff(created=True, added=spec.columns)
    return Diff(added=tuple(c for c in spec.columns if _find(have.columns, c.name) is None))
