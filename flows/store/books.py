"""What of the run book the tenants' warehouses have by now: which ended runs are still to be written there, and what was put off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, exists, func, or_, select, true, update

from flows.errors import TransientError
from flows.store.database import Database
from flows.store.manifest import Manifest, Swap
from flows.store.rows import Run, StepRow
from flows.store.schema import books, runs, steps, unmirrored

FIRST, LONGEST = 5.0, 300.0  # seconds until a warehouse that did not answer is tried again: they double
_RUN = [c for c in runs.c if c.name in Run.__dataclass_fields__ and c.name != "spec"]
_STEP = [steps.c[name] for name in StepRow.__dataclass_fields__]
_MANY = 500  # ids in one statement


@dataclass(frozen=True)
class Behind:
    """A tenant's ended runs of one environment that its warehouse does not have yet, and since when they wait."""

    tenant_id: str
    environment: str
    runs: int
    since: datetime | None
    error: str = ""  # why the last try did not work


class Books:
    """For the runner and for whoever asks the run book: ended runs in the order of the queue."""

    def __init__(self, database: Database, manifest: Manifest) -> None:
        self._database, self._manifest = database, manifest

    def due(self) -> list[tuple[str, str]]:
        """(tenant, environment) that have ended runs to be written now; those that were put off come when their time has come."""
        asked = select(runs.c.tenant_id, runs.c.environment).where(unmirrored, ~self._put_off()).distinct()
        with self._database.read() as connection:
            return sorted((row.tenant_id, row.environment) for row in connection.execute(asked))

    def left(self) -> bool:
        """Whether `due` has anything."""
        with self._database.read() as connection:
            return connection.execute(select(runs.c.seq).where(unmirrored, ~self._put_off()).limit(1)).first() is not None

    def behind(self, tenant: str) -> list[Behind]:
        """What a tenant's warehouses do not have yet, by environment."""
        asked = (select(runs.c.environment, func.count(), func.min(runs.c.ended_at), func.max(func.coalesce(books.c.error, "")))
                 .select_from(runs.outerjoin(books, and_(books.c.tenant_id == runs.c.tenant_id,
                                                         books.c.environment == runs.c.environment)))
                 .where(runs.c.tenant_id == tenant, unmirrored).group_by(runs.c.environment).order_by(runs.c.environment))
        with self._database.read() as connection:
            return [Behind(tenant, row[0], row[1], row[2], row[3]) for row in connection.execute(asked)]

    def waiting(self, tenant: str, *, production: bool, limit: int) -> list[tuple[Run, list[StepRow], int]]:
        """Ended runs that are to be written, oldest first, without their specs: (run, its steps, how many steps it was to have).

        `production`: those of that environment, else all others, which are kept locally.
        """
        which = select(runs.c.seq).where(runs.c.tenant_id == tenant, unmirrored, _kind(production))  # its index has all that is asked here
        asked = select(*_RUN).where(runs.c.seq.in_(which)).order_by(runs.c.seq).limit(limit)
        with self._database.read() as connection:
            found = [Run(**{"spec": {}, **row._mapping, "folders": tuple(row.folders)}) for row in connection.execute(asked)]
            ids = [run.run_id for run in found]
            of: dict[str, list[StepRow]] = {run_id: [] for run_id in ids}
            for some in _parts(ids):
                for row in connection.execute(select(*_STEP).where(steps.c.run_id.in_(some)).order_by(steps.c.position, steps.c.step_id)):
                    of[row.run_id].append(StepRow(**row._mapping))
            planned = {run_id: len(of[run_id]) for run_id in ids}
            for some in _parts([run_id for run_id in ids if not of[run_id]]):  # it ended before its first step was known
                for row in connection.execute(select(runs.c.run_id, runs.c.spec).where(runs.c.run_id.in_(some))):
                    planned[row.run_id] = len(row.spec.get("steps") or ())
        return [(run, of[run.run_id], planned[run.run_id]) for run in found]

    def settle(self, tenant: str, run_ids: Sequence[str], swaps: Sequence[Swap] = ()) -> None:
        """Note that these runs are written; with `swaps` the lake's tables change in the same transaction, so that a run is in them
        once, whatever is killed when. Raises TransientError when somebody else has written one of them: nothing has changed then."""
        with self._database.write() as connection:
            if swaps:
                self._manifest.put(connection, tenant, swaps)
            for some in _parts(run_ids):
                which = and_(runs.c.run_id.in_(some), runs.c.tenant_id == tenant, unmirrored)
                done = connection.execute(update(runs).where(which).values(mirrored=true())).rowcount
                if swaps and done != len(some):
                    raise TransientError("another process has written these runs", where="x_meta")

    def hold(self, tenant: str, environment: str, seconds: float) -> bool:
        """Keep others from writing these runs for so long, or until `goes` or `put_off`; False when somebody else writes them now."""
        now = self._database.now()
        made = self._database.insert(books).values(tenant_id=tenant, environment=environment, failures=0, error="",
                                                   held_until=self._database.now(seconds))
        free = or_(books.c.held_until.is_(None), books.c.held_until < now)
        taken = made.on_conflict_do_update(index_elements=["tenant_id", "environment"], set_={"held_until": made.excluded.held_until},
                                           where=free).returning(books.c.tenant_id)
        with self._database.write() as connection:
            return connection.execute(taken).first() is not None

    def put_off(self, tenant: str, environment: str, error: str) -> float:
        """Try these runs later: after how many seconds."""
        this = (books.c.tenant_id == tenant, books.c.environment == environment)
        with self._database.write() as connection:
            had = connection.execute(select(books.c.failures).where(*this)).scalar()
            wait = min(FIRST * 2 ** min(had or 0, 20), LONGEST)
            values: dict[str, Any] = {"failures": (had or 0) + 1, "error": error, "retry_at": self._database.now(wait), "held_until": None}
            made = self._database.insert(books).values(tenant_id=tenant, environment=environment, **values)
            connection.execute(made.on_conflict_do_update(index_elements=["tenant_id", "environment"], set_=values))
        return wait

    def goes(self, tenant: str, environment: str) -> None:
        """It works: nothing is held or put off any more."""
        with self._database.read() as connection:
            this = (books.c.tenant_id == tenant, books.c.environment == environment)
            if connection.execute(select(books.c.failures).where(*this)).first() is None:
                return
        with self._database.write() as connection:
            connection.execute(delete(books).where(*this))

    def _put_off(self) -> Any:
        return exists().where(books.c.tenant_id == runs.c.tenant_id, books.c.environment == runs.c.environment,
                              or_(books.c.retry_at > self._database.now(), books.c.held_until > self._database.now()))


def _kind(production: bool) -> Any:
    return runs.c.environment == "production" if production else runs.c.environment != "production"


def _parts(ids: Sequence[str]) -> list[list[str]]:
    return [list(ids[n:n + _MANY]) for n in range(0, len(ids), _MANY)]
