"""No secret stays in a text."""

import logging
from dataclasses import replace

import pytest

from flows.run.ledger import prefect_url
from flows.run.scrub import Scrubber, ScrubFormatter, without_login


@pytest.mark.parametrize(("text", "left"), [
    ("postgres://me:s3cr3t@db/x failed", "postgres://me:***@db/x failed"),
    ("password=hunter22, user=me", "password=***, user=me"),
    ('{"api_key": "abcd1234", "n": 1}', '{"api_key": "***", "n": 1}'),
    ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer ***"),
    ("key sk-abcdefghijklmnop1234 refused", "key *** refused"),
    ("the token of the step", "the token of the step"),
    ("step_id: a, 3 rows", "step_id: a, 3 rows"),
])
def test_what_looks_like_a_secret_is_masked(text, left):
    assert Scrubber()(text) == left


@pytest.mark.timeout(30)
@pytest.mark.parametrize("text", ["y" * 256_000, "a-" * 128_000, "a://" * 64_000, "a://b:c" * 32_000, "password" + " " * 250_000])
def test_a_long_text_without_a_secret_costs_its_length(text):
    assert "***" not in Scrubber()(text)


def test_a_known_secret_is_masked_wherever_it_stands():
    scrub = Scrubber(["postgres://me:p%40ss-word@db/x", "plain-token-1"])
    assert scrub("login with p@ss-word or p%40ss-word, or plain-token-1") == "login with *** or ***, or ***"


def test_a_trace_is_scrubbed_as_a_whole():
    try:
        raise ValueError("cannot open mysql://root:topsecret@db")
    except ValueError:
        import sys

        record = logging.LogRecord("t", logging.ERROR, "", 1, "step %s failed", ("a",), sys.exc_info())
    text = ScrubFormatter(Scrubber()).format(record)
    assert "topsecret" not in text
    assert "Traceback" in text


@pytest.mark.parametrize(("address", "shown"), [
    ("https://me:s3cr3t@prefect.example:4300/api?token=x#y", "https://prefect.example:4300/api"),
    ("http://[::1]:4200", "http://[::1]:4200"), ("http://127.0.0.1:4200/", "http://127.0.0.1:4200/"), ("", ""), ("nonsense", "nonsense")])
def test_an_address_is_shown_without_its_login(address, shown):
    assert without_login(address) == shown


def test_the_link_of_a_run_holds_no_login(store, settings):
    own = replace(settings, prefect_url="https://me:s3cr3t@prefect.example/team/api/")
    assert prefect_url(store, own) == "https://prefect.example/team"
