"""Stored procedures: which there are, and the ones of a folder kept where they changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from flows.access import needs
from flows.service.data import Data

if TYPE_CHECKING:
    from flows.warehouse.base import ProcedureSpec


class Routines(Data):
    """Procedures of this tenant."""

    @needs("viewer")
    def procedures(self, *, environment: str = "local") -> list[ProcedureSpec]:
        """Those that are stored, with their arguments, by name."""
        session = self._session(environment=environment)
        try:
            return session.procedures()
        finally:
            session.close()

    @needs("operator")
    def sync_procedures(self, folder: str | Path | None = None, *, environment: str = "local") -> Mapping[str, str]:
        """Store the procedures of a folder of .sql files (default: those that come with Penstock): name -> created, updated, unchanged.

        Raises InputError that names the file and its line; nothing is stored then.
        """
        from flows.warehouse.routines import SHIPPED

        place = str(folder or SHIPPED)
        session = self._session(environment=environment)
        try:
            if environment == "production":  # nothing of ours is in its hands while BigQuery works: the row says what was begun
                with self._change("procedures.sync", environment, after={"folder": Path(place).name}):
                    pass
                return session.sync_procedures(place)
            with self._change("procedures.sync", environment) as note:
                note.after = done = session.sync_procedures(place)
                return done
        finally:
            session.close()
