"""Who began a run, in a word."""

from __future__ import annotations

from flows.show.account import clip

STARTERS = {"app": "App", "cli": "Terminal", "python": "Python", "schedule": "Schedule", "prefect": "Prefect",
            "mcp": "Program", "api": "API"}
CHARACTERS = 32


def starter(trigger: str) -> str:
    """What a run says of who began it (`trigger_by`); of the API the name of the key, and what its caller said of itself."""
    kind, _, said = trigger.partition(":")
    word = STARTERS.get(kind, kind[:1].upper() + kind[1:])
    return clip(f"{word}: {said.replace(':', ', ')}", CHARACTERS) if said else word
