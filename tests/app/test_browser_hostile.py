"""Names from data in Chromium: whatever they hold, they are text in every view."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.fixtures.browser import attach, keep, panel, say, settled

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.timeout(300)]

HOSTILE = "<img src=x onerror=alert(1)> **b** $x$ :material/home: [l](javascript:alert(2)) `c` <script>alert(3)</script>"
MADE_OF_IT = "img[src='x'], script:not([src]):has-text('alert'), a[href^='javascript']"


def nothing_came_alive(page, seen: list[str]) -> None:
    settled(page)
    assert page.locator(MADE_OF_IT).count() == 0
    assert seen == []


def test_hostile_names_stay_text_in_every_view(page_of, engine, door):
    where = engine.home / "files" / "hostile.csv"
    where.write_text(f'id,"{HOSTILE}"\n1,"{HOSTILE}"\n2,"{HOSTILE}",too,many\n', encoding="utf-8")
    name = keep(door, json.dumps({"pipeline_id": "hostile", "name": HOSTILE, "description": HOSTILE, "steps": [
        {"step_id": "read", "name": HOSTILE, "ps_type": "generic.extract", "depends_on": [], "continue_on_error": True,
         "source": {"path": "hostile.csv"}},
        {"step_id": "check", "name": HOSTILE, "ps_type": "generic.quality_check", "depends_on": ["read"],
         "config": {"input": "read", "checks": [{"check": "positive", "column": "id", "on_fail": "warn"},
                                                {"check": "accepted", "column": HOSTILE, "values": ["no"], "on_fail": "fail"}]}}]},
        indent=1))
    page = page_of(f"{engine.url}/?pipeline={name}")
    seen: list[str] = []
    page.on("dialog", lambda dialog: (seen.append(dialog.message), dialog.dismiss()))
    expect(page.locator(".st-key-panel_head")).to_contain_text("<img src=x onerror=alert(1)> **b** $x$ ")
    for view in ("Spec", "Preview", "Graph"):
        panel(page, view)
        nothing_came_alive(page, seen)
    panel(page, "Run")
    page.get_by_role("button", name="Run locally").click()
    expect(page.locator(".st-key-run_head")).to_contain_text("Failed", timeout=60_000)
    nothing_came_alive(page, seen)
    page.goto(f"{engine.url}/runs?run={door.runs(pipeline_id='hostile', limit=1)[0].run.run_id}")
    expect(page.get_by_text("<img src=x onerror=alert(1)>").first).to_be_visible()
    nothing_came_alive(page, seen)


def test_a_hostile_sentence_and_file_stay_text(page_of, engine):
    page = page_of(engine.url)
    seen: list[str] = []
    page.on("dialog", lambda dialog: (seen.append(dialog.message), dialog.dismiss()))
    name = "<img src=x onerror=alert(1)>.csv"
    attach(page, {"name": name, "mimeType": "text/csv", "buffer": f'a,"{HOSTILE}"\n1,2\n'.encode()}, name)
    say(page, f"load {HOSTILE} into mart.x")
    expect(page.get_by_text("Worked for").last).to_be_visible()
    expect(page.get_by_text("<script>alert(3)</script>").first).to_be_visible()
    nothing_came_alive(page, seen)
