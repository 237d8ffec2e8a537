"""How many runs, steps and messages ended how and took how long, of all tenants: what is counted for monitoring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, case, func, select

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
    """Counts in SQL. What is settled is counted once: the next time only what came after is read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, after: int, run_bounds: Sequence[float], step_bounds: Sequence[float], wait_bounds: Sequence[float]) -> Count:
        """Everything behind the run number `after` (0: from the beginning), as it stands at one moment. Bounds are in seconds."""
        with self._database.read() as connection:
            edge = max(after, self._edge(connection))
            old, new = (runs.c.seq > after, runs.c.seq <= edge), (runs.c.seq > edge,)
            waiting, opened = connection.execute(
                select(func.coalesce(func.sum(case((runs.c.status == "PENDING", 1), else_=0)), 0), func.count()).where(is_open)).one()
            alive = select(func.count()).where(runners.c.beat_at >= self._database.now(-ALIVE_SECONDS))
            told = select(messages.c.channel, messages.c.status, func.count()).where(messages.c.status != "WAITING").group_by(
                messages.c.channel, messages.c.status)
            return Count(
                edge=edge, waiting=waiting, open=opened, runners=connection.execute(alive).scalar_one(),
                messages={(row[0], row[1]): row[2] for row in connection.execute(told)},
                settled_runs=self._runs(connection, old, run_bounds, wait_bounds) if edge > after else {},
                settled_steps=self._steps(connection, old, step_bounds) if edge > after else {},
                runs=self._runs(connection, new, run_bounds, wait_bounds), steps=self._steps(connection, new, step_bounds))

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
