"""The main job in Chromium, on a real engine: words become a draft, rows, a run that is watched, stopped, left and found again."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.fixtures.browser import DESKTOP, PHONE, attach, keep, panel, say, settled, step_of

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.timeout(300)]

REVENUE = ("Daily revenue by country: join orders with customers, keep only paid orders, sum amount per day and country, "
           "into mart.daily_revenue, every day at 2 AM")
BY_HAND = """
SELECT COUNT(*) AS groups, SUM(revenue) AS revenue FROM (
  SELECT o.order_date, c.country, SUM(o.amount) AS revenue
  FROM shop.orders AS o JOIN shop.customers AS c ON o.customer_id = c.customer_id
  WHERE o.status = 'paid' GROUP BY o.order_date, c.country)
"""
STEPS = ("extract_orders", "extract_customers", "transform", "load")
WAITS = """
pipeline_id: {name}
name: Two waits
steps:
- {{step_id: first, ps_type: generic.wait, config: {{until: {{file: {name}-1}}, poll_seconds: 0.1}}}}
- {{step_id: second, ps_type: generic.wait, depends_on: [first], config: {{until: {{file: {name}-2}}, poll_seconds: 0.1}}}}
"""
FILES = Path(__file__).resolve().parents[1] / "fixtures" / "files"
RUN_MS = 90_000  # a run waits for its process, and the machine may be busy
RESTART_MS = 120_000


def begun(page, door, name):
    """Open a pipeline of two steps that wait for a file each, and run it; what lets step 1 or 2 end, and the head of the run."""
    keep(door, WAITS.format(name=name))
    page.goto(f"{page.url}?pipeline={name}&view=run")
    settled(page).locator(".st-key-panel_run button").first.click()
    head = page.locator(".st-key-run_head")
    expect(head).to_contain_text("Running", timeout=RUN_MS)
    return (lambda step: (door.settings.folders[0] / f"{name}-{step}").touch()), head


@pytest.mark.parametrize(("width", "dark"), [(DESKTOP, False), (DESKTOP, True), (PHONE, False), (PHONE, True)])
def test_a_sentence_becomes_a_spec_a_preview_a_run_and_rows(page_of, engine, door, width, dark):
    page = page_of(engine.url, width=width, dark=dark)
    say(page, REVENUE)
    expect(page.get_by_text("Nothing has run yet.")).to_be_visible()
    expect(page.locator(".st-key-panel_head")).to_contain_text("Valid")
    expect(page.locator(".st-key-panel_head")).to_contain_text("Every day at 02:00 UTC")
    for step in STEPS:
        expect(step_of(page, step)).to_be_visible()

    panel(page, "Preview")
    expect(page.get_by_text("Nothing was written.").first).to_be_visible()
    panel(page, "Run")
    expect(page.get_by_text("Not run yet.")).to_be_visible()
    page.get_by_role("button", name="Run locally").click()
    head = page.locator(".st-key-run_head")
    expect(head).to_contain_text("Succeeded", timeout=RUN_MS)
    expect(head).to_contain_text("4 of 4 steps")
    panel(page, "Graph")
    for step in STEPS:
        expect(step_of(page, step, "succeeded")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    run = door.runs(pipeline_id="daily-revenue", limit=1)[0]
    assert {step["status"] for step in run.steps} == {"SUCCESS"}
    written = door.query("SELECT COUNT(*) AS groups, SUM(revenue) AS revenue FROM mart.daily_revenue").to_pylist()
    assert written == door.query(BY_HAND).to_pylist()


@pytest.mark.parametrize(("width", "dark"), [(DESKTOP, False), (PHONE, True)])
def test_the_graph_follows_a_run_without_a_reload(page_of, engine, door, width, dark):
    page = page_of(engine.url, width=width, dark=dark)
    end, _ = begun(page, door, f"live-{width}")
    panel(page, "Graph")
    page.evaluate("window.same = true")
    expect(step_of(page, "first", "running")).to_be_visible()
    expect(step_of(page, "second", "waiting")).to_be_visible()
    end(1)
    expect(step_of(page, "first", "succeeded")).to_be_visible()
    expect(step_of(page, "second", "running")).to_be_visible()
    end(2)
    expect(step_of(page, "second", "succeeded")).to_be_visible()
    expect(page.locator(".st-key-panel_head")).to_contain_text("Succeeded")
    assert page.evaluate("window.same"), "it was all one page"


def test_a_vague_sentence_asks_and_a_click_makes_it_ready(page_of, engine):
    page = page_of(engine.url)
    say(page, "load orders into the warehouse every day")
    expect(page.locator(".st-key-panel_head")).to_contain_text("2 questions")
    expect(page.locator(".st-key-panel_run button").first).to_be_disabled()
    page.get_by_role("button", name="every day at 06:00").click()
    expect(page.locator(".st-key-panel_head")).to_contain_text("1 question")
    page.get_by_role("button", name="mart.orders").click()
    expect(page.locator(".st-key-panel_head")).to_contain_text("Valid")
    expect(page.locator(".st-key-panel_head")).to_contain_text("Every day at 06:00 UTC")
    expect(page.locator(".st-key-panel_run button").first).to_be_enabled()


def test_an_edit_with_an_error_keeps_the_last_valid_version(page_of, engine):
    page = page_of(engine.url)
    say(page, REVENUE)
    expect(page.get_by_text("Nothing has run yet.")).to_be_visible()
    panel(page, "Spec")
    editor = page.get_by_role("textbox", name=re.compile("spec|YAML", re.I)).first
    good = editor.input_value()
    editor.fill(good.replace("- extract_customers", "- extract_customer", 1))
    editor.press("Control+Enter")
    expect(page.get_by_text("Did you mean", exact=False).first).to_be_visible()
    expect(page.get_by_text("The graph and the Run button use the last valid version.")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Line \d+"))).to_be_visible()
    expect(page.locator(".st-key-panel_head")).to_contain_text("Invalid")
    panel(page, "Graph")
    expect(step_of(page, "extract_customers")).to_be_visible()
    panel(page, "Spec")
    expect(editor).to_have_value(re.compile("- extract_customer\n"))
    editor.fill(good.replace("name: Daily revenue", "name: Revenue of the day", 1))
    editor.press("Control+Enter")
    expect(page.locator(".st-key-panel_head")).to_contain_text("Revenue of the day")
    expect(page.locator(".st-key-panel_head")).to_contain_text("Draft v2")


def test_stop_stops_within_three_seconds(page_of, engine, door):
    """By the book of the run: from the line that says it was asked to, to its end. A busy machine has three tries."""
    took = []
    for n in range(3):
        page = page_of(engine.url)
        _, head = begun(page, door, f"endless-{n}")
        run_id = door.runs(pipeline_id=f"endless-{n}", limit=1)[0].run.run_id
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(head).to_contain_text("Stopped")
        expect(head).to_contain_text("0 of 2 steps")
        expect(page.get_by_text("Stopped. No step had finished; nothing was written.")).to_be_visible()
        run = door.view(run_id).run
        assert run.status == "CANCELLED"
        asked = min(line.at for line in door.logs(run_id) if "stop" in line.text.lower())
        took.append((run.ended_at - asked).total_seconds())
        if took[-1] < 3:
            break
    assert min(took) < 3, took


def test_a_reload_in_mid_run_finds_the_run_again_and_two_viewers_see_the_same(page_of, engine, door):
    page = page_of(engine.url)
    end, head = begun(page, door, "some-waits")
    page.reload()
    other = page_of(page.url)
    end(1)
    for tab in (page, other):
        head = settled(tab).locator(".st-key-run_head")
        expect(head).to_contain_text("Running")
        expect(head).to_contain_text("1 of 2 steps")
    end(2)
    for tab in (page, other):
        expect(tab.locator(".st-key-run_head")).to_contain_text("Succeeded")
        expect(tab.locator(".st-key-run_head")).to_contain_text("2 of 2 steps")


def test_a_messy_file_is_previewed_with_its_rejected_rows(page_of, engine):
    page = page_of(engine.url)
    attach(page, FILES / "messy_orders.csv", "messy_orders.csv")
    say(page, "load it into mart.messy")
    expect(page.get_by_text("could not be read").first).to_be_visible()
    expect(page.locator(".st-key-panel_head")).to_contain_text("Valid")
    panel(page, "Preview")
    page.locator(".st-key-preview_bar").get_by_role("radio").first.click()
    shown = page.locator(".st-key-preview_new")
    expect(shown.get_by_text("4 rows rejected")).to_be_visible()
    expect(shown.get_by_test_id("stDataFrame")).to_have_count(2)


def test_when_the_runner_is_killed_the_banner_says_so_and_what_still_works(page_of, engine, door):
    page = page_of(engine.url)
    parent, runner = engine.process.pid, engine.runner()
    banner = page.locator(".st-key-banner")
    os.kill(parent, signal.SIGSTOP)  # or it would start another one at once
    try:
        os.killpg(runner, signal.SIGKILL)
        expect(banner).to_contain_text("The runner has stopped and is being started again. "
                                       "Runs that you start now wait; previews still work.", timeout=RUN_MS)
        say(page, REVENUE)
        expect(page.get_by_text("Nothing has run yet.")).to_be_visible()
        panel(page, "Preview")
        expect(page.get_by_text("Nothing was written.").first).to_be_visible()
        panel(page, "Run")
        page.get_by_role("button", name="Run locally").click()
        expect(page.locator(".st-key-run_head")).to_contain_text("Queued")
    finally:
        os.kill(parent, signal.SIGCONT)
    expect(banner).to_have_count(0, timeout=RESTART_MS)
    expect(page.locator(".st-key-run_head")).to_contain_text("Succeeded", timeout=RESTART_MS)
