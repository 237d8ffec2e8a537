import threading
import time

import psycopg
import pytest
from pydantic import ValidationError

from flows.engines.base import Cancel
from flows.errors import Cancelled, InputError, SpecError


def wait(bench, *, preview=False, cancel=None, **config):
    return bench.run("generic.wait", "pause", preview=preview, blocks={"config": config}, cancel=cancel)


def later(seconds, act, *args):
    timer = threading.Timer(seconds, act, args)
    timer.daemon = True
    timer.start()
    return timer


class Pause(Cancel):
    """Does something in the first pause instead of waiting, so that no test depends on the clock."""

    def __init__(self, act):
        super().__init__()
        self.acts = [act]

    def wait(self, seconds):
        if self.acts:
            self.acts.pop()()
        return super().wait(min(seconds, 0.01))


def test_seconds_pass(bench):
    started = time.monotonic()
    assert wait(bench, seconds=0.3).relation is None
    assert time.monotonic() - started >= 0.3


def test_a_stopped_run_does_not_wait_on(bench):
    cancel = Cancel()
    later(0.2, cancel.set, "a person")
    with pytest.raises(Cancelled, match="a person"):
        wait(bench, seconds=600, cancel=cancel)
    cancel = Cancel()
    later(0.2, cancel.set, "deadline")
    with pytest.raises(Cancelled, match="deadline"):
        wait(bench, until={"file": "never.csv"}, poll_seconds=600, cancel=cancel)


def test_a_file_is_waited_for(bench):
    pause = Pause(lambda: bench.file("ready.txt", "x"))
    assert wait(bench, until={"file": "ready.txt"}, cancel=pause).notes == ["there at look 2"]


def test_a_table_is_waited_for_although_the_session_saw_it_empty(bench):
    bench.table("raw.events", "SELECT 1 AS id, 'open' AS state")
    pause = Pause(lambda: bench.table("raw.events", "SELECT 1 AS id, 'done' AS state"))
    until = {"table": "raw.events", "condition": {"column": "state", "is": "=", "value": "done"}}
    assert wait(bench, until=until, cancel=pause).notes == ["there at look 2"]
    pause = Pause(lambda: bench.table("raw.new", "SELECT 1 AS id"))
    assert wait(bench, until={"table": "raw.new"}, cancel=pause).notes == ["there at look 2"]


@pytest.mark.postgres
def test_a_table_behind_a_connection_is_asked_there(bench, shop_catalog, postgres_url):
    bench.catalog, bench.env["PENSTOCK_CONN_POSTGRES"] = shop_catalog(), postgres_url
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE orders (order_id int, customer_id int, order_date date, amount float8, status text)")
        pause = Pause(lambda: connection.execute("INSERT INTO orders VALUES (1, 1, '2025-11-15', 1, 'paid')"))
        until = {"table": "orders", "condition": {"column": "status", "is": "=", "value": "paid"}}
        assert wait(bench, until=until, cancel=pause).notes == ["there at look 2"]


def test_an_endpoint_of_a_declared_connection_is_waited_for(bench, httpserver, shop_catalog):
    from werkzeug import Response

    bench.env["PENSTOCK_CONN_REST"] = httpserver.url_for("/v1")
    answers = iter([Response(status=404), Response(status=503)])
    httpserver.expect_request("/v1/ready").respond_with_handler(lambda r: next(answers, None) or Response("ok"))
    assert wait(bench, until={"url": "ready", "connection": "rest"}, poll_seconds=0.1).notes == ["there at look 3"]
    bench.catalog = shop_catalog()
    assert wait(bench, until={"url": httpserver.url_for("/v1/ready")}, poll_seconds=0.1).notes == ["there at look 1"]
    with pytest.raises(InputError, match="not on the host of a declared connection"):
        wait(bench, until={"url": "http://169.254.169.254/latest"})


def test_a_preview_looks_once_and_does_not_wait(bench, httpserver):
    started = time.monotonic()
    assert wait(bench, preview=True, seconds=600).notes == ["would wait 600 s"]
    assert wait(bench, preview=True, until={"file": "x.csv"}).notes == ["would wait for file x.csv"]
    bench.file("x.csv", "a")
    assert wait(bench, preview=True, until={"file": "x.csv"}).notes == ["file x.csv is there, would not wait"]
    bench.env["PENSTOCK_CONN_REST"] = httpserver.url_for("/")
    assert wait(bench, preview=True, until={"url": "x", "connection": "rest"}).notes == ["would wait until x answers"]
    assert httpserver.log == []
    assert time.monotonic() - started < 60


def test_a_file_outside_is_refused(bench):
    with pytest.raises(InputError, match="outside the allowed folders"):
        wait(bench, until={"file": "/etc/passwd"})


@pytest.mark.parametrize("config", [
    {}, {"seconds": 1, "until": {"file": "x"}}, {"until": {}}, {"until": {"file": "x", "table": "y"}}, {"seconds": -1},
    {"until": {"file": "x", "condition": {"column": "a", "is": "is_null"}}}, {"until": {"file": "x", "connection": "rest"}},
    {"seconds": 1, "poll_seconds": 0}])
def test_a_wait_that_makes_no_sense_is_refused(bench, config):
    with pytest.raises(ValidationError):
        wait(bench, **config)


def test_table_and_condition_are_judged_before_the_run(bench, shop_catalog):
    bench.catalog = shop_catalog()
    until = {"table": "orders", "condition": {"column": "statu", "is": "=", "value": "paid"}}
    with pytest.raises(SpecError, match=r"config\.until\.condition\.column.*Did you mean 'status'"):
        bench.output("generic.wait", {"config": {"until": until}})
    with pytest.raises(SpecError, match=r"config\.until\.table: unknown table 'oders'. Did you mean 'orders'"):
        bench.output("generic.wait", {"config": {"until": {"table": "oders"}}})
    assert bench.output("generic.wait", {"config": {"seconds": 1}}) == ()
