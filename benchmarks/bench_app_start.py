"""From `penstock up` to the first page that can be used in a browser: from an empty home (cold) and again (warm).

    python benchmarks/bench_app_start.py [--times 3]

The page is measured in Chromium, as the browser tests find it; without one only the server's part is told.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measure import ROOT, heading, middle, tell

sys.path.insert(0, str(ROOT))
USABLE = "textarea[data-testid=stChatInputTextArea]:not([disabled])"
LIMIT = 300  # seconds


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(said: Path, words: str, parent: subprocess.Popen[bytes], started: float) -> float:
    """Seconds from `started` until the parent has said these words."""
    while words not in said.read_text():
        if parent.poll() is not None or time.perf_counter() - started > LIMIT:
            raise RuntimeError(said.read_text())
        time.sleep(0.02)
    return time.perf_counter() - started


def start(home: Path, chrome: Any) -> dict[str, float]:
    """Seconds of one start and one stop, by what was waited for."""
    said = home.with_suffix(".txt")
    env = {**os.environ, "PENSTOCK_HOME": str(home), "PENSTOCK_CONTROL_URL": "", "PENSTOCK_PREFECT_PORT": str(free_port()),
           "PENSTOCK_APP_PORT": str(free_port())}
    taken, started = {}, time.perf_counter()
    with said.open("w") as out:
        parent = subprocess.Popen([sys.executable, "-u", "-m", "flows.cli", "up"], env=env, stdout=out, stderr=out)
    try:
        taken["address printed"] = until(said, "Open http", parent, started)
        if chrome:
            address = next(line.removeprefix("Open ") for line in said.read_text().splitlines() if line.startswith("Open "))
            context = chrome.new_context()
            page, opened = context.new_page(), time.perf_counter()
            page.goto(address)
            page.wait_for_selector(USABLE, timeout=LIMIT * 1000)
            taken["first page usable"] = time.perf_counter() - started
            taken["of that, in the browser"] = time.perf_counter() - opened
            opened = time.perf_counter()
            page.reload()
            page.wait_for_selector(USABLE, timeout=LIMIT * 1000)
            taken["reload of that page"] = time.perf_counter() - opened
            context.close()
        taken["runs can start"] = until(said, "penstock is up", parent, started)
    finally:
        parent.send_signal(signal.SIGINT)
        stopped = time.perf_counter()
        parent.wait(60)
    taken["all stopped"] = time.perf_counter() - stopped
    return taken


def measure(times: int, chrome: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cold = [start(Path(folder) / f"home{n}", chrome) for n in range(times)]
        warm = [start(Path(folder) / f"home{n}", chrome) for n in range(times)]
    for name, runs in (("cold", cold), ("warm", warm)):
        for what in runs[0]:
            tell(f"{name}: {what}", f"{middle([run[what] for run in runs]):.1f} s", f"{min(r[what] for r in runs):.1f} to "
                 f"{max(r[what] for r in runs):.1f} s")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--times", type=int, default=3)
    times = asked.parse_args().times
    heading(f"`penstock up` to the first page (medians of {times})")
    try:
        from playwright.sync_api import sync_playwright

        from tests.fixtures.browser import ARGS, chromium, node
    except ImportError:
        return measure(times, None)
    found = chromium()
    if found is None:
        return measure(times, None)
    node()
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=found[0], args=ARGS, env={**os.environ, **found[1]})
        measure(times, chrome)
        chrome.close()
    return None


if __name__ == "__main__":
    main()
