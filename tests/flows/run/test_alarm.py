"""One thread for all deadlines: the earliest first, none that was taken back."""

from __future__ import annotations

import threading

from flows.run.alarm import FEW, Alarm


def test_it_rings_in_the_order_of_time_and_not_of_asking() -> None:
    alarm, rang, late, early = Alarm(), [], threading.Event(), threading.Event()

    def ring(name: str, event: threading.Event) -> None:
        rang.append(name)
        event.set()

    alarm.ring(600, lambda: ring("never", late))
    alarm.ring(0.3, lambda: ring("late", late))
    alarm.ring(0.01, lambda: ring("early", early))
    assert early.wait(30)
    assert late.wait(30)
    assert rang == ["early", "late"]


def test_what_was_taken_back_does_not_ring() -> None:
    alarm, rang = Alarm(), threading.Event()
    taken = threading.Event()
    off = alarm.ring(0.05, taken.set)
    alarm.ring(0.1, rang.set)
    off()
    off()  # again is harmless
    assert rang.wait(30)
    assert not taken.is_set()


def test_a_slow_one_holds_up_no_other() -> None:
    alarm, free, second = Alarm(), threading.Event(), threading.Event()
    alarm.ring(0, lambda: free.wait(30) and None)
    alarm.ring(0.01, second.set)
    assert second.wait(30)
    free.set()


def test_what_ended_in_time_is_forgotten() -> None:
    alarm = Alarm()
    for _ in range(10 * FEW):
        alarm.ring(3600, lambda: None)()
    assert len(alarm._due) <= FEW + 1
