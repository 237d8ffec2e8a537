"""Saved pipelines and every version of their specs."""

from __future__ import annotations

import builtins
import hashlib
import json
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, select, update

from flows.errors import InputError, MissingError
from flows.store.database import Database, dumps
from flows.store.rows import SpecVersion
from flows.store.schema import spec_versions, specs

_COLUMNS = [c for c in spec_versions.c if c.name in SpecVersion.__dataclass_fields__]
_IN_FORCE = and_(spec_versions.c.tenant_id == specs.c.tenant_id, spec_versions.c.pipeline_id == specs.c.pipeline_id,
               spec_versions.c.version == specs.c.version)


class Specs:
    """Specs by tenant and pipeline id; what one tenant saved does not exist for another."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, tenant: str, spec: dict[str, Any], *, text: str = "", author: str = "") -> SpecVersion:
        """Keep a spec under its own `pipeline_id`, and it is in force from then on; content that equals the version in force makes no
        new one.

        `text` is the words it came from. Raises InputError for a spec without a pipeline_id.
        """
        pipeline_id = spec.get("pipeline_id")
        if not isinstance(pipeline_id, str) or not pipeline_id:
            raise InputError("the spec has no pipeline_id", where="pipeline_id", fix="Give it one")
        digest = digest_of(spec)
        with self._database.write() as connection:
            in_force = self._lock(connection, tenant, pipeline_id)
            if in_force:
                row = self._row(connection, tenant, pipeline_id, in_force)
                if row is not None and row.digest == digest:
                    return _version(row)
            newest, now = self._newest(connection, tenant, pipeline_id), self._database.now()
            connection.execute(update(specs).where(specs.c.tenant_id == tenant, specs.c.pipeline_id == pipeline_id)
                               .values(version=newest + 1, updated_at=now))
            row = connection.execute(insert(spec_versions).values(
                tenant_id=tenant, pipeline_id=pipeline_id, version=newest + 1, digest=digest, spec=spec, text=text, author=author,
                created_at=now).returning(*_COLUMNS)).one()
        return _version(row)

    def get(self, tenant: str, pipeline_id: str, version: int | None = None) -> SpecVersion:
        """That version, or the one in force: the newest, unless somebody went back. Raises MissingError."""
        with self._database.read() as connection:
            row = self._row(connection, tenant, pipeline_id, version)
        if row is None:
            raise _missing(pipeline_id, version)
        return _version(row)

    def versions(self, tenant: str, pipeline_id: str) -> builtins.list[SpecVersion]:
        """All versions, newest first; none for a pipeline that is not there."""
        asked = select(*_COLUMNS).where(spec_versions.c.tenant_id == tenant, spec_versions.c.pipeline_id == pipeline_id)
        with self._database.read() as connection:
            return [_version(row) for row in connection.execute(asked.order_by(spec_versions.c.version.desc()))]

    def put_in_force(self, tenant: str, pipeline_id: str, version: int) -> int:
        """Go back (or forth) to a version that is there; it is what runs from then on, until something new is saved. Gives the one that
        was in force. Raises MissingError."""
        with self._database.write() as connection:
            if self._row(connection, tenant, pipeline_id, version) is None:
                raise _missing(pipeline_id, version)
            before = self._lock(connection, tenant, pipeline_id)
            connection.execute(update(specs).where(specs.c.tenant_id == tenant, specs.c.pipeline_id == pipeline_id)
                               .values(version=version, updated_at=self._database.now()))
        return before

    def newest(self, tenant: str) -> dict[str, int]:
        """The number of the newest version of every pipeline, in force or not."""
        asked = select(spec_versions.c.pipeline_id, func.max(spec_versions.c.version)).where(spec_versions.c.tenant_id == tenant)
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(asked.group_by(spec_versions.c.pipeline_id))}

    def certify(self, tenant: str, pipeline_id: str, version: int, certificate: dict[str, Any]) -> None:
        """Keep with a version what both warehouses gave for it, in place of what was kept. Raises MissingError."""
        self.get(tenant, pipeline_id, version)
        mine = (spec_versions.c.tenant_id == tenant, spec_versions.c.pipeline_id == pipeline_id, spec_versions.c.version == version)
        with self._database.write() as connection:
            connection.execute(update(spec_versions).where(*mine).values(certificate=certificate))

    def list(self, tenant: str) -> builtins.list[SpecVersion]:
        """The version in force of every pipeline, by pipeline id."""
        asked = select(*_COLUMNS).join(specs, _IN_FORCE).where(specs.c.tenant_id == tenant).order_by(specs.c.pipeline_id)
        with self._database.read() as connection:
            return [_version(row) for row in connection.execute(asked)]

    def _lock(self, connection: Connection, tenant: str, pipeline_id: str) -> int:
        """The number of the version in force, 0 for a new pipeline; savers of one pipeline come one after the other."""
        now = self._database.now()
        first = {"tenant_id": tenant, "pipeline_id": pipeline_id, "version": 0, "created_at": now, "updated_at": now}
        connection.execute(self._database.insert(specs).values(first).on_conflict_do_nothing())
        asked = select(specs.c.version).where(specs.c.tenant_id == tenant, specs.c.pipeline_id == pipeline_id).with_for_update()
        return int(connection.execute(asked).scalar_one())

    @staticmethod
    def _newest(connection: Connection, tenant: str, pipeline_id: str) -> int:
        mine = (spec_versions.c.tenant_id == tenant, spec_versions.c.pipeline_id == pipeline_id)
        asked = select(func.max(spec_versions.c.version)).where(*mine)
        return int(connection.execute(asked).scalar() or 0)

    @staticmethod
    def _row(connection: Connection, tenant: str, pipeline_id: str, version: int | None) -> Row[Any] | None:
        asked = select(*_COLUMNS).where(spec_versions.c.tenant_id == tenant, spec_versions.c.pipeline_id == pipeline_id)
        if version is None:
            return connection.execute(asked.join(specs, _IN_FORCE)).one_or_none()
        return connection.execute(asked.where(spec_versions.c.version == version)).one_or_none()


def _missing(pipeline_id: str, version: int | None) -> MissingError:
    what = f"pipeline {pipeline_id!r}" if version is None else f"version {version} of pipeline {pipeline_id!r}"
    return MissingError(f"there is no {what}", fix="See what there is: penstock versions")


def digest_of(spec: dict[str, Any]) -> str:
    """SHA-256 of the canonical JSON: the order of keys does not matter, that of lists does."""
    return hashlib.sha256(json.dumps(json.loads(dumps(spec)), sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _version(row: Row[Any]) -> SpecVersion:
    return SpecVersion(**row._mapping)
