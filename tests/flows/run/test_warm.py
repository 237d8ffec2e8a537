"""The fork server has what every run needs, and a run's process does not go through it again."""

from __future__ import annotations

import json
import subprocess
import sys

from flows.run.supervisor import preload

CODE = """
import gc, importlib, json
from flows.run.supervisor import preload
before = gc.get_freeze_count()
for name in preload():
    importlib.import_module(name)
from flows.engines import registry
print(json.dumps([before, gc.get_freeze_count(), len(gc.get_objects()), registry._strangers.cache_info().currsize]))
"""


def test_what_is_loaded_before_the_fork_is_out_of_the_collectors_way() -> None:
    said = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout
    before, frozen, counted, looked_up = json.loads(said.splitlines()[-1])
    assert before == 0
    assert frozen > 100_000 > counted
    assert looked_up == 1


def test_the_freeze_comes_last() -> None:
    assert preload()[-1] == "flows.run.warm"
