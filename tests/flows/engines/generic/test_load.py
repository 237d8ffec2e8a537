import pytest
from pydantic import ValidationError

from flows.errors import DataError, InputError, SpecError
from flows.warehouse.base import LINEAGE, Column

COLUMNS = (Column("day", "DATE"), Column("country", "STRING"), Column("revenue", "FLOAT64"))
ROWS = "SELECT DATE '2025-11-14' AS day, 'DE' AS country, 5.0 AS revenue UNION ALL SELECT DATE '2025-11-15', 'FR', 2.0"


@pytest.fixture
def mart(bench):
    bench.made("mart", ROWS)
    return bench


def load(bench, *, preview=False, **destination):
    return bench.run("generic.load", "load", preview=preview,
                     blocks={"config": {"input": "mart"}, "destination": {"engine": "bigquery", "table": "mart.revenue", **destination}})


def countries(bench, table="mart.revenue"):
    return sorted(row["country"] for row in bench.rows(table))


def test_overwrite_is_the_default_and_repeats_to_the_same_rows(mart):
    for _ in range(2):
        result = load(mart)
        assert result.rows == 2
        assert countries(mart) == ["DE", "FR"]
    assert result.outputs["table"] == "mart.revenue"
    assert result.outputs["replaced"] == 2


def test_every_row_says_where_it_came_from(mart):
    mart.credential = "postgres"
    load(mart)
    row = mart.rows("mart.revenue")[0]
    assert tuple(row)[-len(LINEAGE):] == LINEAGE
    assert (row["x_org_slug"], row["x_pipeline_id"], row["x_credential_id"]) == ("demo", "p", "postgres")
    assert str(row["x_pipeline_run_date"]) == "2025-11-15"


def test_append_replaces_only_its_own_slice(mart):
    load(mart, mode="append")
    mart.made("mart", "SELECT DATE '2025-11-16' AS day, 'US' AS country, 1.0 AS revenue")
    load(mart, mode="append")
    assert countries(mart) == ["US"]  # same pipeline, same date: fewer rows leave no old ones
    mart.run_date = mart.run_date.replace(day=16)
    mart.made("mart", ROWS)
    load(mart, mode="append")
    assert countries(mart) == ["DE", "FR", "US"]


def test_merge_goes_by_its_keys(mart):
    load(mart)
    mart.made("mart", "SELECT DATE '2025-11-15' AS day, 'FR' AS country, 9.0 AS revenue UNION ALL SELECT DATE '2025-11-15', 'US', 1.0")
    load(mart, mode="merge", keys=["day", "country"])
    assert {row["country"]: row["revenue"] for row in mart.rows("mart.revenue")} == {"DE": 5.0, "FR": 9.0, "US": 1.0}


def test_merge_refuses_two_rows_for_one_key(mart):
    mart.made("mart", "SELECT 'DE' AS country, 1 AS n UNION ALL SELECT 'DE', 2")
    with pytest.raises(DataError):
        load(mart, mode="merge", keys=["country"])


def test_replace_partition_touches_only_the_days_that_come(mart):
    load(mart, partition_by="day")
    mart.made("mart", "SELECT DATE '2025-11-15' AS day, 'US' AS country, 1.0 AS revenue")
    load(mart, mode="replace_partition", partition_by="day")
    assert countries(mart) == ["DE", "US"]


def test_a_preview_says_what_would_happen_and_writes_nothing(mart):
    assert "into a new table" in load(mart, preview=True).notes[0]
    assert mart.session().list_tables() == []
    load(mart)
    result = load(mart, preview=True)
    assert result.outputs == {"table": "mart.revenue", "mode": "overwrite", "rows_now": 2}
    assert result.rows == 2
    assert "in place of all 2 rows that are there now" in result.notes[0]


def test_no_rows_make_an_empty_table(mart):
    mart.made("mart", "SELECT 'DE' AS country FROM UNNEST([1]) WHERE FALSE")
    assert load(mart).rows == 0
    assert mart.rows("mart.revenue") == []


def test_rows_that_are_lost_are_a_failure(mart, monkeypatch):
    from dataclasses import replace

    from flows.warehouse.duckdb import DuckDBWarehouse

    write = DuckDBWarehouse.write
    monkeypatch.setattr(DuckDBWarehouse, "write", lambda *args, **kw: replace(write(*args, **kw), rows=0))
    with pytest.raises(DataError, match="2 rows went in and 0 were written"):
        load(mart)


@pytest.mark.parametrize(("engine", "end"), [("csv", "csv"), ("parquet", "parquet"), ("excel", "xlsx")])
def test_a_file_as_destination_is_an_export(mart, engine, end):
    result = load(mart, engine=engine, table="revenue")
    assert (mart.here / f"revenue.{end}").exists()
    assert result.rows == 2
    assert "would write 2 rows" in load(mart, engine=engine, table="revenue", preview=True).notes[0]


@pytest.mark.parametrize("destination", [
    {"mode": "merge"}, {"mode": "replace_partition"}, {"mode": "truncate"}, {"engine": "snowflake"}, {"table": None}, {"colour": 1},
    {"engine": "csv", "mode": "append"}, {"keys": []},
])
def test_a_destination_that_makes_no_sense_is_refused(mart, destination):
    with pytest.raises(ValidationError):
        load(mart, **destination)


def output(bench, columns=COLUMNS, **destination):
    return bench.output("generic.load", {"config": {"input": "mart"}, "destination": {"engine": "bigquery", "table": "a.b", **destination}},
                        mart=columns)


@pytest.mark.parametrize(("destination", "told"), [
    ({"partition_by": "dya"}, r"destination\.partition_by.*Did you mean 'day'"),
    ({"partition_by": "country"}, r"destination\.partition_by: 'country' is STRING"),
    ({"keys": ["day", "contry"], "mode": "merge"}, r"destination\.keys\.1.*Did you mean 'country'"),
    ({"cluster_by": ["contry"]}, r"destination\.cluster_by\.0.*Did you mean 'country'"),
    ({"table": "revenue"}, r"destination\.table: 'revenue' does not say its dataset. Write dataset\.table, like mart\.revenue"),
])
def test_the_destination_is_judged_before_the_run(bench, destination, told):
    with pytest.raises(SpecError, match=told):
        output(bench, **destination)


def test_a_good_destination_gives_nothing_to_read(bench):
    assert output(bench, partition_by="day", cluster_by=["country"]) == ()
    assert output(bench, None, partition_by="anything") == ()


@pytest.mark.parametrize("engine", ["s3", "gcs"])
def test_an_engine_of_a_later_version_says_so(mart, engine):
    for act in (lambda: output(mart, engine=engine), lambda: load(mart, engine=engine), lambda: load(mart, engine=engine, preview=True)):
        with pytest.raises(InputError, match=rf"does not write to {engine} yet. Write to bigquery"):
            act()


def test_an_unknown_input_names_its_neighbour(bench):
    with pytest.raises(SpecError, match=r"config\.input: unknown table 'mrt'. Did you mean 'mart'"):
        bench.output("generic.load", {"config": {"input": "mrt"}, "destination": {"table": "a.b"}}, mart=COLUMNS)
