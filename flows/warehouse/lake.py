"""The Parquet lake: immutable files in one folder a table, and manifest rows in the control store that say which of them are live."""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.errors import InputError
from flows.store.manifest import Swap
from flows.store.rows import LakeFile
from flows.warehouse.base import Column, TableSpec

if TYPE_CHECKING:
    from flows.store.manifest import Manifest

_NAME = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,120}\Z")
DROPPED = {"dropped": True}  # what the manifest keeps of a table that is gone: its version goes on counting
TEMPORARY = ".new"  # what is still being written; no manifest row ever names it


@dataclass(frozen=True)
class Pinned:
    """A table as one session sees it: one version of its manifest, whatever others write meanwhile. Version 0: it is not there."""

    spec: TableSpec
    version: int
    files: tuple[LakeFile, ...] = ()

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)


@dataclass
class Change:
    """One swap: files that come, files that go, and the table as it is afterwards."""

    spec: TableSpec
    add: list[LakeFile] = field(default_factory=list)
    drop: list[LakeFile] = field(default_factory=list)


@dataclass(frozen=True)
class Swept:
    """What a sweep removed."""

    orphans: int = 0
    dropped: int = 0
    bytes: int = 0


def split(name: str) -> tuple[str, str]:
    """(dataset, table) of `dataset.table`. Raises InputError for anything else."""
    dataset, dot, table = name.partition(".")
    if not dot or not _NAME.match(dataset) or not _NAME.match(table):
        raise InputError(f"{name!r} is not the name of a table",
                         fix="Write dataset.table with letters, digits, '_' and '-', like mart.daily_revenue")
    return dataset, table


def spec_to_dict(spec: TableSpec) -> dict[str, Any]:
    """What the manifest keeps of a table."""
    columns = [{"name": c.name, "type": c.type} | ({} if c.nullable else {"nullable": False})
               | ({"description": c.description} if c.description else {}) for c in spec.columns]
    kept = {"columns": columns, "partition_by": spec.partition_by, "cluster_by": list(spec.cluster_by), "keys": list(spec.keys)}
    return {**kept, "view": spec.view} if spec.view else kept


def spec_from_dict(name: str, data: Mapping[str, Any]) -> TableSpec:
    columns = tuple(Column(c["name"], c["type"], c.get("nullable", True), c.get("description", "")) for c in data.get("columns", ()))
    return TableSpec(name, columns, data.get("partition_by", ""), tuple(data.get("cluster_by", ())), tuple(data.get("keys", ())),
                     view=data.get("view", ""))


class Lake:
    """The tables of one tenant. Readers never wait and never see half a write."""

    def __init__(self, home: Path, manifest: Manifest, tenant_id: str) -> None:
        self.root, self.manifest, self.tenant_id = home / "lake", manifest, tenant_id

    @property
    def folder(self) -> Path:
        return self.root / self.tenant_id

    def pin(self, name: str) -> Pinned:
        """The newest version of a table, spec and files from the same version."""
        table, files = self.manifest.snapshot(self.tenant_id, name)
        if table is None or "columns" not in table.spec:
            return Pinned(TableSpec(name, ()), table.version if table else 0)
        return Pinned(spec_from_dict(name, table.spec), table.version, tuple(files))

    def names(self, dataset: str = "") -> list[str]:
        """Names of the tables there are, sorted."""
        return sorted(table.name for table in self.manifest.tables(self.tenant_id, dataset) if "columns" in table.spec)

    def path(self, file: LakeFile) -> Path:
        return self.root / file.path

    def draft(self, name: str) -> Path:
        """A place to write at, in the table's own folder so that the rename is atomic; its folder exists."""
        folder = self.folder.joinpath(*split(name))
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{TEMPORARY}-{uuid.uuid4().hex}"

    def publish(self, draft: Path, name: str, file: LakeFile) -> LakeFile:
        """fsync, then rename: afterwards the file has its name and is complete. It counts only once a swap names it."""
        folder = self.folder.joinpath(*split(name))
        final = folder / f"{_plain(file.run_id)}-{uuid.uuid4().hex[:12]}.parquet"
        _sync(draft)
        os.replace(draft, final)
        _sync(folder)
        return LakeFile(path=final.relative_to(self.root).as_posix(), rows=file.rows, bytes=final.stat().st_size,
                        partition=file.partition, slice=dict(file.slice), run_id=file.run_id)

    def swap(self, change: Change, expect_version: int, *, drop_table: bool = False) -> int:
        """One transaction; readers see all of it or nothing. Gives the new version. Raises TransientError on a lost race."""
        return self.manifest.swap(self.tenant_id, change.spec.name, add=change.add, drop=[file.id for file in change.drop],
                                  spec=dict(DROPPED) if drop_table else spec_to_dict(change.spec), expect_version=expect_version)

    def swap_all(self, changes: Sequence[tuple[Change, int, bool]]) -> None:
        """Several tables in one transaction: (change, version it was made from, whether the table goes). Raises as `swap` does."""
        self.manifest.swap_all(self.tenant_id, [
            Swap(change.spec.name, tuple(change.add), tuple(file.id for file in change.drop),
                 dict(DROPPED) if gone else spec_to_dict(change.spec), version) for change, version, gone in changes])

    def discard(self, files: Sequence[LakeFile]) -> None:
        """Remove files that no swap took in."""
        for file in files:
            self.path(file).unlink(missing_ok=True)

    def sweep(self, grace_seconds: float) -> Swept:
        """Remove dropped files after their grace, and files that no manifest row names once they are older than the grace."""
        dropped, freed = self._sweep_dropped(grace_seconds)
        old = time.time() - grace_seconds
        files = [path for path in self.folder.rglob("*") if path.is_file() and path.stat().st_mtime < old]
        known = self.manifest.paths(self.tenant_id)  # after the look at the disk: what was swapped in meanwhile is known
        orphans = [path for path in files if path.relative_to(self.root).as_posix() not in known]
        for path in orphans:
            freed += path.stat().st_size
            path.unlink(missing_ok=True)
        return Swept(len(orphans), dropped, freed)

    def _sweep_dropped(self, grace_seconds: float) -> tuple[int, int]:
        gone = [file for file in self.manifest.dropped_before(datetime.now(UTC) - timedelta(seconds=grace_seconds))
                if file.tenant_id == self.tenant_id]
        for file in gone:
            self.path(file).unlink(missing_ok=True)
        if gone:
            self.manifest.forget([file.id for file in gone])
        return len(gone), sum(file.bytes for file in gone)


def sweep_all(home: Path, manifest: Manifest, grace_seconds: float) -> dict[str, Swept]:
    """Sweep every tenant's lake; for the start of a runner."""
    root = home / "lake"
    tenants = sorted(folder.name for folder in root.iterdir() if folder.is_dir()) if root.is_dir() else []
    return {tenant: Lake(home, manifest, tenant).sweep(grace_seconds) for tenant in tenants}


def _plain(run_id: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", run_id)[:80] or "manual"


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
