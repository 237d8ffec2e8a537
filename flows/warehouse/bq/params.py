"""Python values as typed query parameters; what has no type of its own (NULL, an empty list) is written into the statement instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from flows.errors import InputError

NUMERIC_STEP = Decimal("1e-9")  # the scale of NUMERIC
UNTYPED = ""


def type_of(value: Any) -> str:
    """The BigQuery type of a value; UNTYPED for None, an empty list and what holds one. Raises InputError for what no column holds."""
    if value is None:
        return UNTYPED
    for kinds, name in (((bool,), "BOOL"), ((int,), "INT64"), ((float,), "FLOAT64"), ((str,), "STRING"), ((bytes,), "BYTES"),
                        ((date,), "DATE"), ((time,), "TIME"), ((Decimal,), "NUMERIC")):
        if isinstance(value, datetime):
            return "TIMESTAMP" if value.tzinfo else "DATETIME"
        if isinstance(value, kinds):
            return name
    if isinstance(value, (list, tuple)):
        kinds_in = {type_of(item) for item in value}
        if kinds_in == {"INT64", "FLOAT64"}:
            return "ARRAY<FLOAT64>"
        return f"ARRAY<{kinds_in.pop()}>" if len(kinds_in) == 1 and UNTYPED not in kinds_in else UNTYPED
    if isinstance(value, Mapping):
        fields = {str(name): type_of(item) for name, item in value.items()}
        return UNTYPED if UNTYPED in fields.values() else f"STRUCT<{', '.join(f'{n} {t}' for n, t in fields.items())}>"
    raise InputError(f"a value of type {type(value).__name__} cannot be a parameter")


def parameters(values: Mapping[str, Any]) -> list[Any]:
    """Named parameters for the client. Each value must have a type (`type_of`)."""
    return [parameter(name, value) for name, value in values.items()]


def parameter(name: str | None, value: Any) -> Any:
    """One parameter, however deep its value. Raises InputError for an untyped value."""
    from google.cloud import bigquery

    kind = type_of(value)
    if kind == UNTYPED:
        raise InputError(f"parameter @{name} has no type", fix="Give it a value")
    if isinstance(value, (list, tuple)):
        inner = kind[len("ARRAY<"):-1]
        if inner.startswith("STRUCT<"):
            return bigquery.ArrayQueryParameter(name, "STRUCT", [parameter(None, item) for item in value])
        if inner.startswith("ARRAY<"):
            raise InputError(f"parameter @{name} is a list of lists, which BigQuery does not have", fix="Wrap the inner ones in a struct")
        return bigquery.ArrayQueryParameter(name, inner, _plain(value))
    if isinstance(value, Mapping):
        return bigquery.StructQueryParameter(name, *(parameter(str(field), item) for field, item in value.items()))
    return bigquery.ScalarQueryParameter(name, kind, _plain([value])[0])


def _plain(values: Sequence[Any]) -> list[Any]:
    """Values as the client takes them: a NUMERIC keeps nine digits after its point."""
    return [item.quantize(NUMERIC_STEP, ROUND_HALF_UP) if isinstance(item, Decimal) and item.is_finite()
            and int(item.as_tuple().exponent) < -9 else item for item in values]
