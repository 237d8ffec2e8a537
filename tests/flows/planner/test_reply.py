"""Answers in own words, undone assumptions, files as sources."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flows.errors import InputError
from flows.insight.catalog import Catalog, CatalogColumn, Table
from flows.planner.answer import PlanResult, apply, undo
from flows.planner.files import names_in, tables
from flows.planner.reply import in_words

Read = Callable[..., PlanResult]


def answered(result: PlanResult, slot: str, text: str) -> PlanResult:
    return in_words(result, next(q.id for q in result.questions if q.slot == slot), text)


def test_words_answer_and_earlier_answers_stay(read: Read) -> None:
    result = read("copy payments to the warehouse every evening")
    where = next(q for q in result.questions if q.slot == "destination.table")
    result = apply(result, where.id, where.options[0].label)
    result = answered(result, "schedule.time", "twenty past eight")
    assert result.status == "ready"
    assert result.spec["schedule"]["cron"].split()[:2] in (["20", "20"], ["20", "8"])
    assert result.spec["steps"][-1]["destination"]["table"] == where.options[0].label


def test_words_that_cannot_be_read_leave_the_question(read: Read) -> None:
    result = read("copy payments to the warehouse every evening")
    again = answered(result, "destination.table", "somewhere nice")
    asked = next(q for q in again.questions if q.slot == "destination.table")
    assert asked.message.startswith("“somewhere nice” could not be read as a table")
    twice = answered(again, "destination.table", "no idea")
    assert next(q for q in twice.questions if q.slot == "destination.table").message.count("could not be read") == 1
    assert again.spec == result.spec


def test_spans_stay_those_of_the_own_text(read: Read) -> None:
    text = "load the bookings into mart.b, but never on public holidays"
    result = answered(read(text), "source", "payments")
    left = next(q for q in result.questions if q.slot == "unparsed")
    assert left.span is not None
    assert "holidays" in text[slice(*left.span)]
    assert result.spec["steps"][0]["source"]["table"] == "payments"


def test_an_undone_assumption_is_gone_and_true(read: Read) -> None:
    result = read("load refunds into mart.refunds every day at 5")
    n = next(n for n, a in enumerate(result.assumptions) if a.path.endswith("destination.mode"))
    undone = undo(result, n)
    assert undone.spec["steps"][-1]["destination"]["mode"] == "append"
    assert len(undone.assumptions) == len(result.assumptions) - 1
    n = next(n for n, a in enumerate(undone.assumptions) if "05:00" in a.text)
    assert undo(undone, n).spec["schedule"]["cron"] == "0 17 * * *"
    fixed = next(n for n, a in enumerate(result.assumptions) if not a.patch)
    with pytest.raises(InputError, match="cannot be undone"):
        undo(result, fixed)


@pytest.fixture
def visits(shop_catalog: Catalog) -> dict[str, object]:
    table = Table(columns={"page": CatalogColumn(type="STRING"), "seconds_on_page": CatalogColumn(type="INT64")})
    made = tables(shop_catalog, [("Web visits.csv", table, {"path": "/up/Web_visits.csv"})])
    catalog = shop_catalog.model_copy(update={"tables": {**shop_catalog.tables, **{n: t for n, (t, _) in made.items()}}})
    return {"catalog": catalog, "files": {n: f for n, (_, f) in made.items()}}


@pytest.mark.parametrize("text", [
    "put it into mart.visits", "import Web visits.csv into mart.visits", "load the attached file into mart.visits every night at 1:20",
])
def test_a_file_is_the_source(text: str, read: Read, visits: dict[str, object]) -> None:
    result = read(text, **visits)
    assert result.status == "ready", [q.message for q in result.questions]
    assert result.spec["steps"][0]["source"] == {"path": "/up/Web_visits.csv"}
    assert result.spec["steps"][-1]["destination"]["engine"] == "bigquery"


def test_a_file_that_lies_around_is_not_dragged_in(read: Read, visits: dict[str, object]) -> None:
    text = "load orders into mart.orders"
    assert read(text, **visits).spec == read(text).spec


def test_a_file_that_is_not_there_is_asked_for(read: Read) -> None:
    text = "load takings.csv into mart.takings"
    asked = read(text).questions[0]
    assert (asked.slot, text[slice(*asked.span or (0, 0))]) == ("source", "takings.csv")
    assert asked.message == "There is no file takings.csv. Attach it, or give its path."


def test_files_that_are_written_are_no_sources() -> None:
    assert names_in("join a.csv and in/b.parquet, write to the file c.csv") == ["a.csv", "in/b.parquet"]
