from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from streamlit.material_icon_names import ALL_MATERIAL_ICONS

from app.parts.badge import badge
from flows.show import units
from flows.show.diff import Line, diff
from flows.show.gantt import GanttRow, bars, ticks
from flows.show.icons import ICONS
from flows.show.scene import WORST, scene
from flows.show.states import _PREVIEW, _RUN, _STEP, StepState, state
from flows.show.step import KINDS, kind
from flows.show.timeline import TimelineRun, timeline_bars

NOW = datetime(2026, 11, 20, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize(("name", "of", "word", "colour", "icon"), [
    ("SUCCESS", "run", "Succeeded", "green", "check_circle"), ("RUNNING", "step", "Running", "blue", "progress_activity"),
    ("FAILED", "run", "Failed", "red", "error"), ("SKIPPED", "step", "Skipped", "gray", "skip_next"),
    ("CRASHED", "run", "Crashed", "red", "warning"), ("PENDING", "run", "Queued", "gray", "schedule"),
    ("PENDING", "step", "Waiting", "gray", "hourglass_empty"), ("RETRYING", "step", "Retrying", "orange", "autorenew"),
    ("TIMED_OUT", "step", "Timed out", "red", "timer_off"), ("CANCELLED", "run", "Stopped", "orange", "stop_circle"),
    ("ok", "preview", "Previewed", "green", "check_circle"), ("SOMETHING_NEW", "run", "Something new", "gray", "help")])
def test_each_state_has_its_word_colour_and_icon(name, of, word, colour, icon):
    found = state(name, of=of)
    assert (found.word, found.colour, found.icon) == (word, colour, icon)
    assert badge(name, of=of) == f":{colour}-badge[:material/{icon}: {word}]"


def test_every_state_of_the_control_store_has_a_look():
    from flows.store.schema import runs, steps

    for table, known in ((runs, _RUN), (steps, _STEP)):
        rule = next(str(c.sqltext) for c in table.constraints if "status IN" in str(getattr(c, "sqltext", "")))
        assert set(re.findall(r"'(\w+)'", rule)) <= set(known)


def test_every_icon_is_drawn_by_us_and_known_to_streamlit():
    used = {s.icon for table in (_RUN, _STEP, _PREVIEW) for s in table.values()} | {icon for icon, _ in KINDS.values()}
    assert used | {"help", "extension"} <= set(ICONS)
    assert used | {"help", "extension"} <= set(ALL_MATERIAL_ICONS)
    assert {s.name for table in (_RUN, _STEP, _PREVIEW) for s in table.values()} == set(WORST)


def test_every_engine_has_an_icon_of_its_own():
    from flows.engines.registry import names

    assert {name for name in names() if kind(name)[0] == "extension"} == set()


@pytest.mark.parametrize(("value", "said"), [(0, "0 s"), (0.001, "under 0.01 s"), (0.05, "0.05 s"), (3.24, "3.2 s"), (9.96, "10 s"),
                                             (47.2, "47 s"), (59.7, "1 min"), (92, "1 min 32 s"), (7_500, "2 h 5 min"), (3_599.6, "1 h"),
                                             (273_600, "3 d 4 h")])
def test_seconds(value, said):
    assert units.seconds(value) == said


@pytest.mark.parametrize(("found", "said"), [
    (units.count(12_480), "12,480"), (units.rows(1), "1 row"), (units.rows(2_076), "2,076 rows"),
    (units.several(2, "try", "tries"), "2 tries"),
    (units.day(date(2025, 11, 7)), "7 November 2025"), (units.clock(NOW), "20 November 2026, 13:20 UTC")])
def test_numbers_have_units(found, said):
    assert found == said


@pytest.mark.parametrize(("back", "said"), [(5, "just now"), (45, "45 s ago"), (720, "12 min ago"), (3_599, "1 h ago"), (10_800, "3 h ago"),
                                            (100_000, "yesterday"), (86_400 * 5, "5 days ago"), (86_400 * 40, "11 October 2026"),
                                            (-10, "just now"), (-300, "in 5 min")])
def test_ago(back, said):
    assert units.ago(NOW - timedelta(seconds=back), NOW) == said


def dates(*numbers: int, month: int = 11) -> list[date]:
    return [date(2025, month, n) for n in numbers]


@pytest.mark.parametrize(("given", "said"), [
    (dates(1, 2, 3, 4, 5, 6, 7), "1 to 7 November 2025"), (dates(3), "3 November 2025"), ([], "no day"),
    (dates(1, 3, 9), "1, 3 and 9 November 2025"), (dates(30, 31, month=10) + dates(1, 2), "30 October to 2 November 2025"),
    ([date(2025, 12, 31), date(2026, 1, 1)], "31 December 2025 to 1 January 2026"), (dates(2, 1, 2), "1 to 2 November 2025"),
    (dates(1, 2) + dates(9), "1 to 2 and 9 November 2025")])
def test_days(given, said):
    assert units.days(given) == said


@pytest.mark.parametrize(("length", "unit"), [(0, "seconds"), (2.3, "seconds"), (55, "seconds"), (300, "minutes"), (9_000, "minutes"),
                                              (1e6, "hours")])
def test_ticks_are_few_and_round(length, unit):
    last, marks, said = ticks(length)
    assert max(length, 0.01) <= last == marks[-1][0]
    assert 2 <= len(marks) <= 9
    assert said == unit
    assert marks[0] == (0, "0")


def test_bars_say_what_waits_what_runs_and_how_often_it_was_tried():
    chart = bars([GanttRow("a", "a", "SUCCESS", 0, 1.1), GanttRow("b", "b", "RUNNING", 1.1, None, attempts=3),
                  GanttRow("c", "c", "PENDING"), GanttRow("d", "d", "FAILED", 0, 2.0)], now=3.0)
    a, b, c, d = chart["rows"]
    assert (a["text"], d["text"], c["text"], c["bars"]) == ("1.1 s", "Failed · 2.0 s", "Waiting", [])
    assert (b["live"], b["tries"], b["bars"][0]["stop"], b["aria"]) == (True, "3 tries", 3.0, "b, running, 1.9 s, 3 tries")
    assert chart["end"] > 3.0
    assert chart["unit"] == "seconds since the start"


def test_runs_at_the_same_time_stand_below_each_other_and_short_ones_can_be_hit():
    hour = timedelta(hours=1)
    runs = [TimelineRun("r1", "p", "SUCCESS", NOW - 3 * hour, NOW - 2 * hour),
            TimelineRun("r2", "p", "FAILED", NOW - 3 * hour, NOW - 3 * hour),
            TimelineRun("r3", "q", "RUNNING", NOW - hour),
            TimelineRun("old", "q", "SUCCESS", NOW - 30 * hour, NOW - 29 * hour)]
    chart = timeline_bars(runs, now=NOW)
    assert [row["label"] for row in chart["rows"]] == ["p", "q"]
    first, second = chart["rows"][0]["bars"]
    assert (first["lane"], second["lane"], second["stop"] - second["start"]) == (0, 1, 420)
    assert chart["rows"][1]["bars"][0]["title"] == "q, running, 20 November 2026 at 12:20 UTC, 1 h"
    assert [tick["text"] for tick in chart["ticks"]] == ["15:00", "18:00", "21:00", "20 Nov", "03:00", "06:00", "09:00", "12:00"]


SPEC = {"steps": [{"step_id": "a", "ps_type": "generic.extract", "source": {"table": "orders"}},
                  {"step_id": "b", "ps_type": "generic.load", "destination": {"table": "?"}}]}


def test_a_box_says_its_state_rows_time_tries_and_rejects():
    drawn = scene(SPEC, {"a": StepState("SUCCESS", 2_076, 0.05, 3, "", 17)})
    a, b = drawn["nodes"]
    assert a["aria"] == "a, generic.extract, succeeded, 2,076 rows, 0.05 s, 17 rejected, 3 tries"
    assert [flag["text"] for flag in a["state"]["flags"]] == ["17 rejected", "3 tries"]
    assert (a["state"]["note"], a["state"]["took"]) == ("2,076 rows", "0.05 s")
    assert (b["state"]["word"], b["draft"], a["draft"]) == ("Waiting", True, False)
    assert drawn["told"] == "2 steps: 1 succeeded, 1 waiting"
    assert scene(SPEC)["nodes"][0]["state"] is None


def test_a_folded_box_shows_the_worst_of_its_steps():
    spec = {"steps": [{"step_id": "a", "depends_on": []}, *({"step_id": f"s{n}", "depends_on": ["a"]} for n in range(30))]}
    found = {f"s{n}": StepState("SUCCESS", 10, 1.0) for n in range(20)} | {"s20": StepState("FAILED", error="no such table")}
    box = scene(spec, found)["nodes"][1]
    assert (box["label"], box["state"]["word"], box["state"]["note"], box["state"]["took"]) == ("30 steps", "Failed", "21 of 30", "1.0 s")
    assert box["aria"].startswith("30 steps, ?, failed, 21 of 30, 200 rows, 1.0 s")
    assert box["title"].endswith("no such table")


def test_a_diff_shows_what_changed_with_its_lines():
    before = "\n".join(f"line {n}" for n in range(1, 21))
    after = before.replace("line 10\n", "line ten\n")
    found = diff(before, after, context=1)
    assert found == [Line("…", "8 unchanged lines"), Line(" ", "line 9"), Line("-", "line 10"),
                     Line("+", "line ten"), Line(" ", "line 11"), Line("…", "9 unchanged lines")]
    assert diff(before, before) == []
