"""What a program has asked for and a person decides."""

from __future__ import annotations

from flows.service.submit import Submit


class Approvals(Submit):
    """A program of somebody's key asks; a person with the role decides, in the app or with `penstock approve`."""
