"""Ends of work that cannot be interrupted from inside: it is left alone, or its peer is told to stop until it has."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from flows.engines.base import Cancel
from flows.errors import Cancelled

T = TypeVar("T")
AGAIN_SECONDS = 0.2  # between two times that a peer is told to stop
LAST_SECONDS = 1.0  # how long the end of the work waits for a stop that is on its way


def unless(cancel: Cancel, work: Callable[[], T], late: Callable[[T], object] = lambda made: None) -> T:
    """Do it in a thread of its own and give what it gives; meant for a call that no handle can end, like connecting.

    Raises what `work` raises, and Cancelled as soon as the switch is thrown: what comes after that goes to `late`, which closes it.
    """
    cancel.check()
    pool, ended = ThreadPoolExecutor(1, thread_name_prefix="aside"), threading.Event()
    done = pool.submit(work)
    pool.shutdown(wait=False)
    done.add_done_callback(lambda _: ended.set())
    off = cancel.on(ended.set)
    try:
        ended.wait()
    finally:
        off()
    if done.done():
        return done.result()
    done.add_done_callback(lambda future: None if future.exception() else late(future.result()))
    raise Cancelled(cancel.reason or "cancelled")


@contextmanager
def stopped(cancel: Cancel, stop: Callable[[], object]) -> Iterator[None]:
    """From the moment the switch is thrown until the block has ended, call `stop` again and again from a thread of its own: a statement
    that begins after the first call is stopped too, and a peer that does not answer holds nobody else up."""
    over = threading.Event()
    running: list[threading.Thread] = []

    def keep_on() -> None:
        while not over.is_set():
            stop()
            over.wait(AGAIN_SECONDS)

    def begin() -> None:
        thread = threading.Thread(target=keep_on, daemon=True, name="stop")
        running.append(thread)
        thread.start()

    off = cancel.on(begin)
    try:
        yield
    finally:
        off()
        over.set()
        for thread in running:
            thread.join(LAST_SECONDS)  # it uses what the block closes next
