"""How far a long step is: asked of its warehouse every few seconds, told to the run book, and said in the log."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from flows.errors import PenstockError

if TYPE_CHECKING:
    from flows.warehouse.base import Progress, Warehouse

EVERY = 2.0  # seconds; what ends sooner says nothing
LINE_EVERY = 3  # of what is told the log has each third: six seconds

Told = Callable[["Progress"], object]


class Watch:
    """Tells what is new of one step. `beat` is called now and then, from any one thread."""

    def __init__(self, ask: Callable[[], Progress | None], log: logging.Logger, told: Told | None = None) -> None:
        self.ask, self.log, self.told = ask, log, told
        self.last: Progress | None = None
        self.news = 0

    def beat(self) -> None:
        seen = self.ask()
        if seen is None or seen == self.last:
            return
        self.last = seen
        if self.told:
            with suppress(PenstockError):  # the store is busy: the next word comes soon, and no step fails for this one
                self.told(seen)
        if self.news % LINE_EVERY == 0:
            self.log.info("%s: %s", seen.doing or "working", seen.words)
        self.news += 1


@contextmanager
def telling(warehouse: Warehouse, log: logging.Logger, told: Told | None = None, every: float = EVERY) -> Iterator[None]:
    """While the block works, tell how far the warehouse's running statement is, where the warehouse knows."""
    ask = getattr(warehouse, "progress", None)
    if ask is None:
        yield
        return
    ended, watch = threading.Event(), Watch(ask, log, told)

    def keep_asking() -> None:
        while not ended.wait(every):
            watch.beat()

    thread = threading.Thread(target=keep_asking, daemon=True, name="progress")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
