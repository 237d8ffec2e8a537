"""What a step tells people, in whichever way it is sent: its words, and what a preview shows of them."""

from __future__ import annotations

from typing import Protocol

from flows.engines.base import Context
from flows.show.account import clip
from flows.show.notice import Notice, of_step

SHOWN = 300  # characters of the text in a preview


class Saying(Protocol):
    """The fields that every such step has."""

    subject: str
    text: str
    include_summary: bool


def notice_of(said: Saying, context: Context) -> Notice:
    """The subject, or what became of the pipeline; the text; and how the run stands where that is asked for."""
    account = context.account() if said.include_summary else None
    title = said.subject.strip() or ("" if account else context.pipeline_id)
    return of_step(title, said.text, account)


def would_say(said: Saying, context: Context) -> str:
    """`Orders are late / see the log, with how the run stands`"""
    notice = notice_of(said, context)
    text = clip(notice.words, SHOWN)
    return f"{notice.title}{f' / {text}' if text else ''}{', with how the run stands' if said.include_summary else ''}"
