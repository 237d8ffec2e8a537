"""A load of fifty million rows: time, peak memory of its process, and what its log says meanwhile."""

from __future__ import annotations

import json
import logging
import resource
import sys
import tempfile
import time
from pathlib import Path

from measure import heading, python, tell

ROWS, MOST_MB = 50_000_000, 600
MAKE = """COPY (SELECT i AS order_id, (i * 7919) % 1000000 AS customer_id, DATE '2025-01-01' + ((i * 7919) % 319)::INT AS order_date,
  ['Germany', 'France', 'US', 'UK', 'Spain'][1 + (i * 104729) % 5] AS country, ((i * 15485863) % 40000) / 4.0 AS amount
  FROM range({rows}) t(i)) TO '{path}' (FORMAT parquet)"""
LAYOUTS = {"plain": {}, "by day": {"partition_by": "order_date"}, "clustered": {"cluster_by": ["country"]}}


def spec(path: str, layout: str) -> dict:
    steps = [{"step_id": "read", "ps_type": "generic.extract", "source": {"connection": "parquet", "path": path}},
             {"step_id": "load", "ps_type": "generic.load", "config": {"input": "read"},
              "destination": {"engine": "duckdb", "table": "mart.orders", "mode": "append", **LAYOUTS[layout]}}]
    return {"pipeline_id": "bench", "steps": steps}


def child(path: str, layout: str) -> None:
    """The steps one after the other, each in its own session, as a run has them."""
    from flows import Penstock
    from flows.engines.base import Cancel
    from flows.run.job import make_job
    from flows.run.plan import make_plan
    from flows.run.step import attempt
    from flows.settings import Settings
    from flows.spec.loader import from_data

    said: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    log = logging.getLogger("bench")
    log.setLevel(logging.INFO)
    log.addHandler(Keep())
    folder = Path(path).parent
    settings = Settings.load(home=folder / "home", tenant_id="bench").with_folder(folder)
    with Penstock(settings=settings) as penstock:
        job = make_job(from_data(spec(path, layout)), settings=settings, store=penstock.store, catalog=penstock.catalog)
        relations, seconds = {}, {}
        for step in make_plan(job.spec, catalog=penstock.catalog, limits=settings.limits).steps:
            started = time.perf_counter()
            ended = attempt(step, job, {name: relations[name] for name in step.upstream if name in relations}, Cancel(), log)
            assert ended.ok, ended.error
            seconds[step.step_id] = time.perf_counter() - started
            if ended.result.relation:
                relations[step.step_id] = ended.result.relation
    print(json.dumps({"rows": ended.result.rows, "seconds": seconds, "said": said,
                      "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def main() -> None:
    heading(f"a load of {ROWS:,} Parquet rows into the lake")
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "orders.parquet")
        python("-c", f"import duckdb; duckdb.connect().execute({MAKE.format(rows=ROWS, path=path)!r})")
        for layout in LAYOUTS:
            done = python(__file__, path, layout)
            steps = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in done.said["seconds"].items())
            tell(f"{layout}: wall", f"{done.seconds:.1f} s", steps)
            kept = done.said["peak"] <= MOST_MB
            tell(f"{layout}: peak memory of the process", f"{done.said['peak']:.0f} MB", f"target {MOST_MB} MB", kept)
            tell(f"{layout}: rows", f"{done.said['rows']:,}", f"{ROWS:,}", done.said["rows"] == ROWS)
            tell(f"{layout}: lines of progress", str(len(done.said["said"])), "at least 1", bool(done.said["said"]))
            for line in done.said["said"][:3]:
                print(f"    {line}")


if __name__ == "__main__":
    sys.exit(child(*sys.argv[1:]) if len(sys.argv) > 1 else main())
