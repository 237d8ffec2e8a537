"""Many texts at once: one line of JSON in, one answer out; a text that breaks does not stop the others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flows.errors import InputError, PenstockError
from flows.planner.answer import PlanResult

FAULTS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def answer_lines(lines: Iterable[str], plan: Callable[[str], PlanResult]) -> Iterator[dict[str, Any]]:
    """For each line `{"id", "text"}` the answer of `plan` with its id, or `{"id", "error": {"code", "message"}}`."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        identity: Any = None
        try:
            identity, text = _entry(line, number)
            yield {"id": identity, **plan(text).as_dict()}
        except PenstockError as error:
            yield {"id": identity, "error": {"code": error.code, "message": str(error)}}
        except FAULTS as error:  # a fault of the planner on one text must not end the batch
            yield {"id": identity, "error": {"code": "internal", "message": f"{type(error).__name__}: {error}"}}


def _entry(line: str, number: int) -> tuple[Any, str]:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as problem:
        raise InputError(f"not JSON ({problem})", where=f"line {number}", fix='Write {"id": ..., "text": ...}') from problem
    if not isinstance(data, dict) or not isinstance(data.get("text"), str):
        raise InputError("needs an object with a text", where=f"line {number}", fix='Write {"id": ..., "text": ...}')
    return data.get("id"), data["text"]
