"""Where bad rows go: a table of their own for each step, written anew by every run of a day."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from flows.engines.base import Context
from flows.engines.tables import is_lake
from flows.warehouse.base import Relation, Slice, TableSpec

DATASET = "quarantine"
REASON = "x_quarantine_reason"
LONGEST = 110  # characters of a table's name


def table_of(context: Context) -> str:
    """The quarantine table of this step; a name that is too long is cut and told apart by its hash."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", f"{context.pipeline_id}_{context.step_id}_rejects")
    return f"{DATASET}." + (name if len(name) <= LONGEST else f"{name[:LONGEST - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}")


def set_aside(aside: Relation, context: Context) -> str | None:
    """Bad rows into their table; its name, None where there were none. It is written also when there are none, so that a repeated run
    leaves no old ones behind; but no table is made for nothing."""
    name = table_of(context)
    if not aside.rows and not is_lake(name, context):
        return None
    key = Slice(context.tenant_id, context.pipeline_id, context.credential_id, context.run_date.isoformat(), context.run_id)
    context.warehouse.write(TableSpec(name, aside.columns), key, aside, mode="append")
    return name if aside.rows else None


def unread(rejects: Sequence[dict[str, Any]], context: Context) -> str | None:
    """Rows that could not even be read: line, column, their text where it is known, and the reason."""
    import pyarrow as pa

    texts = {name: pa.array([reject.get(name) or None for reject in rejects], pa.string()) for name in ("column", "text", "reason")}
    lines = pa.array([reject.get("line") for reject in rejects], pa.int64())
    rows = pa.table({"line": lines, "column_name": texts["column"], "text": texts["text"], REASON: texts["reason"]})
    return set_aside(context.warehouse.stage(f"{context.step_id}__aside", rows), context)
