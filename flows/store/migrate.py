"""Brings a control store to the schema of this code, once, whoever comes first; a store that is newer is left alone."""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from flows.errors import InputError, TransientError
from flows.store.database import BUSY_SECONDS, Database
from flows.store.schema import REVISIONS, VERSION_TABLE

FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_366_473_881_305  # a number of ours: PostgreSQL's advisory locks are numbers


def migrate(database: Database) -> None:
    """Do nothing when the schema is right (Alembic is not even imported), else upgrade it in one transaction under a lock."""
    with database.read() as connection:
        found = version(connection)
    if not _behind(found, database.address):
        return
    if database.kind == "sqlite":
        _use_wal(database)
    with database.write() as connection:  # on SQLite this is the lock
        if database.kind == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        if _behind(version(connection), database.address):
            _upgrade(connection, database.address)


def version(connection: Connection) -> str:
    """The revision that the store is at, '' for an empty database."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return ""
    return str(connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar() or "")


def _behind(found: str, address: str) -> bool:
    if found and found not in REVISIONS:
        raise InputError(f"the control store has schema {found}, this Penstock knows {REVISIONS[-1]} at most", where=address,
                         fix="Use the newer Penstock that made it, or another --home")
    return found != REVISIONS[-1]


def _upgrade(connection: Connection, address: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except (OperationalError, ProgrammingError) as error:
        if "already exists" not in str(error.orig):
            raise
        raise InputError("the database holds tables of something else under our names", where=address,
                         fix="Give Penstock a database of its own") from error


def _use_wal(database: Database) -> None:
    """WAL is a property of the file. Switching needs the file for itself and does not wait, so ask again while others look at it."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            with database.bare() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            return
        except TransientError:
            if time.monotonic() > until:
                raise
        time.sleep(0.02)
