"""Backfills: rows of runs over dates, one run at a time, worked off by whichever runner comes first."""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from flows.errors import DuplicateBackfill, DuplicateRun, InputError, MissingError
from flows.store.database import Database
from flows.store.rows import OPEN, Backfill, NewBackfill, NewRun
from flows.store.runs import Runs
from flows.store.schema import backfills, runs

CRASHES = 3  # so many runs of one day may be lost with their processes; then the day has failed

_COLUMNS = [c for c in backfills.c if c.name in Backfill.__dataclass_fields__]
_OPEN_RUN = exists().where(runs.c.tenant_id == backfills.c.tenant_id, runs.c.pipeline_id == backfills.c.pipeline_id,
                           runs.c.status.in_(OPEN))


class Backfills:
    """What a person asks takes the tenant and knows no other; `due` and `advance` are for the runner."""

    def __init__(self, database: Database, queue: Runs) -> None:
        self._database, self._runs = database, queue

    # ---- what people ask

    def submit(self, new: NewBackfill) -> Backfill:
        """Keep a row of runs; a runner makes them. Raises DuplicateBackfill while the pipeline is being backfilled."""
        values = {
            "backfill_id": f"fill-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}", "tenant_id": new.tenant_id,
            "pipeline_id": new.pipeline_id, "version": new.version, "spec": new.spec, "params": new.params, "days": list(new.days),
            "environment": new.environment, "trigger_by": new.trigger_by, "folders": [str(folder) for folder in new.folders],
            "position": 0, "status": "RUNNING", "error": "", "run_id": "", "again": False, "created_at": self._database.now(),
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

    def stop(self, tenant: str, backfill_id: str) -> Backfill:
        """Start no more runs and stop the one at work; one that has ended stays as it is. Raises MissingError."""
        mine = and_(backfills.c.tenant_id == tenant, backfills.c.backfill_id == backfill_id)
        values = {"status": "STOPPED", "error": "", "ended_at": self._database.now()}
        with self._database.write() as connection:
            stopped = update(backfills).where(mine, backfills.c.status == "RUNNING").values(values).returning(backfills.c.run_id)
            run_id = connection.execute(stopped).scalar_one_or_none()
            if run_id:
                self._runs.put_stop(connection, tenant, run_id)
            return self._one(connection, tenant, backfill_id)

    def go_on(self, tenant: str, backfill_id: str) -> Backfill:
        """Take a FAILED or STOPPED backfill up again: the day it ended at is run again, from its failed steps.

        Raises MissingError, InputError for one that is at work or done, DuplicateBackfill while another one of the pipeline is.
        """
        mine = and_(backfills.c.tenant_id == tenant, backfills.c.backfill_id == backfill_id)
        values = {"status": "RUNNING", "error": "", "again": True, "ended_at": None}
        try:
            with self._database.write() as connection:
                again = connection.execute(update(backfills).where(mine, backfills.c.status.in_(("FAILED", "STOPPED"))).values(values))
                found = self._one(connection, tenant, backfill_id)
        except IntegrityError:
            raise self._duplicate(tenant, self.get(tenant, backfill_id).pipeline_id) from None
        if again.rowcount != 1:
            said = "is at work" if found.status == "RUNNING" else "is done"
            raise InputError(f"{backfill_id} {said}: only a backfill that failed or was stopped can go on")
        return found

    # ---- what a runner does

    def due(self) -> list[str]:
        """The backfills whose pipeline does not run: their next day can begin, or their last one has ended. Across tenants."""
        with self._database.read() as connection:
            return list(connection.execute(select(backfills.c.backfill_id).where(backfills.c.status == "RUNNING", ~_OPEN_RUN)
                                           .order_by(backfills.c.seq)).scalars())

    def advance(self, backfill_id: str) -> str:
        """Judge the run of the current day and queue the next one, in one transaction that holds the backfill: of many runners one
        does it. Gives the id of the run that was queued, '' when there is nothing to start."""
        waits = select(*_COLUMNS).where(backfills.c.backfill_id == backfill_id, backfills.c.status == "RUNNING")
        with self._database.write() as connection:
            row = connection.execute(waits.with_for_update(skip_locked=True)).one_or_none()
            if row is None:
                return ""
            fill = _backfill(row)
            change = self._judge(connection, fill)
            try:
                run_id = self._start(connection, fill, change) if change is not None and "status" not in change else ""
            except DuplicateRun:  # somebody was faster: the day waits for the end of that run
                run_id = ""
                change = change if change and "position" in change else None
            if change:
                connection.execute(update(backfills).where(backfills.c.backfill_id == backfill_id).values(change))
        return run_id

    def interrupted(self, run_id: str) -> None:
        """A runner that stops ends this run: its day is run again later."""
        with self._database.write() as connection:
            connection.execute(update(backfills).where(backfills.c.run_id == run_id, backfills.c.status == "RUNNING").values(again=True))

    # ---- inside

    def _judge(self, connection: Connection, fill: Backfill) -> dict[str, Any] | None:
        """What the end of the current day's run changes: None while it is open, a status when the backfill ends with it."""
        if not fill.run_id:
            return {}
        run = connection.execute(select(runs.c.status, runs.c.error).where(runs.c.run_id == fill.run_id)).one()
        if run.status in OPEN:
            return None
        if run.status == "SUCCESS":
            done = {"position": fill.position + 1, "run_id": "", "again": False}
            return {**done, **self._ended("DONE", "")} if fill.position + 1 == len(fill.days) else done
        if fill.again or (run.status == "CRASHED" and self._crashes(connection, fill) < CRASHES):
            return {"again": False}
        if run.status == "CANCELLED":
            return self._ended("STOPPED", "")
        return self._ended("FAILED", f"{_day(fill)} failed: {run.error or run.status}")

    def _ended(self, status: str, error: str) -> dict[str, Any]:
        return {"status": status, "error": error, "ended_at": self._database.now()}

    @staticmethod
    def _crashes(connection: Connection, fill: Backfill) -> int:
        """How many of the newest runs of this day were lost with their processes, one after the other."""
        asked = select(runs.c.status).where(runs.c.backfill_id == fill.backfill_id, runs.c.backfill_id != "",
                                            runs.c.backfill_day == fill.position + 1).order_by(runs.c.seq.desc()).limit(CRASHES)
        states = list(connection.execute(asked).scalars())
        return next((n for n, status in enumerate(states) if status != "CRASHED"), len(states))

    def _start(self, connection: Connection, fill: Backfill, change: dict[str, Any]) -> str:
        """Queue the run of the day that comes; a day that is run again goes on from its failed steps. Raises DuplicateRun."""
        position, earlier = change.get("position", fill.position), change.get("run_id", fill.run_id)
        day = fill.days[position]
        run = self._runs.put(connection, NewRun(
            tenant_id=fill.tenant_id, pipeline_id=fill.pipeline_id, spec=fill.spec, version=fill.version, params=day["params"],
            environment=fill.environment, trigger_by=fill.trigger_by, run_date=day["run_date"], folders=fill.folders,
            resume_of=earlier or None, backfill_id=fill.backfill_id, backfill_day=position + 1, backfill_days=len(fill.days)))
        change["run_id"] = run.run_id
        return run.run_id

    @staticmethod
    def _one(connection: Connection, tenant: str, backfill_id: str) -> Backfill:
        asked = select(*_COLUMNS).where(backfills.c.tenant_id == tenant, backfills.c.backfill_id == backfill_id)
        row = connection.execute(asked).one_or_none()
        if row is None:
            raise MissingError(f"there is no backfill {backfill_id!r}")
        return _backfill(row)

    def _duplicate(self, tenant: str, pipeline_id: str) -> DuplicateBackfill:
        found = self.find(tenant, pipeline_id=pipeline_id, status="RUNNING", limit=1)
        return DuplicateBackfill(pipeline_id, found[0].backfill_id if found else "another one")


def _day(fill: Backfill) -> str:
    day = date.fromisoformat(fill.days[fill.position]["run_date"])
    return f"day {fill.position + 1} of {len(fill.days)} ({day.day} {day:%B %Y})"


def _backfill(row: Row[Any]) -> Backfill:
    return Backfill(**{**row._mapping, "days": tuple(row.days), "folders": tuple(row.folders)})
