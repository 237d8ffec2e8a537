"""Who may do what, who is told of it, and what nobody learns: keys, roles, members, tenants, limits, the audit log."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows.access import KEY, PERSON, ROOT, needed
from flows.errors import ForbiddenError, InputError, LimitError, MissingError, PenstockError, UnauthorizedError
from flows.insight.catalog import Catalog
from flows.service import ROLES, Identity, Penstock
from flows.service.access import Usage

ROOT_KEY = "the-root-key-of-this-test-0123456789"
SPEC = {"pipeline_id": "daily", "name": "Daily", "steps": [
    {"step_id": "rows", "ps_type": "generic.sql", "config": {"query": "SELECT 1 AS n"}}]}
OPEN = {"identity", "tenant", "acting", "caller", "close", "is_root",  # who asks, before anybody is known
        "metrics", "state",  # over all tenants and naming none
        "up",  # asks by itself: the root key of the environment may start a Penstock that does not know it yet
        "recall",  # a text of the caller's own
        "store", "catalog"}  # what the methods themselves stand on, for programs that have this home anyway


@pytest.fixture
def door(settings: Any) -> Any:
    with Penstock(settings=settings) as opened:
        yield opened


def of(door: Any, role: str, tenant: str = "demo", **more: Any) -> Any:
    return door.acting(Identity(tenant, role, f"the {role}", **more))


def last(door: Any) -> Any:
    return of(door, "admin", door.tenant).audit(limit=1)[0]


# ---- roles

def public() -> list[str]:
    return [name for name, _ in inspect.getmembers(Penstock) if not name.startswith("_") and name not in OPEN]


def test_every_public_method_of_the_service_states_a_role():
    silent = [name for name in public() if needed(getattr(Penstock, name)) not in ROLES]
    assert silent == []


async def _called(method: Any) -> Any:
    done = method("a", "b", "c")
    return await done if inspect.isawaitable(done) else done


class Closed(Penstock):
    """Whatever is looked at is an error."""

    @property
    def store(self) -> Any:
        raise AssertionError("the store was opened")

    @property
    def catalog(self) -> Any:
        raise AssertionError("the catalogue was read")


@pytest.mark.parametrize("name", public())
def test_who_is_denied_has_read_nothing(name: str, settings: Any) -> None:
    role = needed(getattr(Penstock, name))
    if role == "viewer":
        shut = Closed(settings=settings, identity=lambda: (_ for _ in ()).throw(UnauthorizedError("nobody")))
        kind: type[PenstockError] = UnauthorizedError
    else:
        shut = Closed(settings=settings, identity=Identity("demo", ROLES[ROLES.index(role) - 1], "somebody"))
        kind = ForbiddenError
    with pytest.raises(kind) as told:
        asyncio.run(_called(getattr(shut, name)))
    assert "demo" not in told.value.what
    assert not settings.home.joinpath("control.sqlite").exists()


@pytest.mark.parametrize("ask", [
    lambda door: door.submit(SPEC, environment="production"),
    lambda door: door.run(SPEC, environment="production"),
    lambda door: door.backfill(SPEC, ["2025-11-01"], environment="production"),
    lambda door: door.query("DELETE FROM mart.orders WHERE true", environment="production"),
    lambda door: door.query("CALL mart.go()", environment="production"),
    lambda door: door.warehouse(environment="production"),
], ids=["submit", "run", "backfill", "delete", "call", "warehouse"])
def test_in_production_what_changes_something_is_for_operators_and_an_editor_has_read_nothing(ask: Any, settings: Any) -> None:
    with pytest.raises(ForbiddenError, match=r"the role editor may not .* in production"):
        ask(Closed(settings=settings, identity=Identity("demo", "editor", "somebody")))


def test_an_editor_stops_local_runs_and_an_operator_those_of_production(door: Any, store: Any) -> None:
    from flows.store import NewRun

    local, remote = (store.runs.submit(NewRun("demo", name, SPEC, environment=name)).run_id for name in ("local", "production"))
    assert of(door, "editor").cancel(local).status == "CANCELLED"
    with pytest.raises(ForbiddenError, match="stop a run in production"):
        of(door, "editor").cancel(remote)
    with pytest.raises(MissingError):
        of(door, "editor", "other").cancel(remote)
    assert of(door, "operator").cancel(remote).status == "CANCELLED"


# ---- keys

def guarded(settings: Any) -> Any:
    door = Penstock(settings=replace(settings, root_key=ROOT_KEY))
    door.store.keys.set_root(ROOT_KEY)
    return door


def test_a_key_is_shown_once_opens_one_tenant_and_nothing_once_it_is_revoked(settings: Any) -> None:
    root = guarded(settings)
    key, text = root.create_key("ci", "editor")
    assert text not in repr((key, root.keys(), root.audit()))
    with Penstock(settings=settings, key=text) as mine:
        assert (mine.tenant, mine.identity.role, mine.identity.who, mine.identity.kind) == ("demo", "editor", "key:ci", KEY)
        assert mine.runs() == []
        with pytest.raises(ForbiddenError, match="the role editor may not see the keys"):
            mine.keys()
        root.revoke_key(key.key_id)
        with pytest.raises(UnauthorizedError, match="the key opens nothing here"):
            mine.runs()
    assert root.revoke_key(key.key_id).revoked_at is not None
    with pytest.raises(MissingError, match="there is no key 'key-none'"):
        root.revoke_key("key-none")


def test_nobody_without_a_key_is_let_in_once_there_was_a_root_key(settings: Any) -> None:
    assert Penstock(settings=settings).identity.kind == "local"
    guarded(settings)
    alone = Penstock(settings=settings)
    assert settings.root_key == ""
    for ask in (alone.runs, alone.keys, alone.templates, lambda: alone.plan("load orders")):
        with pytest.raises(UnauthorizedError, match="asks for a key"):
            ask()


def test_a_root_key_that_is_not_the_one_it_was_served_with_opens_nothing(settings: Any) -> None:
    guarded(settings)
    other = "another-root-key-0123456789-0123456789"
    with pytest.raises(UnauthorizedError):
        Penstock(settings=replace(settings, root_key=other)).runs()
    with pytest.raises(UnauthorizedError):
        Penstock(settings=replace(settings, root_key=other), key=other)
    assert Penstock(settings=settings, key=ROOT_KEY).identity.kind == ROOT


def test_wrong_over_and_foreign_keys_are_refused_in_the_same_words(settings: Any) -> None:
    root = guarded(settings)
    over = root.store.keys.create("demo", "old", "admin", expires_at=datetime.now(UTC) - timedelta(seconds=1))[1]
    fine = root.create_key("new", "viewer", expires_at=datetime.now(UTC) + timedelta(hours=1))[1]
    said = set()
    for tenant, key in ((None, "pk_wrong"), (None, over), ("victim", fine), ("nowhere", fine)):
        with pytest.raises(UnauthorizedError) as told:
            Penstock(home=settings.home, tenant=tenant, key=key)
        said.add(str(told.value))
    assert len(said) == 1


@pytest.mark.parametrize(("name", "role", "more", "told"), [
    ("", "viewer", {}, "a name has 1 to 80"), ("x" * 81, "viewer", {}, "a name has 1 to 80"),
    ("ci", "owner", {}, "there is no role 'owner'"),
    ("ci", "viewer", {"expires_at": datetime(2030, 1, 1)}, "the time has no zone"),
    ("ci", "viewer", {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "is over"),
])
def test_a_key_that_means_nothing_is_not_made(name: str, role: str, more: Any, told: str, door: Any) -> None:
    with pytest.raises(InputError, match=told):
        door.create_key(name, role, **more)
    assert door.keys() == door.audit() == []


# ---- members and tenants

def test_members_are_known_by_their_address_in_any_letters(door: Any) -> None:
    assert door.set_member(" Ada@Example.com", "editor").person == "ada@example.com"
    door.set_member("ada@example.com", "operator")
    assert [(m.person, m.role) for m in door.members()] == [("ada@example.com", "operator")]
    assert (last(door).before, last(door).after) == ({"role": "editor"}, {"role": "operator"})
    door.remove_member("ADA@example.com")
    assert door.members() == []
    with pytest.raises(MissingError):
        door.remove_member("ada@example.com")
    for wrong in ("", "ada", "a b@c", "a@b@c", "x" * 250 + "@example.com"):
        with pytest.raises(InputError, match="no e-mail address"):
            door.set_member(wrong, "viewer")


def test_tenants_are_seen_by_the_root_key_by_others_only_their_own(door: Any) -> None:
    root = of(door, "admin", kind=ROOT)
    root.create_tenant("acme", "Acme")
    root.create_tenant("globex")
    with pytest.raises(InputError, match="there is a tenant 'acme' already"):
        root.create_tenant("acme")
    with pytest.raises(InputError, match="not a valid name"):
        root.create_tenant("a/b")
    of(door, "admin", "acme").set_member("ada@example.com", "viewer")
    assert [t.tenant_id for t in root.tenants()] == ["acme", "globex"]
    assert [t.tenant_id for t in of(door, "admin", "globex", kind=KEY).tenants()] == ["globex"]
    person = door.acting(Identity("globex", "viewer", "ada@example.com", PERSON))
    assert [t.tenant_id for t in person.tenants()] == ["acme", "globex"]


@pytest.mark.parametrize("kind", [KEY, PERSON])
def test_who_is_not_root_makes_no_tenant_and_does_not_learn_which_there_are(kind: str, door: Any) -> None:
    of(door, "admin", kind=ROOT).create_tenant("victim", "Secret name")
    said = set()
    for tenant in ("victim", "nobody"):
        with pytest.raises(ForbiddenError) as told:
            of(door, "admin", "acme", kind=kind).create_tenant(tenant)
        said.add(str(told.value))
    assert len(said) == 1
    assert of(door, "admin", "acme", kind=kind).audit() == []


# ---- the log

def test_each_change_has_one_row_that_says_who_what_and_what_it_was_before(shop: Any) -> None:
    from flows.service.submit import period

    door = Penstock(settings=shop)
    admin, seen = door.acting(Identity("demo", "admin", "ada@example.com", PERSON), via="app"), []

    def row(action: str, target: str) -> Any:
        rows = admin.audit(limit=1000)
        new, seen[:] = rows[:len(rows) - len(seen)], rows
        assert [(r.action, r.target, r.who, r.role, r.via) for r in new] == [(action, target, "ada@example.com", "admin", "app")]
        return new[0]

    run = admin.submit(SPEC)
    assert row("run", "daily").after == {"run_id": run.run_id, "version": 1, "environment": "local", "run_date": run.run_date, "params": {}}
    admin.cancel(run.run_id)
    assert row("cancel", run.run_id).before == {"status": "PENDING"}
    assert admin.cancel(run.run_id).ended  # changes nothing, and says nothing
    fill = admin.backfill(SPEC, period("2025-11-01", "2025-11-03"))
    assert row("backfill", "daily").after["days"] == 3
    admin.stop_backfill(fill.backfill_id)
    row("backfill.stop", fill.backfill_id)
    admin.go_on(fill.backfill_id)
    row("backfill.resume", fill.backfill_id)
    admin.set_limits(runs_per_day=5)
    said = row("limits.set", "demo")
    assert (said.before, said.after) == ({"runs_per_day": None}, {"runs_per_day": 5})
    admin.catalog_add("clients", table="shop.customers")
    row("catalog.add", "clients")
    admin.attach("a.csv", b"a,b\n1,2\n")
    row("file.attach", "a.csv")
    admin.sync_procedures()
    row("procedures.sync", "local")
    admin.query("SELECT 1")  # changes nothing
    admin.query("CREATE TABLE mart.t AS SELECT 1 AS n")
    assert row("query", "local").after == {"sql": "CREATE TABLE mart.t AS SELECT 1 AS n"}
    key = admin.create_key("ci", "viewer")[0]
    row("key.create", key.key_id)
    admin.revoke_key(key.key_id)
    row("key.revoke", key.key_id)
    assert [r.seq for r in admin.audit(limit=2, before=seen[3].seq)] == [seen[4].seq, seen[5].seq]
    assert {r.action for r in admin.audit(action="key.")} == {"key.create", "key.revoke"}
    assert len(admin.audit(who="nobody")) == len(admin.audit(since=datetime.now(UTC) + timedelta(days=1))) == 0
    assert admin.acting(Identity("other", "admin", "root", ROOT)).audit() == []


def test_what_is_refused_leaves_no_row_and_no_half_of_a_change(door: Any) -> None:
    door.set_limits(runs_per_day=1)
    door.submit(SPEC)
    rows = len(door.audit())
    with pytest.raises(LimitError, match="has had its 1 run of today"):
        door.submit({**SPEC, "pipeline_id": "other"})
    assert len(door.audit()) == rows
    assert [v.pipeline_id for v in door.store.specs.list("demo")] == ["daily"]  # the spec is not kept either
    with pytest.raises(InputError):
        door.set_limits(runs_per_day=-1)
    assert len(door.audit()) == rows


def test_no_row_holds_a_secret(door: Any) -> None:
    spec = {**SPEC, "parameters": [{"name": name, "type": "string", "default": "x"} for name in ("api_token", "words")]}
    door.submit(spec, params={"api_token": "canary-one-1234", "words": "Bearer canary-two-567890"})
    with pytest.raises(PenstockError):
        door.query("CREATE TABLE mart.x AS SELECT 'postgres://me:canary-three@db/x' AS a, nothing FROM nowhere.nothing")
    said = repr(door.audit())
    assert "canary" not in said
    assert "***" in said


# ---- limits

def test_usage_is_what_the_limits_are_held_against(door: Any) -> None:
    assert door.usage() == Usage(0, 0, 0, 0)
    assert set(door.set_limits(runs_waiting=1).values()) == {None, 1}
    door.submit(SPEC)
    assert door.usage() == Usage(1, 0, 1, 0)
    with pytest.raises(LimitError, match="runs_waiting"):
        door.submit({**SPEC, "pipeline_id": "other"})
    door.store.runs.claim("me", 600)
    assert door.usage() == Usage(1, 1, 0, 0)
    assert of(door, "viewer", "other").usage() == Usage(0, 0, 0, 0)


def test_a_given_catalogue_stays_when_somebody_else_asks(settings: Any) -> None:
    mine = Penstock(settings=settings, catalog=Catalog())
    assert mine.acting(Identity("acme", "viewer", "x")).catalog == Catalog()
