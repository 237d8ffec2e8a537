"""The steps of a run, as the run book shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, select, update

from flows.errors import InputError, MissingError
from flows.store.database import Database
from flows.store.rows import OPEN, STEP_OPEN, StepRow
from flows.store.schema import runs, steps

_COLUMNS = [steps.c[name] for name in StepRow.__dataclass_fields__]
_FIELDS = ("status", "attempts", "started_at", "ended_at", "rows_processed", "error", "result")
_FRESH = {"status": "PENDING", "attempts": 0, "started_at": None, "ended_at": None, "rows_processed": None, "error": "", "result": None}


class Steps:
    """Steps by run; a run's id comes from a run that was read with its tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def plan(self, run_id: str, planned: Sequence[tuple[str, str, str, int]]) -> None:
        """Write the steps (step_id, name, ps_type, position) as PENDING. Again, for a run that is taken up anew: steps that ended
        in SUCCESS keep their result, all others start afresh. Raises MissingError for a run that is not there."""
        if not planned:
            return
        rows = [{"run_id": run_id, "step_id": step_id, "name": name, "ps_type": ps_type, "position": position, **_FRESH}
                for step_id, name, ps_type, position in planned]
        made = self._database.insert(steps)
        again = made.on_conflict_do_update(
            index_elements=["run_id", "step_id"], where=steps.c.status != "SUCCESS",
            set_={name: made.excluded[name] for name in ("name", "ps_type", "position", *_FRESH)})
        with self._database.write() as connection:
            if connection.execute(select(runs.c.seq).where(runs.c.run_id == run_id)).scalar() is None:
                raise MissingError(f"there is no run {run_id!r}")
            connection.execute(again, rows)

    def update(self, run_id: str, step_id: str, **fields: Any) -> bool:
        """Set status, attempts, started_at, ended_at, rows_processed, error or result.

        False when the run is final: what a lost process still says comes too late. Raises MissingError for an unknown step.
        """
        unknown = sorted(set(fields) - set(_FIELDS))
        if unknown or not fields:
            raise InputError(f"a step has no {', '.join(unknown) or 'field to set'}", fix=f"Use {', '.join(_FIELDS)}")
        run = select(runs.c.status).where(runs.c.run_id == run_id).with_for_update(read=True)  # it does not end while we write
        this = (steps.c.run_id == run_id, steps.c.step_id == step_id)
        with self._database.write() as connection:
            status = connection.execute(run).scalar()
            if connection.execute(select(steps.c.position).where(*this)).first() is None:
                raise MissingError(f"run {run_id!r} has no step {step_id!r}")
            if status in OPEN:
                connection.execute(update(steps).where(*this).values(fields))
            return status in OPEN

    def of(self, run_id: str) -> list[StepRow]:
        """In the order of the plan; none for a run that has not begun."""
        asked = select(*_COLUMNS).where(steps.c.run_id == run_id).order_by(steps.c.position, steps.c.step_id)
        with self._database.read() as connection:
            return [StepRow(**row._mapping) for row in connection.execute(asked)]


def close_steps(connection: Connection, run_id: str, status: str, now: ColumnElement[datetime]) -> None:
    """No step of a final run is left open: one that was at work is FAILED or CANCELLED with its run, one that waited is CANCELLED."""
    working = steps.c.status.in_(("RUNNING", "RETRYING"))
    left = {"CANCELLED": "CANCELLED"}.get(status, "FAILED")
    values = {
        "status": case((working, left), else_="CANCELLED"),
        "error": case((steps.c.error != "", steps.c.error), (working, f"the run ended ({status}) before this step did"),
                      else_=f"the run ended ({status}) before this step began"),
        "ended_at": now,
    }
    connection.execute(update(steps).where(steps.c.run_id == run_id, steps.c.status.in_(STEP_OPEN)).values(values))
