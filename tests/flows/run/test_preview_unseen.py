"""A preview of what is not there yet: every step typed, with rows, and with words that say where the rows are from."""

from datetime import timedelta

import pytest

from flows.errors import MissingError
from flows.insight.catalog import SHIPPED, Catalog, load_catalog
from flows.run.preview import preview
from flows.spec.loader import from_data

PG = {"pg": {"kind": "postgres"}, "bq": {"kind": "bigquery"}}
TABLES = {
    "people": {"connection": "pg", "primary_key": ["person_id"], "columns": {
        "person_id": {"type": "STRING"}, "email": {"type": "STRING"}, "country": {"type": "STRING", "values": ["Germany", "France"]}}},
    "bills": {"connection": "bq", "primary_key": ["bill_id"], "columns": {
        "bill_id": {"type": "INT64"}, "payer": {"type": "STRING"}, "status": {"type": "STRING"}, "amount": {"type": "NUMERIC"},
        "billed_at": {"type": "TIMESTAMP"}, "tags": {"type": "ARRAY<STRING>"}}},
}
CATALOG = Catalog.from_dict({"connections": PG, "tables": TABLES})
BILLS = {"step_id": "got_bills", "ps_type": "generic.extract", "depends_on": [], "source": {
    "table": "bills", "filter": {"all": [{"column": "status", "is": "=", "value": "overdue"},
                                         {"column": "billed_at", "is": "in_period", "value": {"unit": "month", "offset": -3}}]}}}
PEOPLE = {"step_id": "got_people", "ps_type": "generic.extract", "depends_on": [], "source": {"table": "people"}}
JOIN = {"step_id": "both", "ps_type": "generic.transform", "depends_on": ["got_bills", "got_people"], "config": {
    "inputs": ["got_bills", "got_people"], "operations": [
        {"op": "join", "with": "got_people", "on": [["payer", "person_id"]]},
        {"op": "filter", "where": {"column": "country", "is": "=", "value": "France"}},
        {"op": "aggregate", "by": ["country"], "measures": [{"fn": "sum", "column": "amount", "as": "open"}]},
        {"op": "filter", "where": {"column": "open", "is": ">", "value": 5000}}]}}


def sql(query, *inputs, step_id="query"):
    return {"step_id": step_id, "ps_type": "generic.sql", "depends_on": list(inputs), "config": {"inputs": list(inputs), "query": query}}


def load(source, table):
    return {"step_id": "load", "ps_type": "generic.load", "depends_on": [source], "config": {"input": source},
            "destination": {"engine": "duckdb", "table": table}}


@pytest.fixture
def look(settings, store):
    def look(*steps, catalog=CATALOG, **more):
        spec = from_data({"pipeline_id": "p", "steps": list(steps)})
        return preview(spec, settings=settings, store=store, catalog=catalog, **more)

    return look


def by_id(seen):
    return {step.step_id: step for step in seen.steps}


def test_tables_without_rows_give_every_step_columns_and_rows(look):
    query = "SELECT b.country, b.open, COUNT(*) AS n FROM both b CROSS JOIN got_people p WHERE p.country = 'Germany' GROUP BY 1, 2"
    seen = look(BILLS, PEOPLE, JOIN, sql(query, "both", "got_people"), load("query", "mart.open"))
    assert seen.ok
    for step in seen.steps[:-1]:
        assert (len(step.columns) > 0, step.row_count > 0, step.origin) == (True, True, "generated"), step
    steps = by_id(seen)
    assert {row["status"] for row in steps["got_bills"].rows} == {"overdue"}
    assert steps["both"].rows[0]["open"] > 5000
    assert steps["got_bills"].notes == ["200 generated rows stand in for bills: it is not there"]
    assert steps["got_people"].notes == ["200 generated rows stand in for people: connection pg has no address here"]
    assert steps["load"].origin == "generated"
    assert seen.as_dict()["origin"] == "generated"


def test_the_shipped_catalogue_is_previewed_without_its_sample_data(look):
    catalog = load_catalog(SHIPPED)
    read = [{"step_id": f"got_{name}", "ps_type": "generic.extract", "depends_on": [], "source": {"table": name}}
            for name in catalog.tables]
    seen = look(*read, catalog=catalog)
    assert seen.ok
    assert {step.origin for step in seen.steps} == {"generated"}
    assert all(step.row_count > 100 and step.columns for step in seen.steps)


def test_sql_finds_tables_by_their_bare_name_their_place_and_the_whole_path(look):
    catalog = load_catalog(SHIPPED)
    for name in ("orders", "shop.orders", "`demo.shop.orders`"):
        query = f"SELECT COUNT(*) AS n, COUNTIF(status = 'odd') > 50 AS some FROM {name} WHERE order_id > 0"
        step = by_id(look(sql(query), catalog=catalog))["query"]
        assert (step.rows, step.origin) == ([{"n": 200, "some": True}], "generated")


def test_generated_rows_are_the_same_each_time(look):
    assert by_id(look(PEOPLE))["got_people"].rows == by_id(look(PEOPLE))["got_people"].rows


def test_an_empty_table_is_stood_in_for_and_real_rows_are_not(look, settings, store, tmp_path):
    from flows.run.session import open_session

    session = open_session(settings, store, CATALOG, stage="seed")
    session.execute("CREATE TABLE crm.empty (n INT64, day DATE)")
    session.execute("CREATE TABLE crm.full AS SELECT 7 AS n")
    session.close()
    tables = {name: {"location": f"crm.{name}", "columns": {"n": {"type": "INT64"}}} for name in ("empty", "full")}
    read = [{"step_id": f"got_{name}", "ps_type": "generic.extract", "depends_on": [], "source": {"table": name}} for name in tables]
    steps = by_id(look(*read, catalog=Catalog.from_dict({"tables": tables})))
    assert steps["got_empty"].notes == ["200 generated rows stand in for empty: it has no rows yet"]
    assert (steps["got_full"].rows, steps["got_full"].origin, steps["got_full"].basis) == ([{"n": 7}], "real", "")


def test_a_table_that_another_pipeline_writes_is_made_up_from_its_spec(look, store):
    store.specs.save("demo", {"pipeline_id": "nightly", "steps": [PEOPLE, load("got_people", "mart.people")]})
    read = {"step_id": "read", "ps_type": "generic.extract", "source": {"table": "mart.people"}}
    step = by_id(look(read))["read"]
    assert [c.name for c in step.columns] == ["person_id", "email", "country"]
    assert step.row_count == 200
    assert step.notes == ["200 generated rows stand in for mart.people: pipeline nightly writes it and has not run yet"]
    assert by_id(look(sql("SELECT country, COUNT(*) AS n FROM mart.people GROUP BY country")))["query"].origin == "generated"


def test_a_table_that_this_pipeline_writes_has_the_rows_it_would_write(look):
    again = {"step_id": "again", "ps_type": "generic.extract", "depends_on": ["load"], "source": {"table": "mart.people"}}
    steps = by_id(look(PEOPLE, load("got_people", "mart.people"), again))
    assert steps["again"].rows == steps["got_people"].rows
    assert "would write to it" in steps["again"].notes[0]
    assert steps["again"].origin == "generated"


def test_what_nobody_knows_the_columns_of_fails_with_its_reason(look):
    step = by_id(look({"step_id": "read", "ps_type": "generic.extract", "source": {"table": "mart.nothing"}}))["read"]
    assert (step.status, step.origin) == ("failed", "real")
    assert "mart.nothing" in step.error


def test_a_system_that_does_not_answer_is_stood_in_for(look, monkeypatch):
    monkeypatch.setenv("PENSTOCK_CONN_PG", "postgresql://me:hidden@127.0.0.1:9/db")
    step = by_id(look(PEOPLE))["got_people"]
    assert (step.status, step.origin) == ("ok", "generated")
    assert "connection pg cannot be read" in step.notes[0]
    assert "hidden" not in str(step.as_dict())


def test_a_step_that_gives_no_rows_still_has_its_columns(look):
    typo = sql("SELECT countri FROM got_people", "got_people")
    after = sql("SELECT email FROM got_people", "query", "got_people", step_id="after")
    steps = by_id(look(PEOPLE, typo, after))
    assert [step.status for step in steps.values()] == ["ok", "failed", "not reached"]
    assert "'countri'" in steps["query"].error
    assert [c.name for c in steps["after"].columns] == ["email"]


def test_each_step_says_whether_it_gives_the_same_on_both_warehouses(look):
    seen = look(BILLS, PEOPLE, JOIN, sql("SELECT APPROX_COUNT_DISTINCT(email) AS n FROM got_people", "got_people"),
                sql("SELECT\n  HLL_COUNT.INIT(email) AS sketch\nFROM got_people", "got_people", step_id="only"))
    steps = by_id(seen)
    assert (steps["both"].verdict, steps["both"].verdict_words, steps["both"].differs) == ("portable", "same on both", [])
    assert (steps["query"].verdict, steps["query"].verdict_words) == ("local-approximate", "approximate locally")
    assert "APPROX_COUNT_DISTINCT" in steps["query"].differs[0]
    assert (steps["only"].status, steps["only"].verdict) == ("failed", "bigquery-only")
    assert "line 2" in steps["only"].error
    assert (seen.verdict, seen.as_dict()["verdict_words"]) == ("bigquery-only", "BigQuery only")


def test_the_steps_after_one_that_only_bigquery_can_run_are_shown_on_rows_of_its_columns(look):
    query = "SELECT country, HLL_COUNT.INIT(email) AS sketch, COUNT(*) AS n FROM got_people GROUP BY country"
    only = sql(query, "got_people", step_id="only")
    steps = by_id(look(PEOPLE, only, sql("SELECT country, n * 2 AS twice FROM only", "only")))
    assert (steps["only"].status, steps["only"].rows) == ("failed", [])
    assert {c.name: c.type for c in steps["only"].columns} == {"country": "STRING", "sketch": "BYTES", "n": "INT64"}
    assert steps["only"].notes == ["200 generated rows of its columns stand in for the steps after it"]
    assert (steps["query"].status, steps["query"].origin, steps["query"].row_count) == ("ok", "generated", 200)
    assert len(steps["query"].rows) == 200


def test_generated_rows_never_reach_a_run(look, settings, store):
    from flows.engines.base import Cancel
    from flows.run.job import make_job
    from flows.run.plan import make_plan

    assert look(PEOPLE, load("got_people", "mart.people")).ok
    assert store.manifest.tables("demo") == []
    job = make_job(from_data({"pipeline_id": "p", "steps": [PEOPLE]}), settings=settings, store=store, catalog=CATALOG)
    step = make_plan(job.spec, catalog=CATALOG).step("got_people")
    warehouse = job.open_warehouse("got_people")
    try:
        with pytest.raises(MissingError, match="no address here"):
            step.engine.run(step.config, job.context(step, warehouse, {}, Cancel(), job_log()))
    finally:
        warehouse.close()


def job_log():
    import logging

    return logging.getLogger("test")


def kept(settings, place, rows, hours=0):
    """A sample of a table, taken so many hours ago."""
    import json

    import pyarrow as pa

    from flows.insight import samples
    from flows.warehouse.base import Column

    sample = samples.keep(settings, place, pa.table(rows), [Column("person_id", "STRING"), Column("email", "STRING"),
                                                            Column("country", "STRING")], "BigQuery project acme")
    note = next(samples.folder(settings).glob("*.json"))
    about = json.loads(note.read_text()) | {"taken_at": (sample.taken_at - timedelta(hours=hours)).isoformat()}
    note.write_text(json.dumps(about))


PERSON = {"person_id": ["a"], "email": ["a@x"], "country": ["France"]}


def test_a_sample_goes_before_generated_rows_and_tells_its_age(look, settings):
    kept(settings, "penstock_unseen.people", PERSON, hours=3)
    seen = look(PEOPLE, load("got_people", "mart.people"))
    step = by_id(seen)["got_people"]
    assert (step.origin, step.basis, step.rows[0]["email"]) == ("sample", "sample of 1 row taken 3 h ago", "a@x")
    assert step.notes == ["people: a sample of 1 row taken 3 h ago from BigQuery project acme, because connection pg has no address here"]
    assert seen.as_dict()["steps"][0]["taken_at"]
    assert by_id(seen)["load"].basis == "sample of 1 row taken 3 h ago"


def test_a_step_on_a_sample_and_on_generated_rows_says_the_worse(look, settings):
    kept(settings, "penstock_unseen.people", PERSON)
    steps = by_id(look(BILLS, PEOPLE, JOIN))
    assert [step.origin for step in steps.values()] == ["generated", "sample", "generated"]


def test_samples_are_taken_first_and_used_when_asked_for(look, settings, store):
    from flows.insight.samples import find
    from flows.run.session import open_session

    session = open_session(settings, store, CATALOG, stage="seed")
    people, bills = "FORMAT('p%d', n) AS person_id, 'x' AS country", "n AS bill_id, FORMAT('p%d', 2500 + n) AS payer"
    session.execute(f"CREATE TABLE crm.people AS SELECT {people} FROM UNNEST(GENERATE_ARRAY(1, 3000)) AS n")
    session.execute(f"CREATE TABLE crm.bills AS SELECT {bills} FROM UNNEST(GENERATE_ARRAY(1, 5)) AS n")
    session.close()
    columns = {"people": {"person_id": {"type": "STRING"}, "country": {"type": "STRING"}},
               "bills": {"bill_id": {"type": "INT64"}, "payer": {"type": "STRING"}}}
    catalog = Catalog.from_dict({"tables": {name: {"location": f"crm.{name}", "columns": about} for name, about in columns.items()}})
    read = {name: {"step_id": f"got_{name}", "ps_type": "generic.extract", "depends_on": [], "source": {"table": name}} for name in columns}
    join = {"step_id": "both", "ps_type": "generic.transform", "depends_on": ["got_people", "got_bills"], "config": {
        "inputs": ["got_bills", "got_people"], "operations": [{"op": "join", "with": "got_people", "on": [["payer", "person_id"]]}]}}
    steps = by_id(look(read["people"], read["bills"], join, catalog=catalog, sample="local"))
    assert steps["both"].row_count == 5
    assert steps["got_bills"].basis == "sample of 5 rows taken just now"
    assert find(settings, "crm.people").rows == 5
    assert by_id(look(read["people"], catalog=catalog))["got_people"].row_count == 3000  # kept, and real rows go before it again


def test_what_cannot_be_sampled_is_said(look):
    step = by_id(look(PEOPLE, sample="local"))["got_people"]
    assert step.origin == "generated"
    assert any(note.startswith("no sample of people: ") for note in step.notes)
