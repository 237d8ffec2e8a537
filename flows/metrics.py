"""What monitoring reads, in Prometheus' form.

Runs, steps, messages and the queue come from the control store, where every process writes them and a restart loses nothing;
generations and validations are counted as this process did them.

Over all tenants: none is named, and a name from outside becomes a label only within bounds.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from flows.errors import PenstockError, SpecError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

    from flows.store import Store
    from flows.store.tallies import Spread, Table

FRESH = 3.0  # seconds that a count of the store stands
LABELS = 100  # of one name; what comes later is "other"
GENERATION_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
RUN_BOUNDS = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 14_400.0)
STEP_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
WAIT_BOUNDS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
FINAL_RUNS = ("SUCCESS", "FAILED", "CANCELLED", "CRASHED")
FINAL_STEPS = ("SUCCESS", "FAILED", "SKIPPED", "CANCELLED", "TIMED_OUT")
LEVELS = ("syntax", "semantic", "full")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}")


class Meters:
    """All that one serving process can tell. `store` opens the control store; it is asked when somebody reads."""

    def __init__(self, store: Callable[[], Store]) -> None:
        from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

        self.registry: CollectorRegistry = CollectorRegistry(auto_describe=False)
        self.generations = Counter("pipeline_generations", "Texts that were planned, by how that ended", ["status", "project"],
                                   registry=self.registry)
        self.generation_seconds = Histogram("pipeline_generation_duration_seconds", "How long planning a text took",
                                            buckets=GENERATION_BOUNDS, registry=self.registry)
        self.problems = Counter("pipeline_validation_errors", "Problems that were found in specs, by kind", ["error_type"],
                                registry=self.registry)
        self.validations = Counter("penstock_validations", "Specs that were judged, by level and result", ["level", "status"],
                                   registry=self.registry)
        self.kinds = Names()
        ProcessCollector(registry=self.registry)
        self.registry.register(Book(store))

    def text(self) -> tuple[bytes, str]:
        """Everything in Prometheus' text form, and its content type."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return generate_latest(self.registry), CONTENT_TYPE_LATEST


class Names:
    """Label values from outside: plain ones, and not more than so many of them."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def __call__(self, name: str) -> str:
        if name not in self._known:
            if len(self._known) >= LABELS or not NAME.fullmatch(name):
                return "other"
            self._known.add(name)
        return name


_meters: Meters | None = None


def serve(store: Callable[[], Store]) -> Meters:
    """From now on this process counts what it does. It is called by what serves; a command has nobody who reads it."""
    global _meters
    _meters = _meters or Meters(store)
    return _meters


class Seen:
    """How something ended, told by the work itself; an error that nothing is said of is "error"."""

    status = "error"


@contextmanager
def generating(project: str) -> Iterator[Seen]:
    """Count the planning of a text and its time."""
    seen, began = Seen(), time.perf_counter()
    try:
        yield seen
    finally:
        if _meters is not None:
            named = project if NAME.fullmatch(project) else "other" if project else "local"
            _meters.generations.labels(seen.status, named).inc()
            _meters.generation_seconds.observe(time.perf_counter() - began)


@contextmanager
def validating(level: str) -> Iterator[Callable[[Iterable[str]], None]]:
    """Count the judging of a spec: the work says which kinds of problems it found, none for a spec that holds."""
    status = "error"

    def told(kinds: Iterable[str]) -> None:
        nonlocal status
        found = list(kinds)
        status = "invalid" if found else "valid"
        for kind in found:
            if _meters is not None:
                _meters.problems.labels(_meters.kinds(kind)).inc()

    try:
        yield told
    except SpecError as error:
        told(problem.code for problem in error.problems)
        raise
    finally:
        if _meters is not None:
            _meters.validations.labels(level if level in LEVELS else "other", status).inc()


class Book:
    """A collector that reads the control store, at most once in `FRESH` seconds whoever asks how often."""

    def __init__(self, store: Callable[[], Store]) -> None:
        self._store, self._lock = store, threading.Lock()
        self._edge, self._runs, self._steps = 0, dict[Any, Any](), dict[Any, Any]()
        self._most: dict[tuple[Any, ...], float] = {}
        self._at, self._last = float("-inf"), list[Any]()
        self._environments, self._types, self._channels = Names(), Names(), Names()

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            if time.monotonic() - self._at > FRESH:
                self._last = list(self._count())
                self._at = time.monotonic()
            return self._last

    def _count(self) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily

        try:
            seen = self._store().tallies.take(self._edge, RUN_BOUNDS, STEP_BOUNDS, WAIT_BOUNDS)
        except PenstockError:
            yield GaugeMetricFamily("penstock_control_store_up", "Whether the control store answers", 0)
            return
        yield GaugeMetricFamily("penstock_control_store_up", "Whether the control store answers", 1)
        self._edge = seen.edge
        self._runs, self._steps = _sum(self._runs, seen.settled_runs), _sum(self._steps, seen.settled_steps)
        runs = _sum(self._runs, seen.runs)
        yield from self._of_runs(_renamed(runs, self._environments))
        yield from self._of_steps(_renamed(_sum(self._steps, seen.steps), self._types))
        yield GaugeMetricFamily("penstock_queue_length", "Runs that wait for a place", seen.waiting)
        yield GaugeMetricFamily("penstock_runs_open", "Runs that wait or are at work", seen.open)
        yield GaugeMetricFamily("penstock_runners_alive", "Runners that were heard of in the last seconds", seen.runners)
        told: dict[tuple[str, ...], float] = {}
        for (channel, status), number in seen.messages.items():
            key = self._channels(channel), status.lower()
            told[key] = told.get(key, 0) + number
        yield self._counter("penstock_messages", "Notifications that were sent or given up", ("channel", "status"), told)

    def _of_runs(self, runs: Table) -> Iterator[Metric]:
        ended = {key: tally for key, tally in runs.items() if key[1] in FINAL_RUNS}
        yield self._counter("penstock_runs", "Runs that have ended", ("environment", "status"),
                            {(place, status.lower()): tally.number for (place, status), tally in ended.items()})
        yield self._histogram("penstock_run_duration_seconds", "From the start of a run to its end", RUN_BOUNDS,
                              {(): [tally.took for tally in ended.values()]})
        yield self._histogram("penstock_queue_wait_seconds", "From the order of a run to its start", WAIT_BOUNDS,
                              {(): [tally.waited for tally in runs.values() if tally.waited]})

    def _of_steps(self, steps: Table) -> Iterator[Metric]:
        ended = {key: tally for key, tally in steps.items() if key[1] in FINAL_STEPS}
        took: dict[tuple[str, ...], list[Spread]] = {}
        for (kind, _), tally in ended.items():
            took.setdefault((kind,), []).append(tally.took)
        yield self._counter("penstock_steps", "Steps that have ended", ("ps_type", "status"),
                            {(kind, status.lower()): tally.number for (kind, status), tally in ended.items()})
        yield self._histogram("penstock_step_duration_seconds", "From a step's first try to its end", STEP_BOUNDS, took, ("ps_type",))
        yield self._counter("penstock_step_retries", "Tries of steps after their first", (),
                            {(): sum(tally.retries for tally in steps.values())})

    def _counter(self, name: str, text: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], float]) -> Metric:
        from prometheus_client.core import CounterMetricFamily

        family = CounterMetricFamily(name, text, labels=labels)
        for key, value in values.items():
            family.add_metric(key, self._upward((name, *key), value))
        return family

    def _histogram(self, name: str, text: str, bounds: tuple[float, ...], values: Mapping[tuple[str, ...], list[Spread]],
                   labels: tuple[str, ...] = ()) -> Metric:
        from prometheus_client.core import HistogramMetricFamily

        family = HistogramMetricFamily(name, text, labels=labels)
        for key, spreads in values.items():
            within = [self._upward((name, *key, bound), sum(each.within[n] for each in spreads)) for n, bound in enumerate(bounds)]
            number = self._upward((name, *key, "all"), sum(each.number for each in spreads))
            buckets = [(str(bound), count) for bound, count in zip(bounds, within, strict=True)]
            family.add_metric(key, [*buckets, ("+Inf", number)], self._upward((name, *key, "s"), sum(each.seconds for each in spreads)))
        return family

    def _upward(self, key: tuple[Any, ...], value: float) -> float:
        """A run that is taken up anew forgets the tries of its steps; what was counted stays counted."""
        self._most[key] = max(value, self._most.get(key, 0))
        return self._most[key]


def _sum(one: Table, other: Table) -> Table:
    return {key: one[key] + other[key] if key in one and key in other else one.get(key) or other[key] for key in {**one, **other}}


def _renamed(table: Table, names: Names) -> Table:
    found: Table = {}
    for (name, status), tally in sorted(table.items()):
        found = _sum(found, {(names(name), status): tally})
    return found
