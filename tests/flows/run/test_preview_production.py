"""A preview on samples of BigQuery: taken once, joined, kept as files of this tenant."""

import pytest

from flows.insight.catalog import Catalog
from flows.run.preview import preview
from flows.run.session import open_session
from flows.spec.loader import from_data

pytestmark = [pytest.mark.bigquery, pytest.mark.xdist_group("bigquery")]

TABLES = {"people": {"connection": "bq", "location": "crm.people", "primary_key": ["person_id"],
                     "columns": {"person_id": {"type": "INT64"}, "country": {"type": "STRING"}, "score": {"type": "NUMERIC"}}},
          "bills": {"connection": "bq", "location": "crm.bills",
                    "columns": {"bill_id": {"type": "INT64"}, "person_id": {"type": "INT64"}, "billed_at": {"type": "TIMESTAMP"}}}}
KEYS = [{"table": "bills", "column": "person_id", "references": {"table": "people", "column": "person_id"}}]
CATALOG = Catalog.from_dict({"connections": {"bq": {"kind": "bigquery"}}, "tables": TABLES, "foreign_keys": KEYS})


@pytest.fixture
def production(settings, store, bq_project, monkeypatch):
    """The tables on BigQuery: 3,000 people, five bills of the last of them."""
    from datetime import UTC, datetime
    from decimal import Decimal

    import pyarrow as pa

    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", bq_project.project)
    for name in ("endpoint", "storage_endpoint", "datasets", "location"):
        monkeypatch.setenv(f"PENSTOCK_BIGQUERY_{name.upper()}", getattr(bq_project, name))
    session = open_session(settings, store, CATALOG, stage="seed", environment="production")
    n = list(range(1, 3001))
    people = pa.table({"person_id": n, "country": ["FR"] * 3000, "score": pa.array([Decimal(i) / 4 for i in n], pa.decimal128(38, 9))})
    last = n[-5:]
    moment = pa.array([datetime(2025, 1, 1, tzinfo=UTC)] * 5, pa.timestamp("us", "UTC"))
    bills = pa.table({"bill_id": last, "person_id": last, "billed_at": moment})
    try:
        session.load(people.to_reader(), "crm.people", mode="truncate")
        session.load(bills.to_reader(), "crm.bills", mode="truncate")
        yield session
    finally:
        session.close()


def test_samples_of_bigquery_join_and_are_kept(production, settings, store):
    read = [{"step_id": f"got_{name}", "ps_type": "generic.extract", "depends_on": [], "source": {"table": name}} for name in TABLES]
    join = {"step_id": "both", "ps_type": "generic.transform", "depends_on": ["got_people", "got_bills"], "config": {
        "inputs": ["got_bills", "got_people"], "operations": [{"op": "join", "with": "got_people", "on": [["person_id", "person_id"]]}]}}
    spec = from_data({"pipeline_id": "p", "steps": [*read, join]})
    seen = preview(spec, settings=settings, store=store, catalog=CATALOG, sample="production")
    people, bills, both = seen.steps
    assert (both.row_count, bills.row_count, people.row_count) == (5, 5, 5)
    assert [step.basis for step in seen.steps] == ["sample of 5 rows taken just now"] * 3
    assert f"BigQuery project {production.project.project}" in people.notes[0]
    assert {c.name: c.type for c in both.columns}["billed_at"] == "TIMESTAMP"
    again = preview(spec, settings=settings, store=store, catalog=CATALOG)
    assert (again.origin, again.steps[2].row_count) == ("sample", 5)
