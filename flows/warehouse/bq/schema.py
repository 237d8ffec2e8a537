"""A tenant's tables on the project: how a table spec becomes a BigQuery table and is read back, and how a table gains columns."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flows.errors import InputError, MissingError, SqlError
from flows.warehouse.base import Column, Diff, TableSpec
from flows.warehouse.bq.fields import columns_of, fields_of
from flows.warehouse.bq.labels import label
from flows.warehouse.bq.project import STAGED_DAYS, STAGING, Project
from flows.warehouse.bqtypes import normal
from flows.warehouse.evolve import added, evolve
from flows.warehouse.lake import split
from flows.warehouse.quoting import literal, name_sql

if TYPE_CHECKING:
    from google.cloud import bigquery

    from flows.warehouse.bq.jobs import Jobs

KEYS = re.compile(r"^Penstock keys: (\[.*\])$", re.MULTILINE)
"""The line of a table's description that holds its keys. Not an unenforced PRIMARY KEY: BigQuery's optimizer believes one, and a table
that somebody else writes to would then give wrong rows."""
RANGE = (0, 100_000_000, 10_000)
"""(start, end, step) of an INT64 partition: 10,000 of them, the most that BigQuery takes. Other values share one more."""
MONTHS = (19_700_000, 20_700_000, 100)
"""The same for days that are written as numbers, 20250131: a partition a month."""


class Datasets:
    """The datasets of one tenant. Raises the errors of `flows.errors`."""

    def __init__(self, project: Project, tenant_id: str, jobs: Jobs) -> None:
        self.project, self.tenant_id, self.jobs = project, tenant_id, jobs
        self._made: set[str] = set()

    # ---------------------------------------------------------------- names
    def path(self, name: str) -> str:
        """project.dataset.table of a tenant's dataset.table. Raises InputError for a name that is none."""
        dataset, table = split(name)
        return f"{self.project.project}.{self.project.dataset(self.tenant_id, dataset)}.{table}"

    def sql(self, name: str) -> str:
        """The same, quoted for a statement."""
        return path_sql(self.path(name))

    def names(self, dataset: str = "") -> list[str]:
        """Names of the tables there are, sorted; rows between steps and other tenants' datasets are not among them."""
        found = []
        for logical, physical in self._datasets(dataset):
            try:
                found += [f"{logical}.{table}" for table in self._tables(physical)]
            except MissingError:
                continue
        return sorted(found)

    def _tables(self, dataset: str) -> list[str]:
        client, retry = self.jobs.client, self.jobs.retry()
        return self.jobs.ask(lambda: [table.table_id for table in client.list_tables(dataset, retry=retry)])

    def _datasets(self, dataset: str) -> list[tuple[str, str]]:
        """(the tenant's name, project.dataset) of one dataset or of all."""
        project = self.project
        if dataset:
            return [(dataset, f"{project.project}.{project.dataset(self.tenant_id, dataset)}")]
        # the pattern with this tenant in it, and a place where the dataset's own name stands
        pattern = re.compile(re.escape(project.dataset(self.tenant_id, "DATASET")).replace("DATASET", "(.+)") + r"\Z")
        client, retry = self.jobs.client, self.jobs.retry()
        there = self.jobs.ask(lambda: [found.dataset_id for found in client.list_datasets(project.project, retry=retry)])
        own = [(match.group(1), name) for name in there if (match := pattern.match(name)) and name not in project.shared]
        return [(logical, f"{project.project}.{name}") for logical, name in own if logical != STAGING]

    # ---------------------------------------------------------------- what there is
    def look(self, name: str) -> bigquery.Table | None:
        """BigQuery's own description of a table; None when it is not there."""
        path = self.path(name)
        try:
            return self.jobs.ask(lambda: self.jobs.client.get_table(path, retry=self.jobs.retry()), what=name)
        except MissingError:
            return None

    def find(self, name: str) -> TableSpec:
        """A table as it is; without columns when it is not there."""
        table = self.look(name)
        return TableSpec(name, ()) if table is None else spec_of(name, table)

    def describe(self, name: str) -> TableSpec:
        """A table with its rows and bytes. Raises MissingError with near misses."""
        from flows.spec.suggest import did_you_mean

        table = self.look(name)
        if table is None:
            raise MissingError(f"there is no table {name!r}", fix=did_you_mean(name, self.names()))
        return spec_of(name, table)

    # ---------------------------------------------------------------- making and changing
    def ensure(self, want: TableSpec) -> Diff:
        """Make the table, or add what it lacks; nothing is taken away. Raises as `evolve` does."""
        have = self.find(want.name)
        spec = evolve(have, want, (), lineage=False)
        self.follow(have, spec)
        return added(have, spec)

    def follow(self, have: TableSpec, spec: TableSpec, values: tuple[int, int] | None = None) -> None:
        """Bring the table that is there (`have`, as `find` gave it) to `spec`, which `evolve` made of it. `values`: the least and
        largest of a partition column of INT64."""
        if not have.columns:
            self.create(spec, values)
            return
        there = {c.name.lower() for c in have.columns}
        new = [c for c in spec.columns if c.name.lower() not in there]
        if new:
            self.add(spec.name, new)
        if (spec.cluster_by, spec.keys) != (have.cluster_by, have.keys):
            self._options(spec)

    def create(self, spec: TableSpec, values: tuple[int, int] | None = None) -> None:
        """Make a table, and its dataset when that is not there; a table that somebody else has just made is fine."""
        table = table_of(spec, self.path(spec.name), values)
        client = self.jobs.client
        self.dataset(split(spec.name)[0])
        self.jobs.ask(lambda: client.create_table(table, exists_ok=True, retry=self.jobs.retry()), what=spec.name)

    def make(self, logical: str) -> bool:
        """Make a tenant's dataset; False: it is there already."""
        client, path = self.jobs.client, f"{self.project.project}.{self.project.dataset(self.tenant_id, logical)}"
        try:
            self.jobs.ask(lambda: client.get_dataset(path, retry=self.jobs.retry()), what=logical)
        except MissingError:
            self.dataset(logical)
            return True
        return False

    def dataset(self, logical: str) -> str:
        """Make a tenant's dataset when it is not there; gives its name with the project."""
        from google.cloud import bigquery

        path = f"{self.project.project}.{self.project.dataset(self.tenant_id, logical)}"
        if path in self._made:
            return path
        made = bigquery.Dataset(path)
        made.location, made.labels = self.project.location, {"penstock_tenant": label(self.tenant_id)}
        if logical == STAGING:
            made.default_table_expiration_ms = STAGED_DAYS * 86_400_000  # also of what nobody gave an end
        try:
            self.jobs.ask(lambda: self.jobs.client.get_dataset(path, retry=self.jobs.retry()), what=logical)
        except MissingError:
            self.jobs.ask(lambda: self.jobs.client.create_dataset(made, exists_ok=True, retry=self.jobs.retry()), what=logical)
        self._made.add(path)
        return path

    def add(self, name: str, columns: Sequence[Column]) -> None:
        """Add columns. BigQuery lets none of them need a value, whatever is wished: the writes look at that."""
        clauses = [f"ADD COLUMN IF NOT EXISTS {column_sql(replace(c, nullable=True))}" for c in columns]
        if not self.project.endpoint:  # one statement is one change of the table, and those are rationed
            self.jobs.query(f"ALTER TABLE {self.sql(name)} {', '.join(clauses)}")
            return
        # an emulator takes one clause a statement, and its description of the table does not follow
        self.jobs.query("; ".join(f"ALTER TABLE {self.sql(name)} {clause}" for clause in clauses))
        table = self.look(name)
        if table is not None:
            there = {field.name.lower() for field in table.schema}
            table.schema = [*table.schema, *fields_of([replace(c, nullable=True) for c in columns if c.name.lower() not in there])]
            self.jobs.ask(lambda: self.jobs.client.update_table(table, ["schema"], retry=self.jobs.retry()), what=name)

    def _options(self, spec: TableSpec) -> None:
        table = self.look(spec.name)
        if table is not None:
            table.clustering_fields = list(spec.cluster_by) or None
            table.description = with_keys(table.description or "", spec.keys)
            client, what = self.jobs.client, ["clustering_fields", "description"]
            self.jobs.ask(lambda: client.update_table(table, what, retry=self.jobs.retry()), what=spec.name)

    def drop(self, path: str) -> None:
        """Remove a table by its full name, if it is there."""
        self.jobs.ask(lambda: self.jobs.client.delete_table(path, not_found_ok=True, retry=self.jobs.retry()))


# -------------------------------------------------------------------- spec <-> BigQuery
def spec_of(name: str, table: Any) -> TableSpec:
    """The spec of one of BigQuery's tables."""
    partition = ""
    if table.time_partitioning is not None:
        partition = table.time_partitioning.field or ""
    elif table.range_partitioning is not None:
        partition = table.range_partitioning.field or ""
    columns = tuple(replace(c, type=_normal(c.type)) for c in columns_of(table.schema or ()))
    return TableSpec(name, columns, partition, tuple(table.clustering_fields or ()), keys_of(table.description or ""),
                     rows=int(table.num_rows or 0), bytes=int(table.num_bytes or 0))


def _normal(kind: str) -> str:
    try:
        return normal(kind)
    except InputError:  # GEOGRAPHY, RANGE: kept as it is, nothing here writes it
        return kind


def table_of(spec: TableSpec, path: str, values: tuple[int, int] | None = None) -> bigquery.Table:
    """The table that a spec asks for. A filter on the partition is never required: a rewrite finds its own rows."""
    from google.cloud import bigquery

    table = bigquery.Table(path, schema=fields_of(spec.columns))
    column = spec.column(spec.partition_by) if spec.partition_by else None
    if column is not None and column.type == "INT64":
        start, end, step = buckets(values)
        table.range_partitioning = bigquery.RangePartitioning(field=column.name,
                                                              range_=bigquery.PartitionRange(start=start, end=end, interval=step))
    elif column is not None:
        table.time_partitioning = bigquery.TimePartitioning(type_="DAY", field=column.name)
    if spec.cluster_by:
        table.clustering_fields = list(spec.cluster_by)
    if spec.keys:
        table.description = with_keys("", spec.keys)
    return table


def buckets(values: tuple[int, int] | None) -> tuple[int, int, int]:
    """(start, end, step) of the ranges of an INT64 partition; `values` are the least and largest of the first rows."""
    if values and MONTHS[0] <= values[0] and values[1] < MONTHS[1]:
        return MONTHS
    return RANGE


def keys_of(description: str) -> tuple[str, ...]:
    """The keys that a table's description names."""
    found = KEYS.search(description)
    try:
        names = json.loads(found.group(1)) if found else []
    except ValueError:
        return ()
    return tuple(name for name in names if isinstance(name, str))


def with_keys(description: str, keys: Sequence[str]) -> str:
    """A description that names the keys, and otherwise says what it said."""
    rest = KEYS.sub("", description).strip()
    line = f"Penstock keys: {json.dumps(list(keys), ensure_ascii=False)}" if keys else ""
    return "\n\n".join(part for part in (rest, line) if part)


# -------------------------------------------------------------------- as text
def path_sql(path: str) -> str:
    """A full name as one quoted path. Raises SqlError for one that cannot be quoted."""
    if "`" in path or "\\" in path:
        raise SqlError(f"{path[:80]!r} is not the name of a table", code="not_found")
    return f"`{path}`"


def column_sql(column: Column) -> str:
    """A column as DDL spells it."""
    need = "" if column.nullable or column.type.startswith("ARRAY<") else " NOT NULL"
    told = f" OPTIONS(description = {literal(column.description, 'bigquery')})" if column.description else ""
    return f"{name_sql(column.name, 'bigquery')} {column.type}{need}{told}"


def layout_sql(spec: TableSpec, values: tuple[int, int] | None = None, description: str = "") -> str:
    """PARTITION BY, CLUSTER BY and OPTIONS of a table, as DDL spells them."""
    parts = []
    column = spec.column(spec.partition_by) if spec.partition_by else None
    if column is not None:
        name = name_sql(column.name, "bigquery")
        by = {"DATE": name, "TIMESTAMP": f"TIMESTAMP_TRUNC({name}, DAY)", "DATETIME": f"DATETIME_TRUNC({name}, DAY)"}
        start, end, step = buckets(values)
        parts.append(f"PARTITION BY {by.get(column.type, f'RANGE_BUCKET({name}, GENERATE_ARRAY({start}, {end}, {step}))')}")
    if spec.cluster_by:
        parts.append(f"CLUSTER BY {', '.join(name_sql(c, 'bigquery') for c in spec.cluster_by)}")
    told = with_keys(description, spec.keys)
    if told:
        parts.append(f"OPTIONS(description = {literal(told, 'bigquery')})")
    return " ".join(parts)
