"""What a tenant may use: runs a day, runs at once, runs that wait, bytes of BigQuery a day. All of it is counted from the runs themselves:
a run's row is its reservation, which ends with the run, and with the lease of a process that was lost."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, and_, cast, delete, func, not_, or_, select, update

from flows.errors import InputError, LimitError
from flows.show.units import several
from flows.store.database import Database
from flows.store.schema import is_open, runs, steps, tenant_limits

KINDS = ("runs_per_day", "runs_at_once", "bytes_per_day", "runs_waiting")
MOST = 2**31 - 1  # of runs
_NAMED = {kind: tenant_limits.c[kind] for kind in KINDS}


@dataclass(frozen=True)
class TenantLimit:
    """The limits of one tenant; None is no limit. Days are those of UTC; `runs_waiting` are those that nobody works on yet."""

    runs_per_day: int | None = None
    runs_at_once: int | None = None
    bytes_per_day: int | None = None
    runs_waiting: int | None = None


class TenantLimits:
    """For the service and for `customer.onboarding`, one tenant at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, tenant: str) -> TenantLimit:
        with self._database.read() as connection:
            return _limit(connection, tenant)

    def set(self, tenant: str, changes: Mapping[str, int | None]) -> TenantLimit:
        """Change the limits that are named, None takes one away; the others stay. Raises InputError."""
        for kind, value in changes.items():
            if kind not in KINDS:
                raise InputError(f"there is no limit {kind!r}", fix=f"Use {', '.join(KINDS)}")
            if value is not None and not 0 <= value <= (MOST if kind.startswith("runs") else 2**62):
                raise InputError(f"{value} is no limit", where=kind, fix="Give a whole number from 0 on, or null for none")
        with self._database.write() as connection:
            values = {**dict(changes), "updated_at": self._database.now()}
            made = self._database.insert(tenant_limits).values(tenant_id=tenant, **values)
            connection.execute(made.on_conflict_do_update(index_elements=["tenant_id"], set_=values))
            found = _limit(connection, tenant)
            if found == TenantLimit():
                connection.execute(delete(tenant_limits).where(tenant_limits.c.tenant_id == tenant))
        return found

    def used(self, tenant: str) -> dict[str, int]:
        """What the limits are held against: runs_today, runs_at_work, runs_waiting, bytes_today (billed, or reserved where that is
        more)."""
        free = self._free()
        with self._database.read() as connection:
            return {"runs_today": _today(connection, tenant), "runs_at_work": _at_work(connection, tenant, free),
                    "runs_waiting": _waiting(connection, tenant, free), "bytes_today": _bytes(connection, tenant, free)}

    def bytes_left(self, tenant: str, run_id: str = "") -> int | None:
        """How much of BigQuery this tenant may still be billed today, without what the run itself has reserved or was billed; None: no
        limit."""
        with self._database.read() as connection:
            most = _limit(connection, tenant).bytes_per_day
            return None if most is None else max(0, most - _bytes(connection, tenant, self._free(), without=run_id))

    def billed(self, run_id: str) -> int:
        """The bytes that the steps of a run were billed so far, those of earlier tries too."""
        with self._database.read() as connection:
            return _billed(connection, run_id)

    def reserve(self, tenant: str, run_id: str, count: int) -> None:
        """A run will be billed `count` bytes in all at most. Whoever reserves for this tenant at the same time waits, so that no byte is
        given twice. It never reserves less than before. Raises LimitError when the tenant has not so many left today."""
        mine = and_(runs.c.tenant_id == tenant, runs.c.run_id == run_id, is_open)
        with self._database.write() as connection:
            most = _limit(connection, tenant, alone=True).bytes_per_day
            if most is not None:
                left = most - _bytes(connection, tenant, self._free(), without=run_id)
                if count > left:
                    raise LimitError(f"the run needs {count:,} bytes of BigQuery, {max(0, left):,} of the {most:,} of tenant {tenant!r} "
                                     "are left today", where="bytes_per_day", fix=f"Read fewer columns or days, or wait for {_tomorrow()}")
            connection.execute(update(runs).where(mine, func.coalesce(runs.c.reserved, 0) < count).values(reserved=count))

    def _free(self) -> ColumnElement[bool]:
        return or_(runs.c.owner == "", runs.c.lease_until < self._database.now())


# -------------------------------------------------------------------- inside a transaction
def admit(connection: Connection, tenant: str, environment: str, *, free: ColumnElement[bool], at_once: bool) -> None:
    """A run of this tenant is about to be kept. Who has limits comes alone until the end of the transaction. `at_once`: it begins right
    now; `free`: the runs that nobody holds. Raises LimitError that names the limit and when there is room again."""
    limit = _limit(connection, tenant, alone=True)
    later = _tomorrow()
    if limit.runs_per_day is not None and _today(connection, tenant) >= limit.runs_per_day:
        raise LimitError(f"tenant {tenant!r} has had its {several(limit.runs_per_day, 'run')} of today", where="runs_per_day",
                         fix=f"There is room again at {later}, or have the limit raised")
    if limit.bytes_per_day is not None and environment == "production":
        spent = _bytes(connection, tenant, free)
        if spent >= limit.bytes_per_day:
            raise LimitError(f"tenant {tenant!r} has used {spent:,} of its {limit.bytes_per_day:,} bytes of BigQuery of today",
                             where="bytes_per_day", fix=f"There is room again at {later}, or have the limit raised")
    if at_once and limit.runs_at_once is not None and _at_work(connection, tenant, free) >= limit.runs_at_once:
        raise LimitError(f"tenant {tenant!r} has its {several(limit.runs_at_once, 'run')} at work", where="runs_at_once",
                         fix="There is room when one of them has ended, or have the limit raised")
    if not at_once and limit.runs_waiting is not None and _waiting(connection, tenant, free) >= limit.runs_waiting:
        raise LimitError(f"tenant {tenant!r} has its {several(limit.runs_waiting, 'run')} waiting", where="runs_waiting",
                         fix="There is room when one of them has begun, or have the limit raised")


def next_run(free: ColumnElement[bool], passed: Collection[str] = ()) -> Select[Any]:
    """The waiting run that is next (seq, tenant_id, bound): of the tenants with the fewest runs at work the oldest, so that no tenant's
    queue holds up another's single run. A tenant at its bound waits, as do those in `passed`."""
    busy = (select(runs.c.tenant_id, func.count().label("n")).where(is_open, not_(free))
            .group_by(runs.c.tenant_id).subquery())
    n = func.coalesce(busy.c.n, 0)
    waits = and_(is_open, runs.c.status == "PENDING", free, or_(tenant_limits.c.runs_at_once.is_(None), n < tenant_limits.c.runs_at_once))
    asked = (select(runs.c.seq, runs.c.tenant_id, tenant_limits.c.runs_at_once)
             .select_from(runs.outerjoin(busy, busy.c.tenant_id == runs.c.tenant_id)
                          .outerjoin(tenant_limits, tenant_limits.c.tenant_id == runs.c.tenant_id))
             .where(waits).order_by(n, runs.c.seq).limit(1))
    return asked.where(runs.c.tenant_id.not_in(list(passed))) if passed else asked


def is_full(connection: Connection, tenant: str, bound: int | None, free: ColumnElement[bool]) -> bool:
    """Whether another process has just taken the last place of this tenant; it can take none until the end of the transaction."""
    if bound is None:
        return False
    most = _limit(connection, tenant, alone=True).runs_at_once
    return most is not None and _at_work(connection, tenant, free) >= most


def _limit(connection: Connection, tenant: str, *, alone: bool = False) -> TenantLimit:
    asked = select(*_NAMED.values()).where(tenant_limits.c.tenant_id == tenant)
    row = connection.execute(asked.with_for_update() if alone else asked).one_or_none()
    return TenantLimit() if row is None else TenantLimit(*row)


def _at_work(connection: Connection, tenant: str, free: ColumnElement[bool]) -> int:
    mine = (runs.c.tenant_id == tenant, is_open, not_(free))
    return int(connection.execute(select(func.count()).where(*mine)).scalar_one())


def _waiting(connection: Connection, tenant: str, free: ColumnElement[bool]) -> int:
    mine = (runs.c.tenant_id == tenant, is_open, runs.c.status == "PENDING", free)
    return int(connection.execute(select(func.count()).where(*mine)).scalar_one())


def _today(connection: Connection, tenant: str) -> int:
    mine = (runs.c.tenant_id == tenant, runs.c.created_at >= _midnight())
    return int(connection.execute(select(func.count()).where(*mine)).scalar_one())


_SPENT = func.sum(cast(steps.c.result[("spent", "bytes")].as_string(), BigInteger))


def _billed(connection: Connection, run_id: str) -> int:
    return int(connection.execute(select(_SPENT).where(steps.c.run_id == run_id)).scalar_one() or 0)


def _bytes(connection: Connection, tenant: str, free: ColumnElement[bool], without: str = "") -> int:
    """What the steps of today's runs were billed, or what their run has reserved where that is more and somebody works on it."""
    mine = and_(runs.c.tenant_id == tenant, runs.c.environment == "production", runs.c.run_id != without)
    today = or_(and_(mine, runs.c.created_at >= _midnight()), and_(mine, is_open))
    results = select(steps.c.run_id, _SPENT).join(runs, runs.c.run_id == steps.c.run_id).where(today).group_by(steps.c.run_id)
    billed = {run_id: int(number or 0) for run_id, number in connection.execute(results)}
    held = select(runs.c.run_id, runs.c.reserved).where(mine, is_open, not_(free), runs.c.reserved.is_not(None))
    for run_id, count in connection.execute(held):
        billed[run_id] = max(billed.get(run_id, 0), count)
    return sum(billed.values())


def _midnight() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _tomorrow() -> str:
    return f"{_midnight() + timedelta(days=1):%Y-%m-%d %H:%M} UTC"
