"""The chore that keeps every tenant's run book in its warehouse complete."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from flows.errors import PenstockError
from flows.run import book
from flows.run.session import keeper
from flows.scrub import Scrubber

if TYPE_CHECKING:
    from flows.settings import Settings
    from flows.store import Store

EVERY = 1.0  # seconds

log = logging.getLogger("penstock.book")


def work(settings: Settings, store: Store) -> None:
    """Write what is due, tenant by tenant; what one warehouse does not take now is put off, longer each time, and holds up no other."""
    for tenant, environment in store.books.due():
        mine = book.of_tenant(settings, tenant)
        try:
            if environment == book.PRODUCTION:
                book.write_production(mine, store, keeper(mine))  # says itself when it goes: another process may hold the book by now
            else:
                book.write_local(mine, store)
                store.books.goes(tenant, environment)
        except PenstockError as error:
            seconds = store.books.put_off(tenant, environment, Scrubber()(str(error)))
            log.warning("the run book of %s (%s) is written later, in %g s: %s", tenant, environment, seconds, error)


def left(store: Store) -> bool:
    """Whether a run has ended that the warehouse does not have and would take."""
    return store.books.left()

