"""Who may do what: tenants, API keys, members, limits, and the audit log."""

from __future__ import annotations

import builtins
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flows.access import KEY, PERSON, ROLES, needs
from flows.errors import ForbiddenError, InputError
from flows.service.door import Door
from flows.settings import check_tenant

if TYPE_CHECKING:
    from flows.store.audit import AuditRow
    from flows.store.keys import Key
    from flows.store.tenants import Member, Tenant

NAME_CHARS = 80
PERSON_CHARS = 254
ADDRESS = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class Usage:
    """What a tenant uses: runs and bytes of BigQuery since midnight UTC, runs at work and waiting now."""

    runs_today: int
    runs_at_work: int
    runs_waiting: int
    bytes_today: int


class Access(Door):
    """For admins of a tenant, and with the root key for all tenants."""

    # ---- keys

    @needs("admin", "see the keys")
    def keys(self) -> builtins.list[Key]:
        """The tenant's keys, newest first, also those that open nothing any more; never what opens."""
        return self.store.keys.list(self.tenant)

    @needs("admin", "make keys")
    def create_key(self, name: str, role: str, *, expires_at: datetime | None = None) -> tuple[Key, str]:
        """A new key of this tenant, and its text, which is kept nowhere and never shown again.

        `role`: viewer | editor | operator | admin; `expires_at` is a time with a zone, None for never. Raises InputError.
        """
        words = _words(name, "name")
        _role(role)
        if expires_at is not None and expires_at.tzinfo is None:
            raise InputError("the time has no zone", where="expires_at", fix="Give it one, for instance UTC")
        if expires_at is not None and expires_at <= datetime.now(UTC):
            raise InputError(f"{expires_at:%Y-%m-%d %H:%M} UTC is over", where="expires_at", fix="Give a time to come, or none")
        with self._change("key.create") as note:
            self.store.tenants.ensure(self.tenant, author=self.identity.who)
            key, text = self.store.keys.create(self.tenant, words, role, author=self.identity.who, expires_at=expires_at)
            note.target, note.after = key.key_id, {"name": key.name, "role": key.role, "expires_at": key.expires_at}
        return key, text

    @needs("admin", "revoke keys")
    def revoke_key(self, key_id: str) -> Key:
        """It opens nothing from now on, wherever it is in use. One that was revoked before stays as it is. Raises MissingError."""
        before = self.store.keys.get(self.tenant, key_id)
        if before.revoked_at is not None:
            return before
        with self._change("key.revoke", key_id, before={"name": before.name, "role": before.role}):
            return self.store.keys.revoke(self.tenant, key_id)

    # ---- members

    @needs("admin", "see the members")
    def members(self) -> builtins.list[Member]:
        """The people who are let in when they sign in, by address."""
        return self.store.tenants.members(self.tenant)

    @needs("admin", "let people in")
    def set_member(self, person: str, role: str) -> Member:
        """Let a person in, or give one who is in another role. `person` is an e-mail address. Raises InputError."""
        address = person.strip().lower()
        if not ADDRESS.fullmatch(address) or len(address) > PERSON_CHARS:
            raise InputError(f"{person!r} is no e-mail address", where="person", fix="Write it like ada@example.com")
        _role(role)
        with self._change("member.set", address, after={"role": role}) as note:
            self.store.tenants.ensure(self.tenant, author=self.identity.who)
            note.before = next(({"role": m.role} for m in self.store.tenants.of(address) if m.tenant_id == self.tenant), None)
            return self.store.tenants.set_member(self.tenant, address, role, author=self.identity.who)

    @needs("admin", "remove members")
    def remove_member(self, person: str) -> None:
        """The person is let in no more, also where they are signed in now. Raises MissingError."""
        address = person.strip().lower()
        with self._change("member.remove", address) as note:
            note.before = next(({"role": m.role} for m in self.store.tenants.of(address) if m.tenant_id == self.tenant), None)
            self.store.tenants.remove_member(self.tenant, address)

    # ---- tenants

    @needs("viewer")
    def tenants(self) -> builtins.list[Tenant]:
        """Those that whoever asks may see: all with the root key and in local mode, a person's own ones, of a key its own alone."""
        found, who = self.store.tenants.list(), self.identity
        if who.kind == KEY:
            return [tenant for tenant in found if tenant.tenant_id == self.tenant]
        if who.kind == PERSON:
            mine = {self.tenant, *(member.tenant_id for member in self.store.tenants.of(who.who))}
            return [tenant for tenant in found if tenant.tenant_id in mine]
        return found

    @needs("admin", "make tenants")
    def create_tenant(self, tenant_id: str, name: str = "") -> Tenant:
        """For the root key, and in local mode: a tenant that keys and members can be made for. Its log has the row.

        Raises ForbiddenError for others, InputError for an id that is none or is taken.
        """
        from flows.store.audit import Note

        asked = self.identity
        if asked.kind in (KEY, PERSON):  # before anything is looked up: who is no root learns nothing of other tenants
            raise ForbiddenError("only the root key makes tenants", fix="Ask whoever runs Penstock")
        check_tenant(tenant_id)
        words = _words(name or tenant_id, "name")
        with self.store.change(tenant_id, Note("tenant.create", tenant_id, after={"name": words}), who=asked.who, role=asked.role,
                               via=self.via):
            return self.store.tenants.create(tenant_id, words, author=asked.who)

    # ---- limits

    @needs("viewer")
    def limits(self) -> dict[str, int | None]:
        """What this tenant may use: runs_per_day, runs_at_once, runs_waiting, bytes_per_day of BigQuery; None is no limit."""
        return asdict(self.store.limits.get(self.tenant))

    @needs("admin", "change limits")
    def set_limits(self, **changes: int | None) -> dict[str, int | None]:
        """Change the limits that are named; None takes one away. For whoever runs Penstock: no pipeline can. Raises InputError."""
        with self._change("limits.set", self.tenant, after=changes) as note:
            now = asdict(self.store.limits.get(self.tenant))
            note.before = {kind: now[kind] for kind in changes if kind in now}
            return asdict(self.store.limits.set(self.tenant, changes))

    @needs("viewer")
    def usage(self) -> Usage:
        """What is used of the limits now, counted as they count it."""
        return Usage(**self.store.limits.used(self.tenant))

    # ---- the log

    @needs("admin", "read the audit log")
    def audit(self, *, action: str = "", target: str = "", who: str = "", since: datetime | None = None, before: int | None = None,
              limit: int = 100) -> builtins.list[AuditRow]:
        """Who changed what, newest first. An empty filter filters nothing; an action that ends with '.' is all of its kind (`key.`);
        `before` is the `seq` of the last row of the page before. At most 1,000 rows. Raises InputError for a time without a zone."""
        if since is not None and since.tzinfo is None:
            raise InputError("the time has no zone", where="since", fix="Give it one, for instance UTC")
        return self.store.audit.find(self.tenant, action=action, target=target, who=who, since=since, before=before, limit=limit)


def _role(role: Any) -> None:
    if role not in ROLES:
        raise InputError(f"there is no role {role!r}", where="role", fix=f"Use {', '.join(ROLES)}")


def _words(text: str, where: str) -> str:
    """A name that people read: one line, not empty, not long."""
    words = " ".join(text.split())
    if not words or len(words) > NAME_CHARS or not words.isprintable():
        raise InputError(f"a name has 1 to {NAME_CHARS} characters that can be printed", where=where)
    return words
