"""When a pipeline runs: frequency and time of day become one cron line; what is missing is asked."""

from __future__ import annotations

from dataclasses import dataclass, field

from flows.planner.read.clock import Time, clock, read_clock
from flows.planner.read.draft import Draft, Said, Span, widen
from flows.planner.read.text import Found, P, Text
from flows.planner.read.words import DAYS, ORDINALS

DAY = r"(?:" + "|".join(sorted(DAYS, key=len, reverse=True)) + r")"
LIST = rf"{DAY}(?:(?: ,| and| or| , and| &| \/| on)? (?:every |each )?{DAY}){{0,6}}"
RUNS = (
    r"(?:(?:run|runs|running|scheduled|schedule|execute|executed|refresh|refreshed|trigger|triggered|repeat|repeated|do|"
    r"happening)(?: (?:it|this|that|everything|them|the (?:job|pipeline|flow|load)))? )?(?:to run )?(?:, )?"
)
NTH = r"(?:first|1 st|\d{1,2}(?: (?:st|nd|rd|th))?|second|third|fifth|tenth|fifteenth)"
EVERY = r"(?:every|each|once (?:every|each|a|per)|once an|per)"
FREQUENCIES = [
    (name, P(RUNS + source, need))
    for name, source, need in (
        ("minutes", r"(?:every|each|once every)(?: (?P<n>{N}))? (?:minutes?|mins?)", "min"),
        (
            "half",
            r"(?:every|each) (?:half(?: an)? hour|half - hour)|half - hourly|(?:every|each) half of an hour|twice (?:an|per|every) hour",
            "half|twice",
        ),
        ("quarter_hour", r"(?:every|each) quarter (?:of an )?hour|quarter - hourly", "quarter"),
        ("other_hour", r"(?:every|each) other hour|every second hour", "hour"),
        (
            "hours",
            r"(?:every|each|once every)(?: (?P<n>{N}))? (?:hours?|hrs?)(?: (?:on the hour|at (?:the )?full hour))?|hourly|once (?:an|"
            r"per|every) hour|on the hour",
            "hour|hr",
        ),
        ("other_day", r"(?:every|each) (?:other|second|2 nd) day|every 2 days", "day"),
        (
            "workdays",
            r"(?:(?:on|only on|during) )?(?:every |each |all )?(?:weekdays?|workdays?|working days?|business days?|(?:the )?week "
            r"days?)(?: only)?"
            r"|(?:on |from |every )?(?:monday|mon|mondays) (?:to|through|till|until|thru|-) (?:friday|fri|fridays)|(?:every|each) "
            r"(?:weekday|workday|working day|business day)",
            "day|mon",
        ),
        ("weekend", r"(?:on |at |every |each )?(?:the )?(?:weekends?)|(?:on )?(?:saturday|sat) (?:and|to) (?:sunday|sun)", "weekend|sat"),
        (
            "weekdays",
            r"(?:(?:(?:every|each|once a) )?(?:weekly|week)(?: ,)? on|on (?:every|each)|every|each|on|weekly(?: ,)?(?: "
            rf"every)?)(?: week on)? (?P<days>{LIST})(?: (?P<part>morning|evening|night|afternoon)s?)?|(?P<plural>(?:sun|mon|tues|"
            r"wednes|thurs|fri|satur)days(?: (?:and|,) (?:sun|mon|tues|wednes|thurs|fri|satur)days)*)",
            "day|mon|tue|wed|thu|fri|sat|sun",
        ),
        ("yearly", rf"(?:(?:on )?(?:the )?(?P<nth>{NTH})(?: day)? of )?(?:{EVERY} year|yearly|annually)", "year|annual"),
        (
            "quarterly",
            r"(?:every|each) quarter(?: on)?(?: the)? (?:first|1 st)(?: day)?|"
            r"(?:on (?:the )?)?(?:(?:first|1 st) day of )?(?:every|each|the|once (?:a|per|every)) (?:new )?quarter|quarterly",
            "quarter",
        ),
        (
            "monthly",
            rf"(?:on )?(?:the )?(?P<nth>{NTH})(?: day)? of (?:every|each|the|a) month|(?:monthly|{EVERY} month)(?: ,)?(?: on)?(?: "
            rf"the)? (?P<nth2>{NTH})(?: day)?(?! am| pm|:)|on the (?P<nth3>\d{{1,2}} (?:st|nd|rd|th)|first)(?: day)?(?: (?:every|"
            r"each|monthly|of the) ?(?:month)?)?",
            "month|the",
        ),
        ("month_end", r"(?:on |at )?(?:the )?(?:last day|end) of (?:every|each|the) month|month end|month - end", "month"),
        ("month", r"(?:every|each|once a|once every|once per) month|monthly", "month"),
        ("times_a_day", r"(?P<n>twice|{N} times|2 x) (?:a|per|each|every)? ?(?:day|daily)", "twice|times"),
        ("week", r"(?:every|each|once a|once every|once per) week|weekly", "week"),
        (
            "part",
            r"(?:every|each) (?:single )?(?P<part>morning|evening|night|afternoon)|nightly|overnight|(?:in the )?(?P<parts>mornings|"
            r"evenings|nights|afternoons)",
            "morning|evening|night|afternoon",
        ),
        (
            "day",
            r"(?:every|each|once a|once every|once per) (?:single )?(?:calendar )?day(?: of the week)?|(?:once )?daily|every 24 hours",
            "day|daily|24",
        ),
    )
]
TIMES = P(
    r"(?:at|@|by|around|from) (?:exactly |around |about )?"
    + clock("a")
    + r"(?:(?: ,| and| & | , and| or| as well as| and again)+ (?:at )?"
    + clock("b")
    + r")?(?:(?: ,| and| , and) (?:at )?"
    + clock("c")
    + r")?"
)
BARE = P(r"(?:,? ?)" + r"(?P<t>(?:\d{1,2}(?::\d\d)? (?:am|pm)|\d{1,2}:\d\d|noon|midnight))")
LOOSE = P(r"(?:daily|nightly|morning|night|evening|weekdays?|day) (?P<x>" + clock("a") + r")")
WITHIN = P(r"(?:only )?(?:between|from) " + clock("a") + r" (?:and|to|until|till|-) " + clock("b"), "between|from")
STEPS = {"minutes": 60, "hours": 24}


@dataclass
class When:
    """The parts of a cron line found so far."""

    kind: str = ""
    spans: list[Span] = field(default_factory=list)
    step: int = 1
    days: set[int] = field(default_factory=set)
    month_day: int = 0
    part: str = ""
    count: int = 0
    times: list[Time] = field(default_factory=list)
    hours: tuple[int, int] | None = None
    workdays: bool = False


def read_schedule(text: Text, draft: Draft) -> None:
    """Frequency, times and window of hours into `draft.cron`; asks `schedule` or `schedule.time`."""
    when = When()
    _frequency(text, when)
    if when.kind in ("minutes", "hours", "half"):
        _window(text, when)
    _times(text, when, draft)
    if not when.kind and not when.times:
        return
    span = widen(*when.spans)
    if not when.kind:
        said = ", ".join(f"{t.hour:02}:{t.minute:02}" for t in when.times)
        draft.asks.append(("schedule", f"How often should it run at {said}?", span, tuple(_choices(when))))
        return
    _cron(when, draft, span)


def _frequency(text: Text, when: When) -> None:
    for name, wanted in FREQUENCIES:
        for found in text.find(wanted):
            if _grain_not_schedule(text, found, name):
                continue
            if when.kind and not (name == "workdays" and when.kind in ("minutes", "hours", "half", "day", "part")):
                if _same(when.kind, name):
                    text.take(found)
                    when.spans.append(found.span)
                    when.part = when.part or found.match.groupdict().get("part") or ""
                continue
            if not _take_one(name, found, when):
                continue
            text.take(found)
            when.spans.append(found.span)


def _same(kind: str, name: str) -> bool:
    """A second word for the same frequency: `every day ... daily`, `every monday ... weekly`."""
    return (
        kind == name
        or {kind, name} <= {"day", "part"}
        or {kind, name} <= {"week", "weekdays"}
        or {kind, name} <= {"month", "monthly"}
        or {kind, name} <= {"workdays", "day"}
        or {kind, name} <= {"times_a_day", "day"}
    )


def _take_one(name: str, found: Found, when: When) -> bool:
    groups = found.match.groupdict()
    if name == "workdays":
        when.workdays = True
        when.kind = when.kind if when.kind in ("minutes", "hours", "half") else "workdays"
        return True
    if name in STEPS:
        step = float(groups.get("n") or 1)
        if step != int(step) or not 1 <= step <= STEPS[name] or (STEPS[name] % int(step) and name == "minutes"):
            return False
        when.step = int(step)
    elif name == "weekdays":
        when.days = {DAYS[w] for w in (groups["days"] or groups["plural"] or "").split() if w in DAYS}
    elif name in ("monthly", "yearly"):
        nth = groups.get("nth") or groups.get("nth2") or groups.get("nth3") or "1"
        day = ORDINALS.get(nth) or int("".join(c for c in nth if c.isdigit()) or 0)
        if not 1 <= day <= 31:
            return False
        when.month_day = day
    elif name == "times_a_day":
        when.count = 2 if groups["n"].startswith(("twice", "2")) else int(float(groups["n"].split()[0]))
    when.part = (
        groups.get("part") or (groups.get("parts") or "").rstrip("s") or ("night" if name == "part" and "night" in found[0] else when.part)
    )
    when.kind = name
    return True


GRAIN_NEXT = P(
    r"(?:daily|weekly|monthly|quarterly|yearly|annually|hourly) (?:total |average |avg |mean |sum of |count of |number of |"
    r"gross |net |distinct |max |min |maximum |minimum |<t..:\d+> )*(?:<.c.:\d+>|count|counts|sum|sums|total|totals|average|"
    r"averages|number|<t..:\d+>)"
)


def _grain_not_schedule(text: Text, found: Found, name: str) -> bool:
    """`daily revenue` is a grain; `daily at 2`, `daily ,` and `customers daily` are a schedule."""
    if name not in ("day", "week", "month", "quarterly", "yearly", "hours"):
        return False
    words = found[0].split()
    adverb = words[-1]
    if not adverb.endswith("ly") or (len(words) > 1 and words[0] != adverb and words[0] != "once"):
        return adverb == "day" and words[0] == "per"
    return bool(GRAIN_NEXT.here(text.norm, found.match.start()))


def _window(text: Text, when: When) -> None:
    found = text.first(WITHIN)
    if not found:
        return
    low, high = read_clock(found, "a"), read_clock(found, "b")
    if low and high and low.minute == high.minute == 0 and low.hour < high.hour:
        when.hours = (low.hour, high.hour)
        text.take(found)
        when.spans.append(found.span)


def _times(text: Text, when: When, draft: Draft) -> None:
    for wanted in (TIMES, LOOSE, BARE):
        for found in text.find(wanted):
            if wanted is BARE:
                times = [_bare(found["t"], when.part)]
            else:
                times = [read_clock(found, p, when.part) for p in "abc" if p in "a" or (wanted is TIMES and _there(found, p))]
            if any(t is None for t in times) or _no_time(text, found, when):
                continue
            start = found.match.start("x") if wanted is LOOSE else found.match.start()
            when.spans.append(text.span(start, found.match.end()))
            when.times += [t for t in times if t]
            text.take((start, found.match.end()))
    for t in when.times:
        if not t.sure:
            draft.notes.append(("schedule.cron", f'"{t.hour}" was read as {t.hour:02}:{t.minute:02}'))


def _there(found: Found, p: str) -> bool:
    return any(v for k, v in found.match.groupdict().items() if k.startswith(p))


def _bare(words: str, part: str) -> Time | None:
    if words in ("noon", "midnight"):
        return Time(12 if words == "noon" else 0, 0, True)
    digits, _, half = words.partition(" ")
    hour, _, minute = digits.partition(":")
    h, m = int(hour), int(minute or 0)
    if half and 1 <= h <= 12:
        h = h % 12 + (12 if half == "pm" else 0)
    return Time(h, m, True) if h < 24 and m < 60 else None


def _no_time(text: Text, found: Found, when: When) -> bool:
    """`by 5`, `from 10`, `at 100`: a plain number is a time only after `at`, and not before a unit."""
    after = text.norm[found.match.end() : found.match.end() + 14]
    plain = not any(w in found[0] for w in (":", "am", "pm", "noon", "midnight", "clock", "past", "morning", "evening", "night"))
    if found[0].startswith(("by", "from")) and (plain or not when.kind):
        return True
    return (
        plain
        and (
            after.startswith(
                (" minutes", " min", " seconds", " %", " <", " percent", " rows", " usd", " eur", " euro", " dollar", " gb", " .")
            )
        )
        and not after.startswith(" . ")
    ) or (plain and found[0].split()[0] not in ("at", "@", "around", "daily", "nightly"))


def _choices(when: When) -> list[str]:
    t = when.times[0]
    return [f"{t.minute} {t.hour} * * *", f"{t.minute} {t.hour} * * 1-5", f"{t.minute} {t.hour} * * 1", f"{t.minute} {t.hour} 1 * *"]


def _cron(when: When, draft: Draft, span: Span) -> None:
    days = "1-5" if when.workdays else "*"
    if when.kind in ("minutes", "half", "quarter_hour"):
        step = {"half": 30, "quarter_hour": 15}.get(when.kind, when.step)
        minute = "*" if step == 1 else "0" if step == 60 else f"*/{step}"
        hours = f"{when.hours[0]}-{when.hours[1]}" if when.hours else "*"
        draft.cron = Said(f"{minute} {hours} * * {days}", span)
        return
    if when.kind in ("hours", "other_hour"):
        _hourly(when, draft, span, days)
        return
    if when.kind == "month_end":
        draft.asks.append(
            (
                "schedule",
                "The last day of a month cannot be written as a cron line. On which day should it run?",
                span,
                ("0 0 28 * *", "0 0 1 * *"),
            )
        )
        return
    times = when.times
    if not times:
        _ask_time(when, draft, span)
        return
    if len({t.minute for t in times}) > 1:
        draft.asks.append(
            (
                "schedule",
                "These times need two schedules. Which one should be used?",
                span,
                tuple(f"{t.minute} {t.hour} {_rest(when, draft)}" for t in times),
            )
        )
        return
    if when.count and when.count != len(times):
        draft.asks.append(("schedule.time", f"At which {when.count} times of the day should it run?", span, ()))
        return
    hours = ",".join(str(h) for h in sorted({t.hour for t in times}))
    draft.cron = Said(f"{times[0].minute} {hours} {_rest(when, draft)}", span)


def _hourly(when: When, draft: Draft, span: Span, days: str) -> None:
    step = 2 if when.kind == "other_hour" else when.step
    minute = when.times[0].minute if when.times else 0
    if len(when.times) > 1 or (when.times and step == 1):
        draft.asks.append(
            ("schedule", "Every hour, or at that time of the day?", span, ("0 * * * *", f"{minute} {when.times[0].hour} * * *"))
        )
        return
    if 24 % step:
        draft.notes.append(("schedule.cron", f"every {step} hours starts again at midnight each day"))
    low, high = when.hours or (when.times[0].hour if when.times else 0, 23)
    hours = (
        "*" if step == 1 and not when.hours else f"{low}-{high}" + (f"/{step}" if step > 1 else "") if when.hours or low else f"*/{step}"
    )
    draft.cron = Said(f"{minute} {'0' if step == 24 else hours} * * {days}", span)


def _rest(when: When, draft: Draft) -> str:
    """Day of month, month and day of week of the cron line."""
    if when.kind == "other_day":
        draft.notes.append(("schedule.cron", "every other day means the odd days of each month"))
        return "*/2 * *"
    if when.kind == "week":
        draft.notes.append(("schedule.cron", "weekly was read as every Monday"))
        return "* * 1"
    if when.kind == "month":
        draft.notes.append(("schedule.cron", "monthly was read as the first day of each month"))
    return {
        "workdays": "* * 1-5",
        "weekend": "* * 0,6",
        "weekdays": f"* * {','.join(map(str, sorted(when.days, key=lambda d: d or 7)))}",
        "monthly": f"{when.month_day} * *",
        "month": "1 * *",
        "quarterly": "1 */3 *",
        "yearly": f"{when.month_day or 1} 1 *",
    }.get(when.kind, "* * *")


def _ask_time(when: When, draft: Draft, span: Span) -> None:
    rest = _rest(when, draft)
    hours = {"evening": (18, 20, 22), "night": (23, 1, 3), "afternoon": (13, 15, 17)}.get(when.part, (6, 7, 8))
    draft.asks.append(("schedule.time", "At what time should it run?", span, tuple(f"0 {h} {rest}" for h in hours)))
