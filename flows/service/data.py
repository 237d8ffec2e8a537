"""Data: the local warehouse, its tables, and what the catalogue knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flows.errors import InputError
from flows.service.author import Author

if TYPE_CHECKING:
    import pyarrow as pa

    from flows.insight.catalog import Table
    from flows.warehouse import Warehouse


class Data(Author):
    """Rows that are there."""

    def warehouse(self, *, preview: bool = False) -> Warehouse:
        """A session on the local warehouse; close it after use."""
        from flows.run.session import open_session

        return open_session(self.settings, self.store, self.catalog, stage="adhoc", preview=preview)

    def query(self, sql: str, params: Mapping[str, Any] | None = None, *, read_only: bool = False,
              seconds: float | None = None) -> pa.Table:
        """BigQuery SQL on the local warehouse; the rows of the last SELECT.

        Each statement may take `seconds` (default `limits.query_seconds`). Raises SqlError, StepTimeout.
        """
        from flows.run.session import stoppable
        from flows.warehouse import QueryLimits

        self._sample()
        limits = QueryLimits(read_only=read_only, seconds=self.settings.limits.query_seconds if seconds is None else seconds)
        session = self.warehouse(preview=read_only)
        try:
            if read_only:
                return stoppable(session, lambda: session.query(sql, params, limits=limits))
            done = stoppable(session, lambda: session.execute(sql, params, limits=limits))
            return done.result if done.result is not None else _empty()
        finally:
            session.close()

    def table(self, name: str, *, limit: int) -> tuple[pa.Table, int]:
        """The first rows of a table without its lineage columns, in an order that twice is the same, and how many there are in all."""
        from sqlglot import exp

        from flows.warehouse import LINEAGE

        session = self.warehouse(preview=True)
        try:
            spec = session.describe(name)
            columns = [c.name for c in spec.columns if c.name not in LINEAGE]
            tree = exp.select(*(exp.column(c, quoted=True) for c in columns)).from_(exp.to_table(name, dialect=session.dialect))
            order = [exp.Ordered(this=exp.Literal.number(n), nulls_first=False) for n in range(1, len(columns) + 1)]
            return session.query(tree.order_by(*order).limit(limit)), spec.rows or 0
        finally:
            session.close()

    def catalog_add(self, name: str, *, file: str | None = None, connection: str | None = None, table: str | None = None) -> Table:
        """Catalogue a file, a table of a connection or a table of the local warehouse by reading its columns.

        Raises InputError unless it is said what to read, MissingError when it is not there, UnreachableError when it does not answer.
        """
        from flows.insight.catalog import CatalogColumn, Table, add_table

        if file and (connection or table):
            raise InputError("a file has no connection and no table", where="catalog add", fix="Give --file alone")
        source = {"path": file} if file else {"connection": connection, "table": table or name} if connection else {"table": table or name}
        seen = self.preview({"pipeline_id": "catalog", "steps": [{"step_id": "look", "ps_type": "generic.extract", "source": source}]},
                            limit=1).steps[0]
        if seen.error:
            raise InputError(seen.error, where=f"catalog add {name}")
        added = Table(connection=connection or "", columns={c.name: CatalogColumn(type=c.type) for c in seen.columns},
                      path=file or "", location="" if file or connection else table or name)
        add_table(self.settings, name, added)
        self.__dict__.pop("catalog", None)
        return added


def _empty() -> pa.Table:
    import pyarrow as pa

    return pa.table({})
