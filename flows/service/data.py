"""Data: files that people attach, the local warehouse, its tables, and what the catalogue knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.access import needs
from flows.errors import InputError, LimitError, MissingError, PenstockError, SqlError
from flows.insight.profile import ColumnProfile, Profile
from flows.insight.uploads import WORDS, Attached, Kept, encoding_of, keep
from flows.service.author import Author
from flows.show.account import clip

if TYPE_CHECKING:
    import pyarrow as pa

    from flows.insight.catalog import Table
    from flows.warehouse import SqlPlan, Warehouse

__all__ = ["Attached", "ColumnProfile", "Data", "Profile"]

SQL_CHARS = 2000  # of a statement in the audit log


class Data(Author):
    """Rows that are there."""

    # ---- files of people

    @needs("editor")
    def attach(self, name: str, data: bytes, *, sheet: str | int | None = None) -> Attached:
        """Keep a file and look at it: CSV, Excel, JSON (one object a line, or an array) or Parquet.

        It is private to this tenant and no table until a pipeline loads it; the path it gets is read by any later run. The same file
        twice is kept once. `sheet`: name or number of an Excel sheet, the first unless said.
        Raises InputError for content that is no table or cannot be read, with the line where it is known, LimitError for too large.
        """
        kept = keep(self.settings, name, data)
        options: dict[str, Any] = encoding_of(data) if kept.kind == "csv" else {}
        if sheet is not None:
            options["sheet"] = sheet
        try:
            profile = self._look_at({"path": str(kept.path), **options}, kept.name, self.settings.limits.profile_rows)
        except PenstockError as error:
            kept.discard()
            raise unreadable(kept, error) from error
        with self._change("file.attach", kept.name, after={"bytes": len(data)}):
            pass
        notes = [note for note in (kept.note, "read as Latin-1, because it is not UTF-8" if options.get("encoding") else "") if note]
        profile = replace(profile, notes=(*notes, *profile.notes))
        return Attached(kept.name, str(kept.path), _table(kept.path, profile), profile, options)

    @needs("editor")
    def profile(self, given: str | Path, *, limit: int | None = None, **options: Any) -> Profile:
        """What stands in a table of the catalogue or the lake, or in a file inside the allowed folders, column by column.

        At most `limit` rows are looked at (default `limits.profile_rows`). `options` are those of a file's source: sheet, encoding,
        delimiter and so on. Raises MissingError, InputError, DataError, StepTimeout (`limits.preview_seconds`).
        """
        self._sample()
        text = str(given)
        is_file = isinstance(given, Path) or bool(options) or "/" in text or (not self._away and Path(text).is_file())
        is_file = is_file and text not in self.catalog.tables
        source = {"path": text, **options} if is_file else {"table": text}
        return self._look_at(source, Path(text).name if is_file else text, limit or self.settings.limits.profile_rows)

    def _look_at(self, source: Mapping[str, Any], name: str, limit: int) -> Profile:
        from flows.run.look import look

        return look(source, name=name, settings=self.settings, store=self.store, catalog=self.catalog, limit=limit)

    # ---- tables

    @needs("editor")
    def warehouse(self, *, preview: bool = False, environment: str = "local") -> Warehouse:
        """A session on the warehouse of an environment; close it after use. Raises UnreachableError where none is set up,
        ForbiddenError for production without the role operator."""
        self._may(environment, "open the warehouse")
        if not preview:
            with self._change("warehouse.open", environment):
                pass
        return self._session(preview=preview, environment=environment)

    def _session(self, *, preview: bool = False, environment: str = "local") -> Warehouse:
        from flows.run.session import open_session

        return open_session(self.settings, self.store, self.catalog, stage="adhoc", preview=preview, environment=environment,
                            labels={"tenant": self.tenant, "pipeline": "adhoc"})

    @needs("editor")
    def query(self, sql: str, params: Mapping[str, Any] | None = None, *, read_only: bool = False,
              seconds: float | None = None, environment: str = "local") -> pa.Table:
        """BigQuery SQL on the warehouse of an environment; the rows of the last SELECT.

        Where BigQuery's answer may differ, the table's schema says how: `flows.warehouse.encode.notes_of(table)`. Each statement may take
        `seconds` (default `limits.query_seconds`). What changes something stands in the audit log before it is begun. Raises SqlError
        (code bigquery_only for what only BigQuery can run), StepTimeout, ForbiddenError for a change in production without the role
        operator.
        """
        from flows.run.session import stoppable
        from flows.warehouse import QueryLimits
        from flows.warehouse.encode import noted

        if not read_only and _changes(sql):
            self._may(environment, "change rows")
            with self._change("query", environment, after={"sql": clip(sql, SQL_CHARS)}):
                pass
        self._sample()
        limits = QueryLimits(read_only=read_only, seconds=self.settings.limits.query_seconds if seconds is None else seconds)
        session = self._session(preview=read_only and environment == "local", environment=environment)
        try:
            if read_only:
                notes = session.check(sql, params).notes if environment == "local" else ()
                return noted(stoppable(session, lambda: session.query(sql, params, limits=limits)), notes)
            done = stoppable(session, lambda: session.execute(sql, params, limits=limits))
            return noted(done.result if done.result is not None else _empty(), done.notes)
        finally:
            session.close()

    @needs("editor")
    def check_sql(self, sql: str, params: Mapping[str, Any] | None = None, *, environment: str = "local") -> SqlPlan:
        """What one SELECT would do, without running it: columns, tables read, bytes and price where BigQuery answers, and whether its
        answer is the same on both warehouses. Raises SqlError for what this environment would not run."""
        from flows.run.session import stoppable

        self._sample()
        session = self._session(preview=environment == "local", environment=environment)
        try:
            plan = stoppable(session, lambda: session.check(sql, params))
            return plan if environment == "local" else self._judged(plan, sql, params, session)
        finally:
            session.close()

    def _judged(self, plan: SqlPlan, sql: str, params: Mapping[str, Any] | None, session: Warehouse) -> SqlPlan:
        """A statement that BigQuery would run, with its price, and what the local warehouse would say to it."""
        from flows.run.session import production
        from flows.warehouse.bq.price import billed, tariff
        from flows.warehouse.typed import query_plan, tables_of

        usd = None if plan.bytes is None else tariff(production(self.settings)).usd(billed([plan.bytes] if plan.reads else []))
        try:
            known = {name: session.describe(name).columns for name in tables_of(sql)}
            here = query_plan(sql, known, params, project=self.settings.project)
        except MissingError:  # metadata and the like, which are no tables
            return replace(plan, usd=usd, verdict="local-approximate", notes=("what it reads is not compared with the local warehouse",))
        except SqlError as error:
            return replace(plan, usd=usd, verdict="bigquery-only", notes=(str(error),))
        return replace(plan, usd=usd, verdict=here.verdict, notes=here.notes)

    @needs("editor")
    def table(self, name: str, *, limit: int) -> tuple[pa.Table, int]:
        """The first rows of a table without its lineage columns, in an order that twice is the same, and how many there are in all."""
        from sqlglot import exp

        from flows.warehouse import LINEAGE

        session = self._session(preview=True)
        try:
            spec = session.describe(name)
            columns = [c.name for c in spec.columns if c.name not in LINEAGE]
            tree = exp.select(*(exp.column(c, quoted=True) for c in columns)).from_(exp.to_table(name, dialect=session.dialect))
            order = [exp.Ordered(this=exp.Literal.number(n), nulls_first=False) for n in range(1, len(columns) + 1)]
            return session.query(tree.order_by(*order).limit(limit)), spec.rows or 0
        finally:
            session.close()

    @needs("editor")
    def source_rows(self, spec: Mapping[str, Any]) -> dict[str, int]:
        """How many rows each reading step of a spec (or of half a draft) finds, by step id, where that is known without a scan."""
        found: dict[str, int] = {}
        for step in spec.get("steps", []):
            source = step.get("source") or {}
            if not isinstance(source.get("table"), str) or source.get("filter") or source.get("incremental"):
                continue
            known = self.catalog.tables.get(source["table"])
            table, files = self.store.manifest.snapshot(self.tenant, (known.location if known else "") or source["table"])
            if table is not None:
                found[step["step_id"]] = sum(file.rows for file in files)
        return found

    # ---- what has a name

    @needs("viewer")
    def known_tables(self) -> dict[str, Table]:
        """The tables that have a bare name: those of the catalogue, and those of the run book, which every tenant has."""
        from flows.insight.catalog import CatalogColumn, Table
        from flows.warehouse.runbook import TABLES, TOLD

        ours = {spec.name.partition(".")[2]: Table(
            location=spec.name, primary_key=spec.keys, description=TOLD[spec.name],
            columns={c.name: CatalogColumn(type=c.type, description=c.description) for c in spec.columns}) for spec in TABLES}
        return {**self.catalog.tables, **ours}

    @needs("operator")
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
        if seen.error or seen.origin != "real":
            raise InputError(seen.error or f"{source.get('table')} cannot be read: {seen.notes[0]}", where=f"catalog add {name}")
        added = Table(connection=connection or "", columns={c.name: CatalogColumn(type=c.type) for c in seen.columns},
                      path=file or "", location="" if file or connection else table or name)
        with self._change("catalog.add", name, after={"file": file, "connection": connection, "table": table}) as note:
            there = self.catalog.tables.get(name)
            note.before = None if there is None else {"connection": there.connection, "path": there.path, "location": there.location}
            add_table(self.settings, name, added)
        return added


def unreadable(kept: Kept, error: PenstockError) -> InputError:
    """A file that its reader refused: what it is, where, why, and the way out."""
    ways = {"csv": "Check the separator and the encoding, or save it as UTF-8",
            "json": "It must be one array of objects, or one object a line",
            "parquet": "Write it again, or export it as CSV", "excel": "Open and save it again, or export it as CSV"}
    kind = LimitError if isinstance(error, LimitError) else InputError
    where = error.where if error.where.startswith("line") else ""
    own = kept.path.name  # people know their file by its own name, and not where it is kept
    cause = error.what.replace(str(kept.path), kept.name).removeprefix(f"{own} cannot be read as {WORDS[kept.kind]}: ")
    cause = f"It {cause.removeprefix(f'{own} ')}" if cause.startswith(f"{own} ") else cause[:1].upper() + cause[1:]
    return kind(f"{kept.name} could not be read as {WORDS[kept.kind]}. {cause}", where=where, fix=error.fix or ways[kept.kind])


def _table(path: Path, profile: Profile) -> Table:
    """The file as the catalogue would hold it, with the values of columns that have few."""
    from flows.insight.catalog import CatalogColumn, Table

    columns = {column.name: CatalogColumn(type=column.type, values=_values(column)) for column in profile.columns}
    return Table(path=str(path), columns=columns)


def _values(column: ColumnProfile) -> tuple[str, ...]:
    few = column.type == "STRING" and column.exact and column.distinct is not None and column.distinct <= len(column.top)
    return tuple(text for text, _ in column.top) if few else ()


def _changes(sql: str) -> bool:
    """Whether a script is more than SELECTs; one that cannot be read here is taken for a change."""
    from sqlglot import exp

    from flows.warehouse.guard import parse

    try:
        return not all(isinstance(tree, exp.Query) for tree in parse(sql))
    except SqlError:
        return True


def _empty() -> pa.Table:
    import pyarrow as pa

    return pa.table({})
