"""When a cron line comes true, in words."""

from __future__ import annotations

import re

DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
AT = re.compile(r"^(\d{1,2}) (\d{1,2}) (\S+) (\S+) (\S+)\Z")
EVERY = re.compile(r"^\*/(\d{1,2}) \* \* \* \*\Z")


def said_cron(cron: str) -> str:
    """The meaning of a cron line as it follows `It runs`; empty when it cannot be said (a placeholder, no cron line)."""
    at, every = AT.match(cron), EVERY.match(cron)
    if every:
        return f"every {int(every[1])} minutes"
    if at and int(at[1]) < 60 and int(at[2]) < 24:
        clock = f"{int(at[2]):02}:{int(at[1]):02}"
        days = _days(at[3], at[4], at[5])
        if days:
            return f"{days} at {clock}"
    return _described(cron)


def _days(day: str, month: str, weekday: str) -> str:
    if (day, month, weekday) == ("*", "*", "*"):
        return "every day"
    if (day, month, weekday) == ("*", "*", "1-5"):
        return "Monday to Friday"
    if (day, month) == ("*", "*") and weekday in "01234567":
        return f"every {DAYS[int(weekday)]}"
    if (day, month, weekday) == ("1", "*", "*"):
        return "on the first day of every month"
    return ""


def _described(cron: str) -> str:
    """The library's words, when it has some that fit into a sentence."""
    if not re.fullmatch(r"[0-9A-Za-z*/,#LW -]+", cron) or len(cron.split()) != 5:
        return ""
    from cron_descriptor import (  # type: ignore[import-untyped]
        FormatException,
        MissingFieldException,
        Options,
        WrongArgumentException,
        get_description,
    )

    options = Options()
    options.use_24hour_time_format = True
    try:
        said = str(get_description(cron, options))
    except (FormatException, MissingFieldException, WrongArgumentException, ValueError, IndexError):
        return ""
    plain = " ".join(said.split())
    return plain[:1].lower() + plain[1:] if "'" not in plain and '"' not in plain else ""
