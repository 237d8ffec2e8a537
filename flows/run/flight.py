"""One run from its claim to its end: what the Prefect flow does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from prefect import runtime
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.settings import get_current_settings
from prefect.states import Cancelled, Completed, Failed

from flows.engines.base import Cancel
from flows.errors import DuplicateRun, LimitError, Overtaken, PenstockError, SpecError
from flows.run import gate
from flows.run.job import Job, make_job
from flows.run.ledger import RunBook
from flows.run.plan import Plan, make_plan
from flows.run.resume import before
from flows.run.runlog import run_log
from flows.run.runner import Walk
from flows.run.ticket import HERE, Order, Ticket, order_of, own_ticket, watched
from flows.show.units import size, usd
from flows.spec.loader import from_data

if TYPE_CHECKING:
    import logging


PRICED_ROWS = 50  # of each step, that the sizes of values are measured on


async def fly(spec: dict[str, Any], run_id: str, environment: str, params: Mapping[str, Any], version: int) -> State[Any]:
    """Run the run whose ticket this process holds, or take a new one. Gives the flow's final state; the ledger has it first."""
    ticket = HERE.get()
    flow_run_id = str(runtime.flow_run.id or "")
    if ticket is None or ticket.run.run_id != run_id:
        try:
            ticket = own_ticket(_order({"spec": spec, "environment": environment, "params": dict(params), "version": version}))
        except (DuplicateRun, LimitError, Overtaken) as refused:
            return Cancelled(name="Refused", message=str(refused))
        except PenstockError as error:
            return Failed(message=str(error))
    if ticket.run.flow_run_id != flow_run_id:
        ticket.store.runs.set_flow_run(ticket.run.run_id, flow_run_id)
    try:
        return await _begun(ticket, flow_run_id)
    except PenstockError as error:  # the spec does not hold, or the claim was lost
        ticket.store.runs.finish(ticket.run.run_id, gate.FAILED, str(error), owner=ticket.owner)
        return Failed(message=str(error))


def _order(parameters: dict[str, Any]) -> Order:
    """What this flow run asks for."""
    context = FlowRunContext.get()
    flow_run = context.flow_run if context else None
    return order_of(flow_run, parameters)


async def _begun(ticket: Ticket, flow_run_id: str) -> State[Any]:
    run = ticket.store.runs.begin(ticket.run.run_id, ticket.owner)
    job = _job(ticket)
    plan = make_plan(job.spec, catalog=job.catalog, limits=ticket.settings.limits)
    cancel = Cancel()
    api = get_current_settings().api.url or ""
    with run_log(job) as log, watched(ticket, cancel, flow_run_id, api), closing(RunBook(job, log)) as book:
        earlier = before(job, plan, run, log)
        book.open(plan)
        if job.environment == "production":
            priced(job, plan, {**run.params, "run_date": run.run_date}, log)
        log.info("%s of %s, version %s, process %s", run.run_id, run.pipeline_id, run.version, os.getpid())
        walk = Walk(plan, job, book, cancel)
        status, error = await walk.run(earlier.kept, earlier.tries)
        book.finish(status, error or (cancel.reason if status == gate.CANCELLED else ""), owner=ticket.owner)
        _tidy(job, status, log)
    return _final(status, error or cancel.reason, plan, walk)


def priced(job: Job, plan: Plan, params: Mapping[str, Any], log: logging.Logger) -> None:
    """Before the first step: what the run is expected to be billed, kept with it and reserved. Raises SpecError when that breaks its
    budget, LimitError when its tenant has not so much left today."""
    from flows.run.preview import preview
    from flows.run.price import price_tag
    from flows.run.session import production

    session = None
    try:
        seen = preview(job.spec, settings=job.settings, store=job.store, catalog=job.catalog, params=params, limit=PRICED_ROWS)
        session = job.open_warehouse("price")
        tag = price_tag(plan, job, seen, project=production(job.settings), session=session)
    except PenstockError as error:
        log.warning("no price could be told: %s", error)
        return
    finally:
        if session is not None:
            session.close()
    job.store.runs.set_estimate(job.run_id, tag.as_dict())
    log.info("expected: %s%s, %s", "" if tag.complete else "at least ", size(tag.bytes), usd(tag.usd))
    if tag.over_budget:
        raise SpecError(tag.over_budget)
    job.reserve(tag.bytes)


def _job(ticket: Ticket) -> Job:
    from flows.insight.catalog import default_catalog

    catalog = default_catalog(ticket.settings)
    return make_job(from_data(ticket.run.spec), settings=ticket.settings, store=ticket.store, catalog=catalog, run=ticket.run)


def _tidy(job: Job, status: str, log: logging.Logger) -> None:
    """Rows between steps are kept only for a run that may be resumed."""
    if status == gate.SUCCESS:
        shutil.rmtree(job.settings.home / "stage" / job.tenant_id / job.run_id, ignore_errors=True)
        log.info("rows between steps removed")


def _final(status: str, error: str, plan: Plan, walk: Walk) -> State[Any]:
    if status == gate.SUCCESS:
        ran = sum(state == gate.SUCCESS for state in walk.ended.values())
        return Completed(message=f"{ran} of {len(plan.steps)} steps ran")
    return Cancelled(message=error) if status == gate.CANCELLED else Failed(message=error)
