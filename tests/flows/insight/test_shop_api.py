"""The sample shop's interface answers inside the process, for the demo tenant, until somebody gives it an address."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import datetime

import httpx
import pytest

from flows.engines.base import Cancel
from flows.engines.rest import Paging, Reader, Request
from flows.errors import InputError, MissingError
from flows.insight import inbox, shop_api
from flows.insight.connections import load_connections
from flows.insight.sample import ensure_sample
from flows.insight.shop import Shop


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refused(*_, **__):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setattr(socket.socket, "connect", refused)


def pages(settings, endpoint, paging=None, **params):
    connections = load_connections(settings, {})
    reader = Reader(Request("shop_api", endpoint, params, "data", paging), connections, settings.limits, Cancel())
    return list(reader.pages()), reader.notes


def test_the_real_reader_gets_all_rows_page_by_page(settings):
    got, notes = pages(settings, "products", Paging(kind="page", size=200, size_parameter="per_page"))
    assert [len(page) for page in got] == [200, 200, 100, 0]
    assert [row for page in got for row in page] == Shop().products().to_pylist()
    assert notes == ["sample data: connection shop_api has no address here"]


def test_only_what_changed_since_then(settings):
    got, _ = pages(settings, "orders", Paging(kind="page", size=1000, size_parameter="per_page"), updated_since="2025-11-15")
    rows = [row for page in got for row in page]
    assert {row["updated_at"][:10] for row in rows} == {"2025-11-15"}
    assert len(rows) == sum(moment.date().isoformat() >= "2025-11-15" for moment in Shop().orders()["updated_at"].to_pylist())
    assert datetime.fromisoformat(rows[0]["updated_at"]).tzinfo is not None
    assert pages(settings, "orders", Paging(kind="none"), updated_since="2026-01-01")[0] == [[]]


@pytest.mark.parametrize(("endpoint", "params", "kind"), [
    ("nothing", {}, MissingError), ("orders", {"page": "0"}, InputError), ("orders", {"per_page": "1001"}, InputError),
    ("orders", {"updated_since": "'; drop table x; --"}, InputError), ("products", {"updated_since": "2025-11-15"}, InputError)])
def test_what_it_does_not_have_is_refused(endpoint, params, kind, settings):
    with pytest.raises(kind):
        pages(settings, endpoint, Paging(kind="none"), **params)


def test_an_address_of_its_own_goes_first_and_no_other_tenant_or_production_has_it(settings):
    assert load_connections(settings, {}).url("shop_api") == shop_api.ADDRESS
    real = load_connections(settings, {"PENSTOCK_CONN_SHOP_API": "https://api.example.com"})
    assert (real.url("shop_api"), real.transport("shop_api"), real.is_sample("shop_api")) == ("https://api.example.com", None, False)
    assert load_connections(replace(settings, tenant_id="acme"), {}).url("shop_api") is None
    assert load_connections(settings, {}, samples=False).url("shop_api") is None


def test_other_connections_are_asked_over_the_network(settings):
    connections = load_connections(settings, {"PENSTOCK_CONN_OTHER": "http://127.0.0.1:9"})
    assert connections.transport("other") is None
    with pytest.raises(AssertionError, match="the network was asked"):
        list(Reader(Request("other", "orders"), connections, settings.limits, Cancel()).pages())


def test_a_client_gets_json_errors():
    with httpx.Client(transport=shop_api.transport(), base_url=shop_api.ADDRESS) as client:
        answer = client.get("/orderz")
    assert answer.status_code == 404
    assert answer.json() == {"error": "there is no orderz; there are orders, customers, products"}


def test_the_inbox_is_filled_once_and_never_over_a_file(settings, store):
    ensure_sample(settings, store, scale=0.001)
    folder = settings.home / "files" / "inbox"
    assert sorted(file.name for file in folder.iterdir()) == ["deliveries_2025-11-15.csv", "sales_targets.csv"]
    lines = (folder / "deliveries_2025-11-15.csv").read_text().splitlines()
    assert len(lines) == 1 + inbox.DELIVERIES
    assert [n for n, line in enumerate(lines) if n and not line.split(",")[3].isdigit()] == list(inbox.BROKEN)
    (folder / "sales_targets.csv").write_text("mine")
    assert inbox.deliver(settings.home) == []
    (folder / "deliveries_2025-11-15.csv").unlink()
    assert ensure_sample(settings, store)["made"] == {}
    assert (folder / "sales_targets.csv").read_text() == "mine"
    assert (folder / "deliveries_2025-11-15.csv").read_text().splitlines() == lines
