"""What can be done to rows: every operation as one closed shape, written the same in a spec, by a person or by a model."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictFloat, StrictInt, StrictStr, model_validator

from flows.transform.condition import Closed, Condition, Name, Scalar, Today

Direction = Literal["asc", "desc"]
Names = Annotated[list[Name], Field(min_length=1, max_length=5000)]
Rows = Annotated[StrictInt, Field(ge=1, le=1_000_000_000)]
Grained = Literal["minute", "hour", "day", "week", "month", "quarter", "year"]


class Filter(Closed):
    """Keep the rows that fulfil a condition."""

    op: Literal["filter"]
    where: Condition


class Join(Closed):
    """Put the columns of another relation beside these rows (`anti`, `semi`: only ask whether it has a match).

    A column that both sides have is `<table>_<column>` on the right side. An empty key matches nothing.
    """

    op: Literal["join"]
    with_: Name = Field(alias="with")
    how: Literal["inner", "left", "right", "full", "anti", "semi"] = "inner"
    on: Annotated[list[tuple[Name, Name]], Field(min_length=1, max_length=32)]


class Select(Closed):
    """Keep these columns, in this order."""

    op: Literal["select"]
    columns: Names


class Rename(Closed):
    """Give columns other names: {old: new}."""

    op: Literal["rename"]
    columns: Annotated[dict[Name, Name], Field(min_length=1)]


class Derive(Closed):
    """Add columns (or replace them) by scalar BigQuery expressions over the columns before this operation."""

    op: Literal["derive"]
    columns: Annotated[dict[Name, StrictStr], Field(min_length=1, max_length=500)]


class Grain(Closed):
    """Cut a date or time down to its minute, hour, day, week (from Monday), month, quarter or year. It keeps its name and type."""

    column: Name
    unit: Grained
    as_: Name | None = Field(None, alias="as")


class Measure(Closed):
    """One number per group. `where` counts only the rows that fulfil it; `ratio` is their share: of the rows, or of the column's sum.

    Without `as` its name is `<fn>_<column>`, or `<fn>` alone.
    """

    fn: Literal["sum", "avg", "min", "max", "count", "count_distinct", "median", "ratio"]
    column: Name | None = None
    as_: Name | None = Field(None, alias="as")
    where: Condition | None = None

    @model_validator(mode="after")
    def fits(self) -> Measure:
        if self.of is None and self.fn not in ("count", "ratio"):
            raise ValueError(f"{self.fn} needs a column")
        if self.fn == "ratio" and self.where is None:
            raise ValueError("ratio needs `where`: the rows whose share is asked")
        return self

    @property
    def of(self) -> str | None:
        """The column; None stands for the rows themselves."""
        return None if self.column == "*" else self.column

    @property
    def name(self) -> str:
        return self.as_ or (f"{self.fn}_{self.of}" if self.of else self.fn)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, dict | Grain) else value


class Aggregate(Closed):
    """One row for each combination of `by` and `grain`, with measures. Without either: one row for everything."""

    op: Literal["aggregate"]
    by: list[Name] = Field(default_factory=list, max_length=500)
    grain: Annotated[list[Grain], BeforeValidator(_listed, json_schema_input_type=Grain | list[Grain])] = Field(default_factory=list)
    measures: list[Measure] = Field(default_factory=list, max_length=500)

    @model_validator(mode="after")
    def some(self) -> Aggregate:
        if not self.measures and not self.by and not self.grain:
            raise ValueError("aggregate needs measures, by or grain")
        return self


class Order(Closed):
    """A column and its direction. Empty cells come last, both ways."""

    column: Name
    direction: Direction = "asc"


class Best(Closed):
    """A column and its direction, the highest first unless told otherwise. Empty cells come last, both ways."""

    column: Name
    direction: Direction = "desc"


class Top(Closed):
    """The first n rows by an order, of all rows or of each group (`per`). Ties are broken by all other columns."""

    op: Literal["top"]
    n: Rows
    order_by: Annotated[list[Best], Field(min_length=1, max_length=100)]
    per: list[Name] = Field(default_factory=list, max_length=100)


class Keep(Closed):
    """Which of several equal rows stays: by default the latest."""

    order_by: Name
    direction: Direction = "desc"


class Deduplicate(Closed):
    """One row for each key (no keys: for each different row). Rows whose key is empty count as one key.

    Which row stays is told by `keep`; ties, and rows without `keep`, are broken by all other columns.
    """

    op: Literal["deduplicate"]
    keys: list[Name] = Field(default_factory=list, max_length=100)
    keep: Keep | None = None


class Over(Closed):
    """Along what a window looks: its order, how many rows it spans (lag, lead: how far), and per what it starts anew."""

    order_by: Name | Annotated[list[Order], Field(min_length=1, max_length=100)] | None = None
    direction: Direction = "asc"
    rows: Rows | None = None
    per: list[Name] = Field(default_factory=list, max_length=100)


class Window(Closed):
    """A value beside each row that is computed from its neighbours.

    moving_avg and moving_sum span `rows` rows up to this one; gaps in the order are not filled. `share` is the part of the group's
    sum. Without `as` its name is `<fn>_<column>`, or `<fn>` alone.
    """

    op: Literal["window"]
    fn: Literal["moving_avg", "moving_sum", "running_total", "row_number", "rank", "dense_rank", "lag", "lead", "first", "last", "share"]
    column: Name | None = None
    over: Over = Field(default_factory=Over)
    as_: Name | None = Field(None, alias="as")

    @model_validator(mode="after")
    def fits(self) -> Window:
        if self.fn not in ("row_number", "rank", "dense_rank") and self.column is None:
            raise ValueError(f"{self.fn} needs a column")
        if self.fn != "share" and self.over.order_by is None:
            raise ValueError(f"{self.fn} needs over.order_by: along which column it goes")
        if self.fn.startswith("moving") and self.over.rows is None:
            raise ValueError(f"{self.fn} needs over.rows: how many rows it spans")
        if self.fn not in ("moving_avg", "moving_sum", "lag", "lead") and self.over.rows is not None:
            raise ValueError(f"{self.fn} takes no over.rows")
        return self

    @property
    def name(self) -> str:
        ranks = self.fn in ("row_number", "rank", "dense_rank")
        return self.as_ or (self.fn if ranks or self.column is None else f"{self.fn}_{self.column}")


class Union(Closed):
    """The rows of other relations below these. All have the same columns; they are matched by name."""

    op: Literal["union"]
    with_: Names = Field(alias="with")
    distinct: bool = Field(False, strict=True)


class Sort(Closed):
    """Put the rows in order. Ties are broken by all other columns."""

    op: Literal["sort"]
    by: Annotated[list[Order], Field(min_length=1, max_length=100)]


class Limit(Closed):
    """Keep the first n rows."""

    op: Literal["limit"]
    n: Annotated[StrictInt, Field(ge=0, le=1_000_000_000)]


class Fill(Closed):
    """Put a value where a cell is empty: {column: value}."""

    op: Literal["fill"]
    columns: Annotated[dict[Name, Scalar | Today], Field(min_length=1, max_length=500)]


class Mask(Closed):
    """Make columns unreadable.

    `mask`: of every word the first letter or digit stays, the rest becomes `***` (anna.smith@example.com is a***.s***@e***.c***).
    `hash`: the SHA-256 of the text in hexadecimal; equal values stay equal.
    """

    op: Literal["mask"]
    columns: Annotated[dict[Name, Literal["mask", "hash"]], Field(min_length=1, max_length=500)]


class ConvertCurrency(Closed):
    """Amounts into one currency, at the last rate on or before the date (left out: the day of the run).

    `from` is a column of currency codes or one code for all rows. `rates` is a relation with a date, a currency and a rate column
    whose name says what it is worth, as in rate_to_usd. Without `as` the amount is replaced, and so is its currency column.
    A missing rate ends the step; it is never taken for 1.
    """

    op: Literal["convert_currency"]
    column: Name
    from_: Name = Field(alias="from")
    to: Annotated[StrictStr, Field(pattern=r"^[A-Z]{3}$")]
    rates: Name
    date: Name | None = None
    as_: Name | None = Field(None, alias="as")


class FlagAnomalies(Closed):
    """A true or false beside each row: is its value far from the others of its group?

    `robust_zscore` measures by the median and the median distance from it, `zscore` by average and standard deviation. Where all
    values of a group are (mostly) the same, nothing is an anomaly; an empty cell is none either.
    """

    op: Literal["flag_anomalies"]
    column: Name
    per: list[Name] = Field(default_factory=list, max_length=100)
    method: Literal["robust_zscore", "zscore"] = "robust_zscore"
    threshold: Annotated[StrictInt | StrictFloat, Field(gt=0, le=1000)] = 3.5
    as_: Name = Field("is_anomaly", alias="as")


class Pivot(Closed):
    """Values of one column become columns: one row for each combination of `rows`, one column for each value in `among`."""

    op: Literal["pivot"]
    rows: list[Name] = Field(default_factory=list, max_length=100)
    columns: Name
    values: Measure
    among: Annotated[list[Scalar], Field(min_length=1, max_length=500)] | None = None


class Unpivot(Closed):
    """Columns become rows: the name of the column in `name`, its cell in `value`. Empty cells give no row."""

    op: Literal["unpivot"]
    columns: Names
    name: Name = "name"
    value: Name = "value"


class SplitRows(Closed):
    """A text with several values becomes several rows, one for each, without spaces around. An empty cell stays one row."""

    op: Literal["split_rows"]
    column: Name
    by: Annotated[StrictStr, Field(min_length=1, max_length=20)] = ","
    as_: Name | None = Field(None, alias="as")


Operation = Annotated[
    Filter | Join | Select | Rename | Derive | Aggregate | Top | Deduplicate | Window | Union | Sort | Limit | Fill | Mask
    | ConvertCurrency | FlagAnomalies | Pivot | Unpivot | SplitRows,
    Field(discriminator="op")]
Operations = Annotated[list[Operation], Field(min_length=1, max_length=500)]


def names(operation: Operation) -> list[str]:
    """The other relations that an operation reads."""
    if isinstance(operation, Join):
        return [operation.with_]
    if isinstance(operation, ConvertCurrency):
        return [operation.rates]
    return list(operation.with_) if isinstance(operation, Union) else []
