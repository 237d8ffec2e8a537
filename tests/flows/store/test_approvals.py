"""Approvals on both databases: asked once, decided once whoever decides, and never for another tenant."""

from __future__ import annotations

from typing import Any

import pytest

from flows.errors import InputError, LimitError, MissingError
from flows.store import Store

ASKED = {"pipeline_id": "p", "params": {"run_date": "2025-11-15"}}
DECIDE = """
import sys
from flows.errors import InputError
from flows.store import open_store
store = open_store(sys.argv[1])
store.approvals.list("demo")
print("ready", flush=True)
for line in sys.stdin:
    try:
        print(store.approvals.decide("demo", line.strip(), sys.argv[2], by=sys.argv[3]).decided_by, flush=True)
    except InputError:
        print("too late", flush=True)
"""


def test_of_processes_that_decide_at_once_exactly_one_does(store: Store, url: str, child: Any) -> None:
    people = [child(DECIDE, url, status, who) for status, who in (("APPROVED", "ann"), ("REFUSED", "bob"), ("APPROVED", "cid"))]
    assert [each.hear() for each in people] == ["ready"] * 3
    for n in range(20):
        asked = store.approvals.ask("demo", "key:agent", {**ASKED, "n": n})
        for each in people:
            each.tell(asked.approval_id)
        said = [each.hear() for each in people]
        kept = store.approvals.get("demo", asked.approval_id)
        assert sorted(said) == sorted([kept.decided_by, "too late", "too late"])
        assert kept.status == {"ann": "APPROVED", "bob": "REFUSED", "cid": "APPROVED"}[kept.decided_by]


def test_the_same_request_is_kept_once_for_each_author_and_tenant(store: Store) -> None:
    first = store.approvals.ask("demo", "key:a", ASKED)
    assert store.approvals.ask("demo", "key:a", dict(ASKED)) == first
    others = [store.approvals.ask("demo", "key:b", ASKED), store.approvals.ask("other", "key:a", ASKED)]
    assert len({first.approval_id, *(each.approval_id for each in others)}) == 3
    assert {each.approval_id for each in store.approvals.list("demo", "WAITING")} == {first.approval_id, others[0].approval_id}
    store.approvals.decide("demo", first.approval_id, "REFUSED", by="ann")
    assert store.approvals.ask("demo", "key:a", ASKED).approval_id != first.approval_id


def test_another_tenants_approval_is_not_there(store: Store) -> None:
    asked = store.approvals.ask("demo", "key:a", ASKED)
    with pytest.raises(MissingError):
        store.approvals.get("other", asked.approval_id)
    with pytest.raises(MissingError):
        store.approvals.decide("other", asked.approval_id, "APPROVED", by="eve")
    assert store.approvals.get("demo", asked.approval_id).status == "WAITING"


def test_what_is_over_is_decided_by_nobody(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.store.approvals.HOURS", -1)
    asked = store.approvals.ask("demo", "key:a", ASKED)
    with pytest.raises(InputError, match="nobody decided in time"):
        store.approvals.decide("demo", asked.approval_id, "APPROVED", by="ann")
    assert [each.status for each in store.approvals.list("demo")] == ["EXPIRED"]
    assert store.approvals.list("demo", "WAITING") == []


def test_no_program_buries_what_people_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.store.approvals.WAITING_AT_MOST", 2)
    for n in range(2):
        store.approvals.ask("demo", "key:a", {**ASKED, "n": n})
    with pytest.raises(LimitError, match="2 requests wait"):
        store.approvals.ask("demo", "key:a", ASKED)
    assert store.approvals.ask("demo", "key:a", {**ASKED, "n": 1}).status == "WAITING"
    assert store.approvals.ask("other", "key:a", ASKED).status == "WAITING"
