"""How far a long step is, said in its log every few seconds while it works."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flows.warehouse.base import Warehouse

EVERY = 5.0  # seconds; what ends sooner says nothing


@contextmanager
def telling(warehouse: Warehouse, log: logging.Logger, every: float = EVERY) -> Iterator[None]:
    """While the block works, log what the warehouse says of its running statement, when that is something new."""
    tell = getattr(warehouse, "progress", None)  # a warehouse may have no word of it
    if tell is None:
        yield
        return
    ended = threading.Event()

    def watch() -> None:
        last = ""
        while not ended.wait(every):
            said = tell()
            if said and said != last:
                log.info(said)
                last = said

    thread = threading.Thread(target=watch, daemon=True, name="progress")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
