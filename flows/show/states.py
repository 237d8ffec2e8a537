"""A state as people see it: one word, one colour, one icon, the same in terminal, notebook and app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Colour = Literal["green", "red", "blue", "orange", "gray"]
Of = Literal["run", "step", "preview"]


@dataclass(frozen=True)
class State:
    """`icon` is a name of Material Symbols (`flows.show.icons` draws it), `mark` one character for a terminal, `over`: it has ended."""

    name: str
    word: str
    colour: Colour
    icon: str
    mark: str
    over: bool = True


_STEP = {s.name: s for s in (
    State("SUCCESS", "Succeeded", "green", "check_circle", "✓"),
    State("RUNNING", "Running", "blue", "progress_activity", "▶", over=False),
    State("FAILED", "Failed", "red", "error", "✗"),
    State("SKIPPED", "Skipped", "gray", "skip_next", "-"),
    State("CRASHED", "Crashed", "red", "warning", "✗"),
    State("PENDING", "Waiting", "gray", "hourglass_empty", "·", over=False),
    State("RETRYING", "Retrying", "orange", "autorenew", "↻", over=False),
    State("TIMED_OUT", "Timed out", "red", "timer_off", "✗"),
    State("CANCELLED", "Stopped", "orange", "stop_circle", "■"),
)}
_RUN = {**_STEP, "PENDING": State("PENDING", "Queued", "gray", "schedule", "·", over=False)}
_PREVIEW = {s.name: s for s in (
    State("ok", "Previewed", "green", "check_circle", "✓"),
    State("failed", "Failed", "red", "error", "✗"),
    State("bigquery-only", "BigQuery only", "blue", "cloud", "◇"),  # its statement cannot run here, and is no failure
    State("stopped", "Stopped", "orange", "stop_circle", "■"),
    State("skipped", "Skipped", "gray", "skip_next", "-"),
    State("not reached", "Not reached", "gray", "hourglass_empty", "·"),
    State("waiting", "Waiting", "gray", "hourglass_empty", "·", over=False),
)}
_ALL: dict[str, dict[str, State]] = {"run": _RUN, "step": _STEP, "preview": _PREVIEW}

BAD = ("FAILED", "TIMED_OUT", "CRASHED")  # what counts as failed; a stopped run is not


def state(name: str, *, of: Of = "run") -> State:
    """The state of that name (as the control store writes it); a name that nobody knows is shown as it is, in gray."""
    found = _ALL[of].get(name)
    return found or State(name, name.replace("_", " ").capitalize() or "Unknown", "gray", "help", "?")


@dataclass(frozen=True)
class StepState:
    """How a step stands: `rows` it gave, `seconds` it took (or has been running), tries, rows it set aside, its error."""

    status: str
    rows: int | None = None
    seconds: float | None = None
    attempts: int = 1
    error: str = ""
    rejected: int = 0
