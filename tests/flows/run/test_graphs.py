"""The table of graphs: each file of tests/golden/graphs is a pipeline that says at its foot how it must end. All are run for real.

A file is a plain spec, so `penstock run FILE` runs it too; the connections `moody` and `dead` are those of tests/fixtures/ground.py.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from flows.spec.loader import parse

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("prefect"), pytest.mark.timeout(300)]

GRAPHS = Path(__file__).parents[2] / "golden" / "graphs"
FILES = sorted(GRAPHS.glob("*.yml"))
STEP = re.compile(r"(?P<state>[A-Z_]+), (?:(?P<tries>\d+) (?:try|tries)(?:, (?P<rows>\d+) rows)?|(?P<reason>.+))\Z")
FACT = re.compile(r"(\w+) (after|not beside|beside|ends before) (\w+)\Z")


@dataclass(frozen=True)
class Graph:
    """One file: the spec, and what its foot promises."""

    spec: dict
    run: str
    steps: dict
    order: tuple = ()
    cancel: tuple = ()
    limits: dict | None = None

    @classmethod
    def of(cls, path):
        text = path.read_text()
        foot = text.partition("# expected:\n")[2]
        said = yaml.safe_load("\n".join(line.removeprefix("#") for line in foot.splitlines()))
        steps = {step_id: STEP.match(words).groupdict() for step_id, words in said["steps"].items()}
        when = [tuple(each.split(" is ")) for each in said.get("cancelled when", "").split(", ") if each]
        return cls(parse(text, where=path.name).as_dict(), said["run"], steps, tuple(FACT.match(f).groups() for f in said.get("order", [])),
                   tuple(when), said.get("limits"))


def test_there_are_enough_of_them_and_each_can_be_read():
    assert len(FILES) >= 40
    graphs = {path.stem: Graph.of(path) for path in FILES}
    assert len({graph.spec["pipeline_id"] for graph in graphs.values()}) == len(FILES)
    for name, graph in graphs.items():
        assert name.endswith(graph.spec["pipeline_id"])
        assert graph.spec["name"]
        assert graph.spec["description"]
        assert set(graph.steps) == {step["step_id"] for step in graph.spec["steps"]}


@pytest.fixture(scope="module")
def flown(ground):
    """All graphs, run side by side on one Prefect server."""
    (ground.settings.folders[0] / "bad_rows.csv").write_text((GRAPHS / "bad_rows.csv").read_text())
    graphs = {path.stem: Graph.of(path) for path in FILES}

    async def stop(pipeline, when):
        """A person who waits until the steps are where the graph wants them, and stops the run."""
        while True:
            await asyncio.sleep(0.05)
            for run in ground.store.runs.find("demo", pipeline_id=pipeline):
                now = {step.step_id: step.status for step in ground.store.steps.of(run.run_id)}
                if all(now.get(step_id) == state for step_id, state in when):
                    ground.store.runs.ask_cancel("demo", run.run_id)
                    return

    def flight(graph):
        async def fly():
            stopper = asyncio.create_task(stop(graph.spec["pipeline_id"], graph.cancel)) if graph.cancel else None
            ended = await ground.fly(graph.spec, limits=graph.limits)
            if stopper:
                await stopper
            return ended
        return fly

    return dict(zip(graphs, ground.at_once(*(flight(graph) for graph in graphs.values())), strict=True))


@pytest.mark.parametrize("name", [path.stem for path in FILES])
def test_a_graph_ends_as_its_foot_says(flown, name):
    graph, (run, steps) = Graph.of(GRAPHS / f"{name}.yml"), (flown[name].run, flown[name].steps)
    for step_id, said in graph.steps.items():
        step = steps[step_id]
        assert (step_id, step.status) == (step_id, said["state"]), step.error
        assert step.attempts == int(said["tries"] or 0), step_id
        if said["reason"] is not None:
            assert step.error == said["reason"]
        if said["rows"]:
            assert step.rows_processed == int(said["rows"])
    assert run.status == graph.run, run.error
    assert bool(run.error) == (graph.run != "SUCCESS")
    for one, how, other in graph.order:
        assert holds(steps[one], how, steps[other]), (one, how, other)


def holds(one, how, other):
    begun = lambda step: step.started_at or step.ended_at  # noqa: E731  # a skipped step only ends
    if how == "after":
        return begun(one) >= other.ended_at
    if how == "ends before":
        return one.ended_at < other.ended_at
    beside = begun(one) < other.ended_at and begun(other) < one.ended_at
    return beside is (how == "beside")


def test_a_resumed_run_judges_alarms_anew_and_reads_again_what_its_variables_changed(ground):
    wait = {"ps_type": "generic.wait", "config": {"seconds": 0}}
    spec = {"pipeline_id": "resumed", "variables": {"n": 1}, "steps": [
        {"step_id": "alarm", **wait, "depends_on": [], "trigger": "on_failure"},
        {"step_id": "plain", "ps_type": "generic.sql", "depends_on": [], "config": {"query": "SELECT 1 AS a"}},
        {"step_id": "valued", "ps_type": "generic.sql", "depends_on": [], "config": {"query": "SELECT {n} AS a"}},
        {"step_id": "lost", "ps_type": "generic.sql", "depends_on": [], "config": {"query": "SELECT 2 AS a"}},
        {"step_id": "read", "ps_type": "generic.extract", "depends_on": [], "source": {"path": "resumed_late.csv"}},
        {"step_id": "load", **wait, "depends_on": ["read", "plain"]},
        {"step_id": "tidy", **wait, "depends_on": ["load"], "trigger": "always"}]}
    first = ground.at_once(lambda: ground.fly(spec))[0]
    assert {s: step.status for s, step in first.steps.items()} == {
        "alarm": "SUCCESS", "plain": "SUCCESS", "valued": "SUCCESS", "lost": "SUCCESS", "read": "FAILED", "load": "SKIPPED",
        "tidy": "SUCCESS"}
    (ground.settings.folders[0] / "resumed_late.csv").write_text("a\n1\n")
    for file in first.steps["lost"].result["relation"]["files"]:
        Path(file).unlink()
    changed = {**spec, "variables": {"n": 2}}
    again = ground.at_once(lambda: ground.fly(changed, resume_of=first.run.run_id))[0]
    assert again.run.status == "SUCCESS"
    assert {s for s, step in again.steps.items() if step.started_at == first.steps[s].started_at} == {"plain"}  # kept as it was
    assert (again.steps["alarm"].status, again.steps["alarm"].error) == ("SKIPPED", "runs on failure only, and no step failed")
    assert {again.steps[s].status for s in ("valued", "lost", "read", "load", "tidy")} == {"SUCCESS"}
