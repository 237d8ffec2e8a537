"""Health: each part that runs need, how it is, and the way out when it is not well."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import streamlit as st

from app.door import health, service
from app.parts.escape import code, unlinked
from flows.errors import PenstockError
from flows.show.units import several

EVERY = 5.0
MARKS = {"ok": ":green[:material/check_circle:]", "starting": ":orange[:material/hourglass_top:]", "down": ":red[:material/error:]",
         "late": ":red[:material/schedule:]"}
WORDS = {"ok": ":green-badge[Works]", "starting": ":orange-badge[Starting]", "down": ":red-badge[Down]",
         "late": ":red-badge[Late]"}
KNOWN = ("penstock", "prefect", "duckdb", "streamlit")
NAMES = {"duckdb": "DuckDB"}


def show() -> None:
    """Looked at again every few seconds."""
    st.fragment(_parts, run_every=EVERY)()
    st.markdown(f":gray[:small[{' · '.join(versions())}]]")


def _parts() -> None:
    try:
        parts = [*health()["parts"], *schedules(), planner()]
    except PenstockError as error:
        parts = [{"name": "Control store", "state": "down", "words": error.what, "fix": error.fix}]
    with st.grid(2, min_column_width=340, key="health_parts"):
        for each in parts:
            row(each)


def row(each: dict[str, Any]) -> None:
    """One part: its name and state, then what it says, then what to do."""
    with st.container(border=True, gap="xsmall", height="stretch", key=f"health_{each['name'].lower().replace(' ', '_')}"):
        st.markdown(f"{MARKS[each['state']]} **{each['name']}** {WORDS[each['state']]}")
        if each["words"]:
            place = f" :gray[{code(each['where'])}]" if each.get("where") else ""
            st.markdown(unlinked(each["words"]) + place)
        if each["state"] != "ok" and each.get("fix"):
            st.markdown(f":material/build: {unlinked(each['fix'])}")


def schedules() -> list[dict[str, Any]]:
    """What runs by itself in this tenant: on time, or late with the cause of the first; nothing where nothing is deployed."""
    found = [each for each in service().deployments() if not each.paused]
    late = [each for each in found if each.late]
    if late:
        more = f" {several(len(late) - 1, 'other is', 'others are')} late too." if len(late) > 1 else ""
        words = f"{late[0].pipeline_id} is late. {late[0].late}{'' if late[0].late.endswith('.') else '.'}{more}"
        return [{"name": "Schedules", "state": "late", "words": words, "fix": ""}]
    return [{"name": "Schedules", "state": "ok", "words": f"{several(len(found), 'schedule')} on time", "fix": ""}] if found else []


def planner() -> dict[str, Any]:
    """Who turns words into pipelines here."""
    return {"name": "Planner", "state": "ok", "words": "The built-in planner drafts pipelines, on this machine.", "fix": ""}


def versions() -> list[str]:
    """What this process runs on, and whose data it shows."""
    found = [f"Tenant {code(service().tenant)}"]
    for name in KNOWN:
        try:
            found.append(f"{NAMES.get(name, name.capitalize())} {version(name)}")
        except PackageNotFoundError:
            continue
    return [*found, f"Python {platform.python_version()}"]
