"""The REST API of a real server: its page in Chromium under the app's policy, and the call of the guide, which runs a pipeline."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from flows.store import open_store
from tests.fixtures.browser import Engine, Net

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


COST = """pipeline_id: cost-billing
steps:
  - step_id: cost
    ps_type: generic.sql
    config: {query: "SELECT DATE '{run_date}' AS day, 42 AS cost"}
  - step_id: load
    ps_type: generic.load
    config: {input: cost}
    destination: {engine: bigquery, table: mart.cost, mode: overwrite}
"""


def test_the_call_of_the_guide_runs_the_template(engine: Engine) -> None:
    """As it stands in docs/api.md, with the address of this server."""
    file = engine.home / "templates" / "@test_tenant" / "gcp" / "cost" / "cost_billing.yml"
    file.parent.mkdir(parents=True)
    file.write_text(COST, encoding="utf-8")
    with open_store(engine.settings.control_url) as store:
        key = store.keys.create("test_tenant", "nightly", "operator")[1]
    guide = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    (call,) = re.findall(r"\$ (curl -X POST [^$]*\$PENSTOCK_API_KEY.*?)\n```", guide, re.DOTALL)
    assert """-d '{"date": "2025-11-15", "trigger_by": "test"}'""" in call
    done = subprocess.run(["bash", "-c", call.replace("http://127.0.0.1:8501", engine.url)], capture_output=True, text=True, timeout=60,
                          env={"PENSTOCK_API_KEY": key, "PATH": "/usr/bin:/bin"}, check=True)
    run = json.loads(done.stdout)
    assert (run["run_date"], run["trigger_by"]) == ("2025-11-15", "api:key:nightly:test")
    with httpx.Client(base_url=engine.url, headers={"X-API-Key": key}) as client:
        seen: list[dict[str, Any]] = []

        def ended() -> bool:
            seen.append(client.get(run["links"]["self"]).json())
            return bool(seen[-1]["ended_at"])

        engine.until(ended)
        assert (seen[-1]["status"], [step["status"] for step in seen[-1]["steps"]]) == ("SUCCESS", ["SUCCESS", "SUCCESS"])
        assert any("cost" in str(line) for line in seen[-1]["logs"])
