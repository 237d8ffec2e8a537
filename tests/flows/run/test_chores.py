"""The regular work of a runner: each kind in its own thread, an error does not end it, the last turn comes when the runner stops."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from flows.errors import UnreachableError
from flows.run import chores
from flows.run.chores import CHORES, Chore, Chores, anything_left

SLOW = 3600.0  # seconds: no turn but the last one


def until(true: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def stopping() -> Any:
    event = threading.Event()
    yield event
    event.set()


def kept(stopping: threading.Event, *given: Chore) -> Chores:
    made = Chores("settings", "store", stopping, given)  # type: ignore[arg-type]
    made.keep()
    return made


def test_it_is_done_again_and_again_with_what_the_runner_has(stopping: threading.Event) -> None:
    seen: list[tuple[Any, Any]] = []
    kept(stopping, Chore("count", 0.01, lambda settings, store: seen.append((settings, store))))
    until(lambda: len(seen) >= 3)
    assert set(seen) == {("settings", "store")}


def test_the_last_turn_comes_when_the_runner_stops(stopping: threading.Event) -> None:
    seen: list[str] = []
    made = kept(stopping, Chore("a", SLOW, lambda *_: seen.append("a")), Chore("b", SLOW, lambda *_: seen.append("b")))
    assert seen == []
    stopping.set()
    made.last(20)
    assert sorted(seen) == ["a", "b"]
    assert not any(thread.is_alive() for thread in made.threads.values())
    made.keep()  # a runner that stops begins nothing
    assert not any(thread.is_alive() for thread in made.threads.values())


def test_the_end_does_not_wait_for_ever(stopping: threading.Event) -> None:
    held = threading.Event()
    made = kept(stopping, Chore("stuck", SLOW, lambda *_: bool(held.wait(60)) and None))
    stopping.set()
    made.last(0.05)
    assert made.threads["stuck"].is_alive()
    held.set()


def test_an_error_is_logged_and_the_next_turn_comes(stopping: threading.Event, caplog: pytest.LogCaptureFixture) -> None:
    turns: list[int] = []

    def work(*_: object) -> None:
        turns.append(len(turns))
        if len(turns) == 1:
            raise UnreachableError("the store does not answer")

    kept(stopping, Chore("post", 0.01, work))
    until(lambda: len(turns) >= 3)
    assert [record.getMessage() for record in caplog.records if record.name == "penstock.runner"] == ["post: the store does not answer"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_thread_is_started_again(stopping: threading.Event) -> None:
    turns: list[int] = []

    def work(*_: object) -> None:
        turns.append(len(turns))
        if len(turns) == 1:
            raise ZeroDivisionError

    made = kept(stopping, Chore("bug", 0.01, work))
    first = made.threads["bug"]
    until(lambda: not first.is_alive())
    made.keep()
    until(lambda: len(turns) >= 3)
    assert made.threads["bug"] is not first
    alive = made.threads["bug"]
    made.keep()
    assert made.threads["bug"] is alive


def test_one_that_is_slow_holds_up_no_other(stopping: threading.Event) -> None:
    held, turns = threading.Event(), list[int]()
    kept(stopping, Chore("slow", 0.01, lambda *_: bool(held.wait(60)) and None), Chore("quick", 0.01, lambda *_: turns.append(1)))
    until(lambda: len(turns) >= 3)
    held.set()


def test_what_is_left_keeps_a_lone_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_left(*left: bool) -> bool:
        monkeypatch.setattr(chores, "CHORES", tuple(Chore(str(n), SLOW, lambda *_: None, lambda _, n=n: left[n]) for n in range(len(left))))
        return anything_left("store")  # type: ignore[arg-type]

    assert [with_left(), with_left(False), with_left(False, True)] == [False, False, True]


def test_the_chores_have_names_of_their_own() -> None:
    assert len({each.name for each in CHORES}) == len(CHORES) >= 1
