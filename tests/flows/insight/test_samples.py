"""Samples of production tables: rows that join, kept for one tenant, with their age."""

import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flows.insight import samples
from flows.insight.samples import ago, driving_first, find, keep, matching, some, take
from flows.warehouse.base import Column, TableSpec
from flows.warehouse.duckdb import DuckDBWarehouse

LINKS = [("crm.orders", "customer_id", "crm.customers", "customer_id")]


@pytest.fixture
def production(settings, store, tmp_path):
    """A second local session: 50,000 customers of whom 20 ordered."""
    session = DuckDBWarehouse(settings, store.manifest, "other", stage_dir=tmp_path / "stage")
    many = "UNNEST(GENERATE_ARRAY(1, 50000)) AS n"
    columns = "n AS customer_id, CAST(n AS NUMERIC) / 4 AS score, JSON '[1]' AS about"
    session.execute(f"CREATE TABLE crm.customers AS SELECT {columns} FROM {many}")
    some_ = "UNNEST(GENERATE_ARRAY(1, 20)) AS n"
    session.execute(f"CREATE TABLE crm.orders AS SELECT n AS order_id, 49000 + n AS customer_id, DATE '2025-01-01' AS day FROM {some_}")
    yield session
    session.close()


def test_matching_rows_are_pulled_for_the_driving_sample(production, settings):
    made = take(["crm.customers", "crm.orders"], production, settings, source="there", links=LINKS, rows=100)
    assert list(made) == ["crm.orders", "crm.customers"]
    keys = {row["customer_id"] for row in read(made["crm.customers"])}
    assert keys == {row["customer_id"] for row in read(made["crm.orders"])}
    assert len(keys) == 20


def read(sample):
    import pyarrow.parquet as pq

    return pq.read_table(sample.path).to_pylist()


def test_a_sample_is_found_again_with_its_columns_and_its_age(production, settings):
    made = take(["crm.customers"], production, settings, source="there", rows=10)["crm.customers"]
    found = find(settings, "crm.customers")
    assert found == made
    assert (found.rows, found.source) == (10, "there")
    assert [(c.name, c.type) for c in found.columns] == [("customer_id", "INT64"), ("score", "NUMERIC"), ("about", "JSON")]
    now = found.taken_at + timedelta(hours=3, minutes=1)
    assert found.words(now) == "sample of 10 rows taken 3 h ago"


def test_samples_are_of_one_tenant_and_one_user(production, settings):
    made = take(["crm.orders"], production, settings, source="there")["crm.orders"]
    assert find(replace(settings, tenant_id="else"), "crm.orders") is None
    assert find(settings, "crm.order") is None
    for file in samples.folder(settings).iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(samples.folder(settings).stat().st_mode) == 0o700
    assert made.path.parent == settings.home / "samples" / "demo"


def test_a_new_sample_takes_the_place_of_the_old_one(settings):
    import pyarrow as pa

    for n in (1, 2):
        keep(settings, "crm.orders", pa.table({"n": [n]}), [Column("n", "INT64")], "there")
    assert read(find(settings, "crm.orders")) == [{"n": 2}]
    assert len(list(samples.folder(settings).iterdir())) == 2


def test_a_broken_note_is_no_sample(settings):
    import pyarrow as pa

    keep(settings, "crm.orders", pa.table({"n": [1]}), [Column("n", "INT64")], "there")
    note = next(samples.folder(settings).glob("*.json"))
    for text in ("", "{}", '{"table": "crm.orders", "rows": "x"}', note.read_text().replace("crm.orders", "crm.other")):
        note.write_text(text)
        assert find(settings, "crm.orders") is None


def test_a_table_that_cannot_be_read_says_why_and_the_others_are_sampled(production, settings):
    made = take(["crm.nothing", "crm.orders"], production, settings, source="there")
    assert "crm.nothing" in made["crm.nothing"]
    assert made["crm.orders"].rows == 20


def test_large_tables_of_bigquery_are_read_by_the_block():
    large = TableSpec("crm.orders", (), rows=10**10, bytes=500 * 1024**3)
    assert some(large, 1000, "bigquery") == "SELECT * FROM `crm`.`orders` TABLESAMPLE SYSTEM (0.2 PERCENT) LIMIT 1000"
    assert some(large, 1000, "duckdb") == "SELECT * FROM `crm`.`orders` LIMIT 1000"
    assert some(TableSpec("crm.orders", (), bytes=1000), 10, "bigquery") == "SELECT * FROM `crm`.`orders` LIMIT 10"


def test_keys_are_parameters_and_never_text():
    sql, params = matching(TableSpec("crm.people", ()), {"name": ["'; DROP TABLE x; --"]}, 5)
    assert sql == "SELECT * FROM `crm`.`people` WHERE `name` IN UNNEST(@keys0) LIMIT 5"
    assert params == {"keys0": ["'; DROP TABLE x; --"]}


class Recorded:
    """A BigQuery session that answers with one row and remembers what it was asked."""

    dialect = "bigquery"

    def __init__(self):
        self.asked = []

    def describe(self, table):
        return TableSpec(table, (Column("customer_id", "INT64"),), rows=10**9, bytes=40 * 1024**3)

    def query(self, sql, params=None, *, limits=None, labels=None):
        import pyarrow as pa

        self.asked.append((sql, limits))
        return pa.table({"customer_id": [7]})


def test_no_statement_of_a_sample_bills_more_than_its_bound(settings):
    session = Recorded()
    take(["crm.orders", "crm.customers"], session, settings, source="there", links=LINKS)
    assert all("TABLESAMPLE" in sql for sql, _ in session.asked)  # too large to look keys up in it
    assert {limits.bytes_billed for _, limits in session.asked} == {samples.MAX_BYTES}
    assert all(limits.read_only for _, limits in session.asked)


def test_tables_that_refer_to_others_come_first():
    chain = [("a", "x", "b", "x"), ("b", "y", "c", "y")]
    assert driving_first(["c", "b", "a"], chain) == ["a", "b", "c"]
    assert sorted(driving_first(["a", "b"], [("a", "x", "b", "x"), ("b", "x", "a", "x")])) == ["a", "b"]


def test_ages_are_said_as_people_say_them():
    assert [ago(seconds) for seconds in (3, 60, 3600 * 1.5, 3600 * 3, 86400 * 5)] == ["just now", "1 min ago", "90 min ago", "3 h ago",
                                                                                      "5 days ago"]
    assert datetime.now(UTC).tzinfo is UTC
