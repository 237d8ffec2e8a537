"""Takes passwords and keys out of texts before they are stored, shown or logged."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

MASK = "***"
# each pattern begins only where a word begins: else a long word without a secret costs its length squared
_IN_URL = re.compile(r"(?P<head>(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@]*:)[^\s@/]+(?=@)")
_NAMED = re.compile(
    r"(?i)(?P<head>(?<![a-z0-9_-])(?:[a-z0-9_-]*(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|credential|private[_-]?key))"
    r"[\"']?\s*[=:]\s*[\"']?)(?!\*\*\*)[^\s\"',;&)}\]]+")
_BEARER = re.compile(r"(?i)(?P<head>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}")
_KEYS = re.compile(r"\b(?:sk-[A-Za-z0-9_-]{16,}|AKIA[0-9A-Z]{16}|ghp_[A-Za-z0-9]{20,}|xox[abp]-[A-Za-z0-9-]{10,}|AIza[0-9A-Za-z_-]{30,})")


class Scrubber:
    """Masks what looks like a secret, and the known secrets wherever they stand."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {part for text in secrets for part in _parts(text) if len(part) >= 4}
        self._known = sorted(known, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._known:
            text = text.replace(secret, MASK)
        for pattern in (_IN_URL, _NAMED, _BEARER):
            text = pattern.sub(lambda m: m["head"] + MASK, text)
        return _KEYS.sub(MASK, text)


def without_login(address: str) -> str:
    """A web address as it may be shown: without user, password, query and fragment."""
    parts = urlsplit(address)
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{place}{parts.path}" if place else address


def _parts(secret: str) -> list[str]:
    """The secret itself, or the password of an address in its written and its meant form."""
    if "://" not in secret:
        return [secret]
    password = urlsplit(secret).password or ""
    return [password, unquote(password)]


class ScrubFormatter(logging.Formatter):
    """Formats a record, traceback included, and scrubs the whole."""

    def __init__(self, scrub: Scrubber) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")
        self.default_msec_format = "%s.%03d"
        self.scrub = scrub

    def format(self, record: logging.LogRecord) -> str:
        return self.scrub(super().format(record))
