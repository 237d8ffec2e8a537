"""What a program that asks over the network needs: who it is by its key, each request answered once, and what strangers may know."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Self

from flows.access import KEY, ROOT, Identity, needs
from flows.errors import InputError, MissingError, TransientError, UnauthorizedError
from flows.scrub import learn
from flows.service.health import DOWN, OK, STARTING, Health
from flows.settings import check_tenant

IDEMPOTENCY = re.compile(r"[\x21-\x7e]{1,200}")


class Outside(Health):
    """Nothing here takes a session or a cookie: a request is its key."""

    def caller(self, key: str, *, tenant: str | None = None, via: str = "api") -> Self:
        """Penstock for whoever holds this key, with their tenant and role. `tenant` is the one that is asked for, by a path for instance.

        Raises UnauthorizedError, with the same words for no key and for one that is wrong, revoked or over; MissingError for a tenant
        that is not the key's, which says the same whether there is one. The root key may ask for every tenant.
        """
        return self.acting(lambda: self._holder(key, tenant), via=via)  # also of a request that waits, as it is at that moment

    def _holder(self, key: str, tenant: str | None) -> Identity:
        """Whoever holds this key now. Raises as `caller`."""
        found = self.store.keys.whose(key) if key else None
        if found is not None:
            learn(key)  # it stands in no log of this process
            if tenant not in (None, found.tenant_id):
                raise self._no_tenant(str(tenant))
            return Identity(found.tenant_id, found.role, f"key:{found.name}", KEY, found.key_id)
        if not key or not self.is_root(key):
            raise UnauthorizedError("this needs a key that opens something here",
                                    fix="Send one as X-API-Key; an admin makes one: penstock keys create")
        try:
            check_tenant(tenant or self.tenant)
        except InputError:
            raise self._no_tenant(str(tenant)) from None
        return Identity(tenant or self.tenant, "admin", "root", ROOT)

    @staticmethod
    def _no_tenant(tenant: str) -> MissingError:
        return MissingError(f"there is no organisation {tenant[:80]!r}", fix="Use the one that your key belongs to")

    @needs("editor")
    def once(self, key: str, request: bytes, work: Callable[[], tuple[int, Any]]) -> tuple[int, Any, bool]:
        """Do `work` once for this Idempotency-Key of this tenant, whatever process the same request comes to within a day: (status,
        answer as plain data, whether it was answered before). `request` is what makes two requests the same.

        What `work` writes and the note of its answer are one transaction; what raises is not kept, and may be tried again. Raises
        InputError for a key that is none, or came with another request before (code idempotency_key_reused).
        """
        if not IDEMPOTENCY.fullmatch(key):
            raise InputError("this is no key for a request", where="Idempotency-Key",
                             fix="Use 1 to 200 visible ASCII characters, for instance a UUID")
        self._sample()  # it may take seconds, which no other writer should wait for
        return self.store.requests.once(self.tenant, key, request, work)

    def state(self) -> dict[str, Any]:
        """What anybody may know: `status` ok | starting | down, and the same of each part; no address, no tenant, no name.

        The control store that does not answer is a part that is down.
        """
        try:
            seen = self.acting(Identity(self.tenant, "viewer", "health"), via="api").health()
            parts = [{"name": part["name"], "state": part["state"]} for part in seen["parts"] if part["name"] != "Notifications"]
        except TransientError:
            parts = [{"name": "Control store", "state": DOWN}]
        states = {part["state"] for part in parts}
        return {"status": next((state for state in (DOWN, STARTING) if state in states), OK), "parts": parts}
