"""Repeats one request of Google's client that failed for a passing reason, while somebody waits for its answer."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from typing import Any

FIRST_PAUSE, LAST_PAUSE = 1.0, 16.0  # seconds before a request is sent again; they double, and each is shortened by up to its half


class Again:
    """As the client's `retry`: what is worth another try is Google's own rule (its DEFAULT_RETRY), for so many `seconds`. `gone` is the
    switch of whoever waits: once it is thrown nothing is sent again."""

    def __init__(self, seconds: float, gone: Callable[[], threading.Event | None]) -> None:
        self._seconds, self._gone = seconds, gone

    def __call__(self, call: Callable[..., Any]) -> Callable[..., Any]:
        from google.cloud.bigquery import DEFAULT_RETRY

        pause, chance = FIRST_PAUSE, secrets.SystemRandom()

        def wait(error: BaseException) -> None:
            nonlocal pause
            if (self._gone() or threading.Event()).wait(pause * chance.uniform(0.5, 1)):
                raise error
            pause = min(pause * 2, LAST_PAUSE)

        # the rule's own delay is next to nothing, because `wait` hears the switch
        rule = DEFAULT_RETRY.with_delay(initial=0.001, maximum=0.001).with_timeout(self._seconds)
        repeated: Callable[..., Any] = rule(call, on_error=wait)
        return repeated
