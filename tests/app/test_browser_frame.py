"""The frame in Chromium: both modes and both widths, nothing from another host, the banner, and a page that fails."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.fixtures.browser import DESKTOP, PHONE, Net, app_server, settled, small_shop

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.timeout(180)]

RAISES = '''
import streamlit as st
from flows.errors import InputError
st.write("before")
if st.query_params.get("ours"):
    raise InputError("there is no table 'a_*b*'", where="/tmp", fix="Name one that is there")
raise RuntimeError("cannot reach postgresql://me:hunter22@db/x")
'''
ASGI = '''
from pathlib import Path
import streamlit as st
from app.asgi import AROUND
app = st.App(Path(__file__).with_name("raises.py"), **AROUND)
'''


@pytest.mark.parametrize("path", ["/", "/runs"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("dark", [False, True])
def test_a_page_fits_and_stays_on_this_machine(page_of, app_url, path, width, dark):
    page = page_of(app_url + path, width=width, dark=dark)
    expect(page.get_by_role("heading").first).to_be_visible()
    expect(page.get_by_text("Runs cannot start: no runner is up.")).to_be_visible()
    assert page.title().endswith("Penstock")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    background = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
    assert background == ("rgb(14, 17, 32)" if dark else "rgb(255, 255, 255)")
    assert "Inter" in page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).fontFamily")
    until(page, "[...document.fonts].some(face => face.family === 'Inter' && face.status === 'loaded')")
    until(page, "document.querySelector('link[rel~=icon]').href.startsWith('data:image/svg')")


def until(page, true):
    """`wait_for_function` polls with an eval of the page's own, which its policy forbids; what is asked from outside it allows."""
    for _ in range(600):
        if page.evaluate(true):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {true}")


@pytest.mark.parametrize(("breach", "said"), [
    ("fetch('http://127.0.0.2:9/x').catch(() => 0)", "another host: http://127.0.0.2:9/x"),
    ("new WebSocket('ws://127.0.0.2:9/x').onerror = () => 0", "another host: ws://127.0.0.2:9/x"),
    ("console.error('broken')", "console: broken"),
    ("setTimeout(() => { throw new Error('thrown') })", "page error: thrown")])
def test_the_guard_finds_what_a_page_must_not_do(chrome, app_url, breach, said):
    net = Net()
    page = chrome.new_context(bypass_csp=True).new_page()
    net.watch(page, app_url)
    page.goto(app_url)
    settled(page)
    net.judge()
    with page.expect_event("websocket" if "WebSocket" in breach else "pageerror" if "throw" in breach else "console"):
        page.evaluate(f"() => {{ {breach} }}")
    page.context.close()
    with pytest.raises(AssertionError, match=re.escape(said)):
        net.judge()


def test_a_link_to_a_page_may_be_the_first_thing_a_fresh_server_is_asked_for(page_of, tmp_path):
    """Streamlit runs a folder named `pages` by itself until the navigation has been drawn once, unless it is told not to."""
    home = Path(small_shop(tmp_path / "home").home)
    server = app_server(home, home / "server.log")
    try:
        page = page_of(f"{server.url}/runs")
        expect(page.get_by_role("heading", name="Runs")).to_be_visible()
        expect(page.get_by_test_id("stTopNavLink")).to_have_count(5)
        settled(page)
        page.goto("about:blank")  # what the page still loads lazily must not meet a server that is gone
    finally:
        server.stop()


def test_navigation_is_reached_by_keyboard(page_of, app_url):
    page = page_of(app_url)
    link = page.get_by_role("link", name="Runs")
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs")
    expect(settled(page).get_by_role("link", name="Runs")).to_have_attribute("aria-current", "page")


def test_without_a_runner_the_banner_says_what_still_works(page_of, app_url):
    page = page_of(app_url)
    expect(page.locator(".st-key-banner")).to_have_text(
        re.compile(re.escape("Runs cannot start: no runner is up. Previews still work. Start it with penstock up.")))


def test_motion_is_reduced_when_the_system_says_so(page_of, app_url):
    page = page_of(app_url, reduced_motion="reduce")
    seconds = "parseFloat(getComputedStyle(document.querySelector('[data-testid=stTopNavLink]')).transitionDuration)"
    assert page.evaluate(seconds) <= 0.0001


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory):
    place = tmp_path_factory.mktemp("broken")
    (place / "raises.py").write_text(RAISES, encoding="utf-8")
    (place / "asgi.py").write_text(ASGI, encoding="utf-8")
    home = Path(small_shop(place / "home").home)
    server = app_server(home, home / "server.log", place / "asgi.py")
    server.home = home
    yield server
    server.stop()


def test_a_page_that_fails_shows_a_code_that_is_in_the_log_and_no_secret(page_of, broken):
    page = page_of(broken.url)
    box = page.get_by_test_id("stAlert")
    expect(box).to_contain_text("This page hit a problem. Your runs are not affected. Reload the page; if it happens again, report code")
    code = re.search(r"report code ([0-9a-f]{6})", box.inner_text())[1]
    log = (broken.home / "logs" / "app.log").read_text(encoding="utf-8")
    assert f"code {code}" in log
    assert "RuntimeError: cannot reach postgresql://***@db/x" in log.split(code)[1]
    assert "hunter22" not in log + broken.said() + page.content()
    assert "Traceback" not in page.inner_text("body")
    assert "Traceback" not in broken.said()


def test_an_error_of_ours_says_its_own_words_without_a_code(page_of, broken):
    page = page_of(broken.url + "/?ours=1")
    expect(page.get_by_test_id("stAlert")).to_contain_text("there is no table 'a_*b*'. Name one that is there")
    assert "code" not in page.get_by_test_id("stAlert").inner_text()
    assert "InputError" not in broken.said()


@pytest.mark.parametrize(("width", "dark"), [(DESKTOP, False), (PHONE, True)])
def test_a_template_is_found_changed_and_taken_into_a_chat(page_of, app_url, width, dark):
    page = page_of(f"{app_url}/templates?q=daily+partition", width=width, dark=dark)
    page.locator(".st-key-template_open_gallery-daily_partition button").locator("visible=true").first.click()
    page.wait_for_url("**template=gallery*")
    page.get_by_label("Destination table", exact=True).fill("mart.mine")
    page.get_by_role("button", name="Preview", exact=True).click()
    expect(page.get_by_text("Nothing was written.").first).to_be_visible()
    page.reload()
    expect(settled(page).get_by_label("Destination table", exact=True)).to_have_value("mart.mine")
    expect(page.get_by_text("Nothing was written.").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Use it", exact=True).click()
    expect(page.get_by_text("Nothing has run yet.")).to_be_visible()
    expect(page.locator(".st-key-panel_head")).to_contain_text("Valid")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
