"""What data there is: tables, columns, synonyms, known values, keys, connections and pipelines, as one immutable snapshot."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Connection(Frozen):
    """A system by name. Its address and secret are never here: see `flows.insight.connections`."""

    kind: str
    synonyms: tuple[str, ...] = ()
    writable: bool = False
    supported: bool = True


class CatalogColumn(Frozen):
    """`type` is a BigQuery type."""

    type: str
    synonyms: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    description: str = ""


class Table(Frozen):
    """`location` is the lake table (dataset.table) that holds the rows when the connection has no address, for sample data."""

    connection: str = ""
    primary_key: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()
    columns: dict[str, CatalogColumn] = Field(default_factory=dict)
    description: str = ""
    location: str = ""


class Reference(Frozen):
    table: str
    column: str


class ForeignKey(Frozen):
    table: str
    column: str
    references: Reference


class Catalog(Frozen):
    """The snapshot that a planner, a check and a preview are judged against."""

    connections: dict[str, Connection] = Field(default_factory=dict)
    tables: dict[str, Table] = Field(default_factory=dict)
    foreign_keys: tuple[ForeignKey, ...] = ()
    pipelines: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """A hash of the content; equal content, equal version."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Catalog:
        return cls.model_validate(data)
