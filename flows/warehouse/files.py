"""Files as relations: every row of a file comes out or is counted as rejected, with its line, column and reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.errors import DataError, InputError, MissingError, SqlError, TransientError
from flows.spec.suggest import did_you_mean
from flows.warehouse.base import Column
from flows.warehouse.bqtypes import from_duck, normal, to_duck
from flows.warehouse.quoting import literal, name_sql
from flows.warehouse.session import Session
from flows.warehouse.tables import Found, Tables, no_glob, parquet

if TYPE_CHECKING:
    from sqlglot import exp

KEPT = 10_000  # rejected rows that are told one by one, the rest is only counted
FORMATS = {"csv": ("csv", "tsv", "txt"), "parquet": ("parquet", "pq"), "json": ("json", "ndjson", "jsonl")}


@dataclass(frozen=True)
class FileRead:
    """A file that was opened: bound in the session as `name`, read again each time somebody asks for its rows.

    `rows` is None where nobody had to count. `rejects` shows the first rejected rows: {line, column, reason} and of a CSV file
    the line's `text`; lines count from 1.
    """

    name: str
    columns: tuple[Column, ...]
    rows: int | None = None
    rejected: int = 0
    rejects: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def tree(self) -> exp.Select:
        """SELECT * of it, to be handed to `stage` or to be extended."""
        from sqlglot import exp

        return exp.select("*").from_(exp.Table(this=exp.to_identifier(self.name, quoted=True)))


def format_of(path: str) -> str:
    """csv, parquet or json, by the end of the name. Raises InputError for anything else."""
    name = Path(path).name.lower().removesuffix(".gz")
    for kind, ends in FORMATS.items():
        if name.rpartition(".")[2] in ends:
            return kind
    raise InputError(f"it is not clear what kind of file {Path(path).name} is", where="source.format",
                     fix=f"Say the format: {', '.join(FORMATS)}")


def existing(session: Session, path: str | Path) -> Path:
    """The file, absolute, below a folder that this session may read. Raises MissingError or InputError."""
    place = Path(path).absolute()
    if not any(place.resolve().is_relative_to(folder) for folder in session.folders):
        raise InputError(f"{place.name} is not in an allowed folder", where="source.path", fix="Move it there, or allow its folder")
    if not place.exists():
        raise MissingError(f"there is no file {place.name}", where="source.path", fix=f"Look in {place.parent}")
    if not place.is_file():
        raise InputError(f"{place.name} is a folder", where="source.path", fix="Name one file")
    return place


def bind_file(tables: Tables, sql: str, columns: tuple[Column, ...], rows: int | None = None) -> str:
    """A view over a file, bound under a name that no step can have."""
    name = tables.fresh("file:")
    physical = tables.fresh("file")
    tables.view(physical, sql)
    tables.bind(name, Found(physical, columns, rows=rows))
    return name


def read_parquet(session: Session, tables: Tables, path: str | Path, *, count: bool = False) -> FileRead:
    """A view over the file: nothing is read that nobody asks for. `count` lets the session know how many rows it has, from the file's
    own footer. Raises DataError when it is no Parquet file."""
    place = existing(session, path)
    source = parquet([str(place)])
    try:
        names, kinds = session.describe(f"SELECT * FROM {source}")
    except (DataError, TransientError, SqlError) as error:
        raise DataError(f"{place.name} cannot be read as Parquet: {error.what}", where="source.path") from None
    columns = tuple(Column(name, from_duck(kind)[0]) for name, kind in zip(names, kinds, strict=True))
    parts = [name_sql(name) if str(kind).startswith("DECIMAL") or str(kind) == from_duck(kind)[1]
             else f"CAST({_entries(name_sql(name), kind)} AS {from_duck(kind)[1]}) AS {name_sql(name)}"
             for name, kind in zip(names, kinds, strict=True)]
    rows = None
    if count:
        rows = session.rows(f"SELECT sum(num_rows)::BIGINT FROM parquet_file_metadata([{literal(no_glob(str(place)))}])")[0][0]
    return FileRead(bind_file(tables, f"SELECT {', '.join(parts)} FROM {source}", columns, rows), columns)


def _entries(value: str, kind: Any, deep: int = 0) -> str:
    """The value with every MAP in it as a list of its entries: DuckDB has no cast from one to the other."""
    name = kind.id
    if "MAP(" not in str(kind):
        return value
    if name == "map":
        (_, key), (_, held) = kind.children
        entries, one = f"map_entries({value})", f"e{deep}"
        inner = f"struct_pack(key := {_entries(f'{one}.key', key, deep + 1)}, value := {_entries(f'{one}.value', held, deep + 1)})"
        return f"list_transform({entries}, lambda {one}: {inner})"
    if name in ("list", "array"):
        one = f"e{deep}"
        return f"list_transform({value}, lambda {one}: {_entries(one, kind.children[0][1], deep + 1)})"
    if name != "struct":
        return value
    fields = ", ".join(f"{name_sql(f)} := {_entries(f'({value}).{name_sql(f)}', child, deep)}" for f, child in kind.children)
    return f"CASE WHEN {value} IS NOT NULL THEN struct_pack({fields}) END"


def declared(types: Mapping[str, str] | None, names: list[str]) -> dict[str, str]:
    """Declared types by column as the file spells it. Raises InputError for a column that the file does not have."""
    found: dict[str, str] = {}
    by_lower = {name.lower(): name for name in names}
    for name, kind in (types or {}).items():
        if name.lower() not in by_lower:
            raise InputError(f"the file has no column {name!r}", where="source.types",
                             fix=did_you_mean(name, names) or f"Its columns are: {', '.join(names[:20])}")
        found[by_lower[name.lower()]] = normal(kind)
    return found


# What a text must look like to be a value of a type; `x` is the trimmed text. Strict on purpose: 007 stays text, 1.5 is no INT64.
_FLOAT = r"[-+]?(0|[1-9][0-9]{0,14})?(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?"
_NUMBER = r"[-+]?[0-9]{1,29}(\.[0-9]{1,9}0*)?"
_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_ZONE = r"( ?UTC|Z|[-+][0-9]{2}(:?[0-9]{2})?)"
FITS = {
    "INT64": "CAST(TRY_CAST({x} AS BIGINT) AS VARCHAR) = {x}",
    "FLOAT64": f"(regexp_full_match({{x}}, '{_FLOAT}') AND TRY_CAST({{x}} AS DOUBLE) IS NOT NULL)",
    "BOOL": "lower({x}) IN ('true', 'false')",
    "DATE": "CAST(TRY_CAST({x} AS DATE) AS VARCHAR) = {x}",
    "TIMESTAMP": f"(regexp_full_match({{x}}, '{_MOMENT}{_ZONE}') AND TRY_CAST({{x}} AS TIMESTAMPTZ) IS NOT NULL)",
    "DATETIME": f"(regexp_full_match({{x}}, '{_MOMENT}') AND TRY_CAST({{x}} AS TIMESTAMP) IS NOT NULL)",
}
INFERRED = tuple(FITS)
"""Types that are found by themselves, the first that fits every value wins; everything else is STRING."""
DECLARED = {
    **FITS,
    "FLOAT64": "TRY_CAST({x} AS DOUBLE) IS NOT NULL",
    "NUMERIC": f"(regexp_full_match({{x}}, '{_NUMBER}') AND TRY_CAST({{x}} AS DECIMAL(38,9)) IS NOT NULL)",
    "BIGNUMERIC": "TRY_CAST({x} AS DECIMAL(38,18)) IS NOT NULL",
    "TIMESTAMP": f"(regexp_full_match({{x}}, '{_MOMENT}{_ZONE}?') AND TRY_CAST({{x}} AS TIMESTAMPTZ) IS NOT NULL)",
    "TIME": "TRY_CAST({x} AS TIME) IS NOT NULL",
    "JSON": "json_valid({x})",
    "STRING": "true",
}


def fit_sql(name: str, kind: str, *, strict: bool) -> str:
    """The condition that a text column's value is NULL or fits the type."""
    column = name_sql(name)
    rules = DECLARED if strict else FITS
    if kind not in rules:
        raise InputError(f"column {name!r} cannot be read as {kind} from text", where="source.types",
                         fix=f"Use one of {', '.join(DECLARED)}")
    return f"({column} IS NULL OR coalesce({rules[kind].replace('{x}', f'trim({column})')}, false))"


def cast_sql(name: str, kind: str) -> str:
    """A text column as its type."""
    column = name_sql(name)
    return column if kind == "STRING" else f"CAST(trim({column}) AS {to_duck(kind)}) AS {column}"


def infer(session: Session, source: str, sample: str, names: list[str]) -> tuple[int, dict[str, str]]:
    """(rows, type of every text column) from all values; a sample first, so that few types are tried on all of them."""
    tries = {name: list(INFERRED) for name in names}
    _, tries, _ = _fitting(session, f"({sample})", tries)
    rows, tries, filled = _fitting(session, source, tries)
    return rows, {name: kinds[0] if kinds and filled[name] else "STRING" for name, kinds in tries.items()}


def _fitting(session: Session, source: str, tries: dict[str, list[str]]) -> tuple[int, dict[str, list[str]], dict[str, int]]:
    """(rows, the types that fit every value, number of values), by column."""
    tests = [(name, kind, f"coalesce(bool_and({fit_sql(name, kind, strict=False)}), true)")
             for name, kinds in tries.items() for kind in kinds]
    counts = [f"count({name_sql(name)})" for name in tries]
    answer = session.rows(f"SELECT {', '.join(['count(*)', *counts, *(sql for _, _, sql in tests)])} FROM {source}")[0]
    fits = {name: [] for name in tries}  # type: dict[str, list[str]]
    for (name, kind, _), yes in zip(tests, answer[1 + len(tries):], strict=True):
        if yes:
            fits[name].append(kind)
    return answer[0], fits, dict(zip(tries, answer[1:1 + len(tries)], strict=True))
