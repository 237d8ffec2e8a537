"""What the environment says, and what is never shown of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.errors import InputError
from flows.settings import Settings


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {"HOME": str(tmp_path), "TENANT": "acme", "MAX_RUNS": "3", "PATHS": f"{tmp_path / 'a'}:{tmp_path / 'b'}"}.items():
        monkeypatch.setenv(f"PENSTOCK_{name}", value)
    read = Settings.load()
    assert (read.home, read.tenant_id, read.max_runs) == (tmp_path, "acme", 3)
    assert read.folders == (Path.cwd(), tmp_path / "files", tmp_path / "a", tmp_path / "b")
    assert read.control_url == f"sqlite:///{tmp_path / 'control.sqlite'}"


def test_addresses_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_CONTROL_URL", "postgresql://penstock:hunter2@db/control")
    monkeypatch.setenv("PENSTOCK_PREFECT_URL", "https://me:hunter2@prefect/api")
    read = Settings.load()
    assert "hunter2" in read.control_url
    assert "hunter2" not in f"{read} {read!r}"


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "²", "65536"])
def test_a_number_that_is_none_names_its_variable(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PENSTOCK_PREFECT_PORT", text)
    with pytest.raises(InputError, match="PENSTOCK_PREFECT_PORT"):
        Settings.load()


@pytest.mark.parametrize("tenant", ["", "a/b", "..", "a" * 64, "ä"])
def test_a_tenant_that_is_no_name_is_refused(tenant: str) -> None:
    from flows.settings import check_tenant

    with pytest.raises(InputError, match="is not a valid name"):
        check_tenant(tenant)


def test_the_address_that_people_use_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_PUBLIC_URL", " https://penstock.example.com/data/ ")
    assert Settings.load().public_url == "https://penstock.example.com/data"
    monkeypatch.delenv("PENSTOCK_PUBLIC_URL")
    assert Settings.load().public_url == ""


@pytest.mark.parametrize("text", ["penstock.example.com", "ftp://example.com", "https://", "https://me:hunter2@example.com", "https://e.com?a=b",
                                  "https://e.com/#x", "https://e.com:99999", "javascript:alert(1)", "https://e.com/\nBcc: x", "https://e.com/<b>",
                                  "https://e.com/|x", "https://e.com/ä", "https://e.com/" + "x" * 200])
def test_an_address_that_is_none_names_its_variable(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PENSTOCK_PUBLIC_URL", text)
    with pytest.raises(InputError, match="PENSTOCK_PUBLIC_URL: this is no address that links can begin with") as said:
        Settings.load()
    assert "hunter2" not in str(said.value)


OIDC = {"ISSUER": "https://login.example.com/", "CLIENT_ID": "penstock", "CLIENT_SECRET": "canary-one",
        "COOKIE_SECRET": "canary-two" + "0" * 30}


def test_an_identity_provider_is_read_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**OIDC, "ADMINS": "Ann@example.com, bob@example.com"}.items():
        monkeypatch.setenv(f"PENSTOCK_OIDC_{name}", value)
    read = Settings.load()
    assert read.oidc is not None
    assert read.oidc.metadata_url == "https://login.example.com/.well-known/openid-configuration"
    assert (read.oidc.admins, read.oidc.hours) == (("ann@example.com", "bob@example.com"), 12)
    assert "canary" not in f"{read} {read!r}"


@pytest.mark.parametrize(("changes", "said"), [
    ({"CLIENT_SECRET": ""}, "PENSTOCK_OIDC_CLIENT_SECRET: sign-in is set up in part only"),
    ({"ISSUER": "http://login.example.com"}, "PENSTOCK_OIDC_ISSUER: an identity provider is asked over https only"),
    ({"COOKIE_SECRET": "short"}, "PENSTOCK_OIDC_COOKIE_SECRET: the secret of the cookies has 5 characters"),
    ({"ADMINS": "ann"}, "PENSTOCK_OIDC_ADMINS: 'ann' is no e-mail address"),
])
def test_an_identity_provider_in_part_names_its_variable(monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], said: str) -> None:
    for name, value in {**OIDC, **changes}.items():
        monkeypatch.setenv(f"PENSTOCK_OIDC_{name}", value)
    with pytest.raises(InputError, match=said) as error:
        Settings.load()
    assert "canary" not in str(error.value)


@pytest.mark.parametrize(("given", "read"), [("", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("::1", "::1")])
def test_where_the_app_answers_is_read(monkeypatch: pytest.MonkeyPatch, given: str, read: str) -> None:
    monkeypatch.setenv("PENSTOCK_APP_HOST", given)
    assert Settings.load().app_host == read


def test_a_host_that_is_no_address_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_APP_HOST", "everywhere")
    with pytest.raises(InputError, match="PENSTOCK_APP_HOST: 'everywhere' is no IP address"):
        Settings.load()
