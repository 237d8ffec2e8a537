"""Conversations, kept so that a reload, another tab or a restart finds them again."""

from __future__ import annotations

import builtins
from typing import Any

from sqlalchemy import delete, select

from flows.errors import InputError, MissingError
from flows.store.database import Database
from flows.store.rows import Chat
from flows.store.schema import chats

KEEP = 200
"""Conversations that are kept for a tenant; the one that was not touched for longest goes first."""


class Chats:
    """Conversations by tenant and id; what one tenant said does not exist for another."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, tenant: str, chat_id: str, title: str, body: dict[str, Any], *, keep: int = KEEP) -> None:
        """Write the whole conversation over what was kept of it before. Raises InputError for an id that is no id."""
        if not 0 < len(chat_id) <= 63:
            raise InputError("a chat's id has 1 to 63 characters", where="chat_id")
        now = self._database.now()
        mine = {"tenant_id": tenant, "chat_id": chat_id}
        values = {"title": title, "body": body, "updated_at": now}
        newest = select(chats.c.chat_id).where(chats.c.tenant_id == tenant).order_by(chats.c.updated_at.desc(), chats.c.chat_id).limit(keep)
        with self._database.write() as connection:
            connection.execute(self._database.insert(chats).values(**mine, **values, created_at=now)
                               .on_conflict_do_update(index_elements=list(mine), set_=values))
            kept = connection.execute(newest).scalars().all()
            if len(kept) == keep:
                connection.execute(delete(chats).where(chats.c.tenant_id == tenant, chats.c.chat_id.not_in(kept)))

    def get(self, tenant: str, chat_id: str) -> Chat:
        """Raises MissingError, with the same words for a conversation of another tenant."""
        asked = select(chats).where(chats.c.tenant_id == tenant, chats.c.chat_id == chat_id)
        with self._database.read() as connection:
            row = connection.execute(asked).one_or_none()
        if row is None:
            raise MissingError("there is no such chat", fix="Start a new one")
        return Chat(**row._mapping)

    def list(self, tenant: str, limit: int = 20) -> builtins.list[Chat]:
        """The newest first, without their bodies."""
        columns = [c for c in chats.c if c.name != "body"]
        asked = select(*columns).where(chats.c.tenant_id == tenant).order_by(chats.c.updated_at.desc(), chats.c.chat_id).limit(limit)
        with self._database.read() as connection:
            return [Chat(**row._mapping) for row in connection.execute(asked)]
