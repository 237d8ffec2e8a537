"""Graphs that nobody drew: hypothesis makes them, a small model of its own says how they must end, and laws hold for all of them.

Most are walked by the real walk with the real run book on a real control store, with Prefect's layer around a task replaced by the one
thing that the walk asks of it (call again while the state says so); the last test runs some dozens of them on a real Prefect server.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from types import ModuleType

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from flows.engines import registry
from flows.engines.base import Block, Cancel, EngineConfig, StepResult
from flows.errors import DataError, InputError, TransientError
from flows.insight.catalog import Catalog
from flows.run import gate, runner
from flows.run.job import Job
from flows.run.ledger import RunBook
from flows.run.plan import make_plan
from flows.settings import Limits, Settings
from flows.spec import graph
from flows.spec.model import FlowSpec
from flows.store import NewRun, open_store

FINAL = {"SUCCESS", "FAILED", "SKIPPED", "CANCELLED", "TIMED_OUT"}
ERRORS = {"transient": TransientError("busy"), "data": DataError("wrong rows"), "config": InputError("no such thing")}


class What(Block):
    error: str = ""
    good_after: int = 0  # tries that fail; 0 with an error: all
    pause: float = 0.0


class Config(EngineConfig):
    config: What = What()


class Works:
    """What the steps of one run did, in the order in which they did it."""

    def __init__(self):
        self.lock, self.tries, self.now, self.most, self.events, self.cancel, self.stop_at = threading.Lock(), {}, 0, 0, [], None, -1

    def run(self, config, context):
        with self.lock:
            number = self.tries[context.step_id] = self.tries.get(context.step_id, 0) + 1
            self.now += 1
            self.most = max(self.most, self.now)
            self.events.append(("begin", context.step_id))
            if self.cancel is not None and len(self.events) > self.stop_at >= 0:
                threading.Thread(target=self.cancel.set, args=["stopped by a person"], daemon=True).start()
        try:
            context.cancel.wait(config.config.pause)
            context.cancel.check()
            what = config.config
            if what.error and (what.good_after == 0 or number <= what.good_after):
                raise ERRORS[what.error]
            return StepResult(rows=1)
        finally:
            with self.lock:
                self.now -= 1
                self.events.append(("end", context.step_id))


RUNS: dict[str, Works] = {}


@pytest.fixture(scope="module", autouse=True)
def engine():
    module = ModuleType("law")
    module.run = lambda config, context: RUNS[context.pipeline_id].run(config, context)
    found, real = registry.Loaded("test.law", "Does as it is told", Config, module), registry.engine
    registry.engine = lambda name: found if name == "test.law" else real(name)
    yield
    registry.engine = real


@st.composite
def specs(draw):
    """A spec of up to nine steps: any edges, triggers, groups, failures and tries."""
    count = draw(st.integers(1, 9))
    steps = []
    for n in range(count):
        trigger = draw(st.sampled_from(["on_success", "on_success", "on_failure", "always"]))
        step = {"step_id": f"s{n}", "ps_type": "test.law", "trigger": trigger}
        edges = draw(st.sampled_from(["left out", "list", "list"]))
        if edges == "list":
            step["depends_on"] = [f"s{m}" for m in sorted(draw(st.sets(st.integers(0, n - 1), max_size=3)))] if n else []
        group = draw(st.sampled_from([None, None, "g", "h"]))
        if group:
            step["parallel_group"] = group
        step["config"] = {"error": draw(st.sampled_from(["", "", "", "transient", "data", "config"])),
                          "good_after": draw(st.integers(0, 2)), "pause": draw(st.sampled_from([0.0, 0.0, 0.005]))}
        retry_on = draw(st.sampled_from([None, None, ["DataError"], ["PenstockError"], ["TimeoutError"]]))
        step["retry"] = {"max_attempts": draw(st.integers(1, 3)), "backoff_seconds": 0, **({"retry_on": retry_on} if retry_on else {})}
        steps.append(step)
    order = draw(st.permutations(range(count))) if all("depends_on" in step for step in steps) else range(count)
    return {"pipeline_id": "p", "steps": [steps[n] for n in order]}


@dataclass(frozen=True)
class Promise:
    """How a step must end in a run that nobody stops."""

    status: str
    tries: int


def model(spec):
    """The table of section 2 in a second wording: who follows whom, and states by going over the steps until all are known."""
    follows = edges(spec["steps"])
    steps = {step["step_id"]: step for step in spec["steps"]}
    above = {}
    while len(above) < len(steps):
        ready = {s: up for s, up in follows.items() if s not in above and all(u in above for u in up)}
        above |= {s: set(up).union(*(above[u] for u in up)) for s, up in ready.items()}
    alarms = {s for s, step in steps.items() if step["trigger"] == "on_failure" and not follows[s]}
    free = {s for s in steps if s not in alarms and not above[s] & alarms}
    ends = {}
    while len(ends) < len(steps):
        for s, step in steps.items():
            looks = free if s in alarms else set(follows[s])
            if s in ends or not looks <= set(ends):
                continue
            failed = any(ends[u].status == "FAILED" for u in (free if s in alarms else above[s]))
            well = all(ends[u].status == "SUCCESS" for u in follows[s])
            runs = {"always": True, "on_failure": failed, "on_success": well}[step["trigger"]]
            ends[s] = tried(step) if runs else Promise("SKIPPED", 0)
    return ends


def edges(steps):
    """Each step follows what its list says, else the neighbour before it, or the whole group that the neighbour belongs to."""
    found, before, block, last = {}, [], [], object()
    for step in steps:
        group = step.get("parallel_group")
        if not (group and group == last):
            before, block = block, []
        last = group
        block.append(step["step_id"])
        found[step["step_id"]] = list(step["depends_on"]) if "depends_on" in step else list(before)
    return found


def tried(step):
    what, retry = step["config"], step["retry"]
    for number in range(1, retry["max_attempts"] + 1):
        if not what["error"] or (what["good_after"] and number > what["good_after"]):
            return Promise("SUCCESS", number)
        named = retry.get("retry_on")
        kinds = {"transient": {"TransientError", "PenstockError"}, "data": {"DataError", "PenstockError"}, "config": set()}[what["error"]]
        if not (kinds & set(named) if named else what["error"] == "transient"):
            return Promise("FAILED", number)
    return Promise("FAILED", retry["max_attempts"])


class Bare:
    """What the walk asks of a Prefect task: another one with options, and to be called again while its state says so."""

    def __init__(self, task, retries=0):
        self.task, self.retries, self.name = task, retries, task.name

    def with_options(self, *, retries, **_):
        return Bare(self.task, retries)

    async def __call__(self, *arguments, **_):
        state = await self.task.fn(*arguments)
        for _ in range(self.retries):
            if not runner.wants_again(None, None, state):
                break
            state = await self.task.fn(*arguments)
        return state


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    home = tmp_path_factory.mktemp("laws") / "home"
    home.mkdir()
    settings = Settings(home=home, control_url=f"sqlite:///{home / 'control.sqlite'}", folders=(home,))
    store = open_store(settings.control_url)
    yield settings, store
    store.dispose()


def check(spec, works, run, steps, most, stopped):
    """The laws; and where nobody stopped the run, every end is the one that the model says."""
    follows, by_id = edges(spec["steps"]), {step["step_id"]: step for step in spec["steps"]}
    note({s: (steps[s].status, steps[s].attempts, steps[s].error) for s in by_id})
    assert run.status in {"SUCCESS", "FAILED", "CANCELLED"}
    assert works.most <= most
    for s, step in steps.items():
        assert step.status in FINAL
        assert step.ended_at is not None
        assert step.attempts == works.tries.get(s, 0) <= by_id[s]["retry"]["max_attempts"] or stopped
        assert works.tries.get(s, 0) <= by_id[s]["retry"]["max_attempts"]
        if step.status == "SKIPPED":
            assert step.error
            assert s not in works.tries
        for u in follows[s]:
            assert ("begin", s) not in works.events or ("begin", u) not in works.events or \
                works.events.index(("begin", s)) > len(works.events) - 1 - works.events[::-1].index(("end", u))
            assert step.started_at is None or step.started_at >= steps[u].ended_at
    failed = any(step.status in gate.FAILURES for step in steps.values())
    assert not (failed and run.status == "SUCCESS")
    if stopped:
        return
    promised = model(spec)
    assert {s: Promise(step.status, step.attempts) for s, step in steps.items()} == promised
    assert run.status == ("FAILED" if failed else "SUCCESS")


def named(spec, works):
    """The same spec under a name of its own, by which its engine finds what it shall do."""
    spec = {**spec, "pipeline_id": f"law{id(works)}x{datetime.now(UTC).timestamp()}".replace(".", "_")}
    RUNS[spec["pipeline_id"]] = works
    return spec


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(spec=specs(), most=st.integers(1, 3), stop_at=st.sampled_from([-1, -1, 0, 2, 5]))
def test_a_graph_that_nobody_drew_keeps_the_laws(place, spec, most, stop_at):
    home, store = place
    here = replace(home, limits=Limits(steps_at_once=most))
    typed = FlowSpec.model_validate(spec)
    assert graph.edges(typed) == {s: tuple(up) for s, up in edges(spec["steps"]).items()}
    cancel, works = Cancel(), Works()
    works.cancel, works.stop_at = cancel, stop_at
    spec = named(spec, works)
    new = NewRun(tenant_id="demo", pipeline_id=spec["pipeline_id"], spec=spec, run_date="2025-11-15")
    run = store.runs.submit(new, owner="law", lease_seconds=60)
    store.runs.begin(run.run_id, "law")
    typed = FlowSpec.model_validate(spec)
    job = Job(settings=here, store=store, catalog=Catalog(), spec=typed, run_id=run.run_id, run_date=date(2025, 11, 15))
    plan, book = make_plan(job.spec, catalog=Catalog()), RunBook(job, logging.getLogger("law"))
    book.open(plan)

    async def walk():
        try:
            return await runner.Walk(plan, job, book, cancel).run({})
        finally:
            cancel.set("over")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("run_step", "close_step", "keep_step"):
            patch.setattr(runner, name, Bare(getattr(runner, name)))
        status, error = asyncio.run(asyncio.wait_for(walk(), 60))
    stopped = cancel.reason == "stopped by a person"
    book.finish(status, error, owner="law")
    steps = {step.step_id: step for step in store.steps.of(run.run_id)}
    check(spec, works, store.runs.peek(run.run_id), steps, most, stopped)
    del RUNS[spec["pipeline_id"]]


@pytest.mark.slow
@pytest.mark.xdist_group("prefect")
@pytest.mark.timeout(300)
@settings(max_examples=3, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(made=st.lists(specs(), min_size=10, max_size=10))
def test_graphs_that_nobody_drew_keep_the_laws_on_prefect(ground, made):
    works = [Works() for _ in made]
    flights = [named(spec, work) for spec, work in zip(made, works, strict=True)]
    for spec, work, ended in zip(flights, works, ground.at_once(*(partial(ground.fly, spec) for spec in flights)), strict=True):
        check(spec, work, ended.run, ended.steps, ground.settings.limits.steps_at_once, stopped=False)
