"""A real Prefect server and a real runner: order, retries, cancels, and what is left after a kill."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from flows.errors import DuplicateRun, InputError
from flows.run.ledger import follow, prefect_url
from flows.run.up import ensure, held, ready, serve
from flows.settings import Settings
from flows.store import NewBackfill, NewRun, open_store
from tests.servers import die_with_parent

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("prefect"), pytest.mark.timeout(300)]

WAIT = "generic.wait"


LONG = ("SELECT MAX(SHA256(CAST(a * b AS STRING))) AS n FROM UNNEST(GENERATE_ARRAY(1, 30000)) AS a, "
        "UNNEST(GENERATE_ARRAY(1, 30000)) AS b")
SPIN = """'Spin: never looks at the switch'
from flows.engines.base import EngineConfig


class Config(EngineConfig):
    'Nothing.'


def run(config, context):
    while True:
        pass
"""


def stranger(folder):
    """An installed package that brings an engine of its own: acme.spin."""
    (folder / "acme_spin-1.0.dist-info").mkdir(parents=True)
    (folder / "acme_spin-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-spin\nVersion: 1.0\n")
    (folder / "acme_spin-1.0.dist-info" / "entry_points.txt").write_text("[penstock.engines]\nacme.spin = acme_spin\n")
    (folder / "acme_spin.py").write_text(SPIN)
    return folder


class House:
    """A home in which everything is up."""

    def __init__(self, home: Path, taken: int) -> None:
        (home / "files").mkdir(parents=True)
        self.settings = Settings(home=home, control_url=f"sqlite:///{home / 'control.sqlite'}", folders=(home / "files",),
                                 prefect_port=taken)
        (home / "connections.yml").write_text("dead: {url: 'http://me:s3cr3t@127.0.0.1:9'}\n")
        self.store = open_store(self.settings.control_url)
        self.said = home / "said.txt"
        env = {**os.environ, "PYTHONPATH": str(stranger(home / "packages")), "PENSTOCK_HOME": str(home),
               "PENSTOCK_PREFECT_PORT": str(taken), "PENSTOCK_CONTROL_URL": ""}
        code = "from flows.settings import Settings; from flows.run.up import serve; raise SystemExit(serve(Settings.load(), app=False))"
        with self.said.open("w") as out:
            self.process = subprocess.Popen([sys.executable, "-u", "-c", code], env=env, stdout=out, stderr=out, start_new_session=True,
                                            preexec_fn=die_with_parent)
        self.until(lambda: "penstock is up" in self.said.read_text(), 120)
        self.prefect = httpx.Client(base_url=prefect_url(self.store, self.settings) + "/api", timeout=30)

    def until(self, true, seconds=60):
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"in vain: {self.said.read_text()}"
            time.sleep(0.1)

    def submit(self, *steps, pipeline="p", **more):
        spec = {"pipeline_id": pipeline, "steps": list(steps), **more}
        return self.store.runs.submit(NewRun(tenant_id="demo", pipeline_id=pipeline, spec=spec, run_date="2025-11-15",
                                             folders=[str(f) for f in self.settings.folders])).run_id

    def backfill(self, *steps, pipeline, days=3, at_once=1):
        spec = {"pipeline_id": pipeline, "steps": list(steps)}
        return self.store.backfills.submit(NewBackfill(
            tenant_id="demo", pipeline_id=pipeline, spec=spec, folders=[str(f) for f in self.settings.folders], at_once=at_once,
            days=[{"run_date": f"2025-11-0{n + 1}", "params": {}} for n in range(days)])).backfill_id

    def filled(self, backfill_id):
        """The backfill and its runs, oldest first, when it has ended."""
        self.until(lambda: self.store.backfills.get("demo", backfill_id).ended, 120)
        return self.store.backfills.get("demo", backfill_id), self.store.runs.find("demo", backfill_id=backfill_id)[::-1]

    def day(self, backfill_id, number, step_id):
        """The run of that day, when this step of it is at work."""
        def there():
            found = self.store.runs.find("demo", backfill_id=backfill_id, status="RUNNING")
            return [run for run in found if run.backfill_day == number and
                    any(s.step_id == step_id and s.status == "RUNNING" for s in self.store.steps.of(run.run_id))]

        self.until(there)
        return there()[0]

    def ended(self, run_id):
        """The run and its steps by id, when it has ended."""
        for snapshot in follow(self.store, "demo", run_id):
            last = snapshot
        return last.run, {s.step_id: s for s in last.steps}

    def running(self, run_id, step_id):
        self.until(lambda: any(s.step_id == step_id and s.status == "RUNNING" for s in self.store.steps.of(run_id)))

    def flow_run(self, run_id):
        return self.prefect.get(f"/flow_runs/{self.store.runs.peek(run_id).flow_run_id}").json()

    def task_runs(self, run_id):
        found = self.prefect.post("/task_runs/filter", json={"flow_runs": {"id": {"any_": [self.store.runs.peek(run_id).flow_run_id]}}})
        return {t["name"]: t for t in found.json()}

    def recorded(self, run_id, state):
        self.until(lambda: self.flow_run(run_id)["state_name"] == state)

    def pid_of(self, run_id):
        log = (self.settings.home / "logs" / "demo" / f"{run_id}.log").read_text()
        return int(re.search(r"process (\d+)", log)[1])

    def runner(self):
        self.until(lambda: self.store.runners.alive())
        return self.store.runners.alive()[-1]

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        self.prefect.close()
        self.store.dispose()


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        built = House(tmp_path_factory.mktemp("house") / "home", taken.getsockname()[1])
        yield built
        built.stop()


def wait(step_id, seconds, **more):
    return {"step_id": step_id, "ps_type": WAIT, "config": {"seconds": seconds}, **more}


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


MISSING = {"ps_type": "generic.extract", "source": {"path": "nowhere.csv"}}


def test_a_port_that_is_taken_is_said_and_the_next_one_used(house):
    assert re.search(rf"port {house.settings.prefect_port} is taken: Prefect uses \d+", house.said.read_text())


def test_a_second_parent_of_one_home_is_refused_with_the_address(house):
    with pytest.raises(InputError, match=r"penstock is already up: http://127\.0\.0\.1:\d+"):
        serve(house.settings, say=print)


def test_independent_waits_overlap(house):
    run, steps = house.ended(house.submit(wait("a", 2, depends_on=[]), wait("b", 2, depends_on=[])))
    assert run.status == "SUCCESS"
    assert steps["a"].started_at < steps["b"].ended_at
    assert steps["b"].started_at < steps["a"].ended_at


def test_a_step_starts_when_its_own_upstream_ends_not_when_a_wave_does(house):
    _, steps = house.ended(house.submit(wait("quick", 0.1, depends_on=[]), wait("slow", 3, depends_on=[]),
                                        wait("after_quick", 0.1, depends_on=["quick"]), wait("after_slow", 0.1, depends_on=["slow"])))
    assert steps["after_quick"].ended_at < steps["slow"].ended_at <= steps["after_slow"].started_at


def test_failures_skip_what_follows_and_start_what_waits_for_them(house):
    run_id = house.submit({"step_id": "read", **MISSING, "depends_on": []}, wait("load", 1), wait("alarm", 0.1, trigger="on_failure"),
                          wait("tidy", 0.1, trigger="always", depends_on=["load"]),
                          wait("whole", 0.1, trigger="on_failure", depends_on=[]))
    run, steps = house.ended(run_id)
    assert run.status == "FAILED"
    assert run.error.startswith("read failed: ")
    assert {k: s.status for k, s in steps.items()} == {"read": "FAILED", "load": "SKIPPED", "alarm": "SUCCESS", "tidy": "SUCCESS",
                                                       "whole": "SUCCESS"}
    assert steps["load"].error == "read failed"
    house.recorded(run_id, "Failed")
    house.until(lambda: {n: t["state_name"] for n, t in house.task_runs(run_id).items()} == {
        "read": "Failed", "load": "Skipped", "alarm": "Completed", "tidy": "Completed", "whole": "Completed"})


@pytest.mark.parametrize("status", ["SUCCESS", "FAILED"])
def test_the_moment_a_run_is_final_its_book_and_its_log_are_complete(house, status):
    chains = [wait(f"s{n}", 0, depends_on=[f"s{n - 6}"] if n > 5 else []) for n in range(30)]
    bad = [{"step_id": "bad", **MISSING, "depends_on": []}, wait("behind", 0, depends_on=["bad"])] if status == "FAILED" else []
    run_id = house.submit(*chains, *bad, pipeline=f"complete_{status.lower()}")
    end = time.monotonic() + 60
    while not house.store.runs.peek(run_id).ended and time.monotonic() < end:
        pass  # not a moment later
    rows, log = house.store.steps.of(run_id), (house.settings.home / "logs" / "demo" / f"{run_id}.log").read_text()
    assert house.store.runs.peek(run_id).status == status
    assert {row.step_id: row.status for row in rows} == {f"s{n}": "SUCCESS" for n in range(30)} | (
        {"bad": "FAILED", "behind": "SKIPPED"} if bad else {})
    assert [row.step_id for row in rows if row.ended_at is None or (row.started_at is None) != (row.status == "SKIPPED")] == []
    lines = [json.loads(line) for line in log.splitlines()]
    assert [line["event"] for line in lines if line["event"].startswith("run ended: ")][-1:], log
    assert {line["step_id"] for line in lines if line["event"].startswith(("ended: ", "failed, "))} == {row.step_id for row in rows}


def test_prefects_graph_names_the_parents_of_every_step(house):
    run_id = house.submit({"step_id": "read", **MISSING, "depends_on": []}, wait("side", 0.1, depends_on=[]),
                          wait("load", 0.1, depends_on=["read", "side"]))
    house.ended(run_id)
    house.recorded(run_id, "Failed")
    house.until(lambda: len(house.task_runs(run_id)) == 3)
    ids = {t["id"]: name for name, t in house.task_runs(run_id).items()}
    nodes = dict(house.prefect.get(f"/flow_runs/{house.store.runs.peek(run_id).flow_run_id}/graph-v2").json()["nodes"])
    assert {ids[p["id"]] for p in next(n for i, n in nodes.items() if ids[i] == "load")["parents"]} == {"read", "side"}


def test_every_try_is_recorded_here_and_in_prefect(house):
    dead = {"step_id": "call", "ps_type": "generic.extract", "source": {"connection": "dead", "endpoint": "x"}, "timeout_seconds": 30,
            "retry": {"max_attempts": 3, "backoff_seconds": 0.1}}
    run_id = house.submit(dead)
    run, steps = house.ended(run_id)
    assert (run.status, steps["call"].status, steps["call"].attempts) == ("FAILED", "FAILED", 3)
    house.until(lambda: house.task_runs(run_id).get("call", {}).get("state_type") == "FAILED")
    assert house.task_runs(run_id)["call"]["run_count"] == 3


def test_a_step_over_its_limit_is_stopped(house):
    run_id = house.submit(wait("long", 60, timeout_seconds=0.5))
    run, steps = house.ended(run_id)
    assert (run.status, steps["long"].status) == ("FAILED", "TIMED_OUT")
    house.until(lambda: house.task_runs(run_id).get("long", {}).get("state_name") == "TimedOut")


def test_a_cancel_ends_the_run_here_and_in_prefect(house):
    run_id = house.submit(wait("long", 60), wait("next", 1))
    house.running(run_id, "long")
    house.store.runs.ask_cancel("demo", run_id)
    run, steps = house.ended(run_id)
    assert (run.status, steps["long"].status, steps["next"].status) == ("CANCELLED", "CANCELLED", "CANCELLED")
    assert run.error == "stopped by a person"
    house.recorded(run_id, "Cancelled")


def test_a_cancel_ends_the_wait_for_the_next_try(house):
    run_id = house.submit({"step_id": "call", "ps_type": "generic.extract", "source": {"connection": "dead", "endpoint": "x"},
                           "retry": {"max_attempts": 3, "backoff_seconds": 600}})
    house.until(lambda: any(s.status == "RETRYING" for s in house.store.steps.of(run_id)))
    house.store.runs.ask_cancel("demo", run_id)
    run, steps = house.ended(run_id)
    assert (run.status, steps["call"].status, steps["call"].attempts) == ("CANCELLED", "CANCELLED", 1)


def test_a_cancel_in_prefect_ends_the_run(house):
    run_id = house.submit(wait("long", 60))
    house.running(run_id, "long")
    flow_run = house.store.runs.peek(run_id).flow_run_id
    house.prefect.post(f"/flow_runs/{flow_run}/set_state", json={"state": {"type": "CANCELLING"}}).raise_for_status()
    assert house.ended(run_id)[0].status == "CANCELLED"
    house.recorded(run_id, "Cancelled")


def test_a_cancel_ends_every_kind_of_work(house, moody, postgres_url):
    """Also that of a package which never looks at the switch: its run is over all the same, and its process is gone."""
    import psycopg

    (house.settings.home / "connections.yml").write_text(f"dead: {{url: 'http://me:s3cr3t@127.0.0.1:9'}}\nmoody: {{url: '{moody.url}'}}\n"
                                                         f"pg: {{url: '{postgres_url}'}}\n")
    read = {"ps_type": "generic.extract", "depends_on": []}
    work = [{"step_id": "sql", "ps_type": "generic.sql", "depends_on": [], "config": {"query": LONG}},
            {"step_id": "http", **read, "source": {"connection": "moody", "endpoint": "/silent/house"}},
            {"step_id": "pg", **read, "source": {"connection": "pg", "query": "SELECT 1 AS n, pg_sleep(60)::text AS t"}}]
    runs = {house.submit(*work, pipeline="hears"): ("sql", "http", "pg"),
            house.submit({"step_id": "spin", "ps_type": "acme.spin"}, pipeline="deaf"): ("spin",)}
    for run_id, names in runs.items():
        for name in names:
            house.running(run_id, name)
    with psycopg.connect(postgres_url, autocommit=True) as peer:
        ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'penstock' AND datname = current_database()"
        house.until(lambda: peer.execute(f"{ours} AND wait_event = 'PgSleep'").fetchone()[0])
        house.until(lambda: moody.at_work["/silent/house"])
        pids = [house.pid_of(run_id) for run_id in runs]
        for run_id in runs:
            house.store.runs.ask_cancel("demo", run_id)
        for run_id, names in runs.items():
            run, steps = house.ended(run_id)
            assert (run.status, {name: steps[name].status for name in names}) == ("CANCELLED", dict.fromkeys(names, "CANCELLED"))
        house.until(lambda: all(gone(pid) for pid in pids), 20)
        house.until(lambda: not moody.at_work["/silent/house"] and peer.execute(ours).fetchone()[0] == 0, 20)


def test_a_process_that_does_not_react_to_a_cancel_is_killed(house):
    run_id = house.submit(wait("long", 60))
    house.running(run_id, "long")
    pid = house.pid_of(run_id)
    os.kill(pid, signal.SIGSTOP)
    house.store.runs.ask_cancel("demo", run_id)
    run, steps = house.ended(run_id)
    assert (run.status, steps["long"].status) == ("CANCELLED", "CANCELLED")
    assert gone(pid)
    house.recorded(run_id, "Cancelled")


def test_a_second_start_while_one_runs_is_refused_with_the_first(house):
    run_id = house.submit(wait("long", 60), pipeline="twice")
    house.running(run_id, "long")
    with pytest.raises(DuplicateRun) as refused:
        house.submit(wait("long", 60), pipeline="twice")
    assert refused.value.run_id == run_id
    house.store.runs.ask_cancel("demo", run_id)
    house.ended(run_id)
    assert house.ended(house.submit(wait("short", 0.1), pipeline="twice"))[0].status == "SUCCESS"


def test_a_resumed_run_keeps_its_finished_steps(house):
    first = house.submit(wait("done", 0.1), {"step_id": "read", "ps_type": "generic.extract", "source": {"path": "late.csv"}},
                         pipeline="resume")
    assert house.ended(first)[0].status == "FAILED"
    (house.settings.folders[0] / "late.csv").write_text("a,b\n1,2\n")
    run = house.store.runs.peek(first)
    again = house.store.runs.submit(NewRun(tenant_id="demo", pipeline_id="resume", spec=run.spec, run_date=run.run_date,
                                           folders=run.folders, resume_of=first)).run_id
    _, before = house.ended(first)
    run, steps = house.ended(again)
    assert (run.status, steps["read"].status) == ("SUCCESS", "SUCCESS")
    assert steps["done"].started_at == before["done"].started_at


def test_the_log_of_a_run_has_the_trace_and_no_secret(house):
    run_id = house.submit({"step_id": "read", "ps_type": "generic.extract", "source": {"connection": "dead", "endpoint": "x"}})
    run, steps = house.ended(run_id)
    log = (house.settings.home / "logs" / "demo" / f"{run_id}.log").read_text()
    assert "s3cr3t" not in log + steps["read"].error + run.error
    assert "Traceback" in log


def test_what_prefects_own_button_starts_is_in_our_books(house):
    """A deployment that is none of ours, without a schedule: tests/flows/run/test_schedules.py has those."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    house.until(lambda: house.prefect.get("/work_pools/penstock").status_code == 200)
    spec = {"pipeline_id": "pressed", "steps": [wait("tick", 0.1)]}
    with temporary_settings({PREFECT_API_URL: str(house.prefect.base_url).rstrip("/")}), get_client(sync_client=True) as client:
        flow = client.create_flow_from_name("run-pipeline")
        deployment = client.create_deployment(
            flow_id=flow, name="pressed", entrypoint="flows.main.run_pipeline", work_pool_name="penstock",
            parameters={"spec": spec, "run_id": "", "environment": "local"}, job_variables={"env": {"PENSTOCK_TENANT": "acme"}})
        client.create_flow_run_from_deployment(deployment)
        house.until(lambda: house.store.runs.find("acme", pipeline_id="pressed", status="SUCCESS"), 90)
        client.delete_deployment(deployment)
    [run] = house.store.runs.find("acme", pipeline_id="pressed")
    assert (run.trigger_by, run.due_at) == ("prefect", None)
    house.recorded(run.run_id, "Completed")
    assert house.flow_run(run.run_id)["deployment_id"] == str(deployment)


def test_a_flow_that_something_else_starts_takes_the_same_claim(house):
    """A plain process worker, or Python: no runner has claimed the run."""
    held_by = house.submit(wait("long", 60), pipeline="plain")
    house.running(held_by, "long")
    code = ("import asyncio, sys; from flows.main import run_pipeline; spec = {'pipeline_id': 'plain', 'steps': "
            "[{'step_id': 'a', 'ps_type': 'generic.wait', 'config': {'seconds': 0.1}}]}; "
            "print(asyncio.run(run_pipeline(spec, return_state=True)).name)")
    env = {**os.environ, "PENSTOCK_HOME": str(house.settings.home), "PENSTOCK_CONTROL_URL": "", "PENSTOCK_TENANT": "demo",
           "PREFECT_API_URL": str(house.prefect.base_url).rstrip("/"), "PREFECT_HOME": str(house.settings.home / "prefect")}
    start = [sys.executable, "-c", code]
    assert subprocess.check_output(start, env=env, text=True).split()[-1] == "Refused"
    house.store.runs.ask_cancel("demo", held_by)
    house.ended(held_by)
    assert subprocess.check_output(start, env=env, text=True).split()[-1] == "Completed"
    newest = house.store.runs.find("demo", pipeline_id="plain")[0]
    assert (newest.status, newest.trigger_by) == ("SUCCESS", "prefect")


def test_a_killed_run_is_crashed_and_its_neighbour_goes_on(house):
    run_id, other = house.submit(wait("long", 60), wait("next", 1), pipeline="one"), house.submit(wait("calm", 8), pipeline="two")
    house.running(other, "calm")  # first: it is the shorter one
    house.running(run_id, "long")
    house.until(lambda: "long" in house.task_runs(run_id))  # what Prefect has not heard of before the kill, it never does
    os.kill(house.pid_of(run_id), signal.SIGKILL)
    run, steps = house.ended(run_id)
    assert (run.status, run.error) == ("CRASHED", "its process ended (SIGKILL)")
    assert (steps["long"].status, steps["next"].status) == ("FAILED", "CANCELLED")
    house.recorded(run_id, "Crashed")
    house.until(lambda: house.task_runs(run_id)["long"]["state_type"] == "CRASHED")
    assert house.ended(other)[0].status == "SUCCESS"


def test_a_run_whose_runner_was_killed_is_taken_up_again_and_leaves_no_half_table(house):
    (house.settings.folders[0] / "rows.csv").write_text("n\n" + "\n".join(map(str, range(1000))) + "\n")
    read = {"step_id": "read", "ps_type": "generic.extract", "source": {"path": "rows.csv"}, "depends_on": []}
    load = {"step_id": "load", "ps_type": "generic.load", "config": {"input": "read"}, "depends_on": ["read", "long"],
            "destination": {"engine": "duckdb", "table": "mart.rows", "mode": "overwrite"}}
    broken = {"step_id": "broken", "ps_type": "generic.extract", "source": {"path": "nowhere.csv"}, "depends_on": []}
    steps = (read, broken, wait("alarm", 0.1, depends_on=["broken"], trigger="on_failure"), wait("long", 6, depends_on=["read"]), load)
    run_id, stopped = house.submit(*steps, pipeline="kill"), house.submit(wait("long", 60), pipeline="kill-stopped")
    for name, step_id in ((run_id, "alarm"), (run_id, "long"), (stopped, "long")):
        house.until(lambda name=name, step_id=step_id: any(
            s.step_id == step_id and s.status in ("RUNNING", "SUCCESS") for s in house.store.steps.of(name)))
    house.until(lambda: any(s.step_id == "alarm" and s.status == "SUCCESS" for s in house.store.steps.of(run_id)))
    house.until(lambda: "long" in house.task_runs(run_id))
    before, first = {s.step_id: s for s in house.store.steps.of(run_id)}, house.flow_run(run_id)
    child, runner = house.pid_of(run_id), house.runner()
    os.kill(runner.info["pid"], signal.SIGSTOP)  # it does not hear of the stop any more
    house.store.runs.ask_cancel("demo", stopped)
    os.kill(runner.info["pid"], signal.SIGKILL)
    run, after = house.ended(run_id)
    assert (run.status, run.error.split(":")[0], run.attempt) == ("FAILED", "broken failed", 2)
    assert {name: s.status for name, s in after.items()} == {"read": "SUCCESS", "broken": "FAILED", "alarm": "SUCCESS", "long": "SUCCESS",
                                                             "load": "SUCCESS"}
    for step_id in ("read", "broken", "alarm"):
        assert after[step_id] == before[step_id]  # what had ended is not done again
    assert (after["long"].attempts, after["load"].rows_processed) == (1, 1000)
    assert house.store.runs.peek(stopped).status == "CANCELLED"
    assert gone(child)
    files = list((house.settings.home / "lake" / "demo" / "mart").rglob("*.parquet"))
    assert len(house.store.manifest.files("demo", "mart.rows")) == len(files) == 1
    log = (house.settings.home / "logs" / "demo" / f"{run_id}.log").read_text()
    assert "taken up again, attempt 2 of 3: its runner was lost" in log
    house.recorded(run_id, "Failed")
    second = house.flow_run(run_id)
    assert (second["name"], first["name"]) == (run_id, run_id)
    lost = house.prefect.get(f"/flow_runs/{first['id']}").json()
    assert (lost["state_type"], lost["state"]["message"]) == ("CRASHED", f"runner lost, resumed as {second['id']}")
    found = house.prefect.post("/task_runs/filter", json={"flow_runs": {"id": {"any_": [first["id"]]}}}).json()
    assert {t["name"]: t["state_type"] for t in found}["long"] == "CRASHED"


def test_a_backfill_runs_each_day_once_one_after_the_other(house):
    fill, runs = house.filled(house.backfill(wait("work", 0.2), pipeline="fill-all"))
    assert (fill.status, fill.position, fill.error) == ("DONE", 3, "")
    assert [(run.run_date, run.status, run.backfill_day, run.backfill_days) for run in runs] == [
        (f"2025-11-0{n}", "SUCCESS", n, 3) for n in (1, 2, 3)]
    assert all(before.ended_at <= after.created_at for before, after in pairwise(runs))


def test_a_stopped_backfill_stops_its_run_and_starts_no_other(house):
    backfill_id = house.backfill(wait("long", 60), pipeline="fill-stop")
    run = house.day(backfill_id, 1, "long")
    assert house.store.backfills.stop("demo", backfill_id).status == "STOPPED"
    assert house.ended(run.run_id)[0].status == "CANCELLED"
    after, _ = house.ended(house.submit(wait("short", 0.1), pipeline="fill-stop"))  # the runner has been looking round by its end
    assert after.status == "SUCCESS"
    assert [each.run_id for each in house.filled(backfill_id)[1]] == [run.run_id]


def test_a_day_that_failed_holds_the_backfill_until_somebody_lets_it_go_on(house):
    read = {"step_id": "read", "ps_type": "generic.extract", "source": {"path": "fill_{run_date}.csv"}}
    for day in (1, 3):
        (house.settings.folders[0] / f"fill_2025-11-0{day}.csv").write_text("a,b\n1,2\n")
    backfill_id = house.backfill(wait("first", 0.1), read, pipeline="fill-fail")
    fill, runs = house.filled(backfill_id)
    assert (fill.status, fill.position) == ("FAILED", 1)
    assert fill.error.startswith("day 2 of 3 (2 November 2025) failed: read failed: ")
    assert [run.status for run in runs] == ["SUCCESS", "FAILED"]
    (house.settings.folders[0] / "fill_2025-11-02.csv").write_text("a,b\n1,2\n")
    house.store.backfills.go_on("demo", backfill_id)
    fill, runs = house.filled(backfill_id)
    assert (fill.status, fill.position) == ("DONE", 3)
    assert [(run.run_date, run.status) for run in runs] == [("2025-11-01", "SUCCESS"), ("2025-11-02", "FAILED"), ("2025-11-02", "SUCCESS"),
                                                            ("2025-11-03", "SUCCESS")]
    assert runs[2].resume_of == runs[1].run_id
    first = [house.ended(run.run_id)[1]["first"] for run in runs[1:3]]
    assert first[0].started_at == first[1].started_at  # a step that had finished is kept


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
def test_a_backfill_survives_its_runner(house, number):
    backfill_id = house.backfill(wait("work", 3), pipeline=f"fill-{number.name.lower()}")
    run = house.day(backfill_id, 2, "work")
    os.kill(house.runner().info["pid"], number)
    fill, runs = house.filled(backfill_id)
    assert (fill.status, fill.position) == ("DONE", 3)
    days = [(each.run_date, each.status, each.attempt) for each in runs]
    if number == signal.SIGKILL:  # the run is taken up again
        assert days == [("2025-11-01", "SUCCESS", 1), ("2025-11-02", "SUCCESS", 2), ("2025-11-03", "SUCCESS", 1)]
    else:  # it was stopped, and its day gets another run
        assert days == [("2025-11-01", "SUCCESS", 1), ("2025-11-02", "CANCELLED", 1), ("2025-11-02", "SUCCESS", 1),
                        ("2025-11-03", "SUCCESS", 1)]
        assert runs[2].resume_of == run.run_id == runs[1].run_id


def test_days_side_by_side_survive_a_kill_and_nobody_starts_beside_them(house):
    backfill_id = house.backfill(wait("work", 3), pipeline="fill-wide", days=4, at_once=2)
    killed, beside = house.day(backfill_id, 2, "work"), house.day(backfill_id, 1, "work")
    with pytest.raises(DuplicateRun, match=beside.run_id):
        house.submit(wait("short", 0.1), pipeline="fill-wide")
    os.kill(house.pid_of(killed.run_id), signal.SIGKILL)
    fill, runs = house.filled(backfill_id)
    assert (fill.status, fill.position) == ("DONE", 4)
    assert sorted(run.run_date for run in runs if run.status == "SUCCESS") == [f"2025-11-0{n}" for n in (1, 2, 3, 4)]
    lost = [run for run in runs if run.status != "SUCCESS"]
    assert {(run.run_date, run.status) for run in lost} <= {("2025-11-02", "CRASHED")}
    spans = [(run.started_at, run.ended_at) for run in runs]
    assert any(one[0] < other[0] < one[1] for one in spans for other in spans)


def test_the_command_works_days_off_and_says_each_of_them(house):
    spec = house.settings.folders[0] / "cli.yml"
    spec.write_text("pipeline_id: fill-cli\nsteps:\n- {step_id: read, ps_type: generic.extract, "
                    "source: {query: 'select {run_date} as day'}}\n- {step_id: load, ps_type: generic.load, config: {input: read}, "
                    "destination: {table: mart.fill_cli, mode: append}}\n")
    call = [sys.executable, "-m", "flows.cli", "backfill", str(spec), "--from", "2025-11-01", "--to", "2025-11-03", "--at-once", "2"]
    env = {**os.environ, "PENSTOCK_HOME": str(house.settings.home), "PENSTOCK_CONTROL_URL": ""}
    done = subprocess.run(call, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert sorted(line.split()[1:3] for line in lines if "run-" in line) == [[f"2025-11-0{n}", "Succeeded"] for n in (1, 2, 3)]
    assert lines[-1] == "  All 3 days of it are done."


def test_a_run_outlives_prefects_server_and_one_that_is_new_waits_for_it(house):
    run_id = house.submit(wait("long", 5), wait("next", 0.1), pipeline="alone")
    house.running(run_id, "long")
    server = subprocess.check_output(["pgrep", "-f", f"prefect server start --host 127.0.0.1 --port {house.prefect.base_url.port}"])
    for pid in server.split():
        os.kill(int(pid), signal.SIGKILL)
    new = house.submit(wait("short", 0.1), pipeline="new")
    house.until(lambda: house.store.runs.peek(new).error.startswith("Prefect server not reachable at http://127.0.0.1"))
    assert house.store.runs.peek(new).status == "PENDING"
    assert house.ended(run_id)[0].status == "SUCCESS"
    run, _ = house.ended(new)
    assert (run.status, run.attempt, run.error) == ("SUCCESS", 1, "")


def test_stopping_leaves_nothing(house):
    run_id = house.submit(wait("long", 60), pipeline="last")
    house.running(run_id, "long")
    child, runner = house.pid_of(run_id), house.runner().info["pid"]
    house.process.send_signal(signal.SIGINT)
    assert house.process.wait(60) == 0
    assert house.store.runs.peek(run_id).status == "CANCELLED"
    assert gone(child)
    assert gone(runner)
    assert not held(house.settings)
    with pytest.raises(httpx.ConnectError):
        house.prefect.get("/health")


def test_callers_share_what_they_start_and_the_last_one_stops_it(house):
    settings = replace(house.settings, prefect_port=0)
    seen = []

    def call(name):
        with ensure(settings, house.store):
            seen.append(house.ended(house.submit(wait("short", 1), pipeline=name))[0].status)

    callers = [threading.Thread(target=call, args=(f"shared-{n}",)) for n in range(2)]
    for caller in callers:
        caller.start()
    house.until(lambda: ready(house.store), 120)
    assert len(house.store.runners.alive()) == 1
    for caller in callers:
        caller.join(120)
    assert seen == ["SUCCESS", "SUCCESS"]
    house.until(lambda: not held(settings), 60)
    house.until(lambda: not ready(house.store))
