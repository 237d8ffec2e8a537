"""Who sees what in the app: every page for nobody, strangers, viewers and the people of a tenant; and what a sign-in is worth."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from app import door, session
from app.parts.signin import at_home
from app.session import verified
from app.talk.turn import State, Turn, as_data, now
from flows.access import KEY, LOCAL, Identity
from flows.errors import InputError, UnauthorizedError
from flows.run.env import keyless
from flows.run.face import check_host, command
from flows.service import Penstock, signin
from flows.settings import Oidc, Settings
from flows.store import NewRun, Store

MAIN = Path(__file__).resolve().parents[2] / "app" / "main.py"
CANARY = "canary"
ROOT_KEY = "root-key-of-the-test-000000000000"
PAGES = ["chat.py", "pipelines.py", "templates.py", "runs.py", "settings.py"]
VIEWS = ["health", "keys", "quotas", "members", "audit", "tenants"]
OIDC = Oidc("https://login.example.com", "penstock", "client-canary", "cookie-canary" + "0" * 30, ("boss@example.com",))


@pytest.fixture(autouse=True)
def fresh(home: Path) -> Iterator[None]:
    st.cache_resource.clear()
    st.cache_data.clear()
    yield
    door.base().close()
    st.cache_resource.clear()


@pytest.fixture
def victim(store: Store, home: Path) -> dict[str, str]:
    """Everything that a page can show of the tenant `victim`, each with the canary in it; what opens its door, and the ids of it."""
    store.keys.set_root(ROOT_KEY)
    spec = {"pipeline_id": f"{CANARY}-pipeline", "name": f"{CANARY} pipeline", "steps": [
        {"step_id": f"{CANARY}_step", "ps_type": "generic.wait", "config": {"seconds": 0}}]}
    store.specs.save("victim", spec)
    run = store.runs.submit(NewRun(tenant_id="victim", pipeline_id=f"{CANARY}-pipeline", spec=spec, trigger_by="app",
                                   run_date="2025-11-15"))
    chat = as_data(State("chat-of-the-victim", turns=(Turn("t", f"{CANARY} words", now()),)))
    made, key = store.keys.create("victim", f"{CANARY} key", "admin")
    store.chats.keep("victim", "chat-of-the-victim", f"{CANARY} chat", chat, author=made.key_id)
    store.tenants.create("victim", f"{CANARY} tenant")
    store.tenants.set_member("victim", f"{CANARY}@example.com", "admin")
    folder = home / "templates" / "victim"
    folder.mkdir(parents=True, exist_ok=True)
    return {"key": key, "run": run.run_id, "pipeline": f"{CANARY}-pipeline", "chat": "chat-of-the-victim"}


@pytest.fixture
def framed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole app at each run, as it is served: AppTest alone would run the page without its frame from the second time on."""
    before = PagesManager.__init__

    def made(self: PagesManager, *args: Any, **kwargs: Any) -> None:
        PagesManager.uses_pages_directory = False
        before(self, *args, **kwargs)

    monkeypatch.setattr(PagesManager, "__init__", made)


def page(name: str = "", key: str = "", **query: str) -> AppTest:
    """A page by itself, without the frame that signs people in: it is no wall of its own. Without a name the frame with its first page."""
    at = AppTest.from_file(str(MAIN), default_timeout=30)
    if key:
        at.session_state[session.KEY] = key
    if name:
        at.switch_page(f"pages/{name}")
    for each, value in query.items():
        at.query_params[each] = value
    return at.run()


def title(at: AppTest) -> str:
    return str(at.title[0].value) if at.title else ""


def shown(at: AppTest) -> str:
    """Every word of the page, those inside of our own components too."""
    return "\n".join(str(each.proto) for each in at.main) + "\n".join(str(each.proto) for each in at.get("bidi_component"))


def addresses(victim: dict[str, str]) -> list[tuple[str, dict[str, str]]]:
    """Every page, as it is and with the ids of the victim in its address."""
    asked: list[tuple[str, dict[str, str]]] = [(name, {}) for name in PAGES]
    asked += [("chat.py", {"chat": victim["chat"]}), ("chat.py", {"pipeline": victim["pipeline"]}), ("runs.py", {"run": victim["run"]}),
              ("pipelines.py", {"pipeline": victim["pipeline"]}), ("runs.py", {"tenant": "victim"})]
    return asked + [("settings.py", {"show": view}) for view in VIEWS]


@pytest.mark.parametrize("who", ["nobody", "wrong", "revoked", "over"])
def test_nobody_sees_anything_but_the_sign_in(victim: dict[str, str], store: Store, who: str) -> None:
    from datetime import UTC, datetime

    made, key = store.keys.create("victim", "for a test", "admin", expires_at=datetime(2025, 1, 1, tzinfo=UTC) if who == "over" else None)
    if who == "revoked":
        store.keys.revoke("victim", made.key_id)
    given = {"nobody": "", "wrong": "pk_wrong"}.get(who, key)
    for query in ({}, {"chat": victim["chat"]}, {"pipeline": victim["pipeline"]}):
        at = page("", given, **query)
        assert ([each.value for each in at.title], [each.label for each in at.button]) == (["Sign in to Penstock"], ["Sign in"])
        assert CANARY not in shown(at)
    for name, query in addresses(victim) if who == "nobody" else []:
        assert CANARY not in shown(page(name, given, **query)).replace(victim["pipeline"], ""), (name, query)


def test_another_tenant_sees_nothing_of_it(victim: dict[str, str], store: Store) -> None:
    _, key = store.keys.create("other", "admin", "admin")
    for name, query in addresses(victim):
        at = page(name, key, **query)
        assert not at.exception, (name, query, at.exception)
        said = shown(at).replace(victim["pipeline"], "")  # what was asked for may be named
        assert CANARY not in said, (name, query)


def test_its_own_people_see_it(victim: dict[str, str]) -> None:
    """The canaries are where the tests above look for them."""
    sees = {(name, *query): CANARY in shown(page(name, victim["key"], **query)) for name, query in addresses(victim)}
    assert {place for place, seen in sees.items() if seen} >= {("chat.py",), ("runs.py",), ("pipelines.py",), ("runs.py", "run"),
                                                               ("pipelines.py", "pipeline"), ("chat.py", "chat")}


READS = ("Show", "Close", "Clear", "Sign out", "All ", "Open", "Copy", "Search", "Back", "Older", "Newer", "Newest", "Next", "Previous")


def test_a_viewer_has_no_button_that_writes(victim: dict[str, str], store: Store) -> None:
    _, key = store.keys.create("victim", "looks", "viewer")
    for name, query in [*addresses(victim), ("templates.py", {"template": "gallery/basic_etl"})]:
        at = page(name, key, **query)
        can = [each.label for each in at.button if not each.disabled and not each.label.startswith(READS)]
        assert can == [], (name, query)
        assert not at.chat_input, (name, query)


def test_what_a_viewer_may_not_do_has_its_reason(victim: dict[str, str], store: Store) -> None:
    _, key = store.keys.create("victim", "looks", "viewer")
    at = page("runs.py", key, run=victim["run"])
    stop = next(each for each in at.button if each.label == "Stop")
    assert stop.disabled
    assert "Your role here is viewer. This needs the role editor" in stop.help
    assert "Your role here is viewer" in "\n".join(each.value for each in page("chat.py", key).markdown)


@pytest.mark.usefixtures("framed")
def test_a_revoked_key_ends_the_session_at_the_next_look(victim: dict[str, str], store: Store) -> None:
    made, key = store.keys.create("victim", "second", "editor")
    at = page("", key)
    assert CANARY in shown(at)
    store.keys.revoke("victim", made.key_id)
    at.run()
    assert title(at) == "Sign in to Penstock"
    assert CANARY not in shown(at)
    assert session.KEY not in at.session_state


@pytest.mark.usefixtures("framed")
def test_nothing_of_one_tenant_stays_when_the_session_goes_to_another(victim: dict[str, str], store: Store) -> None:
    at = page("", ROOT_KEY)
    at.session_state[session.TENANT] = "victim"
    at.session_state["anything"] = CANARY
    at.run()
    assert CANARY in shown(at)
    assert "anything" not in at.session_state
    at.selectbox(key="account_tenant").set_value("demo").run()
    assert at.session_state[session.TENANT] == "demo"
    assert CANARY not in shown(at).replace("victim", "")


def test_a_conversation_is_its_persons_own(victim: dict[str, str], store: Store) -> None:
    """Another key of the same tenant, with every role, does not find it."""
    _, key = store.keys.create("victim", "colleague", "admin")
    at = page("chat.py", key, chat=victim["chat"])
    assert f"{CANARY} words" not in shown(at)
    assert f"{CANARY} chat" not in shown(at)
    colleague = door.base().acting(signin.judge(door.base(), key=key, tenant="victim"))
    with pytest.raises(InputError, match="there is no such chat"):
        colleague.keep_chat(victim["chat"], "mine now", {})
    assert store.chats.list("victim", author=store.keys.whose(victim["key"]).key_id)[0].title == f"{CANARY} chat"  # type: ignore[union-attr]


def test_work_that_goes_on_in_a_thread_ends_with_the_key(victim: dict[str, str], store: Store) -> None:
    made, key = store.keys.create("victim", "second", "editor")
    own = door.base().acting(signin.judge(door.base(), key=key, tenant="victim"))
    assert own.find_runs()[0].run_id == victim["run"]
    store.keys.revoke("victim", made.key_id)
    with pytest.raises(UnauthorizedError, match="the key opens nothing here"):
        own.find_runs()


# ---- local mode

@pytest.mark.usefixtures("framed")
def test_local_mode_says_so_and_ends_with_the_first_root_key(store: Store) -> None:
    at = page()
    assert "**Local mode.**" in "\n".join(each.value for each in at.markdown)
    assert title(at) == "What should flow where?"
    store.keys.set_root(ROOT_KEY)
    at.run()
    assert title(at) == "Sign in to Penstock"


@pytest.mark.parametrize(("host", "good"), [("127.0.0.1:8501", True), ("localhost", True), ("[::1]:8501", True), ("[::1]", True),
                                            ("penstock.example.com", False), ("127.0.0.1.evil.example:80", False)])
def test_local_mode_is_for_its_own_machine(monkeypatch: pytest.MonkeyPatch, host: str, good: bool) -> None:
    monkeypatch.setattr(st, "context", type("Context", (), {"headers": {"Host": host}})())
    assert at_home() == good


def test_the_key_of_who_started_the_app_is_nobodys_in_it(monkeypatch: pytest.MonkeyPatch, victim: dict[str, str]) -> None:
    monkeypatch.setenv("PENSTOCK_API_KEY", victim["key"])
    monkeypatch.setenv("PENSTOCK_ROOT_KEY", ROOT_KEY)
    assert title(page()) == "Sign in to Penstock"
    with pytest.raises(UnauthorizedError):
        door.base().find_runs()


@pytest.mark.parametrize(("host", "more", "good"), [
    ("127.0.0.1", {}, True), ("::1", {}, True), ("0.0.0.0", {}, False), ("10.1.2.3", {}, False),
    ("0.0.0.0", {"root_key": ROOT_KEY}, True), ("0.0.0.0", {"oidc": OIDC}, True), ("0.0.0.0", {"guarded": True}, True)])
def test_other_machines_are_answered_with_a_sign_in_only(settings: Settings, host: str, more: dict[str, Any], good: bool) -> None:
    guarded = bool(more.pop("guarded", False)) if "guarded" in more else False
    asked = replace(settings, app_host=host, **more)
    if good:
        check_host(asked, guarded=guarded)
    else:
        with pytest.raises(InputError, match="PENSTOCK_APP_HOST: the app would answer other machines"):
            check_host(asked, guarded=guarded)


def test_the_app_listens_where_it_is_told_to() -> None:
    words = command(8501, "10.1.2.3", "https://penstock.example.com/data")
    assert words[words.index("--server.address") + 1] == "10.1.2.3"
    assert words[words.index("--server.corsAllowedOrigins") + 1] == "https://penstock.example.com"
    assert "--server.corsAllowedOrigins" not in command(8501)


def test_steps_never_see_what_signs_people_in(monkeypatch: pytest.MonkeyPatch) -> None:
    door.base()
    for name in ("OIDC_CLIENT_SECRET", "OIDC_COOKIE_SECRET", "ROOT_KEY", "API_KEY"):
        monkeypatch.setenv(f"PENSTOCK_{name}", CANARY)
    assert CANARY not in str(keyless())


# ---- with an identity provider

GOOD = {"is_logged_in": True, "iss": "https://login.example.com/", "aud": "penstock", "iat": 1_000_000, "email": "Ann@Example.com",
        "email_verified": True}


@pytest.fixture
def base(settings: Settings) -> Iterator[Penstock]:
    with Penstock(settings=replace(settings, oidc=OIDC), identity=Identity("demo", "viewer", "test", LOCAL)) as opened:
        yield opened


def test_a_verified_address_is_believed_for_some_hours(base: Penstock) -> None:
    assert verified(base, GOOD, 1_000_000 + 11 * 3600) == "ann@example.com"
    assert verified(base, {**GOOD, "aud": ["other", "penstock"], "azp": "penstock"}, 1_000_000) == "ann@example.com"


@pytest.mark.parametrize(("change", "said"), [
    ({"is_logged_in": False}, "^$"), ({"iss": "https://evil.example.com"}, "not made for this Penstock"),
    ({"aud": "other"}, "not made for this Penstock"), ({"aud": None}, "not made for this Penstock"),
    ({"aud": ["penstock", "other"], "azp": "other"}, "not made for this Penstock"),
    ({"iat": 1_000_000 - 13 * 3600}, "lasts 12 hours"), ({"iat": 1_001_000}, "lasts 12 hours"), ({"iat": "soon"}, "lasts 12 hours"),
    ({"iat": None}, "lasts 12 hours"), ({"email": ""}, "not verified"), ({"email_verified": False}, "not verified"),
    ({"email_verified": None}, "not verified"), ({"email_verified": "no"}, "not verified")])
def test_what_is_not_said_to_us_or_lately_is_not_believed(base: Penstock, change: dict[str, Any], said: str) -> None:
    with pytest.raises(UnauthorizedError, match=said):
        verified(base, {**GOOD, **change}, 1_000_000)


def test_members_are_looked_up_each_time(base: Penstock) -> None:
    base.store.tenants.set_member("acme", "ann@example.com", "viewer")
    judge = signin.judge(base, address="Ann@example.com", tenant="acme")
    assert (judge().role, judge().who, judge().kind) == ("viewer", "ann@example.com", signin.PERSON)
    base.store.tenants.set_member("acme", "ann@example.com", "operator")
    assert judge().role == "operator"
    base.store.tenants.remove_member("acme", "ann@example.com")
    with pytest.raises(UnauthorizedError, match="no member of that tenant"):
        judge()


def test_the_first_admins_are_of_the_default_tenant_only(base: Penstock) -> None:
    assert [(each.tenant_id, each.role) for each in signin.tenants_of_person(base, "boss@example.com")] == [("demo", "admin")]
    for tenant in ("acme", "never-heard-of"):
        with pytest.raises(UnauthorizedError, match="no member of that tenant"):
            signin.of_person(base, "boss@example.com", tenant)
    base.store.tenants.set_member("demo", "boss@example.com", "editor")
    assert signin.of_person(base, "boss@example.com").role == "editor"


def test_a_key_is_of_one_tenant_and_the_root_key_of_each_that_there_is(base: Penstock) -> None:
    base.store.keys.set_root(ROOT_KEY)
    base.store.tenants.create("acme", "")
    _, key = base.store.keys.create("acme", "one", "editor")
    assert (signin.of_key(base, key).tenant_id, signin.of_key(base, key).kind) == ("acme", KEY)
    assert signin.tenants_of_key(base, key) == ["acme"]
    assert signin.tenants_of_key(base, ROOT_KEY) == ["demo", "acme"]
    words = set()
    for given, tenant in ((key, "demo"), (key, "never-heard-of"), (ROOT_KEY, "never-heard-of"), ("pk_wrong", ""), ("", "")):
        with pytest.raises(UnauthorizedError) as refused:
            signin.of_key(base, given, tenant)
        words.add(str(refused.value))
    assert len(words) == 1


@pytest.mark.usefixtures("framed")
def test_the_sign_in_page_of_a_provider(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    for name, value in {"ISSUER": OIDC.issuer, "CLIENT_ID": "penstock", "CLIENT_SECRET": "s", "COOKIE_SECRET": "c" * 32}.items():
        monkeypatch.setenv(f"PENSTOCK_OIDC_{name}", value)
    store.tenants.set_member("acme", "ann@example.com", "viewer")
    st.cache_resource.clear()
    at = AppTest.from_file(str(MAIN), default_timeout=30)
    at.user = {"is_logged_in": False}
    at.run()
    assert [each.value for each in at.title] == ["Sign in to Penstock"]
    at.user = {**GOOD, "iat": time.time()}
    at.run()
    assert at.session_state[session.WHOSE] == ("person ann@example.com", "acme")
    at.user = {**GOOD, "iat": time.time(), "email": "eve@example.com"}
    at.run()
    assert "`eve@example.com` is no member of any tenant here" in at.error[0].value  # an address is no link
    assert session.WHOSE not in at.session_state
