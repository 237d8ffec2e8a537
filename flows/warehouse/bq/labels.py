"""Names of jobs: labels and ids as BigQuery lets them be, whatever a tenant or a pipeline is called."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

LENGTH = 63  # of a label's key or value; source: BigQuery, "Introduction to labels"


def label(value: str) -> str:
    """A label's value: small letters, digits, '_' and '-'. Two values that differ in more than case stay different."""
    small = value.strip().lower()
    plain = re.sub(r"[^a-z0-9_-]", "_", small)
    if plain == small and len(plain) <= LENGTH:
        return plain
    return f"{plain[:LENGTH - 9]}-{hashlib.sha256(small.encode()).hexdigest()[:8]}"


def labels(*given: Mapping[str, str] | None) -> dict[str, str]:
    """All of these together, legal; the later ones win. A key begins with a letter."""
    found: dict[str, str] = {}
    for some in given:
        for name, value in (some or {}).items():
            key = label(name)
            found[key if key[:1].isalpha() else f"x{key}"[:LENGTH]] = label(str(value))
    return found


def job_id(stem: str, count: int, content: str, extra: str = "") -> str:
    """The id of a job: the same for the same try of the same step, so that a submit that is repeated finds the job that is there."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", stem)[:200] or "penstock"
    digest = hashlib.sha256(content.encode()).hexdigest()[:10]
    return "-".join(part for part in (plain, str(count), digest, extra) if part)
