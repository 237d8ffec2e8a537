"""A few quick tries at a peer that is busy or does not answer, for a step that sends something and is not tried again itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flows.engines.base import Cancel
from flows.errors import TransientError

T = TypeVar("T")
TRIES = 4
WAITS = (0.5, 1.0, 2.0)  # seconds before try 2, 3, 4, unless the peer names its own
LONGEST_WAIT = 60.0


class Busy(TransientError):
    """A peer that says: later. `wait` are the seconds it asks for, None when it does not say."""

    def __init__(self, what: str, *, where: str = "", fix: str = "", wait: float | None = None) -> None:
        super().__init__(what, where=where, fix=fix)
        self.wait = wait


def patiently(once: Callable[[], T], cancel: Cancel, *, retried: bool = False) -> T:
    """Do it, again after a TransientError, at most four times; a cancel ends the waiting. Raises what `once` raised last, Cancelled.

    `retried`: somebody else tries again after an error. Then only a peer that names the time is waited for here: two layers of tries
    would multiply.
    """
    for tries in range(1, TRIES + 1):
        cancel.check()
        try:
            return once()
        except TransientError as error:
            cancel.check()
            asked = error.wait if isinstance(error, Busy) else None
            if tries == TRIES or (asked is None and retried) or (asked or 0) > LONGEST_WAIT:
                raise
            cancel.wait(WAITS[tries - 1] if asked is None else asked)
    raise AssertionError("the last try gives an answer or raises")
