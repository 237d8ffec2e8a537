"""`penstock logs`: what a run said, for people and for programs."""

import json

import pytest

from flows.cli import call
from flows.run.job import log_file
from flows.service import Penstock

SPEC = {"pipeline_id": "w", "steps": [{"step_id": name, "ps_type": "generic.wait", "config": {"seconds": 1}} for name in ("load", "other")]}
LINES = [
    {"timestamp": "2025-11-15T02:00:00.000Z", "level": "info", "logger": "penstock.run", "event": "begins", "run_id": "r"},
    {"timestamp": "2025-11-15T02:00:01.250Z", "level": "error", "logger": "penstock.run", "event": "bad \x1b[31m cell", "step_id": "load",
     "attempt": 2, "exception": "Traceback:\n  File x\n\nValueError: y"},
    {"timestamp": "2025-11-15T02:00:02.000Z", "level": "info", "logger": "penstock.run", "event": "other works", "step_id": "other"},
]


@pytest.fixture
def run_id(tmp_path, monkeypatch):
    monkeypatch.setenv("PENSTOCK_HOME", str(tmp_path / "home"))
    with Penstock() as door:
        run_id = door.submit(SPEC).run_id
        place = log_file(door.settings, run_id)
        place.parent.mkdir(parents=True)
        place.write_text("2025-11-15T01:00:00.000Z INFO - an old line\n" + "".join(json.dumps(line) + "\n" for line in LINES))
        door.cancel(run_id)
    return run_id


def test_a_person_reads_lines(run_id, capsys):
    assert call(["logs", run_id]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2025-11-15 01:00:00.000  INFO     an old line",
        "2025-11-15 02:00:00.000  INFO     begins",
        "2025-11-15 02:00:01.250  ERROR    load: bad \\x1b[31m cell (try 2)",
        "  Traceback:", "    File x", "", "  ValueError: y",
        "2025-11-15 02:00:02.000  INFO     other: other works"]


def test_a_program_reads_events(run_id, capsys):
    assert call(["logs", run_id, "--json", "--step", "load"]) == 0
    assert json.loads(capsys.readouterr().out) == {"run_id": run_id, "lines": [LINES[1]]}
    assert call(["logs", run_id, "--json", "--limit", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["lines"] == [LINES[2]]


def test_a_run_that_has_ended_is_followed_to_its_end(run_id, capsys):
    assert call(["logs", run_id, "--follow", "--json", "--limit", "3"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == LINES


@pytest.mark.parametrize(("args", "told"), [
    (["run-x"], "there is no run 'run-x'. See the newest ones: penstock status"),
    (["{}", "--step", "loda"], "has no step 'loda'. Did you mean 'load'?"),
    (["{}", "--limit", "0"], "0 is not in the range"),
    (["{}", "--tenant", "other"], "there is no run"),
    (["../../etc/passwd"], "there is no run"),
])
def test_what_is_not_there_is_one_line(run_id, capsys, args, told):
    assert call(["logs", *(arg.format(run_id) for arg in args)]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1


def test_a_run_that_has_not_begun_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PENSTOCK_HOME", str(tmp_path))
    with Penstock() as door:
        run_id = door.submit(SPEC).run_id
    assert call(["logs", run_id]) == 0
    got = capsys.readouterr()
    assert (got.out, got.err) == ("", "No log lines: the run has not begun, or its log was removed.\n")
