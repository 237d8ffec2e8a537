"""Conversations in the control store: kept whole, newest first, by tenant, the oldest ones go."""

from __future__ import annotations

import threading

import pytest

from flows.errors import InputError, MissingError
from flows.store import Store


def test_a_chat_is_read_back_as_it_was_kept(store: Store) -> None:
    body = {"turns": [{"text": "ä ‽ \u0000", "n": [1, None, True]}], "draft": None}
    store.chats.keep("demo", "c1", "Orders", body)
    found = store.chats.get("demo", "c1")
    assert (found.chat_id, found.title, found.body) == ("c1", "Orders", body)
    assert found.created_at.tzinfo is not None


def test_keeping_again_writes_over_it_and_moves_it_up(store: Store) -> None:
    for chat_id in ("a", "b"):
        store.chats.keep("demo", chat_id, chat_id, {})
    first = store.chats.get("demo", "a")
    store.chats.keep("demo", "a", "again", {"n": 2})
    found = store.chats.get("demo", "a")
    assert (found.title, found.body, found.created_at) == ("again", {"n": 2}, first.created_at)
    assert found.updated_at >= first.updated_at
    assert [chat.chat_id for chat in store.chats.list("demo")] == ["a", "b"]
    assert store.chats.list("demo", 1)[0].body == {}


def test_the_oldest_chats_of_a_tenant_go(store: Store) -> None:
    store.chats.keep("other", "old", "of another tenant", {})
    for n in range(5):
        store.chats.keep("demo", f"c{n}", "", {}, keep=3)
    assert [chat.chat_id for chat in store.chats.list("demo")] == ["c4", "c3", "c2"]
    assert [chat.chat_id for chat in store.chats.list("other")] == ["old"]


def test_another_tenants_chat_is_not_there(store: Store) -> None:
    store.chats.keep("demo", "c1", "mine", {})
    with pytest.raises(MissingError, match="there is no such chat"):
        store.chats.get("other", "c1")
    assert store.chats.list("other") == []


@pytest.mark.parametrize("chat_id", ["", "x" * 64])
def test_an_id_has_a_length(store: Store, chat_id: str) -> None:
    with pytest.raises(InputError, match="1 to 63 characters"):
        store.chats.keep("demo", chat_id, "", {})


def test_many_threads_keep_at_once(store: Store) -> None:
    threads = [threading.Thread(target=store.chats.keep, args=("demo", f"c{n % 3}", "t", {"n": n})) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {chat.chat_id for chat in store.chats.list("demo")} == {"c0", "c1", "c2"}
