"""Who is told what: a small bus for run and step events; a listener that raises harms nobody."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

log = logging.getLogger("penstock.events")


@dataclass(frozen=True)
class Event:
    """Something that happened. `name` is dotted: run.created, run.started, run.ended, step.started, step.ended."""

    name: str
    subject: str
    data: dict[str, Any] = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


Listener = Callable[[Event], None]


class EventBus:
    """Listeners by event name; `*` hears everything."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = defaultdict(list)

    def listen(self, name: str, listener: Listener) -> None:
        self._listeners[name].append(listener)

    def emit(self, event: Event) -> None:
        for listener in [*self._listeners[event.name], *self._listeners["*"]]:
            try:
                listener(event)
            except Exception:  # a listener is a stranger: its failure is logged and never reaches the run
                log.exception("listener failed on %s", event.name)
