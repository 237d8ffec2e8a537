"""The audit log: who changed what, when, from what to what; found by kind, thing and person, a page at a time."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from app.door import service
from app.parts.empty import empty
from app.parts.role import told

PAGE = 50
CUT = 300
KINDS = {"": "All changes", "run": "Runs", "cancel": "Stopped runs", "backfill": "Backfills", "pipeline.": "Pipelines",
         "deploy": "Deployed", "pause": "Paused", "resume": "Resumed", "rollback": "Rolled back", "undeploy": "Deleted deployments",
         "approval.": "Approvals", "query": "Queries that write", "key.": "API keys", "member.": "Members", "limits.": "Limits",
         "tenant.": "Tenants"}
FILTERS = ("action", "target", "who")


def show() -> None:
    """Filters, then the rows, newest first."""
    if not told("admin", key="audit"):
        return
    now = {name: st.query_params.get(name, "").strip() for name in FILTERS}
    kinds = list(KINDS) if now["action"] in KINDS else [*KINDS, now["action"]]
    for name in FILTERS:
        if st.session_state.get(f"audit_{name}") != now[name]:
            st.session_state[f"audit_{name}"] = now[name]
    with st.container(horizontal=True, gap="small", key="audit_filters"):
        st.selectbox("Kind", kinds, format_func=lambda kind: KINDS.get(kind, kind), key="audit_action", label_visibility="collapsed",
                     width=190, on_change=_asked, args=("action",))
        st.text_input("Of what", key="audit_target", type="search", placeholder="Of what: a pipeline, a key", label_visibility="collapsed",
                      width=250, on_change=_asked, args=("target",))
        st.text_input("By whom", key="audit_who", type="search", placeholder="By whom", label_visibility="collapsed", width=190,
                      on_change=_asked, args=("who",))
    rows, more = _rows(now)
    if not rows:
        empty("No change matches. Clear the filters to see all of them." if any(now.values()) else
              "No changes yet. Each change is written down here with who made it.", key="audit", icon="history")
        return
    st.dataframe([line(each) for each in rows], hide_index=True, key="audit_table", height="content",
                 column_config={"Change": st.column_config.TextColumn("Change", width="large")})
    if more:
        st.button("Show older", key="audit_more", width="stretch", on_click=_turn)


def _rows(now: dict[str, str]) -> tuple[list[Any], bool]:
    """As many pages as were asked for, and whether there are more."""
    found: list[Any] = []
    for _ in range(st.session_state.get("audit_pages", 1)):
        part = service().audit(action=now["action"], target=now["target"], who=now["who"], before=found[-1].seq if found else None,
                               limit=PAGE + 1)
        found += part[:PAGE]
        if len(part) <= PAGE:
            return found, False
    return found, True


def line(each: Any) -> dict[str, str]:
    """A row as text; the data frame shows it as it is."""
    return {"When (UTC)": f"{each.at:%Y-%m-%d %H:%M:%S}", "Who": each.who, "Role": each.role, "Through": each.via, "What": each.action,
            "Of what": each.target, "Change": change(each.before, each.after)}


def change(before: Any, after: Any) -> str:
    """`{"role": "viewer"} → {"role": "editor"}`: what differs, cut where it is long."""
    if isinstance(before, dict) and isinstance(after, dict):
        odd = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        before, after = ({name: side[name] for name in odd if name in side} for side in (before, after))
    said = [json.dumps(side, ensure_ascii=False, sort_keys=True) if side is not None else "" for side in (before, after)]
    text = " → ".join(said) if all(said) else "".join(said)
    return text if len(text) <= CUT else f"{text[:CUT - 1]}…"


def _asked(name: str) -> None:
    value = str(st.session_state[f"audit_{name}"] or "").strip()
    st.session_state["audit_pages"] = 1
    if value:
        st.query_params[name] = value
    else:
        st.query_params.pop(name, None)


def _turn() -> None:
    st.session_state["audit_pages"] = st.session_state.get("audit_pages", 1) + 1
