"""What a spec gave on both warehouses, step by step: verdicts, the first rows that differ, and what all of it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flows.run.compare import Pair
from flows.show.parity import WORDS, told

SAME, APPROXIMATE, ONLY, DIFFERENT, FAILED, SKIPPED = "same", "approximate", "bigquery-only", "different", "failed", "skipped"
RANK = (SKIPPED, SAME, APPROXIMATE, ONLY, DIFFERENT, FAILED)
"""From best to worst; the whole is as good as its worst step."""


@dataclass(frozen=True)
class StepParity:
    """What one step gave on both. `rows` is how many were compared, None where none were; `pairs` are the first that differ.

    `origin` is where the rows come from in the end (real | sample | generated), `basis` says the last two in words.
    """

    step_id: str
    name: str
    ps_type: str
    verdict: str
    columns: tuple[str, ...] = ()
    rows: int | None = None
    notes: list[str] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    local_seconds: float = 0.0
    bigquery_seconds: float = 0.0
    origin: str = "real"
    basis: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {**vars(self), "columns": list(self.columns), "notes": list(self.notes), "pairs": [pair.as_dict() for pair in self.pairs],
                "local_seconds": round(self.local_seconds, 3), "bigquery_seconds": round(self.bigquery_seconds, 3),
                "verdict_words": WORDS[self.verdict]}


@dataclass(frozen=True)
class Parity:
    """Every step in running order. `limit`: rows that were read of each source at most; `where`: the side of BigQuery; `version`: of
    the stored spec that the certificate is kept with."""

    pipeline_id: str
    steps: tuple[StepParity, ...]
    limit: int
    where: Mapping[str, Any]
    versions: Mapping[str, str]
    tried_at: datetime
    seconds: float = 0.0
    version: int | None = None

    @property
    def ok(self) -> bool:
        """Nothing differs that is not named, and nothing failed."""
        return self.verdict not in (DIFFERENT, FAILED)

    @property
    def verdict(self) -> str:
        """The worst of its steps."""
        return max((step.verdict for step in self.steps), key=RANK.index, default=SKIPPED)

    @property
    def words(self) -> str:
        """`DuckDB and BigQuery: same on both. BigQuery was project p.`"""
        return f"DuckDB and BigQuery: {WORDS[self.verdict]}. {told(self.where)}"

    def certificate(self) -> dict[str, Any]:
        """What is kept with a version: verdicts and what they rest on, no rows."""
        steps = [{"step_id": s.step_id, "verdict": s.verdict, "rows": s.rows, "origin": s.origin, "notes": list(s.notes)}
                 for s in self.steps]
        return {"tried_at": self.tried_at.isoformat(), "verdict": self.verdict, "ok": self.ok, "steps": steps, "limit": self.limit,
                "where": dict(self.where), "versions": dict(self.versions)}

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {"pipeline_id": self.pipeline_id, "version": self.version, "ok": self.ok, "verdict": self.verdict,
                "verdict_words": WORDS[self.verdict], "where": dict(self.where), "where_words": told(self.where),
                "versions": dict(self.versions), "limit": self.limit, "tried_at": self.tried_at.isoformat(),
                "steps": [step.as_dict() for step in self.steps], "seconds": round(self.seconds, 3)}

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """How a notebook shows it: a line a step, and the rows that differ."""
        from flows.show.parity import parity_bundle

        return parity_bundle(self.as_dict())
