"""`penstock export`: a Python file of a spec, to stdout or to a new file; and the file runs the pipeline with Prefect."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.cli import call
from flows.service import Penstock

SPEC = """\
pipeline_id: copy-orders
parameters:
- {name: least, type: number, default: 0}
steps:
- {step_id: read, ps_type: generic.extract, source: {table: orders, columns: [order_id, amount]}}
- step_id: keep
  ps_type: generic.sql
  config: {inputs: [read], query: "select order_id, cast({run_date} as date) as day from read where amount >= {least}"}
- {step_id: load, ps_type: generic.load, config: {input: keep}, destination: {engine: bigquery, table: mart.copy_orders, mode: overwrite}}
"""


def test_a_file_a_template_and_a_stored_pipeline_are_exported(home, capsys):
    Path("p.yml").write_text(SPEC)
    assert call(["export", "p.yml"]) == 0
    text = capsys.readouterr().out
    compile(text, "p.py", "exec")
    with Penstock(home=home) as door:
        door._keep(door.source("p.yml"))
    assert call(["export", "copy-orders"]) == 0
    assert capsys.readouterr().out == text
    assert call(["export", "gallery/basic_etl"]) == 0
    assert '"pipeline_id": "gallery-basic-etl"' in capsys.readouterr().out


def test_a_file_is_written_once_and_never_over_another(home, capsys):
    Path("p.yml").write_text(SPEC)
    assert call(["export", "p.yml", "--out", "p.py"]) == 0
    assert "python p.py" in capsys.readouterr().err
    before = Path("p.py").read_text()
    assert call(["export", "p.yml", "--out", "p.py"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert Path("p.py").read_text() == before
    assert call(["export", "p.yml", "--out", "no/such/p.py"]) == 2
    assert call(["export", "nothing"]) == 2


@pytest.mark.slow
@pytest.mark.aside
def test_the_exported_file_runs_with_prefect_outside_of_the_app(shop, capsys):
    Path("p.yml").write_text(SPEC)
    assert call(["export", "p.yml", "--out", "p.py"]) == 0
    env = {**os.environ, "PREFECT_HOME": str(shop.home / "prefect"), "PREFECT_API_URL": ""}

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "p.py", *more], capture_output=True, text=True, timeout=250, check=False, env=env)

    done = run("--date", "2025-11-15", "--param", "least=100")
    assert done.returncode == 0, done.stderr
    assert "3 of 3 steps ran" in done.stdout
    with Penstock(settings=shop) as door:
        [view] = door.runs(pipeline_id="copy-orders")
        assert (view.run.status, str(view.run.run_date), view.run.params) == ("SUCCESS", "2025-11-15", {"least": 100.0})
        [row] = door.query("select count(*) as n, min(day) as day from mart.copy_orders").to_pylist()
        [all_rows] = door.query("select count(*) as n from orders").to_pylist()
        assert str(row["day"]) == "2025-11-15"
        assert 0 < row["n"] < all_rows["n"]
    assert run("--param", "least").returncode == 2
