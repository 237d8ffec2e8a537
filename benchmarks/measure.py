"""What the benchmarks share: processes with their wall time and peak memory, medians, interleaved pairs, and one way to print.

    python benchmarks/bench_plan.py        or all of them: make bench

Numbers of a shared machine swing; ratios of interleaved pairs hold better. A missed target is printed, never an error.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Spent:
    """What one process took: wall and processor seconds, peak resident memory in MB, and the JSON document it printed (or None)."""

    seconds: float
    cpu: float
    peak_mb: float
    said: Any = None


def spend(args: Sequence[str], *, env: dict[str, str] | None = None) -> Spent:
    """Run a process to its end. Raises RuntimeError with its errors when it fails."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        child = subprocess.Popen(args, cwd=ROOT, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if child.returncode:
            raise RuntimeError(f"{' '.join(args)} ended with {child.returncode}: {err.read().decode()[-2000:]}")
        text = out.read().decode().strip()
    return Spent(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, json.loads(text) if text[:1] in ("{", "[") else None)


def python(*args: str, env: dict[str, str] | None = None) -> Spent:
    """The same for this Python."""
    return spend([sys.executable, *args], env=env)


def pairs(ours: Callable[[], Spent], theirs: Callable[[], Spent], *, times: int) -> tuple[list[Spent], list[Spent]]:
    """Take turns, so that what else the machine does meets both; each is run once before, uncounted."""
    ours(), theirs()
    taken = [(ours(), theirs()) if turn % 2 else (theirs(), ours())[::-1] for turn in range(times)]
    return [a for a, _ in taken], [b for _, b in taken]


def middle(values: Sequence[float]) -> float:
    return median(values)


def tell(what: str, value: str, target: str = "", kept: bool | None = None) -> None:
    """One line: what, how much, the target and whether it was met."""
    verdict = "" if kept is None else "  ok" if kept else "  MISSED"
    print(f"{what:<58} {value:>22}   {target}{verdict}".rstrip(), flush=True)


def heading(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}", flush=True)
