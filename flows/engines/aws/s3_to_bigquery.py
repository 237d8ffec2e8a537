"""Load files of a bucket into a table: CSV, JSON or Parquet, plain or gzip, found by a path with wildcards or the run date in it.

With mode append only files that are new are loaded: every row carries its file (x_source_file) and what the file was then
(x_source_mark: size and time), so rows and the account of what was loaded are one write. A file that has changed is loaded again, and
its rows take the place of its earlier ones in the same write. The other modes read all files that the path names.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from pydantic import Field, model_validator

from flows.engines.base import Block, Context, EngineConfig, Scope, StepResult
from flows.engines.bucket import Bucket, Found
from flows.engines.landing import Landing
from flows.errors import DataError, LimitError, MissingError
from flows.warehouse.base import LINEAGE, SLICE_KEY, Column, Relation

if TYPE_CHECKING:
    from sqlglot import exp

OPTIONS = ("encoding", "delimiter", "quote", "header", "skip", "null", "types")
MARKS = (Column("x_source_file", "STRING"), Column("x_source_mark", "STRING"))
FILES = 1000  # of one run
GROUP = 50  # relations that one statement joins
HEAD = 1024 * 1024  # bytes that a preview reads of a text file
SHOWN, KEPT = 20, 10_000  # rejected rows that stand in the result, and that are set aside one by one
_WIDER = {frozenset(("INT64", "FLOAT64")): "FLOAT64", frozenset(("INT64", "NUMERIC")): "NUMERIC",
          frozenset(("DATE", "DATETIME")): "DATETIME"}


class Source(Block):
    """Which files of which bucket."""

    connection: str = Field("s3", min_length=1, description="a declared connection, s3://KEY:SECRET@BUCKET?region=...&endpoint=...")
    path: str = Field(min_length=1, description="inside the bucket: exports/{run_date}/*.csv.gz; * stays in a folder, ** does not, a / at "
                                                "the end means every file there")
    only_new: bool | None = Field(None, description="only files that were not loaded yet; with mode append true unless said")
    format: Literal["csv", "json", "parquet"] | None = Field(None, description="when the names do not tell")
    encoding: Literal["utf-8", "latin-1", "utf-16"] | None = Field(None, description="csv: utf-8 unless said")
    delimiter: str | None = Field(None, min_length=1, max_length=1, description="csv: found in the first line unless said")
    quote: str | None = Field(None, min_length=1, max_length=1, description='csv: " unless said')
    header: bool | None = Field(None, description="csv: is the first line the names? true unless said")
    skip: int | None = Field(None, ge=0, le=100_000, description="csv: lines before the header")
    null: list[str] | None = Field(None, min_length=1, max_length=20, description="csv: texts that mean no value; '' unless said")
    types: dict[str, str] | None = Field(None, min_length=1, description="BigQuery types by column; found in the values unless said")

    def options(self) -> dict[str, Any]:
        """How the files are written, as far as it is said."""
        said = {name: getattr(self, name) for name in OPTIONS if getattr(self, name) is not None}
        return said | ({"null": tuple(self.null)} if self.null else {})


class Config(EngineConfig):
    """`source`: the files; `destination`: the table they go to."""

    source: Source
    destination: Landing

    @model_validator(mode="after")
    def one_way(self) -> Config:
        if self.source.only_new and self.destination.mode != "append":
            raise ValueError(f"only_new needs mode append, because {self.destination.mode} replaces rows of files loaded before")
        return self

    @property
    def only_new(self) -> bool:
        return self.destination.mode == "append" and self.source.only_new is not False


class _Reads(Protocol):
    """What both warehouses offer besides the promise of every warehouse."""

    stage_dir: Path

    def read_file(self, path: str | Path, format: str = "", options: Mapping[str, Any] | None = None) -> Any: ...


@dataclass
class _Got:
    """What was read: relations with the file each came from, and what could not be read."""

    parts: list[tuple[Relation, Found]] = field(default_factory=list)
    rejected: int = 0
    rejects: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def output(config: Config, scope: Scope) -> tuple[Column, ...]:
    """Nothing that another step could read; the files' columns are known in a run only."""
    return ()


def run(config: Config, context: Context) -> StepResult:
    """Raises MissingError when the path names no file, DataError for rows that cannot be read unless the step goes on without them."""
    bucket, files, known = _look(config, context)
    new = [file for file in files if (file.key, file.mark) not in known]
    if not new:
        return StepResult(rows=0, notes=[f"no new files: all {len(files):,} were loaded before"],
                          outputs={"table": config.destination.table, "mode": config.destination.mode, "files": 0})
    if len(new) > FILES:
        raise LimitError(f"{len(new):,} files are to be loaded, a run takes {FILES:,}", where="source.path",
                         fix="Name fewer: by day or folder")
    got = _read(bucket, new, config, context)
    if got.rejected and not context.continue_on_error:
        first = "; ".join(f"{r['file']}, line {r['line']}: {r['reason']}" for r in got.rejects[:3])
        raise DataError(f"{got.rejected:,} rows cannot be read ({first})", where="source.path",
                        fix="Correct them, or set continue_on_error: true to go on without them")
    changed = sum(file.key in {key for key, _ in known} for file in new)
    if changed:
        got.notes.append(f"{changed:,} of the files have changed since they were loaded: their earlier rows are replaced")
    keys = tuple(file.key for file in new) if config.only_new else ()
    rows, columns = _together(got.parts, _earlier(config, context, known, keys), context)
    config.destination.judge(columns)
    before = sum(date == context.run_date.isoformat() for date in known.values())
    aside = _aside(got, keys, context) if context.continue_on_error else None
    result = config.destination.write(rows, columns, context, also=(MARKS[0].name, keys) if changed else None)
    result.rejected, result.rejects = got.rejected, got.rejects[:SHOWN]
    result.outputs |= {"quarantine": aside} if aside else {}
    result.notes = [f"loaded {len(new):,} of {len(files):,} files" + (", beside those of this date before" if before else ""), *got.notes]
    result.outputs |= {"files": len(new), "bytes": sum(file.size for file in new)}
    return result


def _aside(got: _Got, files: Sequence[str], context: Context) -> str | None:
    """Rows that cannot be read into the quarantine table of the step, before the others are written: a run that is lost between the two
    reads the same files again."""
    from flows.engines.quarantine import unread, unread_in

    name = unread_in(files, got.rejects, context) if files else unread(got.rejects, context)
    if name:
        more = f", the first {len(got.rejects):,} of them" if got.rejected > len(got.rejects) else ""
        got.notes.append(f"{got.rejected:,} {'row' if got.rejected == 1 else 'rows'} cannot be read and went to {name}{more}")
    return name


def preview(config: Config, context: Context) -> StepResult:
    """The first rows of the first file that a run would load. Nothing is written."""
    bucket, files, known = _look(config, context)
    new = [file for file in files if (file.key, file.mark) not in known]
    told = f"would load {len(new):,} of {len(files):,} files into {config.destination.table} ({config.destination.mode})"
    about = {"table": config.destination.table, "mode": config.destination.mode, "files": len(new)}
    if not new:
        return StepResult(rows=0, notes=[told], outputs=about)
    relation, rejected, rejects = _sample(bucket, new[0], config, context)
    return StepResult(rows=relation.rows, relation=relation, rejected=rejected, rejects=rejects[:SHOWN], outputs=about,
                      notes=[told, f"a sample: the first rows of {new[0].key}"])


def _look(config: Config, context: Context) -> tuple[Bucket, list[Found], dict[tuple[str, str], str]]:
    bucket = Bucket(config.source.connection, context.connections, context.cancel, context.limits)
    files = [file for file in bucket.find(config.source.path) if file.size]
    if not files:
        raise MissingError(f"no file is named by {config.source.path!r}", where="source.path",
                           fix="Look at the path and the date in it; files without a byte do not count")
    return bucket, files, _known(config, context) if config.only_new else {}


def _known(config: Config, context: Context) -> dict[tuple[str, str], str]:
    """The files whose rows this pipeline has put into the table: (key, mark) and the run date."""
    from sqlglot import exp

    from flows.transform.frame import col, table

    name = config.destination.table
    try:
        have = {column.name for column in context.warehouse.describe(name).columns}
    except MissingError:
        return {}
    if not {MARKS[0].name, *SLICE_KEY} <= have:
        return {}
    asked = exp.Select(expressions=[col(MARKS[0].name), col(MARKS[1].name), col("x_pipeline_run_date")]).from_(table(name))
    found = context.warehouse.query(asked.where(_mine(context)).distinct()).to_pylist()
    return {(row[MARKS[0].name], row[MARKS[1].name]): str(row["x_pipeline_run_date"]) for row in found}


def _mine(context: Context) -> exp.Expr:
    """Rows of this tenant, pipeline and login, of whatever date."""
    from sqlglot import exp

    from flows.transform.frame import col

    said = zip(SLICE_KEY, (context.tenant_id, context.pipeline_id, context.credential_id), strict=False)
    return exp.and_(*(exp.EQ(this=col(name), expression=exp.Literal.string(value)) for name, value in said))


def _earlier(config: Config, context: Context, known: Mapping[tuple[str, str], str], coming: Sequence[str]) -> Relation | None:
    """The rows of this run date that are there and stay: an append replaces its slice, so they go with the new ones, but for those of the
    files that come again."""
    from sqlglot import exp

    from flows.transform.frame import cast as typed
    from flows.transform.frame import col, table

    day = context.run_date.isoformat()
    if day not in known.values():
        return None
    columns = [c for c in context.warehouse.describe(config.destination.table).columns if c.name.lower() not in LINEAGE]
    date = typed(exp.Literal.string(day), "DATE", context.warehouse.dialect)
    tree = exp.Select(expressions=[col(c.name) for c in columns]).from_(table(config.destination.table)).where(
        exp.and_(_mine(context), exp.EQ(this=col("x_pipeline_run_date"), expression=date),
                 exp.or_(exp.Is(this=col(MARKS[0].name), expression=exp.Null()),
                         exp.Not(this=exp.In(this=col(MARKS[0].name), expressions=[exp.Literal.string(key) for key in coming])))))
    return context.warehouse.stage(f"{context.step_id}__earlier", tree)


def _read(bucket: Bucket, files: Sequence[Found], config: Config, context: Context) -> _Got:
    got, reads = _Got(), cast(_Reads, context.warehouse)
    for n, file in enumerate(files):
        with _place(reads, file) as place:
            bucket.fetch(file, place)
            read = reads.read_file(place, config.source.format or "", config.source.options())
            got.parts.append((context.warehouse.stage(f"{context.step_id}__file{n}", read.tree), file))
        got.rejected += read.rejected
        got.rejects.extend({"file": file.key, **reject} for reject in list(read.rejects)[:KEPT - len(got.rejects)])
        got.notes.extend(f"{file.key}: {note}" for note in read.notes)
        context.log.info("%s is read (%d of %d)", file.key, n + 1, len(files))
    return got


def _together(parts: Sequence[tuple[Relation, Found]], earlier: Relation | None,
              context: Context) -> tuple[exp.Query, tuple[Column, ...]]:
    """One query of all rows: columns by name, in order of appearance, with a type that holds them all; what a file lacks is NULL."""
    from flows.transform.frame import table

    kinds: dict[str, Column] = {}
    for relation in [*([earlier] if earlier else []), *(relation for relation, _ in parts)]:
        for column in relation.columns:
            if column.name not in {mark.name for mark in MARKS}:
                have = kinds.setdefault(column.name.casefold(), column)
                kinds[column.name.casefold()] = Column(have.name, _wider(have, column))
    columns = (*kinds.values(), *MARKS)
    trees = [_as(relation, columns, (file.key, file.mark), context) for relation, file in parts]
    if earlier is not None:
        trees.append(_as(earlier, columns, None, context))
    while len(trees) > GROUP:  # a statement stays of a size that can be read
        groups = [trees[n:n + GROUP] for n in range(0, len(trees), GROUP)]
        staged = [context.warehouse.stage(f"{context.step_id}__group{len(trees)}_{n}", _union(group)) for n, group in enumerate(groups)]
        trees = [_all(table(relation.name), columns) for relation in staged]
    return _union(trees), columns


def _wider(one: Column, other: Column) -> str:
    if one.type == other.type:
        return one.type
    if "<" in one.type + other.type:
        raise DataError(f"column {one.name!r} is {one.type} in one file and {other.type} in another", where="source.path",
                        fix="Load them into tables of their own")
    return _WIDER.get(frozenset((one.type, other.type)), "STRING")


def _as(relation: Relation, columns: Sequence[Column], marks: tuple[str, str] | None, context: Context) -> exp.Select:
    """The rows of a relation in the common columns; `marks` None: they have theirs."""
    from sqlglot import exp

    from flows.transform.frame import cast as typed
    from flows.transform.frame import col, ident, table

    have = {column.name.casefold(): column for column in relation.columns}
    cells: list[exp.Expr] = []
    for column in columns[:-len(MARKS)] if marks else columns:
        found = have.get(column.name.casefold())
        cell: exp.Expr = col(found.name) if found else exp.Null()
        if found is None or found.type != column.type:
            cell = typed(cell, column.type, context.warehouse.dialect)
        cells.append(exp.alias_(cell, ident(column.name)))
    for mark, value in zip(MARKS, marks or (), strict=False):
        cells.append(exp.alias_(exp.Literal.string(value), ident(mark.name)))
    return exp.Select(expressions=cells).from_(table(relation.name))


def _all(name: exp.Table, columns: Sequence[Column]) -> exp.Select:
    from sqlglot import exp

    from flows.transform.frame import col

    return exp.Select(expressions=[col(column.name) for column in columns]).from_(name)


def _union(trees: Sequence[exp.Query]) -> exp.Query:
    from sqlglot import exp

    whole = trees[0]
    for tree in trees[1:]:
        whole = exp.union(whole, tree, distinct=False, copy=False)
    return whole


def _sample(bucket: Bucket, file: Found, config: Config, context: Context) -> tuple[Relation, int, list[dict[str, Any]]]:
    from flows.warehouse.files import format_of

    most, kind = context.limits.source_sample_rows, config.source.format or format_of(file.key)
    if kind == "parquet":
        return context.warehouse.stage(context.step_id, bucket.opened(file, lambda source: _first_rows(source, most))), 0, []
    reads = cast(_Reads, context.warehouse)
    with _place(reads, file) as whole:
        place = whole
        if not bucket.fetch(file, place, HEAD):
            place = _cut(place, kind, file)
        read = reads.read_file(place, kind, config.source.options())
        table = context.warehouse.query(read.tree.limit(most))
    return context.warehouse.stage(context.step_id, table), read.rejected, list(read.rejects)


def _first_rows(source: Any, most: int) -> Any:
    import pyarrow as pa
    from pyarrow import parquet

    with parquet.ParquetFile(source) as opened:
        first = next(opened.iter_batches(batch_size=most), None)
        return opened.schema_arrow.empty_table() if first is None else pa.Table.from_batches([first])


def _cut(place: Path, kind: str, file: Found) -> Path:
    """End the first part of a text file at its last whole line; a gzip file is opened as far as it came. Gives where it stands now."""
    data = place.read_bytes()
    if file.name.endswith(".gz"):
        data = zlib.decompressobj(wbits=31).decompress(data, HEAD * 8)
        place = place.rename(place.with_suffix(""))
    if kind == "json" and data.lstrip()[:1] == b"[":
        raise DataError(f"{file.key} is one JSON list of {file.size:,} bytes, of which no part can be read", where="source.path",
                        fix="Write one object a line, then a preview reads the first of them; a run reads the whole list")
    place.write_bytes(data[:data.rfind(b"\n") + 1] or data)
    return place


@contextmanager
def _place(reads: _Reads, file: Found) -> Iterator[Path]:
    """Where a file of the bucket may stand while it is read, below the folder of this run."""
    made = not reads.stage_dir.exists()
    folder = reads.stage_dir / f".s3-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    try:
        yield folder / (file.name or "file")
    finally:
        for left in folder.iterdir():
            left.unlink()
        folder.rmdir()
        if made:
            with suppress(OSError):  # somebody else has put something there meanwhile
                reads.stage_dir.rmdir()
