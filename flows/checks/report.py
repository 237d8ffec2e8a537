"""What the checks found, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flows.errors import Problem, SpecError

if TYPE_CHECKING:
    from flows.warehouse.base import Column


@dataclass(frozen=True)
class Report:
    """`columns` are those that each step gives, by step_id; None where they are only known when it runs."""

    level: str
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    columns: dict[str, tuple[Column, ...] | None] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """No problem; warnings do not count."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        shown = {step: [{"name": c.name, "type": c.type} for c in columns] if columns is not None else None
                 for step, columns in self.columns.items()}
        return {"level": self.level, "ok": self.ok, "problems": [p.as_dict() for p in self.problems],
                "warnings": [w.as_dict() for w in self.warnings], "columns": shown}

    def raise_for(self, where: str = "") -> None:
        """Raises SpecError with every problem, if there is one."""
        if self.problems:
            raise SpecError(self.problems, where=where)
