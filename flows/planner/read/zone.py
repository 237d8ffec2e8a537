"""Time zones: IANA names, UTC, the usual abbreviations and `Berlin time`."""

from __future__ import annotations

import re

from flows.planner.read.draft import Draft, Said
from flows.planner.read.text import P, Text

SHORT = {
    "utc": "UTC",
    "gmt": "UTC",
    "zulu": "UTC",
    "cet": "Europe/Berlin",
    "cest": "Europe/Berlin",
    "est": "America/New_York",
    "edt": "America/New_York",
    "et": "America/New_York",
    "cst": "America/Chicago",
    "cdt": "America/Chicago",
    "mst": "America/Denver",
    "mdt": "America/Denver",
    "pst": "America/Los_Angeles",
    "pdt": "America/Los_Angeles",
    "pt": "America/Los_Angeles",
    "bst": "Europe/London",
    "jst": "Asia/Tokyo",
    "ist": "Asia/Kolkata",
    "aest": "Australia/Sydney",
}
NAMED = {
    "pacific": "America/Los_Angeles",
    "eastern": "America/New_York",
    "central": "America/Chicago",
    "mountain": "America/Denver",
    "central european": "Europe/Berlin",
    "german": "Europe/Berlin",
    "uk": "Europe/London",
    "british": "Europe/London",
    "swiss": "Europe/Zurich",
}
ZONE = P(r"(?:\( )?(?:in (?:the )?)?(?:time ?zone )?(?P<z>{Z})(?: (?:time ?zone|time|zone))*(?: \))?")
ABBREVIATED = P(r"(?:\( )?(?:in )?(?P<z>" + "|".join(SHORT) + r")(?: (?:time ?zone|time|zone))*(?: \))?")
SPOKEN = P(r"(?:\( )?(?:in )?(?:the )?(?P<a>{W}|<[^>]*>)(?: (?P<b>{W}))? (?:local )?time(?: ?zone)?(?: \))?", "time")


def read_zone(text: Text, draft: Draft) -> None:
    """The zone of the schedule into `draft.zone`; asks `schedule` for one that does not exist."""
    if found := text.first(ZONE):
        name = text.literal(found["z"])
        if real := _real(name):
            draft.zone = Said(real, found.span)
        else:
            draft.asks.append(("schedule", f"There is no time zone {name!r}. Which one is meant?", found.span, ("UTC",)))
        text.take(found)
        return
    for found in text.find(ABBREVIATED):
        word = found["z"]
        if len(word) == 2 and not re.search(r"\d|am|pm", text.norm[max(0, found.match.start() - 8) : found.match.start()]):
            continue
        draft.zone = Said(SHORT[word], found.span)
        if word not in ("utc", "gmt", "zulu"):
            draft.notes.append(("schedule.timezone", f"{word.upper()} was read as {SHORT[word]}"))
        text.take(found)
        return
    for found in text.find(SPOKEN):
        words = [text.raw[slice(*found.part(g))].lower() for g in ("a", "b") if found[g]]
        for size in (2, 1):
            zone = _city(" ".join(words[-size:])) if len(words) >= size else ""
            if zone:
                draft.zone = Said(zone, found.span)
                start = found.match.start() if size == len(words) else found.match.start("b")
                text.take((start, found.match.end()))
                return


def _city(words: str) -> str:
    if words in NAMED:
        return NAMED[words]
    if words in SHORT:
        return SHORT[words]
    from zoneinfo import available_timezones

    last = words.replace(" ", "_")
    found = sorted(
        z
        for z in available_timezones()
        if "/" in z and z.rpartition("/")[2].lower() == last and not z.startswith(("posix", "right", "Etc"))
    )
    return found[0] if found else ""


def _real(name: str) -> str:
    from zoneinfo import available_timezones

    return next((z for z in available_timezones() if z.lower() == name.lower()), "")
