from datetime import date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pytest

from flows.engines.rows import Feed, Rows
from flows.errors import DataError, LimitError

BIG = 10**9


def table(*pages):
    rows = Rows(BIG)
    for page in pages:
        rows.add(page)
    return rows.table()


@pytest.mark.parametrize(("values", "kind", "given"), [
    ([1, 2], pa.int64(), [1, 2]), ([1, 2.5], pa.float64(), [1.0, 2.5]), ([True, None], pa.bool_(), [True, None]),
    ([True, 1], pa.string(), ["true", "1"]), ([1, "a"], pa.string(), ["1", "a"]), ([2**63, 1], pa.string(), [str(2**63), "1"]),
    ([date(2025, 1, 1), datetime(2025, 1, 2, 3)], pa.timestamp("us"), [datetime(2025, 1, 1), datetime(2025, 1, 2, 3)]),
    ([time(1, 2)], pa.time64("us"), [time(1, 2)]), ([Decimal("1.10")], pa.string(), ["1.10"]), ([None, None], pa.string(), [None, None]),
    ([float("nan"), 1.5], pa.string(), ["NaN", "1.5"]), ([[1], "x"], pa.json_(), ["[1]", '"x"']),
])
def test_a_column_has_the_narrowest_type_on_one_page_and_over_pages(values, kind, given):
    one = table([{"a": value} for value in values])
    many = table(*([{"a": value}] for value in values))
    assert one.schema.field("a").type == many.schema.field("a").type == kind
    assert one.column("a").to_pylist() == given


def test_fields_that_come_late_are_null_before(bench):
    assert table([{"a": 1}], [], [{"b": "x", "a": None}]).to_pylist() == [{"a": 1, "b": None}, {"a": None, "b": "x"}]


def test_what_is_no_record_is_counted_and_told():
    rows = Rows(BIG)
    rows.add([{"a": 1}, *range(50)])
    assert (rows.rows, rows.rejected, len(rows.rejects)) == (1, 50, 50)
    assert rows.rejects[0] == {"line": 2, "column": "", "reason": "not a record but int"}


def test_memory_is_bounded():
    with pytest.raises(LimitError, match="larger than 1 MiB"):
        Rows(1024 * 1024).add([{"a": "x" * 1000}] * 2000)


def test_an_error_while_batches_are_pulled_is_raised_as_it_was():
    def batches():
        yield pa.record_batch({"a": [1]})
        raise DataError("row 2 is bad")

    with pytest.raises(DataError, match="row 2 is bad"):
        Feed(pa.schema([("a", pa.int64())]), batches()).into(lambda reader: reader.read_all())
