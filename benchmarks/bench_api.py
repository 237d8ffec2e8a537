"""The REST API under load: the status of runs asked 50 times a second for a minute by 20 organisations, and 1,000 duplicate submits.

    python benchmarks/bench_api.py                  both, against the app as `penstock up` starts it
    python benchmarks/bench_api.py --cases 2000     instead: so many requests made from the OpenAPI document, good and bad

Requests start by the clock, whatever the one before does, and a time counts from when the request was due.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

import httpx
import pytest
from measure import ROOT, heading, tell

sys.path.insert(0, str(ROOT))

from flows.run import face
from flows.service import Penstock
from flows.settings import Settings
from tests.fixtures.rest import VICTIM, any_request, make
from tests.servers import die_with_parent, free_port

TENANTS, RUNS, STEPS, A_SECOND, SECONDS = 20, 50, 5, 50, 60
PROCESSES, EACH = 4, 250
TARGET_MS = 100
SUBMIT = "import sys; from tests.fixtures.rest import again; again(*sys.argv[1:])"


def fill(door: Penstock) -> list[tuple[str, str, str]]:
    """Ended runs of every tenant: (tenant, its key, run)."""
    from sqlalchemy import insert

    from flows.store.schema import runs, steps

    now, places = datetime.now(UTC), []
    for n in range(TENANTS):
        tenant = f"tenant-{n}"
        key = door.store.keys.create(tenant, "bench", "viewer")[1]
        with door.store.books._database.write() as connection:
            for k in range(RUNS):
                run_id, began = f"run-{n:04d}-{k:04d}", now - timedelta(minutes=k)
                connection.execute(insert(runs).values(
                    run_id=run_id, tenant_id=tenant, pipeline_id=f"p{k % 5}", version=1, spec={"steps": []}, params={}, environment="local",
                    trigger_by="bench", run_date=began.date().isoformat(), folders=[], error="", owner="", attempt=1, status="SUCCESS",
                    cancel=False, resume_of="", flow_run_id="", created_at=began, started_at=began, ended_at=began))
                connection.execute(insert(steps), [
                    {"run_id": run_id, "step_id": f"s{i}", "name": f"Step {i}", "ps_type": "generic.sql", "position": i,
                     "status": "SUCCESS", "attempts": 1, "started_at": began, "ended_at": began, "rows_processed": 100, "error": "",
                     "result": {"seconds": 1.0}} for i in range(STEPS)])
                places.append((tenant, key, run_id))
    return places


@contextmanager
def serving(home: Path) -> Iterator[tuple[str, int]]:
    """The app's process over this home: its address and its id."""
    port = free_port()
    with (home / "app.log").open("wb") as log:
        process = subprocess.Popen(face.command(port), env=face.env({"PENSTOCK_HOME": str(home)}), stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log, preexec_fn=die_with_parent)
    try:
        until = time.monotonic() + 120
        while not face.answers(port):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((home / "app.log").read_text()[-2000:])
            time.sleep(0.2)
        yield f"http://{face.HOST}:{port}", process.pid
    finally:
        process.terminate()
        process.wait(60)


def worked(pid: int) -> float:
    """Processor seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def load(url: str, places: list[tuple[str, str, str]], a_second: int, seconds: int) -> tuple[list[float], Counter[int]]:
    """Milliseconds from when each request was due, and the states of the answers."""
    took, seen = [], Counter[int]()
    async with httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_connections=100), timeout=30) as client:
        began = time.perf_counter()

        async def one(n: int) -> None:
            due = began + n / a_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tenant, key, run_id = places[n * 7919 % len(places)]
            answer = await client.get(f"/api/v1/pipelines/{tenant}/runs/{run_id}?logs=0", headers={"X-API-Key": key})
            took.append((time.perf_counter() - due) * 1000)
            seen[answer.status_code] += 1

        await asyncio.gather(*(one(n) for n in range(a_second * seconds)))
    return took, seen


def duplicates(home: Path) -> None:
    """The same submit from several processes, each with the whole API in it."""
    with pytest.MonkeyPatch.context() as patch:
        made = make(home, patch)
        key = made.keys["operator"]
        made.door.close()
    began = time.perf_counter()
    command = [sys.executable, "-c", SUBMIT, str(home), key, str(EACH)]
    processes = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)]
    said = [json.loads(process.communicate()[0]) for process in processes]
    ids = {run for each in said for run in each["runs"]}
    states = sum((Counter(each["statuses"]) for each in said), Counter[str]())
    with Penstock(settings=Settings(home=home, tenant_id=VICTIM, control_url=f"sqlite:///{home / 'control.sqlite'}")) as door:
        many = len(door.find_runs())
    tell(f"{PROCESSES * EACH:,} submits with one key, {PROCESSES} processes", f"{many} run, {len(ids)} id", "1 run",
         many == 1 and len(ids) == 1)
    tell("answers", ", ".join(f"{number} x {status}" for status, number in states.items()), f"{time.perf_counter() - began:.0f} s in all")


def cases(many: int) -> None:
    seen = Counter[int]()
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        made = make(Path(place), patch)
        began = time.perf_counter()
        count = any_request(made, many, seen)
        made.door.close()
    tell("requests made from the document", f"{count:,}", f"in {time.perf_counter() - began:.0f} s; none broke it", True)
    tell("answers", ", ".join(f"{number} x {status}" for status, number in sorted(seen.items())))


def main() -> None:
    if "--cases" in sys.argv:
        heading("any request gets an answer of the document")
        cases(int(sys.argv[sys.argv.index("--cases") + 1]))
        return
    heading(f"REST API: {A_SECOND} run states a second for {SECONDS} s, {TENANTS} organisations, {TENANTS * RUNS:,} runs of {STEPS} steps")
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        with Penstock(settings=Settings(home=home, control_url=f"sqlite:///{home / 'control.sqlite'}")) as door:
            places = fill(door)
        with serving(home) as (url, pid):
            asyncio.run(load(url, places, 10, 5))
            before = worked(pid)
            took, seen = asyncio.run(load(url, places, A_SECOND, SECONDS))
            spent = worked(pid) - before
    cuts = quantiles(took, n=100)
    tell("answers", ", ".join(f"{number:,} x {status}" for status, number in seen.items()), "all 200", set(seen) == {200})
    tell("median", f"{median(took):.1f} ms")
    tell("95 %", f"{cuts[94]:.1f} ms", f"target {TARGET_MS} ms", cuts[94] < TARGET_MS)
    tell("99 %", f"{cuts[98]:.1f} ms")
    tell("processor time of the server", f"{spent / len(took) * 1000:.1f} ms a request", f"{spent / SECONDS:.0%} of a core")
    with tempfile.TemporaryDirectory() as place:
        duplicates(Path(place))


if __name__ == "__main__":
    main()
