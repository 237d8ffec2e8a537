"""A page with nothing but the drawings, for tests of the components: `?steps=8&shape=mixed&live=1`."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import streamlit as st

from app.parts.gantt import GanttRow, gantt
from app.parts.graph import StepState, graph
from app.parts.timeline import TimelineRun, timeline

TYPES = ["generic.extract", "generic.transform", "generic.quality_check", "generic.sql", "generic.load", "generic.export", "generic.wait"]
WORDS = ["load_orders", "join_customers", "check_quality", "daily_revenue", "write_report", "mask_emails", "fx_rates", "orders_by_country"]


def pipeline(many: int, shape: str) -> dict:
    """`mixed`: some of everything; `fan`: one, many side by side, one; `chain`; `draft`: something is still asked."""
    roll = random.Random(many)
    steps = []
    for n in range(many):
        name = f"{WORDS[n % len(WORDS)]}_{n}" if n >= len(WORDS) else WORDS[n]
        before = [s["step_id"] for s in steps]
        if shape == "fan":
            depends = [] if n == 0 else before[:1] if n < many - 1 else before[1:]
        elif shape == "chain":
            depends = before[-1:]
        else:
            depends = sorted({before[-1 - min(len(before) - 1, roll.randint(0, 5))] for _ in range(roll.randint(1, 2))}) if n > 1 else []
        steps.append({"step_id": name, "depends_on": depends,
                      "ps_type": "generic.extract" if not depends else TYPES[1 + n % (len(TYPES) - 1)], "config": {"input": "x"}})
    if shape == "draft":
        steps[-1]["config"] = {"input": "?"}
    if shape == "long":
        steps[1]["step_id"] = "a_step_with_a_name_that_goes_on_and_on_and_never_fits"
        steps[2]["step_id"] = "<img src=x onerror=alert(1)>$`*"
        steps[2]["depends_on"] = [steps[1]["step_id"]]
    return {"pipeline_id": "p", "steps": steps}


def states(spec: dict, at: int) -> dict[str, StepState]:
    """Step `at` runs, those before it are over; one was tried three times and set rows aside."""
    found = {}
    for n, step in enumerate(spec["steps"]):
        if n < at:
            found[step["step_id"]] = StepState("SUCCESS", 2076 * (n + 1), 0.05 * (n + 1), 3 if n == 1 else 1, "", 17 if n == 1 else 0)
        elif n == at:
            found[step["step_id"]] = StepState("RUNNING", None, 1.2)
        elif n == at + 3:
            found[step["step_id"]] = StepState("FAILED", None, 3.4, 2, "no such table")
    return found


def rows(spec: dict, at: int) -> list[GanttRow]:
    return [GanttRow(s["step_id"], s["step_id"], "SUCCESS" if n < at else "RUNNING" if n == at else "PENDING",
                     n * 1.3 if n <= at else None, n * 1.3 + 1.1 if n < at else None, "", 3 if n == 1 else 1)
            for n, s in enumerate(spec["steps"])]


asked = st.query_params
st.set_page_config(page_title="Drawings", layout="wide")
many, shape, live = int(asked.get("steps", "8")), asked.get("shape", "mixed"), asked.get("live")
spec = pipeline(many, shape)


@st.fragment(run_every=1.0 if live == "tick" else None)
def drawn() -> None:
    st.session_state.at = st.session_state.get("at", 1) + (live == "tick")
    at = st.session_state.at % (many + 1)
    part = asked.get("part", "graph")
    if part == "graph":
        given = states(spec, at) if live else None
        picked = graph(spec, key="graph", states=given, selected=st.session_state.get("wish"),
                       height=int(asked.get("height", 0)) or "content")
    elif part == "gantt":
        picked = gantt(rows(spec, at), key="gantt", now=at * 1.3 + 0.8)
    else:
        now = datetime(2026, 11, 20, 13, 20, tzinfo=UTC)
        found = [TimelineRun(f"r{n}", f"pipeline-{n % 4}", ("SUCCESS", "FAILED", "CANCELLED", "RUNNING")[n % 7 % 4],
                             now - timedelta(hours=23 - n), now - timedelta(hours=23 - n, minutes=-50)) for n in range(24)]
        picked = timeline(found, key="timeline", now=now)
    st.write(f"picked: {picked}")


if st.button("Select the last", key="last"):
    st.session_state.wish = spec["steps"][-1]["step_id"]
with st.container(width=int(asked["width"]) if "width" in asked else "stretch", border=True):
    drawn()
