"""`penstock approvals`, `approve`, `refuse` and the start of `penstock mcp`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flows.cli import call
from flows.service import Penstock

TEMPLATE = "gallery/basic_etl"


@pytest.fixture
def asked(shop: Any) -> list[str]:
    """The ids of two requests of a program, with control characters in one of the names."""
    with Penstock(via="mcp") as door:
        spec = door.template(TEMPLATE).spec
        evil = spec.model_copy(update={"pipeline_id": "evil", "name": "\x1b[31mred\nline"})
        return [door.ask_approval(each, params={"run_date": "2025-11-15"}).approval_id for each in (spec, evil)]


def test_a_person_sees_what_waits_and_decides(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["approvals"]) == 0
    listed = capsys.readouterr().out
    assert all(each in listed for each in asked)
    assert "\x1b" not in listed
    assert call(["approvals", asked[0]]) == 0
    seen = capsys.readouterr().out
    assert 'Run "Basic ETL" locally for 2025-11-15: 3 steps, writes mart.monthly_revenue.' in seen
    assert "smallest_amount = 0" in seen
    assert call(["approve", asked[0], "--json"]) == 0
    run = json.loads(capsys.readouterr().out)
    assert run["status"] == "PENDING"
    assert call(["refuse", asked[1]]) == 0
    assert "nothing runs" in capsys.readouterr().out
    assert call(["approve", asked[1]]) == 2
    assert "decided already: local has refused it" in capsys.readouterr().err
    assert call(["approvals"]) == 0
    assert capsys.readouterr().out == "Nothing waits for a person.\n"
    assert call(["approvals", "--all", "--json"]) == 0
    assert {each["status"]: each["run_id"] for each in json.loads(capsys.readouterr().out)["approvals"]} == {
        "APPROVED": run["run_id"], "REFUSED": None}


@pytest.mark.parametrize("words", [["approvals", "ask-000000000000"], ["approve", "ask-000000000000"], ["refuse", "run-1"]])
def test_what_is_not_there_is_one_line(words: list[str], shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(words) == 2
    assert capsys.readouterr().err == f"penstock: there is no approval {words[1]!r}. See what waits: penstock approvals\n"


def test_a_server_for_programs_does_not_start_with_a_wrong_key(shop: Any, monkeypatch: pytest.MonkeyPatch,
                                                              capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PENSTOCK_API_KEY", "pk_wrong")
    assert call(["mcp"]) == 2
    heard = capsys.readouterr()
    assert heard.out == ""
    assert "the key opens nothing here" in heard.err
    assert "pk_wrong" not in heard.err
