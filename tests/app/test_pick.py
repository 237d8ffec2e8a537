"""Who wins: the click in a drawing, or what the page asks for."""

from __future__ import annotations

from typing import Any

import pytest

from app.parts import pick


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    monkeypatch.setattr(pick.st, "session_state", kept)
    return kept


def test_the_last_of_click_and_caller_wins_and_stays(session: dict[str, Any]):
    assert pick.picked("g", None) == (None, 0)
    session["g"] = {"pick": {"id": "a", "n": 1}}
    assert pick.picked("g", None) == ("a", 1)
    assert pick.picked("g", "a") == ("a", 1)
    assert pick.picked("g", "b") == ("b", 1)
    assert pick.picked("g", "b") == ("b", 1)  # the old click does not come back
    session["g"] = {"pick": {"id": "a", "n": 2}}
    assert pick.picked("g", "b") == ("a", 2)
    session["g"] = {"pick": {"id": None, "n": 3}}
    assert pick.picked("g", "a") == (None, 3)


def test_a_caller_that_holds_nothing_keeps_the_click(session: dict[str, Any]):
    session["g"] = {"pick": {"id": "a", "n": 1}}
    assert pick.picked("g", None) == ("a", 1)
    assert pick.picked("g", None) == ("a", 1)


def test_a_drawing_that_comes_back_shows_what_the_caller_holds(session: dict[str, Any]):
    session["g"] = {"pick": {"id": "a", "n": 4}}
    assert pick.picked("g", "b") == ("a", 4)
    del session["g"]
    assert pick.picked("g", "b") == ("b", 0)
