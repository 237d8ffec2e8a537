"""`penstock backfill` as a person types it; that it works days off is tried in tests/flows/run/test_runtime.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.cli import call

SPEC = """
pipeline_id: daily
steps:
  - {step_id: read, ps_type: generic.extract, source: {query: "select {run_date} as day"}}
  - {step_id: load, ps_type: generic.load, config: {input: read}, destination: {table: mart.days, mode: append}}
"""
DAYS = ["--from", "2025-11-01", "--to", "2025-11-07"]


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "daily.yml"
    path.write_text(SPEC)
    return str(path)


def test_it_is_queued_listed_shown_stopped_and_resumed(spec, capsys, home):
    assert call(["backfill", spec, *DAYS, "--at-once", "3", "--detach"]) == 0
    backfill_id, said = capsys.readouterr().out.split(maxsplit=1)
    assert said.startswith("7 days are queued.\n  No runner is up. Start one with `penstock up`.")
    assert call(["backfill", "list"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if backfill_id in line)
    assert line.split()[:9] == [backfill_id, "daily", "at", "work", "0", "7", "3", "2025-11-01", "2025-11-07"]
    assert call(["status", backfill_id]) == 0
    assert "0 of 7 days done, none at work." in capsys.readouterr().out
    assert call(["backfill", "stop", backfill_id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "STOPPED"
    assert call(["backfill", "resume", backfill_id, "--detach", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["backfill_id"], told["status"], told["days"], told["done"], told["at_once"]) == (backfill_id, "RUNNING", 7, 0, 3)
    assert call(["backfill", "daily", *DAYS]) == 2
    assert f"'daily' is already being backfilled as {backfill_id}" in capsys.readouterr().err


def test_options_may_come_first(spec, capsys, home):
    assert call(["backfill", *DAYS, "--detach", spec]) == 0
    assert "7 days are queued." in capsys.readouterr().out


def test_days_that_do_the_same_and_days_to_come_are_told(spec, capsys, home):
    Path(spec).write_text(SPEC.replace("{run_date}", "1"))
    assert call(["backfill", spec, "--from", "2999-01-01", "--to", "2999-01-02", "--detach"]) == 0
    told = capsys.readouterr().err
    assert "note: no step uses the run date, so every day would read and write the same." in told
    assert "note: 2 days are still to come (1 to 2 January 2999)" in told


@pytest.mark.parametrize(("args", "told"), [
    (["--from", "2025-11-07", "--to", "2025-11-01"], "--to: the last day, 2025-11-01, comes before the first, 2025-11-07. Swap them"),
    (["--from", "yesterday", "--to", "2025-11-01"], "--from: 'yesterday' is not a date. Write it as 2025-11-15"),
    (["--from", "2020-01-01", "--to", "2025-11-01"], "a backfill has at most 1,000 days, not 2,132"),
    (["--from", "2025-11-01"], "Missing option '--to'"),
    ([*DAYS, "--at-once", "17"], "17 is not in the range 1<=x<=16"),
    ([*DAYS, "--param", "n=1"], "--param n: the pipeline has no parameter 'n'"),
    ([*DAYS, "--param", "run_date=2025-11-01"], "--param run_date: every day of a backfill has its own run date. Leave it out"),
    ([*DAYS, "--env", "mars"], "there is no environment 'mars'"),
])
def test_wrong_days_are_one_line(args, told, spec, capsys, home):
    assert call(["backfill", spec, *args]) == 2
    got = capsys.readouterr()
    assert (got.out, got.err.count("\n")) == ("", 1)
    assert told in got.err


def test_days_that_would_write_over_each_other_are_refused(spec, capsys, home):
    Path(spec).write_text(SPEC.replace("mode: append", "mode: overwrite"))
    assert call(["backfill", spec, *DAYS, "--at-once", "2"]) == 2
    assert "steps.load.destination.mode: every day replaces the whole of mart.days. Run one day at a time" in capsys.readouterr().err


@pytest.mark.parametrize("args", [["stop", "fill-1"], ["resume", "fill-1"]])
def test_an_unknown_backfill_is_said(args, capsys, home):
    assert call(["backfill", *args]) == 2
    assert "there is no backfill 'fill-1'. See them: penstock backfill list" in capsys.readouterr().err
