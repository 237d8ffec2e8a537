"""E-mail over SMTP: one notice to a few addresses, encrypted where the server can, with an id that a repeat can be known by.

The connection's address is smtp://user:password@host:587?from=name@example.com, or smtps:// for TLS from the first byte. What may not
stand in an address as it is (`@`, `/`, `:`) is percent-encoded. `?tls=off` sends a login without encryption, which is refused otherwise
unless the server is this machine.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate
from typing import NoReturn
from urllib.parse import parse_qs, unquote, urlsplit

from flows.engines.base import Cancel, Connections
from flows.engines.hosts import no_address, refuse_link_local
from flows.engines.leave import unless
from flows.engines.patience import Busy
from flows.errors import InputError, TransientError, UnreachableError
from flows.settings import Limits
from flows.show.account import clip
from flows.show.notice import Notice

ADDRESS = re.compile(r"^[^@\s,;<>\"()\[\]\\:\x00-\x1f\x7f-\U0010ffff]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
                     r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+\Z")
CONNECTION = "smtp"
LIKE = "smtp://user:password@host:587?from=name@example.com"
SUBJECT, REASON = 200, 120  # characters
HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Server:
    """Where mail goes out, and who sends it."""

    host: str
    port: int
    sender: str
    implicit: bool = False  # TLS from the first byte
    open_login: bool = False  # a login may go without encryption
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def said(self) -> str:
        return f"the mail server {self.host}"


def is_address(text: str) -> bool:
    """Whether it is one plain e-mail address: name@example.com in ASCII, no display name, no line break."""
    return len(text) <= 254 and bool(ADDRESS.match(text))


def server(connections: Connections, name: str = CONNECTION) -> Server:
    """Read the connection. Raises InputError that shows no part of it."""
    url = connections.url(name)
    if url is None:
        missing = no_address(name)
        raise InputError(missing.what, fix=f"{missing.fix}. It is {LIKE}")
    where, fix = f"connection {name!r}", f"Write it like {LIKE}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InputError("the address is none", where=where, fix=fix) from None
    if parts.scheme not in ("smtp", "smtps") or not host:
        raise InputError("the address is not that of a mail server", where=where, fix=fix)
    said = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    sender = said.get("from") or user
    if not is_address(sender):
        raise InputError("it does not say who sends", where=where, fix="Add ?from=name@example.com to its address")
    implicit = parts.scheme == "smtps"
    return Server(host, port or (465 if implicit else 587 if user else 25), sender, implicit, said.get("tls") == "off", user, password)


def send(connections: Connections, name: str, to: Sequence[str], notice: Notice, key: str, *, limits: Limits, cancel: Cancel) -> None:
    """One try to send a notice. `key` names it: the same key gives the same Message-ID.

    Raises InputError (the address, a refusal: trying again cannot help), Busy and TransientError (it may), UnreachableError, Cancelled.
    """
    import httpx

    there = server(connections, name)
    message = letter(there.sender, to, notice, key)
    refuse_link_local(httpx.URL(scheme="smtp", host=there.host, port=there.port))

    def work() -> dict[str, tuple[int, bytes]]:
        with _faults(there, name, cancel), _opened(there, limits, cancel) as smtp:
            _login(smtp, there, name)
            return smtp.send_message(message, there.sender, list(to))

    refused = unless(cancel, work)
    if refused:
        raise InputError(f"{there.said} does not take mail for {', '.join(sorted(refused))}; the others have theirs",
                         fix="Correct the addresses")


def letter(sender: str, to: Sequence[str], notice: Notice, key: str) -> EmailMessage:
    """The message: text, and HTML beside it. Raises InputError for what is no address."""
    wrong = [each for each in to if not is_address(each)]
    if wrong or not to:
        raise InputError(f"{clip(wrong[0], 80)!r} is no e-mail address" if wrong else "nobody is named",
                         fix="Write it like name@example.com")
    made = EmailMessage()
    made["From"], made["To"] = sender, ", ".join(to)
    made["Subject"] = clip("".join(c if c.isprintable() else " " for c in notice.title), SUBJECT)
    made["Date"] = formatdate()
    made["Message-ID"] = f"<{re.sub(r'[^A-Za-z0-9._-]', '_', key)}@{sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"  # so that nobody's absence note answers
    made.set_content(storable(notice.text))
    made.add_alternative(storable(notice.html), subtype="html")
    return made


def storable(text: str) -> str:
    """Without halves of surrogate pairs and NUL, which no UTF-8 text has."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


@contextmanager
def _opened(there: Server, limits: Limits, cancel: Cancel) -> Iterator[smtplib.SMTP]:
    """Connected, greeted and encrypted where the server offers it."""
    own = socket.gethostname() or "localhost"
    if there.implicit:
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(there.host, there.port, own, timeout=limits.http_connect_seconds,
                                              context=ssl.create_default_context())
    else:
        smtp = smtplib.SMTP(there.host, there.port, own, timeout=limits.http_connect_seconds)
    off = cancel.on(lambda: _hang_up(smtp))
    try:
        if smtp.sock is not None:
            smtp.sock.settimeout(limits.http_read_seconds)
        smtp.ehlo_or_helo_if_needed()
        if not there.implicit and smtp.has_extn("starttls"):
            smtp.starttls(context=ssl.create_default_context())
            smtp.ehlo()
        yield smtp
        with suppress(OSError, smtplib.SMTPException):  # it is sent: how the server says good-bye changes nothing
            smtp.quit()
    finally:
        off()
        smtp.close()


def _login(smtp: smtplib.SMTP, there: Server, name: str) -> None:
    if not there.user:
        return
    if not isinstance(smtp.sock, ssl.SSLSocket) and there.host not in HERE and not there.open_login:
        raise InputError(f"{there.said} offers no encryption, and the password is not sent without it", where=f"connection {name!r}",
                         fix="Use smtps://, or add ?tls=off to the address to send it all the same")
    smtp.login(there.user, there.password)


def _hang_up(smtp: smtplib.SMTP) -> None:
    """Only closing the socket ends a read that waits."""
    if smtp.sock is not None:
        with suppress(OSError):
            smtp.sock.shutdown(socket.SHUT_RDWR)


@contextmanager
def _faults(there: Server, name: str, cancel: Cancel) -> Iterator[None]:
    """The library's errors in the words of this house."""
    try:
        yield
    except smtplib.SMTPAuthenticationError as error:  # its text may hold what was sent
        if 400 <= error.smtp_code < 500:
            raise Busy(f"{there.said} takes no login now ({error.smtp_code})") from None
        raise InputError(f"{there.said} refuses the login", where=f"connection {name!r}", fix="Check its user and password") from None
    except smtplib.SMTPRecipientsRefused as error:
        first, (code, text) = min(error.recipients.items(), key=lambda each: each[1][0])
        _said(there, code, text, f"for {first}")
    except smtplib.SMTPResponseException as error:
        _said(there, error.smtp_code, error.smtp_error, "")
    except smtplib.SMTPNotSupportedError:
        raise InputError(f"{there.said} does not offer what is needed (login, or a way to log in)", where=f"connection {name!r}",
                         fix="Leave user and password out of its address, or use another server") from None
    except ssl.SSLCertVerificationError as error:
        raise InputError(f"{there.said} has a certificate that is not trusted here ({error.verify_message})", where=f"connection {name!r}",
                         fix="Name the host as its certificate does; SSL_CERT_FILE names a file with your own authority") from None
    except (smtplib.SMTPException, OSError) as error:
        cancel.check()
        if any(isinstance(each, (TimeoutError, ConnectionRefusedError)) for each in (error, error.__context__)):  # the library hides them
            raise UnreachableError(f"{there.said} does not answer", fix="Is it up, and is the address of the connection right?") from None
        raise TransientError(f"{there.said} broke off ({type(error).__name__})") from None


def _said(there: Server, code: int, text: bytes | str, about: str) -> NoReturn:
    """A server's no: 4xx is for now, 5xx for good."""
    words = clip(text.decode("utf-8", "replace") if isinstance(text, bytes) else text, REASON)
    reason = " ".join(part for part in (str(code), "".join(c if c.isprintable() else " " for c in words)) if part)
    what = f"{there.said} takes no mail {about}".rstrip()
    if 400 <= code < 500:
        raise Busy(f"{what} now ({reason})")
    raise InputError(f"{what} ({reason})", fix="Check who sends and to whom")
