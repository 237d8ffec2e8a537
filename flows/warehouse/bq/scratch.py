"""A throw-away corner of a project: datasets of one trial, named so that no pipeline meets them, and removed when it is over."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from flows.warehouse.bq.labels import label
from flows.warehouse.bq.project import Project

if TYPE_CHECKING:
    from flows.warehouse.bigquery import BigQueryWarehouse

HOURS = 24
"""After so long even what a killed process has left is gone."""


def scratch(project: Project, trial: str) -> Project:
    """The project with every dataset of a tenant under another name. What others share is not read there: a trial brings its rows."""
    return project.model_copy(update={"datasets": project.datasets.replace("{dataset}", f"{trial}_{{dataset}}"), "shared": {}})


def make(session: BigQueryWarehouse, dataset: str) -> None:
    """A dataset of the trial, whose tables expire."""
    from google.cloud import bigquery

    jobs, project = session.jobs, session.project
    made = bigquery.Dataset(f"{project.project}.{project.dataset(session.tenant_id, dataset)}")
    made.location, made.labels = project.location, {"penstock_tenant": label(session.tenant_id)}
    made.default_table_expiration_ms = HOURS * 3_600_000
    jobs.ask(lambda: jobs.client.create_dataset(made, exists_ok=True, retry=jobs.retry()), what=dataset)


def sweep(session: BigQueryWarehouse, datasets: set[str]) -> None:
    """Remove the datasets of a trial with all that is in them."""
    jobs, project = session.jobs, session.project
    paths = [f"{project.project}.{project.dataset(session.tenant_id, dataset)}" for dataset in sorted(datasets)]
    for path in paths:
        removing = partial(jobs.client.delete_dataset, path, delete_contents=True, not_found_ok=True, retry=jobs.retry())
        jobs.ask(removing, what=path)
