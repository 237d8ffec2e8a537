import logging
import pickle
from dataclasses import replace

import pytest

from flows.errors import InputError
from flows.insight.connections import load_connections, scrub
from flows.settings import Settings
from flows.store import open_store


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


def told(settings, text, env=None, mode=0o600):
    file = settings.home / "connections.yml"
    file.write_text(text)
    file.chmod(mode)
    return load_connections(settings, env or {})


def test_without_a_file_nothing_has_an_address(settings):
    connections = load_connections(settings, {})
    assert connections.url("postgres") is None
    assert dict(connections.headers("postgres")) == {}


def test_the_environment_goes_before_the_file(settings):
    connections = told(settings, "pg-main: {url: 'postgresql://file'}\nrest: 'https://api.example.com'",
                       {"PENSTOCK_CONN_PG_MAIN": "postgresql://env"})
    assert connections.url("pg-main") == "postgresql://env"
    assert connections.url("rest") == "https://api.example.com"
    assert connections.names() == ["pg-main", "rest"]


def test_variables_are_filled_in_when_a_connection_is_used(settings):
    text = "pg: {url: 'postgresql://u:${PG_PASSWORD}@h/d'}\nbroken: {url: 'https://${GONE}/'}"
    connections = told(settings, text, {"PG_PASSWORD": "s3cret"})
    assert connections.url("pg") == "postgresql://u:s3cret@h/d"
    with pytest.raises(InputError, match="refers to the variable GONE"):
        connections.url("broken")


@pytest.mark.parametrize(("fields", "header"), [
    ("{url: 'https://a', token: t0ken}", {"Authorization": "Bearer t0ken"}),
    ("{url: 'https://a', user: me, password: pw}", {"Authorization": "Basic bWU6cHc="}),
    ("{url: 'https://a', headers: {X-Key: k3y}}", {"X-Key": "k3y"}),
])
def test_what_opens_a_connection_becomes_headers(settings, fields, header):
    assert told(settings, f"api: {fields}").headers("api") == header


def test_a_login_beside_the_address_goes_into_a_database_address_only(settings):
    text = "pg: {url: 'postgresql://h/d', user: me, password: 'p@ss/1'}\napi: {url: 'https://h', user: me, password: x}"
    connections = told(settings, text)
    assert connections.url("pg") == "postgresql://me:p%40ss%2F1@h/d"
    assert connections.url("api") == "https://h"


def test_json_in_the_environment_carries_a_token(settings):
    connections = load_connections(settings, {"PENSTOCK_CONN_API": '{"url": "https://a", "token": "t0ken"}'})
    assert (connections.url("api"), connections.headers("api")) == ("https://a", {"Authorization": "Bearer t0ken"})


def test_secrets_never_stand_in_texts(settings):
    connections = told(settings, "pg: {url: 'postgresql://u:hunter2@h/d', token: hunter2}")
    assert "hunter2" not in repr(connections) + str(connections) + repr(vars(connections)) + f"{connections!s}"


@pytest.mark.parametrize("text", [
    "pg: {url: 'x', pasword: hunter2}", "pg: [hunter2", "- hunter2", "pg: {url: [hunter2]}", "pg: hunter2: x", "pg: 12",
])
def test_a_wrong_file_is_one_error_that_names_the_place_and_no_value(settings, text):
    with pytest.raises(InputError) as error:
        told(settings, text)
    assert "connections.yml" in str(error.value)
    shown = f"{error.value}{error.value.__cause__}{error.value.__context__ if not error.value.__suppress_context__ else ''}"
    assert "hunter2" not in shown


def test_a_file_that_everybody_can_read_is_warned_about(settings, caplog):
    with caplog.at_level(logging.WARNING, "penstock.connections"):
        told(settings, "pg: 'postgresql://h'", mode=0o644)
    assert "chmod 600" in caplog.text


def test_errors_lose_their_logins():
    url = "postgresql://u:p%40ss@h/d"
    assert scrub("cannot open postgresql://u:p%40ss@h/d with p@ss", url) == "cannot open postgresql://***@h/d with ***"
    assert scrub("see mysql://a:b@c") == "see mysql://***@c"
    assert pickle.dumps(scrub("plain")) == pickle.dumps("plain")


def test_a_connection_may_be_one_tenants(settings):
    text = "acme_pg: {url: 'postgresql://a', tenants: [acme]}\nmine: {url: 'postgresql://d', tenants: [demo]}\n"
    text += "all: {url: 'https://h', tenants: ['*']}"
    own = told(settings, text, {"PENSTOCK_CONN_KEY": '{"url": "https://k", "tenants": ["acme"]}'})
    assert own.names() == ["all", "mine"]
    assert [own.url(name) for name in ("acme_pg", "key", "never", "mine", "all")] == [None, None, None, "postgresql://d", "https://h"]
    assert dict(own.headers("key")) == {}
    far = load_connections(replace(settings, tenant_id="acme"), {"PENSTOCK_CONN_KEY": '{"url": "https://k", "tenants": ["acme"]}'})
    assert (far.names(), far.url("key"), far.url("mine")) == (["acme_pg", "all"], "https://k", None)


def test_one_that_says_not_whose_it_is_is_nobodys_once_there_are_keys_of_several_tenants(tmp_path, caplog):
    settings = Settings(home=tmp_path, control_url=f"sqlite:///{tmp_path / 'control.sqlite'}")
    env = {"PENSTOCK_CONN_PG": "postgresql://u:hunter2@h/d"}
    assert load_connections(settings, env).url("pg")
    with open_store(settings.control_url) as store:
        for tenant in ("demo", "acme"):
            assert load_connections(settings, env).url("pg")
            store.tenants.ensure(tenant)
        assert load_connections(settings, env).url("pg"), "nobody is asked for a key yet"
        store.keys.set_root("a-root-key-of-24-characters")
        assert told(settings, "old: 'postgresql://h/d'", env).names() == []
        assert load_connections(settings, env).url("pg") is None
    assert "does not say whose it is" in caplog.text
    assert "hunter2" not in caplog.text
