"""One thread that wakes for the deadlines of all steps: a thread for each would cost more than a short step does."""

from __future__ import annotations

import heapq
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

LONGEST = 3600.0  # seconds of one sleep
FEW = 64  # bells that were taken back and may stay in the list


@dataclass
class Bell:
    """What is called when it is time; None when it was taken back."""

    call: Callable[[], None] | None


class Alarm:
    """Calls at a time, each call in a thread of its own. For threads to share."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Bell]] = []
        self._numbers, self._dead = count(), 0
        self._thread: threading.Thread | None = None

    def ring(self, seconds: float, call: Callable[[], None]) -> Callable[[], None]:
        """Call after so many seconds. Returns a function that takes it back."""
        bell = Bell(call)
        entry = (time.monotonic() + seconds, next(self._numbers), bell)
        with self._changed:
            heapq.heappush(self._due, entry)
            if self._thread is None:
                self._thread = threading.Thread(target=self._keep, daemon=True, name="alarm")
                self._thread.start()
            elif self._due[0] is entry:
                self._changed.notify()

        def off() -> None:
            with self._changed:
                if bell.call is not None:
                    bell.call = None
                    self._dead += 1
                    self._sweep()

        return off

    def _sweep(self) -> None:
        """Most steps end long before their deadline: what they leave behind goes by the half."""
        if self._dead > FEW and self._dead * 2 > len(self._due):
            self._due = [entry for entry in self._due if entry[2].call is not None]
            heapq.heapify(self._due)
            self._dead = 0

    def _keep(self) -> None:
        while True:
            with self._changed:
                wait = self._due[0][0] - time.monotonic() if self._due else LONGEST
                if wait > 0:
                    self._changed.wait(min(wait, LONGEST))
                    continue
                bell = heapq.heappop(self._due)[2]
                call, bell.call = bell.call, None
                if call is None:
                    self._dead -= 1
            if call is not None:
                threading.Thread(target=call, daemon=True, name="deadline").start()


ALARM = Alarm()


def _after_fork() -> None:
    """A forked child has none of its parent's threads."""
    ALARM.__init__()  # type: ignore[misc]


os.register_at_fork(after_in_child=_after_fork)
