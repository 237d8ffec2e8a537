"""The drawings in a real browser: mouse, keyboard, live updates, two themes, phone width."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.fixtures.browser import DESKTOP, PHONE, Server, free_port

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
PAGE = Path(__file__).with_name("graph_page.py")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def drawings(tmp_path_factory) -> Iterator[str]:
    """The address of a Streamlit that serves `graph_page.py`."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(PAGE), "--server.port", str(port), "--server.headless", "true",
               "--server.address", "127.0.0.1", "--server.fileWatcherType", "none", "--browser.gatherUsageStats", "false"]
    env = {**os.environ, "PYTHONPATH": str(PAGE.parents[2])}
    server = Server(command, env, lambda: f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("drawings") / "streamlit.log")
    server.until(lambda: listens(port))
    yield server.url
    server.stop()


@pytest.fixture(params=[(DESKTOP, "light"), (PHONE, "dark")], ids=["light", "dark-phone"])
def tab(request, chrome, net, drawings) -> Iterator[Any]:
    """A tab under the guard; it never scrolls sideways."""
    width, scheme = request.param
    context = chrome.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    found = context.new_page()
    net.watch(found, drawings)
    yield found
    assert found.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    context.close()


def box(tab: Any, name: str):
    return tab.get_by_role("button", name=re.compile(f"^{re.escape(name)},"))


def test_a_click_selects_a_step_and_lights_what_is_above_and_below(tab, drawings):
    tab.goto(f"{drawings}/?steps=8&live=1")
    box(tab, "daily_revenue").click()
    expect(tab.get_by_text("picked: daily_revenue")).to_be_visible()
    expect(box(tab, "daily_revenue")).to_have_attribute("aria-pressed", "true")
    expect(box(tab, "join_customers")).not_to_have_class(re.compile(r"\boff\b"))
    expect(box(tab, "load_orders")).to_have_class(re.compile(r"\boff\b"))
    box(tab, "daily_revenue").click()
    expect(tab.get_by_text("picked: None")).to_be_visible()


def test_the_keyboard_walks_along_edges_and_selects(tab, drawings):
    tab.goto(f"{drawings}/?steps=8&live=1")
    box(tab, "load_orders").focus()
    tab.keyboard.press("ArrowDown")
    expect(box(tab, "check_quality")).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("picked: check_quality")).to_be_visible()
    expect(box(tab, "check_quality")).to_be_focused()
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("ArrowRight")
    expect(box(tab, "join_customers")).to_be_focused()
    tab.keyboard.press("Tab")
    expect(box(tab, "check_quality")).to_be_focused()
    tab.keyboard.press("Space")
    expect(tab.get_by_text("picked: None")).to_be_visible()


def test_the_caller_can_select_and_a_click_wins_later(tab, drawings):
    tab.goto(f"{drawings}/?steps=8")
    box(tab, "load_orders").click()
    expect(tab.get_by_text("picked: load_orders")).to_be_visible()
    tab.get_by_role("button", name="Select the last").click()
    expect(tab.get_by_text("picked: orders_by_country")).to_be_visible()
    expect(box(tab, "orders_by_country")).to_have_attribute("aria-pressed", "true")
    box(tab, "fx_rates").click()
    expect(tab.get_by_text("picked: fx_rates")).to_be_visible()


def test_states_change_in_place_and_keep_focus_scroll_and_selection(tab, drawings):
    tab.goto(f"{drawings}/?steps=25&live=tick&height=300")
    box(tab, "daily_revenue").click()
    expect(tab.get_by_text("picked: daily_revenue")).to_be_visible()
    scroll = tab.locator(".scroll")
    scroll.evaluate("(it) => { it.scrollTop = 40; }")
    box(tab, "daily_revenue").evaluate("(it) => { it.focus({preventScroll: true}); it.dataset.same = 'yes'; }")
    before = box(tab, "daily_revenue").get_attribute("aria-label")
    expect(box(tab, "daily_revenue")).not_to_have_attribute("aria-label", before or "", timeout=30_000)
    expect(box(tab, "daily_revenue")).to_have_attribute("data-same", "yes")
    expect(box(tab, "daily_revenue")).to_be_focused()
    expect(box(tab, "daily_revenue")).to_have_attribute("aria-pressed", "true")
    assert scroll.evaluate("(it) => it.scrollTop") == 40


def test_many_steps_side_by_side_are_opened_and_folded_again(tab, drawings):
    tab.goto(f"{drawings}/?steps=60&shape=fan&live=1")
    box(tab, "58 steps").click()
    expect(box(tab, "join_customers")).to_be_visible()
    expect(tab.locator("g.node")).to_have_count(60)
    tab.get_by_role("button", name="Fold groups").click()
    expect(tab.locator("g.node")).to_have_count(3)


def test_zoom_fit_and_dragging(tab, drawings):
    tab.goto(f"{drawings}/?steps=25&height=400")
    drawing, scroll = tab.locator("svg.drawing"), tab.locator(".scroll")
    expect(box(tab, "load_orders")).to_be_visible()
    wide = float(drawing.get_attribute("width") or 0)
    tab.get_by_role("button", name="Zoom in").click()
    assert float(drawing.get_attribute("width") or 0) > wide
    tab.get_by_role("button", name="Fit").click()
    assert scroll.evaluate("(it) => it.scrollWidth <= it.clientWidth + 1 && it.scrollHeight <= it.clientHeight + 1")
    for _ in range(6):
        tab.get_by_role("button", name="Zoom in").click()
    at = scroll.bounding_box()
    assert at
    start = scroll.evaluate("(it) => it.scrollTop")
    tab.mouse.move(at["x"] + 150, at["y"] + 200)
    tab.mouse.down()
    tab.mouse.move(at["x"] + 150, at["y"] + 120, steps=4)
    tab.mouse.up()
    assert scroll.evaluate("(it) => it.scrollTop") == pytest.approx(start + 80, abs=2)
    expect(tab.get_by_text("picked: None")).to_be_visible()


def test_texts_are_data_and_never_smaller_than_ten_pixels(tab, drawings):
    tab.goto(f"{drawings}/?steps=25&shape=long&live=1")
    expect(tab.get_by_role("button", name=re.compile("<img src=x"))).to_be_attached()
    assert tab.locator("svg.drawing img").count() == 0
    name = tab.locator("g.node[aria-label^=a_step_with] text.name")
    assert (name.text_content() or "").endswith("…")
    assert "and_never_fits" in (tab.locator("g.node[aria-label^=a_step_with] title").text_content() or "")
    scale = tab.locator("svg.drawing").evaluate("(it) => it.getBoundingClientRect().width / it.viewBox.baseVal.width")
    sizes = tab.locator("svg.drawing text").evaluate_all("(all) => all.map((it) => parseFloat(getComputedStyle(it).fontSize))")
    assert min(sizes) * scale >= 10


def test_what_is_still_asked_is_dashed_and_said(tab, drawings):
    tab.goto(f"{drawings}/?steps=3&shape=draft")
    expect(tab.get_by_role("button", name=re.compile("^check_quality.*not complete"))).to_have_class(re.compile("draft"))
    assert tab.locator("g.node.draft .card").evaluate("(it) => getComputedStyle(it).strokeDasharray") != "none"


def test_rows_of_the_gantt_are_selected_by_mouse_and_keyboard(tab, drawings):
    tab.goto(f"{drawings}/?steps=8&part=gantt")
    box(tab, "check_quality").click()
    expect(tab.get_by_text("picked: check_quality")).to_be_visible()
    tab.keyboard.press("ArrowUp")
    box(tab, "join_customers").press("Enter")
    expect(tab.get_by_text("picked: join_customers")).to_be_visible()
    expect(tab.locator("text.note", has_text="Waiting")).to_have_count(6)
    expect(tab.locator("text.note", has_text=re.compile(r"^Running · .* s · 3 tries$"))).to_have_count(1)


def test_a_running_bar_grows_between_two_looks(tab, drawings):
    tab.goto(f"{drawings}/?steps=8&part=gantt")
    bar = tab.locator("rect.bar.live")
    first = bar.get_attribute("width") or ""
    expect(bar).not_to_have_attribute("width", first)
    assert float(bar.get_attribute("width") or 0) > float(first)


def test_a_run_of_the_timeline_is_selected(tab, drawings):
    tab.goto(f"{drawings}/?part=timeline")
    expect(tab.locator("rect.bar")).to_have_count(24)
    assert min(tab.locator("rect.bar").evaluate_all("(all) => all.map((it) => it.getBoundingClientRect().width)")) >= 3.5
    tab.get_by_role("button", name=re.compile("^pipeline-1, failed")).first.click()
    expect(tab.get_by_text("picked: r1", exact=True)).to_be_visible()
    tab.get_by_role("button", name=re.compile("^pipeline-2, stopped")).first.press("Enter")
    expect(tab.get_by_text("picked: r2", exact=True)).to_be_visible()


def test_who_wants_no_motion_gets_none(chrome, drawings):
    context = chrome.new_context(reduced_motion="reduce")
    tab = context.new_page()
    tab.goto(f"{drawings}/?steps=8&live=1")
    expect(box(tab, "join_customers")).to_be_visible()
    assert tab.locator(".spins .turns").first.evaluate("(it) => getComputedStyle(it).animationName") == "none"
    context.close()
