"""Runs: the queue, the one-run guard, the claim with its lease, and the states that never go back."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, false, func, not_, or_, select, true, update

from flows.errors import Cancelled, DuplicateRun, InputError, MissingError, TransientError
from flows.store import limits, search
from flows.store.database import Database
from flows.store.rows import FINAL, OPEN, Flight, NewRun, Run, RunStats
from flows.store.schema import is_open, run_names, runs
from flows.store.steps import close_steps, reopen_steps

_COLUMNS = [c for c in runs.c if c.name in Run.__dataclass_fields__]
_WITHOUT_SPEC = [c for c in _COLUMNS if c.name != "spec"]


class Runs:
    """What a person asks for takes the tenant and knows no other; what a runner does for all tenants takes the run's id alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ---- what people and services ask

    def submit(self, new: NewRun, *, owner: str = "", lease_seconds: float = 0.0) -> Run:
        """Put a run into the queue; with `owner` it is claimed from the start, by whom it is worked on without a runner.

        Raises DuplicateRun with the id of the open run of this pipeline, if there is one, LimitError where the tenant has had its runs.
        A RUNNING run whose lease is over holds nothing: it is closed as CRASHED and the new one takes its place.
        """
        with self._database.write() as connection:
            return self.put(connection, new, owner, lease_seconds)

    def put(self, connection: Connection, new: NewRun, owner: str = "", lease_seconds: float = 0.0) -> Run:
        """The same inside a transaction that is open already. Days of one backfill stand beside each other in their lanes."""
        self._alone(connection, new.tenant_id, new.pipeline_id)
        mine = and_(runs.c.backfill_id == new.backfill_id, runs.c.lane != new.lane) if new.backfill_id else false()
        in_the_way = select(runs.c.run_id).where(
            runs.c.tenant_id == new.tenant_id, runs.c.pipeline_id == new.pipeline_id, is_open, not_(mine)).order_by(runs.c.seq)
        for holder in connection.execute(in_the_way).scalars().all():
            if not self._close(connection, self._lost(holder), "CRASHED", "its runner was lost"):
                raise DuplicateRun(new.pipeline_id, holder)
        limits.admit(connection, new.tenant_id, new.environment, free=self._free(), at_once=bool(owner))
        for _ in range(9):  # an id that exists already is one in sixteen million within its second
            row = self._insert(connection, new, owner, lease_seconds)
            if row is not None:
                search.note_name(connection, self._database.insert(run_names), new.tenant_id, new.pipeline_id, row.name)
                return _run(row)
        raise TransientError("the run could not be stored", where=new.pipeline_id, fix="Try again")

    def get(self, tenant: str, run_id: str) -> Run:
        """Raises MissingError, with the same words for a run of another tenant."""
        return self._one(select(*_COLUMNS).where(runs.c.tenant_id == tenant, runs.c.run_id == run_id), run_id)

    def glance(self, tenant: str, run_id: str) -> tuple[str, str, str]:
        """(status, error, flow_run_id): all that changes of a run while somebody follows it. Raises MissingError."""
        asked = select(runs.c.status, runs.c.error, runs.c.flow_run_id).where(runs.c.tenant_id == tenant, runs.c.run_id == run_id)
        with self._database.read() as connection:
            row = connection.execute(asked).one_or_none()
        if row is None:
            raise _missing(run_id)
        return row.status, row.error, row.flow_run_id

    def has(self, tenant: str, run_id: str) -> bool:
        """Whether there is such a run, without reading it."""
        with self._database.read() as connection:
            return connection.execute(select(runs.c.seq).where(runs.c.tenant_id == tenant, runs.c.run_id == run_id)).first() is not None

    def find(self, tenant: str, *, pipeline_id: str | None = None, status: str | Sequence[str] | None = None,
             since: datetime | None = None, until: datetime | None = None, text: str = "", backfill_id: str = "",
             before: str | None = None, limit: int = 50, specs: bool = True) -> list[Run]:
        """Newest first; an empty filter filters nothing. `since` <= created_at < `until`; `text` stands in the pipeline's id or name
        or in the run's id, in any case of letters; `before` is the last run of the page before this one; without `specs` each run's
        spec is {}."""
        wanted = (status,) if isinstance(status, str) else tuple(dict.fromkeys(status or ()))
        asked = search.Question(tenant, pipeline_id or "", wanted, since, until, text, backfill_id, before or "", limit)
        with self._database.read() as connection:
            page = search.newest(connection, asked, _COLUMNS if specs else _WITHOUT_SPEC)
            return [_run(row) for row in connection.execute(page)]

    def newest_of_each(self, tenant: str, pipeline_ids: Sequence[str], limit: int) -> list[Run]:
        """The newest few runs of each of these pipelines, newest first, without their specs."""
        found: list[Run] = []
        with self._database.read() as connection:
            for start in range(0, len(pipeline_ids), search.MANY):
                part = search.newest_of_each(tenant, pipeline_ids[start:start + search.MANY], limit, _WITHOUT_SPEC)
                found += [_run(row) for row in connection.execute(part)]
        return found

    def stats(self, tenant: str, hours: float) -> RunStats:
        """How the runs of the last `hours` went."""
        mine = (runs.c.tenant_id == tenant, runs.c.created_at >= self._database.now(-hours * 3600))
        took = self._database.seconds(runs.c.started_at, runs.c.ended_at)
        good = (*mine, runs.c.status == "SUCCESS", runs.c.started_at.is_not(None))
        with self._database.read() as connection:
            counted = connection.execute(select(runs.c.status, func.count()).where(*mine).group_by(runs.c.status))
            count: dict[str, int] = {row[0]: row[1] for row in counted}
            at_work = select(func.count()).where(runs.c.tenant_id == tenant, is_open, runs.c.status == "RUNNING")
            running = connection.execute(at_work).scalar_one()
            timed = connection.execute(select(func.count()).where(*good)).scalar_one()
            middle = select(took).where(*good).order_by(took).offset((timed - 1) // 2).limit(2 - timed % 2)
            seconds = [float(each) for each in connection.execute(middle).scalars()] if timed else []
        return RunStats(running=running, total=sum(count.values()), succeeded=count.get("SUCCESS", 0),
                        failed=count.get("FAILED", 0) + count.get("CRASHED", 0), stopped=count.get("CANCELLED", 0),
                        median_seconds=sum(seconds) / len(seconds) if seconds else None)

    def ask_cancel(self, tenant: str, run_id: str) -> Run:
        """Stop a run: at once when nobody works on it, else by asking its runner; a final run stays as it is. Raises MissingError."""
        with self._database.write() as connection:
            self.put_stop(connection, tenant, run_id)
        return self.get(tenant, run_id)

    def put_stop(self, connection: Connection, tenant: str, run_id: str) -> None:
        """The same inside a transaction that is open already, and without an answer."""
        mine = and_(runs.c.tenant_id == tenant, runs.c.run_id == run_id)
        _lock(connection, mine)
        if not self._close(connection, and_(mine, is_open, self._free()), "CANCELLED", ""):
            connection.execute(update(runs).where(mine, is_open).values(cancel=true()))

    def waiting(self, tenant: str, run_id: str) -> int:
        """The place in the queue: 1 is next, 0 does not wait. Raises MissingError. Counts the runs of all tenants."""
        mine = select(runs.c.seq, runs.c.status, runs.c.owner).where(runs.c.tenant_id == tenant, runs.c.run_id == run_id)
        with self._database.read() as connection:
            row = connection.execute(mine).one_or_none()
            if row is None:
                raise _missing(run_id)
            if row.status != "PENDING" or row.owner:
                return 0
            ahead = select(func.count()).where(is_open, runs.c.status == "PENDING", runs.c.owner == "", runs.c.seq <= row.seq)
            return int(connection.execute(ahead).scalar_one())

    # ---- what a runner does

    def claim(self, owner: str, lease_seconds: float) -> Run | None:
        """Take the waiting run that is next (`limits.next_run`); of many processes exactly one gets it. It stays PENDING until `begin`.

        A waiting run that was told to stop, and whose first owner died of it, ends here.
        """
        with self._database.read() as connection:
            if connection.execute(limits.next_run(self._free())).first() is None:  # asked ten times a second: do not lock out writers
                return None
        passed: set[str] = set()
        with self._database.write() as connection:
            while row := connection.execute(limits.next_run(self._free(), passed).with_for_update(of=runs, skip_locked=True)).first():
                this = runs.c.seq == row.seq
                if self._close(connection, and_(this, runs.c.cancel), "CANCELLED", ""):
                    continue
                if not limits.is_full(connection, row.tenant_id, row.runs_at_once, self._free()):
                    return self._take(connection, this, owner, lease_seconds)
                passed.add(row.tenant_id)
        return None

    def begin(self, run_id: str, owner: str) -> Run:
        """PENDING to RUNNING; again changes nothing. Raises Cancelled when the claim is no longer this owner's."""
        mine = and_(runs.c.run_id == run_id, runs.c.owner == owner, is_open)
        values = {"status": "RUNNING", "error": "", "started_at": func.coalesce(runs.c.started_at, self._database.now())}
        with self._database.write() as connection:
            row = connection.execute(update(runs).where(mine).values(values).returning(*_COLUMNS)).one_or_none()
        if row is None:
            raise Cancelled(f"run {run_id} is no longer held by {owner}")
        return _run(row)

    def renew(self, owner: str, run_ids: Iterable[str], lease_seconds: float) -> list[str]:
        """Lengthen the leases; gives back the runs that are still this owner's. What is missing was lost: stop working on it."""
        mine = and_(runs.c.run_id.in_(list(run_ids)), runs.c.owner == owner, is_open)
        with self._database.write() as connection:
            kept = connection.execute(update(runs).where(mine).values(lease_until=self._database.now(lease_seconds))
                                      .returning(runs.c.run_id))
            return sorted(kept.scalars())

    def finish(self, run_id: str, status: str, error: str = "", *, owner: str = "", expired: bool = False) -> bool:
        """Close a run and whatever steps of it are still open. True when this call did it: a final run never changes again, with
        `owner` only the holder of the claim may close it, with `expired` only when the lease is over at this very moment.
        `status`: SUCCESS, FAILED, CANCELLED or CRASHED."""
        if status not in FINAL:
            raise InputError(f"a run does not end as {status!r}", fix=f"Use one of {', '.join(FINAL)}")
        with self._database.write() as connection:
            which = self._held(run_id, owner, expired)
            return self._close(connection, which, status, error)

    def release(self, run_id: str, *, owner: str = "", error: str = "", expired: bool = False) -> bool:
        """Put an open run back into the queue; one that never began does not count as a try, one that was told to stop ends here. Its
        steps that were at work wait again, those that had ended stay as they are.

        With `owner` only when it holds the claim, with `expired` only when the lease is over. `error` says what it waits for. True
        when the run waits again.
        """
        tries = case((and_(runs.c.status == "PENDING", runs.c.owner != ""), runs.c.attempt - 1), else_=runs.c.attempt)
        with self._database.write() as connection:
            which = self._held(run_id, owner, expired)
            _lock(connection, which)
            if self._close(connection, and_(which, runs.c.cancel), "CANCELLED", ""):
                return False
            values = {"status": "PENDING", "owner": "", "lease_until": None, "attempt": tries, "error": error, "reserved": None}
            if connection.execute(update(runs).where(which).values(values)).rowcount != 1:
                return False
            reopen_steps(connection, run_id)
            return True

    def cancel_asked(self, run_id: str) -> bool:
        """True as well when the run is final or gone: there is nothing left to work for."""
        with self._database.read() as connection:
            row = connection.execute(select(runs.c.cancel, runs.c.status).where(runs.c.run_id == run_id)).one_or_none()
        return row is None or bool(row.cancel) or row.status in FINAL

    def holder(self, run_id: str) -> str:
        """Who holds the claim now, "" when nobody does or the run has ended."""
        with self._database.read() as connection:
            row = connection.execute(select(runs.c.owner, runs.c.status).where(runs.c.run_id == run_id)).one_or_none()
        return str(row.owner) if row is not None and row.status in OPEN else ""

    def expired(self, now: datetime | None = None) -> list[Run]:
        """Open runs that somebody claimed and whose lease was over at `now` (default: the store's clock), oldest first."""
        return self._all(select(*_COLUMNS).where(self._over(now)).order_by(runs.c.seq))

    def open(self, owner: str = "", *, claimed: bool = False) -> list[Run]:
        """All runs that are not final, oldest first; with `owner` those it holds, `claimed` those that anybody holds. For the runner,
        across tenants."""
        held = runs.c.owner == owner if owner else runs.c.owner != "" if claimed else true()
        return self._all(select(*_COLUMNS).where(is_open, held).order_by(runs.c.seq))

    def peek(self, run_id: str) -> Run:
        """A run by its id alone, for the process that works on it; never for a request. Raises MissingError."""
        return self._one(select(*_COLUMNS).where(runs.c.run_id == run_id), run_id)

    def states(self, run_ids: Iterable[str]) -> dict[str, str]:
        """The states of these runs, for the reconciler; unknown ids are left out."""
        with self._database.read() as connection:
            rows = connection.execute(select(runs.c.run_id, runs.c.status).where(runs.c.run_id.in_(list(run_ids))))
            return {row.run_id: row.status for row in rows}

    def flights(self, run_ids: Iterable[str], flow_run_ids: Iterable[str]) -> list[Flight]:
        """The runs with one of these ids, or that one of these flow runs of Prefect works for; across tenants, for the reconciler."""
        asked = select(runs.c.run_id, runs.c.status, runs.c.flow_run_id).where(
            or_(runs.c.run_id.in_(list(run_ids)), and_(runs.c.flow_run_id != "", runs.c.flow_run_id.in_(list(flow_run_ids)))))
        with self._database.read() as connection:
            return [Flight(*row) for row in connection.execute(asked)]

    def set_flow_run(self, run_id: str, flow_run_id: str) -> None:
        """Note which flow run of Prefect does the work."""
        with self._database.write() as connection:
            connection.execute(update(runs).where(runs.c.run_id == run_id).values(flow_run_id=flow_run_id))

    def set_estimate(self, run_id: str, estimate: dict[str, Any]) -> None:
        """Note what a run is expected to be billed."""
        with self._database.write() as connection:
            connection.execute(update(runs).where(runs.c.run_id == run_id).values(estimate=estimate))

    # ---- inside

    def _insert(self, connection: Connection, new: NewRun, owner: str, lease_seconds: float) -> Row[Any] | None:
        values = {
            "run_id": new_id(), "tenant_id": new.tenant_id, "pipeline_id": new.pipeline_id, "version": new.version, "spec": new.spec,
            "params": new.params, "environment": new.environment, "trigger_by": new.trigger_by, "run_date": str(new.run_date),
            "folders": [str(folder) for folder in new.folders], "resume_of": new.resume_of or "", "status": "PENDING", "error": "",
            "owner": owner, "lease_until": self._database.now(lease_seconds) if owner else None, "attempt": 1 if owner else 0,
            "cancel": False, "flow_run_id": new.flow_run_id, "created_at": self._database.now(), "name": str(new.spec.get("name") or ""),
            "backfill_id": new.backfill_id, "backfill_day": new.backfill_day, "backfill_days": new.backfill_days,
            "lane": new.lane, "due_at": new.due_at,
        }
        made = self._database.insert(runs).values(values).on_conflict_do_nothing().returning(*_COLUMNS)
        return connection.execute(made).one_or_none()

    def _alone(self, connection: Connection, tenant: str, pipeline_id: str) -> None:
        """Until the end of the transaction nobody else starts this pipeline: what was seen open is all that is. On SQLite a writer
        is alone anyway."""
        if self._database.kind == "postgresql":
            name = hashlib.blake2b(f"{tenant}/{pipeline_id}".encode(), digest_size=8).digest()
            connection.execute(select(func.pg_advisory_xact_lock(int.from_bytes(name, "big", signed=True))))

    def _take(self, connection: Connection, which: ColumnElement[bool], owner: str, lease_seconds: float) -> Run | None:
        values = {"owner": owner, "lease_until": self._database.now(lease_seconds), "attempt": runs.c.attempt + 1,
                  "reserved": None}
        row = connection.execute(update(runs).where(which).values(values).returning(*_COLUMNS)).one_or_none()
        return None if row is None else _run(row)

    def _close(self, connection: Connection, which: ColumnElement[bool], status: str, error: str) -> bool:
        now = self._database.now()
        values = {"status": status, "error": error, "ended_at": now, "lease_until": None}
        ended = connection.execute(update(runs).where(which).values(values).returning(runs.c.run_id)).scalar_one_or_none()
        if ended is not None:
            close_steps(connection, ended, status, now)
        return ended is not None

    def _free(self) -> ColumnElement[bool]:
        return or_(runs.c.owner == "", runs.c.lease_until < self._database.now())

    def _over(self, now: datetime | None = None) -> ColumnElement[bool]:
        return and_(is_open, runs.c.owner != "", runs.c.lease_until < (now or self._database.now()))

    def _held(self, run_id: str, owner: str, expired: bool) -> ColumnElement[bool]:
        return and_(runs.c.run_id == run_id, is_open, runs.c.owner == owner if owner else true(), self._over() if expired else true())

    def _lost(self, run_id: str) -> ColumnElement[bool]:
        return and_(runs.c.run_id == run_id, runs.c.status == "RUNNING", self._over())

    def _one(self, asked: Select[Any], run_id: str) -> Run:
        with self._database.read() as connection:
            row = connection.execute(asked).one_or_none()
        if row is None:
            raise _missing(run_id)
        return _run(row)

    def _all(self, asked: Select[Any]) -> list[Run]:
        with self._database.read() as connection:
            return [_run(row) for row in connection.execute(asked)]


def _lock(connection: Connection, which: ColumnElement[bool]) -> None:
    """Two statements on one run see one state of it."""
    connection.execute(select(runs.c.seq).where(which).with_for_update())


def new_id() -> str:
    """Sorts by time, can be read aloud: run-20251115-120000-4f3a9c (UTC)."""
    return f"run-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def _missing(run_id: str) -> MissingError:
    return MissingError(f"there is no run {run_id!r}", fix="See the newest ones: penstock status")


def _run(row: Row[Any]) -> Run:
    return Run(**{"spec": {}, **row._mapping, "folders": tuple(row.folders)})
