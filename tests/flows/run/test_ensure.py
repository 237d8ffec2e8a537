"""A single run starts what it needs, once, however slow the machine is."""

from __future__ import annotations

import subprocess
import sys

import pytest

from flows.errors import UnreachableError
from flows.run import up
from flows.store import open_store


@pytest.fixture
def store(settings):
    with open_store(settings.control_url) as opened:
        yield opened


def parents(monkeypatch, code: str) -> list[subprocess.Popen[bytes]]:
    """What is started instead of a parent: a process that never takes the lock."""
    made: list[subprocess.Popen[bytes]] = []

    def start(_: object) -> subprocess.Popen[bytes]:
        made.append(subprocess.Popen([sys.executable, "-S", "-c", code]))
        return made[-1]

    monkeypatch.setattr(up, "_start", start)
    return made


def test_a_parent_that_is_slow_to_its_lock_is_not_started_again(settings, store, monkeypatch):
    made = parents(monkeypatch, "import time; time.sleep(60)")
    monkeypatch.setattr(up, "START_SECONDS", 2.5)
    try:
        with pytest.raises(UnreachableError, match=r"the runner did not start within 2\.5 s"):
            up._wait_ready(settings, store)
        assert len(made) == 1
    finally:
        for process in made:
            process.kill()
            process.wait()


def test_a_parent_that_ends_is_started_three_times(settings, store, monkeypatch):
    made = parents(monkeypatch, "pass")
    with pytest.raises(UnreachableError, match="the runner did not start:"):
        up._wait_ready(settings, store)
    assert len(made) == up.STARTS
