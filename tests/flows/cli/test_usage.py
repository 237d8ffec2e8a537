"""The command line as a person meets it: help, wrong words, exit codes, and nothing but one line when something is wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from flows.cli import call
from flows.cli.root import COMMANDS


def test_help_names_every_command(capsys):
    assert call(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name, capsys):
    assert call([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"Usage: penstock {name}" in out
    assert "--home" in out or "COMMAND" in out


@pytest.mark.parametrize(("args", "told"), [
    (["plam"], "Did you mean 'plan'?"),
    (["plan", "--jsn", "x"], "--json"),
    (["plan"], "there is no text"),
    (["plan", "--now", "tomorrow", "x"], "--now: 'tomorrow' is not a time with a zone"),
    (["plan", "--batch", "nowhere.jsonl"], "--batch: 'nowhere.jsonl' cannot be read"),
    (["run"], "Missing argument"),
    (["run", "x.yml", "--param", "day"], "--param: 'day' is not of the form name=value"),
    (["query"], "give the SQL in quotes or with --file"),
    (["validate", "nowhere.yml"], "nowhere.yml"),
    (["run", "no-such-pipeline"], "there is no pipeline 'no-such-pipeline'"),
    (["cancel", "run-1"], "run-1"),
    (["status", "nothing"], "there is no run or pipeline 'nothing'"),
    (["engines", "show", "generic.extrakt"], "Did you mean 'generic.extract'?"),
    (["catalog", "show", "oders"], "Did you mean 'orders'?"),
    (["status", "--tenant", "a/b"], "tenant 'a/b' is not a valid name"),
])
def test_wrong_words_are_one_line_and_exit_2(args, told, capsys, home):
    assert call(args) == 2
    got = capsys.readouterr()
    assert got.out == ""
    assert got.err.startswith("penstock: ")
    assert told in got.err
    assert got.err.count("\n") == 1


def test_a_fault_of_ours_is_one_line_with_a_code_and_the_trace_is_in_the_log(tmp_path):
    script = "import flows.cli, flows.cli.root; flows.cli.root.penstock.main = lambda **_: 1 / 0; flows.cli.main(['status'])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env={"PENSTOCK_HOME": str(tmp_path), "PATH": ""})
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    code = done.stderr.split("code ")[1].split(")")[0]
    log = (tmp_path / "logs" / "penstock-errors.log").read_text()
    assert code in log
    assert "division by zero" in log


def test_lists_are_one_json_document(capsys, home):
    for args in (["engines", "--help"], ["status", "--json"], ["catalog", "list", "--json"], ["engines", "list", "--json"]):
        assert call(args) == 0
        out = capsys.readouterr().out
        if "--json" in args:
            assert out.count("\n") == 1
            json.loads(out)


def test_a_failing_preview_keeps_its_trace_in_the_log(capsys, home):
    assert call(["catalog", "add", "x", "--table", "shop.nothere"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "'shop.nothere' is not there" in err
    assert "Traceback" in (home / "logs" / "penstock.log").read_text()


def test_a_file_is_catalogued_and_then_read_by_its_name(capsys, home):
    (home.parent / "here" / "people.csv").write_text("id,name\n1,Ann\n2,Bob\n")
    assert call(["catalog", "add", "people", "--file", "people.csv"]) == 0
    assert call(["catalog", "show", "people", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {name: c["type"] for name, c in shown["columns"].items()} == {"id": "INT64", "name": "STRING"}
    spec = "pipeline_id: p\nsteps:\n- {step_id: a, ps_type: generic.extract, source: {table: people}}\n"
    (home.parent / "here" / "p.yml").write_text(spec)
    assert call(["preview", "p.yml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"][0]["rows"] == [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}]


def test_a_preview_says_what_is_made_up_and_what_agrees(capsys, home):
    (home / "catalog").mkdir()
    (home / "catalog" / "demo.yml").write_text("tables:\n  bills:\n    connection: snowflake\n    columns: {n: {type: INT64}}\n")
    query = "query: SELECT APPROX_COUNT_DISTINCT(n) AS n FROM a"
    (home.parent / "here" / "p.yml").write_text("pipeline_id: p\nsteps:\n- {step_id: a, ps_type: generic.extract, source: {table: bills}}\n"
                                               f"- {{step_id: b, ps_type: generic.sql, config: {{inputs: [a], {query}}}}}\n")
    assert call(["preview", "p.yml"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("DuckDB and BigQuery: approximate locally where a step says so\n")
    assert "a  (generic.extract, 200 rows, generated rows, same on both)" in out
    assert "200 generated rows stand in for bills: connection snowflake has no address here" in out
    assert "  approximate locally: APPROX_COUNT_DISTINCT" in out
    assert call(["catalog", "add", "bills", "--table", "bills"]) == 2


def test_a_sample_of_production_needs_a_project(capsys, home):
    step = "{step_id: a, ps_type: generic.extract, source: {table: orders}}"
    (home.parent / "here" / "p.yml").write_text(f"pipeline_id: p\nsteps:\n- {step}\n")
    assert call(["preview", "p.yml", "--sample", "production"]) == 3
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "no BigQuery project is set up" in err


def command(args: str, home) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-o", "pipefail", "-c", f"{sys.executable} -m flows.cli {args}"], text=True, capture_output=True,
                          env={**os.environ, "PENSTOCK_HOME": str(home)}, timeout=120, check=False)


def test_a_reader_that_stops_early_is_no_failure(tmp_path):
    done = command("query --tenant other 'select n, repeat(\"x\", 500) as t from unnest(generate_array(1, 5000)) as n' | head -1", tmp_path)
    assert (done.returncode, done.stderr.replace("5,000 rows", "").strip()) == (0, "")


def test_a_full_disk_under_the_output_is_one_line(tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("this machine has no /dev/full")
    done = command("query --tenant other 'select 1 as a' --json > /dev/full", tmp_path)
    assert done.returncode == 3
    assert done.stderr.startswith("penstock: the output cannot be written")
    assert done.stderr.count("\n") == 1


def test_a_home_that_cannot_be_made_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for args in (["status"], ["up"], ["query", "select 1"]):
        assert call([*args, "--home", str(tmp_path / "file" / "home")]) == 2
        assert "file/home cannot be made: Not a directory" in capsys.readouterr().err


def test_a_line_of_a_batch_that_is_none_leaves_the_others_alone(tmp_path, capsys):
    (tmp_path / "in.jsonl").write_text('{"id": 2, "sql": 5}\n[1]\nxx\n{"id": 3}\n{"id": 4, "sql": "select 1 as a"}\n')
    assert call(["query", "--batch", str(tmp_path / "in.jsonl"), "--json", "--home", str(tmp_path / "home")]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ["error" in a for a in answers] == [True, True, True, True, False]
    assert answers[4]["rows"] == [[1]]


ENDLESS = ("select count(*) as n from unnest(generate_array(1, 1000000)) as a, unnest(generate_array(1, 1000000)) as b "
           "where mod(a * b, 7) = 3")


def test_a_statement_that_never_ends_is_stopped_by_its_time(capsys, home):
    assert call(["query", "--timeout", "0.3", ENDLESS]) == 1
    assert "took longer than 0.3 s" in capsys.readouterr().err


def test_ctrl_c_stops_a_statement(home):
    asked = subprocess.Popen([sys.executable, "-m", "flows.cli", "query", "--tenant", "t", ENDLESS], stderr=subprocess.PIPE, text=True,
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # a shell's background job ignores it
    try:
        log = home / "stage" / "t" / "adhoc"
        until = time.monotonic() + 120
        while not log.exists() and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.5)  # the session is open: the statement is about to run, or runs
        err = ""
        while asked.poll() is None and time.monotonic() < until:  # one that meets an import or a destructor is lost
            asked.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                _, err = asked.communicate(timeout=10)
    finally:
        asked.kill()
    assert asked.returncode == 130
    assert "stopped" in err
    assert "Traceback" not in err


def test_many_rows_in_a_pipe_are_tab_separated_and_whole(capsys, home):
    assert call(["query", "--tenant", "t", "select n, 'a' as a from unnest(generate_array(1, 300)) as n order by n"]) == 0
    got = capsys.readouterr()
    assert got.out.splitlines()[:2] == ["n\ta", "1\ta"]
    assert len(got.out.splitlines()) == 301
    assert "300 rows" in got.err


def test_a_parameter_is_given_once(capsys, home):
    assert call(["run", "x.yml", "--param", "n=3", "--param", "n=4"]) == 2
    assert "'n' is given twice" in capsys.readouterr().err


def test_a_batch_goes_on_after_a_line_of_the_wrong_form(capsys, home):
    wrong = [{"setup": 5}, {"setup": [1]}, {"params": 3}, {"params": {"a": 1}}, {"probe": 7}]
    lines = [{"id": n, "sql": "select 1 as a", **more} for n, more in enumerate([*wrong, {}])]
    (home / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert call(["query", "--batch", str(home / "in.jsonl"), "--json"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer.get("verdict") for answer in answers] == ["failed"] * 5 + [None]
    assert answers[-1]["rows"] == [[1]]


def test_the_demo_is_for_the_tenant_that_has_its_shop(capsys, home):
    assert call(["demo", "--tenant", "other"]) == 2
    got = capsys.readouterr()
    assert got.out == ""
    assert "the sample shop belongs to the tenant demo" in got.err
