"""One line for each event, bound, and no secret in it, whoever says it and wherever the secret stands."""

import json
import logging
import subprocess
import sys
import threading
import warnings
from dataclasses import replace

import pytest
import structlog
from pydantic import SecretStr

from flows import logs
from flows.errors import DataError
from flows.insight.connections import load_connections
from flows.logs import bound, keep, own_structlog
from flows.scrub import learn
from flows.settings import Settings

CANARY = "c4nary-known-by-value"
NAMED = "c4nary known by its name"


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


LOGGERS = ["penstock.x", "uvicorn.error", "prefect.flow_runs", "httpx", "sqlalchemy.engine", "strange.one"]


@pytest.fixture(autouse=True)
def nobody_was_here(monkeypatch):
    """Frameworks that other tests of this process have started leave handlers and levels at their loggers."""
    for name in {part for each in LOGGERS for part in (each, each.partition(".")[0])}:
        log = logging.getLogger(name)
        for field, value in {"handlers": [], "propagate": True, "disabled": False, "level": logging.NOTSET}.items():
            monkeypatch.setattr(log, field, value)
        log.manager._clear_cache()


@pytest.fixture(params=["json", "console"])
def told(request, settings):
    """What the log of this process holds, in one of the forms."""
    keep(replace(settings, log_format=request.param), file=settings.home / "x.log")

    def read():
        return (settings.home / "x.log").read_text(encoding="utf-8")

    read.form = request.param
    return read


@pytest.fixture
def events(settings):
    keep(replace(settings, log_format="json"), file=settings.home / "x.log")
    return lambda: [json.loads(line) for line in (settings.home / "x.log").read_text(encoding="utf-8").split("\n")[:-1]]


class Loud:
    """An object that says more than it should."""

    def __str__(self):
        return f"<{CANARY}>"

    __repr__ = __str__


def failed(text):
    """An error with a chain, each link of which says it."""
    try:
        try:
            raise KeyError(text)
        except KeyError as inner:
            inner.add_note(str(text))
            raise DataError(f"cannot read: {text}") from inner
    except DataError as error:
        return error


PLACES = {
    "message": lambda log: log.warning(f"it is {CANARY}"),
    "args": lambda log: log.warning("it is %s, %r", CANARY, CANARY),
    "object": lambda log: log.warning("it is %s, %r, %5s", Loud(), Loud(), [Loud()]),
    "mapping by name": lambda log: log.warning("it is %(n)d %(token)s", {"n": 1, "token": NAMED}),
    "mapping": lambda log: log.warning("it is %s", {"password": NAMED, CANARY: [Loud()], "deep": [{"x_api_key": NAMED}]}),
    "list": lambda log: log.warning("it is %s and %s", [{"secret": NAMED}], (CANARY,)),
    "extra": lambda log: log.warning("it", extra={"password": NAMED, "headers": {"Authorization": NAMED, CANARY: CANARY}, "object": Loud(),
                                                  "url": f"https://me:{CANARY}@h/x", "event": CANARY, "timestamp": CANARY}),
    "exception": lambda log: log.error("it", exc_info=failed(CANARY)),
    "exception with data": lambda log: log.error("it: %s", failed({"password": NAMED}), exc_info=failed({"password": NAMED})),
    "stack": lambda log: log.warning("it", stack_info=CANARY in CANARY),
    "not fitting": lambda log: log.warning("it is %d and %s", CANARY, CANARY),
    "template": lambda log: log.warning(Loud(), Loud()),
    "percent": lambda log: log.warning(f"100% of {CANARY} %", ),
    "open secret": lambda log: log.warning("it is %s %r", SecretStr(NAMED), SecretStr(NAMED), extra={"model": SecretStr(NAMED)}),
    "patterns": lambda log: log.warning("postgres://me:c4nary%40@db, Bearer c4nary-c4nary, password=c4nary"),
    "name of the logger": lambda log: log.getChild(CANARY).warning("it"),
}


@pytest.mark.parametrize("logger", LOGGERS)
@pytest.mark.parametrize("place", PLACES)
def test_no_secret_leaves_the_process_in_a_log(told, capsys, logger, place):
    learn(CANARY)
    with bound(run_id="run-1", who=CANARY, token=NAMED, deep={"password": NAMED}):
        PLACES[place](logging.getLogger(logger))
    text, printed = told(), capsys.readouterr()
    assert "c4nary" not in text + printed.out + printed.err
    lines = text.splitlines()
    assert len([line for line in lines if not line.startswith("  ")]) == 1
    assert "it" in lines[0] or "***" in lines[0]
    assert "run-1" in lines[0]
    if told.form == "json":
        assert len(lines) == 1


def test_what_a_connection_opens_is_known_from_then_on(events, settings, monkeypatch):
    (settings.home / "connections.yml").write_text(
        "api: {url: 'https://h/x', token: t0ken-of-api, headers: {X-Key: k3y-of-api, Accept: application/json}}\n"
        "pg: {url: 'postgresql://h/d', user: me-user, password: 'p@ss word'}\n")
    (settings.home / "connections.yml").chmod(0o600)
    connections = load_connections(settings, {})
    connections.headers("api"), connections.url("pg")
    logging.getLogger("penstock").warning("t0ken-of-api, k3y-of-api, application/json, me-user, p@ss word, p%40ss%20word")
    assert events()[-1]["event"] == "***, ***, application/json, me-user, ***, ***"


def test_a_handler_of_a_framework_gets_scrubbed_records_and_the_terminal_gets_none(events, capsys):
    learn(CANARY)
    got = []

    class Sink(logging.Handler):
        def emit(self, record):
            got.append(logging.Formatter("%(message)s").format(record))

    log = logging.getLogger("strange.framework")
    log.propagate = False
    log.addHandler(logging.StreamHandler(sys.stderr))
    log.addHandler(Sink())
    log.error("of %s and %s", CANARY, {"token": NAMED}, exc_info=failed(CANARY))
    assert len(got) == 1
    assert got[0].startswith("of *** and {'token': '***'}\nTraceback")
    assert "c4nary" not in got[0]
    assert [e["event"] for e in events()] == ["of *** and {'token': '***'}"]
    assert capsys.readouterr().err == ""


def test_structlog_s_own_loggers_say_it_the_same_way(told):
    learn(CANARY)
    own_structlog()
    with bound(run_id="run-1"):
        try:
            raise ValueError(CANARY)
        except ValueError:
            structlog.get_logger("penstock.own").exception("of %s", CANARY, who=CANARY, password=NAMED, rows=12)
    text = told()
    assert "c4nary" not in text
    if told.form == "json":
        event = json.loads(text)
        assert {name: event[name] for name in ("level", "logger", "event", "run_id", "who", "password", "rows")} == {
            "level": "error", "logger": "penstock.own", "event": "of ***", "run_id": "run-1", "who": "***", "password": "***", "rows": 12}
        assert event["exception"].endswith("ValueError: ***")
    else:
        assert text.splitlines()[0].endswith("ERROR penstock.own: of *** run_id=run-1 password=*** rows=12 who=***") or "rows=12" in text


def test_an_event_is_one_line_whatever_is_in_it(told):
    bad = "a\nb\r\nc\x0b\x0c\x1c\x85\u2028\u2029d\x1b[31m\u202ee"
    logging.getLogger("penstock.x").warning("said %s", bad, extra={"cell": bad, "n": float("nan"), bad: [bad]})
    text = told()
    assert text.count("\n") == 1
    assert len(text.splitlines()) == 1
    if told.form == "json":
        event = json.loads(text)
        assert event["event"] == f"said {bad}"
        assert event["cell"] == bad
        assert event["n"] == "nan"
    else:
        assert "said a\\nb\\r\\nc\\x0b\\x0c\\x1c\\x85\\u2028\\u2029d\\x1b[31m\\u202ee" in text


def test_lines_are_bound_where_they_are_said(events):
    log = logging.getLogger("penstock.x")

    def work(step):
        logs.bind(run_id="run-1", step_id=step, attempt=2)
        log.info("in %s", step)

    threads = [threading.Thread(target=work, args=[name]) for name in "ab"]
    with bound(tenant="eu", pipeline_id="p"):
        log.info("outside")
        for thread in threads:
            thread.start()
            thread.join()
        log.info("adapter's", extra={"step_id": "c"})
    log.info("after")
    seen = [{name: e[name] for name in ("tenant", "pipeline_id", "run_id", "step_id", "attempt") if name in e} for e in events()]
    assert seen == [{"tenant": "eu", "pipeline_id": "p"}, {"run_id": "run-1", "step_id": "a", "attempt": 2},
                    {"run_id": "run-1", "step_id": "b", "attempt": 2}, {"tenant": "eu", "pipeline_id": "p", "step_id": "c"}, {}]
    assert list(events()[-2]) == ["timestamp", "level", "logger", "event", "tenant", "pipeline_id", "step_id"]


def test_what_nobody_caught_is_an_event_as_well(events, capsys):
    learn(CANARY)
    thread = threading.Thread(target=lambda: 1 / len(""), name="of-work")
    thread.start()
    thread.join()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"old {CANARY}\nway", stacklevel=1)
    lost, old = events()
    assert lost["event"] == "thread of-work ended: division by zero"
    assert "ZeroDivisionError" in lost["exception"]
    assert "old ***\nway" in old["event"]
    assert capsys.readouterr().err == ""


def test_levels_and_forms_are_settings(settings, monkeypatch, capsys):
    for name, value in (("PENSTOCK_LOG", "json"), ("PENSTOCK_LOG_LEVEL", "error"), ("PENSTOCK_HOME", str(settings.home))):
        monkeypatch.setenv(name, value)
    keep(Settings.load())
    logging.getLogger("penstock.x").warning("not told")
    logging.getLogger("penstock.x").error("told")
    assert json.loads(capsys.readouterr().err)["event"] == "told"
    keep(settings, level=logging.WARNING)
    logging.getLogger("penstock.x").info("not told")
    logging.getLogger("strange").info("not told")
    logging.getLogger("penstock.x").warning("told")
    said = capsys.readouterr().err
    assert said[25:] == "WARNING penstock.x: told\n"
    assert said[:25].endswith("Z ")


def test_a_log_that_cannot_be_written_stops_nobody(settings, capsys):
    (settings.home / "file").touch()
    keep(settings, file=settings.home / "file" / "x.log")
    logging.getLogger("penstock").warning("nowhere")
    assert capsys.readouterr().err == ""


PREFECT = """
import logging, sys
from flows.logs import keep, own_structlog
from flows.settings import Settings
keep(Settings.load())
from prefect import flow
from prefect.logging import get_logger
import prefect.settings
get_logger("flow_runs").error("of %s", "password=c4nary")
import uvicorn.config
uvicorn.config.Config(lambda: None)
logging.getLogger("uvicorn.error").error("Bearer c4nary-c4nary")
logging.getLogger("uvicorn.access").warning('%s - "%s %s HTTP/%s" %d', "127.0.0.1", "GET", "/x?token=c4nary", "1.1", 200)
import sqlalchemy
e = sqlalchemy.create_engine("sqlite://", echo=True)
logging.getLogger("sqlalchemy.engine.Engine").warning("postgres://me:c4nary@h")
"""


def test_frameworks_that_set_up_logs_of_their_own_log_our_way(tmp_path):
    done = subprocess.run([sys.executable, "-c", PREFECT], capture_output=True, text=True, check=True,
                          env={"PATH": "", "HOME": str(tmp_path), "PENSTOCK_HOME": str(tmp_path), "PENSTOCK_LOG": "json",
                               "PREFECT_HOME": str(tmp_path), "PREFECT_LOGGING_TO_API_ENABLED": "false"})
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert "c4nary" not in done.stderr + done.stdout
    assert done.stdout == ""
    assert [line["logger"] for line in lines] == ["prefect.flow_runs", "uvicorn.error", "uvicorn.access", "sqlalchemy.engine.Engine"]
    assert [line["event"] for line in lines] == [
        "of password=***", "Bearer ***", '127.0.0.1 - "GET /x?token=*** HTTP/1.1" 200', "postgres://***@h"]
