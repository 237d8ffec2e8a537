"""PostgreSQL in and out, on a server of the tests' own."""

import socket
import threading
import time
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest

from flows.engines.base import Cancel
from flows.errors import Cancelled, DataError, InputError, MissingError, SpecError, SqlError, StepTimeout, TransientError, UnreachableError
from flows.warehouse.base import Column

pytestmark = pytest.mark.postgres
SETUP = """
CREATE TABLE orders (order_id int PRIMARY KEY, customer_id int, order_date date, amount numeric(12,2), status text, "we""ird; col" text);
INSERT INTO orders VALUES (1, 10, '2025-11-14', 5.10, 'paid', 'x'), (2, 10, '2025-11-10', 7.5, 'cancelled', NULL),
  (3, 11, '2025-11-15', 1, 'paid', '''; drop table orders; --');
"""


@pytest.fixture(scope="module")
def database(postgres):
    """One database for this file: making one takes longer than any test."""
    return postgres.create()


@pytest.fixture
def pg(bench, database):
    """A bench with the table above, and nothing else, behind connection `postgres`."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; DROP SCHEMA IF EXISTS reports CASCADE; CREATE SCHEMA public")
        connection.execute(SETUP)
    bench.env["PENSTOCK_CONN_POSTGRES"] = database
    return bench


def ask(bench, sql):
    with psycopg.connect(bench.env["PENSTOCK_CONN_POSTGRES"], autocommit=True) as connection:
        found = connection.execute(sql)
        return found.fetchall() if found.description else []


def ids(bench, name="rows"):
    return sorted(row["order_id"] for row in bench.rows(name))


# ---------------------------------------------------------------- reading
def test_a_table_comes_with_its_types_and_numeric_exactly(pg):
    result = pg.extract(connection="postgres", table="orders")
    assert result.relation.columns[:5] == (Column("order_id", "INT64"), Column("customer_id", "INT64"), Column("order_date", "DATE"),
                                           Column("amount", "NUMERIC"), Column("status", "STRING"))
    assert {row["order_id"]: row["amount"] for row in pg.rows("rows")} == {1: Decimal("5.10"), 2: Decimal("7.5"), 3: Decimal(1)}


def test_the_catalogue_decides_columns_and_types(pg, shop_catalog):
    pg.catalog = shop_catalog()
    result = pg.extract(table="orders")
    assert result.relation.columns == pg.output("generic.extract", {"source": {"table": "orders"}})
    assert {c.name: c.type for c in result.relation.columns}["amount"] == "FLOAT64"
    assert not any("sample data" in note for note in result.notes)


@pytest.mark.parametrize(("condition", "expected"), [
    ({"column": "status", "is": "=", "value": "paid"}, [1, 3]),
    ({"column": "status", "is": "in", "value": ["cancelled", "'; drop table orders; --"]}, [2]),
    ({"column": "order_date", "is": ">=", "value": {"today": -1}}, [1, 3]),
    ({"column": "order_date", "is": "in_period", "value": {"unit": "week", "offset": 0}}, [1, 2, 3]),
    ({"column": "amount", "is": "between", "value": [5, 5.1]}, [1]),
    ({"column": "status", "is": "like", "value": "p%"}, [1, 3]),
    ({"column": "status", "is": "contains", "value": "ell"}, [2]),
    ({"column": "status", "is": "starts_with", "value": "canc"}, [2]),
    ({"not": {"column": 'we"ird; col', "is": "is_null"}}, [1, 3]),
    ({"column": 'we"ird; col', "is": "=", "value": "'; drop table orders; --"}, [3]),
    ({"any": [{"column": "order_id", "is": "=", "value": 1}, {"column": "customer_id", "is": "=", "value": 11}]}, [1, 3]),
])
def test_conditions_are_judged_by_the_server_and_values_stay_values(pg, condition, expected):
    pg.extract(connection="postgres", table="orders", columns=["order_id"], filter=condition)
    assert ids(pg) == expected
    assert len(ask(pg, "SELECT 1 FROM orders")) == 3


def test_an_increment_is_asked_of_the_server(pg):
    pg.extract(connection="postgres", table="public.orders", incremental={"column": "order_date", "lookback": "1d"})
    assert ids(pg) == [1, 3]


def test_a_query_in_its_own_sql_with_bound_placeholders(pg):
    query = "SELECT order_id, amount::text AS said FROM orders WHERE status = {state} AND order_date > {day}"
    pg.extract(connection="postgres", query=query, columns=["order_id"], about={"variables": {"state": "paid", "day": "2025-11-14"}})
    assert pg.rows("rows") == [{"order_id": 3}]
    pg.extract(connection="postgres", query="SELECT order_id FROM orders WHERE status = {state}",
               about={"variables": {"state": "'; drop table orders; --"}})
    assert pg.rows("rows") == []


@pytest.mark.parametrize("query", [
    "DELETE FROM orders", "SELECT 1; DROP TABLE orders", "WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone",
    "SELECT * INTO copy FROM orders", "SELECT * FROM orders FOR UPDATE", "SELECT setval('s', 2)", "VACUUM", "SELEC 1"])
def test_a_query_never_writes(pg, query):
    ask(pg, "CREATE SEQUENCE s")
    with pytest.raises(SqlError):
        pg.extract(connection="postgres", query=query)
    assert ask(pg, "SELECT count(*) FROM orders") == [(3,)]
    assert ask(pg, "SELECT last_value FROM s") == [(1,)]


def test_every_type_has_a_place(pg):
    ask(pg, """CREATE TABLE t (a int2, b int8, c float4, d float8, e numeric, f numeric(30,15), g bool, h varchar(5), i char(3),
      j timestamp, k timestamptz, l time, m interval, n bytea, o uuid, p json, q jsonb, r text[], s int[], u inet, v money);
      INSERT INTO t VALUES (1, 2, 1.5, 2.5, 1.25, 0.123456789012345, true, 'v', 'c', '2025-01-02 03:04:05', '2025-01-02 03:04:05+02',
      '12:00', '1 day', '\\x01', '00000000-0000-0000-0000-000000000001', '{"a":1}', '[1]', '{x,y}', '{1,2}', '127.0.0.1', '12.50');
      INSERT INTO t (a) VALUES (NULL)""")
    result = pg.extract(connection="postgres", table="t")
    assert [c.type for c in result.relation.columns] == [
        "INT64", "INT64", "FLOAT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "BOOL", "STRING", "STRING", "DATETIME", "TIMESTAMP", "TIME",
        "STRING", "BYTES", "STRING", "JSON", "JSON", "ARRAY<STRING>", "ARRAY<INT64>", "STRING", "STRING"]
    row = next(row for row in pg.rows("rows") if row["a"] == 1)
    assert row["f"] == Decimal("0.123456789012345")
    assert row["k"] == datetime(2025, 1, 2, 1, 4, 5, tzinfo=UTC)
    assert (row["o"], row["p"], row["r"], row["u"]) == ("00000000-0000-0000-0000-000000000001", '{"a":1}', ["x", "y"], "127.0.0.1/32")
    assert all(value is None for row in pg.rows("rows") if row["a"] is None for value in row.values())


@pytest.mark.parametrize(("value", "told"), [("'NaN'::numeric", "does not fit"), ("1e30::numeric", "does not fit"),
                                             ("'infinity'::timestamptz", "outside the years"), ("'infinity'::date", "outside the years")])
def test_a_value_that_has_no_place_is_an_error_not_another_value(pg, value, told):
    with pytest.raises(DataError, match=f"column 'a' holds .*{told}"):
        pg.extract(connection="postgres", query=f"SELECT {value} AS a")


def test_a_preview_reads_a_sample_and_says_so(pg):
    ask(pg, "CREATE TABLE many AS SELECT generate_series(1, 500) AS n")
    result = pg.extract(preview=True, connection="postgres", table="many", about={"limits": {"source_sample_rows": 100}})
    assert result.rows == 100
    assert result.notes == ["a sample: the first 100 rows of connection postgres"]


def test_an_input_of_a_transform_is_read_from_its_connection(pg, shop_catalog):
    pg.catalog = shop_catalog()
    pg.run("generic.transform", "out", blocks={"config": {"inputs": ["orders"], "operations": [
        {"op": "filter", "where": {"column": "status", "is": "=", "value": "paid"}}, {"op": "select", "columns": ["order_id"]}]}})
    assert ids(pg, "out") == [1, 3]


# ---------------------------------------------------------------- faults
def test_a_server_that_is_not_there_is_unreachable_and_its_password_is_not_shown(bench):
    bench.env["PENSTOCK_CONN_POSTGRES"] = "postgresql://me:hunter2@127.0.0.1:1/db"
    with pytest.raises(UnreachableError) as error:
        bench.extract(connection="postgres", table="orders")
    assert "hunter2" not in f"{error.value}{error.value.__cause__}"
    assert "connection 'postgres'" in str(error.value)


@pytest.mark.parametrize(("source", "kind", "told"), [
    ({"table": "oders"}, MissingError, "oders"), ({"table": "a.b.c"}, InputError, "table or schema.table"),
    ({"table": "orders", "columns": ["amont"]}, SpecError, r"source\.columns\.0.*Did you mean 'amount'"),
    ({"query": "SELECT nope FROM orders"}, SqlError, "nope"), ({"endpoint": "x"}, InputError, "has no endpoints"),
    ({"query": "SELECT 1/0 AS a"}, DataError, "division by zero"),
])
def test_a_wrong_source_is_one_clear_error(pg, source, kind, told):
    with pytest.raises(kind, match=told) as error:
        pg.extract(connection="postgres", **source)
    assert "\n" not in str(error.value)


def test_a_wrong_database_is_final_and_a_missing_address_names_the_variable(pg):
    pg.env["PENSTOCK_CONN_POSTGRES"] = pg.env["PENSTOCK_CONN_POSTGRES"].rsplit("/", 1)[0] + "/nowhere"
    with pytest.raises(InputError, match="nowhere"):
        pg.extract(connection="postgres", table="orders")
    with pytest.raises(InputError, match="PENSTOCK_CONN_OTHER_DB"):
        pg.extract(connection="other-db", query="SELECT 1")


def test_a_slow_statement_is_stopped_by_the_server(pg):
    about = {"limits": {"step_seconds": 0.3}}
    with pytest.raises(StepTimeout):
        pg.extract(connection="postgres", query="SELECT pg_sleep(30)::text AS a", about=about)
    with pytest.raises(StepTimeout):
        pg.extract(connection="postgres", query="SELECT n FROM generate_series(1, 1000000000) n", about=about)


@pytest.mark.parametrize("query", ["SELECT pg_sleep(30)::text AS a",
                                   "SELECT n, repeat('x', 100) AS t FROM generate_series(1, 100000000) n"])
def test_a_cancel_stops_the_statement_while_it_runs_and_while_rows_come(pg, query):
    cancel = Cancel()
    threading.Timer(0.5, cancel.set, ["a person"]).start()
    started = time.monotonic()
    with pytest.raises(Cancelled, match="a person"):
        pg.extract(connection="postgres", query=query, about={"cancel": cancel})
    assert time.monotonic() - started < 20  # it would take minutes
    assert "rows" not in pg.relations


@pytest.fixture
def cutting(pg):
    """The database behind a line that breaks after `after` bytes of answers, once."""
    host, port = "127.0.0.1", int(pg.env["PENSTOCK_CONN_POSTGRES"].rsplit(":", 1)[1].split("/")[0])
    door = socket.create_server((host, 0))
    state = {"after": 200_000}

    def pipe(source, target, answers):
        sent = 0
        with suppress(OSError), source, target:
            while chunk := source.recv(65536):
                sent += len(chunk)
                if answers and state["after"] and sent > state["after"]:
                    state["after"] = 0
                    target.shutdown(socket.SHUT_RDWR)
                    return
                target.sendall(chunk)

    def serve():
        while True:
            try:
                peer, _ = door.accept()
            except OSError:
                return
            server = socket.create_connection((host, port))
            for args in ((peer, server, False), (server, peer, True)):
                threading.Thread(target=pipe, args=args, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    pg.env["PENSTOCK_CONN_POSTGRES"] = pg.env["PENSTOCK_CONN_POSTGRES"].replace(f":{port}/", f":{door.getsockname()[1]}/")
    yield pg
    door.close()


def test_a_line_that_breaks_in_mid_read_is_transient_and_the_next_try_has_every_row(cutting):
    query = "SELECT n, repeat('x', 100) AS t FROM generate_series(1, 20000) n"
    with pytest.raises(TransientError):
        cutting.extract(connection="postgres", query=query)
    assert "rows" not in cutting.relations
    assert cutting.extract(connection="postgres", query=query).rows == 20_000


# ---------------------------------------------------------------- writing
def load(bench, sql=None, *, preview=False, table="mart", **destination):
    if sql:
        bench.made("mart", sql)
    return bench.run("generic.load", "load", preview=preview, blocks={
        "config": {"input": "mart"}, "destination": {"engine": "postgres", "table": table, **destination}})


TWO = "SELECT DATE '2025-11-14' AS day, 'DE' AS country, 5.5::DECIMAL(38,9) AS revenue UNION ALL SELECT DATE '2025-11-15', 'FR', 2"
ONE = "SELECT DATE '2025-11-15' AS day, 'US' AS country, 1::DECIMAL(38,9) AS revenue"


def test_a_load_makes_the_table_with_types_and_lineage(pg):
    result = load(pg, TWO)
    assert result.rows == 2
    assert ask(pg, "SELECT day, country, revenue, x_org_slug, x_pipeline_id, x_pipeline_run_date FROM mart ORDER BY day") == [
        (date(2025, 11, 14), "DE", Decimal("5.500000000"), "demo", "p", date(2025, 11, 15)),
        (date(2025, 11, 15), "FR", Decimal("2.000000000"), "demo", "p", date(2025, 11, 15))]


@pytest.mark.parametrize(("mode", "more", "expected"), [
    ("overwrite", {}, ["US"]), ("append", {}, ["US"]), ("merge", {"keys": ["day"]}, ["DE", "US"]),
    ("replace_partition", {"partition_by": "day"}, ["DE", "US"])])
def test_every_mode_repeats_to_the_same_rows(pg, mode, more, expected):
    load(pg, TWO)
    for _ in range(2):
        result = load(pg, ONE, mode=mode, **more)
        assert [row[0] for row in ask(pg, "SELECT country FROM mart ORDER BY 1")] == expected
    assert result.rows == result.outputs["replaced"] == 1


def test_append_keeps_the_rows_of_other_days(pg):
    load(pg, TWO, mode="append")
    pg.run_date = pg.run_date.replace(day=16)
    load(pg, ONE, mode="append")
    assert ask(pg, "SELECT count(*) FROM mart") == [(3,)]


def test_a_user_who_may_only_write_rows_can_load(pg):
    load(pg, TWO)
    ask(pg, "DROP ROLE IF EXISTS writer; CREATE ROLE writer LOGIN; GRANT SELECT, INSERT, DELETE ON mart TO writer; "
            "GRANT USAGE ON SCHEMA public TO writer")
    owner = pg.env["PENSTOCK_CONN_POSTGRES"]
    pg.env["PENSTOCK_CONN_POSTGRES"] = owner.replace("postgres@", "writer@")
    assert load(pg, ONE).rows == 1
    with pytest.raises(SqlError, match="must be owner"):
        load(pg, "SELECT 1 AS brand_new")
    pg.env["PENSTOCK_CONN_POSTGRES"] = owner
    ask(pg, "DROP OWNED BY writer; DROP ROLE writer")


def test_a_new_column_is_added_and_a_schema_made(pg):
    load(pg, ONE, table="reports.mart")
    load(pg, "SELECT 'DE' AS country, true AS fresh", table="reports.mart", mode="append")
    assert ask(pg, "SELECT country, fresh, revenue FROM reports.mart") == [("DE", True, None)]


def test_nested_and_json_values_are_kept(pg):
    load(pg, """SELECT ['a', 'b'] AS tags, '{"k": 1}'::JSON AS extra, 'x'::BLOB AS raw, TIMESTAMPTZ '2025-01-02 03:04:05+00' AS at""")
    assert ask(pg, "SELECT tags, extra, raw, at FROM mart") == [(["a", "b"], {"k": 1}, b"x", datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC))]


def test_an_error_changes_nothing(pg):
    load(pg, TWO)
    with pytest.raises(DataError, match="stand in more than one row"):
        load(pg, f"{ONE} UNION ALL {ONE}", mode="merge", keys=["country"])
    with pytest.raises(DataError, match="have no value in the key"):
        load(pg, "SELECT NULL::VARCHAR AS country", mode="merge", keys=["country"])
    ask(pg, "ALTER TABLE mart ADD CONSTRAINT c CHECK (revenue > 0)")
    with pytest.raises(DataError, match="violates check constraint"):
        load(pg, "SELECT 'DE' AS country, -1::DECIMAL(38,9) AS revenue")
    assert ask(pg, "SELECT country FROM mart ORDER BY 1") == [("DE",), ("FR",)]


def test_a_preview_of_a_load_counts_and_writes_nothing(pg):
    assert "into a new table" in load(pg, TWO, preview=True).notes[0]
    assert ask(pg, "SELECT to_regclass('mart')") == [(None,)]
    load(pg, TWO)
    assert load(pg, ONE, preview=True).outputs["rows_now"] == 2


def test_a_load_without_an_address_says_where_to_put_it(bench):
    with pytest.raises(InputError, match="PENSTOCK_CONN_POSTGRES"):
        load(bench, ONE)


def test_two_loads_at_once_do_not_mix(pg):
    load(pg, TWO)
    pg.made("mart", TWO)
    errors = []

    def again():
        try:
            load(pg, mode="append")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=again) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert ask(pg, "SELECT count(*) FROM mart") == [(2,)]
