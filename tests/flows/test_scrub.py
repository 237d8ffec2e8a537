"""No secret stays in a text."""

from dataclasses import replace

import pytest
from pydantic import SecretStr

from flows import scrub as known
from flows.run.ledger import prefect_url
from flows.scrub import Scrubber, is_secret, learn, learn_environment, without_login


@pytest.mark.parametrize(("text", "left"), [
    ("postgres://me:s3cr3t@db/x failed", "postgres://***@db/x failed"),
    ("password=hunter22, user=me", "password=***, user=me"),
    ('{"api_key": "abcd1234", "n": 1}', '{"api_key": "***", "n": 1}'),
    ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer ***"),
    ("key sk-abcdefghijklmnop1234 refused", "key *** refused"),
    ("https://ghost:p@ss@h/x and redis://:pw@h, https://onlytoken@h", "https://***@h/x and redis://***@h, https://***@h"),
    ("{'password': 'two words', 'n': 1}", "{'password': '***', 'n': 1}"),
    (r'{"text": "{\"token\": \"two words\", 1"}', r'{"text": "{\"token\": \"***\", 1"}'),
    ("password='not closed at all", "password='*** closed at all"),
    ("authorization: Negotiate", "authorization: ***"),
    ("POST https://hooks.slack.com/services/T0AB/B0CD/abcDEF123 200", "POST https://hooks.slack.com/services/*** 200"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def", "***"),
    ("x -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- y", "x *** y"),
    ("https://h/x?sig=1&signature=abcdef&n=1", "https://h/x?sig=1&signature=***&n=1"),
    ("the token of the step", "the token of the step"),
    ("step_id: a, 3 rows", "step_id: a, 3 rows"),
])
def test_what_looks_like_a_secret_is_masked(text, left):
    assert Scrubber()(text) == left


@pytest.mark.timeout(30)
@pytest.mark.parametrize("text", ["y" * 256_000, "a-" * 128_000, "a://" * 64_000, "a://b:c" * 32_000, "password" + " " * 250_000,
                                  "eyJ" * 80_000, "/services/" + "A" * 200_000, "a://" + "b" * 200_000, "password=\\"])
def test_a_long_text_without_a_secret_costs_its_length(text):
    assert "***" not in Scrubber()(text)


def test_a_known_secret_is_masked_wherever_it_stands():
    scrub = Scrubber(["postgres://me:p%40ss-word@db/x", "plain-token-1"])
    assert scrub("login with p@ss-word or p%40ss-word, or plain-token-1") == "login with *** or ***, or ***"


@pytest.fixture
def nothing_known(monkeypatch):
    monkeypatch.setattr(known, "_known", ())


def test_what_a_process_learns_every_scrubber_of_it_masks(nothing_known):
    scrub = Scrubber()
    learn("hunter22", None, "", "abc", "https://me:p%40ss-word@h/x?api_key=q-secret&n=plain-value")
    assert scrub("hunter22 p@ss-word p%40ss-word q-secret abc plain-value") == "*** *** *** *** abc plain-value"


@pytest.mark.parametrize(("secret", "text", "left"), [
    ("postgres", "postgres://me:s3cr3t@db/x failed", "***://***@db/x failed"),
    ("pass", "password=hunter22, user=me", "***word=***, user=me"),
    ("token", '{"x_token": "abcd1234", "n": 1}', '{"x_***": "***", "n": 1}'),
    ("Bear", "Authorization: Bearer abcdefgh12345678", "Authorization: ***er ***"),
    ("services", "https://hooks.slack.com/services/T0AB/B0CD/abcDEF123", "https://hooks.slack.com/***/***"),
    ("s3cr3t@db", "postgres://me:s3cr3t@db/x", "postgres://***/x"),
    ("aaaa", "aaaaaa", "***"),
])
def test_a_known_secret_hides_no_other(nothing_known, secret, text, left):
    """A password may be a word that stands everywhere (a database's login is postgres:postgres)."""
    assert Scrubber([secret])(text) == left
    learn(secret)
    assert Scrubber()(text) == left
    assert Scrubber()(left) == left
    assert Scrubber([f"{secret}-longer"])(f"{secret}-longer") == "***"


def test_the_environment_is_learnt_by_its_names(nothing_known, tmp_path):
    key = tmp_path / "key-file"
    key.touch()
    learn_environment({"OPENAI_API_KEY": "a-model-key", "DB_PASSWORD": "long-enough", "PWD": "/somewhere/else", "X_TOKEN": "true",
                       "KEY_FILE_TOKEN": str(key), "DATABASE": "postgresql://me:in-the-address@h/d", "EDITOR": "an-editor"})
    text = "a-model-key long-enough /somewhere/else true in-the-address an-editor"
    assert Scrubber()(f"{text} {key}") == f"*** *** /somewhere/else true *** an-editor {key}"


def test_data_loses_what_a_name_or_a_value_gives_away():
    class Loud:
        def __str__(self):
            return "mysql://root:topsecret@db"

    given = {"password": ["x", 1], "Authorization": 5, "deep": [{"api_key": "k", "n": 1}, ("a", Loud())], Loud(): SecretStr("hunter22"),
             "at": "postgres://me:s3cr3t@db", "rows": 12, "none": None, "db_token": b"x"}
    assert Scrubber().data(given) == {
        "password": "***", "Authorization": "***", "deep": [{"api_key": "***", "n": 1}, ["a", "mysql://***@db"]],
        "mysql://***@db": "**********", "at": "postgres://***@db", "rows": 12, "none": None, "db_token": "***"}
    round_and_round = {}
    round_and_round["self"] = round_and_round
    assert "self" in Scrubber().data(round_and_round)


@pytest.mark.parametrize(("name", "secret"), [
    ("password", True), ("db_password", True), ("X-Api-Key", True), ("client_secret", True), ("token", True), ("Set-Cookie", True),
    ("max_tokens", False), ("rows", False), ("author", False), ("key", False), (7, False)])
def test_a_name_tells_a_secret(name, secret):
    assert is_secret(name) == secret


@pytest.mark.parametrize(("address", "shown"), [
    ("https://me:s3cr3t@prefect.example:4300/api?token=x#y", "https://prefect.example:4300/api"),
    ("http://[::1]:4200", "http://[::1]:4200"), ("http://127.0.0.1:4200/", "http://127.0.0.1:4200/"), ("", ""), ("nonsense", "nonsense")])
def test_an_address_is_shown_without_its_login(address, shown):
    assert without_login(address) == shown


def test_the_link_of_a_run_holds_no_login(store, settings):
    own = replace(settings, prefect_url="https://me:s3cr3t@prefect.example/team/api/")
    assert prefect_url(store, own) == "https://prefect.example/team"
