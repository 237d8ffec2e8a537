"""CSV as it is found: ragged rows, broken quotes, wrong bytes and values of the wrong type are rejected, counted and shown."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from flows.errors import DataError, InputError
from flows.warehouse.base import Column
from flows.warehouse.files import KEPT, FileRead, bind_file, cast_sql, declared, existing, fit_sql, infer
from flows.warehouse.quoting import literal, name_sql
from flows.warehouse.session import Session
from flows.warehouse.tables import Tables

DELIMITERS = ",;\t|"
ENCODINGS = {"utf-8": "utf-8", "utf8": "utf-8", "latin-1": "latin-1", "latin1": "latin-1", "iso-8859-1": "latin-1", "utf-16": "utf-16",
             "utf16": "utf-16"}
SAMPLE = 2000
CUT = 10_000  # DuckDB keeps so many characters of a rejected line
TEXT = 200  # characters of a rejected line that are shown
HEAD = 1024 * 1024
SPARE = "rejects_again"  # where a read that is not the first puts what the first one has counted
WAY_OUT = "If the file is not UTF-8, say so: encoding: latin-1"


@dataclass(frozen=True)
class Shape:
    """How a CSV file is written. `delimiter` '' is found from the first line; `skip` lines stand before the header."""

    delimiter: str = ""
    encoding: str = ""
    header: bool = True
    quote: str = '"'
    escape: str = '"'
    skip: int = 0
    null: tuple[str, ...] = ("",)
    names: tuple[str, ...] = ()


class CsvReader:
    """One CSV file in one session."""

    def __init__(self, session: Session, tables: Tables, path: str | Path, shape: Shape) -> None:
        self.session, self.tables, self.path = session, tables, existing(session, path)
        self.notes: list[str] = []
        self.encoding = self._encoding(shape.encoding)
        first = self._first_line(shape)
        self.delimiter = shape.delimiter or max(DELIMITERS, key=lambda d: (len(_fields(first, d, shape)), -DELIMITERS.index(d)))
        self.shape = shape
        self.names = self._names(_fields(first, self.delimiter, shape))
        self.strict = True

    def read(self, types: Mapping[str, str] | None) -> FileRead:
        """Count, infer, reject; afterwards the file is a view that reads it again for each use."""
        fixed = declared(types, self.names)
        free = [name for name in self.names if name not in fixed]
        rows, kinds, rejected, rejects = self._scan(free)
        kinds |= fixed
        columns = tuple(Column(name, kinds[name]) for name in self.names)
        keep = [fit_sql(name, kind, strict=True) for name, kind in fixed.items() if kind != "STRING"]
        if keep:
            bad, shown = self._misfits(fixed, rejects)
            rows, rejected, rejects = rows - bad, rejected + bad, sorted([*rejects, *shown], key=lambda r: r["line"])[:KEPT]
        where = f" WHERE {' AND '.join(keep)}" if keep else ""
        sql = f"SELECT {', '.join(cast_sql(name, kinds[name]) for name in self.names)} FROM {self._source()}{where}"
        return FileRead(bind_file(self.tables, sql, columns), columns, rows, rejected, rejects, self.notes)

    # ---------------------------------------------------------------- before reading
    def _open(self) -> IO[bytes]:
        return gzip.open(self.path, "rb") if self.path.suffix == ".gz" else self.path.open("rb")  # type: ignore[return-value]

    def _encoding(self, said: str) -> str:
        name = said.strip().lower().replace("_", "-")
        if name and name not in ENCODINGS:
            raise InputError(f"encoding {said!r} cannot be read here", where="source.encoding",
                             fix="Use utf-8, latin-1 or utf-16, or convert the file: iconv -f ... -t utf-8")
        with self._open() as file:
            start = file.read(2)
        if not name and start in (b"\xff\xfe", b"\xfe\xff"):
            self.notes.append("the file says that it is UTF-16, and was read so")
            return "utf-16"
        return ENCODINGS[name or "utf-8"]

    def _first_line(self, shape: Shape) -> str:
        with self._open() as file:
            text = file.read(HEAD).decode(self.encoding, errors="replace").removeprefix("\ufeff")
        for _ in range(shape.skip):
            text = text.partition("\n")[2]
        return text

    def _names(self, fields: list[str]) -> list[str]:
        if not fields:
            raise DataError(f"{self.path.name} is empty", where="source.path", fix="A CSV file needs at least a header line")
        if self.shape.names:
            fields = list(self.shape.names)
        elif not self.shape.header:
            fields = [f"column_{n + 1}" for n in range(len(fields))]
        names: list[str] = []
        for n, name in enumerate(fields):
            plain = name.strip() or f"column_{n + 1}"
            if "\ufffd" in plain:
                raise DataError(f"the header of {self.path.name} is not {self.encoding}", where="source.path", fix=WAY_OUT)
            unique, count = plain, 2
            while unique.lower() in {known.lower() for known in names}:
                unique, count = f"{plain}_{count}", count + 1
            if unique != name:
                self.notes.append(f"column {n + 1} of the header, {name!r}, is called {unique!r}")
            names.append(unique)
        return names

    # ---------------------------------------------------------------- reading
    def _source(self, rejects: str = "") -> str:
        """The file as text columns; with `rejects`, what does not fit is kept in a table of that name.

        Rejects are stored in any case: with `ignore_errors` DuckDB 2.0 drops every row after one with a broken quote.
        """
        shape = self.shape
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in self.names)
        options = {"auto_detect": "false", "header": str(shape.header).lower(), "delim": literal(self.delimiter),
                   "quote": literal(shape.quote), "escape": literal(shape.escape), "skip": str(int(shape.skip)),
                   "encoding": literal(self.encoding), "columns": f"{{{columns}}}", "strict_mode": str(self.strict).lower(),
                   "nullstr": f"[{', '.join(map(literal, shape.null))}]",
                   "compression": literal("gzip" if self.path.suffix == ".gz" else "none")}
        kept = rejects or SPARE
        options |= {"store_rejects": "true", "rejects_table": literal(kept), "rejects_scan": literal(f"{kept}_scan"),
                    "rejects_limit": "0" if rejects else "1"}
        return f"read_csv({literal(str(self.path))}, {', '.join(f'{k} = {v}' for k, v in options.items())})"

    def _scan(self, free: list[str]) -> tuple[int, dict[str, str], int, list[dict[str, Any]]]:
        try:
            return self._scan_once(free)
        except DataError as error:
            if not self.strict or "strict_mode" not in error.what:
                raise
        self.strict = False  # line ends of both kinds in one file
        self.notes.append("the file mixes line ends; it was read leniently")
        return self._scan_once(free)

    def _scan_once(self, free: list[str]) -> tuple[int, dict[str, str], int, list[dict[str, Any]]]:
        table = self.tables.fresh("rejects")
        sample = f"SELECT * FROM {self._source()} LIMIT {SAMPLE}"
        rows, kinds = infer(self.session, self._source(table), sample, free)
        found = self.session.rows(f"SELECT line, line_byte_position, column_name, error_type, error_message, csv_line "
                                  f"FROM {name_sql(table)} ORDER BY line, column_idx")
        if any(row[3] == "LINE SIZE OVER MAXIMUM" for row in found):
            line = next(row[0] for row in found if row[3] == "LINE SIZE OVER MAXIMUM")
            raise DataError(f"{self.path.name} has a row of more than 2 MB", where=f"line {line}",
                            fix="Look for a quote that is never closed, or name another quote character")
        rejected, shown = self._rejected(found)
        return rows, kinds, rejected, shown

    def _rejected(self, found: list[tuple[Any, ...]]) -> tuple[int, list[dict[str, Any]]]:
        """(how many rows, the first of them). A quote that is never closed swallows lines: each of them counts."""
        first: dict[int, tuple[Any, ...]] = {}
        for row in found:
            first.setdefault(row[0], row)
        wanted = {row[1] for row in list(first.values())[:KEPT] if row[1] is not None}
        lines = self._lines(wanted)
        rejected, shown = 0, []
        for number, (line, at, column, kind, message, text) in enumerate(first.values()):
            covers = self._covers(kind, text or "", at)
            rejected += covers
            if number < KEPT:
                shown.append({"line": lines.get(at, line), "column": column or "", "reason": _reason(kind, message, covers),
                              "text": (text or "").strip("\r\n")[:TEXT]})
        return rejected, shown

    def _covers(self, kind: str, text: str, at: int | None) -> int:
        if kind != "UNQUOTED VALUE":
            return 1
        if len(text) >= CUT and at is not None and self.encoding != "utf-16":
            with self._open() as file:
                file.seek(at)
                return max(1, sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(HEAD), b"")))
        return max(1, text.strip("\r\n").count("\n") + 1)

    def _lines(self, positions: Iterable[int]) -> dict[int, int]:
        """The line in the file of each byte position; DuckDB itself counts records."""
        wanted = sorted(positions)
        if not wanted or self.encoding == "utf-16":
            return {}
        found, line, seen = {}, 1, 0
        with self._open() as file:
            for position in wanted:
                while seen < position and (chunk := file.read(min(HEAD, position - seen))):
                    line, seen = line + chunk.count(b"\n"), seen + len(chunk)
                found[position] = line
        return found

    def _misfits(self, fixed: Mapping[str, str], before: list[dict[str, Any]]) -> tuple[int, list[dict[str, Any]]]:
        """Rows with a value that is not of its declared type: (how many, the first of them)."""
        tests = {name: f"NOT {fit_sql(name, kind, strict=True)}" for name, kind in fixed.items() if kind != "STRING"}
        which = " ".join(f"WHEN {test} THEN {literal(name)}" for name, test in tests.items())
        value = " ".join(f"WHEN {test} THEN {name_sql(name)}" for name, test in tests.items())
        any_of = " OR ".join(tests.values())
        numbered = f"(SELECT *, row_number() OVER () AS penstock_row FROM {self._source()})"
        bad = self.session.rows(f"SELECT count(*) FROM {self._source()} WHERE {any_of}")[0][0]
        rows = self.session.rows(f"SELECT penstock_row, CASE {which} END, CASE {value} END FROM {numbered} WHERE {any_of} LIMIT {KEPT}")
        skipped = sorted(reject["line"] for reject in before)
        shown = []
        for row, column, text in rows:
            line = row + self.shape.skip + self.shape.header
            for other in skipped:
                line += other <= line
            shown.append({"line": line, "column": column, "reason": f"{str(text)[:80]!r} is not {fixed[column]}"})
        return bad, shown


def _fields(text: str, delimiter: str, shape: Shape) -> list[str]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=shape.quote or None)
    try:
        return next((row for row in reader if row), [])
    except csv.Error:
        return text.partition("\n")[0].rstrip("\r").split(delimiter)


def _reason(kind: str, message: str, covers: int) -> str:
    words = {"MISSING COLUMNS": "too few columns", "TOO MANY COLUMNS": "too many columns",
             "UNQUOTED VALUE": "a quote that is not closed where it should be"}
    if kind == "INVALID ENCODING":
        return f"bytes that are not UTF-8. {WAY_OUT}"
    told = words.get(kind, kind.lower())
    detail = message.replace("Expected Number of Columns:", "expected").replace("Found:", "found") if "COLUMNS" in kind else ""
    return f"{told} ({detail})" if detail else f"{told}; it takes {covers} lines with it" if covers > 1 else told
