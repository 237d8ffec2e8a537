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
"""Conversations that are kept for a person of a tenant; the one that was not touched for longest goes first."""
_COLUMNS = [c for c in chats.c if c.name != "author"]


class Chats:
    """Conversations by tenant, person (`author`, "" without sign-in) and id; what one said does not exist for another."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, tenant: str, chat_id: str, title: str, body: dict[str, Any], *, author: str = "", keep: int = KEEP) -> None:
        """Write the whole conversation over what was kept of it before. Raises InputError for an id that is no id, MissingError for
        the id of another person's."""
        if not 0 < len(chat_id) <= 63:
            raise InputError("a chat's id has 1 to 63 characters", where="chat_id")
        now = self._database.now()
        mine = {"tenant_id": tenant, "chat_id": chat_id}
        values = {"title": title, "body": body, "updated_at": now}
        own = (chats.c.tenant_id == tenant, chats.c.author == author)
        newest = select(chats.c.chat_id).where(*own).order_by(chats.c.updated_at.desc(), chats.c.chat_id).limit(keep)
        with self._database.write() as connection:
            made = self._database.insert(chats).values(**mine, **values, author=author, created_at=now)
            if connection.execute(made.on_conflict_do_update(index_elements=list(mine), set_=values, where=chats.c.author == author)
                                  .returning(chats.c.chat_id)).first() is None:
                raise _missing()
            kept = connection.execute(newest).scalars().all()
            if len(kept) == keep:
                connection.execute(delete(chats).where(*own, chats.c.chat_id.not_in(kept)))

    def get(self, tenant: str, chat_id: str, *, author: str = "") -> Chat:
        """Raises MissingError, with the same words for a conversation of another tenant or person."""
        asked = select(*_COLUMNS).where(chats.c.tenant_id == tenant, chats.c.author == author, chats.c.chat_id == chat_id)
        with self._database.read() as connection:
            row = connection.execute(asked).one_or_none()
        if row is None:
            raise _missing()
        return Chat(**row._mapping)

    def list(self, tenant: str, limit: int = 20, *, author: str = "") -> builtins.list[Chat]:
        """The newest first, without their bodies."""
        columns = [c for c in _COLUMNS if c.name != "body"]
        own = (chats.c.tenant_id == tenant, chats.c.author == author)
        asked = select(*columns).where(*own).order_by(chats.c.updated_at.desc(), chats.c.chat_id).limit(limit)
        with self._database.read() as connection:
            return [Chat(**row._mapping) for row in connection.execute(asked)]


def _missing() -> MissingError:
    return MissingError("there is no such chat", fix="Start a new one")
