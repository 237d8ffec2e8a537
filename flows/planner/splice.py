"""Changes of a spec that exists, as RFC 6902 patches: each part is put where it belongs, every other step stays as it is."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from flows.planner.answer import patched

EARLY = {"join": 0, "fill": 1, "derive": 2, "filter": 3, "convert_currency": 4, "deduplicate": 5}
"""Operations that stand before anything is worked out, in their order; the others come behind what is there."""
SINGLE = ("top", "limit", "sort")


@dataclass
class Work:
    """A spec under change: `spec` is how it is by now, `patch` what led there."""

    spec: dict[str, Any]
    patch: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def on(cls, spec: dict[str, Any]) -> Work:
        return cls(copy.deepcopy(spec))

    def do(self, *changes: dict[str, Any]) -> None:
        self.spec = patched(self.spec, list(changes), "the change")
        self.patch += changes

    @property
    def steps(self) -> list[dict[str, Any]]:
        return list(self.spec.get("steps") or [])

    def find(self, *kinds: str) -> list[int]:
        """Where the steps of these kinds stand."""
        return [n for n, s in enumerate(self.steps) if s.get("ps_type") in kinds]

    def test(self, n: int) -> dict[str, Any]:
        return {"op": "test", "path": f"/steps/{n}/step_id", "value": self.steps[n]["step_id"]}

    def put(self, n: int, path: str, value: Any) -> None:
        """Set a value of a step: replaced where there is one, else added."""
        here: Any = self.steps[n]
        parts = path.split("/")
        for part in parts[:-1]:
            here = (here or {}).get(part)
        there = isinstance(here, dict) and parts[-1] in here
        if there and here[parts[-1]] == value:
            return
        self.do(self.test(n), {"op": "replace" if there else "add", "path": f"/steps/{n}/{path}", "value": value})

    # ---- operations
    def transform(self) -> int | None:
        """The one transform step; a spec with none gets one behind its only source. None when it is not clear which one is meant."""
        found = self.find("generic.transform")
        if len(found) == 1:
            return found[0]
        sources = self.find("generic.extract")
        if found or len(sources) != 1:
            return None
        return self.behind(sources[0], "transform", "Transform", "generic.transform",
                           lambda given: {"inputs": [given], "operations": []})

    def behind(self, n: int, step_id: str, name: str, ps_type: str, config: Any) -> int:
        """A new step right behind step `n`, between it and all that reads it; its position."""
        given = str(self.steps[n]["step_id"])
        taken = {s.get("step_id") for s in self.steps}
        new_id = next(i for i in (step_id, *(f"{step_id}_{k}" for k in range(2, 2003))) if i not in taken)
        readers = [k for k, s in enumerate(self.steps) if given in _reads(s)]
        step = {"step_id": new_id, "name": name, "ps_type": ps_type, "depends_on": [given], "config": config(given)}
        self.do(self.test(n), {"op": "add", "path": f"/steps/{n + 1}", "value": step})
        for k in (k + 1 if k > n else k for k in readers):
            self._reread(k, given, new_id)
        return n + 1

    def _reread(self, n: int, old: str, new: str) -> None:
        step = self.steps[n]
        config = step.get("config") or {}
        if config.get("input") == old:
            self.put(n, "config/input", new)
        if old in (config.get("inputs") or []):
            self.put(n, "config/inputs", [new if i == old else i for i in config["inputs"]])
        if old in (step.get("depends_on") or []):
            self.put(n, "depends_on", [new if i == old else i for i in step["depends_on"]])

    def operation(self, body: dict[str, Any]) -> bool:
        """Put an operation where it belongs; one of the same kind that can stand only once is replaced. False: no place for it."""
        n = self.transform()
        if n is None:
            return False
        there = list(self.steps[n]["config"].get("operations") or [])
        base = f"/steps/{n}/config/operations"
        same = self._same(there, body)
        if same is not None and there[same] == body:
            return True
        if same is not None:
            self.do(self.test(n), {"op": "test", "path": f"{base}/{same}", "value": there[same]},
                    {"op": "replace", "path": f"{base}/{same}", "value": body})
            return True
        at = self._place(there, body)
        self.do(self.test(n), {"op": "add", "path": f"{base}/{at}" if at < len(there) else f"{base}/-", "value": body})
        return True

    @staticmethod
    def _same(there: list[dict[str, Any]], body: dict[str, Any]) -> int | None:
        """An operation that the new one takes the place of: the order, the top, a comparison of the same column."""
        for n, old in enumerate(there):
            if old.get("op") != body["op"]:
                continue
            if body["op"] in SINGLE:
                return n
            if body["op"] == "filter" and "column" in body["where"] and body["where"]["column"] == old["where"].get("column") \
                    and body["where"]["is"] == old["where"].get("is"):
                return n
        return None

    def _place(self, there: list[dict[str, Any]], body: dict[str, Any]) -> int:
        rank = EARLY.get(body["op"])
        made = aliases(there)
        if rank is None:
            return len(there)
        if body["op"] == "filter" and (made & columns_of(body["where"])):
            return 1 + max(n for n, o in enumerate(there) if aliases([o]))
        return next((n for n, o in enumerate(there) if EARLY.get(o.get("op", ""), 9) > rank), len(there))

    # ---- checks
    def check(self, body: dict[str, Any], columns: set[str], source: int | None) -> bool:
        """A check of the rows that are written, or of those that `source` reads when the written ones have no such column."""
        wanted = set(body.get("columns") or [body["column"]] if "column" in body or "columns" in body else [])
        load = self.find("generic.load", "generic.export")
        if len(load) != 1:
            return False
        given = self.steps[load[0]].get("config", {}).get("input")
        at = next((n for n, s in enumerate(self.steps) if s.get("step_id") == given), None)
        late = wanted <= columns
        if not late and source is None:
            return False
        if late and at is not None and self.steps[at].get("ps_type") == "generic.quality_check":
            self.do(self.test(at), {"op": "add", "path": f"/steps/{at}/config/checks/-", "value": body})
            return True
        place = at if late else source
        if place is None:
            return False
        step_id = str(self.steps[place]["step_id"])
        here = [n for n, s in enumerate(self.steps)
                if s.get("ps_type") == "generic.quality_check" and (s.get("config") or {}).get("input") == step_id]
        if here:
            self.do(self.test(here[0]), {"op": "add", "path": f"/steps/{here[0]}/config/checks/-", "value": body})
        else:
            self.behind(place, "check" if late else "check_source", "Check the data", "generic.quality_check",
                        lambda given: {"input": given, "checks": [body]})
        return True


def _reads(step: dict[str, Any]) -> list[str]:
    config = step.get("config") or {}
    return [str(g) for g in (config.get("input"), *(config.get("inputs") or []), *(step.get("depends_on") or [])) if g]


def aliases(operations: list[dict[str, Any]]) -> set[str]:
    """Names that the aggregates among these operations make."""
    return {str(m["as"]) for o in operations if o.get("op") == "aggregate" for m in o.get("measures") or [] if m.get("as")}


def columns_of(where: Any) -> set[str]:
    """Every column of a condition."""
    if isinstance(where, dict):
        own = {str(where["column"])} if isinstance(where.get("column"), str) else set()
        return own | {c for v in where.values() for c in columns_of(v)}
    return {c for v in where for c in columns_of(v)} if isinstance(where, list) else set()


def columns_after(columns: list[str], operations: list[dict[str, Any]]) -> list[str]:
    """The columns that rows have behind some operations, as far as their names tell."""
    out = list(columns)
    for o in operations:
        kind = o.get("op")
        if kind == "aggregate":
            grains = o.get("grain") or []
            grains = [grains] if isinstance(grains, dict) else grains
            out = [*(o.get("by") or []), *(g.get("as") or g["column"] for g in grains), *(m["as"] for m in o.get("measures") or [])]
        elif kind == "select":
            out = list(o["columns"])
        elif kind == "rename":
            out = [o["columns"].get(c, c) for c in out]
        elif kind == "derive":
            out += [c for c in o["columns"] if c not in out]
        elif o.get("as"):
            out.append(str(o["as"]))
    return out
