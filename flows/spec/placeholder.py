"""One text with placeholders: which names it uses, and what it becomes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from flows.errors import Problem, SpecError
from flows.spec.suggest import did_you_mean, suggest

BUILT_IN = ("tenant_id", "date", "run_date", "pipeline_id", "provider", "domain", "run_id", "yesterday", "today")
TOKEN = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}")

Values = Mapping[str, Any]


def fill(text: Any, values: Values, where: str = "") -> Any:
    """One text with its placeholders filled; a lone placeholder gives the value as it is. Raises SpecError for missing names."""
    if not isinstance(text, str) or ("{" not in text and "}" not in text):
        return text
    lone = TOKEN.fullmatch(text)
    absent = [(where, name) for name in names(text) if name not in values]
    if absent:
        raise missing(absent, values)
    if lone and lone[1]:
        return values[lone[1]]
    return TOKEN.sub(lambda m: as_text(values[m[1]]) if m[1] else m[0][0], text)


def as_text(value: Any) -> str:
    """A value inside a longer text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def names(text: Any) -> Iterator[str]:
    """The placeholders of a text, as often as they stand there."""
    if isinstance(text, str) and "{" in text:
        yield from (m[1] for m in TOKEN.finditer(text) if m[1])


def missing(found: list[tuple[str, str]], values: Values) -> SpecError:
    """One problem a name; the error itself lists them all, with their places and near misses."""
    places: dict[str, list[str]] = {}
    for where, name in found:
        places.setdefault(name, []).append(where)
    problems = []
    for name, at in places.items():
        seen = list(dict.fromkeys(w for w in at if w))
        hint = _hint(name, values) or "Add it to variables or parameters; write {{ and }} for braces"
        problems.append(Problem(seen[0] if seen else "", "missing_value", f"nothing gives {{{name}}} a value", hint,
                                tuple(suggest(name, [v for v in values if v != name]))))
    error = SpecError(problems)
    if len(places) > 1:
        near = {name: _hint(name, values) for name in places}
        listed = [f"{{{name}}} at {', '.join(dict.fromkeys(at)) or 'the text'}" + (f" ({near[name]})" if near[name] else "")
                  for name, at in places.items()]
        error.what = f"nothing gives these placeholders a value: {'; '.join(listed)}"
    return error


def _hint(name: str, values: Values) -> str:
    return did_you_mean(name, [v for v in {**values, **dict.fromkeys(BUILT_IN)} if v != name])
