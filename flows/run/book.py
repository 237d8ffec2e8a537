"""The run book in the tenant's warehouse: ended runs and their steps as rows of x_meta, each once, whatever is killed when.

The control store is the record; this is its mirror. Local runs go to the lake, in the transaction that notes them as written. Runs in
production go to BigQuery, by one script that takes out what it puts in, and are noted afterwards.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flows.errors import PenstockError, TransientError
from flows.scrub import MASK, Scrubber, is_secret
from flows.warehouse import append, runbook

if TYPE_CHECKING:
    from flows.settings import Settings
    from flows.store import Run, StepRow, Store
    from flows.warehouse.bigquery import BigQueryWarehouse

    Ended = tuple[Run, list[StepRow], int]
    Row = dict[str, Any]
    Scrub = Callable[[str], str]
    Open = Callable[[], BigQueryWarehouse]

BATCH = 500  # runs in one write
RACES = 20
HELD = 60.0  # seconds that one writer has BigQuery's tables for itself; one that is killed is waited for so long
PRODUCTION = "production"

log = logging.getLogger("penstock.book")


def catch_up(settings: Settings, store: Store, opened: Open | None = None) -> None:
    """Before somebody asks: the tables are there and have every run that has ended. `opened` gives a session of production; without it
    the tables are the local ones. What does not work is logged: the answer is then as old as the tables."""
    try:
        if opened is None:
            append.ensure(_lake(settings, store), runbook.TABLES)
            write_local(settings, store)
        else:
            write_production(settings, store, opened)
    except PenstockError as error:
        if opened is not None:
            store.books.put_off(settings.tenant_id, PRODUCTION, Scrubber()(str(error)))
        log.warning("the run book of %s is not complete: %s", settings.tenant_id, error)


def write_local(settings: Settings, store: Store) -> int:
    """Write the local runs of this tenant that are not in the lake's run book yet: how many. Raises TransientError."""
    done, lake, scrub, races = 0, _lake(settings, store), None, 0
    while ended := store.books.waiting(settings.tenant_id, production=False, limit=BATCH):
        scrub = scrub or scrubber(settings)
        runs, steps = rows_of(ended, scrub)
        swaps = [append.appended(lake, runbook.RUNS, runs)]
        try:
            swaps.append(append.appended(lake, runbook.STEPS, steps))
            store.books.settle(settings.tenant_id, [run.run_id for run, _, _ in ended], swaps)
        except TransientError:
            append.discard(lake, swaps)
            races += 1
            if races > RACES:
                raise
            time.sleep(random.uniform(0.005, 0.02) * races)  # noqa: S311 - jitter, no secret
            continue
        done += len(ended)
    return done


def write_production(settings: Settings, store: Store, opened: Open) -> int:
    """The same for runs in production, on BigQuery; the tables are there afterwards in any case. Raises what the warehouse raises."""
    from flows.warehouse.bq import book

    with opened() as warehouse:
        book.ensure(warehouse, runbook.TABLES)
        done, until = 0, time.monotonic() + HELD
        while ended := store.books.waiting(settings.tenant_id, production=True, limit=BATCH):
            if not store.books.hold(settings.tenant_id, PRODUCTION, HELD):  # somebody else writes them: BigQuery has no keys to stop two
                if time.monotonic() > until:
                    raise TransientError("another process writes these runs", where=runbook.DATASET)
                time.sleep(0.2)
                continue
            ended = store.books.waiting(settings.tenant_id, production=True, limit=BATCH)
            runs, steps = rows_of(ended, scrubber(settings))
            if ended:
                book.write(warehouse, [(runbook.RUNS, runs), (runbook.STEPS, steps)], by="pipeline_logging_id")
                store.books.settle(settings.tenant_id, [run.run_id for run, _, _ in ended])
            store.books.goes(settings.tenant_id, PRODUCTION)
            done += len(ended)
    return done


# -------------------------------------------------------------------- rows
def rows_of(ended: Sequence[Ended], scrubber: Scrubber) -> tuple[list[Row], list[Row]]:
    """The lines of x_meta_pipeline_runs and of x_meta_step_logs."""
    scrub = lru_cache(maxsize=20_000)(scrubber)  # most texts of many runs are the same few
    runs = [_run(run, steps, planned, scrub) for run, steps, planned in ended]
    return runs, [_step(run, step, scrub) for run, steps, _ in ended for step in steps]


def _run(run: Run, steps: Sequence[StepRow], planned: int, scrub: Scrub) -> Row:
    states = [step.status for step in steps]
    spent = [_spent(step) for step in steps]
    metadata = {
        "name": run.name, "version": run.version, "environment": run.environment, "params": run.params, "attempt": run.attempt,
        "resume_of": run.resume_of, "flow_run_id": run.flow_run_id, "asked_at": run.created_at.isoformat(), "estimate": run.estimate,
        "backfill": {"id": run.backfill_id, "day": run.backfill_day, "days": run.backfill_days} if run.backfill_id else None,
        "skipped_steps": states.count("SKIPPED"), "cancelled_steps": states.count("CANCELLED"),
        "bytes_billed": sum(int(each.get("bytes") or 0) for each in spent) if any(spent) else None,
    }
    return {
        "pipeline_logging_id": run.run_id, "tenant_id": run.tenant_id, "pipeline_id": run.pipeline_id, "start_time": run.started_at,
        "end_time": run.ended_at, "status": run.status, "trigger_by": scrub(run.trigger_by), "run_date": append.day(run.run_date),
        "total_steps": planned, "completed_steps": states.count("SUCCESS"),
        "failed_steps": states.count("FAILED") + states.count("TIMED_OUT"), "error_message": scrub(run.error) or None,
        "metadata": _json(metadata, scrub),
    }


def _step(run: Run, step: StepRow, scrub: Scrub) -> Row:
    kept, spent = step.result or {}, _spent(step)
    result = {"rows": step.rows_processed, **{name: kept.get(name) for name in ("rejected", "checks", "outputs", "notes")}}
    took = (step.ended_at - step.started_at).total_seconds() if step.ended_at and step.started_at else None
    execution = {
        "ps_type": step.ps_type, "position": step.position, "attempts": step.attempts, "seconds": kept.get("seconds", took),
        "code": kept.get("code"), "jobs": spent.get("jobs"), "bytes_billed": spent.get("bytes"),
        "bytes_estimated": spent.get("estimated"),
        "kept": True if run.resume_of and run.started_at and step.ended_at and step.ended_at < run.started_at else None,
    }
    return {
        "log_id": f"{run.run_id}/{step.step_id}", "pipeline_logging_id": run.run_id, "step_id": step.step_id,
        "step_name": scrub(step.name), "start_time": step.started_at, "end_time": step.ended_at, "status": step.status,
        "rows_processed": step.rows_processed, "error_message": scrub(step.error) or None, "step_result": _json(result, scrub),
        "execution_metadata": _json(execution, scrub),
    }


def _spent(step: StepRow) -> dict[str, Any]:
    return (step.result or {}).get("spent") or {}


def _json(value: Mapping[str, Any], scrub: Scrub) -> str:
    """JSON as BigQuery keeps it, without secrets and without what is not known."""
    known = {name: item for name, item in value.items() if item not in (None, "", [], {})}
    return json.dumps(clean(known, scrub), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def clean(value: Any, scrub: Scrub) -> Any:
    """Plain data without secrets: in its texts, and whatever stands under the name of one."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, Mapping):
        return {scrub(str(key)): MASK if item and is_secret(str(key)) else clean(item, scrub) for key, item in value.items()}
    return [clean(item, scrub) for item in value] if isinstance(value, (list, tuple)) else value


def scrubber(settings: Settings) -> Scrubber:
    """What knows this tenant's passwords by value."""
    from flows.insight.catalog import default_catalog
    from flows.insight.connections import load_connections
    from flows.run.job import secrets_of

    connections = load_connections(settings)
    names: Iterable[str] = {*default_catalog(settings).connections, *getattr(connections, "names", list)()}
    return Scrubber(secrets_of(connections, set(names)))


def of_tenant(settings: Settings, tenant: str) -> Settings:
    """The settings of a runner, for one tenant."""
    return replace(settings, tenant_id=tenant)


def _lake(settings: Settings, store: Store) -> Any:
    from flows.warehouse.lake import Lake

    return Lake(settings.home, store.manifest, settings.tenant_id)
