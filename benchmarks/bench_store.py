"""What the control store costs: opening it, one acknowledged run, one claim; against the same writes on bare SQLite."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measure import ROOT, heading, middle, pairs, python, tell

sys.path.insert(0, str(ROOT))

from flows.store import NewRun, Store, open_store

ROUNDS = 500
WORKERS = 4
CLAIMS = """
import sys, time
from flows.store import open_store
store, taken = open_store(sys.argv[1]), 0
store.runs.find("demo")
print("ready", flush=True)
sys.stdin.readline()
while (run := store.runs.claim(sys.argv[2], 60)) is not None:
    taken += 1
print(taken, flush=True)
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/control.sqlite"
        _opening(url)
        heading(f"control store on SQLite, {ROUNDS} runs of a spec of 4 KB")
        bare = _bare(Path(folder) / "bare.sqlite")
        tell("bare sqlite3, one INSERT a transaction, median", _ms(bare))
        with open_store(url) as store:
            _writing(store, bare)
            _claiming(store, url)
    _postgres()


def _opening(url: str) -> None:
    heading("opening the control store, a new process each time")
    code = f"from flows.store import open_store; open_store({url!r})"
    tell("an empty home, with its migration", f"{python('-c', code).seconds:.2f} s")
    ours, theirs = pairs(lambda: python("-c", code), lambda: python("-c", "import sqlalchemy"), times=5)
    opened, imported = middle([s.seconds for s in ours]), middle([s.seconds for s in theirs])
    tell("a home that is there, median of 5", f"{opened:.2f} s")
    tell("  against `import sqlalchemy` alone", f"{opened / imported:.2f} x", "target 1.50 x", opened / imported <= 1.5)


def _writing(store: Store, bare: float = 0.0) -> None:
    spec = {"pipeline_id": "p", "steps": [{"step_id": f"s{n}", "text": "x" * 80} for n in range(40)]}
    submits = _timed(lambda n: store.runs.submit(NewRun("demo", f"p{n}", spec)))
    idle = _timed(lambda n: store.runs.cancel_asked("run-x"))
    tell("submit of a run, median", _ms(middle(submits)), f"{middle(submits) / bare:.0f} x bare" if bare else "")
    tell("  95 of 100 within", _ms(sorted(submits)[int(len(submits) * 0.95)]))
    tell("a look at one run, median", _ms(middle(idle)))


def _claiming(store: Store, url: str) -> None:
    alone = _timed(lambda n: store.runs.claim("me", 60), times=100)
    tell("claim, one runner, median", _ms(middle(alone)))
    workers = [subprocess.Popen([sys.executable, "-c", CLAIMS, url, f"w{n}"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                text=True, bufsize=1) for n in range(WORKERS)]
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    started = time.perf_counter()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
    taken = [int(worker.communicate()[0]) for worker in workers]
    seconds = time.perf_counter() - started
    tell(f"claims a second, {WORKERS} processes at once", f"{sum(taken) / seconds:.0f}")
    tell("  each run claimed once", f"{sum(taken)} of {ROUNDS - 100}", "", sum(taken) == ROUNDS - 100)


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
        with open_store(url) as store:
            _writing(store)
            _claiming(store, url)
    finally:
        server.close()


def _bare(path: Path) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", "CREATE TABLE runs (id INTEGER PRIMARY KEY, spec TEXT)"):
        connection.execute(statement)
    taken = _timed(lambda n: connection.execute("INSERT INTO runs (spec) VALUES (?)", ("x" * 4096,)))
    connection.close()
    return middle(taken)


def _timed(work: Callable[[int], object], *, times: int = ROUNDS) -> list[float]:
    taken = []
    for number in range(times):
        started = time.perf_counter()
        work(number)
        taken.append(time.perf_counter() - started)
    return taken


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


if __name__ == "__main__":
    sys.exit(main())
