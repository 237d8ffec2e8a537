"""The lake loses nothing and shows nothing half done: kills, races, sweeps."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from flows.errors import TransientError
from flows.settings import Settings
from flows.store import Store, open_store
from flows.store.rows import LakeFile
from flows.warehouse import Slice, TableSpec, write
from flows.warehouse.duckdb import DuckDBWarehouse
from flows.warehouse.lake import Change, Lake, sweep_all

Open = Callable[..., DuckDBWarehouse]
Make = Callable[..., Slice]
SPAWN = multiprocessing.get_context("spawn")


def rows(warehouse: DuckDBWarehouse, sql: str = "SELECT a FROM mart.t ORDER BY a") -> list[Any]:
    return [next(iter(row.values())) for row in warehouse.query(sql).to_pylist()]


def parquet(home: Path) -> list[Path]:
    return sorted((home / "lake").rglob("*.parquet"))


def key(n: int) -> Slice:
    return Slice("demo", "p", f"c{n}", "2025-11-01", f"r{n}")


def write_slices(home: str, stage: str, worker: int, count: int, same: bool) -> None:
    """In a process of its own: `count` slices with one row each, or `count` times the same slice."""
    settings = Settings.load(home=home)
    store = open_store(settings.control_url)
    with DuckDBWarehouse(settings, store.manifest, "demo", stage_dir=Path(stage) / str(worker)) as warehouse:
        for n in range(count):
            number = worker * 1000 + n
            warehouse.replace_slice(TableSpec("mart.t", ()), key(0 if same else number), warehouse.stage("one", pa.table({"a": [number]})))
    store.dispose()


def run_all(home: Path, stage: Path, workers: int, count: int, same: bool) -> None:
    started = [SPAWN.Process(target=write_slices, args=(str(home), str(stage), n, count, same)) for n in range(workers)]
    for process in started:
        process.start()
    for process in started:
        process.join(200)
        assert process.exitcode == 0


@pytest.mark.slow
def test_four_processes_store_all_of_two_hundred_slices(lake_settings: Settings, open_warehouse: Open, tmp_path: Path) -> None:
    run_all(lake_settings.home, tmp_path / "s", 4, 50, same=False)
    with open_warehouse() as warehouse:
        assert rows(warehouse) == [worker * 1000 + n for worker in range(4) for n in range(50)]


@pytest.mark.slow
def test_two_processes_that_write_one_slice_leave_one_of_theirs(lake_settings: Settings, open_warehouse: Open, tmp_path: Path) -> None:
    run_all(lake_settings.home, tmp_path / "s", 2, 20, same=True)
    with open_warehouse() as warehouse:
        assert len(rows(warehouse)) == 1
        assert warehouse.lake.pin("mart.t").version == 40


def die_before_the_swap(home: str, stage: str) -> None:
    settings = Settings.load(home=home)
    store = open_store(settings.control_url)
    warehouse = DuckDBWarehouse(settings, store.manifest, "demo", stage_dir=Path(stage))

    def swap(self: Lake, change: Change, expect_version: int, **_: Any) -> int:
        assert all(self.path(file).exists() for file in change.add)
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    Lake.swap = swap  # type: ignore[method-assign]
    warehouse.write(TableSpec("mart.t", ()), key(1), warehouse.stage("new", pa.table({"a": [7, 8]})), mode="overwrite")


@pytest.mark.slow
def test_a_writer_killed_before_the_swap_leaves_the_old_rows(lake_settings: Settings, open_warehouse: Open, tmp_path: Path) -> None:
    warehouse = open_warehouse()
    warehouse.replace_slice(TableSpec("mart.t", ()), key(0), warehouse.stage("old", pa.table({"a": [1, 2]})))
    process = SPAWN.Process(target=die_before_the_swap, args=(str(lake_settings.home), str(tmp_path / "s")))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert len(parquet(lake_settings.home)) == 2
    assert rows(open_warehouse()) == [1, 2]
    assert warehouse.lake.sweep(3600).orphans == 0  # it may belong to a write that still runs
    time.sleep(0.01)
    assert warehouse.lake.sweep(0).orphans == 1
    assert rows(open_warehouse()) == [1, 2]


def test_a_lost_race_is_made_good(open_warehouse: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else writes the same table between the look at it and the swap."""
    one, two = open_warehouse(), open_warehouse()
    swap, calls = Lake.swap, []

    def slow(self: Lake, change: Change, expect_version: int, **kw: Any) -> int:
        if not calls:
            calls.append(1)
            two.replace_slice(TableSpec("mart.t", ()), key(2), two.stage("b", pa.table({"a": [2]})))
        return swap(self, change, expect_version, **kw)

    monkeypatch.setattr(Lake, "swap", slow)
    one.replace_slice(TableSpec("mart.t", ()), key(1), one.stage("a", pa.table({"a": [1]})))
    assert rows(open_warehouse()) == [1, 2]
    assert len(parquet(one.settings.home)) == 2


def test_a_merge_that_lost_a_race_looks_again(open_warehouse: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = open_warehouse(), open_warehouse()
    spec = TableSpec("mart.t", (), keys=("a",))
    swap, calls = Lake.swap, []

    def slow(self: Lake, change: Change, expect_version: int, **kw: Any) -> int:
        if not calls:
            calls.append(1)
            two.write(spec, key(2), two.stage("b", pa.table({"a": [1, 2]})), mode="merge")
        return swap(self, change, expect_version, **kw)

    monkeypatch.setattr(Lake, "swap", slow)
    one.write(spec, key(1), one.stage("a", pa.table({"a": [1]})), mode="merge")
    assert rows(open_warehouse()) == [1, 2]


def test_replaced_files_stay_for_their_readers_and_then_go(open_warehouse: Open, lake_store: Store) -> None:
    warehouse, reader = open_warehouse(), open_warehouse()
    warehouse.load(pa.table({"a": [1]}).to_reader(), "mart.t")
    assert rows(reader) == [1]
    warehouse.load(pa.table({"a": [2]}).to_reader(), "mart.t", mode="truncate")
    assert warehouse.lake.sweep(3600).dropped == 0
    assert rows(reader) == [1]
    time.sleep(0.01)
    assert sweep_all(warehouse.settings.home, lake_store.manifest, 0)["demo"].dropped == 1
    assert len(parquet(warehouse.settings.home)) == 1
    assert lake_store.manifest.dropped_before(datetime.now(UTC) + timedelta(days=1)) == []
    assert rows(open_warehouse()) == [2]


def test_large_partitions_have_a_file_each_and_the_manifest_knows_their_value(open_warehouse: Open, monkeypatch: Any) -> None:
    monkeypatch.setattr(write, "SMALL_PARTITION", 1)
    warehouse = open_warehouse()
    warehouse.write(TableSpec("mart.t", (), partition_by="d"), key(1),
                    "SELECT 1 AS a, DATE '2025-01-01' AS d UNION ALL SELECT 2, DATE '2025-01-01' UNION ALL SELECT 3, NULL", mode="append")
    files = {file.partition: file for file in warehouse.lake.pin("mart.t").files}
    assert {part: file.rows for part, file in files.items()} == {"2025-01-01": 2, "__NULL__": 1}
    assert all(file.slice == key(1).key() and file.run_id == "r1" for file in files.values())
    assert all(warehouse.lake.path(file).stat().st_size == file.bytes for file in files.values())


def test_small_partitions_share_a_sorted_file_and_are_replaced_apart(open_warehouse: Open) -> None:
    warehouse = open_warehouse()
    spec = TableSpec("mart.t", (), partition_by="n")
    warehouse.write(spec, key(1), "SELECT MOD(x, 300) AS n, x FROM UNNEST(GENERATE_ARRAY(1, 6000)) AS x", mode="overwrite")
    (file,) = warehouse.lake.pin("mart.t").files
    assert (file.partition, file.rows) == ("", 6000)
    assert rows(warehouse, "SELECT n FROM mart.t") == sorted(rows(warehouse, "SELECT n FROM mart.t"))
    done = warehouse.write(spec, key(1), "SELECT 7 AS n, 1 AS x", mode="replace_partition")
    assert (done.rows, done.replaced) == (1, 20)
    assert rows(warehouse, "SELECT COUNT(*) FROM mart.t") == [6000 - 20 + 1]
    assert {part.partition for part in warehouse.lake.pin("mart.t").files} == {"", "7"}


def test_many_large_partitions_are_one_file_each(open_warehouse: Open, monkeypatch: Any) -> None:
    monkeypatch.setattr(write, "SMALL_PARTITION", 100)
    warehouse = open_warehouse()
    warehouse.write(TableSpec("mart.t", (), partition_by="n"), key(1),
                    "SELECT MOD(x, 300) AS n, x FROM UNNEST(GENERATE_ARRAY(1, 60000)) AS x", mode="overwrite")
    files = warehouse.lake.pin("mart.t").files
    assert len(files) == len({file.partition for file in files}) == 300
    assert sum(file.rows for file in files) == 60_000


def test_partitions_that_do_not_fit_together_are_written_group_by_group(open_warehouse: Open, monkeypatch: Any) -> None:
    monkeypatch.setattr(write, "SMALL_PARTITION", 1)
    monkeypatch.setattr(write, "PASS_ROWS", 250)
    warehouse = open_warehouse()
    warehouse.write(TableSpec("mart.t", (), partition_by="n", cluster_by=("x",)), key(1),
                    "SELECT NULLIF(MOD(x, 7), 6) AS n, 1000 - x AS x FROM UNNEST(GENERATE_ARRAY(1, 700)) AS x", mode="overwrite")
    files = warehouse.lake.pin("mart.t").files
    assert sorted((file.partition, file.rows) for file in files) == [(name, 100) for name in ["0", "1", "2", "3", "4", "5", "__NULL__"]]
    assert rows(warehouse, "SELECT COUNT(DISTINCT x) FROM mart.t") == [700]
    first = rows(warehouse, "SELECT x FROM mart.t WHERE n = 3")
    assert first == sorted(first)


def test_rows_are_kept_in_the_order_of_the_cluster(open_warehouse: Open) -> None:
    warehouse = open_warehouse()
    warehouse.write(TableSpec("mart.t", (), cluster_by=("a",)), key(1), warehouse.stage("s", pa.table({"a": [3, 1, 2]})), mode="overwrite")
    assert rows(warehouse, "SELECT a FROM mart.t") == [1, 2, 3]


def test_a_failed_write_leaves_no_file(open_warehouse: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = open_warehouse()

    def full(self: Lake, draft: Path, name: str, file: LakeFile) -> LakeFile:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Lake, "publish", full)
    with pytest.raises(TransientError, match="No space left"):
        warehouse.load(pa.table({"a": [1]}).to_reader(), "mart.t")
    assert [path for path in (warehouse.settings.home / "lake").rglob("*") if path.is_file()] == []


def test_table_names_that_differ_in_case_are_two_tables(open_warehouse: Open) -> None:
    warehouse = open_warehouse()
    warehouse.load(pa.table({"a": [1]}).to_reader(), "mart.t")
    warehouse.load(pa.table({"a": [2]}).to_reader(), "mart.T")
    assert rows(warehouse, "SELECT x.a + 10 * y.a AS s FROM mart.t AS x CROSS JOIN mart.T AS y") == [21]
