"""Does it give the same on both warehouses? The three verdicts in words, and the worst of several."""

from __future__ import annotations

from collections.abc import Iterable

WORDS = {"portable": "same on both", "local-approximate": "approximate locally", "bigquery-only": "BigQuery only"}
"""What people read for a verdict; in the order from best to worst."""
WHOLE = {"portable": "same on both", "local-approximate": "approximate locally where a step says so",
         "bigquery-only": "one step or more runs on BigQuery only"}
"""The same of a whole pipeline."""
_ORDER = ("", *WORDS)


def worst(verdicts: Iterable[str]) -> str:
    """The verdict of the whole: that of its worst part, '' when no part makes a statement."""
    return max((verdict for verdict in verdicts if verdict in _ORDER), key=_ORDER.index, default="")
