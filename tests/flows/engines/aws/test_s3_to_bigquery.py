"""Files of a bucket into a table, over the real S3 protocol: a moto server, spoken to by pyarrow's own client."""

from __future__ import annotations

import gzip
import io
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from pyarrow.fs import S3FileSystem

from flows.engines import registry
from flows.engines.base import Cancel
from flows.errors import Cancelled, DataError, InputError, MissingError, UnreachableError
from flows.warehouse.base import Column, Slice, TableSpec
from flows.warehouse.bigquery import BigQueryWarehouse
from tests.servers import die_with_parent, free_port

PS = "aws.s3_to_bigquery"
SECRET = "s3cr3t/+key"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    port = free_port()
    code = f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               preexec_fn=die_with_parent)
    end = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=2).close()
            break
        except OSError:
            assert process.poll() is None, "the S3 server has ended"
            assert time.monotonic() < end, "the S3 server did not start"
            time.sleep(0.1)
    yield f"127.0.0.1:{port}"
    process.kill()
    process.wait()


class Shelf:
    """A bucket of a test's own, and steps that load from it."""

    def __init__(self, bench: Any, server: str, name: str) -> None:
        self.bench, self.name, self.open = bench, name, bench.session
        self.fs = S3FileSystem(access_key="AKIATEST", secret_key=SECRET, scheme="http", endpoint_override=server, region="us-east-1",
                               allow_bucket_creation=True)
        self.fs.create_dir(name)
        bench.env["PENSTOCK_CONN_LAKE"] = f"s3://AKIATEST:s3cr3t%2F%2Bkey@{name}?region=us-east-1&endpoint=http://{server}"

    def put(self, key: str, data: str | bytes) -> None:
        with self.fs.open_output_stream(f"{self.name}/{key}", compression=None) as out:
            out.write(data.encode() if isinstance(data, str) else data)

    def load(self, path: str, *, preview: bool = False, day: int = 15, cancel: Cancel | None = None, go_on: bool = False,
             to: dict[str, Any] | None = None, **source: Any) -> Any:
        engine = registry.engine(PS)
        config = engine.Config.model_validate({"source": {"connection": "lake", "path": path, **source},
                                               "destination": {"table": "raw.events", **(to or {})}})
        context = replace(self.bench.context("load", preview=preview, cancel=cancel, continue_on_error=go_on),
                          run_date=date(2025, 11, day))
        if self.open != self.bench.session:
            context = replace(context, warehouse=self.open())
        return engine.preview(config, context) if preview else engine.run(config, context)

    def rows(self) -> list[tuple[Any, ...]]:
        tree = "SELECT id, name, x_source_file FROM raw.events ORDER BY id, name"
        return [tuple(row.values()) for row in self.open().query(tree).to_pylist()]


@pytest.fixture
def shelf(bench: Any, server: str, request: pytest.FixtureRequest) -> Shelf:
    return Shelf(bench, server, f"b{abs(hash(request.node.name)) % 10**12}")


def test_csv_json_and_parquet_plain_and_gzip_come_as_one_table(shelf: Shelf) -> None:
    shelf.put("in/a.csv", "id,name\n1,ann\n2,bob\n")
    shelf.put("in/b.csv.gz", gzip.compress(b"id;name\n3;cid\n"))
    shelf.put("in/c.jsonl", '{"id": 4, "name": "dan"}\n')
    whole = io.BytesIO()
    parquet.write_table(pa.table({"id": [5.5], "extra": ["x"]}), whole)
    shelf.put("in/d.parquet", whole.getvalue())
    shelf.put("in/deeper/e.csv", "id,name\n9,no\n")
    result = shelf.load("in/")
    assert (result.rows, result.outputs["files"], result.outputs["table"]) == (5, 4, "raw.events")
    assert shelf.rows() == [(1.0, "ann", "in/a.csv"), (2.0, "bob", "in/a.csv"), (3.0, "cid", "in/b.csv.gz"), (4.0, "dan", "in/c.jsonl"),
                            (5.5, None, "in/d.parquet")]
    assert not list(shelf.bench.settings.home.rglob(".s3-*"))


def test_only_new_files_are_loaded_and_again_changes_nothing(shelf: Shelf) -> None:
    shelf.put("in/1.csv", "id,name\n1,a\n")
    assert shelf.load("in/*.csv").rows == 1
    again = shelf.load("in/*.csv")
    assert (again.rows, again.notes) == (0, ["no new files: all 1 were loaded before"])
    shelf.put("in/2.csv", "id,name\n2,b\n")
    shelf.load("in/*.csv")  # the same date: its slice is replaced, the rows of the first file stay in it
    assert [row[0] for row in shelf.rows()] == [1, 2]
    shelf.put("in/3.csv", "id,name\n3,c\n")
    assert shelf.load("in/*.csv", day=16).rows == 1
    assert [row[0] for row in shelf.rows()] == [1, 2, 3]
    shelf.put("in/3.csv", "id,name\n3,cc\n4,d\n")
    changed = shelf.load("in/*.csv", day=17)
    assert changed.rows == 2
    assert changed.outputs["replaced"] == 1
    assert "1 of the files have changed since they were loaded: their earlier rows are replaced" in changed.notes
    assert [row[:2] for row in shelf.rows()] == [(1, "a"), (2, "b"), (3, "cc"), (4, "d")]
    shelf.put("in/1.csv", "id,name\n1,aa\n")
    assert shelf.load("in/*.csv").rows == 2  # the date it was loaded for: the other file of that slice stays, with the rows that came
    assert [row[:2] for row in shelf.rows()] == [(1, "aa"), (2, "b"), (3, "cc"), (4, "d")]
    assert shelf.load("in/*.csv", day=18, to={"mode": "overwrite"}).rows == 4
    assert [row[:2] for row in shelf.rows()] == [(1, "aa"), (2, "b"), (3, "cc"), (4, "d")]


def test_rows_that_somebody_else_put_there_stay_when_a_file_comes_again(shelf: Shelf) -> None:
    """A row without a file, and the same file of another pipeline."""
    shelf.put("in/it's.csv", "id,name\n1,a\n")
    shelf.load("in/*.csv")
    columns = (Column("id", "INT64"), Column("name", "STRING"), Column("x_source_file", "STRING"))
    for pipeline, file in (("p", None), ("other", "in/it's.csv")):
        rows = pa.table({"id": [7], "name": [pipeline], "x_source_file": pa.array([file], pa.string())})
        session = shelf.open()
        session.write(TableSpec("raw.events", columns), Slice("demo", pipeline, "none", "2025-11-14", "r"), session.stage("x", rows),
                      mode="append")
    shelf.put("in/it's.csv", "id,name\n1,b\n2,b\n")
    for day in (16, 17):
        shelf.load("in/*.csv", day=day)
        assert shelf.rows() == [(1, "b", "in/it's.csv"), (2, "b", "in/it's.csv"), (7, "other", "in/it's.csv"), (7, "p", None)], day


def test_stars_stay_in_their_folder_and_two_do_not(shelf: Shelf) -> None:
    for key in ("x/2025-11-15/a.csv", "x/2025-11-15/b.txt", "x/2025-11-16/a.csv", "x/2025-11-16/deep/a.csv"):
        shelf.put(key, "id,name\n1,a\n")
    for path, files in (("x/2025-11-15/*.csv", 1), ("x/*/a.csv", 2), ("x/**/a.csv", 3), ("x/2025-11-1?/a.csv", 2),
                        ("x/2025-11-15/a.csv", 1), (f"s3://{shelf.name}/x/**", 4)):
        assert shelf.load(path, preview=True).outputs["files"] == files, path


def test_rows_that_cannot_be_read_stop_a_run_or_are_counted(shelf: Shelf) -> None:
    shelf.put("in/bad.csv", "id,name\n1,a\n2,b,c,d\n3,c\n")
    with pytest.raises(DataError, match=r"1 rows cannot be read \(in/bad.csv, line 3"):
        shelf.load("in/*.csv")
    result = shelf.load("in/*.csv", go_on=True)
    assert (result.rows, result.rejected, result.rejects[0]["file"]) == (2, 1, "in/bad.csv")
    assert [row[0] for row in shelf.rows()] == [1, 3]


def test_rows_that_cannot_be_read_are_set_aside_with_their_file_once(shelf: Shelf) -> None:
    def aside() -> list[tuple[Any, ...]]:
        tree = "SELECT file, line, x_quarantine_reason != '' FROM quarantine.p_load_rejects ORDER BY file, line"
        return [tuple(row.values()) for row in shelf.open().query(tree).to_pylist()]

    shelf.put("in/1.csv", "id,name\n1,a\n2,b,c,d\n")
    result = shelf.load("in/*.csv", go_on=True)
    assert result.outputs["quarantine"] == "quarantine.p_load_rejects"
    assert "1 row cannot be read and went to quarantine.p_load_rejects" in result.notes
    shelf.load("in/*.csv", go_on=True)  # nothing new: what was set aside stays
    assert aside() == [("in/1.csv", 3, True)]
    shelf.put("in/2.csv", "id,name\n4,d\n5,b,c,d\n6\n")
    shelf.load("in/*.csv", go_on=True)  # the same date, another file
    assert aside() == [("in/1.csv", 3, True), ("in/2.csv", 3, True), ("in/2.csv", 4, True)]
    shelf.put("in/2.csv", "id,name\n4,d\n5,b\n6\n")
    shelf.load("in/*.csv", go_on=True, day=16)  # corrected, and read on another date
    assert aside() == [("in/1.csv", 3, True), ("in/2.csv", 4, True)]
    shelf.put("in/1.csv", "id,name\n1,a\n2,corrected\n")
    assert "quarantine" not in shelf.load("in/*.csv", go_on=True, day=17).outputs
    assert aside() == [("in/2.csv", 4, True)]
    assert [row[0] for row in shelf.rows()] == [1, 2, 4, 5]


def test_a_preview_reads_the_first_part_and_writes_nothing(shelf: Shelf) -> None:
    lines = "".join(f"{n},name number {n}\n" for n in range(200_000))
    shelf.put("in/big.csv", "id,name\n" + lines)
    shelf.put("in/big.csv.gz", gzip.compress(("id,name\n" + lines).encode(), 1))
    for path in ("in/big.csv", "in/big.csv.gz"):
        seen = shelf.load(path, preview=True)
        assert seen.rows == shelf.bench.settings.limits.source_sample_rows
        assert seen.notes == ["would load 1 of 1 files into raw.events (append)", f"a sample: the first rows of {path}"]
    with pytest.raises(MissingError):
        shelf.bench.session().describe("raw.events")


@pytest.mark.bigquery
def test_into_bigquery(shelf: Shelf, bq_project: Any, tmp_path: Any) -> None:
    made: list[Any] = []

    def opened() -> Any:
        made.append(BigQueryWarehouse(bq_project, "demo", limits=shelf.bench.settings.limits, stage_dir=tmp_path / "stage"))
        return made[-1]

    shelf.open = opened
    shelf.put("in/1.csv", "id,name\n1,a\n")
    shelf.load("in/*.csv")
    shelf.put("in/2.csv", "id,name\n2,b\n")
    shelf.load("in/*.csv")
    assert [row[:2] for row in shelf.rows()] == [(1, "a"), (2, "b")]
    assert shelf.load("in/*.csv").rows == 0
    shelf.put("in/1.csv", "id,name\n1,aa\n3,x,y,z\n")  # changed: its rows of another date go with the same write
    again = shelf.load("in/*.csv", day=16, go_on=True)
    assert (again.rows, again.outputs["replaced"], again.outputs["quarantine"]) == (1, 1, "quarantine.p_load_rejects")
    assert [row[:2] for row in shelf.rows()] == [(1, "aa"), (2, "b")]
    shelf.put("in/1.csv", "id,name\n1,a\n3,c\n")
    assert "quarantine" not in shelf.load("in/*.csv", day=17, go_on=True).outputs
    assert [row[:2] for row in shelf.rows()] == [(1, "a"), (2, "b"), (3, "c")]
    assert shelf.open().query("SELECT * FROM quarantine.p_load_rejects").num_rows == 0
    for each in made:
        each.close()


def test_what_is_not_there_is_said_without_the_secret(shelf: Shelf, server: str) -> None:
    with pytest.raises(MissingError, match="no file is named by 'nothing/"):
        shelf.load("nothing/*.csv")
    with pytest.raises(InputError, match="is not in the bucket of connection 'lake'"):
        shelf.load("s3://other/in/*.csv")
    shelf.bench.env["PENSTOCK_CONN_LAKE"] = f"s3://AKIATEST:s3cr3t%2F%2Bkey@nowhere?endpoint=http://{server}"
    with pytest.raises(MissingError, match="there is no bucket 'nowhere'") as told:
        shelf.load("*.csv")
    assert "s3cr3t" not in str(told.value)
    shelf.bench.env["PENSTOCK_CONN_LAKE"] = f"s3://AKIATEST:s3cr3t%2F%2Bkey@{shelf.name}?endpoint=http://127.0.0.1:9"
    with pytest.raises(UnreachableError, match="S3 does not answer") as silent:
        shelf.load("*.csv")
    assert "s3cr3t" not in str(silent.value)
    shelf.bench.env["PENSTOCK_CONN_LAKE"] = "https://example.com"
    with pytest.raises(InputError, match="connection 'lake' is no bucket"):
        shelf.load("*.csv")
    shelf.bench.env["PENSTOCK_CONN_LAKE"] = f"s3://a:b@{shelf.name}?endpoint=http://169.254.169.254"
    with pytest.raises(InputError, match="link-local"):
        shelf.load("*.csv")


def test_a_stop_ends_it(shelf: Shelf) -> None:
    shelf.put("in/1.csv", "id,name\n1,a\n")
    cancel = Cancel()
    cancel.set("stopped by a person")
    with pytest.raises(Cancelled, match="stopped by a person"):
        shelf.load("in/*.csv", cancel=cancel)


class Dam:
    """Between a client and the bucket: after so many bytes of an answer nothing more comes, and the line stays open."""

    def __init__(self, server: str, bytes_: int) -> None:
        self.there, self.most, self.held, self.over = server.split(":"), bytes_, threading.Event(), threading.Event()
        self.door = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.door.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while not self.over.is_set():
            with suppress(OSError):
                one, other = self.door.accept()[0], socket.create_connection((self.there[0], int(self.there[1])))
                threading.Thread(target=self._pass, args=(one, other, 1 << 60), daemon=True).start()
                threading.Thread(target=self._pass, args=(other, one, self.most), daemon=True).start()

    def _pass(self, source: socket.socket, to: socket.socket, most: int) -> None:
        with suppress(OSError):
            while most > 0 and (data := source.recv(65_536)):
                to.sendall(data)
                most -= len(data)
            if most <= 0:
                self.held.set()
                self.over.wait(60)
            to.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.over.set()
        self.door.close()


def test_a_stop_in_the_middle_of_a_transfer_ends_it_and_leaves_nothing(shelf: Shelf, server: str) -> None:
    shelf.put("in/1.csv", "id,name\n1,a\n")
    shelf.load("in/*.csv")
    shelf.put("in/2.csv", "id,name\n" + "2,a row among many\n" * 600_000)
    dam, cancel = Dam(server, 1024 * 1024), Cancel()
    shelf.bench.env["PENSTOCK_CONN_LAKE"] = f"s3://AKIATEST:s3cr3t%2F%2Bkey@{shelf.name}?endpoint=http://{dam.address}"
    stop = threading.Thread(target=lambda: dam.held.wait(60) and cancel.set("stopped by a person"))
    stop.start()
    try:
        with pytest.raises(Cancelled, match="stopped by a person"):  # the dam still holds the answer back: nobody waits for it
            shelf.load("in/*.csv", cancel=cancel)
        assert dam.held.is_set()
    finally:
        dam.close()
        stop.join()
    assert [row[0] for row in shelf.rows()] == [1]
    assert not list(shelf.bench.settings.home.rglob(".s3-*"))


def test_only_new_needs_append() -> None:
    with pytest.raises(ValueError, match="only_new needs mode append"):
        registry.engine(PS).Config.model_validate({"source": {"path": "a/*.csv", "only_new": True},
                                                   "destination": {"table": "raw.t", "mode": "overwrite"}})
