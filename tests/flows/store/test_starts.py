"""One run at a time: a hundred starts of one pipeline from four processes at the same moment, through the service."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.store import Run, Store

STARTER = """
import json, sys, threading
from flows import Penstock
from flows.errors import PenstockError
penstock, many = Penstock(home=sys.argv[1], tenant="acme"), int(sys.argv[2])
spec = {"steps": [{"step_id": "a", "ps_type": "generic.wait", "config": {"seconds": 1}}]}
penstock.submit({**spec, "pipeline_id": sys.argv[3]})  # all is loaded, and the connections are made
print("ready", flush=True)
for line in sys.stdin:
    answers, together = [], threading.Barrier(many)
    def start():
        together.wait()
        try:
            answers.append(["started", penstock.submit({**spec, "pipeline_id": line.strip()}).run_id])
        except PenstockError as error:
            answers.append([type(error).__name__, error.exit_code, getattr(error, "run_id", ""), str(error)])
    threads = [threading.Thread(target=start) for _ in range(many)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print(json.dumps(answers), flush=True)
"""
PROCESSES, EACH = 4, 25


@pytest.fixture
def starters(url: str, tmp_path: Path, child: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, store: Store) -> list[Any]:
    monkeypatch.setenv("PENSTOCK_CONTROL_URL", url)
    born = [child(STARTER, tmp_path / "home", EACH, f"warm-{n}") for n in range(PROCESSES)]
    assert {each.hear() for each in born} == {"ready"}
    return born


def start_together(starters: list[Any], store: Store, pipeline: str) -> Run:
    """The one run that a hundred starts gave; every other start was refused with its id."""
    for each in starters:
        each.tell(pipeline)
    answers = [answer for each in starters for answer in json.loads(each.hear())]
    assert len(answers) == PROCESSES * EACH
    run_ids = [answer[1] for answer in answers if answer[0] == "started"]
    assert len(run_ids) == 1, answers
    for refused in (answer for answer in answers if answer[0] != "started"):
        assert refused[:3] == ["DuplicateRun", 2, run_ids[0]]
        assert f"already running as {run_ids[0]}" in refused[3]
    found = store.runs.find("acme", pipeline_id=pipeline, status=("PENDING", "RUNNING"))
    assert [run.run_id for run in found] == run_ids
    return found[0]


@pytest.mark.timeout(180)
def test_of_a_hundred_starts_one_runs_and_a_lost_holder_blocks_no_longer_than_its_lease(starters: list[Any], store: Store) -> None:
    for number in range(2):
        start_together(starters, store, f"orders-{number}")
    held = start_together(starters, store, "orders-again")
    store.runs.claim("runner@elsewhere:1:abc", 60)  # the warm ones come first
    while (taken := store.runs.claim("runner@elsewhere:1:abc", 60)) is not None:
        held = taken if taken.pipeline_id == "orders-again" else held
    store.runs.begin(held.run_id, "runner@elsewhere:1:abc")
    store.runs.renew("runner@elsewhere:1:abc", [held.run_id], -1)  # it was killed, and its lease is over
    fresh = start_together(starters, store, "orders-again")
    assert fresh.run_id != held.run_id
    assert store.runs.get("acme", held.run_id).status == "CRASHED"
