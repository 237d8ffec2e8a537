"""Rows and profiles on the screen: values as they are, odd shapes without a crash, and every word that belongs to a file."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.parts import rows as parts
from app.parts.profile import _lines
from app.parts.rows import table_of, text_of
from flows.insight.catalog import Table
from flows.insight.profile import Bin, ColumnProfile, Profile
from flows.insight.uploads import Attached
from flows.warehouse.base import Column


def shown(draw: Any, **given: Any) -> AppTest:
    """A page that draws one part with what is given."""
    at = AppTest.from_function(draw, default_timeout=20)
    for name, value in given.items():
        at.session_state[name] = value
    at.run()
    assert not at.exception
    return at


def rows_page() -> None:
    import streamlit as st

    from app.parts.rows import rows_table

    rows_table(st.session_state["columns"], st.session_state["rows"], key="r")


def profile_page() -> None:
    import streamlit as st

    from app.parts.profile import profile

    profile(st.session_state["file"].profile, key="p")


def cells(kind: str, *values: Any) -> list[Any]:
    return table_of([("c", kind)], [{"c": value} for value in values])[0].column("c").to_pylist()


@pytest.mark.parametrize(("kind", "value", "cell"), [
    ("INT64", 7842, 7842), ("INT64", 2**60, str(2**60)), ("INT64", None, None), ("FLOAT64", 28.449999999999996, 28.45),
    ("FLOAT64", float("nan"), "nan"), ("FLOAT64", 1e300, 1e300),
    ("NUMERIC", Decimal("12345678901234567890.123456789"), "12345678901234567890.123456789"),
    ("NUMERIC", Decimal("1E-9"), "0.000000001"), ("BOOL", True, "true"), ("STRING", " x ", " x "),
    ("STRING", "", ""), ("STRING", None, None),
    ("STRING", "a" * 600, "a" * 499 + "…"), ("DATE", date(2025, 11, 3), "2025-11-03"), ("TIME", time(8, 5), "08:05:00"),
    ("TIMESTAMP", datetime(2025, 11, 3, 8, tzinfo=UTC), "2025-11-03 08:00:00 UTC"),
    ("DATETIME", datetime(2025, 11, 3, 8, 0, 1), "2025-11-03 08:00:01"),
    ("BYTES", b"\xaa\x01", "aa01"), ("ARRAY<INT64>", [1, None], "[1, null]"),
    ("STRUCT<a DATE, b NUMERIC>", {"a": date(2025, 1, 1), "b": Decimal("1.50")}, '{"a": "2025-01-01", "b": "1.50"}'),
])
def test_a_value_is_shown_as_it_is(kind, value, cell):
    assert cells(kind, value) == [cell]


def test_a_column_of_numbers_stays_numbers_only_while_all_are_exact():
    assert cells("INT64", 1, None, 3) == [1, None, 3]
    assert cells("INT64", 1, 2**53 + 1) == ["1", str(2**53 + 1)]
    assert cells("INT64", 1, "surprise") == ["1", "surprise"]
    assert text_of(None) is None


def test_rows_are_a_table_with_every_column():
    columns = [Column("id", "INT64"), Column("who", "STRING"), Column("not there", "STRING")]
    at = shown(rows_page, columns=columns, rows=[{"id": 1, "who": "Ada"}, {"id": None, "who": None}])
    table = at.dataframe[0].value
    assert list(table.columns) == ["id", "who", "not there"]
    assert table["who"].iloc[0] == "Ada"
    assert table.isna().to_numpy().tolist() == [[False, False, True], [True, True, True]]


def test_no_rows_and_no_columns_are_said():
    at = shown(rows_page, columns=[Column("id", "INT64")], rows=[])
    assert list(at.dataframe[0].value.columns) == ["id"]
    assert [m.value for m in at.markdown] == [":gray[No rows.]"]
    at = shown(rows_page, columns=[], rows=[])
    assert not at.dataframe
    assert [m.value for m in at.markdown] == [":gray[No columns.]"]


def test_many_columns_are_made_once_for_the_same_rows(monkeypatch):
    made = []
    monkeypatch.setattr(parts, "table_of", lambda *given: made.append(1) or table_of(*given))
    columns = [Column(f"c{n}", "STRING" if n % 2 else "INT64") for n in range(60)]
    rows = [{f"c{n}": str(n) if n % 2 else n for n in range(60)} for _ in range(200)]
    at = shown(rows_page, columns=columns, rows=rows)
    at.run()
    at.session_state["rows"] = [dict(row) for row in rows]
    at.run()
    assert (len(made), at.dataframe[0].value.shape) == (1, (200, 60))
    at.session_state["rows"] = rows[:5]
    at.run()
    assert (len(made), at.dataframe[0].value.shape) == (2, (5, 60))


def a_file(**changes: Any) -> Attached:
    columns = (
        ColumnProfile("id", "INT64", 0, 1.0, 3, min=1, max=3, mean=2.0, quantiles=(1, 1, 2, 3, 3), histogram=(Bin(1, 2, 1), Bin(2, 3, 2)),
                      notes=("all values are unique: a key?",)),
        ColumnProfile("st*tus", "STRING", 1, 2 / 3, 2, exact=False, min="open", max="paid",
                      top=(("paid", 1), ("open", 1)), lengths=(4, 4, 4.0)),
        ColumnProfile("ok", "BOOL", 0, 1.0, 2, true=2, false=1))
    found = Profile("x.csv", 3, columns, rejected=2, rejects=({"line": 4, "column": "", "reason": "too few columns", "text": "1,2"},),
                    notes=("read sheet 'A$B'. Also in the file: C",), seen=3)
    return Attached("x_$1$[a](b).csv", "/x.csv", Table(), Profile(**{**vars(found), **changes}))


def test_a_profile_says_how_much_what_is_wrong_and_what_was_rejected():
    at = shown(profile_page, file=a_file())
    text = "\n".join(m.value for m in at.markdown)
    assert "- Read sheet `A$B`" in text
    assert "`id`: all values are unique" in text
    assert [(m.label, m.value) for m in at.metric] == [("Rows", "3"), ("Columns", "3"), ("Cells filled", "88.9 %"), ("Not read", "2")]
    lines, rejected = at.dataframe[0].value, at.dataframe[1].value
    assert list(lines["Column"]) == ["id", "st*tus", "ok"]
    assert [list(bars) for bars in lines["Shape"]] == [[1, 2], [1, 1], [2, 1]]
    assert list(lines["Distinct"]) == ["3", "about 2", "2"]
    assert list(lines["Most frequent"])[1:] == ["paid (1), open (1)", "true (2), false (1)"]
    assert rejected.iloc[0].to_dict() == {"line": 4, "reason": "too few columns", "text": "1,2"}


def test_a_profile_of_first_rows_says_so():
    at = shown(profile_page, file=a_file(rows=5_000_000, seen=1_000_000))
    assert at.metric[0].delta == "the first 1,000,000 measured"


def test_a_profile_without_columns_or_rows_is_shown():
    at = shown(profile_page, file=a_file(rows=0, seen=0, columns=(), rejected=0, rejects=(), notes=()))
    assert not at.dataframe
    assert [m.value for m in at.metric] == ["0", "0", "none", "0"]


def test_many_notes_are_folded():
    columns = tuple(ColumnProfile(f"c{n}", "STRING", notes=("empty column",)) for n in range(60))
    at = shown(profile_page, file=a_file(columns=columns))
    assert at.expander[0].label == "55 more notes"
    assert len(at.dataframe[0].value) == 60


def test_the_lines_of_a_profile_are_made_once(monkeypatch):
    state: dict[str, Any] = {}
    monkeypatch.setattr("streamlit.session_state", state)
    found = a_file().profile
    assert _lines(found, "k") is _lines(found, "k")
