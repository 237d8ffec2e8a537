"""What the app costs and how it feels: a chat turn, a panel switch, and 20 tabs with one action a second each, over the real protocol.

    python benchmarks/bench_app.py [--tabs 20] [--seconds 15]

CPU is that of the app's process alone, which holds on a busy machine too; times of many tabs hold on a quiet one only.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from measure import ROOT, heading, middle, tell
from tab import Tab

from flows.insight.sample import ensure_sample
from flows.settings import Settings
from flows.store import NewRun, open_store

SENTENCE = ("Daily revenue by country: join orders with customers, keep only paid orders, sum amount per day and country, "
            "into mart.daily_revenue partitioned by day, every day at 2 AM, retry 3 times")
DONE = "Nothing has run yet"
VIEWS = ("Graph", "Spec", "Preview")
MIX = ("panel switch",) * 4 + ("rerun",) * 2 + ("other page",) * 3 + ("message",)
SWITCHES, RERUNS, RUNS = 12, 40, 20
MEDIAN_MS, TAIL_MS, CPU_MS, SWITCH_MS, TURN_SECONDS = 300, 600, 20, 100, 0.5
WARM = 3.0  # seconds: the app makes itself ready beside the first page
TICKS = os.sysconf("SC_CLK_TCK")


def fill(home: Path) -> None:
    """The small sample shop and some runs that are over."""
    settings = Settings.load(home=home)
    settings.make_home()
    with open_store(settings.control_url) as store:
        ensure_sample(settings, store, scale=0.01)
        for number in range(RUNS):
            steps = [(f"step_{n}", f"Step {n}", "generic.wait", n) for n in range(4)]
            spec = {"pipeline_id": f"orders-{number % 5}", "name": f"Orders {number % 5}",
                    "steps": [{"step_id": step, "ps_type": ps_type, "config": {"seconds": 0}} for step, _, ps_type, _ in steps]}
            run = store.runs.submit(NewRun(tenant_id=settings.tenant_id, pipeline_id=spec["pipeline_id"], spec=spec, trigger_by="python",
                                           run_date="2025-11-15"), owner="bench", lease_seconds=60)
            store.runs.begin(run.run_id, "bench")
            store.steps.plan(run.run_id, steps)
            for step, *_ in steps:
                store.steps.update(run.run_id, step, status="SUCCESS", attempts=1, started_at=run.created_at, ended_at=run.created_at,
                                   rows_processed=100 * number)
            store.runs.finish(run.run_id, "SUCCESS" if number % 4 else "FAILED", "" if number % 4 else "step_3: no such table")


@contextmanager
def serve(home: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The app as `penstock up` starts it, on a free port, with its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address, log = f"http://127.0.0.1:{port}", home / "app.log"
    args = [sys.executable, "-m", "streamlit", "run", "app/asgi.py", "--server.port", str(port), "--server.address", "127.0.0.1",
            "--server.fileWatcherType", "none", "--server.headless", "true"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")} | {"PENSTOCK_HOME": str(home)}
    started = time.perf_counter()
    with log.open("wb") as out:
        child = subprocess.Popen(args, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        while not answers(f"{address}/healthz"):
            if child.poll() is not None or time.perf_counter() - started > 120:
                raise RuntimeError(log.read_text()[-2000:])
            time.sleep(0.05)
        tell("app process to /healthz", f"{time.perf_counter() - started:.1f} s")
        yield child, address
    finally:
        child.terminate()
        child.wait(30)


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def cpu_ms(pid: int) -> float:
    """User and system time of a process with all its threads, in ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / TICKS


def memory_mb(pid: int) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


async def talk(address: str) -> tuple[Tab, float]:
    """A new chat with a ready draft; seconds from the message to the reply on the page."""
    tab = await Tab.open(address)
    started = time.perf_counter()
    await tab.say(tab.find("chat_input"), SENTENCE)
    await tab.wait_for(DONE)
    seconds = time.perf_counter() - started
    await tab.wait_for_rest()  # its preview is read as well
    return tab, seconds


async def act(tab: Tab, kind: str, turn: int) -> float:
    if kind == "rerun":
        return await tab.rerun()
    if kind == "other page":
        return await tab.go("" if tab.page == tab.pages["runs"] else "runs")
    if tab.page == tab.pages["runs"]:
        await tab.go("")
    if kind == "message":
        return await tab.say(tab.find("chat_input"), "what failed yesterday?")
    key = tab.find("button_group", *VIEWS)
    names = [name for name in tab.options(key) if any(view in name for view in VIEWS)]
    return await tab.choose(key, names[turn % len(names)])


async def person(tab: Tab, number: int, seconds: float, taken: dict[str, list[float]]) -> None:
    """One action a second, at a second of its own; a late answer makes the next action late, as with a person."""
    chance = random.Random(number)
    await asyncio.sleep(chance.random())
    until = time.perf_counter() + seconds
    turn = 0
    while (now := time.perf_counter()) < until:
        kind = chance.choice(MIX)
        taken.setdefault(kind, []).append(await act(tab, kind, turn))
        turn += 1
        await asyncio.sleep(max(0.0, now + 1 - time.perf_counter()))


def tail(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]


async def cost(pid: int, tab: Tab, what: str) -> None:
    """What one full rerun of this page costs the server, nobody else being there."""
    await tab.rerun()
    before = cpu_ms(pid)
    for _ in range(RERUNS):
        await tab.rerun()
    each = (cpu_ms(pid) - before) / RERUNS
    tell(f"server CPU of a full rerun, {what}", f"{each:.1f} ms", f"target {CPU_MS} ms", each < CPU_MS)


async def costs(pid: int, tab: Tab) -> None:
    """The same for each view of the panel and for the Runs page; back in the chat afterwards."""
    key = tab.find("button_group", *VIEWS)
    for name in tab.options(key):
        await tab.choose(key, name)
        await cost(pid, tab, f"Chat, {name.rpartition(' ')[2]}")
    await tab.go("runs")
    await cost(pid, tab, "Runs")
    await tab.go("")


async def measure(pid: int, address: str, tabs: int, seconds: float) -> None:
    started = time.perf_counter()
    first = await Tab.open(address)
    tell("first page, nothing warm", f"{(time.perf_counter() - started) * 1000:.0f} ms")
    await asyncio.sleep(WARM)
    await cost(pid, first, "Chat, the first question")
    await first.close()
    people, turns = [], []
    for _ in range(tabs):
        tab, took = await talk(address)
        people.append(tab)
        turns.append(took)
    tell("chat turn: text sent to reply, the first", f"{turns[0]:.2f} s")
    half = middle(turns[1:] or turns)
    tell("chat turn, median of the others", f"{half:.2f} s", f"target {TURN_SECONDS} s", half < TURN_SECONDS)
    switches = [await act(people[0], "panel switch", turn) for turn in range(SWITCHES)]
    half = middle(switches) * 1000
    tell("panel switch, one tab, median", f"{half:.0f} ms", f"target {SWITCH_MS} ms", half < SWITCH_MS)
    await costs(pid, people[0])
    cpu, memory = cpu_ms(pid), memory_mb(pid)
    reruns = sum(tab.reruns for tab in people)
    taken: dict[str, list[float]] = {}
    await asyncio.gather(*(person(tab, number, seconds, taken) for number, tab in enumerate(people)))
    spent, reruns = cpu_ms(pid) - cpu, sum(tab.reruns for tab in people) - reruns
    everything = [value for values in taken.values() for value in values]
    heading(f"{tabs} tabs, one action a second each, {seconds:.0f} s")
    for kind, values in sorted(taken.items()):
        tell(f"{kind} ({len(values)})", f"{middle(values) * 1000:.0f} / {tail(values) * 1000:.0f} ms", "median / 95 %")
    half, most, each = middle(everything) * 1000, tail(everything) * 1000, spent / max(len(everything), 1)
    tell(f"all {len(everything)} actions, median", f"{half:.0f} ms", f"target {MEDIAN_MS} ms", half < MEDIAN_MS)
    tell("all actions, 95 %", f"{most:.0f} ms", f"target {TAIL_MS} ms", most < TAIL_MS)
    tell(f"server CPU of an action, its polls included ({reruns} reruns)", f"{each:.1f} ms")
    tell("memory of the app, before and after", f"{memory:.0f} / {memory_mb(pid):.0f} MB")
    for tab in people:
        await tab.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tabs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=15)
    asked = parser.parse_args()
    heading("the app, over its websocket")
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder))
        with serve(Path(folder)) as (child, address):
            asyncio.run(measure(child.pid, address, asked.tabs, asked.seconds))


if __name__ == "__main__":
    sys.exit(main())
