"""Every template is run for real from the command line, twice, on a fresh home with the sample shop; its rows are asked for by SQL.

The first run names the template, the second its file. Nothing has an address here: no account, no key, no network.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from flows.cli import call
from flows.insight.sample import ensure_sample
from flows.insight.templates import templates
from flows.service import Penstock
from flows.settings import Settings
from tests.servers import free_port

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("prefect"), pytest.mark.timeout(600)]

ALL = {template.name: template for template in templates(Settings(home=Path("nowhere")))}

# what the template wrote, and the same from the shop's own tables; both as one row
PROOFS = {
    "gallery/anomaly_alert": (
        "SELECT COUNT(*), ROUND(SUM(cost), 2), COUNTIF(is_anomaly) > 0, COUNTIF(is_anomaly) < 30 FROM mart.cost_anomalies",
        "SELECT COUNT(DISTINCT CONCAT(COALESCE(project, 'unknown'), usage_date)), ROUND(SUM(cost), 2), TRUE, TRUE FROM shop.gcp_billing "
        "WHERE usage_date BETWEEN '2025-08-18' AND '2025-11-15'"),
    "gallery/api_to_warehouse": (
        "SELECT COUNT(*), COUNT(DISTINCT order_id), MIN(DATE(updated_at)), MAX(DATE(updated_at)) FROM mart.api_orders",
        "SELECT 2997, 2997, DATE '2025-11-15', DATE '2025-11-15'"),
    "gallery/basic_etl": (
        "SELECT SUM(orders), SUM(pieces), SUM(revenue) FROM mart.monthly_revenue",
        "SELECT COUNT(*), SUM(quantity), SUM(amount) FROM shop.orders WHERE amount >= 0 AND LOWER(status) IN ('paid', 'shipped')"),
    "gallery/cohort_retention": (
        "SELECT SUM(customers), COUNTIF(retained NOT BETWEEN 0 AND 1) FROM mart.cohort_retention WHERE months_later = 0",
        "SELECT COUNT(DISTINCT customer_id), 0 FROM shop.orders"),
    "gallery/conversion_funnel": (
        "SELECT SUM(sessions), COUNTIF(bought > clicked OR clicked > looked) FROM mart.conversion_funnel",
        "SELECT COUNT(DISTINCT CONCAT(device, session_id)), 0 FROM shop.events "
        "WHERE DATE(event_time) BETWEEN '2025-11-01' AND '2025-11-15'"),
    "gallery/cross_source_join": (
        "SELECT COUNT(*), SUM(revenue), COUNTIF(reached != ROUND(revenue / target, 3)) FROM mart.target_reached",
        "SELECT COUNT(DISTINCT CONCAT(TRIM(c.country), DATE_TRUNC(o.order_date, MONTH))), SUM(o.amount), 0 FROM shop.orders AS o "
        "JOIN shop.customers AS c USING (customer_id) WHERE o.order_date >= '2025-07-01' AND o.amount > 0 "
        "AND TRIM(c.country) IN ('Germany', 'France', 'US', 'UK', 'Spain')"),
    "gallery/currency_conversion": (
        "SELECT SUM(orders), COUNT(*), MIN(currency), SUM(revenue) > 0 FROM mart.revenue_in_one_currency",
        "SELECT COUNT(*), COUNT(DISTINCT order_date), 'EUR', TRUE FROM shop.orders WHERE amount > 0"),
    "gallery/daily_partition": (
        "SELECT COUNT(*), SUM(gross_amount), MIN(order_date), COUNTIF(status != LOWER(status)) FROM mart.orders_by_day",
        "SELECT COUNT(*), SUM(amount + COALESCE(discount, 0)), DATE '2025-11-15', 0 FROM shop.orders WHERE order_date = '2025-11-15'"),
    "gallery/daily_snapshot": (
        "SELECT COUNT(*), SUM(on_hand), COUNTIF(is_negative), MIN(snapshot_date) FROM history.inventory",
        "SELECT COUNT(*), SUM(on_hand), COUNTIF(on_hand < 0), DATE '2025-11-15' FROM shop.inventory"),
    "gallery/deduplicate": (
        "SELECT COUNT(*), COUNT(DISTINCT event_id) FROM mart.events_unique",
        "SELECT COUNT(DISTINCT event_id), COUNT(DISTINCT event_id) FROM shop.events"),
    "gallery/excel_report": ("SELECT 1", "SELECT 1"),  # its file is read below
    "gallery/file_drop_with_sensor": (
        "SELECT COUNT(*), COUNT(DISTINCT delivery_id), MIN(delivered_on), COUNTIF(pieces IS NULL) FROM mart.deliveries",
        "SELECT 117, 117, DATE '2025-11-15', 0"),
    "gallery/incremental_load": (
        "SELECT COUNT(*), SUM(amount) FROM mart.orders_current",
        "SELECT COUNT(*), SUM(amount) FROM shop.orders WHERE updated_at >= '2025-11-12'"),
    "gallery/late_arriving_data": (
        "SELECT SUM(orders), SUM(revenue), MIN(order_date) FROM mart.store_days",
        "SELECT COUNT(*), SUM(amount), MIN(order_date) FROM shop.orders WHERE order_date BETWEEN '2025-11-09' AND '2025-11-15'"),
    "gallery/moving_average": (
        "SELECT COUNT(*), SUM(revenue), COUNTIF(day_before IS NULL) FROM mart.revenue_trend",
        "SELECT COUNT(DISTINCT order_date), SUM(amount), 1 FROM shop.orders WHERE amount > 0"),
    "gallery/parallel_fan": (
        "SELECT SUM(tickets), (SELECT COUNT(*) FROM landing.customers), (SELECT COUNT(*) FROM landing.tickets), "
        "(SELECT SUM(amount) FROM landing.refunds) FROM mart.care_by_country",
        "SELECT COUNT(*), (SELECT COUNT(*) FROM shop.customers), COUNT(*), (SELECT SUM(amount) FROM shop.refunds) "
        "FROM shop.support_tickets"),
    "gallery/privacy_masking": (
        "SELECT COUNT(*), COUNT(DISTINCT email_hash), COUNTIF(name NOT LIKE '%***%') FROM safe.customers",
        "SELECT COUNT(*), COUNT(DISTINCT LOWER(TRIM(email))), 0 FROM shop.customers WHERE status = 'active'"),
    "gallery/quality_gate": (
        "SELECT COUNT(*), (SELECT COUNT(*) FROM quarantine.gallery_quality_gate_gate_rejects) FROM mart.payments_checked",
        "SELECT COUNTIF(o.order_id IS NOT NULL), COUNTIF(o.order_id IS NULL) "
        "FROM shop.payments AS p LEFT JOIN shop.orders AS o USING (order_id)"),
    "gallery/reconciliation": (
        "SELECT COUNTIF(problem = 'payment without an order'), COUNTIF(problem = 'another amount') FROM control.orders_against_payments",
        "SELECT COUNTIF(LOWER(o.status) IS NULL OR LOWER(o.status) NOT IN ('paid', 'shipped')), "
        "COUNTIF(LOWER(o.status) IN ('paid', 'shipped') AND o.amount != p.amount) "
        "FROM shop.payments AS p LEFT JOIN shop.orders AS o USING (order_id) WHERE p.status = 'settled'"),
    "gallery/slowly_changing_dimension": (
        "SELECT COUNT(*), COUNTIF(is_current AND valid_to IS NULL), MIN(valid_from) FROM mart.customers_history",
        "SELECT COUNT(*), COUNT(*), DATE '2025-11-15' FROM shop.customers"),
    "gallery/top_products": (
        "SELECT COUNT(DISTINCT category), MAX(place), COUNTIF(place = 1) FROM mart.top_products",
        "SELECT 4, 5, 4"),
    "cloud/gcp/billing": (
        "SELECT SUM(cost), ROUND(SUM(net_cost), 4), COUNT(DISTINCT usage_date), COUNTIF(project IS NULL) FROM cloud_gcp.daily_costs",
        "SELECT SUM(cost), ROUND(SUM(cost + credits), 4), 15, 0 FROM shop.gcp_billing WHERE usage_date >= '2025-11-01'"),
    "customer/onboarding/tenant": ("SELECT COUNT(*) >= 0 FROM x_meta_pipeline_runs", "SELECT TRUE"),
    "genai/openai/usage": (
        "SELECT SUM(input_tokens), SUM(cost_usd) FROM genai_openai.daily_usage",
        "SELECT SUM(input_tokens), SUM(cost_usd) FROM shop.openai_usage WHERE usage_date >= '2025-11-01'"),
}


class Place:
    """A home in which everything is up, and what was run in it."""

    def __init__(self, folder: Path) -> None:
        self.home, self.here, port = folder / "home", folder / "here", free_port()
        self.here.mkdir(parents=True)
        root = Path(__file__).resolve().parents[3]
        self.env = {**os.environ, "PENSTOCK_HOME": str(self.home), "PENSTOCK_PREFECT_PORT": str(port), "PYTHONPATH": str(root)}
        settings = Settings(home=self.home, control_url=f"sqlite:///{self.home / 'control.sqlite'}", prefect_port=port,
                            folders=(self.here, self.home / "files"))
        self.door = Penstock(settings=settings)
        ensure_sample(settings, self.door.store, scale=0.01)
        self.said = folder / "said.txt"
        code = "from flows.settings import Settings; from flows.run.up import serve; raise SystemExit(serve(Settings.load(), app=False))"
        with self.said.open("w") as out:
            self.process = subprocess.Popen([sys.executable, "-u", "-c", code], env=self.env, cwd=self.here, stdout=out, stderr=out,
                                            start_new_session=True)
        end = time.monotonic() + 180
        while "penstock is up" not in self.said.read_text():
            assert time.monotonic() < end, self.said.read_text()
            time.sleep(0.1)

    def penstock(self, *args):
        """One command line, without a process of its own for each: its exit code, and what it printed."""
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            code = call([*args])
        return code, out.getvalue() or err.getvalue()

    def wait(self, run_id):
        """The run, when it has ended."""
        end = time.monotonic() + 240
        while not (view := self.door.view(run_id)).run.ended:
            assert time.monotonic() < end, run_id
            time.sleep(0.2)
        return view

    def rows(self, sql):
        return [tuple(row.values()) for row in self.door.query(sql, read_only=True).to_pylist()]

    def held(self):
        """All tables that templates wrote, without the columns that say which run it was."""
        names = [table.name for table in self.door.store.manifest.tables("demo") if not table.name.startswith(("shop.", "x_meta."))]
        own = "SELECT * EXCEPT (x_org_slug, x_pipeline_id, x_credential_id, x_pipeline_run_date, x_run_id, x_ingested_at, x_ingestion_date)"
        return {name: sorted(map(repr, self.rows(f"{own} FROM `{name}`"))) for name in names}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    opened = Place(tmp_path_factory.mktemp("gallery-runs"))
    with pytest.MonkeyPatch.context() as patched:
        for name in ("PENSTOCK_HOME", "PENSTOCK_PREFECT_PORT"):
            patched.setenv(name, opened.env[name])
        patched.chdir(opened.here)
        yield opened
    opened.door.close()
    os.killpg(opened.process.pid, signal.SIGTERM)
    opened.process.wait(60)


@pytest.fixture(scope="module")
def first(place):
    """One run of each by its name from the command line."""
    return {name: place.penstock("run", name, "--json") for name in ALL}


def test_every_template_runs_from_the_command_line(first):
    failed = {name: out[-600:] for name, (code, out) in first.items() if code or json.loads(out)["status"] != "SUCCESS"}
    assert failed == {}


def test_every_template_has_a_proof():
    assert set(PROOFS) == set(ALL)


@pytest.mark.parametrize("name", ALL)
def test_its_rows_are_those_of_the_shop(name, first, place):
    got, want = PROOFS[name]
    assert place.rows(got) == place.rows(want)


def test_the_excel_file_has_a_line_a_month(first, place):
    from python_calamine import CalamineWorkbook

    rows = CalamineWorkbook.from_path(place.here / "reports" / "revenue_2025-11-15.xlsx").get_sheet_by_index(0).to_python()
    assert rows[0] == ["month", "books", "electronics", "grocery", "toys", "other"]
    assert len(rows) == 1 + 6
    asked = "SELECT SUM(amount) FROM shop.orders WHERE order_date BETWEEN '2025-06-01' AND '2025-11-15' " \
            "AND LOWER(status) NOT IN ('cancelled', 'refunded')"
    assert sum(cell for row in rows[1:] for cell in row[1:] if cell != "") == place.rows(asked)[0][0]


def test_a_second_run_of_the_same_day_from_its_file_leaves_the_same_rows(first, place):
    before = place.held()
    assert len(before) > len(ALL)
    runs = [place.door.submit(template.path) for template in ALL.values()]
    assert {place.wait(run.run_id).run.status for run in runs} == {"SUCCESS"}
    assert place.held() == before


def test_a_shut_gate_takes_the_other_branch(first, place):
    """In a process of its own, as a person starts it."""
    before = place.rows("SELECT COUNT(*) FROM mart.payments_checked")
    done = subprocess.run([sys.executable, "-m", "flows.cli", "run", "gallery/quality_gate", "--param", "least_rows=1000000", "--json"],
                          env=place.env, cwd=place.here, capture_output=True, text=True, check=False)
    code, told = done.returncode, json.loads(done.stdout)
    assert (code, told["status"]) == (1, "FAILED")
    assert {step["step_id"]: step["status"] for step in told["steps"]} == {
        "read": "SUCCESS", "gate": "FAILED", "load": "SKIPPED", "report_refused": "SUCCESS"}
    lines = (place.here / "reports" / "payments_refused.csv").read_text().splitlines()
    assert len(lines) == 1 + place.rows("SELECT COUNT(*) FROM shop.payments")[0][0]
    assert place.rows("SELECT COUNT(*) FROM mart.payments_checked") == before


PEOPLE = "CREATE OR REPLACE TABLE crm.people AS SELECT * FROM UNNEST(ARRAY<STRUCT<customer_id INT64, name STRING, country STRING, " \
         "segment STRING, status STRING>>[{}])"
HISTORY = "SELECT customer_id, country, CAST(valid_from AS STRING), CAST(valid_to AS STRING), is_current FROM crm.history " \
          "ORDER BY customer_id, valid_from"


def test_a_dimension_keeps_every_version(place):
    """Six runs over a source that changes: new, changed, emptied, gone, back again, twice on one day, repeated, and one that is late."""
    spec = place.door.use_template("gallery/slowly_changing_dimension", pipeline_id="people",
                                   variables={"source_table": "crm.people", "destination_table": "crm.history"})

    def run(day, *people, times=1):
        place.door.query(PEOPLE.format(", ".join(f"({number}, '{name}', {country}, 'smb', 'active')" for number, name, country in people)))
        for _ in range(times):
            assert place.wait(place.door.submit(spec, params={"run_date": day}).run_id).run.status == "SUCCESS"
            found = place.rows(HISTORY)
        return found

    place.door.query(PEOPLE.format("(1, 'Ann', 'DE', 'smb', 'active')"))
    assert run("2025-11-01", (1, "Ann", "'DE'"), (2, "Ben", "'FR'"), (3, "Cem", "NULL")) == [
        (1, "DE", "2025-11-01", None, True), (2, "FR", "2025-11-01", None, True), (3, None, "2025-11-01", None, True)]
    assert run("2025-11-02", (1, "Ann", "'UK'"), (3, "Cem", "NULL"), (4, "Dora", "'ES'")) == [
        (1, "DE", "2025-11-01", "2025-11-02", False), (1, "UK", "2025-11-02", None, True),
        (2, "FR", "2025-11-01", "2025-11-02", False), (3, None, "2025-11-01", None, True), (4, "ES", "2025-11-02", None, True)]
    later = [
        (1, "DE", "2025-11-01", "2025-11-02", False), (1, "UK", "2025-11-02", "2025-11-03", False), (1, None, "2025-11-03", None, True),
        (2, "FR", "2025-11-01", "2025-11-02", False), (2, "IT", "2025-11-03", None, True),
        (3, None, "2025-11-01", "2025-11-03", False), (3, "US", "2025-11-03", None, True), (4, "ES", "2025-11-02", None, True)]
    assert run("2025-11-03", (1, "Ann", "NULL"), (2, "Ben", "'PL'"), (3, "Cem", "'US'"), (4, "Dora", "'ES'")) == [
        (2, "PL", *row[2:]) if row[1] == "IT" else row for row in later]
    assert run("2025-11-03", (1, "Ann", "NULL"), (2, "Ben", "'IT'"), (3, "Cem", "'US'"), (4, "Dora", "'ES'"), times=2) == later
    assert run("2025-10-31", (1, "Ann", "'XX'"), (2, "Ben", "'IT'"), (3, "Cem", "'US'"), (4, "Dora", "'ES'")) == later
