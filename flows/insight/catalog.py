"""What data there is: tables, columns, synonyms, known values, keys, connections and pipelines, as one immutable snapshot."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from flows.errors import InputError, Problem, SpecError
from flows.settings import Settings
from flows.spec.loader import Lines, dump_plain, placed, plain, read_text
from flows.spec.problems import clip, typed
from flows.spec.suggest import did_you_mean, suggest

CATALOG_BYTES = 8 * 1024 * 1024  # some ten thousand tables
SHIPPED = Path(__file__).resolve().parents[2] / "configs" / "system" / "catalog.yml"
TYPES = ("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "BOOL", "STRING", "BYTES", "DATE", "TIME", "DATETIME", "TIMESTAMP", "JSON")
NESTED = re.compile(r"^(ARRAY|STRUCT)<.+>\Z")
TABLE_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_-]*){0,2}\Z")


class Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Connection(Frozen):
    """A system by name. Its address and secret are never here: see `flows.insight.connections`."""

    kind: str
    synonyms: tuple[str, ...] = ()
    writable: bool = False
    supported: bool = True


class CatalogColumn(Frozen):
    """`type` is a BigQuery type."""

    type: str
    synonyms: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    description: str = ""


class Table(Frozen):
    """`location` is the lake table (dataset.table) that holds the rows when the connection has no address, for sample data.
    `path` is a file that holds them, inside the allowed folders."""

    connection: str = ""
    primary_key: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()
    columns: dict[str, CatalogColumn] = Field(default_factory=dict)
    description: str = ""
    location: str = ""
    path: str = ""


class Reference(Frozen):
    table: str
    column: str


class ForeignKey(Frozen):
    table: str
    column: str
    references: Reference


class Catalog(Frozen):
    """The snapshot that a planner, a check and a preview are judged against."""

    connections: dict[str, Connection] = Field(default_factory=dict)
    tables: dict[str, Table] = Field(default_factory=dict)
    foreign_keys: tuple[ForeignKey, ...] = ()
    pipelines: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """A hash of the content; equal content, equal version."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Catalog:
        return cls.model_validate(data)


def load_catalog(path: str | Path) -> Catalog:
    """The catalogue of a file. Raises MissingError, InputError or SpecError with every problem, its line and the way out."""
    return _load(*_stamp(path))


def default_catalog(settings: Settings) -> Catalog:
    """The shipped catalogue with the tenant's own tables and connections on top. Raises like `load_catalog`."""
    own = tenant_file(settings)
    if not own.exists():
        return load_catalog(SHIPPED) if SHIPPED.exists() else Catalog()
    return _load_both(_stamp(SHIPPED), _stamp(own)) if SHIPPED.exists() else load_catalog(own)


def tenant_file(settings: Settings) -> Path:
    """Where a tenant's own part of the catalogue is kept."""
    return settings.home / "catalog" / f"{settings.tenant_id}.yml"


def add_table(settings: Settings, name: str, table: Table, *, connection: Connection | None = None) -> Catalog:
    """Keep a table in the tenant's own catalogue, in place of one of the same name, and return the whole catalogue.

    `connection` describes the connection that `table.connection` names, when it is new. The file is replaced as a whole, so that a
    reader never sees half of it. Raises InputError or SpecError for a name, a type or a reference that does not hold.
    """
    if not TABLE_NAME.match(name):
        raise InputError(f"{clip(name)!r} is no name for a table", where="catalog add", fix="Use letters, digits and '_'")
    file = tenant_file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    with _locked(file):
        own = _read(str(file))[0] if file.exists() else Catalog()
        connections = {**own.connections, **({table.connection: connection} if connection and table.connection else {})}
        own = own.model_copy(update={"tables": {**own.tables, name: table}, "connections": connections})
        merged = _merged(default_catalog(settings), own)
        if problems := list(_loose(merged, only=name)):
            raise SpecError(problems, where="catalog add")
        _replace(file, own)
    return merged


def _replace(file: Path, catalog: Catalog) -> None:
    text = dump_plain(catalog.model_dump(mode="json", exclude_defaults=True))
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """One writer at a time on this machine; where the system has no such lock, the last writer wins as a whole."""
    with file.with_suffix(".lock").open("w") as lock:
        with suppress(ImportError):
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _stamp(path: str | Path) -> tuple[str, int, int]:
    """The file and its state: a catalogue is immutable, so the same file is read once."""
    try:
        info = Path(path).stat()
    except (OSError, ValueError):
        return str(path), 0, 0
    return str(path), info.st_mtime_ns, info.st_size


@lru_cache(maxsize=32)
def _load(path: str, stamp: int, size: int) -> Catalog:
    catalog, lines = _read(path)
    _judge(catalog, lines, path)
    return catalog


@lru_cache(maxsize=32)
def _load_both(shipped: tuple[str, int, int], own: tuple[str, int, int]) -> Catalog:
    """A tenant's file may use connections and tables of the shipped one: only the whole is judged."""
    top, lines = _read(own[0])
    whole = _merged(_load(*shipped), top)
    _judge(whole, lines, own[0])
    return whole


def _read(path: str) -> tuple[Catalog, Lines]:
    data, lines = plain(read_text(path, size=CATALOG_BYTES), where=path, size=CATALOG_BYTES)
    try:
        return typed(Catalog, data), lines
    except SpecError as error:
        raise SpecError([placed(p, lines) for p in error.problems], where=path) from None


def _judge(catalog: Catalog, lines: Lines, path: str) -> None:
    problems = [placed(p, lines) for p in _loose(catalog)]
    if problems:
        raise SpecError(problems, where=path)


def _merged(base: Catalog, top: Catalog) -> Catalog:
    """`top` wins by name; a key of `base` goes when `top` has put a table without its column in place of the old one."""
    tables = {**base.tables, **top.tables}
    ends = {k: ((k.table, k.column), (k.references.table, k.references.column)) for k in base.foreign_keys}
    kept = [k for k in base.foreign_keys if all(table in tables and column in tables[table].columns for table, column in ends[k])]
    keys = {(k.table, k.column): k for k in (*kept, *top.foreign_keys)}
    return Catalog(connections={**base.connections, **top.connections}, tables=tables,
                   foreign_keys=tuple(keys.values()), pipelines=tuple(dict.fromkeys((*base.pipelines, *top.pipelines))))


def _loose(catalog: Catalog, only: str = "") -> Iterator[Problem]:
    """Names in the catalogue that lead nowhere."""
    for name, table in catalog.tables.items():
        if only and name != only:
            continue
        yield from _loose_table(catalog, name, table)
    for n, key in enumerate(catalog.foreign_keys):
        for place, table_name, column in ((f"foreign_keys.{n}", key.table, key.column),
                                          (f"foreign_keys.{n}.references", key.references.table, key.references.column)):
            if only and table_name != only:
                continue
            found = catalog.tables.get(table_name)
            if found is not None:
                yield from _known(f"{place}.column", "column", column, found.columns)
            elif only == "":
                yield from _known(f"{place}.table", "table", table_name, catalog.tables)


def _loose_table(catalog: Catalog, name: str, table: Table) -> Iterator[Problem]:
    if not TABLE_NAME.match(name):
        yield Problem(f"tables.{clip(name)}", "invalid_name", f"{clip(name)!r} is no name for a table", "Use letters, digits and '_'")
    if table.connection and catalog.connections:
        yield from _known(f"tables.{name}.connection", "connection", table.connection, catalog.connections)
    for n, column in enumerate(table.primary_key):
        yield from _known(f"tables.{name}.primary_key.{n}", "column", column, table.columns)
    for column, about in table.columns.items():
        if about.type not in TYPES and not NESTED.match(about.type):
            yield from _known(f"tables.{name}.columns.{column}.type", "type", about.type, TYPES)


def _known(path: str, what: str, word: str, known: Any) -> Iterator[Problem]:
    if word not in known:
        listed = f"Known: {', '.join(list(known)[:12])}" if known else ""
        yield Problem(path, f"unknown_{what}", f"there is no {what} {clip(word)!r}", did_you_mean(word, known) or listed,
                      tuple(suggest(word, known)))
