"""Who asks, and what a role may do. Every method of the service says with `needs` from which role on it may be called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Protocol, TypeVar, cast

from flows.errors import ForbiddenError

ROLES = ("viewer", "editor", "operator", "admin")
"""Each may do what those before it may: see runs and specs; draft, preview and run locally; production, deployments and connections;
keys, members and limits."""
LOCAL, KEY, ROOT, PERSON = "local", "key", "root", "person"


@dataclass(frozen=True)
class Identity:
    """One tenant's somebody. `who` is what the audit log and `trigger` fields name: a key's name, an e-mail address, "local", "root".

    `kind`: local (the person at this machine while nobody has asked for keys), key, root (the one key of the environment, for every
    tenant), person (signed in with an identity provider).
    """

    tenant_id: str
    role: str
    who: str
    kind: str = LOCAL
    key_id: str = ""

    def may(self, role: str) -> bool:
        return ROLES.index(self.role) >= ROLES.index(role)

    def must(self, role: str, what: str) -> None:
        """Raises ForbiddenError, which names no thing: it is the same whether the thing exists or not."""
        if not self.may(role):
            raise ForbiddenError(f"the role {self.role} may not {what}", fix=f"Ask an admin of {self.tenant_id!r} for the role {role}")


class Guarded(Protocol):
    """What has somebody who asks."""

    @property
    def identity(self) -> Identity: ...


F = TypeVar("F", bound=Callable[..., Any])


def needs(role: str, what: str = "") -> Callable[[F], F]:
    """Refuse the call of a `Guarded` thing's method from lower roles, before anything is read. `what` completes "the role viewer may
    not ..."; left out it is the method's name in words."""

    def guarded(method: F) -> F:
        words = what or method.__name__.replace("_", " ")

        @wraps(method)
        def call(self: Guarded, *args: Any, **kwargs: Any) -> Any:
            self.identity.must(role, words)
            return method(self, *args, **kwargs)

        call.needs = role  # type: ignore[attr-defined]
        return cast(F, call)

    return guarded


def needed(method: Any) -> str:
    """The role that a method asks for, "" for none."""
    return str(getattr(method, "needs", ""))
