"""The bytes that one run may be billed, shared by all of its sessions."""

from __future__ import annotations

import threading
from collections.abc import Callable

from flows.errors import LimitError


class Allowance:
    """Bytes are taken before a job runs, by what its dry run says, and settled by what it was billed. Safe for steps side by side.

    `claim` is told how many bytes the run needs in all before it takes more than ever before; it raises LimitError where others have
    them already.
    """

    def __init__(self, most: int, claim: Callable[[int], None] | None = None) -> None:
        self.most, self._left, self._lock = most, most, threading.Lock()
        self._claim, self._claimed = claim, 0

    @property
    def left(self) -> int:
        with self._lock:
            return max(0, self._left)

    def take(self, count: int) -> None:
        """Set bytes aside. Raises LimitError when there are not so many left, and takes none then."""
        with self._lock:
            if count > self._left:
                raise LimitError(f"the statement would read {count:,} bytes, {max(0, self._left):,} of the run's {self.most:,} are left",
                                 fix="Filter by the partition column, read fewer columns, or raise budget.bytes_per_run")
            needed = self.most - self._left + count
            if self._claim is not None and needed > self._claimed:
                self._claim(needed)
                self._claimed = needed
            self._left -= count

    def settle(self, taken: int, billed: int) -> None:
        """What was set aside comes back, what was billed goes."""
        with self._lock:
            self._left += taken - billed
