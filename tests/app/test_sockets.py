"""What listens, answers at once."""

from __future__ import annotations

import socket

from app.sockets import answer_at_once


def test_what_is_accepted_answers_at_once():
    with socket.socket(socket.AF_INET) as listening, socket.socket(socket.AF_UNIX) as other:  # as Streamlit opens it: no protocol is named
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        answer_at_once()
        with socket.create_connection(listening.getsockname()) as asking:
            accepted, _ = listening.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                asking.sendall(b"?")
                assert accepted.recv(1) == b"?"  # the sockets are still open
        assert other.fileno() > 0
