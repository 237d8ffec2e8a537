"""Runs one step once: its session, its deadline, its cancel handle; an error becomes a state."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import ValidationError

from flows.engines.base import Cancel, StepResult
from flows.errors import InputError, PenstockError, StepTimeout
from flows.run import gate
from flows.run.alarm import ALARM
from flows.run.job import Job
from flows.run.lazy import Lazy
from flows.run.plain import plain
from flows.run.plan import PlanStep
from flows.run.progress import Told, telling
from flows.spec.model import Retry
from flows.warehouse.base import Spent

if TYPE_CHECKING:
    from flows.warehouse.base import Relation, Warehouse

T = TypeVar("T")
Log = logging.Logger | logging.LoggerAdapter[logging.Logger]
OVERDUE = "deadline"  # the reason that tells a deadline's cancel from a person's
STOP_EVERY = 0.05  # seconds
REJECTS = 100  # rejected rows that are kept with the step
TEXT_LIMIT = 1000  # characters of an error that are kept with the step; the log has all of it


@dataclass(frozen=True)
class Outcome:
    """How one try of a step ended. `code` finds the whole cause in the log; `kinds` are the class names of the error."""

    status: str
    result: StepResult = field(default_factory=StepResult)
    error: str = ""
    code: str = ""
    transient: bool = False
    kinds: frozenset[str] = frozenset()
    seconds: float = 0.0
    spent: Spent = field(default_factory=Spent)

    @property
    def ok(self) -> bool:
        return self.status == gate.SUCCESS

    def as_dict(self) -> dict[str, Any]:
        """Plain data for the run book; `relation` lets a resumed run find the rows again."""
        result = self.result
        known = {"relation": result.relation.as_dict() if result.relation else None, "rejected": result.rejected,
                 "rejects": result.rejects[:REJECTS], "checks": [vars(check) for check in result.checks], "notes": result.notes,
                 "outputs": result.outputs, "code": self.code, "seconds": round(self.seconds, 3)}
        if self.spent.jobs:
            known["spent"] = vars(self.spent)
        return {name: plain(value) for name, value in known.items()}


def attempt(step: PlanStep, job: Job, inputs: Mapping[str, Relation], cancel: Cancel, log: logging.Logger, tries: int = 1,
            told: Told | None = None) -> Outcome:
    """Run the step once, in this thread, in a warehouse session of its own. `tries` counts from 1, `told` hears how far it is. Never
    raises."""
    own = Cancel()
    off = cancel.on(lambda: own.set(cancel.reason or "cancelled"))

    def work() -> StepResult:
        own.check()
        with deadline(own, step.timeout), session(job, step, inputs, own, tries, log, told) as warehouse:
            try:
                result = step.engine.run(step.config, job.context(step, warehouse, inputs, own, log))
                if own.reason == OVERDUE:
                    own.check()  # it did not hear the stop and came too late
                return result
            finally:
                spent.append(warehouse.spent())  # a step that fails has its bill, too

    spent: list[Spent] = []
    started = time.monotonic()
    try:
        ended = guarded(work, step, own, job, log)
    finally:
        off()
    outcome = ended if isinstance(ended, Outcome) else Outcome(gate.SUCCESS, ended)
    return replace(outcome, seconds=time.monotonic() - started, spent=spent[-1] if spent else Spent())


def guarded(work: Callable[[], T], step: PlanStep, cancel: Cancel, job: Job, log: Log) -> T | Outcome:
    """Do the work; whatever it raises becomes the outcome of this step."""
    try:
        return work()
    except (Exception, SystemExit) as error:  # the one boundary: an engine's error, of any kind, ends its step and nothing else
        return judged(error, step, cancel, job, log)


@contextmanager
def deadline(cancel: Cancel, seconds: float, reason: str = OVERDUE) -> Iterator[None]:
    """Throw the switch after so many seconds."""
    off = ALARM.ring(seconds, partial(cancel.set, reason))
    try:
        yield
    finally:
        off()


@contextmanager
def session(job: Job, step: PlanStep, inputs: Mapping[str, Relation], cancel: Cancel, tries: int, log: logging.Logger,
            told: Told | None) -> Iterator[Warehouse]:
    """A warehouse session with the rows of the steps before bound in it, stopped by the switch. It is opened when it is first used."""
    with ExitStack() as stack:
        def opening() -> Warehouse:
            warehouse = job.open_warehouse(step.step_id, tries)
            stack.callback(warehouse.close)
            stack.enter_context(stopping(warehouse, cancel))
            for relation in inputs.values():
                warehouse.bind(relation)
            stack.enter_context(telling(warehouse, log, told))
            return warehouse

        yield cast("Warehouse", Lazy(opening))


@contextmanager
def stopping(warehouse: Warehouse, cancel: Cancel) -> Iterator[None]:
    """From the moment the switch is thrown until the work has ended, stop every statement: one that begins late is stopped too."""
    ended = threading.Event()

    def stop() -> None:
        while not ended.is_set():
            warehouse.cancel()
            ended.wait(STOP_EVERY)

    off = cancel.on(lambda: threading.Thread(target=stop, daemon=True, name="stop").start())
    try:
        yield
    finally:
        off()
        ended.set()


def judged(error: BaseException, step: PlanStep, cancel: Cancel, job: Job, log: Log) -> Outcome:
    """What an error means for its step; its trace goes to the log under a code."""
    if cancel.is_set() and cancel.reason == OVERDUE:
        error = StepTimeout(f"took longer than its limit of {step.timeout:g} s and was stopped", where=step.step_id,
                            fix="Raise timeout_seconds of the step, or give it less to do")
    elif cancel.is_set():
        log.warning("stopped: %s", cancel.reason)
        return Outcome(gate.CANCELLED, error=cancel.reason)
    code = f"E-{secrets.token_hex(4)}"
    log.error("failed, code %s: %s", code, error, exc_info=error)
    return Outcome(
        status=gate.TIMED_OUT if isinstance(error, StepTimeout) else gate.FAILED,
        error=job.scrub(message(error, code)),
        code=code,
        transient=bool(getattr(error, "transient", False)),
        kinds=frozenset() if final(error) else frozenset(kind.__name__ for kind in type(error).__mro__),
    )


def final(error: BaseException) -> bool:
    """A wrong config, spec or statement stays wrong: trying again cannot help."""
    return isinstance(error, (InputError, ValidationError))


def message(error: BaseException, code: str) -> str:
    """One line for a person: our own errors speak for themselves, a strange one is named and leads to the log."""
    if isinstance(error, PenstockError):
        return " ".join(str(error).split())[:TEXT_LIMIT]
    text = " ".join(f"{type(error).__name__}: {error}".split())[:TEXT_LIMIT].rstrip(": ")
    return f"{text} (code {code} in the log of the run)"


def again(outcome: Outcome, retry: Retry, tries: int) -> bool:
    """Whether another try follows. `tries` counts those made. Left out, `retry_on` means errors that are marked transient."""
    if outcome.status not in gate.FAILURES or tries >= retry.max_attempts or not outcome.kinds:
        return False
    return outcome.transient if retry.retry_on is None else bool(outcome.kinds.intersection(retry.retry_on))


def pause(retry: Retry, tries: int, jitter: Callable[[float, float], float] = secrets.SystemRandom().uniform) -> float:
    """Seconds to wait after so many tries: backoff_seconds * backoff_multiplier ** (tries - 1), within a tenth, never above the cap."""
    base = retry.backoff_seconds * retry.backoff_multiplier ** min(tries - 1, 100)
    return min(base * jitter(0.9, 1.1), retry.max_backoff_seconds)
