"""Backfills: rows of runs over dates, one or several at a time, worked off by whichever runner comes first."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, func, insert, select, true, update
from sqlalchemy.exc import IntegrityError

from flows.errors import DuplicateBackfill, DuplicateRun, InputError, LimitError, MissingError
from flows.show import units
from flows.store.database import Database
from flows.store.rows import AT_ONCE, Backfill, Day, NewBackfill, NewRun
from flows.store.runs import Runs
from flows.store.schema import backfills, is_open, runs

CRASHES = 3  # so many runs of one day may be lost with their processes; then the day has failed
NAMED = 5  # so many failed days are named one by one

_COLUMNS = [c for c in backfills.c if c.name in Backfill.__dataclass_fields__]
_OPEN_RUN = and_(runs.c.tenant_id == backfills.c.tenant_id, runs.c.pipeline_id == backfills.c.pipeline_id, is_open)
_MINE = and_(_OPEN_RUN, runs.c.backfill_id == backfills.c.backfill_id)
_ANOTHER = exists().where(_OPEN_RUN, runs.c.backfill_id != backfills.c.backfill_id)
_AT_WORK = select(func.count()).where(_MINE).correlate(backfills).scalar_subquery()


class Backfills:
    """What a person asks takes the tenant and knows no other; `due` and `advance` are for the runner."""

    def __init__(self, database: Database, queue: Runs) -> None:
        self._database, self._runs = database, queue

    # ---- what people ask

    def submit(self, new: NewBackfill) -> Backfill:
        """Keep a row of runs; a runner makes them. Raises DuplicateBackfill while the pipeline is being backfilled, InputError for an
        `at_once` outside 1 to 16."""
        values = {
            "backfill_id": f"fill-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}", "tenant_id": new.tenant_id,
            "pipeline_id": new.pipeline_id, "version": new.version, "spec": new.spec, "params": new.params, "days": list(new.days),
            "environment": new.environment, "trigger_by": new.trigger_by, "folders": [str(folder) for folder in new.folders],
            "position": 0, "status": "RUNNING", "error": "", "at_once": _places(new.at_once), "created_at": self._database.now(),
        }
        try:
            with self._database.write() as connection:
                return _backfill(connection.execute(insert(backfills).values(values).returning(*_COLUMNS)).one())
        except IntegrityError:
            raise self._duplicate(new.tenant_id, new.pipeline_id) from None

    def get(self, tenant: str, backfill_id: str) -> Backfill:
        """Raises MissingError, with the same words for a backfill of another tenant."""
        with self._database.read() as connection:
            return self._one(connection, tenant, backfill_id)

    def find(self, tenant: str, *, pipeline_id: str | None = None, status: str = "", limit: int = 50) -> list[Backfill]:
        """Newest first; an empty filter filters nothing."""
        asked = select(*_COLUMNS).where(backfills.c.tenant_id == tenant).order_by(backfills.c.seq.desc()).limit(limit)
        if pipeline_id:
            asked = asked.where(backfills.c.pipeline_id == pipeline_id)
        if status:
            asked = asked.where(backfills.c.status == status)
        with self._database.read() as connection:
            return [_backfill(row) for row in connection.execute(asked)]

    def days(self, fill: Backfill) -> list[Day]:
        """How the days after `position` stand that have been begun, in their order."""
        with self._database.read() as connection:
            return _begun(connection, fill)

    def stop(self, tenant: str, backfill_id: str) -> Backfill:
        """Start no more runs and stop those at work; one that has ended stays as it is. Raises MissingError."""
        mine = and_(backfills.c.tenant_id == tenant, backfills.c.backfill_id == backfill_id)
        values = {"status": "STOPPED", "error": "", "ended_at": self._database.now()}
        at_work = select(runs.c.run_id).where(runs.c.tenant_id == tenant, runs.c.backfill_id == backfill_id, runs.c.backfill_id != "",
                                              is_open).order_by(runs.c.seq)
        with self._database.write() as connection:
            if connection.execute(update(backfills).where(mine, backfills.c.status == "RUNNING").values(values)).rowcount == 1:
                for run_id in connection.execute(at_work).scalars().all():
                    self._runs.put_stop(connection, tenant, run_id)
            return self._one(connection, tenant, backfill_id)

    def go_on(self, tenant: str, backfill_id: str) -> Backfill:
        """Take a FAILED or STOPPED backfill up again: the days that did not succeed are run again, from their failed steps, then the
        days after them.

        Raises MissingError, InputError for one that is at work or done, DuplicateBackfill while another one of the pipeline is.
        """
        mine = and_(backfills.c.tenant_id == tenant, backfills.c.backfill_id == backfill_id)
        values = {"status": "RUNNING", "error": "", "ended_at": None}
        try:
            with self._database.write() as connection:
                taken = connection.execute(update(backfills).where(mine, backfills.c.status.in_(("FAILED", "STOPPED"))).values(values))
                found = self._one(connection, tenant, backfill_id)
                if taken.rowcount == 1:
                    connection.execute(update(runs).where(
                        runs.c.backfill_id == backfill_id, runs.c.backfill_id != "", runs.c.backfill_day > found.position,
                        runs.c.status != "SUCCESS").values(again=true()))
        except IntegrityError:
            raise self._duplicate(tenant, self.get(tenant, backfill_id).pipeline_id) from None
        if taken.rowcount != 1:
            said = "is at work" if found.status == "RUNNING" else "is done"
            raise InputError(f"{backfill_id} {said}: only a backfill that failed or was stopped can go on")
        return found

    # ---- what a runner does

    def due(self) -> list[str]:
        """The backfills that have a place free, and whose pipeline does not run for another reason: a day can begin, or the last one
        has ended. Across tenants."""
        with self._database.read() as connection:
            return list(connection.execute(select(backfills.c.backfill_id).where(
                backfills.c.status == "RUNNING", ~_ANOTHER, backfills.c.at_once > _AT_WORK).order_by(backfills.c.seq)).scalars())

    def advance(self, backfill_id: str) -> str:
        """Judge the days that have been begun and queue the next one, in one transaction that holds the backfill: of many runners one
        does it. Gives the id of the run that was queued, '' when there is nothing to start; ask again while there was."""
        waits = select(*_COLUMNS).where(backfills.c.backfill_id == backfill_id, backfills.c.status == "RUNNING")
        with self._database.write() as connection:
            row = connection.execute(waits.with_for_update(skip_locked=True)).one_or_none()
            if row is None:
                return ""
            fill = _backfill(row)
            days = {day.day: day for day in _begun(connection, fill)}
            position = _done(fill, days)
            at_work = [day for day in days.values() if day.open]
            ended = {} if at_work else self._end(fill, days, position)
            change = {**({"position": position} if position != fill.position else {}), **ended}
            if change:
                connection.execute(update(backfills).where(backfills.c.backfill_id == backfill_id).values(change))
            if ended or len(at_work) >= fill.at_once or any(_lost(day) for day in days.values()):
                return ""
            try:
                return self._start(connection, fill, days, position)
            except (DuplicateRun, LimitError):  # somebody was faster, or the tenant has had its runs of today: the day waits
                return ""

    def interrupted(self, run_id: str) -> None:
        """A runner that stops ends this run: its day is run again later."""
        going = exists().where(backfills.c.backfill_id == runs.c.backfill_id, backfills.c.status == "RUNNING")
        with self._database.write() as connection:
            connection.execute(update(runs).where(runs.c.run_id == run_id, going).values(again=true()))

    # ---- inside

    def _end(self, fill: Backfill, days: dict[int, Day], position: int) -> dict[str, Any]:
        """What changes when nothing is at work and nothing more may begin; else {}."""
        if position == len(fill.days):
            return self._ended("DONE", "")
        lost = [day for day in days.values() if _lost(day)]
        failed = [day for day in lost if day.status != "CANCELLED"]
        return self._ended("FAILED", _why(fill, failed)) if failed else self._ended("STOPPED", "") if lost else {}

    def _ended(self, status: str, error: str) -> dict[str, Any]:
        return {"status": status, "error": error, "ended_at": self._database.now()}

    def _start(self, connection: Connection, fill: Backfill, days: dict[int, Day], position: int) -> str:
        """Queue the first day that is neither done nor at work; one that is run again goes on from its failed steps. Raises
        DuplicateRun. Gives '' when every day has been begun."""
        taken = {day.lane for day in days.values() if day.open}
        number = next((n for n in range(position + 1, len(fill.days) + 1)
                       if n not in days or not (days[n].open or days[n].status == "SUCCESS")), 0)
        if not number:
            return ""
        day, earlier = fill.days[number - 1], days.get(number)
        return self._runs.put(connection, NewRun(
            tenant_id=fill.tenant_id, pipeline_id=fill.pipeline_id, spec=fill.spec, version=fill.version, params=day["params"],
            environment=fill.environment, trigger_by=fill.trigger_by, run_date=day["run_date"], folders=fill.folders,
            resume_of=earlier.run_id if earlier else None, backfill_id=fill.backfill_id, backfill_day=number,
            backfill_days=len(fill.days), lane=next(lane for lane in range(fill.at_once) if lane not in taken))).run_id

    @staticmethod
    def _one(connection: Connection, tenant: str, backfill_id: str) -> Backfill:
        asked = select(*_COLUMNS).where(backfills.c.tenant_id == tenant, backfills.c.backfill_id == backfill_id)
        row = connection.execute(asked).one_or_none()
        if row is None:
            raise MissingError(f"there is no backfill {backfill_id!r}", fix="See them: penstock backfill list")
        return _backfill(row)

    def _duplicate(self, tenant: str, pipeline_id: str) -> DuplicateBackfill:
        found = self.find(tenant, pipeline_id=pipeline_id, status="RUNNING", limit=1)
        return DuplicateBackfill(pipeline_id, found[0].backfill_id if found else "another one")


def _places(at_once: int) -> int:
    if not 1 <= at_once <= AT_ONCE:
        raise InputError(f"{at_once} days cannot run at once", where="at_once", fix=f"Give 1 to {AT_ONCE}")
    return at_once


def _begun(connection: Connection, fill: Backfill) -> list[Day]:
    asked = select(runs.c.backfill_day, runs.c.run_id, runs.c.status, runs.c.error, runs.c.again, runs.c.lane).where(
        runs.c.backfill_id == fill.backfill_id, runs.c.backfill_id != "", runs.c.backfill_day > fill.position).order_by(runs.c.seq)
    found: dict[int, Day] = {}
    for row in connection.execute(asked):
        before = found.get(row.backfill_day)
        lost = 0 if row.status != "CRASHED" else 1 + (before.crashes if before else 0)
        found[row.backfill_day] = Day(row.backfill_day, row.run_id, row.status, row.error, bool(row.again), row.lane, lost)
    return [found[number] for number in sorted(found)]


def _done(fill: Backfill, days: dict[int, Day]) -> int:
    """How many days from the first one on are done."""
    position = fill.position
    while position + 1 in days and days[position + 1].status == "SUCCESS":
        position += 1
    return position


def _lost(day: Day) -> bool:
    """Has this day ended without success, and may nobody but a person have it run again?"""
    return not (day.open or day.status == "SUCCESS" or day.again or (day.status == "CRASHED" and day.crashes < CRASHES))


def _why(fill: Backfill, failed: Sequence[Day]) -> str:
    """`day 2 of 7 (2 November 2025) failed: ...`, `2 of 7 days failed (2 and 5 November 2025), the first of them: ...`"""
    total, why = len(fill.days), failed[0].error or failed[0].status
    named = units.days(fill.dates[day.day - 1] for day in failed[:NAMED])
    if len(failed) == 1:
        return f"day {failed[0].day} of {total} ({named}) failed: {why}"
    more = f" and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
    return f"{len(failed)} of {total} days failed ({named}{more}), the first of them: {why}"


def _backfill(row: Row[Any]) -> Backfill:
    return Backfill(**{**row._mapping, "days": tuple(row.days), "folders": tuple(row.folders)})
