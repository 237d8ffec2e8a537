"""Promises of the catalogue: read safely, judged, one snapshot per tenant, replaced as a whole."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flows.errors import InputError, MissingError, SpecError
from flows.insight.catalog import (
    Catalog,
    CatalogColumn,
    Connection,
    Table,
    add_table,
    default_catalog,
    load_catalog,
    tenant_file,
)
from flows.settings import Settings

SHARED = Path(__file__).resolve().parents[3] / "../shared/data/planner/catalog.yml"

GOOD = """
connections:
  pg: {kind: postgres, synonyms: [postgres], writable: true}
tables:
  orders:
    connection: pg
    primary_key: [order_id]
    synonyms: [sales]
    description: One row an order
    location: shop.orders
    columns:
      order_id: {type: INT64}
      customer_id: {type: INT64}
      status: {type: STRING, values: [paid, open], synonyms: [state], description: how far it is}
  customers:
    columns: {customer_id: {type: INT64}}
foreign_keys:
- {table: orders, column: customer_id, references: {table: customers, column: customer_id}}
pipelines: [orders-daily]
"""


@pytest.fixture
def house(tmp_path: Path) -> Settings:
    return Settings.load(home=tmp_path / "home", tenant_id="acme")


def catalog(tmp_path: Path, text: str) -> Catalog:
    file = tmp_path / "catalog.yml"
    file.write_text(text, encoding="utf-8")
    return load_catalog(file)


def table(**more: object) -> Table:
    return Table.model_validate({"columns": {"a": {"type": "INT64"}}, **more})


def test_a_catalogue_is_read(tmp_path: Path) -> None:
    made = catalog(tmp_path, GOOD)
    assert made.tables["orders"].columns["status"].values == ("paid", "open")
    assert made.tables["orders"].location == "shop.orders"
    assert made.connections["pg"].writable
    assert made.foreign_keys[0].references.table == "customers"
    assert made.pipelines == ("orders-daily",)


def test_equal_content_has_an_equal_version(tmp_path: Path) -> None:
    first = catalog(tmp_path, GOOD).version
    assert catalog(tmp_path, "# said differently\n" + GOOD).version == first
    assert catalog(tmp_path, GOOD.replace("paid", "settled")).version != first


@pytest.mark.parametrize(("old", "new", "said"), [
    ("primary_key:", "primary_keys:", "line 7, tables.orders.primary_keys: unknown field 'primary_keys'. Did you mean 'primary_key'?"),
    ("order_id: {type: INT64}", "order_id: {typ: INT64}", "the field 'type' is missing"),
    ("{type: STRING, v", "{type: STRNG, v", "tables.orders.columns.status.type: there is no type 'STRNG'. Did you mean 'STRING'?"),
    ("connection: pg", "connection: pgg", "tables.orders.connection: there is no connection 'pgg'. Did you mean 'pg'?"),
    ("[order_id]", "[oder_id]", "tables.orders.primary_key.0: there is no column 'oder_id'. Did you mean 'order_id'?"),
    ("{table: customers,", "{table: custmers,", "there is no table 'custmers'. Did you mean 'customers'?"),
    ("column: customer_id, references", "column: customer, references", "foreign_keys.0.column: there is no column 'customer'"),
    ("values: [paid, open]", "values: [1, 2]", "tables.orders.columns.status.values.0: must be text, not the number 1"),
    ("  orders:\n", "  or ders:\n", "'or ders' is no name for a table"),
    ("pipelines:", "tables:", "the key 'tables' stands here twice"),
    ("[paid, open]", "&a [paid, open]", "anchors and aliases are not allowed"),
])
def test_a_slip_is_named_with_its_place_and_the_way_out(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(SpecError) as caught:
        catalog(tmp_path, GOOD.replace(old, new))
    assert any(said in str(problem) for problem in caught.value.problems), [str(p) for p in caught.value.problems]
    assert all(problem.line for problem in caught.value.problems)


def test_a_file_that_is_not_there_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="there is no such file"):
        load_catalog(tmp_path / "nowhere.yml")


def test_a_catalogue_may_be_larger_than_a_spec(tmp_path: Path) -> None:
    columns = "".join(f"      column_{n}: {{type: STRING}}\n" for n in range(100))
    many = "tables:\n" + "".join(f"  t{n}:\n    columns:\n{columns}" for n in range(120))
    assert len(many) > 256 * 1024
    assert len(catalog(tmp_path, many).tables) == 120


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    assert "orders" in catalog(tmp_path, GOOD).tables
    assert catalog(tmp_path, "tables: {only: {columns: {a: {type: INT64}}}}").tables.keys() == {"only"}


def test_a_tenant_starts_with_the_shipped_catalogue(house: Settings) -> None:
    made = default_catalog(house)
    assert made.tables["orders"].location == "shop.orders"
    assert not tenant_file(house).exists()


def test_an_added_table_is_there_for_this_tenant_only(house: Settings, tmp_path: Path) -> None:
    made = add_table(house, "returns", table(connection="erp", description="It's back"), connection=Connection(kind="postgres"))
    assert made.tables["returns"].description == "It's back"
    assert default_catalog(house) == made
    assert made.connections["erp"].kind == "postgres"
    assert "orders" in made.tables
    other = Settings.load(home=house.home, tenant_id="other")
    assert "returns" not in default_catalog(other).tables


def test_an_added_table_replaces_one_of_the_same_name(house: Settings) -> None:
    add_table(house, "orders", table(description="ours"))
    again = add_table(house, "orders", table(description="ours, newer"))
    assert again.tables["orders"].description == "ours, newer"
    assert default_catalog(house).tables["orders"].columns.keys() == {"a"}
    assert not any("orders" in (key.table, key.references.table) for key in again.foreign_keys)  # its columns are gone


@pytest.mark.parametrize(("name", "about", "said"), [
    ("no name", table(), "no name for a table"), ("x\0y", table(), "no name for a table"), ("../x", table(), "no name for a table"),
    ("t", table(connection="postgre"), "there is no connection 'postgre'. Did you mean 'postgres'?"),
    ("t", table(primary_key=["b"]), "there is no column 'b'"),
    ("t", Table(columns={"a": CatalogColumn(type="INTEGER")}), "there is no type 'INTEGER'"),
])
def test_a_table_that_does_not_hold_is_refused_and_nothing_is_written(house: Settings, name: str, about: Table, said: str) -> None:
    with pytest.raises(InputError) as caught:
        add_table(house, name, about)
    assert said in str(caught.value)
    assert not tenant_file(house).exists()


def test_many_writers_lose_nothing(house: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: add_table(house, f"t{n}", table()), range(24)))
    assert {f"t{n}" for n in range(24)} <= set(default_catalog(house).tables)
    assert [f.name for f in tenant_file(house).parent.iterdir() if f.name.startswith(".")] == []


@pytest.mark.skipif(not SHARED.exists(), reason="the shared catalogue is not here")
def test_the_shared_catalogue_is_read() -> None:
    assert len(load_catalog(SHARED).tables) == 13


def test_reading_a_catalogue_imports_nothing_heavy() -> None:
    code = ("import sys; from flows.insight.catalog import SHIPPED, load_catalog; load_catalog(SHIPPED); "
            "print([m for m in ('prefect', 'pandas', 'duckdb', 'sqlglot', 'pyarrow', 'sqlalchemy', 'google.cloud') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
