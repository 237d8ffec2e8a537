"""Promises about data: each check as one closed shape, said in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, StrictInt, StrictStr, field_validator, model_validator

from flows.transform.condition import MAX_VALUES, Closed, Name, Scalar

OnFail = Literal["fail", "quarantine", "warn"]
_AGE = re.compile(r"([1-9]\d{0,5})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def age(text: str) -> timedelta:
    """`90m`, `24h` or `7d`. Raises ValueError."""
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text[:40]!r} is not a length of time; write it like 90m, 24h or 7d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


class _Check(Closed):
    """What all checks share. `fail` ends the step, `quarantine` sets the bad rows aside, `warn` only says so."""

    on_fail: OnFail = "fail"

    @property
    def names(self) -> list[str]:
        """The columns it looks at."""
        return []

    def words(self) -> str:
        """What a row did wrong, as in "customer_id is empty"."""
        raise NotImplementedError


class _Columns(_Check):
    """A check of one column or of several."""

    column: Name | None = None
    columns: list[Name] | None = Field(None, min_length=1, max_length=100)

    @model_validator(mode="after")
    def some(self) -> _Columns:
        if (self.column is None) == (self.columns is None):
            raise ValueError("name either `column` or `columns`")
        return self

    @property
    def names(self) -> list[str]:
        return self.columns or [str(self.column)]


class NotNull(_Columns):
    """No cell is empty."""

    check: Literal["not_null"]

    def words(self) -> str:
        return f"{_or(self.names)} is empty"


class Unique(_Columns):
    """No two rows share the value (or the values together). Rows where one is empty pass."""

    check: Literal["unique"]

    def words(self) -> str:
        return f"{_and(self.names)} occurs more than once"


class Positive(_Columns):
    """Numbers are above 0. Empty cells pass."""

    check: Literal["positive"]

    def words(self) -> str:
        return f"{_or(self.names)} is not above 0"


class Between(_Columns):
    """Values lie between, limits included. Empty cells pass."""

    check: Literal["between"]
    min: Scalar | None = None
    max: Scalar | None = None

    @model_validator(mode="after")
    def limits(self) -> Between:
        if self.min is None and self.max is None:
            raise ValueError("between needs min, max or both")
        if isinstance(self.min, int | float) and isinstance(self.max, int | float) and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self

    def words(self) -> str:
        if self.max is None:
            return f"{_or(self.names)} is below {self.min}"
        if self.min is None:
            return f"{_or(self.names)} is above {self.max}"
        return f"{_or(self.names)} is not between {self.min} and {self.max}"


class Accepted(_Columns):
    """Values are among these. Empty cells pass."""

    check: Literal["accepted"]
    values: Annotated[list[Scalar], Field(min_length=1, max_length=MAX_VALUES)]

    def words(self) -> str:
        shown = ", ".join(map(str, self.values[:8])) + (", ..." if len(self.values) > 8 else "")
        return f"{_or(self.names)} is none of {shown}"


class Matches(_Columns):
    """A regular expression (RE2) is found in the text; ^ and $ tie it to both ends. Empty cells pass."""

    check: Literal["matches"]
    pattern: Annotated[StrictStr, Field(min_length=1, max_length=1000)]

    def words(self) -> str:
        return f"{_or(self.names)} does not match {self.pattern}"


class ForeignKey(_Check):
    """Values exist in another table. Empty cells pass. `columns: [a], table: t, column: b` checks a against t.b; without the other
    name both are called the same."""

    check: Literal["foreign_key"]
    table: Name
    column: Name | None = None
    columns: Annotated[list[Name], Field(min_length=1, max_length=1)] | None = None

    @model_validator(mode="after")
    def some(self) -> ForeignKey:
        if self.column is None and self.columns is None:
            raise ValueError("foreign_key needs `column`")
        return self

    @property
    def names(self) -> list[str]:
        return self.columns or [str(self.column)]

    @property
    def target(self) -> str:
        """The column of the other table."""
        return self.column or self.names[0]

    def words(self) -> str:
        return f"{self.names[0]} is not in {self.table}.{self.target}"


class Expression(_Check):
    """A BigQuery expression that is true for every row. Rows where it cannot be told pass."""

    check: Literal["expression"]
    expression: StrictStr

    def words(self) -> str:
        return f"{self.expression} does not hold"


class _Whole(_Check):
    """A check of the whole relation: it has no bad rows that could be set aside."""

    @field_validator("on_fail")
    @classmethod
    def no_rows(cls, value: OnFail) -> OnFail:
        if value == "quarantine":
            raise ValueError("this check looks at all rows together, there are none to set aside; use fail or warn")
        return value


class RowCount(_Whole):
    """So many rows there are."""

    check: Literal["row_count"]
    min: Annotated[StrictInt, Field(ge=0)] | None = None
    max: Annotated[StrictInt, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def limits(self) -> RowCount:
        if self.min is None and self.max is None:
            raise ValueError("row_count needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self

    def words(self) -> str:
        parts = [f"at least {self.min}"] * (self.min is not None) + [f"at most {self.max}"] * (self.max is not None)
        return f"there are not {' and '.join(parts)} rows"


class Freshness(_Whole):
    """The newest value is not older than max_age (90m, 24h, 7d). A DATE stands for its whole day. Without rows it fails."""

    check: Literal["freshness"]
    column: Name
    max_age: StrictStr

    @field_validator("max_age")
    @classmethod
    def length(cls, value: str) -> str:
        age(value)
        return value

    @property
    def names(self) -> list[str]:
        return [self.column]

    def words(self) -> str:
        return f"the newest {self.column} is older than {self.max_age}"


Check = Annotated[
    NotNull | Unique | Positive | Between | Accepted | Matches | ForeignKey | Expression | RowCount | Freshness,
    Field(discriminator="check")]
Checks = Annotated[list[Check], Field(min_length=1, max_length=500)]


def tables(checks: Sequence[Check]) -> list[str]:
    """The other tables that the checks look into."""
    return list(dict.fromkeys(check.table for check in checks if isinstance(check, ForeignKey)))


def _or(names: list[str]) -> str:
    return " or ".join(names)


def _and(names: list[str]) -> str:
    return " and ".join(names)


def softened(check: Check) -> Check:
    """The check as it is for a step that goes on without bad rows: what would end the step sets its rows aside, if it has any."""
    return check if check.on_fail != "fail" or isinstance(check, _Whole) else check.model_copy(update={"on_fail": "quarantine"})
