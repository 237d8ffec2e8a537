"""Timeouts and cancels on BigQuery: the real client on the emulator, between them a server that makes jobs long and answers late."""

from __future__ import annotations

import gzip
import json
import logging
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from flows.engines.base import Cancel
from flows.insight.catalog import Catalog
from flows.run import gate
from flows.run.job import make_job
from flows.run.plan import make_plan
from flows.run.step import again, attempt
from flows.settings import Settings
from flows.spec.model import FlowSpec, Retry
from flows.store import open_store

pytestmark = [pytest.mark.bigquery, pytest.mark.xdist_group("bigquery"), pytest.mark.timeout(120)]

SQL = {"ps_type": "generic.sql", "config": {"query": "SELECT 1 AS slow"}}
LOAD = {"ps_type": "generic.load", "config": {"input": "rows"},
        "destination": {"engine": "bigquery", "table": "mart.slow", "mode": "append"}}
STOPPED = {"reason": "stopped", "message": "Job execution was cancelled: User requested cancellation"}


class Between(ThreadingHTTPServer):
    """Hands on what it gets. A job in which the word slow stands is, as `mood` says: long (RUNNING until somebody cancels it), late (its
    insert is never answered) or busy (503 to every request about it). `cancelled` are the ids that somebody cancelled, `asked` counts."""

    daemon_threads = True

    def __init__(self, there):
        super().__init__(("127.0.0.1", 0), Hands)
        self.there, self.mood, self.over = there, "", threading.Event()
        self.slow, self.cancelled, self.asked = set(), set(), Counter()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A client that hangs up is what is tried here."""


class Hands(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format, *args):
        """Silent."""

    def work(self):
        server, body = self.server, self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, said = self.path.partition("?")[0], {}
        if self.command == "POST" and "json" in self.headers.get("Content-Type", ""):
            said = json.loads(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body or b"{}")
        job = said.get("jobReference", {}).get("jobId", "")
        new = bool(job and "slow" in json.dumps(said["configuration"]) and not said["configuration"].get("dryRun"))
        if new:
            server.slow.add(job)
        about = job if new else next((part for part in path.split("/") if part in server.slow), "")
        if about:
            server.asked[path.rpartition("/")[2] if path.endswith("cancel") else "job"] += 1
        if about and path.endswith("/cancel"):
            server.cancelled.add(about)
        elif about and server.mood == "busy":
            return self.give(503, json.dumps({"error": {"code": 503, "message": "busy", "errors": [{"reason": "backendError"}]}}).encode())
        status, headers, answer = self.hand_on(body)
        if new and server.mood == "late":
            server.over.wait(60)
        if about and status == 200 and b'"status"' in answer:
            answer = self.longer(about, json.loads(answer))
        return self.give(status, answer, headers)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = work

    def longer(self, job, answer):
        """The emulator has done its jobs when it answers; here they run on until they are cancelled."""
        found = answer.get("job", answer)
        ended = job in self.server.cancelled
        found["status"] = {"state": "DONE", "errorResult": STOPPED, "errors": [STOPPED]} if ended else {"state": "RUNNING"}
        return json.dumps(answer).encode()

    def hand_on(self, body):
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection", "content-length")}
        headers["Accept-Encoding"] = "identity"
        request = urllib.request.Request(self.server.there + self.path, data=body or None, headers=headers, method=self.command)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def give(self, status, body, headers=()):
        self.send_response(status)
        for name in ("Content-Type", "X-GUploader-UploadID", "Range"):
            if headers and headers.get(name):
                self.send_header(name, headers[name])
        if headers and headers.get("Location"):
            self.send_header("Location", headers["Location"].replace(self.server.there, self.server.url))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def between(emulator):
    server = Between(emulator.endpoint)
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def go(tmp_path, monkeypatch, bq_project, between):
    """Run one step in production for real, with a limit or with somebody who cancels; gives its outcome."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", bq_project.project)
    for name, value in {"endpoint": between.url, "storage_endpoint": bq_project.storage_endpoint, "datasets": bq_project.datasets}.items():
        monkeypatch.setenv(f"PENSTOCK_BIGQUERY_{name.upper()}", value)
    settings = Settings(home=tmp_path, control_url=f"sqlite:///{tmp_path / 'control.sqlite'}")
    store = open_store(settings.control_url)

    def go(step, how, mood):
        spec = FlowSpec.model_validate({"pipeline_id": "p", "steps": [
            {"step_id": "rows", "ps_type": "generic.sql", "config": {"query": "SELECT 1 AS n"}},
            {"step_id": "s", **step, **({"timeout_seconds": 3} if how == "timeout" else {})}]})
        job = make_job(spec, settings=settings, store=store, catalog=Catalog())
        job = replace(job, environment="production")
        plan, cancel, log = make_plan(job.spec, catalog=Catalog()), Cancel(), logging.getLogger("t")
        given = attempt(plan.step("rows"), job, {}, Cancel(), log)
        assert given.ok, given.error
        between.mood = mood

        def person():
            soon(lambda: between.asked["job"])
            time.sleep(0.2)
            cancel.set("stopped by a person")

        if how == "cancel":
            threading.Thread(target=person, daemon=True).start()
        inputs = {"rows": given.result.relation} if step["ps_type"] == "generic.load" else {}
        return attempt(plan.step("s"), job, inputs, cancel, log)

    yield go
    store.dispose()


def soon(true, seconds=20):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(("step", "mood", "how"), [
    pytest.param(step, mood, how, id=f"{'query' if step is SQL else 'write'}-{mood}-{how}") for step, mood, how in (
        (SQL, "long", "timeout"), (LOAD, "busy", "timeout"), (SQL, "long", "cancel"), (SQL, "late", "cancel"), (SQL, "busy", "cancel"),
        (LOAD, "long", "cancel"))])
def test_a_job_of_bigquery_is_cancelled_there_and_nothing_is_asked_again(go, between, step, mood, how):
    outcome = go(step, how, mood)
    if how == "cancel":
        assert (outcome.status, outcome.error) == (gate.CANCELLED, "stopped by a person")
    else:
        assert outcome.status == gate.TIMED_OUT, outcome.error
        assert again(outcome, Retry(max_attempts=2, retry_on=["TimeoutError"]), 1)
    assert len(between.slow) == 1
    assert between.cancelled == between.slow
    between.over.set()
    soon(lambda: not [one for one in threading.enumerate() if one.name == "bigquery"])  # nobody here asks any more
    if mood == "busy":
        assert between.asked["job"] < 4
