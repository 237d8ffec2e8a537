"""What a preview costs over bare DuckDB: the same aggregate of ten million Parquet rows, each in a process of its own, taking turns."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from measure import heading, middle, pairs, python, tell

ROWS, TIMES = 10_000_000, 5
MAKE = """COPY (SELECT i AS order_id, (i * 7919) % 1000000 AS customer_id, DATE '2025-01-01' + ((i * 7919) % 319)::INT AS order_date,
  ['Germany', 'France', 'US', 'UK', 'Spain'][1 + (i * 104729) % 5] AS country, ((i * 15485863) % 40000) / 4.0 AS amount
  FROM range({rows}) t(i)) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 122880)"""
SHAPES = {"day and country": ["order_date", "country"], "customer": ["customer_id"]}  # 1,595 groups and a million


def spec(path: str, by: list[str]) -> dict:
    measures = [{"fn": "sum", "column": "amount", "as": "revenue"}, {"fn": "count", "as": "orders"}]
    return {"pipeline_id": "bench", "steps": [
        {"step_id": "read", "ps_type": "generic.extract", "source": {"connection": "parquet", "path": path}},
        {"step_id": "revenue", "ps_type": "generic.transform", "config": {"inputs": ["read"], "operations": [
            {"op": "aggregate", "by": by, "measures": measures},
            {"op": "sort", "by": [{"column": "revenue", "direction": "desc"}, *({"column": column} for column in by)]},
            {"op": "limit", "n": 200}]}}]}


def bare(path: str, by: list[str]) -> object:
    """The query as a person would type it; the connection is closed, as a preview's session is."""
    import duckdb

    keys = ", ".join(by)
    with duckdb.connect() as con:
        return con.execute(f"SELECT {keys}, sum(amount) AS revenue, count(*) AS orders FROM '{path}' GROUP BY ALL "
                           f"ORDER BY revenue DESC, {keys} LIMIT 200").fetchall()[-1][-2]


def ours(path: str, by: list[str]) -> object:
    """The preview as the service gives it: checked, whole graph, nothing written."""
    from flows import Penstock
    from flows.settings import Settings

    folder = Path(path).parent
    with Penstock(settings=Settings.load(home=folder / "home", tenant_id="bench").with_folder(folder)) as penstock:
        found = penstock.preview(spec(path, by), limit=200).as_dict()
    assert found["ok"], found
    return found["steps"][1]["rows"][-1]["revenue"]


def peak() -> float:
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024


def child(which: str, path: str, shape: str) -> None:
    """One process of the comparison: a first call that also imports and warms, then the same again."""
    work = {"bare": bare, "ours": ours}[which]
    started = time.perf_counter()
    answer = work(path, SHAPES[shape])
    first = time.perf_counter() - started
    started = time.perf_counter()
    work(path, SHAPES[shape])
    print(json.dumps({"answer": answer, "first": first, "again": time.perf_counter() - started, "peak": peak()}))


def compare(path: str, shape: str) -> None:
    mine, theirs = pairs(lambda: python(__file__, "ours", path, shape), lambda: python(__file__, "bare", path, shape), times=TIMES)
    both = {key: tuple(middle([s.said[key] for s in side]) for side in (mine, theirs)) for key in ("first", "again", "peak")}
    a, b = both["again"]
    aim = 1.2 * b + 0.1
    tell(f"by {shape}: wall, in a process that is up", f"{a:.2f} / {b:.2f} s = {a / b:.2f}x", f"target {aim:.2f} s", a <= aim)
    a, b = both["first"]
    tell(f"by {shape}: wall, first call with imports", f"{a:.2f} / {b:.2f} s = {a / b:.2f}x")
    a, b = both["peak"]
    tell(f"by {shape}: peak memory of the process", f"{a:.0f} / {b:.0f} MB = {a / b:.2f}x", "target 1.3x", a <= 1.3 * b)
    answers = {s.said["answer"] for s in mine + theirs}
    tell(f"by {shape}: equal answers", str(len(answers) == 1), "True", len(answers) == 1)


def main() -> None:
    heading(f"preview of an aggregate of {ROWS:,} Parquet rows, against bare DuckDB (medians of {TIMES})")
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "orders.parquet")
        python("-c", f"import duckdb; duckdb.connect().execute({MAKE.format(rows=ROWS, path=path)!r})")
        for shape in SHAPES:
            compare(path, shape)
    held = python("-c", "import resource, sqlglot, sqlalchemy, duckdb, pydantic; "
                        "print([resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024])").said[0]
    tell("memory of the libraries alone, before any row", f"{held:.0f} MB")


if __name__ == "__main__":
    sys.exit(child(*sys.argv[1:]) if len(sys.argv) > 1 else main())
