"""Extract from the lake, from files and by SQL; PostgreSQL and REST have files of their own."""

from datetime import date
from decimal import Decimal

import pytest
from pydantic import ValidationError

from flows.errors import DataError, InputError, MissingError, SpecError, SqlError
from flows.warehouse.base import LINEAGE, Column

ORDERS = """SELECT 1 AS order_id, 10 AS customer_id, DATE '2025-11-14' AS order_date, 5e0 AS amount, 'paid' AS status
  UNION ALL SELECT 2, 10, DATE '2025-11-10', 7.5e0, 'cancelled' UNION ALL SELECT 3, 11, DATE '2025-11-15', 1e0, 'paid'"""


@pytest.fixture
def shop(bench, shop_catalog):
    bench.catalog = shop_catalog()
    bench.table("shop.orders", ORDERS)
    return bench


# ---------------------------------------------------------------- the lake
def test_a_catalogued_table_without_address_is_sample_data_from_the_lake(shop):
    result = shop.extract(table="orders")
    assert [c.name for c in result.relation.columns] == ["order_id", "customer_id", "order_date", "amount", "status"]
    assert result.rows == 3
    assert "sample data" in result.notes[0]


def test_columns_and_filter_cut_what_is_read(shop):
    shop.extract(table="orders", columns=["status", "order_id"], filter={"column": "status", "is": "=", "value": "paid"})
    assert sorted(r["order_id"] for r in shop.rows("rows")) == [1, 3]
    assert list(shop.rows("rows")[0]) == ["status", "order_id"]


@pytest.mark.parametrize(("lookback", "ids"), [("0d", [3]), ("1d", [1, 3]), ("36h", [1, 3]), ("5d", [1, 2, 3])])
def test_an_increment_starts_a_lookback_before_the_run_date(shop, lookback, ids):
    shop.extract(table="orders", incremental={"column": "order_date", "lookback": lookback})
    assert sorted(r["order_id"] for r in shop.rows("rows")) == ids


def test_an_increment_by_hours_on_a_timestamp(bench):
    bench.table("raw.events", "SELECT 1 AS id, TIMESTAMPTZ '2025-11-14 11:59:00+00' AS at "
                              "UNION ALL SELECT 2, TIMESTAMPTZ '2025-11-14 12:00:00+00'")
    bench.extract(table="raw.events", incremental={"column": "at", "lookback": "12h"})
    assert [r["id"] for r in bench.rows("rows")] == [2]


def test_a_table_by_its_path_comes_without_lineage_columns(shop):
    result = shop.extract(table="shop.orders")
    assert not {c.name for c in result.relation.columns} & set(LINEAGE)
    assert result.notes == []


def test_a_missing_table_and_a_missing_connection_are_one_error_each(shop):
    with pytest.raises(MissingError, match=r"shop\.oders.*Did you mean.*orders|shop\.oders"):
        shop.extract(table="shop.oders")
    shop.catalog = shop.catalog.model_copy(update={"tables": {"far": shop.catalog.tables["orders"].model_copy(update={"location": ""})}})
    with pytest.raises(MissingError, match=r"behind connection 'postgres'.*PENSTOCK_CONN_POSTGRES"):
        shop.extract(table="far")


def test_a_preview_of_the_lake_is_a_view_and_knows_its_rows(shop):
    assert shop.extract(preview=True, table="orders").rows == 3
    assert shop.last.query("SELECT COUNT(*) AS n FROM rows").to_pylist() == [{"n": 3}]


# ---------------------------------------------------------------- SQL on the warehouse
def test_a_query_binds_its_placeholders(shop):
    shop.extract(query="SELECT order_id FROM orders WHERE order_date >= {day} AND status = '{state}'",
                 about={"variables": {"day": "2025-11-14", "state": "paid"}})
    assert sorted(r["order_id"] for r in shop.rows("rows")) == [1, 3]


def test_a_hostile_value_stays_a_value(shop):
    shop.extract(query="SELECT order_id FROM orders WHERE status = {state}", about={"variables": {"state": "'; drop table x; --"}})
    assert shop.rows("rows") == []


@pytest.mark.parametrize("query", ["DELETE FROM orders WHERE true", "SELECT 1; SELECT 2", "SELECT * FROM read_csv('/etc/passwd')"])
def test_a_query_only_reads_what_is_the_tenants(shop, query):
    with pytest.raises(SqlError):
        shop.extract(query=query)


def test_a_query_can_be_narrowed(shop):
    shop.extract(query="SELECT * EXCEPT (customer_id) FROM orders", columns=["order_id"],
                 filter={"column": "amount", "is": ">", "value": 4}, incremental={"column": "order_date", "lookback": "1d"})
    assert shop.rows("rows") == [{"order_id": 1}]


# ---------------------------------------------------------------- files
def test_a_csv_finds_its_delimiter_and_types(bench):
    bench.file("a.csv", "id;day;price\n1;2025-01-02;1.5\n2;2025-01-03;2\n")
    result = bench.extract(path="a.csv")
    assert result.relation.columns == (Column("id", "INT64"), Column("day", "DATE"), Column("price", "FLOAT64"))
    assert bench.rows("rows")[0] == {"id": 1, "day": date(2025, 1, 2), "price": 1.5}


RAGGED = "id,name\n1,anna\n2\n3,carl,extra\n4,dora\nx,emil\n"


def test_ragged_rows_stop_a_run_and_are_counted_and_shown(bench):
    bench.file("a.csv", RAGGED)
    with pytest.raises(DataError) as error:
        bench.extract(path="a.csv", types={"id": "INT64"})
    assert "3 of 5 rows cannot be read" in str(error.value)
    assert "line 3" in str(error.value)
    assert "continue_on_error: true" in str(error.value)
    assert "rows" not in bench.relations


def test_with_continue_on_error_the_good_rows_go_on_and_the_bad_ones_are_shown(bench):
    bench.file("a.csv", RAGGED)
    result = bench.extract(path="a.csv", types={"id": "INT64"}, about={"continue_on_error": True})
    assert (result.rows, result.rejected) == (2, 3)
    assert [r["line"] for r in result.rejects] == [3, 4, 6]
    assert all(r["reason"] for r in result.rejects)
    assert [r["name"] for r in bench.rows("rows")] == ["anna", "dora"]


def test_bad_rows_are_set_aside_and_a_second_run_of_the_day_does_not_double_them(bench):
    for _ in range(2):
        bench.file("a.csv", RAGGED)
        result = bench.extract(path="a.csv", types={"id": "INT64"}, about={"continue_on_error": True})
        assert result.outputs == {"quarantine": "quarantine.p_rows_rejects"}
        assert any("3 rows cannot be read and went to quarantine.p_rows_rejects" in note for note in result.notes)
        aside = sorted(bench.rows("quarantine.p_rows_rejects"), key=lambda row: row["line"])
        assert [(row["line"], row["text"]) for row in aside] == [(3, "2"), (4, "3,carl,extra"), (6, None)]
        assert all(row["x_quarantine_reason"] and row["x_pipeline_id"] == "p" for row in aside)
    bench.file("a.csv", "id,name\n1,anna\n")
    assert bench.extract(path="a.csv", types={"id": "INT64"}, about={"continue_on_error": True}).outputs == {}
    assert bench.rows("quarantine.p_rows_rejects") == []


def test_all_bad_rows_are_set_aside_not_only_those_that_are_shown(bench):
    bench.file("a.csv", "id,name\n1,anna\n" + "x,y\n" * 500)
    result = bench.extract(path="a.csv", types={"id": "INT64"}, about={"continue_on_error": True})
    assert (result.rejected, len(result.rejects), len(bench.rows("quarantine.p_rows_rejects"))) == (500, 20, 500)


def test_a_preview_sets_nothing_aside(bench):
    bench.file("a.csv", RAGGED)
    bench.extract(preview=True, path="a.csv", types={"id": "INT64"}, about={"continue_on_error": True})
    assert bench.session().list_tables() == []


def test_a_preview_shows_rejected_rows_and_says_that_a_run_stops(bench):
    bench.file("a.csv", RAGGED)
    result = bench.extract(preview=True, path="a.csv", types={"id": "INT64"})
    assert result.rejected == 3
    assert any("a run stops here" in note for note in result.notes)


def test_wrong_bytes_are_rejected_rows_until_the_encoding_is_said(bench):
    bench.file("a.csv", "id,name\n1,Ann\n2,J\xfcrgen\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"1 of 2 rows cannot be read.*line 3.*latin-1"):
        bench.extract(path="a.csv")
    bench.extract(path="a.csv", encoding="latin-1")
    assert [r["name"] for r in bench.rows("rows")] == ["Ann", "Jürgen"]


def test_broken_ndjson_is_counted_never_a_row_of_nothing(bench):
    bench.file("a.jsonl", '{"a": 1}\n{"a": \n[1]\n{"a": 2}\n')
    result = bench.extract(path="a.jsonl", about={"continue_on_error": True})
    assert (result.rows, result.rejected) == (2, 2)
    assert [r["a"] for r in bench.rows("rows")] == [1, 2]


def test_a_parquet_file_is_copied_so_that_a_change_does_not_matter(bench):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"n": pa.array([Decimal("1.50")], pa.decimal128(5, 2))}), bench.here / "a.parquet")
    bench.extract(path="a.parquet")
    (bench.here / "a.parquet").unlink()
    assert bench.rows("rows") == [{"n": Decimal("1.500000000")}]


def test_a_preview_of_a_large_parquet_file_keeps_nothing(bench):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"n": list(range(1000))}), bench.here / "a.parquet")
    result = bench.extract(preview=True, path="a.parquet", filter={"column": "n", "is": "<", "value": 10})
    assert result.rows is None
    assert bench.last.query("SELECT SUM(n) AS s FROM rows").to_pylist() == [{"s": 45}]


@pytest.mark.parametrize("path", ["../secret.csv", "/etc/passwd", ".env.csv"])
def test_a_file_outside_the_allowed_folders_is_refused(bench, path):
    (bench.here.parent / "secret.csv").write_text("a\n1\n")
    with pytest.raises(InputError, match="outside the allowed folders"):
        bench.extract(path=path)


def test_a_file_can_be_narrowed(bench):
    bench.file("a.csv", "id,day\n1,2025-11-14\n2,2025-11-01\n")
    bench.extract(path="a.csv", columns=["id"], incremental={"column": "day", "lookback": "2d"})
    assert bench.rows("rows") == [{"id": 1}]


# ---------------------------------------------------------------- the config and the columns before a run
@pytest.mark.parametrize("source", [
    {}, {"table": "a", "path": "b"}, {"endpoint": "x"}, {"table": "a", "encoding": "latin-1"}, {"path": "a.csv", "records": "x"},
    {"table": "a", "incremental": {"column": "c", "lookback": "3 days"}}, {"table": "a", "color": "red"},
    {"path": "a.csv", "encoding": "ebcdic"}, {"connection": "rest", "endpoint": "x", "paging": {"kind": "cursor"}},
])
def test_a_source_that_makes_no_sense_is_refused(bench, source):
    with pytest.raises(ValidationError):
        bench.extract(**source)


def test_columns_are_known_before_the_run(shop):
    shop.file("a.csv", "id,name\n1,x\n")
    assert shop.output("generic.extract", {"source": {"table": "orders", "columns": ["amount", "order_id"]}}) == (
        Column("amount", "FLOAT64"), Column("order_id", "INT64"))
    assert shop.output("generic.extract", {"source": {"path": "a.csv"}}) == (Column("id", "INT64"), Column("name", "STRING"))
    assert shop.output("generic.extract", {"source": {"query": "SELECT 1 AS a"}}) is None
    assert shop.output("generic.extract", {"source": {"connection": "rest", "endpoint": "x"}}) is None


@pytest.mark.parametrize(("source", "path", "near"), [
    ({"table": "oders"}, "source.table", "'orders'"),
    ({"table": "orders", "columns": ["order_id", "amont"]}, "source.columns.1", "'amount'"),
    ({"table": "orders", "filter": {"column": "statu", "is": "=", "value": "x"}}, "source.filter.column", "'status'"),
    ({"table": "orders", "incremental": {"column": "order_dat"}}, "source.incremental.column", "'order_date'"),
    ({"path": "a.csv", "columns": ["nam"]}, "source.columns.0", "'name'"),
])
def test_a_name_that_is_not_there_names_its_neighbour(shop, source, path, near):
    shop.file("a.csv", "id,name\n1,x\n")
    with pytest.raises(SpecError) as error:
        shop.output("generic.extract", {"source": source})
    assert [p.path for p in error.value.problems] == [path]
    assert f"Did you mean {near}?" in str(error.value)


def test_an_increment_needs_a_date(shop):
    with pytest.raises(SpecError, match="an increment needs a date or time"):
        shop.output("generic.extract", {"source": {"table": "orders", "incremental": {"column": "amount"}}})
