"""The sockets that this process listens on."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

OPEN = Path("/dev/fd")  # of this process, on Linux and macOS


def answer_at_once() -> None:
    """Set TCP_NODELAY on every socket that listens; what it accepts has it too.

    An answer is written in two parts, head and body. Streamlit opens its socket without naming the protocol, and so asyncio leaves the
    option out: from the second request of a connection on the body would wait 40 ms for the peer's acknowledgement of the head.
    """
    for name in os.listdir(OPEN) if OPEN.is_dir() else ():
        with suppress(OSError):  # closed since it was listed
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                _set(int(name))


def _set(number: int) -> None:
    with socket.socket(fileno=os.dup(number)) as found:  # the option is the socket's, whatever number it is known by
        if found.type == socket.SOCK_STREAM and found.family in (socket.AF_INET, socket.AF_INET6) \
                and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
