"""Many processes write at once, or die in the middle: nothing is lost, nothing mixed, nothing half done, on both warehouses.

PENSTOCK_TEST_ROUNDS says how many slices each of the four processes writes (else 12 locally, 3 on BigQuery, whose emulator is slow), and
lets writers die at each of their steps instead of at every eighth.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from flows.settings import Settings
from flows.store import open_store
from flows.warehouse import Slice, TableSpec
from flows.warehouse.bq.project import Project

pytestmark = pytest.mark.slow
BIGQUERY = [pytest.mark.bigquery, pytest.mark.xdist_group("bigquery")]
ROUNDS = int(os.environ.get("PENSTOCK_TEST_ROUNDS", "0"))
FORK = multiprocessing.get_context("forkserver")  # imports once, not in each of a hundred processes
FORK.set_forkserver_preload(["google.cloud.bigquery", "flows.warehouse.bigquery", "flows.warehouse.duckdb", "pyarrow.parquet"])
T = TableSpec("mart.t", ())
TENANTS = ("one", "two")
OLD, NEW = [1, 2, 3], [4, 5, 6, 7]
Open = Callable[..., Any]


class Place:
    """Where processes meet: a lake or a project, as plain data that another process opens."""

    def __init__(self, home: Path, stage: Path, project: dict[str, Any] | None = None) -> None:
        self.home, self.stage, self.project = str(home), str(stage), project

    @contextmanager
    def open(self, tenant: str, worker: int = 9) -> Any:
        settings = Settings.load(home=self.home)
        stage = Path(self.stage) / f"{tenant}-{worker}"
        if self.project is None:
            from flows.warehouse.duckdb import DuckDBWarehouse

            store = open_store(settings.control_url)
            with DuckDBWarehouse(settings, store.manifest, tenant, stage_dir=stage) as warehouse:
                yield warehouse
            store.dispose()
            return
        from flows.warehouse.bigquery import BigQueryWarehouse

        with BigQueryWarehouse(Project(**self.project), tenant, limits=settings.limits, stage_dir=stage) as production:
            yield production

    def rows(self, tenant: str, columns: str = "a") -> list[Any]:
        with self.open(tenant) as warehouse:
            found = [tuple(row.values()) for row in warehouse.query(f"SELECT {columns} FROM mart.t ORDER BY 1, a").to_pylist()]
        return found if "," in columns else [row[0] for row in found]


@pytest.fixture(params=["duckdb", pytest.param("bigquery", marks=BIGQUERY), pytest.param("bigquery-one-table", marks=BIGQUERY)])
def place(request: pytest.FixtureRequest, lake_settings: Settings, tmp_path: Path) -> Place:
    """`bigquery-one-table`: a project whose datasets are not named by tenant, so that both tenants write one and the same table."""
    if request.param == "duckdb":
        open_store(lake_settings.control_url).dispose()
        return Place(lake_settings.home, tmp_path / "s")
    project = request.getfixturevalue("bq_project")
    if request.param == "bigquery-one-table":
        project = project.model_copy(update={"datasets": project.datasets.replace("{tenant}__", "")})
    return Place(lake_settings.home, tmp_path / "s", project.model_dump())


def slice_of(tenant: str, pipeline: str, n: int, run: str) -> Slice:
    return Slice(tenant, pipeline, f"c{n}", "2025-11-01", run)


# -------------------------------------------------------------------- side by side
def write_slices(place: Place, worker: int, count: int) -> None:
    """In a process of its own: slices of two rows each, and the first of them once more with one row."""
    tenant = TENANTS[worker % 2]
    with place.open(tenant, worker) as warehouse:
        for turn, n in enumerate([*range(count), 0]):
            value = worker * 10_000 + n
            rows = pa.table({"a": [value, value] if turn < count else [value + 5000]})
            warehouse.replace_slice(T, slice_of(tenant, f"p{worker // 2}", n, f"r{worker}"), warehouse.stage("rows", rows))


def test_two_tenants_write_one_table_key_from_four_processes(place: Place) -> None:
    count = ROUNDS or (12 if place.project is None else 3)
    started = [FORK.Process(target=write_slices, args=(place, worker, count)) for worker in range(4)]
    for process in started:
        process.start()
    for process in started:
        process.join(60 + count * 10)
        assert process.exitcode == 0
    everything = {}
    for number, tenant in enumerate(TENANTS):
        workers = [worker for worker in range(4) if worker % 2 == number]
        everything[tenant] = sorted(value for worker in workers for value in [
            worker * 10_000 + 5000, *(worker * 10_000 + n for n in range(1, count) for _ in range(2))])
    for tenant in TENANTS:
        found = place.rows(tenant, "x_org_slug, a")
        assert [a for slug, a in found if slug == tenant] == everything[tenant]
        others = {slug for slug, _ in found} - {tenant}
        assert others == (set(TENANTS) - {tenant} if place.project and "{tenant}" not in place.project["datasets"] else set())


# -------------------------------------------------------------------- kills
def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def replace_and_die(place: Place, at: int) -> None:
    """In a process of its own: the slice becomes NEW; dies at the n-th thing that it does to disk, control store or DuckDB."""
    from sqlalchemy import Engine, event

    from flows.warehouse.session import Session

    count = [0]

    def passed(*_: Any, **__: Any) -> None:
        count[0] += 1
        if count[0] == at:
            die()

    def around(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kw: Any) -> Any:
            passed()
            result = call(*args, **kw)
            passed()
            return result

        return wrapped

    with place.open("one") as warehouse:
        rows = warehouse.stage("rows", pa.table({"a": NEW}))
        for name in ("fsync", "replace", "open", "unlink", "mkdir"):
            setattr(os, name, around(getattr(os, name)))
        Session.rows = around(Session.rows)  # type: ignore[method-assign]
        for name in ("before_cursor_execute", "after_cursor_execute", "commit", "begin"):
            event.listen(Engine, name, passed)
        warehouse.replace_slice(T, slice_of("one", "p", 0, "r2"), rows)
        passed()
    os._exit(min(count[0], 250))  # how many of them there are


def request_and_die(place: Place, at: int, during: float) -> None:
    """In a process of its own: the slice becomes NEW; dies before its n-th request, or while the transaction's is on its way."""
    import requests

    send, count = requests.Session.request, [0]

    def request(self: Any, method: str, url: str, *args: Any, **kw: Any) -> Any:
        count[0] += 1
        if count[0] == at:
            die()
        if during and "BEGIN TRANSACTION" in str(kw.get("data")):
            threading.Timer(during, die).start()
        return send(self, method, url, *args, **kw)

    with place.open("one") as warehouse:
        rows = warehouse.stage("rows", pa.table({"a": NEW}))
        requests.Session.request = request  # type: ignore[method-assign,assignment]
        warehouse.replace_slice(T, slice_of("one", "p", 0, "r2"), rows)
        if count[0] + 1 == at:
            die()
    os._exit(min(count[0] + 1, 250))


def replace_old(place: Place) -> None:
    with place.open("one") as warehouse:
        warehouse.replace_slice(T, slice_of("one", "p", 0, "r1"), warehouse.stage("old", pa.table({"a": OLD})))


def outcome(target: Callable[..., None], *args: Any) -> int:
    process = FORK.Process(target=target, args=args)
    process.start()
    process.join(120)
    assert process.exitcode is not None
    return process.exitcode


def kill_everywhere(place: Place, target: Callable[..., None], attempts: list[tuple[Any, ...]]) -> dict[str, int]:
    """Each attempt is killed; afterwards the slice is the old one or the new one. Gives how often which of them."""
    seen, found = {"old": 0, "new": 0}, NEW
    for attempt in attempts:
        if found != OLD:
            replace_old(place)
        assert outcome(target, place, *attempt) == -signal.SIGKILL, attempt
        found = place.rows("one")
        assert found in (OLD, NEW), attempt
        seen["old" if found == OLD else "new"] += 1
    return seen


def test_a_writer_killed_at_any_step_leaves_the_old_slice_or_the_new_one(lake_settings: Settings, tmp_path: Path) -> None:
    place = Place(lake_settings.home, tmp_path / "s")
    replace_old(place)
    steps = outcome(replace_and_die, place, 0)
    assert steps > 20
    seen = kill_everywhere(place, replace_and_die, [(at,) for at in range(steps, 0, -1 if ROUNDS else -8)])
    assert min(seen.values()) > 0
    with place.open("one") as warehouse:
        replace_old(place)
        warehouse.lake.sweep(0)
        live = warehouse.lake.pin("mart.t").files
        assert [path.name for path in warehouse.lake.folder.rglob("*.parquet")] == [Path(file.path).name for file in live]


@pytest.mark.bigquery
@pytest.mark.xdist_group("bigquery")
def test_a_client_killed_at_any_request_leaves_the_old_slice_or_the_new_one(lake_settings: Settings, bq_project: Project,
                                                                            tmp_path: Path) -> None:
    place = Place(lake_settings.home, tmp_path / "s", bq_project.model_dump())
    replace_old(place)
    requests = outcome(request_and_die, place, 0, 0.0)
    assert requests > 3
    before = [(at, 0.0) for at in range(1, requests + 1)]
    during = [(0, random.Random(n).uniform(0.0005, 0.03)) for n in range(ROUNDS or 2)]
    seen = kill_everywhere(place, request_and_die, before)
    assert min(seen.values()) > 0
    for attempt in during:
        replace_old(place)
        outcome(request_and_die, place, *attempt)  # the answer may be faster than the kill
        assert place.rows("one") in (OLD, NEW)
