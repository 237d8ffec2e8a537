"""Deployments: which release of a pipeline runs by itself in an environment, and every release that there was."""

from __future__ import annotations

import builtins
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update

from flows.errors import MissingError
from flows.store.database import Database
from flows.store.schema import runs
from flows.store.tables import deployments, releases

FIRST_WAIT, LONGEST_WAIT = 2.0, 300.0  # seconds until Prefect is told again
PATIENCE = 3  # so often in vain, and it is FAILED for who looks; it is tried on
MOST = 1000  # releases of one answer
PENDING, LIVE, FAILED, REMOVING = "PENDING", "LIVE", "FAILED", "REMOVING"


@dataclass(frozen=True)
class NewRelease:
    """What somebody deploys: a version of the spec, the schedules it runs at, the values and the work pool of its runs.

    `action`: deploy | rollback. `params` None keeps those of the release before, with what was changed in Prefect since.
    """

    tenant_id: str
    pipeline_id: str
    environment: str
    version: int
    schedules: builtins.list[dict[str, Any]] = field(default_factory=list)
    params: dict[str, Any] | None = None
    pool: str = ""
    folders: builtins.list[str] = field(default_factory=list)
    action: str = "deploy"
    author: str = ""


@dataclass(frozen=True)
class Release:
    """One deploy, rollback or delete; never changed. Releases count from 1, over deletes too."""

    tenant_id: str
    pipeline_id: str
    environment: str
    release: int
    version: int
    schedules: builtins.list[dict[str, Any]]
    params: dict[str, Any]
    pool: str
    folders: builtins.list[str]
    action: str
    author: str
    created_at: datetime


@dataclass(frozen=True)
class Deployment:
    """What runs by itself. `status`: PENDING (Prefect is still to be told), LIVE (it has it as it is here), FAILED (it was told in vain
    for some time, `error` says why; it is tried on), REMOVING. `edition` counts all that is to be told to Prefect."""

    tenant_id: str
    pipeline_id: str
    environment: str
    release: int
    paused: bool
    prefect_id: str
    status: str
    error: str
    edition: int
    told: dict[str, Any] | None
    seen: dict[str, Any] | None
    refused: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime
    version: int
    schedules: builtins.list[dict[str, Any]]
    params: dict[str, Any]
    pool: str
    folders: builtins.list[str]
    author: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.tenant_id, self.pipeline_id, self.environment

    @property
    def values(self) -> dict[str, Any]:
        """The parameters that its runs get: those of the release, unless a person has changed them in Prefect since."""
        told = self.told or {}
        return dict(told["params"]) if "params" in told and told.get("base") == self.params else self.params


_OF_RELEASE = ("version", "schedules", "params", "pool", "folders", "author")
_COLUMNS = [releases.c[name] if name in _OF_RELEASE else deployments.c[name] for name in Deployment.__dataclass_fields__]
_IN_FORCE = and_(*(releases.c[name] == deployments.c[name] for name in ("tenant_id", "pipeline_id", "environment", "release")))
_UNLIVE = deployments.c.status != LIVE
Key = tuple[str, str, str]


class Deployments:
    """The truth about what runs by itself; Prefect's own objects are made from it.

    A key is (tenant, pipeline, environment); `claim` and what follows it are for whoever tells Prefect, over all tenants.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    # ---- what people ask

    def release(self, new: NewRelease, *, paused: bool | None = None) -> Deployment:
        """Put a release in force. One that was paused stays so, unless `paused` says otherwise."""
        key = (new.tenant_id, new.pipeline_id, new.environment)
        with self._database.write() as connection:
            now = self._database.now()
            first = {**_where(key), "release": 0, "paused": False, "prefect_id": "", "status": PENDING, "error": "", "failures": 0,
                     "edition": 0, "created_at": now, "updated_at": now}
            connection.execute(self._database.insert(deployments).values(first).on_conflict_do_nothing())
            before = connection.execute(select(deployments).where(*_is(key)).with_for_update()).one()
            params = new.params if new.params is not None else self._params(connection, key, before.release)
            values: dict[str, Any] = {"release": self._add(connection, key, new, params), "status": PENDING}
            if before.status == REMOVING or before.release == 0:
                values |= {"paused": bool(paused), "created_at": now}
            elif paused is not None:
                values |= {"paused": paused}
            if new.params is not None and before.told:
                values |= {"told": {k: v for k, v in before.told.items() if k != "params"}}
            self._change(connection, key, {**values, "updated_at": now, "refused": None})
            return self._one(connection, key)

    def pause(self, key: Key, paused: bool) -> Deployment:
        """Switch its schedules off or on. Raises MissingError."""
        with self._database.write() as connection:
            self._there(connection, key)
            self._change(connection, key, {"paused": paused, "status": PENDING, "updated_at": self._database.now(), "refused": None})
            return self._one(connection, key)

    def remove(self, key: Key, author: str) -> Deployment:
        """It runs no more, and is gone when Prefect has heard of it; its releases stay. Raises MissingError."""
        with self._database.write() as connection:
            self._there(connection, key)
            last = self._one(connection, key)
            gone = NewRelease(*key, version=last.version, pool=last.pool, action="delete", author=author)
            self._change(connection, key, {"release": self._add(connection, key, gone, {}), "status": REMOVING,
                                           "updated_at": self._database.now()})
            return self._one(connection, key)

    def get(self, key: Key) -> Deployment:
        """Raises MissingError; one that is being removed is there no more."""
        with self._database.read() as connection:
            self._there(connection, key)
            return self._one(connection, key)

    def list(self, tenant: str, pipeline_id: str = "") -> builtins.list[Deployment]:
        """By pipeline and environment, without those that are being removed."""
        mine = [deployments.c.tenant_id == tenant, deployments.c.status != REMOVING]
        if pipeline_id:
            mine.append(deployments.c.pipeline_id == pipeline_id)
        return self._all(*mine)

    def releases(self, key: Key) -> builtins.list[Release]:
        """Every deploy, rollback and delete, newest first, at most a thousand."""
        mine = [releases.c[name] == value for name, value in _where(key).items()]
        asked = select(releases).where(*mine).order_by(releases.c.release.desc()).limit(MOST)
        with self._database.read() as connection:
            return [Release(**row._mapping) for row in connection.execute(asked)]

    def last_due(self, key: Key) -> datetime:
        """When the newest run that a schedule began was due; long ago when there is none."""
        asked = select(runs.c.due_at).where(*(runs.c[name] == value for name, value in _where(key).items()), runs.c.due_at.is_not(None))
        with self._database.read() as connection:
            found = connection.execute(asked.order_by(runs.c.seq.desc()).limit(1)).scalar()
        return found or datetime.min.replace(tzinfo=UTC)

    # ---- what is told to Prefect

    def due(self) -> builtins.list[Deployment]:
        """All that Prefect is to be told now, and that nobody is telling it."""
        now = self._database.now()
        return self._all(_UNLIVE, or_(deployments.c.retry_at.is_(None), deployments.c.retry_at <= now), self._free())

    def live(self) -> builtins.list[Deployment]:
        """All that Prefect is believed to have."""
        return self._all(deployments.c.status == LIVE)

    def claim(self, key: Key, seconds: float) -> Deployment | None:
        """Of many who want to tell Prefect one may, for so long; None for the others, and when there is nothing to tell."""
        with self._database.write() as connection:
            mine = update(deployments).where(*_is(key), _UNLIVE, self._free())
            if connection.execute(mine.values(held_until=self._database.now(seconds))).rowcount != 1:
                return None
            return self._one(connection, key)

    def told(self, given: Deployment, prefect_id: str, told: dict[str, Any]) -> None:
        """Prefect has it as it was read; what has changed here meanwhile is still to be told."""
        same = and_(deployments.c.edition == given.edition, deployments.c.status != REMOVING)
        with self._database.write() as connection:
            connection.execute(update(deployments).where(*_is(given.key)).values(
                prefect_id=prefect_id, told=told, error="", failures=0, retry_at=None, held_until=None))
            connection.execute(update(deployments).where(*_is(given.key), same).values(status=LIVE, paused=told["paused"]))

    def gone(self, given: Deployment) -> None:
        """Prefect has it no more: so has nobody, unless it was deployed again meanwhile."""
        with self._database.write() as connection:
            done = delete(deployments).where(*_is(given.key), deployments.c.edition == given.edition, deployments.c.status == REMOVING)
            if connection.execute(done).rowcount != 1:
                connection.execute(update(deployments).where(*_is(given.key)).values(prefect_id="", told=None, held_until=None))

    def failed(self, given: Deployment, error: str) -> float:
        """It could not be told; gives the seconds until it is tried again, twice as long each time."""
        with self._database.write() as connection:
            row = connection.execute(select(deployments.c.failures, deployments.c.status).where(*_is(given.key))).one_or_none()
            if row is None:
                return 0.0
            seconds = float(min(FIRST_WAIT * 2.0 ** min(row.failures, 30), LONGEST_WAIT))
            status = FAILED if row.failures + 1 >= PATIENCE and row.status == PENDING else row.status
            connection.execute(update(deployments).where(*_is(given.key)).values(
                error=error, failures=row.failures + 1, status=status, retry_at=self._database.now(seconds), held_until=None))
        return seconds

    def again(self, given: Deployment) -> None:
        """Prefect has lost it, or has it otherwise: it is told anew."""
        with self._database.write() as connection:
            connection.execute(update(deployments).where(*_is(given.key), deployments.c.edition == given.edition,
                                                         deployments.c.status == LIVE).values(status=PENDING, retry_at=None))

    def adopt(self, given: Deployment, paused: bool) -> bool:
        """Somebody has switched it off or on in Prefect: it is so here too, unless it was changed here meanwhile."""
        told = {**(given.told or {}), "paused": paused}
        same = (*_is(given.key), deployments.c.edition == given.edition, deployments.c.status == LIVE)
        with self._database.write() as connection:
            values = {"paused": paused, "told": told, "updated_at": self._database.now()}
            return connection.execute(update(deployments).where(*same).values(values)).rowcount == 1

    def note_pool(self, pool: str, seen: dict[str, Any]) -> None:
        """What a work pool looks like now, with each deployment of it."""
        mine = and_(*(releases.c[name] == deployments.c[name] for name in ("tenant_id", "pipeline_id", "environment", "release")),
                    releases.c.pool == pool)
        with self._database.write() as connection:
            connection.execute(update(deployments).where(select(releases.c.release).where(mine).exists()).values(seen=seen))

    def refuse(self, prefect_id: str, due: datetime | None, why: str) -> None:
        """A due run could not be queued."""
        note = {"due": due.isoformat() if due else "", "why": why}
        with self._database.write() as connection:
            connection.execute(update(deployments).where(deployments.c.prefect_id == prefect_id).values(refused=note))

    def of_prefect(self, prefect_id: str) -> Deployment | None:
        """The deployment that a deployment of Prefect was made from."""
        found = self._all(deployments.c.prefect_id == prefect_id) if prefect_id else []
        return found[0] if found else None

    # ---- inside

    def _all(self, *which: ColumnElement[bool]) -> builtins.list[Deployment]:
        order = (deployments.c.tenant_id, deployments.c.pipeline_id, deployments.c.environment)
        asked = select(*_COLUMNS).join(releases, _IN_FORCE).where(*which).order_by(*order)
        with self._database.read() as connection:
            return [Deployment(**row._mapping) for row in connection.execute(asked)]

    @staticmethod
    def _one(connection: Connection, key: Key) -> Deployment:
        return Deployment(**connection.execute(select(*_COLUMNS).join(releases, _IN_FORCE).where(*_is(key))).one()._mapping)

    @staticmethod
    def _there(connection: Connection, key: Key) -> None:
        asked = select(deployments.c.release).where(*_is(key), deployments.c.status != REMOVING).with_for_update()
        if connection.execute(asked).first() is None:
            raise MissingError(f"{key[1]!r} is not deployed in {key[2]!r}", fix=f"Deploy it: penstock deploy {key[1]} --env {key[2]}")

    def _add(self, connection: Connection, key: Key, new: NewRelease, params: dict[str, Any]) -> int:
        """Write the release; gives its number."""
        mine = [releases.c[name] == value for name, value in _where(key).items()]
        number = int(connection.execute(select(func.max(releases.c.release)).where(*mine)).scalar() or 0) + 1
        connection.execute(insert(releases).values(
            **_where(key), release=number, version=new.version, schedules=new.schedules, params=params, pool=new.pool, folders=new.folders,
            action=new.action, author=new.author, created_at=self._database.now()))
        return number

    @staticmethod
    def _params(connection: Connection, key: Key, release: int) -> dict[str, Any]:
        mine = [releases.c[name] == value for name, value in _where(key).items()]
        found = connection.execute(select(releases.c.params).where(*mine, releases.c.release == release)).scalar()
        return dict(found or {})

    @staticmethod
    def _change(connection: Connection, key: Key, values: dict[str, Any]) -> None:
        more = {"edition": deployments.c.edition + 1, "failures": 0, "retry_at": None, "error": ""}
        connection.execute(update(deployments).where(*_is(key)).values({**more, **values}))

    def _free(self) -> ColumnElement[bool]:
        return or_(deployments.c.held_until.is_(None), deployments.c.held_until < self._database.now())


def _where(key: Key) -> dict[str, str]:
    return {"tenant_id": key[0], "pipeline_id": key[1], "environment": key[2]}


def _is(key: Key) -> builtins.list[ColumnElement[bool]]:
    return [deployments.c[name] == value for name, value in _where(key).items()]
