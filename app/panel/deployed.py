"""What of a pipeline runs by itself: where, when next, why it is late; pause, resume, delete, and every release that there was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from app.door import service
from app.panel import dialogs
from app.panel.deploydialog import ENVIRONMENTS, following
from app.panel.stored import Face
from app.parts.act import act, confirmed
from app.parts.empty import empty
from app.parts.escape import code, plain, quoted, unlinked
from app.parts.role import barred
from flows.show.units import ago, several

PLACE = "pipeline"
STATES = {"LIVE": ":green-badge[:material/check_circle: Live]", "PENDING": ":gray-badge[:material/hourglass_empty: Being deployed]",
          "FAILED": ":red-badge[:material/error: Not at work]", "REMOVING": ":gray-badge[:material/delete: Being removed]"}
DID = {"deploy": "Deployed", "rollback": "Rolled back to", "delete": "Deleted, at"}
RELEASES = 20


def deployed_view(face: Face, deployed: Sequence[Any]) -> None:
    """A box for each environment it is deployed in, or how to deploy it."""
    why_not = barred("operator")
    if not deployed:
        with empty("Not deployed: it runs when somebody starts it. Deployed, it runs by itself at its times.", key="deployed",
                   icon="schedule"):
            st.button("Deploy", key="deployed_first", icon=":material/rocket_launch:", on_click=dialogs.show,
                      args=("deploy", face.pipeline_id), disabled=bool(why_not), help=why_not or None)
    for each in deployed:
        with st.container(border=True, gap="small", key=f"deployed_{each.environment}"):
            box(face, each, why_not)
    for environment in ENVIRONMENTS:
        releases(face.pipeline_id, environment)


def box(face: Face, each: Any, why_not: str) -> None:
    """One deployment: how it stands, its next times, what can be done."""
    key, name = f"deployed_{each.environment}", plain(each.environment)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        paused = " :orange-badge[:material/pause: Paused]" if each.paused else ""
        st.markdown(f"**{name[:1].upper()}{name[1:]}** {STATES.get(each.status, code(each.status))}{paused} "
                    f":gray-badge[Version {each.version}] :gray-badge[Release {each.release}]", width="stretch")
        if each.paused:
            st.button("Resume", key=f"{key}_resume", icon=":material/play_circle:", on_click=act, disabled=bool(why_not),
                      help=why_not or None, args=(PLACE, lambda: service().resume(face.pipeline_id, environment=each.environment),
                                                  "The schedule is on again."))
        else:
            st.button("Pause", key=f"{key}_pause", icon=":material/pause_circle:", on_click=act, disabled=bool(why_not),
                      help=why_not or "Its schedule starts no more runs. A run at work goes on.",
                      args=(PLACE, lambda: service().pause(face.pipeline_id, environment=each.environment), "The schedule is paused."))
        confirmed("Delete", f"**{plain(face.name)}** no longer runs by itself in {name}. The pipeline, its versions and its runs stay.",
                  lambda: service().undeploy(face.pipeline_id, environment=each.environment), key=f"{key}_delete", place=PLACE,
                  icon="delete", done="It is deployed there no more.", why_not=why_not)
    st.markdown(f"{plain(each.words or 'Only when somebody starts it')}{values(each)}")
    if each.paused:
        st.markdown(":gray[:small[No next run while it is paused.]]")
    elif each.next:
        st.markdown(f":gray[:small[Next runs]]  \n{following(each.next)}")
    if each.late:
        st.warning(quoted(each.late), icon=":material/schedule:")
    if each.error:
        st.error(quoted(each.error), icon=":material/error:")
    if each.version != face.version:
        st.markdown(f":orange[:material/info: Version {face.version} is in force, version {each.version} is deployed. Deploy it to run the "
                    "newer one.]" if face.version > each.version else
                    f":gray[:material/info: Version {each.version} is deployed, version {face.version} is in force.]")


def values(each: Any) -> str:
    """The values that every run is given, as a tail of the line."""
    known = ", ".join(f"{plain(name)} = {code(value)}" for name, value in dict(each.params).items())
    return f" :gray[:small[with {known}]]" if known else ""


def releases(pipeline_id: str, environment: str) -> None:
    """Every deploy, rollback and delete, newest first."""
    found = service().releases(pipeline_id, environment=environment)
    if not found:
        return
    now = datetime.now(UTC)
    with st.expander(f"{several(len(found), 'release')} in {environment}", key=f"releases_{environment}"):
        for each in found[:RELEASES]:
            by = f" · {unlinked(each.author)}" if each.author else ""
            st.markdown(f"**{each.release}** {DID.get(each.action, plain(each.action))} version {each.version}{by} · "
                        f":gray[{ago(each.created_at, now)}]")
        if len(found) > RELEASES:
            st.caption(f"And {several(len(found) - RELEASES, 'earlier release')}.")
