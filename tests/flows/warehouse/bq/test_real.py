"""What only a real project can show: `PENSTOCK_TEST_BIGQUERY_PROJECT=... pytest -m bigquery`. Without one, one line says so."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from flows.warehouse.base import Column, Slice, TableSpec
from flows.warehouse.bq.jobs import Jobs
from flows.warehouse.bq.project import Project
from flows.warehouse.bq.schema import Datasets
from flows.warehouse.bq.write import Source, Writer
from tests.fixtures.bigquery import REAL, REAL_SKIPPED

pytestmark = [pytest.mark.bigquery, pytest.mark.xdist_group("bigquery")]


def test_a_real_project_keeps_what_an_emulator_ignores(request: pytest.FixtureRequest, slice_of: Callable[..., Slice]) -> None:
    """Labels, the cap, partitions of numbers, a dry run's bytes, and four writers of one table at once: nothing lost."""
    if not REAL:
        pytest.skip(REAL_SKIPPED)
    project: Project = request.getfixturevalue("bq_project")
    jobs = Jobs(project, labels={"tenant": "demo"})
    datasets = Datasets(project, "demo", jobs)
    spec = TableSpec("mart.t", (Column("n", "INT64", description="a number"),), partition_by="n", cluster_by=("n",), keys=("n",))
    assert datasets.ensure(spec).created
    assert (datasets.describe("mart.t").partition_by, datasets.describe("mart.t").keys) == ("n", ("n",))
    job = jobs.query("SELECT 1 AS one", fresh=True)
    assert (job.labels, job.maximum_bytes_billed) == ({"tenant": "demo"}, project.max_bytes)

    def write(worker: int) -> None:
        own = Jobs(project)
        writer = Writer(own, Datasets(project, "demo", own))
        for n in range(3):
            number = worker * 10 + n
            writer.write(spec, slice_of(x_credential_id=f"c{number}"), Source(f"SELECT {number} AS n", [Column("n", "INT64")]), "append")

    threads = [threading.Thread(target=write, args=[worker]) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = jobs.query(f"SELECT n FROM {datasets.sql('mart.t')} ORDER BY n", fresh=True).result()
    assert [row.n for row in rows] == [worker * 10 + n for worker in range(4) for n in range(3)]
    assert (jobs.dry_run(f"SELECT n FROM {datasets.sql('mart.t')}").bytes or 0) > 0
