"""The lake's manifest: which Parquet files are a table at this moment; a swap of them is one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from flows.errors import InputError, TransientError
from flows.store.database import Database
from flows.store.procedures import Procedures
from flows.store.rows import LakeFile, LakeTable
from flows.store.schema import lake_files, lake_tables

_MANY = 500  # ids in one statement


@dataclass(frozen=True)
class Swap:
    """One table's change in a transaction of `swap_all`: files that come, ids of files that go, the spec afterwards."""

    table: str
    add: tuple[LakeFile, ...]
    drop: tuple[int, ...]
    spec: dict[str, Any]
    expect_version: int | None


class Manifest:
    """Tables (`dataset.table`) and files of one tenant at a time; another tenant's are not there."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.procedures = Procedures(database)

    def table(self, tenant: str, table: str) -> LakeTable | None:
        with self._database.read() as connection:
            return _table(connection, tenant, table)

    def tables(self, tenant: str, dataset: str = "") -> list[LakeTable]:
        """By name; with `dataset` only those in it."""
        asked = select(lake_tables).where(lake_tables.c.tenant_id == tenant).order_by(lake_tables.c.name)
        if dataset:
            asked = asked.where(lake_tables.c.name.startswith(f"{dataset}.", autoescape=True))
        with self._database.read() as connection:
            return [LakeTable(**row._mapping) for row in connection.execute(asked)]

    def files(self, tenant: str, table: str) -> list[LakeFile]:
        """The live files, in the order they came; none for a table that is empty or not there."""
        with self._database.read() as connection:
            return _files(connection, tenant, table)

    def files_at(self, tenant: str, table: str, moment: datetime) -> list[LakeFile]:
        """The files that were live at a moment, of those that are not forgotten yet."""
        asked = select(lake_files).where(
            lake_files.c.tenant_id == tenant, lake_files.c.table_name == table, lake_files.c.created_at <= moment,
            or_(lake_files.c.dropped_at.is_(None), lake_files.c.dropped_at > moment)).order_by(lake_files.c.id)
        with self._database.read() as connection:
            return [_file(row) for row in connection.execute(asked)]

    def snapshot(self, tenant: str, table: str) -> tuple[LakeTable | None, list[LakeFile]]:
        """A table and its live files as of one moment: swap with its version, and a change in between makes the swap fail."""
        with self._database.read() as connection:
            return _table(connection, tenant, table), _files(connection, tenant, table)

    def swap(self, tenant: str, table: str, *, add: Sequence[LakeFile], drop: Iterable[int], spec: dict[str, Any],
             expect_version: int | None) -> int:
        """Replace the files `drop` (ids) by `add` in one transaction, and the table's spec by `spec`. Returns the new version.

        `expect_version`: the version this change was made from, 0 for a table that was not there, None for any. Raises
        TransientError when another write was faster (version passed, or a file of `drop` no longer live): nothing has changed then;
        InputError for a file that is in the manifest already.
        """
        return self.swap_all(tenant, [Swap(table, tuple(add), tuple(drop), spec, expect_version)])[0]

    def swap_all(self, tenant: str, swaps: Sequence[Swap]) -> list[int]:
        """Several tables in one transaction: all of them change, or none. See `swap`. Returns the new versions."""
        with self._database.write() as connection:
            return self.put(connection, tenant, swaps)

    def put(self, connection: Connection, tenant: str, swaps: Sequence[Swap]) -> list[int]:
        """The same inside a transaction that is open already."""
        versions = {}
        now = connection.execute(select(self._database.now())).scalar_one()  # one for all: `files_at` sees a whole swap or none
        for swap in sorted(swaps, key=lambda swap: swap.table):  # one order for all writers, so that none waits for the other
            versions[swap.table] = self._advance(connection, tenant, swap.table, swap.spec, swap.expect_version, now)
            gone = sorted(set(swap.drop))
            dropped = sum(self._drop(connection, tenant, swap.table, gone[i:i + _MANY], now) for i in range(0, len(gone), _MANY))
            if dropped != len(gone):
                raise _raced(swap.table)
            if swap.add:
                self._add(connection, tenant, swap.table, swap.add, now)
        return [versions[swap.table] for swap in swaps]

    def dropped_before(self, moment: datetime) -> list[LakeFile]:
        """Files of all tenants that left their table before `moment`: no reader can still hold them, delete and `forget` them."""
        asked = select(lake_files).where(lake_files.c.dropped_at < moment).order_by(lake_files.c.id)
        with self._database.read() as connection:
            return [_file(row) for row in connection.execute(asked)]

    def forget(self, ids: Iterable[int]) -> int:
        """Remove the rows of dropped files. A live file is never forgotten. Returns how many rows went."""
        gone = sorted(set(ids))
        with self._database.write() as connection:
            return sum(connection.execute(delete(lake_files).where(
                lake_files.c.id.in_(gone[i:i + _MANY]), lake_files.c.dropped_at.is_not(None))).rowcount
                for i in range(0, len(gone), _MANY))

    def paths(self, tenant: str) -> set[str]:
        """Every path the manifest names, live or dropped: what else lies in the tenant's lake folder is nobody's."""
        with self._database.read() as connection:
            return set(connection.execute(select(lake_files.c.path).where(lake_files.c.tenant_id == tenant)).scalars())

    def _advance(self, connection: Connection, tenant: str, table: str, spec: dict[str, Any], expect: int | None, now: datetime) -> int:
        """The table's next version; its row is locked from here to the end of the transaction."""
        this = (lake_tables.c.tenant_id == tenant, lake_tables.c.name == table)
        if not expect:
            connection.execute(self._database.insert(lake_tables).values(
                tenant_id=tenant, name=table, version=0, spec=spec, created_at=now, updated_at=now).on_conflict_do_nothing())
        change = update(lake_tables).where(*this).values(version=lake_tables.c.version + 1, spec=spec, updated_at=now)
        if expect is not None:
            change = change.where(lake_tables.c.version == expect)
        version = connection.execute(change.returning(lake_tables.c.version)).scalar()
        if version is None:
            raise _raced(table)
        return int(version)

    def _drop(self, connection: Connection, tenant: str, table: str, ids: list[int], now: datetime) -> int:
        live = (lake_files.c.tenant_id == tenant, lake_files.c.table_name == table, lake_files.c.dropped_at.is_(None))
        return connection.execute(update(lake_files).where(*live, lake_files.c.id.in_(ids))
                                  .values(dropped_at=now)).rowcount

    def _add(self, connection: Connection, tenant: str, table: str, add: Sequence[LakeFile], now: datetime) -> None:
        rows = [{"tenant_id": tenant, "table_name": table, "path": f.path, "rows": f.rows, "bytes": f.bytes,
                 "partition": f.partition, "slice": f.slice, "run_id": f.run_id} for f in add]
        try:
            connection.execute(insert(lake_files).values(created_at=now), rows)
        except IntegrityError:
            raise InputError("a file of this write is in the manifest already", where=table,
                             fix="Give every written file a name of its own") from None


def _table(connection: Connection, tenant: str, table: str) -> LakeTable | None:
    asked = select(lake_tables).where(lake_tables.c.tenant_id == tenant, lake_tables.c.name == table)
    row = connection.execute(asked).one_or_none()
    return None if row is None else LakeTable(**row._mapping)


def _files(connection: Connection, tenant: str, table: str) -> list[LakeFile]:
    live = (lake_files.c.tenant_id == tenant, lake_files.c.table_name == table, lake_files.c.dropped_at.is_(None))
    return [_file(row) for row in connection.execute(select(lake_files).where(*live).order_by(lake_files.c.id))]


def _file(row: Row[Any]) -> LakeFile:
    fields = dict(row._mapping)
    return LakeFile(table=fields.pop("table_name"), **fields)


def _raced(table: str) -> TransientError:
    return TransientError("another write to this table was faster", where=table, fix="Try again")
