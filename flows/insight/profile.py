"""What stands in a table or a file, column by column: how full, how many values, which, how spread, and what looks wrong.

All is measured by DuckDB on one copy of the rows in memory; above a size only the first rows are looked at, and it says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Bin:
    """One bar of a histogram: `low <= value < high`, the last bar with its end. Numbers, dates or datetimes."""

    low: Any
    high: Any
    count: int


@dataclass(frozen=True)
class ColumnProfile:
    """One column; `type` is spelled as in BigQuery. What does not apply to the type is None or empty.

    `filled` is the share of rows with a value (0 to 1). `quantiles` are those at 5, 25, 50, 75 and 95 %. `top` are the most frequent
    values as (text, count). `lengths` are the shortest, longest and mean number of characters. `notes` are what looks wrong.
    """

    name: str
    type: str
    nulls: int = 0
    filled: float = 0.0
    distinct: int | None = None
    exact: bool = True  # False: `distinct` is an estimate
    min: Any = None
    max: Any = None
    mean: float | None = None
    quantiles: tuple[Any, ...] = ()
    top: tuple[tuple[str, int], ...] = ()
    histogram: tuple[Bin, ...] = ()
    true: int | None = None
    false: int | None = None
    lengths: tuple[int, int, float] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Profile:
    """A table or a file. `rows` are all that could be read, `rejected` those that could not.

    `seen` is how many rows the columns were measured on: less than `rows` for a large one. `rejects` shows the first rejected rows:
    {line, column, reason}. `sheet` is the sheet of a workbook that was read, `sheets` are all it has. `notes` are about the whole.
    """

    name: str
    rows: int
    columns: tuple[ColumnProfile, ...] = ()
    head: tuple[Mapping[str, Any], ...] = ()
    rejected: int = 0
    rejects: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    seen: int = 0
    sheet: str = ""
    sheets: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def sampled(self) -> bool:
        """Were the columns measured on the first rows only?"""
        return self.seen < self.rows

    @property
    def words(self) -> str:
        """One sentence: how much there is, and how much of it could not be read."""
        text = f"{_count(self.rows, 'row')}, {_count(len(self.columns), 'column')}"
        if self.rejected:
            text += f", {_count(self.rejected, 'row')} could not be read"
        return text

    def column(self, name: str) -> ColumnProfile | None:
        return next((column for column in self.columns if column.name == name), None)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, values as they are."""
        data = {each.name: getattr(self, each.name) for each in fields(self)}
        return data | {"columns": [asdict(column) for column in self.columns], "words": self.words}


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
