"""Stored pipelines and every version of their specs: list, compare, go back."""

from __future__ import annotations

from flows.service.door import Door


class Versions(Door):
    """A version is never changed; which one is in force is."""
