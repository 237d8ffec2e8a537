"""Rows from a REST interface: declared hosts only, page by page, bounded; what fails is tried again by the step, not in here."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from flows.engines.base import Block, Cancel, Connections
from flows.engines.hosts import address, no_address, origin, refuse_link_local
from flows.engines.leave import unless
from flows.engines.patience import LONGEST_WAIT, Busy
from flows.errors import DataError, InputError, LimitError, MissingError, TransientError, UnreachableError
from flows.settings import Limits

if TYPE_CHECKING:
    import httpx

PATIENCE = 5  # how often one page is asked for again, when the server itself says when (Retry-After)
AROUND = ("meta", "paging", "pagination", "links", "_links", "cursor", "page")
NEXT = ("next", "next_page", "nextPage", "next_cursor", "nextCursor", "next_page_token", "nextPageToken", "next_url", "nextLink",
        "@odata.nextLink", "has_more", "hasMore")
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


class Paging(Block):
    """How the next page is asked for. Unsaid: a Link header is followed, and an answer that names a next page in its body is an error.

    none: one page, whatever it says. page, offset: `parameter` counts pages or rows from `start` until an empty page comes.
    cursor: `next` is the path in the body to the token (or address) of the next page, sent as `parameter`. link: the Link header.
    """

    kind: Literal["none", "page", "offset", "cursor", "link"]
    parameter: str = Field("", description="name of the query parameter that moves on; default: page, offset or cursor")
    start: int = Field(1, ge=0, description="number of the first page (kind page)")
    size: int | None = Field(None, ge=1, le=100_000, description="rows asked for per page")
    size_parameter: str = Field("limit", description="name of the query parameter for size")
    next: str = Field("", description="path in the body to the next token (kind cursor), for example meta.next")
    max_pages: int = Field(10_000, ge=1, le=1_000_000)

    @model_validator(mode="after")
    def complete(self) -> Paging:
        if self.kind == "cursor" and not self.next:
            raise ValueError("paging of kind cursor needs `next`, the path in the body to the next token")
        return self


@dataclass
class Request:
    """One endpoint of one declared connection."""

    connection: str
    endpoint: str
    params: Mapping[str, Any] = field(default_factory=dict)
    records: str = ""
    paging: Paging | None = None


class Reader:
    """Reads the pages of a request. Raises InputError (address, refusal), MissingError (404), LimitError (size), DataError (no
    JSON, pages that repeat), TransientError (busy, cut), UnreachableError (no connection), Cancelled."""

    def __init__(self, request: Request, connections: Connections, limits: Limits, cancel: Cancel) -> None:
        self.request, self.limits, self.cancel = request, limits, cancel
        self.paging = request.paging or Paging(kind="link")
        base = connections.url(request.connection)
        if base is None:
            raise no_address(request.connection)
        self.url = address(base, request.endpoint, request.connection)
        self.headers = {"Accept": "application/json", "User-Agent": "penstock", **connections.headers(request.connection)}
        sample = getattr(connections, "transport", None)  # of the sample shop: answered in this process
        self._answers: httpx.BaseTransport | None = sample(request.connection) if sample else None
        self.notes: list[str] = [f"sample data: connection {request.connection} has no address here"] if self._answers else []
        self._line: Any = None

    def pages(self) -> Iterator[list[Any]]:
        """The records of each page, as they come."""
        with self._client() as client:
            yield from self._walk(client)

    def _client(self) -> httpx.Client:
        import httpx

        if self._answers is None:
            refuse_link_local(self.url)
        timeout = httpx.Timeout(self.limits.http_read_seconds, connect=self.limits.http_connect_seconds)
        return httpx.Client(timeout=timeout, follow_redirects=False, headers=self.headers, transport=self._answers)

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Remember the newest connection: only closing its socket ends a read that waits."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._line = info["return_value"]
            if self.cancel.is_set():  # stopped while it connected: nothing is asked any more
                self._hang_up()

    def _hang_up(self) -> None:
        line = self._line
        if line is not None:
            with suppress(OSError):
                line.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    def ping(self) -> None:
        """One GET that reads no body. Raises what `pages` raises, without a second try."""
        with self._client() as client, self._faults(), self._stream(client, self.url) as response:
            if response.status_code in AGAIN:
                raise Busy(f"{self.place} answers {response.status_code}")
            self._refuse(response)

    def _walk(self, client: httpx.Client) -> Iterator[list[Any]]:
        paging, url, seen = self.paging, self.url, set()
        params = dict(self.request.params)
        if paging.size is not None:
            params[paging.size_parameter] = paging.size
        moved, last = paging.start if paging.kind == "page" else 0, b""
        for number in range(1, paging.max_pages + 1):
            if paging.kind in ("page", "offset"):
                params[paging.parameter or paging.kind] = moved
            key = (str(url), tuple(sorted((k, str(v)) for k, v in params.items())))
            if key in seen:
                raise DataError("the same page is named as the next one again", where=self.place,
                                fix="Look at source.paging: the server does not move on")
            seen.add(key)
            response, body = self._get(client, url, params)
            if response.status_code == 404 and number > 1 and paging.kind == "page":
                return
            self._refuse(response)
            data = self._json(body)
            rows = self._records(data)
            if rows and body == last and paging.kind in ("page", "offset"):
                unknown = paging.parameter or paging.kind
                raise DataError(f"page {number} is the same as the page before", where=self.place,
                                fix=f"The server does not know the parameter {unknown!r}: set source.paging.parameter")
            last = body
            yield rows
            following = self._next(response, data, rows, url)
            if following is None:
                return
            if isinstance(following, int):
                moved += following
            elif isinstance(following, str):
                params[paging.parameter or "cursor"] = following
            else:
                url, params = following, {}
        raise LimitError(f"more than {paging.max_pages} pages", where=self.place,
                         fix="Narrow the request, or raise source.paging.max_pages")

    def _next(self, response: httpx.Response, data: Any, rows: list[Any], url: httpx.URL) -> int | str | httpx.URL | None:
        """Pages or rows to move on, a token, an address, or None at the end."""
        kind = self.paging.kind
        if kind in ("page", "offset"):
            return None if not rows else 1 if kind == "page" else len(rows)
        if kind == "link":
            link = response.links.get("next", {}).get("url")
            if link is None and self.request.paging is None:
                self._end(data)
            return self._same_origin(url, link) if link else None
        if kind == "cursor":
            token = dig(data, self.paging.next)
            if token in (None, "", False):
                self._end(data)
                return None
            if isinstance(token, (dict, list)):
                raise DataError(f"{self.paging.next!r} is no token", where=self.place, fix="Correct source.paging.next")
            text = str(token)
            return self._same_origin(url, text) if text.startswith(("http://", "https://", "/")) else text
        return None

    def _end(self, data: Any) -> None:
        """The end, unless the body says that there is more: rows that nobody asks for would be lost in silence."""
        if said := more(data):
            raise DataError(f"the answer names a next page at {said!r}, and source.paging does not say how to ask for it", where=self.place,
                            fix="Set source.paging: kind cursor, page or offset; or kind none to read this page only")

    def _same_origin(self, url: httpx.URL, text: str) -> httpx.URL:
        """The next address, on the declared host only: it comes from the answer, and our credentials go with it."""
        following = url.join(text)
        if origin(following) != origin(self.url):
            raise InputError(f"the next page is on another host ({following.host})", where=self.place,
                             fix=f"Only the host of connection {self.request.connection!r} is asked")
        return following

    def _get(self, client: httpx.Client, url: httpx.URL, params: Mapping[str, Any]) -> tuple[httpx.Response, bytes]:
        """A page. A server that asks for time has it, so that the pages before are not read again; every other fault is the step's
        own to retry: two layers of tries would multiply."""
        for number in range(PATIENCE + 1):
            self.cancel.check()
            try:
                return self._once(client, url, params)
            except Busy as busy:
                wait = busy.wait
                if wait is None or wait > LONGEST_WAIT or number == PATIENCE:
                    raise
                self.cancel.wait(wait)
        raise AssertionError("the last try gives a page or raises")

    def _once(self, client: httpx.Client, url: httpx.URL, params: Mapping[str, Any]) -> tuple[httpx.Response, bytes]:
        body, limit = bytearray(), self.limits.http_page_bytes
        with self._faults(), self._stream(client, url.copy_merge_params(params) if params else url) as response:
            if response.status_code in AGAIN:
                raise Busy(f"{self.place} answers {response.status_code}", wait=retry_after(response))
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > limit:
                    raise LimitError(f"a page is larger than {limit // 1024 // 1024} MiB", where=self.place,
                                     fix="Ask for fewer rows per page: source.paging.size")
        return response, bytes(body)

    @contextmanager
    def _stream(self, client: httpx.Client, url: httpx.URL) -> Iterator[httpx.Response]:
        """The answer, whose body is still to be read. A stop ends it in every phase: names and handshakes are left alone, a read is cut."""
        request = client.build_request("GET", url, extensions={"trace": self._trace})
        off = self.cancel.on(self._hang_up)
        try:
            response = unless(self.cancel, lambda: client.send(request, stream=True), lambda late: late.close())
            try:
                yield response
            finally:
                response.close()
        finally:
            off()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """The client's errors in the words of this house."""
        import httpx

        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise UnreachableError(f"{self.place} cannot be reached ({type(error).__name__})",
                                   fix="Is the system up, and the address of the connection right?") from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            self.cancel.check()
            raise TransientError(f"{self.place} broke off ({type(error).__name__})") from error

    def _refuse(self, response: httpx.Response) -> None:
        status = response.status_code
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            raise InputError(f"answers {status}, a redirect, and redirects are not followed", where=self.place,
                             fix="Give the final address in the connection and the endpoint")
        if status in (401, 403):
            raise InputError(f"answers {status}: our credentials do not open it", where=self.place,
                             fix=f"Check token, user or headers of connection {self.request.connection!r}")
        if status in (404, 410):
            raise MissingError(f"answers {status}: there is no such endpoint", where=self.place, fix="Correct source.endpoint")
        raise InputError(f"answers {status}", where=self.place, fix="Check source.endpoint and source.params")

    def _json(self, body: bytes) -> Any:
        if not body.strip():
            return []
        try:
            return json.loads(body, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise DataError("the answer is no JSON", where=self.place, fix="Check source.endpoint") from error

    def _records(self, data: Any) -> list[Any]:
        path = self.request.records
        found = dig(data, path) if path else data
        if found is None and not path:
            return []
        if isinstance(found, dict) and not path:
            return [found]
        if not isinstance(found, list):
            lists = [key for key, value in data.items() if isinstance(value, list)] if isinstance(data, dict) else []
            raise DataError(f"no list of records at {path!r}" if path else "the answer holds no records", where=self.place,
                            fix=f"Set source.records to {lists[0]!r}" if lists else "Set source.records to the path of the list")
        return found

    @property
    def place(self) -> str:
        return f"connection {self.request.connection!r}, endpoint {self.request.endpoint!r}"


def retry_after(response: httpx.Response) -> float | None:
    """Seconds that the server asks to wait, from a number or an HTTP date; None when it says nothing that makes sense."""
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return max(0.0, (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp())


def dig(data: Any, path: str) -> Any:
    """What stands at a dotted path, or None. A name with dots in it is found where it stands last (`@odata.nextLink`)."""
    if isinstance(data, dict) and path in data:
        return data[path]
    for part in path.split("."):
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, list) and part.isdigit() and int(part) < len(data):
            data = data[int(part)]
        else:
            return None
    return data


def more(data: Any) -> str | None:
    """Where a body says that there is another page, by the words that interfaces use for it; None when it does not."""
    for path in ("", *AROUND):
        found = dig(data, path) if path else data
        for word in NEXT if isinstance(found, dict) else ():
            if found.get(word) not in (None, "", False, [], {}):
                return f"{path}.{word}" if path else word
    return None


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")
