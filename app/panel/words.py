"""What the panel says about a spec, a step and a problem: one short text for each, safe inside markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from app.parts.escape import code, quoted
from flows.show.units import seconds, several
from flows.spec.words.cron import said_cron

if TYPE_CHECKING:
    from flows.errors import Problem
    from flows.spec.model import FlowSpec, Retry, Step

TIME_LIMIT = 1800.0  # seconds, where neither the step nor the pipeline says one
TRIGGERS = {"on_success": "When every step before it succeeded", "on_failure": "Only when a step before it failed",
            "always": "When every step before it has ended"}
_NAMED = re.compile(r"'([^']+)'")
_STEP = re.compile(r"^steps\.([^.]+)\.?(.*)$")


def sentence(text: str) -> str:
    """The first letter large, a full stop at the end."""
    words = " ".join(text.split())
    return f"{words[:1].upper()}{words[1:]}{'' if not words or words[-1] in '.?!' else '.'}"


def problem(found: Problem) -> str:
    """One problem of a spec: line, step, what is wrong, the way out."""
    line = f"**Line {found.line}.** " if found.line else ""
    place = _STEP.match(found.path)
    hint = f" {quoted(sentence(found.hint))}" if found.hint else ""
    if found.code == "unknown_step" and place and (name := _NAMED.search(found.message)):
        return f"{line}Step {code(place[1])} depends on {code(name[1])}, which does not exist.{hint}"
    if place:
        field = f", {code(place[2])}" if place[2] else ""
        return f"{line}Step {code(place[1])}{field}: {quoted(sentence(found.message)[:1].lower() + sentence(found.message)[1:])}{hint}"
    where = f"{code(found.path)}: " if found.path else ""
    said = sentence(found.message)
    return f"{line}{where}{quoted(said[:1].lower() + said[1:] if where else said)}{hint}"


def schedule(spec: Mapping[str, Any]) -> str:
    """`Every day at 02:00 UTC`, `Every 2 h`, `No schedule`; "" while it is asked."""
    asked = spec.get("schedule") or {}
    if not asked:
        return "No schedule"
    if asked.get("interval_seconds"):
        return f"Every {seconds(asked['interval_seconds'])}"
    cron = str(asked.get("cron") or "")
    if not cron or cron == "?":
        return ""
    words = said_cron(cron) or f"On cron {cron}"
    return f"{words[:1].upper()}{words[1:]} {asked.get('timezone') or 'UTC'}"


def retries(step: Step, spec: FlowSpec) -> str:
    """`3 tries in all: after a failure it waits 30 s, then 1 min`."""
    rule = step.retry or (spec.defaults.retry if spec.defaults else None)
    if rule is None or rule.max_attempts < 2:
        return "None: one try"
    waits = [seconds(wait) for wait in _waits(rule)]
    more = ", …" if rule.max_attempts - 1 > len(waits) else ""
    only = f", only after {', '.join(rule.retry_on)}" if rule.retry_on else ""
    return f"{several(rule.max_attempts, 'try', 'tries')} in all, {', then '.join(waits)}{more} apart{only}"


def _waits(rule: Retry) -> Iterable[float]:
    found = [min(rule.backoff_seconds * rule.backoff_multiplier**n, rule.max_backoff_seconds) for n in range(min(rule.max_attempts - 1, 3))]
    return dict.fromkeys(found)


def limit(step: Step, spec: FlowSpec) -> str:
    """The step's time limit."""
    return seconds(step.timeout or (spec.defaults.timeout if spec.defaults else None) or TIME_LIMIT)


def title(step: Mapping[str, Any]) -> str:
    """A step's name for people."""
    return str(step.get("name") or step.get("step_id") or "step").replace("_", " ")


def target(step: Mapping[str, Any]) -> str:
    """The table or file that a step writes, "" for none."""
    there = step.get("destination") or {}
    return str(there.get("table") or there.get("path") or "")


def origin(step: Mapping[str, Any]) -> str:
    """What a step reads from outside the pipeline, "" for nothing."""
    there = step.get("source") or {}
    return str(next((there[name] for name in ("table", "path", "endpoint", "query") if there.get(name)), ""))
