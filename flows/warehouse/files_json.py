"""JSON files: an array, or one object a line; what is no object is rejected, counted and shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.errors import DataError, PenstockError
from flows.warehouse.base import Column
from flows.warehouse.bqtypes import columns_of, to_duck
from flows.warehouse.files import KEPT, FileRead, bind_file, cast_sql, declared, existing, fit_sql
from flows.warehouse.quoting import literal, name_sql
from flows.warehouse.session import Session
from flows.warehouse.tables import Tables

MAX_OBJECT = 64 * 1024 * 1024
MOMENTS = ("DATE", "TIMESTAMP", "DATETIME")  # what a JSON string may turn out to be; a number in quotes stays text


def read_json(session: Session, tables: Tables, path: str | Path, types: Mapping[str, str] | None = None) -> FileRead:
    """Every object is a row, its top-level fields are columns; types come from all values. Raises DataError for a broken array."""
    return JsonReader(session, tables, path).read(types)


class JsonReader:
    """One JSON file in one session."""

    def __init__(self, session: Session, tables: Tables, path: str | Path) -> None:
        self.session, self.tables, self.path = session, tables, existing(session, path)
        self.mode = _mode(self.path)
        objects = f"read_json_objects({literal(str(self.path))}, format = '{self.mode}', maximum_object_size = {MAX_OBJECT}, " \
                  f"ignore_errors = {str(self.mode == 'newline_delimited').lower()})"
        self.numbered = f"(SELECT json, row_number() OVER () AS n, coalesce(json_type(json) = 'OBJECT', false) AS fine FROM {objects})"
        self.objects = f"(SELECT json FROM {objects} WHERE json_type(json) = 'OBJECT')"

    def read(self, types: Mapping[str, str] | None) -> FileRead:
        total, bad, rejects, shape = self._shape()
        fixed = declared(types, list(shape))
        shape |= dict.fromkeys(fixed, "VARCHAR")
        flat = f"(SELECT json_transform(json, {literal(json.dumps(_full(shape)))}) AS s FROM {self.objects})"
        flat = f"(SELECT {', '.join(f's.{name_sql(name)} AS {name_sql(name)}' for name in shape)} FROM {flat})"
        columns = {c.name: c.type for c in columns_of(*self.session.describe(f"SELECT * FROM {flat}"))}
        texts = [name for name, kind in columns.items() if kind == "STRING" and name not in fixed]
        kinds = columns | self._moments(flat, texts) | fixed
        keep = [fit_sql(name, kind, strict=True) for name, kind in fixed.items() if kind != "STRING"]
        if keep:
            lost, shown = self._misfits(flat, fixed, keep)
            bad, rejects = bad + lost, [*rejects, *shown][:KEPT]
        parts = [cast_sql(name, kinds[name]) if columns[name] == "STRING" else f"CAST({name_sql(name)} AS {to_duck(kinds[name])}) AS "
                 f"{name_sql(name)}" for name in shape]
        sql = f"SELECT {', '.join(parts)} FROM {flat}{' WHERE ' + ' AND '.join(keep) if keep else ''}"
        out = tuple(Column(name, kinds[name]) for name in shape)
        return FileRead(bind_file(self.tables, sql, out), out, total - bad, bad, rejects)

    def _shape(self) -> tuple[int, int, list[dict[str, Any]], dict[str, Any]]:
        """(items, items that are no objects, the first of those, the fields of the others)."""
        try:
            total, bad = self.session.rows(f"SELECT count(*), count(*) FILTER (WHERE NOT fine) FROM {self.numbered}")[0]
            shape = self.session.rows(f"SELECT json_group_structure(json) FROM {self.objects}")[0][0]
            first = f"SELECT n, json IS NULL FROM {self.numbered} WHERE NOT fine ORDER BY n LIMIT {KEPT}"
            broken = self.session.rows(first) if bad else []
        except PenstockError as error:
            raise DataError(f"{self.path.name} cannot be read as JSON: {error.what}", where="source.path",
                            fix="It must be one array of objects, or one object a line") from None
        fields = json.loads(shape) if shape else {}
        if not isinstance(fields, dict) or not fields:
            raise DataError(f"{self.path.name} holds no object with fields", where="source.path",
                            fix="It must be one array of objects, or one object a line")
        lines = self._lines([n for n, _ in broken])
        return total, bad, [{"line": lines.get(n, n), "column": "", "reason": "not valid JSON" if null else "not an object"}
                            for n, null in broken], fields

    def _lines(self, numbers: list[int]) -> dict[int, int]:
        """The line of the n-th value of a file of one value a line; empty lines are not values."""
        found: dict[int, int] = {}
        if self.mode != "newline_delimited" or not numbers:
            return found
        wanted, n = set(numbers), 0
        with self.path.open("rb") as file:
            for line, text in enumerate(file, 1):
                n += bool(text.strip())
                if n in wanted:
                    found.setdefault(n, line)
                if n > numbers[-1]:
                    break
        return found

    def _moments(self, flat: str, texts: list[str]) -> dict[str, str]:
        """Text fields whose every value is a date or a time."""
        tries = [(name, kind) for name in texts for kind in MOMENTS]
        if not tries:
            return {}
        tests = [f"bool_and({fit_sql(name, kind, strict=False)}) AND count({name_sql(name)}) > 0" for name, kind in tries]
        answer = self.session.rows(f"SELECT {', '.join(tests)} FROM {flat}")[0]
        return {name: kind for (name, kind), yes in reversed(list(zip(tries, answer, strict=True))) if yes}

    def _misfits(self, flat: str, fixed: Mapping[str, str], keep: list[str]) -> tuple[int, list[dict[str, Any]]]:
        bad = f"NOT ({' AND '.join(keep)})"
        count = self.session.rows(f"SELECT count(*) FROM {flat} WHERE {bad}")[0][0]
        which = " ".join(f"WHEN NOT {fit_sql(name, kind, strict=True)} THEN {literal(name)}"
                         for name, kind in fixed.items() if kind != "STRING")
        numbered = f"(SELECT *, row_number() OVER () AS penstock_row FROM {flat})"
        rows = self.session.rows(f"SELECT penstock_row, CASE {which} END FROM {numbered} WHERE {bad} LIMIT {KEPT}") if count else []
        return count, [{"line": n, "column": column, "reason": f"not {fixed[column]}"} for n, column in rows]


def _full(shape: Any) -> Any:
    """The structure with types that keep every value; what is always null is text."""
    if isinstance(shape, dict):
        return {name: _full(kind) for name, kind in shape.items()} or "JSON"
    if isinstance(shape, list):
        return [_full(kind) for kind in shape]
    return "VARCHAR" if shape == "NULL" else shape


def _mode(path: Path) -> str:
    """array, newline_delimited, or unstructured for one object written over several lines."""
    with path.open("rb") as file:
        start = file.read(1024 * 1024).removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"["):
        return "array"
    first = start.partition(b"\n")[0].rstrip()
    return "unstructured" if first.startswith(b"{") and not first.endswith(b"}") and path.suffix.lower() == ".json" else "newline_delimited"
