"""What every test may ask for: a home of its own, settings, a control store, the sample shop; and the account of what was skipped."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as property_settings

pytest_plugins = [f"tests.fixtures.{path.stem}" for path in sorted(Path(__file__).with_name("fixtures").glob("*.py"))]

# where a person says "this must be able to run here", a missing peer is a failure and not a skip
PEERS = {"browser": "browser tests skipped", "postgres": "PostgreSQL tests skipped", "bigquery": "BigQuery tests skipped"}
# a project with a bill of its own is nobody's duty: its absence is said, not failed
OPTIONAL = "BigQuery on a real project skipped"
STRICT = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

# a build machine tries the same examples each time, people's machines look for new ones
property_settings.register_profile("build", derandomize=True, deadline=None)
if STRICT:
    property_settings.load_profile("build")


def pytest_configure() -> None:
    """No test sees the settings of the person who runs it."""
    for name in [name for name in os.environ if name.startswith("PENSTOCK_") and not name.startswith(("PENSTOCK_SKIPS", "PENSTOCK_TEST_"))]:
        del os.environ[name]


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a command sets up for its process, its log and the secrets that it knows, is undone after each test."""
    monkeypatch.setattr("flows.scrub._known", ())
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    root, factory, raising = logging.getLogger(), logging.getLogRecordFactory(), logging.raiseExceptions
    handlers = root.handlers[:]
    levels = {log: log.level for log in map(logging.getLogger, ("penstock", "httpx"))}
    yield
    for handler in [each for each in root.handlers if each not in handlers]:
        root.removeHandler(handler)
        handler.close()
    logging.setLogRecordFactory(factory)
    logging.captureWarnings(False)
    logging.raiseExceptions = raising
    for log, level in levels.items():
        log.setLevel(level)
    if "structlog" in sys.modules:
        sys.modules["structlog"].reset_defaults()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home that PENSTOCK_HOME names, and files are looked for in an empty folder."""
    place, here = tmp_path / "home", tmp_path / "here"
    place.mkdir()
    here.mkdir()
    monkeypatch.setenv("PENSTOCK_HOME", str(place))
    monkeypatch.chdir(here)
    return place


@pytest.fixture
def settings(home: Path) -> Any:
    from flows.settings import Settings

    return Settings.load()


@pytest.fixture
def store(settings: Any) -> Iterator[Any]:
    from flows.store import open_store

    opened = open_store(settings.control_url)
    yield opened
    opened.dispose()


@pytest.fixture
def shop(settings: Any, store: Any) -> Any:
    """Settings of a home that holds the sample shop at a hundredth of its size: 200 customers, 2,000 orders."""
    from flows.insight.sample import ensure_sample

    ensure_sample(settings, store, scale=0.01)
    return settings


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """With CI=1 a test of a peer does not get away with a skip."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if STRICT and report.skipped and not hasattr(report, "wasxfail"):
        marks, why = {mark.name for mark in item.iter_markers()}, reason(report)
        missing = [peer for peer, words in PEERS.items() if peer in marks or why.startswith(words)]
        if missing and not why.startswith(OPTIONAL):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} was skipped, and with CI=1 {', '.join(missing)} must be here: {why}"


def reason(report: pytest.TestReport) -> str:
    where = report.longrepr
    return str(where[2] if isinstance(where, tuple) else where).removeprefix("Skipped: ")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Leave the reasons of all skips where `.ci/test` reads them, to say them last, when all calls are over."""
    place = os.environ.get("PENSTOCK_SKIPS")
    if place:
        with open(place, "a", encoding="utf-8") as skips:
            skips.writelines(f"{reason(report)}\n" for report in terminalreporter.stats.get("skipped", []))
