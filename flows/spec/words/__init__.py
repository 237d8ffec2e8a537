"""A spec in plain English, and the strict reader of exactly that English: what is shown for review is what would run."""

from __future__ import annotations

from typing import Any

from flows.errors import SpecError
from flows.spec.loader import from_data, whole
from flows.spec.model import FlowSpec
from flows.spec.words.form import Cursor, Unfit, squeeze
from flows.spec.words.sentence import PIPELINE

__all__ = ["explain", "read"]


def explain(spec: FlowSpec) -> str:
    """Every field that the spec says, in fixed sentences: first the pipeline, then its steps as written, one paragraph each.

    Names, numbers, times and texts stand as they are; free texts stand in quotes. `read` gives the same spec back.
    """
    return PIPELINE.say(whole(spec.as_dict())) + "\n"


def read(text: str) -> FlowSpec | None:
    """The spec that a text made by `explain` says; None for any other text. White space outside of quotes does not count."""
    plain = squeeze(text)
    if not plain.startswith("Pipeline "):
        return None
    data: Any
    try:
        at = Cursor(plain)
        data = PIPELINE.hear(at)
        if at.pos != len(plain):
            return None
        spec = from_data(data)
    except (Unfit, SpecError, ValueError, RecursionError):  # ValueError: a number of thousands of digits
        return None
    return spec if squeeze(explain(spec)) == plain else None
