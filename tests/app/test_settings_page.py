"""The Settings page with the real service: each view, a key that is shown once, limits, members, the log; and what a role may not see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import door
from app.panel import auditview
from flows.errors import UnreachableError
from flows.service import Identity, Penstock

MAIN = Path(__file__).resolve().parents[2] / "app" / "main.py"
ROOT = "root-key-of-the-tests-000000000"


@pytest.fixture(autouse=True)
def fresh(home: Path) -> Iterator[None]:
    st.cache_resource.clear()
    yield
    door.base().close()
    st.cache_resource.clear()


def page(show: str = "", key: str = "", **query: str) -> AppTest:
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    if key:
        at.session_state["session_key"] = key
    at = at.run()
    at.switch_page("pages/settings.py")
    for name, value in {**({"show": show} if show else {}), **query}.items():
        at.query_params[name] = value
    return drawn(at)


def drawn(at: Any) -> AppTest:
    at = at.run()
    assert not at.exception, at.exception
    return at


def said(at: AppTest) -> str:
    return "\n".join(each.value for each in (*at.markdown, *at.title, *at.error, *at.warning, *at.caption))


def mine(role: str = "admin") -> Penstock:
    return door.base().acting(Identity("demo", role, "test"))


# ---- health

def test_each_part_says_how_it_is_and_what_to_do() -> None:
    at = page()
    assert "**Control store** :green-badge[Works]" in said(at)
    assert ":material/build: Start it with `penstock up`" in said(at)
    assert "The built\\-in planner" in said(at)
    assert "Tenant `demo`" in said(at)


def test_a_store_that_does_not_answer_is_a_part_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Any:
        raise UnreachableError("the control store does not answer", fix="Start it")

    at = page()
    monkeypatch.setattr("app.panel.healthview.health", away)
    drawn(at)
    assert "**Control store** :red-badge[Down]" in said(at)
    assert ":material/build: Start it" in said(at)


# ---- keys

def test_a_key_is_shown_once_and_revoked() -> None:
    at = page("keys")
    assert "No keys yet." in said(at)
    at.text_input(key="keys_name").set_value("nightly *build*")
    at.selectbox(key="keys_role").set_value("viewer")
    create = next(b for b in at.button if b.label == "Create key")
    drawn(create.click())
    text = next(block.value for block in at.code if block.value.startswith("pk_"))
    made = mine().keys()[0]
    assert (made.name, made.role, made.expires_at is not None) == ("nightly *build*", "viewer", True)
    assert "nightly \\*build\\*" in said(at)
    drawn(at.button(key="keys_copied").click())
    assert all(text not in each.value for each in (*at.code, *at.markdown))
    assert "settings_new_key" not in at.session_state
    drawn(at.button(key=f"key_revoke_{made.key_id}_yes").click())
    assert next(each.label for each in at.expander).startswith("Open nothing any more")
    assert [row.action for row in mine().audit(action="key.")] == ["key.revoke", "key.create"]


def test_a_new_key_is_gone_from_the_screen_with_the_view() -> None:
    at = page("keys")
    at.text_input(key="keys_name").set_value("build")
    drawn(next(b for b in at.button if b.label == "Create key").click())
    at.query_params["show"] = "quotas"
    drawn(at)
    at.query_params["show"] = "keys"
    assert not any(block.value.startswith("pk_") for block in drawn(at).code)


def test_a_key_without_a_name_is_refused_in_words() -> None:
    at = page("keys")
    drawn(next(b for b in at.button if b.label == "Create key").click())
    assert "a name has 1 to" in said(at)
    assert mine().keys() == []


# ---- quotas, members, tenants

def test_limits_are_shown_with_what_is_used_and_changed_by_a_form() -> None:
    mine().set_limits(bytes_per_day=3 * 2**30 + 7)
    at = page("quotas")
    assert [each.label for each in at.metric] == ["Runs today", "Runs at work", "Runs waiting", "BigQuery today"]
    at.number_input(key="quota_runs_per_day").set_value(20)
    drawn(next(b for b in at.button if b.label == "Save limits").click())
    found = mine().limits()
    assert (found["runs_per_day"], found["runs_at_once"], found["bytes_per_day"]) == (20, None, 3 * 2**30 + 7)
    assert {each.label: each.delta for each in at.metric}["Runs today"] == "of 20"


def test_members_are_added_and_removed() -> None:
    at = page("members")
    at.text_input(key="members_person").set_value("Ada@Example.com")
    drawn(next(b for b in at.button if b.label == "Add member").click())
    assert [(each.person, each.role) for each in mine().members()] == [("ada@example.com", "editor")]
    drawn(next(b for b in at.button if b.key and b.key.startswith("member_remove_") and b.key.endswith("_yes")).click())
    assert mine().members() == []
    at.text_input(key="members_person").set_value("nobody")
    drawn(next(b for b in at.button if b.label == "Add member").click())
    assert "is no e\\-mail address" in said(at)


def test_a_tenant_is_made_by_whoever_runs_penstock() -> None:
    at = page("tenants")
    at.text_input(key="tenants_id").set_value("acme")
    drawn(next(b for b in at.button if b.label == "Create tenant").click())
    assert "**`acme`**" in said(at)


# ---- the log

def test_the_log_is_found_by_kind_thing_and_person_and_goes_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditview, "PAGE", 2)
    for person in ("a@x.com", "b@x.com", "c@x.com"):
        mine().set_member(person, "viewer")
    mine().create_key("build", "viewer")
    at = page("audit")
    assert list(at.dataframe[0].value["What"]) == ["key.create", "member.set"]
    drawn(at.button(key="audit_more").click())
    assert len(at.dataframe[0].value) == 4
    drawn(at.selectbox(key="audit_action").set_value("key."))
    assert at.query_params["action"] == "key."
    assert list(at.dataframe[0].value["Who"]) == ["test"]
    assert list(page("audit", target="b@x.com").dataframe[0].value["Of what"]) == ["b@x.com"]
    assert "No change matches." in said(page("audit", who="nobody"))


def test_a_change_is_cut_where_it_is_long() -> None:
    assert auditview.change({"role": "viewer", "pool": "a"}, {"role": "editor", "pool": "a"}) == '{"role": "viewer"} → {"role": "editor"}'
    assert auditview.change(None, {"a": "x" * 500}).endswith("x…")
    assert auditview.change(None, None) == ""


# ---- who may not

def test_a_viewer_sees_quotas_and_health_and_no_key_member_or_log(monkeypatch: pytest.MonkeyPatch) -> None:
    key, text = mine().create_key("canary-key", "viewer")
    mine().set_member("canary@example.com", "editor")
    monkeypatch.setenv("PENSTOCK_ROOT_KEY", ROOT)
    st.cache_resource.clear()
    for show in ("health", "keys", "quotas", "members", "audit", "tenants"):
        at = page(show, key=text)
        assert "canary@example" not in said(at)
        assert key.key_id not in said(at)
        assert not at.dataframe
        assert not [b.label for b in at.button if b.label.startswith(("Create", "Save", "Add", "Revoke", "Remove"))]
        if show in ("keys", "quotas", "members", "audit"):
            assert "Your role here is viewer. This needs the role admin" in said(at)
