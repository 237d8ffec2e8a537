"""How an assumption is undone: the patch that gives the other reading, where there is exactly one."""

from __future__ import annotations

import re
from typing import Any

READ_AS = re.compile(r'^"(\d{1,2})" was read as (\d\d):(\d\d)$')


def undoing(path: str, text: str, spec: dict[str, Any]) -> list[dict[str, Any]]:
    """RFC 6902 on the spec: append for overwrite, left for inner, the evening for the morning. Empty: say in words how it should be."""
    parts = path.split(".")
    if parts[0] == "schedule":
        return _evening(text, spec)
    steps = spec.get("steps") or []
    n = next((n for n, s in enumerate(steps) if len(parts) > 2 and s.get("step_id") == parts[1]), None)
    if parts[0] != "steps" or n is None:
        return []
    here: Any = steps[n]
    for part in parts[2:]:
        here = here.get(part) if isinstance(here, dict) else here[int(part)] if isinstance(here, list) and int(part) < len(here) else None
    other = {("mode", "overwrite"): "append", ("how", "inner"): "left"}.get((parts[-1], str(here)))
    if other is None:
        return []
    place = f"/steps/{n}/{'/'.join(parts[2:])}"
    return [{"op": "test", "path": f"/steps/{n}/step_id", "value": parts[1]}, {"op": "test", "path": place, "value": here},
            {"op": "replace", "path": place, "value": other}]


def _evening(text: str, spec: dict[str, Any]) -> list[dict[str, Any]]:
    """`at 7` was read as 07:00: it may be 19:00."""
    said = READ_AS.match(text)
    cron = str((spec.get("schedule") or {}).get("cron") or "")
    fields = cron.split()
    if not said or len(fields) != 5 or fields[1] != str(int(said[2])) or not 1 <= int(said[2]) <= 11:
        return []
    later = " ".join([fields[0], str(int(said[2]) + 12), *fields[2:]])
    return [{"op": "test", "path": "/schedule/cron", "value": cron}, {"op": "replace", "path": "/schedule/cron", "value": later}]
