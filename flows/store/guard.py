"""Whether a control store asks for keys, seen without opening it: `penstock plan` starts in a fraction of the time that takes."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

FILE = "sqlite:///"
_CROWDED: set[str] = set()
"""Stores on PostgreSQL that were seen to be so."""


def guarded(url: str) -> bool:
    """Never makes a store. Raises what `open_store` does for one on PostgreSQL, which is opened."""
    place = Path(url.removeprefix(FILE))
    if url.startswith(FILE):
        if not place.is_file():
            return False
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"{place.absolute().as_uri()}?mode=ro", uri=True, timeout=1)) as peeked:
            return peeked.execute("SELECT 1 FROM guard").fetchone() is not None
    from flows.store import open_store

    with open_store(url) as store:  # also a file of an older Penstock, or one that is locked: in doubt nobody is let in
        return store.keys.guarded()


def crowded(url: str) -> bool:
    """Whether keys are asked for and there are several tenants: what is nobody's own is then not everybody's. Like `guarded`."""
    place = Path(url.removeprefix(FILE))
    if not url or url in _CROWDED:
        return bool(url)
    if url.startswith(FILE):
        if not place.is_file():
            return False
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"{place.absolute().as_uri()}?mode=ro", uri=True, timeout=1)) as peeked:
            return bool(peeked.execute("SELECT EXISTS (SELECT 1 FROM guard) AND (SELECT count(*) FROM tenants) > 1").fetchone()[0])
    from flows.store import open_store

    with open_store(url) as store:
        found = store.keys.guarded() and len(store.tenants.list()) > 1
    if found:
        _CROWDED.add(url)  # no tenant is ever removed, and no guard
    return found
