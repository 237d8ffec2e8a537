"""What a run logs can be read back: by line, by step, from the end, while it is being written."""

import json
import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from flows.logs import Lines, bound
from flows.run import runlog
from flows.run.job import Job
from flows.run.runlog import LogLine, follow_log, of_step, read_log, run_log
from flows.scrub import Scrubber


@pytest.fixture
def job(settings, catalog, spec_of):
    return Job(settings=settings, store=None, catalog=catalog, spec=spec_of({"step_id": "a"}), run_id="run-1", run_date=None)


def said(lines):
    return [(line.level, line.step, line.text) for line in lines]


def test_lines_name_their_time_level_and_step(job):
    before = datetime.now(UTC)
    with run_log(job) as log:
        log.info("run %s", "run-1")
        of_step(log, "load.orders").warning("late")
        of_step(log, "load").info("12 rows")
    lines = read_log(job.log_file)
    assert said(lines) == [("INFO", "", "run run-1"), ("WARNING", "load.orders", "late"), ("INFO", "load", "12 rows")]
    assert all(before - timedelta(seconds=1) < line.at <= datetime.now(UTC) for line in lines)
    assert said(read_log(job.log_file, step="load")) == [("INFO", "load", "12 rows")]
    assert said(read_log(job.log_file, step="")) == [("INFO", "", "run run-1")]
    assert read_log(job.log_file, step="nowhere") == []


def test_a_trace_belongs_to_its_line_and_holds_no_secret(job):
    with run_log(job) as log:
        try:
            raise ValueError("cannot open mysql://root:topsecret@db")
        except ValueError as error:
            of_step(log, "read").error("step read failed: %s", error, exc_info=error)
        log.info("token=abcdefgh\nrun ended")
    trace, end = read_log(job.log_file)
    assert trace.step == "read"
    assert trace.text.startswith("step read failed: cannot open mysql://***@db\nTraceback (most recent call last):\n  File ")
    assert end.text == "token=***\nrun ended"
    assert "topsecret" not in job.log_file.read_text()


def test_each_line_is_one_event_that_a_machine_reads(job):
    with run_log(job) as log, bound(run_id="another", attempt=2, area="eu"):
        try:
            raise ValueError("no\u2028way")
        except ValueError as error:
            of_step(log, "load").error("two\nlines\u2028three", exc_info=error)
        log.info("done", extra={"rows": 12})
    first, last = (json.loads(line) for line in job.log_file.read_text(encoding="utf-8").splitlines())
    names = {"tenant": "demo", "run_id": "run-1", "pipeline_id": job.spec.pipeline_id}
    assert {name: first[name] for name in names} == {name: last[name] for name in names} == names
    assert (first["level"], first["event"], first["step_id"], first["attempt"], first["area"]) == (
        "error", "two\nlines\u2028three", "load", 2, "eu")
    assert first["exception"].endswith("ValueError: no\u2028way")
    assert (last["event"], last["rows"], last["logger"]) == ("done", 12, "penstock.run")
    assert "step_id" not in last
    assert read_log(job.log_file, step="load")[0].as_dict() == first


OLD = """2025-11-15T02:00:00.000Z INFO - run run-1
2025-11-15T02:00:01.123Z WARNING load.orders late
  by a minute
2025-11-15T02:00:02.000Z ERROR load failed
  Traceback
    File x
"""


def test_a_log_of_the_old_form_is_read_as_well(job):
    job.log_file.parent.mkdir(parents=True)
    job.log_file.write_text(OLD)
    with run_log(job) as log:
        log.info("goes on")
    lines = read_log(job.log_file)
    assert said(lines) == [("INFO", "", "run run-1"), ("WARNING", "load.orders", "late\nby a minute"),
                           ("ERROR", "load", "failed\nTraceback\n  File x"), ("INFO", "", "goes on")]
    assert lines[1].as_dict() == {"timestamp": "2025-11-15T02:00:01.123Z", "level": "warning", "event": "late\nby a minute",
                                  "step_id": "load.orders"}


@pytest.mark.parametrize("text", [
    '{"event": "x"}', "{}", "{", '{"timestamp": "now", "event": "x", "level": "info"}', "{[1]}", '{"timestamp": 1}'])
def test_what_is_no_event_is_left_out(job, text):
    job.log_file.parent.mkdir(parents=True)
    job.log_file.write_text(f"{text}\n")
    assert read_log(job.log_file) == []


def test_no_text_passes_for_a_line_of_its_own(job):
    forged = "2025-11-15T02:00:00.000Z INFO other all is well"
    with run_log(job) as log:
        for end in ("\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028"):
            of_step(log, "read").info("cell: x%s%s", end, forged)
    assert {line.step for line in read_log(job.log_file)} == {"read"}
    assert {line.text for line in read_log(job.log_file)} == {f"cell: x\n{forged}"}


def test_there_is_nothing_before_the_first_step(tmp_path):
    assert read_log(tmp_path / "no.log") == []
    (tmp_path / "empty.log").write_text("")
    assert read_log(tmp_path / "empty.log") == []


def test_a_line_that_is_being_written_waits_and_a_half_one_is_left_out(job):
    with run_log(job) as log:
        log.info("whole")
    with job.log_file.open("a") as file:
        file.write("2025-11-15T02:00:00.000Z INFO - ha")
    assert said(read_log(job.log_file)) == [("INFO", "", "whole")]
    with job.log_file.open("a") as file:
        file.write("lf\nnonsense\n2025-11-15T02:00:00.000Z IN\n")
    assert said(read_log(job.log_file)) == [("INFO", "", "whole"), ("INFO", "", "half")]


texts = st.lists(st.tuples(st.sampled_from(["", "a", "load"]), st.text(st.characters(exclude_categories=["Cs"]), max_size=60)), max_size=30)


@given(texts, st.integers(1, 200), st.integers(1, 40))
@hypothesis_settings(deadline=None, max_examples=60)
def test_what_was_logged_is_read_back_whatever_it_is(tmp_path_factory, written, block, limit):
    place = tmp_path_factory.getbasetemp() / "any.log"
    formatter = Lines("json", Scrubber(), root="t")
    records = [logging.LogRecord(f"t.{step}" if step else "t", logging.INFO, "", 1, text, None, None) for step, text in written]
    place.write_text("".join(formatter.format(record) + "\n" for record in records), encoding="utf-8", newline="")
    whole, runlog.BLOCK = runlog.BLOCK, block
    try:
        lines = read_log(place, limit=limit)
    finally:
        runlog.BLOCK = whole
    scrub = Scrubber()
    wanted = [(step, runlog.BREAKS.sub("\n", scrub(text))) for step, text in written][-limit:]
    assert [(line.step, line.text) for line in lines] == wanted


def test_only_the_end_of_a_large_log_is_read(job, monkeypatch):
    with run_log(job) as log:
        for n in range(3000):
            log.info("line %d", n)
    lines = read_log(job.log_file, limit=2000)
    assert (len(lines), lines[0].text, lines[-1].text) == (2000, "line 1000", "line 2999")
    monkeypatch.setattr(runlog, "BLOCK", 1000)
    monkeypatch.setattr(runlog, "FAR", 20_000)
    assert 50 < len(read_log(job.log_file, limit=2000)) < 200
    assert isinstance(lines[0], LogLine)


@pytest.mark.parametrize("block", [7, 65_536])
def test_a_log_is_followed_while_it_is_written(job, monkeypatch, block):
    monkeypatch.setattr(runlog, "BLOCK", block)
    monkeypatch.setattr(runlog, "LOOK_EVERY", 0.01)
    over = threading.Event()
    seen, got = [], threading.Semaphore(0)

    def read():
        for line in follow_log(job.log_file, over.is_set, limit=2):
            seen.append(line.text)
            got.release()

    with run_log(job) as log:
        for n in range(3):
            log.info("before %d", n)
        with job.log_file.open("a") as file:
            file.write('{"timestamp": "2025-11-15T02:00:00.000Z", "level": "info", ')
        reader = threading.Thread(target=read)
        reader.start()
        assert got.acquire(timeout=10)
        assert got.acquire(timeout=10)
        with job.log_file.open("a") as file:
            file.write('"event": "half"}\n')
        assert got.acquire(timeout=10)
        of_step(log, "load").info("then")
        assert got.acquire(timeout=10)
        over.set()
        log.info("last")
    reader.join(10)
    assert seen == ["before 1", "before 2", "half", "then", "last"]


def test_a_log_that_is_not_there_yet_is_waited_for(job, monkeypatch):
    monkeypatch.setattr(runlog, "LOOK_EVERY", 0.01)
    looks = []

    def ended():
        looks.append(1)
        if len(looks) == 3:
            with run_log(job) as log:
                of_step(log, "a").info("one")
                of_step(log, "b").info("two")
        return len(looks) > 3

    assert said(follow_log(job.log_file, ended, step="b")) == [("INFO", "b", "two")]
