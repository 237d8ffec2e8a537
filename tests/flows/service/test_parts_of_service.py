"""The service is made of parts, and each part keeps its own methods."""

from __future__ import annotations

from pathlib import Path

from flows.service import Penstock
from flows.settings import Settings


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


def test_what_only_looks_makes_no_store(tmp_path: Path):
    with Penstock(settings=Settings.load(home=tmp_path / "none", tenant_id="acme")) as service:
        assert "nothing has run here yet" in service._repr_mimebundle_()["text/plain"]
        service.plan("run orders again")
    assert not (tmp_path / "none").exists()
