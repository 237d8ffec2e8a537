"""What runs by itself: deploy, pause, resume, roll back, delete; and why something that was due did not run."""

from __future__ import annotations

from flows.service.submit import Submit
from flows.service.versions import Versions


class Deployments(Versions, Submit):
    """Durable here before Prefect is told; Prefect is told again until it knows."""
