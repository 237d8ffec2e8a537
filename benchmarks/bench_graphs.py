"""What our own part of a run costs: graphs of empty steps, walked by a run and by bare Prefect tasks, in turns, on one real Prefect
server. Each walk has a process of its own, forked from a warm server as the runner does it.

Bare is a lean way to do it in Prefect: one async task with an empty body, awaited in the event loop as soon as what it waits for has
ended, with the same edges as `wait_for` (the states of the tasks, as Prefect's documents have it), and nothing printed to the terminal.
Ours is all of a run: what a run's process does, with the real control store, run log and run book. A walk is timed inside its flow: from
the flow's first line to its last, ours to the run being final in the control store. At that very moment all rows and the log are looked
at. Wall time is what counts; processor time of the process (all of its threads) says more on a machine that does other things, too.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_run import up
from measure import heading, middle, tell

from flows.run.env import one_authority
from flows.run.runlog import read_log
from flows.settings import Settings
from flows.store import NewRun, Store, open_store

ROUNDS = {"fan": 9, "mixed": 3}
TARGET = 1.2
SEED = 20251115
SETTLE_SECONDS = 120.0
OWNER = "bench"

Graph = dict[str, list[str]]  # step -> what it waits for, parents first


def fan(leaves: int = 100) -> Graph:
    """All side by side."""
    return {f"leaf_{n}": [] for n in range(leaves)}


def mixed(size: int = 1000) -> Graph:
    """Ten chains of 20, ten fans of 28 leaves with their joins, and the rest at random below one to three of the steps before."""
    graph: Graph = {}
    for chain in range(10):
        for link in range(20):
            graph[f"chain_{chain}_{link}"] = [f"chain_{chain}_{link - 1}"] if link else []
    for each in range(10):
        graph[f"head_{each}"] = [f"chain_{each}_9"]
        graph.update({f"leaf_{each}_{n}": [f"head_{each}"] for n in range(28)})
        graph[f"join_{each}"] = [f"leaf_{each}_{n}" for n in range(28)]
    dice = random.Random(SEED)
    while len(graph) < size:
        graph[f"any_{len(graph)}"] = dice.sample(list(graph)[-200:], dice.randint(1, 3))
    return graph


def spec_of(name: str, graph: Graph) -> dict[str, Any]:
    steps = [{"step_id": step, "ps_type": "generic.wait", "config": {"seconds": 0}, "depends_on": above} for step, above in graph.items()]
    return {"pipeline_id": name, "steps": steps}


@dataclass
class Walked:
    """One walk: its seconds inside the flow, and with Prefect's flow run around it; what the book did not hold at its end."""

    inside: float
    cpu: float  # inside
    whole: float
    missing: tuple[str, ...] = ()


def clocks() -> tuple[float, float]:
    """Wall and processor seconds."""
    return time.perf_counter(), time.process_time()


# ---- bare Prefect

def bare_flow() -> Callable[..., Any]:
    from prefect import allow_failure, flow, task
    from prefect.cache_policies import NO_CACHE

    @task(cache_policy=NO_CACHE, persist_result=False)
    async def empty() -> None:
        return

    @flow(name="bare", persist_result=False, validate_parameters=False)
    async def bare(graph: Graph) -> tuple[float, float]:
        started = clocks()
        done = {step: asyncio.Event() for step in graph}
        states: dict[str, Any] = {}

        async def one(step: str, above: list[str]) -> None:
            for name in above:
                await done[name].wait()
            states[step] = await empty(return_state=True, wait_for=[allow_failure(states[name]) for name in above])
            done[step].set()

        await asyncio.gather(*(one(step, above) for step, above in graph.items()))
        assert all(state.is_completed() for state in states.values())
        return tuple(now - then for now, then in zip(clocks(), started, strict=True))

    return bare


def walk_bare(graph: Graph) -> Walked:
    from prefect.logging.handlers import PrefectConsoleHandler

    for log in ("prefect", "prefect.flow_runs", "prefect.task_runs"):
        for handler in list(logging.getLogger(log).handlers):
            if isinstance(handler, PrefectConsoleHandler):
                logging.getLogger(log).removeHandler(handler)
    return asyncio.run(_walk_bare(bare_flow(), graph))


async def _walk_bare(flow: Any, graph: Graph) -> Walked:
    from prefect.context import AsyncClientContext
    from prefect.flow_engine import run_flow_async
    from prefect.states import Pending

    from flows.run.child import drain

    started = time.perf_counter()
    async with AsyncClientContext.get_or_create() as context:
        flow_run = await context.client.create_flow_run(flow, parameters={"graph": graph}, state=Pending())
        inside, cpu = await run_flow_async(flow, flow_run=flow_run, parameters={"graph": graph})
    whole = time.perf_counter() - started
    await drain()
    return Walked(inside, cpu, whole)


# ---- ours

class Eye:
    """Stands at the two ends of a walk: where the flow begins, and where `finish` has closed the run."""

    def __init__(self) -> None:
        self.begun, self.ended, self.missing = clocks(), clocks(), ("no end",)

    def watch(self) -> None:
        from flows.run import flight
        from flows.store.runs import Runs

        fly, finish = flight.fly, Runs.finish

        async def begun(*args: Any) -> Any:
            self.begun = clocks()
            return await fly(*args)

        def finished(runs: Runs, run_id: str, *args: Any, **more: Any) -> bool:
            done = finish(runs, run_id, *args, **more)
            if done:
                self.ended = clocks()
                self.missing = missing(Store(runs._database), run_id)
            return done

        flight.fly, Runs.finish = begun, finished  # type: ignore[method-assign]


def missing(store: Store, run_id: str) -> tuple[str, ...]:
    """What the run book and the log of a final run lack."""
    run, rows, lacks = store.runs.peek(run_id), store.steps.of(run_id), []
    if run.status != "SUCCESS":
        lacks.append(f"{run.status}: {run.error}")
    lacks += [row.step_id for row in rows if row.status != "SUCCESS" or row.started_at is None or row.ended_at is None]
    lines = read_log(Settings.load().home / "logs" / run.tenant_id / f"{run_id}.log", limit=10 * len(rows) + 100)
    lacks += sorted({row.step_id for row in rows} - {line.step for line in lines if line.text.startswith("ended: ")})
    if not any(line.step == "" and line.text.startswith("run ended") for line in lines):
        lacks.append("the run's last line")
    return tuple(lacks)


def walk_ours(run_id: str) -> Walked:
    """What `flows.run.child.enter` does, but for the end of the process."""
    from flows.logs import keep, own_structlog
    from flows.run.child import _fly

    settings, eye = Settings.load(), Eye()
    keep(settings)
    own_structlog()
    eye.watch()
    started = time.perf_counter()
    asyncio.run(_fly(settings, run_id, OWNER))
    return Walked(eye.ended[0] - eye.begun[0], eye.ended[1] - eye.begun[1], eye.ended[0] - started, eye.missing)


# ---- in turns

def walk(answer: Any, place: Path, kind: str, what: Any) -> None:
    """In the process of one walk. What Prefect says of each task goes where that of a run's process goes: into a file."""
    os.dup2(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND), sys.stderr.fileno())
    answer.send(walk_ours(what) if kind == "ours" else walk_bare(what))


def walked(warm: Any, place: Path, kind: str, what: Any) -> Walked:
    mine, theirs = warm.Pipe(duplex=False)
    process = warm.Process(target=walk, args=(theirs, place, kind, what))
    process.start()
    theirs.close()
    try:
        return mine.recv()
    finally:
        process.join()


def settled(api: str, tasks: int) -> None:
    """Wait until Prefect's server has written down all it was told, so that no walk works against the one before."""
    import httpx

    until = time.monotonic() + SETTLE_SECONDS
    with httpx.Client(base_url=api, timeout=60) as client:
        while client.post("/task_runs/count", json={}).json() < tasks and time.monotonic() < until:
            time.sleep(0.2)


def measure(store: Store, api: str, place: Path) -> None:
    from flows.run.supervisor import preload

    warm, tasks = multiprocessing.get_context("forkserver"), 0
    warm.set_forkserver_preload(preload())
    for name, graph in {"fan": fan(), "mixed": mixed()}.items():
        bare: list[Walked] = []
        ours: list[Walked] = []
        for turn in range(-1, ROUNDS[name]):  # the first one is not counted
            for mine in (turn % 2 == 0, turn % 2 != 0):
                run = store.runs.submit(NewRun(tenant_id="demo", pipeline_id=name, spec=spec_of(name, graph), run_date="2025-11-15"),
                                        owner=OWNER, lease_seconds=3600) if mine else None
                seen = walked(warm, place, "ours", run.run_id) if run else walked(warm, place, "bare", graph)
                if turn >= 0:
                    (ours if mine else bare).append(seen)
                tasks += len(graph)
                settled(api, tasks)
        told(name, len(graph), bare, ours)


def told(name: str, size: int, bare: list[Walked], ours: list[Walked]) -> None:
    base, mine = middle([w.inside for w in bare]), middle([w.inside for w in ours])
    ratio = middle([a.inside / b.inside for a, b in zip(ours, bare, strict=True)])
    what = f"{size} empty steps, {name}"
    tell(f"{what}: bare Prefect tasks", f"{base:.2f} s")
    tell(f"{what}: a run", f"{mine:.2f} s")
    tell(f"{what}: a run / bare, medians", f"{mine / base:.2f}", f"target {TARGET}", mine / base <= TARGET)
    each = " ".join(f"{a.inside / b.inside:.2f}" for a, b in zip(ours, bare, strict=True))
    tell(f"{what}: the same, median of {len(ours)} pairs", f"{ratio:.2f}", each)
    cpu = middle([a.cpu / b.cpu for a, b in zip(ours, bare, strict=True)])
    each = " ".join(f"{a.cpu / b.cpu:.2f}" for a, b in zip(ours, bare, strict=True))
    tell(f"{what}: processor time, median of pairs", f"{cpu:.2f}", each)
    tell(f"{what}: with the flow run around it", f"{middle([w.whole for w in ours]) / middle([w.whole for w in bare]):.2f}")
    lacks = [name for walked in ours for name in walked.missing]
    tell(f"{what}: missing in book and log at the end", str(len(lacks)), " ".join(lacks[:3]), not lacks)


def main() -> None:
    heading("graphs of empty steps: a run and bare Prefect tasks")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        parent, _ = up(home)
        try:
            with open_store(f"sqlite:///{home / 'control.sqlite'}") as store:
                api = f"{store.runners.alive()[0].info['prefect']}/api"
                os.environ.update({"PENSTOCK_HOME": str(home), "PENSTOCK_CONTROL_URL": "", "PREFECT_API_URL": api,
                                   "PREFECT_HOME": str(home / "prefect"), "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
                                   "PREFECT_API_SSL_CERT_FILE": str(one_authority(home / "prefect"))})
                measure(store, api, home / "bench.log")
        finally:
            parent.send_signal(signal.SIGINT)
            parent.wait(60)


if __name__ == "__main__":
    sys.exit(main())
