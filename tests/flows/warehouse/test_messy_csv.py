"""A file as people send it: one broken line never takes others with it, and each one is counted at its own line."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.warehouse.duckdb import DuckDBWarehouse

FILES = Path(__file__).parents[2] / "fixtures" / "files"
GOOD = ("1,x,2025-11-01,q", '2,"a, b",y,z', '3,"he ""x"" y",,w', ',,,"q"', "5,x,y,", '6,é,"ü",1')
BAD = ("1,x", "1;2;3;4", '1,"M" S,y,z', "a,b,c,d,e", '1,2,3,"x"y', '"q"x,1,2,3', "x")


@pytest.fixture
def warehouse(open_warehouse: Callable[..., DuckDBWarehouse], tmp_path: Path) -> DuckDBWarehouse:
    return open_warehouse(read_dirs=[tmp_path, FILES])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_after_a_broken_quote_are_read(warehouse: DuckDBWarehouse, tmp_path: Path, end: str) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(end.join(["a,b,c", "1,x,y", '2,"M" S,y', "3,x,y", "4,x,y", ""]).encode())
    file = warehouse.read_csv(path)
    assert [row["a"] for row in warehouse.query(file.tree).to_pylist()] == [1, 3, 4]
    assert (file.rows, file.rejected, [r["line"] for r in file.rejects]) == (3, 1, [3])


@pytest.mark.parametrize("seed", range(12))
def test_each_broken_line_counts_once_and_at_its_place(warehouse: DuckDBWarehouse, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    count = chance.choice((5, 40, 300))
    lines = [(True, chance.choice(GOOD)) if chance.random() < 0.8 else (False, chance.choice(BAD)) for _ in range(count)]
    path = tmp_path / "f.csv"
    path.write_bytes(("\n", "\r\n")[seed % 2].join(["a,b,c,d", *(text for _, text in lines), ""]).encode())
    file = warehouse.read_csv(path)
    good = sum(fine for fine, _ in lines)
    assert (file.rows, file.rejected) == (good, len(lines) - good)
    assert warehouse.query(file.tree).num_rows == good
    assert [r["line"] for r in file.rejects] == [n for n, (fine, _) in enumerate(lines, 2) if not fine]


def test_a_file_with_everything_wrong(warehouse: DuckDBWarehouse) -> None:
    file = warehouse.read_csv(FILES / "messy_orders.csv")
    rows = warehouse.query(file.tree).to_pylist()
    assert [row["order_id"] for row in rows] == [*map(str, range(1001, 1011)), "Total"]
    assert list(rows[0]) == ["order_id", "day", "customer", "amount", "discount", "status"]
    assert (rows[0]["amount"], rows[5]["customer"], rows[7]["customer"]) == ("1,250.00", "Fermi, Enrico", 'Hedy "H" Lamarr')
    assert [(r["line"], r["reason"]) for r in file.rejects] == [
        (5, "too few columns (expected 6 found 3)"), (8, "too few columns (expected 6 found 4)"),
        (10, "a quote that is not closed where it should be"), (13, "too many columns (expected 6 found 7)")]
    assert file.rejected == 4
