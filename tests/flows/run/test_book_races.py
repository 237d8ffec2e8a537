"""The run book under pressure: every spelling and mode of a write, and people who ask while runs end."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from flows.errors import PenstockError
from flows.insight.catalog import Catalog
from flows.run import mirror
from flows.run.session import open_session
from flows.store import open_store
from flows.warehouse import Slice, TableSpec
from tests.flows.run.test_book import books, ended, place

__all__ = ["books", "place"]


@pytest.mark.parametrize("name", ["X_META.X_META_STEP_LOGS", "x_meta.another", "demo.x_meta.x_meta_step_logs", "x_meta_pipeline_runs"])
@pytest.mark.parametrize("mode", ["append", "overwrite", "merge", "replace_partition"])
def test_no_mode_and_no_spelling_writes_it(settings, name, mode):
    with open_store(settings.control_url) as store, open_session(settings, store, Catalog(), stage="adhoc") as session:
        ended(store)
        rows = session.stage("rows", "SELECT 'a' AS log_id")
        with pytest.raises(PenstockError):
            session.write(TableSpec(name, rows.columns, keys=("log_id",)), Slice("demo", "p", "none", "2025-11-15"), rows, mode=mode)
        assert session.query("SELECT COUNT(*) AS n FROM x_meta_step_logs").to_pylist() == [{"n": 2}]


def test_five_who_ask_while_runs_end_see_whole_runs_and_each_once(place, books):
    wrong: list[Any] = []
    over = threading.Event()
    tree = ("SELECT (SELECT COUNT(*) FROM x_meta_pipeline_runs) AS n, (SELECT COUNT(DISTINCT pipeline_logging_id) "
            "FROM x_meta_pipeline_runs) AS one, (SELECT COUNT(*) FROM x_meta_step_logs) AS steps, "
            "(SELECT COUNT(DISTINCT log_id) FROM x_meta_step_logs) AS own")

    def ask_on() -> None:
        with open_store(place.control_url) as store:
            while not over.is_set():
                try:
                    with open_session(place, store, Catalog(), stage="adhoc") as session:
                        seen = session.query(tree).to_pylist()[0]
                except PenstockError as error:
                    wrong.append(error)
                    return
                if seen["n"] != seen["one"] or seen["steps"] != seen["own"]:
                    wrong.append(seen)

    threads = [threading.Thread(target=ask_on) for _ in range(5)]
    for thread in threads:
        thread.start()
    for n in range(12):
        ended(books, f"p{n}", ("SUCCESS", "FAILED", "CANCELLED", "CRASHED")[n % 4])
        mirror.work(place, books)
    over.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    with open_session(place, books, Catalog(), stage="adhoc") as session:
        assert session.query(tree).to_pylist() == [{"n": 12, "one": 12, "steps": 24, "own": 24}]
        states = session.query("SELECT status, COUNT(*) AS n FROM x_meta_pipeline_runs GROUP BY 1 ORDER BY 1").to_pylist()
    assert states == [{"status": state, "n": 3} for state in ("CANCELLED", "CRASHED", "FAILED", "SUCCESS")]
