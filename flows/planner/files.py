"""Files that a text names: which ones are read, and how the words for them become tables of this one reading."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath

from flows.insight.catalog import Catalog, Table

KINDS = ("csv", "tsv", "xlsx", "xls", "json", "jsonl", "ndjson", "parquet")


def tables(catalog: Catalog, files: Iterable[tuple[str, Table]]) -> dict[str, tuple[Table, tuple[str, ...]]]:
    """Each file as a table with a name that the catalogue does not have yet, and the words by which a text may call it."""
    out: dict[str, tuple[Table, tuple[str, ...]]] = {}
    for name, table in files:
        stem = re.sub(r"\W+", "_", PurePath(name).stem.lower()).strip("_") or "file"
        stem = f"file_{stem}" if stem[0].isdigit() else stem
        free = stem if stem not in catalog.tables and stem not in out else f"{stem}_file"
        n = 2
        while free in catalog.tables or free in out:
            free, n = f"{stem}_file_{n}", n + 1
        words = (name, PurePath(name).name, table.path, PurePath(table.path).name)
        about = table.model_copy(update={"connection": "", "location": "", "synonyms": (PurePath(name).stem,)})
        out[free] = (about, tuple(dict.fromkeys(w.lower() for w in words if w)))
    return out
