"""What is left after a SIGKILL: of the runner, of a run's process, of a plain Prefect worker, of Prefect's server, and of `penstock up`.

    python benchmarks/bench_kill.py --times 20          about 20 minutes; --only runner,server; exits with 1 on a breach

While loads of all modes, a fan of steps and a run that fails after its retries go on, one process is killed at a random moment. When
all runs of that moment have ended, it is looked whether everything is right; then it goes on with the next kill. A home's parent gives
up on a child that dies five times within ten minutes; here its window is one second, because it is killed on purpose.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
from measure import ROOT, heading, tell

from flows import Penstock
from flows.errors import DuplicateRun, PenstockError, UnreachableError
from flows.run.ledger import prefect_url
from flows.settings import Settings
from flows.store import NewRun, Run, open_store

TENANT, PORT, ROWS, DAYS = "bench", 20_000 + os.getpid() % 1000 * 20, 3000, ("2025-11-14", "2025-11-15", "2025-11-16")
KINDS = ("runner", "run", "worker", "server", "up")
SERVE = ("import sys; from flows.run import parts; parts.WINDOW = 1.0; from flows.settings import Settings; "
         "from flows.run.up import serve; sys.exit(serve(Settings.load(), app=False))")
DRAIN, START, SETTLE = 90.0, 120.0, 200.0  # seconds that the runs, a parent and Prefect's books have
AT_ONCE = 4
OPEN = ["RUNNING", "PENDING", "CANCELLING", "PAUSED"]
MODES = {"append": {}, "overwrite": {}, "merge": {"keys": ["id"]}, "replace_partition": {"partition_by": "day"}}


def step(step_id: str, ps_type: str, *above: str, **blocks: object) -> dict:
    return {"step_id": step_id, "ps_type": f"generic.{ps_type}", "depends_on": list(above), **blocks}


def wait(step_id: str, seconds: float, *above: str) -> dict:
    return step(step_id, "wait", *above, config={"seconds": seconds})


def loading(mode: str, version: int) -> list[dict]:
    """Read one version of the rows, wait a little, load them."""
    to = {"engine": "duckdb", "table": f"mart.by_{mode}", "mode": mode, **MODES[mode]}
    return [step("read", "extract", source={"path": f"rows_{version}.csv"}), wait("think", 0.5, "read"),
            step("load", "load", "read", "think", config={"input": "read"}, destination=to)]


def fan() -> list[dict]:
    return [*(wait(f"s{n}", 0.2 + 0.1 * n) for n in range(8)), wait("join", 0.1, *(f"s{n}" for n in range(8)))]


def retries() -> list[dict]:
    call = step("call", "extract", source={"connection": "dead", "endpoint": "x"},
                retry={"max_attempts": 3, "backoff_seconds": 0.5, "backoff_multiplier": 1})
    return [call, {**wait("alarm", 0.1, "call"), "trigger": "on_failure"}]


class House:
    """A home in which everything is up, its load, and what must hold in it."""

    def __init__(self, home: Path) -> None:
        self.home, self.parent, self.worker, self.breaches = home, None, None, []
        (home / "files").mkdir(parents=True)
        for version in (1, 2):
            rows = (f"{n},{DAYS[n % 3]},{version}" for n in range(ROWS))
            (home / "files" / f"rows_{version}.csv").write_text("\n".join(["id,day,version", *rows]) + "\n")
        (home / "connections.yml").write_text("dead: {url: 'http://127.0.0.1:9'}\n")
        self.settings = Settings(home=home, tenant_id=TENANT, control_url=f"sqlite:///{home / 'control.sqlite'}",
                                 folders=(home / "files",))
        self.env = {**os.environ, "PENSTOCK_HOME": str(home), "PENSTOCK_PREFECT_PORT": str(PORT), "PENSTOCK_CONTROL_URL": "",
                    "PENSTOCK_TENANT": TENANT, "PENSTOCK_MAX_RUNS": "3", "PENSTOCK_PATHS": str(home / "files")}
        self.store, self.said = open_store(self.settings.control_url), home / "said.txt"
        self.penstock = Penstock(settings=self.settings)
        self.versions, self.choice = itertools.cycle((1, 2)), random.Random(7)
        self.loaded: dict[tuple[str, str], list[tuple[Run, int]]] = {}
        self.killed: set[str] = set()
        self.count: Counter[str] = Counter()
        self.up()

    def up(self) -> None:
        with self.said.open("w") as out:
            self.parent = subprocess.Popen([sys.executable, "-u", "-c", SERVE], env=self.env, stdout=out, stderr=out, cwd=self.home,
                                           start_new_session=True)
        self.until(lambda: "penstock is up" in self.said.read_text(), START, "the parent did not come up")
        self.prefect = httpx.Client(base_url=prefect_url(self.store, self.settings) + "/api", timeout=30)

    def down(self) -> None:
        self.parent.send_signal(signal.SIGINT)
        self.parent.wait(60)

    def breach(self, what: str) -> None:
        self.breaches.append(what)
        print(f"  BREACH: {what}", flush=True)

    def until(self, true: Callable[[], object], seconds: float, what: str) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(httpx.HTTPError):  # a server that is started again
                if true():
                    return True
            time.sleep(0.1)
        self.breach(what)
        return False

    # ---- the load

    def kinds(self) -> Iterator[tuple[str, Callable[[int], list[dict]]]]:
        for mode in MODES:
            yield mode, lambda version, mode=mode: loading(mode, version)
        yield "fan", lambda version: fan()
        yield "retries", lambda version: retries()

    def feed(self) -> None:
        """As many open runs as there should be, of pipelines that are free."""
        busy = {run.pipeline_id for run in self.store.runs.open()}
        free = [(name, make) for name, make in self.kinds() if name not in busy]
        for name, make in self.choice.sample(free, max(0, min(len(free), AT_ONCE - len(busy)))):
            self.start(name, make)

    def start(self, name: str, make: Callable[[int], list[dict]]) -> Run | None:
        version, day = next(self.versions), self.choice.choice(DAYS)
        spec = {"pipeline_id": name, "steps": make(version)}
        try:
            run = self.store.runs.submit(NewRun(tenant_id=TENANT, pipeline_id=name, spec=spec, run_date=day,
                                                folders=[str(f) for f in self.settings.folders]))
        except DuplicateRun as refused:
            self.breach(f"a free pipeline is refused: {refused}")
            return None
        self.count["runs"] += 1
        if name in MODES:
            self.loaded.setdefault((name, day if name == "append" else ""), []).append((run, version))
        return run

    def go(self, seconds: float) -> None:
        """Until so many seconds after the first step has begun."""
        end, late = 0.0, time.monotonic() + DRAIN
        while time.monotonic() < (end or late):
            self.feed()
            if not end and self.at_work():
                end = time.monotonic() + seconds
            time.sleep(0.1)
        if not end:
            self.breach("no step has begun")

    def at_work(self) -> bool:
        begun = [run.run_id for run in self.store.runs.open() if run.status == "RUNNING"]
        return any(s.status == "RUNNING" for run_id in begun for s in self.store.steps.of(run_id))

    def drain(self) -> None:
        self.until(lambda: not self.store.runs.open(), DRAIN, f"not final: {[(r.run_id, r.status) for r in self.store.runs.open()]}")

    # ---- what must hold

    def check(self) -> None:
        """After all runs of a moment have ended."""
        for run in self.store.runs.find(TENANT, limit=60):
            self.judged(run)
        for (name, day), runs in self.loaded.items():
            self.slice(name, day, runs)
        self.keys()

    def judged(self, run: Run) -> None:
        steps = self.store.steps.of(run.run_id)
        left = [s.step_id for s in steps if not s.ended]
        if left or (run.status == "SUCCESS" and (len(steps) != len(run.spec["steps"]) or any(s.ended_at is None for s in steps))):
            self.breach(f"the book of {run.run_id} ({run.status}) is not complete: {left}")
        good = "FAILED" if run.pipeline_id == "retries" else "SUCCESS"
        if run.status != good and not (run.status in ("CRASHED", "CANCELLED") and run.run_id in self.killed):
            self.breach(f"{run.run_id} of {run.pipeline_id} ended {run.status}: {run.error}")
        if good == run.status == "FAILED":
            tries = {s.step_id: (s.status, s.attempts) for s in steps}
            if tries != {"call": ("FAILED", 3), "alarm": ("SUCCESS", 1)}:
                self.breach(f"{run.run_id}: {tries}")
        if run.attempt > 1 and run.run_id not in self.killed:
            self.killed.add(run.run_id)
            self.count["taken up again"] += 1

    def slice(self, name: str, day: str, runs: list[tuple[Run, int]]) -> None:
        """All rows of the last run that loaded them, or of a later one that was killed; never some of them."""
        mine = f" WHERE x_pipeline_run_date = DATE '{day}'" if day else ""
        try:
            found = self.penstock.query(f"SELECT version, COUNT(*) AS n FROM mart.by_{name}{mine} GROUP BY version").to_pylist()
        except PenstockError:
            found = []
        ends = [(self.store.runs.peek(run.run_id), version) for run, version in runs]
        done = [n for n, (run, _) in enumerate(ends) if run.status == "SUCCESS"]
        allowed = {version for _, version in (ends[done[-1]:] if done else ends)}
        if not found and not done:
            return
        if len(found) != 1 or found[0]["n"] != ROWS or found[0]["version"] not in allowed:
            self.breach(f"{name} {day}: {found} instead of {ROWS} rows of {allowed}")

    def keys(self) -> None:
        """No key twice; the manifest counts no file that nobody wrote."""
        for table in self.store.manifest.tables(TENANT, "mart"):
            key = "id, x_pipeline_run_date" if table.name == "mart.by_append" else "id"
            row = self.penstock.query(f"SELECT COUNT(*) AS n, COUNT(DISTINCT TO_JSON_STRING(STRUCT({key}))) AS keys FROM {table.name}")
            n, keys = row.to_pylist()[0].values()
            counted = sum(file.rows for file in self.store.manifest.files(TENANT, table.name))
            if not n == keys == counted:
                self.breach(f"{table.name}: {n} rows, {keys} keys, {counted} rows in the manifest")

    def settled(self) -> float:
        """Until Prefect holds nothing open of a run that has ended; seconds."""
        began = time.monotonic()
        self.until(lambda: not self.open_there(), SETTLE, "Prefect holds open what has ended")
        for what in self.open_there():
            print(f"    {what}", flush=True)
        return time.monotonic() - began

    def open_there(self) -> list[str]:
        left = []
        try:
            for kind, states in (("flow_runs", OPEN), ("task_runs", [*OPEN, "SCHEDULED"])):
                asked = {"flows": {"name": {"any_": ["run-pipeline"]}}, kind: {"state": {"type": {"any_": states}}}, "limit": 200}
                found = self.prefect.post(f"/{kind}/filter", json=asked).raise_for_status().json()
                left += [f"{kind[:-5]} {each['name']} is {each['state_name']}" for each in found if kind == "task_runs" or self.known(each)]
        except httpx.HTTPError as error:
            return [f"Prefect does not answer: {error}"]
        return left

    def known(self, flow_run: dict) -> bool:
        """One that a plain worker was killed over before its flow began has no run: Prefect keeps it as pending."""
        return bool(self.store.runs.flights([flow_run["name"]], [flow_run["id"]]))

    def booked(self) -> None:
        """The warehouse's own run book has every run once."""
        ended = len(self.store.runs.find(TENANT, limit=10_000, specs=False))
        self.until(lambda: self.rows_of_book() == ended, 60, f"x_meta_pipeline_runs has {self.rows_of_book()} of {ended} runs")

    def rows_of_book(self) -> int:
        try:
            asked = "SELECT COUNT(*) AS n, COUNT(DISTINCT pipeline_logging_id) AS runs FROM x_meta.x_meta_pipeline_runs"
            row = self.penstock.query(asked).to_pylist()[0]
        except PenstockError:
            return -1
        return int(row["n"]) if row["n"] == row["runs"] else -2

    # ---- who is killed

    def runner(self) -> int:
        alive = self.store.runners.alive()
        return int(alive[-1].info["pid"]) if alive else 0

    def ready(self, but: int) -> bool:
        return any(r.info.get("ready") and r.info["pid"] != but for r in self.store.runners.alive())

    def kill_runner(self) -> None:
        pid = self.runner()
        os.kill(pid, signal.SIGKILL)
        self.until(lambda: self.ready(pid), START, "no runner came back")

    def kill_run(self) -> None:
        """One process of a run; it stays CRASHED."""
        for run in self.store.runs.open():
            log = self.home / "logs" / TENANT / f"{run.run_id}.log"
            found = re.findall(r"process (\d+)", log.read_text()) if run.status == "RUNNING" and log.exists() else []
            if found and alive(int(found[-1])):
                self.killed.add(run.run_id)
                os.kill(int(found[-1]), signal.SIGKILL)
                return
        self.count["hit nobody"] += 1

    def kill_server(self) -> None:
        port = self.prefect.base_url.port
        for pid in pids(f"prefect server start --host 127.0.0.1 --port {port}"):
            os.kill(pid, signal.SIGKILL)
        self.until(lambda: not self.ready(0), 10, "nobody has seen that the server is gone")
        self.until(lambda: self.ready(0), START, "no server came back")

    def kill_worker(self) -> None:
        """A plain process worker of Prefect, every other time with the flows that it has started."""
        self.worker = self.worker or PlainWorker(self)
        self.worker.start_flows()
        time.sleep(self.choice.uniform(0, 3))
        self.worker.kill(whole=self.count["worker"] % 2 == 1)
        self.count["worker"] += 1

    def kill_up(self) -> None:
        """The parent itself: all it has started must end, and the next one goes on."""
        children = pids_in(self.parent.pid)
        self.parent.kill()
        self.parent.wait()
        self.until(lambda: not any(map(alive, children)), 40, "a child outlived its parent")
        self.up()


class PlainWorker:
    """`prefect worker start --type process`: it starts every flow run as a process of its own, and knows nothing of our queue."""

    def __init__(self, house: House) -> None:
        from prefect.client.orchestration import get_client
        from prefect.settings import PREFECT_API_URL, temporary_settings

        self.house, self.api, self.ours = house, str(house.prefect.base_url).rstrip("/"), list[int]()
        self.start()
        house.until(lambda: house.prefect.get("/work_pools/plain").status_code == 200, START, "the plain worker made no pool")
        with temporary_settings({PREFECT_API_URL: self.api}), get_client(sync_client=True) as client:
            self.deployment = client.create_deployment(flow_id=client.create_flow_from_name("run-pipeline"), name="plain",
                                                       entrypoint="flows.main.run_pipeline", work_pool_name="plain")

    def start(self) -> None:
        env = {**self.house.env, "PREFECT_API_URL": self.api, "PREFECT_HOME": str(self.house.home / "prefect"),
               "PREFECT_WORKER_QUERY_SECONDS": "0.5"}
        with (self.house.home / "worker.txt").open("ab") as out:
            self.process = subprocess.Popen([sys.executable, "-m", "prefect", "worker", "start", "--type", "process", "--pool", "plain"],
                                            env=env, stdout=out, stderr=out, cwd=ROOT, start_new_session=True)

    def start_flows(self) -> None:
        """One of each, and wait until the first one is at work."""
        house, before = self.house, len(self.runs())
        to = {"engine": "duckdb", "table": "mart.by_worker", "mode": "overwrite"}
        load = [step("read", "extract", source={"path": f"rows_{next(house.versions)}.csv"}), wait("think", 2, "read"),
                step("load", "load", "read", "think", config={"input": "read"}, destination=to)]
        for name, steps in (("worker-load", load), ("worker-fan", fan())):
            asked = {"parameters": {"spec": {"pipeline_id": name, "steps": steps}, "run_id": "", "environment": "local"}}
            place = f"/deployments/{self.deployment}/create_flow_run"
            house.until(lambda place=place, asked=asked: house.prefect.post(place, json=asked).is_success, 60, "no flow run could be made")
        house.until(lambda: len(self.runs()) > before and house.at_work(), START, "the plain worker has started nothing")

    def runs(self) -> list[Run]:
        return [run for run in self.house.store.runs.find(TENANT, limit=1000, specs=False) if run.trigger_by == "prefect"]

    def kill(self, *, whole: bool) -> None:
        below = pids_in(self.process.pid)
        for pid in [self.process.pid, *(below if whole else [])]:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.house.until(lambda: not any(map(alive, below)), DRAIN, "a flow of the killed worker does not end")
        self.start()

    def stop(self) -> None:
        for pid in [*pids_in(self.process.pid), self.process.pid]:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def pids(command: str) -> list[int]:
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = place.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if command in text:
            found.append(int(place.parent.name))
    return found


def pids_in(parent: int) -> list[int]:
    """All processes below this one."""
    below: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = place.read_text()
        except OSError:
            continue
        below.setdefault(int(text.rsplit(")", 1)[1].split()[1]), []).append(int(place.parent.name))
    found, todo = [], [parent]
    while todo:
        more = below.get(todo.pop(), [])
        found += more
        todo += more
    return found


def kills(house: House, kind: str, times: int) -> list[float]:
    """So many kills of one kind; seconds from each to the end of all runs of its moment."""
    took = []
    for number in range(times):
        house.go(house.choice.uniform(0.8, 3.0))
        began = time.monotonic()
        getattr(house, f"kill_{kind}")()
        house.drain()
        took.append(time.monotonic() - began)
        house.check()
        print(f"  {kind} {number + 1}/{times}: {took[-1]:.1f} s", flush=True)
    return took


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("--times", type=int, default=20, help="kills of each kind; of the parent a fifth of it")
    asked.add_argument("--only", default=",".join(KINDS), help="kinds, joined by commas")
    given = asked.parse_args()
    heading(f"SIGKILL at random moments, {given.times} of each kind")
    breaches, lines = 0, []
    for kind in given.only.split(","):
        with tempfile.TemporaryDirectory() as folder:
            house = House(Path(folder) / "home")
            times = max(1, given.times // 5) if kind == "up" else given.times
            try:
                took = kills(house, kind, times)
                settled = house.settled()
                house.booked()
            except (PenstockError, UnreachableError, httpx.HTTPError) as error:
                house.breach(f"{type(error).__name__}: {error}")
                took, settled = [0.0], 0.0
            finally:
                if house.worker:
                    house.worker.stop()
                house.down()
            breaches += len(house.breaches)
            lines.append((kind, times, house, took, settled))
    heading("kills, runs, worst and middle recovery, Prefect's books right after, breaches")
    for kind, times, house, took, settled in lines:
        what = f"{kind}: {times} kills, {house.count['runs']} runs, {house.count['taken up again']} taken up again"
        tell(what, f"{max(took):.1f} s ({sorted(took)[len(took) // 2]:.1f} s)", f"{settled:.0f} s, {len(house.breaches)} breaches",
             not house.breaches)
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
