"""What a runner asks all day reads what is at work, not everything that ever ran: the real statements, asked for their plans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from flows.metrics import RUN_BOUNDS, STEP_BOUNDS, WAIT_BOUNDS
from flows.store import NewRun, Store
from flows.store.tallies import LATE

MINE = ("runs_queue", "runs_one_open")
ASKED: dict[str, tuple[Callable[[Store], object], tuple[str, ...]]] = {
    "the next run": (lambda store: store.runs.claim("me", 30), MINE),
    "lost runs": (lambda store: store.runs.expired(), MINE),
    "open runs": (lambda store: store.runs.open(claimed=True), MINE),
    "runs of a runner": (lambda store: store.runs.open("me"), MINE),
    "backfills": (lambda store: store.backfills.due(), (*MINE, "runs_by_status")),  # of a tenant, those that are open
    "whose end is to be told": (lambda store: store.messages.untold(), ("runs_untold",)),
    "what is to be sent": (lambda store: store.messages.hurry(3, 10, 60), ("messages_due",)),
    "whose book is to be written": (lambda store: store.books.due(), ("runs_unmirrored",)),
    "whose book is not written": (lambda store: store.books.left(), ("runs_unmirrored",)),
    "what a book lacks": (lambda store: store.books.waiting("demo", production=False, limit=500), ("runs_unmirrored", "runs_pkey")),
}
TABLES = ("runs", "messages", "steps")


def plans(store: Store, ask: Callable[[Store], object]) -> list[str]:
    """The lines of the plans of what is read."""
    said: list[tuple[str, Any]] = []
    engine = store._database._engine

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if statement.lstrip().startswith("SELECT"):
            said.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        ask(store)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert said
    with store._database.read() as connection:
        if store.kind == "postgresql":
            connection.exec_driver_sql("SET enable_seqscan = off")  # a table of three rows needs no index
        asked = "EXPLAIN " if store.kind == "postgresql" else "EXPLAIN QUERY PLAN "
        return [str(row[-1]) for statement, parameters in said for row in connection.exec_driver_sql(asked + statement, parameters)]


@pytest.mark.parametrize("what", ASKED)
def test_a_question_of_the_runner_reads_by_its_index(what: str, store: Store) -> None:
    ask, indexes = ASKED[what]
    ended = store.runs.submit(NewRun("demo", "orders", {}))
    store.runs.finish(ended.run_id, "SUCCESS")
    lines = plans(store, ask)
    assert any(index in line for index in indexes for line in lines), lines
    whole = [line for line in lines for table in TABLES if line == f"SCAN {table}" or f"Seq Scan on {table}" in line]
    assert not whole, lines


def test_counting_what_is_new_reads_the_steps_of_new_runs_only(store: Store) -> None:
    ended = store.runs.submit(NewRun("demo", "orders", {}))
    store.runs.finish(ended.run_id, "SUCCESS")
    lines = plans(store, lambda store: store.tallies.take(LATE, RUN_BOUNDS, STEP_BOUNDS, WAIT_BOUNDS))
    assert not [line for line in lines if line == "SCAN steps" or "Seq Scan on steps" in line], lines
