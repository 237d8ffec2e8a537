"""Questions: about runs they become a status request, about data they are told apart from a wish that something is built."""

from __future__ import annotations

import re
from typing import Any

from flows.planner.answer import Option, PlanResult, Question
from flows.planner.read.text import Text

ASKED = re.compile(
    r"^(?:(?:hi|hello|hey|please|ok|okay|so|and|but|now|well|,)\s+)*(?:what|which|how|when|who|whose|why|where|is|are|was|were|did|does|do|"
    r"has|have|should|what's|how's|who's|where's|tell me (?:what|which|how|when|who|why))\b", re.I)
WISH = re.compile(r"^\W*(?:do|have)\s+(?:a|the|not|it|this)\b|\bhow (?:do|can|could|should) (?:i|we) (?:load|copy|sync|"
                  r"build|get|move)\b", re.I)
RUNS = re.compile(r"\b(?:running|ran|run|runs|finish(?:ed)?|succeed(?:ed)?|fail(?:ed|ing)?|crash(?:ed)?|stuck|late|queued|stopped)\b", re.I)
NOW = re.compile(r"^(?:(?:please|now|ok|okay|can you|could you|,)\s+)*(?:run|start|trigger|execute|launch|stop|cancel|abort|pause|"
                 r"resume|rerun|re-run|retry|restart|backfill)\b(?!.*\b(?:instead|from now on)\b)", re.I)
OFTEN = re.compile(r"\b(?:every|each|daily|hourly|weekly|monthly|nightly|weekdays?|twice a day)\b|"
                   r"\bat (?:\d|noon|midnight|half|quarter)", re.I)
STEADY = re.compile(r"\b(?:retry|retries|try)\b.*\b(?:\d+|once|twice|three|thrice|times?)\b|"
                    r"\bschedul|\bnotif|\balert|\bemails?\b|\bslack\b", re.I)
CAN = ("Questions about data are not answered here yet. I can build a pipeline that works it out, change it, run it, and say how runs "
       "went. For example: revenue per country into mart.revenue_by_country.")


def about_now(bare: Text, text: Text) -> bool:
    """`run it for yesterday`, `stop it`, `run again`: something to do once, no change of the pipeline."""
    return bool(NOW.match(text.raw.strip())) and not OFTEN.search(text.raw) and not STEADY.search(text.raw)


def question(text: Text, bare: Text) -> PlanResult | None:
    """The answer to a question that no reader of runs took; None when it is none, or says where rows should go."""
    raw = text.raw.strip()
    if not ASKED.match(raw) or WISH.search(raw) or any(w in text.norm for w in ("<d:", " into ", "<f:")):
        return None
    if RUNS.search(raw) and not any(m.of("t") for m in text.mentions):
        return _which(bare, raw)
    asked = Question(id="q1", slot="question", message=CAN, span=(0, len(text.raw)), free_text=True)
    return PlanResult(status="needs_input", intent="question", questions=[asked])


def _which(bare: Text, raw: str) -> PlanResult:
    """A question about runs of a pipeline that nobody knows by this name."""
    known = bare.lexicon.flows()
    request: dict[str, Any] = {"op": "status", "pipeline": None, "start": None, "end": None, "params": {}, "scope": "all"}
    test = {"op": "test", "path": "/op", "value": "status"}
    options = [Option(label=name, patch=[test, {"op": "replace", "path": "/pipeline", "value": name}]) for name in known]
    message = f"Which pipeline: {', '.join(known)}?" if known else "There is no pipeline yet. Describe one first."
    asked = Question(id="q1", slot="pipeline", message=message, options=options, free_text=bool(known), span=(0, len(raw)))
    return PlanResult(status="needs_input", intent="status", run_request=request, questions=[asked])
