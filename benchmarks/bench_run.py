"""How long a run takes to get going: `penstock up` from an empty home, a warm run to its first step, and steps side by side."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import heading, middle, tell

from flows.run.ledger import follow
from flows.store import NewRun, Store, open_store

TIMES = 7
SERVE = "import sys; from flows.settings import Settings; from flows.run.up import serve; sys.exit(serve(Settings.load(), app=False))"


def wait(step_id: str, seconds: float) -> dict:
    return {"step_id": step_id, "ps_type": "generic.wait", "config": {"seconds": seconds}, "depends_on": []}


def run(store: Store, name: str, *steps: dict) -> tuple[float, float]:
    """Seconds from the row to the first step at work, and to the end of the run."""
    made = store.runs.submit(NewRun(tenant_id="demo", pipeline_id=name, spec={"pipeline_id": name, "steps": list(steps)},
                                    run_date="2025-11-15"))
    for seen in follow(store, "demo", made.run_id):
        last = seen
    assert last.run.status == "SUCCESS", last.run.error
    first = min(step.started_at for step in last.steps)
    return (first - made.created_at).total_seconds(), (last.run.ended_at - made.created_at).total_seconds()


def up(home: Path) -> tuple[subprocess.Popen, float]:
    """Start everything; seconds until it says so."""
    said, started = home / "said.txt", time.perf_counter()
    env = {**os.environ, "PENSTOCK_HOME": str(home), "PENSTOCK_PREFECT_PORT": "4700", "PENSTOCK_CONTROL_URL": ""}
    with said.open("w") as out:
        parent = subprocess.Popen([sys.executable, "-u", "-c", SERVE], env=env, stdout=out, stderr=out)
    while "penstock is up" not in said.read_text():
        if parent.poll() is not None or time.perf_counter() - started > 300:
            raise RuntimeError(said.read_text())
        time.sleep(0.05)
    return parent, time.perf_counter() - started


def main() -> None:
    heading(f"runs on a real Prefect server (medians of {TIMES})")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        parent, seconds = up(home)
        tell("penstock up, from an empty home", f"{seconds:.1f} s")
        try:
            with open_store(f"sqlite:///{home / 'control.sqlite'}") as store:
                measure(store)
        finally:
            parent.send_signal(signal.SIGINT)
            parent.wait(60)
        parent, seconds = up(home)
        tell("penstock up, again", f"{seconds:.1f} s")
        parent.send_signal(signal.SIGINT)
        started = time.perf_counter()
        parent.wait(60)
        tell("all stopped", f"{time.perf_counter() - started:.1f} s")


def measure(store: Store) -> None:
    run(store, "first", wait("a", 0))
    starts, ends = zip(*(run(store, f"warm-{n}", wait("a", 0)) for n in range(TIMES)), strict=True)
    tell("warm run: row to first step RUNNING", f"{middle(starts):.2f} s", "target 0.50 s", middle(starts) < 0.5)
    tell("warm run of one empty step: row to SUCCESS", f"{middle(ends):.2f} s")
    _, both = run(store, "two", wait("a", 2), wait("b", 2))
    tell("two 2-second waits in one run: row to SUCCESS", f"{both:.2f} s", "target about 2 s", both < 3)
    _, many = run(store, "fan", *(wait(f"s{n}", 0) for n in range(50)))
    tell("50 empty steps side by side: row to SUCCESS", f"{many:.2f} s")


if __name__ == "__main__":
    sys.exit(main())
