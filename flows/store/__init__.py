"""The control store: everything that needs a lock, durable before it is shown (SQLite in WAL mode, or PostgreSQL by URL)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
    from flows.store.approvals import Approvals
    from flows.store.audit import Audit, Note
    from flows.store.backfills import Backfills
    from flows.store.books import Books
    from flows.store.chats import Chats
    from flows.store.database import Database
    from flows.store.deployments import Deployments
    from flows.store.keys import Keys
    from flows.store.limits import TenantLimits
    from flows.store.manifest import Manifest
    from flows.store.messages import Messages
    from flows.store.procedures import Procedures
    from flows.store.requests import Requests
    from flows.store.runners import Runners
    from flows.store.runs import Runs
    from flows.store.specs import Specs
    from flows.store.steps import Steps
    from flows.store.tallies import Tallies
    from flows.store.tenants import Tenants

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
    tenants: Tenants
    keys: Keys
    audit: Audit
    requests: Requests
    deployments: Deployments
    approvals: Approvals

    def __init__(self, database: Database) -> None:
        from flows.store.approvals import Approvals
        from flows.store.audit import Audit
        from flows.store.backfills import Backfills
        from flows.store.books import Books
        from flows.store.chats import Chats
        from flows.store.deployments import Deployments
        from flows.store.keys import Keys
        from flows.store.limits import TenantLimits
        from flows.store.manifest import Manifest
        from flows.store.messages import Messages
        from flows.store.requests import Requests
        from flows.store.runners import Runners
        from flows.store.runs import Runs
        from flows.store.specs import Specs
        from flows.store.steps import Steps
        from flows.store.tallies import Tallies
        from flows.store.tenants import Tenants

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
        self.tenants, self.keys, self.audit = Tenants(database), Keys(database), Audit(database)
        self.requests, self.deployments, self.approvals = Requests(database), Deployments(database), Approvals(database)
        self._database = database

    @contextmanager
    def change(self, tenant: str, note: Note, *, who: str, role: str, via: str) -> Iterator[Note]:
        """One transaction for everything that this thread writes in it, and the audit row of it; all of it holds, or nothing."""
        with self._database.together():
            yield note
            self.audit.add(tenant, note, who=who, role=role, via=via)

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
