"""Takes passwords, keys and tokens out of texts and data before they are stored, shown or logged."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

MASK = "***"
SHORTEST = 4  # characters of a secret that is known by value: a shorter one would mask half of every text
SHORTEST_ENV = 8
DEPTH, ITEMS = 6, 200  # of data that is walked through; what lies deeper is its text

_NAMES = (r"password|passwd|pwd|passphrase|secret(?:[_-]?key)?|token|api[_-]?key|access[_-]?key|account[_-]?key|credentials?|"
          r"private[_-]?key|signature|authorization")
_KEY = re.compile(r"(?i)password|passwd|passphrase|secret|credential|authorization|cookie|(?:api|access|account|private)[_-]?key|"
                  r"signature|(?:token|pwd|auth)$")
_ENV = re.compile(r"(?i)(?:password|passwd|_pwd|secret|token|_key|apikey)$")

# each pattern begins only where a word begins: else a long word without a secret costs its length squared
_LOGIN = re.compile(r"(?P<head>(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#\"'<>]*@")
_BEARER = re.compile(r"(?i)(?P<head>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}")
_NAMED = re.compile(
    rf"(?i)(?P<head>(?<![a-z0-9_-])[a-z0-9_-]*(?:{_NAMES})\\*[\"']?\s*[=:]\s*)(?!\\*[\"']?(?:\*\*\*|bearer\s|basic\s))"
    r"(?:(?P<quote>\\*[\"'])(?:(?!(?P=quote))(?:\\.|[^\\\n]))*(?P=quote)|\\*[\"']?[^\s\"',;&)}\]\\]+)")
_HOOK = re.compile(r"(?P<head>/services/)[A-Z0-9]+/[A-Z0-9]+/[A-Za-z0-9]+")  # a webhook's address opens it
_KEYS = re.compile(
    r"\b(?:sk-[A-Za-z0-9_-]{16,}|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|xox[abeprs]-[A-Za-z0-9-]{10,}|"
    r"AIza[0-9A-Za-z_-]{30,}|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}\.?[A-Za-z0-9_-]*)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_HINTS = ("://", "pass", "pwd", "secret", "token", "key", "credential", "signature", "authorization", "bearer", "basic", "/services/",
          "sk-", "akia", "gh", "xox", "aiza", "eyj")
"""What stands, in small letters, in every text that one of the patterns can find something in: most texts need no pattern."""

_known: tuple[str, ...] = ()


def learn(*secrets: str | None) -> None:
    """From now on every scrubber of this process masks these by value. Whoever opens a secret says so here. Of an address it is the
    password and what its query calls a secret."""
    global _known
    new = _forms(secrets)
    if not new.issubset(_known):
        _known = tuple(sorted(new.union(_known), key=len, reverse=True))


def learn_environment(env: Mapping[str, str] | None = None) -> None:
    """Learn what variables hold whose names say that it is a secret, unless it is the path of a file."""
    for name, value in (os.environ if env is None else env).items():
        named = _ENV.search(name) and len(value) >= SHORTEST_ENV and not os.path.exists(value)
        if named or ("://" in value and "@" in value):
            learn(value)


class Scrubber:
    """Masks what looks like a secret, and the known secrets wherever they stand: those of this process and those given here."""

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        self._own = sorted(_forms(secrets), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        # places are looked for in the text as it came: a secret that is masked first may be the word by which another is found
        spans = [span for secrets in (self._own, _known) for secret in secrets if secret in text for span in _places(text, secret)]
        small = text.lower()
        for hint in _HINTS:
            if hint in small:
                spans += _by_pattern(text)
                break
        return _masked(text, spans) if spans else text

    def data(self, value: Any, depth: int = DEPTH) -> Any:
        """The value as plain data for a log: texts are scrubbed, what a secret's name stands before is masked whatever it is, an object
        is its own text. A SecretStr is not opened."""
        if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
            return value
        if isinstance(value, str):
            return self(value)
        if depth and isinstance(value, Mapping):
            return {self(str(key)): MASK if is_secret(key) else self.data(each, depth - 1) for key, each in list(value.items())[:ITEMS]}
        if depth and isinstance(value, list | tuple | set | frozenset):
            return [self.data(each, depth - 1) for each in list(value)[:ITEMS]]
        return self(str(value))


def is_secret(name: object) -> bool:
    """Whether what has this name is a secret: password, token, secret, authorization, api_key and the like."""
    return isinstance(name, str) and _KEY.search(name) is not None


def without_login(address: str) -> str:
    """A web address as it may be shown: without user, password, query and fragment."""
    parts = urlsplit(address)
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{place}{parts.path}" if place else address


def _places(text: str, secret: str) -> Iterator[tuple[int, int]]:
    at = text.find(secret)
    while at >= 0:
        yield at, at + len(secret)
        at = text.find(secret, at + 1)


def _by_pattern(text: str) -> list[tuple[int, int]]:
    """Where something stands that looks like a secret."""
    spans = [(m.end("head"), m.end() - 1) for m in _LOGIN.finditer(text)]
    spans += [(m.end("head"), m.end()) for pattern in (_BEARER, _HOOK) for m in pattern.finditer(text)]
    for m in _NAMED.finditer(text):
        marks = len(m["quote"] or "")
        value = text[m.end("head"):m.end()]  # one whose quote is not closed keeps its quote
        start = marks or len(value) - len(value.lstrip("\\\"'"))
        spans.append((m.end("head") + start, m.end() - marks))
    return spans + [m.span() for m in _KEYS.finditer(text)]


def _masked(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with one mask for each place; places that overlap are one."""
    done, out, until = 0, [], -1
    for start, end in sorted(spans):
        if start >= until:
            out += [text[done:start], MASK]
            done = until = end
        else:
            done = until = max(until, end)
    return "".join([*out, text[done:]])


def _forms(secrets: Iterable[str | None]) -> set[str]:
    """The secrets as they may be written: as they are, in an address, in JSON."""
    parts = {part for text in secrets if text for part in _parts(text) if len(part) >= SHORTEST}
    return {form for part in parts for form in (part, quote(part, safe=""), quote_plus(part), json.dumps(part)[1:-1])}


def _parts(secret: str) -> list[str]:
    """The secret itself, or the passwords of an address in their written and their meant form."""
    scheme, found, rest = secret.partition("://")
    if not found or not scheme.replace("+", "").replace("-", "").isalnum():
        return [secret]
    login = rest.rpartition("@")[0]
    passwords = [login.partition(":")[2] or login] if login else []
    try:
        parts = urlsplit(secret)
        passwords += [parts.password or "", *(value for name, value in parse_qsl(parts.query) if is_secret(name) or name == "sig")]
    except ValueError:  # no address after all
        return [secret]
    return [form for password in passwords for form in (password, unquote(password))]
