"""Who signs in to the app: from a key, or from an address that an identity provider has verified, to the identity that acts.

Everything is looked up each time: what is revoked or taken away works at the next call, not at the next sign-in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flows.access import KEY, LOCAL, PERSON, ROOT, Identity
from flows.errors import UnauthorizedError

if TYPE_CHECKING:
    from flows.service import Penstock
    from flows.service.door import Door

__all__ = ["KEY", "LOCAL", "PERSON", "judge", "local", "of_key", "of_person", "process", "provider", "serving", "tenants_of_key",
           "tenants_of_person", "way"]
ADMIN = "admin"


def serving() -> Penstock:
    """Penstock of the environment for a process that serves people. By itself it is the person at this machine, and nobody where people
    have to sign in; the key of whoever started the process is not used. For a person: `acting(judge(...))`."""
    from dataclasses import replace

    from flows.service import Penstock
    from flows.settings import Settings

    def here() -> Identity:
        return local(made)

    made = Penstock(settings=replace(Settings.load(), api_key=""), identity=here, via="app")
    return made


def process(door: Penstock) -> Penstock:
    """Penstock for what the process does by itself, whoever signs in: health, warming up."""
    return door.acting(Identity(door.settings.tenant_id, "editor", "app", LOCAL))


def provider() -> dict[str, Any]:
    """What Streamlit's sign-in is told of the identity provider of the environment; empty without one. It holds secrets.

    `{port}` in the address to come back to is the port that is served. Raises InputError, see `Settings.load`.
    """
    from flows.settings import Settings

    settings = Settings.load()
    if settings.oidc is None:
        return {}
    home = settings.public_url or "http://127.0.0.1:{port}"
    return {"auth": {"redirect_uri": f"{home}/oauth2callback", "cookie_secret": settings.oidc.cookie_secret,
                     "client_id": settings.oidc.client_id, "client_secret": settings.oidc.client_secret,
                     "server_metadata_url": settings.oidc.metadata_url, "client_kwargs": {"scope": "openid email"}}}


def way(door: Door) -> str:
    """How people sign in here: `local` (nobody has to), `key` (with an API key), `person` (with an identity provider)."""
    if door.settings.oidc is not None:
        return PERSON
    return KEY if door.settings.root_key or door.store.keys.guarded() else LOCAL


def local(door: Door) -> Identity:
    """The person at this machine. Raises UnauthorizedError where people have to sign in."""
    if way(door) != LOCAL:
        raise UnauthorizedError("this Penstock asks who you are", fix="Sign in")
    return Identity(door.settings.tenant_id, ADMIN, "local", LOCAL)


def of_key(door: Door, key: str, tenant: str = "") -> Identity:
    """Whom a key makes of its bearer; with the root key one names the tenant, else it is the default one.

    Raises UnauthorizedError, in the same words for a key that is wrong, revoked, over, or not of `tenant`.
    """
    if key and door.is_root(key):
        if not tenant or tenant in _all(door):
            return Identity(tenant or door.settings.tenant_id, ADMIN, "root", ROOT)
        raise _refused()
    found = door.store.keys.whose(key) if key else None
    if found is None or tenant not in ("", found.tenant_id):
        raise _refused()
    return Identity(found.tenant_id, found.role, f"key:{found.name}", KEY, found.key_id)


def of_person(door: Door, address: str, tenant: str = "") -> Identity:
    """The member that this e-mail address is, of `tenant` or else of the first one. Raises UnauthorizedError for nobody's member, in
    the same words whether there is such a tenant or not."""
    places = tenants_of_person(door, address)
    found = next((each for each in places if each.tenant_id == tenant), None) if tenant else next(iter(places), None)
    if found is None:
        raise UnauthorizedError("this address is no member" + (" of that tenant" if tenant else " of any tenant"),
                                fix="Ask an admin: penstock members add, or Settings, Members")
    return found


def tenants_of_key(door: Door, key: str) -> list[str]:
    """The tenants that a key may act for, the usual one first. Raises UnauthorizedError."""
    found = of_key(door, key)
    return _all(door) if found.kind == ROOT else [found.tenant_id]


def tenants_of_person(door: Door, address: str) -> list[Identity]:
    """What an address is in each tenant it is a member of; the default tenant first."""
    person, oidc, default = address.lower(), door.settings.oidc, door.settings.tenant_id
    found = {each.tenant_id: Identity(each.tenant_id, each.role, person, PERSON) for each in door.store.tenants.of(person)}
    if oidc is not None and person in oidc.admins:
        found.setdefault(default, Identity(default, ADMIN, person, PERSON))
    return sorted(found.values(), key=lambda each: (each.tenant_id != default, each.tenant_id))


def judge(door: Door, *, key: str = "", address: str = "", tenant: str) -> Callable[[], Identity]:
    """What `Penstock.acting` asks at each call: the same person in the same tenant, as they are at that moment."""
    if key:
        return lambda: of_key(door, key, tenant)
    if address:
        return lambda: of_person(door, address, tenant)
    return lambda: local(door)


def _all(door: Door) -> list[str]:
    """Every tenant, the default one first, which need not be written down anywhere."""
    default = door.settings.tenant_id
    return [default, *(each.tenant_id for each in door.store.tenants.list() if each.tenant_id != default)]


def _refused() -> UnauthorizedError:
    return UnauthorizedError("the key opens nothing here", fix="Ask an admin for one: penstock keys create, or Settings, API keys")
