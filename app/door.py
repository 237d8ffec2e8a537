"""The one service of this process, the person before the screen, and the conversations that it holds."""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app import session
from app.talk.talks import Shelf, Talks
from flows.errors import UnauthorizedError
from flows.service import Identity, Penstock, signin
from flows.service.chats import author_of

DOOR = "session_door"


@st.cache_resource(show_spinner=False)
def base() -> Penstock:
    """Penstock with the settings of the environment; opened once, used by all sessions and threads. It is the person at this machine,
    and nobody where people have to sign in: whoever asks acts through it, `base().acting(identity)`."""
    return signin.serving()


@st.cache_resource(show_spinner=False)
def process() -> Penstock:
    """Penstock for what this process does by itself, whoever signs in."""
    return signin.process(base())


def service() -> Penstock:
    """Penstock for the person whose session this is, in the tenant that they are in; also for threads that work for them.

    Who they are is judged at each call of it. When that has ended the page is drawn anew, with the sign-in. Raises UnauthorizedError.
    """
    if get_script_run_ctx(suppress_warning=True) is None:  # no session: the person at this machine
        return base().acting(signin.judge(base(), tenant=base().tenant))
    try:
        return entered()
    except UnauthorizedError:
        if DOOR in st.session_state:  # it was somebody's until now
            del st.session_state[DOOR]
            st.rerun()  # a callback goes on behind it
        raise


def entered() -> Penstock:
    """`service()` for the sign-in itself. Raises UnauthorizedError."""
    who = session.person(base())
    where = session.tenant(base(), who)
    held: tuple[session.Person, str, Penstock] | None = st.session_state.get(DOOR)
    if held is None or held[:2] != (who, where) or held[2].store is not base().store:
        judge = signin.judge(base(), key=who.key, address=who.address, tenant=where)
        held = st.session_state[DOOR] = (who, where, base().acting(judge))
    held[2].identity  # noqa: B018  (judged now)
    return held[2]


@st.cache_resource(show_spinner=False)
def shelf() -> Shelf:
    """The conversations that are in memory, and the threads that work on them."""
    return Shelf()


def talks() -> Talks:
    """The conversations of the person whose session this is, in their tenant."""
    own = service()
    asked = own.identity
    return Talks(own, shelf=shelf(), owner=(asked.tenant_id, author_of(asked)))


def health() -> dict[str, Any]:
    """What the service says about its parts, for everybody: nothing of any tenant. PenstockError when the control store does not answer."""
    seen = process().health(reader=_reader())
    return {"runner": seen["runner"], "words": seen["words"], "parts": [part for part in seen["parts"] if not part["run_id"]]}


def _reader() -> Identity | None:
    """Who looks, when they are in; the banner looks all the time, and is not what tells somebody that they are out."""
    held: tuple[session.Person, str, Penstock] | None = st.session_state.get(DOOR)
    try:
        return held[2].identity if held is not None else None
    except UnauthorizedError:
        return None
