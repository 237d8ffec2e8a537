"""Timeouts and cancels that really stop: for each kind of peer the step ends, and nothing runs on at the other side."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import time

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

pytestmark = [pytest.mark.timeout(120)]

LONG = ("SELECT MAX(SHA256(CAST(a * b AS STRING))) AS n FROM UNNEST(GENERATE_ARRAY(1, 30000)) AS a, "
        "UNNEST(GENERATE_ARRAY(1, 30000)) AS b")
SQL = {"ps_type": "generic.sql", "config": {"query": LONG}}
LOAD = {"ps_type": "generic.load", "config": {"input": "rows"}, "destination": {"engine": "postgres", "connection": "pg", "table": "slow"}}


def read(connection, **source):
    return {"ps_type": "generic.extract", "source": {"connection": connection, **source}}


def sensor(url):
    return {"ps_type": "generic.wait", "config": {"until": {"url": url, "connection": "moody"}, "poll_seconds": 60}}


@pytest.fixture
def go(tmp_path, monkeypatch, moody, deaf):
    """Run one step for real, with a limit or with somebody who cancels; gives its outcome."""
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "data").mkdir()
    settings = Settings(home=home, control_url=f"sqlite:///{home / 'control.sqlite'}", folders=(tmp_path / "data",))
    store = open_store(settings.control_url)
    for name, url in {"moody": moody.url, "deaf": f"http://{deaf}", "deafpg": f"postgresql://me@{deaf}/x"}.items():
        monkeypatch.setenv(f"PENSTOCK_CONN_{name.upper()}", url)

    def go(step, how="timeout", limit=0.7, at_work=lambda: True):
        spec = FlowSpec.model_validate({"pipeline_id": "p", "steps": [
            {"step_id": "rows", "ps_type": "generic.sql", "config": {"query": "SELECT 1 AS n"}},
            {"step_id": "s", **step, **({"timeout_seconds": limit} if how == "timeout" else {})}]})
        job = make_job(spec, settings=settings, store=store, catalog=Catalog())
        plan, cancel, log = make_plan(job.spec, catalog=Catalog()), Cancel(), logging.getLogger("t")
        given = attempt(plan.step("rows"), job, {}, Cancel(), log)
        assert given.ok, given.error

        def person():
            end = time.monotonic() + 30
            while not at_work() and time.monotonic() < end:
                time.sleep(0.02)
            time.sleep(0.2)
            go.asked = time.monotonic()
            cancel.set("stopped by a person")

        if how == "cancel":
            threading.Thread(target=person, daemon=True).start()
        inputs = {"rows": given.result.relation} if step["ps_type"] == "generic.load" else {}
        outcome = attempt(plan.step("s"), job, inputs, cancel, log)
        go.late = (time.monotonic() - go.asked) if how == "cancel" else outcome.seconds - limit
        return outcome

    go.settings, go.asked = settings, 0.0
    yield go
    store.dispose()


def ended(outcome, how):
    """Stopped as it was asked to be; a timeout counts as one for retry_on."""
    if how == "cancel":
        assert (outcome.status, outcome.error) == (gate.CANCELLED, "stopped by a person")
        return
    assert outcome.status == gate.TIMED_OUT, outcome.error
    assert again(outcome, Retry(max_attempts=2, retry_on=["TimeoutError"]), 1)
    assert not again(outcome, Retry(max_attempts=2, retry_on=["DataError"]), 1)


def soon(true, seconds=20):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


both = pytest.mark.parametrize("how", ["timeout", "cancel"])


@both
def test_a_statement_of_duckdb(go, how):
    ended(go(SQL, how), how)


@both
@pytest.mark.parametrize("kind", ["silent", "drip"])
def test_a_call_over_http(go, how, kind, moody):
    path = f"/{kind}/{how}"
    ended(go(read("moody", endpoint=path), how, at_work=lambda: moody.at_work[path]), how)
    assert moody.asked[path] == 1
    soon(lambda: not moody.at_work[path])  # the peer has seen the line end


@both
def test_a_sensor_that_asks_over_http(go, how, moody):
    path = f"/silent/sensor-{how}"
    ended(go(sensor(path), how, at_work=lambda: moody.at_work[path]), how)
    soon(lambda: not moody.at_work[path])


@both
def test_a_connection_that_does_not_come_about(go, how):
    ended(go(read("deaf", endpoint="x"), how), how)


@both
@pytest.mark.postgres
def test_a_connection_to_postgresql_that_does_not_come_about(go, how):
    ended(go(read("deafpg", table="x"), how), how)


@both
@pytest.mark.postgres
@pytest.mark.parametrize("step", [read("pg", query="SELECT 1 AS n, pg_sleep(60)::text AS t"), LOAD], ids=["read", "write"])
def test_a_statement_of_postgresql(go, how, step, postgres_url, monkeypatch):
    import psycopg

    monkeypatch.setenv("PENSTOCK_CONN_PG", postgres_url)
    with psycopg.connect(postgres_url, autocommit=True) as peer:
        peer.execute("CREATE TABLE slow (n bigint)")
        peer.execute("CREATE FUNCTION nap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$")
        peer.execute("CREATE TRIGGER nap BEFORE INSERT ON slow FOR EACH ROW EXECUTE FUNCTION nap()")
        ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'penstock' AND datname = current_database()"
        asleep = lambda: peer.execute(f"{ours} AND wait_event = 'PgSleep'").fetchone()[0]  # noqa: E731
        ended(go(step, how, limit=2, at_work=asleep), how)
        soon(lambda: peer.execute(ours).fetchone()[0] == 0)  # no statement and no connection is left there
        assert peer.execute("SELECT count(*) FROM slow").fetchone()[0] == 0


@both
def test_the_process_that_reads_a_workbook(go, how):
    from xlsxwriter import Workbook

    with Workbook(go.settings.folders[0] / "big.xlsx", {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        for row in range(60_000):
            sheet.write_row(row, 0, [row, row, row])
    children = lambda: subprocess.run(["pgrep", "-P", str(os.getpid()), "-f", "flows.engines.sheet"], capture_output=True).stdout  # noqa: E731
    ended(go({"ps_type": "generic.extract", "source": {"path": "big.xlsx"}}, how, limit=0.3, at_work=children), how)
    soon(lambda: not children())


def test_a_step_that_does_not_hear_and_ends_too_late_has_timed_out(go, monkeypatch):
    from flows.engines.generic import wait

    monkeypatch.setattr(wait, "_sleep", lambda seconds, context: time.sleep(seconds))
    ended(go({"ps_type": "generic.wait", "config": {"seconds": 1}}, limit=0.3), "timeout")
