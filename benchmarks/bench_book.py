"""What the run book in the warehouse costs: 10,000 ended runs of 10 steps written, one more run written, and questions asked of it."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from measure import ROOT, heading, tell

sys.path.insert(0, str(ROOT))

from flows.insight.catalog import Catalog
from flows.run import book
from flows.run.session import open_session
from flows.settings import Settings
from flows.store import NewRun, Store, open_store
from flows.warehouse import runbook

RUNS, STEPS, DAYS = 10_000, 10, 30
QUESTION = ("SELECT run_date, COUNTIF(status = 'FAILED') AS failures, COUNT(*) AS n FROM x_meta_pipeline_runs GROUP BY run_date")
JOINED = ("SELECT r.pipeline_id, AVG(CAST(JSON_VALUE(s.execution_metadata, '$.seconds') AS FLOAT64)) AS seconds FROM x_meta_step_logs s "
          "JOIN x_meta_pipeline_runs r USING (pipeline_logging_id) GROUP BY 1")


def fill(store: Store, count: int) -> None:
    """Ended runs straight into the store: a run's own way is measured elsewhere."""
    from sqlalchemy import insert

    from flows.store.schema import runs, steps

    now = datetime.now(UTC)
    result = {"seconds": 1.25, "rejected": 0, "notes": ["read from orders"], "checks": [], "outputs": {"table": "mart.orders"}}
    with store.books._database.write() as connection:
        for n in range(count):
            began = now - timedelta(days=n % DAYS, seconds=n)
            run_id = f"run-{n:08d}"
            connection.execute(insert(runs).values(
                run_id=run_id, tenant_id="demo", pipeline_id=f"p{n % 50}", version=1, spec={"steps": []}, params={"run_date": "2025-11-15"},
                environment="local", trigger_by="bench", run_date=began.date().isoformat(), folders=[], error="", owner="", attempt=1,
                status="FAILED" if n % 20 == 0 else "SUCCESS", cancel=False, resume_of="", flow_run_id="", created_at=began,
                started_at=began, ended_at=began))
            connection.execute(insert(steps), [
                {"run_id": run_id, "step_id": f"s{k}", "name": f"Step {k}", "ps_type": "generic.sql", "position": k, "status": "SUCCESS",
                 "attempts": 1, "started_at": began, "ended_at": began + timedelta(seconds=1), "rows_processed": 100, "error": "",
                 "result": result} for k in range(STEPS)])


def timed(settings: Settings, store: Store, sql: str) -> tuple[float, int]:
    began = time.perf_counter()
    with open_session(settings, store, Catalog(), stage="adhoc") as session:  # type: ignore[attr-defined]
        rows = session.query(sql).num_rows
    return time.perf_counter() - began, rows


def main() -> None:
    heading(f"the run book in the warehouse: {RUNS:,} runs of {STEPS} steps")
    with tempfile.TemporaryDirectory() as place:
        settings = Settings(home=Path(place), control_url=f"sqlite:///{place}/control.sqlite")
        store = open_store(settings.control_url)
        fill(store, RUNS)
        began = time.perf_counter()
        done = book.write_local(settings, store)
        tell("all of them at once", f"{time.perf_counter() - began:.2f} s for {done:,} runs")
        one = []
        for _ in range(50):
            run = store.runs.submit(NewRun("demo", "one", {"steps": []}), owner="me", lease_seconds=60)
            store.runs.begin(run.run_id, "me")
            store.steps.plan(run.run_id, [(f"s{k}", f"Step {k}", "generic.sql", k) for k in range(STEPS)])
            store.runs.finish(run.run_id, "SUCCESS")
            began = time.perf_counter()
            book.write_local(settings, store)
            one.append(time.perf_counter() - began)
        tell("one more run", f"{sorted(one)[len(one) // 2] * 1000:.0f} ms in the middle, {max(one) * 1000:.0f} ms at most (50 of them)")
        began = time.perf_counter()
        book.catch_up(settings, store)
        tell("nothing to write", f"{(time.perf_counter() - began) * 1000:.1f} ms before each question")
        for table in runbook.TABLES:
            files = store.manifest.files("demo", table.name)
            tell(table.name, f"{sum(f.rows for f in files):,} rows in {len(files)} files, {sum(f.bytes for f in files) / 1e6:.1f} MB")
        for what, sql in (("failures a day", QUESTION), ("mean seconds of the steps of each pipeline", JOINED)):
            seconds, rows = timed(settings, store, sql)
            tell(what, f"{seconds:.2f} s, session and {json.dumps(rows)} rows included")
        store.dispose()


if __name__ == "__main__":
    main()
