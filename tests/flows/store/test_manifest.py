"""The lake's manifest: swaps are whole, races are lost loudly, tenants do not meet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows.errors import InputError, TransientError
from flows.store import LakeFile, Store

SPEC = {"columns": [{"name": "day", "type": "DATE"}], "partition": "day", "cluster": [], "keys": []}


def file(path: str, **fields: Any) -> LakeFile:
    return LakeFile(path, rows=3, bytes=700, **fields)


def paths(store: Store, table: str = "mart.sales", tenant: str = "demo") -> list[str]:
    return [each.path for each in store.manifest.files(tenant, table)]


def test_a_swap_is_read_back_as_it_was_written(store: Store) -> None:
    assert store.manifest.snapshot("demo", "mart.sales") == (None, [])
    version = store.manifest.swap("demo", "mart.sales", spec=SPEC, expect_version=0, drop=[], add=[
        file("a.parquet", partition="2025-11-15", slice={"x_org_slug": "demo", "x_pipeline_id": "p"}, run_id="run-1")])
    table, files = store.manifest.snapshot("demo", "mart.sales")
    assert table is not None
    assert (version, table.version, table.spec, table.name) == (1, 1, SPEC, "mart.sales")
    (kept,) = files
    assert (kept.path, kept.rows, kept.bytes, kept.partition, kept.run_id) == ("a.parquet", 3, 700, "2025-11-15", "run-1")
    assert kept.slice == {"x_org_slug": "demo", "x_pipeline_id": "p"}
    assert (kept.tenant_id, kept.table, kept.dropped_at) == ("demo", "mart.sales", None)
    assert table == store.manifest.table("demo", "mart.sales")


def test_a_swap_replaces_files_and_spec_and_counts_versions(store: Store) -> None:
    store.manifest.swap("demo", "mart.sales", spec=SPEC, expect_version=0, drop=[], add=[file("a"), file("b")])
    first, _ = store.manifest.files("demo", "mart.sales")
    assert store.manifest.swap("demo", "mart.sales", spec={"columns": []}, expect_version=1, drop=[first.id], add=[file("c")]) == 2
    assert paths(store) == ["b", "c"]
    assert store.manifest.swap("demo", "mart.sales", spec=SPEC, expect_version=None, drop=[], add=[]) == 3
    assert paths(store) == ["b", "c"]


@pytest.mark.parametrize("expect", [0, 1, 3])
def test_a_swap_from_an_older_version_changes_nothing(store: Store, expect: int) -> None:
    for name in "ab":
        store.manifest.swap("demo", "mart.sales", spec=SPEC, expect_version=None, drop=[], add=[file(name)])
    before = store.manifest.snapshot("demo", "mart.sales")
    with pytest.raises(TransientError, match=r"mart\.sales: another write to this table was faster"):
        store.manifest.swap("demo", "mart.sales", spec={}, expect_version=expect, drop=[before[1][0].id], add=[file("c")])
    assert store.manifest.snapshot("demo", "mart.sales") == before
    with pytest.raises(TransientError):
        store.manifest.swap("demo", "not.there", spec={}, expect_version=5, drop=[], add=[])
    assert store.manifest.table("demo", "not.there") is None


def test_a_file_is_dropped_once_and_only_from_its_own_table(store: Store) -> None:
    store.manifest.swap("demo", "mart.sales", spec=SPEC, expect_version=0, drop=[], add=[file("a")])
    store.manifest.swap("other", "mart.sales", spec=SPEC, expect_version=0, drop=[], add=[file("a")])
    (mine,), (theirs,) = store.manifest.files("demo", "mart.sales"), store.manifest.files("other", "mart.sales")
    for drop in ([theirs.id], [mine.id, 10**9]):
        with pytest.raises(TransientError):
            store.manifest.swap("demo", "mart.sales", spec=SPEC, expect_version=None, drop=drop, add=[file("b")])
    assert paths(store) == paths(store, tenant="other") == ["a"]
    store.manifest.swap("demo", "mart.sales", spec=SPEC, expect_version=None, drop=[mine.id, mine.id], add=[file("b")])
    with pytest.raises(TransientError):
        store.manifest.swap("demo", "mart.sales", spec=SPEC, expect_version=None, drop=[mine.id], add=[file("c")])
    assert paths(store) == ["b"]


def test_a_path_stands_in_the_manifest_once(store: Store) -> None:
    store.manifest.swap("demo", "mart.sales", spec=SPEC, expect_version=0, drop=[], add=[file("a")])
    with pytest.raises(InputError, match=r"mart\.sales: a file of this write is in the manifest already"):
        store.manifest.swap("demo", "mart.sales", spec={}, expect_version=1, drop=[], add=[file("b"), file("a")])
    table = store.manifest.table("demo", "mart.sales")
    assert table is not None
    assert (table.version, table.spec, paths(store)) == (1, SPEC, ["a"])


def test_dropped_files_are_forgotten_when_they_are_old_and_live_ones_never(store: Store) -> None:
    start = datetime.now(UTC) - timedelta(seconds=5)
    store.manifest.swap("demo", "mart.sales", spec=SPEC, expect_version=0, drop=[], add=[file("a"), file("b")])
    gone, live = store.manifest.files("demo", "mart.sales")
    store.manifest.swap("demo", "mart.sales", spec=SPEC, expect_version=1, drop=[gone.id], add=[])
    assert store.manifest.dropped_before(start) == []
    (old,) = store.manifest.dropped_before(datetime.now(UTC) + timedelta(seconds=5))
    assert (old.id, old.path, old.tenant_id, old.table) == (gone.id, "a", "demo", "mart.sales")
    assert store.manifest.paths("demo") == {"a", "b"}
    assert store.manifest.forget([old.id, live.id]) == 1
    assert store.manifest.paths("demo") == {"b"}
    assert paths(store) == ["b"]


def test_tables_are_listed_by_dataset_and_tenant(store: Store) -> None:
    for name in ("shop.orders", "shop.customers", "shop_old.orders", "mart.sales"):
        store.manifest.swap("demo", name, spec={"name": name}, expect_version=0, drop=[], add=[])
    store.manifest.swap("other", "shop.secret", spec={}, expect_version=0, drop=[], add=[file("s")])
    assert [table.name for table in store.manifest.tables("demo")] == ["mart.sales", "shop.customers", "shop.orders", "shop_old.orders"]
    assert [table.name for table in store.manifest.tables("demo", "shop")] == ["shop.customers", "shop.orders"]
    assert store.manifest.tables("demo", "sho") == store.manifest.tables("demo", "%") == []
    assert store.manifest.table("demo", "shop.secret") is None
    assert store.manifest.files("demo", "shop.secret") == []
    assert store.manifest.paths("demo") == set()


def test_a_thousand_files_are_swapped_in_one_go(store: Store) -> None:
    store.manifest.swap("demo", "mart.sales", spec=SPEC, expect_version=0, drop=[], add=[file(f"a{n}") for n in range(1200)])
    ids = [each.id for each in store.manifest.files("demo", "mart.sales")]
    store.manifest.swap("demo", "mart.sales", spec=SPEC, expect_version=1, drop=ids, add=[file(f"b{n}") for n in range(1200)])
    assert paths(store) == [f"b{n}" for n in range(1200)]
    assert store.manifest.forget(ids) == 1200


SWAPS = """
import sys
from flows.errors import TransientError
from flows.store import LakeFile, open_store
store, me, times = open_store(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
lost = done = 0
while done < times:
    table, files = store.manifest.snapshot("demo", "mart.sales")
    total = sum(f.rows for f in files)
    try:
        version = store.manifest.swap("demo", "mart.sales", add=[LakeFile(f"{me}-{done}-{lost}", total + 1, 1)], drop=[f.id for f in files],
                                      spec={}, expect_version=table.version if table else 0)
    except TransientError:
        lost += 1
    else:
        done += 1
        print(version, flush=True)
print("end", flush=True)
"""


def test_swaps_that_race_lose_no_write(store: Store, url: str, child: Any) -> None:
    """Each swap adds one to the number it read: only if no write is lost, the sum is the number of swaps."""
    writers = [child(SWAPS, url, f"w{n}", 25) for n in range(4)]
    assert {writer.hear() for writer in writers} == {"ready"}
    for writer in writers:
        writer.tell("go")
    versions = [int(line) for writer in writers for line in writer.rest() if line != "end"]
    table, files = store.manifest.snapshot("demo", "mart.sales")
    assert table is not None
    assert sorted(versions) == list(range(1, 101))
    assert (table.version, [each.rows for each in files]) == (100, [100])


def test_kill_9_leaves_whole_swaps_only(store: Store, url: str, child: Any) -> None:
    seen = 0
    for kill in range(5):
        writer = child(SWAPS, url, f"k{kill}", 100_000)
        assert writer.hear() == "ready"
        writer.tell("go")
        for _ in range(10 + 7 * kill):
            seen = int(writer.hear())
        writer.kill()
        seen = max([seen, *(int(line) for line in writer.rest() if line.isdigit())])
        table, files = store.manifest.snapshot("demo", "mart.sales")
        assert table is not None
        assert seen <= table.version <= seen + 1
        assert [each.rows for each in files] == [table.version]
        seen = table.version
