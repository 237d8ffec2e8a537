"""The relation under construction: its operations so far and the names that it has now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flows.planner.holes import Ask, Hole
from flows.planner.read.draft import Draft, Group, Measure, Span
from flows.planner.resolve import Scope, key_column


@dataclass
class Op:
    """One operation with the words behind it; `sub` are parts of it that somebody else said: (path below it, value, source)."""

    body: dict[str, Any]
    span: Span | None
    source: str = "text"
    sub: list[tuple[str, Any, str]] = field(default_factory=list)


@dataclass
class Rows:
    """The operations so far and the names that the relation has now."""

    scope: Scope
    relation: dict[str, str]  # table -> the step that gives it
    ops: list[Op] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    closed: bool = False  # an aggregate has happened
    ranked: list[tuple[Measure, str]] = field(default_factory=list)
    grained: list[str] = field(default_factory=list)

    def add(self, body: dict[str, Any], span: Span | None, source: str = "text", sub: list[tuple[str, Any, str]] | None = None) -> None:
        self.ops.append(Op(body, span, source, sub or []))

    @property
    def draft(self) -> Draft:
        return self.scope.draft


def text_of(name: Any) -> Any:
    return name if isinstance(name, str) else "?"


def group_name(rows: Rows, group: Group) -> Any:
    """The name of a group: a column, or the key of a table."""
    if group.ref is not None:
        return rows.scope.name(group.ref)
    found = key_column(rows.scope, group.table)
    if found is None:
        ask = Ask("group", f"{group.table} has no key here to group by.", group.span)
        return Hole(rows.scope.asks.add(ask), "column")
    return rows.scope.name_of(*found)
