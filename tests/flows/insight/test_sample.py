"""The sample shop comes into the lake once, whole, and never over what is there."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from flows.insight.sample import ensure_sample
from flows.insight.shop import TABLES, Shop
from flows.warehouse.duckdb import DuckDBWarehouse

NAMES = [f"shop.{name}" for name in TABLES]


@pytest.fixture
def warehouse(settings, store, tmp_path):
    session = DuckDBWarehouse(settings, store.manifest, settings.tenant_id, names={}, stage_dir=tmp_path / "stage")
    yield session
    session.close()


def rows(warehouse, sql):
    return warehouse.query(sql).to_pylist()


def test_the_lake_holds_the_rows_of_the_shop(shop, warehouse):
    for name, made in Shop(0.01).tables():
        kept = warehouse.query(f"SELECT * FROM shop.{name}")
        assert kept.num_rows == made.num_rows, name
        assert sorted(map(repr, kept.to_pylist())) == sorted(map(repr, made.to_pylist())), name


def test_a_second_call_does_nothing(shop, settings, store):
    before = {table.name: table.version for table in store.manifest.tables(settings.tenant_id)}
    again = ensure_sample(settings, store, scale=0.01)
    assert again["made"] == {}
    assert again["tables"] == NAMES
    assert {table.name: table.version for table in store.manifest.tables(settings.tenant_id)} == before


def test_a_broken_off_set_is_completed_and_what_is_there_stays(settings, store, warehouse, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(Shop, "orders", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ensure_sample(settings, store, scale=0.01)
    assert [t.name for t in store.manifest.tables(settings.tenant_id)] == ["shop.customers", "shop.products", "shop.stores"]
    warehouse.load(Shop(0.01).stores().slice(0, 1).to_reader(), "shop.stores", mode="truncate")
    made = ensure_sample(settings, store, scale=0.01)["made"]
    assert set(made) == {*TABLES} - {"stores", "products", "customers"}
    assert rows(warehouse, "SELECT count(*) AS n FROM shop.stores") == [{"n": 1}]
    assert rows(warehouse, "SELECT count(*) AS n FROM shop.orders") == [{"n": 2000}]


def test_another_tenant_of_this_home_gets_its_own(shop, store):
    other = replace(shop, tenant_id="acme")
    assert store.manifest.tables("acme") == []
    assert set(ensure_sample(other, store, scale=0.001)["made"]) == {*TABLES}


CALL = """
import sys
from flows.insight.sample import ensure_sample
from flows.settings import Settings
from flows.store import open_store
settings = Settings.load(home=sys.argv[1])
print(len(ensure_sample(settings, open_store(settings.control_url), scale=0.01)["made"]))
"""


def test_two_at_once_make_one_shop(home: Path, settings, store):
    callers = [subprocess.Popen([sys.executable, "-c", CALL, str(home)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
               for _ in range(2)]
    said = [caller.communicate(timeout=100) for caller in callers]
    assert sorted(out.strip() for out, _ in said) == ["0", "13"], said
    assert {table.version for table in store.manifest.tables(settings.tenant_id)} == {1}
