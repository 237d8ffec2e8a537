"""One in-memory DuckDB, locked in: it reads and writes only the folders it was given, and what runs can be stopped from outside."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.errors import Cancelled, DataError, LimitError, PenstockError, SqlError, StepTimeout, TransientError
from flows.settings import Limits
from flows.warehouse.quoting import literal

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

INTERRUPT_EVERY = 0.02  # an interrupt that meets no query is lost, so it is repeated until the work has ended
INTERRUPT_FOR = 0.5


@dataclass(eq=False)
class _Work:
    """One statement while it runs, and why it was stopped."""

    connection: duckdb.DuckDBPyConnection
    stopped: Callable[[], PenstockError] | None = None

    def check(self) -> None:
        if self.stopped:
            raise self.stopped()


class Session:
    """A sandboxed connection. Raises the errors of `flows.errors`, never DuckDB's own."""

    def __init__(self, folders: Sequence[Path], *, limits: Limits, preview: bool = False, spill: Path | None = None) -> None:
        self.folders = tuple(folder.resolve() for folder in folders)
        self.memory_mb = limits.preview_memory_mb if preview else limits.duckdb_memory_mb
        self.con = _connect(self.folders, memory_mb=self.memory_mb, threads=max(limits.duckdb_threads, os.cpu_count() or 1), spill=spill)
        self._lock = threading.Condition()
        self._active: list[_Work] = []
        self._closed = False

    # ---------------------------------------------------------------- running
    def rows(self, sql: str, *, seconds: float = 0) -> list[tuple[Any, ...]]:
        """Run a statement and give all its rows."""
        with self._working(self.con, seconds):
            found: list[tuple[Any, ...]] = self.con.execute(sql).fetchall()
            return found

    def describe(self, sql: str) -> tuple[list[str], list[Any]]:
        """Names and DuckDB types of a query, without running it."""
        with self._working(self.con, 0):
            relation = self.con.sql(sql)
            return list(relation.columns), list(relation.types)

    def table(self, sql: str, *, seconds: float = 0) -> pa.Table:
        """The whole answer as Arrow."""
        with self._working(self.con, seconds):
            return self.con.sql(sql).to_arrow_table()

    def batches(self, sql: str, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """The answer piece by piece, in bounded memory, on a cursor of its own so that other statements may run meanwhile."""
        if self._closed:
            raise SqlError("this session is closed", verdict="failed")
        cursor = self.con.cursor()
        with self._working(cursor, 0) as work:
            reader = cursor.sql(sql).to_arrow_reader(batch_rows)
            while True:
                work.check()
                try:
                    batch = reader.read_next_batch()
                except StopIteration:
                    return
                yield batch

    @contextmanager
    def arrow(self, name: str, data: Any) -> Iterator[None]:
        """Arrow data under a name for the statements inside. A reader is read once."""
        self.con.register(name, data)
        try:
            yield
        finally:
            self.con.unregister(name)

    def progress(self) -> float | None:
        """How much of the running statement is done, in percent; None where nothing runs or DuckDB cannot tell. From any thread."""
        import duckdb

        with self._lock:
            works = list(self._active)
        found = []
        with suppress(duckdb.Error):  # it has just been closed
            found = [work.connection.query_progress() for work in works]
        return max((percent for percent in found if percent >= 0), default=None)

    # ---------------------------------------------------------------- stopping
    def cancel(self, why: Callable[[], PenstockError] = lambda: Cancelled("cancelled")) -> None:
        """Stop what runs now; returns when it has stopped, or after half a second. Nothing runs: nothing happens."""
        with self._lock:
            works = list(self._active)
        self._interrupt(works, why)

    def _interrupt(self, works: Sequence[_Work], why: Callable[[], PenstockError]) -> None:
        """Stop these pieces of work and no other: one that begins while the lock is waited for is not theirs."""
        until = time.monotonic() + INTERRUPT_FOR
        with self._lock:
            while (left := [work for work in works if work in self._active]) and time.monotonic() < until:
                for work in left:
                    work.stopped = work.stopped or why
                    work.connection.interrupt()
                self._lock.wait(INTERRUPT_EVERY)

    def close(self) -> None:
        """Stop what runs and let everything go; calling it again does nothing."""
        if not self._closed:
            self._closed = True
            self.cancel()
            self.con.close()

    @contextmanager
    def _working(self, connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[_Work]:
        import duckdb

        if self._closed:
            raise SqlError("this session is closed", verdict="failed")
        work = _Work(connection)
        with self._lock:
            self._active.append(work)
        timer = None
        if seconds > 0:
            timer = threading.Timer(seconds, self._interrupt,
                                    [[work], lambda: StepTimeout(f"the statement took longer than {seconds:g} s")])
            timer.daemon = True
            timer.start()
        try:
            yield work
            work.check()
        except (duckdb.Error, RuntimeError, OSError) as error:
            raise work.stopped() if work.stopped else translate(error, self.memory_mb) from error
        finally:
            if timer:
                timer.cancel()
            with self._lock:
                self._active.remove(work)
                self._lock.notify_all()


def _connect(folders: Sequence[Path], *, memory_mb: int, threads: int, spill: Path | None) -> duckdb.DuckDBPyConnection:
    """The order is measured: folders before external access goes, the lock last."""
    import duckdb

    con = duckdb.connect(":memory:")
    with suppress(duckdb.InvalidInputException):  # in a notebook without ipywidgets there is no bar, and no setting of it
        con.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")  # what `progress` asks for
    allowed = ", ".join(literal(f"{folder}{os.sep}") for folder in folders)
    con.execute("; ".join((
        f"SET memory_limit = '{int(memory_mb)}MiB'",
        f"SET threads = {int(threads)}",
        "SET GLOBAL TimeZone = 'UTC'",  # GLOBAL: cursors take it over
        f"SET allowed_directories = [{allowed}]",
        f"SET temp_directory = {literal(str(spill) if spill else '')}",
        "SET autoinstall_known_extensions = false",
        "SET autoload_known_extensions = false",
        "SET parquet_metadata_cache = true",
        "SET python_enable_replacements = false",
        "SET enable_external_access = false",
    )))
    return con


def lock(con: duckdb.DuckDBPyConnection) -> None:
    """From here on no statement changes a setting."""
    con.execute("SET lock_configuration = true")


def translate(error: BaseException, memory_mb: int = 0) -> PenstockError:
    """DuckDB's error in the words of this house."""
    import duckdb

    text = str(error).split("\n\nLINE ")[0].split("\nCandidate")[0].split("\nDid you mean")[0].strip()
    kind, _, rest = text.partition(": ")
    text = (rest if kind.endswith(("Error", "Exception")) else text).split("\nStack Trace")[0].strip().rstrip(".")
    if isinstance(error, (duckdb.OutOfMemoryException, MemoryError)):
        return LimitError(f"the statement needs more memory than it may use ({memory_mb} MB)",
                          fix="Read fewer columns or rows, or aggregate earlier")
    if isinstance(error, duckdb.InterruptException):
        return Cancelled("cancelled")
    if isinstance(error, (duckdb.IOException, OSError)):
        return TransientError(f"a file could not be read or written: {text}")
    broken = (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException, duckdb.ConstraintException)
    if isinstance(error, broken):
        return DataError(text, fix="Look at the rows it names, or use SAFE_CAST, SAFE_DIVIDE or a filter")
    if isinstance(error, duckdb.PermissionException):
        return SqlError(text, verdict="refused", code="not_allowed")
    made = isinstance(error, duckdb.BinderException) and re.search(r'"_\d|\b_item\d|\b_rows\d|\bbq_\w+ |struct_pack', text)
    if isinstance(error, duckdb.ParserException) or made:  # the statement was read once; this is about what was made of it
        return SqlError("this statement cannot be written for the local warehouse", verdict="refused", code="bigquery_only",
                        fix="Write it another way, or run it on BigQuery")
    if named := re.match(r"No function matches the given name and argument types '(?:bq_)?(\w+)\(", text):
        return SqlError(f"{named[1].upper()} does not take values of these types", fix="Cast them")
    return SqlError(text)
