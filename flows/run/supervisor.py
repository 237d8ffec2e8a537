"""The runner: takes waiting runs from the control store, gives each a process of its own, and answers for their ends."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

import httpx

from flows.engines import registry
from flows.errors import PenstockError
from flows.logs import keep, own_structlog
from flows.run import child, reconcile
from flows.run.chores import Chores
from flows.run.ticket import new_owner, settings_of
from flows.run.worker import start_worker
from flows.settings import Settings
from flows.store import Run, open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.context import ForkServerProcess

POLL, LOOK, FILL, BEAT, LOST, RECONCILE, SWEEP = 0.1, 0.2, 0.5, 2.0, 5.0, 30.0, 600.0  # seconds
LINGER = 20.0  # how long a process may take to end after its run has
STOP_GRACE = 10.0  # how long runs may take to end when the runner stops
LAST_CHORES = 5.0  # and how long what is to be done after them
CPUS = os.cpu_count() or 1
PRELOAD = (  # all that a run imports before its first step; the engines come on top
    "flows.main", "flows.run.flight", "flows.run.child", "flows.insight.connections", "flows.insight.files",
    "flows.spec.binding", "flows.spec.template", "flows.warehouse.duckdb", "duckdb", "pyarrow.parquet", "fastapi", "graphviz",
    "anyio._backends._asyncio", "rich._emoji_codes", "prefect.client.orchestration", "prefect.events.worker", "prefect.flow_engine",
    "prefect.task_engine", "prefect.utilities.visualization", "structlog.stdlib")

log = logging.getLogger("penstock.runner")


def preload() -> list[str]:
    """The modules of the fork server, in their order."""
    return [*PRELOAD, *(f"flows.engines.{name}" for name in registry.names()), "flows.run.warm"]


@dataclass
class Child:
    """A run and its process."""

    run: Run
    process: ForkServerProcess
    told: float = 0.0  # since when it should be ending
    cancelled: bool = False


class Supervisor:
    """One runner. `api` is the address of Prefect's API."""

    def __init__(self, settings: Settings, api: str) -> None:
        self.settings, self.api = settings, api.rstrip("/")
        self.store = open_store(settings.control_url)
        self.owner, self.parent = new_owner("runner"), os.getppid()
        self.most = settings.max_runs or (2 if self.store.kind == "sqlite" else 2 * CPUS)
        self.children: dict[str, Child] = {}
        self.stopping, self.untidy = threading.Event(), threading.Event()
        self.due: dict[str, float] = {}
        self.pause = 0.0
        self.answered: float | None = None  # when Prefect did last
        self.http = httpx.Client(base_url=self.api, timeout=2)
        self.warm = multiprocessing.get_context("forkserver")
        self.warm.set_forkserver_preload(preload())
        self.worker: threading.Thread | None = None
        self.chores = Chores(settings, self.store, self.stopping)

    def run(self) -> None:
        """Work until told to stop."""
        self.safely(self.take_up)
        self.heat()
        threading.Thread(target=self.keep_tidy, name="reconciler", daemon=True).start()
        log.info("%s takes runs, %d at once", self.owner, self.most)
        while not self.stopping.is_set():
            self.safely(self.tick)
        self.end()

    def safely(self, work: Callable[[], None]) -> None:
        """A store that does not answer for a while is no reason to give up the runs."""
        try:
            work()
        except PenstockError as error:
            log.warning("%s", error)
            time.sleep(1)

    def heat(self) -> None:
        """Start the fork server, so that the first run does not wait for its imports."""
        first = self.warm.Process(target=os.getpid)
        first.start()
        first.join()

    def tick(self) -> None:
        if self.every("beat", BEAT):
            self.store.runners.beat(self.owner, self.info())
            self.chores.keep()
            if self.worker is None or not self.worker.is_alive():
                self.worker = start_worker(self.settings, self)
        self.reap()
        if self.every("look", LOOK) and self.children:
            self.look()
        if self.children and self.every("renew", self.settings.limits.lease_seconds / 4):
            self.renew()
        if self.every("fill", FILL):
            self.fill()
        if not (self.claim() and len(self.children) < self.most):
            wait([c.process.sentinel for c in self.children.values()], POLL) if self.children else self.stopping.wait(POLL)

    def info(self) -> dict[str, Any]:
        ready, now = reconcile.answers(self.http), time.monotonic()
        self.answered = now if ready else self.answered
        silent = None if self.answered is None else round(now - self.answered, 1)
        return {"pid": os.getpid(), "ready": ready, "silent": silent, "prefect": self.api.removesuffix("/api"),
                "runs": list(self.children), "most": self.most, "home": str(self.settings.home)}

    def every(self, what: str, seconds: float) -> bool:
        now = time.monotonic()
        if now < self.due.get(what, 0.0):
            return False
        self.due[what] = now + seconds
        return True

    # ---- the queue

    def fill(self) -> None:
        """Queue the next days of every backfill whose pipeline is free."""
        for backfill_id in self.store.backfills.due():
            while run_id := self.store.backfills.advance(backfill_id):
                log.info("%s goes on as %s", backfill_id, run_id)

    def claim(self) -> bool:
        """Take the oldest waiting run, if there is a place and Prefect answers."""
        if len(self.children) >= self.most or time.monotonic() < self.due.get("claim", 0.0):
            return False
        run = self.store.runs.claim(self.owner, self.settings.limits.lease_seconds)
        if run is None:
            return False
        if not reconcile.answers(self.http):
            self.put_back(run)
            return False
        self.pause = 0.0
        self.start(run)
        return True

    def start(self, run: Run) -> None:
        process = self.warm.Process(target=child.enter, args=(settings_of(self.settings, run), run.run_id, self.owner), name=run.run_id)
        process.start()
        self.children[run.run_id] = Child(run, process)
        log.info("%s of %s runs as process %s", run.run_id, run.pipeline_id, process.pid)

    def put_back(self, run: Run) -> None:
        """Prefect does not answer: everything that waits is told so, and waits on."""
        why = f"Prefect server not reachable at {self.api.removesuffix('/api')}; stored as {{}}, starts when it is back"
        waiting = [run]
        while more := self.store.runs.claim(self.owner, self.settings.limits.lease_seconds):
            waiting.append(more)
        for each in waiting:
            self.store.runs.release(each.run_id, owner=self.owner, error=why.format(each.run_id))
        self.pause = min(max(self.pause * 2, 0.25), 2.0)
        self.due["claim"] = time.monotonic() + self.pause

    # ---- the processes

    def renew(self) -> None:
        """Lengthen the leases. A run that somebody else has taken up meanwhile, since this machine stood still, must not go on here."""
        kept = self.store.runs.renew(self.owner, list(self.children), self.settings.limits.lease_seconds)
        for run_id, each in self.children.items():
            if run_id not in kept and not self.store.runs.peek(run_id).ended:
                log.warning("%s is no longer held by %s", run_id, self.owner)
                each.process.kill()

    def look(self) -> None:
        """Stop what should stop: runs that somebody cancelled and that do not end, processes that outlive their run."""
        mine = {run.run_id: run for run in self.store.runs.open(self.owner)}
        for run_id, each in self.children.items():
            run = mine.get(run_id)
            each.cancelled = each.cancelled or bool(run and run.cancel)
            if run is not None and not run.cancel:
                continue
            each.told = each.told or time.monotonic()
            grace = self.settings.limits.cancel_grace_seconds if run is not None else LINGER
            if time.monotonic() - each.told > grace:
                each.process.kill()

    def reap(self) -> None:
        """Close the books of processes that have ended."""
        for run_id, each in list(self.children.items()):
            if each.process.is_alive():
                continue
            each.process.join()
            del self.children[run_id]
            self.buried(each)

    def buried(self, each: Child) -> None:
        run, code = self.store.runs.peek(each.run.run_id), each.process.exitcode
        if code == child.NO_SERVER and run.status == "PENDING":
            self.put_back(run)
        elif not run.ended:
            status, why = ("CANCELLED", "stopped by a person") if run.cancel else ("CRASHED", f"its process ended ({_said(code)})")
            self.store.runs.finish(run.run_id, status, why, owner=self.owner)
        if code != child.DONE:
            log.warning("process of %s ended: %s", run.run_id, _said(code))
            self.untidy.set()
        each.process.close()

    # ---- order

    def keep_tidy(self) -> None:
        """The reconciler, in a thread of its own because Prefect may take a minute to answer."""
        with httpx.Client(base_url=self.api, timeout=10) as client:
            told = True
            while not self.stopping.is_set():
                self.untidy.clear()
                self.safely(self.take_up)
                if self.every("tidy", RECONCILE) or told:
                    self.safely(lambda: self.tidy(client))
                told = self.untidy.wait(LOST)

    def tidy(self, client: httpx.Client) -> None:
        if self.every("sweep", SWEEP):
            reconcile.sweep(self.settings, self.store)
        try:
            flows, tasks = reconcile.close_in_prefect(client, self.store)
        except (httpx.HTTPError, KeyError, ValueError) as error:
            log.info("Prefect does not answer yet: %s", error)
            return
        if flows or tasks:
            log.info("%d flow runs and %d task runs closed in Prefect", flows, tasks)

    def take_up(self) -> None:
        """Runs of runners that were lost go on."""
        for run in reconcile.take_up(self.store):
            log.info("the claim of %s is free again", run.run_id)

    def ask(self, each: Child) -> None:
        """The runner stops, not the person: a day of a backfill is run again later."""
        if each.run.backfill_id and not each.cancelled:
            self.store.backfills.interrupted(each.run.run_id)
        self.store.runs.ask_cancel(each.run.tenant_id, each.run.run_id)

    def stop(self, *_: object) -> None:
        self.stopping.set()

    def end(self) -> None:
        """No new runs; those at work are stopped. When it is only the parent that was lost, nobody wants them stopped: the next runner
        takes them up again."""
        self.safely(lambda: self.store.runners.gone(self.owner))
        if os.getppid() == self.parent:
            self.stop_runs()
        for each in self.children.values():
            log.warning("%s is left to the next runner: the parent of this one was lost", each.run.run_id)
            each.process.kill()
        self.chores.last(LAST_CHORES)
        log.info("%s stopped", self.owner)

    def stop_runs(self) -> None:
        for each in self.children.values():
            self.safely(partial(self.ask, each))
        until = time.monotonic() + STOP_GRACE
        while self.children and time.monotonic() < until:
            wait([c.process.sentinel for c in self.children.values()], LOOK)
            self.safely(self.reap)
            self.safely(self.look)
        for each in self.children.values():
            each.process.kill()
            each.process.join(1)
        self.safely(self.reap)


def _said(code: int | None) -> str:
    return signal.Signals(-code).name if code and code < 0 else f"exit code {code}, see logs/runner.log of Penstock's home"


def main(home: str, api: str) -> int:
    """The runner's process; ends on SIGTERM and SIGINT."""
    settings = Settings.load(home=home)
    keep(settings)
    own_structlog()
    supervisor = Supervisor(settings, api)
    signal.signal(signal.SIGTERM, supervisor.stop)
    signal.signal(signal.SIGINT, supervisor.stop)
    supervisor.run()
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1], sys.argv[2])
    sys.stderr.flush()
    os._exit(code)  # the worker's thread has nothing to say any more
