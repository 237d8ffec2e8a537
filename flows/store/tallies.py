"""How many runs, steps and messages ended how and took how long, of all tenants: what is counted for monitoring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select

from flows.store import settled
from flows.store.database import Database
from flows.store.schema import is_open, messages, runners, runs, steps

LATE = 1000  # of the newest runs, none counts as settled: on PostgreSQL a number given earlier may be seen later
ALIVE_SECONDS = 5.0


@dataclass(frozen=True)
class Spread:
    """Durations in seconds: how many, their sum, and how many are at most each bound."""

    number: int
    seconds: float
    within: tuple[int, ...]

    def __add__(self, other: Spread) -> Spread:
        return Spread(self.number + other.number, self.seconds + other.seconds,
                      tuple(a + b for a, b in zip(self.within, other.within, strict=True)))


@dataclass(frozen=True)
class Tally:
    """Rows of one kind: how many, what they took, and of runs how long they waited; `retries` are tries after the first, of steps."""

    number: int
    took: Spread
    waited: Spread | None = None
    retries: int = 0

    def __add__(self, other: Tally) -> Tally:
        waited = self.waited + other.waited if self.waited and other.waited else None
        return Tally(self.number + other.number, self.took + other.took, waited, self.retries + other.retries)


Table = dict[tuple[str, str], Tally]


@dataclass(frozen=True)
class Count:
    """What is in the store now. `runs` by environment and status, `steps` by type and status, `messages` by channel and status. Runs
    up to the number `edge` will never change any more; `settled_runs` and `settled_steps` are those of them that were not asked for
    before."""

    edge: int
    settled_runs: Table
    settled_steps: Table
    runs: Table
    steps: Table
    waiting: int
    open: int
    runners: int
    messages: dict[tuple[str, str], int]


class Tallies:
    """Counts in SQL. What is settled is counted once: the next time, also of another process, only what came after is read."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept = 0  # up to this run the counts are kept in the store

    def take(self, after: int, run_bounds: Sequence[float], step_bounds: Sequence[float], wait_bounds: Sequence[float]) -> Count:
        """Everything behind the run number `after` (0: from the beginning), as it stands at one moment. Bounds are in seconds."""
        name, bounds = settled.mark(run_bounds, step_bounds, wait_bounds), (run_bounds, step_bounds, wait_bounds)
        whole = None
        with self._database.read() as connection:
            edge = max(after, self._edge(connection))
            if after == 0 or edge - self._kept >= settled.EVERY:
                whole, was = self._whole(connection, edge, name, bounds)
                edge = max(edge, whole.edge)
            if after == 0 and whole is not None:
                old_runs, old_steps = _read_all(whole.runs), _read_all(whole.steps)
            else:
                old_runs, old_steps = self._both(connection, after, edge, bounds)
            waiting, opened = connection.execute(
                select(func.coalesce(func.sum(case((runs.c.status == "PENDING", 1), else_=0)), 0), func.count()).where(is_open)).one()
            alive = select(func.count()).where(runners.c.beat_at >= self._database.now(-ALIVE_SECONDS))
            told = select(messages.c.channel, messages.c.status, func.count()).where(messages.c.status != "WAITING").group_by(
                messages.c.channel, messages.c.status)
            new = (runs.c.seq > edge,)
            count = Count(
                edge=edge, waiting=waiting, open=opened, runners=connection.execute(alive).scalar_one(),
                messages={(row[0], row[1]): row[2] for row in connection.execute(told)}, settled_runs=old_runs, settled_steps=old_steps,
                runs=self._runs(connection, new, run_bounds, wait_bounds), steps=self._steps(connection, new, step_bounds))
        if whole is not None:
            if whole.edge - was >= settled.EVERY:
                settled.keep(self._database, name, whole)
                was = whole.edge
            self._kept = was
        return count

    def _whole(self, connection: Connection, edge: int, name: str, bounds: Sequence[Sequence[float]]) -> tuple[settled.Kept, int]:
        """All that has settled, and up to where it was kept already: only what came after is counted."""
        kept = settled.load(connection, name) or settled.Kept(0, {}, {})
        if kept.edge >= edge:
            return kept, kept.edge
        more_runs, more_steps = self._both(connection, kept.edge, edge, bounds)
        return settled.Kept(edge, _plain_all(_added(_read_all(kept.runs), more_runs)),
                            _plain_all(_added(_read_all(kept.steps), more_steps))), kept.edge

    def _both(self, connection: Connection, after: int, edge: int, bounds: Sequence[Sequence[float]]) -> tuple[Table, Table]:
        """Runs with numbers from behind `after` up to `edge`, and their steps."""
        if edge <= after:
            return {}, {}
        which = (runs.c.seq > after, runs.c.seq <= edge)
        return self._runs(connection, which, bounds[0], bounds[2]), self._steps(connection, which, bounds[1])

    def _edge(self, connection: Connection) -> int:
        """All runs up to this number have ended."""
        newest = connection.execute(select(func.max(runs.c.seq))).scalar() or 0
        oldest = connection.execute(select(func.min(runs.c.seq)).where(is_open)).scalar()
        return max(0, min(newest - LATE, newest if oldest is None else oldest - 1))

    def _runs(self, connection: Connection, which: Sequence[ColumnElement[bool]], bounds: Sequence[float],
              waits: Sequence[float]) -> Table:
        took = self._database.seconds(runs.c.started_at, runs.c.ended_at)
        waited = self._database.seconds(runs.c.created_at, runs.c.started_at)
        asked = select(runs.c.environment, runs.c.status, func.count(), *_spread(took, bounds), *_spread(waited, waits)).where(
            *which).group_by(runs.c.environment, runs.c.status)
        wide = 2 + len(bounds)
        return {(row[0], row[1]): Tally(row[2], _read(row[3:3 + wide]), _read(row[3 + wide:])) for row in connection.execute(asked)}

    def _steps(self, connection: Connection, which: Sequence[ColumnElement[bool]], bounds: Sequence[float]) -> Table:
        took = self._database.seconds(steps.c.started_at, steps.c.ended_at)
        again = func.coalesce(func.sum(case((steps.c.attempts > 1, steps.c.attempts - 1), else_=0)), 0)
        asked = select(steps.c.ps_type, steps.c.status, func.count(), again, *_spread(took, bounds)).where(
            steps.c.run_id.in_(select(runs.c.run_id).where(*which))).group_by(steps.c.ps_type, steps.c.status)  # a join reads all steps
        return {(row[0], row[1]): Tally(row[2], _read(row[4:]), retries=row[3]) for row in connection.execute(asked)}


def _spread(took: ColumnElement[float], bounds: Sequence[float]) -> list[ColumnElement[int] | ColumnElement[float]]:
    """Clocks of two machines may differ: what ends before it begins took no time."""
    length = case((took < 0, 0.0), else_=took)
    within = [func.sum(case((length <= bound, 1), else_=0)) for bound in bounds]
    return [func.count(length), func.coalesce(func.sum(length), 0.0), *within]


def _read(row: Sequence[float]) -> Spread:
    return Spread(int(row[0]), float(row[1]), tuple(int(each) for each in row[2:]))


def _added(one: Table, other: Table) -> Table:
    return {key: one[key] + other[key] if key in one and key in other else one.get(key) or other[key] for key in {**one, **other}}


def _plain_all(table: Table) -> dict[tuple[str, str], list[Any]]:
    """As JSON keeps it."""
    def plain(spread: Spread | None) -> list[Any] | None:
        return None if spread is None else [spread.number, spread.seconds, list(spread.within)]

    return {key: [tally.number, plain(tally.took), plain(tally.waited), tally.retries] for key, tally in table.items()}


def _read_all(kept: Mapping[tuple[str, str], Sequence[Any]]) -> Table:
    def spread(row: Sequence[Any]) -> Spread:
        return Spread(row[0], row[1], tuple(row[2]))

    return {key: Tally(row[0], spread(row[1]), spread(row[2]) if row[2] else None, row[3]) for key, row in kept.items()}
