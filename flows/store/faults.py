"""What a database driver says, in words of the control store: lost races, peers that are gone, disks that are full."""

from __future__ import annotations

from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from flows.errors import InputError, PenstockError, TransientError, UnreachableError

_SQLITE: dict[str, tuple[type[PenstockError], str, str]] = {
    "locked": (TransientError, "the control store is busy", "Try again"),
    "full": (UnreachableError, "the disk of the control store is full", "Make room, then try again"),
    "disk i/o": (UnreachableError, "the disk of the control store does not work", "Look at the disk, or choose another --home"),
    "readonly": (UnreachableError, "the control store may not be written", "Give yourself write access, or choose another --home"),
    "unable to open": (UnreachableError, "the control store cannot be opened", "Check the folder's rights, or choose another --home"),
    "not a database": (UnreachableError, "this file is not a control store", "Move it away, or choose another --home"),
    "malformed": (UnreachableError, "the control store is damaged", "Put a copy in its place, or choose another --home"),
}
_RACE = ("40001", "40P01", "55P03")
_GONE = ("08", "53", "57P", "28", "3D", "58")  # connection, resources, shutdown, login, no such database, system


def translate(error: DBAPIError | PoolTimeout, address: str) -> PenstockError | None:
    """The error to raise instead, or None for one that is a fault of ours."""
    if isinstance(error, PoolTimeout):
        return TransientError("all connections to the control store are in use", where=address, fix="Try again")
    return _sqlite(error, address) if type(error.orig).__module__ == "sqlite3" else _postgres(error, address)


def _sqlite(error: DBAPIError, address: str) -> PenstockError | None:
    said = str(error.orig).lower()
    return next((kind(what, where=address, fix=fix) for word, (kind, what, fix) in _SQLITE.items() if word in said), None)


def _postgres(error: DBAPIError, address: str) -> PenstockError | None:
    state = getattr(error.orig, "sqlstate", None)
    if state in _RACE:
        return TransientError("another process was faster", where=address, fix="Try again")
    if state == "42501":
        return UnreachableError("the control store may not be written", where=address,
                                fix="Grant this user CREATE on the database's public schema, and its tables")
    if error.connection_invalidated or (state or "").startswith(_GONE) or (state is None and type(error).__name__ == "OperationalError"):
        return UnreachableError(f"the control store does not answer ({_reason(error)})", where=address,
                                fix="Check that PostgreSQL is up and PENSTOCK_CONTROL_URL is right")
    if isinstance(error, DataError):
        return InputError("a value does not fit into the control store (too long, or a NUL character)", where=address)
    return None


def _reason(error: DBAPIError) -> str:
    """The server's own first line: libpq repeats host, port, user and database in it, never the password."""
    lines = [line.strip() for line in str(error.orig).splitlines() if line.strip()]
    return lines[0] if lines else "connection lost"
