"""A file of a person becomes a source: read as a pipeline reads it, told what is wrong with it, and nobody else's."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from flows.errors import InputError, LimitError, MissingError, PenstockError, SpecError
from flows.service import Penstock
from flows.settings import Settings

FILES = Path(__file__).parents[2] / "fixtures" / "files"


@pytest.fixture
def service(settings: Settings):
    with Penstock(settings=settings, catalog=FILES / "empty_catalog.yml") as opened:
        yield opened


def attach(service, name, **how):
    return service.attach(name, (FILES / name).read_bytes(), **how)


def spec(**source):
    return {"pipeline_id": "messy", "steps": [{"step_id": "orders", "ps_type": "generic.extract", "source": source}]}


def test_a_messy_csv_is_read_with_its_rejected_lines(service):
    file = attach(service, "messy_orders.csv")
    found = file.profile
    assert (file.name, found.words) == ("messy_orders.csv", "11 rows, 6 columns, 4 rows could not be read")
    assert [(r["line"], r["text"][:4]) for r in found.rejects] == [(5, "1011"), (8, "1012"), (10, "1013"), (13, "1014")]
    assert found.notes == ("the last row looks like a total ('Total'): left in, it counts twice",)
    assert {column.name: column.notes for column in found.columns if column.notes} == {
        "order_id": ("looks like a number, but 1 value is not: 'Total' (1)",),
        "day": ("mixed date formats: 8 like 2025-11-03, 2 like 03.11.2025",),
        "customer": ("leading or trailing spaces in 2 values",),
        "amount": ("numbers written with separators (3 like 1,234.50) are read as text",),
        "discount": ("'N/A' (2), '-' (1), 'NULL' (1) may stand for no value",)}
    assert (file.table.path, list(file.table.columns)) == (file.path, ["order_id", "day", "customer", "amount", "discount", "status"])
    assert file.table.columns["status"].values == ("paid", "open", "refunded")


def test_the_attached_file_is_a_source_for_anybody_of_the_tenant_later(service, settings):
    file = attach(service, "messy_orders.csv")
    with Penstock(settings=settings, catalog=FILES / "empty_catalog.yml") as later:
        assert later.validate(spec(**file.source)).ok
        step = later.preview(spec(**file.source)).steps[0]
    assert (step.status, step.row_count, step.rejected) == ("ok", 11, 4)
    assert [(r["line"], r["reason"]) for r in step.rejects][:2] == [
        (5, "too few columns (expected 6 found 3)"), (8, "too few columns (expected 6 found 4)")]
    assert step.notes[0].startswith("4 rows cannot be read (line 5, column amount")


def test_a_file_that_is_not_utf_8_says_how_it_is_read(service):
    file = attach(service, "umsatz_latin1.csv")
    assert file.options == {"encoding": "latin-1"}
    assert file.profile.notes == ("read as Latin-1, because it is not UTF-8",)
    rows = service.preview(spec(**file.source)).steps[0].rows
    assert [row["stadt"] for row in rows] == ["München", "Köln", "Zürich", "Düsseldorf", "Graz"]


def test_a_workbook_says_which_sheet_was_read(service):
    first = attach(service, "three_sheets.xlsx")
    assert (first.profile.sheet, first.profile.sheets) == ("Orders", ("Orders", "Customers", "Totals"))
    assert first.profile.words == "12 rows, 3 columns"
    assert first.profile.notes == ("read sheet 'Orders'. Also in the file: Customers, Totals",)
    second = attach(service, "three_sheets.xlsx", sheet="Customers")
    assert (second.profile.sheet, second.profile.words, second.profile.notes) == ("Customers", "2 rows, 2 columns", ())
    assert second.source == {"path": first.path, "sheet": "Customers"}
    assert service.preview(spec(**second.source)).steps[0].row_count == 2
    with pytest.raises(InputError, match="has no sheet 'Order'") as error:
        attach(service, "three_sheets.xlsx", sheet="Order")
    assert "Orders" in error.value.fix
    assert Path(first.path).is_file()


def test_json_lines_keep_what_is_nested_and_count_what_is_broken(service):
    found = attach(service, "events.jsonl").profile
    assert (found.rows, found.rejected, [r["line"] for r in found.rejects]) == (3, 2, [3, 4])
    assert [(column.name, column.type) for column in found.columns][:2] == [("id", "INT64"), ("at", "TIMESTAMP")]
    assert found.head[0]["user"] == {"name": "Ada", "vip": True}


@pytest.mark.parametrize(("name", "data", "what", "fix"), [
    ("x.csv", b"\n\n", "x.csv could not be read as CSV. It is empty", "header"),
    ("my x.csv", b'a,b\n1,"open\n' + b"7,8\n" * 1_000_000 + b'9"\n', "my x.csv could not be read as CSV. It has a row of more than 2 MB",
     "quote"),
    ("x.json", b"[1, 2]", "x.json could not be read as JSON. It holds no object with fields", "one array of objects"),
    ("x.parquet", b"PAR1 no PAR1", "x.parquet could not be read as Parquet. ", "export it as CSV"),
    ("x.xls", b"\xd0\xcf\x11\xe0" + bytes(600), "x.xls could not be read as Excel. It is no readable Excel file", "export it as CSV"),
])
def test_what_cannot_be_read_is_told_by_its_own_name_and_not_kept(service, settings, name, data, what, fix):
    with pytest.raises(InputError) as error:
        service.attach(name, data)
    assert error.value.what.startswith(what)
    assert fix in error.value.fix
    assert str(settings.home) not in str(error.value)
    assert list((settings.home / "files" / "uploads" / "demo").iterdir()) == []


def test_the_line_of_the_trouble_is_said(service):
    with pytest.raises(InputError) as error:
        service.attach("x.csv", b'a,b\n1,2\n3,"open\n' + b"7,8\n" * 1_000_000 + b'9"\n')
    assert error.value.where == "line 3"


def test_another_tenant_cannot_name_the_upload(service, settings):
    path = attach(service, "messy_orders.csv").path
    with Penstock(settings=replace(settings, tenant_id="rival"), catalog=FILES / "empty_catalog.yml") as rival:
        report = rival.validate(spec(path=path))
        assert not report.ok
        assert "outside the allowed folders" in str(report.problems[0])
        with pytest.raises(SpecError):
            rival.preview(spec(path=path))
        with pytest.raises(InputError, match="outside the allowed folders"):
            rival.profile(path)
        with pytest.raises(InputError, match="outside the allowed folders"):
            rival.catalog_add("stolen", file=path)


def test_a_table_of_the_catalogue_and_of_the_lake_has_a_profile(shop):
    with Penstock(settings=shop) as service:
        named, lake = service.profile("customers"), service.profile("shop.customers")
    assert named.rows == lake.rows == 200
    assert [column.name for column in named.columns] == [column.name for column in lake.columns]


def test_a_file_by_its_path_has_a_profile_and_what_is_missing_is_said(service):
    Path("here.csv").write_text("a;b\n1;2\n")
    assert [column.name for column in service.profile("here.csv").columns] == ["a", "b"]
    assert [column.name for column in service.profile(Path("here.csv"), delimiter=",").columns] == ["a;b"]
    for given in ("nothing", "no/where.csv", "shop.nothing"):
        with pytest.raises(MissingError):
            service.profile(given)


def test_few_rows_are_looked_at_when_that_is_asked(service):
    Path("here.csv").write_text("a\n" + "".join(f"{n}\n" for n in range(500)))
    found = service.profile("here.csv", limit=100)
    assert (found.rows, found.seen, found.sampled, found.column("a").max) == (500, 100, True, 99)


def test_reading_ends_in_time(settings):
    short = replace(settings, limits=replace(settings.limits, preview_seconds=0.0))
    with Penstock(settings=short, catalog=FILES / "empty_catalog.yml") as service, pytest.raises(InputError, match="took longer than 0 s"):
        service.attach("big.csv", b"a,b\n" + b"1,2\n" * 500_000)


def test_too_large_is_refused_before_it_is_kept(settings):
    small = replace(settings, limits=replace(settings.limits, upload_bytes=10))
    with Penstock(settings=small) as service, pytest.raises(LimitError, match=r"x\.csv is larger than"):
        service.attach("x.csv", b"a,b\n1,2\n3,4\n")


def test_many_sessions_attach_at_once(service):
    wrong: list[PenstockError | str] = []

    def work(n):
        try:
            file = service.attach(f"f{n % 3}.csv", f"id,n\n1,{n % 3}\n".encode())
            if file.profile.rows != 1 or file.profile.column("n").max != n % 3:
                wrong.append(file.name)
        except PenstockError as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=[n]) for n in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
