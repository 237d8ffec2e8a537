"""The service is made of parts, and each part keeps its own methods."""

from __future__ import annotations

from flows.service import Penstock


def test_no_part_hides_a_method_of_another_part():
    seen: dict[str, type] = {}
    hidden = []
    for part in Penstock.__mro__[1:-1]:
        for name, value in vars(part).items():
            if callable(value) and not name.startswith("__") and not getattr(value, "__override__", False):
                if name in seen:
                    hidden.append(f"{seen[name].__name__}.{name} hides {part.__name__}.{name}")
                seen.setdefault(name, part)
    assert hidden == []
