"""Take the eleven pictures of this folder from the real app: `make pictures`.

Starts `penstock up` on a home that is thrown away, fills it with some days of history, talks to the app in Chromium, and keeps what it
saw as small PNG files. Needs Chromium at /usr/bin/chromium (or PENSTOCK_TEST_CHROMIUM) and the packages of `make test`.

    python docs/pictures/make.py [--only start,run_live]
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import update

from flows import Penstock
from flows.store import NewRun
from flows.store.schema import runs

HERE = Path(__file__).resolve().parent
CHROMIUM = os.environ.get("PENSTOCK_TEST_CHROMIUM", "/usr/bin/chromium")
ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--force-color-profile=srgb"]
SLOW = 60_000  # milliseconds that anything may take
SENTENCE = ("Daily revenue by country: join orders with customers, keep only paid orders, sum amount per day and country, "
            "into mart.daily_revenue partitioned by day, every day at 2 AM, retry 3 times")
VAGUE = "Load paid orders into the warehouse every day"
MESSY = """order_id,ordered_on,country,amount
1001,2025-11-01,DE,19.90
1002,2025-11-01,FR,7.50
1003,2025-11-02,DE,124.00
1004,2025-11-02,PT
1005,2025-11-03,NL,35.20
1006,2025-11-03,ES,12.00,paid,twice
1007,2025-11-04,DE,88.10
1008,2025-11-04,IT,43.75
"""
NAMES = {"orders-to-warehouse": "Orders to warehouse", "customer-list": "Customer list", "refunds-by-month": "Refunds by month",
         "stock-levels": "Stock levels"}


def step(step_id: str, ps_type: str, **more: Any) -> dict[str, Any]:
    return {"step_id": step_id, "ps_type": ps_type, **more}


def orders(pipeline_id: str, name: str, *, wait: float = 0, check: dict[str, Any] | None = None) -> dict[str, Any]:
    """Orders with their customers, checked and loaded; `wait` seconds for the price list."""
    return {"pipeline_id": pipeline_id, "name": name, "steps": [
        step("extract_orders", "generic.extract", name="Read orders", depends_on=[], source={"table": "orders"}),
        step("extract_customers", "generic.extract", name="Read customers", depends_on=[], source={"table": "customers"}),
        step("price_list", "generic.wait", name="Wait for the price list", depends_on=[], config={"seconds": wait}),
        step("join_orders", "generic.transform", name="Join customers", depends_on=["extract_orders", "extract_customers"],
             config={"inputs": ["extract_orders", "extract_customers"],
                     "operations": [{"op": "join", "with": "extract_customers", "how": "inner", "on": [["customer_id", "customer_id"]]}]}),
        step("check_orders", "generic.quality_check", name="Check orders", depends_on=["join_orders"],
             config={"input": "join_orders", "checks": [check or {"check": "not_null", "column": "order_id", "on_fail": "fail"}]}),
        step("load_orders", "generic.load", name="Write the table", depends_on=["check_orders", "price_list"],
             config={"input": "check_orders"}, destination={"engine": "duckdb", "table": f"mart.{pipeline_id.replace('-', '_')}",
                                                            "mode": "overwrite"}),
    ]}


def history(door: Penstock) -> None:
    """Runs of the last day, as a control store looks that has been in use."""
    chance, now, store = random.Random(11), datetime.now(UTC), door.store
    for hours in sorted((chance.uniform(0.3, 23.5) for _ in range(26)), reverse=True):
        pipeline_id = chance.choice(list(NAMES))
        status = chance.choices(("SUCCESS", "FAILED", "CANCELLED"), (14, 1, 0.8))[0]
        spec = orders(pipeline_id, NAMES[pipeline_id])
        run = store.runs.submit(NewRun(tenant_id=door.tenant, pipeline_id=pipeline_id, spec=spec, trigger_by=chance.choice(("app", "cli")),
                                       run_date=(now - timedelta(hours=hours + 24)).date()), owner="history", lease_seconds=60)
        store.runs.begin(run.run_id, "history")
        store.steps.plan(run.run_id, [(s["step_id"], s["name"], s["ps_type"], n) for n, s in enumerate(spec["steps"])])
        began = at = now - timedelta(hours=hours)
        good = len(spec["steps"]) if status == "SUCCESS" else 4
        for each in spec["steps"][:good]:
            at += timedelta(seconds=chance.uniform(0.4, 9))
            store.steps.update(run.run_id, each["step_id"], status="SUCCESS", attempts=1, started_at=began, ended_at=at)
        store.runs.finish(run.run_id, status, "check_orders: 3 rows have no order_id" if status == "FAILED" else "")
        with store.runs._database.write() as connection:
            connection.execute(update(runs).where(runs.c.run_id == run.run_id).values(created_at=began, started_at=began, ended_at=at))


@contextmanager
def up(home: Path) -> Iterator[str]:
    """`penstock up` on ports of its own; the address of the app, once runs can start."""
    def free() -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return str(probe.getsockname()[1])

    env = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    env |= {"PENSTOCK_HOME": str(home), "PENSTOCK_APP_PORT": free(), "PENSTOCK_PREFECT_PORT": free()}
    said, started = home / "said.txt", time.monotonic()
    with said.open("w") as out:
        parent = subprocess.Popen([sys.executable, "-u", "-m", "flows.cli", "up"], env=env, stdout=out, stderr=out, cwd=home)
    try:
        while "penstock is up" not in said.read_text():
            if parent.poll() is not None or time.monotonic() - started > 300:
                raise RuntimeError(said.read_text())
            time.sleep(0.1)
        found = re.search(r"http://127\.0\.0\.1:\d+", said.read_text())
        assert found, said.read_text()
        yield found.group()
    finally:
        parent.send_signal(signal.SIGINT)
        parent.wait(60)


class Camera:
    """Pages of one browser, and where their pictures go."""

    def __init__(self, browser: Browser, address: str, home: Path) -> None:
        self.browser, self.address, self.home = browser, address, home

    def open(self, path: str = "/", *, dark: bool = False, phone: bool = False) -> Page:
        context = self.browser.new_context(viewport={"width": 390, "height": 844} if phone else {"width": 1280, "height": 800},
                                           color_scheme="dark" if dark else "light", reduced_motion="reduce")
        context.set_default_timeout(SLOW)
        page = context.new_page()
        page.goto(self.address + path)
        rest(page)
        return page

    def take(self, page: Page, name: str) -> None:
        """Keep what the page shows, with as few colours as it needs."""
        from PIL import Image

        rest(page)
        page.mouse.move(0, 0)
        place = HERE / f"{name}.png"
        page.screenshot(path=place, animations="disabled", caret="hide")
        with Image.open(place) as seen:
            small = seen.convert("RGB").quantize(colors=160, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        small.save(place, optimize=True)
        print(f"{place.name}  {place.stat().st_size / 1000:.0f} kB", flush=True)
        page.context.close()


def rest(page: Page) -> None:
    """Until the script stands still and the fonts are there."""
    page.wait_for_selector('[data-testid=stApp][data-test-script-state="notRunning"]', timeout=SLOW)
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(700)  # what a component draws when it first appears grows in


def say(page: Page, text: str, *, file: Path | None = None) -> None:
    """Send a message and wait for its reply."""
    key = ".st-key-first" if page.locator(".st-key-first").count() else ".st-key-next"
    if file:
        page.locator(f"{key} input[type=file]").set_input_files(file)
        expect(page.locator(key)).to_contain_text(file.name, timeout=SLOW)
    page.locator(f"{key} textarea").fill(text)
    send = page.get_by_role("button", name="Send message").last
    expect(send).to_be_enabled(timeout=SLOW)  # it is not while a file is still on its way
    send.click()
    expect(page.locator(".st-key-chatlog")).to_contain_text("Nothing has run yet", timeout=SLOW)
    rest(page)


def view(page: Page, name: str) -> None:
    page.locator(".st-key-panel_view_choice button", has_text=name).click()
    rest(page)


def chat_graph(camera: Camera) -> None:
    page = camera.open()
    say(page, SENTENCE)
    camera.take(page, "chat_graph")


def question(camera: Camera) -> None:
    page = camera.open()
    say(page, VAGUE)
    page.get_by_text(VAGUE).first.scroll_into_view_if_needed()
    camera.take(page, "question")


def spec_error(camera: Camera) -> None:
    page = camera.open()
    say(page, SENTENCE)
    view(page, "Spec")
    editor = page.locator("textarea[aria-describedby=how]")
    text = editor.input_value()
    name = re.findall(r"step_id: (\w+)", text)[0]
    at = text.rindex(name)
    editor.fill(f"{text[:at]}{name[:-1]}{text[at + len(name):]}")
    editor.press("Control+Enter")
    expect(page.get_by_text("The graph and the Run button use the last valid version").first).to_be_visible(timeout=SLOW)
    line = text[:at].count("\n")
    editor.evaluate("(area, line) => { area.scrollTop = (line - 8) * parseFloat(getComputedStyle(area).lineHeight); area.blur() }", line)
    camera.take(page, "spec_error")


def preview_rejects(camera: Camera) -> None:
    messy = camera.home / "orders_export.csv"
    messy.write_text(MESSY)
    page = camera.open()
    say(page, "Load this file into staging.orders_export", file=messy)
    view(page, "Preview")
    camera.take(page, "preview_rejects")


def run_live(camera: Camera) -> None:
    page = camera.open("/?pipeline=orders-with-prices")
    page.locator(".st-key-panel_run button").click()
    expect(page.get_by_text(re.compile(r"[1-9] of 6 steps"))).to_be_visible(timeout=SLOW)
    page.wait_for_timeout(2500)  # a second or two into the wait there is something to see
    camera.take(page, "run_live")


def runs_failed_dark(camera: Camera) -> None:
    with Penstock(home=camera.home) as door:
        known = ["paid", "shipped", "refunded", "cancelled", "pending"]
        bad = {"check": "accepted", "column": "status", "values": known, "on_fail": "fail"}
        run = door.submit(orders("orders-to-warehouse", "Orders to warehouse", check=bad), trigger_by="app")
        until(lambda: door.view(run.run_id).run.ended)
    page = camera.open(f"/runs?status=failed&run={run.run_id}", dark=True)
    expect(page.locator(".st-key-runs_detail")).to_contain_text("failed", timeout=SLOW)
    camera.take(page, "runs_failed_dark")


def phone_chat(camera: Camera) -> None:
    page = camera.open(phone=True)
    say(page, SENTENCE)
    camera.take(page, "phone_chat")


def start(camera: Camera) -> None:
    camera.take(camera.open(), "start")


def templates(camera: Camera) -> None:
    camera.take(camera.open("/templates"), "templates")


def pipelines(camera: Camera) -> None:
    with Penstock(home=camera.home) as door:
        door.deploy("orders-to-warehouse", schedule="0 2 * * *")
        door.deploy("stock-levels", schedule="every 6 hours")
        door.pause("stock-levels")
    camera.take(camera.open("/pipelines"), "pipelines")


def settings_dark(camera: Camera) -> None:
    with Penstock(home=camera.home) as door:
        door.set_limits(runs_per_day=200, runs_at_once=4, bytes_per_day=50 * 2**30)
    camera.take(camera.open("/settings?show=quotas", dark=True), "settings_dark")


PICTURES: dict[str, Callable[[Camera], None]] = {each.__name__: each for each in (
    chat_graph, question, spec_error, preview_rejects, run_live, runs_failed_dark, phone_chat, start, templates, pipelines, settings_dark)}


def until(done: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    started = time.monotonic()
    while not done():
        if time.monotonic() - started > SLOW / 1000:
            raise RuntimeError("it does not end")
        time.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default=",".join(PICTURES), help="names with commas between them")
    names = parser.parse_args().only.split(",")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with Penstock(home=home) as door:
            door._sample()
            history(door)
            waits = orders("orders-with-prices", "Orders with prices", wait=25)
            for spec in (waits, *(orders(pipeline_id, name) for pipeline_id, name in NAMES.items())):
                door.store.specs.save(door.tenant, spec, text="", author="app")
        with up(home) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
            camera = Camera(browser, address, home)
            for name in names:
                PICTURES[name](camera)
            browser.close()


if __name__ == "__main__":
    sys.exit(main())
