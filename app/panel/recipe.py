"""What a template says of itself: its card, how it works, and its variables and parameters as fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from app.door import service
from app.panel import params
from app.parts.escape import plain, quoted
from app.talk.words import problem
from flows.errors import PenstockError

KEY = "template"
NUMBERS = {bool: "boolean", int: "integer", float: "number"}
_ITEM = re.compile(r"\s*(\d+)\.\s+(.*)")
_NOTE = re.compile(r"\s#\s+(.+)$")


@dataclass(frozen=True)
class Listed:
    """A template as a card shows it; `problem` says why it cannot be read, "" when it can."""

    name: str
    title: str
    sentence: str
    domain: str
    problem: str = ""

    def has(self, words: str) -> bool:
        """Is every one of the words in it?"""
        text = f"{self.name} {self.title} {self.sentence}".casefold()
        return all(word in text for word in words.casefold().split())


@dataclass(frozen=True)
class Values:
    """What a person changed of a template; what stands there as in the template is not in it."""

    variables: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    pipeline_id: str = ""

    def address(self) -> dict[str, str]:
        """The same as part of an address: a link opens the same form."""
        found = {f"v.{name}": _text(value) for name, value in self.variables.items()}
        found |= {f"p.{name}": _text(value) for name, value in self.params.items()}
        return found | ({"id": self.pipeline_id} if self.pipeline_id else {})


def listed() -> list[Listed]:
    """All templates of this tenant, read again when their files have changed."""
    return [_listed(each.name, str(each.path), _changed(each.path), each) for each in service().templates()]


def _changed(path: Any) -> int:
    try:
        return int(path.stat().st_mtime_ns)
    except OSError:
        return 0


@st.cache_data(show_spinner=False, max_entries=500)
def _listed(name: str, path: str, changed: int, _template: Any) -> Listed:
    if _template.problem:
        return Listed(name, name, "", _template.domain, _template.problem)
    return Listed(name, _template.title, _template.sentence.rstrip("."), _template.domain)


def about(how: str) -> None:
    """How it works: numbered steps and paragraphs, as they stand at the head of the file; its words are data."""
    if how:
        with st.container(key="template_how", gap="small"):
            st.markdown("**How it works**")
            for part in paragraphs(how):
                st.markdown(part)


def paragraphs(how: str) -> list[str]:
    """The comment as markdown: neighbouring numbered lines are one list, lines that go on are joined, everything is escaped."""
    found: list[str] = []
    before = ""  # what the line above was: an item, a paragraph, or nothing
    for line in how.splitlines():
        item = _ITEM.match(line)
        if not line.strip():
            before = ""
        elif item:
            text = f"{item[1]}. {quoted(item[2])}"
            if before == "item":
                found[-1] += f"\n{text}"
            else:
                found.append(text)
            before = "item"
        elif before and not line[0].isupper():
            found[-1] += f" {quoted(line)}"
        else:
            found.append(quoted(line))
            before = "text"
    return found


def fields(template: Any, spec: Mapping[str, Any], start: Mapping[str, str]) -> None:
    """One field for each variable and each parameter's default, filled from `start` (as in an address) or from the template."""
    variables, parameters = spec.get("variables") or {}, spec.get("parameters") or []
    if variables:
        st.markdown("**Variables**  \n:gray[:small[What the pipeline reads and writes]]")
    with st.grid(2, min_column_width=190):
        for name, value in variables.items():
            one = {"name": name, "type": NUMBERS.get(type(value), "string"), "description": _comment(template, f"variables.{name}")}
            params.field(one, _value(one["type"], start.get(f"v.{name}"), value), f"{KEY}_v_{name}")
    if parameters:
        st.markdown("**Parameters**  \n:gray[:small[What holds when a run says nothing else]]")
    with st.grid(2, min_column_width=190):
        for each in parameters:
            kind = _kind(each)
            params.field({**each, "type": kind}, _value(kind, start.get(f"p.{each['name']}"), each.get("default")),
                         f"{KEY}_p_{each['name']}")
    st.markdown("**Name**  \n:gray[:small[The id under which it is kept and runs]]")
    st.text_input("Pipeline id", value=start.get("id") or spec["pipeline_id"], key=f"{KEY}_id", label_visibility="collapsed")


def given(spec: Mapping[str, Any]) -> Values:
    """What stands in the fields and differs from the template."""
    state = st.session_state
    variables = {name: state.get(f"{KEY}_v_{name}", value) for name, value in (spec.get("variables") or {}).items()}
    own = {each["name"]: each.get("default") for each in spec.get("parameters") or []}
    asked = {name: state.get(f"{KEY}_p_{name}", value) for name, value in own.items()}
    name = str(state.get(f"{KEY}_id") or "").strip()
    return Values({key: value for key, value in variables.items() if value is not None and value != spec["variables"][key]},
                  {key: value for key, value in asked.items() if value not in (None, "") and value != own[key]},
                  name if name != spec["pipeline_id"] else "")


def wrong(error: PenstockError) -> str:
    """What is wrong with the values, in words of the page: the options of the command line are not."""
    if not error.where.startswith("--"):
        return problem(error)
    name = error.where.split()[-1].replace("_", " ").capitalize()
    return f"**{plain(name)}**: {' '.join(quoted(part.rstrip('.') + '.') for part in (error.what, error.fix) if part)}"


def _kind(param: Mapping[str, Any]) -> str:
    """The field of a default: numbers and switches are typed, all else is text, in which placeholders may stand ({yesterday})."""
    kind = str(param.get("type", "string"))
    return kind if kind in NUMBERS.values() and not isinstance(param.get("default"), str) else "string"


def _value(kind: str, asked: str | None, own: Any) -> Any:
    """The value of an address in the type of its field; the template's own where it does not fit."""
    if asked is None:
        return own
    try:
        return asked == "true" if kind == "boolean" else int(asked) if kind == "integer" else float(asked) if kind == "number" else asked
    except ValueError:
        return own


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _comment(template: Any, place: str) -> str:
    """What stands behind a value in the file: `source_table: orders # what is read`."""
    lines, number = template.text.splitlines(), template.lines.find(place)
    found = _NOTE.search(lines[number - 1]) if 0 < number <= len(lines) else None
    note = found[1].strip() if found else ""
    return note[:1].upper() + note[1:]
