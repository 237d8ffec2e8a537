"""Files in a bucket that speaks S3: found by a path with wildcards, read as a stream that a stop ends.

A connection of kind s3 is `s3://KEY:SECRET@BUCKET/PREFIX?region=eu-central-1&endpoint=https://host:port`. Prefix, region and endpoint
may be left out; without a key the machine's own login is used (environment, profile or role), with `anonymous=true` none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from flows.engines.base import Cancel, Connections
from flows.engines.leave import unless
from flows.errors import InputError, LimitError, MissingError, PenstockError, TransientError, UnreachableError
from flows.settings import Limits

if TYPE_CHECKING:
    from pyarrow.fs import S3FileSystem

T = TypeVar("T")
CHUNK = 4 * 1024 * 1024  # bytes of one read; a stop is heard between two
TRIES = 3  # of one request to the bucket
MOST = 100_000  # names that are looked at
SHAPE = "s3://KEY:SECRET@BUCKET?region=eu-central-1"
OPTIONS = ("region", "endpoint", "endpoint_override", "anonymous")
LOGIN = ("ACCESS_DENIED", "INVALID_ACCESS_KEY", "SIGNATURE_DOES_NOT_MATCH", "UNRECOGNIZED_CLIENT", "EXPIRED_TOKEN", "INVALID_CLIENT_TOKEN")
_CODE = re.compile(r"AWS Error ([A-Z_]+)|HTTP (?:response code|status) (\d{3})", re.I)


@dataclass(frozen=True)
class Found:
    """A file of the bucket: its key, its bytes and when it was put there. `mark` changes with the file."""

    key: str
    size: int
    changed: datetime | None

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]

    @property
    def mark(self) -> str:
        """`1234-20251115T020000Z`."""
        return f"{self.size}-{self.changed:%Y%m%dT%H%M%SZ}" if self.changed else str(self.size)


class Bucket:
    """One bucket behind a declared connection."""

    def __init__(self, connection: str, connections: Connections, cancel: Cancel, limits: Limits) -> None:
        from flows.engines.hosts import no_address

        url = connections.url(connection)
        if url is None:
            raise no_address(connection)
        self.connection, self.cancel, self.limits = connection, cancel, limits
        parts = urlsplit(url)
        self.bucket = parts.netloc.rpartition("@")[2]
        self.prefix = parts.path.strip("/")
        if parts.scheme != "s3" or not self.bucket:
            raise InputError(f"connection {connection!r} is no bucket", fix=f"Its address is like {SHAPE}")
        options = dict(parse_qsl(parts.query))
        if wrong := [name for name in options if name not in OPTIONS]:
            raise InputError(f"the address of connection {connection!r} has an unknown option {wrong[0]!r}",
                             fix=f"Use {', '.join(OPTIONS[:3])}")
        self._fs = self._open(unquote(parts.username or ""), unquote(parts.password or ""), options)

    def _open(self, key: str, secret: str, options: dict[str, str]) -> S3FileSystem:
        from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

        said: dict[str, Any] = {"region": options.get("region") or "us-east-1",
                                "retry_strategy": AwsStandardS3RetryStrategy(max_attempts=TRIES),
                                "connect_timeout": self.limits.http_connect_seconds, "request_timeout": self.limits.http_read_seconds}
        if key:
            said |= {"access_key": key, "secret_key": secret}
        elif options.get("anonymous") == "true":
            said["anonymous"] = True
        if place := options.get("endpoint") or options.get("endpoint_override"):
            scheme, _, host = place.rpartition("://")
            self._declared(f"{scheme or 'https'}://{host}")
            said |= {"scheme": scheme or "https", "endpoint_override": host}
        return S3FileSystem(**said)

    def _declared(self, endpoint: str) -> None:
        import httpx

        from flows.engines.hosts import refuse_link_local

        try:
            url = httpx.URL(endpoint)
        except httpx.InvalidURL:
            raise InputError(f"the endpoint of connection {self.connection!r} is no address", fix="Write https://host:port") from None
        refuse_link_local(url)

    # ---- what is there

    def find(self, pattern: str) -> list[Found]:
        """The files that a path with wildcards names, by their keys: `*` and `?` stay inside a folder, `**` does not, a path that ends
        with / means every file right below. Raises InputError, MissingError for a bucket that is not there, UnreachableError."""
        from pyarrow.fs import FileSelector, FileType

        key = self._key(pattern)
        wild = re.search(r"[*?]", key)
        fixed = key[:wild.start()].rpartition("/")[0] if wild else key.rpartition("/")[0]
        fits = _regex(key + "*" if key.endswith("/") or not key else key)
        deep = "**" in key or "/" in key[len(fixed):].strip("/")
        if not wild and not key.endswith("/"):
            seen = self._call(lambda: [self._fs.get_file_info(f"{self.bucket}/{key}")], pattern)
        else:
            place = "/".join(part for part in (self.bucket, fixed) if part)
            seen = self._call(lambda: self._fs.get_file_info(FileSelector(place, recursive=deep, allow_not_found=bool(fixed))), pattern)
        if len(seen) > MOST:
            raise LimitError(f"more than {MOST:,} files are below {fixed or self.bucket}", where="source.path",
                             fix="Name a folder further down")
        files = [Found(info.path[len(self.bucket) + 1:], info.size, info.mtime) for info in seen if info.type == FileType.File]
        return sorted((file for file in files if fits.fullmatch(file.key)), key=lambda file: file.key)

    def _key(self, pattern: str) -> str:
        key = pattern
        if key.startswith("s3://"):
            bucket, _, key = key[5:].partition("/")
            if bucket != self.bucket:
                raise InputError(f"{pattern!r} is not in the bucket of connection {self.connection!r}", where="source.path",
                                 fix="Give the path inside the bucket; buckets come from declared connections")
        elif self.prefix:
            key = f"{self.prefix}/{key.lstrip('/')}"
        key = key.lstrip("/")
        if ".." in key.split("/"):
            raise InputError("the path holds '..'", where="source.path", fix="Give the path inside the bucket")
        return key

    # ---- what is in it

    def fetch(self, file: Found, place: Path, most: int = 0) -> bool:
        """Copy a file, or its first `most` bytes, to a place on this machine. True when it is whole. Raises LimitError above the limit of
        a file, TransientError when it is another one by now, Cancelled when stopped."""
        if file.size > self.limits.file_bytes and not most:
            raise LimitError(f"{file.key} is larger than {self.limits.file_bytes // 1024**2} MiB", where="source.path", fix="Split it")
        left = most or file.size
        source = self._call(lambda: self._fs.open_input_stream(f"{self.bucket}/{file.key}", compression=None), file.key)
        with place.open("wb") as out:
            while left and (chunk := self._call(partial(source.read, min(CHUNK, left)), file.key)):
                out.write(chunk)
                left -= len(chunk)
        source.close()  # only here: after a stop a read may still be at work on it, and the last who holds it closes it
        if left and not most:
            raise TransientError(f"{file.key} became shorter while it was read", where="source.path", fix="Run the step again")
        return not most or file.size <= most

    def opened(self, file: Found, work: Callable[[Any], T]) -> T:
        """Do something with a file that can be read at any place."""
        return self._call(lambda: work(self._fs.open_input_file(f"{self.bucket}/{file.key}")), file.key)

    def _call(self, work: Callable[[], T], what: str) -> T:
        try:
            return unless(self.cancel, work)
        except OSError as error:
            raise self._told(error, what) from None  # its text may name the login

    def _told(self, error: OSError, what: str) -> PenstockError:
        text = str(error)
        found = _CODE.search(text)
        code = (found[1] or found[2]).upper() if found else ""
        login = f"Look at key, secret and rights of connection {self.connection!r}"
        if any(word in text.upper() for word in LOGIN) or code == "403":
            return InputError(f"S3 refuses this login for {what} ({code})", where=f"connection {self.connection!r}", fix=login)
        if code == "NO_SUCH_BUCKET" or "bucket does not exist" in text.lower() or f"Path does not exist '{self.bucket}'" in text:
            return MissingError(f"there is no bucket {self.bucket!r}", where=f"connection {self.connection!r}",
                                fix="Look at its name and region")
        if isinstance(error, FileNotFoundError) or code in ("NO_SUCH_KEY", "RESOURCE_NOT_FOUND", "404"):
            return MissingError(f"{what} is not in the bucket any more", where="source.path", fix="Run the step again")
        if code in ("PERMANENT_REDIRECT", "301", "AUTHORIZATION_HEADER_MALFORMED"):
            return InputError(f"bucket {self.bucket!r} is in another region", where=f"connection {self.connection!r}",
                              fix="Add ?region=... to its address")
        if "NETWORK" in code or "curlCode" in text or "timed out" in text.lower() or isinstance(error, TimeoutError):
            return UnreachableError("S3 does not answer", where=f"connection {self.connection!r}", fix="Check its address and the network")
        return TransientError(f"S3 could not do it for {what} ({code or type(error).__name__})", where=f"connection {self.connection!r}",
                              fix="Try again")


def _regex(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    means = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(means.get(part, re.escape(part)) for part in parts), re.S)
