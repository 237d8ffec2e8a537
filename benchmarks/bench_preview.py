"""What a preview costs over bare DuckDB: the same aggregate of ten million rows, in one process taking turns (a table of the lake), and
each in a process of its own (a Parquet file)."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from measure import heading, middle, pairs, python, tell

ROWS, TIMES, TURNS = 10_000_000, 5, 15
MAKE = """COPY (SELECT i AS order_id, (i * 7919) % 1000000 AS customer_id, DATE '2025-01-01' + ((i * 7919) % 319)::INT AS order_date,
  ['Germany', 'France', 'US', 'UK', 'Spain'][1 + (i * 104729) % 5] AS country, ((i * 15485863) % 40000) / 4.0 AS amount
  FROM range({rows}) t(i)) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 122880)"""
SHAPES = {"day and country": ["order_date", "country"], "customer": ["customer_id"]}  # 1,595 groups and a million


def spec(source: dict, by: list[str], kind: str = "operations") -> dict:
    measures = [{"fn": "sum", "column": "amount", "as": "revenue"}, {"fn": "count", "as": "orders"}]
    keys = ", ".join(by)
    work = {"operations": {"step_id": "revenue", "ps_type": "generic.transform", "config": {"inputs": ["read"], "operations": [
                {"op": "aggregate", "by": by, "measures": measures},
                {"op": "sort", "by": [{"column": "revenue", "direction": "desc"}, *({"column": column} for column in by)]},
                {"op": "limit", "n": 200}]}},
            "sql": {"step_id": "revenue", "ps_type": "generic.sql", "config": {"inputs": ["read"], "query": (
                f"SELECT {keys}, SUM(amount) AS revenue, COUNT(*) AS orders FROM read GROUP BY {keys} "
                f"ORDER BY revenue DESC, {keys} LIMIT 200")}}}[kind]
    return {"pipeline_id": "bench", "steps": [{"step_id": "read", "ps_type": "generic.extract", "source": source}, work]}


def open_bench(folder: Path) -> object:
    from flows import Penstock
    from flows.settings import Settings

    return Penstock(settings=Settings.load(home=folder / "home", tenant_id="bench").with_folder(folder))


def shown(penstock: object, wanted: dict) -> object:
    """The preview as the service gives it: checked, whole graph, nothing written."""
    found = penstock.preview(wanted, limit=200).as_dict()
    assert found["ok"], found
    return found["steps"][1]["rows"][-1]["revenue"]


def bare(path: str, by: list[str]) -> object:
    """The query as a person would type it; the connection is closed, as a preview's session is."""
    import duckdb

    keys = ", ".join(by)
    with duckdb.connect() as con:
        return con.execute(f"SELECT {keys}, sum(amount) AS revenue, count(*) AS orders FROM '{path}' GROUP BY ALL "
                           f"ORDER BY revenue DESC, {keys} LIMIT 200").fetchall()[-1][-2]


def ours(path: str, by: list[str]) -> object:
    with open_bench(Path(path).parent) as penstock:
        return shown(penstock, spec({"connection": "parquet", "path": path}, by))


def to_lake(folder: Path, path: str) -> list[str]:
    """The file as the table mart.orders; gives the table's own files."""
    from flows.settings import Settings
    from flows.store import open_store
    from flows.warehouse.duckdb import DuckDBWarehouse

    settings = Settings.load(home=folder / "home", tenant_id="bench")
    settings.make_home()
    with open_store(settings.control_url) as store, \
            DuckDBWarehouse(settings, store.manifest, "bench", stage_dir=folder / "stage", read_dirs=[folder]) as warehouse:
        warehouse.load(warehouse.stage("orders", warehouse.read_file(path).tree), "mart.orders", mode="truncate")
        return [str(warehouse.lake.path(file)) for file in warehouse.lake.pin("mart.orders").files]


def turns(path: str) -> None:
    """Preview and bare DuckDB one after the other in this process, over the same files of the lake."""
    folder = Path(path).parent
    (file,) = to_lake(folder, path)
    with open_bench(folder) as penstock:
        cases = [("lake table, operations", {"table": "mart.orders"}, file), ("lake table, SQL", {"table": "mart.orders"}, file),
                 ("file, operations", {"connection": "parquet", "path": path}, path)]
        for shape, by in SHAPES.items():
            for what, source, same in cases:
                wanted = spec(source, by, "sql" if "SQL" in what else "operations")
                mine, theirs = alternate(partial(shown, penstock, wanted), partial(bare, same, by))
                a, b = middle(mine), middle(theirs)
                aim = 1.1 * b + 0.05
                tell(f"{what} by {shape}", f"{a * 1000:.0f} / {b * 1000:.0f} ms = {a / b:.2f}x",
                     f"target {aim * 1000:.0f} ms", a <= aim)


def alternate(mine: Callable[[], object], theirs: Callable[[], object]) -> tuple[list[float], list[float]]:
    """Seconds of each, taking turns; the first turn is not counted, and the answers are equal."""
    taken: dict[Callable[[], object], list[float]] = {mine: [], theirs: []}
    answers = set()
    for turn in range(TURNS + 1):
        for work in (mine, theirs) if turn % 2 else (theirs, mine):
            started = time.perf_counter()
            answers.add(work())
            taken[work].append(time.perf_counter() - started)
    assert len(answers) == 1, answers
    return taken[mine][1:], taken[theirs][1:]


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
    aim = 1.1 * b + 0.05
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
        turns(path)
        for shape in SHAPES:
            compare(path, shape)
    held = python("-c", "import resource, sqlglot, sqlalchemy, duckdb, pydantic; "
                        "print([resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024])").said[0]
    tell("memory of the libraries alone, before any row", f"{held:.0f} MB")


if __name__ == "__main__":
    sys.exit(child(*sys.argv[1:]) if len(sys.argv) > 1 else main())
