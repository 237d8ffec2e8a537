"""Rows as JSON values in BigQuery's spelling: what `penstock query --json` prints."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flows.warehouse.bqtypes import quote

if TYPE_CHECKING:
    import pyarrow as pa


NOTES = b"penstock.notes"
"""Where the schema of an answer says that BigQuery's may differ, a JSON list of sentences."""


def noted(table: pa.Table, notes: Sequence[str]) -> pa.Table:
    """The same answer with its notes; unchanged without any."""
    more = {NOTES: json.dumps(list(notes)).encode()}
    return table.replace_schema_metadata({**(table.schema.metadata or {}), **more}) if notes else table


def notes_of(table: pa.Table) -> list[str]:
    """Where BigQuery's answer may differ from this one; empty when it is the same."""
    found: list[str] = json.loads((table.schema.metadata or {}).get(NOTES, b"[]"))
    return found


def rows_json(table: pa.Table) -> tuple[list[dict[str, str]], list[list[Any]]]:
    """(columns with BigQuery types, rows). Types noted in the fields win over what Arrow itself can tell."""
    columns = [{"name": field.name, "type": (field.metadata or {}).get(b"bigquery", b"").decode() or type_name(field.type)}
               for field in table.schema]
    texts = [column["type"] == "JSON" for column in columns]
    data = [column.to_pylist() for column in table.columns]
    rows = [[_compact(v) if is_json else value(v) for v, is_json in zip(row, texts, strict=True)] for row in zip(*data, strict=True)]
    return columns, rows


def type_name(kind: pa.DataType) -> str:
    """The BigQuery name of an Arrow type."""
    import pyarrow as pa

    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"ARRAY<{type_name(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"STRUCT<{', '.join(f'{quote(field.name)} {type_name(field.type)}' for field in kind)}>"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP" if kind.tz else "DATETIME"
    if pa.types.is_decimal(kind):
        return "NUMERIC" if kind.scale <= 9 else "BIGNUMERIC"
    for test, name in ((pa.types.is_integer, "INT64"), (pa.types.is_floating, "FLOAT64"), (pa.types.is_boolean, "BOOL"),
                       (pa.types.is_date, "DATE"), (pa.types.is_time, "TIME"), (pa.types.is_interval, "INTERVAL"),
                       (pa.types.is_binary, "BYTES"), (pa.types.is_large_binary, "BYTES"), (pa.types.is_null, "INT64")):
        if test(kind):
            return name
    return "STRING"


def value(item: Any) -> Any:
    """One value; nested ones in order."""
    if item is None or isinstance(item, (bool, int, str)):
        return item
    if isinstance(item, float):
        return item if math.isfinite(item) else "NaN" if math.isnan(item) else "Infinity" if item > 0 else "-Infinity"
    if isinstance(item, Decimal):
        text = format(item, "f")
        return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"
    if isinstance(item, datetime):
        return _moment(item)
    if isinstance(item, (date, time)):
        return item.isoformat()
    if isinstance(item, (bytes, bytearray)):
        return base64.b64encode(bytes(item)).decode()
    if isinstance(item, Mapping):
        return {name: value(inner) for name, inner in item.items()}
    if isinstance(item, (list, tuple)) and not hasattr(item, "months"):
        return [value(inner) for inner in item]
    return _interval(item) if hasattr(item, "months") else str(item)


def _moment(item: datetime) -> str:
    if item.tzinfo is None:
        return item.isoformat()
    from datetime import UTC

    return item.astimezone(UTC).replace(tzinfo=None).isoformat() + "+00:00"


def _interval(item: Any) -> str:
    """Y-M D H:M:S[.ffffff]."""
    sign = "-" if item.months < 0 else ""
    years, months = divmod(abs(item.months), 12)
    micros = abs(item.nanoseconds) // 1000
    seconds, rest = divmod(micros, 1_000_000)
    clock = f"{seconds // 3600}:{seconds // 60 % 60}:{seconds % 60}" + (f".{rest:06d}" if rest else "")
    return f"{sign}{years}-{months} {item.days} {'-' if item.nanoseconds < 0 else ''}{clock}"


def _compact(text: str | None) -> str | None:
    return None if text is None else json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)
