"""When a key was used last, which is noted once a minute, not at every call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from flows.store import Store
from flows.store.tables import keys


def test_the_time_of_last_use_is_noted_when_the_one_before_is_older_than_a_minute(store: Store) -> None:
    key, text = store.keys.create("demo", "ci", "viewer")
    assert key.used_at is None
    found = store.keys.whose(text)
    assert found is not None
    assert (found.key_id, found.used_at) == (key.key_id, None)  # as it was before this use
    first = store.keys.get("demo", key.key_id).used_at
    assert first is not None
    store.keys.whose(text)
    assert store.keys.get("demo", key.key_id).used_at == first
    with store._database.write() as connection:
        connection.execute(update(keys).values(used_at=datetime.now(UTC) - timedelta(seconds=90)))
    store.keys.whose(text)
    again = store.keys.get("demo", key.key_id).used_at
    assert again is not None
    assert again >= first
    assert store.keys.whose("pk_nothing") is None
