"""Excel files in, with bombs and formulas."""

import io
import zipfile

import pytest
import xlsxwriter

from flows.engines.base import Cancel
from flows.errors import Cancelled, DataError, InputError, LimitError
from flows.warehouse.base import Column


def book(bench, name, *sheets, **options):
    """Each sheet: (name, rows); a cell that starts with = is a formula whose stored value is 42."""
    with xlsxwriter.Workbook(bench.here / name, {"default_date_format": "yyyy-mm-dd", **options}) as made:
        for title, rows in sheets:
            sheet = made.add_worksheet(title)
            for at, row in enumerate(rows):
                for column, cell in enumerate(row):
                    if isinstance(cell, str) and cell.startswith("="):
                        sheet.write_formula(at, column, cell, value=42)
                    elif cell is not None:
                        sheet.write(at, column, cell)
    return name


def test_a_sheet_gives_typed_columns_and_the_stored_value_of_formulas(bench):
    from datetime import date

    book(bench, "a.xlsx", ("One", [["id", "day", "price", "sum", "mixed"], [1, date(2025, 1, 2), 1.5, "=A2*2", "x"], [None] * 5,
                                   [2, date(2025, 1, 3), 2, "=A3*2", 7]]))
    result = bench.extract(path="a.xlsx")
    assert [(c.name, c.type) for c in result.relation.columns] == [
        ("id", "INT64"), ("day", "DATE"), ("price", "FLOAT64"), ("sum", "INT64"), ("mixed", "STRING")]
    assert bench.rows("rows") == [{"id": 1, "day": date(2025, 1, 2), "price": 1.5, "sum": 42, "mixed": "x"},
                                  {"id": 2, "day": date(2025, 1, 3), "price": 2.0, "sum": 42, "mixed": "7"}]


def test_sheets_are_named_or_counted_and_misses_are_told(bench):
    book(bench, "a.xlsx", ("Jan", [["n"], [1]]), ("Feb", [["n"], [2]]))
    assert [bench.extract(path="a.xlsx", **how) and bench.rows("rows")[0]["n"] for how in ({}, {"sheet": "Feb"}, {"sheet": 2})] == [1, 2, 2]
    with pytest.raises(InputError, match=r"has no sheet 'Febr'\. Did you mean 'Feb'"):
        bench.extract(path="a.xlsx", sheet="Febr")
    with pytest.raises(InputError, match="has 2 sheets, number 3"):
        bench.extract(path="a.xlsx", sheet=3)


def test_headers_are_made_unique_and_said(bench):
    book(bench, "a.xlsx", ("S", [["n", "N", None, "x"], [1, 2, 3, 4]]))
    result = bench.extract(path="a.xlsx")
    assert list(bench.rows("rows")[0]) == ["n", "N_2", "column_3", "x"]
    assert "two columns are named 'N'" in result.notes[0]


def test_header_skip_and_types(bench):
    book(bench, "a.xlsx", ("S", [["a report"], ["code", "n"], ["7", 1]]))
    bench.extract(path="a.xlsx", skip=1, types={"code": "INT64", "n": "STRING"})
    assert bench.rows("rows") == [{"code": 7, "n": "1"}]
    bench.extract(path="a.xlsx", skip=2, header=False)
    assert bench.rows("rows") == [{"column_1": "7", "column_2": 1}]
    with pytest.raises(DataError):
        bench.extract(path="a.xlsx", types={"a report": "INT64"})


def test_a_sheet_without_rows_has_columns_and_one_without_anything_is_an_error(bench):
    book(bench, "a.xlsx", ("Head", [["a", "b"]]), ("Empty", []))
    assert bench.extract(path="a.xlsx").relation.columns == (Column("a", "STRING"), Column("b", "STRING"))
    with pytest.raises(InputError, match="is empty"):
        bench.extract(path="a.xlsx", sheet="Empty")


def test_a_bomb_is_refused_before_it_unpacks(bench):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", b"x" * (250 * 1024 * 1024))
    bench.file("bomb.xlsx", raw.getvalue())
    with pytest.raises(LimitError, match="would unpack to 250 MiB"):
        bench.extract(path="bomb.xlsx")


def test_a_bomb_with_lying_headers_dies_in_its_own_process(bench, monkeypatch):
    """The size in the directory is forged; the child runs into its memory limit, this process does not."""
    import resource

    from flows.engines import sheet

    book(bench, "a.xlsx", ("S", [["n"], *[[f"text {n}"] for n in range(20000)]]))
    monkeypatch.setattr(sheet, "MEMORY_BYTES", 100 * 1024 * 1024)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(LimitError, match="more memory than a sheet may use"):
        bench.extract(path="a.xlsx")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not really", b"hello", b"<html></html>"])
def test_what_is_no_excel_file_says_so(bench, content):
    bench.file("a.xlsx", content)
    with pytest.raises(DataError, match=r"a\.xlsx is no readable Excel file"):
        bench.extract(path="a.xlsx")


def test_options_of_csv_do_not_belong_to_excel(bench):
    book(bench, "a.xlsx", ("S", [["n"], [1]]))
    with pytest.raises(InputError, match=r"source\.delimiter: an Excel file has no delimiter"):
        bench.extract(path="a.xlsx", delimiter=";")
    bench.file("a.csv", "n\n1\n")
    with pytest.raises(InputError, match=r"source\.sheet"):
        bench.extract(path="a.csv", sheet="S")


def test_a_cancelled_step_does_not_read_on(bench):
    book(bench, "a.xlsx", ("S", [["n"], [1]]))
    cancel = Cancel()
    cancel.set("stopped")
    with pytest.raises(Cancelled):
        bench.extract(path="a.xlsx", about={"cancel": cancel})
