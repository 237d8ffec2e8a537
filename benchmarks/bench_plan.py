"""How long a person waits for `penstock plan` from a cold start."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measure import heading, middle, pairs, python, tell

TEXT = "Daily revenue by country: join orders with customers, keep only paid orders, sum amount per day and country, " \
       "into mart.daily_revenue partitioned by day, every day at 2 AM, retry 3 times"


def main() -> None:
    heading("penstock plan, a new process each time")
    with tempfile.TemporaryDirectory() as home:
        env = {"PENSTOCK_HOME": home}
        plan, bare = pairs(lambda: python("-m", "flows.cli", "plan", TEXT, "--json", env=env), lambda: python("-c", "pass"), times=5)
        left = sorted(path.name for path in Path(home).iterdir())
    seconds = middle([p.seconds for p in plan])
    tell("wall time, median of 5", f"{seconds:.2f} s", "target 0.80 s", seconds < 0.8)
    tell("  processor time, which a busy machine stretches less", f"{middle([p.cpu for p in plan]):.2f} s")
    tell("  of that, Python itself", f"{middle([b.cpu for b in bare]):.2f} s")
    tell("peak memory", f"{middle([p.peak_mb for p in plan]):.0f} MB")
    tell("status of the answer", plan[0].said["status"], "ready", plan[0].said["status"] == "ready")
    tell("files it left behind", str(len(left)), "0", not left)


if __name__ == "__main__":
    sys.exit(main())
