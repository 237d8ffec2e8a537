"""Whether people were told of a run's end, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flows.show import units


def told(message: Mapping[str, Any], now: datetime) -> str:
    """`notified #data`; `could not notify a@b.c (tried 3 times, next in 2 min): the mail server smtp.b.c does not answer`.

    `message` is one of a run view's `messages`: target, status, attempts, error and next_at (ISO text).
    """
    target, tries, why = message["target"], message["attempts"], str(message["error"] or "").rstrip(".")
    if message["status"] == "SENT":
        return f"notified {target}"
    if message["status"] == "WAITING" and not why:
        return f"notifying {target}"
    parts = [] if not tries else ["tried once" if tries == 1 else f"tried {tries} times"]
    if message["status"] == "WAITING":
        wait = (datetime.fromisoformat(message["next_at"]) - now).total_seconds() if message["next_at"] else 0.0
        parts.append("next now" if wait < 1 else f"next in {units.seconds(round(wait))}")
    elif tries > 1:
        parts.append("given up")
    how = f" ({', '.join(parts)})" if parts else ""
    return f"could not notify {target}{how}: {why}"
