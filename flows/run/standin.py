"""Rows in the place of tables that a preview cannot read: what the spec would write, a cached sample, or generated rows; always said."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from flows.engines.base import Connections, Context
from flows.engines.tables import of_warehouse
from flows.errors import InputError, MissingError, PenstockError, SqlError
from flows.insight import samples
from flows.insight.catalog import CatalogColumn, Table
from flows.warehouse.base import Column

if TYPE_CHECKING:
    import httpx

    from flows.insight.generate import Generator
    from flows.insight.samples import Sample
    from flows.run.job import Job
    from flows.run.plan import Plan, PlanStep
    from flows.warehouse.base import Relation

Kind = Literal["real", "sample", "generated"]
ORDER: tuple[Kind, ...] = ("real", "sample", "generated")
NOWHERE = "penstock_unseen"
"""The dataset in which a table stands that has no place of its own; it is there in this one session only."""


@dataclass(frozen=True)
class Origin:
    """Where rows of a preview are from. `words` is empty for real ones, `note` says what stands in for what and why."""

    kind: Kind = "real"
    words: str = ""
    note: str = ""
    taken_at: datetime | None = None


REAL = Origin()


def furthest(origins: Iterator[Origin] | list[Origin]) -> Origin:
    """The origin that is furthest from real rows; of two samples the older one."""
    def rank(origin: Origin) -> tuple[int, float]:
        return ORDER.index(origin.kind), -(origin.taken_at.timestamp() if origin.taken_at else 0.0)

    return max(origins, key=rank, default=REAL)


class _Without:
    """Connections of which some are not asked any more, because they do not answer."""

    def __init__(self, given: Connections, down: set[str]) -> None:
        self.given, self.down = given, down

    def url(self, name: str) -> str | None:
        return None if name in self.down else self.given.url(name)

    def headers(self, name: str) -> Mapping[str, str]:
        return self.given.headers(name)

    def transport(self, name: str) -> httpx.BaseTransport | None:
        sample = getattr(self.given, "transport", None)
        return sample(name) if sample else None


@dataclass
class Standins:
    """Decides for each table that a step reads whether it can be read, and if not puts rows in its place in this session.

    `loaded` gives the relation that an earlier step of this preview would write into a table, and its origin.
    """

    plan: Plan
    job: Job
    warehouse: Any  # the local session of the preview
    loaded: Callable[[str], tuple[Relation, Origin] | None]
    preferred: set[str] = field(default_factory=set)  # places whose sample goes before rows that are there
    down: dict[str, str] = field(default_factory=dict)  # connections that do not answer, and why
    known: dict[tuple[str, str], Origin] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.catalog = self.job.catalog

    def ready(self, each: PlanStep, context: Context) -> tuple[Context, list[Origin]]:
        """The context in which the step can read all its tables, as far as there is a way, and where those rows are from."""
        origins = [self._origin(name, connection, context) for name, connection in self.names(each)]
        if self.catalog is not self.job.catalog or self.down:
            context = replace(context, catalog=self.catalog, connections=_Without(context.connections, set(self.down)))
        return context, [origin for origin in origins if origin.kind != "real"]

    def unreachable(self, each: PlanStep, context: Context, error: PenstockError) -> bool:
        """A system did not answer: remember its connections. True when something stands in now, so that the step can be tried again."""
        mine = {connection or self._connection(name) for name, connection in self.names(each)} - {"", *self.down}
        self.down |= {name: error.what for name in mine if context.connections.url(name)}
        self.known = {key: origin for key, origin in self.known.items() if (key[1] or self._connection(key[0])) not in mine}
        return bool(mine) and any(self._origin(name, connection, context).kind != "real" for name, connection in self.names(each))

    def names(self, each: PlanStep) -> list[tuple[str, str]]:
        """The tables that a step reads and the connection it names for them; rows of other steps are none."""
        source = getattr(each.config, "source", None)
        connection = getattr(source, "connection", None) or ""
        found: dict[tuple[str, str], None] = {}
        if source is not None and getattr(source, "table", None):
            found[source.table, connection] = None
        found |= {(name, ""): None for name in each.inputs if name not in self.plan.by_id}
        text = getattr(source, "query", None) if of_warehouse(connection, self.job.catalog) else None
        text = text or getattr(getattr(each.config, "config", None), "query", None)
        if isinstance(text, str):
            found |= {(name, ""): None for name in self._written(text) if name not in self.plan.by_id}
        return list(found)

    def _written(self, text: str) -> list[str]:
        from flows.spec.binding import bind_sql
        from flows.warehouse.typed import tables_of

        try:
            return tables_of(bind_sql(text, self.job.variables)[0])
        except InputError:
            return []  # the step itself says what is wrong with it

    # ---- deciding
    def _origin(self, name: str, connection: str, context: Context) -> Origin:
        key = (name, connection)
        if key not in self.known:
            self.known[key] = self._decided(name, connection, context)
        return self.known[key]

    def _decided(self, name: str, connection: str, context: Context) -> Origin:
        table, place = self._table(name), self.place(name)
        why = self._why(name, place, table, connection or (table.connection if table else ""), context)
        if not why and place not in self.preferred:
            return REAL
        made = self.loaded(place) if why else None
        if made is not None and not (table and table.path):
            relation, origin = made
            self.put(name, place, self.warehouse.tables.bound(relation.name), relation.rows or 0, relation.columns)
            return replace(origin, note=f"{name} is not there yet: these are the rows that this pipeline would write to it")
        sample = samples.find(self.job.settings, place or name)
        if sample is not None:
            return self._sampled(name, place, sample, why)
        return self._generated(name, place, table, why) if why else REAL

    def _why(self, name: str, place: str, table: Table | None, connection: str, context: Context) -> str:
        """Why its rows cannot be read, in words; empty when they can."""
        if table is not None and table.path:
            try:
                context.files.read(table.path)
            except MissingError:
                return "its file is not there"
            except InputError:
                return ""  # the step itself says what is wrong with it
            return ""
        if connection and not of_warehouse(connection, self.job.catalog):
            if connection in self.down:
                return f"connection {connection} cannot be read: {self.down[connection]}"
            if context.connections.url(connection):
                return ""
            if self._rows(place):
                return ""  # sample data of the catalogue
            return f"connection {connection} has no address here"
        rows = self._rows(place)
        if rows is None:
            return "it is not there"
        return "it has no rows yet" if rows == 0 and table is not None else ""

    def _rows(self, place: str) -> int | None:
        """How many rows a table has here, None where there is no such table."""
        if not place:
            return None
        try:
            spec = self.warehouse.describe(place)
        except (MissingError, SqlError):
            return None
        uncounted = spec.rows is None or bool(getattr(spec, "view", ""))  # of a view nobody knows them without a scan
        return 1 if uncounted else int(spec.rows)

    def _table(self, name: str) -> Table | None:
        tables, place = self.job.catalog.tables, self.place(name)
        return tables.get(name) or next((table for table in tables.values() if place and table.location == place), None)

    def _connection(self, name: str) -> str:
        table = self._table(name)
        return table.connection if table else ""

    def place(self, name: str) -> str:
        """dataset.table of a name; empty for one that can be no table."""
        table = self.job.catalog.tables.get(name)
        if table is not None:
            return table.location or (name if name.count(".") == 1 else f"{NOWHERE}.{name.replace('.', '_')}")
        for project in (self.job.settings.project, self.job.tenant_id):
            if project and name.startswith(f"{project}.") and name.count(".") == 2:
                return name.removeprefix(f"{project}.")
        return name if name.count(".") == 1 else ""

    def instead(self, each: PlanStep, columns: Mapping[str, tuple[Column, ...]]) -> tuple[Relation, Origin] | None:
        """Generated rows for the steps after one that only BigQuery can run, where its columns can be told by those of other steps."""
        from flows.spec.binding import bind_sql
        from flows.warehouse.base import Relation
        from flows.warehouse.typed import likely_columns

        text = getattr(getattr(each.config, "config", None), "query", None) or getattr(getattr(each.config, "source", None), "query", None)
        if not isinstance(text, str):
            return None
        query = bind_sql(text, self.job.variables)[0]
        known = {name: columns[name] if name in columns else self._columns(name) for name in self._written(text)}
        found = likely_columns(query, known)
        if not found:
            return None
        self.generator.add(each.step_id, {column.name: column.type for column in found})
        rows = self.generator.rows(each.step_id)
        made = self.warehouse.tables.bind_query(each.step_id, as_sql(rows, found), keep=True)
        note = f"{len(rows):,} generated rows of its columns stand in for the steps after it"
        return Relation(each.step_id, made.columns, len(rows)), Origin("generated", "generated rows", note)

    def _columns(self, name: str) -> tuple[Column, ...]:
        try:
            return tuple(self.warehouse.tables.find(tuple(name.split("."))).columns)
        except SqlError:
            return ()

    # ---- putting rows in place
    def _sampled(self, name: str, place: str, sample: Sample, why: str) -> Origin:
        place = place or f"{NOWHERE}.{name}"
        found = self.warehouse.tables.view_of((str(sample.path),), sample.columns)
        self.put(name, place, found, sample.rows, sample.columns)
        words = sample.words(datetime.now(UTC))
        because = f", because {why}" if why else ""
        return Origin("sample", words, f"{name}: a {words} from {sample.source}{because}", sample.taken_at)

    def _generated(self, name: str, place: str, table: Table | None, why: str) -> Origin:
        """Rows of the promised columns; where nobody knows columns the step says itself what is missing."""
        from flows.checks.produced import produced

        key = next((known for known, about in self.job.catalog.tables.items() if about is table), place)
        columns = tuple(Column(column, about.type) for column, about in table.columns.items()) if table else ()
        if not columns and (found := produced(place, store=self.job.store, catalog=self.job.catalog, settings=self.job.settings)):
            columns, why = found.columns, f"pipeline {found.pipeline_id} writes it and has not run yet"
        if not columns:
            return REAL
        if key not in self.generator.tables or table is None:
            self.generator.add(key, {column.name: column.type for column in columns})
        rows = self.generator.rows(key)
        sql = as_sql(rows, columns)
        made = self.warehouse.tables.bind_query(f"{name} made up", sql, keep=True)
        self.put(name, place or f"{NOWHERE}.{name}", made, len(rows), columns)
        return Origin("generated", "generated rows", f"{len(rows):,} generated rows stand in for {name}: {why}")

    def put(self, name: str, place: str, found: Any, rows: int, columns: tuple[Column, ...]) -> None:
        """From here on the name and the place mean these rows, for this session and whoever asks the catalogue of this preview."""
        self.warehouse.tables.stand_in(place, found, rows)
        self.warehouse.tables.names[name] = place
        old = self.catalog.tables.get(name)
        about = {column.name: CatalogColumn(type=column.type) for column in columns}
        table = Table(columns=old.columns if old and old.columns else about, location=place)
        self.catalog = self.catalog.model_copy(update={"tables": {**self.catalog.tables, name: table}})

    @cached_property
    def generator(self) -> Generator:
        from flows.insight.generate import Generator
        from flows.insight.wishes import wishes

        steps = self.job.spec.as_dict()["steps"]
        return Generator(self.job.catalog, seed=self.job.tenant_id, day=self.job.run_date,
                         wishes=wishes(steps, self.job.variables, self.job.run_date))


def as_sql(rows: list[dict[str, Any]], columns: tuple[Column, ...]) -> str:
    """The rows as a query in DuckDB's SQL that has exactly these columns: one literal, so that nothing in a value is code."""
    from flows.warehouse.bqtypes import to_duck
    from flows.warehouse.quoting import literal, name_sql

    cells = []
    for n, column in enumerate(columns):
        try:
            type_ = to_duck(column.type)
        except InputError:
            type_ = "VARCHAR"
        cell = f"r.c{n}"
        if column.type == "BYTES":
            cell = f"from_base64({cell})"
        elif column.type.startswith(("ARRAY", "STRUCT")):
            cell = f"CAST({cell} AS JSON)"
        cells.append(f"CAST({cell} AS {type_}) AS {name_sql(column.name)}")
    data = json.dumps([{f"c{n}": _text(row[column.name]) for n, column in enumerate(columns)} for row in rows])
    shape = json.dumps([{f"c{n}": "VARCHAR" for n in range(len(columns))}])
    return f"SELECT {', '.join(cells)} FROM (SELECT unnest(from_json({literal(data)}, {literal(shape)})) AS r)"


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        import base64

        return base64.b64encode(value).decode()
    if isinstance(value, (dict, list)):
        return json.dumps(value, default=_text)
    return value.isoformat() if isinstance(value, (date, datetime, time)) else str(value)
