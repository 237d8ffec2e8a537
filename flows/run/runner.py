"""A plan on Prefect: one task a step, each starting when its own upstream has ended."""

from __future__ import annotations

import asyncio
import json
import time
from asyncio import wrap_future
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed

from flows.engines.base import Cancel
from flows.errors import MissingError, SqlError
from flows.logs import bind
from flows.run import gate
from flows.run.ledger import RunBook
from flows.run.runlog import names_of
from flows.run.step import Outcome, again, attempt, pause
from flows.spec.model import PLACEHOLDER
from flows.warehouse.base import Relation

if TYPE_CHECKING:
    from flows.engines.base import EngineConfig
    from flows.run.job import Job
    from flows.run.plan import Plan, PlanStep
    from flows.store import StepRow

T = TypeVar("T")
Ended = tuple[Outcome, Future[bool]]  # how a try ended, and when the book has it
LIGHT = frozenset({"generic.wait"})  # they only sleep: they take no place from steps that work
STUCK_SECONDS = 1.5  # how long a step that was told to stop may take for it
THREADS = 512


class Walk:
    """One run in the act. Everything of it happens in one event loop; the steps' work in threads."""

    def __init__(self, plan: Plan, job: Job, book: RunBook, cancel: Cancel) -> None:
        self.plan, self.job, self.book, self.cancel = plan, job, book, cancel
        self.awaited = gate.waits_for(plan)
        self.done = {s.step_id: asyncio.Event() for s in plan.steps}
        self.ended: dict[str, str] = {}  # our states
        self.errors: dict[str, str] = {}
        self.marks = {s.step_id: Mark() for s in plan.steps}
        self.relations: dict[str, Relation] = {}
        self.waits: dict[str, float] = {}
        self.tries: dict[str, int] = {}
        self.kept: Mapping[str, StepRow] = {}
        self.tasks: dict[tuple[str, str, int], Any] = {}
        self.stop = asyncio.Event()
        self.slots = asyncio.Semaphore(max(1, job.settings.limits.steps_at_once))
        self.pool = ThreadPoolExecutor(min(len(plan.steps) + 1, THREADS), thread_name_prefix="step")

    async def run(self, kept: Mapping[str, StepRow], tries: Mapping[str, int] | None = None) -> tuple[str, str]:
        """Walk the whole plan; gives the run's status and the first error. `kept` are steps that have ended before, `tries` counts the
        tries that failed before of steps that begin again."""
        self.kept, self.tries = kept, dict(tries or {})
        loop = asyncio.get_running_loop()
        off = self.cancel.on(lambda: wake(loop, self.stop))
        async with AsyncExitStack() as stack:
            stack.callback(off)
            stack.callback(WALK.reset, WALK.set(self))
            ends = await asyncio.gather(*(self.one(step) for step in self.plan.steps), return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return gate.final_status(self.ended.values()), self.first_error()

    def first_error(self) -> str:
        for step in self.plan.steps:
            if self.ended[step.step_id] in gate.FAILURES:
                return f"{step.step_id} {gate.ENDED_AS[self.ended[step.step_id]]}: {self.errors.get(step.step_id, '')}"
        return ""

    async def one(self, step: PlanStep) -> None:
        """Wait for what this step waits for, judge its trigger, run or close it; its end is told whatever happens."""
        step_id = step.step_id
        try:
            for name in self.awaited[step_id]:
                await self.done[name].wait()
            work, arguments = self.decide(step)
            more = step.retry.max_attempts - 1 - self.tries.get(step_id, 0) if work is run_step else 0
            named = self.task(work, step.ps_type, more)
            await named(step_id, *arguments, return_state=True, wait_for=[self.marks[name] for name in step.upstream])
        finally:
            self.ended.setdefault(step_id, gate.CANCELLED if self.cancel.is_set() else gate.FAILED)  # Prefect begins nothing then
            self.done[step_id].set()

    def task(self, work: Any, ps_type: str, retries: int) -> Any:
        """The task of that name, the same one for all steps alike: to make one takes longer than to run it."""
        key = (work.name, ps_type, retries)
        if key not in self.tasks:
            self.tasks[key] = work.with_options(name=ps_type, task_run_name="{step_id}", retries=retries)
        return self.tasks[key]

    def decide(self, step: PlanStep) -> tuple[Any, tuple[str, ...]]:
        """Which task this step becomes."""
        if step.step_id in self.kept:
            return keep_step, ()
        if self.cancel.is_set():
            return close_step, (gate.CANCELLED, self.cancel.reason)
        decision = gate.judge(step, self.plan, self.ended)
        return (run_step, ()) if decision.go else (close_step, (gate.SKIPPED, decision.why))

    async def try_once(self, step: PlanStep) -> State[Any]:
        """One try; a Failed state that carries `again` makes Prefect call once more."""
        tries = self.tries[step.step_id] = self.tries.get(step.step_id, 0) + 1
        if tries > 1 and await self.stopped_within(self.waits.get(step.step_id, 0)):
            outcome = Outcome(gate.CANCELLED, error=self.cancel.reason)
            await wrap_future(self.book.ended(step, outcome, tries - 1))
            return self.close(step, outcome)
        outcome, kept = await self.at_most(step, tries)
        await wrap_future(kept)  # before a step that follows begins
        if again(outcome, step.retry, tries) and not self.cancel.is_set():
            return Failed(message=outcome.error, data={"again": True})
        return self.close(step, outcome)

    async def at_most(self, step: PlanStep, tries: int) -> Ended:
        """The step's thread, or its end by decree when it does not react to being stopped."""
        if step.ps_type in LIGHT:
            seconds = nap(step)
            return await (self.in_thread(step, tries) if seconds is None else self.rest(step, tries, seconds))
        async with self.slots:
            return await self.in_thread(step, tries)

    async def in_thread(self, step: PlanStep, tries: int) -> Ended:
        work = self.thread(self.work, step, tries)
        await asyncio.wait({work}, timeout=step.timeout + STUCK_SECONDS)
        if work.done():
            return work.result()
        why = f"{step.step_id}: took longer than its limit of {step.timeout:g} s and did not stop when told to"
        outcome = Outcome(gate.TIMED_OUT, error=why)
        return outcome, self.book.ended(step, outcome, tries)

    def work(self, step: PlanStep, tries: int) -> Ended:
        """In the step's thread: run it and write down how it went."""
        bind(**names_of(self.job), step_id=step.step_id, attempt=tries)
        self.book.started(step, tries).result()  # what a step does is known to have begun, whatever happens to this process
        return self.told(step, tries, self.attempt(step, tries))

    async def rest(self, step: PlanStep, tries: int, seconds: float) -> Ended:
        """A step that only sleeps does it in the loop: however many sleep at once, they hold no thread."""
        bind(**names_of(self.job), step_id=step.step_id, attempt=tries)
        self.book.started(step, tries)
        began = time.monotonic()
        if seconds:
            await self.stopped_within(seconds)
        outcome = self.attempt(replace(step, config=rested(step.config)), tries)
        return self.told(step, tries, replace(outcome, seconds=time.monotonic() - began))

    def attempt(self, step: PlanStep, tries: int) -> Outcome:
        inputs = {name: self.relations[name] for name in self.plan.above(step.step_id) if name in self.relations} if self.relations else {}
        return attempt(step, self.job, inputs, self.cancel, self.book.of(step), tries, partial(self.book.progress, step))

    def told(self, step: PlanStep, tries: int, outcome: Outcome) -> Ended:
        if again(outcome, step.retry, tries) and not self.cancel.is_set():
            self.waits[step.step_id] = pause(step.retry, tries)
            return outcome, self.book.retrying(step, outcome, tries, self.waits[step.step_id])
        return outcome, self.book.ended(step, outcome, tries)

    def close(self, step: PlanStep, outcome: Outcome) -> State[Any]:
        """Remember how the step ended, in our words and in Prefect's."""
        self.ended[step.step_id], self.errors[step.step_id] = outcome.status, outcome.error
        if outcome.result.relation is not None:
            self.relations[step.step_id] = outcome.result.relation
        return prefect_state(outcome, self.marks[step.step_id])

    async def stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self.stop.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def thread(self, work: Callable[..., T], *arguments: Any) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self.pool, work, *arguments)


def nap(step: PlanStep) -> float | None:
    """How long a step sleeps that does nothing else; None for one that looks for something, or whose limit would end it."""
    seconds = vars(step.config)["config"].seconds
    return seconds if seconds is not None and seconds <= step.timeout else None


def rested(config: EngineConfig) -> EngineConfig:
    """The config of such a step when it has slept."""
    return config.model_copy(update={"config": vars(config)["config"].model_copy(update={"seconds": 0})})


def wake(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    """Set an event from another thread."""
    loop.call_soon_threadsafe(event.set)


WALK: ContextVar[Walk] = ContextVar("penstock_walk")


def wants_again(task: Any, task_run: Any, state: State[Any]) -> bool:
    """Prefect asks whether to try again; a plain function that reads `state.data`, as `state.result()` never raises here."""
    return isinstance(state.data, dict) and bool(state.data.get("again"))


@task(cache_policy=NO_CACHE, persist_result=False, retry_condition_fn=wants_again)
async def run_step(step_id: str) -> State[Any]:
    """One step of a pipeline."""
    walk = WALK.get()
    return await walk.try_once(walk.plan.step(step_id))


@task(cache_policy=NO_CACHE, persist_result=False)
async def close_step(step_id: str, status: str, why: str) -> State[Any]:
    """A step that does not run, with the reason."""
    walk = WALK.get()
    step, outcome = walk.plan.step(step_id), Outcome(status, error=why)
    await wrap_future(walk.book.ended(step, outcome, 0))
    return walk.close(step, outcome)


@task(cache_policy=NO_CACHE, persist_result=False)
async def keep_step(step_id: str) -> State[Any]:
    """A step that has ended before: in an earlier run, or in this one before its runner was lost."""
    walk = WALK.get()
    row = walk.kept[step_id]
    await wrap_future(walk.book.reused(walk.plan.step(step_id), row))
    if row.status != gate.SUCCESS:
        return walk.close(walk.plan.step(step_id), Outcome(row.status, error=row.error))
    walk.ended[step_id] = gate.SUCCESS
    relation = relation_of(row)
    if relation:
        walk.relations[step_id] = relation
    return Completed(name="Reused", message=f"kept from {row.run_id}", data=walk.marks[step_id])


class Mark:
    """The result of a step as Prefect knows it. It says which task run it came from, which makes the edges of Prefect's graph; a state
    would do that as well, but is taken apart for each edge, and for its result a thread is asked each time."""


def prefect_state(outcome: Outcome, mark: Mark) -> State[Any]:
    """Our state in Prefect's words: a skipped step is final and green, a cancelled one is not red."""
    if outcome.status == gate.SUCCESS:
        rows = outcome.result.rows
        return Completed(message="" if rows is None else f"{rows:,} rows", data=mark)
    if outcome.status == gate.SKIPPED:
        return Completed(name="Skipped", message=outcome.error, data=mark)
    if outcome.status == gate.CANCELLED:
        return Cancelled(message=outcome.error, data=mark)
    return Failed(name="TimedOut" if outcome.status == gate.TIMED_OUT else "Failed", message=outcome.error, data=mark)


def relation_of(row: StepRow) -> Relation | None:
    """The rows that a finished step left behind."""
    kept = (row.result or {}).get("relation")
    return Relation.from_dict(kept) if kept else None


def keepable(job: Job, plan: Plan, resume_of: str) -> dict[str, StepRow]:
    """The steps of an earlier run that need not run again: they succeeded for the same date, values and environment, say the same as
    then, all that they follow is kept too, and their rows are still there. A step that ran because of a failure is judged anew."""
    earlier = job.store.runs.get(job.tenant_id, resume_of)
    this = job.store.runs.get(job.tenant_id, job.run_id)
    if (earlier.run_date, earlier.params, earlier.environment) != (this.run_date, this.params, this.environment):
        return {}
    before, now = said(earlier.spec), said(this.spec)
    rows = {row.step_id: row for row in job.store.steps.of(resume_of) if row.status == gate.SUCCESS}
    kept: dict[str, StepRow] = {}
    for step in plan.steps:
        row = rows.get(step.step_id)
        relation = relation_of(row) if row else None
        same = row is not None and before.get(step.step_id) == now.get(step.step_id) and all(name in kept for name in step.upstream)
        if row is not None and same and step.trigger != "on_failure" and (relation is None or still_there(relation, job)):
            kept[step.step_id] = row
    return kept


def said(spec: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """What each step says; where it has placeholders, the values that the spec gives to them belong to it."""
    values = (spec.get("variables"), spec.get("parameters"))
    return {s["step_id"]: (s, values if PLACEHOLDER.search(json.dumps(s)) else None) for s in spec["steps"]}


def still_there(relation: Relation, job: Job) -> bool:
    """Are the rows that a step left behind still to be read? Its files may be removed, a staging table expires."""
    if not relation.table:
        return all(Path(file).exists() for file in relation.files)
    warehouse = job.open_warehouse("resume")
    try:
        warehouse.bind(relation)
        warehouse.head(relation.name, 1)
    except (MissingError, SqlError):
        return False
    finally:
        warehouse.close()
    return True
