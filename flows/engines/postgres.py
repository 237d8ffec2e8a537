"""Rows from and to PostgreSQL, through Arrow: read-only to read, one transaction to write, and always stoppable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from flows.engines.base import Cancel, Connections
from flows.engines.leave import stopped, unless
from flows.engines.rows import Feed
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
from flows.warehouse.base import Column

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

KINDS = {"int2": "INT64", "int4": "INT64", "int8": "INT64", "oid": "INT64", "float4": "FLOAT64", "float8": "FLOAT64", "bool": "BOOL",
         "text": "STRING", "varchar": "STRING", "bpchar": "STRING", "name": "STRING", "char": "STRING", "bytea": "BYTES", "date": "DATE",
         "time": "TIME", "timestamp": "DATETIME", "timestamptz": "TIMESTAMP", "json": "JSON", "jsonb": "JSON", "numeric": "NUMERIC",
         "_text": "ARRAY<STRING>", "_varchar": "ARRAY<STRING>", "_int4": "ARRAY<INT64>", "_int8": "ARRAY<INT64>",
         "_float8": "ARRAY<FLOAT64>", "_bool": "ARRAY<BOOL>"}
"""PostgreSQL types that have a counterpart; everything else is read as its text."""
NAMES = {"INT64": "bigint", "FLOAT64": "double precision", "NUMERIC": "numeric(38,9)", "BIGNUMERIC": "numeric", "BOOL": "boolean",
         "STRING": "text", "BYTES": "bytea", "DATE": "date", "TIME": "time", "DATETIME": "timestamp", "TIMESTAMP": "timestamptz",
         "JSON": "jsonb"}
_SCALES = {"NUMERIC": 9, "BIGNUMERIC": 18}
_YEAR_1, _YEAR_10000 = -62_135_596_800_000_000, 253_402_300_800_000_000  # microseconds since 1970; the years that BigQuery knows


@dataclass(frozen=True)
class Peer:
    """A declared PostgreSQL connection. `seconds` bounds each statement; 0 leaves it to the step's own timeout."""

    name: str
    url: str = field(repr=False)  # with its password
    cancel: Cancel
    connect_seconds: float = 5.0
    seconds: float = 0.0

    @classmethod
    def of(cls, name: str, connections: Connections, cancel: Cancel, *, connect_seconds: float = 5.0, seconds: float = 0.0) -> Peer:
        """Raises InputError when the connection has no address here, or one of another kind."""
        from flows.engines.hosts import no_address

        url = connections.url(name)
        if url is None:
            raise no_address(name)
        if not is_postgres(url):
            raise InputError(f"connection {name!r} is no PostgreSQL address", fix="Write postgresql://user:password@host:port/database")
        return cls(name, url, cancel, connect_seconds, seconds)

    @contextmanager
    def open(self, *, read_only: bool = True) -> Iterator[Any]:
        """A cursor in one transaction, committed at the end of a block that writes; an error rolls it back. Raises this house's
        errors, never the driver's, and never with a password in them."""
        import pyarrow as pa

        dbapi = unless(self.cancel, _driver)  # a first import takes a second or two
        connection = None
        try:
            address = _bounded(self.url, self.connect_seconds)
            connection = unless(self.cancel, lambda: dbapi.connect(address), lambda late: _close(late, dbapi.Error))
            cursor = connection.cursor()

            def stop() -> None:
                with suppress(dbapi.Error):  # nothing runs at this moment, or the server does not answer: it is asked again
                    cursor.adbc_cancel()

            try:
                with stopped(self.cancel, stop):
                    self.cancel.check()
                    cursor.execute(f"SET LOCAL statement_timeout = {int(self.seconds * 1000)}")
                    if read_only:
                        cursor.execute("SET TRANSACTION READ ONLY")
                    yield cursor
                    self.cancel.check()
                    if not read_only:
                        connection.commit()
            finally:
                cursor.close()
        except (dbapi.Error, pa.ArrowException, OSError) as error:
            raise self._error(error, connected=connection is not None) from None
        finally:
            if connection is not None:
                _close(connection, dbapi.Error)

    def _error(self, error: Exception, *, connected: bool) -> PenstockError:
        """The driver's error in the words of this house; what may be tried again is told by its SQLSTATE, not by its text."""
        from flows.insight.connections import scrub

        state = str(getattr(error, "sqlstate", None) or "")
        text = " ".join(scrub(str(error), self.url).split("Query was:")[0].split("LINE 1:")[0].split())
        text = text.split("ERROR: ")[-1].split("FATAL: ")[-1].strip().rstrip(".")
        where = f"connection {self.name!r}"
        if self.cancel.is_set():
            return Cancelled(self.cancel.reason or "cancelled")
        if state == "57014" or "statement timeout" in text:
            return StepTimeout(f"the statement took longer than {self.seconds:g} s and was stopped", where=where)
        if not connected:
            final = "authentication failed" in text or "does not exist" in text or "missing \"=\"" in text or "percent-encoded" in text
            return InputError(text, where=where, fix="Correct the address of the connection") if final else \
                UnreachableError(text, where=where, fix="Is the server up, and the address of the connection right?")
        if not state:  # an error among the rows comes without one
            state = "" if "ERROR:" not in str(error) else "25006" if "read-only" in text else "22000"
        if state[:2] in ("", "08", "53", "55", "57", "40"):
            return TransientError(text, where=where)
        if state == "42P01":
            return MissingError(text, where=where, fix="Correct source.table, or its schema: schema.table")
        if state[:2] in ("22", "23"):
            return DataError(text, where=where)
        return SqlError(text, where=where, verdict="refused" if state in ("42501", "25006") else "invalid")


def is_postgres(url: str | None) -> bool:
    """postgresql://, postgres://, also with a driver as others write it (postgresql+psycopg://)."""
    return (url or "").partition("://")[0].lower().split("+")[0] in ("postgres", "postgresql")


def table(name: str) -> exp.Table:
    """schema.table as a tree, every part quoted."""
    from sqlglot import exp

    parts = [exp.to_identifier(part, quoted=True) for part in name.split(".")]
    if len(parts) > 2 or not all(part.name for part in parts):
        raise InputError(f"{name!r} is not the name of a table", fix="Write table or schema.table")
    return exp.Table(this=parts[-1], db=parts[0] if len(parts) == 2 else None)


def one_select(text: str) -> exp.Query:
    """A person's query in PostgreSQL's own SQL: one SELECT that changes nothing. Raises SqlError."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        found = [tree for tree in sqlglot.parse(text, dialect="postgres") if tree is not None]
    except SqlglotError as error:
        first = (getattr(error, "errors", None) or [{}])[0]
        raise SqlError(str(first.get("description", "this is no SQL")), line=first.get("line", 0), column=first.get("col", 0)) from None
    except RecursionError:
        raise SqlError("the query is nested too deeply") from None
    if len(found) != 1 or not isinstance(found[0], exp.Query):
        raise SqlError("give exactly one SELECT", verdict="refused", fix="source.query reads; use other steps to write")
    bad = (exp.DML, exp.DDL, exp.Command, exp.Into, exp.Lock, exp.Set, exp.Copy)
    for node in found[0].walk():
        if isinstance(node, bad) and not isinstance(node, exp.Query):
            raise SqlError(f"{type(node).__name__.upper()} is not allowed here", verdict="refused", fix="source.query reads only")
    return found[0]


def columns_of(cursor: Any, source: exp.Table | exp.Query) -> tuple[Column, ...]:
    """Names and types of a table or query, without reading rows."""
    cursor.execute(_text(_every(source).limit(0)))
    reader = cursor.fetch_record_batch()
    return tuple(Column(field.name, _kind(field)) for field in reader.schema)


def read(cursor: Any, query: exp.Query, columns: Sequence[Column], wanted: Mapping[str, str], *, rows: int = 0) -> Feed:
    """The rows of a query as Arrow, in bounded memory; `wanted` gives a column another type than its own. `rows` > 0 stops there."""
    import pyarrow as pa
    from sqlglot import exp

    kinds = {c.name: wanted.get(c.name) or c.type for c in columns}
    cells = [exp.alias_(_cell(c, kinds[c.name]), exp.to_identifier(c.name, quoted=True)) for c in columns]
    inner = exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier("q")))
    tree = exp.Select(expressions=cells).from_(inner)
    cursor.execute(_text(tree.limit(rows) if rows else tree))
    reader = cursor.fetch_record_batch()
    schema = pa.schema([(field.name, _arrow(kinds[field.name], field.type)) for field in reader.schema])
    return Feed(schema, (_fit(batch, schema) for batch in reader), [_driver().Error])


def _cell(column: Column, kind: str) -> exp.Expr:
    """Numbers with a fixed scale and everything without a counterpart travel as text, because the driver gives them as opaque."""
    from sqlglot import exp

    cell: exp.Expr = exp.column(exp.to_identifier(column.name, quoted=True))
    if kind in _SCALES:
        cell = exp.func("ROUND", exp.cast(cell, "numeric", dialect="postgres"), exp.Literal.number(_SCALES[kind]))
        return exp.cast(cell, "text", dialect="postgres")
    if kind == "TIMESTAMP" and column.type == "DATETIME":
        return exp.AtTimeZone(this=cell, zone=exp.Literal.string("UTC"))
    if kind == "DATETIME" and column.type == "TIMESTAMP":
        return exp.AtTimeZone(this=cell, zone=exp.Literal.string("UTC"))
    if kind.startswith("ARRAY"):
        return cell
    return exp.cast(cell, "json" if kind == "JSON" else NAMES.get(kind, "text"), dialect="postgres")


def _kind(field: pa.Field) -> str:
    meta = field.metadata or {}
    kind = KINDS.get(meta.get(b"POSTGRESQL:type", b"").decode(), "STRING")
    typmod = int(meta.get(b"POSTGRESQL:typmod", b"-1"))
    if kind == "NUMERIC" and typmod > 4 and (typmod - 4) & 0x7FF > 9:
        return "BIGNUMERIC"
    return kind


def _arrow(kind: str, given: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    return pa.decimal128(38, _SCALES[kind]) if kind in _SCALES else pa.json_() if kind == "JSON" else given


def _fit(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Texts become the decimals they stand for; a time outside the calendar is an error, not another time."""
    import pyarrow as pa
    import pyarrow.compute as pc

    arrays = []
    for column, array in zip(schema, batch.columns, strict=True):
        if pa.types.is_decimal(column.type):
            array = _decimals(array, column)
        elif pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
            whole, day = array.cast(pa.int64() if pa.types.is_timestamp(column.type) else pa.int32()), 86_400_000_000
            ends, unit = pc.min_max(whole), 1 if pa.types.is_timestamp(column.type) else day
            low, high = ends["min"].as_py(), ends["max"].as_py()
            if low is not None and not (low * unit >= _YEAR_1 and high * unit < _YEAR_10000):
                raise DataError(f"column {column.name!r} holds a time outside the years 1 to 9999 (infinity?)",
                                fix="Replace it in source.query, for example with NULLIF")
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _decimals(texts: pa.Array, field: pa.Field) -> pa.Array:
    """Arrow's own cast takes a number of 31 digits for another one without a word, so the length is judged first."""
    import pyarrow as pa
    import pyarrow.compute as pc

    longest = pc.max(pc.utf8_length(pc.utf8_ltrim(texts, "-"))).as_py() or 0
    try:
        if longest <= 39:  # 38 digits and the point
            return texts.cast(field.type)
    except pa.ArrowInvalid:
        pass
    raise DataError(f"column {field.name!r} holds a number that does not fit (NaN, infinity or too many digits)",
                    fix="Cast it in source.query, or leave it out of source.columns")


def _every(source: exp.Table | exp.Query) -> exp.Select:
    from sqlglot import exp

    inner = source if isinstance(source, exp.Table) else exp.Subquery(this=source, alias=exp.TableAlias(this=exp.to_identifier("q")))
    return exp.Select(expressions=[exp.Star()]).from_(inner.copy())


def _text(tree: exp.Expr) -> str:
    return tree.sql(dialect="postgres")


def _bounded(url: str, seconds: float) -> str:
    """The address with a limit for connecting and for a peer that no longer answers, unless it says so itself."""
    parts = urlsplit(url)
    parts = parts._replace(scheme=parts.scheme.split("+")[0])
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    ours = {"connect_timeout": str(max(2, round(seconds))), "application_name": "penstock", "keepalives_idle": "30",
            "keepalives_interval": "10", "keepalives_count": "3"}
    return urlunsplit(parts._replace(query=urlencode({**ours, **given}, quote_via=quote)))


def _driver() -> Any:
    try:
        import adbc_driver_postgresql.dbapi as dbapi
    except ImportError as error:
        raise MissingPackage("a PostgreSQL connection", "postgres") from error
    return dbapi


def _close(connection: Any, errors: type[Exception]) -> None:
    try:
        connection.close()
    except errors:  # the transaction was never committed, so there is nothing to save
        return
