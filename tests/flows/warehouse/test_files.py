"""No row of a file is lost in silence: rows in are rows out plus rejected ones, each shown with line, column and reason."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.errors import DataError, InputError, MissingError
from flows.warehouse.duckdb import DuckDBWarehouse
from flows.warehouse.files import FileRead


@pytest.fixture
def warehouse(open_warehouse: Callable[..., DuckDBWarehouse], tmp_path: Path) -> DuckDBWarehouse:
    return open_warehouse(read_dirs=[tmp_path])


def put(tmp_path: Path, data: bytes | str, name: str = "f.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def rows(w: DuckDBWarehouse, file: FileRead) -> list[tuple[Any, ...]]:
    found = [tuple(r.values()) for r in w.query(file.tree).to_pylist()]
    assert file.rows is None or len(found) == file.rows
    return found


def kinds(file: FileRead) -> dict[str, str]:
    return {c.name: c.type for c in file.columns}


def test_ragged_rows_are_rejected_with_their_line(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    file = warehouse.read_csv(put(tmp_path, "a,b,c\n1,2,3\n4,5\n6,7,8,9\n10,11,12\n"))
    assert rows(warehouse, file) == [(1, 2, 3), (10, 11, 12)]
    assert file.rejected == 2
    assert [(r["line"], r["reason"]) for r in file.rejects] == [(3, "too few columns (expected 3 found 2)"),
                                                                (4, "too many columns (expected 3 found 4)")]


def test_wrong_bytes_are_rejected_and_the_way_out_is_named(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    path = put(tmp_path, "a,b\n1,ok\n2,café\n3,fine\n".encode("latin-1"))
    file = warehouse.read_csv(path)
    assert rows(warehouse, file) == [(1, "ok"), (3, "fine")]
    assert (file.rejected, file.rejects[0]["line"], file.rejects[0]["column"]) == (1, 3, "b")
    assert "encoding: latin-1" in file.rejects[0]["reason"]
    assert rows(warehouse, warehouse.read_csv(path, encoding="latin-1")) == [(1, "ok"), (2, "café"), (3, "fine")]


def test_a_byte_order_mark_is_believed(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    assert rows(warehouse, warehouse.read_csv(put(tmp_path, "a,b\n1,é\n".encode("utf-16")))) == [(1, "é")]
    assert rows(warehouse, warehouse.read_csv(put(tmp_path, "a,b\n1,é\n".encode("utf-8-sig"), "g.csv"))) == [(1, "é")]


def test_the_line_is_the_one_in_the_file(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    file = warehouse.read_csv(put(tmp_path, 'a,b\n1,"x\ny"\n\n2\n'))
    assert rows(warehouse, file) == [(1, "x\ny")]
    assert [r["line"] for r in file.rejects] == [5]


def test_lines_that_an_open_quote_swallows_are_counted(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    file = warehouse.read_csv(put(tmp_path, 'a,b\n1,x\n2,"open\n' + "3,y\n" * 10 + "4,z\n"))
    assert rows(warehouse, file) == [(1, "x")]
    assert file.rejected == 12
    long = warehouse.read_csv(put(tmp_path, 'a,b\n1,x\n2,"open\n' + "3,y\n" * 9000, "long.csv"))
    assert (long.rows, long.rejected) == (1, 9001)


def test_a_row_too_long_to_be_one_stops_the_read(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="more than 2 MB"):
        warehouse.read_csv(put(tmp_path, 'a,b\n1,2\n1,"open\n' + "7,8\n" * 1_000_000 + '9"\n3,4\n'))


def test_types_come_from_all_values(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    text = "i,f,zip,d,t,z,b,mixed,none\n" + "1,1.5,01234,2025-01-31,2025-01-31 10:00:00,2025-01-31T10:00:00Z,true,1,\n" * 3000 \
        + "2,2,00001,2025-02-01,2025-01-31 11:00:00,2025-01-31T11:00:00+02:00,false,x,\n"
    file = warehouse.read_csv(put(tmp_path, text))
    assert kinds(file) == {"i": "INT64", "f": "FLOAT64", "zip": "STRING", "d": "DATE", "t": "DATETIME", "z": "TIMESTAMP", "b": "BOOL",
                           "mixed": "STRING", "none": "STRING"}
    assert (file.rows, file.rejected) == (3001, 0)


def test_numbers_that_a_float_would_change_stay_text(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    file = warehouse.read_csv(put(tmp_path, "id,part\n12345678901234567890,1\n5,1.5\n"))
    assert kinds(file) == {"id": "STRING", "part": "FLOAT64"}


def test_a_declared_type_rejects_what_does_not_fit(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    path = put(tmp_path, "id,amount\n1,10.50\nx\n2,abc\n3,7.25\n4.5,1\n,2\n")
    file = warehouse.read_csv(path, types={"id": "INT64", "amount": "NUMERIC"})
    assert [(a, str(b)) for a, b in rows(warehouse, file)] == [(1, "10.500000000"), (3, "7.250000000"), (None, "2.000000000")]
    assert file.rejected == 3
    assert [(r["line"], r["column"]) for r in file.rejects] == [(3, "amount"), (4, "amount"), (6, "id")]
    with pytest.raises(InputError, match="Did you mean 'amount'"):
        warehouse.read_csv(tmp_path / "f.csv", types={"amuont": "NUMERIC"})


@pytest.mark.parametrize("text", ["a;b\n1;2\n", "a\tb\n1\t2\n", "a|b\r\n1|2\r\n", "a,b\r\n1,2\n", "a,b\r1,2\r"])
def test_delimiter_and_line_ends_are_found(warehouse: DuckDBWarehouse, tmp_path: Path, text: str) -> None:
    file = warehouse.read_csv(put(tmp_path, text))
    assert (list(kinds(file)), rows(warehouse, file)) == (["a", "b"], [(1, 2)])


def test_a_header_may_be_missing_double_or_strange(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    assert list(kinds(warehouse.read_csv(put(tmp_path, "1,2\n"), header=False))) == ["column_1", "column_2"]
    double = warehouse.read_csv(put(tmp_path, "a,A,\n1,2,3\n"))
    assert list(kinds(double)) == ["a", "A_2", "column_3"]
    assert len(double.notes) == 2
    strange = warehouse.read_csv(put(tmp_path, "\"x'); drop table x; --\",b\n1,2\n"))
    assert list(kinds(strange)) == ["x'); drop table x; --", "b"]
    assert rows(warehouse, strange) == [(1, 2)]


def test_an_empty_file_says_so(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"f\.csv is empty"):
        warehouse.read_csv(put(tmp_path, ""))
    only_header = warehouse.read_csv(put(tmp_path, "a,b\n"))
    assert (only_header.rows, kinds(only_header)) == (0, {"a": "STRING", "b": "STRING"})


def test_gzip_is_read(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    assert rows(warehouse, warehouse.read_file(put(tmp_path, gzip.compress(b"a,b\n1,2\n3\n"), "f.csv.gz"))) == [(1, 2)]


def test_ndjson_counts_broken_lines(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    text = '{"a":1,"b":"x","d":"2025-01-31"}\n{broken\n\n5\n{"a":2,"c":[{"k":1}],"d":null}\n'
    file = warehouse.read_file(put(tmp_path, text, "f.ndjson"))
    assert rows(warehouse, file) == [(1, "x", date(2025, 1, 31), None), (2, None, None, [{"k": 1}])]
    assert kinds(file) == {"a": "INT64", "b": "STRING", "d": "DATE", "c": "ARRAY<STRUCT<k INT64>>"}
    assert [(r["line"], r["reason"]) for r in file.rejects] == [(2, "not valid JSON"), (4, "not an object")]
    assert file.rejected == 2


def test_a_json_array_and_one_object(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    file = warehouse.read_file(put(tmp_path, json.dumps([{"a": 1}, 7, {"a": 2.5}], indent=1), "f.json"))
    assert (rows(warehouse, file), file.rejected) == ([(1.0,), (2.5,)], 1)
    one = warehouse.read_file(put(tmp_path, json.dumps({"a": 1, "b": {"c": True}}, indent=1), "g.json"))
    assert rows(warehouse, one) == [(1, {"c": True})]
    with pytest.raises(DataError, match="cannot be read as JSON"):
        warehouse.read_file(put(tmp_path, '[{"a":1}, {broken]', "h.json"))


def test_declared_json_types_keep_every_digit(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    file = warehouse.read_json(put(tmp_path, '{"x": 0.1234567}\n{"x": "abc"}\n', "f.jsonl"), types={"x": "NUMERIC"})
    assert [str(r[0]) for r in rows(warehouse, file)] == ["0.123456700"]
    assert (file.rejected, file.rejects[0]["line"], file.rejects[0]["column"]) == (1, 2, "x")


def test_parquet_is_a_view(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    path = tmp_path / "odd [1] x=2 *.parquet"
    pq.write_table(pa.table({"a": pa.array([1, 2], pa.int8()), "s": ["x", None]}), path)
    file = warehouse.read_file(path)
    assert (kinds(file), rows(warehouse, file)) == ({"a": "INT64", "s": "STRING"}, [(1, "x"), (2, None)])
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        warehouse.read_file(put(tmp_path, "no parquet", "x.parquet"))


def test_what_is_no_file_is_said(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no file"):
        warehouse.read_file(tmp_path / "nope.csv")
    with pytest.raises(InputError, match="what kind of file"):
        warehouse.read_file(tmp_path / "nope.xyz")
    with pytest.raises(InputError, match=r"no option 'delimeter'.*Did you mean 'delimiter'"):
        warehouse.read_file(put(tmp_path, "a\n"), options={"delimeter": ";"})
    with pytest.raises(InputError, match="encoding 'klingon'"):
        warehouse.read_csv(put(tmp_path, "a\n"), encoding="klingon")


def test_files_outside_the_allowed_folders_stay_shut(open_warehouse: Callable[..., DuckDBWarehouse], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    w = open_warehouse(read_dirs=[tmp_path / "in"])
    outside = put(tmp_path, "a,b\n1,2\n")
    with pytest.raises(InputError, match="not in an allowed folder"):
        w.read_csv(outside)
    link = tmp_path / "in" / "link.csv"
    link.symlink_to(outside)
    with pytest.raises(InputError, match="not in an allowed folder"):
        w.read_csv(link)


def test_a_map_in_a_parquet_file_is_a_list_of_its_entries_at_any_depth(warehouse, tmp_path):
    pairs = pa.map_(pa.string(), pa.int64())
    pq.write_table(pa.table({
        "m": pa.array([[("k", 1)], [], None], pairs),
        "l": pa.array([[[("k", 1)]], [], None], pa.list_(pairs)),
        "s": pa.array([{"a": [("k", 1)], "b b": 1}, None, {"a": None, "b b": 2}], pa.struct([("a", pairs), ("b b", pa.int64())])),
        "deep": pa.array([[("x", [("k", 1)])], [], None], pa.map_(pa.string(), pairs))}), tmp_path / "maps.parquet")
    entry = {"key": "k", "value": 1}
    assert rows(warehouse, warehouse.read_file(tmp_path / "maps.parquet")) == [
        ([entry], [[entry]], {"a": [entry], "b b": 1}, [{"key": "x", "value": [entry]}]),
        ([], [], None, []),
        (None, None, {"a": None, "b b": 2}, None)]
