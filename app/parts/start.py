"""The chat before its first message: what to write, four examples that work, and where one left off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from app.parts.badge import badge
from app.parts.escape import plain
from flows.show.units import ago, seconds

FILES = ("csv", "tsv", "xlsx", "json", "jsonl", "parquet")
LINE = "Describe a pipeline in your own words. You see the steps, the data and the cost before anything runs."
HOLDER = "For example: load orders every day at 2 am, check that amount is never empty, and write them to mart.orders"
EXAMPLES = {
    ":material/payments: Daily revenue": "Every day at 2 am, sum the amount of paid orders by day and country and write it to "
                                         "mart.daily_revenue",
    ":material/rule: Check customers": "Load customers, check that customer_id and email are never empty, and write them to "
                                       "staging.customers",
    ":material/undo: Refunds by month": "Sum the refunds by month and write it to mart.refunds_by_month",
    ":material/pie_chart: Orders by status": "Every Monday at 6 am, count orders by status and write the counts to "
                                             "mart.orders_by_status",
}
LEFT_OFF = 3


def start(say: Callable[[Any], None], example: Callable[[str], None], *, runs: Sequence[Any], chats: Sequence[Any],
          open_chat: Callable[[str], None]) -> None:
    """The whole page. `say` is called as the chat input's callback with its key, `example` with a text, `open_chat` with a chat's id."""
    with st.container(key="start", horizontal_alignment="center"):
        st.title("What should flow where?", text_alignment="center", anchor=False)
        st.markdown(f":gray[{LINE}]", text_alignment="center")
        st.chat_input(HOLDER, key="first", accept_file="multiple", file_type=list(FILES), height=90, max_chars=20_000,
                      on_submit=say, args=("first",))
        # buttons, not pills: the browser sends a pill's value again with later clicks, when the pills are long gone
        with st.container(horizontal=True, horizontal_alignment="center", gap="xsmall", key="examples"):
            for n, (label, text) in enumerate(EXAMPLES.items()):
                st.button(label, key=f"example_{n}", on_click=example, args=(text,), help=f"Sends: {text}")
        st.page_link("pages/templates.py", label="Or start from a template", icon=":material/dashboard_customize:")
        _left_off(runs, chats, open_chat)


def _left_off(runs: Sequence[Any], chats: Sequence[Any], open_chat: Callable[[str], None]) -> None:
    """The newest chats, then the newest runs, three in all."""
    said = list(chats[:LEFT_OFF])
    ran = list(runs[: LEFT_OFF - min(len(said), LEFT_OFF - 1)]) if runs else []
    said = said[: LEFT_OFF - len(ran)]
    if not said and not ran:
        return
    now = datetime.now(UTC)
    st.markdown("**Or pick up where you left off**", width="stretch")
    with st.container(key="left_off"):
        for column, each in zip(st.columns(LEFT_OFF, gap="small"), [*said, *ran], strict=False):
            with column, st.container(border=True, height="stretch"):
                if each in said:
                    st.button(plain(each.title), key=f"open_{each.chat_id}", type="tertiary", on_click=open_chat, args=(each.chat_id,))
                    st.caption(f":material/forum: Chat · {ago(each.updated_at, now)}")
                else:
                    name = str(each.spec.get("name") or each.pipeline_id)
                    st.page_link("pages/runs.py", label=plain(name), query_params={"run": each.run_id})
                    st.caption(f"{badge(each.status)} {ago(each.created_at, now)}{_took(each)}")


def _took(run: Any) -> str:
    if run.started_at is None or run.ended_at is None:
        return ""
    return f" · {seconds((run.ended_at - run.started_at).total_seconds())}"
