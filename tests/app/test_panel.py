"""The work panel with the real service: head, Graph, Spec and Preview in each of their states."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.panel.graphview import _found
from app.panel.specview import apply, editor_key
from flows.errors import UnreachableError
from flows.run.preview import StepPreview
from flows.show.states import state

Said, Shown = Callable[..., Any], Callable[..., Any]
VAGUE = "load the stuff somewhere"


def texts(at: Any) -> str:
    """All that is said on the page, without the escapes."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", raw(at))


def raw(at: Any) -> str:
    """The markdown itself."""
    assert not at.exception, at.exception[0].message
    kinds = (at.markdown, at.caption, at.error, at.warning)
    return "\n".join(str(each.value) for kind in kinds for each in kind)


def asked(at: Any, name: str) -> str:
    """What the address says."""
    found = at.query_params.get(name, "")
    return str(found[0] if isinstance(found, list) else found)


def button(at: Any, key: str) -> Any:
    return next(each for each in at.button if each.key == key)


def keys(at: Any) -> set[str]:
    return {each.key for each in at.button if each.key}


def write(talk: Any, change: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the editor's component does when a person leaves it with another text."""
    text = change(talk.snapshot().draft.text)
    monkeypatch.setattr("app.panel.specview.sent", lambda key: text)
    apply(talk, editor_key(talk.chat_id))
    talk.wait()


# ---- head

def test_the_head_says_what_it_is_when_it_runs_and_that_it_can(said: Said, shown: Shown) -> None:
    at = shown(said())
    assert "### Daily revenue" in texts(at)
    assert ":material/edit_note: Draft v1" in texts(at)
    assert "Every day at 02" in texts(at)
    assert ":green-badge[:material/check: Valid]" in texts(at)
    assert ":gray-badge[:material/payments: under $0.01 a run]" in texts(at)
    assert not button(at, "panel_run").disabled
    assert "panel_undo" not in keys(at)
    assert not [each for each in at.button if each.label == "Deploy"]


def test_a_draft_with_questions_cannot_run_and_says_how_many_there_are(said: Said, shown: Shown) -> None:
    at = shown(said(VAGUE))
    assert ":orange-badge[:material/help: 2 questions]" in texts(at)
    run = button(at, "panel_run")
    assert (run.disabled, run.help) == (True, "Answer 2 questions first")
    at = shown(said(VAGUE), view="run")
    assert button(at, "run_locally").disabled


def test_names_in_the_head_are_data(said: Said, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = said()
    write(talk, lambda text: text.replace("name: Daily revenue", "name: '**x** $a$ :material/home: [l](http://h)'"), monkeypatch)
    said_raw = raw(shown(talk))
    assert r"### \*\*x\*\* \$a\$ \:" in said_raw
    assert r"\[l\]\(http" in said_raw


def test_undo_goes_back_to_the_version_before(said: Said, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = said()
    write(talk, lambda text: text.replace("name: Daily revenue", "name: Income"), monkeypatch)
    at = shown(talk)
    assert "### Income" in texts(at)
    assert "Draft v2" in texts(at)
    button(at, "panel_undo").click().run()
    talk.wait()
    assert "### Daily revenue" in texts(at.run())
    assert "Draft v1" in texts(at)


def test_a_pipeline_with_parameters_asks_for_them_and_the_run_gets_them(said: Said, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = said()
    more = ("\nparameters:\n- {name: least, type: integer, default: 3}\n- {name: run_date, type: date, default: '{yesterday}'}\n"
            "- {name: full, type: boolean, default: false}\n")
    write(talk, lambda text: text.rstrip() + more, monkeypatch)
    at = shown(talk)
    assert at.number_input(key="run_param_least").value == 3
    at.number_input(key="run_param_least").set_value(5)
    at.checkbox(key="run_param_full").check()
    button(at, "run_submit").click().run()
    run = talk.service.view(talk.snapshot().run_id).run
    assert (run.params["least"], run.params["full"]) == (5, True)
    assert run.run_date == run.params["run_date"] == str(at.date_input(key="run_param_run_date").value)
    assert asked(at, "view") == "run"


def test_a_second_start_names_the_run_that_is_at_work(said: Said, shown: Shown) -> None:
    talk = said()
    run_id = talk.start({})
    at = shown(talk)
    button(at, "panel_run").click().run()
    assert f"This pipeline is already running as `{run_id}`. Wait for it to finish or stop it first." in texts(at)


def test_before_the_first_draft_the_panel_says_what_will_be_here(app_service: Any, shown: Shown) -> None:
    from app.door import talks

    talk = talks().new()
    talk.say("hello")
    talk.wait()
    assert "No pipeline yet. The steps appear here as soon as the assistant drafts them." in texts(shown(talk))


# ---- views

def test_the_view_stands_in_the_address_and_only_that_view_is_drawn(said: Said, shown: Shown) -> None:
    talk = said()
    at = shown(talk, view="preview")
    assert "preview_refresh" in keys(at)
    assert "spec_apply" not in keys(at)
    at.segmented_control(key="panel_view_choice").set_value("spec").run()
    assert asked(at, "view") == "spec"
    assert "spec_apply" in keys(at)
    assert "preview_refresh" not in keys(at)


def test_a_view_that_there_is_not_is_the_graph(said: Said, shown: Shown) -> None:
    assert "Select a step to see what it does." in texts(shown(said(), view="nonsense"))


# ---- graph

def test_without_a_step_the_card_tells_the_pipeline(said: Said, shown: Shown) -> None:
    text = texts(shown(said()))
    assert ":gray[Reads]  \n`orders`, `customers`" in text
    assert ":gray[Writes]  \n`mart.daily_revenue`" in text


def test_a_step_is_told_in_plain_words_with_its_terms_and_its_rows(said: Said, shown: Shown) -> None:
    at = shown(said(), step="transform")
    text = texts(at)
    assert "**transform**" in text
    assert ":gray[Runs after]  \n`extract_orders`, `extract_customers`" in text
    assert ":gray[Retries]  \nNone" in text
    assert ":gray[Time limit]  \n30 min" in text
    assert ":gray[In the preview]" in text
    assert any("op: join" in str(each.value) for each in at.code)
    button(at, "card_rows").click().run()
    assert asked(at, "view") == "preview"


def test_a_step_that_the_pipeline_has_not_is_no_step(said: Said, shown: Shown) -> None:
    at = shown(said(), step="nowhere")
    assert "Select a step to see what it does." in texts(at)
    assert asked(at, "step") == ""


# ---- spec

def test_a_valid_spec_says_so_and_stands_there_in_english(said: Said, shown: Shown) -> None:
    at = shown(said(), view="spec")
    assert "Valid: 0 errors, 0 warnings" in texts(at)
    assert "**In plain English**" in texts(at)
    assert "**extract_orders** reads table orders from connection postgres" in texts(at)


def test_an_error_is_told_under_its_line_and_the_last_valid_version_stays(
        said: Said, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = said()
    write(talk, lambda text: text.replace("- transform\n", "- transfrom\n"), monkeypatch)
    at = shown(talk, view="spec")
    line = next(n for n, words in enumerate(talk.snapshot().draft.text.splitlines(), 1) if "- transfrom" in words) - 1
    assert at.error
    assert f"**Line {line}.** Step `load` depends on `transfrom`, which does not exist. Did you mean `transform`?" in texts(at)
    assert "The graph and the Run button use the last valid version." in texts(at)
    assert ":red-badge[:material/error: Invalid]" in texts(at)
    assert not button(at, "panel_run").disabled
    at = shown(talk, step="load")
    assert ":gray[Runs after]  \n`transform`" in texts(at)
    assert "- transfrom" in talk.snapshot().draft.text, "what was typed is not lost by another view"


def test_discard_brings_the_last_valid_version_back(said: Said, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = said()
    write(talk, lambda text: text + "\nsteps: [", monkeypatch)
    at = shown(talk, view="spec")
    assert at.error
    button(at, "spec_discard").click().run()
    assert not at.error
    assert "Valid: 0 errors, 0 warnings" in texts(at)
    assert "Draft v1" in texts(at)


def test_a_draft_with_questions_is_not_blamed_for_what_is_asked(said: Said, shown: Shown) -> None:
    at = shown(said(VAGUE), view="spec")
    assert not at.error
    assert "Answer 2 questions first. The rest of the spec is checked then." in texts(at)
    assert "In plain English" in texts(at)


def test_the_text_that_a_run_would_use_can_be_had(said: Said) -> None:
    from app.panel.header import yaml_of

    talk = said()
    assert talk.service.source(yaml_of(talk.snapshot().draft)).spec.pipeline_id == "daily-revenue"


# ---- what comes out

def test_the_graph_shows_the_preview_and_under_it_what_comes_out(said: Said, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = said()
    drawn: dict[str, Any] = {}
    monkeypatch.setattr("app.panel.graphview.graph", lambda spec, **given: drawn.update(given))
    at = shown(talk)
    assert (drawn["of"], drawn["states"]["extract_orders"].status, drawn["states"]["extract_orders"].rows) == ("preview", "ok", 2_000)
    total = drawn["states"]["load"].rows
    assert f"What comes out**  \nfor `mart.daily_revenue` · {total:,} rows. Nothing was written." in re.sub(r":\w+\[|\]", "", texts(at))
    assert len(at.dataframe[0].value) == 5


def test_without_rows_the_graph_has_the_whole_height(said: Said, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[str, Any] = {}
    monkeypatch.setattr("app.panel.graphview.graph", lambda spec, **given: drawn.update(given))
    monkeypatch.setattr("app.panel.graphview.outcome", lambda *_: None)
    at = shown(said())
    assert "What comes out" not in texts(at)
    assert drawn["height"] == "stretch"


def test_an_attached_file_has_its_own_name_everywhere(app_service: Any, shown: Shown) -> None:
    from app.door import talks

    talk = talks().new()
    talk.say("Load may.csv into mart.may", files=[("may.csv", b"a,b\n1,2\n3,4\n")])
    talk.wait()
    path = talk.snapshot().draft.spec["steps"][0]["source"]["path"]
    assert "/uploads/" in path
    step = talk.snapshot().draft.spec["steps"][0]["step_id"]
    for query in ({}, {"step": step}, {"view": "preview", "step": step}, {"view": "spec"}):
        at = shown(talk, **query)
        told = texts(at) + "".join(each.value for each in at.code)
        assert "may.csv" in told
        assert "/uploads/" not in told


# ---- preview

def test_input_and_output_stand_beside_each_other(said: Said, shown: Shown) -> None:
    at = shown(said(), view="preview", step="load")
    text = texts(at)
    assert "**Input** · transform" in text
    assert "Nothing was written." in text
    at = shown(said(), view="preview", step="transform")
    assert at.segmented_control(key="preview_input_transform").options == ["extract\\_orders", "extract\\_customers"]
    at = shown(said(), view="preview", step="extract_orders")
    assert "First 200 of 2,000 rows" in texts(at)
    assert len(at.dataframe[0].value) == 200


def test_checks_and_rejected_rows_are_told(said: Said, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = said()
    gate = ("- step_id: check\n  ps_type: generic.quality_check\n  depends_on: [extract_orders]\n  config:\n    input: extract_orders\n"
            "    checks:\n    - {check: not_null, column: order_id, on_fail: fail}\n"
            "    - {check: between, column: order_id, min: 11, max: 100000000, on_fail: quarantine}\n"
            "    - {check: between, column: order_id, min: 21, max: 100000000, on_fail: warn}\n")
    write(talk, lambda text: text.rstrip() + "\n" + gate, monkeypatch)
    at = shown(talk, view="preview", step="check")
    text = texts(at)
    assert "10 rows rejected" in text
    assert ":orange[**10 rejected**]" in " ".join(at.pills(key="preview_step").options)
    assert ":green-badge[:material/check_circle: pass] `not_null` on `order_id`" in text
    assert ":orange-badge[:material/rule: set aside] `between`" in text
    assert ":orange-badge[:material/warning: warn] `between`" in text


def test_a_step_that_fails_says_why_and_what_was_not_reached(said: Said, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = said()
    query = "SELECT CAST(country AS INT64) AS n FROM extract_customers"
    bad = f"- step_id: bad\n  ps_type: generic.sql\n  config: {{inputs: [extract_customers], query: '{query}'}}\n"
    then = "- step_id: then\n  ps_type: generic.transform\n  config: {inputs: [bad], operations: [{op: limit, n: 1}]}\n"
    write(talk, lambda text: text.rstrip() + "\n" + bad + then, monkeypatch)
    assert "**bad failed in the preview.**" in texts(shown(talk, view="preview"))
    assert "bad failed" in texts(shown(talk, view="preview", step="then"))


def test_what_only_bigquery_runs_is_no_failure_and_what_comes_out_is_what_a_table_gets(
        said: Said, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = said()
    query = "SELECT country, HLL_COUNT.INIT(customer_id) AS h FROM extract_customers GROUP BY country"
    only = f"- step_id: only\n  ps_type: generic.sql\n  config: {{inputs: [extract_customers], query: '{query}'}}\n"
    near = "SELECT APPROX_COUNT_DISTINCT(country) AS n FROM extract_customers"
    almost = f"- step_id: almost\n  ps_type: generic.sql\n  config: {{inputs: [extract_customers], query: '{near}'}}\n"
    write(talk, lambda text: text.rstrip() + "\n" + only + almost, monkeypatch)
    at = shown(talk, view="preview", step="only")
    assert next(str(each.value) for each in at.info).startswith("**only runs on BigQuery only.** line 1")
    assert not at.error
    assert "No rows here: only BigQuery runs this step" in texts(at)
    assert "generated rows of its columns stand in" in texts(at)
    assert "one step or more runs on BigQuery only." in texts(at)
    assert ":orange-badge[:material/difference: approximate locally] APPROX_COUNT_DISTINCT is exact here" in texts(
        shown(talk, view="preview", step="almost"))
    assert "What comes out**  \nfor `mart.daily_revenue` · " in re.sub(r":\w+\[|\]", "", texts(shown(talk)))


def test_a_step_that_only_bigquery_runs_is_no_failure_in_the_graph() -> None:
    seen = StepPreview("a", "a", "generic.sql", "failed", error="GEOGRAPHY", verdict="bigquery-only")
    assert _found(seen).status == "bigquery-only"
    assert state("bigquery-only", of="preview").colour == "blue"
    assert _found(replace(seen, verdict="")).status == "failed"


def test_a_half_finished_draft_is_previewed_as_far_as_it_goes(said: Said, shown: Shown) -> None:
    text = texts(shown(said(VAGUE), view="preview"))
    assert "Not reached" in text or "Not previewed yet" in text


def test_a_preview_that_fails_says_so_and_can_be_tried_again(said: Said, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = said()

    def down(*_: Any, **__: Any) -> Any:
        raise UnreachableError("the shop does not answer", fix="Start it")

    monkeypatch.setattr(talk.service, "preview", down)
    at = shown(talk, view="preview")
    button(at, "preview_refresh").click().run()
    talk.wait()
    at.run()
    assert "**The preview failed.** the shop does not answer. Start it. The spec is kept" in texts(at)


def test_a_broken_budget_stands_in_the_head(said: Said, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = said()
    write(talk, lambda text: text.rstrip() + "\nbudget: {bytes_per_run: 1000}\n", monkeypatch)
    talk.wait()
    assert ":red-badge[:material/payments: Over budget: a run is billed 40 MiB, its budget is 1,000 B]" in texts(shown(talk))
