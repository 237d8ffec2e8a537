"""One case on DuckDB, on BigQuery's double and in the model; what each gives, told apart cell by cell."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import partial
from typing import Any

from sqlglot import exp

from flows.errors import PenstockError
from flows.spec.problems import typed
from flows.transform.compile import Compiled, transform
from flows.transform.operations import Operations
from flows.warehouse.base import Column, Dialect
from tests.parity.model import TODAY, Row
from tests.parity.pool import POOL, TYPES, table
from tests.parity.specs import Case, Relation

read = partial(typed, Operations, at="operations")
DATASET = "parity"
NINE, CONTEXT = Decimal("1e-9"), Context(prec=100)


def given(name: str, relation: Relation, dialect: Dialect) -> exp.Select:
    """The rows of a relation out of the pool."""
    pool = exp.to_table(f"{DATASET}.pool", dialect=dialect)
    cells = [exp.alias_(exp.column(c), exp.to_identifier(n, quoted=True)) for n, c in relation.columns.items()]
    return exp.Select(expressions=cells).from_(pool).where(_those(relation.rows))


def _those(rows: list[int]) -> exp.Expr:
    """These rows, said in few words."""
    step = rows[1] - rows[0] if len(rows) > 1 else 0
    if step > 0 and rows == list(range(0, len(POOL), step)):
        return exp.EQ(this=exp.Mod(this=exp.column("_n"), expression=exp.Literal.number(step)), expression=exp.Literal.number(0))
    others = sorted(set(range(len(POOL))) - set(rows))
    few = rows if len(rows) <= len(others) else others
    among = exp.In(this=exp.column("_n"), expressions=[exp.Literal.number(n) for n in few or [-1]])
    return among if few is rows else exp.Not(this=among)


def compiled(case: Case, dialect: Dialect, *, emulated: bool = False) -> Compiled:
    """The query of a case; `emulated`: with the expressions that the emulator is sent."""
    inputs = {n: tuple(Column(c, t) for c, t in r.types.items()) for n, r in case.relations.items()}
    said = [{k: v for k, v in op.items() if not k.startswith("_")} for op in case.operations]
    for op, told in zip(case.operations, said, strict=True):
        if emulated and op["op"] == "derive":
            told["columns"] = {n: p.said.format(*(f"`{c}`" for c in cells)) for n, (p, cells) in op["_phrases"].items()}
    return transform(read(said), inputs, now=TODAY, dialect=dialect)


def whole(tree: exp.Query, case: Case, dialect: Dialect) -> exp.Query:
    """The compiled query with its relations in front of it."""
    return beside(tree, case.relations, dialect)


def beside(tree: exp.Query, relations: dict[str, Relation], dialect: Dialect) -> exp.Query:
    tree = tree.copy()
    for name, relation in relations.items():
        tree = tree.with_(exp.to_identifier(name, quoted=True), as_=given(name, relation, dialect), copy=False)
    return tree


class Local:
    """A session of the local warehouse that holds the pool."""

    def __init__(self, warehouse: Any) -> None:
        self.warehouse = warehouse
        session = warehouse.session
        session.rows(f"CREATE SCHEMA {DATASET}")
        with session.arrow("given_pool", table()):
            session.rows(f"CREATE TABLE {DATASET}.pool AS SELECT * FROM given_pool")

    def run(self, tree: exp.Query) -> tuple[list[Row], dict[str, str]]:
        """Rows and the types as this warehouse names them. Raises PenstockError."""
        from flows.warehouse.bqtypes import from_duck

        sql = tree.sql("duckdb")
        names, kinds = self.warehouse.session.describe(sql)
        rows = [dict(zip(names, row, strict=True)) for row in self.warehouse.session.rows(sql)]
        return rows, dict(zip(names, (from_duck(kind)[0] for kind in kinds), strict=True))


class Big:
    """BigQuery's double behind its real client."""

    def __init__(self, endpoint: str, project: str) -> None:
        import pyarrow.parquet as pq
        from google.api_core.client_options import ClientOptions
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import bigquery

        self.client = bigquery.Client(
            project=project,
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options=ClientOptions(api_endpoint=endpoint),
        )
        self.client.create_dataset(DATASET, exists_ok=True)
        name = f"{project}.{DATASET}.pool"
        self.client.delete_table(name, not_found_ok=True)
        fields = [bigquery.SchemaField("_n", "INT64"), *(bigquery.SchemaField(n, t) for n, t in TYPES.items())]
        self.client.create_table(bigquery.Table(name, schema=fields))
        file = io.BytesIO()
        pq.write_table(table(), file)
        file.seek(0)
        config = bigquery.LoadJobConfig(source_format="PARQUET", write_disposition="WRITE_APPEND")
        self.client.load_table_from_file(file, name, job_config=config).result()

    def run(self, sql: str) -> tuple[list[Row], dict[str, str]]:
        """Raises the client's errors."""
        found = self.client.query_and_wait(sql, retry=None, job_retry=None, api_timeout=30)
        if not found.schema:
            raise ValueError("the emulator answers a statement that failed with no rows and no columns")
        said = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
        types = {f.name: said.get(f.field_type, f.field_type) for f in found.schema}
        return [dict(row.items()) for row in found], types


def mended(rows: list[Row], found: dict[str, str], types: dict[str, str]) -> tuple[list[Row], dict[str, str]]:
    """An answer of the emulator without what its translation spoils: names lose their case, the product of two NUMERIC has the decimals
    of both, and the average of a NUMERIC that was cut to a whole one is a FLOAT64."""
    proper = {n.casefold(): n for n in types}
    names = {n: proper.get(n.casefold(), n) for n in found}
    wide = {n for n, t in found.items() if t in ("BIGNUMERIC", "FLOAT64") and types.get(names[n]) == "NUMERIC"}

    def cell(name: str, value: Any) -> Any:
        return Decimal(value).quantize(NINE, ROUND_HALF_UP, CONTEXT) if name in wide and value is not None else value

    fixed = [{names[n]: cell(n, v) for n, v in row.items()} for row in rows]
    return fixed, {names[n]: "NUMERIC" if n in wide else t for n, t in found.items()}


# ---- comparing
def key(value: Any) -> Any:
    """A cell that can be told apart and put in order; floats by twelve digits, zero without its sign."""
    if isinstance(value, bool) or value is None:
        return ("b", str(value))
    if isinstance(value, float):
        return ("f", value + 0.0)
    if isinstance(value, int | Decimal):
        return ("n", Decimal(value).normalize() + 0)
    if isinstance(value, datetime):
        return ("t", value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat())
    return ("d", value.isoformat()) if isinstance(value, date) else ("s", value)


def near(a: Any, b: Any, scale: float) -> bool:
    if key(a) == key(b):
        return True
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= 1e-9 * max(abs(a), abs(b)) + 1e-12 * scale
    if isinstance(a, Decimal) and isinstance(b, Decimal):
        return abs(a - b) <= Decimal("2e-9") + Decimal("1e-12") * max(abs(a), abs(b))
    return False


def differ(left: Sequence[Row], right: Sequence[Row], names: list[str], *, ordered: bool, loose: set[str]) -> str:
    """How two answers differ, in words; empty when they do not. Columns in `loose` may be off in their last digits."""
    if len(left) != len(right):
        return f"{len(left)} rows and {len(right)} rows"
    odd = next((r for r in (*left, *right) if list(r) != names), None)
    if odd is not None:
        return f"columns {list(odd)} where {names} are due"
    if not ordered:
        left, right = _sorted(left, names, loose), _sorted(right, names, loose)
    scale = max((abs(float(v)) for rows in (left, right) for r in rows for v in r.values() if isinstance(v, float | Decimal)), default=0.0)
    scale = 0.0 if scale > 1e20 else scale
    for n, (a, b) in enumerate(zip(left, right, strict=True)):
        for name in names:
            x, y = a[name], b[name]
            if key(x) != key(y) and not ((name in loose or isinstance(x, float)) and near(x, y, scale)):
                return f"row {n}, column {name}: {x!r} and {y!r}"
    return ""


def _sorted(rows: Sequence[Row], names: list[str], loose: set[str]) -> list[Row]:
    def rank(row: Row) -> Any:
        firm = [key(row[n]) for n in names if n not in loose and not isinstance(row[n], float)]
        soft = [("f", f"{float(row[n]) + 0.0:.6e}") if isinstance(row[n], float | Decimal) else key(row[n]) for n in names]
        return [tuple(map(str, k)) for k in firm], [tuple(map(str, k)) for k in soft]

    return sorted(rows, key=rank)


def bag(rows: Sequence[Row]) -> Counter[Any]:
    return Counter(tuple((n, key(v)) for n, v in row.items()) for row in rows)


__all__ = ["Big", "Local", "PenstockError", "bag", "compiled", "differ", "whole"]
