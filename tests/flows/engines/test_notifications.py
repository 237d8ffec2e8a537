"""E-mail and Slack from a pipeline, against a real mail server and a real HTTP server."""

from __future__ import annotations

import datetime
import ipaddress
import logging
import re
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError
from werkzeug import Request, Response

from flows.engines import mail, patience, registry, slack
from flows.engines.base import Cancel, Context, StepResult
from flows.errors import Cancelled, InputError, PenstockError, UnreachableError
from flows.insight.connections import load_connections
from flows.settings import Limits
from flows.show.account import Account, StepAccount
from flows.show.notice import Notice
from tests.fixtures.post import SECRET

HOOK = "/services/T0/B0/canary4711"
BEGAN = datetime.datetime(2025, 11, 15, 2, tzinfo=datetime.UTC)
STOOD = Account("demo", "orders-daily", "Orders <to> warehouse", "run-1", "RUNNING", "local", "2025-11-15", BEGAN, steps=(
    StepAccount("read", "generic.extract", "SUCCESS", 12), StepAccount("load", "generic.load", "FAILED", None, "no table <!channel> & co")))


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "WAITS", (0.01, 0.01, 0.01))


def connected(bench: Any, **urls: str) -> None:
    bench.env = {f"PENSTOCK_CONN_{name.upper()}": url for name, url in urls.items()}


def tell(bench: Any, ps_type: str, *, account: Account | None = STOOD, about: Callable[[Context], Context] = lambda c: c,
         **config: Any) -> StepResult:
    engine = registry.engine(ps_type)
    context = about(replace(bench.context("tell"), account=lambda: account))
    return engine.run(engine.Config.model_validate({"config": config}), context)


def to_mail(bench: Any, **config: Any) -> StepResult:
    return tell(bench, "shared.email_notification", **{"to": "ops@example.com", **config})


def to_slack(bench: Any, **config: Any) -> StepResult:
    return tell(bench, "shared.slack_notification", **config)


# ---- e-mail

def test_a_mail_arrives_with_the_authors_words_and_how_the_run_stands(bench: Any, smtp: Any) -> None:
    post, port = smtp()
    connected(bench, smtp=f"smtp://127.0.0.1:{port}?from=penstock@example.com")
    result = to_mail(bench, to=["ops@example.com", "me@example.com"], subject="Größe\r\nBcc: evil@example.com",
                     text="Zeile <b>1</b>\nZeile 2")
    assert result.notes == ["mail sent to ops@example.com, me@example.com"]
    [got] = post.messages
    assert (got["From"], got["To"]) == ("penstock@example.com", "ops@example.com, me@example.com")
    assert got["Subject"] == "Größe Bcc: evil@example.com"
    assert got["Bcc"] is None
    assert got["Message-ID"] == "<run-1.tell@example.com>"
    assert got["Auto-Submitted"] == "auto-generated"
    text, html = (got.get_body((kind,)).get_content().replace("\r\n", "\n") for kind in ("plain", "html"))
    assert "Zeile <b>1</b>\nZeile 2\n" in text
    assert "Failed: step load failed: no table <!channel> & co" in text
    assert "Steps: 1 of 2 succeeded, 1 failed" in text
    assert "Zeile &lt;b&gt;1&lt;/b&gt;<br>Zeile 2" in html
    assert "no table &lt;!channel&gt; &amp; co" in html
    assert "http" not in html.replace("http-equiv", "")  # nothing is fetched from anywhere


def test_the_subject_says_what_became_of_the_run_and_the_summary_can_be_left_out(bench: Any, smtp: Any) -> None:
    post, port = smtp()
    connected(bench, smtp=f"smtp://127.0.0.1:{port}?from=penstock@example.com")
    to_mail(bench)
    to_mail(bench, include_summary=False, text="only this")
    assert [got["Subject"] for got in post.messages] == ["Orders <to> warehouse is running, load failed", "p"]
    assert "Steps:" not in post.messages[1].get_body(("plain",)).get_content()


def test_a_server_that_is_busy_is_asked_again_and_the_message_keeps_its_id(bench: Any, smtp: Any) -> None:
    post, port = smtp()
    post.answers = ["451 later please"]
    connected(bench, smtp=f"smtp://127.0.0.1:{port}?from=penstock@example.com")
    to_mail(bench)
    assert (post.tries, len(post.messages)) == (2, 1)


def test_a_step_that_is_tried_again_by_the_run_tries_once_itself(bench: Any, smtp: Any) -> None:
    post, port = smtp()
    post.answers = ["451 later please"]
    connected(bench, smtp=f"smtp://127.0.0.1:{port}?from=penstock@example.com")
    with pytest.raises(patience.Busy, match=r"the mail server 127\.0\.0\.1 takes no mail now \(451 later please\)") as caught:
        to_mail(bench, about=lambda context: replace(context, retried=True))
    assert caught.value.transient
    assert post.tries == 1


def test_a_final_no_is_not_repeated(bench: Any, smtp: Any) -> None:
    post, port = smtp()
    post.answers = ["554 spam"]
    connected(bench, smtp=f"smtp://127.0.0.1:{port}?from=penstock@example.com")
    with pytest.raises(InputError, match=r"takes no mail \(554 spam\)"):
        to_mail(bench)
    with pytest.raises(InputError, match=r"takes no mail for nobody@example\.com \(550 no such user\)"):
        to_mail(bench, to="nobody@example.com")
    with pytest.raises(InputError, match=r"does not take mail for nobody@example\.com; the others have theirs"):
        to_mail(bench, to=["nobody@example.com", "ops@example.com"])
    assert post.tries == 2


def test_the_login_is_sent_and_a_refused_one_is_said_without_the_password(bench: Any, smtp: Any) -> None:
    post, port = smtp(auth=True)
    connected(bench, smtp=f"smtp://me%40example.com:{SECRET}@127.0.0.1:{port}")
    to_mail(bench)
    assert (post.logins, post.messages[0]["From"]) == ([b"me@example.com"], "me@example.com")
    connected(bench, smtp=f"smtp://me%40example.com:{SECRET}x@127.0.0.1:{port}")
    with pytest.raises(InputError) as caught:
        to_mail(bench)
    assert str(caught.value) == "connection 'smtp': the mail server 127.0.0.1 refuses the login. Check its user and password"
    connected(bench, smtp=f"smtp://me%40example.com:{SECRET}@127.0.0.1:{smtp()[1]}")
    with pytest.raises(InputError, match="does not offer what is needed"):
        to_mail(bench)


def test_a_server_that_is_down_or_silent_is_unreachable_within_the_limits(bench: Any, silent: int) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        connected(bench, smtp=f"smtp://127.0.0.1:{free.getsockname()[1]}?from=a@example.com")
        with pytest.raises(UnreachableError, match=r"the mail server 127\.0\.0\.1 does not answer"):
            to_mail(bench)
    connected(bench, smtp=f"smtp://127.0.0.1:{silent}?from=a@example.com")
    with pytest.raises(UnreachableError, match="does not answer"):
        to_mail(bench, about=lambda context: replace(context, limits=Limits(http_connect_seconds=0.1, http_read_seconds=0.1)))


def test_a_stop_ends_a_wait_for_a_silent_server(bench: Any, silent: int) -> None:
    connected(bench, smtp=f"smtp://127.0.0.1:{silent}?from=a@example.com", slack=f"http://127.0.0.1:{silent}{HOOK}")
    for send in (to_mail, to_slack):
        cancel = Cancel()
        threading.Timer(0.2, cancel.set, ["stopped by a person"]).start()
        with pytest.raises(Cancelled, match="stopped by a person"):
            send(bench, about=lambda context, cancel=cancel: replace(context, cancel=cancel))


@pytest.fixture
def certificate(tmp_path: Any) -> tuple[str, str]:
    """A key and a certificate of its own for 127.0.0.1."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail")])
    now = datetime.datetime.now(datetime.UTC)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256()))
    files = tmp_path / "mail.key", tmp_path / "mail.pem"
    files[0].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    files[1].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return str(files[0]), str(files[1])


def test_what_can_be_encrypted_is(bench: Any, smtp: Any, certificate: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    here = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    here.load_cert_chain(certificate[1], certificate[0])
    post, port = smtp(tls_context=here, require_starttls=True)
    connected(bench, smtp=f"smtp://127.0.0.1:{port}?from=a@example.com")
    with pytest.raises(InputError, match="has a certificate that is not trusted here"):
        to_mail(bench)
    monkeypatch.setenv("SSL_CERT_FILE", certificate[1])
    to_mail(bench)  # this server takes nothing before STARTTLS
    assert len(post.messages) == 1


def test_a_password_goes_to_no_other_machine_without_encryption(bench: Any, smtp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    post, port = smtp(auth=True)
    monkeypatch.setattr(mail, "HERE", ())
    connected(bench, smtp=f"smtp://me:{SECRET}@127.0.0.1:{port}?from=a@example.com")
    with pytest.raises(InputError, match="offers no encryption, and the password is not sent without it"):
        to_mail(bench)
    assert post.logins == []
    connected(bench, smtp=f"smtp://me:{SECRET}@127.0.0.1:{port}?from=a@example.com&tls=off")
    to_mail(bench)
    assert post.logins == [b"me"]


@pytest.mark.parametrize(("url", "says"), [
    (None, "connection 'smtp' has no address here. Set PENSTOCK_CONN_SMTP, or name it in connections.yml of PENSTOCK_HOME. "
           "It is smtp://user:password@host:587?from=name@example.com"),
    (f"smtp://me:{SECRET}@host:587", "connection 'smtp': it does not say who sends. Add ?from=name@example.com to its address"),
    (f"https://me:{SECRET}@host", "connection 'smtp': the address is not that of a mail server"),
    (f"smtp://me:{SECRET}@host:port", "connection 'smtp': the address is none"),
    (f"smtp://me:{SECRET}@[host", "connection 'smtp': the address is none"),
    (f"smtp://me:{SECRET}@169.254.169.254?from=a@example.com", "is a link-local address, which is never asked")])
def test_a_connection_that_does_not_hold_is_said_without_its_secret(bench: Any, url: str | None, says: str) -> None:
    connected(bench, **({"smtp": url} if url else {}))
    with pytest.raises(InputError) as caught:
        to_mail(bench)
    assert says in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("to", ["", "a", "a@b", "a@b.c, d@e.f", "A <a@b.c>", "a@b.c\n", "a\r\n@b.c", "ä@b.c", "a@b..c", [], ["a@b.c", "x"]])
def test_what_is_no_address_is_refused_before_anything_is_sent(to: Any) -> None:
    with pytest.raises(ValidationError, match=r"no e-mail address|name an address"):
        registry.engine("shared.email_notification").Config.model_validate({"config": {"to": to}})


# ---- Slack

def answers(server: Any, *given: Response) -> list[dict[str, Any]]:
    """The server gives these, then 200; what was posted."""
    left, seen = list(given), []

    def answer(request: Request) -> Response:
        seen.append(request.get_json())
        return left.pop(0) if left else Response("ok")

    server.expect_request(HOOK, method="POST").respond_with_handler(answer)
    return seen


def test_a_post_arrives_and_data_stays_text(bench: Any, httpserver: Any) -> None:
    seen = answers(httpserver)
    connected(bench, slack=httpserver.url_for(HOOK))
    result = to_slack(bench, channel="#data", subject="Late & <!here>", text="one\n<https://evil.example|two>")
    assert result.notes == ["posted to #data"]
    [body] = seen
    assert (body["channel"], body["text"]) == ("#data", "Late &amp; &lt;!here&gt;")
    assert (body["unfurl_links"], body["unfurl_media"]) == (False, False)
    texts = [block["text"]["text"] for block in body["blocks"] if block["type"] == "section"]
    assert texts[:2] == ["*Late &amp; &lt;!here&gt;*", "one\n&lt;https://evil.example|two&gt;"]
    assert "*Failed:* step load failed: no table &lt;!channel&gt; &amp; co" in texts[2]
    assert all(block["text"]["verbatim"] for block in body["blocks"] if block["type"] == "section")


def test_busy_answers_are_waited_out_and_the_same_is_posted_again(bench: Any, httpserver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = answers(httpserver, Response("slow", 429, {"Retry-After": "1"}), Response("oops", 500))
    connected(bench, slack=httpserver.url_for(HOOK))
    waited: list[float] = []
    cancel = Cancel()
    monkeypatch.setattr(cancel, "wait", lambda seconds: bool(waited.append(seconds)))
    to_slack(bench, about=lambda context: replace(context, cancel=cancel))
    assert len(seen) == 3
    assert seen[0] == seen[1] == seen[2]
    assert waited == [1.0, 0.01]


def test_a_server_that_stays_broken_ends_the_step_after_four_tries(bench: Any, httpserver: Any) -> None:
    seen = answers(httpserver, *[Response("", 503) for _ in range(9)])
    connected(bench, slack=httpserver.url_for(HOOK))
    with pytest.raises(patience.Busy, match="Slack answers 503"):
        to_slack(bench)
    assert len(seen) == 4


@pytest.mark.parametrize(("answer", "says"), [
    (Response("no_service", 404), "'slack': Slack refuses the message: 404, no_service. Check the webhook and its channel in Slack"),
    (Response(f"<p>you sent {HOOK}</p>", 403), "Slack refuses the message: 403. Check"),
    (Response("canary4711", 400), "Slack refuses the message: 400. Check"),
    (Response("", 302, {"Location": "http://127.0.0.1:1/"}), "Slack answers 302, a redirect, and redirects are not followed")])
def test_a_refusal_is_final_and_says_slacks_reason_but_never_the_address(bench: Any, httpserver: Any, answer: Response, says: str) -> None:
    seen = answers(httpserver, answer)
    connected(bench, slack=httpserver.url_for(HOOK))
    with pytest.raises(InputError) as caught:
        to_slack(bench)
    assert says in str(caught.value)
    assert "canary" not in str(caught.value)
    assert len(seen) == 1


def test_a_channel_may_have_a_webhook_of_its_own(bench: Any, httpserver: Any) -> None:
    seen = answers(httpserver)
    connected(bench, slack="http://127.0.0.1:1/", slack_data_eu=httpserver.url_for(HOOK))
    to_slack(bench, channel="#data-eu")
    assert [body["channel"] for body in seen] == ["#data-eu"]
    assert slack.connection_of(load_connections(bench.settings, bench.env), "#other") == "slack"


@pytest.mark.parametrize(("url", "says"), [
    (None, "connection 'slack' has no address here. Set PENSTOCK_CONN_SLACK, or name it in connections.yml"),
    (f"ftp://host{HOOK}", "connection 'slack': the address is not that of a webhook"), (HOOK, "is not that of a webhook"),
    (f"http://169.254.169.254{HOOK}", "is a link-local address, which is never asked"),
    (f"http://127.0.0.1:9{HOOK}", "Slack cannot be reached at 127.0.0.1")])
def test_a_webhook_that_does_not_hold_is_said_without_it(bench: Any, url: str | None, says: str) -> None:
    connected(bench, **({"slack": url} if url else {}))
    with pytest.raises(PenstockError) as caught:
        to_slack(bench)
    assert says in str(caught.value)
    assert "canary" not in str(caught.value)


def test_no_logger_hears_the_address(bench: Any, httpserver: Any, caplog: pytest.LogCaptureFixture) -> None:
    answers(httpserver)
    connected(bench, slack=httpserver.url_for(HOOK))
    with caplog.at_level(logging.DEBUG):
        to_slack(bench)
        logging.getLogger("httpx").info("another request of another thread is still told")
    told = [record.getMessage() for record in caplog.records if record.name != "werkzeug"]  # that is the server
    assert "canary" not in str(told)
    assert "another request of another thread is still told" in told


def test_a_channel_is_a_channel() -> None:
    with pytest.raises(ValidationError, match="is no channel"):
        registry.engine("shared.slack_notification").Config.model_validate({"config": {"channel": "<!channel>"}})


# ---- both

def test_long_words_are_cut_and_strange_ones_stored() -> None:
    notice = Notice("t" * 999, "w\ud800\0" * 9999, (("Failed", "x" * 9999),))
    body = slack.payload(notice)
    assert max(len(block["text"]["text"]) for block in body["blocks"] if block["type"] == "section") <= 3000
    letter = mail.letter("a@example.com", ["b@example.com"], notice, "run 1\r\n.x")
    assert len(letter["Subject"]) == 200
    assert letter["Message-ID"] == "<run_1__.x@example.com>"
    assert b"\0" not in bytes(letter)


@pytest.mark.parametrize("sign", ["&", "<", "x", "é"])
def test_no_section_is_longer_than_slack_takes(sign: str) -> None:
    notice = Notice(sign * 400, sign * 5000, tuple((f"label {n}", sign * 900) for n in range(9)), "https://penstock.example.com/runs?run=1")
    for block in slack.payload(notice, "#data")["blocks"][:-1]:
        text = block["text"]["text"]
        assert len(text) <= 3000
        assert not re.search(r"&(?!(amp|lt|gt);)", text)


def test_a_second_go_may_tell_twice_and_says_so() -> None:
    assert not any(registry.engine(f"shared.{name}_notification").repeatable for name in ("email", "slack"))
