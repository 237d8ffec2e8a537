"""The conversations of this process: in memory while they are used, in the control store always, with the threads that work on them."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from app.talk.talk import Talk
from app.talk.turn import State, from_data
from flows.errors import MissingError

IN_MEMORY = 200
THREADS = 4


class Talks:
    """All conversations of one tenant; one instance serves all sessions."""

    def __init__(self, service: Any, *, threads: int = THREADS) -> None:
        self._service = service
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="talk")
        self._lock = threading.Lock()
        self._talks: OrderedDict[str, Talk] = OrderedDict()

    def new(self) -> Talk:
        """An empty conversation with an id that cannot be guessed; it is kept from its first turn on."""
        return self._add(Talk(self._service, self._pool, State(secrets.token_urlsafe(16))))

    def get(self, chat_id: str) -> Talk | None:
        """The conversation of that id: from memory, else from the store; None when there is none."""
        with self._lock:
            talk = self._talks.get(chat_id)
            if talk is not None:
                self._talks.move_to_end(chat_id)
                return talk
        try:
            kept = self._service.chat(chat_id)
        except MissingError:
            return None
        found = self._add(Talk(self._service, self._pool, from_data(kept.chat_id, kept.title, kept.body, self._service.recall)))
        found.revive(kept.body)
        return found

    def recent(self, limit: int = 8) -> list[Any]:
        """The newest conversations: `chat_id`, `title`, `updated_at`."""
        return list(self._service.chats(limit))

    def close(self) -> None:
        """Let the threads end; what they do is finished first."""
        self._pool.shutdown()

    def _add(self, talk: Talk) -> Talk:
        """Keep it in memory; the one that was not used for longest goes, unless it works."""
        with self._lock:
            here = self._talks.setdefault(talk.chat_id, talk)
            for old in [key for key, each in self._talks.items() if not each.snapshot().working and each is not here]:
                if len(self._talks) <= IN_MEMORY:
                    break
                del self._talks[old]
        return here
