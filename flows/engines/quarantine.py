"""Where bad rows go: a table of their own for each step, written anew by every run of a day."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flows.engines.base import Context
from flows.engines.tables import is_lake
from flows.warehouse.base import Relation, Slice, TableSpec

if TYPE_CHECKING:
    import pyarrow as pa

DATASET = "quarantine"
REASON = "x_quarantine_reason"
FILE = "file"
LONGEST = 110  # characters of a table's name


def table_of(context: Context) -> str:
    """The quarantine table of this step; a name that is too long is cut and told apart by its hash."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", f"{context.pipeline_id}_{context.step_id}_rejects")
    return f"{DATASET}." + (name if len(name) <= LONGEST else f"{name[:LONGEST - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}")


def set_aside(aside: Relation, context: Context, also: tuple[str, tuple[str, ...]] | None = None) -> str | None:
    """Bad rows into their table; its name, None where there were none. It is written also when there are none, so that a repeated run
    leaves no old ones behind; but no table is made for nothing. `also` as in `Slice`."""
    name = table_of(context)
    if not aside.rows and not is_lake(name, context):
        return None
    key = _slice(context, also)
    context.warehouse.write(TableSpec(name, aside.columns), key, aside, mode="append")
    return name if aside.rows else None


def unread(rejects: Sequence[dict[str, Any]], context: Context) -> str | None:
    """Rows that could not even be read: line, column, their text where it is known, and the reason."""
    return set_aside(context.warehouse.stage(f"{context.step_id}__aside", _rows(rejects)), context)


def unread_in(files: Sequence[str], rejects: Sequence[dict[str, Any]], context: Context) -> str | None:
    """The same for a step that reads each file once: what these files had before goes, for whatever date it was read, and what other
    files of this date had stays."""
    import pyarrow as pa

    rows = _rows(rejects).add_column(0, FILE, pa.array([reject["file"] for reject in rejects], pa.string()))
    kept = _others(files, rows.schema, context)
    relation = context.warehouse.stage(f"{context.step_id}__aside", pa.concat_tables([rows, kept]) if kept else rows)
    name = set_aside(relation, context, (FILE, tuple(files)))
    return name if rejects else None


def _rows(rejects: Sequence[dict[str, Any]]) -> pa.Table:
    import pyarrow as pa

    texts = {name: pa.array([reject.get(name) or None for reject in rejects], pa.string()) for name in ("column", "text", "reason")}
    lines = pa.array([reject.get("line") for reject in rejects], pa.int64())
    return pa.table({"line": lines, "column_name": texts["column"], "text": texts["text"], REASON: texts["reason"]})


def _others(files: Sequence[str], schema: pa.Schema, context: Context) -> pa.Table | None:
    """What stands in the slice of this run for other files."""
    from sqlglot import exp

    from flows.transform.frame import cast, col, table

    name = table_of(context)
    if not is_lake(name, context):
        return None
    said = [exp.EQ(this=col(column), expression=cast(exp.Literal.string(value), "DATE" if column.endswith("date") else "STRING",
                                                     context.warehouse.dialect)) for column, value in _slice(context).key().items()]
    others = exp.Not(this=exp.In(this=col(FILE), expressions=[exp.Literal.string(file) for file in files]))
    tree = exp.Select(expressions=[col(column) for column in schema.names]).from_(table(name)).where(exp.and_(*said, others))
    return context.warehouse.query(tree).select(schema.names).cast(schema)


def _slice(context: Context, also: tuple[str, tuple[str, ...]] | None = None) -> Slice:
    return Slice(context.tenant_id, context.pipeline_id, context.credential_id, context.run_date.isoformat(), context.run_id, also)
