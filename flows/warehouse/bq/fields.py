"""Columns as BigQuery's schema fields and as Arrow fields, there and back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flows.errors import InputError
from flows.warehouse.base import Column
from flows.warehouse.bqtypes import parse_type, quote

if TYPE_CHECKING:
    import pyarrow as pa

LEGACY = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}
"""Names that the API answers with; source: BigQuery REST, TableFieldSchema.type."""

FORBIDDEN = re.compile(r"""[!"$()*,./;?@\[\\\]^`{}~\x00-\x1f]""")
"""What no column's name may hold; source: BigQuery, "Specifying a schema", flexible column names."""


def type_of(field: Any) -> str:
    """The type of a schema field, spelled as a column's."""
    kind = LEGACY.get(field.field_type.upper(), field.field_type.upper())
    if kind == "STRUCT":
        kind = f"STRUCT<{', '.join(f'{quote(inner.name)} {type_of(inner)}' for inner in field.fields)}>"
    elif kind == "RANGE":
        kind = f"RANGE<{field.range_element_type.element_type}>"
    return f"ARRAY<{kind}>" if field.mode == "REPEATED" else kind


def columns_of(fields: Sequence[Any]) -> tuple[Column, ...]:
    """Columns of a table's or a result's schema."""
    return tuple(Column(f.name, type_of(f), f.mode != "REQUIRED", f.description or "") for f in fields)


def fields_of(columns: Sequence[Column]) -> list[Any]:
    """Schema fields of columns. Raises InputError for a type that BigQuery does not have."""
    return [_field(c.name, parse_type(c.type), c.nullable, c.description) for c in columns]


def _field(name: str, tree: Any, nullable: bool, description: str = "") -> Any:
    from google.cloud.bigquery import SchemaField
    from sqlglot import exp

    if not name or FORBIDDEN.search(name):
        raise InputError(f"{name[:80]!r} cannot be the name of a column on BigQuery", fix="Name it with letters, digits and '_'")
    mode = "NULLABLE" if nullable else "REQUIRED"
    if tree.is_type(exp.DataType.Type.ARRAY, exp.DataType.Type.LIST):
        mode, tree = "REPEATED", tree.expressions[0]
    inner = []
    if tree.is_type(exp.DataType.Type.STRUCT):
        if not all(isinstance(part, exp.ColumnDef) for part in tree.expressions):
            raise InputError(f"the struct {name!r} has a field without a name", fix="Name each of its fields")
        inner, kind = [_field(part.name, part.args["kind"], nullable=True) for part in tree.expressions], "STRUCT"
    else:
        spelled = tree.copy()
        spelled.set("expressions", [])
        kind = spelled.sql(dialect="bigquery").upper()
    extra: dict[str, Any] = {"description": description} if description else {}
    return SchemaField(name, kind, mode=mode, fields=inner, **extra)


def arrow_type(field: Any, *, item: bool = False) -> pa.DataType:
    """The Arrow type that holds a schema field's values here; JSON, GEOGRAPHY and RANGE are text."""
    import pyarrow as pa

    if field.mode == "REPEATED" and not item:
        return pa.list_(arrow_type(field, item=True))
    kind = LEGACY.get(field.field_type.upper(), field.field_type.upper())
    if kind == "STRUCT":
        return pa.struct([pa.field(inner.name, arrow_type(inner)) for inner in field.fields])
    plain = {"INT64": pa.int64(), "FLOAT64": pa.float64(), "BOOL": pa.bool_(), "BYTES": pa.binary(), "DATE": pa.date32(),
             "TIME": pa.time64("us"), "DATETIME": pa.timestamp("us"), "TIMESTAMP": pa.timestamp("us", tz="UTC"),
             "NUMERIC": pa.decimal128(38, 9), "BIGNUMERIC": pa.decimal256(76, 38), "INTERVAL": pa.month_day_nano_interval()}
    return plain.get(kind, pa.string())


def schema_of(fields: Sequence[Any]) -> pa.Schema:
    """The Arrow schema of a result; each field notes its BigQuery type."""
    import pyarrow as pa

    return pa.schema([pa.field(f.name, arrow_type(f), metadata={b"bigquery": type_of(f).encode()}) for f in fields])
