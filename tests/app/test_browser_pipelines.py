"""Pipelines and Settings in Chromium, on a real engine: deployed in the dialog, paused, rolled back, run; and all of it on a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.fixtures.browser import DESKTOP, PHONE, keep, settled

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.timeout(300)]

RUN_MS = 90_000
SPEC = """
pipeline_id: paid-orders
name: Paid orders
description: {said}
schedule: {{cron: "0 2 * * *"}}
steps:
- {{step_id: orders, ps_type: generic.extract, source: {{table: shop.orders}}}}
- {{step_id: keep_orders, ps_type: generic.load, depends_on: [orders], config: {{input: orders}},
   destination: {{engine: duckdb, table: mart.paid_orders, mode: overwrite}}}}
"""


def press(page, place: str, name: str) -> None:
    """A button of a place that is on the screen."""
    page.locator(place).get_by_role("button", name=name, exact=True).locator("visible=true").first.click()


def test_a_pipeline_is_deployed_paused_and_rolled_back(page_of, engine, door):
    keep(door, SPEC.format(said="The first."))
    keep(door, SPEC.format(said="The second."))
    page = page_of(f"{engine.url}/pipelines?q=paid-orders")
    press(page, ".st-key-pipelines_cards", "Open")
    page.wait_for_url("**pipeline=paid-orders")
    page.get_by_role("radio", name="Schedule").click()
    press(page, ".st-key-deployed_first", "Deploy")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Every day at 02:00 UTC. The next 5 runs:")
    expect(dialog).to_contain_text("A local run costs nothing.")
    assert door.deployments() == []
    dialog.get_by_role("button", name="Deploy").click()
    box = page.locator(".st-key-deployed_local")
    expect(box).to_contain_text("Live")
    press(page, ".st-key-deployed_local", "Pause")
    expect(box).to_contain_text("No next run while it is paused.")
    settled(page).get_by_role("radio", name="Versions").click()
    press(settled(page), ".st-key-version_1", "Roll back")
    page.get_by_role("button", name="Roll back").last.click()
    expect(page.locator(".st-key-version_1")).to_contain_text("In force")
    found = door.deployment("paid-orders")
    assert (found.version, found.paused, found.release) == (1, True, 2)
    door.undeploy("paid-orders")


@pytest.mark.parametrize(("width", "dark"), [(DESKTOP, True), (PHONE, False)])
def test_a_card_runs_its_pipeline_and_stands_beside_others_of_its_height(page_of, engine, door, width, dark):
    keep(door, SPEC.format(said="Orders that were paid."))
    keep(door, SPEC.format(said="Short.").replace("paid-orders", "paid-orders-2").replace("mart.paid", "mart.paid_2"))
    page = page_of(f"{engine.url}/pipelines?q=paid-orders", width=width, dark=dark)
    both = settled(page).locator(".st-key-pipeline_0, .st-key-pipeline_1")  # at one moment: the page may still be drawn
    heights = both.evaluate_all("all => all.map(each => Math.round(each.getBoundingClientRect().height))")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width == DESKTOP:
        assert len(heights) == 2
        assert heights[0] == heights[1]
    else:
        expect(page.locator(".st-key-pipelines_q")).to_have_css("width", re.compile(r"3[5-9]\d(\.\d+)?px"))
    press(page, ".st-key-pipeline_run_paid-orders", "Run")
    page.get_by_role("dialog").get_by_role("button", name="Run locally").click()
    page.wait_for_url("**/runs?run=*")
    expect(page.locator(".st-key-runs_detail")).to_contain_text("Succeeded", timeout=RUN_MS)


def test_a_new_key_is_copied_and_every_setting_fits_a_phone(page_of, engine, door):
    page = page_of(f"{engine.url}/settings?show=keys", width=PHONE, permissions=["clipboard-read", "clipboard-write"])
    page.get_by_label("Name").fill("nightly build")
    press(page, ".st-key-keys_form, body", "Create key")
    block = page.locator(".st-key-keys_new")
    expect(block).to_contain_text("it is not shown again")
    assert door.keys()[0].name == "nightly build"
    page.reload()
    expect(settled(page).get_by_text("nightly build").first).to_be_visible()
    expect(page.locator(".st-key-keys_new")).to_have_count(0)
    door.revoke_key(door.keys()[0].key_id)
    for view, words in {"Health": "Control store", "Quotas": "Runs today", "Members": "Let somebody in", "Tenants": "This one",
                        "Audit log": ""}.items():
        page.get_by_role("radio", name=view).click()
        expect(page.get_by_text(words).first if words else page.get_by_test_id("stDataFrame")).to_be_visible()
        assert settled(page).evaluate("document.documentElement.scrollWidth") <= PHONE
