"""Slack by an incoming webhook: one notice as text and blocks. The webhook's address opens the channel, so it is shown to nobody.

What comes from data stays text: `&`, `<` and `>` are escaped, so that no value can call a whole channel or pose as a link.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flows.engines.base import Cancel, Connections
from flows.engines.hosts import no_address, refuse_link_local
from flows.engines.leave import unless
from flows.engines.patience import Busy
from flows.errors import InputError, TransientError, UnreachableError
from flows.scrub import learn
from flows.settings import Limits
from flows.show.account import clip
from flows.show.notice import FOOT, Notice

if TYPE_CHECKING:
    import httpx

CHANNEL = re.compile(r"^[#@][\w.-]{1,80}\Z")
CONNECTION = "slack"
LIKE = "https://hooks.slack.com/services/..."
TITLE, WORDS, FACT = 150, 2000, 700  # characters
SECTION = 3000  # characters of one section. Source: Slack's reference of blocks
AGAIN = frozenset({408, 425, 429})

_private = threading.local()


def is_channel(text: str) -> bool:
    """Whether it is #channel or @name."""
    return bool(CHANNEL.match(text))


def connection_of(connections: Connections, channel: str) -> str:
    """The connection for a channel: `slack_data` for #data when there is one (letters and digits as they are, others '_'), else
    `slack`. An incoming webhook of today posts into one channel only, whatever the message says."""
    own = f"{CONNECTION}_{re.sub(r'[^a-z0-9]', '_', channel.lstrip('#@').lower())}"
    return own if channel and connections.url(own) is not None else CONNECTION


def payload(notice: Notice, channel: str = "") -> dict[str, Any]:
    """The body of the request. `text` is what a phone shows first and what is read aloud."""
    blocks = [_section(f"*{_safe(notice.title, TITLE)}*")]
    if notice.words.strip():
        blocks.append(_section(_safe(notice.words.strip(), WORDS, lines=True)))
    if notice.facts:
        blocks.append(_section("\n".join(f"*{_safe(label, 40)}:* {_safe(said, FACT)}" for label, said in notice.facts)))
    link = f"<{_safe(notice.address, 300).replace('|', '%7C')}|See the run> · " if notice.address else ""
    blocks.append({"type": "context", "elements": [_mrkdwn(f"{link}{FOOT}")]})
    body = {"text": _safe(notice.title, TITLE), "blocks": blocks, "unfurl_links": False, "unfurl_media": False}
    return {**body, "channel": channel} if channel else body


def post(connections: Connections, name: str, body: dict[str, Any], *, limits: Limits, cancel: Cancel) -> None:
    """One try to send.

    Raises InputError (the address, a refusal with Slack's reason: trying again cannot help), Busy (429 with the wait Slack asks for, 5xx),
    TransientError, UnreachableError, Cancelled.
    """
    import httpx

    url = _hook(connections, name)
    refuse_link_local(url)
    timeout = httpx.Timeout(limits.http_read_seconds, connect=limits.http_connect_seconds)

    def work() -> httpx.Response:
        with _quiet(), httpx.Client(timeout=timeout, follow_redirects=False) as client:
            return client.post(url, json=body, headers={"User-Agent": "penstock"})

    try:
        answer = unless(cancel, work)
    except (httpx.ConnectError, httpx.ConnectTimeout):
        raise UnreachableError(f"Slack cannot be reached at {url.host}", fix="Is the address of the connection right?") from None
    except (httpx.TransportError, httpx.DecodingError) as error:
        raise TransientError(f"Slack at {url.host} broke off ({type(error).__name__})") from None
    _judge(answer, name, url)


def _hook(connections: Connections, name: str) -> httpx.URL:
    import httpx

    address = connections.url(name)
    if address is None:
        missing = no_address(name)
        raise InputError(missing.what, fix=f"{missing.fix}. It is the webhook's address, {LIKE}")
    learn(urlsplit(address).path.strip("/"), address)
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise InputError("the address is not that of a webhook", where=f"connection {name!r}", fix=f"It is {LIKE}")
    return url


def _judge(answer: httpx.Response, name: str, url: httpx.URL) -> None:
    from flows.engines.rest import retry_after

    status = answer.status_code
    if 200 <= status < 300:
        return
    if status in AGAIN or status >= 500:
        raise Busy(f"Slack answers {status}", wait=retry_after(answer))
    if 300 <= status < 400:
        raise InputError(f"Slack answers {status}, a redirect, and redirects are not followed", where=f"connection {name!r}",
                         fix="Give the webhook's own address")
    said = clip(answer.text[:200], 80)
    known = bool(re.fullmatch(r"[a-z][a-z0-9_ -]*", said)) and not any(part in said for part in url.path.split("/") if len(part) > 3)
    raise InputError(f"Slack refuses the message: {status}{f', {said}' if known else ''}", where=f"connection {name!r}",
                     fix="Check the webhook and its channel in Slack")


# ---- texts

def _safe(text: str, most: int, *, lines: bool = False) -> str:
    """A text that Slack shows as it is. Source: Slack's rules on escaping (`&`, `<`, `>`)."""
    text = text if lines else clip(text, most)
    text = text if len(text) <= most else text[: most - 1] + "…"
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}  # verbatim: no names or channels are made of plain text


def _section(text: str) -> dict[str, Any]:
    """Slack refuses the whole message when one section is too long, and an escaped sign counts as its four or five letters."""
    if len(text) > SECTION:
        cut = text[:SECTION - 1]
        text = re.sub(r"&[a-z]{0,3}\Z", "", cut) + "…"
    return {"type": "section", "text": _mrkdwn(text)}


# ---- the address stays here

class _NotAddresses(logging.Filter):
    """The HTTP client logs whole addresses, and ours is a secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(_private, "on", False)


logging.getLogger("httpx").addFilter(_NotAddresses())


@contextmanager
def _quiet() -> Iterator[None]:
    """No line of the client from this thread."""
    _private.on = True
    try:
        yield
    finally:
        _private.on = False
