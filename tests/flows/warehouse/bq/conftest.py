"""A Google that records every request and answers as it is told: the real client on top, no network below."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from flows.warehouse.bq.jobs import Jobs
from flows.warehouse.bq.project import Project


def refusal(reason: str, message: str = "no", **more: str) -> dict[str, Any]:
    return {"reason": reason, "message": message, **more}


class Google:
    """Answers the jobs API. `answers`: functions (method, path, body) -> (status, body) that are asked first, the newest first."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, Any]]] = []
        self.jobs: dict[str, dict[str, Any]] = {}
        self.answers: list[Callable[[str, str, dict[str, Any]], tuple[int, Any] | None]] = []
        self.dry_bytes, self.tables, self.state = 0, list[dict[str, str]](), "DONE"
        self.schema: list[dict[str, Any]] = [{"name": "n", "type": "INTEGER", "mode": "NULLABLE"}]
        self.lock = threading.Lock()
        self.is_mtls = False
        self._auth_request = SimpleNamespace(session=self)

    def sent(self, *, dry: bool | None = None) -> list[dict[str, Any]]:
        """The configurations of the jobs that were sent, in order."""
        found = [body["configuration"] for method, path, body in self.requests if method == "POST" and path.endswith("/jobs")]
        return [c for c in found if dry is None or bool(c.get("dryRun")) == dry]

    def ids(self) -> list[str]:
        return [body["jobReference"]["jobId"] for method, path, body in self.requests if method == "POST" and path.endswith("/jobs")
                and not body["configuration"].get("dryRun")]

    def cancelled(self) -> list[str]:
        return [path.split("/")[-2] for method, path, _ in self.requests if method == "POST" and path.endswith("/cancel")]

    # ---------------------------------------------------------------- as the client's transport
    def request(self, method: str, url: str, data: Any = None, **_: Any) -> requests.Response:
        path, body = urlsplit(url).path, json.loads(data) if data else {}
        with self.lock:
            self.requests.append((method, path, body))
        for answer in reversed(self.answers):
            found = answer(method, path, body)
            if found is not None:
                return _response(*found)
        return _response(*self._answer(method, path, body))

    def close(self) -> None:
        return None

    def _answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if method == "POST" and path.endswith("/jobs"):
            job_id = body["jobReference"]["jobId"]
            dry = body["configuration"].get("dryRun")
            if job_id in self.jobs:
                return 409, fault(409, refusal("duplicate"))
            made = {**body, "status": {"state": "DONE" if dry else self.state},
                    "statistics": {"totalBytesProcessed": str(self.dry_bytes), "creationTime": "1", "query": {
                        "totalBytesProcessed": str(self.dry_bytes), "schema": {"fields": self.schema}, "referencedTables": self.tables}}}
            if not dry:
                self.jobs[job_id] = made
            return 200, made
        if method == "POST" and path.endswith("/cancel"):
            job = self.jobs.get(path.split("/")[-2], {})
            job.setdefault("status", {})["state"] = "DONE"
            return 200, {"job": job}
        if method == "GET" and "/jobs/" in path:
            job = self.jobs.get(path.rpartition("/")[2])
            return (200, job) if job else (404, fault(404, refusal("notFound")))
        if method == "GET" and "/queries/" in path:
            return 200, {"jobComplete": True, "schema": {"fields": self.schema}, "totalRows": "1", "rows": [{"f": [{"v": "7"}]}],
                         "jobReference": {"jobId": path.rpartition("/")[2], "projectId": "acme-prod"}}
        return 404, fault(404, refusal("notFound"))


def fault(status: int, error: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": status, "message": error["message"], "errors": [error]}}


def _response(status: int, body: Any) -> requests.Response:
    made = requests.Response()
    made.status_code, made._content = status, json.dumps(body).encode()
    made.headers["content-type"] = "application/json"
    made.request = requests.Request("POST", "https://bigquery.invalid/x").prepare()
    return made


@pytest.fixture
def google() -> Google:
    return Google()


@pytest.fixture
def client(google: Google) -> bigquery.Client:
    return bigquery.Client(project="acme-prod", credentials=AnonymousCredentials(), location="EU", _http=google)


@pytest.fixture
def open_jobs(client: bigquery.Client) -> Callable[..., Jobs]:
    def make(**kw: Any) -> Jobs:
        return Jobs(Project(project="acme-prod", location="EU", max_bytes=5000), client=client, **kw)

    return make
