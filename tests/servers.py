"""What servers of the tests' own need: a port, and an end."""

from __future__ import annotations

import ctypes
import signal
import socket

_libc = ctypes.CDLL(None)  # before the fork: loading is not safe after it


def die_with_parent() -> None:
    """Between fork and exec: the server ends when the test process does, however that ends."""
    _libc.prctl(1, signal.SIGQUIT)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
