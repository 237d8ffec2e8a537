"""Where the command line keeps what a person need not see: `$PENSTOCK_HOME/logs/penstock.log`, found again by an error's code."""

from __future__ import annotations

import logging
from io import TextIOWrapper
from pathlib import Path

NAME = "penstock.log"


class LateFile(logging.FileHandler):
    """A log file that is made, with its folder, when the first line comes: a command that has nothing to say leaves nothing."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", delay=True)

    def _open(self) -> TextIOWrapper:
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()


def keep_log(home: Path) -> None:
    """Send warnings and errors of `penstock.*` to the log of this home instead of the terminal."""
    from flows.run.scrub import Scrubber, ScrubFormatter

    log = logging.getLogger("penstock")
    for old in [h for h in log.handlers if isinstance(h, LateFile)]:
        log.removeHandler(old)
        old.close()
    handler = LateFile(home / "logs" / NAME)
    handler.setFormatter(ScrubFormatter(Scrubber()))
    log.addHandler(handler)
    log.propagate = False
    logging.raiseExceptions = False  # a log that cannot be written must not write a trace to the terminal
