"""ClickHouse as destination, on the real engine inside of this process."""

import re
import threading
import time
from datetime import date
from decimal import Decimal

import pytest

from flows.engines import clickhouse
from flows.engines.base import Cancel
from flows.engines.clickhouse_peer import Peer
from flows.errors import (
    Cancelled,
    DataError,
    InputError,
    MissingError,
    MissingPackage,
    SqlError,
    StepTimeout,
    TransientError,
    UnreachableError,
)

pytest.importorskip("chdb", reason="ClickHouse tests skipped: chdb is not installed")
TWO = "SELECT DATE '2025-11-14' AS day, 'DE' AS country, 5.5::DECIMAL(38,9) AS revenue UNION ALL SELECT DATE '2025-11-15', 'FR', 2"
ONE = "SELECT DATE '2025-11-15' AS day, 'US' AS country, 1::DECIMAL(38,9) AS revenue"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One engine per process knows one folder, and starting it takes longer than any test; this client keeps it up."""
    import clickhouse_connect

    url = f"chdb://{tmp_path_factory.mktemp('clickhouse')}"
    client = clickhouse_connect.get_client(dsn=url)
    yield url, client
    client.close()


@pytest.fixture
def ch(bench, server):
    """A bench with an empty server behind connection `clickhouse`."""
    url, client = server
    for (name,) in client.query("SELECT name FROM system.tables WHERE database = currentDatabase()").result_rows:
        client.command(f"DROP TABLE IF EXISTS `{name}` SYNC")
    client.command("DROP DATABASE IF EXISTS reports")
    bench.env["PENSTOCK_CONN_CLICKHOUSE"] = url
    bench.ask = lambda sql: client.query(sql).result_rows
    bench.tell = client.command
    return bench


def load(bench, sql=None, *, preview=False, table="mart", cancel=None, limits=None, **destination):
    if sql:
        bench.made("mart", sql)
    return bench.run("generic.load", "load", preview=preview, cancel=cancel, limits=limits, blocks={
        "config": {"input": "mart"}, "destination": {"engine": "clickhouse", "table": table, **destination}})


def tables(bench):
    return [name for (name,) in bench.ask("SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY 1")]


def countries(bench):
    return [row[0] for row in bench.ask("SELECT country FROM mart ORDER BY 1")]


def test_a_load_makes_the_table_with_types_and_lineage(ch):
    assert load(ch, TWO, partition_by="day", keys=["country"]).rows == 2
    assert ch.ask("SELECT day, country, revenue, x_org_slug, x_pipeline_id, x_pipeline_run_date, x_run_id FROM mart ORDER BY day") == [
        (date(2025, 11, 14), "DE", Decimal("5.500000000"), "demo", "p", date(2025, 11, 15), "run-1"),
        (date(2025, 11, 15), "FR", Decimal("2.000000000"), "demo", "p", date(2025, 11, 15), "run-1")]
    assert ch.ask("SELECT name, type FROM system.columns WHERE table = 'mart' ORDER BY position LIMIT 3") == [
        ("day", "Nullable(Date32)"), ("country", "Nullable(String)"), ("revenue", "Nullable(Decimal(38, 9))")]
    assert ch.ask("SELECT engine, partition_key, sorting_key FROM system.tables WHERE name = 'mart'") == [
        ("MergeTree", "toYYYYMM(day)", "country")]
    assert tables(ch) == ["mart"]


def test_every_type_arrives_as_it_was(ch):
    load(ch, r"""SELECT 9223372036854775807 AS i, 0.1::DOUBLE AS f, true AS b, 'a''\"`' AS "we""ird`\; %s {x:Int8}", 'x'::BLOB AS raw,
        '{"k": [1]}'::JSON AS j, TIMESTAMP '2025-01-02 03:04:05.000006' AS dt, TIMESTAMPTZ '2025-01-02 03:04:05.5+02' AS at,
        TIME '10:20:30' AS t, [1, NULL] AS xs, {'a': 1, 'b': ['x']} AS s, 0.000000001::DECIMAL(38,18) AS big, NULL::INT AS empty,
        NULL::VARCHAR[] AS no_xs""")
    row = ch.ask("SELECT * EXCEPT (at, dt), toString(at), toString(dt) FROM mart")[0]
    assert row[:5] == (9223372036854775807, 0.1, True, "a'\\\"`", "x")
    assert row[5:12] == ('{"k": [1]}', "10:20:30.000000", [1, None], '{"a": 1, "b": ["x"]}', Decimal("0.000000001"), None, [])
    assert row[-2:] == ("2025-01-02 01:04:05.500000", "2025-01-02 03:04:05.000006")


@pytest.mark.parametrize(("mode", "more", "expected"), [
    ("overwrite", {}, ["US"]), ("append", {}, ["US"]), ("merge", {"keys": ["day"]}, ["DE", "US"]),
    ("replace_partition", {"partition_by": "day"}, ["DE", "US"])])
def test_every_mode_repeats_to_the_same_rows(ch, mode, more, expected):
    load(ch, TWO)
    for _ in range(2):
        result = load(ch, ONE, mode=mode, **more)
        assert countries(ch) == expected
    assert result.rows == result.outputs["replaced"] == 1
    assert tables(ch) == ["mart"]


def test_append_keeps_the_rows_of_other_days_and_of_other_writers(ch):
    load(ch, TWO, mode="append")
    ch.tell("INSERT INTO mart (country) VALUES ('by hand')")
    ch.run_date = ch.run_date.replace(day=16)
    load(ch, ONE, mode="append")
    assert countries(ch) == ["DE", "FR", "US", "by hand"]


def test_a_partition_without_a_value_and_a_day_of_a_time_are_partitions_too(ch):
    load(ch, "SELECT NULL::DATE AS day, 'old' AS country UNION ALL SELECT DATE '2025-11-14', 'DE'")
    load(ch, "SELECT NULL::DATE AS day, 'new' AS country", mode="replace_partition", partition_by="day")
    assert countries(ch) == ["DE", "new"]
    at = "SELECT TIMESTAMP '2025-11-14 {}:00:00' AS at, '{}' AS country"
    load(ch, at.format("01", "old") + " UNION ALL SELECT TIMESTAMP '2025-11-15 00:00:00', 'FR'")
    load(ch, at.format("23", "new"), mode="replace_partition", partition_by="at")
    assert countries(ch) == ["FR", "new"]


def test_a_table_that_is_there_keeps_its_make_and_gets_new_columns(ch):
    ch.tell("CREATE TABLE mart (country LowCardinality(String) CODEC(ZSTD), n Int32, twice Int32 ALIAS n * 2) "
            "ENGINE = MergeTree ORDER BY country COMMENT 'of the sales team'")
    ch.tell("INSERT INTO mart VALUES ('DE', 1)")
    load(ch, "SELECT 'US' AS country, 2 AS n, true AS fresh", mode="append")
    assert ch.ask("SELECT country, n, twice, fresh FROM mart ORDER BY 1") == [("DE", 1, 2, None), ("US", 2, 4, True)]
    assert "of the sales team" in ch.ask("SELECT create_table_query FROM system.tables WHERE name = 'mart'")[0][0]


def test_a_database_is_made(ch):
    load(ch, ONE, table="reports.mart")
    load(ch, ONE, table="reports.mart", mode="append")
    assert ch.ask("SELECT country FROM reports.mart") == [("US",)]
    with pytest.raises(InputError, match=r"Write table or database\.table"):
        load(ch, ONE, table="a.b.c")


@pytest.mark.parametrize(("rows", "more", "told"), [
    (f"{ONE} UNION ALL {ONE}", {"mode": "merge", "keys": ["country"]}, "1 keys .country. stand in more than one row"),
    ("SELECT NULL::INT AS id", {"mode": "merge", "keys": ["id"]}, "1 rows have no value in the key id"),
    ("SELECT 'US' AS country, 5000000000 AS n", {}, "'n' holds 5000000000, which Int32 would keep as 705032704"),
    ("SELECT 'US' AS country, DATE '1900-01-01' AS sold", {}, "date32 value -25567 is out of the allowed Date range .0, 65535.$"),
    ("SELECT 'US' AS country, NULL::INT AS n", {"mode": "append"}, "Cannot convert NULL value to non-Nullable type"),
    ("SELECT 'US' AS country, -1 AS n", {}, "Constraint `c` for table .* is violated"),
])
def test_an_error_changes_nothing_and_leaves_nothing(ch, rows, more, told):
    ch.tell("CREATE TABLE mart (country String, n Int32, sold Date, CONSTRAINT c CHECK n >= 0) ENGINE = MergeTree ORDER BY country")
    ch.tell("INSERT INTO mart VALUES ('DE', 1, '2025-01-01'), ('FR', 2, '2025-01-01')")
    with pytest.raises(DataError, match=told):
        load(ch, rows, **more)
    assert countries(ch) == ["DE", "FR"]
    assert tables(ch) == ["mart"]


def test_what_is_no_table_is_not_replaced(ch):
    ch.tell("CREATE VIEW mart AS SELECT 1 AS country")
    with pytest.raises(InputError, match=r"'mart' is of engine View\. Write to a table of the MergeTree family"):
        load(ch, ONE)


def test_rows_that_the_table_folds_are_a_failure(ch):
    ch.tell("CREATE TABLE mart (country String) ENGINE = ReplacingMergeTree ORDER BY country")
    with pytest.raises(DataError, match="2 rows were sent to mart and 1 arrived"):
        load(ch, "SELECT 'DE' AS country UNION ALL SELECT 'DE'")


def test_a_write_of_another_in_between_is_not_lost(ch, monkeypatch):
    load(ch, TWO)
    keep = clickhouse._keep

    def slow(*args):
        kept = keep(*args)
        ch.tell("INSERT INTO mart (country) VALUES ('by hand')")
        return kept

    monkeypatch.setattr(clickhouse, "_keep", slow)
    with pytest.raises(TransientError, match="another write to mart came between"):
        load(ch, ONE, mode="append")
    assert countries(ch) == ["DE", "FR", "by hand"]
    assert tables(ch) == ["mart"]


def test_many_rows_go_in_pieces_and_a_break_in_the_middle_changes_nothing(ch, monkeypatch):
    load(ch, "SELECT i AS n, 'DE' AS country FROM range(600000) r(i)")
    assert ch.ask("SELECT count(), uniq(n) > 500000, max(n) FROM mart") == [(600000, True, 599999)]
    fitted, cancel = clickhouse.fitted, Cancel()

    def stopped(*args):
        cancel.set("a person stopped it")
        return fitted(*args)

    monkeypatch.setattr(clickhouse, "fitted", stopped)
    with pytest.raises(Cancelled, match="a person stopped it"):
        load(ch, cancel=cancel)
    assert ch.ask("SELECT count() FROM mart") == [(600000,)]
    assert tables(ch) == ["mart"]


def test_a_statement_is_stopped_on_the_server(ch):
    long, cancel = "SELECT sum(sipHash64(number)) FROM numbers(1000000000000)", Cancel()
    url = ch.env["PENSTOCK_CONN_CLICKHOUSE"]

    def stop():
        while not ch.ask("SELECT 1 FROM system.processes WHERE query LIKE 'SELECT sum(sip%'"):
            time.sleep(0.02)
        cancel.set("enough")

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(Cancelled, match="enough"), Peer("clickhouse", url, cancel).open() as client:
        client.query(long)
    thread.join()
    with pytest.raises(StepTimeout, match="longer than 1 s"), Peer("clickhouse", url, Cancel(), seconds=1).open() as client:
        client.query(long)


def test_a_preview_of_a_load_counts_and_writes_nothing(ch):
    assert "into a new table" in load(ch, TWO, preview=True).notes[0]
    assert tables(ch) == []
    load(ch, TWO)
    result = load(ch, ONE, preview=True)
    assert result.outputs["rows_now"] == 2
    assert "would write 1 rows to mart (overwrite), in place of all 2 rows" in result.notes[0]
    assert countries(ch) == ["DE", "FR"]


def test_no_rows_make_an_empty_table(ch):
    assert load(ch, f"SELECT * FROM ({ONE}) WHERE false").rows == 0
    assert ch.ask("SELECT count() FROM mart") == [(0,)]


# ---------------------------------------------------------------- addresses and errors
def test_a_load_without_an_address_says_where_to_put_it(bench):
    for preview in (False, True):
        with pytest.raises(InputError, match=r"connection 'clickhouse' has no address here.*PENSTOCK_CONN_CLICKHOUSE"):
            load(bench, ONE, preview=preview)


@pytest.mark.parametrize(("url", "kind", "told"), [
    ("postgresql://u:s3cret@h/db", InputError, "is no ClickHouse address"),
    ("clickhouse://u:s3cret@127.0.0.1:1/db", UnreachableError, "no answer: .*Connection refused"),
    ("https://u:s3cret@127.0.0.1:1/db", UnreachableError, "no answer: .*Connection refused"),
    ("clickhouse://u:s3cret@127.0.0.1:1/db?colour=red", InputError, "a part that is not known"),
])
def test_a_wrong_address_is_one_clear_error_without_its_password(bench, url, kind, told):
    bench.env["PENSTOCK_CONN_CLICKHOUSE"] = url
    with pytest.raises(kind, match=told) as caught:
        load(bench, ONE)
    assert "s3cret" not in str(caught.value)


def test_http_goes_with_login_tls_and_limits(bench, httpserver, monkeypatch):
    """The door of a server is HTTP: what it is asked for, and what its errors become."""
    seen = []

    def refuse(request):
        from werkzeug import Response

        seen.append(request)
        text = "Code: 516. DB::Exception: u: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED) (version 25.8.1.1)"
        return Response(text, status=403, headers={"X-ClickHouse-Exception-Code": "516"})

    httpserver.expect_request(re.compile(".*")).respond_with_handler(refuse)
    bench.env["PENSTOCK_CONN_CLICKHOUSE"] = f"clickhouse://u:s3cret@{httpserver.host}:{httpserver.port}/db"
    with pytest.raises(InputError) as caught:
        load(bench, ONE)
    assert str(caught.value) == ("connection 'clickhouse': u: Authentication failed: password is incorrect. "
                                 "Correct the address of the connection")
    assert seen[0].authorization.username == "u"


@pytest.mark.parametrize(("sql", "kind"), [
    ("SELECT nope FROM system.one", SqlError), ("SELECT 1 FROM nope", MissingError), ("SELECT toInt32('x')", DataError)])
def test_errors_of_the_server_are_told_by_their_number(ch, sql, kind):
    with pytest.raises(kind) as caught, Peer("clickhouse", ch.env["PENSTOCK_CONN_CLICKHOUSE"], Cancel()).open() as client:
        client.query(sql)
    assert "DB::Exception" not in str(caught.value)
    assert "version" not in str(caught.value)


def test_a_missing_package_is_named(bench, monkeypatch):
    import sys

    bench.env["PENSTOCK_CONN_CLICKHOUSE"] = "clickhouse://h/db"
    monkeypatch.setitem(sys.modules, "clickhouse_connect.driver.exceptions", None)
    with pytest.raises(MissingPackage, match=re.escape("penstock[clickhouse]")):
        load(bench, ONE)
