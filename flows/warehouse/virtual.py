"""Relations that are no table by themselves: wildcard tables, a table as it was, INFORMATION_SCHEMA."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from flows.errors import SqlError
from flows.warehouse import metadata
from flows.warehouse.base import Column
from flows.warehouse.bqtypes import from_duck, to_duck
from flows.warehouse.lake import spec_from_dict
from flows.warehouse.quoting import literal, name_sql
from flows.warehouse.trees import invalid, refuse

if TYPE_CHECKING:
    from sqlglot import exp

    from flows.store.rows import LakeFile
    from flows.warehouse.tables import Found, Tables

SUFFIX = "_TABLE_SUFFIX"
MAX_TABLES = 1000  # of one wildcard; source: BigQuery, "Quotas and limits", tables referenced per query
TRAVEL = timedelta(days=7)  # source: BigQuery, "Access historical data", time travel window
GRACE = timedelta(minutes=30)  # half of the time that a replaced file stays by default: what is older may be swept


def find(tables: Tables, table: exp.Table, path: Sequence[str]) -> Found | None:
    """What a name with a special meaning stands for; None for every other one. Raises SqlError."""
    if metadata.is_metadata(path):
        return _metadata(tables, table, path)
    if "*" in path[-1]:
        return _wildcard(tables, table, path)
    if table.args.get("version") is not None:
        return _history(tables, table, path)
    return None


# -------------------------------------------------------------------- INFORMATION_SCHEMA
def _metadata(tables: Tables, table: exp.Table, path: Sequence[str]) -> Found:
    from sqlglot import exp

    view = path[-1][len(metadata.PREFIX):].upper()
    before, project = list(path[:-1]), tables.projects[0] if tables.projects else ""
    dataset = before.pop() if before and view != "SCHEMATA" else ""
    if not dataset and view != "SCHEMATA":
        raise invalid(table, f"INFORMATION_SCHEMA.{view} needs a dataset", f"Write dataset.INFORMATION_SCHEMA.{view}")
    if before:
        tables.table_name((before[-1], dataset or "x", "x"))  # raises for somebody else's project
    tables.look(dataset)
    try:
        sql, columns = metadata.relation(tables.lake, project, dataset, view)
    except SqlError as error:
        raise refuse(table, error.what, error.fix) if error.verdict == "refused" else error from None
    select = table.find_ancestor(exp.Select)
    missing = [column for column in (select or table).find_all(exp.Column) if column.name.lower() in metadata.ELSEWHERE]
    if missing:
        raise refuse(missing[0], f"column {missing[0].name} of INFORMATION_SCHEMA.{view} is not offered by the local warehouse")
    notes: tuple[str, ...] = ()
    if select is not None and any(item.is_star for item in select.expressions):
        notes = (f"INFORMATION_SCHEMA.{view} has only {len(columns)} columns here",)
    if view == "SCHEMATA":
        notes = (*notes, "datasets without a table are not listed here")
    return _made(tables, sql, columns, notes)


# -------------------------------------------------------------------- wildcard tables
def _wildcard(tables: Tables, table: exp.Table, path: Sequence[str]) -> Found:
    """All tables of a prefix, with the columns of the one that was made last. Source: BigQuery, "Querying multiple tables using a
    wildcard table"."""
    if not table.this.quoted:
        raise invalid(table, "a wildcard table stands in backticks", "Write `dataset.prefix_*`")
    name = tables.table_name(path)
    dataset, _, pattern = name.partition(".")
    prefix = pattern[:-1]
    if pattern.count("*") != 1 or not pattern.endswith("*"):
        raise invalid(table, f"the * of {pattern!r} must be its last character")
    if table.args.get("version") is not None:
        raise refuse(table, "a wildcard table FOR SYSTEM_TIME is not offered by the local warehouse")
    kept = [t for t in tables.lake.manifest.tables(tables.lake.tenant_id, dataset)
            if "columns" in t.spec and t.name.startswith(f"{dataset}.{prefix}")]
    if any(t.spec.get("view") for t in kept):
        raise refuse(table, f"{name!r} matches a view")
    if not kept:
        raise SqlError(f"no table matches {name!r}", code="not_found", fix="Look at the tables of the dataset")
    if len(kept) > MAX_TABLES:
        raise SqlError(f"{name!r} matches {len(kept)} tables, {MAX_TABLES} are allowed", code="limit", fix="Write a longer prefix")
    views = [t.name for t in kept if spec_from_dict(t.name, t.spec).view]
    if views:
        raise invalid(table, f"a wildcard cannot read a view: {views[0]}", "Write a longer prefix")
    columns = spec_from_dict("", max(kept, key=lambda t: t.created_at).spec).columns
    notes: list[str] = []
    parts = []
    for one in kept:
        found = tables.find(tuple(one.name.split(".")))
        there = {c.name.lower(): c for c in found.columns}
        if {(c.name.lower(), c.type) for c in found.columns} != {(c.name.lower(), c.type) for c in columns}:
            notes = [f"the tables of {name!r} differ in their columns; those of the table that was made last count"]
        items = []
        for column in columns:
            mine = there.get(column.name.lower())
            if mine is not None and mine.type != column.type:
                raise refuse(table, f"column {column.name!r} has another type in {one.name}: {mine.type}, not {column.type}")
            value = name_sql(column.name) if mine is not None else f"CAST(NULL AS {to_duck(column.type)})"
            items.append(f"{value} AS {name_sql(column.name)}")
        suffix = one.name[len(dataset) + 1 + len(prefix):]
        parts.append(f"SELECT {', '.join([*items, f'{literal(suffix)} AS {name_sql(SUFFIX)}'])} FROM {found.sql}")
    return _made(tables, " UNION ALL ".join(parts), (*columns, Column(SUFFIX, "STRING")), tuple(notes), name)


# -------------------------------------------------------------------- a table as it was
def _history(tables: Tables, table: exp.Table, path: Sequence[str]) -> Found:
    """FOR SYSTEM_TIME AS OF a constant: the files that were live then, where they are still there."""
    name = tables.table_name(path)
    if len(path) == 1 and path[0] not in tables.names:
        raise refuse(table, "FOR SYSTEM_TIME of rows of a step is not offered by the local warehouse")
    moment, now = _moment(tables, table), datetime.now(UTC)
    table.set("version", None)
    found = tables.find(path)
    if moment > now + timedelta(seconds=1):
        raise invalid(table, f"FOR SYSTEM_TIME AS OF {moment.isoformat()} is in the future")
    if moment < now - TRAVEL:
        raise invalid(table, "FOR SYSTEM_TIME reaches back seven days")
    row = tables.lake.manifest.table(tables.lake.tenant_id, name)
    pinned = tables.pin(name)
    if pinned.spec.view:
        raise refuse(table, f"FOR SYSTEM_TIME of the view {name} is not offered by the local warehouse")
    if not found.physical.startswith("table") or row is None:
        raise refuse(table, f"FOR SYSTEM_TIME of {name}, which this script writes, is not offered by the local warehouse")
    if row.updated_at <= moment and row.version == pinned.version:
        return found
    if row.created_at > moment:
        raise SqlError(f"table {name} was not there at {moment.isoformat()}", code="not_found")
    files = tables.lake.manifest.files_at(tables.lake.tenant_id, name, moment)
    if moment < now - GRACE or not files or not _same_columns(tables, files, found.columns):
        raise refuse(table, f"{name} as it was at {moment.isoformat()} is not kept by the local warehouse",
                     "Its rows are kept for half an hour after they were replaced, with unchanged columns")
    return _made(tables, tables.files_sql([str(tables.lake.path(file)) for file in files], found.columns), found.columns, (), name)


def _moment(tables: Tables, table: exp.Table) -> datetime:
    """The constant after AS OF."""
    from sqlglot import exp

    from flows.warehouse.dialect import Translation
    from flows.warehouse.trees import kind

    tree = exp.select(table.args["version"].expression.copy())
    if tree.find(exp.Column, exp.Subquery):
        raise invalid(table, "FOR SYSTEM_TIME AS OF takes a constant")
    made = Translation({}).query(tree)
    assert isinstance(made, exp.Select)
    if kind(made.expressions[0].unalias()) not in ("TIMESTAMP", "STRING"):
        raise invalid(table, "FOR SYSTEM_TIME AS OF takes a TIMESTAMP")
    sql = tables.macros(made.sql(dialect="duckdb"))
    value = tables.session.rows(f"SELECT epoch_us(CAST(({sql}) AS TIMESTAMPTZ))")[0][0]
    if value is None:
        raise invalid(table, "FOR SYSTEM_TIME AS OF takes a TIMESTAMP, not NULL")
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(value))


def _same_columns(tables: Tables, files: Sequence[LakeFile], columns: Sequence[Column]) -> bool:
    """Every one of the files holds exactly these columns: nothing was added or replaced since."""
    from flows.warehouse.tables import parquet

    wanted = {(c.name.lower(), to_duck(c.type)) for c in columns}
    for file in files:
        names, kinds = tables.session.describe(f"SELECT * FROM {parquet([str(tables.lake.path(file))])}")
        if {(n.lower(), from_duck(k)[1]) for n, k in zip(names, kinds, strict=True)} != wanted:
            return False
    return True


def _made(tables: Tables, sql: str, columns: tuple[Column, ...], notes: tuple[str, ...] = (), table: str = "") -> Found:
    from flows.warehouse.tables import Found

    physical = tables.fresh("virtual")
    tables.view(physical, sql)
    return Found(physical, columns, table, notes)
