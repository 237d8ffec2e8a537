"""Onboarding makes a tenant's warehouse ready, twice is harmless, and no tenant reaches another or lifts its own limits."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.engines.base import Cancel
from flows.run.job import make_job
from flows.run.plan import make_plan
from flows.run.step import Outcome, attempt
from flows.service import Penstock
from flows.spec.loader import from_data

TEMPLATE = Path(__file__).parents[4] / "configs" / "customer" / "onboarding" / "tenant.yml"
BOOK = ["x_meta.x_meta_pipeline_runs", "x_meta.x_meta_step_logs"]


@pytest.fixture
def door(home: Path) -> Iterator[Penstock]:
    with Penstock(home=home, tenant="acme") as opened:
        yield opened


def onboard(door: Penstock, environment: str = "local", preview: bool = False, **config: Any) -> Outcome:
    from dataclasses import replace

    spec = from_data({"pipeline_id": "onboarding", "steps": [{"step_id": "a", "ps_type": "customer.onboarding", "config": config}]})
    job = replace(make_job(spec, settings=door.settings, store=door.store, catalog=door.catalog, preview=preview), environment=environment)
    step = make_plan(job.spec, catalog=door.catalog).step("a")
    return attempt(step, job, {}, Cancel(), logging.getLogger("test"))


def test_a_tenant_gets_what_it_needs_and_the_second_time_nothing_is_made(door):
    first = onboard(door, datasets=["raw", "mart"], limits={"runs_per_day": 10})
    assert first.error == ""
    outputs = first.result.outputs
    assert outputs["made"][:4] == ["raw", "mart", *BOOK]
    assert "system.sp_refresh_day" in outputs["made"]
    assert outputs["there"] == []
    assert outputs["limits"] == {"runs_per_day": 10, "runs_at_once": None, "bytes_per_day": None, "runs_waiting": None}
    second = onboard(door, datasets=["raw", "mart"])
    assert second.result.outputs == {"made": [], "there": outputs["made"], "limits": outputs["limits"]}
    assert second.result.notes[0] == "nothing was to be made"
    assert door.query("SELECT COUNT(*) AS n FROM x_meta_pipeline_runs").to_pylist() == [{"n": 0}]
    with Penstock(home=door.settings.home, tenant="other") as other:
        assert other.limits()["runs_per_day"] is None
        assert not other.store.manifest.tables("other")


def test_no_pipeline_raises_or_removes_a_limit_and_then_makes_nothing(door):
    door.set_limits(runs_per_day=10)
    for more in (11, None):
        refused = onboard(door, datasets=["raw"], limits={"runs_per_day": more})
        assert "runs_per_day of tenant 'acme' is 10, and no pipeline raises it" in refused.error
    assert not (door.settings.home / "lake" / "acme" / "raw").exists()
    assert onboard(door, limits={"runs_per_day": 5}).result.outputs["limits"]["runs_per_day"] == 5
    assert door.set_limits(runs_per_day=20)["runs_per_day"] == 20


def test_a_run_onboards_no_other_tenant(door):
    refused = onboard(door, tenant="other")
    assert "config.tenant: this run is of tenant 'acme' and onboards no other. Run it with --tenant other" in refused.error
    seen = door.preview({"pipeline_id": "p", "steps": [{"step_id": "a", "ps_type": "customer.onboarding", "config": {"tenant": "other"}}]})
    assert "onboards no other" in seen.steps[0].error
    for tenant in ("other", "acme"):
        assert not door.store.manifest.tables(tenant)


def test_a_preview_says_what_would_be_made_and_makes_nothing(door):
    shown = door.preview({"pipeline_id": "p", "steps": [{"step_id": "a", "ps_type": "customer.onboarding", "config": {
        "datasets": ["raw"], "limits": {"runs_at_once": 2}}}]}).steps[0]
    assert shown.error == ""
    assert list(shown.notes)[:2] == [
        "would make for tenant 'acme' what is not there of raw, x_meta.x_meta_pipeline_runs, x_meta.x_meta_step_logs and the shipped "
        "procedures; a preview makes nothing", "would set runs_at_once 2"]
    assert not door.store.manifest.tables("acme")
    assert door.limits()["runs_at_once"] is None


def test_a_name_that_no_dataset_has_is_told_before_anything_is_made(door):
    report = door.validate({"pipeline_id": "p", "steps": [{"step_id": "a", "ps_type": "customer.onboarding", "config": {
        "datasets": ["raw", "../x"]}}]})
    assert not report.ok
    assert "no name for a dataset" in str(report.problems[0])


def test_the_template_holds(door):
    report = door.validate(TEMPLATE)
    assert report.ok, report.problems


@pytest.mark.bigquery
@pytest.mark.xdist_group("bigquery")
def test_the_same_on_bigquery(door, bq_project, monkeypatch):
    for name, value in (("GOOGLE_CLOUD_PROJECT", bq_project.project), ("PENSTOCK_BIGQUERY_ENDPOINT", bq_project.endpoint),
                        ("PENSTOCK_BIGQUERY_STORAGE_ENDPOINT", bq_project.storage_endpoint),
                        ("PENSTOCK_BIGQUERY_DATASETS", bq_project.datasets)):
        monkeypatch.setenv(name, value)
    asked = {"datasets": ["raw", "mart"], "procedures": False}  # the emulator reads none of ours
    first, second = onboard(door, "production", **asked), onboard(door, "production", **asked)
    assert (first.error, second.error) == ("", "")
    assert (first.result.outputs["made"], second.result.outputs["made"]) == (["raw", "mart", *BOOK], [])
    assert second.result.outputs["there"] == ["raw", "mart", *BOOK]
