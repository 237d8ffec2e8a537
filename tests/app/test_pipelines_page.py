"""The Pipelines page with the real service: the list, its filters in the address, one pipeline with its views, and what a role may do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import door
from flows.service import Identity

MAIN = Path(__file__).resolve().parents[2] / "app" / "main.py"
Keep = Callable[..., int]


@pytest.fixture(autouse=True)
def fresh(shop: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    st.cache_resource.clear()
    st.cache_data.clear()
    yield
    door.base().close()
    st.cache_resource.clear()


@pytest.fixture
def keep() -> Keep:
    """Store a pipeline as its next version; the number of that version."""

    def one(pipeline_id: str = "orders-day", name: str = "Orders of a day", **more: Any) -> int:
        spec = {"pipeline_id": pipeline_id, "name": name, "steps": [
            {"step_id": "read", "ps_type": "generic.extract", "source": {"table": "orders"}},
            {"step_id": "write", "ps_type": "generic.load", "config": {"input": "read"},
             "destination": {"engine": "duckdb", "table": f"mart.{pipeline_id.replace('-', '_')}", "mode": "overwrite"}}], **more}
        with door.base().acting(Identity("demo", "admin", "test")) as mine:
            return mine.store.specs.save("demo", spec, author="test").version

    return one


def page(**query: str) -> AppTest:
    at = AppTest.from_file(str(MAIN), default_timeout=60).run()
    at.switch_page("pages/pipelines.py")
    for name, value in query.items():
        at.query_params[name] = value
    return drawn(at)


def drawn(at: Any) -> AppTest:
    at = at.run()
    assert not at.exception, at.exception
    return at


def said(at: AppTest) -> str:
    return "\n".join(each.value for each in (*at.markdown, *at.title, *at.error, *at.warning, *at.caption))


def opens(at: AppTest) -> list[str]:
    return [b.key.removeprefix("pipeline_open_") for b in at.button if b.key and b.key.startswith("pipeline_open_")]


# ---- the list

def test_before_the_first_pipeline_it_says_where_they_come_from() -> None:
    at = page()
    assert "No pipelines yet. Describe one in chat, or start from a template." in said(at)
    assert not at.text_input


def test_cards_are_found_by_words_and_domain_and_both_stand_in_the_address(keep: Keep) -> None:
    keep()
    keep("costs", "Costs *of* a day", description="What the clouds cost. Every day.", variables={"domain": "cost"})
    at = page()
    assert opens(at) == ["costs", "orders-day"]
    assert "Costs \\*of\\* a day" in said(at)
    assert "What the clouds cost." in said(at)
    assert "2 steps\\: reads orders and writes mart\\.orders\\_day." in said(at)
    drawn(at.pills(key="pipelines_domain").set_value("cost"))
    assert (opens(at), at.query_params["domain"]) == (["costs"], "cost")
    assert opens(page(domain="mart", q="ORDERS")) == ["orders-day"]
    assert opens(page(domain="none such")) == ["costs", "orders-day"]
