"""The chat in Chromium, on a real engine: files, backfills, parameters, turns that are left or stopped, and no mouse at all."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from playwright.sync_api import expect
from werkzeug import Response

from tests.fixtures.browser import DESKTOP, PHONE, attach, keep, panel, say, settled, step_of

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.timeout(300)]

RUN_MS = 90_000
ROWS = [{"city": "Köln", "amount": 12.5, "pieces": 3}, {"city": "Łódź", "amount": 7.25, "pieces": 1},
        {"city": "São Paulo", "amount": 0.5, "pieces": 9}]
DAYS = """
pipeline_id: day-by-day
name: Day by day
steps:
- {step_id: arrive, ps_type: generic.wait, config: {until: {file: "arrived-{run_date}"}, poll_seconds: 0.1}}
"""
ASKS = """
pipeline_id: asks-first
name: Asks first
parameters:
- {name: country, type: string, default: DE, description: Whose orders}
- {name: least, type: integer, default: 5}
steps:
- {step_id: nothing, ps_type: generic.wait, config: {seconds: 0}}
"""
ITEMS = """
pipeline_id: items
name: Items of a shop
steps:
- {step_id: read_items, ps_type: generic.extract, source: {connection: slow_shop, endpoint: items}}
- {step_id: keep_items, ps_type: generic.load, depends_on: [read_items], config: {input: read_items},
   destination: {engine: duckdb, table: mart.items, mode: overwrite}}
"""


def written(kind: str, path: Path) -> Path:
    """ROWS as a file of this kind."""
    import pandas as pd

    rows = pd.DataFrame(ROWS)
    if kind == "csv":
        rows.to_csv(path, index=False)
    elif kind == "xlsx":
        rows.to_excel(path, index=False, engine="xlsxwriter")
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    else:
        rows.to_parquet(path)
    return path


@pytest.mark.parametrize(("kind", "width", "dark"), [("csv", DESKTOP, False), ("xlsx", PHONE, True), ("jsonl", DESKTOP, True),
                                                     ("parquet", PHONE, False)])
def test_an_attached_file_becomes_a_table(page_of, engine, door, tmp_path, kind, width, dark):
    page = page_of(engine.url, width=width, dark=dark)
    attach(page, written(kind, tmp_path / f"cities_{kind}.{kind}"), f"cities_{kind}.{kind}")
    say(page, f"load it into mart.from_{kind}")
    expect(page.get_by_text("3 rows, 3 columns")).to_be_visible()
    expect(page.locator(".st-key-panel_head")).to_contain_text("Valid")
    page.locator(".st-key-panel_run button").first.click()
    expect(page.locator(".st-key-run_head")).to_contain_text("Succeeded", timeout=RUN_MS)
    expect(page.get_by_text(f"mart.from_{kind}: 3 rows written. The table has 3 rows now:")).to_be_visible()
    found = door.query(f"SELECT city, amount, pieces FROM mart.from_{kind} ORDER BY pieces DESC").to_pylist()
    assert [(row["city"], float(row["amount"]), int(row["pieces"])) for row in found] == \
        [(row["city"], row["amount"], row["pieces"]) for row in sorted(ROWS, key=lambda row: -row["pieces"])]
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_three_days_are_filled_one_after_the_other_while_one_watches(page_of, engine, door):
    page = page_of(f"{engine.url}/?pipeline={keep(door, DAYS)}")
    say(page, "run it for 2025-11-01 to 2025-11-03")
    expect(page.get_by_text("for 1 to 3 November 2025: 3 runs.")).to_be_visible()
    assert door.runs(pipeline_id="day-by-day") == [], "nothing before the click"
    page.get_by_role("button", name="Start 3 runs").click()
    for done in range(3):
        expect(page.get_by_text(f"{done} of 3 days done").first).to_be_visible(timeout=RUN_MS)
        (door.settings.folders[0] / f"arrived-2025-11-0{done + 1}").touch()
    expect(page.get_by_text("3 of 3 days done").first).to_be_visible(timeout=RUN_MS)
    ran = door.runs(pipeline_id="day-by-day", limit=10)
    assert sorted((view.run.run_date, view.run.status) for view in ran) == [(f"2025-11-0{day}", "SUCCESS") for day in (1, 2, 3)]


def test_parameters_are_asked_before_a_run(page_of, engine, door):
    page = page_of(f"{engine.url}/?pipeline={keep(door, ASKS)}")
    page.locator(".st-key-panel_run_with button").first.click()
    expect(page.get_by_label("Country", exact=True)).to_have_value("DE")
    expect(page.get_by_label("Least", exact=True)).to_have_value("5")
    page.get_by_label("Country", exact=True).fill("FR")
    page.get_by_label("Least", exact=True).fill("12")
    page.locator(".st-key-run_submit button").click()
    expect(page.locator(".st-key-run_head")).to_contain_text("Succeeded", timeout=RUN_MS)
    assert {name: door.runs(pipeline_id="asks-first", limit=1)[0].run.params[name] for name in ("country", "least")} == \
        {"country": "FR", "least": 12}


@pytest.fixture
def slow_shop(engine, httpserver):
    """A shop behind HTTP that answers when its event is set."""
    answers = threading.Event()

    def handle(request):
        answers.wait(25)
        return Response(json.dumps([{"item": "lamp"}, {"item": "rope"}]), content_type="application/json")

    httpserver.expect_request("/v1/items").respond_with_handler(handle)
    (engine.home / "connections.yml").write_text(f"slow_shop: {{url: '{httpserver.url_for('/v1')}'}}\n", encoding="utf-8")
    yield answers
    answers.set()


def halfway(page, door, slow_shop) -> None:
    """A change is applied, and its preview waits for the shop."""
    slow_shop.set()
    page.goto(f"{page.url}?pipeline={keep(door, ITEMS)}")
    say(settled(page), "run it every day at 3 am")
    apply = page.get_by_role("button", name="Apply")
    expect(apply).to_be_visible()
    slow_shop.clear()
    apply.click()
    expect(page.get_by_text("Previewing 200 rows").first).to_be_visible()


def test_a_turn_that_is_left_goes_on_and_is_found_again(page_of, engine, door, slow_shop):
    page = page_of(engine.url)
    halfway(page, door, slow_shop)
    page.reload()
    expect(page.get_by_text("Previewing 200 rows").first).to_be_visible()
    slow_shop.set()
    expect(page.get_by_text("Worked for").last).to_be_visible()
    expect(page.get_by_text("Previewing 200 rows").locator("visible=true")).to_have_count(0)
    panel(page, "Preview")
    expect(page.get_by_text("All 2 rows").first).to_be_visible()
    expect(page.get_by_text("Nothing was written.").first).to_be_visible()
    expect(page.locator(".st-key-panel_head")).to_contain_text("Every day at 03:00 UTC")


def test_a_turn_is_stopped(page_of, engine, door, slow_shop):
    page = page_of(engine.url)
    halfway(page, door, slow_shop)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped. Nothing has run.")).to_be_visible()
    slow_shop.set()
    say(page, "run it every day at 5 am")
    expect(page.get_by_role("button", name="Apply")).to_be_visible()


def tab_to(page, place: str) -> None:
    """Press Tab until the focus is inside this place."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("(place) => !!document.activeElement.closest(place)", place):
            return
    raise AssertionError(f"Tab does not reach {place}")


def test_the_main_job_needs_no_mouse(page_of, engine, door):
    page = page_of(engine.url)
    tab_to(page, ".st-key-first textarea")
    page.keyboard.type("load customers into mart.by_keyboard every day at 2 am")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing has run yet.")).to_be_visible()
    settled(page)
    tab_to(page, ".st-key-panel_run button")
    page.keyboard.press("Enter")
    head = page.locator(".st-key-run_head")
    expect(head).to_contain_text("Succeeded", timeout=RUN_MS)
    settled(page)
    tab_to(page, ".st-key-panel_view_choice")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(step_of(page, "load", "succeeded")).to_be_visible()
    count = "SELECT COUNT(*) AS n FROM "
    assert door.query(f"{count} mart.by_keyboard").to_pylist() == door.query(f"{count} shop.customers").to_pylist()
