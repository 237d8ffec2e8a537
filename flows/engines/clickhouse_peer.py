"""A declared ClickHouse connection: bounded, stoppable, and speaking in the errors of this house."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from typing import Any
from uuid import uuid4

from flows.engines.base import Cancel, Connections
from flows.engines.leave import stopped, unless
from flows.errors import (
    Cancelled,
    DataError,
    InputError,
    MissingError,
    MissingPackage,
    PenstockError,
    SqlError,
    StepTimeout,
    TransientError,
    UnreachableError,
)

log = logging.getLogger("penstock.clickhouse")

SCHEMES = ("clickhouse", "clickhousedb", "http", "https", "chdb")
"""clickhouse:// and http:// speak HTTP, https:// speaks TLS, chdb:///folder is the engine inside of this process (package chdb)."""
SETTINGS: Mapping[str, Any] = {
    "max_partitions_per_insert_block": 0,  # a first load may bring years of days
    "insert_deduplicate": 0, "async_insert": 0,  # equal batches are rows too, and an insert that returned is done
    "input_format_null_as_default": 0,  # NULL for a column that cannot hold it is an error, not 0
    "transform_null_in": 1,  # NULL is a value of a partition
}
_ADDRESS = "Write clickhouse://user:password@host:8123/database, or https://user:password@host:8443/database"
_WRONG_ADDRESS = {81, 192, 193, 194, 195, 516}  # unknown database, user, password
_NO_TABLE, _TOO_LONG, _KILLED, _NO_RIGHT, _NO_EXCHANGE = {60}, {159, 160}, {394}, {164, 291, 497}, {48}
_DATA = {6, 25, 26, 27, 33, 38, 41, 53, 69, 70, 72, 117, 131, 321, 349, 407, 469, 645}
_BUSY = {57, 201, 202, 203, 209, 210, 225, 236, 241, 242, 243, 252, 285, 319, 425, 439, 473, 499, 574, 999}
_TAIL = re.compile(r"\s*\([A-Z][A-Z0-9_]+\)(\s*\(version.*)?\s*$|\s*\(version.*$|\s*\(for url.*$", re.DOTALL)
_REASON = re.compile(r"\[(?:Errno|SSL)[^\]]*\][^\"'()]*|timed out|Name or service not known")
_KILL_SECONDS = 5.0


@dataclass(frozen=True)
class Peer:
    """A declared ClickHouse connection. `seconds` bounds each statement; 0 leaves it to the step's own timeout."""

    name: str
    url: str = field(repr=False)
    cancel: Cancel
    connect_seconds: float = 5.0
    seconds: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, name: str, connections: Connections, cancel: Cancel, *, connect_seconds: float = 5.0, seconds: float = 0.0) -> Peer:
        """Raises InputError when the connection has no address here, or one of another kind."""
        from flows.engines.hosts import no_address

        url = connections.url(name)
        if url is None:
            raise no_address(name)
        if url.partition("://")[0].lower().split("+")[0] not in SCHEMES:
            raise InputError(f"connection {name!r} is no ClickHouse address", fix=_ADDRESS)
        return cls(name, url, cancel, connect_seconds, seconds, connections.headers(name))

    @contextmanager
    def open(self) -> Iterator[Any]:
        """A client whose statements are bounded, and are killed on the server when the step is stopped. Raises this house's errors,
        never the driver's, and never with a password in them."""
        import pyarrow as pa

        errors: tuple[type[Exception], ...] = (*unless(self.cancel, _errors), pa.ArrowException, OSError)
        mark, client = f"penstock-{uuid4().hex}", None
        try:
            settings = {**SETTINGS, "log_comment": mark, "max_execution_time": ceil(self.seconds)}
            client = unless(self.cancel, lambda: self._client(settings, self.seconds or 3600.0), lambda late: late.close())
            with stopped(self.cancel, partial(self._kill, mark)):
                self.cancel.check()
                yield client
        except PenstockError:
            raise
        except errors as error:
            raise self._error(error, connected=client is not None) from None
        finally:
            if client is not None:
                with quiet("closing failed"):
                    client.close()

    def _client(self, settings: Mapping[str, Any], seconds: float) -> Any:
        """The address goes to the driver as it is; what it says itself (?connect_timeout=3) goes before what is set here."""
        import clickhouse_connect

        more: dict[str, Any] = {"headers": dict(self.headers)} if self.headers else {}
        if self.url.lower().startswith("https://"):
            more["interface"] = "https"  # the driver does not look at the scheme, and would speak without TLS
        try:
            return clickhouse_connect.get_client(
                dsn=self.url, connect_timeout=self.connect_seconds, send_receive_timeout=seconds + 10, client_name="penstock",
                autogenerate_session_id=False, settings=dict(settings), **more)
        except ImportError as error:
            raise MissingPackage("the engine inside of this process", "test") from error
        except (TypeError, ValueError) as error:
            raise InputError("the address has a part that is not known", where=f"connection {self.name!r}", fix=_ADDRESS) from error

    def _kill(self, mark: str) -> None:
        with quiet("the statement could not be stopped on the server"):
            client = self._client({}, _KILL_SECONDS)
            try:
                client.command(f"KILL QUERY WHERE Settings['log_comment'] = {literal(mark)} ASYNC")
            finally:
                client.close()

    def _error(self, error: Exception, *, connected: bool) -> PenstockError:
        """The driver's error in the words of this house; what may be tried again is told by its number, not by its text."""
        code, text, where = getattr(error, "code", None), self._text(error), f"connection {self.name!r}"
        if self.cancel.is_set():
            return Cancelled(self.cancel.reason or "cancelled")
        if code in _TOO_LONG:
            return StepTimeout(f"the statement took longer than {self.seconds:g} s and was stopped", where=where)
        if code in _WRONG_ADDRESS:
            return InputError(text, where=where, fix="Correct the address of the connection")
        if not connected and code is None:
            return UnreachableError(text, where=where, fix="Is the server up, and the address of the connection right?")
        if code is None or code in _BUSY or code in _KILLED:
            return TransientError(text, where=where)
        if code in _NO_TABLE:
            return MissingError(text, where=where, fix="Was the table dropped in the meantime? Run the step again")
        if code in _NO_EXCHANGE:
            return InputError(text, where=where, fix="Use a database of engine Atomic: tables are switched with EXCHANGE TABLES")
        if code in _DATA:
            return DataError(text, where=where)
        return SqlError(text, where=where, verdict="refused" if code in _NO_RIGHT else "invalid")

    def _text(self, error: Exception) -> str:
        from flows.insight.connections import scrub

        text = " ".join(scrub(str(error), self.url).split())
        if "DB::Exception: " in text:
            text = text.rpartition("DB::Exception: ")[2].partition(": (in file/uri")[0].partition(": While executing")[0]
            return _TAIL.sub("", text).strip().rstrip(".")[:300]
        reason = _REASON.search(text)
        return f"no answer: {reason[0].strip()}" if reason else text[:300].rstrip(".")


@contextmanager
def quiet(what: str) -> Iterator[None]:
    """Cleaning up may fail without changing the result; it is told in the log."""
    errors: tuple[type[Exception], ...] = (*_errors(), PenstockError, OSError)
    try:
        yield
    except errors as error:
        log.warning("clickhouse: %s (%s)", what, type(error).__name__)


def ident(name: str) -> str:
    """A quoted identifier of ClickHouse."""
    from sqlglot import exp

    return exp.to_identifier(name, quoted=True).sql(dialect="clickhouse")


def literal(text: str) -> str:
    """A quoted text of ClickHouse."""
    from sqlglot import exp

    return exp.Literal.string(text).sql(dialect="clickhouse")


def _errors() -> tuple[type[Exception], ...]:
    try:
        from clickhouse_connect.driver.exceptions import ClickHouseError
        from urllib3.exceptions import HTTPError
    except ImportError as error:
        raise MissingPackage("a ClickHouse connection", "clickhouse") from error
    return ClickHouseError, HTTPError
