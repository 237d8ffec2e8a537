"""What a flow run of Prefect becomes: whose run it is and which files it has is said by our store, never by Prefect."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.run.ticket import Order, queued
from flows.settings import Settings
from flows.store import open_store
from flows.store.deployments import NewRelease

SPEC = {"pipeline_id": "daily", "steps": [{"step_id": "a", "ps_type": "generic.wait", "config": {"seconds": 0}}]}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = Settings(home=tmp_path, control_url=f"sqlite:///{tmp_path / 'control.sqlite'}", tenant_id="victim",
                        folders=(tmp_path / "machine", tmp_path / "files"))
    with open_store(settings.control_url) as store:
        yield settings, store


def deployed(store, tenant, folders):
    store.specs.save(tenant, SPEC, text="", author="test")
    made = store.deployments.release(NewRelease(tenant, "daily", "local", version=1, schedules=[{"cron": "0 2 * * *"}], params={},
                                                pool="penstock", folders=folders, author="test"))
    store.deployments.told(store.deployments.claim(made.key, 60.0), "p-1", {"paused": False, "params": {}, "base": {}})
    return Order({"spec": SPEC, "version": 1}, "f-1", "p-1")


def test_a_deployment_runs_for_its_own_tenant_whatever_prefect_says(place):
    settings, store = place
    order = deployed(store, "acme", [])
    assert queued(settings, store, order).tenant_id == "acme"
    assert store.runs.find("victim") == []


@pytest.mark.parametrize("guarded", [False, True])
def test_where_keys_are_asked_for_a_schedule_has_the_files_of_its_tenant_only(place, guarded):
    settings, store = place
    if guarded:
        store.keys.set_root("a-root-key-of-24-characters")
    own = str(settings.home / "files" / "tenants" / "acme")
    run = queued(settings, store, deployed(store, "acme", [own]))
    assert own in run.folders
    assert (str(settings.home / "machine") in run.folders) is not guarded
    assert all("acme" in Path(folder).parts for folder in run.folders) is guarded
