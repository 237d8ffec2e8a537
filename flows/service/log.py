"""Where a process keeps what a person need not see: `$PENSTOCK_HOME/logs/<name>`, scrubbed, found again by an error's code."""

from __future__ import annotations

import logging
from io import TextIOWrapper
from pathlib import Path

CLI, APP = "penstock.log", "app.log"


class LateFile(logging.FileHandler):
    """A log file that is made, with its folder, when the first line comes: a command that has nothing to say leaves nothing."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", delay=True)

    def _open(self) -> TextIOWrapper:
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()


def keep_log(home: Path, name: str = CLI) -> None:
    """Send warnings and errors of `penstock.*` to that log of this home instead of the terminal."""
    from flows.run.scrub import Scrubber, ScrubFormatter

    log = logging.getLogger("penstock")
    for old in [h for h in log.handlers if isinstance(h, LateFile)]:
        log.removeHandler(old)
        old.close()
    handler = LateFile(home / "logs" / name)
    handler.setFormatter(ScrubFormatter(Scrubber()))
    log.addHandler(handler)
    log.propagate = False
    logging.raiseExceptions = False  # a log that cannot be written must not write a trace to the terminal


def scrub_all() -> None:
    """Scrub each record of this process where it is made: frameworks have loggers and handlers of their own, some made later."""
    from flows.run.scrub import Scrubber

    scrub, made, trace = Scrubber(), logging.getLogRecordFactory(), logging.Formatter()
    if getattr(made, "scrubs", False):
        return

    def record(*args: object, **options: object) -> logging.LogRecord:
        new = made(*args, **options)
        if new.exc_info and new.exc_info[0]:
            new.exc_text = scrub(trace.formatException(new.exc_info))
        new.msg, new.args = scrub(new.getMessage()), None
        return new

    record.scrubs = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(record)
