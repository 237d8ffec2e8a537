"""Schedules with a real Prefect server and a real runner: they fire by themselves, and keep what people changed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.service import Penstock
from flows.settings import Settings
from flows.store import Run
from tests.servers import die_with_parent, free_port

pytestmark = [pytest.mark.slow, pytest.mark.aside, pytest.mark.xdist_group("schedules"), pytest.mark.timeout(300)]

OFTEN = "every 3 seconds"
CODE = "from flows.settings import Settings; from flows.run.up import serve; raise SystemExit(serve(Settings.load(), app=False))"


def spec(pipeline: str, seconds: float = 0) -> dict[str, Any]:
    return {"pipeline_id": pipeline, "name": pipeline, "parameters": [{"name": "country", "default": "AT"}],
            "steps": [{"step_id": "wait", "ps_type": "generic.wait", "config": {"seconds": seconds}}]}


class House:
    """A home whose server and runner can be stopped and started again."""

    def __init__(self, home: Path) -> None:
        home.mkdir()
        self.home, self.port = home, free_port()
        self.door = Penstock(settings=Settings(home=home, control_url=f"sqlite:///{home / 'control.sqlite'}", prefect_port=self.port))
        self.store = self.door.store
        self.prefect = httpx.Client(base_url=f"http://127.0.0.1:{self.port}/api", timeout=30)

    def ask(self, method: str, place: str, content: Any = None) -> Any:
        """An answer of Prefect's, as its own client gets it: a busy server is asked again."""
        found: list[httpx.Response] = []

        def answered() -> bool:
            found.append(self.prefect.request(method, place, json=content))
            return found[-1].status_code != httpx.codes.SERVICE_UNAVAILABLE

        self.until(answered)
        return found[-1].raise_for_status().json() if found[-1].content else None

    def start(self) -> None:
        said = self.home / "said.txt"
        env = {**os.environ, "PENSTOCK_HOME": str(self.home), "PENSTOCK_PREFECT_PORT": str(self.port), "PENSTOCK_CONTROL_URL": ""}
        with said.open("w") as out:
            self.process = subprocess.Popen([sys.executable, "-u", "-c", CODE], env=env, stdout=out, stderr=out, start_new_session=True,
                                            preexec_fn=die_with_parent)
        self.until(lambda: "penstock is up" in said.read_text(), 120)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)

    def until(self, true: Callable[[], object], seconds: float = 100) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"in vain: {self.store.deployments.list('demo')}"
            time.sleep(0.1)

    def fired(self, pipeline: str, **fields: Any) -> list[Run]:
        """Runs that a schedule began, oldest first."""
        found = self.store.runs.find("demo", pipeline_id=pipeline, limit=1000)[::-1]
        return [run for run in found if run.trigger_by == "schedule" and all(getattr(run, k) == v for k, v in fields.items())]

    def live(self, pipeline: str) -> str:
        """Wait until Prefect has it; gives its id there."""
        self.until(lambda: self.door.deployment(pipeline).status == "LIVE")
        return self.door.deployment(pipeline).prefect_id

    def there(self, pipeline: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", f"/deployments/{self.live(pipeline)}")
        return found

    def waiting(self, pipeline: str) -> int:
        """Flow runs that Prefect will start."""
        wanted = {"deployments": {"id": {"any_": [self.live(pipeline)]}}, "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
        return int(self.ask("POST", "/flow_runs/count", wanted))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    built = House(tmp_path_factory.mktemp("schedules") / "home")
    built.start()
    yield built
    built.stop()
    built.prefect.close()
    built.door.close()


def test_it_fires_pauses_stays_paused_and_runs_the_old_version_after_a_rollback(house: House) -> None:
    made = house.door.deploy(spec("job"), schedule=OFTEN, params={"country": "DE"})
    house.until(lambda: house.fired("job", status="SUCCESS"))
    run = house.fired("job")[0]
    assert (run.version, run.params, run.environment) == (1, {"country": "DE"}, "local")
    assert run.due_at is not None
    assert run.due_at.timestamp() % 3 == 0
    assert run.run_date == run.due_at.date().isoformat()
    assert made.paused is False

    house.door.pause("job")
    house.until(lambda: house.there("job")["paused"] and house.waiting("job") == 0)
    house.until(lambda: not house.store.runs.find("demo", pipeline_id="job", status=("PENDING", "RUNNING")))
    stood, over = len(house.fired("job")), house.door.next_times(OFTEN)[1]
    again = house.door.deploy(spec("job", 0.01), schedule=OFTEN)
    assert (again.version, again.paused, again.next, again.params) == (2, True, [], {"country": "DE"})
    house.until(lambda: datetime.now(UTC) > over)  # two of its times go by
    assert (len(house.fired("job")), house.waiting("job")) == (stood, 0)

    house.door.resume("job")
    house.until(lambda: house.fired("job", version=2))
    back = house.door.rollback("job")
    assert (back.version, back.before, back.deployments[0].version) == (1, 2, 1)
    seen = len(house.fired("job", version=1))
    house.until(lambda: house.there("job")["parameters"]["version"] == 1)
    house.until(lambda: len(house.fired("job", version=1)) > seen)
    house.door.undeploy("job")
    house.until(lambda: house.ask("POST", "/deployments/filter", {}) == [])


def test_what_people_changed_in_prefect_survives_a_redeploy(house: House) -> None:
    house.door.deploy(spec("kept"), schedule="0 2 * * *", params={"country": "DE"})
    place = f"/deployments/{house.live('kept')}"
    foreign = {"schedule": {"cron": "30 5 * * 1", "timezone": "Europe/Vienna"}, "active": True}
    house.ask("POST", f"{place}/schedules", [foreign])
    edited = {**house.there("kept")["parameters"], "params": {"country": "CH"}}
    house.ask("PATCH", place, {"parameters": edited, "job_variables": {"env": {"EXTRA": "1"}}})
    house.ask("POST", f"{place}/pause_deployment")

    house.until(lambda: house.door.deployment("kept").paused)  # the runner looks
    assert next((row.action, row.who) for row in house.store.audit.find("demo", target="kept/local")) == ("pause", "prefect")

    house.door.deploy(spec("kept", 0.01), schedule="0 3 * * *")
    house.live("kept")
    again, there = house.door.deployment("kept"), house.there("kept")
    assert (again.paused, there["paused"], again.params) == (True, True, {"country": "CH"})
    assert sorted(each["schedule"]["cron"] for each in there["schedules"]) == ["0 3 * * *", "30 5 * * 1"]
    assert (there["parameters"]["params"], there["parameters"]["version"]) == ({"country": "CH"}, 2)
    assert there["job_variables"]["env"] == {"EXTRA": "1", "PENSTOCK_TENANT": "demo"}

    house.door.deploy(spec("kept", 0.02), params={"country": "IT"})
    assert house.there("kept")["parameters"]["params"] == {"country": "IT"}
    assert len(house.there("kept")["schedules"]) == 2


def test_a_pool_that_is_paused_or_missing_is_named(house: House) -> None:
    made = house.door.deploy(spec("nowhere"), schedule="0 2 * * *", pool="cluster")
    assert made.status != "LIVE"
    house.until(lambda: house.door.deployment("nowhere").error.startswith("There is no work pool"))
    assert house.door.deployment("nowhere").error.endswith("'cluster' in Prefect: make it: prefect work-pool create cluster.")
    house.door.undeploy("nowhere")


def test_prefect_is_told_when_it_is_back_and_again_what_it_has_lost(house: House) -> None:
    house.door.deploy(spec("lost"), schedule=OFTEN)
    before = house.live("lost")
    house.stop()
    made = house.door.deploy(spec("away"), schedule="0 2 * * *")
    assert made.status == "PENDING"
    for file in house.home.rglob("prefect.db*"):
        file.unlink()
    house.start()
    seen = len(house.fired("lost"))
    house.until(lambda: len(house.fired("lost")) > seen)
    assert house.live("lost") != before
    assert house.there("away")["schedules"]
