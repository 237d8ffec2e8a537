"""Files that people hand over: their names do no harm, their content says what they are, and only their tenant reads them."""

from __future__ import annotations

import gzip
import io
import stat
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from flows.errors import InputError, LimitError, MissingError, UnreachableError
from flows.insight.files import AllowedFiles
from flows.insight.uploads import encoding_of, keep, safe_name, shown_name
from flows.settings import Limits

ORDERS = b"id,amount\n1,2.5\n"


def packed(names, mimetype=b""):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
        if mimetype:
            archive.writestr("mimetype", mimetype)
    return out.getvalue()


@pytest.mark.parametrize(("name", "shown", "safe"), [
    ("orders.csv", "orders.csv", "orders.csv"),
    ("../../etc/pass wd.csv", "pass wd.csv", "pass_wd.csv"),
    ("C:\\Users\\Ada\\Übersicht (1).csv", "Übersicht (1).csv", "Übersicht_1.csv"),
    ("a\0b\n\x1b[31m.csv", "ab[31m.csv", "ab_31m.csv"),
    ("re\u202evsc.csv", "revsc.csv", "revsc.csv"),
    ("e\u0301t\u00e9.csv", "\u00e9t\u00e9.csv", "\u00e9t\u00e9.csv"),
    (".env", ".env", "env.csv"), ("CON.csv", "CON.csv", "file_CON.csv"), ("", "file", "file.csv"), ("..", "..", "file.csv"),
    ("$(rm -rf).csv", "$(rm -rf).csv", "rm_-rf.csv"), ("orders.xlsx.csv", "orders.xlsx.csv", "orders.csv"),
])
def test_a_name_becomes_one_harmless_part_of_a_path(name, shown, safe):
    assert shown_name(name) == shown
    assert safe_name(shown, "csv") == safe


def test_a_long_name_is_cut_and_keeps_its_end():
    shown = shown_name("ä" * 5000 + ".csv")
    assert len(shown) == 100
    assert shown.endswith("ä.csv")
    assert len(safe_name(shown, "csv").encode()) < 200


def test_a_file_is_kept_once_for_this_user_alone(settings):
    kept = keep(settings, "my orders.csv", ORDERS)
    assert kept.path.read_bytes() == ORDERS
    assert kept.path.parents[1] == settings.home / "files" / "uploads" / "demo"
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in kept.path.parents[:2]} == {0o700}
    again = keep(settings, "my orders.csv", ORDERS)
    assert (again.path, again.new) == (kept.path, False)
    again.discard()
    assert [file.name for file in kept.path.parent.iterdir()] == ["my_orders.csv"]


def test_a_file_that_nobody_could_read_goes_again(settings):
    kept = keep(settings, "x.csv", ORDERS)
    kept.discard()
    assert list(kept.path.parents[1].iterdir()) == []


def test_many_at_once_keep_one_whole_file(settings):
    data, found = b"a,b\n" + b"1,2\n" * 100_000, []
    threads = [threading.Thread(target=lambda: found.append(keep(settings, "x.csv", data).path.read_bytes() == data)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 8
    assert len(list((settings.home / "files" / "uploads" / "demo").rglob("*.*"))) == 1


@pytest.mark.parametrize(("name", "data", "kind", "end"), [
    ("a.csv", ORDERS, "csv", ".csv"), ("a.TSV", b"a\tb\n", "csv", ".tsv"), ("a.csv.gz", gzip.compress(ORDERS, mtime=0), "csv", ".csv.gz"),
    ("a.csv", "id,é\n".encode("utf-16"), "csv", ".csv"), ("a.jsonl", b'{"a": 1}\n', "json", ".jsonl"),
    ("a.csv", b"PAR1 ... PAR1", "parquet", ".parquet"), ("a.csv", packed(["xl/workbook.xml"]), "excel", ".xlsx"),
    ("a.xls", packed(["xl/workbook.bin"]), "excel", ".xlsb"),
    ("a.csv", packed(["content.xml"], b"application/vnd.oasis.opendocument.spreadsheet"), "excel", ".ods"),
    ("a.csv", b'[{"a": 1}]', "json", ".json"), ("data", b"PAR1 ... PAR1", "parquet", ".parquet"),
])
def test_the_content_says_what_it_is(settings, name, data, kind, end):
    kept = keep(settings, name, data)
    assert (kept.kind, "".join(kept.path.suffixes)) == (kind, end)
    assert bool(kept.note) == (kept.kind not in ("csv",) and name.endswith((".csv", "data")))


@pytest.mark.parametrize(("name", "data", "what"), [
    ("a.csv", b"", "is empty"), ("a.csv", b"  <!DOCTYPE html><html>", "web page"), ("a.csv", packed(["b.csv"]), "archive"),
    ("a.docx", packed(["word/document.xml"]), "archive"), ("a.csv", b"%PDF-1.7", "PDF"), ("a.csv", b"SQLite format 3\0", "SQLite"),
    ("a.csv", b"\x89PNG\r\n", "a picture"), ("a.csv", b"a,b\n\0\1\2", "binary"), ("a.json", b"<?xml version='1.0'?><a/>", "XML"),
    ("a.parquet", ORDERS, "text, not Parquet"), ("a.xlsx", ORDERS, "text, not Excel"), ("a.py", b"print(1)", "not clear"),
    ("a.json.gz", gzip.compress(b'{"a": 1}', mtime=0), "only CSV files are read packed"), ("a.csv.gz", b"\x1f\x8bno", "cannot be unpacked"),
])
def test_what_is_no_table_is_refused_in_words_and_not_kept(settings, name, data, what):
    with pytest.raises(InputError, match=what) as error:
        keep(settings, name, data)
    assert error.value.what.find(name) >= 0
    assert error.value.fix
    assert not (settings.home / "files").exists()


def test_too_large_and_what_unpacks_to_too_much_are_refused(settings):
    small = replace(settings, limits=replace(Limits(), upload_bytes=1000))
    with pytest.raises(LimitError, match=r"a\.csv is larger than"):
        keep(small, "a.csv", b"a\n" * 501)
    with pytest.raises(LimitError, match="would unpack to more than"):
        keep(settings, "a.csv.gz", gzip.compress(b"1,2,3\n" * 1_000_000, mtime=0))


def test_a_disk_that_refuses_is_said_and_leaves_nothing(settings):
    (settings.home / "files").write_text("a file where a folder should be")
    with pytest.raises(UnreachableError, match=r"a\.csv could not be kept"):
        keep(settings, "a.csv", ORDERS)


def test_an_upload_is_read_by_its_tenant_and_by_no_other(settings):
    mine = keep(settings, "a.csv", ORDERS).path
    other = replace(settings, tenant_id="rival")
    theirs = keep(other, "b.csv", ORDERS).path
    assert AllowedFiles.of(settings).read(str(mine)) == str(mine)
    assert AllowedFiles.of(other).read(str(theirs)) == str(theirs)
    link = Path.cwd() / "link.csv"
    link.symlink_to(theirs)
    relative = theirs.relative_to(settings.home / "files")
    nothing = theirs.with_name("nothing.csv")
    for way in (str(theirs), str(relative), f"uploads/demo/../rival/{theirs.parent.name}/b.csv", str(link), str(nothing)):
        with pytest.raises(InputError, match="outside the allowed folders") as error:
            AllowedFiles.of(settings).read(way)
        assert not isinstance(error.value, MissingError)
    wide = settings.with_folder(theirs.parent)
    with pytest.raises(InputError, match="outside the allowed folders"):
        AllowedFiles.of(wide).read(str(theirs))


def test_nothing_is_written_among_the_uploads(settings):
    mine = keep(settings, "a.csv", ORDERS).path
    for place in (mine, mine.with_name("new.csv"), settings.home / "files" / "uploads" / "rival" / "x.csv"):
        with pytest.raises(InputError, match="outside the allowed folders"):
            AllowedFiles.of(settings).write(str(place))


@pytest.mark.parametrize(("data", "options"), [
    (b"a,b\n", {}), ("a,é\n".encode(), {}), ("a,é\n".encode("utf-16"), {}), ("Stadt;München\n".encode("latin-1"), {"encoding": "latin-1"}),
    ("é" * 20 + "\n", {}), (("é" * 20).encode() + b"\xff\n", {}),
])
def test_the_encoding_is_said_when_it_is_not_utf_8(data, options):
    assert encoding_of(data.encode() if isinstance(data, str) else data) == options
