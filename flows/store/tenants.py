"""Tenants, and the people who are members of them."""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select

from flows.errors import InputError, MissingError
from flows.store.database import Database
from flows.store.tables import members, tenants


@dataclass(frozen=True)
class Tenant:
    """`name` is for people; the id is a folder, a dataset's prefix and part of every row's key."""

    tenant_id: str
    name: str
    author: str
    created_at: datetime


@dataclass(frozen=True)
class Member:
    """`person` is an e-mail address in small letters, as an identity provider has verified it."""

    tenant_id: str
    person: str
    role: str
    author: str
    created_at: datetime


class Tenants:
    """For the root key and for admins; who asks for what is judged upstairs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, tenant: str, name: str, *, author: str = "") -> Tenant:
        """Raises InputError when it is there already."""
        with self._database.write() as connection:
            made = self._database.insert(tenants).values(tenant_id=tenant, name=name, author=author, created_at=self._database.now())
            row = connection.execute(made.on_conflict_do_nothing().returning(*tenants.c)).one_or_none()
        if row is None:
            raise InputError(f"there is a tenant {tenant!r} already", where="tenant")
        return Tenant(**row._mapping)

    def ensure(self, tenant: str, *, author: str = "") -> None:
        """It is there afterwards, by its id for a name where it was not."""
        with self._database.write() as connection:
            connection.execute(self._database.insert(tenants).values(
                tenant_id=tenant, name=tenant, author=author, created_at=self._database.now()).on_conflict_do_nothing())

    def list(self) -> builtins.list[Tenant]:
        """All, by id."""
        with self._database.read() as connection:
            return [Tenant(**row._mapping) for row in connection.execute(select(tenants).order_by(tenants.c.tenant_id))]

    def get(self, tenant: str) -> Tenant | None:
        with self._database.read() as connection:
            row = connection.execute(select(tenants).where(tenants.c.tenant_id == tenant)).one_or_none()
        return None if row is None else Tenant(**row._mapping)

    # ---- members

    def members(self, tenant: str) -> builtins.list[Member]:
        """By address."""
        asked = select(members).where(members.c.tenant_id == tenant).order_by(members.c.person)
        with self._database.read() as connection:
            return [Member(**row._mapping) for row in connection.execute(asked)]

    def of(self, person: str) -> builtins.list[Member]:
        """Everything that this person is a member of, by tenant."""
        asked = select(members).where(members.c.person == person.lower()).order_by(members.c.tenant_id)
        with self._database.read() as connection:
            return [Member(**row._mapping) for row in connection.execute(asked)]

    def set_member(self, tenant: str, person: str, role: str, *, author: str = "") -> Member:
        """A new member, or another role for one that is there."""
        mine = (members.c.tenant_id == tenant, members.c.person == person.lower())
        with self._database.write() as connection:
            connection.execute(delete(members).where(*mine))
            row = connection.execute(insert(members).values(tenant_id=tenant, person=person.lower(), role=role, author=author,
                                                            created_at=self._database.now()).returning(*members.c)).one()
        return Member(**row._mapping)

    def remove_member(self, tenant: str, person: str) -> None:
        """Raises MissingError."""
        with self._database.write() as connection:
            gone = connection.execute(delete(members).where(members.c.tenant_id == tenant, members.c.person == person.lower())
                                      .returning(members.c.person)).one_or_none()
        if gone is None:
            raise MissingError(f"{person!r} is no member of {tenant!r}", fix="See them: penstock members list")
