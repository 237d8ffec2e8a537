"""Deployments: which release of a pipeline runs by itself in an environment, and every release that there was."""

from __future__ import annotations

from flows.store.database import Database


class Deployments:
    """The truth about what runs by itself; Prefect's own objects are made from it."""

    def __init__(self, database: Database) -> None:
        self._database = database
