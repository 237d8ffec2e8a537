"""What a tenant may use: runs a day, runs at once, bytes of BigQuery a day. All of it is counted from the runs themselves, so that
nothing is reserved that a crash could leave behind."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, and_, cast, delete, func, not_, or_, select

from flows.errors import InputError, LimitError
from flows.show.units import several
from flows.store.database import Database
from flows.store.schema import is_open, runs, steps, tenant_limits

KINDS = ("runs_per_day", "runs_at_once", "bytes_per_day")
MOST = 2**31 - 1  # of runs
_NAMED = {kind: tenant_limits.c[kind] for kind in KINDS}


@dataclass(frozen=True)
class TenantLimit:
    """The limits of one tenant; None is no limit. Days are those of UTC."""

    runs_per_day: int | None = None
    runs_at_once: int | None = None
    bytes_per_day: int | None = None


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

    def bytes_left(self, tenant: str, run_id: str = "") -> int | None:
        """How much of BigQuery this tenant may still be billed today, without what the run itself is expected to be; None: no limit."""
        with self._database.read() as connection:
            most = _limit(connection, tenant).bytes_per_day
            return None if most is None else max(0, most - _bytes(connection, tenant, without=run_id))


# -------------------------------------------------------------------- inside a transaction
def admit(connection: Connection, tenant: str, environment: str, *, free: ColumnElement[bool], at_once: bool) -> None:
    """A run of this tenant is about to be kept. Who has limits comes alone until the end of the transaction. `at_once`: it begins right
    now; `free`: the runs that nobody holds. Raises LimitError that names the limit and when there is room again."""
    limit = _limit(connection, tenant, alone=True)
    now = datetime.now(UTC)
    later = f"{_midnight(now) + timedelta(days=1):%Y-%m-%d %H:%M} UTC"
    if limit.runs_per_day is not None:
        used = connection.execute(select(func.count()).where(runs.c.tenant_id == tenant, runs.c.created_at >= _midnight(now))).scalar_one()
        if used >= limit.runs_per_day:
            raise LimitError(f"tenant {tenant!r} has had its {several(limit.runs_per_day, 'run')} of today", where="runs_per_day",
                             fix=f"There is room again at {later}, or have the limit raised")
    if limit.bytes_per_day is not None and environment == "production":
        spent = _bytes(connection, tenant)
        if spent >= limit.bytes_per_day:
            raise LimitError(f"tenant {tenant!r} has used {spent:,} of its {limit.bytes_per_day:,} bytes of BigQuery of today",
                             where="bytes_per_day", fix=f"There is room again at {later}, or have the limit raised")
    if at_once and limit.runs_at_once is not None and _at_work(connection, tenant, free) >= limit.runs_at_once:
        raise LimitError(f"tenant {tenant!r} has its {several(limit.runs_at_once, 'run')} at work", where="runs_at_once",
                         fix="There is room when one of them has ended, or have the limit raised")


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


def _bytes(connection: Connection, tenant: str, without: str = "") -> int:
    """What the steps of today's runs were billed, or what their run was expected to be where that is more and it is still open."""
    mine = and_(runs.c.tenant_id == tenant, runs.c.environment == "production", runs.c.run_id != without)
    today = or_(and_(mine, runs.c.created_at >= _midnight(datetime.now(UTC))), and_(mine, is_open))
    spent = func.sum(cast(steps.c.result[("spent", "bytes")].as_string(), BigInteger))
    results = select(steps.c.run_id, spent).join(runs, runs.c.run_id == steps.c.run_id).where(today).group_by(steps.c.run_id)
    billed = {run_id: int(number or 0) for run_id, number in connection.execute(results)}
    for run_id, estimate in connection.execute(select(runs.c.run_id, runs.c.estimate).where(mine, is_open)):
        billed[run_id] = max(billed.get(run_id, 0), int((estimate or {}).get("bytes") or 0))
    return sum(billed.values())


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
