"""Who is before the screen: a key that was typed, somebody whom an identity provider has verified, or the person at this machine.

Nothing here is believed for longer than one look: the key, the membership and the age of the sign-in are judged at every call.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from flows.errors import UnauthorizedError
from flows.service import Penstock, signin
from flows.service.signin import LOCAL, PERSON

KEY, TENANT, WHOSE = "session_key", "session_tenant", "session_whose"
HOUR, AHEAD = 3600.0, 120.0  # seconds; the clock of a provider may be ahead by so much


@dataclass(frozen=True)
class Person:
    """What was shown at the door: a key, a verified address, or neither."""

    key: str = field(default="", repr=False)
    address: str = ""

    def tenants(self, base: Penstock) -> list[str]:
        """Where they may go, the usual place first. Raises UnauthorizedError."""
        if self.key:
            return signin.tenants_of_key(base, self.key)
        if self.address:
            return [each.tenant_id for each in signin.tenants_of_person(base, self.address)]
        return [base.tenant]


def person(base: Penstock) -> Person:
    """Who is before the screen. Raises UnauthorizedError for nobody yet, in words for the sign-in page."""
    how = signin.way(base)
    if how == LOCAL:
        return Person()
    if how == PERSON:
        return Person(address=verified(base, st.user.to_dict(), time.time()))
    if key := st.session_state.get(KEY, ""):
        return Person(key=key)
    raise UnauthorizedError("")


def verified(base: Penstock, claims: Mapping[str, Any], now: float) -> str:
    """The e-mail address in what the identity provider has said, when it was said to us, lately, about a verified address.

    The signature, the nonce and the expiry of the token were checked when it came; whom it is meant for is checked here. Raises
    UnauthorizedError.
    """
    oidc = base.settings.oidc
    if oidc is None or claims.get("is_logged_in") is not True:
        raise UnauthorizedError("")
    audience = claims.get("aud")
    meant = oidc.client_id in (audience if isinstance(audience, list) else [audience]) and claims.get("azp") in (None, oidc.client_id)
    if not meant or str(claims.get("iss", "")).rstrip("/") != oidc.issuer:
        raise UnauthorizedError("this sign-in was not made for this Penstock", fix="Sign in again")
    said = claims.get("iat")
    if not isinstance(said, int | float) or not -AHEAD <= now - said <= oidc.hours * HOUR:
        raise UnauthorizedError(f"a sign-in lasts {oidc.hours} hours", fix="Sign in again")
    address = str(claims.get("email") or "").strip().lower()
    if not address or claims.get("email_verified") not in (True, "true"):
        raise UnauthorizedError("the identity provider has not verified your e-mail address", fix="Verify it there, then sign in again")
    return address


def tenant(base: Penstock, who: Person) -> str:
    """The tenant that this session is in: the one that was chosen, else the usual one. Raises UnauthorizedError for nobody's member."""
    chosen = st.session_state.get(TENANT, "")
    if chosen:
        return str(chosen)
    places = who.tenants(base)
    if not places:
        raise UnauthorizedError(f"{who.address} is no member of any tenant here",
                                fix="Ask an admin to add this address, in Settings or with penstock members add")
    return places[0]


def go(tenant_id: str) -> None:
    """Another tenant: nothing of the one before stays on the screen. Whether the person may is judged at the next look."""
    key = st.session_state.get(KEY, "")
    forget()
    st.session_state[TENANT] = tenant_id
    if key:
        st.session_state[KEY] = key


def forget() -> None:
    """Everything of this session goes: what was chosen, shown, typed and attached, and its place."""
    st.session_state.clear()
    st.query_params.clear()


def empty() -> None:
    """Nothing of whoever was here stays; the address does, so that a link works after the sign-in."""
    if WHOSE in st.session_state:
        st.session_state.clear()


def moved(whose: tuple[str, str]) -> None:
    """This session is somebody's in a tenant (who, where); what somebody else left in it goes."""
    before = st.session_state.get(WHOSE)
    if before is not None and before != whose:
        kept = {name: st.session_state[name] for name in (KEY, TENANT) if name in st.session_state}
        forget()
        st.session_state.update(kept)
    st.session_state[WHOSE] = whose
