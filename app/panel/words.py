"""What the panel says about a problem and about a step's settings: one short text for each, safe inside markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from app.parts.escape import code, quoted
from app.talk.words import when
from flows.show.units import seconds, several

if TYPE_CHECKING:
    from flows.errors import Problem

TIME_LIMIT = 1800.0  # seconds, where neither the step nor the pipeline says one
TRIGGERS = {"on_failure": "Only when a step before it failed", "always": "When all before it have ended, whatever came of them"}
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
    message = quoted(f"{found.message.rstrip('.')}.")
    if place:
        return f"{line}Step {code(place[1])}{', ' + code(place[2]) if place[2] else ''}: {message}{hint}"
    return f"{line}{code(found.path) + ': ' + message if found.path else quoted(sentence(found.message))}{hint}"


def schedule(spec: Mapping[str, Any]) -> str:
    """`Every day at 02:00 UTC`, `On demand`."""
    words = when(dict(spec))
    return f"{words[:1].upper()}{words[1:]}"


def retries(step: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    """`3 tries, 30 s, then 1 min apart`."""
    rule = step.get("retry") or (spec.get("defaults") or {}).get("retry") or {}
    tries = rule.get("max_attempts", 1)
    if not isinstance(tries, int) or tries < 2:
        return "None"
    waits = [seconds(wait) for wait in dict.fromkeys(_waits(rule, tries))]
    only = f", only after {', '.join(map(str, rule['retry_on']))}" if rule.get("retry_on") else ""
    return f"{several(tries, 'try', 'tries')}, {', then '.join(waits)} apart{only}"


def _waits(rule: Mapping[str, Any], tries: int) -> Iterable[float]:
    """The first three waits; after those the reader knows how they grow."""
    first, more, most = (float(rule.get(name, usual)) for name, usual in
                         (("backoff_seconds", 10), ("backoff_multiplier", 2), ("max_backoff_seconds", 600)))
    return [min(first * more**n, most) for n in range(min(tries - 1, 3))]


def limit(step: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    """The step's time limit."""
    for said in (step, spec.get("defaults") or {}):
        if said.get("timeout_minutes"):
            return seconds(float(said["timeout_minutes"]) * 60)
        if said.get("timeout_seconds"):
            return seconds(float(said["timeout_seconds"]))
    return seconds(TIME_LIMIT)


def target(step: Mapping[str, Any]) -> str:
    """The table or file that a step writes, "" for none."""
    there = step.get("destination")
    return str(there.get("table") or there.get("path") or "") if isinstance(there, Mapping) else ""


def origin(step: Mapping[str, Any]) -> str:
    """What a step reads from outside the pipeline, "" for nothing."""
    there = step.get("source")
    if not isinstance(there, Mapping):
        return ""
    return str(next((there[name] for name in ("table", "path", "endpoint", "query") if there.get(name)), ""))


def notified(spec: Mapping[str, Any]) -> str:
    """`#data on Slack on failure`, "" when nobody is told."""
    told = [each for each in spec.get("notify") or [] if isinstance(each, Mapping)]
    return ", ".join(f"{each.get('target', '?')} ({each.get('channel', '?')}) on {' and '.join(map(str, each.get('on') or ['failure']))}"
                     for each in told)
