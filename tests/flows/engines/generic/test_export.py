import csv
import json
from datetime import date, datetime
from decimal import Decimal

import pytest
from pydantic import ValidationError

from flows.engines import outfile
from flows.errors import DataError, InputError, LimitError

ROWS = """SELECT 1 AS id, '=cmd|'' /C calc''!A0' AS note, DATE '2025-01-02' AS day, TIMESTAMPTZ '2025-01-02 03:04:05+00' AS at,
  '1.10'::DECIMAL(38,9) AS price, TRUE AS ok, ['a', 'b'] AS tags, '{"k": 1}'::JSON AS extra
  UNION ALL SELECT 2, '', NULL, NULL, '12345678901234567890.5'::DECIMAL(38,9), FALSE, [], NULL
  UNION ALL SELECT 3, NULL, DATE '1850-01-01', NULL, NULL, NULL, ['https://x.example'], NULL"""


@pytest.fixture
def rows(bench):
    bench.made("rows", f"SELECT * FROM ({ROWS}) ORDER BY id")
    return bench


def export(bench, engine, path, *, preview=False, **more):
    return bench.run("generic.export", "out", preview=preview,
                     blocks={"config": {"input": "rows"}, "destination": {"engine": engine, "path": path, **more}})


def test_csv_tells_nothing_from_the_empty_text(rows):
    result = export(rows, "csv", "out.csv")
    lines = (rows.here / "out.csv").read_text().splitlines()
    assert lines[0] == '"id","note","day","at","price","ok","tags","extra"'
    assert lines[2].startswith('2,"",,')
    assert lines[3].startswith("3,,1850-01-01,")
    assert json.loads(next(csv.DictReader(lines))["tags"]) == ["a", "b"]
    assert (result.rows, result.outputs["path"]) == (3, str(rows.here / "out.csv"))


def test_csv_can_take_the_meaning_from_formulas(rows):
    export(rows, "csv", "out.csv", escape_formulas=True)
    found = list(csv.DictReader((rows.here / "out.csv").open()))
    assert found[0]["note"].startswith("'=cmd")
    assert found[0]["price"] == "1.100000000"
    export(rows, "csv", "plain.csv")
    assert next(csv.DictReader((rows.here / "plain.csv").open()))["note"].startswith("=cmd")


def test_json_is_a_list_or_lines_and_keeps_every_digit(rows):
    export(rows, "json", "out.json")
    export(rows, "json", "out.jsonl")
    whole = json.loads((rows.here / "out.json").read_text())
    assert whole == [json.loads(line) for line in (rows.here / "out.jsonl").read_text().splitlines()]
    assert whole[0]["extra"] == {"k": 1}
    assert whole[1]["price"] == "12345678901234567890.5"
    assert (whole[0]["day"], whole[0]["tags"]) == ("2025-01-02", ["a", "b"])


def test_json_of_no_rows_is_an_empty_list(rows):
    rows.made("rows", "SELECT 1 AS id FROM UNNEST([1]) WHERE FALSE")
    export(rows, "json", "out.json")
    assert json.loads((rows.here / "out.json").read_text()) == []


def test_parquet_keeps_types(rows):
    export(rows, "parquet", "out.parquet")
    rows.extract("again", path="out.parquet")
    assert rows.rows("again") == rows.rows("rows")


def test_excel_cells_are_what_they_were_and_no_text_becomes_a_formula_or_link(rows):
    from python_calamine import CalamineWorkbook

    export(rows, "excel", "out.xlsx")
    book = CalamineWorkbook.from_path(str(rows.here / "out.xlsx"))
    header, first, second, third = book.get_sheet_by_index(0).to_python()
    assert header[0] == "id"
    assert first[:6] == [1.0, "=cmd|' /C calc'!A0", date(2025, 1, 2), datetime(2025, 1, 2, 3, 4, 5), 1.1, True]
    assert json.loads(first[6]) == ["a", "b"]
    assert second[4] == str(Decimal("12345678901234567890.500000000"))  # more digits than Excel keeps: written as text
    assert third[2] == "1850-01-01"  # before Excel's calendar
    import zipfile

    with zipfile.ZipFile(rows.here / "out.xlsx") as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet


def test_more_rows_than_a_sheet_holds_are_refused_before_writing(rows, monkeypatch):
    monkeypatch.setattr(outfile, "EXCEL_ROWS", 2)
    for preview in (False, True):
        with pytest.raises(LimitError, match="do not fit into a sheet"):
            export(rows, "excel", "out.xlsx", preview=preview)
    assert list(rows.here.iterdir()) == []


def test_a_text_longer_than_a_cell_is_an_error_and_leaves_nothing_behind(rows):
    rows.made("rows", "SELECT REPEAT('x', 40000) AS note")
    (rows.here / "out.xlsx").write_text("the old one")
    with pytest.raises(DataError, match="a cell holds 32,767"):
        export(rows, "excel", "out.xlsx")
    assert [f.name for f in rows.here.iterdir()] == ["out.xlsx"]
    assert (rows.here / "out.xlsx").read_text() == "the old one"


def test_a_preview_says_what_would_be_replaced_and_makes_nothing(rows):
    assert export(rows, "csv", "new/out.csv", preview=True).notes == ["would write 3 rows to new/out.csv"]
    assert list(rows.here.iterdir()) == []
    export(rows, "csv", "out.csv")
    assert "in place of the file that is there" in export(rows, "csv", "out.csv", preview=True).notes[0]


def test_folders_on_the_way_are_made(rows):
    export(rows, "csv", "reports/2025/out.csv")
    assert (rows.here / "reports/2025/out.csv").exists()


@pytest.mark.parametrize("path", ["../out.csv", "/tmp/penstock-out.csv", ".bashrc"])
def test_a_file_outside_is_refused_before_and_in_the_run(rows, path):
    blocks = {"config": {"input": "rows"}, "destination": {"engine": "csv", "path": path}}
    for act in (lambda: rows.output("generic.export", blocks, rows=None), lambda: export(rows, "csv", path),
                lambda: export(rows, "csv", path, preview=True)):
        with pytest.raises(InputError, match="outside the allowed folders"):
            act()


def test_only_known_formats(rows):
    with pytest.raises(ValidationError):
        export(rows, "pdf", "out.pdf")


def test_numbers_that_are_none_are_text_in_json_and_nested_too(bench):
    bench.made("rows", "SELECT 'nan'::DOUBLE AS a, 'inf'::DOUBLE AS b, [1.5, '-inf'::DOUBLE] AS c, {'x': 'nan'::DOUBLE} AS d")
    export(bench, "json", "out.json")
    assert json.loads((bench.here / "out.json").read_text(), parse_constant=pytest.fail) == [
        {"a": "NaN", "b": "Infinity", "c": [1.5, "-Infinity"], "d": {"x": "NaN"}}]
    export(bench, "csv", "out.csv")
    assert json.loads(next(csv.DictReader((bench.here / "out.csv").open()))["c"]) == [1.5, "-Infinity"]


@pytest.mark.parametrize("engine", ["csv", "parquet", "json", "excel"])
@pytest.mark.parametrize("preview", [False, True])
def test_an_interval_is_refused_with_its_name_before_anything_is_written(bench, engine, preview):
    bench.made("rows", "SELECT 1 AS id, INTERVAL 3 DAY AS span")
    with pytest.raises(DataError, match=r"column 'span' is INTERVAL.*CAST\(span AS STRING\)"):
        export(bench, engine, "out.x", preview=preview)
    assert not (bench.here / "out.x").exists()
