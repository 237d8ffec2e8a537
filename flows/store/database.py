"""One door to the control store's database: connections, transactions, its clock, and errors in plain words."""

from __future__ import annotations

import json
import math
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Double, Engine, Table, create_engine, event, extract, func, literal
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from flows.errors import InputError, MissingPackage, UnreachableError
from flows.store.faults import translate
from flows.store.schema import Moment

BUSY_SECONDS = 30.0  # how long a writer waits for another one on SQLite
CONNECT_SECONDS = 5

_engines: weakref.WeakSet[Engine] = weakref.WeakSet()
_inherited: list[Any] = []


class Database:
    """An engine with two ways in: `read()` sees one state, `write()` is a transaction that holds the write lock from its start.

    Both raise UnreachableError, TransientError (a lost race) or InputError instead of the driver's errors.
    """

    def __init__(self, url: str) -> None:
        place = parse(url)
        self.kind = place.get_backend_name()
        self.address = _address(place)
        self._engine = _sqlite(place) if self.kind == "sqlite" else _postgres(place)
        self._writer = self._engine.execution_options(penstock_begin="BEGIN IMMEDIATE")
        self._mine = threading.local()
        _engines.add(self._engine)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        open_one = self._open_one()
        if open_one is not None:
            with self._plain():
                yield open_one
            return
        with self._plain(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        open_one = self._open_one()
        if open_one is not None:
            with self._plain(), open_one.begin_nested():
                yield open_one
            return
        with self._plain(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def together(self) -> Iterator[Connection]:
        """One transaction for all that this thread reads and writes until its end; each `write()` in it can fail by itself."""
        if self._open_one() is not None:
            with self.write() as connection:
                yield connection
            return
        with self.write() as connection:
            self._mine.connection = connection
            try:
                yield connection
            finally:
                self._mine.connection = None

    def _open_one(self) -> Connection | None:
        found: Connection | None = getattr(self._mine, "connection", None)
        return found

    @contextmanager
    def bare(self) -> Iterator[Connection]:
        """A SQLite connection without a transaction, for what cannot stand in one."""
        with self._plain(), self._engine.execution_options(penstock_begin="").connect() as connection:
            yield connection

    def now(self, seconds: float = 0.0) -> ColumnElement[datetime]:
        """The store's clock, `seconds` from now: this machine's for a file, the server's when several machines may share it."""
        if self.kind == "sqlite":
            return literal(datetime.now(UTC) + timedelta(seconds=seconds), Moment())
        clock = func.clock_timestamp(type_=Moment())
        return clock + func.make_interval(0, 0, 0, 0, 0, 0, seconds) if seconds else clock

    def seconds(self, start: ColumnElement[Any], end: ColumnElement[Any]) -> ColumnElement[float]:
        """How long it is between two moments."""
        if self.kind == "sqlite":
            return (func.julianday(end) - func.julianday(start)) * 86_400.0
        return sql_cast(extract("epoch", end - start), Double())

    def insert(self, table: Table) -> Insert:
        """An INSERT that knows ON CONFLICT; both databases spell it alike. PostgreSQL's dialect is loaded only where it is used."""
        if self.kind == "sqlite":
            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql

        return cast(Insert, postgresql.insert(table))

    def dispose(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _plain(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, PoolTimeout) as error:
            plain = translate(error, self.address)
            if plain is None:
                raise
            raise plain from None  # the driver's own words may hold the address with its password


def parse(url: str) -> URL:
    """A store's address, taken apart. Raises InputError without repeating it, as it may hold a password."""
    fix = "Use sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    if url.startswith("sqlite:///"):
        path = url.removeprefix("sqlite:///")
        if not path or path == ":memory:":
            raise InputError("the control store needs a file", where="PENSTOCK_CONTROL_URL", fix=fix)
        return URL.create("sqlite", database=str(Path(path).absolute()))  # a path is a path: '?' or '%' in it mean themselves
    try:
        place = make_url(url)
    except (ArgumentError, ValueError):
        raise InputError("this is not the address of a database", where="PENSTOCK_CONTROL_URL", fix=fix) from None
    if place.drivername not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise InputError(f"a control store cannot be kept in {place.drivername!r}", where="PENSTOCK_CONTROL_URL", fix=fix)
    return place.set(drivername="postgresql+psycopg")


def _address(place: URL) -> str:
    """For people: no password, also none from the query part."""
    if place.get_backend_name() == "sqlite":
        return str(place.database)
    return URL.create("postgresql", place.username, None, place.host, place.port, place.database).render_as_string()


def _sqlite(place: URL) -> Engine:
    if sqlite3.sqlite_version_info < (3, 35):
        raise UnreachableError(f"the control store needs SQLite 3.35, this Python has {sqlite3.sqlite_version}", where=str(place.database),
                               fix="Use a newer Python, or PostgreSQL by PENSTOCK_CONTROL_URL")
    try:
        Path(str(place.database)).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnreachableError(f"the folder of the control store cannot be made ({error.strerror})", where=str(place.database),
                               fix="Choose another --home") from None
    engine = create_engine(place, connect_args={"timeout": BUSY_SECONDS}, json_serializer=dumps)

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # BEGIN is ours, below: the driver's own comes too late for a reader that writes
        for pragma in ("foreign_keys=ON", "synchronous=NORMAL", "journal_size_limit=67108864"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        statement = connection.get_execution_options().get("penstock_begin", "BEGIN")
        if statement:
            connection.exec_driver_sql(statement)

    return engine


def _postgres(place: URL) -> Engine:
    try:
        import psycopg
    except ImportError:
        raise MissingPackage("a control store on PostgreSQL", "postgres") from None
    options = {"connect_timeout": CONNECT_SECONDS, "application_name": "penstock", "keepalives_idle": 10, "keepalives_interval": 5,
               "keepalives_count": 3, "tcp_user_timeout": 15_000}
    args = {name: value for name, value in options.items() if name not in place.query}
    engine = create_engine(place, connect_args=args, pool_pre_ping=True, json_serializer=dumps)

    @event.listens_for(engine, "connect")
    def _connect(connection: psycopg.Connection[Any], _: object) -> None:
        connection.autocommit = True  # a holder that stands still must not stop everybody else for ever
        connection.execute(f"SET lock_timeout = '{BUSY_SECONDS:.0f}s'; SET idle_in_transaction_session_timeout = '60s'".encode())
        connection.autocommit = False

    return engine


def dumps(value: Any) -> str:
    """JSON that both databases take: dates as ISO text, numbers that are none as null, anything else as its text."""
    try:
        return json.dumps(value, default=_text, allow_nan=False)
    except ValueError:  # NaN and infinity are no JSON, and PostgreSQL refuses them
        return json.dumps(_finite(value), default=_text)


def _text(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value


def _after_fork() -> None:
    """A forked child must neither use nor close its parent's connections: keep them unused, start with an empty pool."""
    for engine in list(_engines):
        _inherited.append(engine.pool)
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_after_fork)
