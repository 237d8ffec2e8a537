"""A table of the warehouse as the end of a copy: how it is written, judged against the columns that come, and told in a preview."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from flows.engines.base import Block, Context, StepResult
from flows.engines.tables import fail, find
from flows.errors import MissingError
from flows.warehouse.base import Column, Slice, TableSpec, WriteMode

if TYPE_CHECKING:
    from sqlglot import exp

PARTITIONS = ("DATE", "DATETIME", "TIMESTAMP", "INT64")
HOW = {"overwrite": "in place of all", "append": "beside, in place of what this pipeline wrote for this date among",
       "merge": "over those with the same keys among", "replace_partition": "in place of the same partitions among"}


class Landing(Block):
    """Which table of the warehouse, and how."""

    table: str = Field(min_length=3, description="dataset.table")
    mode: WriteMode = Field("append", description="append replaces what this pipeline wrote for the same run date, overwrite the whole "
                                                  "table, merge the rows of the same keys, replace_partition the partitions that come")
    keys: list[str] | None = Field(None, min_length=1, description="columns that tell rows apart; needed by merge")
    partition_by: str | None = Field(None, min_length=1, description="a DATE, DATETIME, TIMESTAMP or INT64 column")
    cluster_by: list[str] | None = Field(None, min_length=1, max_length=4)

    @model_validator(mode="after")
    def complete(self) -> Landing:
        if "." not in self.table:
            raise ValueError(f"{self.table!r} does not say its dataset: write dataset.table, like mart.{self.table}")
        if self.mode == "merge" and not self.keys:
            raise ValueError("mode merge needs keys: the columns that tell rows apart")
        if self.mode == "replace_partition" and not self.partition_by:
            raise ValueError("mode replace_partition needs partition_by")
        return self

    def judge(self, columns: Sequence[Column]) -> None:
        """The columns that it names come, and are of a type that serves. Raises SpecError."""
        if self.partition_by:
            column = find(self.partition_by, columns, "destination.partition_by")
            if column.type not in PARTITIONS:
                fail("destination.partition_by", "type", f"{column.name!r} is {column.type}, a table is partitioned by "
                     f"{', '.join(PARTITIONS)}", "Choose a date column")
        for field in ("keys", "cluster_by"):
            for n, name in enumerate(getattr(self, field) or ()):
                find(name, columns, f"destination.{field}.{n}")

    def write(self, rows: str | exp.Query, columns: Sequence[Column], context: Context, *,
              also: tuple[str, tuple[str, ...]] | None = None) -> StepResult:
        """The rows of a query, put in all or nothing; `also` as in `Slice`. Raises what `Warehouse.write` raises."""
        key = Slice(context.tenant_id, context.pipeline_id, context.credential_id, context.run_date.isoformat(), context.run_id, also)
        spec = TableSpec(self.table, tuple(columns), self.partition_by or "", tuple(self.cluster_by or ()), tuple(self.keys or ()))
        done = context.warehouse.write(spec, key, rows, mode=self.mode)
        about: dict[str, Any] = {"table": done.table, "mode": self.mode, "replaced": done.replaced, "version": done.version}
        return StepResult(rows=done.rows, outputs=about)

    def told(self, rows: int | None, context: Context) -> str:
        """What a run would do, in one sentence."""
        try:
            there: int | None = context.warehouse.describe(self.table).rows
        except MissingError:
            there = None
        now = f"{HOW[self.mode]} {there:,} rows that are there now" if there is not None else "into a new table"
        many = "rows" if rows is None else f"{rows:,} rows"
        return f"would write {many} to {self.table} ({self.mode}), {now}"
