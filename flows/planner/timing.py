"""When a pipeline that exists is to run, how often it tries, whom it tells: as changes of its spec."""

from __future__ import annotations

import re
from typing import Any

from flows.planner.answer import Fact
from flows.planner.holes import Ask, Asks, said_choice
from flows.planner.read.draft import Draft, Said
from flows.planner.read.runops import Request
from flows.planner.read.text import Text
from flows.planner.requests import patch_of
from flows.planner.splice import Work

ONCE = re.compile(r"^\W*(?:please |now |ok(?:ay)? |could you |can you )*(?:run|start|trigger|execute|launch)\b", re.I)
LASTING = re.compile(r"\binstead\b|\bfrom now on\b|\balways\b|\bschedule\b", re.I)


def schedule_patch(text: Text, draft: Draft, work: Work, asks: Asks, facts: list[Fact], notes: list[tuple[str, str]]) -> None:
    """Schedule, zone, retries, time limit and notifications. What only one half is said of keeps the other half: `at 3 am instead` keeps
    the days, `weekly instead` keeps the time."""
    when = work.spec.get("schedule") or {}
    kept = _plain(when.get("cron"))
    for slot, message, span, choices in draft.asks:
        if slot == "schedule" and kept and choices and "How often" in message:
            minute, hour = choices[0].split()[:2]
            cron = " ".join([minute, hour, *kept[2:]])
            if ONCE.match(text.raw) and not LASTING.search(text.raw):
                ask = Ask("schedule", f"Should its schedule become “{_said(cron)}”, or should it run once now?", span)
                ask.patches = [(f"Change the schedule to {_said(cron)}", _cron(when, cron))]
                asks.items.append(ask)
                continue
            draft.cron = Said(cron, span or (0, 0))
            notes.append(("schedule.cron", "only the time changes, the days stay as they are"))
        elif slot == "schedule.time" and kept and choices:
            draft.cron = Said(" ".join([*kept[:2], *choices[0].split()[2:]]), span or (0, 0))
            notes.append(("schedule.cron", f"the time stays {int(kept[1]):02}:{int(kept[0]):02}"))
        else:
            ask = Ask(slot, message, span)
            ask.patches = [(said_choice(slot, c), _cron(when, c)) for c in choices] if slot.startswith("schedule") else []
            asks.items.append(ask)
    work.do(*patch_of(draft, Request("edit"), work.spec, facts))


def _plain(cron: Any) -> list[str]:
    """The five parts of a cron line with one plain time of day; else nothing."""
    parts = str(cron or "").split()
    return parts if len(parts) == 5 and parts[0].isdigit() and parts[1].isdigit() else []


def _cron(when: dict[str, Any], cron: str) -> list[dict[str, Any]]:
    if when.get("cron"):
        return [{"op": "test", "path": "/schedule/cron", "value": when["cron"]}, {"op": "replace", "path": "/schedule/cron", "value": cron}]
    return [{"op": "add", "path": "/schedule", "value": {"cron": cron, "timezone": when.get("timezone") or "UTC"}}]


def _said(cron: str) -> str:
    return said_choice("schedule", cron)
