"""A large file loaded by real runs (`penstock run`, Prefect's server, a process each): seconds, peak memory of that process, progress.

    python benchmarks/bench_load.py 50000000      the promise of the specification; without a number five million rows, for `make bench`
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from measure import ROOT, heading, python, tell

ROWS, MOST_MB, MOST_WORK_MB, EVERY = 5_000_000, 600, 4096, 0.1
MAKE = """COPY (SELECT i AS order_id, (i * 7919) % 1000000 AS customer_id, DATE '2025-01-01' + ((i * 7919) % 319)::INT AS order_date,
  ['Germany', 'France', 'US', 'UK', 'Spain'][1 + (i * 104729) % 5] AS country, ((i * 15485863) % 40000) / 4.0 AS amount,
  'note ' || (i * 48271) % 2147483647 AS note FROM range({rows}) t(i)) TO '{path}' (FORMAT parquet)"""
LAYOUTS = {"plain": {}, "by day": {"partition_by": "order_date"}, "clustered": {"cluster_by": ["country"]},
           "by day, clustered": {"partition_by": "order_date", "cluster_by": ["country"]}, "filtered, derived": {}}
WORK = {"step_id": "work", "ps_type": "generic.transform", "config": {"inputs": ["read"], "operations": [
    {"op": "filter", "where": {"column": "amount", "is": ">", "value": 1000}}, {"op": "derive", "columns": {"tax": "amount * 0.19"}}]}}


def spec(path: Path, layout: str) -> dict[str, Any]:
    works = [WORK] if layout.startswith("filtered") else []
    steps = [{"step_id": "read", "ps_type": "generic.extract", "source": {"connection": "parquet", "path": str(path)}}, *works,
             {"step_id": "load", "ps_type": "generic.load", "config": {"input": "work" if works else "read"},
              "destination": {"engine": "duckdb", "table": "mart.orders", **LAYOUTS[layout]}}]
    return {"pipeline_id": "bench", "steps": steps}


def high_water(pid: int) -> float:
    """The most memory that a process and its children have held so far, in MB; 0 when it is gone."""
    found = 0.0
    with suppress(OSError):
        children = [int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()]
        held = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        found = (int(held[1]) / 1024 if held else 0.0) + sum(map(high_water, children))
    return found


def run(file: Path, home: Path) -> tuple[dict[str, Any], float, list[str]]:
    """The run as `--json` prints it, the peak of its process in MB, and what its log says of progress."""
    before = set(home.glob("logs/*/*.log"))
    env = {**os.environ, "PENSTOCK_HOME": str(home), "PENSTOCK_CONTROL_URL": "", "PENSTOCK_PREFECT_PORT": "4720"}
    with tempfile.TemporaryFile() as out:
        command = subprocess.Popen([sys.executable, "-m", "flows.cli", "run", str(file), "--json"], cwd=ROOT, env=env, stdout=out)
        pid, peak = 0, 0.0
        while command.poll() is None:
            for log in set(home.glob("logs/*/*.log")) - before if not pid else ():
                said = re.search(r", process (\d+)", log.read_text())
                pid = int(said[1]) if said else 0
            peak = max(peak, high_water(pid) if pid else 0.0)
            time.sleep(EVERY)
        out.seek(0)
        found = json.loads(out.read())
    (log,) = set(home.glob("logs/*/*.log")) - before
    return found, peak, [line for line in log.read_text().splitlines() if " %" in line]


def took(step: dict[str, Any]) -> float:
    return (datetime.fromisoformat(step["ended_at"]) - datetime.fromisoformat(step["started_at"])).total_seconds()


def show(layout: str, rows: int, found: dict[str, Any], peak: float, said: list[str]) -> None:
    assert found["status"] == "SUCCESS", found
    steps = found["steps"]
    seconds = sum(map(took, steps))
    tell(f"{layout}: steps", f"{seconds:.1f} s", ", ".join(f"{step['step_id']} {took(step):.1f} s" for step in steps))
    tell(f"{layout}: rows a second", f"{rows / seconds:,.0f}")
    most = MOST_WORK_MB if layout.startswith("filtered") else MOST_MB
    tell(f"{layout}: peak memory of the run's process", f"{peak:.0f} MB", f"target {most} MB", peak <= most)
    if not layout.startswith("filtered"):
        tell(f"{layout}: rows", f"{steps[-1]['rows_processed']:,}", f"{rows:,}", steps[-1]["rows_processed"] == rows)
    tell(f"{layout}: lines of progress", str(len(said)), said[len(said) // 2].strip()[-70:] if said else "")


def main(rows: int, layouts: list[str]) -> None:
    heading(f"a load of {rows:,} Parquet rows into the lake, by real runs")
    with tempfile.TemporaryDirectory() as folder:
        path, home = Path(folder) / "orders.parquet", Path(folder) / "home"
        python("-c", f"import duckdb; duckdb.connect().execute({MAKE.format(rows=rows, path=path)!r})")
        for layout in layouts:
            file = Path(folder) / "flow.json"
            file.write_text(json.dumps(spec(path, layout)))
            show(layout, rows, *run(file, home))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else ROWS, sys.argv[2:] or list(LAYOUTS)))
