"""Runs on a real Prefect server tell a real mail server and a real webhook how they ended; a killed runner loses nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug import Request, Response

from flows.store import open_store
from tests.fixtures.post import SECRET

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("prefect"), pytest.mark.timeout(300)]

HOOK = "/services/T0/B0/canary4711"
NOTIFY = [{"channel": "email", "target": "ops@example.com", "on": ["success", "failure"]},
          {"channel": "slack", "target": "#data", "on": ["always"]}, {"channel": "slack", "target": "#odd", "on": ["anomaly"]}]
FLAG = {"op": "flag_anomalies", "column": "cost", "threshold": 3}
STEPS = [{"step_id": "read", "ps_type": "generic.extract", "source": {"path": "costs.csv"}},
         {"step_id": "flag", "ps_type": "generic.transform", "config": {"inputs": ["read"], "operations": [FLAG]}},
         {"step_id": "load", "ps_type": "generic.load", "config": {"input": "flag"}, "destination": {"table": "mart.costs"}},
         {"step_id": "say", "ps_type": "shared.slack_notification", "trigger": "always", "config": {"channel": "#data"}}]
CHECK = {"step_id": "check", "ps_type": "generic.quality_check",
         "config": {"input": "read", "checks": [{"check": "row_count", "min": 1000, "on_fail": "fail"}]}}


class Up:
    """A home with everything up but the app."""

    def __init__(self, home: Path, here: Path, env: dict[str, str]) -> None:
        self.home, self.here, self.env = home, here, {**os.environ, **env, "PENSTOCK_HOME": str(home), "PENSTOCK_CONTROL_URL": ""}
        self.store = open_store(f"sqlite:///{home / 'control.sqlite'}")
        self.said = home / "said.txt"
        code = "from flows.settings import Settings; from flows.run.up import serve; raise SystemExit(serve(Settings.load(), app=False))"
        with self.said.open("w") as out:
            self.process = subprocess.Popen([sys.executable, "-u", "-c", code], env=self.env, stdout=out, stderr=out, cwd=here)
        self.until(lambda: "penstock is up" in self.said.read_text(), 120)

    def until(self, true: Any, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, self.said.read_text()
            time.sleep(0.1)

    def cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "flows.cli", *words], env=self.env, cwd=self.here, capture_output=True, text=True)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        self.store.dispose()


@pytest.fixture
def up(tmp_path: Path, smtp: Any, httpserver: Any) -> Iterator[tuple[Up, Any, list[dict[str, Any]]]]:
    seen: list[dict[str, Any]] = []
    first = [Response("", 500)]

    def answer(request: Request) -> Response:
        seen.append(request.get_json())
        return first.pop() if first else Response("ok")

    httpserver.expect_request(HOOK, method="POST").respond_with_handler(answer)
    post, port = smtp(auth=True)
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    (here / "costs.csv").write_text("day,cost\n" + "".join(f"{n},{n % 7}\n" for n in range(60)) + "60,900\n")
    made = Up(home, here, {"PENSTOCK_CONN_SMTP": f"smtp://me:{SECRET}@127.0.0.1:{port}?from=penstock@example.com",
                           "PENSTOCK_CONN_SLACK": httpserver.url_for(HOOK)})
    yield made, post, seen
    made.stop()


def spec(here: Path, name: str, *steps: dict[str, Any]) -> str:
    file = here / f"{name}.yml"
    file.write_text(json.dumps({"pipeline_id": name, "name": name.title(), "notify": NOTIFY, "steps": list(steps)}))
    return str(file)


def test_a_run_is_told_of_and_a_kill_loses_nothing(up: tuple[Up, Any, list[dict[str, Any]]]) -> None:
    house, post, seen = up
    good = house.cli("run", spec(house.here, "costs", *STEPS))
    assert good.returncode == 0, good.stdout + good.stderr
    assert "notified ops@example.com" in good.stdout
    assert "notified #odd" in good.stdout
    house.until(lambda: len(post.messages) == 1 and len(seen) == 4)  # the step's 500 and 200, and two of notify
    text = post.messages[0].get_body(("plain",)).get_content()
    assert post.messages[0]["Subject"] == "Costs succeeded"
    assert "Rows: load 61 rows" in text
    assert "Anomalies: 1 row flagged" in text
    assert "See the run: http://127.0.0.1:" in text
    assert sorted(body["text"] for body in seen[2:]) == ["Costs succeeded", "Costs succeeded, with 1 anomaly"]
    assert seen[0] == seen[1]
    assert "*Steps:* 3 of 3 succeeded" in str(seen[0])

    # the runner is killed while a mail waits for its second try: the next runner sends it
    post.answers = ["451 later"] * 3
    bad = house.cli("run", "--json", spec(house.here, "broken", STEPS[0], CHECK))
    assert bad.returncode == 1, bad.stdout + bad.stderr
    run_id = json.loads(bad.stdout)["run_id"]
    assert [m["target"] for m in json.loads(bad.stdout)["messages"]] == ["ops@example.com", "#data"]
    os.kill(house.store.runners.alive()[-1].info["pid"], signal.SIGKILL)
    house.until(lambda: [m.status for m in house.store.messages.of(run_id)] == ["SENT", "SENT"], 150)
    assert [message["Subject"] for message in post.messages] == ["Costs succeeded", "Broken failed"]
    shown = house.cli("status", run_id).stdout
    assert "notified ops@example.com" in shown
    assert "notified #data" in shown

    house.store.dispose()
    written = b"".join(file.read_bytes() for file in house.home.parent.rglob("*") if file.is_file())
    for secret in (SECRET, "canary4711"):
        assert secret.encode() not in written
