"""API keys: what opens is kept as its SHA-256 only. A random key of 256 bits needs no slow hash."""

from __future__ import annotations

import builtins
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, insert, or_, select, update

from flows.errors import MissingError
from flows.store.database import Database
from flows.store.tables import guard, keys

MARK = "pk_"
USED_SECONDS = 60.0  # the time of last use is this exact
_ROOT = 1


@dataclass(frozen=True)
class Key:
    """A key without what opens. `prefix` is how it begins; a key that is over or revoked opens nothing."""

    key_id: str
    tenant_id: str
    prefix: str
    name: str
    role: str
    author: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None


_COLUMNS = [c for c in keys.c if c.name in Key.__dataclass_fields__]


class Keys:
    """What people ask takes the tenant; `whose` knows all, since the key itself says whose it is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, tenant: str, name: str, role: str, *, author: str = "", expires_at: datetime | None = None) -> tuple[Key, str]:
        """The new key's row and the key itself, which is never seen again."""
        text = MARK + secrets.token_urlsafe(32)
        values = {"key_id": f"key-{secrets.token_hex(6)}", "tenant_id": tenant, "digest": digest(text), "prefix": text[:11], "name": name,
                  "role": role, "author": author, "created_at": self._database.now(), "expires_at": expires_at}
        with self._database.write() as connection:
            return _key(connection.execute(insert(keys).values(values).returning(*_COLUMNS)).one()), text

    def whose(self, text: str) -> Key | None:
        """The key that this text is, if it opens; notes that it was used."""
        which = and_(keys.c.digest == digest(text), keys.c.revoked_at.is_(None), self._lasts())
        stale = or_(keys.c.used_at.is_(None), keys.c.used_at < self._database.now(-USED_SECONDS))
        with self._database.read() as connection:  # asked at every call: one question, not two
            row = connection.execute(select(*_COLUMNS, stale.label("stale")).where(which)).one_or_none()
        if row is None:
            return None
        if row.stale:
            with self._database.write() as connection:
                connection.execute(update(keys).where(which).values(used_at=self._database.now()))
        return _key(row)

    def list(self, tenant: str) -> builtins.list[Key]:
        """Newest first, those that open nothing any more too."""
        asked = select(*_COLUMNS).where(keys.c.tenant_id == tenant).order_by(keys.c.created_at.desc(), keys.c.key_id)
        with self._database.read() as connection:
            return [_key(row) for row in connection.execute(asked)]

    def get(self, tenant: str, key_id: str) -> Key:
        """Raises MissingError."""
        with self._database.read() as connection:
            row = connection.execute(select(*_COLUMNS).where(keys.c.tenant_id == tenant, keys.c.key_id == key_id)).one_or_none()
        if row is None:
            raise MissingError(f"there is no key {key_id!r}", fix="See them: penstock keys list")
        return _key(row)

    def revoke(self, tenant: str, key_id: str) -> Key:
        """It opens nothing from now on; one that was revoked already stays as it is. Raises MissingError."""
        mine = (keys.c.tenant_id == tenant, keys.c.key_id == key_id, keys.c.revoked_at.is_(None))
        with self._database.write() as connection:
            connection.execute(update(keys).where(*mine).values(revoked_at=self._database.now()))
        return self.get(tenant, key_id)

    # ---- the root key

    def guarded(self) -> bool:
        """Whether a root key was ever in use: then nobody is let in without a key."""
        with self._database.read() as connection:
            return connection.execute(select(guard.c.guard_id)).first() is not None

    def set_root(self, text: str) -> None:
        """Note the root key that Penstock is served with."""
        values = {"root_digest": digest(text), "updated_at": self._database.now()}
        with self._database.write() as connection:
            made = self._database.insert(guard).values(guard_id=_ROOT, **values)
            connection.execute(made.on_conflict_do_update(index_elements=["guard_id"], set_=values))

    def is_root(self, text: str) -> bool:
        with self._database.read() as connection:
            found = connection.execute(select(guard.c.root_digest)).scalar_one_or_none()
        return found is not None and secrets.compare_digest(found, digest(text))

    def _lasts(self) -> ColumnElement[bool]:
        return or_(keys.c.expires_at.is_(None), keys.c.expires_at > self._database.now())


def digest(text: str) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _key(row: Row[Any]) -> Key:
    return Key(**{column.name: row._mapping[column] for column in _COLUMNS})
