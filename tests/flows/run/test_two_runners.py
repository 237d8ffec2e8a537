"""Two runners on one control store on PostgreSQL and one Prefect server: each run once, and what one of them loses the other takes up."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from flows.run.up import Up
from flows.settings import Settings
from flows.store import NewRun, open_store
from tests.servers import die_with_parent, free_port

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.xdist_group("prefect"), pytest.mark.timeout(300)]

RUNS = 10


def wait(step_id, seconds, **more):
    return {"step_id": step_id, "ps_type": "generic.wait", "config": {"seconds": seconds}, **more}


class Pair:
    """A Prefect server and two runners, as `penstock up` starts them."""

    def __init__(self, home: Path, url: str) -> None:
        home.mkdir()
        self.settings = Settings(home=home, control_url=url, folders=(home,), max_runs=4, prefect_url=f"http://127.0.0.1:{free_port()}")
        self.store, self.out, self.born = open_store(url), (home / "out.txt").open("wb"), []
        self.parts = Up(replace(self.settings, prefect_url=""), self.store, print, lambda *_: None, True, False)
        server = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", self.settings.prefect_url.rsplit(":", 1)[1]]
        self.start(server, self.parts.server_env())
        self.until(self.answers, 120)

    def start(self, arguments, env):
        self.born.append(subprocess.Popen([sys.executable, *arguments], env=dict(env), stdout=self.out, stderr=self.out,
                                          start_new_session=True, preexec_fn=die_with_parent))
        return self.born[-1]

    def runner(self):
        env = {**self.parts.runner_env(), "PREFECT_API_URL": f"{self.settings.prefect_url}/api"}
        return self.start(["-m", "flows.run.supervisor", str(self.settings.home), f"{self.settings.prefect_url}/api"], env)

    def answers(self):
        try:
            return httpx.get(f"{self.settings.prefect_url}/api/health").status_code == 200
        except httpx.HTTPError:
            return False

    def until(self, true, seconds=120):
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, (self.settings.home / "out.txt").read_text()[-2000:]
            time.sleep(0.1)

    def submit(self, pipeline, *steps):
        spec = {"pipeline_id": pipeline, "steps": list(steps)}
        return self.store.runs.submit(NewRun(tenant_id="demo", pipeline_id=pipeline, spec=spec, run_date="2025-11-15",
                                             folders=[str(f) for f in self.settings.folders])).run_id

    def owner(self, run_id):
        """The process that holds or held it."""
        return int(self.store.runs.peek(run_id).owner.split(":")[1])

    def at_work(self, run_ids, step_id):
        return [run_id for run_id in run_ids if any(
            s.step_id == step_id and s.status == "RUNNING" for s in self.store.steps.of(run_id))]

    def stop(self):
        for process in reversed(self.born):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)
        self.out.close()
        self.store.dispose()


@pytest.fixture
def pair(tmp_path, postgres_url):
    built = Pair(tmp_path / "home", postgres_url)
    yield built
    built.stop()


def test_two_runners_share_the_queue_and_the_lost_runs_of_one_go_on_in_the_other(pair):
    first, second = pair.runner(), pair.runner()
    pair.until(lambda: sum(bool(r.info.get("ready")) for r in pair.store.runners.alive()) == 2)
    asked = [pair.submit(f"p{n}", wait("a", 0.1)) for n in range(RUNS)]
    pair.until(lambda: not pair.store.runs.open(), 200)
    runs = [pair.store.runs.peek(run_id) for run_id in asked]
    assert [(run.status, run.attempt) for run in runs] == [("SUCCESS", 1)] * RUNS
    assert {pair.owner(run_id) for run_id in asked} == {first.pid, second.pid}
    long = [pair.submit(f"long-{n}", wait("quick", 0.1, depends_on=[]), wait("slow", 8, depends_on=["quick"])) for n in range(3)]
    pair.until(lambda: pair.at_work(long, "slow"))
    lost = pair.at_work(long, "slow")[0]
    before = pair.store.steps.of(lost)[0]
    killed, other = (first, second) if pair.owner(lost) == first.pid else (second, first)
    os.kill(killed.pid, signal.SIGKILL)
    pair.until(lambda: not pair.store.runs.open())
    for run_id in long:
        run = pair.store.runs.peek(run_id)
        assert (run.status, pair.owner(run_id)) == ("SUCCESS", other.pid if run.attempt > 1 else pair.owner(run_id))
    assert pair.store.runs.peek(lost).attempt == 2
    assert pair.store.steps.of(lost)[0] == before  # what had ended is not done again
