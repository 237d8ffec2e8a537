"""docs/python.md says what is true: its examples run and print what stands under them, its tables name every call and option."""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import free_port

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def table(head: str) -> list[list[str]]:
    part = PAGE.split(head)[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("| `")]


def test_every_call_stands_in_the_table_with_its_parameters_and_role():
    from flows.access import needed
    from flows.service.pipelines import Pipelines

    told = {}
    for calls, _, roles in table("| call | gives | role |"):
        named = re.findall(r"`(\w+)\((.*?)\)`", calls)
        told.update({name: (given.split(", "), role) for (name, given), role in zip(named, roles.split(", "), strict=True)})
    there = {name.removesuffix("_sync"): method for name, method in vars(Pipelines).items() if name.endswith("_sync")}
    assert set(told) == set(there)
    for name, (given, role) in told.items():
        positional = [p.name for p in inspect.signature(there[name]).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        assert ["self", *given] == positional
        assert needed(there[name]) == role


def test_every_option_stands_in_the_table_with_its_default():
    from flows.service.pipeline import PipelineOptions

    told = [(name, said) for names, defaults, _ in table("| option | default | what it does |")
            for name, said in zip(re.findall(r"`(\w+)`", names), defaults.split(", "), strict=True)]
    words = {True: "on", "": "nobody"}
    assert told == [(each.name, words.get(each.default, each.default)) for each in dataclasses.fields(PipelineOptions)]


@pytest.mark.slow
@pytest.mark.aside
def test_the_examples_run_one_after_the_other_and_print_what_stands_under_them(home):
    done = subprocess.run([sys.executable, "-c", "\n".join(BLOCKS)], capture_output=True, text=True, timeout=250, check=False,
                          env={**os.environ, "PENSTOCK_HOME": str(home), "PENSTOCK_PREFECT_PORT": str(free_port())})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == re.findall(r"^#> (.*)$", "\n".join(BLOCKS), re.MULTILINE)
    compile(Path("by_country.py").read_text(encoding="utf-8"), "by_country.py", "exec")
