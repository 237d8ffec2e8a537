"""What programs ask for, as a person sees it in the app: decided with one click, by who may."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import door
from flows.service import Identity, Penstock

TEMPLATE = "gallery/basic_etl"


def page() -> None:
    from app.parts.approvals import approvals

    approvals()


@pytest.fixture(autouse=True)
def asked(shop: Any) -> Iterator[list[str]]:
    st.cache_resource.clear()
    with Penstock(via="mcp") as program:
        spec = program.template(TEMPLATE).spec
        bold = spec.model_copy(update={"pipeline_id": "other", "name": "**bold** [link](https://example.com)"})
        yield [program.ask_approval(each, params={"run_date": "2025-11-15"}).approval_id for each in (spec, bold)]
    door.base().close()
    st.cache_resource.clear()


def drawn(at: AppTest) -> AppTest:
    at = at.run()
    assert not at.exception, at.exception
    return at


def test_a_person_says_yes_to_one_and_no_to_the_other(asked: list[str]) -> None:
    at = drawn(AppTest.from_function(page, default_timeout=60))
    said = [each.value for each in at.markdown]
    assert r"Run \"Basic ETL\" locally for 2025\-11\-15\: 3 steps\, writes mart\.monthly\_revenue\." in said[0]
    assert r"\*\*bold\*\*" in said[1]
    drawn(at.button(key=f"approvals_{asked[0]}_yes").click())
    assert "It is queued." in at.info[0].value
    drawn(at.button(key=f"approvals_{asked[1]}_no").click())
    assert [run.pipeline_id for run in door.base().find_runs()] == ["gallery-basic-etl"]
    assert not at.button


def test_one_that_was_decided_elsewhere_is_told(asked: list[str]) -> None:
    at = drawn(AppTest.from_function(page, default_timeout=60))
    with Penstock(via="cli") as person:
        person.refuse(asked[0])
    drawn(at.button(key=f"approvals_{asked[0]}_yes").click())
    assert "decided already" in at.info[0].value
    assert door.base().find_runs() == []


def test_who_may_not_run_sees_why(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = door.base().acting(Identity("demo", "viewer", "eve@example.com", "person"))
    monkeypatch.setattr("app.parts.approvals.service", lambda: viewer)
    at = drawn(AppTest.from_function(page, default_timeout=60))
    assert len(at.button) == 4
    assert all(button.disabled and "needs the role editor" in button.help for button in at.button)
