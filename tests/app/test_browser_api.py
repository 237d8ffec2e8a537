"""The page of the REST API in Chromium: it is drawn under the app's policy, and a request is tried from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from flows.store import open_store
from tests.fixtures.browser import Net

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.timeout(300)]


def test_the_page_is_drawn_and_a_request_is_tried_from_it(chrome: Any, net: Net, app_home: Path, app_url: str) -> None:
    with open_store(f"sqlite:///{app_home / 'control.sqlite'}") as store:
        key = store.keys.create("demo", "page", "viewer")[1]
    with chrome.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        net.watch(page, app_url)
        page.goto(f"{app_url}/api/docs")
        expect(page.get_by_text("/v1/pipelines/run/{org}/{provider}/{domain}/{pipeline}")).to_be_visible()
        page.get_by_role("button", name="Authorize").first.click()
        page.get_by_label("Value:").fill(key)
        page.get_by_role("button", name="Apply credentials").click()
        page.get_by_role("button", name="Close").last.click()
        row = page.locator("#operations-Templates-list_templates")
        row.locator(".opblock-summary-control").click()
        row.get_by_role("button", name="Execute").click()
        expect(row.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("200")
        expect(row.locator(".live-responses-table")).to_contain_text("gallery/basic_etl")
