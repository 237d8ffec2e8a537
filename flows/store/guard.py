"""Whether a control store asks for keys, seen without opening it: `penstock plan` starts in a fraction of the time that takes."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

FILE = "sqlite:///"


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
