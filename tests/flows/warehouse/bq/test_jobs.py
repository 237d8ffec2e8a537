"""What is sent to BigQuery, request by request: caps, labels, names, the way of errors, and how waiting ends."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from datetime import time as clock
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.errors import (
    Cancelled,
    DataError,
    InputError,
    LimitError,
    MissingError,
    SqlError,
    StepTimeout,
    TransientError,
    UnreachableError,
)
from flows.warehouse.base import QueryLimits
from flows.warehouse.bigquery import BigQueryWarehouse
from flows.warehouse.bq import jobs as module
from flows.warehouse.bq.errors import LostRace, translate
from flows.warehouse.bq.jobs import Jobs
from flows.warehouse.bq.labels import job_id, label, labels
from flows.warehouse.bq.params import parameters, type_of
from flows.warehouse.bq.project import Project

LEGAL = re.compile(r"[a-z0-9_-]{0,63}\Z")


@pytest.fixture
def warehouse(client: Any, tmp_path: Path) -> BigQueryWarehouse:
    from flows.settings import Limits

    return BigQueryWarehouse(Project(project="acme-prod", location="EU", max_bytes=5000), "acme", limits=Limits(), stage_dir=tmp_path,
                             client=client, labels={"pipeline": "Daily Sales", "run": "R1", "step": "load"}, job_key="r1-load-1")


# -------------------------------------------------------------------- what a job says
def test_every_job_is_capped_labelled_named_and_timed(google: Any, open_jobs: Callable[..., Jobs]) -> None:
    jobs = open_jobs(labels={"tenant": "acme", "Run": "R/1"}, job_key="r1-s-1")
    jobs.query("SELECT 1", limits=QueryLimits(seconds=30), labels={"step": "s"}, dataset="acme__mart")
    sent = google.sent()[0]
    assert sent["labels"] == {"tenant": "acme", "run": label("R/1"), "step": "s"}
    assert sent["query"]["maximumBytesBilled"] == "5000"
    assert sent["query"]["useLegacySql"] is False
    assert sent["query"]["defaultDataset"] == {"projectId": "acme-prod", "datasetId": "acme__mart"}
    assert sent["jobTimeoutMs"] == "30000"
    assert google.ids()[0].startswith("r1-s-1-1-")
    assert google.requests[0][2]["jobReference"]["location"] == "EU"


def test_the_narrowest_budget_wins(google: Any, open_jobs: Callable[..., Jobs]) -> None:
    open_jobs().query("SELECT 1")
    open_jobs(max_bytes=400).query("SELECT 1")
    open_jobs(max_bytes=400).query("SELECT 1", limits=QueryLimits(bytes_billed=30))
    assert [c["query"]["maximumBytesBilled"] for c in google.sent()] == ["5000", "400", "30"]


def test_load_and_copy_jobs_are_labelled_too(google: Any, open_jobs: Callable[..., Jobs]) -> None:
    open_jobs(labels={"tenant": "acme"}, job_key="k").copy("acme-prod.a.b", "acme-prod.a.c")
    assert google.sent()[0]["labels"] == {"tenant": "acme"}
    assert google.ids()[0].startswith("k-1-")


@given(st.text(max_size=200))
def test_labels_are_legal_for_any_tenant_name(name: str) -> None:
    found = labels({"tenant": name}, {name or "x": name})
    assert all(LEGAL.match(value) and LEGAL.match(key) and key[0].isalpha() for key, value in found.items())


def test_labels_keep_two_tenants_apart() -> None:
    assert label("東京") != label("大阪")
    assert label("a" * 80) != label("a" * 79 + "b")
    assert label("Acme") == label("acme") == "acme"


def test_the_same_try_gives_the_same_names_and_reading_gives_new_ones(google: Any, open_jobs: Callable[..., Jobs]) -> None:
    for key in ("r1-s-1", "r1-s-1", "r1-s-2"):
        jobs = open_jobs(job_key=key)
        jobs.query("DELETE FROM t WHERE x = @x", params={"x": 1})
        jobs.query("SELECT 1", fresh=True)
    first, second, third = google.ids()[0::2][:1], google.ids()[2::2][:1], google.ids()[4::2][:1]
    assert first == second != third
    assert len(set(google.ids()[1::2])) == 3
    assert job_id("k", 1, "a") != job_id("k", 1, "b")


def test_a_job_that_is_there_already_is_the_one_that_is_waited_for(google: Any, open_jobs: Callable[..., Jobs]) -> None:
    one = open_jobs(job_key="r1-s-1").query("DELETE FROM t WHERE true")
    two = open_jobs(job_key="r1-s-1").query("DELETE FROM t WHERE true")
    assert one.job_id == two.job_id
    assert len(google.jobs) == 1


def test_a_request_that_failed_for_a_passing_reason_is_sent_again_under_its_name(google: Any, open_jobs: Callable[..., Jobs]) -> None:
    from tests.flows.warehouse.bq.conftest import fault, refusal

    seen = []

    def once(method: str, path: str, body: dict[str, Any]) -> tuple[int, Any] | None:
        if path.endswith("/jobs") and not seen:
            seen.append(google._answer(method, path, body))  # it did arrive, only its answer is lost
            return 503, fault(503, refusal("backendError"))
        return None

    google.answers.append(once)
    job = open_jobs(job_key="k").query("DELETE FROM t WHERE true")
    assert len(set(google.ids())) == 1
    assert len(google.ids()) == 2
    assert list(google.jobs) == [job.job_id]


# -------------------------------------------------------------------- budget
def test_what_is_over_budget_is_only_asked_about_never_run(google: Any, warehouse: BigQueryWarehouse) -> None:
    google.dry_bytes = 5001
    for ask in (lambda: warehouse.query("SELECT n FROM mart.t"), lambda: list(warehouse.stream("SELECT n FROM mart.t")),
                lambda: warehouse.stage("x", "SELECT n FROM mart.t"), lambda: warehouse.execute("SELECT n FROM mart.t")):
        with pytest.raises(LimitError, match="5,001 bytes, 5,000 are allowed"):
            ask()
    assert len(google.sent(dry=True)) == 4
    assert google.sent(dry=False) == []


def test_within_budget_it_is_run_with_the_cap(google: Any, warehouse: BigQueryWarehouse) -> None:
    google.dry_bytes = 5000
    assert warehouse.query("SELECT n FROM mart.t").to_pylist() == [{"n": 7}]
    assert [c["query"]["maximumBytesBilled"] for c in google.sent(dry=False)] == ["5000"]
    assert google.sent(dry=False)[0]["labels"] == {"tenant": "acme", "pipeline": label("Daily Sales"), "run": "r1", "step": "load"}


def test_a_dry_run_tells_columns_tables_and_bytes(google: Any, warehouse: BigQueryWarehouse) -> None:
    google.dry_bytes = 123
    plan = warehouse.check("SELECT n FROM mart.t")
    assert (plan.columns[0].type, plan.reads, plan.bytes) == ("INT64", ("mart.t",), 123)


def test_what_bigquery_would_read_of_others_is_refused(google: Any, warehouse: BigQueryWarehouse) -> None:
    google.tables = [{"projectId": "acme-prod", "datasetId": "other__mart", "tableId": "t"}]
    with pytest.raises(SqlError, match="not yours"):
        warehouse.query("SELECT n FROM mart.t")
    google.tables = [{"projectId": "acme-prod", "datasetId": "acme__mart", "tableId": "t"}]
    assert warehouse.query("SELECT n FROM mart.t").num_rows == 1
    assert len(google.sent(dry=False)) == 1


# -------------------------------------------------------------------- waiting
def test_a_cancel_ends_the_wait_and_the_job(google: Any, open_jobs: Callable[..., Jobs]) -> None:
    google.state = "RUNNING"
    jobs = open_jobs(job_key="k")
    stopper = threading.Thread(target=lambda: (_until(lambda: bool(google.jobs)), jobs.cancel()))
    stopper.start()
    with pytest.raises(Cancelled):
        jobs.query("SELECT 1")
    stopper.join()
    assert google.cancelled() == google.ids()


def test_a_cancel_need_not_wait_for_the_network(google: Any, open_jobs: Callable[..., Jobs]) -> None:
    gate = threading.Event()

    def hang(method: str, path: str, _: dict[str, Any]) -> None:
        if path.endswith("/jobs"):
            gate.wait(20)

    google.answers.append(hang)
    jobs = open_jobs(job_key="k")
    threading.Thread(target=lambda: (_until(lambda: bool(google.requests)), jobs.cancel())).start()
    with pytest.raises(Cancelled):
        jobs.query("SELECT 1")
    before = len(google.cancelled())
    gate.set()  # the submit arrives after all: its job is stopped too
    _until(lambda: len(google.cancelled()) > before)
    assert set(google.cancelled()) == set(google.ids())


def test_a_timeout_ends_the_job_and_is_worth_another_try(google: Any, open_jobs: Callable[..., Jobs]) -> None:
    google.state = "RUNNING"
    with pytest.raises(StepTimeout, match=r"longer than 0\.2 s") as caught:
        open_jobs(job_key="k").query("SELECT 1", limits=QueryLimits(seconds=0.2))
    assert caught.value.transient
    assert google.cancelled() == google.ids()


def test_nothing_runs_after_the_end(open_jobs: Callable[..., Jobs]) -> None:
    jobs = open_jobs()
    jobs.close()
    jobs.close()
    with pytest.raises(SqlError, match="closed"):
        jobs.query("SELECT 1")


def _until(true: Callable[[], bool]) -> None:
    for _ in range(2000):
        if true():
            return
        time.sleep(0.005)
    raise AssertionError("it did not come true")


# -------------------------------------------------------------------- errors
FAULTS = [
    (404, "notFound", MissingError), (400, "invalidQuery", SqlError), (403, "accessDenied", SqlError), (403, "quotaExceeded", LimitError),
    (400, "bytesBilledLimitExceeded", LimitError), (400, "resourcesExceeded", LimitError), (401, "authError", UnreachableError),
    (403, "billingNotEnabled", SqlError), (501, "notImplemented", SqlError),
]


@pytest.mark.parametrize(("status", "reason", "kind"), FAULTS, ids=[reason for _, reason, _ in FAULTS])
def test_an_answer_that_says_no(google: Any, open_jobs: Callable[..., Jobs], status: int, reason: str, kind: type) -> None:
    from tests.flows.warehouse.bq.conftest import fault, refusal

    google.answers.append(lambda *_: (status, fault(status, refusal(reason, "words of Google"))))
    with pytest.raises(kind) as caught:
        open_jobs().query("SELECT secret_text FROM t")
    assert type(caught.value) is kind
    assert "secret_text" not in str(caught.value)
    assert "http" not in str(caught.value)


@pytest.mark.parametrize("reason", ["rateLimitExceeded", "backendError", "internalError", "jobBackendError"])
def test_a_passing_fault_is_transient_after_bounded_tries(google: Any, open_jobs: Callable[..., Jobs], monkeypatch: pytest.MonkeyPatch,
                                                          reason: str) -> None:
    from tests.flows.warehouse.bq.conftest import fault, refusal

    monkeypatch.setattr(module, "RETRY_SECONDS", 0.1)
    google.answers.append(lambda *_: (503, fault(503, refusal(reason))))
    with pytest.raises(TransientError):
        open_jobs().query("SELECT 1")
    assert 1 <= len(google.requests) < 10


FAILED = [
    ({"reason": "invalidQuery", "message": "Unrecognized name: x at [2:8]"}, SqlError),
    ({"reason": "notFound", "message": "Not found: Table a:b.c"}, MissingError),
    ({"reason": "invalidQuery", "message": "Transaction is aborted due to concurrent update against table a:b.c"}, LostRace),
    ({"reason": "stopped", "message": "Job execution was cancelled"}, Cancelled),
    ({"reason": "jobRateLimitExceeded", "message": "slow"}, TransientError),
    ({"reason": "invalid", "message": "Error while reading data"}, DataError),
]


@pytest.mark.parametrize(("error", "kind"), FAILED, ids=[f"{n}-{e['reason']}" for n, (e, _) in enumerate(FAILED)])
def test_a_job_that_failed(google: Any, open_jobs: Callable[..., Jobs], error: dict[str, str], kind: type) -> None:
    def failed(method: str, path: str, body: dict[str, Any]) -> tuple[int, Any] | None:
        return (200, {**body, "status": {"state": "DONE", "errorResult": error, "errors": [error]}}) if path.endswith("/jobs") else None

    google.answers.append(failed)
    with pytest.raises(kind) as caught:
        open_jobs().query("SELECT 1")
    assert type(caught.value) is kind


def test_an_error_has_its_place_and_the_missing_permission_its_name(google: Any, open_jobs: Callable[..., Jobs]) -> None:
    from tests.flows.warehouse.bq.conftest import fault, refusal

    google.answers.append(lambda *_: (400, fault(400, refusal("invalidQuery", "Unrecognized name: x at [2:8]"))))
    with pytest.raises(SqlError, match="Unrecognized name: x") as caught:
        open_jobs().query("SELECT\n1, x")
    assert (caught.value.line, caught.value.column, caught.value.verdict) == (2, 8, "invalid")
    google.answers.append(lambda *_: (403, fault(403, refusal("accessDenied", "User does not have bigquery.jobs.create permission"))))
    with pytest.raises(SqlError, match=r"bigquery\.jobs\.create.*BigQuery Job User") as caught:
        open_jobs().query("SELECT 1")
    assert caught.value.verdict == "refused"


def test_the_network_and_the_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    from google.auth import exceptions as auth

    assert isinstance(translate(ConnectionResetError("x")), TransientError)
    assert isinstance(translate(auth.TransportError("x")), TransientError)
    broken = translate(auth.RefreshError("invalid_grant: key AIzaSecret"))
    assert isinstance(broken, UnreachableError)
    assert "AIzaSecret" not in str(broken)

    def none(**_: Any) -> None:
        raise auth.DefaultCredentialsError("no file at /root/key.json")

    monkeypatch.setattr("google.auth.default", none)
    with pytest.raises(UnreachableError, match="gcloud auth application-default login"):
        Jobs(Project(project="p")).query("SELECT 1")


# -------------------------------------------------------------------- parameters
VALUES = [
    (1, "INT64"), (True, "BOOL"), (1.5, "FLOAT64"), ("x", "STRING"), (b"x", "BYTES"), (date(2025, 1, 1), "DATE"), (clock(1, 2), "TIME"),
    (datetime(2025, 1, 1), "DATETIME"), (datetime(2025, 1, 1, tzinfo=UTC), "TIMESTAMP"), (Decimal("1.5"), "NUMERIC"),
    ([1, 2], "ARRAY<INT64>"), ([1, 2.5], "ARRAY<FLOAT64>"), ({"a": 1, "b": "x"}, "STRUCT<a INT64, b STRING>"),
    ([{"a": 1}], "ARRAY<STRUCT<a INT64>>"),
]


@pytest.mark.parametrize(("value", "kind"), VALUES, ids=[kind for _, kind in VALUES])
def test_a_value_goes_as_its_own_type(value: Any, kind: str) -> None:
    assert type_of(value) == kind
    sent = parameters({"p": value})[0].to_api_repr()
    assert sent["name"] == "p"
    assert sent["parameterType"]["type"] == kind.partition("<")[0]


def test_what_has_no_type_is_no_parameter() -> None:
    for value in (None, [], [None], {"a": None}):
        assert type_of(value) == ""
        with pytest.raises(InputError, match="has no type"):
            parameters({"p": value})
    with pytest.raises(InputError, match="cannot be a parameter"):
        type_of(object())
