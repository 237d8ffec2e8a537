"""Conditions: a tree that says which rows are meant, never a piece of SQL text."""

from __future__ import annotations

import math
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    Tag,
    model_validator,
)

MAX_DEPTH = 50
MAX_VALUES = 10_000

Operator = Literal["=", "!=", ">", ">=", "<", "<=", "in", "not_in", "between", "is_null", "is_not_null", "like", "starts_with", "contains",
                   "in_period"]
Unit = Literal["day", "week", "month", "quarter", "year"]
Name = Annotated[str, Field(strict=True, min_length=1, max_length=300)]


class Closed(BaseModel):
    """A field that the contract does not know is an error, never dropped; what is written out reads back."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, serialize_by_alias=True)


class Today(Closed):
    """A day counted from the day of the run: `{today: -30}` is 30 days before it."""

    today: Annotated[StrictInt, Field(ge=-100_000, le=100_000)]


class Period(Closed):
    """A calendar window: `{unit: month, offset: -1}` is last month. Weeks start on Monday."""

    unit: Unit
    offset: Annotated[StrictInt, Field(ge=-10_000, le=10_000)] = 0


class Other(Closed):
    """Another column of the same row."""

    column: Name


def _scalar(value: Any) -> Any:
    """YAML reads 2025-01-01 as a date; everywhere else it is text, so text it is."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("is not a number that can be compared")
    return value


def _kind(value: Any) -> str | None:
    if isinstance(value, dict):
        return next((kind for kind in ("today", "unit", "column") if kind in value), None)
    if isinstance(value, BaseModel):
        return {Today: "today", Period: "unit", Other: "column"}.get(type(value))
    return "list" if isinstance(value, list | tuple) else "plain"


Scalar = Annotated[StrictBool | StrictInt | StrictFloat | StrictStr, BeforeValidator(_scalar)]
_NO_VALUE = "a value is a text, a number, true or false, {today: -30}, {unit: month, offset: -1}, {column: other}, or a list of them"
_ITEM = Annotated[
    Annotated[Scalar, Tag("plain")] | Annotated[Today, Tag("today")] | Annotated[Other, Tag("column")],
    Discriminator(_kind, custom_error_type="value", custom_error_message=_NO_VALUE)]
Value = Annotated[
    Annotated[Scalar, Tag("plain")] | Annotated[Today, Tag("today")] | Annotated[Period, Tag("unit")] | Annotated[Other, Tag("column")]
    | Annotated[list[_ITEM], Field(max_length=MAX_VALUES), Tag("list")],
    Discriminator(_kind, custom_error_type="value", custom_error_message=_NO_VALUE)]


class Compare(Closed):
    """One column against a value. An empty cell (NULL) fulfils nothing but `is_null`.

    On a TIMESTAMP, `=`, `!=`, `in`, `not_in` and `between` with dates mean whole UTC days; `>`, `>=`, `<` and `<=` with a date mean
    its first instant. `starts_with` and `contains` respect case.
    """

    column: Name
    is_: Operator = Field(alias="is")
    value: Value | None = None

    @model_validator(mode="after")
    def fits(self) -> Compare:
        """The shape of the value; its type is judged when the column's type is known."""
        how, value = self.is_, self.value
        many = isinstance(value, list)
        if how in ("is_null", "is_not_null"):
            if value is not None:
                raise ValueError(f"{how} takes no value")
        elif value is None:
            raise ValueError(f"{how!r} needs a value; for empty cells use is_null or is_not_null")
        elif how in ("in", "not_in"):
            if not isinstance(value, list) or not value:
                raise ValueError(f"{how} needs a list with at least one value")
        elif how == "between":
            if not isinstance(value, list) or len(value) != 2:
                raise ValueError("between needs a list of two values: [lowest, highest]")
        elif how == "in_period":
            if not isinstance(value, Period):
                raise ValueError("in_period needs {unit: day|week|month|quarter|year, offset: number}")
        elif many or isinstance(value, Period):
            raise ValueError(f"{how!r} takes one value" + ("; for several use in" if many else "; for a calendar window use in_period"))
        elif how in ("like", "starts_with", "contains") and not isinstance(value, str):
            raise ValueError(f"{how} needs a text")
        return self


class All(Closed):
    """Every one of them holds."""

    all_: Annotated[list[Condition], Field(min_length=1, max_length=1000)] = Field(alias="all")


class Any_(Closed):
    """At least one of them holds."""

    any_: Annotated[list[Condition], Field(min_length=1, max_length=1000)] = Field(alias="any")


class Not(Closed):
    """It does not hold; where it cannot be told because a cell is empty, this does not hold either."""

    not_: Condition = Field(alias="not")


def _shape(value: Any) -> str | None:
    if isinstance(value, BaseModel):
        return {All: "all", Any_: "any", Not: "not", Compare: "compare"}.get(type(value))
    if not isinstance(value, dict):
        return None
    return next((kind for kind in ("all", "any", "not") if kind in value), "compare" if {"column", "is"} & set(value) else None)


def _bounded(value: Any) -> Any:
    """Depth is judged before anything recurses into it."""
    layer, depth = [value], 0
    while layer:
        depth += 1
        if depth > 2 * MAX_DEPTH:
            raise ValueError(f"conditions are nested deeper than {MAX_DEPTH}")
        layer = [inner for item in layer for inner in (item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())]
    return value


Condition = Annotated[
    Annotated[Compare, Tag("compare")] | Annotated[All, Tag("all")] | Annotated[Any_, Tag("any")] | Annotated[Not, Tag("not")],
    Discriminator(_shape, custom_error_type="condition",
                  custom_error_message="a condition is {column, is, value}, {all: [...]}, {any: [...]} or {not: ...}, never SQL text"),
    BeforeValidator(_bounded)]

All.model_rebuild()
Any_.model_rebuild()
Not.model_rebuild()
