"""What people may write and what nobody may: two lists of statements, with the reason of each refusal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from flows.errors import PenstockError, SqlError
from flows.settings import Settings
from flows.warehouse.duckdb import DuckDBWarehouse

Open = Callable[..., DuckDBWarehouse]
FOLDER = Path(__file__).parents[2] / "golden" / "guard"
PARAMS = {"p": 3, "ids": [1, 3], "text": "'; DROP TABLE mart.mine; --"}
LONG = {"{or}": " OR ".join(f"id = {n}" for n in range(100)), "{list}": ", ".join(map(str, range(1000))),
        "{unions}": " UNION ALL ".join(f"SELECT {n} AS a" for n in range(50))}
GIANTS = {
    "parentheses": "SELECT " + "(" * 3000 + "1" + ")" * 3000,
    "sums": "SELECT " + "+".join(["1"] * 3000),
    "queries in queries": "SELECT * FROM (" * 80 + "SELECT 1 AS a" + ")" * 80,
    "a list": f"SELECT a FROM mart.mine WHERE a IN ({', '.join(map(str, range(20_000)))})",
    "joins": "SELECT 1 AS a FROM mart.mine AS t0 " + " ".join(f"JOIN mart.mine AS t{n} USING (a)" for n in range(1, 250)),
    "text": "SELECT '" + "x" * 1_000_001 + "' AS a",
}


def cases(name: str) -> list[tuple[str, str, str, str]]:
    """(id, codes, statement, answer) of each case of a file."""
    found = []
    for part in re.split(r"^-- # ", (FOLDER / name).read_text(), flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        answer = re.search(r"^-- = (.*)$", body, flags=re.MULTILINE)
        sql = re.sub(r"^-- = .*$", "", body, flags=re.MULTILINE).strip()
        for mark, text in LONG.items():
            sql = sql.replace(mark, text)
        found.append((head.partition(" ")[0].rstrip(":"), head.partition(":")[0].partition(" ")[2], sql, answer[1] if answer else ""))
    return found


HOSTILE, HONEST = cases("hostile.sql"), cases("honest.sql")


@pytest.fixture
def lake_settings(tmp_path: Path) -> Settings:
    return replace(Settings.load(home=tmp_path / "home"), project="acme-prod")


@pytest.fixture
def warehouse(open_warehouse: Open) -> DuckDBWarehouse:
    open_warehouse(tenant="other").load(pa.table({"a": [666]}).to_reader(), "other.secrets")
    w = open_warehouse(names={"mine": "mart.mine"})
    w.load(pa.table({"a": [7]}).to_reader(), "mart.mine")
    w.load(pa.table({"a": range(100_000)}).to_reader(), "mart.large")
    items = [[{"sku": "x", "qty": 2}, {"sku": "y", "qty": 1}], [], [{"sku": "x", "qty": 5}]]
    w.load(pa.table({"id": [1, 2, 3], "customer": ["ann", "bob", "ann"], "amount": [5.0, 20.0, 1.5],
                     "day": [date(2025, 1, d) for d in (1, 2, 3)], "note": ["; DROP TABLE x", "-- hm", None],
                     "items": items}).to_reader(), "mart.orders")
    return w


def test_the_lists_are_long_enough() -> None:
    assert len(HOSTILE) >= 75
    assert len(HONEST) >= 75
    for listed in (HOSTILE, HONEST):
        assert len({case[0] for case in listed}) == len({case[2] for case in listed}) == len(listed)


def test_hostile_statements_are_refused_with_their_reason(warehouse: DuckDBWarehouse) -> None:
    wrong = []
    for name, codes, sql, _ in HOSTILE:
        try:
            warehouse.query(sql, PARAMS)
        except PenstockError as error:
            if error.code not in codes.split() or "Traceback" in str(error) or "666" in str(error):
                wrong.append(f"{name} {error.code} instead of {codes}: {error}")
        else:
            wrong.append(f"{name} ran: {sql}")
    assert not wrong, "\n".join(wrong)
    assert warehouse.query("SELECT a FROM mart.mine").to_pylist() == [{"a": 7}]


def test_honest_statements_pass(warehouse: DuckDBWarehouse) -> None:
    wrong = []
    for name, _, sql, answer in HONEST:
        try:
            rows = [list(row.values()) for row in warehouse.query(sql, PARAMS).to_pylist()]
        except PenstockError as error:
            wrong.append(f"{name} {error.code}: {error}")
        else:
            if answer and rows != json.loads(answer):
                wrong.append(f"{name} gives {rows}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", GIANTS)
def test_giants_are_refused(warehouse: DuckDBWarehouse, name: str) -> None:
    with pytest.raises(PenstockError) as caught:
        warehouse.query(GIANTS[name])
    assert caught.value.code == "limit"


@pytest.mark.parametrize("mark", ["\r", "\x0b", "\x00", "\u2028"], ids=ascii)
def test_what_ends_a_line_for_some_readers_only_is_refused(warehouse: DuckDBWarehouse, mark: str) -> None:
    with pytest.raises(SqlError, match="control character"):
        warehouse.query(f"SELECT m.a FROM mart.mine AS m -- {mark}, other.secrets")
    assert warehouse.query("SELECT m.a -- x\r\nFROM mart.mine AS m").to_pylist() == [{"a": 7}]
