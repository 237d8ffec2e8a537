"""Writes what the steps of one run say of themselves: all that waits goes into one transaction, in the order it was said."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from flows.errors import PenstockError, TransientError, UnreachableError

GAP = 0.005  # seconds between the beginnings of two transactions: each has its price, whatever it holds
Changes = Mapping[str, Mapping[str, Any]]
"""Step -> what is new of it."""


@dataclass(frozen=True)
class Word:
    """What is new of one step; `kept` ends when it is in the store."""

    step_id: str
    fields: Mapping[str, Any]
    kept: Future[bool] = field(default_factory=Future)


class Scribe:
    """`write` puts the changes of many steps into the store in one transaction, or none of them; it says whether the run was open.

    While one transaction is on its way and for a few milliseconds after it, what is said gathers for the next. Safe to use from many
    threads.
    """

    def __init__(self, write: Callable[[Changes], bool]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._waiting: list[Word] = []
        self._closed = threading.Event()
        self._last = 0.0  # when a transaction began
        self._pen = ThreadPoolExecutor(1, thread_name_prefix="scribe")

    def put(self, step_id: str, **fields: Any) -> Future[bool]:
        """Say what is new of a step and go on. The future ends when that is durable: True, False when the run is final already, or
        with the error of this one change. What comes after `close` is too late: False."""
        word = Word(step_id, fields)
        with self._lock:
            if self._closed.is_set():
                return settled(False)
            word.kept.set_running_or_notify_cancel()  # who no longer waits for it takes nothing back
            self._waiting.append(word)
            if len(self._waiting) == 1:
                batch = self._waiting
                self._pen.submit(self._next).add_done_callback(partial(_tell, batch))
        return word.kept

    def close(self) -> None:
        """Wait until all that was said is written. Again does nothing."""
        with self._lock:
            self._closed.set()
        self._pen.shutdown()

    def _next(self) -> None:
        self._closed.wait(self._last + GAP - time.monotonic())
        self._last = time.monotonic()
        with self._lock:
            batch, self._waiting = self._waiting, []
        self._keep(batch)

    def _keep(self, batch: list[Word]) -> None:
        """Write a batch. When the store refuses it, each word alone: one that is wrong takes no other with it."""
        changes: dict[str, dict[str, Any]] = {}
        for word in batch:
            changes.setdefault(word.step_id, {}).update(word.fields)
        try:
            kept = self._write(changes)
        except (PenstockError, SQLAlchemyError) as error:
            if len(batch) == 1 or isinstance(error, (TransientError, UnreachableError)):  # a store that is away is away for all
                for word in batch:
                    word.kept.set_exception(error)
                return
            for word in batch:
                self._keep([word])
            return
        for word in batch:
            word.kept.set_result(kept)


def _tell(batch: list[Word], job: Future[None]) -> None:
    """An error that nobody has foreseen reaches whoever waits, too."""
    error = job.exception()
    for word in batch:
        if error is not None and not word.kept.done():
            word.kept.set_exception(error)


def settled(kept: bool) -> Future[bool]:
    """A future that has ended."""
    future: Future[bool] = Future()
    future.set_result(kept)
    return future
