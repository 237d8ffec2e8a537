"""What a query costs on BigQuery: the size of values, what is billed of a scan, and the price of a TiB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.errors import InputError
from flows.warehouse.base import Column
from flows.warehouse.bqtypes import normal

if TYPE_CHECKING:
    from flows.warehouse.bq.project import Project

LIST = Path(__file__).resolve().parents[3] / "configs" / "system" / "prices" / "bigquery.yml"
MIB, TIB = 2**20, 2**40
LEAST = 10 * MIB
"""Billed at least, for each table that a query reads. Source: BigQuery, "Pricing", on-demand compute."""
TYPE_BYTES = {"INT64": 8, "FLOAT64": 8, "NUMERIC": 16, "BIGNUMERIC": 32, "BOOL": 1, "DATE": 8, "TIME": 8, "DATETIME": 8, "TIMESTAMP": 8,
              "INTERVAL": 16, "RANGE": 16}
"""Logical bytes of a value. Source: BigQuery, "Data type sizes"; a STRING or BYTES has 2 more than its UTF-8 bytes, NULL has none."""
TEXT_BYTES = 18
"""Assumed for a text that nobody has measured: 16 bytes and the 2 of its length."""


@dataclass(frozen=True)
class Tariff:
    """The price of a scanned TiB in US dollars, and where it comes from, in words."""

    usd_per_tib: float
    source: str

    def usd(self, billed: int) -> float:
        return billed / TIB * self.usd_per_tib


def value_bytes(type_: str, text: float | None = None) -> float:
    """Logical bytes of one value of a BigQuery type; `text`: the measured bytes of a STRING, BYTES or JSON without its length."""
    kind = normal(type_)
    if kind.startswith(("ARRAY<", "STRUCT<")):
        return TEXT_BYTES if text is None else text + 2
    return TYPE_BYTES.get(kind, TEXT_BYTES if text is None else text + 2)


def row_bytes(columns: Iterable[Column], measured: Mapping[str, float] | None = None) -> float:
    """Logical bytes of one row; `measured`: average bytes of a text by column name."""
    return sum(value_bytes(column.type, (measured or {}).get(column.name)) for column in columns)


def billed(scans: Iterable[float]) -> int:
    """What one query is billed for the bytes that it scans of each table: whole MiB, and the least for every table."""
    return sum(max(LEAST, -int(-scan // MIB) * MIB) for scan in scans)


def tariff(project: Project | None, day: date | None = None) -> Tariff:
    """What a TiB costs in the project's location on a day (default: today): its own price, else the list's."""
    if project is not None and project.usd_per_tib is not None:
        return Tariff(project.usd_per_tib, "the price of your project")
    day, location = day or datetime.now(UTC).date(), project.location.upper() if project else "US"
    for wanted, words in ((location, f"list price of {location}"), ("US", f"list price of US, as that of {location} is not in the list")):
        known = [entry for entry in _entries() if entry["location"].upper() == wanted and entry["from"] <= day]
        if known:
            found = max(known, key=lambda entry: entry["from"])
            return Tariff(float(found["usd"]), f"{words} since {found['from']}")
    raise InputError(f"there is no price of BigQuery for {day}", where=str(LIST), fix="Set usd_per_tib of your project in environments.yml")


@cache
def _entries() -> tuple[dict[str, Any], ...]:
    import yaml

    return tuple(yaml.safe_load(LIST.read_text("utf-8"))["on_demand_usd_per_tib"])
