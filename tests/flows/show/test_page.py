from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest

from flows.run.preview import Preview, StepPreview
from flows.service import Penstock
from flows.show.draw import gantt_svg, graph_svg
from flows.show.gantt import GanttRow
from flows.show.page import mark, run_bundle
from flows.show.states import StepState
from flows.spec.model import FlowSpec
from flows.warehouse.base import Column

EVIL = "<script>alert(1)</script>\"'`*_|$[x](y)"
SPEC = {"pipeline_id": "orders-daily", "name": EVIL, "steps": [
    {"step_id": "read", "ps_type": "generic.extract", "source": {"path": EVIL}},
    {"step_id": "load", "ps_type": "generic.load", "config": {"input": "read"}, "destination": {"table": "dw.orders"}}]}
RUN = {"run_id": "r1", "pipeline_id": EVIL, "status": "RUNNING", "error": None, "created_at": "2026-11-20T13:00:00+00:00",
       "started_at": "2026-11-20T13:00:00+00:00", "ended_at": None, "prefect_url": None, "steps": [
           {"step_id": "read", "status": "SUCCESS", "attempts": 2, "started_at": "2026-11-20T13:00:00+00:00",
            "ended_at": "2026-11-20T13:00:02+00:00", "rows_processed": 2_076, "error": None, "rejected": 17},
           {"step_id": "load", "status": "RUNNING", "attempts": 1, "started_at": "2026-11-20T13:00:02+00:00", "ended_at": None,
            "rows_processed": None, "error": None},
           {"step_id": EVIL, "status": "PENDING", "attempts": 0, "started_at": None, "ended_at": None, "rows_processed": None,
            "error": EVIL}]}
NOW = datetime(2026, 11, 20, 13, 0, 5, tzinfo=UTC)


def clean(bundle: dict) -> str:
    """The HTML, after a look that nothing in it runs or is fetched and that nothing of the data is markup."""
    html = bundle["text/html"]
    assert "<script" not in html
    assert "http" not in html
    assert not re.search(r"\son\w+=|<(img|iframe|link|style|object|embed|a)\b|url\(|javascript:", html)
    assert bundle["text/plain"].strip()
    assert "<script" not in bundle["text/markdown"].replace("\\<script", "")
    json.dumps(bundle.get("application/json"))
    return html


def test_a_spec_shows_graph_sentences_english_and_yaml():
    html = clean(FlowSpec.model_validate(SPEC)._repr_mimebundle_())
    assert html.count("<svg") == 1
    assert "Replaces dw.orders" in html
    assert "<summary>In plain English</summary>" in html
    assert "<summary>YAML</summary>" in html
    assert "&lt;script&gt;" in html


def test_a_preview_shows_rows_rejects_and_checks():
    from flows.engines.base import CheckResult

    step = StepPreview("read", "", "generic.extract", "ok", (Column("name", "STRING"),), [{"name": EVIL}] * 12, 12, 2,
                       [{"line": 3, "reason": EVIL}], [CheckResult("unique", ("id",), 4, "warn", "4 rows repeat id")])
    bundle = Preview("p", (step, StepPreview("load", "", "generic.load", "failed", error=EVIL)), 0.5)._repr_mimebundle_()
    html = clean(bundle)
    assert html.count("<tr>") == 1 + 10 + 1 + 1
    assert "Previewed · 12 rows · 2 rejected · unique: 4 rows repeat id" in html
    assert "Rejected rows" in html
    assert "Failed" in bundle["text/plain"]


def test_a_preview_says_where_its_rows_are_from_and_whether_both_warehouses_agree():
    step = StepPreview("read", "", "generic.extract", "ok", (Column("n", "INT64"),), [{"n": 1}], 1, origin="generated",
                       basis="generated rows", verdict="local-approximate", differs=[EVIL])
    preview = Preview("p", (step, StepPreview("load", "", "generic.load", "ok", verdict="portable")), 0.5)
    bundle = preview._repr_mimebundle_()
    assert "approximate locally where a step says so" in clean(bundle)
    assert "Previewed · 1 row · generated rows · approximate locally: " in bundle["text/plain"]
    assert "Previewed · same on both" in bundle["text/plain"]


def test_a_run_shows_bars_and_states():
    bundle = run_bundle(RUN, now=NOW)
    html = clean(bundle)
    assert ">Running<" in html
    assert html.count("<rect") == 2
    assert "2,076" in html
    assert "20 November 2026, 13:00 UTC" in bundle["text/plain"]


def test_penstock_shows_tenant_home_and_tables_and_makes_no_home(tmp_path):
    home = tmp_path / "new"
    bundle = Penstock(home=home)._repr_mimebundle_()
    assert "orders" in clean(bundle)
    assert "Tenant: demo" in bundle["text/plain"]
    assert "nothing has run here yet" in bundle["text/plain"]
    assert not home.exists()


def test_a_plan_shows_its_questions_and_its_graph(home):
    with Penstock(home=home) as penstock:
        result = penstock.plan("load the orders into the warehouse every day")
        html = clean(result._repr_mimebundle_())
        assert "to answer first" in html
        assert result.questions[0].message.split('"')[0] in html
        assert penstock.graph(result)._repr_mimebundle_()["text/html"].count("<svg") == 1


@pytest.mark.parametrize("given", [{}, {"steps": []}, {"steps": [{"step_id": EVIL, "ps_type": "?"}]}])
def test_a_drawing_is_never_broken_by_what_it_draws(given):
    from xml.etree import ElementTree

    for svg in (graph_svg(given), graph_svg(given, {EVIL: StepState("FAILED", 1, 2.0, 3, EVIL, 4)}),
                gantt_svg([GanttRow(EVIL, EVIL, "FAILED", 0, 1, EVIL, 2), GanttRow("b", "b", "PENDING")])):
        tags = {element.tag for element in ElementTree.fromstring(svg).iter()}
        assert tags <= {"svg", "g", "path", "rect", "text", "title"}


def test_markdown_shows_the_text_and_nothing_else():
    assert mark("a*b_c`d|e\nf") == "a\\*b\\_c\\`d\\|e f"
