"""What was answered to an Idempotency-Key is kept for a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import update

from flows.run.chores import CHORES
from flows.settings import Settings
from flows.store import Store
from flows.store.tables import requests


def test_an_answer_is_given_again_for_a_day_and_the_chore_forgets_older_ones(store: Store, tmp_path: Path) -> None:
    done: list[str] = []

    def ask(key: str) -> tuple[int, Any, bool]:
        return store.requests.once("demo", key, b"body", lambda: (202, {"n": done.append(key) or len(done)}))

    assert (ask("old"), ask("new"), ask("old")) == ((202, {"n": 1}, False), (202, {"n": 2}, False), (202, {"n": 1}, True))
    with store._database.write() as connection:
        yesterday = datetime.now(UTC) - timedelta(hours=24, minutes=1)
        connection.execute(update(requests).where(requests.c.key == "old").values(created_at=yesterday))
    next(each for each in CHORES if each.name == "old answers").work(Settings(home=tmp_path), store)
    assert (ask("new"), ask("old")) == ((202, {"n": 2}, True), (202, {"n": 3}, False))
