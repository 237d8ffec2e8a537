"""Files that a text names: which ones are read, and how the words for them become tables of this one reading."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from flows.insight.catalog import Catalog, Table
from flows.planner.answer import FileSource

NAME = re.compile(r"(?<![\w./-])(?:/|\./|~/)?(?:[\w-]{1,60}[./]){0,12}[\w-]{1,60}\.(?:csv|xlsx?|parquet|jsonl?|ndjson)\b", re.I)
TARGET = re.compile(r"\b(?:to|into|as)\s+(?:an?\s+|the\s+)?(?:csv\s+|excel\s+|json\s+|parquet\s+)?(?:file\s+)?$", re.I)


def names_in(text: str) -> list[str]:
    """Every file name that stands in a text, each once, but for those that rows are plainly written to."""
    return list(dict.fromkeys(m.group() for m in NAME.finditer(text) if not TARGET.search(text[: m.start()])))


def tables(catalog: Catalog, files: Iterable[tuple[str, Table, dict[str, Any]]]) -> dict[str, tuple[Table, FileSource]]:
    """Each file (its name, its table, the `source` that reads it) under a table name that the catalogue does not have yet."""
    out: dict[str, tuple[Table, FileSource]] = {}
    for name, table, source in files:
        stem = re.sub(r"\W+", "_", PurePath(name).stem.lower()).strip("_") or "file"
        stem = f"file_{stem}" if stem[0].isdigit() else stem
        free = stem if stem not in catalog.tables and stem not in out else f"{stem}_file"
        n = 2
        while free in catalog.tables or free in out:
            free, n = f"{stem}_file_{n}", n + 1
        path = str(source["path"])
        names = dict.fromkeys(w.lower() for w in (name, PurePath(name).name, path, PurePath(path).name))
        about = table.model_copy(update={"connection": "", "location": "", "path": path, "synonyms": (PurePath(name).stem,)})
        out[free] = (about, FileSource(names=tuple(names), source=source))
    return out
