from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

PAGE = str(Path(__file__).parent / "graph_page.py")


def page(**asked: str) -> AppTest:
    at = AppTest.from_file(PAGE, default_timeout=20)
    for name, value in asked.items():
        at.query_params[name] = value
    return at.run()


def said(at: AppTest) -> str:
    return next(m.value for m in at.markdown if m.value.startswith("picked"))


@pytest.mark.parametrize("asked", [{"part": "graph"}, {"part": "graph", "live": "1"}, {"part": "graph", "shape": "draft"},
                                   {"part": "graph", "shape": "long"}, {"part": "gantt"}, {"part": "timeline"},
                                   {"part": "graph", "steps": "60", "shape": "fan"}])
def test_a_drawing_is_mounted_and_nothing_is_selected(asked):
    at = page(**asked)
    assert not at.exception
    assert said(at) == "picked: None"


def test_what_the_caller_selects_is_selected():
    at = page(steps="8")
    at.button(key="last").click().run()
    assert said(at) == "picked: orders_by_country"


def test_a_step_that_is_not_there_is_not_selected():
    at = AppTest.from_file(PAGE, default_timeout=20)
    at.session_state["wish"] = "gone"
    assert said(at.run()) == "picked: None"
