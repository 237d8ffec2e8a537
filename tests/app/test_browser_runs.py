"""Runs in Chromium, on a real engine: what failed is mended, lists are filtered, links open the same place."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.fixtures.browser import DESKTOP, PHONE, keep, settled

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.timeout(300)]

RUN_MS = 90_000
LATE = """
pipeline_id: late-file
name: Late file
steps:
- {step_id: customers, ps_type: generic.extract, source: {table: shop.customers}}
- {step_id: prices, ps_type: generic.extract, source: {path: late-prices.csv}}
- {step_id: keep_prices, ps_type: generic.load, depends_on: [prices], config: {input: prices},
   destination: {engine: duckdb, table: mart.prices, mode: overwrite}}
"""
CHECKED = """
pipeline_id: checked-file
name: Checked file
steps:
- {step_id: parts, ps_type: generic.extract, source: {path: parts.csv}}
- {step_id: check, ps_type: generic.quality_check, depends_on: [parts],
   config: {input: parts, checks: [{check: not_null, columns: [part], on_fail: fail}]}}
- {step_id: keep_parts, ps_type: generic.load, depends_on: [check], config: {input: check},
   destination: {engine: duckdb, table: mart.parts, mode: overwrite}}
"""


def run(page, engine, name: str, state: str):
    """Open a pipeline in a chat, run it and wait for this state; the head of the run."""
    page.goto(f"{engine.url}/?pipeline={name}&view=run")
    settled(page).locator(".st-key-panel_run button").first.click()
    head = page.locator(".st-key-run_head")
    expect(head).to_contain_text(state, timeout=RUN_MS)
    return head


@pytest.mark.parametrize(("width", "dark"), [(DESKTOP, True), (PHONE, False)])
def test_a_failed_run_is_mended_and_resumed(page_of, engine, door, width, dark):
    late = door.settings.folders[0] / "late-prices.csv"
    late.unlink(missing_ok=True)
    page = page_of(engine.url, width=width, dark=dark)
    head = run(page, engine, keep(door, LATE), "Failed")
    failed = door.runs(pipeline_id="late-file", limit=1)[0].run.run_id
    expect(page.get_by_text("prices failed after 1 try.")).to_be_visible()
    late.write_text("part,price\nlamp,3.5\nrope,1.25\n", encoding="utf-8")
    page.get_by_role("button", name="Resume from failed step").click()
    expect(head).to_contain_text("Succeeded", timeout=RUN_MS)
    expect(head).to_contain_text("3 of 3 steps")
    expect(page.get_by_text("kept from the earlier run").first).to_be_attached()
    seen = door.runs(pipeline_id="late-file", limit=1)[0]
    assert seen.run.run_id != failed
    assert door.query("SELECT price FROM mart.prices ORDER BY price").to_pylist() == [{"price": 1.25}, {"price": 3.5}]
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_check_that_failed_is_run_again_when_the_file_is_mended(page_of, engine, door):
    parts = door.settings.folders[0] / "parts.csv"
    parts.write_text("part,pieces\nlamp,3\n,7\n", encoding="utf-8")
    page = page_of(engine.url)
    head = run(page, engine, keep(door, CHECKED), "Failed")
    expect(page.get_by_text("check failed after 1 try.")).to_be_visible()
    expect(head).to_contain_text("1 of 3 steps")
    parts.write_text("part,pieces\nlamp,3\nrope,7\n", encoding="utf-8")
    page.get_by_role("button", name="Run again").click()
    expect(head).to_contain_text("Succeeded", timeout=RUN_MS)
    expect(page.get_by_text("mart.parts: 2 rows written. The table has 2 rows now:")).to_be_visible()
    assert door.query("SELECT pieces FROM mart.parts ORDER BY pieces").to_pylist() == [{"pieces": 3}, {"pieces": 7}]


@pytest.fixture(scope="module")
def ran(engine):
    """One run that went well and one that failed, both over."""
    from flows import Penstock

    wait = "pipeline_id: {0}\nname: {1}\nsteps:\n- {{step_id: only, ps_type: {2}}}\n"
    with Penstock(settings=engine.settings) as door:
        good, bad = (list(door.follow(door.source(wait.format(*of)).spec))[-1].run for of in (
            ("went-well", "Went well", "generic.wait, config: {seconds: 0}"),
            ("went-wrong", "Went wrong", "generic.extract, source: {path: nowhere.csv}")))
    assert (good.status, bad.status) == ("SUCCESS", "FAILED")
    return good.run_id, bad.run_id


def row(page, name: str):
    return page.get_by_role("row", name=re.compile(f"^{name},"))


def test_filters_live_in_the_address_and_survive_reload_and_back(page_of, engine, ran):
    page = page_of(f"{engine.url}/runs")
    expect(row(page, "Went well").first).to_be_visible()
    page.locator(".st-key-runs_status").get_by_role("radio", name="Failed").click()
    page.wait_for_url("**/runs?status=failed")
    expect(row(page, "Went well")).to_have_count(0)
    expect(row(page, "Went wrong").first).to_be_visible()
    page.reload()
    expect(row(settled(page), "Went wrong").first).to_be_visible()
    expect(page.locator(".st-key-runs_status").get_by_role("radio", name="Failed")).to_be_checked()
    expect(row(page, "Went well")).to_have_count(0)
    page.locator(".st-key-runs_status").get_by_role("radio", name="Succeeded").click()
    page.wait_for_url("**/runs?status=succeeded")
    expect(row(page, "Went well").first).to_be_visible()
    page.go_back()
    expect(row(page, "Went wrong").first).to_be_visible()
    expect(row(page, "Went well")).to_have_count(0)
    expect(page.locator(".st-key-runs_status").get_by_role("radio", name="Failed")).to_be_checked()


def test_the_search_finds_and_says_when_it_does_not(page_of, engine, ran):
    page = page_of(f"{engine.url}/runs?q=wrong")
    expect(row(page, "Went wrong").first).to_be_visible()
    expect(row(page, "Went well")).to_have_count(0)
    field = page.get_by_placeholder("Search pipelines and runs")
    field.fill("sales*force")
    field.press("Enter")
    expect(page.get_by_text("No run matches. Nothing is called “sales*force”. Clear the filters to see all runs.")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(row(page, "Went well").first).to_be_visible()


@pytest.mark.parametrize(("width", "dark"), [(DESKTOP, False), (PHONE, True)])
def test_enter_on_a_row_opens_the_run_and_its_link_opens_the_same(page_of, engine, ran, width, dark):
    page = page_of(f"{engine.url}/runs", width=width, dark=dark, permissions=["clipboard-read", "clipboard-write"])
    row(page, "Went wrong").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/runs?run={ran[1]}")
    detail = page.locator(".st-key-runs_detail")
    expect(detail.get_by_role("heading", name="Went wrong")).to_be_visible()
    expect(detail).to_contain_text("only failed after 1 try.")
    detail.locator(".st-key-runs_detail_more button").locator("visible=true").first.click()
    page.get_by_role("button", name="Copy run link").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == f"{engine.url}/runs?run={ran[1]}"
    other = page_of(link, width=width, dark=dark)
    expect(other.locator(".st-key-runs_detail")).to_contain_text("only failed after 1 try.")
    assert other.evaluate("document.documentElement.scrollWidth") <= width


def test_a_bar_of_the_last_day_opens_its_run(page_of, engine, ran):
    page = page_of(f"{engine.url}/runs")
    page.get_by_role("button", name=re.compile("^Went well, succeeded")).first.click()
    page.wait_for_url(f"**/runs?run={ran[0]}")
    expect(page.locator(".st-key-runs_detail").get_by_role("heading", name="Went well")).to_be_visible()
