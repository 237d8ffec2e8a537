"""Sessions of the local warehouse over one lake, and slices to write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.settings import Settings
from flows.store import Store, open_store
from flows.warehouse import Slice
from flows.warehouse.duckdb import DuckDBWarehouse


@pytest.fixture
def lake_settings(tmp_path: Path) -> Settings:
    return Settings.load(home=tmp_path / "home")


@pytest.fixture
def lake_store(lake_settings: Settings) -> Iterator[Store]:
    store = open_store(lake_settings.control_url)
    yield store
    store.dispose()


@pytest.fixture
def open_warehouse(lake_settings: Settings, lake_store: Store, tmp_path: Path) -> Iterator[Callable[..., DuckDBWarehouse]]:
    """Opens sessions of the tenant `demo` over one lake, with one stage folder, as the steps of a run have."""
    opened: list[DuckDBWarehouse] = []

    def make(tenant: str = "demo", **kw: Any) -> DuckDBWarehouse:
        opened.append(DuckDBWarehouse(lake_settings, lake_store.manifest, tenant, stage_dir=tmp_path / "stage", **kw))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def open_bigquery(lake_settings: Settings, bq_project: Any, tmp_path: Path,
                  monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """The same on BigQuery."""
    from flows.warehouse.bigquery import BigQueryWarehouse
    from flows.warehouse.bq import jobs

    if bq_project.endpoint:
        monkeypatch.setattr(jobs, "RETRY_SECONDS", 2.0)  # an emulator that fails once fails again
    opened: list[BigQueryWarehouse] = []

    def make(tenant: str = "demo", **kw: Any) -> BigQueryWarehouse:
        opened.append(BigQueryWarehouse(bq_project, tenant, limits=lake_settings.limits, stage_dir=tmp_path / "stage", **kw))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def slice_of() -> Callable[..., Slice]:
    """A slice; what is not said is the same each time."""

    def make(run: str = "r1", **kw: str) -> Slice:
        said = {"x_org_slug": "demo", "x_pipeline_id": "p", "x_credential_id": "none", "x_pipeline_run_date": "2025-11-01", **kw}
        return Slice(**said, x_run_id=run)

    return make
