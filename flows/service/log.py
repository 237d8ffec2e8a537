"""Where a process keeps what a person need not see: `$PENSTOCK_HOME/logs/<name>`, scrubbed, found again by an error's code."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flows.settings import Settings

CLI, APP = "penstock.log", "app.log"


def keep_log(settings: Settings, name: str = CLI) -> None:
    """Send what this process says to that log of its home instead of the terminal: of a command only warnings and errors."""
    import logging

    from flows.logs import keep, own_structlog

    keep(settings, file=settings.home / "logs" / name, level=logging.WARNING if name == CLI else logging.INFO)
    if name != CLI:
        own_structlog()
