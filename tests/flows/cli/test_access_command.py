"""Keys, members, tenants, quota and the audit log as commands; and no command tells anybody what is not theirs."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest

from flows.cli import call
from flows.cli.root import COMMANDS, penstock
from flows.store import NewBackfill, NewRun, open_store
from flows.store.audit import Note

ROOT_KEY = "the-root-key-of-this-test-0123456789"
CANARY = "canary-of-the-victim"


def said(args: list[str], capsys: Any) -> tuple[int, str]:
    code = call(args)
    got = capsys.readouterr()
    return code, got.out + got.err


# ---- the commands

def test_a_key_is_printed_once_and_works_until_it_is_revoked(home: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setenv("PENSTOCK_ROOT_KEY", ROOT_KEY)
    with open_store(f"sqlite:///{home / 'control.sqlite'}") as store:
        store.keys.set_root(ROOT_KEY)
    assert call(["tenants", "create", "acme", "--name", "Acme"]) == 0
    assert call(["keys", "create", "ci", "--role", "editor", "--tenant", "acme", "--days", "30"]) == 0
    got = capsys.readouterr()
    key = got.out.splitlines()[-1]
    assert "never shown again" in got.err
    assert len(key) > 40
    monkeypatch.delenv("PENSTOCK_ROOT_KEY")
    assert said(["status"], capsys)[0] == 2
    assert said(["status", "--key", key], capsys)[0] == 0
    monkeypatch.setenv("PENSTOCK_API_KEY", key)
    code, text = said(["quota", "show", "--json"], capsys)
    assert (code, json.loads(text)["usage"]["runs_today"]) == (0, 0)
    assert "the role editor may not see the keys" in said(["keys"], capsys)[1]
    monkeypatch.setenv("PENSTOCK_API_KEY", ROOT_KEY)
    code, text = said(["keys", "list", "--tenant", "acme", "--json"], capsys)
    assert key not in text
    assert said(["keys", "revoke", json.loads(text)[0]["key_id"], "--tenant", "acme"], capsys)[0] == 0
    assert "revoked" in said(["keys", "list", "--tenant", "acme"], capsys)[1]
    monkeypatch.setenv("PENSTOCK_API_KEY", key)
    assert "the key opens nothing here" in said(["status"], capsys)[1]
    assert not any(key in file.read_text() for file in home.rglob("*.log"))


def test_members_quota_and_the_log_are_said_as_a_table_and_as_json(home: Path, capsys: Any) -> None:
    assert "is editor of demo" in said(["members", "add", "Ada@Example.com", "--role", "editor"], capsys)[1]
    assert "ada@example.com" in said(["members"], capsys)[1]
    assert said(["quota", "set", "--runs-per-day", "5", "--bytes-per-day", "1000"], capsys)[0] == 0
    assert "none" in said(["quota", "set", "--runs-per-day", "none"], capsys)[1]
    assert said(["members", "remove", "ada@example.com"], capsys)[0] == 0
    actions = [row["action"] for row in json.loads(said(["audit", "--json"], capsys)[1])]
    assert actions == ["member.remove", "limits.set", "limits.set", "member.set"]
    assert "runs_per_day 5" in said(["audit", "--action", "limits.set"], capsys)[1]
    for empty in (["audit", "--who", "nobody"], ["keys", "list"], ["members", "list"]):
        assert said([*empty, "--json"], capsys) == (0, "[]\n")
        assert said(empty, capsys)[1].startswith("No ")
    assert [row["tenant_id"] for row in json.loads(said(["tenants", "list", "--json"], capsys)[1])] == ["demo"]


@pytest.mark.parametrize(("args", "told"), [
    (["keys", "create", "ci", "--role", "owner"], "--role"), (["keys", "revoke", "key-x"], "there is no key 'key-x'"),
    (["members", "add", "ada", "--role", "viewer"], "no e-mail address"), (["members", "remove", "a@b"], "no member"),
    (["tenants", "create", "a/b"], "not a valid name"), (["quota", "set"], "no limit is named"),
    (["quota", "set", "--runs-per-day", "many"], "--runs-per-day: 'many' is not a whole number"),
    (["quota", "set", "--runs-at-once", "99999999999999"], "runs_at_once: 99999999999999 is no limit"),
])
def test_what_means_nothing_is_one_line_and_exit_2(args: list[str], told: str, home: Path, capsys: Any) -> None:
    assert call(args) == 2
    got = capsys.readouterr()
    assert got.out == ""
    assert told in got.err
    assert got.err.count("\n") == 1


def test_the_lines_of_the_page_about_it_run_one_after_the_other(home: Path, monkeypatch: Any, capsys: Any) -> None:
    page = (Path(__file__).parents[3] / "docs" / "access.md").read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"^```bash\n(.*?)^```", page, re.MULTILINE | re.DOTALL) for line in block.splitlines()]
    quick = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("penstock ") and "pk_" not in line]
    assert len(quick) >= 8
    monkeypatch.setenv("PENSTOCK_ROOT_KEY", ROOT_KEY)
    for args in quick:
        if args != ["up"]:
            assert (args, call(args)) == (args, 0)
    capsys.readouterr()


# ---- every command, and whoever asks

@pytest.fixture
def victim(home: Path, settings: Any) -> dict[str, str]:
    """A guarded Penstock in which a tenant has canaries everywhere; gives the ids that others may know, and keys."""
    from dataclasses import replace

    from flows.insight.catalog import CatalogColumn, Table, add_table

    theirs = replace(settings, tenant_id="victim")
    spec = {"pipeline_id": "daily", "name": CANARY, "description": CANARY, "variables": {"word": CANARY}, "steps": [
        {"step_id": "rows", "name": CANARY, "ps_type": "generic.sql", "config": {"query": f"SELECT '{CANARY}' AS word"}}]}
    with open_store(settings.control_url) as store:
        store.keys.set_root(ROOT_KEY)
        store.specs.save("victim", spec, text=CANARY, author=CANARY)
        run = store.runs.submit(NewRun("victim", "daily", spec, version=1, params={"word": CANARY}, trigger_by=CANARY))
        store.steps.plan(run.run_id, [("rows", CANARY, "generic.sql", 0)])
        store.runs.finish(run.run_id, "FAILED", CANARY)
        fill = store.backfills.submit(NewBackfill("victim", "daily", spec, days=[{"run_date": "2025-11-01", "params": {"word": CANARY}}],
                                                  trigger_by=CANARY))
        store.tenants.create("victim", CANARY)
        store.tenants.set_member("victim", f"{CANARY}@example.com", "viewer")
        key = store.keys.create("victim", CANARY, "viewer")
        store.limits.set("victim", {"runs_per_day": 987_654_321})
        with store.change("victim", Note(CANARY, CANARY, after={"word": CANARY}), who=CANARY, role="admin", via="cli"):
            store.chats.keep("victim", "chat", CANARY, {"said": CANARY})
        log = home / "logs" / "victim" / f"{run.run_id}.log"
        log.parent.mkdir(parents=True)
        log.write_text(f"{CANARY}\n")
        add_table(theirs, "clients", Table(location="crm.clients", description=CANARY, columns={"word": CatalogColumn(type="STRING")}))
        gone = store.keys.create("mine", "gone", "admin")
        store.keys.revoke("mine", gone[0].key_id)
        keys = {"none": "", "wrong": "pk_wrong", "revoked": gone[1], "viewer": key[1], "mine": store.keys.create("mine", "me", "admin")[1],
                "over": store.keys.create("victim", "old", "admin", expires_at=datetime.now(UTC) - timedelta(seconds=1))[1]}
    return {"run_id": run.run_id, "backfill_id": fill.backfill_id, "key_id": key[0].key_id, "pipeline": "daily", "table": "clients",
            "person": f"{CANARY[:6]}@example.com", **{f"key:{name}": text for name, text in keys.items()}}


def leaves(tree: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that there is."""
    if not isinstance(tree, click.Group):
        yield path, tree
        return
    context = click.Context(tree)
    for name in tree.list_commands(context):
        found = tree.get_command(context, name)
        assert found is not None
        yield from leaves(found, (*path, name))


LEAVES = {" ".join(path): command for path, command in leaves(penstock)}
SERVES = {"up", "demo", "mcp"}  # they stay, or do more than look
TEXTS = {"plan": "load shop.orders into mart.orders", "query": "SELECT 1", "keys create": "k", "members add": "a@example.com",
         "tenants create": "victim", "catalog add": "mine", "engines show": "generic.sql", "templates show": "gallery/basic_etl",
         "templates use": "gallery/basic_etl", "audit": "", "approve": "ask-1", "refuse": "ask-1"}


def words(name: str, command: click.Command, ids: dict[str, str], folder: Path) -> list[str]:
    """The command with what it needs, of the victim where it names a thing."""
    given = name.split()
    for param in command.params:
        if isinstance(param, click.Argument) and (param.required or name in TEXTS or name in ("status",)):
            if text := TEXTS.get(name, ids.get(str(param.name), ids["table"] if name.startswith("catalog") else ids["pipeline"])):
                given.append(text)
        elif isinstance(param, click.Option) and param.required:
            value = param.type.choices[0] if isinstance(param.type, click.Choice) else {"first": "2025-11-01", "last": "2025-11-02"}.get(
                str(param.name), str(folder / f"out{len(list(folder.glob('out*')))}") if param.name == "out" else "1")
            given += [param.opts[0], str(value)]
    return [*given, "--table", "crm.clients"] if name == "catalog add" else given


def state(home: Path) -> str:
    """All that the store holds, but when a key was last used and the procedures that come with Penstock."""
    with closing(sqlite3.connect(home / "control.sqlite")) as open_one:
        names = [row[0] for row in open_one.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'procedures'")]
        text = [(name, [{k: v for k, v in zip([c[0] for c in rows.description], row, strict=True) if k not in ("used_at", "beat_at")}
                        for row in rows]) for name in sorted(names) for rows in [open_one.execute(f"SELECT * FROM {name}")]]
    return hashlib.sha256(repr(text).encode()).hexdigest()


def test_the_matrix_knows_every_command() -> None:
    assert {name.split()[0] for name in LEAVES} == set(COMMANDS)


@pytest.mark.parametrize("who", ["none", "wrong", "revoked", "over", "mine"])
def test_without_a_key_of_the_tenant_no_command_says_anything_of_it(who: str, victim: Any, home: Path, tmp_path: Path, monkeypatch: Any,
                                                                     capsys: Any) -> None:
    """`mine` is a good key of another tenant, with --tenant of the victim."""
    before, failed = state(home), []
    monkeypatch.setenv("PENSTOCK_API_KEY", victim[f"key:{who}"])
    for name, command in LEAVES.items():
        args = [*words(name, command, victim, tmp_path), "--tenant", "victim"]
        code, text = said(args, capsys)
        if code != 2 or CANARY in text or "987,654,321" in text:
            failed.append((args, code, text[:200]))
    assert failed == []
    assert state(home) == before
    assert not any(CANARY in file.read_text() for file in (home / "logs").glob("*.log"))


@pytest.mark.slow
def test_with_a_key_of_another_tenant_the_ids_of_the_victim_open_nothing(victim: Any, home: Path, tmp_path: Path, monkeypatch: Any,
                                                                         capsys: Any) -> None:
    monkeypatch.setenv("PENSTOCK_API_KEY", victim["key:mine"])
    failed = []
    for name, command in LEAVES.items():
        if name in SERVES:
            continue
        args = words(name, command, victim, tmp_path)
        code, text = said(args, capsys)
        names = any(value in args for key, value in victim.items() if not key.startswith("key:"))
        if CANARY in text or "987,654,321" in text or code not in ((2,) if names else (0, 1, 2)):
            failed.append((args, code, text[:200]))
    assert failed == []
    with open_store(f"sqlite:///{home / 'control.sqlite'}") as store:
        assert store.runs.get("victim", victim["run_id"]).status == "FAILED"
        assert store.backfills.get("victim", victim["backfill_id"]).status == "RUNNING"
        assert store.keys.get("victim", victim["key_id"]).revoked_at is None
        assert len(store.audit.find("victim")) == 1


@pytest.mark.slow
def test_a_viewers_key_changes_nothing_with_any_command(victim: Any, home: Path, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setenv("PENSTOCK_API_KEY", victim["key:viewer"])
    before, changed, looked = state(home), [], 0
    for name, command in LEAVES.items():
        args = words(name, command, victim, tmp_path)
        if name == "mcp":  # it serves, and each of its tools asks for its own role
            continue
        code, _ = said(args, capsys)
        looked += code == 0
        if state(home) != before:
            changed.append(args)
            before = state(home)
    assert changed == []
    assert looked >= 8
    for denied in (["keys"], ["audit"], ["run", "daily"], ["cancel", victim["run_id"]], ["query", "SELECT 1"], ["up", "--no-app"]):
        code, text = said(denied, capsys)
        assert (code, "the role viewer may not" in text) == (2, True), (denied, text)
