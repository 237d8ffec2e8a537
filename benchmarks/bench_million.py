"""A control store with a million runs of 20 tenants: what the list of runs, one run, the counts and the queue cost, on SQLite and
PostgreSQL. Each page must be there within 50 ms."""

from __future__ import annotations

import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest import mock

from measure import ROOT, heading, tell

sys.path.insert(0, str(ROOT))

from flows.errors import DuplicateRun
from flows.metrics import Meters
from flows.service import Penstock
from flows.settings import Settings
from flows.store import NewRun, Store, open_store

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
ONLY = sys.argv[2] if len(sys.argv) > 2 else ""  # sqlite or postgresql; both when left out
TENANTS, PIPELINES, DAYS, EACH = 20, 40, 90, 5
WITH_STEPS = 10  # one run in so many has its steps
TARGET, TIMES = 50.0, 15  # milliseconds; measurements of each question
NOW = datetime.now(UTC).replace(microsecond=0)
STATES = ["SUCCESS"] * 180 + ["FAILED"] * 14 + ["CANCELLED"] * 5 + ["CRASHED"]
RUN = ("run_id", "tenant_id", "pipeline_id", "version", "spec", "params", "environment", "trigger_by", "run_date", "folders", "status",
       "error", "owner", "lease_until", "attempt", "cancel", "resume_of", "flow_run_id", "created_at", "started_at", "ended_at", "name",
       "told", "mirrored")
NAMES = ("tenant_id", "pipeline_id", "digest", "name")
STEP = ("run_id", "step_id", "name", "ps_type", "position", "status", "attempts", "started_at", "ended_at", "rows_processed", "error",
        "result")


def spec_of(pipeline: int) -> str:
    """Some 1.5 KB, as a pipeline of five steps has."""
    steps = [{"step_id": f"s{k}", "name": f"Step {k}", "ps_type": "generic.sql", "source": {"sql": "SELECT * FROM orders WHERE x = 1"},
              "destination": {"table": f"mart.t{pipeline}_{k}"}, "variables": {"note": "n" * 80}} for k in range(EACH)]
    return json.dumps({"pipeline_id": f"pipeline-{pipeline:02d}", "name": f"Daily revenue {pipeline:02d}", "steps": steps})


def rows_of_runs() -> Iterator[tuple[Any, ...]]:
    """Oldest first, so that numbers and times agree; the newest of some pipelines wait or are at work."""
    chance, specs = random.Random(6), [spec_of(n) for n in range(PIPELINES)]
    apart = timedelta(days=DAYS) / RUNS
    for n in range(RUNS):
        tenant, pipeline = n % TENANTS, chance.randrange(PIPELINES)
        made = NOW - timedelta(days=DAYS) + apart * n
        yield (f"run-{made:%Y%m%d-%H%M%S}-{n:06x}", f"tenant-{tenant:02d}", f"pipeline-{pipeline:02d}", 1, specs[pipeline], "{}", "local",
               "schedule", f"{made:%Y-%m-%d}", "[]", chance.choice(STATES), "", "", None, 1, False, "", "", made,
               made + timedelta(seconds=1), made + timedelta(seconds=1 + chance.random() * 60), f"Daily revenue {pipeline:02d}", True, True)


def rows_of_steps() -> Iterator[tuple[Any, ...]]:
    result = json.dumps({"seconds": 1.25, "rejected": 0, "notes": ["read from orders"], "outputs": {"table": "mart.orders"}})
    for n, run in enumerate(rows_of_runs()):
        for k in range(EACH) if n % WITH_STEPS == 0 else ():
            yield (run[0], f"s{k}", f"Step {k}", "generic.sql", k, "SUCCESS" if run[10] == "SUCCESS" or k < 2 else "FAILED", 1, run[19],
                   run[20], 100 * k, "", result)


def rows_of_names() -> Iterator[tuple[Any, ...]]:
    """A store keeps them with each run that is asked for."""
    for tenant in range(TENANTS):
        for pipeline in range(PIPELINES):
            name = f"Daily revenue {pipeline:02d}"
            yield f"tenant-{tenant:02d}", f"pipeline-{pipeline:02d}", sha256(name.encode()).hexdigest(), name


def tables() -> tuple[tuple[str, tuple[str, ...], Iterator[tuple[Any, ...]]], ...]:
    return ("runs", RUN, rows_of_runs()), ("steps", STEP, rows_of_steps()), ("run_names", NAMES, rows_of_names())


def fill_sqlite(path: Path) -> None:
    """Without the way of a run, which is measured elsewhere."""
    def plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(f"{v:%Y-%m-%d %H:%M:%S.%f}" if isinstance(v, datetime) else v for v in row)

    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        for table, names, rows in tables():
            connection.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", map(plain, rows))
    connection.close()


def fill_postgres(url: str) -> None:
    import psycopg

    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        for table, names, rows in tables():
            with cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN".encode()) as copy:
                for row in rows:
                    copy.write_row(row)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")  # as its own housekeeping does after so many rows
        connection.commit()


def measure(what: str, ask: Callable[[], Any], target: float = TARGET) -> None:
    """The first time counts too: it is what somebody waits for."""
    taken, answer = [], None
    for _ in range(TIMES):
        began = time.perf_counter()
        answer = ask()
        taken.append((time.perf_counter() - began) * 1000)
    size = f", {len(answer)} rows" if isinstance(answer, list) else ""
    middle = statistics.median(taken)
    tell(what, f"{middle:.1f} ms in the middle, {min(taken):.1f} to {max(taken):.1f}{size}", f"target {target:.0f} ms", middle < target)


def lists(door: Penstock) -> None:
    """As the Runs page, the API and the command line ask: newest first, filtered, and page after page."""
    def find(**asked: Any) -> Callable[[], list[Any]]:
        return lambda: door.find_runs(limit=50, specs=False, **asked)

    everything = door.store.runs.find(door.tenant, limit=RUNS // TENANTS, specs=False)
    deep, last = everything[len(everything) // 2].run_id, everything[-60].run_id
    measure("list: first page", find())
    measure("list: first page with specs", lambda: door.find_runs(limit=50))
    measure("list: page in the middle", find(before=deep))
    measure("list: last page", find(before=last))
    measure("list: failed or crashed", find(status=["FAILED", "CRASHED"]))
    measure("list: crashed, from the middle", find(status=["CRASHED"], before=deep))
    measure("list: at work or waiting (none)", find(status=["PENDING", "RUNNING"]))
    measure("list: of one pipeline", find(pipeline_id="pipeline-07"))
    measure("list: of one pipeline, crashed", find(pipeline_id="pipeline-07", status=["CRASHED"]))
    measure("list: of one pipeline, page in the middle", find(pipeline_id="pipeline-07", before=deep))
    measure("list: of no such pipeline", find(pipeline_id="none"))
    measure("list: last 24 hours", find(since=NOW - timedelta(hours=24)))
    measure("list: last 30 days", find(since=NOW - timedelta(days=30)))
    measure("list: 60 to 30 days ago", find(since=NOW - timedelta(days=60), until=NOW - timedelta(days=30)))
    measure("list: 60 to 30 days ago, succeeded", find(since=NOW - timedelta(days=60), until=NOW - timedelta(days=30), status=["SUCCESS"]))
    measure("list: last 30 days, failed", find(since=NOW - timedelta(days=30), status=["FAILED"]))
    measure("list: one day 80 days ago", find(since=NOW - timedelta(days=80), until=NOW - timedelta(days=79)))
    measure("list: that day, crashed", find(since=NOW - timedelta(days=80), until=NOW - timedelta(days=79), status=["CRASHED"]))
    measure("list: text, in all names", find(text="revenue"))
    measure("list: text, one name", find(text="Revenue 31"))
    measure("list: text, part of a run's id", find(text=everything[-500].run_id[12:]))
    measure("list: text, found nowhere", find(text="no such thing"))
    measure("list: text and state", find(text="revenue 31", status=["CRASHED"]))


def details(door: Penstock) -> None:
    runs = door.store.runs.find(door.tenant, limit=RUNS // TENANTS, specs=False)
    ids = iter([run.run_id for run in random.Random(1).sample(runs, TIMES * 2)])
    measure("detail: one run with its steps", lambda: door.view(next(ids)).as_dict())
    measure("detail: the newest 20 with their steps", lambda: door.runs(limit=20))
    measure("detail: the newest 20 of a pipeline", lambda: door.runs(pipeline_id="pipeline-07", limit=20))
    measure("stats of the last 24 hours", lambda: door.stats(24))
    measure("stats of the last 30 days", lambda: door.stats(24 * 30))
    measure("health", door.health)


def work(store: Store) -> None:
    """What a runner asks ten times a second, and a person at each start."""
    measure("queue: nothing to claim", lambda: store.runs.claim("me", 60))
    numbers = iter(range(1000))
    measure("queue: submit", lambda: store.runs.submit(NewRun("tenant-07", f"fresh-{next(numbers)}", {"steps": []})))
    measure("queue: claim", lambda: store.runs.claim("me", 60))
    try:
        store.runs.submit(NewRun("tenant-07", "fresh-0", {"steps": []}))
    except DuplicateRun:
        tell("queue: a second run of a pipeline is refused", "yes")


def metrics(store: Store) -> None:
    """Everything is counted once; from then on only what is new."""
    meters = Meters(lambda: store)
    began = time.perf_counter()
    meters.text()
    tell("/metrics, the very first time", f"{time.perf_counter() - began:.2f} s")
    measure("/metrics, the first time of another process", lambda: Meters(lambda: store).text(), 250.0)

    def again() -> None:
        with mock.patch("flows.metrics.FRESH", -1.0):  # else one answer stands for all who ask within a second
            meters.text()

    measure("/metrics, from then on", again, 250.0)


def all_of(settings: Settings) -> None:
    with Penstock(settings=settings) as door:
        lists(door)
        details(door)
        metrics(door.store)
        work(door.store)


def main() -> None:
    if ONLY != "postgresql":
        _sqlite()
    if ONLY != "sqlite":
        _postgres()


def _sqlite() -> None:
    with tempfile.TemporaryDirectory() as place:
        heading(f"{RUNS:,} runs of {TENANTS} tenants on SQLite")
        url = f"sqlite:///{place}/control.sqlite"
        open_store(url).dispose()
        began = time.perf_counter()
        fill_sqlite(Path(place) / "control.sqlite")
        size = (Path(place) / "control.sqlite").stat().st_size / 1e9
        tell("filled", f"{time.perf_counter() - began:.0f} s, {size:.1f} GB")
        all_of(Settings(home=Path(place), control_url=url, tenant_id="tenant-07"))


def _postgres() -> None:
    from tests.fixtures.postgres import Postgres

    heading("the same on PostgreSQL (on this machine, without fsync)")
    try:
        server = Postgres()
    except OSError as error:
        tell("left out", str(error))
        return
    try:
        url = server.create()
        open_store(url).dispose()
        fill_postgres(url)
        with tempfile.TemporaryDirectory() as place:
            all_of(Settings(home=Path(place), control_url=url, tenant_id="tenant-07"))
    finally:
        server.close()


if __name__ == "__main__":
    main()
