"""The steps of a run, as the run book shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, or_, select, type_coerce, update

from flows.errors import InputError, MissingError
from flows.store.database import Database
from flows.store.rows import OPEN, STEP_OPEN, StepRow
from flows.store.schema import runs, steps

_COLUMNS = [steps.c[name] for name in StepRow.__dataclass_fields__]
_FIELDS = ("status", "attempts", "started_at", "ended_at", "rows_processed", "error", "result")
_FRESH = {"status": "PENDING", "attempts": 0, "started_at": None, "ended_at": None, "rows_processed": None, "error": "", "result": None}
_CHANGE = update(steps).where(steps.c.run_id == bindparam("of_run"), steps.c.step_id == bindparam("of_step"))


class Steps:
    """Steps by run; a run's id comes from a run that was read with its tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def plan(self, run_id: str, planned: Sequence[tuple[str, str, str, int]]) -> None:
        """Write the steps (step_id, name, ps_type, position) as PENDING. Again, for a run that is taken up anew: steps that ended
        or wait stay as they are, those at work and those that were stopped start afresh. Raises MissingError for a run that is not
        there."""
        if not planned:
            return
        rows = [{"run_id": run_id, "step_id": step_id, "name": name, "ps_type": ps_type, "position": position, **_FRESH}
                for step_id, name, ps_type, position in planned]
        made = self._database.insert(steps)
        again = made.on_conflict_do_update(
            index_elements=["run_id", "step_id"], where=or_(*(steps.c.status == name for name in ("RUNNING", "RETRYING", "CANCELLED"))),
            set_={name: made.excluded[name] for name in ("name", "ps_type", "position", *_FRESH)})
        with self._database.write() as connection:
            if connection.execute(select(runs.c.seq).where(runs.c.run_id == run_id)).scalar() is None:
                raise MissingError(f"there is no run {run_id!r}")
            connection.execute(again, rows)

    def update(self, run_id: str, step_id: str, **fields: Any) -> bool:
        """Set status, attempts, started_at, ended_at, rows_processed, error or result.

        False when the run is final: what a lost process still says comes too late. Raises MissingError for an unknown step.
        """
        return self.update_all(run_id, {step_id: fields})

    def update_all(self, run_id: str, changes: Mapping[str, Mapping[str, Any]]) -> bool:
        """The same for several steps (by step_id), all of them in one transaction or none."""
        alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for step_id, fields in changes.items():
            unknown = sorted(set(fields) - set(_FIELDS))
            if unknown or not fields:
                raise InputError(f"a step has no {', '.join(unknown) or 'field to set'}", fix=f"Use {', '.join(_FIELDS)}")
            alike.setdefault(tuple(sorted(fields)), []).append({"of_run": run_id, "of_step": step_id, **fields})
        run = select(runs.c.status).where(runs.c.run_id == run_id).with_for_update(read=True)  # it does not end while we write
        with self._database.write() as connection:
            if connection.execute(run).scalar() not in OPEN:
                _known(connection, run_id, changes)
                return False
            for rows in alike.values():
                if connection.execute(_CHANGE, rows).rowcount != len(rows):
                    _known(connection, run_id, changes)
        return True

    def of(self, run_id: str) -> list[StepRow]:
        """In the order of the plan; none for a run that has not begun."""
        asked = select(*_COLUMNS).where(steps.c.run_id == run_id).order_by(steps.c.position, steps.c.step_id)
        with self._database.read() as connection:
            return [StepRow(**row._mapping) for row in connection.execute(asked)]


    def glance(self, run_id: str) -> list[tuple[str, str, int, dict[str, Any] | None]]:
        """(step_id, status, attempts, result) in the same order, the result only of steps at work: a look that costs little, for who
        wants to know whether something changed."""
        at_work = case((steps.c.status == "RUNNING", steps.c.result), else_=None)
        asked = select(steps.c.step_id, steps.c.status, steps.c.attempts, type_coerce(at_work, steps.c.result.type))
        with self._database.read() as connection:
            rows = connection.execute(asked.where(steps.c.run_id == run_id).order_by(steps.c.position, steps.c.step_id))
            return [(step_id, status, attempts, result) for step_id, status, attempts, result in rows]


def reopen_steps(connection: Connection, run_id: str) -> None:
    """Steps that were at work in a run that is taken up again wait, and keep count of the tries that failed: the try that was lost
    with its process is none of them."""
    tries = case((and_(steps.c.status == "RUNNING", steps.c.attempts > 0), steps.c.attempts - 1), else_=steps.c.attempts)
    at_work = and_(steps.c.run_id == run_id, steps.c.status.in_(("RUNNING", "RETRYING")))
    connection.execute(update(steps).where(at_work).values(status="PENDING", attempts=tries, result=None))


def _known(connection: Connection, run_id: str, step_ids: Iterable[str]) -> None:
    """Raises MissingError for the first step that the run does not have."""
    there = set(connection.execute(select(steps.c.step_id).where(steps.c.run_id == run_id)).scalars())
    for step_id in step_ids:
        if step_id not in there:
            raise MissingError(f"run {run_id!r} has no step {step_id!r}")


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
