"""What the runner does besides runs: small regular work, each kind in a thread of its own, so that a slow peer holds up nothing else."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.errors import PenstockError
from flows.run import deploy, messages, mirror

if TYPE_CHECKING:
    from flows.settings import Settings
    from flows.store import Store

log = logging.getLogger("penstock.runner")

HOUR = 3600.0  # seconds
Work = Callable[["Settings", "Store"], None]


@dataclass(frozen=True)
class Chore:
    """`work` is done every so many seconds, and once more when the runner stops; a PenstockError of it is logged and it is tried again.
    `left` says whether there is still something that a `penstock run` without `penstock up` must not leave undone."""

    name: str
    every: float
    work: Work
    left: Callable[[Store], bool] = lambda store: False


def _forget(settings: Settings, store: Store) -> None:
    """Answers that were kept for an Idempotency-Key last a day."""
    store.requests.forget()


CHORES: tuple[Chore, ...] = (Chore("run book", mirror.EVERY, mirror.work, mirror.left),
                             Chore("messages", messages.EVERY, messages.work, messages.left),
                             Chore("deployments", deploy.EVERY, deploy.work),
                             Chore("deployments in Prefect", deploy.LOOK, deploy.look),
                             Chore("old answers", HOUR, _forget))
"""All of them. One more kind of regular work is one more line."""


class Chores:
    """The threads of one runner."""

    def __init__(self, settings: Settings, store: Store, stopping: threading.Event, chores: tuple[Chore, ...] = CHORES) -> None:
        self.settings, self.store, self.stopping, self.chores = settings, store, stopping, chores
        self.threads: dict[str, threading.Thread] = {}

    def keep(self) -> None:
        """Start those that do not run; called again and again, because an error of ours must not end one for good."""
        for chore in self.chores:
            thread = self.threads.get(chore.name)
            if (thread is None or not thread.is_alive()) and not self.stopping.is_set():
                self.threads[chore.name] = threading.Thread(target=self._turns, args=(chore,), name=chore.name, daemon=True)
                self.threads[chore.name].start()

    def last(self, seconds: float) -> None:
        """After `stopping`: wait for each one's last turn, all together at most so long."""
        for thread in self.threads.values():
            thread.join(seconds / max(1, len(self.threads)))

    def _turns(self, chore: Chore) -> None:
        over = False
        while not over:
            over = self.stopping.wait(chore.every)
            try:
                chore.work(self.settings, self.store)
            except PenstockError as error:
                log.warning("%s: %s", chore.name, error)


def anything_left(store: Store) -> bool:
    """Whether a chore has work that must be done before the runner may go."""
    return any(chore.left(store) for chore in CHORES)
