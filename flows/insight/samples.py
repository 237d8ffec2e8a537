"""Samples of production tables, kept as Parquet files of one tenant: taken once, shown with their age, never sent anywhere."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.errors import InputError, PenstockError
from flows.settings import Settings
from flows.warehouse.base import Column, QueryLimits, TableSpec

if TYPE_CHECKING:
    import pyarrow as pa

    from flows.insight.catalog import Catalog
    from flows.warehouse.base import Warehouse

ROWS = 1000
KEYS = 500
"""So many different keys of a sample are looked up in the tables that it is joined with."""
BLOCK = 1024**3
"""Bytes of what BigQuery reads at least of a table; of larger ones it samples such blocks. LIMIT alone makes nothing cheaper.
Source: BigQuery, "Table sampling"."""
MAX_BYTES = 2 * BLOCK
"""What one statement of a sample may bill at most."""
Link = tuple[str, str, str, str]
"""table, column, other table, its column: how rows of two tables find each other."""


@dataclass(frozen=True)
class Sample:
    """Rows of a table by its dataset.table; `source` says in words where they are from."""

    table: str
    source: str
    rows: int
    taken_at: datetime
    columns: tuple[Column, ...]
    path: Path

    def words(self, now: datetime) -> str:
        """`sample of 1,000 rows taken 3 h ago`."""
        return f"sample of {self.rows:,} row{'' if self.rows == 1 else 's'} taken {ago((now - self.taken_at).total_seconds())}"


def ago(seconds: float) -> str:
    """`just now`, `12 min ago`, `3 h ago`, `5 days ago`."""
    minutes = int(max(0.0, seconds) // 60)
    if minutes < 1:
        return "just now"
    if minutes < 120:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // 1440} days ago"


def folder(settings: Settings) -> Path:
    """Where the samples of this tenant are; nobody else's are below it."""
    return settings.home / "samples" / settings.tenant_id


def find(settings: Settings, table: str) -> Sample | None:
    """The sample of a table, if there is a whole one."""
    note = _note(settings, table)
    try:
        about = json.loads(note.read_text("utf-8"))
        path = folder(settings) / Path(about["file"]).name
        columns = tuple(Column(name, type_) for name, type_ in about["columns"])
        found = Sample(about["table"], about["source"], int(about["rows"]), datetime.fromisoformat(about["taken_at"]), columns, path)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.table == table and path.is_file() else None


def keep(settings: Settings, table: str, rows: pa.Table, columns: Sequence[Column], source: str) -> Sample:
    """Put rows in the place of the sample that a table had; a reader sees the old or the new. Only this user can read the files."""
    import pyarrow.parquet as pq

    place, old = folder(settings), find(settings, table)
    for each in (place.parent, place):
        each.mkdir(parents=True, exist_ok=True, mode=0o700)
    note = _note(settings, table)
    file = note.with_name(f"{note.stem}-{uuid.uuid4().hex[:8]}.parquet")
    with _Private(file) as draft:
        pq.write_table(rows, draft)
    made = Sample(table, source, rows.num_rows, datetime.now(UTC), tuple(columns), file)
    with _Private(note) as draft:
        about = {"table": table, "source": source, "rows": made.rows, "taken_at": made.taken_at.isoformat(), "file": file.name,
                 "columns": [[c.name, c.type] for c in columns]}
        draft.write_text(json.dumps(about), encoding="utf-8")
    if old is not None:
        old.path.unlink(missing_ok=True)
    return made


class _Private:
    """A file that has its name only when it is whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.draft = path.with_name(f".new-{uuid.uuid4().hex}")

    def __enter__(self) -> Path:
        os.close(os.open(self.draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return self.draft

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            os.replace(self.draft, self.path)
        self.draft.unlink(missing_ok=True)


def take(tables: Sequence[str], warehouse: Warehouse, settings: Settings, *, source: str, links: Sequence[Link] = (),
         rows: int = ROWS, max_bytes: int = MAX_BYTES) -> dict[str, Sample | str]:
    """Sample tables (dataset.table) of a warehouse session and keep the samples; what could not be read gives its reason instead.

    The tables that others are looked up from come first, and of those others the rows that match: else joins would find nothing.
    """
    made: dict[str, Sample | str] = {}
    seen: dict[str, pa.Table] = {}
    for table in driving_first(tables, links):
        try:
            spec = warehouse.describe(table)
            seen[table] = _rows(spec, warehouse, _keys(table, links, seen), rows, max_bytes)
            made[table] = keep(settings, table, seen[table], spec.columns, source)
        except PenstockError as error:
            made[table] = str(error)
    return made


def driving_first(tables: Sequence[str], links: Sequence[Link]) -> list[str]:
    """A table that refers to others stands before them: it drives the join. Circles are left as they are."""
    left, order = list(dict.fromkeys(tables)), []  # type: list[str], list[str]
    while left:
        referred = {to for table, _, to, _ in links if table in left and table != to}
        first = next((table for table in left if table not in referred), left[0])
        left.remove(first)
        order.append(first)
    return order


def links_of(catalog: Catalog, places: Mapping[str, str]) -> list[Link]:
    """The foreign keys between tables, by their places (catalogued name -> dataset.table)."""
    return [(places[key.table], key.column, places[key.references.table], key.references.column) for key in catalog.foreign_keys
            if key.table in places and key.references.table in places]


def _keys(table: str, links: Sequence[Link], seen: Mapping[str, pa.Table]) -> dict[str, list[Any]]:
    """Column -> the values that samples already taken have for it."""
    found: dict[str, list[Any]] = {}
    both = [*links, *((to, column, table_, own) for table_, own, to, column in links)]
    for other, theirs, to, own in both:
        if to == table and other in seen and theirs in seen[other].column_names:
            values = [value for value in seen[other].column(theirs).unique().to_pylist() if value is not None]
            found.setdefault(own, []).extend(values)
    return {column: list(dict.fromkeys(values))[:KEYS] for column, values in found.items() if values}


def _rows(spec: TableSpec, warehouse: Warehouse, keys: Mapping[str, list[Any]], rows: int, max_bytes: int) -> pa.Table:
    """Matching rows where there are keys and the look-up is not too dear, else any rows. Raises what the warehouse raises."""
    if keys and (spec.bytes or 0) <= max_bytes:
        sql, params = matching(spec, keys, rows)
        found = warehouse.query(sql, params, limits=_limits(rows, max_bytes))
        if found.num_rows:
            return found
    found = warehouse.query(some(spec, rows, warehouse.dialect), limits=_limits(rows, max_bytes))
    if found.num_rows or not spec.rows:
        return found
    return warehouse.query(some(spec, rows, warehouse.dialect, blocks=2), limits=_limits(rows, max_bytes))  # no block was met


def _limits(rows: int, max_bytes: int) -> QueryLimits:
    return QueryLimits(rows=rows, bytes_billed=max_bytes, read_only=True)


def matching(spec: TableSpec, keys: Mapping[str, list[Any]], rows: int) -> tuple[str, dict[str, Any]]:
    """The rows with one of these keys, as BigQuery SQL with its parameters."""
    conditions = [f"{_quoted(column)} IN UNNEST(@keys{n})" for n, column in enumerate(keys)]
    params = {f"keys{n}": values for n, values in enumerate(keys.values())}
    return f"SELECT * FROM {_table(spec.name)} WHERE {' OR '.join(conditions)} LIMIT {int(rows)}", params


def some(spec: TableSpec, rows: int, dialect: str, blocks: int = 1) -> str:
    """Any rows of a table, as BigQuery SQL; of a large table BigQuery reads about so many of its blocks."""
    share = ""
    if dialect == "bigquery" and (spec.bytes or 0) > BLOCK:
        share = f" TABLESAMPLE SYSTEM ({max(100 * blocks * BLOCK / (spec.bytes or 1), 0.001):.3g} PERCENT)"
    return f"SELECT * FROM {_table(spec.name)}{share} LIMIT {int(rows)}"


def _table(name: str) -> str:
    return ".".join(_quoted(part) for part in name.split("."))


def _quoted(name: str) -> str:
    if any(c in name for c in "`\\\n"):
        raise InputError(f"{name!r} is no name that can be asked for")
    return f"`{name}`"


def _note(settings: Settings, table: str) -> Path:
    """The file beside the rows that says what they are. Two tables never share one."""
    plain = "".join(c if c.isalnum() or c in "-_." else "_" for c in table)[:80]
    return folder(settings) / f"{plain}-{hashlib.sha256(table.encode()).hexdigest()[:8]}.json"
