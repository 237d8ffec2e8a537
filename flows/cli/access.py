"""Commands about who may do what: keys, members, tenants, quota, audit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from flows.access import ROLES
from flows.cli.common import F, as_json, hint, plain, put_json, say, shared, table
from flows.errors import InputError

if TYPE_CHECKING:
    from flows.service import Penstock

LIMITS = {"runs-per-day": "Runs a day (UTC).", "runs-at-once": "Runs at work at the same time.",
          "runs-waiting": "Runs that wait in the queue.", "bytes-per-day": "Bytes of BigQuery that runs in production are billed a day."}
NONE = "none"
role = click.option("--role", type=click.Choice(ROLES), required=True, help="What it may do; each may what those before it may.")


# ---- keys

@click.group(invoke_without_command=True)
@click.pass_context
def keys(ctx: click.Context) -> None:
    """API keys of a tenant. Without a command: list."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_keys)


@keys.command("list")
@as_json
@shared
def list_keys(door: Penstock, as_json: bool) -> int:
    """All keys, newest first; never what opens."""
    found = door.keys()
    if as_json:
        put_json([asdict(key) for key in found])
    elif found:
        table(["key", "begins", "name", "role", "by", "created (UTC)", "is over", "last used"],
              [(k.key_id, k.prefix, k.name, k.role, k.author, _time(k.created_at), _over(k.revoked_at, k.expires_at), _time(k.used_at))
               for k in found])
    else:
        say("No keys yet. Make one: penstock keys create NAME --role editor")
    return 0


@keys.command("create")
@click.argument("name")
@role
@click.option("--days", type=click.IntRange(1, 3650), metavar="N", help="It is over after so many days (default: never).")
@as_json
@shared
def create_key(door: Penstock, name: str, role: str, days: int | None, as_json: bool) -> int:
    """Make a key. It is printed once, on stdout, and kept nowhere."""
    key, text = door.create_key(name, role, expires_at=datetime.now(UTC) + timedelta(days=days) if days else None)
    if as_json:
        put_json({**asdict(key), "key": text})
        return 0
    say(text)
    hint(f"This is the key {key.key_id} ({key.role} of {key.tenant_id}). Keep it now: it is never shown again.")
    return 0


@keys.command("revoke")
@click.argument("key_id")
@shared
def revoke_key(door: Penstock, key_id: str) -> int:
    """The key opens nothing from now on."""
    key = door.revoke_key(key_id)
    say(f"{key.key_id} ({plain(key.name)}) is revoked")
    return 0


# ---- members

@click.group(invoke_without_command=True)
@click.pass_context
def members(ctx: click.Context) -> None:
    """People of a tenant, who sign in with an identity provider. Without a command: list."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_members)


@members.command("list")
@as_json
@shared
def list_members(door: Penstock, as_json: bool) -> int:
    """All members by address."""
    found = door.members()
    if as_json:
        put_json([asdict(member) for member in found])
    elif found:
        table(["person", "role", "by", "since (UTC)"], [(m.person, m.role, m.author, _time(m.created_at)) for m in found])
    else:
        say("No members yet. Let somebody in: penstock members add ada@example.com --role editor")
    return 0


@members.command("add")
@click.argument("person", metavar="ADDRESS")
@role
@shared
def add_member(door: Penstock, person: str, role: str) -> int:
    """Let a person in, or give one who is in another role."""
    member = door.set_member(person, role)
    say(f"{member.person} is {member.role} of {member.tenant_id}")
    return 0


@members.command("remove")
@click.argument("person", metavar="ADDRESS")
@shared
def remove_member(door: Penstock, person: str) -> int:
    """The person is let in no more."""
    door.remove_member(person)
    say(f"{plain(person)} is no member of {door.tenant} any more")
    return 0


# ---- tenants

@click.group(invoke_without_command=True)
@click.pass_context
def tenants(ctx: click.Context) -> None:
    """Tenants, for whoever has the root key. Without a command: list."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_tenants)


@tenants.command("list")
@as_json
@shared
def list_tenants(door: Penstock, as_json: bool) -> int:
    """All tenants that were made; with a tenant's key its own alone."""
    found = door.tenants()
    if as_json:
        put_json([asdict(tenant) for tenant in found])
    elif found:
        table(["tenant", "name", "by", "since (UTC)"], [(t.tenant_id, t.name, t.author, _time(t.created_at)) for t in found])
    else:
        say("No tenants yet. Make one: penstock tenants create acme")
    return 0


@tenants.command("create")
@click.argument("tenant_id", metavar="ID")
@click.option("--name", default="", help="For people (default: the id).")
@shared
def create_tenant(door: Penstock, tenant_id: str, name: str) -> int:
    """Make a tenant. Its first key: penstock keys create NAME --role admin --tenant ID"""
    made = door.create_tenant(tenant_id, name)
    say(f"tenant {made.tenant_id} is made")
    return 0


# ---- quota

@click.group(invoke_without_command=True)
@click.pass_context
def quota(ctx: click.Context) -> None:
    """What a tenant may use, and what it uses. Without a command: show."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(show_quota)


@quota.command("show")
@as_json
@shared
def show_quota(door: Penstock, as_json: bool) -> int:
    """Each limit with what is used of it now."""
    _quota(door, as_json)
    return 0


def _limit(name: str, text: str) -> Callable[[F], F]:
    return click.option(f"--{name}", metavar="N", help=f"{text} `{NONE}` takes the limit away.")


@quota.command("set")
@_limit("bytes-per-day", LIMITS["bytes-per-day"])
@_limit("runs-waiting", LIMITS["runs-waiting"])
@_limit("runs-at-once", LIMITS["runs-at-once"])
@_limit("runs-per-day", LIMITS["runs-per-day"])
@as_json
@shared
def set_quota(door: Penstock, as_json: bool, **given: str | None) -> int:
    """Change the limits that are named; the others stay."""
    changes = {kind: _number(kind, text) for kind, text in given.items() if text is not None}
    if not changes:
        raise InputError("no limit is named", where="quota set", fix=f"Use --{', --'.join(LIMITS)}")
    door.set_limits(**changes)
    _quota(door, as_json)
    return 0


def _number(kind: str, text: str) -> int | None:
    if text == NONE:
        return None
    if not text.isascii() or not text.isdigit():
        raise InputError(f"{text!r} is not a whole number", where=f"--{kind.replace('_', '-')}", fix=f"Give a number or `{NONE}`")
    return int(text)


def _quota(door: Penstock, as_json: bool) -> None:
    limits, used = door.limits(), asdict(door.usage())
    if as_json:
        put_json({"limits": limits, "usage": used})
        return
    rows = [("runs today", used["runs_today"], limits["runs_per_day"]), ("runs at work", used["runs_at_work"], limits["runs_at_once"]),
            ("runs waiting", used["runs_waiting"], limits["runs_waiting"]),
            ("bytes of BigQuery today", used["bytes_today"], limits["bytes_per_day"])]
    shown = [(name, f"{count:,}", NONE if most is None else f"{most:,}") for name, count, most in rows]
    table([f"of {door.tenant}", "used", "limit"], shown, right=[1, 2])


# ---- audit

@click.command()
@click.option("--action", default="", metavar="A", help="Those of one kind: run, key.create; `key.` is all about keys.")
@click.option("--target", default="", metavar="T", help="Those about one pipeline, run, key or person.")
@click.option("--who", default="", metavar="W", help="Those of one person or key: ada@example.com, key:ci, root, local.")
@click.option("--days", type=click.IntRange(1, 3650), metavar="N", help="Those of the last so many days.")
@click.option("--before", type=click.IntRange(1), metavar="SEQ", help="The page after the row of that number.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many rows.")
@as_json
@shared
def audit(door: Penstock, action: str, target: str, who: str, days: int | None, before: int | None, limit: int, as_json: bool) -> int:
    """Who changed what, newest first."""
    since = datetime.now(UTC) - timedelta(days=days) if days else None
    found = door.audit(action=action, target=target, who=who, since=since, before=before, limit=limit)
    if as_json:
        put_json([asdict(row) for row in found])
    elif found:
        table(["row", "at (UTC)", "who", "role", "by way of", "action", "target", "before", "after"],
              [(r.seq, _time(r.at), r.who, r.role, r.via, r.action, r.target, _told(r.before), _told(r.after)) for r in found])
    else:
        say("No changes.")
    return 0


def _told(value: Any) -> str:
    return "" if value is None else ", ".join(f"{k} {v}" for k, v in value.items() if v not in (None, {})) if isinstance(value, dict) \
        else str(value)


def _time(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


def _over(revoked: datetime | None, expires: datetime | None) -> str:
    if revoked is not None:
        return f"revoked {_time(revoked)}"
    if expires is None:
        return ""
    return f"over since {_time(expires)}" if expires <= datetime.now(UTC) else _time(expires)
