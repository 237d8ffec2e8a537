"""The conversations of this process: in memory while they are used, in the control store always, with the threads that work on them."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from weakref import WeakValueDictionary

from app.talk.talk import Talk
from app.talk.turn import State, from_data
from flows.errors import MissingError

IN_MEMORY = 50  # the others are read from the store when they are asked for
THREADS = 4


class Shelf:
    """What all conversations of a process share: the threads, and the one object of each."""

    def __init__(self, threads: int = THREADS) -> None:
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="talk")
        self._lock = threading.Lock()
        self._lately: OrderedDict[tuple[str, ...], Talk] = OrderedDict()
        # also those that only a page or a job still holds: two objects of one conversation would write over each other
        self._held: WeakValueDictionary[tuple[str, ...], Talk] = WeakValueDictionary()

    def held(self, place: tuple[str, ...]) -> Talk | None:
        with self._lock:
            return self._held.get(place)

    def add(self, place: tuple[str, ...], talk: Talk) -> Talk:
        """The one object of this conversation, used just now; the one that was not used for longest is let go."""
        with self._lock:
            here = self._held.setdefault(place, talk)
            self._lately[place] = here
            self._lately.move_to_end(place)
            if len(self._lately) > IN_MEMORY:
                self._lately.popitem(last=False)
        return here


class Talks:
    """All conversations of one person in one tenant (`owner`), on their own service; many sessions may hold it."""

    def __init__(self, service: Any, *, threads: int = THREADS, shelf: Shelf | None = None, owner: tuple[str, ...] = ()) -> None:
        self._service, self._owner = service, owner
        self._shelf = shelf or Shelf(threads)

    def new(self) -> Talk:
        """An empty conversation with an id that cannot be guessed; it is kept from its first turn on."""
        return self._add(Talk(self._service, self._shelf.pool, State(secrets.token_urlsafe(16))))

    def get(self, chat_id: str) -> Talk | None:
        """The conversation of that id: from memory, else from the store; None when this person has none."""
        talk = self._shelf.held((*self._owner, chat_id))
        if talk is not None:
            return self._add(talk)
        try:
            kept = self._service.chat(chat_id)
        except MissingError:
            return None
        made = Talk(self._service, self._shelf.pool, from_data(kept.chat_id, kept.title, kept.body, self._service.recall))
        found = self._add(made)
        if found is made:
            found.revive()
        return found

    def recent(self, limit: int = 8) -> list[Any]:
        """The newest conversations: `chat_id`, `title`, `updated_at`."""
        return list(self._service.chats(limit))

    def close(self) -> None:
        """Let the threads end; what they do is finished first."""
        self._shelf.pool.shutdown()

    def _add(self, talk: Talk) -> Talk:
        return self._shelf.add((*self._owner, talk.chat_id), talk)
