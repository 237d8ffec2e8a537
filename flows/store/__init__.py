"""The control store: everything that needs a lock, durable before it is shown (SQLite in WAL mode, or PostgreSQL by URL)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.store.rows import (
    Backfill,
    Chat,
    LakeFile,
    LakeTable,
    Message,
    NewBackfill,
    NewMessage,
    NewRun,
    Procedure,
    Run,
    Runner,
    RunStats,
    SpecVersion,
    StepRow,
)

if TYPE_CHECKING:
    from flows.store.backfills import Backfills
    from flows.store.books import Books
    from flows.store.chats import Chats
    from flows.store.database import Database
    from flows.store.limits import TenantLimits
    from flows.store.manifest import Manifest
    from flows.store.messages import Messages
    from flows.store.procedures import Procedures
    from flows.store.runners import Runners
    from flows.store.runs import Runs
    from flows.store.specs import Specs
    from flows.store.steps import Steps
    from flows.store.tallies import Tallies

__all__ = ["Backfill", "Chat", "LakeFile", "LakeTable", "Message", "NewBackfill", "NewMessage", "NewRun", "Procedure", "Run", "RunStats",
           "Runner", "SpecVersion", "StepRow", "Store", "open_store"]


class Store:
    """One open control store, for threads to share; made by `open_store`."""

    specs: Specs
    runs: Runs
    steps: Steps
    runners: Runners
    backfills: Backfills
    chats: Chats
    books: Books
    limits: TenantLimits
    messages: Messages
    manifest: Manifest
    procedures: Procedures
    tallies: Tallies

    def __init__(self, database: Database) -> None:
        from flows.store.backfills import Backfills
        from flows.store.books import Books
        from flows.store.chats import Chats
        from flows.store.limits import TenantLimits
        from flows.store.manifest import Manifest
        from flows.store.messages import Messages
        from flows.store.runners import Runners
        from flows.store.runs import Runs
        from flows.store.specs import Specs
        from flows.store.steps import Steps
        from flows.store.tallies import Tallies

        self.address = database.address  # without a password
        self.kind = database.kind  # "sqlite" | "postgresql"
        self.specs, self.runs, self.steps = Specs(database), Runs(database), Steps(database)
        self.runners, self.manifest = Runners(database), Manifest(database)
        self.backfills = Backfills(database, self.runs)
        self.chats = Chats(database)
        self.tallies = Tallies(database)
        self.messages = Messages(database)
        self.limits = TenantLimits(database)
        self.books = Books(database, self.manifest)
        self.procedures = self.manifest.procedures
        self._database = database

    def dispose(self) -> None:
        """Close all connections; the store opens new ones when it is used again."""
        self._database.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.dispose()


def open_store(url: str) -> Store:
    """Open `sqlite:///PATH` or `postgresql://USER@HOST/DB`, made or migrated when needed; several processes may do so at once.

    Raises InputError (not such an address, a store of a newer Penstock), UnreachableError (no answer, no permission, no
    database), MissingPackage (PostgreSQL without its driver). No error shows a password.
    """
    from flows.store.database import Database
    from flows.store.migrate import migrate

    database = Database(url)
    migrate(database)
    return Store(database)
