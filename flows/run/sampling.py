"""Takes samples of the tables that a preview reads, from the warehouse of an environment: a bounded read each, kept for later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.insight.samples import Sample, links_of, take
from flows.run.session import open_session
from flows.run.standin import Standins

if TYPE_CHECKING:
    from flows.run.job import Job
    from flows.run.plan import Plan


def take_samples(plan: Plan, job: Job, wanted: set[str], environment: str) -> tuple[set[str], dict[str, str]]:
    """Sample what the wanted steps read. Gives the tables (dataset.table) that have a new sample, and why the others have none.

    Raises UnreachableError when the environment is not set up.
    """
    standins = Standins(plan, job, None, lambda place: None)
    names = dict.fromkeys(name for each in plan.steps if each.step_id in wanted for name, _ in standins.names(each))
    places = {name: place for name in names if (place := standins.place(name))}
    if not places:
        return set(), {}
    by_place = {place: name for name, place in places.items()}
    joined = [(places[left], column, right, own) for column, right_name, own in standins.generator.wishes.joins
              if (right := places.get(right_name, right_name if right_name in by_place else "")) for left in places
              if places[left] != right and _has(job, left, column)]
    links = [*links_of(job.catalog, places), *joined]
    session = open_session(job.settings, job.store, job.catalog, stage=f"sample-{job.run_id}", environment=environment)
    try:
        made = take(list(by_place), session, job.settings, source=_source(job, environment), links=links)
    finally:
        session.close()
    return ({place for place, found in made.items() if isinstance(found, Sample)},
            {place: found for place, found in made.items() if isinstance(found, str)})


def _has(job: Job, name: str, column: str) -> bool:
    table = job.catalog.tables.get(name)
    return table is not None and any(known.lower() == column for known in table.columns)


def _source(job: Job, environment: str) -> str:
    """Where the rows are from, in words."""
    if environment != "production":
        return f"the {environment} warehouse"
    from flows.run.session import production

    return f"BigQuery project {production(job.settings).project}"
