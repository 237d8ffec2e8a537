"""A step as people see it: its icon and colour."""

from __future__ import annotations

KINDS = {
    "generic.extract": ("download", "blue"), "generic.transform": ("tune", "violet"), "generic.sql": ("code", "violet"),
    "generic.quality_check": ("fact_check", "orange"), "generic.load": ("database", "green"), "generic.export": ("description", "green"),
    "generic.procedure_executor": ("terminal", "gray"), "generic.wait": ("hourglass_top", "gray"),
    "cloud.focus_converter": ("payments", "blue"),
}


def kind(ps_type: str) -> tuple[str, str]:
    """Icon (a name of Material Symbols that `flows.show.icons` can draw) and colour of a kind of step."""
    return KINDS.get(ps_type, ("extension", "gray"))
