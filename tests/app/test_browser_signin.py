"""Sign-in in Chromium: with a key, with a local identity provider, and what neither lets in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from flows.store import NewRun, open_store
from tests.fixtures.browser import PHONE, Server, app_server, small_shop
from tests.fixtures.oidc import CLIENT, SECRET, Provider

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.timeout(300)]

ROOT_KEY = "root-key-of-the-test-000000000000"
ADDRESS = "ann@example.com"


def fill(settings: Any) -> dict[str, str]:
    """One run in each of two tenants, named after it; what opens a door, by name."""
    store, keys = open_store(settings.control_url), {}
    for tenant in ("demo", "acme"):
        store.tenants.create(tenant, tenant)
        spec = {"pipeline_id": f"secret-of-{tenant}", "name": f"Secret of {tenant}", "steps": []}
        keys[f"{tenant} run"] = store.runs.submit(NewRun(tenant_id=tenant, pipeline_id=str(spec["pipeline_id"]), spec=spec,
                                                         trigger_by="app", run_date="2025-11-15")).run_id
        for role in ("viewer", "editor"):
            made, keys[f"{tenant} {role}"] = store.keys.create(tenant, role, role)
            keys[f"{tenant} {role} id"] = made.key_id
    store.dispose()
    return keys


@contextmanager
def served(home: Path, env: dict[str, str]) -> Iterator[tuple[Server, Any, dict[str, str]]]:
    settings = small_shop(home)
    keys = fill(settings)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        server = app_server(home, home / "server.log")
    store = open_store(settings.control_url)
    try:
        yield server, store, keys
    finally:
        store.dispose()
        server.stop()
        said = server.said()
        assert not [secret for secret in (SECRET, ROOT_KEY, *(v for k, v in keys.items() if v.startswith("pk_"))) if secret in said]


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with served(tmp_path_factory.mktemp("keyed") / "home", {"PENSTOCK_ROOT_KEY": ROOT_KEY}) as made:
        yield made


@pytest.fixture(scope="module")
def provided(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Any]:
    env = {"PENSTOCK_OIDC_ISSUER": provider.issuer, "PENSTOCK_OIDC_CLIENT_ID": CLIENT, "PENSTOCK_OIDC_CLIENT_SECRET": SECRET,
           "PENSTOCK_OIDC_COOKIE_SECRET": "cookie-secret-of-the-test-0000000000", "PENSTOCK_OIDC_ADMINS": "boss@example.com"}
    with served(tmp_path_factory.mktemp("provided") / "home", env) as made:
        yield made


def give(page: Any, key: str) -> Any:
    page.get_by_label("API key", exact=True).fill(key)
    page.get_by_role("button", name="Sign in").click()
    return page


def corner(page: Any) -> Any:
    return page.locator(".st-key-account_more button").first


def test_a_key_opens_its_tenant_and_nothing_else(page_of: Any, keyed: Any) -> None:
    server, store, keys = keyed
    page = page_of(f"{server.url}/runs?run={keys['acme run']}")
    expect(page.get_by_label("API key", exact=True)).to_be_visible()
    expect(page.get_by_text("Secret of")).to_have_count(0)
    give(page, "pk_wrong")
    expect(page.get_by_text("This key opens nothing here.")).to_be_visible()
    give(page, keys["acme viewer"])
    expect(corner(page)).to_contain_text("acme")
    expect(page.get_by_role("heading", name="Secret of acme")).to_be_visible()  # the link was kept over the sign-in
    page.goto(f"{server.url}/runs?run={keys['acme run']}")  # a new tab knows nobody
    give(page, keys["demo editor"])
    expect(page.get_by_text("There is no run")).to_be_visible()
    expect(page.get_by_text("Secret of acme")).to_have_count(0)
    expect(page.get_by_text("Secret of demo").first).to_be_attached()
    store.keys.revoke("demo", keys["demo editor id"])
    page.get_by_role("radio", name="Failed").click()
    expect(page.get_by_label("API key", exact=True)).to_be_visible()
    expect(page.get_by_text("Secret of demo")).to_have_count(0)


def test_the_root_key_goes_from_tenant_to_tenant(page_of: Any, keyed: Any) -> None:
    server, _, _ = keyed
    page = page_of(f"{server.url}/runs", width=PHONE, dark=True)
    give(page, ROOT_KEY)
    expect(page.get_by_text("Secret of demo").first).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
    corner(page).click()
    page.get_by_role("combobox", name="Tenant").click()
    page.get_by_role("option", name="acme").click()
    expect(corner(page)).to_contain_text("acme")
    expect(page.get_by_text("Secret of acme").first).to_be_attached()
    expect(page.get_by_text("Secret of demo")).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()  # the corner is still open
    expect(page.get_by_label("API key", exact=True)).to_be_visible()
    expect(page.get_by_text("Secret of")).to_have_count(0)


def test_a_person_signs_in_with_the_provider(page_of: Any, net: Any, provided: Any, provider: Provider) -> None:
    server, store, _ = provided
    store.tenants.set_member("acme", ADDRESS, "viewer")
    store.tenants.set_member("demo", ADDRESS, "editor")
    page = page_of(f"{server.url}/runs")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(corner(page)).to_contain_text("demo")
    cookies = {each["name"]: each for each in page.context.cookies() if each["name"].startswith("_streamlit_user")}
    assert cookies
    assert all(each["httpOnly"] and each["sameSite"] == "Lax" for each in cookies.values())
    page.goto(f"{server.url}/runs")
    expect(page.get_by_text("Secret of demo").first).to_be_attached()
    corner(page).click()
    expect(page.get_by_text(ADDRESS)).to_be_visible()
    page.get_by_role("combobox", name="Tenant").click()
    page.get_by_role("option", name="acme").click()
    expect(page.get_by_text("Secret of acme").first).to_be_attached()
    expect(page.get_by_text("Secret of demo")).to_have_count(0)
    store.tenants.remove_member("acme", ADDRESS)
    page.get_by_role("radio", name="Failed").click()
    expect(page.get_by_text("is no member of that tenant")).to_be_visible()
    page.reload()
    expect(corner(page)).to_contain_text("demo")
    corner(page).click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    assert not [each for each in page.context.cookies() if each["name"] == "_streamlit_user"]
    net.found.clear()  # the provider is another host


@pytest.mark.parametrize(("claims", "said"), [
    ({"email": "eve@example.com"}, re.compile("is no member of any tenant")),
    ({"email_verified": False}, re.compile("has not verified your e-mail address")),
    ({"aud": "another-program"}, None),
    ({"iss": "http://127.0.0.1:1"}, None),
    ({"nonce": "another"}, None),
    ({"exp": 1_700_000_000}, None),
], ids=lambda value: next(iter(value)) if isinstance(value, dict) else "")
def test_what_the_provider_says_is_checked(page_of: Any, net: Any, provided: Any, provider: Provider, claims: dict[str, Any],
                                           said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server, store, _ = provided
    store.tenants.set_member("demo", ADDRESS, "admin")
    monkeypatch.setattr(provider, "claims", {**provider.claims, **claims})
    page = page_of(f"{server.url}/runs")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{server.url}/")
    if said is not None:
        expect(page.get_by_text(said)).to_be_visible()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(page.get_by_text("Secret of")).to_have_count(0)
    expect(corner(page)).to_have_count(0)
    net.found.clear()


def test_a_token_that_somebody_else_has_signed_opens_nothing(page_of: Any, net: Any, provided: Any, provider: Provider,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    from joserfc.jwk import RSAKey

    server, store, _ = provided
    store.tenants.set_member("demo", ADDRESS, "admin")
    monkeypatch.setattr(provider, "signs", RSAKey.generate_key(2048, parameters={"kid": "test"}))
    page = page_of(f"{server.url}/runs")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{server.url}/")
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(corner(page)).to_have_count(0)
    net.found.clear()


def test_the_first_admin_comes_from_the_environment(page_of: Any, net: Any, provided: Any, provider: Provider,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    server, _, _ = provided
    monkeypatch.setattr(provider, "claims", {"email": "Boss@Example.com", "email_verified": True})
    page = page_of(server.url)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(corner(page)).to_contain_text("demo")
    corner(page).click()
    expect(page.get_by_text("Role admin in demo")).to_be_visible()
    net.found.clear()
