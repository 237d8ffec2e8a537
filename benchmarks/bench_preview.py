"""What a preview costs over bare DuckDB: the same aggregate of ten million Parquet rows, each in a process of its own, taking turns."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from measure import heading, middle, pairs, python, tell

ROWS, TIMES = 10_000_000, 7
MAKE = """COPY (SELECT i AS order_id, DATE '2025-01-01' + ((i * 7919) % 319)::INT AS order_date,
  ['Germany', 'France', 'US', 'UK', 'Spain'][1 + (i * 104729) % 5] AS country, ((i * 15485863) % 40000) / 4.0 AS amount
  FROM range({rows}) t(i)) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 122880)"""
QUERY = "SELECT order_date, country, sum(amount) AS revenue, count(*) AS orders FROM '{path}' GROUP BY ALL ORDER BY ALL"


def spec(path: str) -> dict:
    measures = [{"fn": "sum", "column": "amount", "as": "revenue"}, {"fn": "count", "as": "orders"}]
    return {"pipeline_id": "bench", "steps": [
        {"step_id": "read", "ps_type": "generic.extract", "source": {"connection": "parquet", "path": path}},
        {"step_id": "revenue", "ps_type": "generic.transform", "config": {"inputs": ["read"], "operations": [
            {"op": "aggregate", "by": ["order_date", "country"], "measures": measures},
            {"op": "sort", "by": [{"column": "order_date"}, {"column": "country"}]}]}}]}


def bare(path: str) -> int:
    """The query as a person would type it."""
    import duckdb

    return len(duckdb.connect().execute(QUERY.format(path=path)).fetchall())


def ours(path: str) -> int:
    """The preview as the service gives it: checked, whole graph, nothing written."""
    from flows import Penstock
    from flows.settings import Settings

    folder = Path(path).parent
    seen = Penstock(settings=Settings.load(home=folder / "home", tenant_id="bench").with_folder(folder)).preview(spec(path), limit=200)
    found = seen.as_dict()
    assert found["ok"], found
    return next(len(step["rows"]) if step["row_count"] is None else step["row_count"] for step in found["steps"] if step["step_id"] == "revenue")


def child(which: str, path: str) -> None:
    work = {"bare": bare, "ours": ours}[which]
    before = time.perf_counter()
    rows = work(path)
    first = time.perf_counter() - before
    before = time.perf_counter()
    work(path)
    again = time.perf_counter() - before
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024
    print(json.dumps({"rows": rows, "first": first, "again": again, "peak_mb": peak}))


def main() -> None:
    heading(f"preview of an aggregate of {ROWS:,} Parquet rows, against bare DuckDB")
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "orders.parquet")
        python("-c", f"import duckdb; duckdb.connect().execute({MAKE.format(rows=ROWS, path=path)!r})")
        run = {which: (lambda which=which: python(__file__, which, path)) for which in ("ours", "bare")}
        mine, theirs = pairs(run["ours"], run["bare"], times=TIMES)
    for key, what in (("again", "wall, in a process that is up"), ("first", "wall, first call, imports included")):
        a, b = (middle([s.said[key] for s in side]) for side in (mine, theirs))
        aim, kept = (f"target {1.2 * b + 0.1:.2f} s", a <= 1.2 * b + 0.1) if key == "again" else ("", None)
        tell(what, f"{a:.2f} / {b:.2f} s = {a / b:.2f}x", aim, kept)
    a, b = (middle([s.said["peak_mb"] for s in side]) for side in (mine, theirs))
    tell("peak memory", f"{a:.0f} / {b:.0f} MB = {a / b:.2f}x", "target 1.3x", a <= 1.3 * b)
    same = {s.said["rows"] for s in mine + theirs}
    tell("rows, equal on both sides", str(sorted(same)), "", len(same) == 1)


if __name__ == "__main__":
    sys.exit(child(*sys.argv[1:]) if len(sys.argv) > 1 else main())
