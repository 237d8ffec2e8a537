"""The page before all pages where people sign in, and the corner that says who they are, in which tenant, and lets them out."""

from __future__ import annotations

import streamlit as st

from app import session
from app.door import base, entered
from app.parts.escape import code, plain, unlinked
from flows.errors import UnauthorizedError
from flows.service import Penstock
from flows.service.signin import LOCAL, PERSON, of_key, way

GIVEN, TROUBLE, CHOSEN = "signin_given", "signin_trouble", "account_tenant"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
ELSEWHERE = ("**This Penstock has no sign-in, so it answers on its own machine only.** Open it there as `127.0.0.1`, or set up sign-in: "
             "start it with a root key (`PENSTOCK_ROOT_KEY`) or with an identity provider (`PENSTOCK_OIDC_ISSUER`).")


def gate() -> Penstock | None:
    """Penstock for whoever is before the screen; None for nobody, who sees the sign-in and nothing else."""
    try:
        if way(base()) == LOCAL and not at_home():
            _door(ELSEWHERE)
            return None
        own = entered()
        asked = own.identity
    except UnauthorizedError as error:
        _sign_in(error)
        return None
    session.moved((f"{asked.kind} {asked.key_id or asked.who}", asked.tenant_id))
    return own


def at_home() -> bool:
    """Whether the browser has asked for this machine: a name of another one comes from a proxy, or from a page that plays tricks with
    names. No name at all is no browser."""
    host = str(st.context.headers.get("Host") or "")
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return not host or name in LOOPBACK


# ---- nobody yet

def _sign_in(error: UnauthorizedError) -> None:
    said = st.session_state.pop(TROUBLE, "") or (f"**{unlinked(error.what)}.** {unlinked(error.fix)}." if error.what else "")
    session.empty()
    if way(base()) == PERSON:
        _door(said)
        _with_provider()
    else:
        _door(said)
        _with_key()


def _door(said: str) -> None:
    with st.container(key="signin", width=420):
        st.title("Sign in to Penstock", anchor=False)
        if said:
            st.error(said, icon=":material/error:")


def _with_key() -> None:
    with st.container(key="signin_key", width=420):
        with st.form("signin_form", border=False):
            st.text_input("API key", type="password", key=GIVEN, autocomplete="current-password",
                          help="It begins with pk_ and was shown once, when it was made.")
            st.form_submit_button("Sign in", type="primary", on_click=_given)
        st.caption("No key? Ask an admin: they make one in Settings, or with `penstock keys create`.")


def _given() -> None:
    key = str(st.session_state.pop(GIVEN, "")).strip()
    try:
        of_key(base(), key)
    except UnauthorizedError:
        st.session_state[TROUBLE] = "**This key opens nothing here.** It may be mistyped, revoked or over. Ask an admin for one."
    else:
        session.empty()
        st.session_state[session.KEY] = key


def _with_provider() -> None:
    with st.container(key="signin_provider", width=420):
        if st.user.get("is_logged_in"):
            st.button("Sign in as somebody else", key="signin_other", on_click=st.logout)
            st.caption(f"The identity provider says that you are {unlinked(str(st.user.get('email') or 'nobody with an e-mail address'))}.")
        st.button("Sign in", type="primary", key="signin_go", on_click=st.login)


# ---- the corner

def account(own: Penstock) -> None:
    """Who and where, in the corner of every page."""
    asked = own.identity
    here = asked.kind == LOCAL
    with st.container(key="account", width="content"):
        mark = ":material/computer:" if here else ":material/account_circle:"
        with st.popover("Local mode" if here else plain(asked.tenant_id), icon=mark, key="account_more", type="tertiary"):
            if here:
                st.markdown("**Local mode.** Nobody has to sign in: whoever sits at this machine may do everything, and no other machine "
                            "is answered.")
                st.caption(f"Tenant {code(asked.tenant_id)}. To let others in, see docs/signin.md.")
                return
            st.markdown(f"**{plain(asked.who)}**  \nRole {asked.role} in {code(asked.tenant_id)}")
            _tenants(asked.tenant_id)
            st.button("Sign out", key="account_out", icon=":material/logout:", on_click=_out, args=(asked.kind == PERSON,))


def _tenants(here: str) -> None:
    """The switch, for who is in several."""
    places = session.person(base()).tenants(base())
    if len(places) < 2:
        return
    st.session_state[CHOSEN] = here
    st.selectbox("Tenant", places, key=CHOSEN, on_change=lambda: session.go(str(st.session_state[CHOSEN])))


def _out(provider: bool) -> None:
    session.forget()
    if provider:
        st.logout()
