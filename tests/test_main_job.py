"""The main job, as the README promises it: a sentence, a checked spec, a preview, a run on a real Prefect server, and the right rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from flows import Penstock

SENTENCE = ("Daily revenue by country: join orders with customers, keep only paid orders, sum amount per day and country, "
            "into mart.daily_revenue partitioned by day, every day at 2 AM, retry 3 times")
BY_HAND = """
SELECT o.order_date, c.country, SUM(o.amount) AS amount
FROM shop.orders AS o JOIN shop.customers AS c ON o.customer_id = c.customer_id
WHERE o.status = 'paid' GROUP BY o.order_date, c.country
"""

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("prefect"), pytest.mark.timeout(600)]


def penstock(*args: str, home: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-m", "flows.cli", *args, "--home", str(home)], capture_output=True, text=True,
                          cwd=home.parent, timeout=300)
    assert done.returncode == code, done.stderr[-2000:] + done.stdout[-2000:]
    return done


def rows(door: Penstock, sql: str) -> list[tuple[object, ...]]:
    return sorted((tuple(row.values()) for row in door.query(sql).to_pylist()), key=repr)  # a country may be NULL


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("main") / "home"
    home.mkdir()
    return home


def test_the_demo_runs_twice_and_gives_the_same_rows(place: Path):
    first = penstock("demo", home=place).stdout
    assert SENTENCE in first
    for part in ("valid (full)", "Nothing was written.", "Succeeded", "mart.daily_revenue", "/runs/flow-run/"):
        assert part in first
    with Penstock(home=place) as door:
        once = rows(door, "SELECT order_date, country, revenue FROM mart.daily_revenue")
        assert len(once) > 1000
        assert [(d, c, pytest.approx(a)) for d, c, a in once] == [(d, c, a) for d, c, a in rows(door, BY_HAND)]
    second = penstock("demo", home=place).stdout
    assert first.split("Rows out")[1] == second.split("Rows out")[1]
    with Penstock(home=place) as door:
        assert rows(door, "SELECT order_date, country, revenue FROM mart.daily_revenue") == once


def test_every_step_is_green_and_carries_its_lineage(place: Path):
    found = json.loads(penstock("status", "daily-revenue", "--json", home=place).stdout)["runs"]
    assert [run["status"] for run in found] == ["SUCCESS", "SUCCESS"]
    assert {step["status"] for run in found for step in run["steps"]} == {"SUCCESS"}
    lineage = json.loads(penstock("query", "SELECT DISTINCT x_org_slug, x_pipeline_id, x_run_id FROM mart.daily_revenue", "--json",
                                  home=place).stdout)["rows"]
    assert lineage == [["demo", "daily-revenue", found[0]["run_id"]]]


def test_run_prints_the_contract_and_nothing_else(place: Path):
    spec = place.parent / "small.yml"
    spec.write_text(json.dumps({"pipeline_id": "small", "steps": [
        {"step_id": "read", "ps_type": "generic.extract", "source": {"table": "stores"}},
        {"step_id": "keep", "ps_type": "generic.load", "config": {"input": "read"},
         "destination": {"engine": "duckdb", "table": "mart.stores", "mode": "overwrite"}}]}))
    done = penstock("run", str(spec), "--json", home=place)
    document = json.loads(done.stdout)
    assert document["status"] == "SUCCESS"
    assert [step["step_id"] for step in document["steps"]] == ["read", "keep"]
    assert set(document["steps"][0]) == {"step_id", "status", "attempts", "started_at", "ended_at", "rows_processed", "error"}
    assert document["steps"][1]["rows_processed"] == json.loads(
        penstock("query", "SELECT COUNT(*) FROM mart.stores", "--json", home=place).stdout)["rows"][0][0]
