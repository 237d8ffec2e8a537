"""Approvals: what a program has asked for and a person decides."""

from __future__ import annotations

from flows.store.database import Database


class Approvals:
    """One is decided once, in time or never."""

    def __init__(self, database: Database) -> None:
        self._database = database
