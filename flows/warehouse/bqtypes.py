"""Column types by their BigQuery names, and what DuckDB and Arrow call them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flows.errors import InputError
from flows.warehouse.base import Column
from flows.warehouse.quoting import name_sql

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

NUMERIC = "DECIMAL(38,9)"
BIGNUMERIC = "DECIMAL(38,18)"  # BigQuery has 76 digits, DuckDB 38: local-approximate

_PLAIN = {
    "boolean": ("BOOL", "BOOLEAN"), "tinyint": ("INT64", "BIGINT"), "smallint": ("INT64", "BIGINT"), "integer": ("INT64", "BIGINT"),
    "bigint": ("INT64", "BIGINT"), "utinyint": ("INT64", "BIGINT"), "usmallint": ("INT64", "BIGINT"), "uinteger": ("INT64", "BIGINT"),
    "ubigint": ("INT64", "BIGINT"), "hugeint": ("INT64", "BIGINT"), "uhugeint": ("INT64", "BIGINT"), "bignum": ("BIGNUMERIC", BIGNUMERIC),
    "float": ("FLOAT64", "DOUBLE"), "double": ("FLOAT64", "DOUBLE"), "varchar": ("STRING", "VARCHAR"), "enum": ("STRING", "VARCHAR"),
    "uuid": ("STRING", "VARCHAR"), "bit": ("STRING", "VARCHAR"), "blob": ("BYTES", "BLOB"), "date": ("DATE", "DATE"),
    "time": ("TIME", "TIME"), "time with time zone": ("TIME", "TIME"), "time_ns": ("TIME", "TIME"),
    "timestamp": ("DATETIME", "TIMESTAMP"), "timestamp_s": ("DATETIME", "TIMESTAMP"), "timestamp_ms": ("DATETIME", "TIMESTAMP"),
    "timestamp_ns": ("DATETIME", "TIMESTAMP"), "timestamp with time zone": ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE"),
    "interval": ("INTERVAL", "INTERVAL"), "null": ("INT64", "BIGINT"), "variant": ("JSON", "JSON"), "union": ("JSON", "JSON"),
}
_DUCK = {"INT64": "BIGINT", "FLOAT64": "DOUBLE", "NUMERIC": NUMERIC, "BIGNUMERIC": BIGNUMERIC, "BOOL": "BOOLEAN", "STRING": "VARCHAR",
         "BYTES": "BLOB", "DATE": "DATE", "TIME": "TIME", "DATETIME": "TIMESTAMP", "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
         "JSON": "JSON", "INTERVAL": "INTERVAL"}
_ALIASES = {"INT": "INT64", "INTEGER": "INT64", "BIGINT": "INT64", "SMALLINT": "INT64", "TINYINT": "INT64", "BYTEINT": "INT64",
            "DECIMAL": "NUMERIC", "BIGDECIMAL": "BIGNUMERIC", "BOOLEAN": "BOOL", "FLOAT": "FLOAT64", "DOUBLE": "FLOAT64"}
WIDER = {"INT64": ("NUMERIC", "BIGNUMERIC", "FLOAT64"), "NUMERIC": ("BIGNUMERIC", "FLOAT64"), "BIGNUMERIC": ("FLOAT64",)}
"""What a value may become without being asked; source: BigQuery, "Conversion rules", coercion."""


def from_duck(kind: Any) -> tuple[str, str]:
    """(BigQuery name, the DuckDB type that holds it here) of a DuckDB type object. A HUGEINT becomes a BIGINT: Parquet would keep it
    as a DOUBLE, silently."""
    name = kind.id
    if str(kind) == "JSON":
        return "JSON", "JSON"
    if name == "decimal":
        scale = dict(kind.children)["scale"]
        return ("NUMERIC", NUMERIC) if scale <= 9 else ("BIGNUMERIC", BIGNUMERIC)
    if name in ("list", "array"):
        inner, duck = from_duck(kind.children[0][1])
        return f"ARRAY<{inner}>", f"{duck}[]"
    if name == "struct":
        fields = [(field, *from_duck(child)) for field, child in kind.children]
        return (f"STRUCT<{', '.join(f'{quote(f)} {b}' for f, b, _ in fields)}>",
                f"STRUCT({', '.join(f'{name_sql(f)} {d}' for f, _, d in fields)})")
    if name == "map":
        (key, key_duck), (value, value_duck) = (from_duck(child) for _, child in kind.children)
        return f"ARRAY<STRUCT<key {key}, value {value}>>", f"STRUCT(key {key_duck}, value {value_duck})[]"
    return _PLAIN.get(name, ("STRING", "VARCHAR"))


def quote(name: str) -> str:
    """A field name as BigQuery's DDL spells it."""
    return name if name.isidentifier() and name.isascii() else "`" + name.replace("`", "\\`") + "`"


def normal(name: str) -> str:
    """One spelling for one type: `integer` is INT64, `decimal` NUMERIC; parameters as in NUMERIC(10, 2) are dropped.

    Raises InputError for a type that BigQuery does not have or that cannot be kept here.
    """
    plain = name.strip().upper()
    plain = _ALIASES.get(plain, plain)
    return plain if plain in _DUCK else bq_name(parse_type(name))


def to_duck(name: str) -> str:
    """The DuckDB type that keeps a BigQuery type here. Raises InputError as `normal` does."""
    plain = name.strip().upper()
    plain = _ALIASES.get(plain, plain)
    return _DUCK[plain] if plain in _DUCK else duck_name(parse_type(name))


def parse_type(name: str) -> exp.DataType:
    """A type tree of a BigQuery type's name. Raises InputError."""
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        return exp.DataType.build(name, dialect="bigquery")
    except SqlglotError as error:
        raise InputError(f"{name!r} is not a type", fix="Use a BigQuery type: INT64, FLOAT64, NUMERIC, BOOL, STRING, BYTES, DATE, "
                         "TIME, DATETIME, TIMESTAMP, JSON, ARRAY<...>, STRUCT<...>") from error


def _leaf(tree: exp.DataType) -> str:
    spelled = tree.copy()
    spelled.set("expressions", [])
    name = spelled.sql(dialect="bigquery").upper()
    name = _ALIASES.get(name, name)
    if name not in _DUCK:
        raise InputError(f"type {tree.sql(dialect='bigquery')} cannot be kept in the local warehouse",
                         fix="Keep it as STRING, or run this part on BigQuery")
    return name


def _inner(tree: exp.DataType) -> list[tuple[str, exp.DataType]]:
    from sqlglot import exp

    found = []
    for n, field in enumerate(tree.expressions):
        if isinstance(field, exp.ColumnDef):
            found.append((field.name, field.args["kind"]))
        elif isinstance(field, exp.DataType):
            found.append((f"_field_{n + 1}", field))
    return found


def inner_types(name: str) -> list[tuple[str, str]]:
    """(name, BigQuery type) of a STRUCT's fields, or of an ARRAY's items under a name of no meaning. Raises InputError."""
    return [(field, bq_name(kind)) for field, kind in _inner(parse_type(name))]


def bq_name(tree: exp.DataType) -> str:
    """A type tree of any dialect, spelled for BigQuery."""
    from sqlglot import exp

    if tree.is_type(exp.DataType.Type.ARRAY, exp.DataType.Type.LIST):
        return f"ARRAY<{bq_name(tree.expressions[0])}>"
    if tree.is_type(exp.DataType.Type.STRUCT):
        return f"STRUCT<{', '.join(f'{quote(name)} {bq_name(kind)}' for name, kind in _inner(tree))}>"
    return _leaf(tree)


def duck_name(tree: exp.DataType) -> str:
    """A type tree of any dialect, spelled for DuckDB and with this warehouse's precision."""
    from sqlglot import exp

    if tree.is_type(exp.DataType.Type.ARRAY, exp.DataType.Type.LIST):
        return f"{duck_name(tree.expressions[0])}[]"
    if tree.is_type(exp.DataType.Type.STRUCT):
        return f"STRUCT({', '.join(f'{name_sql(name)} {duck_name(kind)}' for name, kind in _inner(tree))})"
    return _DUCK[_leaf(tree)]


def duck_tree(name: str) -> exp.DataType:
    """The same as a syntax tree."""
    from sqlglot import exp

    return exp.DataType.build(to_duck(name), dialect="duckdb")


def columns_of(names: Sequence[str], kinds: Sequence[Any]) -> tuple[Column, ...]:
    """Columns of a DuckDB relation (`.columns`, `.types`)."""
    return tuple(Column(name, from_duck(kind)[0]) for name, kind in zip(names, kinds, strict=True))


def arrow_schema(schema: pa.Schema, columns: Sequence[Column]) -> pa.Schema:
    """The schema with each column's BigQuery type noted in its field: Arrow alone cannot tell JSON from STRING."""
    fields = [field.with_metadata({b"bigquery": column.type.encode()}) for field, column in zip(schema, columns, strict=True)]
    import pyarrow as pa

    return pa.schema(fields)
