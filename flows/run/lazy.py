"""A warehouse session that is opened when its step first asks for something: a step that only waits or writes a mail has none."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flows.warehouse.base import Spent

if TYPE_CHECKING:
    from flows.warehouse.base import Warehouse


class Lazy:
    """Stands in the place of the session that `opening` gives; for the threads of one step to share."""

    def __init__(self, opening: Callable[[], Warehouse]) -> None:
        self._opening, self._lock = opening, threading.Lock()
        self._opened: Warehouse | None = None

    def __getattr__(self, name: str) -> Any:
        if self._opened is None:
            with self._lock:
                if self._opened is None:
                    self._opened = self._opening()
        return getattr(self._opened, name)

    def spent(self) -> Spent:
        """What was not opened has cost nothing."""
        return Spent() if self._opened is None else self._opened.spent()
