"""Times of day: `2 AM`, `23:45`, noon, half past six, 5 in the morning, at 7."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flows.planner.read.text import Found

PART = r"(?:in the (?:early )?(?P<{p}part>morning|evening|afternoon|night)|at (?P<{p}night>night))"
CLOCK = (
    r"(?:(?P<{p}word>noon|midday|midnight)"
    r"|(?P<{p}past>half|quarter|\d{{1,2}}(?: minutes?)?) (?P<{p}side>past|after|to|before) (?P<{p}phour>\d{{1,2}}|noon|"
    r"midnight)(?: (?P<{p}pm3>am|pm))?(?: {part3})?"
    r"|(?P<{p}hm>\d{{1,2}}:\d\d)(?::00)?(?: ?(?:hours|hrs|h|o'clock))?(?: (?P<{p}pm1>am|pm))?(?: {part1})?"
    r"|(?P<{p}h>\d{{1,2}})(?: ?(?:o'clock|hours|hrs|h|sharp))?(?: (?P<{p}pm2>am|pm))?(?: (?:o'clock|sharp))?(?: {part2})?)"
)


def clock(p: str) -> str:
    """The pattern of one time; `p` makes its group names unique."""
    parts = {f"part{n}": PART.format(p=f"{p}{n}") for n in (1, 2, 3)}
    return CLOCK.format(p=p, **parts)


@dataclass(frozen=True)
class Time:
    """`sure`: the hour needs no guess; else it was read as morning."""

    hour: int
    minute: int
    sure: bool


def read_clock(found: Found, p: str, hint: str = "") -> Time | None:
    """The time of a match, None for one that no clock shows. `hint`: part of the day that other words name (evening ...)."""
    groups = {k: v or "" for k, v in found.match.groupdict().items()}
    if groups[f"{p}word"]:
        return Time(0 if groups[f"{p}word"] == "midnight" else 12, 0, True)
    part = next((groups[f"{p}{n}part"] or groups[f"{p}{n}night"] for n in (1, 2, 3) if groups[f"{p}{n}part"] or groups[f"{p}{n}night"]), "")
    half = next((groups[f"{p}pm{n}"] for n in (1, 2, 3) if groups[f"{p}pm{n}"]), "")
    if groups[f"{p}past"]:
        hour, minute, exact = _past(groups, p)
    elif groups[f"{p}hm"]:
        hour, minute = (int(x) for x in groups[f"{p}hm"].split(":"))
        exact = True
    else:
        hour, minute, exact = int(groups[f"{p}h"]), 0, False
    if half and not 1 <= hour <= 12:
        half = ""
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    elif 1 <= hour <= 12 and (part or hint) and not (exact and not part and groups[f"{p}hm"].startswith("0")):
        hour = _in_part(hour, part or hint)
    if hour == 24 and minute == 0:
        hour = 0
    if hour > 23 or minute > 59:
        return None
    return Time(hour, minute, bool(half or part or hint or exact or hour == 0 or hour > 12))


def _past(groups: dict[str, str], p: str) -> tuple[int, int, bool]:
    minutes = {"half": 30, "quarter": 15}.get(groups[f"{p}past"]) or int(re.sub(r"\D", "", groups[f"{p}past"]) or 0)
    hour = {"noon": 12, "midnight": 24}.get(groups[f"{p}phour"]) or int(groups[f"{p}phour"])
    if groups[f"{p}side"] in ("to", "before"):
        return hour - 1 or 12, 60 - minutes, False
    return hour % 24, minutes, False


def _in_part(hour: int, part: str) -> int:
    if part in ("evening", "afternoon"):
        return hour % 12 + 12
    if part == "night":
        return hour % 12 + (12 if hour in (6, 7, 8, 9, 10, 11) else 0)
    return hour % 12 if part == "morning" and hour == 12 else hour
