"""A real DuckDB with small random tables, and both compilations of every operation run on it."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import duckdb
import pytest
import sqlglot

from flows.settings import Settings
from flows.spec.problems import typed
from flows.store import open_store
from flows.transform.compile import transform
from flows.transform.operations import Operations
from flows.warehouse.base import Column
from flows.warehouse.bqtypes import to_duck
from flows.warehouse.duckdb import DuckDBWarehouse
from tests.parity import engines

read = partial(typed, Operations, at="operations")

TODAY = date(2025, 11, 15)
TYPES = {
    "id": "INT64",
    "customer_id": "INT64",
    "amount": "FLOAT64",
    "price": "NUMERIC",
    "status": "STRING",
    "day": "DATE",
    "at": "TIMESTAMP",
    "paid": "BOOL",
}
Row = dict[str, Any]


def made(seed: int, count: int = 40) -> list[Row]:
    """Orders with empty cells, ties and odd texts; amounts are exact in binary so that sums do not depend on their order."""
    dice = random.Random(seed)

    def maybe(value: Any) -> Any:
        return None if dice.random() < 0.15 else value

    start = datetime(2025, 10, 1, tzinfo=UTC)
    return [
        {
            "id": n,
            "customer_id": maybe(dice.randint(1, 6)),
            "amount": maybe(dice.randint(-40, 400) / 4),
            "price": maybe(Decimal(dice.randint(0, 9999)) / 100),
            "status": maybe(dice.choice(["paid", "open", "it's", 'a"b', "50%_\\x", ""])),
            "day": maybe(date(2025, 9, 20) + timedelta(days=dice.randint(0, 80))),
            "at": maybe(start + timedelta(seconds=dice.randint(0, 60 * 86400))),
            "paid": maybe(dice.random() < 0.5),
        }
        for n in range(count)
    ]


class Lab:
    """Tables by name, and what operations make of them."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        self.tables: dict[str, tuple[Column, ...]] = {}

    def table(self, name: str, types: dict[str, str], rows: list[Row]) -> None:
        spelled = ", ".join(f'"{n.replace(chr(34), chr(34) * 2)}" {to_duck(t)}' for n, t in types.items())
        quoted = '"' + name.replace('"', '""') + '"'
        self.con.execute(f"CREATE OR REPLACE TABLE {quoted} ({spelled})")
        if rows:
            marks = ", ".join("(" + ", ".join("?" for _ in types) + ")" for _ in rows)
            self.con.execute(f"INSERT INTO {quoted} VALUES {marks}", [row[n] for row in rows for n in types])
        self.tables[name] = tuple(Column(n, t) for n, t in types.items())

    def rows(self, sql: str) -> list[Row]:
        found = self.con.execute(sql)
        names = [d[0] for d in found.description]
        return [dict(zip(names, values, strict=True)) for values in found.fetchall()]

    def types(self, sql: str) -> dict[str, str]:
        relation = self.con.sql(sql)
        return dict(zip(relation.columns, map(str, relation.types), strict=True))

    def compile(self, operations: list[Row], first: str, dialect: str, **more: Any) -> Any:
        inputs = {first: self.tables[first], **{n: c for n, c in self.tables.items() if n != first}}
        return transform(read(operations), inputs, now=TODAY, dialect=dialect, **more)

    def run(self, *operations: Row, first: str = "orders", check_bigquery: bool = True, **more: Any) -> list[Row]:
        """The rows that DuckDB gives. On the way: columns and types are those that were foretold, the BigQuery text is BigQuery, and
        said in DuckDB by sqlglot it gives the same rows."""
        ours = self.compile(list(operations), first, "duckdb", **more)
        theirs = self.compile(list(operations), first, "bigquery", **more)
        sql = ours.tree.sql("duckdb")
        assert self.types(sql) == {c.name: to_duck(c.type) for c in ours.columns}
        assert ours.columns == theirs.columns
        text = theirs.tree.sql("bigquery")
        again = sqlglot.parse_one(text, dialect="bigquery")
        assert sqlglot.parse_one(again.sql("bigquery"), dialect="bigquery") == again
        found = self.rows(sql)
        if check_bigquery:
            assert same(self.rows(sqlglot.transpile(text, read="bigquery", write="duckdb")[0]), found), text
        return found


def plain(value: Any) -> Any:
    """A cell that can be compared: sqlglot gives some dates as midnights, floats differ in the last bits."""
    if isinstance(value, datetime):
        value = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return ("t", value.isoformat())
    if isinstance(value, date):
        return ("t", datetime(value.year, value.month, value.day).isoformat())
    if isinstance(value, bool) or value is None:
        return ("b", str(value))
    if isinstance(value, float | Decimal | int):
        number = float(value)
        return ("n", "nan" if math.isnan(number) else f"{number:.9g}" if number else "0")
    return ("s", str(value))


def bag(rows: list[Row]) -> list[tuple[Any, ...]]:
    return sorted(tuple((name, plain(value)) for name, value in row.items()) for row in rows)


def same(left: list[Row], right: list[Row]) -> bool:
    """Equal as multisets."""
    return bag(left) == bag(right)


@pytest.fixture(scope="session")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    con = duckdb.connect()
    con.execute("SET TimeZone='UTC'")
    yield con
    con.close()


@pytest.fixture
def lab(engine: duckdb.DuckDBPyConnection) -> Lab:
    return Lab(engine)


def filled(lab: Lab, seed: int) -> tuple[Lab, list[Row], list[Row]]:
    orders, dice = made(seed), random.Random(seed)
    customers = [
        {"customer_id": dice.choice([n, n, None]), "country": dice.choice(["DE", "FR", None]), "status": "active"} for n in range(1, 9)
    ]
    lab.table("orders", TYPES, orders)
    lab.table("customers", {"customer_id": "INT64", "country": "STRING", "status": "STRING"}, customers)
    return lab, orders, customers


@pytest.fixture(params=range(3))
def shop(lab: Lab, request: pytest.FixtureRequest) -> tuple[Lab, list[Row], list[Row]]:
    """Orders and customers, random but the same every time."""
    return filled(lab, request.param)


@pytest.fixture
def store(lab: Lab) -> tuple[Lab, list[Row], list[Row]]:
    """The same once, where the rows do not matter."""
    return filled(lab, 0)


@pytest.fixture
def equal() -> Any:
    return same


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[engines.Local]:
    """A session of the local warehouse that holds the pool of tests.parity."""
    home = Settings.load(home=tmp_path_factory.mktemp("parity"))
    store = open_store(home.control_url)
    warehouse = DuckDBWarehouse(home, store.manifest, "demo", stage_dir=home.home / "stage")
    yield engines.Local(warehouse)
    warehouse.close()
    store.dispose()


@pytest.fixture(scope="session")
def big(emulator: Any) -> engines.Big:
    """The BigQuery emulator that holds the same."""
    return engines.Big(emulator.endpoint, emulator.project)
